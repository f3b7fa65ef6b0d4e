"""Autocorrelations, correlations with intervals, rolling correlations, realised against implied vol."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import MarketDataError
from engine.market.grid import Floats, Grid
from engine.market.surface_history import SurfaceHistory, realised_vol
from engine.surfaces import dynamics

GRID = Grid([0.9, 1.0, 1.1], [1 / 12, 0.25])


def longhand_acf(x: Floats, lag: int) -> float:
    mean = sum(x) / len(x)
    top = sum((x[t] - mean) * (x[t + lag] - mean) for t in range(len(x) - lag))
    return top / sum((v - mean) ** 2 for v in x)


def market(n: int = 60, seed: int = 0, grid: Grid = GRID, vix: bool = True) -> SurfaceHistory:
    rng = np.random.default_rng(seed)
    spot = 100 * np.exp(0.01 * rng.standard_normal(n).cumsum())
    iv = 0.2 * np.exp(0.1 * rng.standard_normal((n, *grid.shape)))
    days = np.datetime64("2010-01-04") + np.arange(n)
    return SurfaceHistory(days, spot, iv, grid, vix=100 * iv[:, 1, 0] * 1.05 if vix else None)


def test_autocorrelations_against_sums_by_hand() -> None:
    x = np.random.default_rng(1).standard_normal(200).cumsum()
    found = dynamics.autocorrelation(x, lags=30, partial_lags=10)
    np.testing.assert_allclose(found.acf, [longhand_acf(x, lag) for lag in range(31)], atol=1e-12)
    r = found.acf
    # Yule–Walker of order 2 by hand
    assert found.pacf[1] == pytest.approx(r[1])
    assert found.pacf[2] == pytest.approx((r[2] - r[1] ** 2) / (1 - r[1] ** 2))
    assert found.band == pytest.approx(1.959964 / math.sqrt(200), rel=1e-6)


def test_autocorrelations_of_an_ar1_decay_and_only_the_first_partial_one_remains() -> None:
    rng = np.random.default_rng(2)
    n, rho = 20_000, 0.9
    x = np.zeros(n)
    for t, shock in enumerate(rng.standard_normal(n - 1)):
        x[t + 1] = rho * x[t] + shock
    found = dynamics.autocorrelation(x, lags=20, partial_lags=20)
    bartlett = math.sqrt((1 + rho**2) / (1 - rho**2) / n)
    assert (np.abs(found.acf - rho ** np.arange(21)) < 4 * bartlett).all()
    assert abs(found.pacf[1] - rho) < 4 * math.sqrt((1 - rho**2) / n)
    assert (np.abs(found.pacf[2:]) < 4 / math.sqrt(n)).all()


def test_lags_are_cut_to_the_sample() -> None:
    found = dynamics.autocorrelation(np.random.default_rng(3).standard_normal(40))
    assert len(found.acf) == len(found.lag) == 21 and len(found.pacf) == len(found.partial_lag) == 11


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 30))
def test_long_run_sum_against_the_double_sum(seed: int, h: int) -> None:
    x = np.random.default_rng(seed).standard_normal((25, 2))
    expected = np.zeros((2, 2))
    for s in range(25):
        for t in range(25):
            expected += max(0.0, 1 - abs(s - t) / (h + 1)) * np.outer(x[s], x[t])
    np.testing.assert_allclose(dynamics.long_run_sum(x, h), expected, atol=1e-11)


def test_correlation_and_fishers_interval_by_hand() -> None:
    rng = np.random.default_rng(4)
    x = rng.standard_normal(100)
    y = -0.5 * x + rng.standard_normal(100)
    found = dynamics.correlation(x, y)
    assert found.value == pytest.approx(np.corrcoef(x, y)[0, 1]) and found.n == 100
    z, half = math.atanh(found.value), 1.959964 / math.sqrt(97)
    assert found.fisher == pytest.approx((math.tanh(z - half), math.tanh(z + half)), rel=1e-6)


def test_intervals_cover_and_only_the_robust_one_survives_clustering() -> None:
    rng = np.random.default_rng(5)
    n, samples, rho = 1_000, 300, -0.4
    hits = {"fisher": 0, "robust": 0, "fisher clustered": 0, "robust clustered": 0}
    for _ in range(samples):
        z = rng.standard_normal((n, 2)) @ np.array([[1, rho], [0, math.sqrt(1 - rho**2)]])
        scale = np.repeat(np.exp(rng.standard_normal(n // 20)), 20)[:, None]
        for label, pair in (("", z), (" clustered", scale * z)):
            found = dynamics.correlation(pair[:, 0], pair[:, 1])
            hits["fisher" + label] += found.fisher[0] < rho < found.fisher[1]
            hits["robust" + label] += found.robust[0] < rho < found.robust[1]
    error = 3 * math.sqrt(0.95 * 0.05 / samples)
    assert hits["fisher"] / samples > 0.95 - error and hits["robust"] / samples > 0.93 - error
    assert hits["fisher clustered"] / samples < 0.75
    assert hits["robust clustered"] / samples > 0.88 - error


def test_perfect_correlation_is_one_with_a_closed_interval() -> None:
    x = np.random.default_rng(6).standard_normal(50)
    found = dynamics.correlation(x, 3 * x + 1)
    assert found.value == pytest.approx(1) and found.fisher[1] <= 1 and found.robust[1] <= 1
    assert dynamics.correlation(x, -x).value == pytest.approx(-1)


@pytest.mark.parametrize("shift", [0.0, 1e6])
def test_rolling_correlation_against_one_window_at_a_time(shift: float) -> None:
    rng = np.random.default_rng(7)
    x, y = rng.standard_normal(80) + shift, rng.standard_normal(80)
    found = dynamics.rolling_correlation(x, y, 15)
    assert np.isnan(found[:14]).all()
    for end in range(14, 80):
        window = slice(end - 14, end + 1)
        assert found[end] == pytest.approx(np.corrcoef(x[window], y[window])[0, 1], abs=1e-8)
    expected = pd.Series(x).rolling(15).corr(pd.Series(y)).to_numpy()
    np.testing.assert_allclose(found[14:], expected[14:], atol=1e-5 if shift else 1e-10)


def test_rolling_correlation_of_a_still_stretch_is_unknown_and_of_a_short_sample_empty() -> None:
    x = np.r_[np.zeros(20), np.random.default_rng(8).standard_normal(20)]
    y = np.random.default_rng(9).standard_normal(40)
    found = dynamics.rolling_correlation(x, y, 10)
    assert np.isnan(found[:20]).all() and np.isfinite(found[20:]).all()
    assert np.isnan(dynamics.rolling_correlation(x, y, 41)).all()


def test_ratios_of_realised_atm_and_index_vol_by_hand() -> None:
    history = market()
    found = dynamics.compare_vols(history)
    assert found.atm_label == "1M ATM"
    np.testing.assert_allclose(found.atm, history.iv[:, 1, 0])
    np.testing.assert_allclose(found.realised[21:], realised_vol(np.diff(np.log(history.spot))))
    assert np.isnan(found.realised[:21]).all()
    ratio = found.realised[21:] / history.iv[21:, 1, 0]
    first, second, third = found.summary()
    assert (first.label, first.days) == ("realised / 1M ATM", 39)
    assert (first.mean, first.sd) == (pytest.approx(ratio.mean()), pytest.approx(ratio.std(ddof=1)))
    assert first.median == pytest.approx(np.median(ratio))
    assert second.label == "VIX / 1M ATM" and second.mean == pytest.approx(1.05) and second.days == 60
    assert third.label == "VIX / realised"


def test_a_grid_that_starts_later_names_its_own_maturity_and_no_vix_no_vix_ratio() -> None:
    found = dynamics.compare_vols(market(grid=Grid([0.9, 1.0, 1.1], [2 / 12, 0.5]), vix=False))
    assert found.atm_label == "2M ATM" and list(found.ratios) == ["realised / 2M ATM"] and found.vix is None


def test_a_spot_that_stands_still_has_no_ratio_to_divide_by() -> None:
    history = market()
    still = SurfaceHistory(history.dates, np.full(60, 100.0), history.iv, GRID, vix=history.vix)
    labels = [ratio.label for ratio in dynamics.compare_vols(still).summary()]
    assert labels == ["realised / 1M ATM", "VIX / 1M ATM"]


def test_what_cannot_be_compared_is_said() -> None:
    x = np.arange(20.0)
    with pytest.raises(MarketDataError, match="at least 22 days"):
        dynamics.compare_vols(market(21))
    with pytest.raises(MarketDataError, match="moneyness from 50 % to 80 %"):
        dynamics.compare_vols(market(grid=Grid([0.5, 0.6, 0.8], [0.25, 0.5])))
    with pytest.raises(MarketDataError, match="one length; found 20 and 19"):
        dynamics.correlation(x, x[1:])
    with pytest.raises(MarketDataError, match="same value"):
        dynamics.correlation(x, np.ones(20))
    with pytest.raises(MarketDataError, match="finite"):
        dynamics.autocorrelation(np.r_[x, np.nan])
    with pytest.raises(MarketDataError, match="at least 8"):
        dynamics.autocorrelation(x[:5])
    with pytest.raises(MarketDataError, match="at least 3 days; found 2"):
        dynamics.rolling_correlation(x, x, 2)
    with pytest.raises(MarketDataError, match="one length"):
        dynamics.rolling_correlation(x, x[1:], 3)


@pytest.mark.market_data
def test_realised_over_vix_on_two_decades_of_closes(market_data) -> None:
    """The remark on the dynamics page: 0.79 on average (sd 0.21), where the thesis prints 0.59 against ATM vol."""
    spx = pd.read_csv(market_data / "spx_2000_2023.csv", index_col=0)["close"]
    vix = pd.read_csv(market_data / "vix_2000_2023.csv", index_col=0)["close"]
    both = pd.concat([spx.rename("spx"), vix.rename("vix")], axis=1, join="inner")[:"2021-12-31"]
    ratio = realised_vol(np.diff(np.log(both["spx"].to_numpy()))) / (both["vix"].to_numpy()[21:] / 100)
    assert ratio.mean() == pytest.approx(0.79, abs=0.01) and ratio.std() == pytest.approx(0.21, abs=0.01)
