"""Is what was read plausible? Asked of the data after every inference; the answer is a doubt, or a question.

A doubt is a sentence that stays with the data and is shown wherever they are used: what was found, where, and what
follows. What cannot be right either way is asked (:class:`AmbiguousColumns`) or refused. Nothing is changed in silence:
the only repairs are splits of a surface's spot that its vols do not notice, and opens that are left out because they
cannot belong to their closes; both are doubts, and both can be answered otherwise.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from engine.errors import MarketDataError
from engine.market import adjustments
from engine.market.grid import Floats
from engine.market.intake.result import AmbiguousColumns, Imported, Reading
from engine.market.intake.tables import RawTable
from engine.market.parity_line import parity_line
from engine.market.price_history import PriceHistory
from engine.market.quotes import OptionQuotes
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

UNUSUAL = 12.0
"""A move is doubted beyond so many times the median size of the ticker's daily log-returns."""

QUIET_MARKET = 0.05
"""Median log-return of the other tickers up to which a ticker moved by itself."""

FAR = (0.5, 2.0)
"""Medians of strike/spot, and discount factors, outside of which something is read wrongly."""

MOST_CARRY = 0.15
"""Carry per year beyond which a day of quotes is questioned."""

LEAST_APART, MOST_APART = 0.01, 0.15
"""Log-distance of the spot from that of the parity forwards: from which it is doubted, and asked."""

MOST_WITHIN_DAY = 0.1
"""Range of the spots of a day, as a share of the lowest, above which they are of several underlyings."""

NEAR_THE_MONEY = (0.8, 1.2)
"""Strikes over spot through which parity lines are drawn."""

LEAST_MATURITY = 7 / 365
LEAST_SPAN = 1 / 12
"""Years below which a maturity, or the distance between two, says little about carry."""

DAYS_LOOKED_AT = 5
"""Days of a file on which put–call parity is looked at."""

MOST_NAMED = 3
"""Days or tickers named in a sentence before "and … more"."""


@np.errstate(all="ignore")  # numbers of any size come in
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
            "options show: if the file's moneyness is S/K, say so (the answer moneyness=S/K)"
        )
    return _spot_splits(read, reading)


@np.errstate(all="ignore")  # numbers of any size come in
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
    gap = float(np.median(np.diff(dates).astype(np.int64))) if len(dates) > LEAST_GAPS else 1.0
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
    if len(dates) == 1:
        return [f"the day is a {_named(dates[0])}: markets are closed then, unless this one never is"]
    words = f"{len(weekend):,} of {len(dates):,} days fall on a weekend, the first on {_named(dates[weekend[0]])}"
    repeated = [row for row in weekend if row and _same(values[row], values[row - 1])]
    if len(repeated) > 0.8 * len(weekend):
        return [f"{words}, and repeat the day before: the calendar was filled up, and those returns of 0 are not real"]
    if (weekday == 6).any() and not (weekday == 4).any():
        return [f"{words}, and no Friday is there: the dates seem to be a day early (another time zone?)"]
    if len(weekend) > 0.2 * len(dates) and len(dates) > 7:
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
        own = history.close[:, column]
        steps = np.abs(np.diff(np.log(own[~np.isnan(own)])))
        usual = float(np.median(steps)) if len(steps) else 0.0
        for row in adjustments.large_moves(own).tolist():
            move, market = _moves(history.close, row, column)
            strange = abs(market) < QUIET_MARKET and abs(move) > UNUSUAL * usual and "VIX" not in ticker.upper()
            ratio = adjustments.nearest_split(move - market) if strange else None
            where = f"{ticker} at {np.exp(min(move, 99.0)):.3g} times the close before on {history.dates[row]}"
            if ratio is None:
                (alone if strange and abs(move) > ALONE else other).append(where)
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
        read = read.doubting(f"a move like no other in the data, and no usual split: {_some(alone)}: check it")
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
    moves = np.log(close[row]) - np.log(close[before])
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


# --- option quotes ----------------------------------------------------------------------------------------------------


@np.errstate(all="ignore")  # numbers of any size come in
def of_quotes(read: Imported[OptionQuotes], reading: Reading, table: RawTable) -> Imported[OptionQuotes]:
    """Quotes with their doubts: spacing of the days, spots that disagree with parity.

    Args:
        read: what was read.
        reading: a person's decisions, which are not questioned again.
        table: the file that a question is about.

    Raises:
        AmbiguousColumns: if strikes lie far from spot, prices seem to be in coin, or parity gives an implausible carry.
        MarketDataError: if a day has several spots, as those of several underlyings.
    """
    quotes = read.data.table
    _one_spot_a_day(quotes, table.file)
    decided = reading.spot is not None or reading.spot_from is not None or "spot" in reading.mapping
    ratio = float((quotes["strike"] / quotes["spot"]).median())
    if not FAR[0] < ratio < FAR[1]:
        said = f"the median strike of {table.file} is {ratio:.3g} times the underlying price"
        if not decided:
            raise _asking_spot(f"What is the underlying price? {said[0].upper()}{said[1:]}", table)
        read = read.doubting(f"{said}, as given: strikes and spot do not belong together")
    read = read.doubting(*calendar_doubts(read.data.dates, np.arange(float(len(read.data.dates)))[:, None]))
    lines = [line for day in _some_days(read.data.dates) for line in _parity_lines(quotes[quotes["date"] == day])]
    if not lines:
        return read
    maturity, forward, discount = np.array(lines).T  # years, multiples of spot, factor
    if not FAR[0] < float(np.median(discount)) < FAR[1]:
        if reading.price_unit is None:
            raise AmbiguousColumns(
                f"Are the prices of {table.file} in currency, or in units of the underlying (coin)? Calls less puts "
                f"fall by {float(np.median(discount)):.2g} for each unit of strike, where put–call parity says about 1",
                table,
                needed="price_unit",
                options=("coin", "currency"),
                by="option",
            )
        return read.doubting("calls less puts do not fall with the strike as put–call parity says: check the prices")
    apart, carry = _carry(maturity, np.log(forward))
    implied = float(np.exp(apart) * quotes["spot"].median())
    beyond = f"put–call parity gives a carry (rate less dividends) of {100 * carry:+.1f} % a year"
    if abs(carry) > MOST_CARRY and reading.carry is None:
        raise AmbiguousColumns(
            f"Is the carry of {table.file} meant? P{beyond[1:]}, beyond ±{100 * MOST_CARRY:.0f} %: expiries, spot or "
            "prices may be read wrongly",
            table,
            needed="carry",
            options=("keep",),
            by="option",
        )
    if abs(apart) > MOST_APART and not decided:
        raise _asking_spot(
            f"What is the underlying price? Put–call parity in {table.file} says about {implied:.6g}, the file has "
            f"{float(quotes['spot'].median()):.6g}",
            table,
        )
    if abs(apart) > LEAST_APART:
        side = "below" if apart > 0 else "above"
        read = read.doubting(
            f"the underlying prices are {100 * abs(np.expm1(-apart)):.1f} % {side} what put–call parity says (about "
            f"{implied:.6g}): adjusted closes, or another hour? Rates and vols are off by that"
        )
    if abs(carry) > MOST_CARRY:
        read = read.doubting(f"{beyond}, as accepted")
    return read


def _one_spot_a_day(quotes: pd.DataFrame, file: str) -> None:
    by_day = quotes.groupby("date")["spot"]
    low, high = by_day.min().to_numpy(), by_day.max().to_numpy()
    worst = int((high / low).argmax())
    if high[worst] <= (1 + MOST_WITHIN_DAY) * low[worst]:
        return
    day = np.unique(quotes["date"].to_numpy().astype("datetime64[D]"))[worst]
    roots = sorted(set(quotes.loc[quotes["date"].to_numpy().astype("datetime64[D]") == day, "root"]) - {""})
    names = f" ({', '.join(roots[:MOST_NAMED])})" if len(roots) > 1 else ""
    raise MarketDataError(
        f"expected one underlying with one price a day in {file}; found prices from {low[worst]:g} to {high[worst]:g} "
        f"on {day}{names}: give the quotes of one underlying"
    )


def _asking_spot(question: str, table: RawTable) -> AmbiguousColumns:
    return AmbiguousColumns(question, table, needed="spot", options=table.headings, takes="number")


def _some_days(days: Dates) -> Dates:
    """At most ``DAYS_LOOKED_AT`` of the days, evenly spread."""
    some: Dates = days[np.unique(np.linspace(0, len(days) - 1, DAYS_LOOKED_AT).round().astype(int))]
    return some


def _parity_lines(quotes: pd.DataFrame) -> list[tuple[float, float, float]]:
    """Maturity in years, forward as a multiple of spot, and discount factor of each expiry of a day."""
    two_sided = quotes[(quotes["ask"] > 0) & (quotes["ask"] >= quotes["bid"])]
    near = two_sided[(two_sided["strike"] / two_sided["spot"]).between(*NEAR_THE_MONEY)]
    mid = near.assign(mid=(near["bid"] + near["ask"]) / 2)
    found = []
    for (expiry, _), group in mid.groupby(["expiry", "root"]):
        sides = group.pivot_table(index="strike", columns="is_call", values="mid", aggfunc="mean").dropna()
        maturity = (expiry - group["date"].iloc[0]).days / 365
        if maturity < LEAST_MATURITY or sides.shape[1] < 2:
            continue
        spot = float(group["spot"].iloc[0])
        forward, discount = parity_line(sides.index.to_numpy() / spot, ((sides[True] - sides[False]) / spot).to_numpy())
        if forward > 0:
            found.append((maturity, forward, discount))
    return found


def _carry(maturity: Floats, log_forward: Floats) -> tuple[float, float]:
    """Intercept and slope of log(F/S) over maturity, by medians; of near maturities log(F/S)/τ.

    The intercept is how far (log) the forwards' own spot lies from the one given, the slope the carry per year.
    """
    if np.ptp(maturity) < LEAST_SPAN:
        at = max(float(np.median(maturity)), LEAST_SPAN)
        return 0.0, float(np.median(log_forward)) / at
    i, j = np.triu_indices(len(maturity), k=1)
    wide = np.abs(maturity[j] - maturity[i]) >= LEAST_SPAN / 2
    slope = float(np.median((log_forward[j] - log_forward[i])[wide] / (maturity[j] - maturity[i])[wide]))
    return float(np.median(log_forward - slope * maturity)), slope
