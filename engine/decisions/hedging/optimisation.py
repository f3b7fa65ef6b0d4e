"""Hedge ratios from scenarios of tomorrow, costs included.

    min_{A,φ} (1/N) Σ_k (ΔV_k − A − Σ_i φ_i ΔH_i,k)² + λ g_0 Σ_i s_i |φ_i − φ_i'|^{1+δ} + α g_0 Σ_i c_i |φ_i − φ_i'|

over the changes of the portfolio and of the hedging instruments in N scenarios of the next day, with φ' the positions
held. α = λ = 0 is least squares (4.17), λ = 0 is (4.20), α = 0 is (4.22), a ridge where δ = 1, and both (4.23).

Trades whose price impact grows with a power of their size (4.21–4.22).

    min_d ‖y − X d‖² + Σ λ_i |d_i| + Σ ρ_i |d_i|^{1+δ},   0 < δ ≤ 1

For δ = 1 this is a ridge in closed form. Below one the power lies under the parabola that touches it at any d' ≠ 0,
|d|^{1+δ} ≤ ½(1+δ) |d'|^{δ−1} d² + const, so every step is an elastic net with weights of its own, solved exactly, and
lowers the objective. Weights of positions near zero are bounded by a floor that shrinks with the steps.

Hedge ratios of least expected shortfall over the same scenarios: what comes after the variance.

    min_φ ES_q(−(ΔZ − E ΔZ)) + w Σ_i c_i |φ_i − φ_i'|,   ΔZ = ΔV − Σ_i φ_i ΔH_i,

ES_q(L) = min_ζ ζ + E[L − ζ]⁺/q, the mean of the worst share q of losses. Centred, because with means included a few
hundred scenarios of nearly collinear instruments always hold a bet that seems to win.

References:
    Generative models for financial markets (thesis), chapter 4, (4.4–4.6), (4.17–4.24), Algorithm 1.
    Generative models for financial markets (thesis), (4.21–4.23), remark 7.
    Hunter, D. and Lange, K. (2004), A tutorial on MM algorithms, The American Statistician 58.
    Rockafellar, R. T. and Uryasev, S. (2000), Optimization of conditional value-at-risk, Journal of Risk 2(3).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse
from scipy.optimize import linprog

from engine.decisions.hedging.penalised_regression import Compressed, Limits, compress, dependent, solve, solve_path
from engine.errors import MarketDataError, SettingsError
from engine.market.grid import Floats

Bools = NDArray[np.bool_]

FINE_ALPHAS = tuple(float(a) for a in np.round(np.arange(1, 21) / 100, 2))
"""A_2, the thesis's main grid of α."""

COARSE_ALPHAS = (0.01, 0.05, 0.1, 0.5, 1.0)
"""A_1, its coarser grid."""

SAME_CHANGE = 1e-13
"""Two instruments whose changes differ by no more than this, relatively, are one."""


@dataclass(frozen=True, eq=False)
class HedgeRatios:
    """A solution of the hedging problem.

    Args:
        intercept: A, currency.
        ratios: ``(n,)`` φ, positions after trading.
        objective: the minimum reached, currency².
        variance: its first term, mean squared hedging error over the scenarios, currency².
        cost: Σ c_i |φ_i − φ_i'|, currency.
    """

    intercept: float
    ratios: Floats
    objective: float
    variance: float
    cost: float


@dataclass(frozen=True, eq=False)
class AlphaChoice:
    """The regularisation chosen by Akaike's criterion, and the whole path it was chosen from.

    Args:
        alpha: the chosen one.
        alphas: ``(m,)`` all candidates.
        aic: ``(m,)`` criterion on fresh scenarios.
        ratios: ``(m, n)`` hedge ratios of each candidate.
        intercepts: ``(m,)``.
    """

    alpha: float
    alphas: Floats
    aic: Floats
    ratios: Floats
    intercepts: Floats

    @property
    def n_instruments(self) -> Floats:
        """``(m,)`` instruments with a position."""
        counted: Floats = np.count_nonzero(self.ratios, axis=1).astype(np.float64)
        return counted


def hedge_ratios(
    value_change: ArrayLike,
    instrument_change: ArrayLike,
    cost: ArrayLike,
    previous: ArrayLike,
    alpha: float,
    gross: float,
    *,
    impact: ArrayLike | None = None,
    impact_weight: float = 0.0,
    impact_exponent: float = 1.0,
    limits: Limits | None = None,
    weights: ArrayLike | None = None,
) -> HedgeRatios:
    """Hedge ratios that trade the variance of tomorrow's error against the cost of rebalancing (4.20–4.23).

    Args:
        value_change: ``(N,)`` ΔV in each scenario, currency.
        instrument_change: ``(N, n)`` ΔH.
        cost: ``(n,)`` c ≥ 0, cost of trading one unit; where it is 0 trading is not penalised.
        previous: ``(n,)`` φ', positions held.
        alpha: α ≥ 0.
        gross: g_0 > 0, the initial gross position, currency.
        impact: ``(n,)`` s ≥ 0, market impact of a trade of one unit (4.21), currency.
        impact_weight: λ ≥ 0.
        impact_exponent: δ in (0, 1]; 1 is an impact in proportion to the trade.
        limits: rows C and bounds h of C φ ≤ h, on positions (not trades).
        weights: ``(N,)`` of the scenarios; equal if not given.

    Returns:
        Intercept, ratios and the objective's parts.

    Raises:
        MarketDataError: if there are no scenarios, shapes disagree, or values are not finite.
        SettingsError: if a cost, α, λ or g_0 is negative, an instrument never changes, instruments that cost nothing
            are collinear, or limits exclude each other.
    """
    y, x, w = _checked_changes(value_change, instrument_change, weights)
    held = _vector("positions held", previous, x.shape[1])
    c = _costs(cost, x.shape[1])
    _check_weights(alpha, gross)
    problem = compress(x, y, w)
    _check_distinct_changes(problem.x)
    if impact is not None and not impact_weight >= 0:
        raise SettingsError(f"expected a weight of market impact >= 0; found {impact_weight:g}")
    ridge = None if impact is None else impact_weight * gross * _costs(impact, x.shape[1], "market impact")
    return ratios_of(problem, c, held, alpha, gross, ridge=ridge, exponent=impact_exponent, limits=limits)


def ratios_of(
    problem: Compressed,
    cost: Floats,
    previous: Floats,
    alpha: float,
    gross: float,
    *,
    ridge: Floats | None = None,
    exponent: float = 1.0,
    limits: Limits | None = None,
) -> HedgeRatios:
    """The same from scenarios already compressed, which serve every portfolio hedged with these instruments.

    Args:
        problem: ΔV on ΔH.
        cost, previous, alpha, gross, limits: as in :func:`hedge_ratios`.
        ridge: ``(n,)`` λ g_0 s.
        exponent: δ of the market impact.
    """
    rest = problem.given(previous)
    penalty = alpha * gross * cost
    free = penalty == 0 if ridge is None else (penalty == 0) & (ridge == 0)
    problem.once(("checked", free.tobytes()), lambda: _check_regressors(problem, free))
    moved = None if limits is None else Limits(limits.rows, limits.bounds - limits.rows @ previous)
    if ridge is None:
        trade, impact = solve(rest, penalty, None, moved), 0.0
    else:
        trade = trades(rest, penalty, ridge, exponent, moved)
        impact = float(ridge @ np.abs(trade) ** (1 + exponent))
    variance = rest.mean_square(trade)
    return HedgeRatios(
        intercept=rest.intercept(trade),
        ratios=previous + trade,
        objective=variance + impact + float(penalty @ np.abs(trade)),
        variance=variance,
        cost=float(cost @ np.abs(trade)),
    )


def choose_alpha(
    value_change: ArrayLike,
    instrument_change: ArrayLike,
    cost: ArrayLike,
    previous: ArrayLike,
    gross: float,
    fresh_value_change: ArrayLike,
    fresh_instrument_change: ArrayLike,
    alphas: Sequence[float] = FINE_ALPHAS,
    *,
    weights: ArrayLike | None = None,
) -> AlphaChoice:
    """The α of least AIC on fresh scenarios (4.24).

    AIC(α) = M log(RSS(α)/M) + 2 (1 + #{i: φ_i ≠ 0}), RSS over M scenarios that the fit has not seen.

    Args:
        value_change, instrument_change, cost, previous, gross, weights: as in :func:`hedge_ratios`.
        fresh_value_change: ``(M,)``.
        fresh_instrument_change: ``(M, n)``.
        alphas: candidates, ≥ 0; of equal ones in the criterion the first wins.

    Raises:
        MarketDataError, SettingsError: as :func:`hedge_ratios`, or without candidates.
    """
    y, x, w = _checked_changes(value_change, instrument_change, weights)
    fresh_y, fresh_x, _ = _checked_changes(fresh_value_change, fresh_instrument_change, None)
    if fresh_x.shape[1] != x.shape[1]:
        raise MarketDataError(f"expected fresh changes of {x.shape[1]} instruments; found {fresh_x.shape[1]}")
    held, c = _vector("positions held", previous, x.shape[1]), _costs(cost, x.shape[1])
    problem = compress(x, y, w)
    _check_distinct_changes(problem.x)
    return alpha_of(problem, c, held, gross, fresh_y, fresh_x, alphas)


def alpha_of(
    problem: Compressed,
    cost: Floats,
    previous: Floats,
    gross: float,
    fresh_value_change: Floats,
    fresh_instrument_change: Floats,
    alphas: Sequence[float] = FINE_ALPHAS,
) -> AlphaChoice:
    """:func:`choose_alpha` from scenarios already compressed."""
    if not len(alphas):
        raise SettingsError("expected at least one candidate for alpha; found none")
    for alpha in alphas:
        _check_weights(alpha, gross)
    grid = np.asarray(alphas, dtype=np.float64)
    _check_regressors(problem, cost * grid.max() == 0)
    rest = problem.given(previous)
    paths = [solve_path(rest, grid[grid > 0][:, None] * gross * cost)] if np.any(grid > 0) else []
    trades = np.empty((len(grid), len(cost)))
    trades[grid > 0] = paths[0] if paths else 0.0
    if np.any(grid == 0):
        trades[grid == 0] = solve(rest, np.zeros(len(cost)))
    ratios = previous + trades
    intercepts = rest.mean_y - trades @ rest.mean_x
    m = len(fresh_value_change)
    residual = fresh_value_change - intercepts[:, None] - ratios @ fresh_instrument_change.T  # (alphas, M)
    # a replicated portfolio leaves nothing: rounding counts as the least positive number, not as minus infinity
    rss = np.maximum(np.square(residual).sum(axis=1), np.finfo(np.float64).tiny)
    aic = m * np.log(rss / m) + 2 * (1 + np.count_nonzero(ratios, axis=1))
    return AlphaChoice(float(grid[aic.argmin()]), grid, aic, ratios, intercepts)


def untradable(problem: Compressed, free: Bools) -> Bools:
    """Instruments that no optimisation can use: ``(n,)``.

    Those that change in no scenario (expired, worthless), and those free to trade that repeat later free ones: the
    underlying, which comes first, rather than a call and a put of one strike, whose interest it would not earn.
    """

    def find() -> Bools:
        found: Bools = np.square(problem.x).sum(axis=0) == 0
        rest = np.flatnonzero(free & ~found)[::-1]
        found[rest] = dependent(problem.x[:, rest])
        return found

    return problem.once(("untradable", free.tobytes()), find)


def _check_regressors(problem: Compressed, free: Bools) -> None:
    constant = np.square(problem.x).sum(axis=0) == 0
    if constant.any():
        raise SettingsError(
            "expected hedging instruments whose value changes in some scenario; found instrument "
            f"{int(constant.argmax())} that never does (expired or worthless)"
        )
    redundant = dependent(problem.x[:, free])
    if redundant.any():
        raise SettingsError(
            "expected instruments that are linearly independent where trading costs nothing; found instrument "
            f"{int(np.flatnonzero(free)[redundant.argmax()])} a combination of the others"
        )


def _check_distinct_changes(x: Floats) -> None:
    for i in range(x.shape[1]):
        for j in range(i):
            if np.abs(x[:, i] - x[:, j]).max() <= SAME_CHANGE * np.abs(x[:, i]).max():
                raise SettingsError(f"expected instruments that differ; found {j} and {i} with the same changes")


def _checked_changes(
    value_change: ArrayLike, instrument_change: ArrayLike, weights: ArrayLike | None
) -> tuple[Floats, Floats, Floats | None]:
    y, x = np.asarray(value_change, dtype=np.float64), np.asarray(instrument_change, dtype=np.float64)
    if y.ndim != 1 or x.ndim != 2 or len(y) != len(x):
        raise MarketDataError(f"expected changes (N,) and (N, n) of the same scenarios; found {y.shape} and {x.shape}")
    if len(y) < 2:
        raise MarketDataError(f"expected at least 2 scenarios to hedge against; found {len(y)}")
    if x.shape[1] == 0:
        raise MarketDataError("expected at least one hedging instrument; found none")
    if not (np.isfinite(y).all() and np.isfinite(x).all()):
        raise MarketDataError("expected finite changes in every scenario; found NaN or infinite ones")
    if weights is None:
        return y, x, None
    w = np.asarray(weights, dtype=np.float64)
    if w.shape != y.shape or not (w.min() >= 0 and abs(w.sum() - 1) < 1e-9):
        raise MarketDataError(f"expected {len(y)} weights >= 0 that sum to one; found others")
    return y, x, w


def _vector(name: str, values: ArrayLike, n: int) -> Floats:
    array = np.asarray(values, dtype=np.float64)
    if array.shape != (n,) or not np.isfinite(array).all():
        raise MarketDataError(f"expected {n} finite {name}; found shape {array.shape}, or values that are not finite")
    return array


def _costs(values: ArrayLike, n: int, name: str = "cost") -> Floats:
    array = _vector(f"figures of {name}", values, n)
    if array.min() < 0:
        raise SettingsError(f"expected {name} >= 0 for every instrument; found {array.min():g} at {array.argmin()}")
    return array


def _check_weights(alpha: float, gross: float) -> None:
    if not (np.isfinite(alpha) and alpha >= 0):
        raise SettingsError(f"expected alpha >= 0; found {alpha:g}")
    if not (np.isfinite(gross) and gross > 0):
        raise SettingsError(f"expected an initial gross position > 0; found {gross:g}")


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
    y, x, _ = _checked_changes(value_change, instrument_change, None)
    n_scenarios, n = x.shape
    held, c = np.asarray(previous, dtype=np.float64), np.asarray(cost, dtype=np.float64)
    if held.shape != (n,) or c.shape != (n,):
        raise MarketDataError(f"expected costs and positions of {n} instruments; found {c.shape} and {held.shape}")
    if not (np.isfinite(held).all() and np.isfinite(c).all()):
        raise MarketDataError("expected finite costs and positions; found NaN or infinite ones")
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
