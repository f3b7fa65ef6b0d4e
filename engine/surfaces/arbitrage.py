"""Static arbitrage on a grid: calendar, call-spread and butterfly violations of implied volatility surfaces, and Φ.

With c the relative call price and [x]⁺ = max(x, 0):

* P1_ij = [τ_j (c(m_i,τ_j) − c(m_i,τ_{j+1}))/(τ_{j+1} − τ_j)]⁺, calendar; 0 in the last column
* P2_ij = [(c(m_{i+1},τ_j) − c(m_i,τ_j))/(m_{i+1} − m_i)]⁺, call spread; 0 in the last row
* P3_ij = [(c_i − c_{i−1})/(m_i − m_{i−1}) − (c_{i+1} − c_i)/(m_{i+1} − m_i)]⁺, butterfly; 0 in the first and last row
* Φ = Σ_ij (P1 + P2 + P3), zero if and only if the surface has no static arbitrage on the grid.

A price difference of at most ``PRICE_TOLERANCE`` (2e-15 of spot; over the strike step for a butterfly) is rounding and
counts as zero. That makes Φ of an arbitrage-free surface exactly 0, also in deep wings where prices do not move with
vol any more, and changes no violation by more than that tolerance.

References:
    Simulation of arbitrage-free implied volatility surfaces, (2.6)–(2.14).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine.errors import MarketDataError, SettingsError
from engine.market.grid import Floats, Grid

CHUNK_CELLS = 80_000
"""Grid points a thread takes at a time, 0.6 MB of vols: inside the second-level cache, half a millisecond of work."""

Kind = Literal["calendar", "call_spread", "butterfly"]


@dataclass(frozen=True, eq=False)
class Penalty:
    """Violations of static arbitrage by surface and grid point.

    Args:
        calendar: ``(..., n_moneyness, n_maturity)`` P1.
        call_spread: the same for P2.
        butterfly: the same for P3.
        total: ``(...)`` Φ.
    """

    calendar: Floats
    call_spread: Floats
    butterfly: Floats
    total: Floats


@dataclass(frozen=True)
class WorstCell:
    """The largest violation of one kind.

    Args:
        kind: ``calendar``, ``call_spread`` or ``butterfly``.
        moneyness: the strikes it spans, equal for a calendar; the outer two for a butterfly.
        maturity: the maturities it spans in years, equal unless it is a calendar.
        value: P at that cell; 0 if there is no violation.
        index: its row and column.
        description: the same in words, such as ``the 1.3–1.4 call spread at 1Y``.
    """

    kind: Kind
    moneyness: tuple[float, float]
    maturity: tuple[float, float]
    value: float
    index: tuple[int, int]
    description: str


def penalty(iv: ArrayLike, grid: Grid, rate: ArrayLike = 0.0) -> Penalty:
    """P1, P2, P3 and Φ of each surface.

    Args:
        iv: ``(..., n_moneyness, n_maturity)`` annualised, float32 or float64.
        grid: the grid of ``iv``.
        rate: scalar, or broadcastable to the leading axes of ``iv``; per year.

    Returns:
        Three arrays of the shape of ``iv`` and Φ of its leading axes, float64.

    Raises:
        MarketDataError: if shapes disagree, or a vol is not finite and positive, naming where.
    """
    shape = np.shape(iv)
    matrices = np.empty((math.prod(shape[:-2]), 3, grid.size))
    total = _violations(iv, grid, rate, matrices)
    p1, p2, p3 = np.moveaxis(matrices.reshape(*shape[:-2], 3, *shape[-2:]), -3, 0)
    return Penalty(p1, p2, p3, total)


def total_penalty(iv: ArrayLike, grid: Grid, rate: ArrayLike = 0.0) -> Floats:
    """Φ of each surface, streamed through the cache: no matrix is ever stored.

    Args:
        iv: ``(..., n_moneyness, n_maturity)`` annualised, float32 or float64.
        grid: the grid of ``iv``.
        rate: scalar, or broadcastable to the leading axes of ``iv``; per year.

    Returns:
        ``(...)`` Φ, the same numbers as :func:`penalty` gives.

    Raises:
        MarketDataError: if shapes disagree, or a vol is not finite and positive, naming where.
    """
    return _violations(iv, grid, rate, None)


def warm_up() -> None:
    """Load the compiled kernel, about 0.7 s once a process, so that no page's first penalty waits for it."""
    total_penalty(np.ones((3, 2)), Grid([0.9, 1.0, 1.1], [0.5, 1.0]))


def aggregate_cube(total: ArrayLike, how: Literal["sum", "max"] = "sum") -> Floats:
    """Penalty of a swaption cube from the Φ of its tenors: Φ_1 = Σ Φ (``sum``) or Φ_∞ = max Φ (``max``).

    Args:
        total: ``(..., n_tenors)`` Φ of each tenor's surface.
        how: ``sum`` or ``max``.

    Returns:
        ``(...)`` penalties.

    Raises:
        SettingsError: for any other ``how``.

    References:
        Simulation of arbitrage-free implied volatility surfaces, (2.13)–(2.14).
    """
    tenors = np.asarray(total, dtype=np.float64)
    if how == "sum":
        return np.asarray(tenors.sum(axis=-1))
    if how == "max":
        return np.asarray(tenors.max(axis=-1))
    raise SettingsError(f"expected the aggregation to be sum or max; found {how!r}")


def worst_cell(matrix: ArrayLike, grid: Grid, kind: Kind) -> WorstCell:
    """The largest violation in a penalty matrix, in words a person can look up on a quote screen.

    Args:
        matrix: ``(n_moneyness, n_maturity)`` P1, P2 or P3, of one surface or averaged over many.
        grid: its grid.
        kind: which of the three it is.

    Returns:
        Strikes, maturities, value and description; the first cell if several tie.

    Raises:
        MarketDataError: if the matrix is not on the grid.
        SettingsError: for an unknown kind.
    """
    values = np.asarray(matrix, dtype=np.float64)
    if values.shape != grid.shape:
        raise MarketDataError(f"expected a penalty matrix of shape {grid.shape}; found {values.shape}")
    if kind not in ("calendar", "call_spread", "butterfly"):
        raise SettingsError(f"expected calendar, call_spread or butterfly; found {kind!r}")
    inner = {
        "calendar": np.s_[:, :-1],
        "call_spread": np.s_[:-1, :],
        "butterfly": np.s_[1:-1, :],
    }[kind]
    candidates = np.full(grid.shape, -np.inf)
    candidates[inner] = values[inner]
    i, j = (int(k) for k in np.unravel_index(candidates.argmax(), grid.shape))
    value = float(values[i, j])
    m, tau = grid.moneyness, grid.maturity
    strike, expiry = grid.moneyness_labels[i], grid.maturity_labels[j]
    if kind == "calendar":
        strikes, years = (m[i], m[i]), (tau[j], tau[j + 1])
        words = f"the {expiry}–{grid.maturity_labels[j + 1]} calendar at {strike}"
    elif kind == "call_spread":
        strikes, years = (m[i], m[i + 1]), (tau[j], tau[j])
        words = f"the {m[i]:.4g}–{m[i + 1]:.4g} call spread at {expiry}"
    else:
        strikes, years = (m[i - 1], m[i + 1]), (tau[j], tau[j])
        words = f"the butterfly at {strike} strike, {expiry}"
    if not value > 0:
        words = f"no {kind.replace('_', '-')} arbitrage"
    low, high = (float(x) for x in strikes)
    start, end = (float(x) for x in years)
    return WorstCell(kind, (low, high), (start, end), value, (i, j), words)


def _violations(iv: ArrayLike, grid: Grid, rate: ArrayLike, matrices: Floats | None) -> Floats:
    """Φ of each surface, and P1, P2, P3 into ``(n, 3, N)`` matrices if given."""
    from engine.surfaces import kernels  # numba takes a while to import

    surfaces = np.asarray(iv)
    rates = _rates(rate, surfaces, grid)
    flat = surfaces.reshape(-1, grid.size)
    total = np.empty(len(flat))
    layout = kernels.layout(grid.moneyness, grid.maturity)
    nowhere = np.empty((0, 3, grid.size))

    def chunk(start: int) -> int:
        part = slice(start, start + rows)
        vols = np.ascontiguousarray(flat[part], dtype=np.float64)
        room = nowhere if matrices is None else matrices[part]
        wrong = kernels.violations(vols, rates[part], layout, room, total[part])
        return start + wrong if wrong >= 0 else -1

    rows = max(1, CHUNK_CELLS // grid.size)
    for wrong in kernels.mapped(chunk, range(0, len(flat), rows)):
        if wrong >= 0:
            raise MarketDataError(_where(surfaces, wrong, grid))
    return total.reshape(surfaces.shape[:-2])


def _rates(rate: ArrayLike, surfaces: NDArray[Any], grid: Grid) -> Floats:
    """One rate a surface, after checking all shapes."""
    if surfaces.shape[-2:] != grid.shape:
        raise MarketDataError(
            f"expected surfaces of shape (..., {grid.shape[0]}, {grid.shape[1]}); found {surfaces.shape}"
        )
    rates = np.asarray(rate, dtype=np.float64)
    if not np.isfinite(rates).all():
        raise MarketDataError(f"expected finite rates; found {rates[~np.isfinite(rates)].flat[0]:g}")
    try:
        return np.array(np.broadcast_to(rates, surfaces.shape[:-2])).reshape(-1)
    except ValueError:
        shapes = f"{surfaces.shape[:-2]}; found shape {rates.shape}"
        raise MarketDataError(f"expected rates that broadcast to {shapes}") from None


def _where(surfaces: NDArray[Any], row: int, grid: Grid) -> str:
    """The sentence for the first vol of a flat row that is not finite and positive."""
    surface = surfaces.reshape(-1, *grid.shape)[row]
    i, j = np.argwhere(~((surface > 0) & np.isfinite(surface)))[0]
    where = f"at {grid.moneyness_labels[i]}, {grid.maturity_labels[j]}"
    if surfaces.ndim > 2:
        where += f" of surface {tuple(int(k) for k in np.unravel_index(row, surfaces.shape[:-2]))}"
    return f"expected implied vols that are finite and > 0; found {surface[i, j]:g} {where}"
