"""The dynamics study: recovery of the simulated market's truth, the thesis's tables, real surfaces, short ones."""

import numpy as np
import pandas as pd
import pytest

from engine.errors import MarketDataError
from engine.market import intake
from engine.market.grid import CH2_GRID, Grid
from engine.market.surface_history import SurfaceHistory
from engine.models.simulated import market
from engine.models.simulated.law import surface_shapes
from engine.studies.surfaces import dynamics
from engine.studies.surfaces.dynamics import SurfaceDynamicsConfig, SurfaceDynamicsResult

QUICK = SurfaceDynamicsConfig(draws=100)


@pytest.fixture(scope="module")
def built_in() -> SurfaceDynamicsResult:
    return dynamics.run(market.built_in("simulated-10x8").history)


@pytest.mark.parametrize("name", ["simulated-10x8", "simulated-11x9"])
def test_true_factors_and_parameters_are_recovered_on_22_years(name: str) -> None:
    """|cosine| ≥ 0.99 for the first three shapes; λ, α, γ within 3 standard errors."""
    table = dynamics.run(market.built_in(name).history, QUICK).recovery_table()
    assert (table["cosine"] >= 0.99).all() and len(table) == 4
    for symbol in ("lambda", "alpha", "gamma"):
        assert (table[f"{symbol}_error_in_se"].abs() < 3).all()
    np.testing.assert_array_equal(table["true_lambda"], [2.018, 0.986, 1.258, 1.497])
    np.testing.assert_allclose(table["true_gamma"], [4.414, 1.993, 1.295, 0.824], rtol=1e-9)


def test_recovery_does_not_hang_on_the_built_in_seed() -> None:
    """Other markets of 22 years: every cosine holds, 95 % or more of the parameters within 3 standard errors."""
    tables = [
        dynamics.run(market.simulate(CH2_GRID, 5_740, seed).history, QUICK).recovery_table()
        for seed in range(2_000, 2_008)
    ]
    assert min(table["cosine"].iloc[:3].min() for table in tables) >= 0.99
    columns = [f"{symbol}_error_in_se" for symbol in ("lambda", "alpha", "gamma")]
    errors = np.abs(np.concatenate([table[columns].to_numpy().ravel() for table in tables]))
    assert (errors < 3).mean() >= 0.95 and (errors < 2).mean() >= 0.85


def test_truth_in_the_estimates_own_coordinates_explains_the_factors(built_in: SurfaceDynamicsResult) -> None:
    """The factors measured from the sample's average surface are the true ones, shifted as the truth says."""
    simulated = market.built_in("simulated-10x8")
    assert built_in.truth is not None
    shift = built_in.truth[0][:, 1] - np.array([-0.422, -0.312, 0.097, -0.021])
    found = built_in.components.factors[:, 0]
    assert np.corrcoef(found, simulated.factors[:, 0])[0, 1] > 0.999
    # cosines differ from one by up to 1e-3, and factors mix by that much
    assert abs((found - simulated.factors[:, 0]).mean() - shift[0]) < 0.05


def test_a_small_grid_scales_its_truth() -> None:
    grid = Grid([0.8, 0.9, 1.0, 1.1, 1.2], [0.1, 0.25, 0.5, 1.0])
    result = dynamics.run(market.simulate(grid, 2_000, 3).history, QUICK)
    norm = np.linalg.norm(surface_shapes(grid).shapes[0])
    assert result.truth is not None and norm == pytest.approx(0.5)
    np.testing.assert_allclose(result.truth[0][:, 2], norm * np.array([4.414, 1.993, 1.295, 0.824]))
    assert (result.recovery_table()["cosine"] > 0.98).all()


def test_tables_have_the_thesiss_shape_and_figures(built_in: SurfaceDynamicsResult) -> None:
    tables = built_in.tables
    explained = tables["explained_variance"]
    assert explained["published_share"].tolist() == [0.6888, 0.1217, 0.0567, 0.0286]
    assert explained["cumulative"].to_numpy() == pytest.approx(explained["share"].cumsum().to_numpy())
    assert (explained["share_low"] < explained["share"]).all() and (explained["share"] < explained["share_high"]).all()
    assert explained["above_edge"].sum() == built_in.components.n_significant == 4
    reversion = tables["mean_reversion"]
    assert reversion["published_alpha"].tolist() == [-0.422, -0.312, 0.097, -0.021]
    assert (reversion["lambda_se"] > 0).all() and reversion["j_p_value"].between(0, 1).all()
    correlation = tables["return_correlation"]
    assert correlation["published_correlation"].tolist() == [-0.3821, -0.2564, 0.2642, -0.2639]
    assert correlation["published_rolling_mean"].tolist() == [-0.4883, -0.3775, 0.3160, -0.3263]
    assert (correlation["robust_low"] < correlation["published_correlation"]).all()  # the market was made with these
    assert (correlation["published_correlation"] < correlation["robust_high"]).all()
    ratios = tables["vol_ratios"]
    assert ratios["published_mean"][0] == 0.59 and len(ratios) == 3
    assert set(tables) == {"explained_variance", "mean_reversion", "return_correlation", "vol_ratios", "recovery"}
    assert built_in.notes == ()


def test_rolling_means_come_from_full_windows_only(built_in: SurfaceDynamicsResult) -> None:
    changes = np.diff(built_in.components.factors[:, 0])
    last = np.corrcoef(built_in.log_return[-504:], changes[-504:])[0, 1]
    assert built_in.rolling[0, -1] == pytest.approx(last)
    assert np.isnan(built_in.rolling[:, :503]).all() and np.isfinite(built_in.rolling[:, 503:]).all()
    assert len(built_in.arrays["dates"]) == len(built_in.arrays["factors"]) == built_in.rolling.shape[1] + 1


def test_the_table_misprint_is_a_misprint() -> None:
    shares, sums = np.array(dynamics.PUBLISHED_SHARE), np.array(dynamics.PUBLISHED_CUMULATIVE)
    assert shares[:2].sum() == pytest.approx(0.8105) and sums[1] == 0.8205
    np.testing.assert_allclose(np.diff(sums)[1:], shares[2:], atol=1.5e-4)  # the later sums go on from 82.05
    assert "81.05" in dynamics.MISPRINT and "13.17" in dynamics.MISPRINT


def test_same_seed_same_intervals() -> None:
    history = market.simulate(CH2_GRID, 300, 1).history
    a, b = (dynamics.run(history, QUICK) for _ in range(2))
    np.testing.assert_array_equal(a.share_interval, b.share_interval)
    other = dynamics.run(history, SurfaceDynamicsConfig(draws=100, seed=2))
    assert not np.array_equal(a.share_interval, other.share_interval)


@pytest.mark.market_data
def test_real_surfaces_of_2006_to_2009(market_data) -> None:
    """Level, term structure and skew; strong leverage; noise in daily changes that a weekly lag leaves out."""
    history = intake.read_surfaces(market_data / "spx_surfaces_2006_2009.csv").data
    result = dynamics.run(history)
    assert result.truth is None and "recovery" not in result.tables
    assert result.components.names[:3] == ("level", "term structure", "skew")
    explained = result.explained_table()
    assert explained["share"][0] == pytest.approx(0.911, abs=0.002)
    assert result.components.n_significant == 2
    assert result.correlations[0] is not None and -0.80 < result.correlations[0].value < -0.65
    daily, weekly = result.fits[0], dynamics.run(history, SurfaceDynamicsConfig(shortest_lag=5, draws=100)).fits[0]
    assert daily is not None and weekly is not None
    assert daily.p_value < 0.01 < 0.5 < weekly.p_value
    assert daily.volatility > 1.1 * weekly.volatility
    assert result.ratio_table()["ratio"].tolist() == ["realised / 2M ATM"]


def test_a_quarter_of_data_gives_what_it_can_and_says_what_not() -> None:
    history = market.simulate(CH2_GRID, 70, 1).history
    result = dynamics.run(history, QUICK)
    assert any("too few for autocorrelations at [21, 63] days" in note for note in result.notes)
    assert any("window of 504 days is longer than the 69" in note for note in result.notes)
    assert result.correlation_table()["rolling_mean"].isna().all()
    with pytest.raises(MarketDataError, match=r"at least 64 days.*found 63"):
        dynamics.run(history[:63], QUICK)


def test_one_frozen_factor_and_a_still_spot_do_not_stop_the_others() -> None:
    n = 200
    rng = np.random.default_rng(1)
    shape = np.ones(CH2_GRID.shape)
    iv = 0.2 * np.exp(0.01 * rng.standard_normal(n).cumsum()[:, None, None] * shape)
    days = np.datetime64("2001-01-01") + np.arange(n)
    result = dynamics.run(SurfaceHistory(days, np.full(n, 100.0), iv, CH2_GRID), QUICK)
    assert result.fits[0] is not None
    assert all(found is None for found in result.correlations)
    assert sum("same value" in note for note in result.notes) >= 4
    assert all(isinstance(table, pd.DataFrame) for table in result.tables.values())


def test_surfaces_that_never_move_are_refused() -> None:
    days = np.datetime64("2001-01-01") + np.arange(100)
    history = SurfaceHistory(days, np.full(100, 1.0), np.full((100, *CH2_GRID.shape), 0.2), CH2_GRID)
    with pytest.raises(MarketDataError, match="same surface every day"):
        dynamics.run(history, QUICK)
