"""Hedge ratios of least expected shortfall over the same scenarios: what comes after the variance.

    min_φ ES_q(−(ΔZ − E ΔZ)) + w Σ_i c_i |φ_i − φ_i'|,   ΔZ = ΔV − Σ_i φ_i ΔH_i,

ES_q(L) = min_ζ ζ + E[L − ζ]⁺/q, the mean of the worst share q of losses. Centred, because with means included a few
hundred scenarios of nearly collinear instruments always hold a bet that seems to win.

References:
    Rockafellar, R. T. and Uryasev, S. (2000), Optimization of conditional value-at-risk, Journal of Risk 2(3).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse
from scipy.optimize import linprog

from engine.errors import MarketDataError, SettingsError
from engine.market.grid import Floats


@dataclass(frozen=True, eq=False)
class ShortfallRatios:
    """A hedge of least expected shortfall.

    Args:
        ratios: ``(n,)`` positions after trading.
        shortfall: ES_q of the centred loss over the scenarios, currency.
        cost: Σ c |φ − φ'|, currency.
        objective: shortfall + w · cost.
    """

    ratios: Floats
    shortfall: float
    cost: float
    objective: float


def shortfall_ratios(
    value_change: ArrayLike,
    instrument_change: ArrayLike,
    cost: ArrayLike,
    previous: ArrayLike,
    level: float = 0.05,
    cost_weight: float = 1.0,
) -> ShortfallRatios:
    """Solve the linear programme of Rockafellar and Uryasev.

    Args:
        value_change: ``(N,)`` ΔV.
        instrument_change: ``(N, n)`` ΔH.
        cost: ``(n,)`` ≥ 0.
        previous: ``(n,)`` φ'.
        level: q in (0, 1), the share of worst outcomes.
        cost_weight: w ≥ 0; 1 charges a cost its own amount.

    Raises:
        MarketDataError: if there are no scenarios or shapes disagree.
        SettingsError: for a level outside (0, 1), a negative cost or weight, or a programme without a solution.
    """
    y, x = np.asarray(value_change, dtype=np.float64), np.asarray(instrument_change, dtype=np.float64)
    held, c = np.asarray(previous, dtype=np.float64), np.asarray(cost, dtype=np.float64)
    if y.ndim != 1 or len(y) < 2 or x.ndim != 2 or len(x) != len(y):
        raise MarketDataError(
            f"expected changes (N,) and (N, n) of at least 2 scenarios; found {y.shape} and {x.shape}"
        )
    n_scenarios, n = x.shape
    if n == 0:
        raise MarketDataError("expected at least one hedging instrument; found none")
    if held.shape != (n,) or c.shape != (n,):
        raise MarketDataError(f"expected costs and positions of {n} instruments; found {c.shape} and {held.shape}")
    if not all(np.isfinite(values).all() for values in (x, y, held, c)):
        raise MarketDataError("expected finite changes, costs and positions; found NaN or infinite ones")
    if not 0 < level < 1:
        raise SettingsError(f"expected a share of worst outcomes between 0 and 1; found {level:g}")
    if not (c.min() >= 0 and cost_weight >= 0):
        raise SettingsError(f"expected costs and their weight >= 0; found {min(c.min(), cost_weight):g}")
    x, y = x - x.mean(axis=0), y - y.mean()
    loss = x @ held - y  # of the positions held
    size = np.sqrt(np.square(x).mean(axis=0))
    if not size.min() > 0:
        raise SettingsError(f"expected instruments whose value changes; found {int(size.argmin())} that never does")
    scale = max(float(np.sqrt(np.square(loss).mean())), 1e-12)
    columns = x / size  # trades in units of scale / size
    # variables: bought and sold of each instrument, ζ, and the excess of each scenario over ζ
    price = cost_weight * c / size
    objective = np.concatenate([price, price, [1.0], np.full(n_scenarios, 1 / (level * n_scenarios))])
    excess = sparse.hstack(
        [sparse.csr_array(np.column_stack([columns, -columns, -np.ones(n_scenarios)])), -sparse.eye_array(n_scenarios)]
    )
    bounds = [(0, None)] * (2 * n) + [(None, None)] + [(0, None)] * n_scenarios
    found = linprog(objective, A_ub=excess.tocsc(), b_ub=-loss / scale, bounds=bounds, method="highs")
    if found.status != 0:
        raise SettingsError(f"expected a hedge of least shortfall; found none: {str(found.message)[:120]}")
    trade = (found.x[:n] - found.x[n : 2 * n]) * scale / size
    paid = float(c @ np.abs(trade))
    shortfall = expected_shortfall(loss + x @ trade, level)
    return ShortfallRatios(held + trade, shortfall, paid, shortfall + cost_weight * paid)


def expected_shortfall(loss: ArrayLike, level: float) -> float:
    """Mean of the worst share ``level`` of equally likely losses ``(N,)``, the last one counted in part."""
    worst = np.sort(np.asarray(loss, dtype=np.float64))[::-1]
    reach = level * len(worst)
    whole = int(reach)
    rest = reach - whole
    total = worst[:whole].sum() + (rest * worst[whole] if rest > 0 else 0.0)
    return float(total / reach)
