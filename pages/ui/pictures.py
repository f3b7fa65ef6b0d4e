"""Pictures are drawn once: a figure is kept under the digest of everything that it is drawn from.

Building a figure takes plotly 20 to 100 ms, most of it checking; the digest of what a picture shows takes a few. So a
page that is opened again, or rerun for another widget, shows its pictures without drawing them.
"""

from __future__ import annotations

import dataclasses
import datetime
import hashlib
from collections.abc import Callable, Mapping
from typing import Any, ParamSpec

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st

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


def digest(value: object) -> str:
    """Hexadecimal digest of a value's content: numbers, words, arrays, tables, and dataclasses and containers of them.

    Raises:
        TypeError: for anything else.
    """
    content = hashlib.blake2b(digest_size=16)
    _feed(content, value)
    return content.hexdigest()


def _feed(content: Any, value: object) -> None:
    """Add a value to a digest, each with its kind, so that no two different values look alike."""
    content.update(f"<{type(value).__module__}.{type(value).__qualname__}>".encode())
    if value is None or isinstance(value, (bool, int, float, str, np.generic, datetime.date, datetime.timedelta)):
        content.update(repr(value).encode())
    elif isinstance(value, np.ndarray):
        content.update(f"{value.dtype.str}{value.shape}".encode())
        if value.dtype.hasobject:
            _feed(content, value.tolist())
        else:
            content.update(np.ascontiguousarray(value).reshape(-1).view(np.uint8).data)
    elif isinstance(value, pd.DataFrame):
        _feed(content, (value.index, [(name, column) for name, column in value.items()]))
    elif isinstance(value, (pd.Series, pd.Index)):
        _feed(content, (value.name, value.to_numpy()))
    elif isinstance(value, Mapping):
        _feed(content, list(value.items()))
    elif isinstance(value, (list, tuple)):
        content.update(f"{len(value)}:".encode())
        for item in value:
            _feed(content, item)
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        for one in dataclasses.fields(value):
            _feed(content, getattr(value, one.name))
    else:
        raise TypeError(f"expected arrays, tables, words and numbers to draw from; found {type(value).__name__}")
