"""Vega-weighted Nadaraya–Watson smoothing of scattered vols onto a grid, and the search for its two bandwidths.

σ̂(m', τ') = Σ κ k(m' − m, τ' − τ) σ / Σ κ k(m' − m, τ' − τ),  k(x, y) = exp(−x²/(2h1) − y²/(2h2)) / (2π)  (3.13)

h1 and h2 are variances, as printed: the kernel's standard deviations are √h1 in moneyness and √h2 in years. The kernel
is a product of a moneyness part and a maturity part, so smoothing onto a grid is one matrix product, and a whole row of
the bandwidth search is another.

Far from every quote all weights underflow. The ratio then still has a limit, the vol of the quotes nearest in units of
the kernel, and that is what is returned (computed with the largest weight scaled to one); :func:`reach` says how far
away those quotes are.

References:
    Data-driven generative models for financial markets, (3.13) and section 3.3.1.
    Nadaraya, E. (1964), On estimating regression, Theory of Probability and its Applications 9(1).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine.errors import MarketDataError, SettingsError
from engine.market.grid import Floats, Grid
from engine.surfaces import arbitrage

Bandwidth = tuple[float, float]
"""(h1, h2): variances of the kernel in moneyness and in years."""

BANDWIDTHS = np.round(np.arange(1, 51) * 0.002, 3)
"""The values searched for h1 and for h2: 0.002, 0.004, …, 0.1 (SPEC 1.1)."""

PUBLISHED_BANDWIDTH: Bandwidth = (0.002, 0.046)
"""What the thesis's search found on 31 January 2000."""

_UNDERFLOW = 1e-280
"""Below this a sum of weights may have lost terms that matter, and is computed again with scaled weights."""

_TIE = 1e-12
"""Penalties that differ by no more than this are equal: both are rounding away from zero arbitrage."""


@dataclass(frozen=True, eq=False)
class ScatteredVols:
    """Vols of options wherever they are quoted.

    Args:
        moneyness, maturity: ``(n,)`` K/S and years.
        iv: ``(n,)`` annualised.
        weight: ``(n,)`` ≥ 0, not all zero; vega for (3.13).

    Raises:
        MarketDataError: if shapes disagree, values are not finite, or no weight is positive.
    """

    moneyness: Floats
    maturity: Floats
    iv: Floats
    weight: Floats

    def __post_init__(self) -> None:
        n = np.shape(self.moneyness)
        for name in ("moneyness", "maturity", "iv", "weight"):
            values = np.asarray(getattr(self, name), dtype=np.float64)
            if values.ndim != 1 or values.shape != n or not len(values):
                raise MarketDataError(f"expected {name} of shape (n,) with n >= 1; found {values.shape} beside {n}")
            if not np.isfinite(values).all():
                raise MarketDataError(f"expected finite {name}; found {values[~np.isfinite(values)][0]:g}")
            object.__setattr__(self, name, values)
        if self.weight.min() < 0 or not self.weight.max() > 0:
            raise MarketDataError("expected weights >= 0 that are not all zero; found others")

    def __len__(self) -> int:
        return len(self.iv)


@dataclass(frozen=True, eq=False)
class BandwidthSearch:
    """Φ over the bandwidths tried, and the pair chosen.

    Args:
        h1, h2: ``(a,)`` and ``(b,)`` values tried.
        penalty: ``(a, b)`` Φ of the surface that each pair gives.
        error: ``(a, b)`` vega-weighted root mean square of surface minus quotes, vol as a fraction.
        best: the pair with the least Φ; among equals the one closest to the quotes.
        ties: how many pairs share the least Φ.
    """

    h1: Floats
    h2: Floats
    penalty: Floats
    error: Floats
    best: Bandwidth
    ties: int


def kernel_weights(moneyness: ArrayLike, maturity: ArrayLike, quotes: ScatteredVols, bandwidth: Bandwidth) -> Floats:
    """κ k(m' − m, τ' − τ) of every quote at scattered points, the terms of (3.13).

    Args:
        moneyness, maturity: ``(q,)`` points.
        quotes: n vols.
        bandwidth: (h1, h2).

    Returns:
        ``(q, n)``; zero where the kernel underflows.
    """
    h1, h2 = check_bandwidth(bandwidth)
    exponent = _squares(moneyness, quotes.moneyness) / (2 * h1) + _squares(maturity, quotes.maturity) / (2 * h2)
    weights: Floats = quotes.weight * np.exp(-exponent) / (2 * np.pi)
    return weights


def smooth(quotes: ScatteredVols, grid: Grid, bandwidth: Bandwidth, values: ArrayLike | None = None) -> Floats:
    """The smoothed surface σ̂ on a grid (3.13).

    Args:
        quotes: n vols and their weights.
        grid: where to.
        bandwidth: (h1, h2).
        values: ``(n,)`` what to smooth instead of the vols (half-spreads, say).

    Returns:
        ``(n_moneyness, n_maturity)``, always finite; each value lies between the least and the greatest quote.
    """
    h1, h2 = check_bandwidth(bandwidth)
    y = quotes.iv if values is None else np.asarray(values, dtype=np.float64)
    early = _scaled_kernel(grid.moneyness, quotes.moneyness, h1)  # (n_moneyness, n)
    late = _scaled_kernel(grid.maturity, quotes.maturity, h2)  # (n_maturity, n)
    return _ratio(quotes, y, early, late, grid, (h1, np.array([h2])))[:, 0]


def reach(quotes: ScatteredVols, grid: Grid, bandwidth: Bandwidth) -> Floats:
    """Distance of each grid point to its nearest quote, in standard deviations of the kernel.

    Returns:
        ``(n_moneyness, n_maturity)`` min over quotes of √((m' − m)²/h1 + (τ' − τ)²/h2).
    """
    h1, h2 = check_bandwidth(bandwidth)
    late = _squares(grid.maturity, quotes.maturity) / h2  # (n_maturity, n)
    rows = [np.sqrt((late + (m - quotes.moneyness) ** 2 / h1).min(axis=1)) for m in grid.moneyness]
    return np.stack(rows)


def search_bandwidth(
    quotes: ScatteredVols,
    grid: Grid,
    rate: float = 0.0,
    h1: ArrayLike = BANDWIDTHS,
    h2: ArrayLike = BANDWIDTHS,
) -> BandwidthSearch:
    """Smooth with every pair of bandwidths and choose the pair with the least arbitrage penalty.

    The penalty is often exactly zero for many pairs. Among those the one whose surface, interpolated to the quotes,
    is closest to them is chosen: smoothing beyond what no-arbitrage asks for only loses the smile.

    Args:
        quotes: n vols and their weights.
        grid: the grid on which Φ is taken.
        rate: per year, for Φ.
        h1, h2: values to try, > 0.

    Returns:
        Φ and fit of all pairs and the best pair.
    """
    first, second = (np.array([check_positive(float(h)) for h in np.ravel(values)]) for values in (h1, h2))
    late = np.concatenate([_scaled_kernel(grid.maturity, quotes.maturity, h) for h in second])  # (b · n_maturity, n)
    near = inside(grid, quotes.moneyness, quotes.maturity)
    weight = quotes.weight[near] / max(float(quotes.weight[near].sum()), np.finfo(float).tiny)
    phi = np.empty((len(first), len(second)))
    error = np.zeros_like(phi)
    for row, h in enumerate(first):
        early = _scaled_kernel(grid.moneyness, quotes.moneyness, h)
        surfaces = _ratio(quotes, quotes.iv, early, late, grid, (h, second)).transpose(1, 0, 2)  # (b, M, T)
        phi[row] = arbitrage.total_penalty(surfaces, grid, rate)
        if near.any():
            fitted = grid.interpolate(surfaces, quotes.moneyness[near], quotes.maturity[near])  # (b, n near)
            error[row] = np.sqrt((fitted - quotes.iv[near]) ** 2 @ weight)
    equal = phi <= phi.min() + _TIE
    i, j = np.unravel_index(np.where(equal, error, np.inf).argmin(), phi.shape)
    return BandwidthSearch(first, second, phi, error, (float(first[i]), float(second[j])), int(equal.sum()))


def check_bandwidth(bandwidth: Bandwidth) -> Bandwidth:
    """The pair itself, if both are positive and finite.

    Raises:
        SettingsError: otherwise.
    """
    if len(bandwidth) != 2:
        raise SettingsError(f"expected two bandwidths (h1, h2); found {len(bandwidth)}")
    return check_positive(float(bandwidth[0])), check_positive(float(bandwidth[1]))


def check_positive(h: float) -> float:
    """One bandwidth, if it is positive and finite.

    Raises:
        SettingsError: otherwise.
    """
    if not (0 < h < np.inf):
        raise SettingsError(f"expected a bandwidth > 0; found {h:g}")
    return h


def inside(grid: Grid, moneyness: Floats, maturity: Floats) -> NDArray[np.bool_]:
    """Which points lie within the grid, its edges included."""
    within: NDArray[np.bool_] = (
        (moneyness >= grid.moneyness[0])
        & (moneyness <= grid.moneyness[-1])
        & (maturity >= grid.maturity[0])
        & (maturity <= grid.maturity[-1])
    )
    return within


def _ratio(
    quotes: ScatteredVols, y: Floats, early: Floats, late: Floats, grid: Grid, h: tuple[float, Floats]
) -> Floats:
    """Σ κ k y / Σ κ k for one h1 and all h2: ``(n_moneyness, b, n_maturity)``."""
    weighted = early * (quotes.weight / quotes.weight.max())
    below = weighted @ late.T  # (n_moneyness, b · n_maturity)
    above = (weighted * y) @ late.T
    lost = np.argwhere(below < _UNDERFLOW)
    below[tuple(lost.T)] = 1.0
    surface = above / below
    n_maturity = len(grid.maturity)
    for i, column in lost:
        b, j = divmod(int(column), n_maturity)
        surface[i, column] = _far_away(quotes, y, grid.moneyness[i], grid.maturity[j], h[0], float(h[1][b]))
    # a weighted mean lies within its values, but rounding may leave it one unit outside
    bounded: Floats = np.clip(surface, y.min(), y.max())
    return bounded.reshape(len(grid.moneyness), -1, n_maturity)


def _far_away(quotes: ScatteredVols, y: Floats, m: float, tau: float, h1: float, h2: float) -> float:
    """The ratio at one point with the largest weight scaled to one, so that nothing underflows."""
    with np.errstate(divide="ignore"):
        exponent = (
            np.log(quotes.weight) - (m - quotes.moneyness) ** 2 / (2 * h1) - (tau - quotes.maturity) ** 2 / (2 * h2)
        )
    weights = np.exp(exponent - exponent.max())
    return float(weights @ y / weights.sum())


def _scaled_kernel(points: Floats, quotes: Floats, h: float) -> Floats:
    """exp(−(x² − min x²)/(2h)) of each point against each quote: the row's largest value is one."""
    squares = _squares(points, quotes)
    scaled: Floats = np.exp(-(squares - squares.min(axis=1, keepdims=True)) / (2 * h))
    return scaled


def _squares(points: ArrayLike, quotes: Floats) -> Floats:
    squares: Floats = (np.atleast_1d(np.asarray(points, dtype=np.float64))[:, None] - quotes) ** 2
    return squares
