"""Parquet files to a table of cells; nothing in a file is ever unpickled."""

from __future__ import annotations

import re
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from engine.errors import MarketDataError
from engine.market.intake.raw_table import MAX_COLUMNS, MAX_ROWS, RawTable, checked_headings


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
