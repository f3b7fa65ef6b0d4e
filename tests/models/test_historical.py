"""Persistence, rolling and filtered historical simulation against longhand days."""

import numpy as np
import pytest
from small_market import SMALL_GRID, small_history

from engine.errors import CheckpointError
from engine.models.conditional_fhs.historical import (
    FilteredHistoricalConfig,
    FilteredHistoricalSimulation,
    HistoricalConfig,
    HistoricalSimulation,
    Persistence,
)


@pytest.fixture(scope="module")
def history():
    return small_history(140, seed=5)


def fit(model, history):
    model.fit(history, seed=0)
    return model


def moves(history):
    flat = np.log(history.iv).reshape(len(history), -1)
    return np.column_stack([np.diff(np.log(history.spot)), np.diff(flat, axis=0)])


def drawn(scenarios, history):
    change = scenarios.log_iv.reshape(len(scenarios), -1) - np.log(history.iv[-1]).ravel()
    return np.column_stack([scenarios.log_return, change])


def test_persistence_is_today(history):
    found = fit(Persistence(), history).sample(history, 7, rng=np.random.default_rng(0))
    assert (found.log_return == 0).all()
    np.testing.assert_array_equal(found.log_iv, np.tile(history.log_iv[-1], (7, 1, 1)))


def test_historical_simulation_draws_the_last_days_only(history):
    model = fit(HistoricalSimulation(HistoricalConfig(window=40)), history)
    found = drawn(model.sample(history, 4000, rng=np.random.default_rng(1)), history)
    pool = moves(history)[-40:]
    index = np.abs(found[:, None, 0] - pool[None, :, 0]).argmin(axis=1)
    np.testing.assert_allclose(found, pool[index], atol=1e-12)  # whole days, return and surface together
    share = np.bincount(index, minlength=40) / 4000
    np.testing.assert_allclose(share, 1 / 40, atol=4 * np.sqrt(1 / 40 / 4000))


def test_filtered_simulation_scales_innovations_to_today(history):
    model = fit(FilteredHistoricalSimulation(FilteredHistoricalConfig(decay=0.9)), history)
    found = drawn(model.sample(history, 3000, rng=np.random.default_rng(2)), history)
    observed = moves(history)
    variance = (observed**2).mean(axis=0)
    pool = []
    for row in observed:
        pool.append(row / np.sqrt(variance))
        variance = 0.9 * variance + 0.1 * row**2
    expected = np.array(pool) * np.sqrt(variance)
    index = np.abs(found[:, None, 0] - expected[None, :, 0]).argmin(axis=1)
    np.testing.assert_allclose(found, expected[index], rtol=1e-9, atol=1e-12)
    assert set(index) == set(range(len(observed)))


def test_filtered_simulation_follows_a_burst_of_volatility(history):
    burst = history.spot.copy()
    burst[-10:] *= np.exp(0.05 * np.array([1, -1] * 5))
    wild = type(history)(history.dates, burst, history.iv, history.grid, history.rate)
    model = fit(FilteredHistoricalSimulation(), history)
    calm, rough = (model.sample(h, 2000, rng=np.random.default_rng(3)).log_return.std() for h in (history, wild))
    assert rough > 2 * calm


def test_a_negative_mean_square_is_refused():
    with pytest.raises(CheckpointError, match="expected 'mean_square' >= 0; found -1"):
        Persistence().restore({"mean_square": -np.ones(1 + SMALL_GRID.size)}, SMALL_GRID)
