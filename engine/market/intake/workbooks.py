"""Excel workbooks: the values of one sheet as rows of cells; of formulas, what Excel last showed."""

from __future__ import annotations

import datetime
import io
import zipfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np

from engine.errors import MarketDataError
from engine.market.intake.result import AmbiguousColumns
from engine.market.intake.tables import MAX_COLUMNS, RawTable, Source, assembled, display_name, opened

_CONTENT = "xl/workbook.xml"
_UNPACKED = 8
"""A workbook may unpack to so many times the largest file."""

_LEAST_ROWS, _LEAST_COLUMNS = 2, 2
"""A sheet with less holds no data."""

_LOOKED_AT = 50


def is_workbook(source: Source) -> bool:
    """Whether a file is an Excel workbook (.xlsx, .xlsm)."""
    try:
        with zipfile.ZipFile(io.BytesIO(source) if isinstance(source, bytes) else Path(source)) as archive:
            return _CONTENT in archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return False


def read_workbook(
    source: Source, name: str | None, *, sheet: str | None, first_rows: int | None, max_bytes: int
) -> RawTable:
    """Read one sheet of a workbook into a table of cells.

    Args:
        source: a path, or the content itself.
        name: what a person calls the file.
        sheet: which sheet; the only one that holds data if not given.
        first_rows: read only so many rows.
        max_bytes: refuse larger files, and those that unpack to several times as much.

    Raises:
        AmbiguousColumns: asking for the sheet, if several hold data.
        MarketDataError: if it is damaged, holds no data, has no such sheet, or exceeds a limit.
    """
    file = display_name(source, name)
    with opened(source, file) as handle:
        size = handle.seek(0, io.SEEK_END)
        if size > max_bytes:
            raise MarketDataError(
                f"expected a file of at most {max_bytes / 1e6:,.0f} MB; found {size / 1e6:,.0f} MB in {file}: split it "
                "by year or save it as Parquet"
            )
        try:
            return _read(handle, file, sheet, first_rows, _UNPACKED * max_bytes)
        except (MarketDataError, MemoryError):
            raise
        except Exception:  # openpyxl and the XML beneath it raise whatever a damaged file makes them stumble over
            raise MarketDataError(
                f"expected an Excel workbook; found one that is damaged or protected by a password, {file}"
            ) from None


def _read(handle: Any, file: str, sheet: str | None, first_rows: int | None, most: int) -> RawTable:
    with zipfile.ZipFile(handle) as archive:
        unpacked = sum(item.file_size for item in archive.infolist())
        if unpacked > most:
            raise MarketDataError(
                f"expected at most {most / 1e6:,.0f} MB once unpacked; found {unpacked / 1e6:,.0f} MB in {file}: split "
                "the file by year"
            )
    import openpyxl  # 0.2 s, for those who need it

    handle.seek(0)
    with closing(openpyxl.load_workbook(handle, read_only=True, data_only=True, keep_links=False)) as book:
        titles = [s.title for s in book.worksheets]
        chosen = _chosen(book, titles, file, sheet)
        table = assembled(_rows(book[chosen], file), file, first_rows)
    return table if len(titles) == 1 else table.noting(f"sheet {chosen[:40]} of {file} is read")


def _chosen(book: Any, titles: list[str], file: str, sheet: str | None) -> str:
    shown = ", ".join(title[:40] for title in titles[:12])
    if sheet is not None:
        found = next((title for title in titles if title.strip().lower() == sheet.strip().lower()), None)
        if found is None:
            raise MarketDataError(f"expected one of {shown} as answer to sheet; found {sheet[:40]!r} for {file}")
        return found
    full = [title for title in titles if _holds_data(book[title], file)]
    if len(full) == 1:
        return full[0]
    if not full:
        raise MarketDataError(f"expected a sheet with a table; found none among {shown} of {file}")
    empty = RawTable(file, (), (), np.zeros(0, dtype=np.int64))
    raise AmbiguousColumns(
        f"Which sheet of {file} is to be read? {len(full)} hold data: {', '.join(title[:40] for title in full[:12])}",
        empty,
        needed="sheet",
        options=full,
        by="option",
        takes="text",
    )


def _holds_data(sheet: Any, file: str) -> bool:
    rows = 0
    for number, (_, cells) in enumerate(_rows(sheet, file)):
        rows += sum(bool(cell.strip()) for cell in cells) >= _LEAST_COLUMNS
        if rows >= _LEAST_ROWS:
            return True
        if number > _LOOKED_AT:
            break
    return False


def _rows(sheet: Any, file: str) -> Iterator[tuple[int, list[str]]]:
    """Row number and cells as text, empty ones at the end cut off; all rows as wide as the widest of the first."""
    if not hasattr(sheet, "iter_rows"):  # a sheet of charts
        return
    width = 0
    for number, row in enumerate(sheet.iter_rows(values_only=True), start=1):
        cells = [_text(value) for value in row]
        while cells and not cells[-1]:
            cells.pop()
        width = max(width, len(cells)) if number <= _LOOKED_AT else width
        if len(cells) > MAX_COLUMNS:
            raise MarketDataError(f"expected at most {MAX_COLUMNS:,} columns; found {len(cells):,} in {file}")
        yield number, cells + [""] * (width - len(cells))


def _text(value: Any) -> str:
    """A cell as a CSV would hold it: days in ISO form, without a time where it is midnight."""
    if value is None:
        return ""
    if isinstance(value, datetime.datetime):
        return value.date().isoformat() if value.time() == datetime.time() else value.isoformat(" ", "seconds")
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return str(value)
