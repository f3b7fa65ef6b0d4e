"""Is what was read plausible? Asked of the data after every inference; the answer is a doubt, or a question.

A doubt is a sentence that stays with the data and is shown wherever they are used: what was found, where, and what
follows. What cannot be right either way is asked (:class:`AmbiguousColumns`) or refused. Nothing is changed in silence:
the only repairs are splits of a surface's spot that its vols do not notice, and opens that are left out because they
cannot belong to their closes; both are doubts, and both can be answered otherwise.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from engine.market import adjustments
from engine.market.grid import Floats
from engine.market.intake.result import Imported, Reading
from engine.market.price_history import PriceHistory
from engine.market.surface_history import Dates, SurfaceHistory

DAILY = 4
"""Median days from one row to the next up to which data are daily."""

LEAST_GAPS = 4
"""Gaps between days below which nothing is said of their spacing."""

_SPACINGS = ((5, 9, "weekly", "week"), (26, 33, "monthly", "month"), (85, 95, "quarterly", "quarter"))

QUIET_VOL = 0.2
"""Log-move of the at-the-money vol below which a move of spot beyond 30 % left the vols unmoved."""

CALM = 0.1
"""Median size of the daily log-returns up to which a move beyond 30 % is an event."""

ALONE = 0.5
"""Log-return beyond which a ticker that moves by itself is doubted, whatever the ratio."""

QUIET_MARKET = 0.05
"""Median log-return of the other tickers up to which a ticker moved by itself."""

MOST_NAMED = 3
"""Days or tickers named in a sentence before "and … more"."""


def of_surfaces(read: Imported[SurfaceHistory], reading: Reading) -> Imported[SurfaceHistory]:
    """Surfaces with their doubts: spacing, weekends, splits of spot, a grid away from the money, a mirrored skew."""
    read = read.doubting(*calendar_doubts(read.data.dates, read.data.spot[:, None]))
    grid = read.data.grid
    low, high = float(grid.moneyness[0]), float(grid.moneyness[-1])
    if not low <= 1.0 <= high:
        read = read.doubting(
            f"moneyness runs from {low:.3g} to {high:.3g} times spot and misses the money (1): is it K/S as a ratio or "
            "in percent?"
        )
    rising = read.data.iv[:, -1, 0] > read.data.iv[:, 0, 0]
    if low < 1 < high and len(rising) >= LEAST_GAPS and rising.mean() > 0.9:
        read = read.doubting(
            f"short vols rise with K/S on {int(rising.sum()):,} of {len(rising):,} days, the mirror of what equity "
            "options show: if the file's moneyness is S/K, it has to be inverted"
        )
    return _spot_splits(read, reading)


def of_prices(read: Imported[PriceHistory], reading: Reading) -> Imported[PriceHistory]:
    """Prices with their doubts: spacing, weekends, splits left in, opens that cannot belong to their closes."""
    read = read.doubting(*calendar_doubts(read.data.dates, read.data.close))
    return _opens(_price_splits(read, reading), reading)


def calendar_doubts(dates: Dates, values: Floats) -> list[str]:
    """What is odd in the days: weeks or months instead of days, weekends that repeat Friday, Sundays.

    Args:
        dates: ``(n,)``.
        values: ``(n, k)`` prices of the days.
    """
    if len(dates) <= LEAST_GAPS:
        return []
    gap = float(np.median(np.diff(dates).astype(np.int64)))
    if gap > DAILY:
        known = next(((word, step) for low, high, word, step in _SPACINGS if low <= gap <= high), None)
        word, step = known or (f"{gap:.0f} days apart", f"{gap:.0f} days")
        return [
            f"the data are {word}, not daily: a step of every model is then a {step}, not a day, and what is said per "
            "year or of tomorrow (252 days a year) does not hold"
        ]
    weekday = (dates.astype(np.int64) + 3) % 7  # Monday is 0
    weekend = np.flatnonzero(weekday >= 5)
    if not len(weekend):
        return []
    words = f"{len(weekend):,} of {len(dates):,} days fall on a weekend, the first on {_named(dates[weekend[0]])}"
    repeated = [row for row in weekend if row and _same(values[row], values[row - 1])]
    if len(repeated) > 0.8 * len(weekend):
        return [f"{words}, and repeat the day before: the calendar was filled up, and those returns of 0 are not real"]
    if (weekday == 6).any() and not (weekday == 4).any():
        return [f"{words}, and no Friday is there: the dates seem to be a day early (another time zone?)"]
    if len(weekend) > 0.2 * len(dates):
        return [f"{words}: the market trades every day, while what is said per year counts 252 days"]
    return [f"{words}: markets are closed then (a wrong order of day and month, or another time zone?)"]


# --- splits -----------------------------------------------------------------------------------------------------------


def _spot_splits(read: Imported[SurfaceHistory], reading: Reading) -> Imported[SurfaceHistory]:
    """Moves of spot beyond 30 %: a usual split that the vols do not notice is taken out, unless kept by an answer."""
    history = read.data
    at_the_money = np.log(history.grid.interpolate(history.iv, 1.0, float(history.grid.maturity[0])))
    splits: dict[int, float] = {}
    moves = np.abs(history.log_return)
    calm = len(moves) > LEAST_GAPS and float(np.median(moves)) < CALM  # otherwise a jump is nothing special
    for row in adjustments.large_moves(history.spot).tolist():
        move = float(np.log(history.spot[row] / history.spot[row - 1]))
        vol = float(at_the_money[row] - at_the_money[row - 1])
        ratio = adjustments.nearest_split(move)
        where = f"spot moves from {history.spot[row - 1]:g} to {history.spot[row]:g} on {history.dates[row]}, "
        where += f"row {row + 1} in time order"
        if ratio is None or (not (calm and abs(vol) < QUIET_VOL) and reading.splits != "adjust"):
            read = read.doubting(f"{where}, more than 30 % in a day, while the short vol moves by {vol:+.0%}: check it")
        elif reading.splits == "keep":
            read = read.doubting(f"{where}, like a {adjustments.split_words(ratio)} split; kept, as asked")
        else:
            splits[row] = ratio
            read = read.doubting(
                f"{where}, while the short vol moves by {vol:+.0%}: a {adjustments.split_words(ratio)} split, so spots "
                f"before that day are divided by {ratio:g} (the answer splits=keep leaves them)"
            )
    if not splits:
        return read
    return replace(read, data=replace(history, spot=adjustments.adjusted(history.spot, splits)))


def _price_splits(read: Imported[PriceHistory], reading: Reading) -> Imported[PriceHistory]:
    """Splits that seem to be left in closes: said, and taken out if asked for."""
    history = read.data
    close, opens = history.close.copy(), None if history.open is None else history.open.copy()
    found: list[str] = []
    alone: list[str] = []
    other: list[str] = []
    for column, ticker in enumerate(history.tickers):
        splits: dict[int, float] = {}
        for row in adjustments.large_moves(history.close[:, column]).tolist():
            move, market = _moves(history.close, row, column)
            ratio = adjustments.nearest_split(move - market) if abs(market) < QUIET_MARKET else None
            where = f"{ticker} at {np.exp(move):.3g} times the close before on {history.dates[row]}"
            if ratio is None:
                quiet = abs(market) < QUIET_MARKET and abs(move) > ALONE and len(history.tickers) > 1
                (alone if quiet else other).append(where)
                continue
            splits[row] = ratio
            found.append(f"{where} (row {row + 1} in time order, {adjustments.split_words(ratio)})")
        if reading.splits == "adjust":
            close[:, column] = adjustments.adjusted(close[:, column], splits)
            if opens is not None:
                opens[:, column] = adjustments.adjusted(opens[:, column], splits)
    if other:
        read = read.noting(f"moves of more than 30 % in a day that are no usual split: {_some(other)}")
    if alone:
        read = read.doubting(f"a move that no other ticker made and that is no usual split: {_some(alone)}: check it")
    if found and reading.splits == "adjust":
        read = read.doubting(f"prices before a split are divided by its ratio, as asked: {_some(found)}")
        return replace(read, data=replace(history, close=close, open=opens))
    if found:
        kept = "kept, as asked" if reading.splits == "keep" else "left as they are (the answer splits=adjust divides "
        kept += "" if reading.splits == "keep" else "the prices before by the ratio)"
        read = read.doubting(f"what looks like a split left in the prices: {_some(found)}; {kept}")
    return read


def _moves(close: Floats, row: int, column: int) -> tuple[float, float]:
    """Log-return of a ticker since its last close, and the median of the others over the same days."""
    before = int(np.flatnonzero(~np.isnan(close[:row, column]))[-1])
    moves = np.log(close[row] / close[before])
    others = np.delete(moves, column)
    others = others[~np.isnan(others)]
    return float(moves[column]), float(np.median(others)) if len(others) else 0.0


# --- opens ------------------------------------------------------------------------------------------------------------


def _opens(read: Imported[PriceHistory], reading: Reading) -> Imported[PriceHistory]:
    """Opens that cannot belong to their closes are left out of the ticker, unless kept by an answer."""
    history = read.data
    if history.open is None:
        return read
    opens = history.open.copy()
    found = []
    for column, ticker in enumerate(history.tickers):
        apart = adjustments.opens_of_another_kind(history.open[:, column], history.close[:, column])
        if apart is None:
            continue
        row, night, day = apart
        found.append(f"{ticker} ({100 * np.expm1(night):+.1f} % by night, {100 * np.expm1(day):+.1f} % by day, around "
                     f"{history.dates[row]})")  # fmt: skip
        opens[:, column] = np.nan
    if not found:
        return read
    what = f"opens and closes are not adjusted alike (for splits or dividends): {_some(found)}"
    if reading.opens == "keep":
        return read.doubting(f"{what}; kept, as asked: half-day returns made of them are not real")
    data = replace(history, open=None if np.isnan(opens).all() else opens)
    return replace(read, data=data).doubting(f"{what}; their opens are left out, because half-day returns made of them "
                                             "would not be real (the answer opens=keep uses them)")  # fmt: skip


def _some(items: list[str]) -> str:
    shown = "; ".join(items[:MOST_NAMED])
    return shown if len(items) <= MOST_NAMED else f"{shown}; and {len(items) - MOST_NAMED:,} more"


def _named(day: np.datetime64) -> str:
    return f"{day.item():%A}, {day}"


def _same(one: Floats, other: Floats) -> bool:
    return bool(np.array_equal(one, other, equal_nan=True))
