"""The two-speed model's chain walks exactly as a history per path does."""

import numpy as np
import pytest

from engine.models.chains import HistoryChain
from engine.models.conditional_fhs.two_speed import TwoSpeed, TwoSpeedConfig
from engine.models.conditional_fhs.two_speed_chain import TwoSpeedChain
from engine.models.simulated.market import simulate
from tests.models.small_market import SMALL_GRID

HISTORY = simulate(SMALL_GRID, 207, 7).history


def two_speed(**settings):
    model = TwoSpeed(TwoSpeedConfig(**settings))
    model.fit(HISTORY[:200], seed=0)
    return model


def walk(chain, steps=6):
    rng = np.random.default_rng(1)
    days = [chain.step(rng) for _ in range(steps)]
    return np.stack([day.log_return for day in days]), np.stack([day.log_iv for day in days])


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"bandwidth": 0.0, "smoothing": 0.0},
        {"bandwidth": 0.5, "smoothing": 0.6, "mean_shrinkage": 10.0, "scale_shrinkage": 10.0},
        {"implied_share": 0.0, "tilt": 0.0, "fast": 0.94, "slow": 0.94, "factors": 1},
    ],
)
def test_it_walks_as_a_history_per_path_does(settings):
    model = two_speed(**settings)
    chain = model.chain(HISTORY, 4)
    assert type(chain) is TwoSpeedChain
    fast, general = walk(chain), walk(HistoryChain(model, HISTORY, 4))
    np.testing.assert_allclose(fast[0], general[0], rtol=1e-7, atol=1e-10)
    np.testing.assert_allclose(fast[1], general[1], rtol=0, atol=1e-8)
    assert np.ptp(fast[0], axis=1).min() > 0


def test_paths_of_a_history_that_begins_after_the_fit_have_histories_of_their_own():
    model = two_speed()
    later = simulate(SMALL_GRID, 300, 9).history[207:]
    assert later.dates[0] > model.since
    assert type(model.chain(later, 2)) is HistoryChain


def test_paths_know_nothing_of_the_future():
    model = two_speed()
    for one, other in zip(walk(model.chain(HISTORY.until(190), 3)), walk(model.chain(HISTORY[:191], 3)), strict=True):
        np.testing.assert_array_equal(one, other)
