"""Trades whose price impact grows with a power of their size (4.21–4.22).

    min_d ‖y − X d‖² + Σ λ_i |d_i| + Σ ρ_i |d_i|^{1+δ},   0 < δ ≤ 1

For δ = 1 this is a ridge in closed form. Below one the power lies under the parabola that touches it at any d' ≠ 0,
|d|^{1+δ} ≤ ½(1+δ) |d'|^{δ−1} d² + const, so every step is an elastic net with weights of its own, solved exactly, and
lowers the objective. Weights of positions near zero are bounded by a floor that shrinks with the steps.

References:
    Generative models for financial markets (thesis), (4.21–4.23), remark 7.
    Hunter, D. and Lange, K. (2004), A tutorial on MM algorithms, The American Statistician 58.
"""

from __future__ import annotations

import numpy as np

from engine.decisions.hedging.penalised_regression import Compressed, Limits, solve
from engine.errors import SettingsError
from engine.market.grid import Floats

MOST_STEPS = 2_000
"""Steps after which the search gives up; with δ = 0.1 a few hundred are needed."""

CONVERGED = 1e-12
"""Change of the trades, relative to the largest, at which a step is the last."""

_FLOOR = 1e-2
_SHRINK = 0.5
_LEAST = 1e-10


def trades(
    problem: Compressed, penalty: Floats, impact: Floats, exponent: float, limits: Limits | None = None
) -> Floats:
    """The minimising trades.

    Args:
        problem: changes of what is left to hedge on changes of the instruments.
        penalty: ``(n,)`` λ ≥ 0 of |d|.
        impact: ``(n,)`` ρ ≥ 0 of |d|^{1+δ}.
        exponent: δ in (0, 1].
        limits: on the trades.

    Returns:
        ``(n,)``.

    Raises:
        SettingsError: if δ is outside (0, 1], or the search does not settle.
    """
    if not 0 < exponent <= 1:
        raise SettingsError(f"expected an exponent of market impact above 0 and at most 1; found {exponent:g}")
    if exponent == 1 or not impact.max(initial=0.0) > 0:
        return solve(problem, penalty, impact, limits)
    d = solve(problem, penalty, impact, limits)
    size = float(np.abs(d).max(initial=0.0))
    if size == 0:  # where nothing is the best of a ridge it is the best of any power: both are flat at zero
        return d
    floor = _FLOOR * size
    for _ in range(MOST_STEPS):
        weight = impact * (1 + exponent) / 2 * np.maximum(np.abs(d), floor) ** (exponent - 1)
        moved = solve(problem, penalty, weight, limits)
        change = float(np.abs(moved - d).max())
        d, floor = moved, max(_SHRINK * floor, _LEAST * size)
        if change <= CONVERGED * size and floor <= _LEAST * size:
            return d
    raise SettingsError(
        f"expected trades with market impact to settle within {MOST_STEPS:,} steps; found them moving by {change:.1e}: "
        "use an exponent nearer to 1"
    )
