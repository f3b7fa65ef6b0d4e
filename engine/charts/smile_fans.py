"""Bands of tomorrow's smiles, one panel a maturity."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from numpy.typing import ArrayLike
from plotly.subplots import make_subplots

from engine.charts import theme
from engine.charts.scenarios import ALPHAS, COVERAGES, band_quantiles
from engine.charts.surfaces import MONEYNESS_TITLE, slice_columns
from engine.market.grid import Floats, Grid


def smile_fan(
    iv: ArrayLike,
    grid: Grid,
    weights: ArrayLike | None = None,
    maturities: Sequence[float] | None = None,
    *,
    today: ArrayLike | None = None,
    realised: ArrayLike | None = None,
    model: str = "volgan",
    dark: bool = False,
    height: int = theme.HEIGHT,
) -> go.Figure:
    """Bands of tomorrow's smile for a few maturities, with today's smile and the realised one.

    Args:
        iv: ``(n, n_moneyness, n_maturity)`` implied vols of the scenarios, annualised fractions.
        grid: their grid.
        weights: ``(n,)`` weights summing to one; uniform if not given.
        maturities: years; by default up to four spread over the grid.
        today, realised: ``(n_moneyness, n_maturity)`` surfaces, drawn dotted and solid.
        model: registered name, for the colour.
        dark: drawn on a dark background.
        height: pixels.
    """
    scenarios = np.asarray(iv)
    columns = slice_columns(grid, maturities)
    titles = [grid.maturity_labels[j] for j in columns]
    fig = make_subplots(rows=1, cols=len(columns), subplot_titles=titles, horizontal_spacing=0.05)
    colour = theme.model_colour(model)
    rows = theme.thin(len(grid.moneyness), theme.MOST_POINTS // (10 * len(columns)))
    x = theme.float32(100 * grid.moneyness[rows])
    sentences = []
    for column, j in enumerate(columns, start=1):
        quantiles = 100 * band_quantiles(scenarios[:, rows, j], weights)  # (7, strikes)
        first = column == 1
        for k, (coverage, alpha) in enumerate(zip(COVERAGES, ALPHAS[dark], strict=True)):
            fig.add_scatter(
                x=np.concatenate([x, x[::-1]]),
                y=theme.float32(np.concatenate([quantiles[k], quantiles[6 - k][::-1]])),
                fill="toself",
                fillcolor=theme.with_alpha(colour, alpha),
                mode="none",
                name=f"{100 * coverage:.0f} % band",
                legendgroup=f"band {k}",
                showlegend=first,
                hoverinfo="skip",
                row=1,
                col=column,
            )
        lines = [("median", quantiles[3] / 100, {"color": colour, "width": 2})]
        if today is not None:
            lines.append(("today", np.asarray(today)[rows, j], {"color": theme.data_colour(dark), "dash": "dot"}))
        if realised is not None:
            lines.append(("realised", np.asarray(realised)[rows, j], {"color": theme.data_colour(dark), "width": 2}))
        for name, values, line in lines:
            fig.add_scatter(
                x=x,
                y=theme.float32(100 * values),
                mode="lines",
                line=line,
                name=name,
                legendgroup=name,
                showlegend=first,
                hovertemplate=f"{grid.maturity_labels[j]} {name} %{{x:.4g}} %: %{{y:.1f}} %<extra></extra>",
                row=1,
                col=column,
            )
        atm = int(np.abs(grid.moneyness[rows] - 1).argmin())
        low, middle, high = quantiles[[0, 3, 6], atm]
        sentences.append(f"{grid.maturity_labels[j]} {low:.1f} … {high:.1f} %, median {middle:.1f} %")
    ticks = _round_ticks(100 * grid.moneyness)
    fig.update_xaxes(title_text=f"{MONEYNESS_TITLE} (%)", tickvals=ticks, ticktext=[f"{tick:g}" for tick in ticks])
    fig.update_yaxes(title_text=theme.QUANTITIES["vol"].title, col=1)
    alt = f"95 % bands of tomorrow's at-the-money vol by maturity: {'; '.join(sentences)}."
    theme.base_layout(fig, alt=alt, height=height, legend=True)
    return fig.update_layout(legend={"y": 1.1}, margin={"t": 72})


def _round_ticks(x: Floats) -> list[float]:
    """Three to five round ticks strictly inside an axis, so that those of neighbouring panels do not touch."""
    low, high = float(x[0]), float(x[-1])
    margin = 0.08 * (high - low)
    for step in (1, 2, 5, 10, 20, 50, 100):
        ticks = np.arange(np.ceil((low + margin) / step) * step, high - margin + 1e-9, step)
        if len(ticks) <= 4:
            return [float(tick) for tick in ticks]
    return [(low + high) / 2]
