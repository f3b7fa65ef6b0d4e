"""How text, grids and labels look on light and on dark, laid under what a figure says itself.

The app and saved pictures share it. It is written into the figure and not into a template: plotly.js takes a template
read anew for another one and draws the whole figure again, which Streamlit's plots would otherwise do after each start.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

FONT = '"Source Sans", sans-serif'
"""The app's own, which its pages bring along; elsewhere the reader's sans-serif."""


@dataclass(frozen=True)
class Inks:
    """Colours of what is neither data nor model.

    Args:
        text: ticks, axis titles, labels of panels.
        strong: headings and legends.
        ground: the page behind the figure, and the box of a hover label.
        edge: the edge of that box.
    """

    text: str
    strong: str
    ground: str
    edge: str


LIGHT = Inks(text="#5C6270", strong="#262730", ground="#FFFFFF", edge="rgba(49,51,63,0.2)")
DARK = Inks(text="#D5DAE2", strong="#FAFAFA", ground="#171614", edge="rgba(237,235,232,0.2)")


def inks(dark: bool = False) -> Inks:
    """Those of the light or of the dark page."""
    return DARK if dark else LIGHT


def dressed(fig: go.Figure, dark: bool = False) -> dict[str, Any]:
    """The parts of a figure, ``{"data": [...], "layout": {...}}``, with the look under its own layout.

    Args:
        fig: any figure; it stays as it is, its template is left out.
        dark: for the dark page.
    """
    layout: dict[str, Any] = fig.layout.to_plotly_json()
    layout.pop("template", None)
    ink = inks(dark)
    title = {"font": {"size": 14}}
    under: dict[str, Any] = {
        "font": {"family": FONT, "size": 12, "color": ink.text},
        "title": {"font": {"size": 16, "color": ink.strong}, "xanchor": "left", "x": 0, "pad": {"l": 4}},
        "legend": {"font": {"color": ink.strong}},
        "hoverlabel": {"bgcolor": ink.ground, "bordercolor": ink.edge, "font": {"color": ink.text}},
    }
    for name in layout:
        if name.startswith("xaxis"):
            under[name] = {"showgrid": False, "zeroline": False, "title": title}
        elif name.startswith("yaxis"):
            under[name] = {"title": title}
    return {"data": [trace.to_plotly_json() for trace in fig.data], "layout": over(layout, under)}


def over(given: Mapping[str, Any], under: Mapping[str, Any]) -> dict[str, Any]:
    """The two merged at every depth; what is given wins."""
    merged = {**under, **given}
    for name in given.keys() & under.keys():
        if isinstance(given[name], Mapping) and isinstance(under[name], Mapping):
            merged[name] = over(given[name], under[name])
    return merged


def standalone(fig: go.Figure, dark: bool = False) -> go.Figure:
    """A copy to save as a picture or a page of its own: with the look, and a background that is not the app's."""
    copy = go.Figure(dressed(fig, dark))
    copy.update_layout(paper_bgcolor=inks(dark).ground, template=go.layout.Template())
    return copy
