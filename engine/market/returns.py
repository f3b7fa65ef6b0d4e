"""Alternating overnight and intraday returns of a ticker, cut into windows of one-step forecasts (SPEC 4)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from engine.errors import MarketDataError, SettingsError
from engine.market.adjustments import is_large, nearest_split, split_words
from engine.market.grid import Floats
from engine.market.price_history import PriceHistory, check_ticker
from engine.market.surface_history import Dates

BadOpens = Literal["keep", "drop", "repair"]
Mask = NDArray[np.bool_]

CAP = 0.15
"""Half-day returns beyond ±15 % are capped (5.4.1)."""

MINIMUM_DAYS = 500
"""Days a ticker must have: a tenth of fewer is no sample for a Sharpe ratio."""

MOST_LEFT_OUT = 0.05
"""Share of the days that may be without a quote before the ticker is refused."""

HALT_DAYS = 3
"""Days in a row on which open, close and the close before are one price: not trading but standing still."""

QUIET_NIGHT = 0.05  # the other tickers' median move above which a jump is taken for a crash
REPAIR_DAYS = 252


@dataclass(frozen=True, eq=False)
class HalfDayWindows:
    """Windows of one ticker: the last L half-day returns, and the one that follows.

    Args:
        ticker: whose returns.
        sector: the ETF whose returns are subtracted (5.15); None for raw returns.
        returns: ``(N,)`` the whole series x: intraday of the first day, then overnight and intraday in turn.
        position: ``(n,)`` of each window's target in ``returns``; its condition is the L returns before.
        condition: ``(n, L)`` log-returns, the oldest first.
        target: ``(n,)`` log-return of the half-day that follows.
        date: ``(n,)`` day on which the target's half-day ends.
        overnight: ``(n,)`` True where the target is a close-to-open return, False where it is open-to-close.
        part: ``(n,)`` "train", "validation" or "test", in that order.
        notes: what was left out or changed, one sentence each.
    """

    ticker: str
    sector: str | None
    returns: Floats
    position: NDArray[np.intp]
    condition: Floats
    target: Floats
    date: Dates
    overnight: Mask
    part: NDArray[Any]
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.target)

    def rows(self, part: str) -> slice:
        """The windows of one part, which lie side by side.

        Raises:
            SettingsError: if there is no such part.
        """
        found = np.flatnonzero(self.part == part)
        if len(found) == 0:
            raise SettingsError(f"expected train, validation or test; found {part[:40]!r}")
        return slice(int(found[0]), int(found[-1]) + 1)


def fingan_windows(
    prices: PriceHistory,
    ticker: str,
    sector: str | None = None,
    length: int = 10,
    *,
    cap: float = CAP,
    bad_opens: BadOpens = "keep",
    parts: Sequence[float] = (0.8, 0.1, 0.1),
    split_check: bool = True,
) -> HalfDayWindows:
    """Windows of alternating open-to-close and close-to-open log-returns, in three chronological parts.

    x = log(close/open) and log(open/previous close) in turn, each capped at ±cap; minus the same of the sector ETF if
    one is given (5.15). The series is cut at ⌊0.8 N⌋ and ⌊0.9 N⌋ and each piece cut into windows of its own, so that no
    window reaches across: a part's first window starts inside that part.

    Days without an open or a close of the ticker or its ETF, and halts, are left out: the night then runs from the last
    close to the next open. An open is *bad* on days when it equals the close for a quarter of the tickers quoted
    (at least two): the open was not recorded. ``keep`` leaves it; ``drop`` leaves out every window that touches such a
    day; ``repair`` gives the night its usual part of the day's move, the slope of overnight on whole-day returns over
    the 252 days before.

    Args:
        prices: with opens; bad opens and splits are judged by all its tickers.
        ticker: the asset.
        sector: ticker of the ETF to subtract, or None.
        length: L, half-days in a condition.
        cap: largest absolute half-day return, log units.
        bad_opens: what to do with them.
        parts: shares of train, validation and test, in this order.
        split_check: refuse a night on which the ticker alone moved like an unadjusted split.

    Returns:
        The windows, in time order.

    Raises:
        MarketDataError: if the ticker, its ETF or the opens are missing, the calendars differ too much, the series is
            too short or constant, or a split seems to be left in.
        SettingsError: for a length, cap or shares that make no sense.

    References:
        SPEC 4; Vuletić (2025), section 5.4.1, equations (5.14)–(5.15).
    """
    _check_settings(length, cap, bad_opens, parts)
    columns = [_column(prices, ticker, sector, name) for name in ((ticker,) if sector is None else (ticker, sector))]
    lacking = columns if prices.open is None else [c for c in columns if np.isnan(prices.open[:, c]).all()]
    if prices.open is None or lacking:
        raise MarketDataError(f"expected opens beside the closes of {prices.tickers[lacking[0]]}; found closes only")
    notes: list[str] = []
    days = _usable_days(prices, columns, notes)
    bad = _bad_opens(prices, columns)[days]
    series = np.zeros(2 * len(days) - 1)
    for sign, column in zip((1.0, -1.0), columns, strict=False):
        opens, closes = prices.open[days, column], prices.close[days, column]
        if split_check:
            _refuse_split(prices, column, days)
        overnight, intraday = np.log(opens[1:] / closes[:-1]), np.log(closes / opens)
        if bad_opens == "repair":
            overnight, intraday = _repaired(overnight, intraday, bad & (opens == closes))
        halves = np.empty(len(series))
        halves[0::2], halves[1::2] = intraday, overnight
        if np.ptp(halves) == 0:
            raise MarketDataError(
                f"expected prices that move; found {prices.tickers[column]} at one constant price "
                f"from {prices.dates[days[0]]} to {prices.dates[days[-1]]}"
            )
        series += sign * np.clip(halves, -cap, cap)
    if np.ptp(series) == 0:
        raise MarketDataError(f"expected returns of {ticker} beyond those of {sector}; found the two moving as one")
    if bad.any():
        done = {"keep": "kept", "drop": "windows that touch them left out", "repair": "repaired"}[bad_opens]
        many = int(bad.sum())
        notes.append(f"{ticker}: {many} {'day' if many == 1 else 'days'} with a bad open, {done}")
    series.flags.writeable = False
    left_out = np.zeros(len(series), dtype=bool)
    if bad_opens == "drop":
        left_out[0::2] = bad
        left_out[1::2] = bad[1:]
    return _windows(ticker, sector, series, prices.dates[days], left_out, length, parts, notes)


def _check_settings(length: int, cap: float, bad_opens: str, parts: Sequence[float]) -> None:
    if length < 1:
        raise SettingsError(f"expected a window of at least one half-day; found {length}")
    if not cap > 0:
        raise SettingsError(f"expected a cap on returns > 0; found {cap:g}")
    if bad_opens not in get_args(BadOpens):
        raise SettingsError(f"expected bad opens to be one of {', '.join(get_args(BadOpens))}; found {bad_opens!r}")
    if len(parts) != 3 or min(parts) <= 0 or not math.isclose(sum(parts), 1.0):
        raise SettingsError(f"expected three shares > 0 of train, validation and test that sum to 1; found {parts}")


def _column(prices: PriceHistory, ticker: str, sector: str | None, name: str) -> int:
    check_ticker(name)
    if ticker == sector:
        raise MarketDataError(f"expected a sector ETF other than the ticker itself; found {ticker} twice")
    if name not in prices.tickers:
        role = f"{name}, the sector ETF of {ticker}" if name == sector else name
        where = f"the {len(prices.tickers)} tickers of {prices.name or 'the data'}"
        raise MarketDataError(f"expected prices of {role}; found none among {where}")
    return prices.column(name)


def _usable_days(prices: PriceHistory, columns: Sequence[int], notes: list[str]) -> NDArray[np.intp]:
    """Rows on which all columns have open and close and none stands still, between the first and the last of them."""
    assert prices.open is not None
    names = " and ".join(prices.tickers[column] for column in columns)
    quoted = ~np.isnan(prices.open[:, columns]) & ~np.isnan(prices.close[:, columns])  # (n, columns)
    both = np.flatnonzero(quoted.all(axis=1))
    if len(both) < MINIMUM_DAYS:
        raise MarketDataError(
            f"expected at least {MINIMUM_DAYS} days with an open and a close of {names}; found {len(both)}"
        )
    span = slice(int(both[0]), int(both[-1]) + 1)
    own = np.flatnonzero(quoted[:, 0])
    outside = int((own < span.start).sum() + (own >= span.stop).sum())
    if outside:
        notes.append(
            f"{names}: quoted together from {prices.dates[span.start]} to {prices.dates[span.stop - 1]}; "
            f"{outside} days of {prices.tickers[columns[0]]} outside left out"
        )
    halted = np.zeros(len(prices), dtype=bool)
    for column in columns:
        halted |= _halted(prices.open[:, column], prices.close[:, column])
    # a day without any quote of the columns is a holiday of that market
    missing: Mask = ~quoted.all(axis=1) & np.asarray((~np.isnan(prices.close[:, columns])).any(axis=1))
    for fault, what in ((missing, "not quoted"), (halted & ~missing, "halted (open, close and last close equal)")):
        rows = np.flatnonzero(fault[span]) + span.start
        if len(rows) == 0:
            continue
        said = f"{names}: {len(rows)} of {span.stop - span.start} days {what}, the first {prices.dates[rows[0]]}"
        if len(rows) > MOST_LEFT_OUT * (span.stop - span.start):
            raise MarketDataError(f"expected at most {MOST_LEFT_OUT:.0%} of the days without trading; found {said}")
        notes.append(f"{said}; left out")
    usable = both[~halted[both]]
    if len(usable) < MINIMUM_DAYS:
        raise MarketDataError(f"expected at least {MINIMUM_DAYS} days of trading in {names}; found {len(usable)}")
    return usable


def _halted(opens: Floats, closes: Floats) -> Mask:
    """Days that belong to a run of at least ``HALT_DAYS`` on which the price stands at the close before."""
    still = np.zeros(len(closes), dtype=bool)
    still[1:] = (opens[1:] == closes[1:]) & (closes[1:] == closes[:-1])
    if still[1:].all():  # a constant series is no halt; it is refused with a sentence of its own
        return np.zeros(len(closes), dtype=bool)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], still, [False]]).astype(np.int8)))
    halted = np.zeros(len(closes), dtype=bool)
    for begin, end in edges.reshape(-1, 2).tolist():
        halted[begin:end] = end - begin >= HALT_DAYS
    return halted


def _bad_opens(prices: PriceHistory, columns: Sequence[int]) -> Mask:
    """``(n,)`` days on which one of the columns has open = close together with a quarter of all tickers."""
    assert prices.open is not None
    equal = prices.open == prices.close  # (n, tickers)
    quoted = (~np.isnan(prices.close)).sum(axis=1)
    common = equal.sum(axis=1) >= np.maximum(2, np.ceil(quoted / 4))
    own: Mask = equal[:, columns].any(axis=1)
    return np.asarray(common & own)


def _refuse_split(prices: PriceHistory, column: int, days: NDArray[np.intp]) -> None:
    assert prices.open is not None
    move = np.log(prices.open[days[1:]] / prices.close[days[:-1]])  # (days - 1, tickers)
    own = move[:, column]
    suspect = np.flatnonzero(is_large(own))
    others = np.delete(move, column, axis=1)
    for row in suspect.tolist():
        rest = others[row][~np.isnan(others[row])]
        market = float(np.median(rest)) if len(rest) else 0.0
        ratio = nearest_split(float(own[row]) - market)
        if ratio is not None and abs(market) < QUIET_NIGHT:
            what = f"an open of {prices.tickers[column]} at {math.exp(own[row]):.3f} of the close before"
            raise MarketDataError(
                f"expected split-adjusted prices; found {what} on {prices.dates[days[row + 1]]}, "
                f"which looks like a split ({split_words(ratio)}) left in (the answer splits=adjust takes it out)"
            )


def _repaired(overnight: Floats, intraday: Floats, bad: Mask) -> tuple[Floats, Floats]:
    """Both halves with the bad days' whole move shared by the slope of overnight on whole-day returns before."""
    overnight, intraday = overnight.copy(), intraday.copy()
    for day in np.flatnonzero(bad[1:]).tolist():  # overnight[day] ends on day + 1; the first day has no night
        whole = overnight[day] + intraday[day + 1]
        before = slice(max(0, day - REPAIR_DAYS), day)
        past = overnight[before] + intraday[1:][before]
        squares = float(past @ past)
        share = min(1.0, max(0.0, float(overnight[before] @ past) / squares)) if squares > 0 else 0.5
        overnight[day], intraday[day + 1] = share * whole, (1 - share) * whole
    return overnight, intraday


def _windows(
    ticker: str,
    sector: str | None,
    series: Floats,
    days: Dates,
    left_out: Mask,
    length: int,
    parts: Sequence[float],
    notes: Sequence[str],
) -> HalfDayWindows:
    n = len(series)
    ends = np.arange(n)
    date = np.repeat(days, 2)[1:]  # night and day of one date belong together; the first date has its day only
    # what rounding of the shares' sum may take away is far below one half-day
    first, second = (math.floor(n * share + 1e-9) for share in (parts[0], parts[0] + parts[1]))
    positions, names = [], []
    for name, begin, end in (("train", 0, first), ("validation", first, second), ("test", second, n)):
        if end - begin <= length:
            raise MarketDataError(
                f"expected more than {length} half-days in the {name} part of {ticker}; found {end - begin}"
            )
        inside = ends[begin + length : end]
        touched = sliding_window_view(left_out[begin:end], length + 1).any(axis=1)
        inside = inside[~touched]
        if len(inside) == 0:
            raise MarketDataError(f"expected windows without a bad open in the {name} part of {ticker}; found none")
        positions.append(inside)
        names.append(np.full(len(inside), name))
    position = np.concatenate(positions)
    condition = sliding_window_view(series, length)[position - length]  # (windows, length)
    return HalfDayWindows(
        ticker=ticker,
        sector=sector,
        returns=series,
        position=position,
        condition=np.ascontiguousarray(condition),
        target=series[position],
        date=date[position],
        overnight=position % 2 == 1,
        part=np.concatenate(names),
        notes=tuple(notes),
    )
