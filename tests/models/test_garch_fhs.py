"""GARCH-filtered simulation against arch, and its parameters against a simulated truth."""

import numpy as np
import pytest

from engine.errors import CheckpointError
from engine.market.grid import Grid
from engine.models.conditional_fhs.filter import HistoryFilter
from engine.models.conditional_fhs.garch import (
    GarchFilteredHistoricalConfig,
    GarchFilteredHistoricalSimulation,
    fit_garch,
)
from engine.models.conditional_fhs.garch import garch_variance as filtered_variance
from engine.models.simulated.market import simulate

GRID = Grid([0.8, 0.9, 1.0, 1.1, 1.2], [1 / 12, 1 / 4, 1 / 2])


def garch_variance(series, parameters, start):
    """One series' variance, for the move after each day."""
    days = HistoryFilter(simulate(GRID, 30, 4).history)
    return filtered_variance(days, series[:, None], np.asarray(parameters)[None], np.array([start]))[:, 0]


def garch_series(n, parameters, rng):
    omega, alpha, gamma, beta = parameters
    e, v = np.empty(n), omega / (1 - alpha - gamma / 2 - beta)
    for t in range(n):
        e[t] = np.sqrt(v) * rng.standard_normal()
        v = omega + (alpha + gamma * (e[t] < 0)) * e[t] ** 2 + beta * v
    return e


def test_parameters_come_back():
    true = np.array([2e-6, 0.04, 0.08, 0.88])
    series = garch_series(8000, true, np.random.default_rng(0))
    found = fit_garch(series)
    assert found[0] == pytest.approx(true[0], rel=0.4)
    np.testing.assert_allclose(found[1:], true[1:], atol=0.03)
    scaled = fit_garch(1000 * series)
    np.testing.assert_allclose(scaled[1:], found[1:], atol=1e-4)
    assert scaled[0] == pytest.approx(1e6 * found[0], rel=1e-2)


def test_the_recursion_is_that_of_arch():
    from arch import arch_model

    series = garch_series(600, [0.05, 0.05, 0.1, 0.85], np.random.default_rng(1))
    model = arch_model(series, mean="Zero", vol="GARCH", p=1, o=1, q=1, rescale=False)
    result = model.fit(disp="off", show_warning=False)
    variance = result.conditional_volatility**2
    found = garch_variance(series, result.params.to_numpy(), float(variance[0]))
    np.testing.assert_allclose(found[:-1], variance, rtol=1e-10)
    ahead = result.forecast(horizon=1).variance.to_numpy()[-1, 0]
    assert found[-1] == pytest.approx(ahead, rel=1e-10)
    np.testing.assert_allclose(fit_garch(series), result.params, rtol=0.02, atol=2e-3)


def test_a_series_of_rounding_errors_keeps_its_variance():
    parameters = fit_garch(np.full(200, 1e-16))
    np.testing.assert_array_equal(garch_variance(np.full(5, 1e-16), parameters, 1e-8), 1e-8)


def test_scenarios_are_whole_days_of_standardised_moves():
    history = simulate(GRID, 300, 4).history
    model = GarchFilteredHistoricalSimulation(GarchFilteredHistoricalConfig(components=2))
    model.fit(history, seed=0)
    found = model.sample(history, 500, rng=np.random.default_rng(2))
    state = model.state()
    change = found.log_iv.reshape(500, -1) - history.log_iv[-1].ravel()
    flat = history.log_iv.reshape(300, -1)
    observed = np.column_stack([history.log_return, np.diff(flat, axis=0) @ state["vectors"].T])
    simulated = np.column_stack([found.log_return, change @ state["vectors"].T])
    pool = []
    for k in range(observed.shape[1]):
        if k < 3:
            v = garch_variance(observed[:, k], state["garch"][k], float(state["mean_square"][k]))
        else:
            v = [state["mean_square"][k]]
            for value in observed[:, k]:
                v.append(0.94 * v[-1] + 0.06 * value**2)
            v = np.maximum(v, 1e-20)
        pool.append(observed[:, k] / np.sqrt(v[:-1]) * np.sqrt(v[-1]))
    pool = np.array(pool).T
    index = np.abs(simulated[:, None, 0] - pool[None, :, 0]).argmin(axis=1)
    np.testing.assert_allclose(simulated, pool[index], rtol=1e-6, atol=1e-10)


def test_explosive_signs_are_refused():
    history = simulate(GRID, 200, 4).history
    model = GarchFilteredHistoricalSimulation()
    model.fit(history, seed=0)
    state = model.state()
    bad = {**state, "garch": -np.abs(state["garch"])}
    with pytest.raises(CheckpointError, match="stay positive"):
        model.restore(bad, GRID)
