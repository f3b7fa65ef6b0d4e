"""Fans, histograms and smiles, raw and reweighted."""

import numpy as np
import pytest

from engine.charts import scenarios as charts
from engine.charts import scenarios as draw
from engine.charts import theme
from engine.market.grid import VOLGAN_GRID, Floats

DAYS = np.array(np.busday_offset("2008-08-01", np.arange(60)), dtype="datetime64[D]")
NEXT = np.datetime64("2008-10-24")
Scenarios = tuple[Floats, Floats, Floats]


def test_bands_are_weighted_quantiles(scenarios: Scenarios) -> None:
    log_return, iv, weights = scenarios
    bands = charts.band_quantiles(iv, weights)
    assert bands.shape == (7, *VOLGAN_GRID.shape)
    assert (np.diff(bands, axis=0) >= 0).all()
    order = np.argsort(log_return)  # longhand (2.25): the first value whose cumulative weight reaches q
    reached = np.cumsum(weights[order])
    for q, value in zip(
        (0.025, 0.1, 0.25, 0.5, 0.75, 0.9, 0.975), charts.band_quantiles(log_return, weights), strict=True
    ):
        assert value == log_return[order][np.argmax(reached >= q)]


def test_bands_without_weights_are_plain_quantiles(scenarios: Scenarios) -> None:
    log_return = scenarios[0]
    expected = np.quantile(log_return, [0.025, 0.1, 0.25, 0.5, 0.75, 0.9, 0.975], method="inverted_cdf")
    np.testing.assert_array_equal(charts.band_quantiles(log_return), expected)


@pytest.mark.parametrize("dark", [False, True])
def test_return_fan_raw_and_reweighted_on_the_same_axes(dark: bool, scenarios: Scenarios, check_figure) -> None:
    log_return, _, weights = scenarios
    history = 0.01 * np.random.default_rng(3).standard_normal(60)
    panels = {"raw": (log_return, None), "reweighted": (log_return, weights)}
    fig = charts.return_fan(DAYS, history, NEXT, panels, realised=-0.0213, dark=dark)
    check_figure(fig)
    assert fig.layout.yaxis2.matches == "y"
    lines = [trace for trace in fig.data if trace.name == "history"]
    for line in lines:
        np.testing.assert_allclose(line.y, 1e4 * history, rtol=1e-5)
        assert line.line.color == theme.data_colour(dark)
        assert line.customdata[-1] == "23 Oct 2008"
    for axis, w in (("x", None), ("x2", weights)):
        bands = [t for t in fig.data if t.name == "95 % band" and (t.xaxis or "x") == axis]
        quantiles = 1e4 * charts.band_quantiles(log_return, w)
        assert (min(bands[0].y), max(bands[0].y)) == pytest.approx((quantiles[0], quantiles[-1]), rel=1e-5)
    marks = [trace for trace in fig.data if trace.name == "realised"]
    assert len(marks) == 2 and marks[0].y[0] == pytest.approx(-213) and marks[0].line.color == theme.data_colour(dark)
    assert "Realised −213 bp" in theme.alt_text(fig) and "24 Oct 2008" in theme.alt_text(fig)


def test_atm_fan_opens_from_today(scenarios: Scenarios, check_figure) -> None:
    atm = scenarios[1][:, 5, 3]
    history = np.linspace(0.18, 0.22, 60)
    fig = charts.atm_fan(DAYS, history, NEXT, {"raw": (atm, None)})
    check_figure(fig)
    band = next(trace for trace in fig.data if trace.name == "50 % band")
    assert (band.x[-1], band.y[-1]) == (0, pytest.approx(22))
    assert not [trace for trace in fig.data if trace.name == "realised"]
    assert fig.layout.yaxis.title.text == "ATM 1M implied vol (% a year)"
    assert fig.layout.xaxis.ticktext[-1] == "<b>24 Oct</b>"


def test_a_long_history_is_cut_and_one_day_is_enough(scenarios: Scenarios, check_figure) -> None:
    days = np.arange("2000-01-03", "2020-01-03", dtype="datetime64[D]")
    panels = {"raw": (scenarios[0], None), "reweighted": (scenarios[0], scenarios[2])}
    check_figure(charts.return_fan(days, np.zeros(len(days)), NEXT, panels))
    check_figure(charts.return_fan(days[:1], np.zeros(1), NEXT, panels))


def test_histogram_shows_all_weight_and_its_quantiles(scenarios: Scenarios, check_figure) -> None:
    log_return, _, weights = scenarios
    fig = charts.return_histogram(log_return, weights, realised=0.01)
    check_figure(fig)
    assert [trace.y.sum() for trace in fig.data] == pytest.approx([100, 100], rel=1e-5)
    low, middle, high = 1e4 * charts.band_quantiles(log_return, weights)[[0, 3, 6]]
    lines = [shape.x0 for shape in fig.layout.shapes]
    for value in (low, middle, high, 100.0):
        assert any(line == pytest.approx(value) for line in lines)
    assert theme.signed(low, ".0f") in fig.data[1].name


def test_histogram_of_vols_is_in_percent(scenarios: Scenarios, check_figure) -> None:
    atm = scenarios[1][:, 5, 3]
    fig = charts.atm_histogram(atm, scenarios[2], label="ATM 2M", realised=0.2)
    check_figure(fig)
    assert "ATM 2M" in fig.layout.xaxis.title.text and "realised 20.0 %" in theme.alt_text(fig)
    assert fig.layout.shapes[0].x0 == pytest.approx(100 * charts.band_quantiles(atm)[0])


def test_histogram_of_equal_returns(check_figure) -> None:
    check_figure(charts.return_histogram(np.full(100, 0.001)))


def test_smile_fan_holds_bands_today_and_realised(surface: Floats, scenarios: Scenarios, check_figure) -> None:
    _, iv, weights = scenarios
    fig = draw.smile_fan(iv, VOLGAN_GRID, weights, [1 / 12, 1.0], today=surface, realised=1.1 * surface)
    check_figure(fig)
    bands = charts.band_quantiles(iv[:, :, 3], weights)
    outer = next(trace for trace in fig.data if trace.name == "95 % band")
    np.testing.assert_allclose(outer.y[:11], 100 * bands[0], rtol=1e-5)
    np.testing.assert_allclose(outer.y[11:][::-1], 100 * bands[-1], rtol=1e-5)
    names = [trace.name for trace in fig.data if (trace.xaxis or "x") == "x"]
    assert names == ["95 % band", "80 % band", "50 % band", "median", "today", "realised"]
    assert [a.text for a in fig.layout.annotations] == ["1M", "1Y"]
    axis = fig.layout.xaxis
    assert axis.title.text.endswith("(%)")  # the unit stands once, not at every tick of a narrow panel
    assert [float(text) for text in axis.ticktext] == list(axis.tickvals)


def test_fans_of_several_models_are_each_in_their_own_colour(scenarios: Scenarios) -> None:
    log_return, _, weights = scenarios
    panels = {"one": (log_return, weights), "other": (2 * log_return, None)}
    models = {"one": "fhs", "other": "hybrid"}
    fig = charts.return_fan(DAYS, np.zeros(60), NEXT, panels, models=models, realised=0.001)
    medians = [trace for trace in fig.data if trace.name == "median"]
    assert [trace.line.color for trace in medians] == [theme.model_colour("fhs"), theme.model_colour("hybrid")]
