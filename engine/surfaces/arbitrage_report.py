"""What static arbitrage there is: through a history, in money, under noise, and under parallel shifts.

References:
    Simulation of arbitrage-free implied volatility surfaces, sections 2.3–2.4, Table 2.3, figures 2.8–2.13.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from engine.errors import SettingsError
from engine.market.grid import LOWEST_IV, Floats, Grid
from engine.market.surface_history import SurfaceHistory
from engine.surfaces import arbitrage
from engine.surfaces.arbitrage import WorstCell

KINDS: tuple[arbitrage.Kind, ...] = ("calendar", "call_spread", "butterfly")

QUANTILES = (0.5, 0.9, 0.95, 0.99)
"""Levels of Table 2.3."""

CONTRACT = 100
"""Options on the index are for 100 times its level."""

CHUNK = 1_000
"""Surfaces whose matrices are held at a time."""


@dataclass(frozen=True, eq=False)
class Decomposition:
    """Φ of many surfaces and how much of it each constraint contributes.

    Args:
        total: ``(n,)`` Φ.
        by_kind: ``(n, 3)`` Σ P1, Σ P2, Σ P3 of each surface, in the order of ``KINDS``.
        mean: kind → ``(n_moneyness, n_maturity)`` average penalty matrix.
    """

    total: Floats
    by_kind: Floats
    mean: dict[str, Floats]

    def free_share(self) -> dict[str, float]:
        """Share of surfaces without arbitrage: in total, and without each kind."""
        shares = {"total": float((self.total == 0).mean())}
        return shares | {kind: float((self.by_kind[:, k] == 0).mean()) for k, kind in enumerate(KINDS)}

    def quantile_table(self) -> pd.DataFrame:
        """Table 2.3: quantiles of Φ and of each kind's part."""
        columns = {"total": self.total} | {kind: self.by_kind[:, k] for k, kind in enumerate(KINDS)}
        rows = {name: np.quantile(x, QUANTILES) for name, x in columns.items()}
        return pd.DataFrame.from_dict(rows, orient="index", columns=[f"{q:.0%}" for q in QUANTILES])


def decompose(iv: ArrayLike, grid: Grid, rate: ArrayLike = 0.0) -> Decomposition:
    """Φ = Σ P1 + Σ P2 + Σ P3 of each surface, matrices held a thousand surfaces at a time.

    Args:
        iv: ``(n, n_moneyness, n_maturity)`` annualised vols.
        grid: their grid.
        rate: scalar or ``(n,)``, per year.
    """
    surfaces = np.asarray(iv)
    n = len(surfaces)
    rates = np.broadcast_to(np.asarray(rate, dtype=np.float64), (n,))
    total, by_kind = np.empty(n), np.empty((n, len(KINDS)))
    sums = {kind: np.zeros(grid.shape) for kind in KINDS}
    for start in range(0, n, CHUNK):
        part = slice(start, start + CHUNK)
        found = arbitrage.penalty(surfaces[part], grid, rates[part])
        total[part] = found.total
        for k, kind in enumerate(KINDS):
            matrices: Floats = getattr(found, kind)
            by_kind[part, k] = matrices.sum(axis=(-2, -1))
            sums[kind] += matrices.sum(axis=0)
    return Decomposition(total, by_kind, {kind: matrix / n for kind, matrix in sums.items()})


def decompose_history(history: SurfaceHistory) -> Decomposition:
    """Φ through time with each day's rate (figure 2.10)."""
    return decompose(history.iv, history.grid, history.rate)


def credit(cell: WorstCell, grid: Grid, spot: float, lots: int = 100) -> float:
    """What setting up the worst violation pays today, in currency, for a number of lots.

    * calendar: sell c(m, τ_j), buy c(m, τ_{j+1}): c_j − c_{j+1} = P1 (τ_{j+1} − τ_j)/τ_j
    * call spread: buy c(m_i), sell c(m_{i+1}): c_{i+1} − c_i = P2 (m_{i+1} − m_i)
    * butterfly with one short body: P3 Δ₋Δ₊/(Δ₋ + Δ₊)

    each as a fraction of spot, times spot, 100 a contract, and the lots (of the body for a butterfly).

    Args:
        cell: from :func:`engine.surfaces.arbitrage.worst_cell`.
        grid: the grid of the matrix.
        spot: level of the underlying.
        lots: number of contracts.
    """
    m, tau = grid.moneyness, grid.maturity
    i, j = cell.index
    if cell.kind == "calendar":
        share = cell.value * (tau[j + 1] - tau[j]) / tau[j]
    elif cell.kind == "call_spread":
        share = cell.value * (m[i + 1] - m[i])
    else:
        below, above = m[i] - m[i - 1], m[i + 1] - m[i]
        share = cell.value * below * above / (below + above)
    return float(share * spot * CONTRACT * lots)


def noise_experiment(
    iv: ArrayLike, grid: Grid, *, draws: int = 10_000, sd: float = 0.001, rate: float = 0.0, rng: np.random.Generator
) -> Decomposition:
    """Add i.i.d. Gaussian noise to every vol of one surface, many times (section 2.4.1).

    The thesis finds butterfly arbitrage in 23 % of draws, far from the money and at long maturities.

    Args:
        iv: ``(n_moneyness, n_maturity)`` an arbitrage-free surface.
        grid: its grid.
        draws: number of noisy surfaces.
        sd: standard deviation of the noise, vol as a decimal (0.001 = 0.1 vol point).
        rate: per year.
        rng: source of randomness.

    Raises:
        SettingsError: if there is nothing to draw or sd is negative.
    """
    if draws < 1 or not sd >= 0:
        raise SettingsError(f"expected at least one draw and sd >= 0; found {draws} draws and sd {sd}")
    base = np.asarray(iv, dtype=np.float64)
    noisy = base + sd * rng.standard_normal((draws, *grid.shape))
    return decompose(np.maximum(noisy, LOWEST_IV), grid, rate)


def shift_experiment(
    iv: ArrayLike, grid: Grid, *, highest: float = 1.0, steps: int = 200, rate: float = 0.0
) -> tuple[Floats, Decomposition]:
    """Shift one surface in parallel from just above −min σ upwards (section 2.4.2).

    The thesis finds violations past a positive threshold, growing linearly, and all butterfly.

    Args:
        iv: ``(n_moneyness, n_maturity)`` an arbitrage-free surface.
        grid: its grid.
        highest: largest shift, vol as a decimal.
        steps: number of shifts.
        rate: per year.

    Returns:
        ``(steps,)`` shifts, and the decomposition of the shifted surfaces.

    Raises:
        SettingsError: if the largest shift does not lie above −min σ.
    """
    base = np.asarray(iv, dtype=np.float64)
    lowest = LOWEST_IV - float(base.min())
    if not highest > lowest or steps < 2:
        raise SettingsError(f"expected 2 shifts or more, up to above {lowest:.3g}; found {steps} up to {highest:.3g}")
    shifts = np.linspace(lowest, highest, steps)
    return shifts, decompose(base + shifts[:, None, None], grid, rate)
