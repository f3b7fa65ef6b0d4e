import math

import numpy as np
import pytest
from scipy.stats import kurtosis, norm, skew

from engine.decisions.forecasting import sharpe_ratio
from engine.errors import MarketDataError, SettingsError
from engine.evaluation import trading
from engine.evaluation.comparison import block_counts, interval


def gaussian(seed: int, days: int = 1000, mean: float = 0.08) -> np.ndarray:
    return np.random.default_rng(seed).normal(mean, 1.0, days)


def resampled(*pnl: np.ndarray, seed: int, draws: int = 2000, block: int = 21) -> np.ndarray:
    """Ratios of the first series, less those of a second, on the same resampled days: what the studies do."""
    counts = block_counts(len(pnl[0]), rng=np.random.default_rng(seed), draws=draws, block=block)
    found = [trading.resampled_sharpe(counts, one) for one in pnl]
    return found[0] - (found[1] if len(pnl) > 1 else 0)


def test_independent_gaussian_days_have_lo_s_standard_error() -> None:
    pnl = gaussian(1, 200_000)
    s = pnl.mean() / pnl.std()
    found = trading.sharpe_error(pnl, correlated=False)
    expected = math.sqrt(252 * (1 + s**2 / 2) / len(pnl))
    # skewness and kurtosis of a Gaussian sample are off by √6/n and √24/n
    assert found.standard_error == pytest.approx(expected, rel=5 * abs(s) * math.sqrt(6 / len(pnl)) + 1e-4)
    assert found.ratio == pytest.approx(math.sqrt(252) * s)


def test_without_correlation_the_error_is_mertens_formula() -> None:
    pnl = np.random.default_rng(2).standard_t(5, 800) + 0.1
    s = pnl.mean() / pnl.std()
    variance = 1 - skew(pnl) * s + (kurtosis(pnl, fisher=False) - 1) * s**2 / 4
    assert trading.sharpe_error(pnl, correlated=False).standard_error == pytest.approx(
        math.sqrt(252 * variance / len(pnl))
    )


def test_interval_covers_the_truth_as_often_as_it_says() -> None:
    runs, true = 400, math.sqrt(252) * 0.08
    covered = 0
    for seed in range(runs):
        found = trading.sharpe_error(gaussian(seed, 500), coverage=0.9)
        covered += found.low <= true <= found.high
    assert abs(covered / runs - 0.9) < 4 * math.sqrt(0.9 * 0.1 / runs) + 0.01


def test_correlated_days_widen_the_error() -> None:
    rng = np.random.default_rng(3)
    shocks = rng.normal(0, 1, 4000)
    pnl = np.empty(4000)
    level = 0.0
    for t, shock in enumerate(shocks):
        level = 0.4 * level + shock
        pnl[t] = level + 0.05
    wide, narrow = trading.sharpe_error(pnl), trading.sharpe_error(pnl, correlated=False)
    # AR(1): the variance of the mean grows by (1 + φ)/(1 − φ) = 2.33; the lags see most of it
    assert 1.25 < wide.standard_error / narrow.standard_error < math.sqrt(1.4 / 0.6)


def test_deflated_sharpe_ratio_of_the_published_example() -> None:
    """Bailey and López de Prado (2014): 100 trials, 5 × 250 days, annual ratio 2.5, skewness −3, kurtosis 10."""
    benchmark = trading.expected_best(0.5 / 250, 100)
    assert benchmark == pytest.approx(0.1132, abs=5e-5)
    ratio = 2.5 / math.sqrt(250)
    assert trading._probability(ratio, benchmark, 1250, -3.0, 10.0) == pytest.approx(0.9004, abs=5e-5)
    fewer = trading.expected_best(0.5 / 250, 46)
    assert trading._probability(ratio, fewer, 1250, -3.0, 10.0) == pytest.approx(0.9505, abs=5e-4)


def test_expected_best_is_the_mean_of_the_largest_of_gaussian_trials() -> None:
    rng = np.random.default_rng(4)
    for trials in (8, 100):
        largest = rng.standard_normal((20_000, trials)).max(axis=1)
        error = largest.std() / math.sqrt(len(largest))
        # the formula is asymptotic: within 3 % at eight trials
        assert trading.expected_best(1.0, trials) == pytest.approx(largest.mean(), abs=4 * error + 0.03)
    assert trading.expected_best(1.0, 1) == 0


def test_probabilistic_sharpe_is_the_gaussian_tail_for_gaussian_days() -> None:
    pnl = gaussian(5, 100_000, mean=0.005)
    s = pnl.mean() / pnl.std()
    assert trading.probabilistic_sharpe(pnl) == pytest.approx(norm.cdf(s * math.sqrt(len(pnl))), abs=1e-3)
    assert trading.probabilistic_sharpe(pnl, float(sharpe_ratio(pnl))) == pytest.approx(0.5)


def test_trying_more_deflates_more() -> None:
    pnl = gaussian(6)
    few, many = [0.1, 0.9], [0.1, 0.9] * 20
    assert trading.deflated_sharpe(pnl, many) < trading.deflated_sharpe(pnl, few) < trading.probabilistic_sharpe(pnl)


def test_bootstrap_ratios_are_those_of_the_resampled_days() -> None:
    pnl = gaussian(7, 60)
    counts = block_counts(60, rng=np.random.default_rng(8), draws=20, block=5)
    longhand = [float(sharpe_ratio(np.repeat(pnl, row.astype(int)))) for row in counts]
    found = trading.resampled_sharpe(counts, np.stack([pnl, 3 * pnl, -pnl]))
    np.testing.assert_allclose(found, np.column_stack([longhand, longhand, np.negative(longhand)]))


def test_bootstrap_spread_agrees_with_the_asymptotic_error() -> None:
    pnl = gaussian(9, 1500)
    low, high = interval(resampled(pnl, seed=10, draws=4000, block=1), 0.95)
    error = trading.sharpe_error(pnl, correlated=False).standard_error
    assert (high - low) / (2 * norm.isf(0.025)) == pytest.approx(error, rel=0.08)
    assert low < float(sharpe_ratio(pnl)) < high


def test_paired_difference_is_surer_than_two_intervals() -> None:
    rng = np.random.default_rng(11)
    common = rng.normal(0, 1, 800)
    a, b = common + 0.1 + 0.1 * rng.normal(0, 1, 800), common + 0.1 * rng.normal(0, 1, 800)
    apart, together = resampled(a, seed=12), resampled(a, b, seed=12)
    low, high = interval(together, 0.95)
    assert (together <= 0).mean() < 0.01 and low > 0
    assert high - low < np.ptp(interval(apart, 0.95))
    assert low < float(sharpe_ratio(a) - sharpe_ratio(b)) < high


def test_p_value_is_uniform_where_nothing_is_earned() -> None:
    p = [(resampled(gaussian(seed, 250, mean=0.0), seed=seed, draws=300) <= 0).mean() for seed in range(200)]
    assert abs(np.mean(p) - 0.5) < 4 * math.sqrt(1 / 12 / 200)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: trading.sharpe_error(np.ones(50)), "expected PnL that varies"),
        (lambda: trading.sharpe_error(np.arange(5.0)), "at least 10 days"),
        (lambda: trading.sharpe_error([1.0, np.nan] * 10), "finite PnL"),
        (lambda: trading.expected_best(-1.0, 3), "variance >= 0"),
    ],
)
def test_pnl_without_a_ratio_is_refused_in_a_sentence(call, words) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises((MarketDataError, SettingsError), match=words):
        call()
