"""Traces that many figures draw: lines and dots, and the error bars of an interval.

A hover text gets an empty second box unless it has one of its own; a trace without hover text is skipped by the mouse.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import ArrayLike

from engine.charts import theme


def line(
    fig: go.Figure,
    x: Any,
    y: ArrayLike,
    name: str | None,
    colour: str,
    hover: str | None = None,
    *,
    width: float = 2,
    dash: str | None = None,
    shape: str | None = None,
    **more: Any,
) -> None:
    """Add a line to a figure.

    Args:
        fig: changed in place.
        x, y: ``(n,)`` each; y travels in single precision.
        name: in the legend.
        colour: of the line.
        hover: template of the hover text; None for none.
        width: pixels.
        dash, shape: as plotly calls them.
        more: anything else of a scatter trace, as its panel (``row``, ``col``).
    """
    look = {"color": colour, "width": width, **_given(dash=dash, shape=shape)}
    fig.add_scatter(**({"mode": "lines", "line": look} | _trace(x, y, name, hover) | more))


def dots(
    fig: go.Figure,
    x: Any,
    y: ArrayLike,
    name: str | None,
    colour: Any,
    hover: str | None = None,
    *,
    size: float = 6,
    symbol: Any = None,
    opacity: float | None = None,
    edge: dict[str, Any] | None = None,
    **more: Any,
) -> None:
    """Add dots to a figure; x, y, name, hover and more as :func:`line` takes them.

    Args:
        colour: of all dots, or of each.
        size: pixels.
        symbol, opacity: as plotly calls them.
        edge: the line around each dot.
    """
    look = {"color": colour, "size": size, **_given(symbol=symbol, opacity=opacity, line=edge)}
    fig.add_scatter(**({"mode": "markers", "marker": look} | _trace(x, y, name, hover) | more))


def interval(value: Any, low: Any, high: Any, **look: Any) -> dict[str, Any]:
    """The error bars of values ``(n,)``; none to a side on which the interval does not reach beyond the value."""
    up, down = np.maximum(high - value, 0), np.maximum(value - low, 0)
    return {"array": theme.float32(up), "arrayminus": theme.float32(down), **look}


def _trace(x: Any, y: ArrayLike, name: str | None, hover: str | None) -> dict[str, Any]:
    trace = {"x": x, "y": theme.float32(y), "name": name}
    if hover is None:
        return trace | {"hoverinfo": "skip"}
    return trace | {"hovertemplate": hover if "<extra>" in hover else f"{hover}<extra></extra>"}


def _given(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
