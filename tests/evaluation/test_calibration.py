"""Exceedances, their tests and probability integral transforms against longhand counts and their own laws."""

import math
from itertools import pairwise

import numpy as np
import pytest
from scipy.stats import binom, chi2

from engine.errors import MarketDataError, SettingsError
from engine.evaluation import calibration


def longhand_independence(hits):
    """Christoffersen's ratio from the four transition counts."""
    count = {(a, b): 0 for a in (0, 1) for b in (0, 1)}
    for before, after in pairwise(hits):
        count[int(before), int(after)] += 1

    def log_likelihood(ones, zeros, p):
        return sum(k * math.log(q) for k, q in ((ones, p), (zeros, 1 - p)) if k > 0)

    ones, zeros = count[0, 1] + count[1, 1], count[0, 0] + count[1, 0]
    alike = log_likelihood(ones, zeros, ones / (ones + zeros))
    chain = 0.0
    for state in (0, 1):
        total = count[state, 0] + count[state, 1]
        if total:
            chain += log_likelihood(count[state, 1], count[state, 0], count[state, 1] / total)
    return 2 * (chain - alike)


@pytest.mark.parametrize(("n", "k", "level"), [(367, 4, 0.01), (367, 360, 0.99), (250, 0, 0.01), (100, 100, 0.5)])
def test_kupiec_compares_two_binomial_likelihoods(n, k, level):
    hits = np.zeros(n, dtype=bool)
    hits[:k] = True
    found = calibration.coverage(hits, level)
    expected = 2 * (binom.logpmf(k, n, k / n) - binom.logpmf(k, n, level))
    assert found.share == k / n and found.days == n
    assert found.kupiec == pytest.approx(expected, abs=1e-10)
    assert found.kupiec_p == pytest.approx(chi2.sf(expected, 1), abs=1e-12)


def test_kupiec_accepts_the_published_range():
    """Kupiec's table: 255 days at 1 % are accepted at the 5 % level with fewer than 7 exceptions."""
    accepted = [k for k in range(20) if calibration.coverage(np.arange(255) < k, 0.01).kupiec_p > 0.05]
    assert accepted == [1, 2, 3, 4, 5, 6]
    accepted = [k for k in range(40) if calibration.coverage(np.arange(255) < k, 0.05).kupiec_p > 0.05]
    assert accepted == list(range(7, 21))  # 6 < N < 21


def test_christoffersen_counts_transitions():
    rng = np.random.default_rng(0)
    for share in (0.02, 0.3, 0.97):
        hits = rng.random(400) < share
        found = calibration.coverage(hits, 0.1)
        expected = longhand_independence(hits)
        assert found.independence == pytest.approx(expected, abs=1e-9)
        assert found.independence_p == pytest.approx(chi2.sf(expected, 1), abs=1e-9)
        assert found.conditional == found.kupiec + found.independence
        assert found.conditional_p == pytest.approx(chi2.sf(found.conditional, 2), abs=1e-12)


def test_clusters_are_noticed():
    clustered = np.repeat(np.random.default_rng(1).random(100) < 0.1, 5)
    found = calibration.coverage(clustered, 0.1)
    assert found.kupiec_p > 0.01 and found.independence_p < 1e-6 and found.conditional_p < 1e-6


def test_all_or_nothing_below_is_no_failure_of_the_formula():
    for hits in (np.zeros(50, dtype=bool), np.ones(50, dtype=bool)):
        found = calibration.coverage(hits, 0.05)
        assert found.independence == 0 and found.independence_p == 1 and math.isfinite(found.kupiec)


def test_the_tests_reject_as_often_as_they_say():
    rng = np.random.default_rng(2)
    found = [calibration.coverage(rng.random(500) < 0.1, 0.1) for _ in range(1500)]
    for name in ("kupiec_p", "independence_p", "conditional_p"):
        rate = np.mean([getattr(test, name) < 0.05 for test in found])
        assert abs(rate - 0.05) < 0.02, name  # 4 standard errors are 0.0225; the law is exact for many days only


def test_quantiles_under_weights():
    x = np.array([3.0, 1.0, 2.0, 4.0])
    np.testing.assert_array_equal(calibration.quantiles(x, [0.25, 0.26, 0.75]), [1, 2, 3])
    np.testing.assert_array_equal(calibration.quantiles(x, [0.25, 0.5], np.array([0.1, 0.2, 0.1, 0.6])), [2, 4])
    assert calibration.quantiles(np.zeros((2, 3, 10)), [0.1, 0.9]).shape == (2, 2, 3)


def test_a_calibrated_forecast_is_exceeded_as_it_should():
    rng = np.random.default_rng(3)
    x, y = rng.standard_normal((4000, 200)), rng.standard_normal(4000)
    q = calibration.quantiles(x, calibration.LEVELS)
    for level, share in zip(calibration.LEVELS, (y < q).mean(axis=1), strict=True):
        exact = math.ceil(200 * level) / 201
        assert abs(share - exact) < 4 * math.sqrt(exact * (1 - exact) / 4000)


def test_transforms_of_a_right_law_are_uniform_even_with_few_scenarios_and_ties():
    rng = np.random.default_rng(4)
    for n in (3, 500):
        x, y = rng.standard_normal((3000, n)), rng.standard_normal(3000)
        assert calibration.uniformity(calibration.pit(x, y, rng=rng))[1] > 0.001
        x, y = np.round(x), np.round(y)
        assert calibration.uniformity(calibration.pit(x, y, rng=rng))[1] > 0.001
    u = calibration.pit(0.7 * x, y, rng=rng)  # too narrow: too many in the tails
    assert calibration.uniformity(u)[1] < 1e-6
    histogram = calibration.pit_histogram(u)
    assert histogram[0] > 1.3 < histogram[-1] and histogram.mean() == pytest.approx(1)


def test_weighted_transforms():
    rng = np.random.default_rng(5)
    x = 2 * rng.standard_normal((3000, 400))
    y = rng.standard_normal(3000)
    raw = np.exp(-0.5 * x**2 * (1 - 1 / 4))  # importance weights from sd 2 to sd 1
    w = raw / raw.sum(axis=1, keepdims=True)
    assert calibration.uniformity(calibration.pit(x, y, w, rng=rng))[1] > 0.001
    assert calibration.uniformity(calibration.pit(x, y, rng=rng))[1] < 1e-6


def test_the_ends_of_a_transform():
    x = np.array([[1.0, 2.0, 3.0]])
    for y, low, high in ((0.0, 0, 0.25), (9.0, 0.75, 1), (2.5, 0.5, 0.75), (2.0, 0.25, 0.75)):
        u = np.array([calibration.pit(x, [y], rng=np.random.default_rng(k))[0] for k in range(200)])
        assert low <= u.min() and u.max() <= high
        assert u.mean() == pytest.approx((low + high) / 2, abs=4 * (high - low) / math.sqrt(12 * 200))


def test_refusals():
    rng = np.random.default_rng(0)
    with pytest.raises(MarketDataError, match="at least two days"):
        calibration.coverage([True], 0.1)
    with pytest.raises(SettingsError, match="strictly between"):
        calibration.coverage([True, False], 1.0)
    with pytest.raises(MarketDataError, match=r"outcomes of shape \(2,\)"):
        calibration.pit(np.zeros((2, 5)), np.zeros(3), rng=rng)
    with pytest.raises(MarketDataError, match="finite"):
        calibration.pit(np.zeros((2, 5)), [0.0, np.inf], rng=rng)
    with pytest.raises(MarketDataError, match="weights of shape"):
        calibration.pit(np.zeros((2, 5)), np.zeros(2), np.ones(5), rng=rng)
    with pytest.raises(SettingsError, match="between 0 and 1"):
        calibration.quantiles(np.zeros(3), [1.5])
