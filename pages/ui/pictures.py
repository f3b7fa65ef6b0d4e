"""Pictures are drawn once: a figure is kept under the digest of everything that it is drawn from, and dressed once.

Building a figure takes plotly 20 to 100 ms, most of it checking; the digest of what a picture shows takes a few. So a
page that is opened again, or rerun for another widget, shows its pictures without drawing them.

The browser draws it once too. Streamlit's plot draws as soon as it is there and again when it knows its width and
theme. The second drawing costs nothing if it changes nothing: the width is the one measured in this browser, the look
is in the figure and in no template, and numbers travel as plain lists under one ``datarevision``, so that plotly.js
need not take them for new.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any, Literal, ParamSpec

import numpy as np
import orjson
import plotly.graph_objects as go
import streamlit as st

from engine.charts import theme
from engine.content import digest
from pages.ui import widths

P = ParamSpec("P")

MOST = 128
"""Figures kept for all visitors together."""

MOST_DRESSED = 256
"""Dressed figures kept for all visitors together."""

CONFIG = {"displaylogo": False}


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


def chart(
    figure: go.Figure, *, key: str, dark: bool, height: int | Literal["content"] = "content", **options: Any
) -> None:
    """A plotly figure over the full width, with its alternative text."""
    revision = figure.layout.datarevision
    spec = _spec(figure, dark) if revision is None else _kept_spec(revision, dark, figure)
    size = {"height": height} if isinstance(height, int) else {}
    width = widths.here()
    if width is not None:
        size["width"] = round(width)
    shown = _Sent({"data": spec["data"], "layout": spec["layout"] | size})
    alt = theme.alt_text(figure)
    st.plotly_chart(shown, theme=None, key=key, height=height, alt=alt, **{"config": CONFIG, **options})


class _Sent(go.Figure):
    """A figure whose JSON is already made: plotly would check and copy all of it again."""

    def __init__(self, spec: dict[str, Any]) -> None:
        super().__init__()
        self._spec = spec

    def to_dict(self) -> dict[str, Any]:
        return self._spec


@st.cache_resource(max_entries=MOST_DRESSED, show_spinner=False)
def _kept_spec(revision: str, dark: bool, _figure: go.Figure) -> dict[str, Any]:
    return _spec(_figure, dark)


def _spec(figure: go.Figure, dark: bool) -> dict[str, Any]:
    """What plotly.js reads, without the alternative text, which has its own place on the page."""
    spec = theme.dressed(figure, dark)
    spec["layout"].pop("meta", None)
    spec["data"] = [_plain(trace) for trace in spec["data"]]
    if "datarevision" not in spec["layout"]:
        spec["layout"]["datarevision"] = _revision(spec)
    return spec


def _plain(value: Any) -> Any:
    """Arrays of numbers as nested lists, each number with the digits that its type has; null where there is none."""
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, np.ndarray) and value.dtype.kind in "iuf":
        return orjson.loads(orjson.dumps(np.ascontiguousarray(value), option=orjson.OPT_SERIALIZE_NUMPY))
    return value


def _revision(spec: dict[str, Any]) -> str:
    text = orjson.dumps(spec, default=str, option=orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS)
    return hashlib.blake2b(text, digest_size=16).hexdigest()
