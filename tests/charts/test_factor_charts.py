"""Charts of factor paths and of static arbitrage through time."""

import numpy as np
import pandas as pd
import pytest

from engine.charts import factor_models, penalties, theme
from engine.market.grid import CH2_GRID
from engine.surfaces import arbitrage_report

RNG = np.random.default_rng(0)


def decomposition(n: int) -> arbitrage_report.Decomposition:
    iv = np.abs(0.2 + 0.01 * RNG.standard_normal((n, *CH2_GRID.shape)))
    iv[::2] = 0.2
    return arbitrage_report.decompose(iv, CH2_GRID)


def points(figure: object) -> int:
    return sum(len(trace.x) for trace in figure.data)  # type: ignore[attr-defined]


def test_paths_are_grouped_by_weight_and_bounded() -> None:
    values = 100 + RNG.standard_normal((500, 64)).cumsum(axis=1)
    weights = np.linspace(0, 1, 500)
    figure = factor_models.weighted_paths(values, weights, y_title="Spot (index level)")
    assert points(figure) <= theme.MOST_POINTS + 500
    assert figure.data[0].name == "no weight" and figure.data[0].line.dash == "dot"
    opacities = [trace.opacity for trace in figure.data[1:]]
    assert opacities == sorted(opacities)
    drawn = np.asarray(figure.data[0].y)[:64]
    np.testing.assert_allclose(drawn, values[0].astype(np.float32))
    assert figure.layout.yaxis.title.text == "Spot (index level)" and theme.alt_text(figure)


def test_the_weight_histogram_counts_every_path() -> None:
    weights = np.array([0.0] * 60 + [1 / 40] * 40)
    figure = factor_models.weight_histogram(weights)
    assert sum(figure.data[0].y) == pytest.approx(100)
    assert figure.data[0].y[0] == pytest.approx(60)


def test_a_long_scenario_has_numbers_in_its_alt_text() -> None:
    n = 2521
    table = pd.DataFrame({"year": np.arange(n) / 252, "spot": np.full(n, 4000.0), "vix": np.full(n, 17.0)})
    table = table.assign(atm=0.16, realised=0.09)
    figure = factor_models.long_scenario(table)
    assert points(figure) <= theme.MOST_POINTS + 8
    assert "VIX between 17 and 17" in theme.alt_text(figure)


def test_the_history_keeps_its_worst_days_and_sums_to_phi() -> None:
    found = decomposition(6000)
    dates = np.datetime64("2000-01-03") + np.arange(6000)
    figure = penalties.phi_history(dates, found, row=3)
    assert points(figure) <= theme.MOST_POINTS + 1
    total = np.sum([np.asarray(trace.y) for trace in figure.data[:3]], axis=0)
    assert total.max() == pytest.approx(found.total.max(), rel=1e-5)
    assert f"{100 * np.mean(found.total == 0):.1f} % of days free" in theme.alt_text(figure)


def test_the_shift_curve_says_where_violations_begin() -> None:
    shifts, found = arbitrage_report.shift_experiment(np.full(CH2_GRID.shape, 0.2), CH2_GRID, highest=0.5, steps=20)
    assert "no upward shift" in theme.alt_text(penalties.shift_curve(shifts, found))


def test_no_arbitrage_at_all_is_a_line_on_the_floor_of_the_chart() -> None:
    found = arbitrage_report.decompose(np.full((5, *CH2_GRID.shape), 0.2), CH2_GRID)
    shifts, shifted = arbitrage_report.shift_experiment(np.full(CH2_GRID.shape, 0.2), CH2_GRID, steps=5)
    dates = np.datetime64("2000-01-03") + np.arange(5)
    for figure in (penalties.phi_history(dates, found), penalties.shift_curve(shifts, shifted)):
        assert figure.layout.yaxis.range == (0, 1)
