"""What the browser gets of a figure: the same numbers, its own width, and a revision that follows its content."""

import json

import numpy as np
import plotly.graph_objects as go
import pytest
from streamlit.testing.v1 import AppTest

from pages.ui import pictures

VALUES = np.array([0.1, 1 / 3, np.nan, -2.5e-7], dtype=np.float32)


def test_numbers_arrive_as_they_are_and_nothing_of_the_figure_changes() -> None:
    fig = go.Figure(go.Scatter(x=np.arange(4), y=VALUES, marker={"size": np.array([1.0, 2.0, 3.0, 4.0])}))
    fig.update_layout(meta={"alt": "four."})
    before = fig.to_json()
    spec = pictures._spec(fig, dark=False)
    (trace,) = spec["data"]
    assert trace["x"] == [0, 1, 2, 3] and trace["marker"]["size"] == [1.0, 2.0, 3.0, 4.0]
    assert trace["y"][2] is None  # as plotly writes a missing number
    np.testing.assert_array_equal(np.array([trace["y"][k] for k in (0, 1, 3)], np.float32), VALUES[[0, 1, 3]])
    assert trace["y"][0] == 0.1  # and not 0.10000000149011612
    assert "meta" not in spec["layout"] and "template" not in spec["layout"] and fig.to_json() == before


def test_matrices_stay_matrices() -> None:
    z = np.arange(6.0).reshape(2, 3)
    assert pictures._spec(go.Figure(go.Heatmap(z=z.T)), dark=False)["data"][0]["z"] == z.T.tolist()


def test_the_revision_follows_the_content() -> None:
    def revision(figure: go.Figure, dark: bool = False) -> str:
        found: str = pictures._spec(figure, dark)["layout"]["datarevision"]
        return found

    first = revision(go.Figure(go.Scatter(y=[1.0, 2.0])))
    assert revision(go.Figure(go.Scatter(y=np.array([1.0, 2.0])))) == first
    assert revision(go.Figure(go.Scatter(y=[1.0, 2.1]))) != first
    assert revision(go.Figure(go.Scatter(y=[1.0, 2.0], name="a"))) != first

    def draw(values: np.ndarray) -> go.Figure:
        return go.Figure(go.Scatter(y=values))

    def other(values: np.ndarray) -> go.Figure:
        return go.Figure(go.Bar(y=values))

    kept = {revision(pictures.of(f, np.arange(n))) for f in (draw, other) for n in (3, 4)}
    assert len(kept) == 4 and revision(pictures.of(draw, np.arange(3))) in kept


def page() -> None:
    import plotly.graph_objects as go
    import streamlit as st

    from pages.ui import pictures, widths

    pictures.chart(go.Figure(go.Scatter(y=[1])), key="whole", dark=False, height=300)
    for k, column in enumerate(widths.columns([3, 2])):
        with column:
            pictures.chart(go.Figure(go.Scatter(y=[1])), key=f"column {k}", dark=False)
            if k == 1:
                inner = widths.columns(2)
                with inner[0]:
                    pictures.chart(go.Figure(go.Scatter(y=[1])), key="inner", dark=False)
                inner[1].text("beside")
    pictures.chart(go.Figure(go.Scatter(y=[1])), key="whole again", dark=False)
    try:
        with widths.columns(2)[0]:
            raise ValueError
    except ValueError:
        st.text("after")
    pictures.chart(go.Figure(go.Scatter(y=[1])), key="after an error", dark=False)


def sizes(app: AppTest) -> list[tuple[int | None, int | None]]:
    layouts = [json.loads(plot.proto.spec)["layout"] for plot in app.get("plotly_chart")]
    return [(layout.get("width"), layout.get("height")) for layout in layouts]


def test_plots_in_columns_know_their_width() -> None:
    """A column is its share of the page less one gap, and columns share the last gap: 580 + 16 + 384 = 980."""
    app = AppTest.from_function(page)
    app.session_state["viewport"] = {"width": 980}
    app.run()
    assert not app.exception
    assert sizes(app) == [(980, 300), (580, None), (384, None), (184, None), (980, None), (980, None)]


@pytest.mark.parametrize("told", [None, {"width": None}, {"width": "980"}, {"width": -5}, {"width": 1e9}])
def test_until_the_browser_has_told_its_width_plots_have_none(told: object) -> None:
    app = AppTest.from_function(page)
    if told is not None:
        app.session_state["viewport"] = told
    app.run()
    assert not app.exception
    assert [width for width, _ in sizes(app)] == [None] * 6


@pytest.mark.parametrize("dark", [False, True])
def test_the_alternative_text_has_its_own_place(dark: bool) -> None:
    def one(dark: bool) -> None:
        import plotly.graph_objects as go

        from engine.charts import theme
        from pages.ui import pictures

        pictures.chart(theme.base_layout(go.Figure(go.Scatter(y=[1])), alt="A point."), key="a", dark=dark)

    app = AppTest.from_function(one, args=(dark,)).run()
    (plot,) = app.get("plotly_chart")
    assert plot.proto.alt == "A point." and plot.proto.theme == "" and "A point." not in plot.proto.spec
