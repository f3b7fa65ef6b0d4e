"""Traces that many figures draw: lines and dots, and the error bars of an interval.

A hover text gets an empty second box unless it has one of its own; a trace without hover text is skipped by the mouse.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import ArrayLike

from engine.charts import theme
from engine.market.grid import Floats

Look = dict[str, Any]
"""Anything of a trace or of its panel, by the name that plotly has for it."""


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


def raw_and_reweighted(n: int, weights: ArrayLike | None, model: str) -> list[tuple[str, Floats, str]]:
    """Name, weights ``(n,)`` and colour of the scenarios as drawn, and under weights if there are any."""
    found = [("raw", np.full(n, 1 / n), theme.RAW)]
    if weights is not None:
        found.append(("reweighted", np.asarray(weights, dtype=np.float64), theme.model_colour(model)))
    return found


def histogram(
    fig: go.Figure, x: Floats, weights: Floats, edges: Floats, name: str, hover: str, look: tuple[str, float, float]
) -> None:
    """Add weighted bars in percent to a figure; the end bars hold what lies beyond. Look: colour, opacity, edge."""
    bins = np.clip(np.digitize(x, edges) - 1, 0, len(edges) - 2)
    colour, alpha, edge = look
    fig.add_bar(
        width=float(edges[1] - edges[0]),
        marker={"color": theme.with_alpha(colour, alpha), "line": {"color": colour, "width": edge}},
        **_trace(
            theme.float32((edges[:-1] + edges[1:]) / 2),
            100 * np.bincount(bins, weights=weights, minlength=len(edges) - 1),
            name,
            hover,
        ),
    )


def known(fig: go.Figure, x: float, words: str, look: dict[str, Any]) -> None:
    """Mark what is known on the axis of a histogram by a line with words beside."""
    fig.add_vline(x=x, line=look)
    fig.add_annotation(x=x, y=1, yref="paper", text=words, showarrow=False, xanchor="left", yanchor="top", xshift=4)


def _trace(x: Any, y: ArrayLike, name: str | None, hover: str | None) -> dict[str, Any]:
    trace = {"x": x, "y": theme.float32(y), "name": name}
    if hover is None:
        return trace | {"hoverinfo": "skip"}
    return trace | {"hovertemplate": hover if "<extra>" in hover else f"{hover}<extra></extra>"}


def _given(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
