"""Static arbitrage through time, by size of a shift, and by amount of noise."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
from numpy.typing import ArrayLike

from engine.charts import theme
from engine.market.grid import Floats
from engine.surfaces.arbitrage_report import KINDS, Decomposition

NAMES = {"calendar": "Calendar P1", "call_spread": "Call spread P2", "butterfly": "Butterfly P3"}
"""Names of the three constraints as every page writes them."""

COLOURS = {"calendar": "#0878B8", "call_spread": "#A8762A", "butterfly": "#D55E00"}


def phi_history(
    dates: ArrayLike, found: Decomposition, *, row: int | None = None, dark: bool = False, height: int = theme.HEIGHT
) -> go.Figure:
    """Φ of every day, stacked by constraint; days without arbitrage are zero (figure 2.10).

    Args:
        dates: ``(n,)`` days.
        found: their decomposition.
        row: a day to mark.
        dark: drawn on a dark background.
        height: pixels.
    """
    days = np.asarray(dates)
    peak = int(found.total.argmax())
    keep = theme.thin(len(days), theme.MOST_POINTS // 3, keep=found.total)
    fig = go.Figure()
    for k, kind in enumerate(KINDS):
        fig.add_scatter(
            x=days[keep],
            y=theme.float32(found.by_kind[keep, k]),
            name=NAMES[kind],
            stackgroup="penalty",
            line={"width": 0.5, "color": COLOURS[kind]},
            hovertemplate="%{x|%d %b %Y}<br>" + NAMES[kind] + " %{y:.2g}<extra></extra>",
        )
    if row is not None:
        fig.add_scatter(
            x=[days[row]],
            y=[float(found.total[row])],
            mode="markers",
            name="chosen day",
            marker={"color": theme.data_colour(dark), "symbol": "diamond", "size": 9},
        )
    fig.update_yaxes(rangemode="nonnegative")
    if found.total[peak] == 0:  # plotly would draw an axis from −1 to 1 around the line of zeros
        fig.update_yaxes(range=[0, 1])
    free = theme.percent(float((found.total == 0).mean()))
    return theme.base_layout(
        fig,
        alt=f"Arbitrage penalty from {days[0]} to {days[-1]}: {free} of days free, "
        f"largest {theme.significant(float(found.total[peak]))} on {days[peak]}.",
        x_title="Day",
        y_title="Φ (fraction of spot)",
        height=height,
        legend=True,
    )


def shift_curve(shifts: Floats, found: Decomposition, *, height: int = theme.HEIGHT) -> go.Figure:
    """Penalty against the size of a parallel shift, by constraint (figure 2.9).

    Args:
        shifts: ``(n,)`` shifts of every vol, decimals.
        found: the decomposition of the shifted surfaces.
        height: pixels.
    """
    fig = go.Figure()
    for k, kind in enumerate(KINDS):
        fig.add_scatter(
            x=theme.float32(100 * shifts),
            y=theme.float32(found.by_kind[:, k]),
            name=NAMES[kind],
            mode="lines",
            line={"color": COLOURS[kind], "width": 2},
        )
    fig.update_yaxes(rangemode="nonnegative")
    if not found.total.any():
        fig.update_yaxes(range=[0, 1])
    broken = shifts[(found.total > 0) & (shifts > 0)]
    first = f"first violated at +{100 * broken[0]:.1f} vol points" if len(broken) else "no upward shift violates it"
    return theme.base_layout(
        fig,
        alt=f"Penalty of one surface under parallel shifts: {first}.",
        x_title="Parallel shift (vol points)",
        y_title="Penalty (fraction of spot)",
        height=height,
        legend=True,
    )
