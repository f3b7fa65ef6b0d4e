"""Symbols of option contracts: what they say about the root, the expiry, call or put, and the strike."""

from __future__ import annotations

import datetime
import re
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa

from engine.market.intake.cells import MISSING, coded_texts
from engine.market.intake.tables import RawTable

_OCC = re.compile(r"(?:O:)?([A-Z.^$/_]{1,9}\d?)\s*(\d{6})([CP])(\d{1,8})(?:\.[A-Z]+)?")
_DASHED = re.compile(
    r"([A-Z0-9]{2,10})(?:[-_]USD[TC]?)?-(?:(\d{6})|(\d{1,2}[A-Z]{3}\d{2})|X)-(\d+(?:[.d]\d+)?)-([CP])(?:-USDT)?"
)
_FITTING = 0.9
"""A column holds contracts if at least this share of its cells do."""


def looks_like_contracts(column: Any) -> bool:
    """Whether the first cells of a column are symbols such as ``SPXW230317C04000000`` or ``BTC-17MAR23-25000-C``."""
    if not pa.types.is_string(column.type):
        return False
    texts = [text for text in coded_texts(column.slice(0, 100))[0] if text.lower() not in MISSING]
    return bool(texts) and sum(_parts(text) is not None for text in texts) >= _FITTING * len(texts)


def with_contract_columns(table: RawTable, heading: str, lacking: list[str]) -> RawTable:
    """The table with columns for what the contracts' symbols say and no other column does.

    Args:
        table: the file.
        heading: the column of symbols.
        lacking: of expiry, type, strike and root, those that are wanted.
    """
    texts, codes = coded_texts(table.column(heading))
    parts = [*(_parts(text) or {} for text in texts), {}]
    for name in lacking:
        if not any(part.get(name) for part in parts):
            continue
        cells = np.array([part.get(name, "") for part in parts], dtype=object)[codes]
        column = pa.array(cells.tolist(), pa.string())
        headings = (*table.headings, f"{name} (of {heading[:60]})")
        table = replace(table, headings=headings, columns=(*table.columns, column))
        if name != "root":
            table = table.noting(f"{name} taken from the contracts' symbols in {heading[:40]}")
    return table


def _parts(text: str) -> dict[str, str] | None:
    text = text.strip().upper()
    if match := _OCC.fullmatch(text):
        strike = float(match[4]) / 1000 if len(match[4]) == 8 else float(match[4])
        return {"root": match[1], "expiry": _day(match[2]), "type": match[3], "strike": f"{strike:g}"}
    if match := _DASHED.fullmatch(text):
        named = "" if match[3] is None else _named_day(match[3])
        expiry = _day(match[2]) if match[2] else named
        return {"root": match[1], "expiry": expiry, "type": match[5], "strike": match[4].lower().replace("d", ".")}
    return None


def _day(text: str) -> str:
    return f"20{text[:2]}-{text[2:4]}-{text[4:]}"


def _named_day(text: str) -> str:
    try:
        return datetime.datetime.strptime(text.title(), "%d%b%y").date().isoformat()
    except ValueError:
        return ""
