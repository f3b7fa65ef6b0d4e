import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracles import expanded_quantile

from engine.errors import MarketDataError, SettingsError
from engine.scenarios import reweighting as rw

PHI = np.array([0.3, 0.0, 0.02, 1.5, 0.0, 0.3])
penalties = st.lists(st.floats(0, 10), min_size=1, max_size=40).map(np.array)


def test_weights_follow_the_formula():
    raw = [math.exp(-4 * phi) for phi in PHI]
    np.testing.assert_allclose(rw.weights(PHI, 4.0), [x / sum(raw) for x in raw], rtol=1e-14)


@given(phi=penalties, beta=st.one_of(st.floats(0, 1e15), st.just(math.inf)))
def test_weights_are_a_distribution_that_falls_with_the_penalty(phi, beta):
    w = rw.weights(phi, beta)
    assert w.min() >= 0 and w.sum() == pytest.approx(1, abs=1e-12)
    assert (np.diff(w[np.argsort(phi, kind="stable")]) <= 0).all()


def test_weights_do_not_change_when_all_penalties_shift():
    np.testing.assert_allclose(rw.weights(PHI + 1000, 50), rw.weights(PHI, 50), rtol=1e-9)
    # without the subtraction of the least penalty these would all be exp(−1e8) = 0
    np.testing.assert_allclose(rw.weights(PHI + 1e6, 100), rw.weights(PHI, 100), rtol=1e-6)


def test_small_beta_is_uniform_and_large_beta_shares_between_the_best():
    np.testing.assert_array_equal(rw.weights(PHI, 0), np.full(6, 1 / 6))
    np.testing.assert_allclose(rw.weights(PHI, 1e-12), 1 / 6, rtol=1e-11)
    best = np.array([0, 0.5, 0, 0, 0.5, 0])
    np.testing.assert_array_equal(rw.weights(PHI, 1e15), best)
    np.testing.assert_array_equal(rw.weights(PHI, math.inf), best)
    np.testing.assert_array_equal(rw.weights(PHI + 0.1, math.inf), best)
    np.testing.assert_array_equal(rw.weights([1e308, 0.0], 1e15), [0, 1])
    np.testing.assert_array_equal(
        rw.weights([0.0, 1e-16], 1e15), [1 / (1 + math.exp(-0.1)), 1 - 1 / (1 + math.exp(-0.1))]
    )


def test_weights_are_batched_with_a_beta_of_each_batch():
    phi = np.stack([PHI, 2 * PHI, np.zeros(6)])
    betas = rw.default_beta(phi)
    np.testing.assert_allclose(betas, [500 / 1.5, 500 / 3, 0])
    w = rw.weights(phi, betas)
    for row in range(3):
        np.testing.assert_array_equal(w[row], rw.weights(phi[row], betas[row]))
    np.testing.assert_allclose(w[0], w[1], rtol=1e-12)  # β* makes weights independent of the penalty's scale
    np.testing.assert_array_equal(w[2], np.full(6, 1 / 6))
    assert rw.weights(phi, 10.0).shape == (3, 6)


def test_a_vanishing_largest_penalty_is_no_problem():
    w = rw.weights([0.0, 5e-324], rw.default_beta([0.0, 5e-324]))
    assert w.sum() == 1 and np.isfinite(w).all()


def test_entropy_is_between_uniform_and_one_scenario():
    assert rw.relative_entropy(np.full(7, 1 / 7)) == pytest.approx(0, abs=1e-15)
    assert rw.relative_entropy([0, 0, 1.0, 0]) == pytest.approx(math.log(4), rel=1e-15)
    w = np.array([0.5, 0.25, 0.125, 0.125])
    assert rw.relative_entropy(w) == pytest.approx(math.log(4) + sum(x * math.log(x) for x in w), rel=1e-14)
    assert rw.relative_entropy(np.stack([w, w[::-1]])).shape == (2,)


@given(phi=penalties, beta=st.floats(0, 1e6))
def test_entropy_and_sample_size_stay_in_their_bounds(phi, beta):
    w = rw.weights(phi, beta)
    assert 0 <= rw.relative_entropy(w) <= math.log(len(phi)) + 1e-12
    assert 1 <= rw.effective_sample_size(w) <= len(phi)


def test_entropy_grows_and_sample_size_falls_with_beta():
    w = np.stack([rw.weights(PHI, beta) for beta in (0, 0.1, 1, 10, 100, 1e4)])
    assert (np.diff(rw.relative_entropy(w)) >= 0).all()
    assert (np.diff(rw.effective_sample_size(w)) <= 1e-12).all()


def test_sample_size_counts_equal_weights():
    assert rw.effective_sample_size([0.25] * 4) == pytest.approx(4)
    assert rw.effective_sample_size([0.5, 0, 0.5]) == pytest.approx(2)
    assert rw.effective_sample_size([1.0, 0, 0]) == 1
    np.testing.assert_allclose(rw.effective_sample_size([[0.5, 0.5], [1.0, 0.0]]), [2, 1])


@settings(max_examples=300)
@given(
    rows=st.lists(st.tuples(st.integers(-5, 5), st.integers(0, 6)), min_size=1, max_size=15).filter(
        lambda rows: sum(count for _, count in rows) > 0
    ),
    numerator=st.integers(0, 20),
    normalised=st.booleans(),
)
def test_quantile_is_that_of_values_written_out_by_their_weights(rows, numerator, normalised):
    x = [float(value) for value, _ in rows]
    counts = [count for _, count in rows]
    w = np.array(counts) / (sum(counts) if normalised else 1)
    expected = expanded_quantile(x, counts, (numerator, 20))
    assert rw.weighted_quantile(x, w, numerator / 20) == expected


def test_cumulative_rounding_does_not_shift_a_quantile():
    x = np.arange(1.0, 11.0)
    w = np.full(10, 0.1)
    assert np.cumsum(w)[7] < 0.8  # which is why a plain comparison would return 9
    np.testing.assert_array_equal(rw.weighted_quantile(x, w, np.arange(11) / 10), [1, *x])
    n = 10_000
    uniform = rw.weighted_quantile(np.arange(n), np.full(n, 1 / n), [0.0, 0.025, 0.5, 0.975, 1.0])
    np.testing.assert_array_equal(uniform, [0, 249, 4999, 9749, 9999])


def test_ends_are_the_extremes_that_carry_weight():
    x, w = [5.0, -1.0, 9.0, 2.0], [0.5, 0.0, 1e-30, 0.5]
    np.testing.assert_array_equal(rw.weighted_quantile(x, w, [0, 0.5, 1]), [2, 2, 9])


def test_quantiles_are_batched_over_leading_and_trailing_axes():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((3, 50, 4, 2))  # dates, scenarios, grid
    w = rng.dirichlet(np.ones(50), 3)
    levels = [[0.1, 0.5], [0.9, 1.0]]
    result = rw.weighted_quantile(x, w, levels, axis=1)
    assert result.shape == (2, 2, 3, 4, 2)
    for day in range(3):
        for i in range(4):
            expected = rw.weighted_quantile(x[day, :, i, 1], w[day], levels)
            np.testing.assert_array_equal(result[:, :, day, i, 1], expected)
    np.testing.assert_array_equal(rw.weighted_quantile(x[0], w[0], 0.5, axis=0), result[0, 1, 0])
    shared = rw.weighted_quantile(np.moveaxis(x, 1, -1), w[0], 0.5)
    np.testing.assert_array_equal(shared[0], result[0, 1, 0])


def test_quantiles_agree_with_numpy():
    rng = np.random.default_rng(1)
    x, w = rng.standard_normal(500), rng.dirichlet(np.ones(500))
    levels = rng.uniform(0, 1, 50)
    expected = np.quantile(x, levels, weights=w, method="inverted_cdf")
    np.testing.assert_array_equal(rw.weighted_quantile(x, w, levels), expected)


def test_bad_input_is_named():
    with pytest.raises(MarketDataError, match="finite penalties; found nan"):
        rw.weights([0.1, np.nan], 1.0)
    with pytest.raises(MarketDataError, match="at least one scenario"):
        rw.weights([], 1.0)
    with pytest.raises(SettingsError, match="beta >= 0; found -1"):
        rw.weights(PHI, -1.0)
    with pytest.raises(SettingsError, match="beta >= 0; found nan"):
        rw.weights(PHI, np.nan)
    with pytest.raises(MarketDataError, match="not all zero"):
        rw.effective_sample_size([0.0, 0.0])
    with pytest.raises(MarketDataError, match="sum to one; found 2"):
        rw.relative_entropy([1.0, 1.0])
    with pytest.raises(MarketDataError, match="weights >= 0"):
        rw.weighted_quantile([1.0, 2.0], [-0.5, 1.5], 0.5)
    with pytest.raises(MarketDataError, match="weights for 3 scenarios along axis 0"):
        rw.weighted_quantile([1.0, 2.0, 3.0], [0.5, 0.5], 0.5)
    with pytest.raises(MarketDataError, match="without NaN"):
        rw.weighted_quantile([1.0, np.nan], [0.5, 0.5], 0.5)
    with pytest.raises(SettingsError, match="between 0 and 1"):
        rw.weighted_quantile([1.0, 2.0], [0.5, 0.5], 1.5)
