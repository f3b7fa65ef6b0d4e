"""The volatility index of a surface, by the method of the Cboe; :func:`from_quotes` is that of quotes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from engine.errors import MarketDataError
from engine.market.grid import Floats, Grid, bracket
from engine.surfaces.threads import mapped
from engine.surfaces.vix_quotes import from_quotes

if TYPE_CHECKING:
    from engine.surfaces.vix_kernel import Smile

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
    from engine.surfaces import vix_kernel as kernel  # numba takes a while to import

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
        kernel.index(flat[rows], rates[rows], smile, index[rows])

    for _ in mapped(chunk, range(0, len(flat), _CHUNK)):
        pass
    return index.reshape(leading)


def _smile(grid: Grid) -> Smile:
    """Where the vol at each strike of the sum comes from on a grid."""
    from engine.surfaces.vix_kernel import Smile

    k = strikes()
    low, high = max(_QUOTED[0], grid.moneyness[0] - _BEYOND), min(_QUOTED[1], grid.moneyness[-1] + _BEYOND)
    i, across = bracket(grid.moneyness, np.clip(k, low, high))
    j, later = bracket(grid.maturity, np.asarray(HORIZON))
    row = grid.shape[1]
    share = np.gradient(k) / k**2
    return Smile(k, np.log(k), share, i * row + int(j), across, float(later), row, HORIZON)
