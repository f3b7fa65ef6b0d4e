"""Pictures are drawn once: a figure is kept under the digest of everything that it is drawn from.

Building a figure takes plotly 20 to 100 ms, most of it checking; the digest of what a picture shows takes a few. So a
page that is opened again, or rerun for another widget, shows its pictures without drawing them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec

import plotly.graph_objects as go
import streamlit as st

from engine.content import digest

P = ParamSpec("P")

MOST = 128
"""Figures kept for all visitors together."""


def of(draw: Callable[P, go.Figure], *args: P.args, **kwargs: P.kwargs) -> go.Figure:
    """The figure that a function of :mod:`engine.charts` draws; it is shared, so nobody may change it.

    Args:
        draw: the function; what it draws must follow from its arguments alone.
        args, kwargs: its arguments; if one has no digest the figure is drawn each time.
    """
    try:
        content = digest((args, kwargs))
    except TypeError:
        return draw(*args, **kwargs)
    return _kept(f"{draw.__module__}.{draw.__qualname__}", content, lambda: draw(*args, **kwargs))


@st.cache_resource(max_entries=MOST, show_spinner=False)
def _kept(name: str, content: str, _make: Callable[[], go.Figure]) -> go.Figure:
    figure = _make()
    figure.layout.datarevision = f"{name} {content}"  # by which its plot is kept and known to the browser
    return figure
