"""Pictures of paths: quantiles under weights, thinned, and verdicts where the table has them."""

import numpy as np
import pandas as pd
import pytest

from engine.charts import paths as draw
from engine.charts import theme
from engine.scenarios.reweighting import weighted_quantile

RNG = np.random.default_rng(0)
DATES = np.datetime64("2024-01-01") + np.arange(253)
VALUES = 100 + RNG.normal(size=(40, 253)).cumsum(axis=1)
WEIGHTS = RNG.dirichlet(np.ones(40))


def fan(dark=False, **options):
    panels = {"raw": (VALUES, None), "reweighted": (VALUES, WEIGHTS)}
    return draw.time_fan(DATES, panels, y_title="Spot (index level)", dark=dark, **options)


def test_bands_are_the_weighted_quantiles_of_each_day():
    figure = fan()
    medians = [trace for trace in figure.data if trace.name == "median"]
    assert len(medians) == 2
    last = weighted_quantile(VALUES[:, -1], WEIGHTS, [0.025, 0.5, 0.975])
    assert medians[1].y[-1] == pytest.approx(last[1], rel=1e-6)
    np.testing.assert_allclose(medians[1].customdata[-1], last[[0, 2]], rtol=1e-6)
    assert medians[0].y[-1] == pytest.approx(weighted_quantile(VALUES[:, -1], np.ones(40), 0.5), rel=1e-6)
    assert f"{last[1]:.4g}" in theme.alt_text(figure)


def test_a_year_of_paths_is_thinned_with_its_ends_kept():
    figure = fan(past_dates=DATES[:60] - 60, past=np.full(60, 100.0), reference=("data", np.full(253, 99.0)))
    assert sum(len(trace.x) for trace in figure.data) <= theme.MOST_POINTS
    median = next(trace for trace in figure.data if trace.name == "median")
    assert median.x[0] == DATES[0] and median.x[-1] == DATES[-1]
    assert {"history", "data", "95 % band"} <= {trace.name for trace in figure.data}


@pytest.mark.parametrize("dark", [False, True])
def test_statistics_apart_from_the_data_are_marked_and_named(dark):
    table = pd.DataFrame(
        {
            "statistic": ["Mean ATM vol", "Index volatility", "Days with arbitrage"],
            "paths": [20.0, 40.0, 5.0],
            "paths_low": [18.0, 30.0, 0.0],
            "paths_high": [25.0, 900.0, 6.0],
            "data": [19.0, 15.0, 0.0],
            "data_low": [10.0, 10.0, 0.0],
            "data_high": [30.0, 30.0, 0.0],
            "verdict": ["like the data", "higher than the data", "higher than the data"],
        }
    )
    figure = draw.stability_dots(table, dark=dark)
    paths = figure.data[1]
    assert list(paths.y) == ["Index volatility", "Mean ATM vol"]  # one without a window has no scale
    assert paths.x.tolist() == pytest.approx([2.0, 0.0]) and list(paths.marker.symbol) == ["diamond", "circle"]
    assert paths.x[0] + paths.error_x.array[0] == pytest.approx(4.0)  # cut at the edge
    assert theme.alt_text(figure).startswith("1 of 2 statistics") and "Index volatility" in theme.alt_text(figure)
