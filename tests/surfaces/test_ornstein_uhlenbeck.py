"""Ornstein–Uhlenbeck: exact transitions against closed forms, moment estimates against theory and likelihood."""

import math
from itertools import pairwise

import numpy as np
import pytest
from scipy import stats

from engine.errors import MarketDataError
from engine.market.grid import DT, Floats
from engine.surfaces import ornstein_uhlenbeck as ou
from engine.surfaces.ornstein_uhlenbeck import OrnsteinUhlenbeck

LEVEL = OrnsteinUhlenbeck(2.018, -0.422, 4.414)
SKEW = OrnsteinUhlenbeck(0.986, -0.312, 1.993)


def estimates(fit: ou.OrnsteinUhlenbeckFit) -> tuple[Floats, Floats]:
    values = np.array([fit.mean_reversion, fit.mean, fit.volatility])
    return values, np.array([fit.mean_reversion_se, fit.mean_se, fit.volatility_se])


def truth(process: OrnsteinUhlenbeck) -> Floats:
    return np.array([process.mean_reversion, process.mean, process.volatility])


def maximum_likelihood(x: Floats, dt: float = DT) -> Floats:
    """Closed form: the regression of X_{t+1} on X_t, turned into (λ, α, γ)."""
    before, after = x[:-1], x[1:]
    slope = np.cov(before, after, bias=True)[0, 1] / before.var()
    intercept = after.mean() - slope * before.mean()
    variance = ((after - intercept - slope * before) ** 2).mean()
    rate = -math.log(slope) / dt
    return np.array([rate, intercept / (1 - slope), math.sqrt(variance * 2 * rate / (1 - slope**2))])


def clustered(process: OrnsteinUhlenbeck, n: int, n_paths: int, rng: np.random.Generator) -> Floats:
    """Paths with Student shocks of two regimes, of the same mean, variance and autocorrelation: ``(n_paths, n)``."""
    decay, sd = process.transition()
    scale = np.where(
        stats.norm.cdf(ou.simulate(OrnsteinUhlenbeck(4.0, 0.0, 8**0.5), n, n_paths, rng=rng)) < 0.2, 2, 0.5
    )
    scale = scale / math.sqrt(0.2 * 4 + 0.8 * 0.25)
    shocks = scale[:, 1:] * rng.standard_t(5, (n_paths, n)) / math.sqrt(5 / 3)
    x = np.zeros((n_paths, n))
    x[:, 0] = process.stationary_sd * rng.standard_normal(n_paths)
    for t in range(1, n):
        x[:, t] = decay * x[:, t - 1] + sd * shocks[:, t]
    return x + process.mean


def test_simulated_mean_variance_and_autocorrelation_are_the_stationary_ones() -> None:
    n = 20_000
    paths = ou.simulate(LEVEL, 40, n, rng=np.random.default_rng(1))
    variance = LEVEL.volatility**2 / (2 * LEVEL.mean_reversion)
    for step in (0, 1, 40):
        x = paths[:, step]
        assert abs(x.mean() - LEVEL.mean) < 4 * math.sqrt(variance / n)
        assert abs(x.var() - variance) < 4 * variance * math.sqrt(2 / n)
    for lag in (1, 40):
        rho = math.exp(-LEVEL.mean_reversion * lag * DT)
        found = np.corrcoef(paths[:, 0], paths[:, lag])[0, 1]
        assert abs(found - rho) < 4 * (1 - rho**2) / math.sqrt(n)
        assert LEVEL.autocorrelation(lag * DT) == pytest.approx(rho)


def test_transitions_are_exact_at_any_step() -> None:
    """One step of a year and 252 of a day give the same law."""
    n, x0 = 20_000, 3.0
    rng = np.random.default_rng(2)
    coarse = ou.simulate(SKEW, 1, n, rng=rng, dt=1.0, start=x0)[:, -1]
    fine = ou.simulate(SKEW, 50, n, rng=rng, dt=1 / 50, start=x0)[:, -1]
    mean = SKEW.mean + (x0 - SKEW.mean) * math.exp(-SKEW.mean_reversion)
    variance = SKEW.volatility**2 * (1 - math.exp(-2 * SKEW.mean_reversion)) / (2 * SKEW.mean_reversion)
    for x in (coarse, fine):
        assert abs(x.mean() - mean) < 4 * math.sqrt(variance / n)
        assert abs(x.var() - variance) < 4 * variance * math.sqrt(2 / n)
    assert stats.ks_2samp(coarse, fine).pvalue > 1e-4


def test_the_seed_is_all_the_randomness_and_the_start_is_kept() -> None:
    a, b = (ou.simulate(LEVEL, 5, 3, rng=np.random.default_rng(3), start=[0.0, 1.0, 2.0]) for _ in range(2))
    np.testing.assert_array_equal(a, b)
    np.testing.assert_allclose(a[:, 0], [0, 1, 2], atol=1e-15)


def test_log_likelihood_is_the_sum_of_normal_densities() -> None:
    x = ou.simulate(LEVEL, 10, rng=np.random.default_rng(4))[0]
    total = 0.0
    for before, after in pairwise(x):
        mean = LEVEL.mean + (before - LEVEL.mean) * math.exp(-LEVEL.mean_reversion * DT)
        sd = LEVEL.volatility * math.sqrt((1 - math.exp(-2 * LEVEL.mean_reversion * DT)) / (2 * LEVEL.mean_reversion))
        total += stats.norm.logpdf(after, mean, sd)
    assert ou.log_likelihood(LEVEL, x) == pytest.approx(total, rel=1e-12)


def test_closed_form_maximum_likelihood_maximises_the_likelihood() -> None:
    x = ou.simulate(LEVEL, 2_000, rng=np.random.default_rng(5))[0]
    best = maximum_likelihood(x)
    top = ou.log_likelihood(OrnsteinUhlenbeck(*best), x)
    for factor in (0.97, 1.03):
        for k in range(3):
            other = best.copy()
            other[k] *= factor
            assert ou.log_likelihood(OrnsteinUhlenbeck(*other), x) < top


def test_long_samples_agree_with_maximum_likelihood_and_the_truth() -> None:
    """On 400 years both estimators are near the truth, and nearer to each other."""
    x = ou.simulate(LEVEL, 400 * 252, rng=np.random.default_rng(6))[0]
    fit = ou.fit(x)
    found, errors = estimates(fit)
    likely = maximum_likelihood(x)
    assert (np.abs(found - truth(LEVEL)) < 3 * errors).all()
    assert (np.abs(found - likely) < errors).all()
    # standard errors of the efficient estimator: λ sqrt(2λ/T), α sqrt(2V/(λT)), γ γ/sqrt(2n)
    rate, _, volatility = truth(LEVEL)
    efficient = [math.sqrt(2 * rate / 400), volatility / rate / math.sqrt(400), volatility / math.sqrt(2 * len(x))]
    freedom = 1.5 * len(x) / (1.5 * len(x) ** (2 / 3))  # of the Bartlett kernel at this bandwidth
    np.testing.assert_allclose(errors / efficient, [1, 1, 1.1], rtol=3 / math.sqrt(2 * freedom))


def test_one_lag_reproduces_the_moments_by_hand() -> None:
    x = ou.simulate(SKEW, 3_000, rng=np.random.default_rng(7))[0]
    fit = ou.fit(x, lags=(1,))
    n = len(x)
    mean = sum(x) / n
    variance = sum((v - mean) ** 2 for v in x) / n
    departure = sum((b - a) ** 2 for a, b in pairwise(x)) / (2 * (n - 1))
    rate = -math.log(1 - departure / variance) / DT
    assert fit.mean == pytest.approx(mean)
    assert fit.mean_reversion == pytest.approx(rate, rel=1e-8)
    assert fit.volatility == pytest.approx(math.sqrt(2 * rate * variance), rel=1e-8)
    assert fit.degrees_of_freedom == 0 and math.isnan(fit.p_value)


def test_bartletts_formula_against_simulated_moments() -> None:
    """The long-run variance used as weight, against the variance of the moment over many samples."""
    n, paths = 2_000, 400
    fast = OrnsteinUhlenbeck(20.0, 0.0, math.sqrt(40.0))  # V = 1
    x = ou.simulate(fast, n, paths, rng=np.random.default_rng(8))
    lags = np.array([1, 5, 21])
    theory = ou._model_variances(20.0, lags, DT) / n
    for lag, expected in zip(lags, theory, strict=True):
        found = (0.5 * (x[:, lag:] - x[:, :-lag]) ** 2).mean(axis=1).var(ddof=1)
        assert abs(found / expected - 1) < 4 * math.sqrt(2 / paths) + 0.02


@pytest.mark.parametrize("shocks", ["normal", "clustered"])
def test_standard_errors_cover_on_22_years(shocks: str) -> None:
    """±2 standard errors hold the truth in nearly 95 % of samples, ±3 in nearly all; λ is high by about 4/T."""
    rng, samples, days = np.random.default_rng(9), 120, 5_544
    if shocks == "normal":
        paths = ou.simulate(LEVEL, days - 1, samples, rng=rng)
    else:
        paths = clustered(LEVEL, days, samples, rng)
    fits = [ou.fit(path) for path in paths]
    z = np.array([(estimates(fit)[0] - truth(LEVEL)) / estimates(fit)[1] for fit in fits])
    within = lambda k: (np.abs(z) < k).mean(axis=0)  # noqa: E731
    spread = lambda p: 3 * math.sqrt(p * (1 - p) / samples)  # noqa: E731
    assert (within(2) > 0.90 - spread(0.90)).all()
    assert (within(3) > 0.97 - spread(0.97)).all()
    rates = np.array([fit.mean_reversion for fit in fits])
    bias = fits[0].mean_reversion_bias
    assert bias == pytest.approx(4 / 22)
    assert abs(rates.mean() - LEVEL.mean_reversion - bias) < 4 * rates.std() / math.sqrt(samples)
    rejected = np.mean([fit.p_value < 0.05 for fit in fits])
    assert rejected < 0.05 + spread(0.05) + 0.05


def test_j_rejects_noise_that_one_exponential_cannot_fit_and_leaving_out_lag_one_cures_it() -> None:
    rng = np.random.default_rng(10)
    x = ou.simulate(SKEW, 5_543, rng=rng)[0]
    noisy = x + 0.1 * rng.standard_normal(len(x))  # as much as a day's change
    everything, weekly = ou.fit(noisy), ou.fit(noisy, lags=(21, 63))
    assert everything.p_value < 0.01
    assert abs(weekly.volatility - SKEW.volatility) < 4 * weekly.volatility_se
    assert everything.volatility > 1.2 * SKEW.volatility


@pytest.mark.parametrize("scale", [1e-4, 1.0, 1e4])
def test_units_shift_and_time_scale_carry_over(scale: float) -> None:
    x = ou.simulate(LEVEL, 2_000, rng=np.random.default_rng(11))[0]
    base, moved, slower = ou.fit(x), ou.fit(7 + scale * x), ou.fit(x, dt=2 * DT)
    assert moved.mean_reversion == pytest.approx(base.mean_reversion, rel=1e-5)
    assert moved.volatility == pytest.approx(scale * base.volatility, rel=1e-5)
    assert moved.mean == pytest.approx(7 + scale * base.mean)
    assert moved.p_value == pytest.approx(base.p_value, rel=1e-3)
    assert slower.mean_reversion == pytest.approx(base.mean_reversion / 2, rel=1e-5)
    assert slower.mean_reversion_se == pytest.approx(base.mean_reversion_se / 2, rel=1e-3)
    mirrored = ou.fit(-x)
    assert mirrored.mean == pytest.approx(-base.mean)
    assert mirrored.mean_reversion_se == pytest.approx(base.mean_reversion_se, rel=1e-6)


def test_derived_quantities() -> None:
    assert LEVEL.stationary_sd == pytest.approx(4.414 / math.sqrt(2 * 2.018))
    assert LEVEL.autocorrelation(LEVEL.half_life) == pytest.approx(0.5)
    decay, sd = LEVEL.transition(1e9)
    assert decay == 0 and sd == pytest.approx(LEVEL.stationary_sd)


def test_a_random_walk_gets_a_slow_rate_with_a_large_error_not_a_crash() -> None:
    x = np.random.default_rng(12).standard_normal(3_000).cumsum()
    fit = ou.fit(x)
    assert 0 < fit.mean_reversion < 3 and np.isfinite(estimates(fit)[1]).all()


@pytest.mark.parametrize(
    ("x", "options", "words"),
    [
        (np.ones(500), {}, "vary; found the same value"),
        (np.arange(100.0), {}, "at least 252 observations for a lag of 63; found 100"),
        (np.arange(10.0), {"lags": (1,)}, "at least 20 observations"),
        (np.r_[np.nan, np.arange(300.0)], {}, "finite observations; found nan"),
        (np.zeros((300, 2)), {}, "one series.*shape"),
        (np.arange(300.0), {"dt": 0.0}, "step between observations > 0"),
        (np.arange(300.0), {"lags": (0, 1)}, "lags of at least 1"),
        (np.arange(300.0), {"lags": ()}, "lags of at least 1"),
        (np.random.default_rng(0).standard_normal(500), {}, "successive values are correlated"),
        (np.tile([1.0, -1.0], 200), {}, "successive values are correlated; found an autocorrelation of -1.00"),
    ],
)
def test_bad_input_is_said_in_one_sentence(x: Floats, options: dict[str, object], words: str) -> None:
    with pytest.raises(MarketDataError, match=words):
        ou.fit(x, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("bad", [(0.0, 0.0, 1.0), (1.0, 0.0, -1.0), (1.0, math.nan, 1.0), (math.inf, 0.0, 1.0)])
def test_impossible_parameters_are_refused(bad: tuple[float, float, float]) -> None:
    with pytest.raises(MarketDataError, match="Ornstein"):
        OrnsteinUhlenbeck(*bad)
