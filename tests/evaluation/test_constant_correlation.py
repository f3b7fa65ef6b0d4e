"""Correlations of a day against numpy's, and the test of constancy against its own promise: 5 % when it is constant."""

import math

import numpy as np
import pytest
from scipy.stats import binom

from engine.errors import MarketDataError
from engine.evaluation.constant_correlation import constant_correlation, daily_correlation


def pairs(rho: np.ndarray, n: int, rng: np.random.Generator, *, tail: float | None = None) -> tuple:
    x, y = rng.standard_normal((2, len(rho), n))
    y = rho[:, None] * x + np.sqrt(1 - rho[:, None] ** 2) * y
    if tail is not None:
        scale = np.sqrt(tail / rng.chisquare(tail, (len(rho), n)))
        return x * scale, y * scale
    return x, y


def test_correlations_are_those_of_numpy_and_errors_those_of_fisher() -> None:
    rng = np.random.default_rng(0)
    x, y = pairs(np.array([-0.9, 0.0, 0.5]), 50_000, rng)
    rho, error = daily_correlation(x, y)
    np.testing.assert_allclose(rho, [np.corrcoef(a, b)[0, 1] for a, b in zip(x, y, strict=True)], rtol=1e-12)
    np.testing.assert_allclose(error * math.sqrt(50_000), 1, atol=0.05)  # Gaussian scenarios: 1/√n whatever ρ is
    again, _ = daily_correlation(3 + 2 * x, 5 - 0.1 * y)
    np.testing.assert_allclose(again, -rho, rtol=1e-12)


def test_the_band_is_the_published_formula() -> None:
    rho, n = np.array([-0.7, -0.6, -0.65, -0.2]), 103
    found = constant_correlation(rho, n)
    mean = rho.mean()
    centre = 0.5 * math.log((1 + mean) / (1 - mean))
    ends = [centre + sign * 1.959963984540054 / math.sqrt(n - 3) for sign in (-1, 1)]
    low, high = ((math.exp(2 * z) - 1) / (math.exp(2 * z) + 1) for z in ends)
    assert (found.low, found.high) == pytest.approx((low, high), rel=1e-12)
    assert found.outside == np.mean([not low <= r <= high for r in rho])
    z = [0.5 * math.log((1 + r) / (1 - r)) for r in rho]
    assert found.statistic == pytest.approx(100 * sum((one - sum(z) / 4) ** 2 for one in z), rel=1e-12)


def test_a_constant_correlation_is_rejected_as_rarely_as_promised() -> None:
    rng, trials = np.random.default_rng(1), 300
    rejected = 0
    for _ in range(trials):
        rho, _ = daily_correlation(*pairs(np.full(40, -0.6), 200, rng))
        rejected += constant_correlation(rho, 200).p_value < 0.05
    assert binom.ppf(0.0005, trials, 0.05) <= rejected <= binom.ppf(0.9995, trials, 0.05)


def test_heavy_tails_fool_the_published_test_but_not_the_robust_one() -> None:
    rng, trials = np.random.default_rng(2), 60
    plain = robust = 0
    for _ in range(trials):
        rho, error = daily_correlation(*pairs(np.full(40, -0.6), 400, rng, tail=5.0))
        found = constant_correlation(rho, 400, error)
        plain, robust = plain + (found.p_value < 0.01), robust + (found.robust_p < 0.01)
    assert plain > 0.5 * trials and robust < 0.25 * trials


def test_a_moving_correlation_is_found() -> None:
    rho, error = daily_correlation(*pairs(np.linspace(-0.8, -0.5, 40), 500, np.random.default_rng(3)))
    found = constant_correlation(rho, 500, error)
    assert found.p_value < 1e-6 and found.robust_p < 1e-6 and found.outside > 0.3


@pytest.mark.parametrize(("rho", "n"), [([0.1], 100), ([0.1, 1.2], 100), ([0.1, 0.2], 3)])
def test_what_is_no_series_of_correlations_is_refused(rho: list[float], n: int) -> None:
    with pytest.raises(MarketDataError, match="expected correlations"):
        constant_correlation(rho, n)


def test_scenarios_that_stand_still_have_no_correlation() -> None:
    with pytest.raises(MarketDataError, match="vary"):
        daily_correlation(np.ones(10), np.arange(10.0))
    with pytest.raises(MarketDataError, match="four or more"):
        daily_correlation(np.arange(3.0), np.arange(3.0))
