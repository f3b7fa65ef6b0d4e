"""Tables of prices: tidy with a ticker, one ticker per file, wide closes, single series; and sector maps."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import MarketDataError
from engine.market.grid import Floats
from engine.market.intake.cells import Numbers, coded_texts, decimal_mark, number_fault, parse_dates, parse_numbers
from engine.market.intake.columns import (
    assign,
    one_ticker_a_row,
    read_positive,
    reject_bad,
    reject_dates,
    require,
    rows_mask,
    wide_columns,
)
from engine.market.intake.result import AmbiguousColumns, Imported, Mask, Reading, RowCheck, joined
from engine.market.intake.tables import RawTable
from engine.market.intake.vocabulary import NOT_CLOSES, ROLES, normal, squashed
from engine.market.price_history import TICKER, PriceHistory
from engine.market.surface_history import Dates

NO_TICKER = "not a ticker (1 to 15 letters, digits or . ^ = _ -)"

_FILE_YEARS = re.compile(r"([ _-]+(\d{4}|\d{6}|\d{8}))+$")
_CLOCK = re.compile(r"[T ]\s*(\d{1,2}):(\d{2})(?::(\d{2}))?(?:\.\d+)?\s*(?:([AaPp])\.?[Mm])?")

LEAST_VALUES = 20
"""Numbers below which nothing is said of their signs."""

MOST_NEGATIVE = 0.2
"""Share of negative values above which a column holds returns, not prices."""

MOST_NAMED = 12
"""Tickers named in a note."""

_CLOSES = next(role.headings for role in ROLES["prices"] if role.name == "close")
_NAMES = {"security", "ticker", "symbol", "instrument", "name"}
_GENERIC = {"close", "value", "level", "index", "price", "last", "adj_close", "adjusted_close", "close_price"}


@dataclass(frozen=True, eq=False)
class _Tidy:
    """Checked prices of one file, one entry for each day and ticker."""

    check: RowCheck
    row: NDArray[np.intp]  # row of the file
    day: Dates
    ticker: NDArray[Any]  # position in tickers
    tickers: tuple[str, ...]
    close: Floats
    open: Floats | None
    notes: tuple[str, ...]


def read_price_tables(tables: Sequence[RawTable], reading: Reading, *, kind: str = "prices") -> Imported[PriceHistory]:
    """One or several price files as one history.

    Args:
        tables: tidy (``date, ticker, open, close``), one ticker per file (``date, open, close``; the ticker comes from
            the file's name) or wide (``date`` and one column of closes per ticker).
        reading: a person's decisions.
        kind: "prices" or "series" (``date`` and one value).

    Raises:
        AmbiguousColumns: if a column or the date order has to be asked for.
        MarketDataError: if nothing in them can be used.
    """
    parts = [_read_one(table, reading, kind) for table in tables]
    tickers = tuple(dict.fromkeys(ticker for part in parts for ticker in part.tickers))
    days = np.unique(np.concatenate([part.day for part in parts]))
    shape = (len(days), len(tickers))
    owner = np.full(shape, -1, dtype=np.int64)  # which entry fills a cell, counted over all files
    close, opens = np.full(shape, np.nan), np.full(shape, np.nan)
    before = 0
    notes: list[str] = []
    for number, part in enumerate(parts):
        column = np.array([tickers.index(t) for t in part.tickers], dtype=np.intp)[part.ticker]
        cell = np.ravel_multi_index((np.searchsorted(days, part.day), column), shape)
        fresh = _first_in_place(parts, number, cell, owner, close, opens, before)
        close.flat[cell[fresh]] = part.close[fresh]
        if part.open is not None:
            opens.flat[cell[fresh]] = part.open[fresh]
        owner.flat[cell[fresh]] = before + fresh
        before += len(cell)
        notes += [*part.notes, part.check.count_note()]
        if (np.diff(part.day) < np.timedelta64(0)).any() and len(part.tickers) == 1:
            notes.append(f"the days of {part.check.table.file} were not in time order; they have been sorted")
    some = ~np.isnan(close).all(axis=1)
    has_open = any(part.open is not None for part in parts)
    data = PriceHistory(days[some], close[some], tickers, opens[some] if has_open else None)
    gaps = int(np.isnan(data.close).sum())
    if gaps:
        notes.append(f"closes not quoted and left empty: {gaps:,} of {data.close.size:,}")
    if has_open:
        lacking = int((np.isnan(opens[some]) & ~np.isnan(close[some])).sum())
        notes += [f"opens missing where there is a close: {lacking:,}"] if lacking else []
    return Imported(data, joined([part.check.frame() for part in parts]), tuple(dict.fromkeys(notes)), kind)


def read_sector_table(table: RawTable, reading: Reading) -> Imported[dict[str, str]]:
    """``ticker, sector_etf``: the ticker of the sector ETF of each ticker.

    Raises:
        MarketDataError: if nothing in it can be used.
    """
    roles = assign(table, "sectors")
    require(table, "sectors", roles, ("ticker", "sector"))
    check = RowCheck(table)
    columns = []
    for role in ("ticker", "sector"):
        texts, fine = _tickers(table.column(roles[role]))
        check.reject(~fine, roles[role], NO_TICKER)
        columns.append(texts)
    sector_of: dict[str, str] = {}
    for row in np.flatnonzero(check.kept).tolist():
        ticker, sector = columns[0][row], columns[1][row]
        known = sector_of.setdefault(ticker, sector)
        again = row > 0 and ticker in columns[0][:row]
        if again:
            reason = "the same as a line above" if known == sector else f"{ticker} already has the sector {known}"
            check.reject(rows_mask(check, [row]), roles["ticker"], reason)
    check.require_some()
    return Imported(sector_of, check.frame(), (*table.notes, check.count_note()), "sectors")


def ticker_of_file(file: str) -> str:
    """The ticker that a file's name stands for: ``spx_2000_2023.csv`` → SPX, ``^GSPC.csv`` → ^GSPC."""
    stem = re.sub(r"\.(csv|tsv|txt|parquet)$", "", file, flags=re.IGNORECASE)
    short = _FILE_YEARS.sub("", stem) or stem
    return short.upper() if short.islower() else short


def _read_one(table: RawTable, reading: Reading, kind: str) -> _Tidy:
    table = one_ticker_a_row(table)
    roles = assign(table, kind)
    if "close" not in roles and "date" in roles and "ticker" not in roles:
        values = wide_columns(table, roles["date"])
        if len(values) == 1:
            roles["close"] = values[0]
        elif kind == "prices":
            return _read_wide(table, reading, roles)
    require(table, kind, roles, ("date", "close"))
    check = RowCheck(table)
    notes = list(table.notes)
    if table.profile is not None:
        notes.append(f"{table.file} has the headings of {table.profile.name}")
    numeric = [roles[r] for r in ("open", "close") if r in roles]
    decimal, note = decimal_mark(table, numeric, reading.decimal)
    notes += [note] if note else []
    days = _days(check, roles["date"], reading, notes)
    _refuse_returns(table, [roles["close"]], decimal)
    close = read_positive(check, roles["close"], "close", decimal)
    opens = _opens(check, roles.get("open"), decimal)
    if "ticker" in roles:
        texts, fine = _tickers(table.column(roles["ticker"]))
        check.reject(~fine, roles["ticker"], NO_TICKER)
        kept = np.flatnonzero(check.kept)
        found, first, position = np.unique(texts[kept], return_index=True, return_inverse=True)
        rank = np.argsort(np.argsort(first))
        tickers = tuple(str(t) for t in found[np.argsort(first)])
        ticker = rank[position]
    else:
        tickers = (_one_ticker(table, roles["close"], reading, notes),)
        kept = np.flatnonzero(check.kept)
        ticker = np.zeros(len(kept), dtype=np.intp)
    check.require_some()
    notes += _price_notes(table, roles)
    prices = _Tidy(
        check, kept, days[kept], ticker, tickers, close[kept], None if opens is None else opens[kept], tuple(notes)
    )
    return _daily_bars(prices, roles["date"])


def _read_wide(table: RawTable, reading: Reading, roles: dict[str, str]) -> _Tidy:
    require(table, "prices", roles, ("date",))
    check = RowCheck(table)
    notes = list(table.notes)
    columns = wide_columns(table, roles["date"])
    for heading in table.headings:
        if heading != roles["date"] and heading not in columns and not heading.startswith("column "):
            check.list_column(heading, "a column without numbers, left out")
    for heading in [h for h in columns if squashed(h) in NOT_CLOSES or not TICKER.fullmatch(h)]:
        said = "no ticker's name" if squashed(heading) in NOT_CLOSES else NO_TICKER
        check.list_column(heading, f"the heading is {said}; column left out")
        columns.remove(heading)
    if not columns:
        raise AmbiguousColumns(
            f"Which column of {table.file} is the closing price? Expected one named close, or one column per ticker; "
            f"found {', '.join(table.headings)[:200]}",
            table,
            needed="close",
            options=[h for h in table.headings if h != roles["date"]],
        )
    decimal, note = decimal_mark(table, columns, reading.decimal)
    notes += [note] if note else []
    _refuse_returns(table, columns, decimal)
    days = _days(check, roles["date"], reading, notes)
    closes = np.empty((len(table), len(columns)))
    for position, heading in enumerate(columns):
        numbers = parse_numbers(table.column(heading), decimal)
        _list_bad_cells(check, heading, numbers)
        closes[:, position] = np.where(numbers.values > 0, numbers.values, np.nan)
    empty = np.asarray(np.isnan(closes).all(axis=1))
    check.reject(empty, columns[0], "no price in the row")
    check.require_some()
    row, ticker = np.nonzero(check.kept[:, None] & ~np.isnan(closes))
    named = ", ".join(columns[:MOST_NAMED]) + (", …" if len(columns) > MOST_NAMED else "")
    notes.append(f"one column of closes for each of {len(columns):,} tickers, {named}; no opens")
    return _Tidy(check, row, days[row], ticker, tuple(columns), closes[row, ticker], None, tuple(notes))


def _refuse_returns(table: RawTable, columns: Sequence[str], decimal: str) -> None:
    """Prices are not below zero half the time.

    Raises:
        MarketDataError: if the columns hold returns, or changes.
    """
    values = [parse_numbers(table.column(heading), decimal, allow_percent=True).values for heading in columns]
    known = [v[~np.isnan(v)] for v in values]
    total, below = sum(map(len, known)), sum(int((v < 0).sum()) for v in known)
    if total < LEAST_VALUES or below <= MOST_NEGATIVE * total:
        return
    heading = max(zip(columns, known, strict=True), key=lambda pair: int((pair[1] < 0).sum()))[0]
    raise MarketDataError(
        f"expected prices in {table.file}; found returns or changes: {below:,} of {total:,} values are negative, such "
        f"as those of {heading[:40]} (give the prices themselves)"
    )


def _daily_bars(prices: _Tidy, date: str) -> _Tidy:
    """Bars of an hour or a minute as days: the open of a day's first bar, the close of its last."""
    time = _times(prices.check.table, date)[prices.row]
    cell = prices.day.astype(np.int64) * len(prices.tickers) + prices.ticker
    _, group, bars = np.unique(cell, return_inverse=True, return_counts=True)
    if len(bars) == 0 or np.mean(bars > 1) <= 0.5:
        return prices
    if np.isnan(time).any() or len(np.unique(np.stack([group, time]), axis=1).T) <= len(bars):
        return prices  # several rows a day without different times: repeats, which are listed
    order = np.lexsort((time, group))
    first = np.flatnonzero(np.r_[True, np.diff(group[order]) > 0])
    last = order[np.r_[first[1:], len(order)] - 1]
    opens = None if prices.open is None else prices.open[order[first]]
    note = (
        f"{len(order):,} bars within {len(bars):,} days of {prices.check.table.file}: the close of a day is that of "
        f"its last bar{'' if opens is None else ', its open that of its first'}"
    )
    return replace(
        prices,
        row=prices.row[last],
        day=prices.day[last],
        ticker=prices.ticker[last],
        close=prices.close[last],
        open=opens,
        notes=(*prices.notes, note),
    )


def _times(table: RawTable, heading: str) -> Floats:
    """``(n,)`` seconds since midnight that the cells of a date column say; NaN where they say none."""
    texts, codes = coded_texts(table.column(heading))
    return np.array([*(_seconds(text) for text in texts), np.nan])[codes]


def _seconds(text: str) -> float:
    if match := _CLOCK.search(text):
        hour = int(match[1]) % 12 + 12 * (match[4].lower() == "p") if match[4] else int(match[1])
        return 3600.0 * hour + 60 * int(match[2]) + float(match[3] or 0)
    return float(text) % 86_400 if re.fullmatch(r"1?\d{9}(\.0*)?", text) else np.nan  # seconds since 1970


def _list_bad_cells(check: RowCheck, heading: str, numbers: Numbers) -> None:
    """A bad cell of one ticker is listed and left empty; the other tickers of the day are kept."""
    left = "; left empty, the other tickers of the day are kept"
    texts = check.table.texts
    check.list_cells(numbers.bad, heading, lambda row: number_fault(texts(heading, [row])[0]) + left)
    check.list_cells(numbers.values <= 0, heading, "close must be > 0" + left)


def _days(check: RowCheck, heading: str, reading: Reading, notes: list[str]) -> Dates:
    dates, said = parse_dates(check.table, [heading], reading.date_order)
    notes += said
    reject_dates(check, heading, dates[0].faults)
    return dates[0].days


def _opens(check: RowCheck, heading: str | None, decimal: str) -> Floats | None:
    if heading is None:
        return None
    numbers = parse_numbers(check.table.column(heading), decimal)
    reject_bad(check, heading, numbers)
    check.reject(numbers.values <= 0, heading, "open must be > 0")
    return numbers.values


def _price_notes(table: RawTable, roles: dict[str, str]) -> list[str]:
    used = normal(roles["close"])
    names = {normal(h) for h in table.headings}
    if used in ("adj_close", "adjusted_close"):
        return [f"{roles['close']} is used as the close: there is no other"]
    if names & {"adj_close", "adjusted_close"}:
        both = "open and close are" if "open" in roles else "close is"
        return [f"{both} used; the adjusted close, which also takes out dividends, is left out"]
    if used != "close" and used in _GENERIC | set(_CLOSES):
        return [f"{roles['close'][:40]} is used as the close"]
    return []


def _one_ticker(table: RawTable, heading: str, reading: Reading, notes: list[str]) -> str:
    if reading.ticker is not None:
        ticker = reading.ticker.strip()
        notes.append(f"ticker {ticker[:15]}, as given")
    elif (named := _above(table)) is not None:
        ticker = named
        notes.append(f"ticker {ticker[:15]} taken from the lines above the headings")
    elif normal(heading) not in _GENERIC | set(_CLOSES) and TICKER.fullmatch(heading):
        ticker = heading
        notes.append(f"ticker {ticker} taken from the column's name")
    else:
        ticker = ticker_of_file(table.file)
        notes.append(f"ticker {ticker[:15]} taken from the name of {table.file}")
    if TICKER.fullmatch(ticker) and not ticker.startswith(("=", "-")):
        return ticker
    raise AmbiguousColumns(
        f"What is the ticker of {table.file}? There is no column for it, and the file's name is {NO_TICKER}",
        table,
        needed="ticker",
        options=(),
        by="option",
        takes="text",
    )


def _above(table: RawTable) -> str | None:
    """The ticker that a line above the headings names, as in ``Security, ABC US Equity``."""
    for line in table.above:
        if len(line) > 1 and squashed(line[0].rstrip(": ")) in _NAMES:
            first = line[1].split()
            return first[0] if first and TICKER.fullmatch(first[0]) else None
    return None


def _tickers(column: Any) -> tuple[NDArray[Any], Mask]:
    """``(n,)`` names, and which of them are tickers; one that starts with = or - is a formula, not a ticker."""
    texts, codes = coded_texts(column)
    fine = [bool(TICKER.fullmatch(text)) and not text.startswith(("=", "-")) for text in texts]
    return np.array([*texts, ""], dtype=object)[codes], np.array([*fine, False])[codes]


def _first_in_place(
    parts: Sequence[_Tidy],
    number: int,
    cell: NDArray[np.intp],
    owner: NDArray[np.int64],
    close: Floats,
    opens: Floats,
    before: int,
) -> NDArray[np.intp]:
    """Entries that fill an empty cell first; the others are rejected as the same as, or different from, that one."""
    part = parts[number]
    _, first, group = np.unique(cell, return_index=True, return_inverse=True)
    entry = np.arange(len(cell))
    taken = owner.flat[cell]
    fresh = (first[group] == entry) & (taken < 0)
    sources = np.cumsum([0, *(len(p.row) for p in parts)])
    faults: dict[int, str] = {}
    for k in np.flatnonzero(~fresh).tolist():
        twin = int(taken[k]) if taken[k] >= 0 else before + int(first[group[k]])
        whose = int(np.searchsorted(sources, twin, side="right")) - 1
        source, at = parts[whose], twin - int(sources[whose])
        where = f"line {source.check.table.lines[source.row[at]]}"
        where += "" if whose == number else f" of {source.check.table.file}"
        name = part.tickers[part.ticker[k]]
        same_open = part.open is None or source.open is None or _equal(part.open[k], source.open[at])
        same = same_open and _equal(part.close[k], source.close[at])
        fault = "the same as" if same else "a second, different price for the day of"
        faults.setdefault(int(part.row[k]), f"{name}: {fault} {where}")
    part.check.reject(rows_mask(part.check, list(faults)), "", lambda row: faults[row], value="")
    return np.flatnonzero(fresh)


def _equal(a: float, b: float) -> bool:
    return bool(a == b or (np.isnan(a) and np.isnan(b)))
