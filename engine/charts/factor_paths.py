"""Paths of a factor model: weighted fans of lines, the histogram of weights, long scenarios."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from engine.charts import theme
from engine.market.grid import Floats

MODEL = "factor_model"
_GROUPS = 5
_BINS = 40


def weighted_paths(values: Floats, weights: Floats, *, y_title: str, height: int = theme.HEIGHT) -> go.Figure:
    """Paths drawn the fainter the less they weigh; a path without weight is a dotted trace of grey.

    Args:
        values: ``(paths, days + 1)`` what is drawn, already in the unit of ``y_title``.
        weights: ``(paths,)`` the paths' share of the largest weight, in [0, 1].
        y_title: axis title with its unit.
        height: pixels.
    """
    most = max(1, theme.MOST_POINTS // values.shape[1])
    shown, share = values[:most], weights[:most]
    groups = np.ceil(share * _GROUPS).astype(int)  # 0 … 5: plotly draws one opacity a trace
    days = np.append(np.arange(values.shape[1], dtype=np.float32), np.nan)
    fig = go.Figure()
    for group in range(_GROUPS + 1):
        lines = shown[groups == group]
        if len(lines) == 0:
            continue
        broken = np.column_stack([lines, np.full(len(lines), np.nan)])
        dead = group == 0
        fig.add_scatter(
            x=np.tile(days, len(lines)),
            y=theme.float32(broken.ravel()),
            mode="lines",
            name="no weight" if dead else f"up to {100 * group // _GROUPS} % of the largest weight",
            line={
                "color": theme.RAW if dead else theme.model_colour(MODEL),
                "width": 1,
                "dash": "dot" if dead else None,
            },
            opacity=0.35 if dead else 0.15 + 0.65 * group / _GROUPS,
            hoverinfo="skip",
        )
    dropped = int((groups == 0).sum())
    return theme.base_layout(
        fig,
        alt=f"{len(shown)} simulated paths over {values.shape[1] - 1} days, {dropped} of them with negligible weight.",
        x_title="Trading day",
        y_title=y_title,
        height=height,
        legend=True,
    )


def weight_histogram(weights: Floats, *, height: int = theme.HEIGHT) -> go.Figure:
    """Histogram of N·w: one for a path of average weight (figure 2.16).

    Args:
        weights: ``(n,)`` summing to one.
        height: pixels.
    """
    scaled = len(weights) * np.asarray(weights, dtype=np.float64)
    counts, edges = np.histogram(scaled, bins=_BINS, range=(0, max(1.0, float(scaled.max()))))
    fig = go.Figure(
        go.Bar(
            x=theme.float32((edges[:-1] + edges[1:]) / 2),
            y=theme.float32(100 * counts / len(scaled)),
            width=float(edges[1] - edges[0]),
            marker={"color": theme.model_colour(MODEL)},
            hovertemplate="N·w near %{x:.2f}: %{y:.1f} % of paths<extra></extra>",
        )
    )
    light = theme.percent(float((scaled < 0.01).mean()))
    return theme.base_layout(
        fig,
        alt=f"Histogram of N times each path's weight; {light} of paths weigh less than a hundredth of the average.",
        x_title="N·w (1 = average weight)",
        y_title="Share of paths (%)",
        height=height,
        legend=False,
    )


def long_scenario(scenario: pd.DataFrame, *, dark: bool = False, height: int = 520) -> go.Figure:
    """Ten years of spot above, and VIX, ATM and realised vol below (figures 2.18–2.19).

    Args:
        scenario: columns year, spot, vix (index points), atm and realised (annualised decimals).
        dark: drawn on a dark background.
        height: pixels.
    """
    rows = theme.thin(len(scenario), theme.MOST_POINTS // 4, keep=scenario["vix"])
    shown = scenario.iloc[rows]
    fig = make_subplots(rows=2, cols=1, shared_xaxes=True, vertical_spacing=0.06, row_heights=[0.4, 0.6])
    lines = (
        ("Spot", shown["spot"], theme.data_colour(dark), 1),
        ("VIX", shown["vix"], "#D55E00", 2),
        ("ATM 1M", 100 * shown["atm"], "#00916A", 2),
        ("Realised, 21 days", 100 * shown["realised"], "#7A6BC4", 2),
    )
    for name, values, colour, row in lines:
        fig.add_scatter(
            x=theme.float32(shown["year"]),
            y=theme.float32(values),
            name=name,
            mode="lines",
            line={"color": colour, "width": 1.2},
            row=row,
            col=1,
        )
    fig.update_yaxes(title_text="Spot (index level)", row=1, col=1)
    fig.update_yaxes(title_text="Vol (% a year)", row=2, col=1)
    fig.update_xaxes(title_text="Year", row=2, col=1)
    vix = scenario["vix"]
    return theme.base_layout(
        fig,
        alt=f"A scenario of {scenario['year'].iloc[-1]:.0f} years; VIX between {vix.min():.0f} and {vix.max():.0f}.",
        height=height,
        legend=True,
    )
