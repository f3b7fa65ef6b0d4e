"""From bytes to a table of cells: encoding, delimiter, lines above the headings, ragged lines, Parquet, limits.

CSV cells stay text; Parquet columns keep their types (numbers, dates, text) and nothing in a file is ever unpickled or
interpreted here.
"""

from __future__ import annotations

import csv
import io
import itertools
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from engine.errors import MarketDataError
from engine.market.intake.profiles import Profile, profile_of
from engine.market.intake.vocabulary import KNOWN, point_of, squashed

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
        above: the lines above the headings, blank ones left out.
        levels: for headings of several lines, the cells above each column, the uppermost first; else empty.
        decided: roles that a person gave a column.
        profile: the vendor's format that the headings belong to, if one is known.
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
    above: tuple[tuple[str, ...], ...] = ()
    levels: tuple[tuple[str, ...], ...] = ()
    decided: frozenset[str] = frozenset()
    profile: Profile | None = None

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

    def where(self, mask: NDArray[np.bool_]) -> RawTable:
        """Some of the rows."""
        kept = pa.array(mask)
        return replace(self, columns=tuple(column.filter(kept) for column in self.columns), lines=self.lines[mask])

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
    named = [re.sub(r"^\[(.*)\]$", r"\1", " ".join(cell.replace("\ufeff", "").split())) for cell in row]
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


def read_parquet(handle: BinaryIO, file: str, first_rows: int | None, max_bytes: int) -> RawTable:
    """Read flat columns of numbers, text and dates; others are left out and named in a note.

    Args:
        handle: the open file.
        file: its name for people.
        first_rows: read only so many rows.
        max_bytes: four times as much is allowed once unpacked.

    Raises:
        MarketDataError: if the file is damaged or exceeds a limit.
    """
    try:
        parquet = pq.ParquetFile(handle)
        meta = parquet.metadata
        groups = [meta.row_group(i) for i in range(meta.num_row_groups)]
        unpacked = sum(group.total_byte_size for group in groups)
        _check_parquet(file, meta.num_rows, len(parquet.schema_arrow.names), unpacked, 4 * max_bytes)
        if first_rows is None:
            content = parquet.read()
        else:
            batches = list(parquet.iter_batches(batch_size=first_rows))[:1] if meta.num_rows else []
            content = pa.Table.from_batches(batches, schema=parquet.schema_arrow)
        content.validate(full=True)  # text that is not UTF-8, offsets that point nowhere
        flat_columns = [_flat(column.combine_chunks()) for column in content.columns]
    except MarketDataError:
        raise
    except (pa.ArrowException, OSError, ValueError, TypeError, KeyError, OverflowError):
        raise MarketDataError(f"expected a Parquet file; found one that is damaged or cut short, {file}") from None
    headings = checked_headings([re.sub(r"^__index_level_\d+__$", "", name) for name in content.column_names], file)
    columns, kept, left_out = [], [], []
    for heading, flat in zip(headings, flat_columns, strict=True):
        if flat is None:
            left_out.append(heading)
            continue
        columns.append(flat)
        kept.append(heading)
    notes = (f"columns left out, being neither numbers, text nor dates: {', '.join(left_out)[:200]}",)
    return RawTable(
        file=file,
        headings=tuple(kept),
        columns=tuple(columns),
        lines=np.arange(2, content.num_rows + 2, dtype=np.int64),
        notes=notes if left_out else (),
        profile=profile_of(kept),
    )


def _check_parquet(file: str, rows: int, columns: int, unpacked: int, most: int) -> None:
    if columns > MAX_COLUMNS:
        raise MarketDataError(f"expected at most {MAX_COLUMNS:,} columns; found {columns:,} in {file}")
    if rows > MAX_ROWS:
        raise MarketDataError(f"expected at most {MAX_ROWS:,} rows; found {rows:,} in {file}: split the file by year")
    if unpacked > most:
        raise MarketDataError(
            f"expected at most {most / 1e6:,.0f} MB once unpacked; found {unpacked / 1e6:,.0f} MB in {file}: "
            "split the file by year"
        )


def _flat(column: Any) -> Any:
    """A column as text, number or day; None if it is of another type."""
    if isinstance(column, pa.ChunkedArray):
        column = pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)
    kind = column.type
    if pa.types.is_dictionary(kind):
        return _flat(column.cast(kind.value_type))
    if pa.types.is_timestamp(kind):
        return (pc.local_timestamp(column) if kind.tz else column).cast(pa.date32(), safe=False)
    if pa.types.is_date(kind):
        return column.cast(pa.date32())
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return column.cast(pa.string())
    if pa.types.is_integer(kind) or pa.types.is_boolean(kind) or pa.types.is_null(kind):
        return column
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return column.cast(pa.float64())
    return None


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
    with opened(source, file) as handle:
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
def opened(source: Source, file: str) -> Iterator[BinaryIO]:
    """The content of a file, open.

    Raises:
        MarketDataError: if there is no such file, or it cannot be read.
    """
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
    rows = _numbered(csv.reader(text, delimiter=delimiter, skipinitialspace=True))
    while skipped and any(cell.strip(" \t\ufeff") for cell in next(rows)[1]):
        skipped -= 1
    table = assembled(rows, file, first_rows)
    note = () if delimiter == "," else (f"columns are separated by a {DELIMITERS[delimiter]}",)
    return replace(table, notes=(*note, *table.notes))


def _numbered(reader: Any) -> Iterator[tuple[int, list[str]]]:
    """Rows with the number of the line that they begin on."""
    before = reader.line_num
    for row in reader:
        yield before + 1, row
        before = reader.line_num


def assembled(rows: Iterator[tuple[int, list[str]]], file: str, first_rows: int | None = None) -> RawTable:
    """A table from rows of cells: lines above the headings, headings of one or several lines, and what is below.

    Args:
        rows: line number and cells of each row, blank rows included.
        file: the file's name for people.
        first_rows: read only so many rows below the headings.

    Raises:
        MarketDataError: if there are no headings, or a limit is exceeded.
    """
    first = list(itertools.islice(rows, _LOOKED_AT))
    first = [(line, [cell.replace("\ufeff", "") for cell in row] if i == 0 else row) for i, (line, row) in
             enumerate(first)]  # fmt: skip
    if not any(cell.strip() for _, row in first for cell in row):
        raise MarketDataError(f"expected a line of column names; found only empty lines in {file}")
    layout = _layout([row for _, row in first])
    heading_rows = [row for _, row in first[layout.top : layout.bottom + 1]]
    names, levels = _joined_headings(heading_rows)
    headings = checked_headings(names, file)
    cells = _Cells(len(headings), headings, file)
    cells.read(itertools.chain(first[layout.bottom + 1 :], rows), first_rows)
    if any(re.fullmatch(r"column \d+", h) for h in headings):  # a delimiter at the end of every line
        empty = [i for i, h in enumerate(headings) if h.startswith("column ") and cells.is_blank(i)]
    else:
        empty = []
    keep = [i for i in range(len(headings)) if i not in empty]
    above = [tuple(cell.strip() for cell in row) for _, row in first[: layout.top] if any(c.strip() for c in row)]
    notes = []
    if above:
        notes.append(f"the headings of {file} are in line {first[layout.top][0]}; lines above it: {len(above)}")
    if levels:
        notes.append(f"the headings of {file} take {len(heading_rows)} lines, read together, as in {headings[-1][:60]}")
    if cells.blank:
        notes.append(f"lines of empty cells skipped: {cells.blank:,}")
    return RawTable(
        file=file,
        headings=tuple(headings[i] for i in keep),
        columns=tuple(cells.column(i) for i in keep),
        lines=np.array(cells.lines, dtype=np.int64),
        heading_line=first[layout.bottom][0],
        ragged_lines=cells.ragged_lines,
        ragged_values=cells.ragged_values,
        ragged_reasons=cells.ragged_reasons,
        notes=tuple(notes),
        above=tuple(above),
        levels=tuple(levels[i] for i in keep) if levels else (),
        profile=profile_of(headings),
    )


# --- where the headings are -------------------------------------------------------------------------------------------

_LOOKED_AT = 100
_VALUE = re.compile(
    r"[-+(]?\s*[$€£¥]?\s*[-+]?[\d\s.,']*\d[\d\s.,']*(e[-+]?\d+)?\s*[%)]?"  # a number
    r"|\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}([T ].*)?"  # a date
    r"|((mon|tue|wed|thu|fri|sat|sun)[a-z]*,?\s+)?(\d{1,2}[-/. ]*)?"
    r"(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*[-/., ]*\d{1,4}([-/., ]+\d{2,4})?([T ].*)?",
    re.IGNORECASE,
)
_LEVEL_NAMES = {"", "ticker", "tickers", "symbol", "symbols", "price", "attributes", "field", "fields"}


@dataclass(frozen=True)
class _Layout:
    """Which rows of the beginning of a file are the headings: from ``top`` to ``bottom``."""

    top: int
    bottom: int


def _layout(rows: Sequence[list[str]]) -> _Layout:
    """Find the headings: the row of known words above the body, which is where columns of values begin."""
    filled = [sum(bool(cell.strip()) for cell in row) for row in rows]
    start = next(i for i, n in enumerate(filled) if n)
    if start + 1 == len(rows):
        return _Layout(start, start)
    values = [[bool(_VALUE.fullmatch(cell.strip()[:60])) for cell in row] for row in rows]
    body = _body(rows, values, start)
    above = [i for i in range(start, body) if filled[i]]
    if not above:
        return _Layout(start, start)
    words = {i: sum(_is_known(cell) for cell in rows[i]) for i in above}
    best = max(above, key=lambda i: (filled[i] > 1, words[i], filled[i], -i))
    if not words[best] and filled[above[0]] >= max(filled[i] for i in above):
        best = above[0]
    bottom = best
    while bottom + 1 < body and _continues(rows[bottom + 1], values[bottom + 1], len(rows[best])):
        bottom += 1
    top = best
    names = [squashed(cell) for cell in rows[best][1:] if cell.strip()]
    repeated = bottom > best or len(set(names)) < len(names)
    if best > start and repeated and _is_upper(rows[best - 1], values[best - 1], len(rows[best])):
        top -= 1
    return _Layout(top, bottom)


def _body(rows: Sequence[list[str]], values: Sequence[list[bool]], start: int) -> int:
    """The first row whose cells are values in the columns where those of the later rows are."""
    later = range(start + 1 + (len(rows) - start - 1) // 2, len(rows))
    width = max((len(rows[i]) for i in later), default=0)
    typed = []
    for j in range(width):
        there = [values[i][j] for i in later if len(rows[i]) > j and rows[i][j].strip()]
        if there and 2 * sum(there) > len(there):
            typed.append(j)
    usual = int(np.median([len(rows[i]) for i in later])) if later else 0
    for i in range(start, len(rows)):
        if 4 * len(rows[i]) < 3 * usual:
            continue
        cells = [values[i][j] for j in typed if j < len(rows[i]) and rows[i][j].strip()]
        if 2 * len(cells) >= len(typed) and cells and cells[0] and 2 * sum(cells) >= len(cells):
            return i
    return start + 1


def _is_known(cell: str) -> bool:
    name = squashed(cell)
    return name in KNOWN or (bool(name) and point_of(cell) is not None)


def _continues(row: list[str], values: list[bool], width: int) -> bool:
    """Whether a row below the headings belongs to them: it names only the index, or a ticker for each column."""
    rest = [cell.strip() for cell in row[1:]]
    if len(row) != width or width < 2 or any(values):
        return False
    if not any(rest):
        return squashed(row[0]) in KNOWN
    return all(rest) and squashed(row[0]) in _LEVEL_NAMES


def _is_upper(row: list[str], values: list[bool], width: int) -> bool:
    """Whether a row above the headings groups their columns."""
    filled = [cell.strip() for cell in row if cell.strip()]
    words = {cell.lower() for cell in filled}
    plain = not any(values) and not any(":" in cell for cell in filled)
    return plain and len(row) == width and len(filled) > 1 and not words <= {"calls", "puts", "call", "put"}


def _joined_headings(rows: Sequence[list[str]]) -> tuple[list[str], list[tuple[str, ...]]]:
    """One name a column, and the cells of all levels if there are several."""
    if len(rows) == 1:
        return rows[0], []
    filled = []
    for row in rows:
        known, cells = "", []
        for cell in row:
            known = cell.strip() or known
            cells.append(known)
        filled.append(cells if any(cell.strip() for cell in row[1:]) else [row[0].strip()] + [""] * (len(row) - 1))
    filled[-1] = [cell.strip() for cell in rows[-1]]
    only_index = next((row[0].strip() for row in rows[1:] if not any(cell.strip() for cell in row[1:])), None)
    levels = [tuple(" ".join(row[j].split()) for row in filled if row[j]) for j in range(len(rows[0]))]
    index = only_index if only_index is not None else next((c for c in (row[0].strip() for row in rows) if c), "")
    levels[0] = (index,)
    return [" ".join(level) for level in levels], levels


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

    def read(self, numbered: Iterator[tuple[int, list[str]]], first_rows: int | None) -> None:
        rows: list[list[str]] = []
        for line, row in numbered:
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
    best = max(DELIMITERS, key=lambda d: _fit(lines[:60], d))
    if _fit(lines[:60], best) <= 1:
        raise MarketDataError(
            f"expected columns separated by a comma, semicolon, tab or vertical bar; found one column, "
            f"{lines[0][:60]!r}, in {file}"
        )
    return best, 0


def _fit(lines: Sequence[str], delimiter: str) -> float:
    """How many columns a delimiter makes, times the share of lines on which it makes so many."""
    try:
        widths = [len(row) for row in csv.reader(lines, delimiter=delimiter, skipinitialspace=True)]
    except csv.Error:
        return 0.0
    return max(width * widths.count(width) / len(widths) for width in set(widths))
