"""Option chains whose true surface is known: quotes made from a surface, with spreads, ticks and noise.

What smoothing makes of such a chain can be held against the surface it came from.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from engine.errors import MarketDataError
from engine.market.grid import Floats, Grid
from engine.market.quotes import OptionQuotes
from engine.market.surface_history import SurfaceHistory
from engine.surfaces import black_scholes

ROOT = "SIM"
"""Root of the made-up options (settled in the afternoon)."""

STRIKES = (0.5, 1.5)
"""Lowest and highest strike listed, fractions of spot; short expiries list fewer."""

WEEKS = 9
"""Fridays listed one by one; after these the third Friday of each month."""

MONTHS = 18

_REACH = 7.0
_MOST_STRIKES = 90
_TICK = 0.05
_LEAST_HALF_SPREAD = 0.05
_PRICE_SHARE = 0.006
_BUSY = 400.0


def from_history(
    history: SurfaceHistory, row: int, *, seed: int = 0, noise: float = 0.5, name: str = ""
) -> OptionQuotes:
    """The chain of one day of a surface history; arguments as in :func:`chain`."""
    return chain(
        history.iv[row],
        history.grid,
        spot=float(history.spot[row]),
        rate=float(history.rate[row]),
        date=history.dates[row],
        rng=np.random.default_rng(seed),
        noise=noise,
        name=name or f"Simulated option chain of {history.dates[row]}",
    )


def chain(
    iv: Floats,
    grid: Grid,
    *,
    spot: float,
    rate: float,
    date: np.datetime64,
    rng: np.random.Generator,
    noise: float = 0.5,
    name: str = "Simulated option chain",
) -> OptionQuotes:
    """Quotes of calls and puts on every listed strike and expiry.

    The price is Black–Scholes at the surface's vol (linear between grid points, held at the edges); the half-spread is
    a tick plus 0.6 % of the out-of-the-money price and 0.03 % of spot times the square root of maturity; the mid is off
    by a uniform error of up to ``noise`` half-spreads, the same for no two quotes; bids are rounded down and asks up to
    ticks of 0.05. Bids of worthless options are zero, and options far from the money are often untraded, so that
    cleaning has something to do.

    Args:
        iv: ``(n_moneyness, n_maturity)`` true vols, annualised.
        grid: their grid.
        spot: currency.
        rate: per year.
        date: the quote day.
        rng: draws the noise and the volumes.
        noise: 0 for mids that are exact up to rounding.
        name: what a person calls them.

    Raises:
        MarketDataError: if the surface is not on the grid or the noise not in [0, 1].
    """
    surface = np.asarray(iv, dtype=np.float64)
    if surface.shape != grid.shape:
        raise MarketDataError(f"expected a surface of shape {grid.shape}; found {surface.shape}")
    if not 0 <= noise <= 1:
        raise MarketDataError(f"expected noise of 0 to 1 half-spreads; found {noise:g}")
    listed = [_strikes(surface, grid, expiry, spot, date) for expiry in expiries(date)]
    table = pd.concat(listed, ignore_index=True)
    table = pd.concat([table.assign(is_call=True), table.assign(is_call=False)], ignore_index=True)
    table = table.sort_values(["expiry", "strike", "is_call"], ascending=[True, True, False], ignore_index=True)
    m, tau = table["strike"] / spot, table["maturity"]
    price = black_scholes.price(spot, table["strike"], tau, table["true_iv"], rate, table["is_call"])
    out = black_scholes.price(spot, table["strike"], tau, table["true_iv"], rate, m >= 1)
    half = _LEAST_HALF_SPREAD + _PRICE_SHARE * out + 3e-4 * spot * np.sqrt(tau) * np.minimum(out / (0.01 * spot), 1)
    mid = price + noise * half * rng.uniform(-1, 1, len(table))
    bid = np.maximum(np.floor((mid - half) / _TICK + 1e-9), 0) * _TICK
    ask = np.maximum(np.ceil((mid + half) / _TICK - 1e-9), 1) * _TICK
    away = np.log(m) / (table["true_iv"] * np.sqrt(tau))
    volume = rng.poisson(_BUSY * np.exp(-(away**2) / 2 - 2 * tau) * np.where((m >= 1) == table["is_call"], 1, 0.1))
    return OptionQuotes(
        pd.DataFrame(
            {
                "date": pd.Timestamp(date),
                "expiry": table["expiry"],
                "strike": table["strike"],
                "is_call": table["is_call"],
                "bid": np.round(bid, 2),
                "ask": np.round(ask, 2),
                "spot": spot,
                "volume": volume.astype(np.float64),
                "iv": np.nan,
                "root": ROOT,
            }
        ),
        name,
    )


def expiries(date: np.datetime64) -> list[np.datetime64]:
    """The next ``WEEKS`` Fridays and the third Fridays of the months after them, up to ``MONTHS`` ahead."""
    day = date.astype("datetime64[D]")
    friday = np.busday_offset(day + 1, 0, roll="forward", weekmask="Fri")
    weekly = [friday + 7 * week for week in range(WEEKS)]
    months = day.astype("datetime64[M]") + np.arange(MONTHS + 1)
    monthly = np.busday_offset(months.astype("datetime64[D]"), 2, roll="forward", weekmask="Fri")
    return [*weekly, *(third for third in monthly if third > weekly[-1])]


def _strikes(surface: Floats, grid: Grid, expiry: np.datetime64, spot: float, date: np.datetime64) -> pd.DataFrame:
    """Listed strikes of an expiry, dense at the money, as far out as an option may still be worth something."""
    tau = float((expiry - date.astype("datetime64[D]")).astype(int)) / 365
    held = float(np.clip(tau, *grid.maturity[[0, -1]]))
    low, high = grid.interpolate(surface, [grid.moneyness[0], grid.moneyness[-1]], held)
    reach = _REACH * np.sqrt(tau)
    ends = (max(STRIKES[0], np.exp(-reach * low)), min(STRIKES[1], np.exp(reach * high)))
    step = 10.0 ** np.floor(np.log10(spot * (ends[1] - ends[0]) / _MOST_STRIKES))
    step *= next(k for k in (1, 2.5, 5, 10) if spot * (ends[1] - ends[0]) / (k * step) <= _MOST_STRIKES)
    strike = np.arange(np.ceil(ends[0] * spot / step), np.floor(ends[1] * spot / step) + 1) * step
    iv = grid.interpolate(surface, np.clip(strike / spot, *grid.moneyness[[0, -1]]), held)
    return pd.DataFrame({"expiry": pd.Timestamp(expiry), "strike": strike, "maturity": tau, "true_iv": iv})
