"""The volatility index of a surface, by the method of the Cboe; :func:`from_quotes` is that of quotes."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from engine.errors import MarketDataError
from engine.market.grid import Floats, Grid
from engine.surfaces import black_scholes
from engine.surfaces.vix_quotes import from_quotes

__all__ = ["from_quotes", "from_surface", "strikes"]

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
"""Surfaces priced at once: their strikes fit in cache."""


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
    surfaces = np.asarray(iv, dtype=np.float64)
    if surfaces.shape[-2:] != grid.shape:
        raise MarketDataError(f"expected surfaces of shape (..., {grid.shape}); found {surfaces.shape}")
    if not (np.isfinite(surfaces).all() and (surfaces > 0).all()):
        raise MarketDataError("expected finite implied vols > 0; found others")
    leading = surfaces.shape[:-2]
    flat = surfaces.reshape(-1, *grid.shape)
    rates = np.broadcast_to(np.asarray(rate, dtype=np.float64), leading).reshape(-1)
    index = np.empty(len(flat))
    for start in range(0, len(flat), _CHUNK):
        rows = slice(start, start + _CHUNK)
        index[rows] = _index(flat[rows], grid, rates[rows])
    return index.reshape(leading)


def _index(iv: Floats, grid: Grid, rate: Floats) -> Floats:
    """The sum for surfaces ``(n, n_moneyness, n_maturity)`` and rates ``(n,)``."""
    k = strikes()
    growth = np.exp(rate * HORIZON)  # (n,) e^{rT}, which is also the forward
    at = np.searchsorted(k, growth, side="right") - 1  # (n,) position of K0
    column = np.arange(len(k))
    low, high = max(_QUOTED[0], grid.moneyness[0] - _BEYOND), min(_QUOTED[1], grid.moneyness[-1] + _BEYOND)
    smile = grid.interpolate(iv, np.clip(k, low, high), HORIZON)  # (n, n_strikes)
    price = black_scholes.price(1.0, k, HORIZON, smile, rate[:, None], is_call=column > at[:, None])
    # at K0 the price so far is the put's; by parity the call costs 1 − K0 e^{−rT} more
    price[np.arange(len(iv)), at] += (1 - k[at] / growth) / 2
    variance = 2 / HORIZON * growth * (price @ (np.gradient(k) / k**2)) - (growth / k[at] - 1) ** 2 / HORIZON
    index: Floats = 100 * np.sqrt(np.maximum(variance, 0.0))  # rounding, where no option has any value
    return index
