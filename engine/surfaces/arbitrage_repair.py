"""The smallest change of prices that rids a surface of static arbitrage, as a linear programme.

min Σ |c' − c| beyond the bid–ask spread, subject to, at every maturity and between maturities,

* c(m_i, τ_j) ≤ c(m_i, τ_{j+1}) (calendar), c(m_{i+1}, τ_j) ≤ c(m_i, τ_j) (call spread), slopes that never fall in m
  (butterfly): exactly the constraints of the penalty Φ;
* (c_1 − 1)/m_1 ≤ (c_2 − c_1)/(m_2 − m_1), the butterfly whose lowest strike is zero, and prices between those of the
  flat surfaces at half the lowest and twice the highest vol: the bounds. The lower flat surface satisfies every
  constraint, so that there always is a solution.

A change within the half-spread costs a thousandth of one beyond it: nothing one could trade on, but of two surfaces
inside the spread the one nearer to the mid prices is taken.

Violations are judged on the scale of rounding (2e-15 of spot) while a solver's feasibility is one of 1e-9. Each
solution is therefore refined: what is still violated is scaled up, solved for again, and added.

References:
    Cohen, S., Reisinger, C. and Wang, S. (2020), Detecting and repairing arbitrage in traded option prices, Applied
    Mathematical Finance 27(5), for the programme.
    Gleixner, A., Steffy, D. and Wolter, K. (2016), Iterative refinement for linear programming, INFORMS Journal on
    Computing 28(3), for the refinement.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import linprog
from scipy.sparse import csr_matrix, eye, hstack, vstack

from engine.errors import MarketDataError, ScenaristError
from engine.market.grid import LOWEST_IV, Floats, Grid
from engine.market.surface_history import HIGHEST_IV
from engine.surfaces import arbitrage, black_scholes

Bools = NDArray[np.bool_]

WITHIN_SPREAD = 1e-3
"""Cost of a change inside the bid–ask spread, beside one of 1 outside."""

_MARGINS = (0.0, 1e-15, 1e-14, 1e-13)
"""Asked of every constraint, in units of spot: at the edge, prices of the vols found may round to the wrong side."""

_ROUNDING = 5e-16
"""Violations up to this, in units of spot, are left: a price carries as much rounding."""

_CANCELLED = 1e-14
_REFINEMENTS = 6
_ENLARGEMENT = 1e6


@dataclass(frozen=True, eq=False)
class Repair:
    """A surface without static arbitrage, and what it took.

    Args:
        iv: ``(n_moneyness, n_maturity)`` repaired vols; those of unchanged prices are the original bits.
        price_change: the same shape, new less old price of the out-of-the-money option, fraction of spot.
        iv_change: new less old vol.
        beyond_spread: how far each price moved beyond its half-spread, fraction of spot.
        before, after: Φ.
    """

    iv: Floats
    price_change: Floats
    iv_change: Floats
    beyond_spread: Floats
    before: float
    after: float

    @property
    def n_changed(self) -> int:
        """How many prices moved."""
        return int((self.price_change != 0).sum())

    @property
    def words(self) -> str:
        """What was done, in one sentence."""
        if not self.n_changed:
            return "Nothing to repair: the surface has no static arbitrage"
        i, j = np.unravel_index(np.abs(self.iv_change).argmax(), self.iv.shape)
        outside = int((self.beyond_spread > 0).sum())
        return (
            f"{self.n_changed} of {self.iv.size} prices moved, {outside} of them beyond their bid–ask spread; "
            f"largest change {1e4 * np.abs(self.price_change).max():.2g} bp of spot, "
            f"{100 * self.iv_change[i, j]:+.2f} vol points"
        )


def repair(iv: ArrayLike, grid: Grid, rate: float = 0.0, half_spread: ArrayLike | None = None) -> Repair:
    """Repair one surface.

    Args:
        iv: ``(n_moneyness, n_maturity)`` annualised.
        grid: its grid.
        rate: per year.
        half_spread: half the bid–ask spread of the out-of-the-money option at each grid point, fraction of spot,
            ≥ 0; none if not given.

    Returns:
        The repaired surface; the given one, bit for bit, if it has no static arbitrage.

    Raises:
        MarketDataError: if shapes disagree or values are not finite and positive.
        ScenaristError: if the solver fails.
    """
    from engine.surfaces.kernels import PRICE_TOLERANCE

    sigma = np.array(iv, dtype=np.float64)
    if sigma.shape != grid.shape:
        raise MarketDataError(f"expected one surface of shape {grid.shape}; found {sigma.shape}")
    before = float(arbitrage.total_penalty(sigma, grid, rate))
    spread = np.zeros(grid.shape) if half_spread is None else np.asarray(half_spread, dtype=np.float64)
    if spread.shape != grid.shape or not np.isfinite(spread).all() or spread.min() < 0:
        raise MarketDataError(f"expected finite half-spreads >= 0 of shape {grid.shape}; found others")
    is_call = grid.moneyness[:, None] * np.exp(-rate * grid.maturity) >= 1
    old = _price(grid, sigma, rate, is_call)
    matrix, limit = _constraints(grid, rate, is_call)
    change, repaired, after = np.zeros(grid.shape), sigma, before
    if float((matrix @ old.ravel() - limit).max()) > PRICE_TOLERANCE:
        low = _price(grid, np.full(grid.shape, max(LOWEST_IV, sigma.min() / 2)), rate, is_call)
        high = _price(grid, np.full(grid.shape, max(2 * sigma.max(), HIGHEST_IV)), rate, is_call)
        for margin in _MARGINS:
            move = _least_move(matrix, limit - margin, old.ravel(), low.ravel(), high.ravel(), spread.ravel())
            change = grid.unflatten(move)
            repaired = _vols(grid, sigma, old, change, rate, is_call)
            after = float(arbitrage.total_penalty(repaired, grid, rate))
            if after == 0:
                break
    beyond = np.maximum(np.abs(change) - spread, 0.0)
    return Repair(repaired, change, repaired - sigma, beyond, before, after)


def _least_move(matrix: csr_matrix, limit: Floats, old: Floats, low: Floats, high: Floats, spread: Floats) -> Floats:
    """The move of least cost, refined until what is violated is rounding."""
    n = len(old)
    unit = eye(n, format="csr")
    # up and down, within the spread and beyond it
    parts = hstack([unit, unit, -unit, -unit], format="csr")
    rows = vstack([matrix @ parts, parts, -parts], format="csr")
    cost = np.repeat([WITHIN_SPREAD, 1.0, WITHIN_SPREAD, 1.0], n)
    free = np.concatenate([spread, np.full(n, np.inf), spread, np.full(n, np.inf)])
    move, scale = np.zeros(n), 1.0
    for attempt in range(_REFINEMENTS):
        price = old + move
        slack = np.concatenate([limit - matrix @ price, high - price, price - low])
        if attempt and slack.min() >= -_ROUNDING:
            break
        bounds = np.column_stack([np.zeros(4 * n), free if attempt == 0 else np.full(4 * n, np.inf)])
        found = linprog(
            cost if attempt == 0 else np.ones(4 * n),
            A_ub=rows,
            b_ub=scale * slack,
            bounds=bounds,
            method="highs-ds",
            options={"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10},
        )
        if found.status != 0:
            raise ScenaristError(f"expected the repair to have a solution; the solver says: {found.message}")
        move = move + (parts @ found.x) / scale
        scale *= _ENLARGEMENT
    return move


def _constraints(grid: Grid, rate: float, is_call: Bools) -> tuple[csr_matrix, Floats]:
    """A and b of A v ≤ b for out-of-the-money prices v; every row in units of spot.

    The call is c = v + (1 − m e^{−rτ}) where the put is out of the money, so that A acts on calls and b takes up what
    is known: deep in the wings v keeps the digits that c, near one, has no room for.
    """
    n_m, n_tau = grid.shape
    index = np.arange(grid.size).reshape(grid.shape)
    intrinsic = np.where(is_call, 0.0, 1 - grid.moneyness[:, None] * np.exp(-rate * grid.maturity)).ravel()
    rows: list[tuple[list[int], list[float], float]] = []
    for j in range(n_tau):
        for i in range(n_m):
            if j + 1 < n_tau:
                rows.append(([index[i, j], index[i, j + 1]], [1.0, -1.0], 0.0))
            if i + 1 < n_m:
                rows.append(([index[i + 1, j], index[i, j]], [1.0, -1.0], 0.0))
            # the butterfly around i; at the lowest strike its lower leg is the strike zero, whose call costs 1
            if i + 1 < n_m:
                below = grid.moneyness[i] - (grid.moneyness[i - 1] if i else 0.0)
                above = grid.moneyness[i + 1] - grid.moneyness[i]
                near, far = above / (below + above), below / (below + above)
                if i:
                    rows.append(([index[i, j], index[i - 1, j], index[i + 1, j]], [1.0, -near, -far], 0.0))
                else:
                    rows.append(([index[0, j], index[1, j]], [1.0, -far], near))
    counts = [len(columns) for columns, _, _ in rows]
    matrix = csr_matrix(
        (
            np.concatenate([values for _, values, _ in rows]),
            np.concatenate([columns for columns, _, _ in rows]),
            np.cumsum([0, *counts]),
        ),
        shape=(len(rows), grid.size),
    )
    bound = np.array([bound for _, _, bound in rows]) - matrix @ intrinsic
    # between puts alone intrinsic values cancel, up to the rounding of numbers near one
    bound[np.abs(bound) < _CANCELLED] = 0.0
    return matrix, bound


def _price(grid: Grid, iv: Floats, rate: float, is_call: Bools) -> Floats:
    return black_scholes.price(1.0, grid.moneyness[:, None], grid.maturity, iv, rate, is_call)


def _vols(grid: Grid, iv: Floats, old: Floats, change: Floats, rate: float, is_call: Bools) -> Floats:
    """Vols of the moved prices; where nothing moved the old ones."""
    moved = change != 0
    m, tau = np.broadcast_arrays(grid.moneyness[:, None], grid.maturity)
    found = black_scholes.implied_vol((old + change)[moved], 1.0, m[moved], tau[moved], rate, is_call[moved])
    new = iv.copy()
    new[moved] = np.where(found > 0, found, max(LOWEST_IV, iv.min() / 2))
    return new
