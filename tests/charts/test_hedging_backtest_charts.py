"""Pictures of a hedging backtest: errors are where they are said to be, thinned, on an axis that can be undone."""

import numpy as np
import pandas as pd
import pytest

from engine.charts import hedging as draw
from engine.charts import theme

RNG = np.random.default_rng(0)
MONTHS, DAYS = 40, 22
DATES = np.datetime64("2018-01-01") + np.arange(MONTHS * 21)[:, None][::21] + np.arange(DAYS)
ERRORS = {name: scale * RNG.standard_t(3, (MONTHS, DAYS)) for name, scale in (("delta", 20), ("data-driven", 2))}


def test_symlog_is_straight_near_zero_odd_and_undone_by_powers():
    z = np.array([-900.0, -1.0, -0.01, 0.0, 0.01, 1.0, 900.0])
    scaled = draw.symlog(z)
    np.testing.assert_allclose(scaled, -scaled[::-1])
    np.testing.assert_allclose(np.sign(scaled) * (10 ** np.abs(scaled) - 1), z, atol=1e-12)
    assert scaled[4] == pytest.approx(0.01 / np.log(10), rel=0.01)


@pytest.mark.parametrize("logarithmic", [False, True])
def test_errors_break_between_months_and_keep_their_ends(logarithmic):
    figure = draw.errors_through_time(DATES, ERRORS, logarithmic=logarithmic, crisis=("2018-02-01", "2018-03-01"))
    assert sum(len(trace.x) for trace in figure.data) <= 1.1 * theme.MOST_POINTS
    line = figure.data[0]
    assert np.isnan(line.customdata).sum() == MONTHS
    ends = line.customdata[np.flatnonzero(np.isnan(line.customdata)) - 1]
    np.testing.assert_allclose(ends, ERRORS["delta"][:, -1], rtol=1e-6)
    drawn = draw.symlog(ends) if logarithmic else ends
    np.testing.assert_allclose(line.y[np.flatnonzero(np.isnan(line.customdata)) - 1], drawn, rtol=1e-5)
    assert len(figure.layout.shapes) == 1


def test_laws_are_distribution_functions():
    figure = draw.error_laws(ERRORS)
    for trace in figure.data:
        assert (np.diff(trace.x) >= 0).all() and (np.diff(trace.y) > 0).all()
        middle = int(np.argmin(np.abs(np.asarray(trace.y) - 50)))
        assert trace.customdata[middle] == pytest.approx(np.median(ERRORS[trace.name]), rel=1e-5)


def test_scatter_says_who_is_nearer_to_zero():
    figure = draw.against(ERRORS["data-driven"], ERRORS["delta"], ("data-driven", "delta"))
    share = (np.abs(ERRORS["data-driven"]) < np.abs(ERRORS["delta"])).mean()
    assert f"nearer zero on {100 * share:.0f} % of days" in theme.alt_text(figure)
    assert len(figure.data[0].x) <= draw.MOST_DOTS


def test_statistics_have_intervals_and_published_figures_beside_them():
    table = pd.DataFrame(
        {
            "method": ["delta", "delta", "data-driven", "data-driven"],
            "words": ["sd", "VaR 1 %"] * 2,
            "value": [8.0, 30.0, 4.0, 15.0],
            "low": [7.0, 20.0, 3.5, 10.0],
            "high": [10.0, 50.0, 5.0, 25.0],
            "published": [8.4, 36.7, 8.15, np.nan],
        }
    )
    figure = draw.statistic_dots(table)
    assert [trace.name for trace in figure.data].count("published (SPX, 2018–2023)") == 2
    assert figure.data[0].error_y.array.tolist() == [2.0, 20.0] and figure.data[2].y.tolist() == [4.0, 15.0]
    assert theme.alt_text(figure) == "sd: delta 8, data-driven 4."


def test_shares_of_instruments_add_up():
    counts = RNG.integers(0, 5, (3, 200)).astype(float)
    figure = draw.instruments_held(counts, ["75 %", "100 %", "125 %"])
    np.testing.assert_allclose(np.sum([trace.x for trace in figure.data], axis=0), 100, rtol=1e-5)
    assert f"75 % {counts[0].mean():.1f}" in theme.alt_text(figure)


def test_alphas_are_drawn_by_moneyness():
    alphas = RNG.choice([0.01, 0.05, 0.2], (MONTHS, 2))
    figure = draw.alphas_chosen(DATES[:, 0], alphas, ["90 %", "110 %"], dark=True)
    np.testing.assert_allclose(figure.data[1].y, alphas[:, 1], rtol=1e-6)
    assert f"median {np.median(alphas):.3g}" in theme.alt_text(figure)
    same = draw.alphas_chosen(DATES[:, 0], np.repeat(alphas[:, :1], 2, axis=1), ["90 %", "110 %"])
    assert [trace.name for trace in same.data] == ["all straddles"]
