"""Running variances and means against longhand recursions; draws from a pool."""

import numpy as np
import pandas as pd
import pytest
from small_market import small_history

from engine.models.conditional_fhs import innovations


def test_a_move_is_a_return_and_a_change_of_log_vol():
    history = small_history(30)
    moves = innovations.moves(history)
    assert moves.shape == (29, 1 + history.grid.size)
    t, i, j = 12, 2, 1
    assert moves[t, 0] == pytest.approx(np.log(history.spot[t + 1] / history.spot[t]))
    change = np.log(history.iv[t + 1, i, j] / history.iv[t, i, j])
    assert moves[t, 1 + i * history.grid.shape[1] + j] == pytest.approx(change)


@pytest.mark.parametrize("tilt", [0.0, 0.25])
def test_the_running_variance_is_the_recursion(tilt):
    rng = np.random.default_rng(0)
    y = rng.normal(size=(50, 3))
    start = np.array([0.5, 1.0, 2.0])
    expected = [start]
    for row in y:
        k = 1 + tilt if row[0] < 0 else 1 - tilt
        expected.append(0.9 * expected[-1] + 0.1 * k * row**2)
    found = innovations.running_variance(y, 0.9, start, tilt=tilt)
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    np.testing.assert_allclose(innovations.running_variance(y[:20], 0.9, start, tilt=tilt), found[:21], rtol=1e-12)


def test_what_never_moves_has_a_variance_above_zero():
    found = innovations.running_variance(np.zeros((2000, 2)), 0.5, np.zeros(2))
    assert found.min() == innovations.LEAST_VARIANCE


def test_the_running_mean_is_the_recursion():
    x = np.random.default_rng(1).normal(size=(40, 2))
    expected = pd.DataFrame(x).ewm(alpha=0.1, adjust=False).mean().to_numpy()
    np.testing.assert_allclose(innovations.running_mean(x, 0.9), expected, rtol=1e-12)
    np.testing.assert_allclose(innovations.running_mean(x[:, 0], 0.9), expected[:, 0], rtol=1e-12)


def test_picks_have_the_probabilities_asked_for():
    rng = np.random.default_rng(2)
    weights = np.array([0.0, 3.0, 1.0, 0.0, 6.0, 0.0])
    chosen = innovations.pick_weighted(rng.random(40_000), weights)
    share = np.bincount(chosen, minlength=6) / 40_000
    np.testing.assert_allclose(share, weights / 10, atol=4 * 0.5 / 200)
    assert set(chosen) == {1, 2, 4}
    u = np.array([0.0, 0.3, 0.999999, 1.0])  # the last one only by rounding
    assert innovations.pick(u, 10).tolist() == [0, 3, 9, 9]
    assert innovations.pick_weighted(u, np.ones(10)).tolist() == [0, 3, 9, 9]
