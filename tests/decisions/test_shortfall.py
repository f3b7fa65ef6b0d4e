"""Hedges of least expected shortfall: the tail mean by hand, the programme against another solver."""

import cvxpy as cp
import numpy as np
import pytest

from engine.decisions.hedging.optimisation import expected_shortfall, shortfall_ratios
from engine.errors import MarketDataError, SettingsError


def heavy_case(seed, n_scenarios=200, n=4):
    rng = np.random.default_rng(seed)
    x = rng.standard_t(4, (n_scenarios, n)) * np.array([1.0, 5.0, 0.2, 1.0])
    x[:, 3] = x[:, 0] + 0.3 * x[:, 3]
    y = x @ np.array([1.0, -0.2, 2.0, 0.5]) + 0.5 * rng.standard_t(3, n_scenarios) + 0.3
    return y, x, np.array([0.0, 0.05, 0.02, 0.01]), np.array([0.2, 0.0, 0.0, -0.1])


def test_expected_shortfall_is_the_mean_of_the_worst():
    loss = np.array([3.0, -1.0, 7.0, 5.0, 0.0, 2.0, 1.0, 4.0, 6.0, 8.0])
    assert expected_shortfall(loss, 0.2) == pytest.approx((8 + 7) / 2)
    assert expected_shortfall(loss, 0.25) == pytest.approx((8 + 7 + 0.5 * 6) / 2.5)
    assert expected_shortfall(loss, 0.999) == pytest.approx(loss.mean(), abs=0.02)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("level", [0.05, 0.123])
def test_the_programme_equals_another_solver_s_minimum(seed, level):
    y, x, cost, held = heavy_case(seed)
    found = shortfall_ratios(y, x, cost, held, level, cost_weight=0.7)
    yc, xc = y - y.mean(), x - x.mean(axis=0)
    phi, edge = cp.Variable(4), cp.Variable()
    tail = cp.sum(cp.pos(xc @ phi - yc - edge)) / (level * len(y))
    problem = cp.Problem(cp.Minimize(edge + tail + 0.7 * cost @ cp.abs(phi - held)))
    problem.solve(solver="CLARABEL")
    assert found.objective == pytest.approx(float(problem.value), rel=1e-6)
    assert found.shortfall == pytest.approx(expected_shortfall(xc @ found.ratios - yc, level))
    assert found.cost == pytest.approx(cost @ np.abs(found.ratios - held))


def test_it_beats_least_squares_in_the_tail_and_loses_in_variance():
    y, x, _, held = heavy_case(5, n_scenarios=600)
    xc, yc = x - x.mean(axis=0), y - y.mean()
    squares = np.linalg.lstsq(xc, yc, rcond=None)[0]
    found = shortfall_ratios(y, x, np.zeros(4), held, 0.05)
    assert found.shortfall < expected_shortfall(xc @ squares - yc, 0.05)
    assert np.var(yc - xc @ found.ratios) > np.var(yc - xc @ squares)


def test_dearer_trading_trades_less():
    y, x, cost, held = heavy_case(1)
    paid = [shortfall_ratios(y, x, cost, held, 0.1, weight).cost for weight in (0.0, 1.0, 5.0, 100.0)]
    assert (np.diff(paid) <= 1e-9).all()
    assert paid[-1] < paid[0]


def test_wrong_input_is_named():
    y, x, cost, held = heavy_case(2)
    for call, error, words in (
        (lambda: shortfall_ratios(y[:1], x[:1], cost, held), MarketDataError, "at least 2 scenarios"),
        (lambda: shortfall_ratios(y, x[:, :0], cost[:0], held[:0]), MarketDataError, "at least one hedging instrument"),
        (lambda: shortfall_ratios(y * np.nan, x, cost, held), MarketDataError, "finite changes"),
        (lambda: shortfall_ratios(y, x, cost[:2], held), MarketDataError, "costs and positions of 4 instruments"),
        (lambda: shortfall_ratios(y, x, cost, held, 1.5), SettingsError, "between 0 and 1; found 1.5"),
        (lambda: shortfall_ratios(y, x, -cost - 1, held), SettingsError, "costs and their weight >= 0; found -1"),
        (lambda: shortfall_ratios(y, 0 * x, cost, held), SettingsError, "value changes; found 0 that never does"),
    ):
        with pytest.raises(error, match=words):
            call()
