"""The cells of a file before anything is interpreted, and the limits that every file is held to."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from engine.errors import MarketDataError

MAX_BYTES = 500_000_000
"""Largest file read (uploads have their own, smaller limit)."""

MAX_ROWS = 5_000_000
"""Most rows of a file."""

MAX_COLUMNS = 4_000
"""Most columns of a file."""

MAX_CELL = 1_000
"""Longest cell, in characters; a longer one is usually an unclosed quote."""

MAX_HEADING = 200
"""Longest heading, in characters."""

Source = str | Path | bytes
"""A path, or the content of a file itself."""


@dataclass(frozen=True, eq=False)
class RawTable:
    """The cells of a file.

    Args:
        file: the file's name for people: its last part, without control characters.
        headings: distinct column names.
        columns: one Arrow array per heading, all of one length.
        lines: ``(n,)`` line number of each row in the file, the heading line being line 1 (rows of a Parquet file
            are numbered as if it were a CSV).
        heading_line: line number of the headings.
        ragged_lines, ragged_values, ragged_reasons: rows with a wrong number of cells.
        notes: what was decided on the way.
    """

    file: str
    headings: tuple[str, ...]
    columns: tuple[Any, ...]
    lines: NDArray[np.int64]
    heading_line: int = 1
    ragged_lines: Sequence[int] = ()
    ragged_values: Sequence[str] = ()
    ragged_reasons: Sequence[str] = ()
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.lines)

    def column(self, heading: str) -> Any:
        """The cells below a heading."""
        return self.columns[self.headings.index(heading)]

    def texts(self, heading: str, rows: Sequence[int] | NDArray[np.intp] | None = None) -> list[str]:
        """Cells as text, cut to 80 characters; missing ones as empty text."""
        cells = self.column(heading)
        taken = cells if rows is None else cells.take(pa.array(np.asarray(rows, dtype=np.int64)))
        return ["" if cell is None else str(cell)[:80] for cell in taken.to_pylist()]

    def renamed(self, headings: Sequence[str]) -> RawTable:
        """The same cells under other headings."""
        return replace(self, headings=tuple(headings))

    def only(self, headings: Sequence[str]) -> RawTable:
        """Some of the columns."""
        return replace(self, headings=tuple(headings), columns=tuple(self.column(h) for h in headings))

    def noting(self, note: str) -> RawTable:
        """The same with one more note."""
        return replace(self, notes=(*self.notes, note))


def display_name(source: Source, name: str | None = None) -> str:
    """The last part of a file's name without control characters, at most 80 characters."""
    given = name if name is not None else ("the file" if isinstance(source, bytes) else str(source))
    last = re.split(r"[/\\]", given.strip())[-1]
    return "".join(c for c in last if c.isprintable())[:80] or "the file"


def checked_headings(row: Sequence[str], file: str) -> list[str]:
    """Trimmed, distinct headings; one without a name is called after its position.

    Raises:
        MarketDataError: if there are too many, one is too long, or they are values rather than names.
    """
    if len(row) > MAX_COLUMNS:
        raise MarketDataError(f"expected at most {MAX_COLUMNS:,} columns; found {len(row):,} in {file}")
    named = [" ".join(cell.replace("\ufeff", "").split()) for cell in row]
    longest = max(named, key=len)
    if len(longest) > MAX_HEADING:
        raise MarketDataError(
            f"expected column names of at most {MAX_HEADING} characters; found {len(longest):,}, "
            f"beginning {longest[:40]!r}, in {file}"
        )
    if all(re.fullmatch(r"[-+]?[\d.,:/ %eE-]*\d[\d.,:/ TZ%-]*", cell) for cell in named if cell):
        raise MarketDataError(f"expected column names in the first line; found {','.join(named)[:60]!r} in {file}")
    return _distinct(named)


def _distinct(named: Sequence[str]) -> list[str]:
    seen: set[str] = set()
    distinct = []
    for number, heading in enumerate(named, start=1):
        unique = heading or f"column {number}"
        if unique in seen:
            unique = f"{heading} (column {number})"
        seen.add(unique)
        distinct.append(unique)
    return distinct
