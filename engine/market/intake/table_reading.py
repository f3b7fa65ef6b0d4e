"""From bytes to a table of cells: encoding, delimiter, ragged lines and limits; nothing is interpreted here.

CSV cells stay text; Parquet columns keep their types (numbers, dates, text) and nothing in a file is ever unpickled.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from engine.errors import MarketDataError
from engine.market.intake.parquet_reading import read_parquet
from engine.market.intake.raw_table import (
    MAX_BYTES,
    MAX_CELL,
    MAX_ROWS,
    RawTable,
    Source,
    checked_headings,
    display_name,
)

DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "vertical bar"}
"""What may separate columns."""

_CHUNK = 20_000
_SNIFFED = 65_536
_NOT_TEXT = (
    (b"PK\x03\x04", "a zip archive or an Excel workbook (save the sheet as CSV)"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook (save the sheet as CSV)"),
    (b"\x1f\x8b", "a gzip archive (unpack it first)"),
    (b"%PDF", "a PDF"),
    (b"\x89PNG", "a picture"),
    (b"\x89HDF", "an HDF5 file"),
    (b"<!DOCTYPE", "a web page"),
    (b"<html", "a web page"),
    (b"{", "JSON"),
)


def read_table(
    source: Source, name: str | None = None, *, first_rows: int | None = None, max_bytes: int = MAX_BYTES
) -> RawTable:
    """Read a CSV or Parquet file into a table of cells.

    Args:
        source: a path, or the content itself.
        name: what a person calls the file; the path's last part if not given.
        first_rows: read only so many rows, to recognise what the file holds.
        max_bytes: refuse larger files.

    Raises:
        MarketDataError: if there is no such file, it is neither CSV nor Parquet, is empty, has no headings, or
            exceeds a limit.
    """
    file = display_name(source, name)
    with _opened(source, file) as handle:
        size = handle.seek(0, io.SEEK_END)
        handle.seek(0)
        if size == 0:
            raise MarketDataError(f"expected a table with a line of column names; found an empty file, {file}")
        if size > max_bytes:
            raise MarketDataError(
                f"expected a file of at most {max_bytes / 1e6:,.0f} MB; found {size / 1e6:,.0f} MB in {file}: split it "
                "by year or save it as Parquet (files too big to upload can lie in the folder named by SCENARIST_DATA)"
            )
        head = handle.read(_SNIFFED)
        handle.seek(0)
        if head.startswith(b"PAR1"):
            return read_parquet(handle, file, first_rows, max_bytes)
        return _read_text(handle, head, file, first_rows)


@contextmanager
def _opened(source: Source, file: str) -> Iterator[BinaryIO]:
    if isinstance(source, bytes):
        yield io.BytesIO(source)
        return
    path = Path(source)
    if not path.is_file():
        raise MarketDataError(f"expected a file; found none at {str(path)[-200:]!r}")
    try:
        handle = path.open("rb")
    except OSError as error:
        raise MarketDataError(f"expected a readable file; found {error.strerror} for {file}") from None
    with handle:
        yield handle


# --- CSV ----------------------------------------------------------------------------------------------------------


def _read_text(handle: BinaryIO, head: bytes, file: str, first_rows: int | None) -> RawTable:
    encodings = _encodings(head, file)
    for encoding in encodings:
        handle.seek(0)
        text = io.TextIOWrapper(handle, encoding=encoding, newline="")
        try:
            table = _parse(text, head.decode(encoding, errors="ignore"), file, first_rows)
        except UnicodeDecodeError:
            continue
        except csv.Error as error:
            raise MarketDataError(
                f"expected rows of cells; found {error} in {file} (a quote that is never closed?)"
            ) from None
        finally:
            text.detach()
        if encoding in ("cp1252", "latin-1"):
            return table.noting("the text is not UTF-8; it was read as Western European (Windows-1252)")
        return table if encoding.startswith("utf-8") else table.noting("the text was read as UTF-16")
    raise MarketDataError(f"expected text in UTF-8, UTF-16 or Latin-1; found other bytes in {file}")


def _encodings(head: bytes, file: str) -> tuple[str, ...]:
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return ("utf-16",)
    for magic, what in _NOT_TEXT:
        if head.removeprefix(b"\xef\xbb\xbf").lstrip()[:16].lower().startswith(magic.lower()):
            raise MarketDataError(f"expected a CSV or Parquet file; found {what}, {file}")
    if head.count(0) > len(head) // 4:
        odd, even = head[1::2].count(0), head[0::2].count(0)
        if min(odd, even) * 20 < max(odd, even):
            return ("utf-16-le",) if odd > even else ("utf-16-be",)
    if any(byte < 9 or 13 < byte < 32 for byte in head):
        raise MarketDataError(f"expected a CSV or Parquet file; found one that is not text, {file}")
    return ("utf-8-sig", "cp1252", "latin-1")


def _parse(text: io.TextIOWrapper, head: str, file: str, first_rows: int | None) -> RawTable:
    delimiter, skipped = _delimiter(head.lstrip("\ufeff"), file)
    reader = csv.reader(text, delimiter=delimiter)
    heading_row: list[str] = []
    while not any(cell.strip(" \t\ufeff") for cell in heading_row) or skipped > 0:
        skipped -= 1 if any(heading_row) else 0
        try:
            heading_row = next(reader)
        except StopIteration:
            raise MarketDataError(f"expected a line of column names; found only empty lines in {file}") from None
    heading_line = reader.line_num
    headings = checked_headings(heading_row, file)
    cells = _Cells(len(headings), headings, file)
    cells.read(reader, first_rows)
    if any(re.fullmatch(r"column \d+", h) for h in headings):  # a delimiter at the end of every line
        empty = [i for i, h in enumerate(headings) if h.startswith("column ") and cells.is_blank(i)]
    else:
        empty = []
    keep = [i for i in range(len(headings)) if i not in empty]
    notes = [] if delimiter == "," else [f"columns are separated by a {DELIMITERS[delimiter]}"]
    if cells.blank:
        notes.append(f"lines of empty cells skipped: {cells.blank:,}")
    return RawTable(
        file=file,
        headings=tuple(headings[i] for i in keep),
        columns=tuple(cells.column(i) for i in keep),
        lines=np.array(cells.lines, dtype=np.int64),
        heading_line=heading_line,
        ragged_lines=cells.ragged_lines,
        ragged_values=cells.ragged_values,
        ragged_reasons=cells.ragged_reasons,
        notes=tuple(notes),
    )


class _Cells:
    """Collects rows into columns, a chunk at a time, and checks the limits."""

    def __init__(self, width: int, headings: Sequence[str], file: str) -> None:
        self.width, self.headings, self.file = width, headings, file
        self.lines: list[int] = []
        self.blank = 0
        self.ragged_lines: list[int] = []
        self.ragged_values: list[str] = []
        self.ragged_reasons: list[str] = []
        self._chunks: list[list[Any]] = [[] for _ in range(width)]

    def read(self, reader: Any, first_rows: int | None) -> None:
        rows: list[list[str]] = []
        before = reader.line_num
        for row in reader:
            line, before = before + 1, reader.line_num
            if len(row) != self.width or not row[0]:
                fitted = self._fitted(row, line)
                if fitted is None:
                    continue
                row = fitted
            rows.append(row)
            self.lines.append(line)
            if len(rows) == _CHUNK:
                self._store(rows)
                rows = []
            if len(self.lines) == first_rows:
                break
        self._store(rows)

    def column(self, index: int) -> Any:
        chunks = self._chunks[index]
        return pa.concat_arrays(chunks) if chunks else pa.array([], pa.string())

    def is_blank(self, index: int) -> bool:
        return all(pc.max(pc.utf8_length(chunk)).as_py() == 0 for chunk in self._chunks[index])

    def _fitted(self, row: list[str], line: int) -> list[str] | None:
        if not any(cell.strip() for cell in row):
            self.blank += 1 if row else 0
            return None
        if len(row) == self.width:
            return row
        if len(row) > self.width and not any(row[self.width :]):
            return row[: self.width]
        self.ragged_lines.append(line)
        self.ragged_values.append(",".join(row)[:80])
        self.ragged_reasons.append(f"expected {self.width} cells in the row; found {len(row)}")
        return None

    def _store(self, rows: list[list[str]]) -> None:
        if not rows:
            return
        if len(self.lines) > MAX_ROWS:
            raise MarketDataError(
                f"expected at most {MAX_ROWS:,} rows; found more in {self.file}: split the file by year"
            )
        first_line = len(self.lines) - len(rows)
        for index, cells in enumerate(zip(*rows, strict=True)):
            chunk = pa.array(cells, pa.string())
            lengths = pc.utf8_length(chunk)
            if pc.max(lengths).as_py() > MAX_CELL:
                at = int(np.argmax(lengths.to_numpy(zero_copy_only=False)))
                raise MarketDataError(
                    f"expected cells of at most {MAX_CELL:,} characters; found {lengths[at].as_py():,} in line "
                    f"{self.lines[first_line + at]} of {self.file} (a quote that is never closed?)"
                )
            self._chunks[index].append(chunk)


def _delimiter(head: str, file: str) -> tuple[str, int]:
    """The delimiter, and the number of lines before the headings."""
    lines = [line for line in head.splitlines() if line.strip()]
    if len(head) >= _SNIFFED // 4 and len(lines) > 1:
        lines = lines[:-1]  # the last one may be cut
    if not lines:
        raise MarketDataError(f"expected a line of column names; found only empty lines in {file}")
    declared = re.fullmatch(r"\"?sep=([,;\t|])\"?", lines[0].strip())  # Excel writes this
    if declared:
        return declared[1], 1
    best = max(DELIMITERS, key=lambda d: _fit(lines[:20], d))
    if _fit(lines[:20], best)[1] < 2:
        raise MarketDataError(
            f"expected columns separated by a comma, semicolon, tab or vertical bar; found one column, "
            f"{lines[0][:60]!r}, in {file}"
        )
    return best, 0


def _fit(lines: Sequence[str], delimiter: str) -> tuple[bool, int]:
    try:
        widths = [len(row) for row in csv.reader(lines, delimiter=delimiter)]
    except csv.Error:
        return False, 0
    alike = sum(width == widths[0] for width in widths)
    return widths[0] > 1 and alike >= 0.5 * len(widths), widths[0]
