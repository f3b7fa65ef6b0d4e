"""Colours, bounds, formats and thinning."""

import math
import re

import numpy as np
import plotly.graph_objects as go
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.charts import theme
from engine.models import registry
from engine.models.registry import Spec

LIGHT, DARK = theme.LIGHT.ground, theme.DARK.ground


def luminance(colour: str) -> float:
    channels = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    red, green, blue = (x / 12.92 if x <= 0.03928 else ((x + 0.055) / 1.055) ** 2.4 for x in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_lines_are_legible_on_light_and_on_dark() -> None:
    fixed = [theme.model_colour(name) for name in (*registry.SPECS, *theme.OTHER_COLOURS, "a model of tomorrow")]
    for colour in (*fixed, *map(theme.series_colour, range(15)), theme.RAW, theme.REFERENCE):
        assert contrast(colour, LIGHT) >= 3 and contrast(colour, DARK) >= 3, colour
    assert contrast(theme.data_colour(dark=False), LIGHT) > 12
    assert contrast(theme.data_colour(dark=True), DARK) > 12


def test_every_registered_model_has_its_own_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    for k in range(40 - len(registry.SPECS)):
        monkeypatch.setitem(registry.SPECS, f"new_{k}", Spec(f"new_{k}", "New", "nowhere:New"))
    names = {*registry.SPECS, *theme.OTHER_COLOURS}
    colours = {theme.model_colour(name) for name in names}
    assert len(names) >= 40 and len(colours) == len(names)
    for colour in colours:
        assert contrast(colour, LIGHT) >= 3 and contrast(colour, DARK) >= 3, colour


def test_a_colour_stays_when_models_come_after_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(registry.SPECS, "new", Spec("new", "New", "nowhere:New"))
    alone = theme.model_colour("new")
    monkeypatch.setitem(registry.SPECS, "newer", Spec("newer", "Newer", "nowhere:Newer"))
    assert theme.model_colour("new") == alone


def test_an_unknown_name_keeps_its_colour() -> None:
    assert theme.model_colour("unlisted") == theme.model_colour("unlisted")


@pytest.mark.parametrize("dark", [False, True])
def test_scales_are_complete_and_zero_is_the_background(dark: bool) -> None:
    for kind in ("sequential", "density", "diverging", "penalty"):
        scale = theme.colour_scale(kind, dark)
        assert scale[0][0] == 0 and scale[-1][0] == 1
        assert all(re.fullmatch(r"#[0-9A-F]{6}", colour) for _, colour in scale)
    assert theme.colour_scale("penalty", dark)[0][1] == theme.background(dark)
    assert theme.colour_at(0.5, "diverging", dark) == theme.background(dark)
    light_to_dark = [luminance(colour) for _, colour in theme.colour_scale("penalty", dark)]
    assert sorted(light_to_dark, reverse=not dark) == light_to_dark  # ordered in luminance: readable without hue
    assert theme.colour_scale("penalty", dark=False)[0][1] == "#FFFFFF"


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=20))
def test_bounds_start_at_zero_or_are_symmetric_about_it(values: list[float]) -> None:
    low, high = theme.colour_bounds(values, "diverging")
    assert low == -high and high > 0 and all(low <= x <= high for x in values)
    low, high = theme.colour_bounds(np.abs(values), "penalty")
    assert low == 0 and high > 0 and high >= max(np.abs(values)) * (max(np.abs(values)) > 0)
    low, high = theme.colour_bounds(values, "sequential")
    assert low < high or math.isclose(low, high)


def test_bounds_ignore_what_is_not_finite() -> None:
    assert theme.colour_bounds([np.nan, 0.1, np.inf, 0.3], "sequential") == (0.1, 0.3)
    assert theme.colour_bounds([np.nan], "penalty") == (0.0, 1.0)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.01274, "0.013"),
        (0, "0"),
        (2.04e-7, "2×10⁻⁷"),
        (1e15, "10¹⁵"),
        (0.996, "1.0"),
        (24.6, "25"),
        (123456, "1.2×10⁵"),
        (-0.5, "−0.50"),
        (1834, "1,800"),
        (9.99e-5, "0.00010"),
        (math.nan, "n/a"),
    ],
)
def test_two_significant_digits(value: float, text: str) -> None:
    assert theme.significant(value) == text


@given(st.floats(1e-12, 1e18))
def test_significant_digits_are_close_to_the_value(value: float) -> None:
    text = theme.significant(value).replace(",", "")
    plain = text.translate(str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789"))
    if plain == text:
        number = float(text)
    else:
        mantissa, _, power = plain.rpartition("×")
        number = float(mantissa or 1) * 10.0 ** int(power[2:])
    assert abs(number - value) <= 0.051 * value


def test_words_for_numbers() -> None:
    assert theme.percent(0.2034) == "20.3 %"
    assert theme.percent(-0.0001) == "0.0 %"
    assert theme.basis_points(-0.0124) == "−124 bp"
    assert theme.basis_points(-1e-6) == "0 bp"
    assert theme.count(12626) == "12,626"
    assert theme.signed(-0.01, "+.1f") == "0.0" and theme.signed(0.26, "+.1f") == "+0.3"


@given(st.integers(0, 30_000), st.integers(3, 6_000))
def test_thinning_keeps_the_ends_and_the_bound(n: int, most: int) -> None:
    chosen = theme.thin(n, most)
    assert len(chosen) <= max(most, 0) and (np.diff(chosen) > 0).all()
    if n:
        assert chosen[0] == 0 and chosen[-1] == n - 1


def test_thinning_hides_no_spike() -> None:
    series = np.zeros(100_000)
    series[[31_415, 92_653]] = 5.0, -5.0
    chosen = theme.thin(len(series), 1_000, keep=series)
    assert len(chosen) <= 1_000 and {31_415, 92_653} <= set(chosen.tolist())


def test_labels_of_a_categorical_axis_are_distinct() -> None:
    assert theme.distinct(["1M", "1M", "3M"], [0.08, 0.085, 0.25]) == ["1M (0.08)", "1M (0.085)", "3M"]


def test_a_figure_without_words_for_it_has_none() -> None:
    assert theme.alt_text(go.Figure()) == ""


def test_there_is_room_for_what_stands_beside_a_figure() -> None:
    def margin(*traces: go.Figure, **layout: object) -> go.layout.Margin:
        return theme.base_layout(go.Figure(list(traces), layout), alt="a").layout.margin

    line = margin(go.Scatter(y=[1.0, 2.0]))
    named = margin(go.Bar(y=["a", "a long name of a method"], x=[1.0, 2.0], orientation="h"))
    matrix = margin(go.Heatmap(z=[[1.0]], y=["60 %"]))
    bare = margin(go.Scatter(y=[1.0]), xaxis={"visible": False}, yaxis={"visible": False})
    solid = margin(go.Surface(z=[[1.0]]))
    panels = margin(go.Scatter(y=[1.0]), go.Scatter(y=[1.0], yaxis="y2"), yaxis2={"anchor": "x2"}, xaxis2={})
    assert named.l > line.l > bare.l == solid.l == bare.b
    assert matrix.r > panels.r > line.r
    assert margin(go.Heatmap(z=[[1.0]], showscale=False)).r == line.r
