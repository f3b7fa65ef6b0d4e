"""The look lies under what a figure says itself, and can be read on light and on dark."""

import copy

import plotly.graph_objects as go
import pytest

from engine.charts import theme
from tests.charts.test_theme import contrast


@pytest.mark.parametrize("dark", [False, True])
def test_text_is_legible_and_the_figure_stays_as_it_was(dark: bool) -> None:
    fig = theme.base_layout(go.Figure(go.Scatter(x=[1, 2], y=[3, 4])), alt="two points.", x_title="t (days)")
    fig.layout.template = "plotly_dark"
    before = copy.deepcopy(fig.to_dict())
    layout = theme.dressed(fig, dark)["layout"]
    ink = theme.inks(dark)
    for colour in (layout["font"]["color"], layout["legend"]["font"]["color"], layout["title"]["font"]["color"]):
        assert contrast(colour, ink.ground) >= 4.5
    assert contrast(layout["hoverlabel"]["font"]["color"], layout["hoverlabel"]["bgcolor"]) >= 4.5
    assert "template" not in layout and fig.to_dict() == before


def test_what_a_figure_says_wins_at_every_depth() -> None:
    fig = go.Figure(go.Scatter(y=[1]))
    fig.update_layout(
        font={"size": 20}, xaxis={"showgrid": True, "title": {"text": "x", "font": {"color": "#FF0000"}}}, yaxis2={}
    )
    layout = theme.dressed(fig)["layout"]
    assert layout["font"] == {"family": theme.FONT, "size": 20, "color": theme.LIGHT.text}
    assert layout["xaxis"]["showgrid"] is True and layout["xaxis"]["zeroline"] is False
    assert layout["xaxis"]["title"] == {"text": "x", "font": {"color": "#FF0000", "size": 14}}
    assert theme.over({"a": {"b": 1}, "c": 2}, {"a": {"b": 0, "d": 4}, "c": {"e": 5}, "f": 6}) == {
        "a": {"b": 1, "d": 4},
        "c": 2,
        "f": 6,
    }


def test_a_figure_to_save_has_its_own_background_and_leaves_the_original() -> None:
    fig = theme.base_layout(go.Figure(go.Scatter(x=[1], y=[2])), alt="one  point\nat 2.", x_title="t (days)")
    for dark in (False, True):
        saved = theme.standalone(fig, dark)
        assert saved.layout.paper_bgcolor == theme.inks(dark).ground and fig.layout.paper_bgcolor == "rgba(0,0,0,0)"
        assert saved.layout.font.color == theme.inks(dark).text
        assert saved.layout.template.layout.font.color is None  # nothing of a template over the look
        assert theme.alt_text(fig) == "one point at 2." == theme.alt_text(saved)
