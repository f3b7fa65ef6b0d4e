"""Weights learned online: the gradient against differences, the recursion longhand, the best expert, the bound."""

import math

import numpy as np
import pytest

from engine.models.conditional_fhs.aggregation import Aggregation, energy_gradient


def mixture_score(pools, outcome, weights):
    """Energy score of a mixture, pair by pair."""
    members, m, _ = pools.shape
    error = spread = 0.0
    for i in range(members):
        for a in range(m):
            error += weights[i] / m * math.dist(pools[i, a], outcome)
            for j in range(members):
                for b in range(m):
                    spread += weights[i] * weights[j] / m**2 * math.dist(pools[i, a], pools[j, b])
    return error - spread / 2


def test_gradient_is_that_of_the_energy_score():
    rng = np.random.default_rng(0)
    pools, outcome = rng.normal(size=(3, 5, 2)) + np.arange(3)[:, None, None], rng.normal(size=2)
    weights = np.array([0.2, 0.5, 0.3])
    found = energy_gradient(pools, outcome, weights)
    for i in range(3):
        step = np.zeros(3)
        step[i] = 1e-5
        slope = (mixture_score(pools, outcome, weights + step) - mixture_score(pools, outcome, weights - step)) / 2e-5
        assert found[i] == pytest.approx(slope, abs=1e-6)


def test_a_step_is_the_recursion_written_out():
    rate, state = 0.4, Aggregation.equal(3)
    regret, squares, largest, weights = np.zeros(3), np.zeros(3), np.zeros(3), np.full(3, 1 / 3)
    for gradient in np.random.default_rng(1).normal(size=(7, 3)):
        np.testing.assert_allclose(state.weights(rate), weights, rtol=1e-12)
        state = state.step(weights, gradient, rate)
        eta, mean = np.zeros(3), sum(w * g for w, g in zip(weights, gradient, strict=True))
        for i in range(3):
            gain = mean - gradient[i]
            largest[i] = max(largest[i], abs(gain))
            squares[i] += gain**2
            eta[i] = rate * min(1 / (2 * largest[i]), math.sqrt(math.log(3) / squares[i]))
            regret[i] += gain - eta[i] * gain**2
        weights = eta * np.exp(eta * regret)
        weights = weights / weights.sum()
    np.testing.assert_allclose(state.regret, regret, rtol=1e-12)


def test_weights_start_equal_stay_positive_and_sum_to_one():
    state = Aggregation.equal(4)
    np.testing.assert_array_equal(state.weights(1.0), 0.25)
    for gradient in np.random.default_rng(2).normal(size=(50, 4)) * 1e3:
        state = state.step(state.weights(0.7), gradient, 0.7)
        w = state.weights(0.7)
        assert w.min() > 0 and w.sum() == pytest.approx(1, abs=1e-12)
    np.testing.assert_array_equal(state.weights(0.0), 0.25)


def test_identical_members_keep_equal_weights():
    state = Aggregation.equal(3)
    for _ in range(5):
        state = state.step(state.weights(1.0), np.full(3, 2.0), 1.0)
    np.testing.assert_allclose(state.weights(1.0), 1 / 3)


def test_all_weight_goes_to_the_best_member_and_slower_at_a_smaller_rate():
    rng = np.random.default_rng(3)
    gradients = rng.normal(size=(2_000, 3)) + np.array([0.5, 0.0, 0.7])
    ends = {}
    for rate in (0.05, 1.0):
        state = Aggregation.equal(3)
        for gradient in gradients:
            state = state.step(state.weights(rate), gradient, rate)
        ends[rate] = state.weights(rate)
    assert ends[1.0][1] > 0.99
    assert 1 / 3 < ends[0.05][1] < ends[1.0][1]


@pytest.mark.parametrize("seed", range(3))
def test_regret_to_the_best_fixed_member_grows_like_the_root_of_time(seed):
    """With losses in [0, 1] the bound is of the order √(T log E); persistent losses make it bite."""
    rng = np.random.default_rng(seed)
    days, members = 3_000, 5
    losses = np.clip(0.5 + np.cumsum(rng.normal(scale=0.02, size=(days, members)), axis=0), 0, 1)
    state, mine = Aggregation.equal(members), 0.0
    for gradient in losses:
        w = state.weights(1.0)
        mine += float(w @ gradient)
        state = state.step(w, gradient, 1.0)
    assert mine - losses.sum(axis=0).min() <= 4 * math.sqrt(days * math.log(members))
    assert mine < losses.mean(axis=1).sum()  # and it beats equal weights


def test_on_energy_scores_the_mixture_ends_at_the_law_that_makes_the_data():
    rng = np.random.default_rng(5)
    quantiles = np.linspace(-2, 2, 21)[:, None]
    pools = np.stack([quantiles, quantiles + 1.5])
    state = Aggregation.equal(2)
    for outcome in rng.normal(size=(400, 1)):
        w = state.weights(1.0)
        state = state.step(w, energy_gradient(pools, outcome, w), 1.0)
    assert state.weights(1.0)[0] > 0.9
