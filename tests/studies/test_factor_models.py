"""The factor-model study: parameters, tables in the published shape, and what reweighting does."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from engine.errors import SettingsError
from engine.models.simulated.market import built_in
from engine.settings import from_dict
from engine.studies.surfaces import factor_models as study
from engine.studies.surfaces.factor_models import FactorModelConfig
from engine.surfaces import principal_components

HISTORY = built_in("simulated-10x8").history


@pytest.fixture(scope="module")
def result() -> study.FactorModelResult:
    return study.run(HISTORY, FactorModelConfig(paths=2_000))


def test_the_spx_model_has_the_published_parameters_on_the_datas_shapes(result: study.FactorModelResult) -> None:
    components = principal_components.fit(HISTORY, 4)
    model = result.model
    np.testing.assert_array_equal(model.shapes, components.vectors)
    np.testing.assert_array_equal(model.reversion, [2.018, 0.986, 1.258, 1.497])
    np.testing.assert_array_equal(model.start, components.factors[-1])
    assert model.vol_share == 0.5 and model.driver == 1 / 12


def test_the_stylised_model_starts_from_the_last_surface_at_rest() -> None:
    model = study.build(HISTORY, FactorModelConfig(model="stylised"))
    np.testing.assert_array_equal(model.base, HISTORY.iv[-1])
    assert (model.start == 0).all() and (model.volatility == 1).all() and model.driver == 0.0
    assert model.correlation.tolist() == [-0.5, 0, 0] and model.reversion.tolist() == [2.018, 0.986, 1.497]


def test_estimated_parameters_are_near_the_true_ones_of_the_simulated_market() -> None:
    model = study.build(HISTORY, FactorModelConfig(parameters="estimated"))
    np.testing.assert_allclose(model.volatility[:3], study.SPX_OU[:3, 2], rtol=0.15)
    np.testing.assert_allclose(model.correlation, study.SPX_CORRELATION, atol=0.1)
    assert model.vol_share == pytest.approx(0.5, abs=0.05)


def test_tables_have_the_published_shape_and_reweighting_lowers_every_quantile(result: study.FactorModelResult) -> None:
    table = result.quantile_table()
    assert len(table) == 3 * 6
    by_beta = table.pivot(index="level", columns="beta", values="phi")
    assert (by_beta.diff(axis=1).iloc[:, 1:] <= 0).all().all()
    assert by_beta.loc[0.99, 0.0] == np.sort(result.paths.penalty)[int(np.ceil(0.99 * 2_000)) - 1]
    presence = result.presence_table().set_index(["of", "kind"])["share"]
    assert presence["paths", "total"] >= presence["surfaces", "total"]
    assert presence["paths", "total"] == np.mean(result.paths.penalty > 0)


def test_entropy_grows_and_the_sample_shrinks_with_beta(result: study.FactorModelResult) -> None:
    curve = result.entropy_curve()
    assert (curve["relative_entropy"].diff().iloc[1:] >= -1e-12).all()
    assert (curve["effective_sample_size"].diff().iloc[1:] <= 1e-6).all()
    free = np.mean(result.paths.penalty == 0)
    assert curve["relative_entropy"].iloc[-1] == pytest.approx(-np.log(free), rel=1e-6)
    assert curve["effective_sample_size"].iloc[-1] == pytest.approx(free * 2_000, rel=1e-6)


def test_a_long_scenario_moves_vix_with_vol_and_against_the_spot(result: study.FactorModelResult) -> None:
    scenario = study.long_scenario(result.model, HISTORY, years=3)
    assert len(scenario) == 757 and scenario["realised"].isna().sum() == 21
    table = study.correlation_table(scenario)
    np.testing.assert_allclose(np.diag(table), 1)
    assert table[0, 3] < 0 < table[2, 3] and table[1, 3] > 0.8
    assert scenario["spot"].iloc[0] == HISTORY.spot[-1]


def test_moves_of_data_without_an_index_take_that_of_their_surfaces(result: study.FactorModelResult) -> None:
    scenario = study.long_scenario(result.model, HISTORY, years=1)
    own, bare = study.history_moves(HISTORY), study.history_moves(replace(HISTORY, vix=None))
    assert own.origin == "VIX of the data" and "none came" in bare.origin
    # the simulated market's VIX is that of its surfaces, to six decimals: half a unit of the last on either day
    np.testing.assert_allclose(own.vix, bare.vix, rtol=0, atol=2 * 0.5e-6 / HISTORY.vix.min() * 1.001)
    table = study.joint_table(study.scenario_moves(scenario), own).set_index("moves")
    x, y = HISTORY.log_return, np.diff(np.log(HISTORY.vix))
    assert table.loc["data", "correlation"] == pytest.approx(np.corrcoef(x, y)[0, 1])
    assert table.loc["data", "sd_log_spot"] == pytest.approx(x.std(ddof=1))
    assert table.loc["data", "skew_log_vix"] == pytest.approx(stats.skew(y))
    assert (table["correlation_low"] < table["correlation"]).all() and table.loc["simulated", "days"] == 252


def test_a_spot_that_stands_still_has_no_correlation_and_no_skewness() -> None:
    rng = np.random.default_rng(0)
    still = study.Moves(np.zeros(30), rng.standard_normal(30), "simulated")
    table = study.joint_table(still, still)
    assert table["correlation"].isna().all() and table["skew_log_spot"].isna().all()


def test_settings_are_checked() -> None:
    with pytest.raises(SettingsError, match="paths between 100 and 100000"):
        from_dict(FactorModelConfig, {"paths": 5})
