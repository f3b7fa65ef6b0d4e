"""The volatility index by the method of the Cboe: of option quotes, step by step, and of a surface.

For the near term (more than 23 and at most 30 days away) and the next (more than 30 and at most 37):

1. F = K* + e^{RT}(C − P) at the strike K* where mid call and mid put differ least; K0 the highest strike not above F;
2. puts below K0 downwards and calls above it upwards, leaving out zero bids and stopping at two of them in a row;
   at K0 the mean of put and call;
3. σ² = (2/T) Σ ΔK/K² e^{RT} Q(K) − (1/T)(F/K0 − 1)²;

then VIX = 100 √( [T1 σ1² (M2 − 30 days)/(M2 − M1) + T2 σ2² (30 days − M1)/(M2 − M1)] · 365/30 ), T in years and M in
minutes: options settle at 9:30 on their day (roots ``MORNING_ROOTS``) or at 16:00, New York time. Only expiries on
Fridays count, or on the Thursday before one that is a holiday.

Of a surface (:func:`from_surface`) the same sum is taken over vols interpolated 30 days away.

References:
    Cboe (2019), White Paper: Cboe Volatility Index.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from engine.errors import MarketDataError
from engine.market.grid import Floats, Grid, bracket
from engine.market.quotes import OptionQuotes
from engine.market.surface_history import Day
from engine.surfaces import parity, quote_cleaning

if TYPE_CHECKING:
    from engine.surfaces.kernels import Smile

MORNING_ROOTS = frozenset({"SPX"})
"""Roots that settle at the opening of their expiry; where one is listed on a monthly expiry it is the one used."""

MINUTES_IN_YEAR = 365 * 24 * 60
MINUTES_IN_DAY = 24 * 60
HORIZON_DAYS = 30
WINDOW = (23, 37)
"""Days to expiry: the near term is more than the first away, the next at most the second."""

QUOTE_TIME = 16 * 60 + 15
"""Minutes after midnight, New York, at which closing quotes are taken."""

SETTLEMENT_TIME = {True: 9 * 60 + 30, False: 16 * 60}
"""Minutes after midnight at which options settle: in the morning (True) or the afternoon."""

FRIDAY, THURSDAY = 4, 3
_LEAST_STRIKES = 3


@dataclass(frozen=True, eq=False)
class VixTerm:
    """One of the two expiries.

    Args:
        expiry, root: which options.
        minutes: to settlement.
        rate: per year.
        forward, k0: F and K0, currency.
        variance: σ², per year.
        strikes: one row a strike used: ``strike, kind`` (put, call or both), ``mid, delta_k, contribution`` to (2/T) Σ.
        zero_bids: quotes passed over on the way because nobody bid for them.
    """

    expiry: pd.Timestamp
    root: str
    minutes: float
    rate: float
    forward: float
    k0: float
    variance: float
    strikes: pd.DataFrame
    zero_bids: int

    @property
    def years(self) -> float:
        """T."""
        return self.minutes / MINUTES_IN_YEAR


@dataclass(frozen=True, eq=False)
class QuotedVix:
    """The index and its two terms.

    Args:
        value: index points.
        date: the day.
        near, next: the terms.
        dropped: quotes of the two terms that were unusable, with ``reason``.
    """

    value: float
    date: np.datetime64
    near: VixTerm
    next: VixTerm
    dropped: pd.DataFrame

    def __float__(self) -> float:
        return self.value


def from_quotes(
    quotes: OptionQuotes,
    *,
    day: Day | None = None,
    rate: float | None = None,
    window: tuple[int, int] = WINDOW,
    fridays_only: bool = True,
    quote_time: int = QUOTE_TIME,
) -> QuotedVix:
    """VIX of one day of quotes.

    Args:
        quotes: quotes of one or more days.
        day: which day; may be omitted if there is only one.
        rate: per year for both terms; that of put–call parity in each expiry if not given.
        window: days beyond which expiries do not count; wider ones serve markets without weekly options.
        fridays_only: leave out expiries on other days.
        quote_time: minutes after midnight at which the quotes were taken.

    Returns:
        The index, its terms and what was dropped.

    Raises:
        MarketDataError: if the two expiries around 30 days are not there, or one has too few quotes.
    """
    clean = quote_cleaning.clean(quotes, day, keep_untraded=True)
    # a zero bid is a stop sign here, not rubbish
    zero = clean.dropped[clean.dropped["reason"] == "zero_bid"].drop(columns="reason")
    listed = pd.concat([clean.table, zero]) if len(zero) else clean.table
    listed = listed.drop_duplicates(["expiry", "root", "strike", "is_call"])
    chosen = _expiries(listed, clean.date, window, fridays_only)
    near, next = (
        _term(listed[(listed["expiry"] == expiry) & (listed["root"] == root)], clean, rate, quote_time)
        for expiry, root in chosen
    )
    horizon = HORIZON_DAYS * MINUTES_IN_DAY
    share = (next.minutes - horizon) / (next.minutes - near.minutes)
    total = near.years * near.variance * share + next.years * next.variance * (1 - share)
    value = 100 * np.sqrt(max(total, 0.0) * MINUTES_IN_YEAR / horizon)
    used = clean.dropped["expiry"].isin([near.expiry, next.expiry]) & (clean.dropped["reason"] != "zero_bid")
    return QuotedVix(float(value), clean.date, near, next, clean.dropped[used].reset_index(drop=True))


def _expiries(
    listed: pd.DataFrame, date: np.datetime64, window: tuple[int, int], fridays_only: bool
) -> list[tuple[pd.Timestamp, str]]:
    """The near and the next expiry, with the root whose options count."""
    roots = listed.groupby("expiry")["root"].unique()
    days = {expiry: (expiry - pd.Timestamp(date)).days for expiry in roots.index}
    allowed = [
        expiry
        for expiry in roots.index
        if window[0] < days[expiry] <= window[1] and (not fridays_only or _ends_a_week(expiry, roots.index))
    ]
    near = [expiry for expiry in allowed if days[expiry] <= HORIZON_DAYS]
    later = [expiry for expiry in allowed if days[expiry] > HORIZON_DAYS]
    if not near or not later:
        side = "at most" if not near else "more than"
        found = ", ".join(f"{expiry:%Y-%m-%d} ({days[expiry]} days)" for expiry in roots.index[:8])
        raise MarketDataError(
            f"expected an expiry {side} {HORIZON_DAYS} days away within {window[0]} to {window[1]} days of {date}"
            f"{' on a Friday' if fridays_only else ''}; found {found}{' …' if len(roots) > 8 else ''}"
        )
    return [(expiry, _root(roots[expiry])) for expiry in (max(near), min(later))]


def _ends_a_week(expiry: pd.Timestamp, listed: pd.Index) -> bool:
    """A Friday, or a Thursday whose Friday has no options."""
    weekday = expiry.weekday()
    return weekday == FRIDAY or (weekday == THURSDAY and expiry + pd.Timedelta(days=1) not in listed)


def _root(roots: Iterable[str]) -> str:
    """The morning-settled options where there are any (monthly expiries), else the others."""
    return sorted(map(str, roots), key=lambda root: (root not in MORNING_ROOTS, root))[0]


def _term(rows: pd.DataFrame, clean: quote_cleaning.CleanQuotes, rate: float | None, quote_time: int) -> VixTerm:
    expiry, root = rows["expiry"].iloc[0], str(rows["root"].iloc[0])
    days = (expiry - pd.Timestamp(clean.date)).days
    minutes = float(days * MINUTES_IN_DAY - quote_time + SETTLEMENT_TIME[root in MORNING_ROOTS])
    years = minutes / MINUTES_IN_YEAR
    where = f"the {expiry:%Y-%m-%d} expiry ({root or 'no root'}) on {clean.date}"
    bid = rows[rows["bid"] > 0]
    pairs = parity.call_put_pairs(bid)
    if pairs.empty:
        raise MarketDataError(f"expected a strike with a bid for both call and put in {where}; found none")
    r = _parity_rate(parity.near_the_money(pairs, clean.spot), minutes) if rate is None else float(rate)
    nearest = pairs.iloc[int((pairs["call"] - pairs["put"]).abs().to_numpy().argmin())]
    forward = float(nearest["strike"] + np.exp(r * years) * (nearest["call"] - nearest["put"]))
    below = rows.loc[rows["strike"] <= forward, "strike"]
    if below.empty:
        raise MarketDataError(f"expected a strike at or below the forward of {forward:g} in {where}; found none")
    k0 = float(below.max())
    puts, passed_puts = _walk(rows[~rows["is_call"] & (rows["strike"] < k0)].sort_values("strike", ascending=False))
    calls, passed_calls = _walk(rows[rows["is_call"] & (rows["strike"] > k0)].sort_values("strike"))
    centre = rows[rows["strike"] == k0]
    both = pd.DataFrame({"strike": [k0], "mid": [centre["mid"].mean()], "kind": ["both"]})
    table = pd.concat([puts.assign(kind="put"), both, calls.assign(kind="call")], ignore_index=True)
    table = table[["strike", "kind", "mid"]].sort_values("strike", ignore_index=True)
    if len(table) < _LEAST_STRIKES:
        raise MarketDataError(f"expected at least {_LEAST_STRIKES} strikes with bids in {where}; found {len(table)}")
    strike = table["strike"].to_numpy()
    # half the distance between the neighbours; at the ends the distance to the only one
    table["delta_k"] = np.concatenate(
        [[strike[1] - strike[0]], (strike[2:] - strike[:-2]) / 2, [strike[-1] - strike[-2]]]
    )
    table["contribution"] = 2 / years * table["delta_k"] / strike**2 * np.exp(r * years) * table["mid"]
    variance = float(table["contribution"].sum() - (forward / k0 - 1) ** 2 / years)
    return VixTerm(expiry, root, minutes, r, forward, k0, variance, table, passed_puts + passed_calls)


def _walk(outwards: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """Quotes with a bid until two strikes in a row have none, and how many were passed over."""
    zero = (outwards["bid"] == 0).to_numpy()
    twice = np.flatnonzero(zero[1:] & zero[:-1])
    end = int(twice[0]) if len(twice) else len(outwards)
    kept = np.flatnonzero(~zero[:end])
    return outwards[["strike", "mid"]].iloc[kept], int(zero[:end].sum())


def _parity_rate(pairs: pd.DataFrame, minutes: float) -> float:
    """Discount rate of the line through the pairs; zero where it cannot be drawn (it hardly matters at 30 days)."""
    forward, discount = parity.parity_line(
        pairs["strike"].to_numpy(dtype=np.float64), (pairs["call"] - pairs["put"]).to_numpy(dtype=np.float64)
    )
    return float(-np.log(discount) * MINUTES_IN_YEAR / minutes) if np.isfinite(forward) else 0.0


HORIZON = 30 / 365
"""T: thirty calendar days, in years."""

_FINEST, _SPREAD = 0.002, 0.04
"""Strike spacing at the money, and how fast it widens away from it."""

_LOWEST, _HIGHEST = 0.05, 4.0
"""Strikes of the sum, as multiples of spot."""

_QUOTED = (0.5, 1.5)
"""Strikes beyond which the vol is held constant: the thesis's range for this index, on its grid from 0.6 to 1.4 …"""

_BEYOND = 0.1
"""… and on a narrower grid as far beyond its last strikes as that range reaches beyond the thesis's."""

_CHUNK = 512
"""Surfaces a thread takes at a time."""


def strikes() -> Floats:
    """The strikes of the sum, as multiples of spot: 0.2 % apart at the money, wider in the wings.

    log m = c sinh(u), u equispaced, so that both an index of 5 and one of 150 are summed finely enough.
    """
    scale = _FINEST / _SPREAD
    low, high = np.arcsinh(np.log([_LOWEST, _HIGHEST]) / scale) / _SPREAD
    return np.exp(scale * np.sinh(_SPREAD * np.arange(np.ceil(low), np.floor(high) + 1)))


def from_surface(iv: ArrayLike, grid: Grid, rate: ArrayLike = 0.0) -> Floats:
    """VIX of implied volatility surfaces, in index points.

    VIX = 100 σ, σ² = (2/T) Σ ΔK/K² e^{rT} Q(K) − (1/T)(F/K0 − 1)², T = 30 days, F = e^{rT} (in units of spot), K0 the
    highest strike not above F, Q the price of the out-of-the-money option (the mean of put and call at K0), ΔK half the
    distance between the neighbouring strikes.

    Vols come from the surface by the project's interpolation, linear in moneyness, then in maturity, linear outside
    the grid, and are held constant from a tenth of spot beyond its last strikes, and anyhow below half and above one
    and a half times spot: a line drawn farther runs off to vols that nobody quotes. Strikes run from 0.05 to 4 times
    spot. Cutting there loses less than 0.001 points from a flat vol of 100 % and 0.1 points from one of 200 %; the
    sum's own error is below 0.02 points for flat vols from 4 % to 150 %.

    Args:
        iv: ``(..., n_moneyness, n_maturity)`` annualised.
        grid: its grid.
        rate: per year, broadcast against the leading axes.

    Returns:
        ``(...)`` index points.

    Raises:
        MarketDataError: if shapes disagree or a vol is not a finite positive number.

    References:
        Cboe (2023), Volatility Index Methodology: Cboe Volatility Index, section 3.
    """
    from engine.surfaces import kernels  # numba takes a while to import

    surfaces = np.asarray(iv, dtype=np.float64)
    if surfaces.shape[-2:] != grid.shape:
        raise MarketDataError(f"expected surfaces of shape (..., {grid.shape}); found {surfaces.shape}")
    if not (np.isfinite(surfaces).all() and (surfaces > 0).all()):
        raise MarketDataError("expected finite implied vols > 0; found others")
    leading = surfaces.shape[:-2]
    flat = np.ascontiguousarray(surfaces.reshape(-1, grid.size))
    rates = np.broadcast_to(np.asarray(rate, dtype=np.float64), leading).reshape(-1)
    index = np.empty(len(flat))
    smile = _smile(grid)

    def chunk(start: int) -> None:
        rows = slice(start, start + _CHUNK)
        kernels.index(flat[rows], rates[rows], smile, index[rows])

    for _ in kernels.mapped(chunk, range(0, len(flat), _CHUNK)):
        pass
    return index.reshape(leading)


def _smile(grid: Grid) -> Smile:
    """Where the vol at each strike of the sum comes from on a grid."""
    from engine.surfaces.kernels import Smile

    k = strikes()
    low, high = max(_QUOTED[0], grid.moneyness[0] - _BEYOND), min(_QUOTED[1], grid.moneyness[-1] + _BEYOND)
    i, across = bracket(grid.moneyness, np.clip(k, low, high))
    j, later = bracket(grid.maturity, np.asarray(HORIZON))
    row = grid.shape[1]
    share = np.gradient(k) / k**2
    return Smile(k, np.log(k), share, i * row + int(j), across, float(later), row, HORIZON)
