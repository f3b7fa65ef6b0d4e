"""The door through which files come in: CSV, Parquet and Excel to surfaces, quotes, prices, series and sector maps.

Every reader recognises headings, encodings, delimiters, dates and units over the whole file, says what it decided in
``notes``, lists every row that it rejects with its line and the reason, and asks (:class:`AmbiguousColumns`) where a
guess could be wrong. The formats are described in ``docs/data_formats.md``.

Example:
    >>> surfaces = read_surfaces("surfaces.csv")  # doctest: +SKIP
    >>> surfaces.data.grid, len(surfaces.rejected), surfaces.notes  # doctest: +SKIP
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import numpy as np
import pandas as pd

from engine.errors import MarketDataError
from engine.market.intake import plausibility
from engine.market.intake.columns import assign, recognise_table, with_mapping
from engine.market.intake.prices import read_price_tables, read_sector_table
from engine.market.intake.quotes import read_quote_table
from engine.market.intake.result import KINDS, AmbiguousColumns, Closes, Imported, Reading, joined
from engine.market.intake.surfaces import read_long, read_wide
from engine.market.intake.tables import MAX_BYTES, RawTable, Source, display_name, read_table
from engine.market.intake.vocabulary import surface_points
from engine.market.intake.workbooks import is_workbook, read_workbook
from engine.market.price_history import PriceHistory
from engine.market.quotes import OptionQuotes
from engine.market.surface_history import SurfaceHistory

Sources = Source | Sequence[Source]

_SAMPLE = 200


P = ParamSpec("P")
R = TypeVar("R")


def _settled(reader: Callable[P, R]) -> Callable[P, R]:
    """A reader that says so if an answer does not settle the question it was given to, instead of asking it again."""

    @functools.wraps(reader)
    def reading(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return reader(*args, **kwargs)
        except AmbiguousColumns as question:
            options = {k: v for k, v in kwargs.items() if k not in ("name", "names", "max_bytes", "kind")}
            given = kwargs.get("kind") if question.by == "kind" else Reading.of(options).answer(question.needed)
            if given is None:
                raise
            told = {"day": "a day such as 2026-01-30", "number": "a number"}.get(question.takes, "another answer")
            listed = f"one of {', '.join(option[:30] for option in question.options[:8])}" if question.options else ""
            expected = " or ".join(filter(None, (listed, told if question.takes or not listed else "")))
            raise MarketDataError(
                f"expected {expected} as answer to {question.needed}; found {str(given)[:40]!r}, which does not settle "
                f"it: {question.question}"
            ) from None

    return reading


@_settled
def read_surfaces(
    path: Sources, *, names: Sequence[str] | None = None, max_bytes: int = MAX_BYTES, **options: Any
) -> Imported[SurfaceHistory]:
    """Daily implied volatility surfaces, wide or long.

    Args:
        path: a file, its content, or several: files of the same grid are put together in time, and a file with a VIX
            series gives its values to the days.
        names: what a person calls the files, if not by their path.
        max_bytes: refuse larger files.
        **options: decisions, see :class:`~engine.market.intake.result.Reading`.

    Raises:
        AmbiguousColumns: if a question has to be answered first.
        MarketDataError: if the file cannot be used; one sentence.
    """
    reading = Reading.of(options)
    own, beside = _parted(_tables(path, names, max_bytes, reading), "surfaces")
    mapped = [_mapped(table, reading) for table in own]
    spotless = [t for t in mapped if "spot" not in assign(t, "surfaces", ("date", "spot"))]
    closes = _closes([t for t in beside if "VIX" not in t.file.upper()]) if spotless else None
    parts = [read_wide(t, reading) if surface_points(t.headings) else read_long(t, reading, closes) for t in mapped]
    result = parts[0] if len(parts) == 1 else _concatenated(parts, own)
    for table in beside if closes is None else [t for t in beside if "VIX" in t.file.upper()]:
        result = _with_vix(result, table)
    return plausibility.of_surfaces(result, reading)


@_settled
def read_quotes(
    path: Sources, *, names: Sequence[str] | None = None, max_bytes: int = MAX_BYTES, **options: Any
) -> Imported[OptionQuotes]:
    """Option quotes of one or more days.

    Args:
        path: a file, its content, or several: quotes are put together, and a file of daily closes of the underlying
            serves quotes that come without a spot price.
        names: what a person calls the files, if not by their path.
        max_bytes: refuse larger files.
        **options: decisions, see :class:`~engine.market.intake.result.Reading`; ``spot=2859.53`` gives the
            underlying price of quotes that come without one.

    Raises:
        AmbiguousColumns: if a question has to be answered first.
        MarketDataError: if the file cannot be used; one sentence.
    """
    reading = Reading.of(options)
    own, beside = _parted(_tables(path, names, max_bytes, reading), "quotes")
    closes = _closes(beside)
    parts = [
        plausibility.of_quotes(read_quote_table(mapped, reading, closes), reading, mapped)
        for mapped in (_mapped(t, reading) for t in own)
    ]
    if len(parts) == 1:
        return parts[0]
    together = pd.concat([part.data.table for part in parts], ignore_index=True)
    data = OptionQuotes(together.sort_values("date", kind="stable", ignore_index=True))
    notes, doubts = (tuple(s for p in parts for s in getattr(p, name)) for name in ("notes", "doubts"))
    return Imported(data, joined([p.rejected for p in parts]), notes, "quotes", doubts)


@_settled
def read_prices(
    path: Sources, *, names: Sequence[str] | None = None, max_bytes: int = MAX_BYTES, **options: Any
) -> Imported[PriceHistory]:
    """Daily prices of one or many tickers.

    Args:
        path: a file, its content, or several: one file per ticker (the ticker comes from the file's name), and a sector
            map beside them.
        names: what a person calls the files, if not by their path.
        max_bytes: refuse larger files.
        **options: decisions, see :class:`~engine.market.intake.result.Reading`.

    Raises:
        AmbiguousColumns: if a question has to be answered first.
        MarketDataError: if the file cannot be used; one sentence.
    """
    reading = Reading.of(options)
    tables = _tables(path, names, max_bytes, reading)
    maps = [t for t in tables if len(tables) > 1 and _kind_or_none(t) == "sectors"]
    prices = [_mapped(t, reading) for t in tables if t not in maps]
    if not prices:
        raise MarketDataError("expected at least one file of prices beside the sector map; found none")
    result = read_price_tables(prices, reading)
    for table in maps:
        sectors = read_sector_table(table, Reading())
        unknown = [t for t in sectors.data if t not in result.data.tickers]
        note = f"sectors of {len(sectors.data) - len(unknown)} of {len(result.data.tickers)} tickers from {table.file}"
        history = replace(result.data, sector_of={**result.data.sector_of, **sectors.data})
        rejected = joined([result.rejected, sectors.rejected])
        result = Imported(history, rejected, (*result.notes, *sectors.notes, note), "prices")
    return plausibility.of_prices(result, reading)


@_settled
def read_series(
    path: Source, *, name: str | None = None, max_bytes: int = MAX_BYTES, **options: Any
) -> Imported[PriceHistory]:
    """A single index series (the VIX, an index): ``date`` and a value, or daily OHLC; a history of one ticker.

    Raises:
        AmbiguousColumns: if a question has to be answered first.
        MarketDataError: if the file cannot be used; one sentence.
    """
    reading = Reading.of(options)
    table = _mapped(_table(path, name, reading, max_bytes=max_bytes), reading)
    result = read_price_tables([table], reading, kind="series")
    _single(result, table.file, "the series")
    return plausibility.of_prices(result, reading)


@_settled
def read_sectors(
    path: Source, *, name: str | None = None, max_bytes: int = MAX_BYTES, **options: Any
) -> Imported[dict[str, str]]:
    """A sector map: ticker → ticker of its sector ETF.

    Raises:
        AmbiguousColumns: if a question has to be answered first.
        MarketDataError: if the file cannot be used; one sentence.
    """
    reading = Reading.of(options)
    return read_sector_table(_mapped(_table(path, name, reading, max_bytes=max_bytes), reading), reading)


def read(
    kind: str, paths: Sources, *, names: Sequence[str] | None = None, max_bytes: int = MAX_BYTES, **options: Any
) -> Imported[Any]:
    """Read files as one kind; the same as the reader of that name, and answers that are not about it are named.

    Raises:
        AmbiguousColumns: if a question has to be answered first.
        MarketDataError: if the files cannot be used; one sentence.
    """
    options.pop("kind", None)
    several: dict[str, Any] = {"surfaces": read_surfaces, "quotes": read_quotes, "prices": read_prices}
    if kind not in KINDS:
        raise MarketDataError(f"expected a kind among {', '.join(KINDS)}; found {kind[:40]!r}")
    if kind in several:
        found: Imported[Any] = several[kind](paths, names=names, max_bytes=max_bytes, **options)
    else:
        sources = _listed(paths)
        if len(sources) != 1:
            raise MarketDataError(f"expected one file for {kind}; found {len(sources)}")
        reader: Any = read_series if kind == "series" else read_sectors
        found = reader(sources[0], name=names[0] if names else None, max_bytes=max_bytes, **options)
    idle = [name for name in _ONLY_FOR if kind not in _ONLY_FOR[name] and Reading.of(options).answer(name) is not None]
    return found.noting(*(f"the answer {name}={options[name]} is not about {kind} and was not used" for name in idle))


_ONLY_FOR = {
    "iv_unit": ("surfaces", "quotes"),
    "rate_unit": ("surfaces",),
    "maturity_unit": ("surfaces",),
    "moneyness": ("surfaces",),
    "price_unit": ("quotes",),
    "spot": ("surfaces", "quotes"),
    "underlying": ("surfaces", "quotes"),
}
"""Options that mean something for some kinds only."""


@_settled
def read_any(path: Source, *, name: str | None = None, kind: str | None = None, **options: Any) -> Imported[Any]:
    """Recognise what a file holds unless it is said, and read it.

    Raises:
        AmbiguousColumns: if a question has to be answered first.
        MarketDataError: if the file cannot be used; one sentence.
    """
    names = [name] if name is not None else None
    return read(kind or recognise(path, name=name, **options), path, names=names, **options)


def recognise(path: Source, *, name: str | None = None, **options: Any) -> str:
    """What a file holds, one of ``KINDS``, from its headings and first rows.

    Args:
        path: a path, or the content itself.
        name: what a person calls the file.
        **options: decisions, see :class:`~engine.market.intake.result.Reading`.

    Raises:
        AmbiguousColumns: if its headings do not say.
        MarketDataError: if it is no table.
    """
    reading = Reading.of(options)
    return recognise_table(_mapped(_table(path, name, reading, first_rows=_SAMPLE), reading))


def recognise_together(paths: Sequence[Source], *, names: Sequence[str] | None = None, **options: Any) -> str:
    """What several files hold together: surfaces with a VIX beside them, quotes with closes, prices with a sector map.

    Raises:
        AmbiguousColumns: if the headings of a file do not say.
        MarketDataError: if they do not belong together.
    """
    if len(paths) == 1:
        return recognise(paths[0], name=None if names is None else names[0], **options)
    sheet = {"sheet": options.get("sheet")}  # columns are said of one of the files only
    kinds = [recognise(path, name=None if names is None else names[i], **sheet) for i, path in enumerate(paths)]
    distinct = set(kinds)
    if len(distinct) == 1:
        return kinds[0]
    for main in ("surfaces", "quotes"):
        if main in distinct and distinct <= {main, "series", "prices"}:
            return main
    if distinct <= {"prices", "series", "sectors"}:
        return "prices"
    raise MarketDataError(f"expected files that belong together; found {' and '.join(sorted(distinct))}")


@dataclass(frozen=True)
class FileSketch:
    """What a column mapper shows: headings, a few cells of each, and the roles recognised.

    Args:
        file: the file's name for people.
        headings: column names.
        first_cells: heading → the first cells as text.
        guesses: kind → role → heading.
        points: headings recognised as points of a wide surface.
    """

    file: str
    headings: tuple[str, ...]
    first_cells: Mapping[str, tuple[str, ...]]
    guesses: Mapping[str, Mapping[str, str]]
    points: tuple[str, ...]


def sketch(path: Source, *, name: str | None = None, sheet: str | None = None) -> FileSketch:
    """Headings, first cells and recognised roles of a file.

    Raises:
        MarketDataError: if it is no table.
    """
    try:
        table = _table(path, name, Reading(sheet=sheet), first_rows=_SAMPLE)
    except AmbiguousColumns as asked:  # nobody has said the sheet yet: the first
        table = _table(path, name, Reading(sheet=asked.options[0]), first_rows=_SAMPLE)
    guesses = {}
    for kind in KINDS:
        try:
            guesses[kind] = assign(table, kind)
        except AmbiguousColumns:
            guesses[kind] = {}
    cells = {h: tuple(table.texts(h, np.arange(min(3, len(table))))) for h in table.headings}
    return FileSketch(table.file, table.headings, cells, guesses, tuple(surface_points(table.headings)))


# --- several files ----------------------------------------------------------------------------------------------------


def _listed(paths: Sources) -> list[Source]:
    if isinstance(paths, str | Path | bytes):
        return [paths]
    if not paths:
        raise MarketDataError("expected at least one file; found none")
    return list(paths)


def _table(
    source: Source,
    name: str | None,
    reading: Reading,
    *,
    first_rows: int | None = None,
    max_bytes: int = MAX_BYTES,
) -> RawTable:
    """A file as a table of cells, whatever it is written in."""
    if is_workbook(source):
        return read_workbook(source, name, sheet=reading.sheet, first_rows=first_rows, max_bytes=max_bytes)
    return read_table(source, name, first_rows=first_rows, max_bytes=max_bytes)


def _mapped(table: RawTable, reading: Reading) -> RawTable:
    """The table with a person's columns headed by their roles."""
    return with_mapping(table, reading.on(table).mapping)


def _tables(paths: Sources, names: Sequence[str] | None, max_bytes: int, reading: Reading) -> list[RawTable]:
    sources = _listed(paths)
    if names is not None and len(names) != len(sources):
        raise MarketDataError(f"expected a name for each of {len(sources)} files; found {len(names)}")
    shown = names if names is not None else [display_name(source) for source in sources]
    return [_table(source, name, reading, max_bytes=max_bytes) for source, name in zip(sources, shown, strict=True)]


def _parted(tables: Sequence[RawTable], main: str) -> tuple[list[RawTable], list[RawTable]]:
    """Files of the main kind, and price files beside them; a single file is taken for the main kind."""
    if len(tables) == 1:
        return list(tables), []
    beside = [t for t in tables if _kind_or_none(t) in ("series", "prices")]
    own = [t for t in tables if t not in beside]
    if not own:
        raise MarketDataError(f"expected a file of {main}; found only prices in {', '.join(t.file for t in tables)}")
    return own, beside


def _kind_or_none(table: RawTable) -> str | None:
    try:
        return recognise_table(table)
    except AmbiguousColumns:
        return None


def _closes(tables: Sequence[RawTable]) -> Closes | None:
    """Day → close of the underlying, from price files beside others; None if there are none."""
    closes: dict[np.datetime64, float] = {}
    for table in tables:
        read_in = read_price_tables([table], Reading(), kind=recognise_table(table))
        series = _single(read_in, table.file, "the underlying")
        closes.update(zip(series.dates, series.close[:, 0].tolist(), strict=True))
    return closes or None


def _concatenated(parts: Sequence[Imported[SurfaceHistory]], tables: Sequence[RawTable]) -> Imported[SurfaceHistory]:
    order = sorted(range(len(parts)), key=lambda i: parts[i].data.dates[0])
    histories = [parts[i].data for i in order]
    files = [tables[i].file for i in order]
    for (one, earlier), (other, later) in pairwise(zip(files, histories, strict=True)):
        if earlier.grid != later.grid:
            raise MarketDataError(
                f"expected surfaces on one grid; found {earlier.grid} in {one}, {later.grid} in {other}"
            )
        if later.dates[0] <= earlier.dates[-1]:
            raise MarketDataError(
                f"expected every day in one file only; found {later.dates[0]} in {other} and {earlier.period[0]} to "
                f"{earlier.period[1]} in {one}"
            )

    def together(name: str) -> Any:
        arrays = [getattr(history, name) for history in histories]
        return None if any(a is None for a in arrays) else np.concatenate(arrays)

    arrays = {name: together(name) for name in ("dates", "spot", "iv", "rate", "vix", "half_spread")}
    data = SurfaceHistory(grid=histories[0].grid, **arrays)
    notes = [f"{tables[i].file}: {note}" for i in order for note in parts[i].notes]
    return Imported(data, joined([part.rejected for part in parts]), tuple(notes), "surfaces")


def _with_vix(result: Imported[SurfaceHistory], table: RawTable) -> Imported[SurfaceHistory]:
    """The VIX of another file, if it has one for every day."""
    read_in = read_price_tables([table], Reading(), kind=recognise_table(table))
    series = _single(read_in, table.file, "the VIX")
    if "VIX" not in (series.tickers[0] + table.file).upper():
        raise MarketDataError(f"expected a VIX series beside the surfaces; found {series.tickers[0]} in {table.file}")
    known = dict(zip(series.dates, series.close[:, 0].tolist(), strict=True))
    values = np.array([known.get(day, np.nan) for day in result.data.dates])
    lacking = int(np.isnan(values).sum())
    rejected = joined([result.rejected, read_in.rejected])
    if lacking:
        first = result.data.dates[int(np.isnan(values).argmax())]
        note = f"the VIX of {table.file} is left out: it lacks {lacking:,} of {len(values):,} days, the first {first}"
        return Imported(result.data, rejected, (*result.notes, *read_in.notes, note), "surfaces")
    note = f"the VIX of all {len(values):,} days taken from {table.file}"
    return Imported(replace(result.data, vix=values), rejected, (*result.notes, *read_in.notes, note), "surfaces")


def _single(result: Imported[PriceHistory], file: str, what: str) -> PriceHistory:
    if len(result.data.tickers) != 1:
        raise MarketDataError(f"expected one ticker, {what}, in {file}; found {len(result.data.tickers)}")
    return result.data
