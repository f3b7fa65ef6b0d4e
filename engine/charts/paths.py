"""Paths through time: weighted fans, raw beside reweighted, and where their statistics lie among the data's."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import ArrayLike
from plotly.subplots import make_subplots

from engine.charts import marks, theme
from engine.charts.scenarios import ALPHAS, COVERAGES, Panels, band_quantiles
from engine.market.grid import Floats

MOST_DAYS = 90
"""Days drawn of a long path: bands are smooth, and two panels of seven lines keep below the limit of points."""


def time_fan(
    dates: ArrayLike,
    panels: Panels,
    *,
    y_title: str,
    past_dates: ArrayLike | None = None,
    past: ArrayLike | None = None,
    reference: tuple[str, ArrayLike] | None = None,
    model: str = "volgan",
    dark: bool = False,
) -> go.Figure:
    """Median and 50, 80 and 95 % bands of paths through time, one panel a set of weights, on the same axes.

    Args:
        dates: ``(T + 1,)`` days, the start first.
        panels: heading → values ``(n, T + 1)`` already in the unit of ``y_title``, and weights ``(n,)`` or None.
        y_title: axis title with its unit.
        past_dates, past: ``(d,)`` the data up to the start.
        reference: words and ``(T + 1,)`` values of a dashed line to hold the fan against.
        model: registered name, for the colour.
        dark: drawn on a dark background.
    """
    days = np.asarray(dates, dtype="datetime64[D]")
    shown = theme.thin(len(days), MOST_DAYS)
    x = days[shown]
    titles = [f"{name[:1].upper()}{name[1:]}" for name in panels]
    fig = make_subplots(rows=1, cols=len(panels), shared_yaxes=True, subplot_titles=titles, horizontal_spacing=0.03)
    said = []
    for column, (name, (values, weights)) in enumerate(panels.items(), start=1):
        place: marks.Look = {"row": 1, "col": column}
        colour = theme.RAW if weights is None and len(panels) > 1 else theme.model_colour(model)
        bands = band_quantiles(np.asarray(values)[:, shown], weights)  # (7, shown)
        low, middle, high = bands[[0, 3, 6], -1]
        said.append(f"{name} median {_number(middle)}, 95 % band {_number(low)} to {_number(high)}")
        if past is not None and past_dates is not None:
            fig.add_scatter(
                x=np.asarray(past_dates, dtype="datetime64[D]"),
                y=theme.float32(past),
                mode="lines",
                line={"color": theme.data_colour(dark), "width": 1.5},
                name="history",
                legendgroup="history",
                showlegend=column == 1,
                **place,
            )
        for k, (coverage, alpha) in enumerate(zip(COVERAGES, ALPHAS[dark], strict=True)):
            fig.add_scatter(
                x=np.concatenate([x, x[::-1]]),
                y=theme.float32(np.concatenate([bands[k], bands[-1 - k][::-1]])),
                fill="toself",
                fillcolor=theme.with_alpha(colour, alpha),
                mode="lines",
                line={"width": 0},
                name=f"{100 * coverage:.0f} % band",
                legendgroup=f"band {k}",
                showlegend=column == len(panels),
                hoverinfo="skip",
                **place,
            )
        hover = "%{x|%d %b %Y}: median %{y:.4g}, 95 % %{customdata[0]:.4g} … %{customdata[1]:.4g}"
        shown_as: marks.Look = {"legendgroup": "median", "showlegend": column == len(panels)}
        ends = theme.float32(bands[[0, 6]].T)
        marks.line(fig, x, bands[3], "median", colour, hover, customdata=ends, **shown_as, **place)
        if reference is not None:
            fig.add_scatter(
                x=x,
                y=theme.float32(np.asarray(reference[1])[shown]),
                mode="lines",
                line={"color": theme.data_colour(dark), "width": 1.5, "dash": "dash"},
                name=reference[0],
                legendgroup="reference",
                showlegend=column == 1,
                **place,
            )
    fig.update_yaxes(title_text=y_title, col=1)
    return theme.base_layout(fig, alt=f"{y_title} on {days[-1]}: {'; '.join(said)}.", legend=True).update_layout(
        legend={"y": 1.1}, margin={"t": 72}
    )


def stability_dots(table: pd.DataFrame, *, model: str = "volgan", dark: bool = False) -> go.Figure:
    """Each statistic of the paths on the scale of the data: the band holds the 5 to 95 % window of the data.

    A value x is drawn at (x − (low + high)/2)/((high − low)/2): −1 and 1 are the ends of the band; beyond ±4 the mark
    stands at the edge. Statistics that are the same in every window are left out.

    Args:
        table: of :class:`engine.evaluation.path_stability.Stability`.
        model: registered name, for the colour.
        dark: drawn on a dark background.
    """
    judged = table[(table["data_high"] > table["data_low"]) & table["paths"].notna()].iloc[::-1]
    centre = (judged["data_low"] + judged["data_high"]).to_numpy() / 2
    half = (judged["data_high"] - judged["data_low"]).to_numpy() / 2
    place = {name: np.clip((judged[name].to_numpy() - centre) / half, -4, 4) for name in _PLACED}
    apart = np.abs(place["paths"]) > 1
    names, colour = judged["statistic"].tolist(), theme.model_colour(model)
    fig = go.Figure()
    fig.add_vrect(x0=-1, x1=1, fillcolor=theme.GUIDE, opacity=0.6, line_width=0, layer="below")
    fig.add_scatter(
        x=theme.float32(place["data"]),
        y=names,
        mode="markers",
        name="data, median window",
        marker={"color": theme.data_colour(dark), "symbol": "line-ns-open", "size": 12, "line": {"width": 2}},
        hoverinfo="skip",
    )
    fig.add_scatter(
        x=theme.float32(place["paths"]),
        y=names,
        mode="markers",
        name="paths, median (bar: 5 to 95 %)",
        marker={"color": colour, "size": 10, "symbol": np.where(apart, "diamond", "circle").tolist()},
        error_x=marks.interval(
            place["paths"], place["paths_low"], place["paths_high"], color=colour, thickness=1.5, width=0
        ),
        customdata=judged[["paths", "data", "verdict"]].to_numpy(),
        hovertemplate="%{y}: paths %{customdata[0]:.3g}, data %{customdata[1]:.3g}, %{customdata[2]}<extra></extra>",
    )
    fig.update_xaxes(range=[-4.2, 4.2], tickvals=[-1, 0, 1], ticktext=["5 %", "middle", "95 %"])
    alt = f"{int(apart.sum())} of {len(names)} statistics of the paths lie outside the 5 to 95 % window of the data" + (
        f": {', '.join(n for n, out in zip(names, apart, strict=True) if out)}." if apart.any() else "."
    )
    return theme.base_layout(
        fig, alt=alt, x_title="Windows of the data", height=120 + 24 * max(4, len(names)), legend=True
    )


_PLACED = ("paths", "paths_low", "paths_high", "data")


def _number(value: Floats | float) -> str:
    return f"{float(value):.4g}".replace("-", "−")
