"""The two-speed model's law: its limit, smoothing at unchanged covariance, kernel weights, the mixture's shares."""

import numpy as np

from engine.market.surface_history import FIRST_CONDITION_ROW
from engine.models.conditional_fhs.innovations import moves, running_variance
from engine.models.conditional_fhs.two_speed import TwoSpeed, TwoSpeedConfig
from engine.models.conditional_fhs.two_speed_features import KERNEL_FEATURES, NAMES, panel
from engine.models.conditional_fhs.two_speed_law import ALIKE, Known, mixed
from engine.models.conditional_fhs.two_speed_training import MEMBERS
from engine.models.simulated.market import simulate
from tests.models.small_market import SMALL_GRID

HISTORY = simulate(SMALL_GRID, 260, 3).history
NEVER = 1e12


def model(**settings):
    fitted = TwoSpeed(TwoSpeedConfig(**settings))
    fitted.fit(HISTORY[:240], seed=0)
    return fitted


def test_without_corrections_it_is_filtered_historical_simulation():
    plain = model(
        fast=0.94,
        slow=0.94,
        tilt=0.0,
        implied_share=0.0,
        smoothing=0.0,
        bandwidth=0.0,
        mean_shrinkage=NEVER,
        state_penalty=1e15,
        scale_shrinkage=NEVER,
    )
    observed = moves(HISTORY)
    start = np.square(observed[:239]).mean(axis=0)
    volatility = np.sqrt(running_variance(observed, 0.94, start))
    pool = observed[22:239] / volatility[22:239] * volatility[-1]
    drawn = plain.sample(HISTORY, 40, rng=np.random.default_rng(1))
    change = HISTORY.grid.flatten(drawn.log_iv - HISTORY.log_iv[-1])
    scenario = np.column_stack([drawn.log_return, change])
    apart = np.abs(scenario[:, None] - pool[None]).max(axis=2).min(axis=1)  # intercepts cancel
    assert apart.max() < 1e-4 * pool.std()


def test_smoothing_keeps_mean_and_covariance():
    rng = np.random.default_rng(2)
    pool = rng.gamma(2.0, size=(5, 2)) @ np.array([[1.0, 0.5], [0.0, 1.0]])
    centre = pool.mean(axis=0)
    pairs = np.array([mixed(one, other, centre, 0.4) for one in pool for other in pool])
    np.testing.assert_allclose(pairs.mean(axis=0), centre)
    np.testing.assert_allclose(np.cov(pairs.T, bias=True), np.cov(pool.T, bias=True))
    np.testing.assert_array_equal(mixed(pool, pool[::-1], centre, 0.0), pool)


def test_days_alike_are_likelier_by_the_kernel():
    fitted = model(bandwidth=1.5)
    known = Known(fitted, HISTORY)
    features = panel(HISTORY, fitted.basis, fitted.config).features
    spread = fitted.state()["feature_spread"]
    row, wanted = 200, []
    for s in range(FIRST_CONDITION_ROW, row):
        total = 0.0
        for name in KERNEL_FEATURES:
            k = NAMES.index(name)
            total += ((features[s, k] - features[row, k]) / spread[k] / 1.5) ** 2
        wanted.append(np.exp(-total / 2))
    np.testing.assert_allclose(known.likely(row), np.array(wanted) / sum(wanted), rtol=1e-9)
    np.testing.assert_allclose(Known(model(bandwidth=0.0), HISTORY).likely(row), 1 / (row - FIRST_CONDITION_ROW))


def test_residuals_are_those_of_days_up_to_the_last_fit():
    known = Known(model(), HISTORY)
    assert known.pool(150) == 150 - FIRST_CONDITION_ROW  # a row before the fit knows no later day
    assert known.pool(239) == known.pool(259) == 239 - FIRST_CONDITION_ROW
    assert known.pool(50) == 50 - FIRST_CONDITION_ROW and known.draws_from_all(50)
    beyond = HISTORY[200:]
    elsewhere = Known(model(), beyond)  # 18 residuals up to the fit are too few, so all are drawn from
    assert elsewhere.pool(59) == 59 - FIRST_CONDITION_ROW


def test_draws_are_the_mixture_of_the_members():
    """Mean and variance of many draws against the members' laws summed up exactly."""
    fitted = model(smoothing=0.3)
    known = Known(fitted, HISTORY)
    row, n = 250, 40_000
    drawn = known.draw(row, n, np.random.default_rng(3))
    pool, first, second = known.pool(row), 0.0, 0.0
    for i in range(len(MEMBERS)):
        likely = known.likely(row) if ALIKE[i] else np.full(pool, 1 / pool)
        residuals = known.residuals[i, :pool]
        factors = known.mean[i, row] + np.exp(known.log_scale[i, row]) * residuals
        law = known.moves(factors, known.rest[:pool], known.volatility[row] * known.basis.unit)
        first = first + known.weights[i] * (likely @ law)
        second = second + known.weights[i] * (likely @ law**2)
    sd = np.sqrt(second - first**2)
    assert np.abs(drawn.mean(axis=0) - first).max() < (5 * sd / np.sqrt(n)).max()
    np.testing.assert_allclose(drawn.std(axis=0), sd, rtol=0.05)


def test_the_thinned_law_stands_for_the_whole():
    fitted = model(bandwidth=0.0)
    known = Known(fitted, HISTORY)
    few, many = known.thinned(250), known.draw(250, 5_000, np.random.default_rng(0))
    assert few.shape == (len(MEMBERS), 48, 1 + SMALL_GRID.size)
    scale = few.std(axis=(0, 1)) * fitted.basis.unit
    np.testing.assert_allclose(scale, many.std(axis=0), rtol=0.35)
