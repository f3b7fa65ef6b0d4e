"""Pictures of the validation: what is drawn is what the tables say, in light and in dark."""

import numpy as np
import pandas as pd
import pytest

from engine import workspace
from engine.charts import theme, validation
from engine.runs import studies
from engine.studies import volgan
from engine.studies.base import Tables


@pytest.fixture(scope="module")
def study() -> tuple[Tables, dict]:
    """The validation that is shipped."""
    result = studies.read(workspace.shipped_checkpoints_dir() / "volgan-validation-10x8")
    return {name: result.table(name) for name in result.table_names()}, result.arrays(volgan.BANDS)


@pytest.mark.parametrize("dark", [False, True])
def test_every_picture_speaks_and_stays_small(study: tuple[Tables, dict], dark: bool) -> None:
    tables, bands = study
    laws = ["volgan", "volgan_reweighted", "fhs", "truth", "bce"]
    raw = ["volgan", "fhs", "truth", "bce"]
    dates = tables["penalty_by_day"]["date"]
    figures = [
        validation.exceedances(tables["coverage"], laws, dark=dark),
        validation.bands_over_time(
            dates, bands["realised"][:, 0], {m: bands[m][:, :, 0] for m in laws}, title="Return", unit="", dark=dark
        ),
        validation.penalties_over_time(tables["penalty_by_day"], ["data", *laws], dark=dark),
        validation.scores_over_time(tables["scores"], dark=dark),
        validation.gradient_norms(tables["matching"], dark=dark),
        validation.correlation_over_time(tables["correlation_by_day"], tables["correlation_test"], raw, dark=dark),
        validation.tails(tables["histogram"], "ATM increment", ["data", *raw, "gaussian"], dark=dark),
        validation.component_panels(tables["components"], tables["alignment"], raw, dark=dark),
        validation.eigen_surfaces(tables["eigen_surfaces"], ["data", *raw], dark=dark),
        validation.pair_panels(tables["correlations"], raw, dark=dark),
    ]
    for figure in figures:
        assert len(theme.alt_text(figure)) > 40
        assert sum(len(trace.x) for trace in figure.data) <= theme.MOST_POINTS + 200


def test_exceedances_are_drawn_in_percent_with_their_interval(study: tuple[Tables, dict]) -> None:
    coverage = study[0]["coverage"]
    figure = validation.exceedances(coverage, ["volgan", "fhs"])
    part = coverage[(coverage["model"] == "volgan") & (coverage["level"] == 0.01)]
    np.testing.assert_allclose(figure.data[0].x, 100 * part["share"], rtol=1e-6, atol=1e-6)
    reach = 50 * (part["seeds_high"] - part["seeds_low"])
    np.testing.assert_allclose(figure.data[0].error_x.array, reach, rtol=1e-6, atol=1e-9)
    assert not np.isnan(figure.data[1].error_x.array).any()  # a law of one network has no interval
    assert sorted(shape.x0 for shape in figure.layout.shapes) == [1.0, 2.5, 97.5, 99.0]


def test_a_band_says_how_many_days_it_left_out() -> None:
    came = np.array([0.0, 5.0, 0.0, -5.0])
    band = np.array([np.zeros(4), np.full(4, -1.0), np.full(4, 1.0)])
    days = np.arange("2020-01-01", "2020-01-05", dtype="datetime64[D]")
    figure = validation.bands_over_time(days, came, {"fhs": band}, title="Return", unit="bp")
    assert "left out 50.0 % of days" in theme.alt_text(figure)
    assert figure.data[-1].name == "What came" and list(figure.data[-1].y) == list(came)


def test_extreme_and_large_days_are_marked() -> None:
    n = 300
    daily = pd.DataFrame({"date": np.datetime64("2020-01-01") + np.arange(n), "part": ["train"] * 200 + ["test"] * 100})
    daily["volgan"], daily["size"] = 0.5, 1.0
    daily.loc[250, ["volgan", "size"]] = 0.1, 9.0
    daily["extreme"] = daily["volgan"] < 0.4
    figure = validation.scores_over_time(daily)
    drawn = {trace.name: len(trace.x) for trace in figure.data}
    assert drawn["Lowest scores, out of sample"] == 1 and drawn["Lowest scores, in sample"] == 0
    assert drawn["Largest moves (1 % of days)"] == 1 and drawn["Score, in sample"] == 200
    assert "1.0 % of days out of sample" in theme.alt_text(figure)


def test_each_law_has_the_band_of_its_own_correlation(study: tuple[Tables, dict]) -> None:
    tables, _ = study
    figure = validation.correlation_over_time(
        tables["correlation_by_day"], tables["correlation_test"], ["volgan", "fhs"]
    )
    facts = tables["correlation_test"].set_index("model")
    drawn = [(shape.y0, shape.y1) for shape in figure.layout.shapes]
    expected = [(facts.loc[m, "band_low"], facts.loc[m, "band_high"]) for m in ("volgan", "fhs")]
    np.testing.assert_allclose(drawn, expected)


def test_the_thesis_figures_are_drawn_hollow_when_asked_for(study: tuple[Tables, dict]) -> None:
    figure = validation.exceedances(study[0]["coverage"], ["volgan", "fhs"], published=True)
    hollow = [trace for trace in figure.data if trace.name == "VolGAN, raw, thesis"]
    assert len(hollow) == 4 and {trace.marker.symbol for trace in hollow} == {"circle-open"}
    assert hollow[0].x[0] == pytest.approx(4.48) and hollow[3].x[0] == pytest.approx(93.37)
