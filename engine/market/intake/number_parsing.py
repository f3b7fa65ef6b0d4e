"""Cells to numbers: exact, vectorised, and with a reason for every cell that is none."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from engine.market.grid import Floats
from engine.market.intake.import_result import AmbiguousColumns, Mask
from engine.market.intake.raw_table import RawTable

MISSING = frozenset({"", "na", "n/a", "#n/a", "#na", "nan", "null", "none", "missing", "-", "--", ".", "?"})
"""Cells that mean "no value" (compared without case and surrounding spaces)."""

NOT_A_NUMBER = "not a number"
FORMULA = "a formula, not a number: export the values"

_PLAIN = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
_PLAIN_COMMA = re.compile(r"[+-]?(\d{1,3}(\.\d{3})+|\d+)?(,\d*)?([eE][+-]?\d+)?")
_THOUSANDS = re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d*)?")
_COMMA_DECIMALS = re.compile(r"[+-]?(\d*,(\d{0,2}|\d{4,})|0,\d+|\d{1,3}(\.\d{3})+,\d+)([eE][+-]?\d+)?%?")
_POINT_DECIMALS = re.compile(r"[+-]?\d{1,3}((,\d{3})+\.\d*|(,\d{3}){2,})%?")


@dataclass(frozen=True, eq=False)
class Numbers:
    """A column read as numbers.

    Args:
        values: ``(n,)``; NaN where missing or bad.
        missing: ``(n,)`` cells that mean "no value".
        bad: ``(n,)`` cells that are neither a number nor missing.
        percent: whether the cells carry percent signs (18.2% is read as 18.2).
    """

    values: Floats
    missing: Mask
    bad: Mask
    percent: bool = False


def parse_numbers(column: Any, decimal: str = ".", allow_percent: bool = False) -> Numbers:
    """Read an Arrow column as numbers; text is parsed exactly (correctly rounded), infinities are bad.

    Args:
        column: text or numbers.
        decimal: "." or ",".
        allow_percent: whether cells may end in a percent sign (all of them, or none).
    """
    if not pa.types.is_string(column.type):
        return _typed(column)
    trimmed = pc.utf8_trim_whitespace(column)
    if decimal == "." and trimmed.null_count == 0:
        try:
            values = pc.cast(trimmed, pa.float64()).to_numpy(zero_copy_only=False)
        except pa.ArrowInvalid:
            pass
        else:
            return _of_floats(values)
    coded = trimmed.dictionary_encode()
    texts = ["" if text is None else text for text in coded.dictionary.to_pylist()]
    percent = allow_percent and sum(text.endswith("%") for text in texts) * 2 > len(texts)
    parsed = [_number(text, decimal, percent) for text in texts]
    table = np.array([*(p if p is not None else np.inf for p in parsed), np.nan])  # the last stands for null
    codes = coded.indices.fill_null(len(texts)).to_numpy(zero_copy_only=False)
    numbers = _of_floats(table[codes])
    return Numbers(numbers.values, numbers.missing, numbers.bad, percent)


def number_fault(text: str) -> str:
    """Why a cell is not a number, in words."""
    text = text.strip()
    if re.fullmatch(r"[+-]?inf(inity)?", text, re.IGNORECASE):
        return "not a finite number"
    if text.startswith(("=", "@")) or re.match(r"[+-]\s*[A-Za-z(]", text):
        return FORMULA
    if text.endswith("%"):
        return "a percent sign where the other cells have none"
    return NOT_A_NUMBER


def decimal_mark(table: RawTable, headings: Sequence[str], given: str | None) -> tuple[str, str | None]:
    """Whether decimals are marked by a point or a comma, decided over all columns of numbers.

    Args:
        table: the file.
        headings: its columns of numbers.
        given: what a person decided, if so.

    Returns:
        The mark, and a note if it is not the point.

    Raises:
        AmbiguousColumns: if every number could be read both ways.
    """
    if given is not None:
        return given, None if given == "." else "decimals are marked by a comma, as asked"
    cells = [table.column(h) for h in headings if pa.types.is_string(table.column(h).type)]
    with_comma = [pc.unique(c.filter(pc.match_substring(c, ",").fill_null(False))).to_pylist() for c in cells]
    texts = [text.strip() for column in with_comma for text in column]
    if not texts:
        return ".", None
    comma = next((text for text in texts if _COMMA_DECIMALS.fullmatch(text)), None)
    point = any(_POINT_DECIMALS.fullmatch(text) for text in texts) or any(
        pc.any(pc.match_substring_regex(c, r"^\s*[+-]?\d*\.(\d{1,2}|\d{4,})\s*$")).as_py() for c in cells
    )
    if comma is not None and not point:
        return ",", f"decimals are marked by a comma, as in {comma[:20]}"
    either = next((text for text in texts if re.fullmatch(r"[+-]?\d{1,3},\d{3}%?", text)), None)
    if comma is not None or point or either is None:
        return ".", None
    raise AmbiguousColumns(
        f"Is the comma in numbers like {either} of {table.file} the decimal mark, or does it separate "
        "thousands? Both readings fit the whole file",
        needed="decimal",
        options=(",", "."),
        columns=table.headings,
        by="option",
        file=table.file,
    )


def _number(text: str, decimal: str, percent: bool) -> float | None:
    """The number; NaN if the cell means "no value", None if it is not a number."""
    if text.lower() in MISSING:
        return np.nan
    text = text.replace("−", "-")  # the typographic minus
    if percent:
        if not text.endswith("%"):
            return None
        text = text[:-1].rstrip()
    if decimal == ",":
        if not any(c.isdigit() for c in text) or not _PLAIN_COMMA.fullmatch(text):
            return float(text) if re.match(_PLAIN, text) else None
        return float(text.replace(".", "").replace(",", "."))
    if "," in text:
        return float(text.replace(",", "")) if _THOUSANDS.fullmatch(text) else None
    return float(text) if re.match(_PLAIN, text) else None


def _typed(column: Any) -> Numbers:
    n = len(column)
    if pa.types.is_null(column.type):
        return Numbers(np.full(n, np.nan), np.ones(n, np.bool_), np.zeros(n, np.bool_))
    if pa.types.is_boolean(column.type) or pa.types.is_date(column.type):
        return Numbers(np.full(n, np.nan), np.zeros(n, np.bool_), np.ones(n, np.bool_))
    return _of_floats(column.cast(pa.float64()).fill_null(np.nan).to_numpy(zero_copy_only=False))


def _of_floats(values: NDArray[np.float64]) -> Numbers:
    bad = np.isinf(values)
    missing = np.isnan(values)
    return Numbers(np.where(bad, np.nan, values) if bad.any() else values, missing, bad)
