"""The law of the latent state against its closed forms, a longhand filter, and a quadrature of the hidden regime."""

import math

import numpy as np
import pytest
from scipy.stats import kstest, multivariate_t, t

from engine.market.grid import DT
from engine.models.simulated import law


def correlation(regime):
    sigma = np.eye(5)
    sigma[4, :4] = sigma[:4, 4] = law.REGIME_CORRELATION[regime]
    return sigma


def student(regime):
    """The law of a shock in a regime, from scipy: its shape matrix is (d − 2)/d times the covariance."""
    shape = (law.TAIL - 2) / law.TAIL * law.SCALE[regime] ** 2 * correlation(regime)
    return multivariate_t(np.zeros(5), shape, df=law.TAIL)


def stationary_law(step=0.06, low=-10.0, high=24.0):
    """Stationary weights (2, n) of (regime, X^1) on a grid of standardised levels, by quadrature of the transition."""
    z = np.arange(low, high, step)
    n, decay = len(z), law.DECAY[0]
    enter_or_stay = [law.stress_probability(s, law.MEAN[0] + law.STATIONARY_SD[0] * z) for s in (0, 1)]
    unit = t(law.TAIL, scale=math.sqrt((law.TAIL - 2) / law.TAIL))
    matrix = np.zeros((2 * n, 2 * n))
    for s in (0, 1):
        sd = math.sqrt(1 - decay**2) * law.SCALE[s]
        kernel = unit.pdf((z[None, :] - decay * z[:, None]) / sd)
        kernel /= kernel.sum(axis=1, keepdims=True)
        matrix[s * n : (s + 1) * n, :n] = kernel * (1 - enter_or_stay[s])
        matrix[s * n : (s + 1) * n, n:] = kernel * enter_or_stay[s]
    equations = matrix.T - np.eye(2 * n)
    equations[0] = 1.0
    return z, np.linalg.solve(equations, np.eye(2 * n)[0]).reshape(2, n)


def test_the_share_of_stress_is_that_of_the_stationary_law():
    z, weight = stationary_law()
    assert weight[1].sum() == pytest.approx(law.STRESS_SHARE, abs=2e-6)
    both = weight.sum(axis=0)
    assert (both * z).sum() == pytest.approx(0, abs=1e-4)  # mean α
    assert (both * z**2).sum() == pytest.approx(1, abs=1e-4)  # variance γ²/(2λ)
    assert (weight[1] * z).sum() / weight[1].sum() > 0.5  # stress comes with high vols


def test_shocks_have_unit_variance_and_the_long_term_correlations_of_table_2_2():
    share = np.array([1 - law.STRESS_SHARE, law.STRESS_SHARE])
    assert share @ law.SCALE**2 == pytest.approx(1, abs=1e-15)
    assert (share * law.SCALE**2) @ law.REGIME_CORRELATION == pytest.approx([-0.3821, -0.2564, 0.2642, -0.2639])
    assert ((law.REGIME_CORRELATION**2).sum(axis=1) < 1).all()
    assert (np.abs(law.REGIME_CORRELATION[1]) > np.abs(law.REGIME_CORRELATION[0])).all()


@pytest.mark.parametrize("regime", [0, 1])
def test_shocks_of_a_regime_have_its_covariance(regime):
    n = 200_000
    unit = law.unit_shocks((n,), np.random.default_rng(regime))
    shocks = law.regime_shocks(unit, np.full(n, regime))
    products = shocks[:, :, None] * shocks[:, None, :]
    expected = law.SCALE[regime] ** 2 * correlation(regime)
    error = products.std(axis=0) / math.sqrt(n)
    assert (np.abs(shocks.mean(axis=0)) < 4.5 * shocks.std(axis=0) / math.sqrt(n)).all()
    assert (np.abs(products.mean(axis=0) - expected) < 4.5 * error).all()


@pytest.mark.parametrize("regime", [0, 1])
def test_density_is_the_multivariate_student_of_scipy(regime):
    shocks = 3 * np.random.default_rng(1).standard_normal((50, 5))
    assert law.log_density(shocks)[:, regime] == pytest.approx(student(regime).logpdf(shocks), rel=1e-12)


def test_shocks_come_back_from_the_path_they_made():
    rng = np.random.default_rng(2)
    factors, _, shocks = law.simulate_latent(300, rng)
    atm = np.exp(rng.normal(-1.8, 0.3, 300))
    found = law.shocks_of(factors, law.log_returns(atm, shocks)[:-1], atm)
    assert np.abs(found - shocks[:-1]).max() < 1e-11


def test_filter_equals_bayes_written_out():
    rng = np.random.default_rng(3)
    factors, _, shocks = law.simulate_latent(120, rng)
    found, density = law.filter_regime(shocks[:-1], factors[:, 0])
    belief = np.array([1 - law.STRESS_SHARE, law.STRESS_SHARE])
    for day in range(119):
        assert found[day] == pytest.approx(belief[1], abs=1e-12)
        joint = belief * [student(s).pdf(shocks[day]) for s in (0, 1)]
        assert density[day] == pytest.approx(math.log(joint.sum()), abs=1e-10)
        after = joint / joint.sum()
        z = (factors[day + 1, 0] - law.OU[0, 1]) / (law.OU[0, 2] / math.sqrt(2 * law.OU[0, 0]))
        stressed = 0.0
        for s, base in enumerate((law.ENTER, law.STAY)):
            odds = base / (1 - base) * math.exp(law.LEVEL_PULL * z)
            stressed += after[s] * odds / (1 + odds)
        belief = np.array([1 - stressed, stressed])
    assert found[119] == pytest.approx(belief[1], abs=1e-12)


def test_a_simulated_path_follows_its_own_transitions():
    factors, regime, shocks = law.simulate_latent(20_000, np.random.default_rng(4))
    assert np.array_equal(law.next_factors(factors[:-1], shocks[:-1]), factors[1:])
    expected = law.stress_probability(regime[:-1], factors[1:, 0])
    surprise = regime[1:] - expected  # a martingale difference
    for weight in (np.ones(len(surprise)), regime[:-1], factors[1:, 0]):
        assert abs((surprise * weight).sum()) < 4 * math.sqrt(((expected * (1 - expected)) * weight**2).sum())
    marginal = t(law.TAIL, scale=math.sqrt((law.TAIL - 2) / law.TAIL))
    for i in range(5):
        assert kstest(shocks[:, i] / law.SCALE[regime], marginal.cdf).pvalue > 1e-3


def test_factors_are_ornstein_uhlenbeck_in_mean_variance_and_autocorrelation():
    """8,000 paths from the stationary mean and variance, observed after two years; k standard errors."""
    paths, rng = 8_000, np.random.default_rng(5)
    x = law.MEAN + law.STATIONARY_SD * rng.standard_normal((paths, 4))
    regime = (rng.random(paths) < law.STRESS_SHARE).astype(np.intp)
    kept = {}
    for day in range(504):
        kept[day] = x
        x = law.next_factors(x, law.regime_shocks(law.unit_shocks((paths,), rng), regime))
        regime = (rng.random(paths) < law.stress_probability(regime, x[:, 0])).astype(np.intp)
    deviation = x - law.OU[:, 1]
    lags = np.array([1, 21, 63, 252])
    samples = {"mean": (deviation, np.zeros(4)), "variance": (deviation**2, law.OU[:, 2] ** 2 / (2 * law.OU[:, 0]))}
    for lag in lags:
        target = law.OU[:, 2] ** 2 / (2 * law.OU[:, 0]) * np.exp(-law.OU[:, 0] * lag * DT)
        samples[f"lag {lag}"] = (deviation * (kept[504 - lag] - law.OU[:, 1]), target)
    for name, (sample, target) in samples.items():
        error = sample.std(axis=0) / math.sqrt(paths)
        assert (np.abs(sample.mean(axis=0) - target) < 4 * error).all(), name
    assert abs(regime.mean() - law.STRESS_SHARE) < 4 * math.sqrt(law.STRESS_SHARE * (1 - law.STRESS_SHARE) / paths)
