"""Diebold–Mariano against statsmodels, the block bootstrap against longhand and known standard errors."""

import math

import numpy as np
import pytest
from scipy.stats import t as student

from engine.errors import MarketDataError, SettingsError
from engine.evaluation import comparison


def autoregressive(n, rho, rng):
    shocks = rng.standard_normal(n)
    x = np.empty(n)
    x[0] = shocks[0] / math.sqrt(1 - rho**2)
    for k in range(1, n):
        x[k] = rho * x[k - 1] + shocks[k]
    return x


@pytest.mark.parametrize("bandwidth", [0, 3, None])
@pytest.mark.parametrize("horizon", [1, 5])
def test_the_statistic_is_a_robust_regression_on_a_constant(bandwidth, horizon):
    from statsmodels.regression.linear_model import OLS

    rng = np.random.default_rng(0)
    a = 5 + autoregressive(200, 0.5, rng)
    b = 5.2 + autoregressive(200, 0.5, rng)
    found = comparison.diebold_mariano(a, b, horizon=horizon, bandwidth=bandwidth)
    lags = max(horizon - 1, 4) if bandwidth is None else bandwidth  # 4 (200/100)^(2/9) = 4.67
    assert found.bandwidth == lags
    fit = OLS(a - b, np.ones(200)).fit(cov_type="HAC", cov_kwds={"maxlags": lags, "use_correction": False})
    correction = math.sqrt((200 + 1 - 2 * horizon + horizon * (horizon - 1) / 200) / 200)
    assert found.difference == pytest.approx((a - b).mean())
    assert found.statistic == pytest.approx(fit.tvalues[0] * correction, rel=1e-9)
    assert found.p_value == pytest.approx(2 * student.sf(abs(found.statistic), 199))


def test_exchanging_the_models_changes_the_sign_only():
    rng = np.random.default_rng(1)
    a, b = rng.random((2, 50))
    one, other = comparison.diebold_mariano(a, b), comparison.diebold_mariano(b, a)
    assert one.statistic == -other.statistic and one.p_value == other.p_value
    scaled = comparison.diebold_mariano(7 * a, 7 * b)
    assert scaled.statistic == pytest.approx(one.statistic, rel=1e-12)


def test_it_rejects_as_often_as_it_says():
    rng = np.random.default_rng(2)
    p = [comparison.diebold_mariano(*rng.standard_normal((2, 300))).p_value for _ in range(1000)]
    assert abs(np.mean(np.array(p) < 0.05) - 0.05) < 0.03


def test_the_same_losses_every_day():
    a = np.random.default_rng(3).random(30)
    same = comparison.diebold_mariano(a, a)
    assert same.p_value == 1 and math.isnan(same.statistic) and same.difference == 0
    assert comparison.diebold_mariano(a + 1, a).p_value == 0


def test_block_counts_are_whole_blocks():
    rng = np.random.default_rng(4)
    counts = comparison.block_counts(50, rng=rng, draws=200, block=50)
    assert (counts == 1).all()  # one block of all days, wherever it starts
    counts = comparison.block_counts(50, rng=rng, draws=200, block=7)
    assert counts.shape == (200, 50) and (counts.sum(axis=1) == 50).all() and counts.min() >= 0
    again = comparison.block_counts(50, rng=np.random.default_rng(9), draws=3, block=7)
    rng = np.random.default_rng(9)
    for row, starts in zip(again, rng.integers(50, size=(3, 8)), strict=True):
        days = [(start + k) % 50 for start in starts for k in range(7)][:50]
        assert row.tolist() == np.bincount(days, minlength=50).tolist()


def test_blocks_see_the_correlation_over_time():
    rng = np.random.default_rng(5)
    n, rho = 3000, 0.8
    x = autoregressive(n, rho, rng)
    true = 1 / (1 - rho) / math.sqrt(n)  # standard error of the mean
    for block, low, high in ((1, 0.25, 0.45), (63, 0.75, 1.25)):
        means = comparison.block_counts(n, rng=rng, draws=2000, block=block) @ x / n
        assert low * true < means.std() < high * true
        lower, upper = comparison.interval(means)
        assert upper - lower == pytest.approx(2 * 1.96 * means.std(), rel=0.15)


def test_refusals():
    rng = np.random.default_rng(0)
    with pytest.raises(MarketDataError, match="at least 10"):
        comparison.diebold_mariano(np.zeros(9), np.zeros(9))
    with pytest.raises(MarketDataError, match="same days"):
        comparison.diebold_mariano(np.zeros(20), np.zeros(21))
    with pytest.raises(MarketDataError, match="finite"):
        comparison.diebold_mariano(np.full(20, np.nan), np.zeros(20))
    with pytest.raises(SettingsError, match="horizon"):
        comparison.diebold_mariano(np.zeros(20), np.zeros(20), horizon=0)
    with pytest.raises(SettingsError, match="blocks of 1 to 5"):
        comparison.block_counts(5, rng=rng, block=6)


def test_columns_over_seeds_hold_the_interval_of_every_row() -> None:
    of_seeds = np.random.default_rng(5).standard_normal((4, 6))
    found = comparison.seeds_columns(of_seeds, "phi")
    assert list(found) == ["phi", "phi_seeds_low", "phi_seeds_high"]
    for row in range(6):
        low, high = comparison.seeds_interval(of_seeds[:, row])
        np.testing.assert_allclose([found[name][row] for name in found], [of_seeds[:, row].mean(), low, high])
    alone = comparison.seeds_columns(of_seeds[:1], "phi")
    assert list(alone) == ["phi"] and np.array_equal(alone["phi"], of_seeds[0])
