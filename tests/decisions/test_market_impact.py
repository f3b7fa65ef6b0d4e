"""Trades under a power of market impact: cvxpy, a closed form, optimality by hand, and what larger impact does."""

from itertools import pairwise

import cvxpy
import numpy as np
import pytest

from engine.decisions import hedging
from engine.errors import SettingsError

N, K = 400, 5


def market(seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Changes of a book and of collinear instruments, costs of unlike size, positions held."""
    rng = np.random.default_rng(seed)
    factors = rng.standard_normal((N, 2))
    x = factors @ rng.standard_normal((2, K)) + 0.05 * rng.standard_normal((N, K))
    y = x @ rng.standard_normal(K) + 0.3 * rng.standard_normal(N)
    return y, x, 10.0 ** rng.uniform(-3, 0, K), 0.2 * rng.standard_normal(K)


def objective(d: np.ndarray, y: np.ndarray, x: np.ndarray, penalty: np.ndarray, impact: np.ndarray, power: float):
    return (
        np.square(y - y.mean() - (x - x.mean(axis=0)) @ d).mean()
        + penalty @ np.abs(d)
        + impact @ np.abs(d) ** (1 + power)
    )


@pytest.mark.parametrize("power", [0.5, 0.75, 1.0])
@pytest.mark.parametrize("alpha", [0.0, 0.05])
def test_trades_are_those_of_cvxpy(power: float, alpha: float) -> None:
    y, x, cost, held = market()
    impact = 0.3 * np.arange(1, K + 1)
    found = hedging.hedge_ratios(y, x, cost, held, alpha, 2.0, impact=impact, impact_weight=0.1, impact_exponent=power)
    phi, a = cvxpy.Variable(K), cvxpy.Variable()
    trade = phi - held
    terms = cvxpy.sum_squares(y - a - x @ phi) / N + 2 * alpha * cost @ cvxpy.abs(trade)
    terms += 2 * 0.1 * impact @ cvxpy.power(cvxpy.abs(trade), 1 + power)
    problem = cvxpy.Problem(cvxpy.Minimize(terms))
    problem.solve(solver=cvxpy.CLARABEL)
    assert found.objective <= problem.value + 1e-9
    np.testing.assert_allclose(found.ratios, phi.value, atol=2e-5)


@pytest.mark.parametrize("power", [0.3, 0.5, 0.8])
def test_one_instrument_meets_the_first_order_condition(power: float) -> None:
    rng = np.random.default_rng(1)
    x = rng.standard_normal((200, 1))
    y = 2 * x[:, 0] + 0.1 * rng.standard_normal(200)
    found = hedging.hedge_ratios(y, x, [0.0], [0.0], 0.0, 1.0, impact=[1.0], impact_weight=0.5, impact_exponent=power)
    d = found.ratios[0]
    slope = -2 * np.cov(x[:, 0], y - d * x[:, 0], ddof=0)[0, 1]
    assert abs(slope + 0.5 * (1 + power) * d**power) < 1e-8 and 0 < d < 2


def test_no_neighbour_is_better() -> None:
    y, x, cost, held = market(3)
    rng = np.random.default_rng(4)
    impact = 0.2 * np.ones(K)
    found = hedging.hedge_ratios(y, x, cost, held, 0.01, 1.0, impact=impact, impact_weight=1.0, impact_exponent=0.4)
    d, rest = found.ratios - held, y - x @ held
    best = objective(d, rest, x, 0.01 * cost, impact, 0.4)
    assert best == pytest.approx(found.objective, rel=1e-12)
    for size in (1e-4, 1e-2, 1.0):
        for _ in range(50):
            assert objective(d + size * rng.standard_normal(K), rest, x, 0.01 * cost, impact, 0.4) >= best - 1e-12


def test_a_larger_weight_of_impact_leaves_less_impact() -> None:
    y, x, cost, _ = market(5)

    def impact_of(weight: float) -> float:
        found = hedging.hedge_ratios(
            y, x, cost, np.zeros(K), 0.0, 1.0, impact=np.ones(K), impact_weight=weight, impact_exponent=0.5
        )
        return float((np.abs(found.ratios) ** 1.5).sum())

    assert all(more > less for more, less in pairwise(impact_of(w) for w in (1e-3, 1e-2, 1e-1, 1.0, 10.0)))


def test_nothing_to_hedge_trades_nothing() -> None:
    _, x, cost, _ = market(6)
    found = hedging.hedge_ratios(
        np.zeros(N), x, cost, np.zeros(K), 0.1, 1.0, impact=np.ones(K), impact_weight=1.0, impact_exponent=0.5
    )
    assert not found.ratios.any() and found.objective == 0


@pytest.mark.parametrize("power", [0.0, -1.0, 1.5, float("nan")])
def test_an_exponent_outside_its_range_is_one_sentence(power: float) -> None:
    y, x, cost, held = market()
    with pytest.raises(SettingsError, match="expected an exponent of market impact above 0 and at most 1"):
        hedging.hedge_ratios(y, x, cost, held, 0.0, 1.0, impact=cost, impact_weight=1.0, impact_exponent=power)
