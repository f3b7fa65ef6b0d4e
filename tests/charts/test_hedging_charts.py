"""Pictures of one hedge: every number drawn is the one given, and the alternative text says what matters."""

import numpy as np
import pandas as pd
import pytest

from engine.charts import hedging as draw
from engine.charts import theme

RNG = np.random.default_rng(0)
DAYS = np.datetime64("2024-01-01") + np.arange(22)


@pytest.mark.parametrize("dark", [False, True])
def test_profits_are_shares_of_all_scenarios(dark):
    changes = {draw.ALONE: RNG.normal(0, 10, 500), "data-driven": RNG.normal(0, 0.1, 500)}
    figure = draw.profits(changes, dark=dark)
    assert [trace.name for trace in figure.data] == [draw.ALONE, "data-driven", "data-driven"]
    assert all(sum(trace.y) == pytest.approx(100, abs=1e-3) for trace in figure.data)  # tails are in the end bars
    assert figure.data[0].x[-1] > 50 * figure.data[2].x[-1]  # the second panel is the hedged one's own scale
    assert f"data-driven sd {changes['data-driven'].std():.3g}" in theme.alt_text(figure)
    assert figure.data[1].line.color == draw.METHOD_COLOURS["data-driven"]


def test_tracking_errors_end_where_they_are_said_to():
    errors = {"delta": RNG.normal(size=22).cumsum(), "data-driven": np.zeros(22)}
    figure = draw.tracking_errors(DAYS, errors)
    np.testing.assert_allclose(figure.data[0].y, errors["delta"], rtol=1e-6)
    assert f"delta {errors['delta'][-1]:.3g}" in theme.alt_text(figure)


def test_positions_that_are_not_held_are_blank():
    positions = np.array([[1.0, 0.0, -0.2], [0.9, 0.0, 0.0]])
    figure = draw.positions_heatmap(DAYS[:2], ["underlying", "call 100 %", "put 95 %"], positions)
    z = np.asarray(figure.data[0].z)
    assert z.shape == (3, 2) and np.isnan(z[1]).all() and np.isnan(z[2, 1]) and z[2, 0] == pytest.approx(-0.2)
    assert figure.data[0].zmin == -1 and figure.data[0].zmax == 1 and "2 are ever held" in theme.alt_text(figure)


def test_exposures_show_before_and_after():
    before, after = RNG.normal(size=21), np.zeros(21)
    figure = draw.exposures(DAYS[:21], (before, after), (10 * before, after), label="delta-vega")
    assert len(figure.data) == 4
    np.testing.assert_allclose(figure.data[2].y, 10 * before, rtol=1e-6)
    assert f"delta at most {np.abs(before).max():.3g} before, 0 after" in theme.alt_text(figure)


def test_attribution_adds_up_to_what_is_left():
    frame = pd.DataFrame(
        {
            "date": DAYS[1:4],
            "value_change": [1.0, -2.0, 3.0],
            "hedge_gain": [0.9, -1.8, 2.7],
            "interest": [0.01, 0.01, 0.01],
            "cost": [0.05, 0.0, 0.02],
        }
    )
    frame["error_change"] = frame["value_change"] - (frame["hedge_gain"] + frame["interest"] - frame["cost"])
    figure = draw.attribution(frame)
    bars = np.sum([np.asarray(trace.y) for trace in figure.data[:-1]], axis=0)
    np.testing.assert_allclose(bars, figure.data[-1].y, rtol=1e-5)


def test_alpha_path_marks_the_chosen_one():
    alphas, aic = np.array([0.01, 0.05, 0.1]), np.array([3.0, 1.0, 2.0])
    figure = draw.alpha_path(alphas, aic, np.array([5.0, 3.0, 1.0]), 0.05)
    assert figure.layout.shapes[0].x0 == 0.05 and "0.05 is chosen, with 3 instruments" in theme.alt_text(figure)


def test_methods_have_colours_of_their_own():
    colours = [draw.method_colour(name) for name in (*draw.METHOD_COLOURS, "another")]
    assert len(set(colours)) == len(colours)
