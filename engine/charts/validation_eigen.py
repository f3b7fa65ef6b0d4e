"""Eigen-surfaces of VolGAN's validation: simulated beside the data's, on one scale (Figures 3.13 to 3.15)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from engine.charts import theme
from engine.charts.surfaces import MATURITY_TITLE, MONEYNESS_TITLE, heatmap_trace, thinned
from engine.charts.validation import NAMES
from engine.market.grid import Grid


def eigen_surfaces(table: pd.DataFrame, models: Sequence[str], *, dark: bool = False) -> go.Figure:
    """Rows are laws, columns the first components; colours around zero, one scale for all.

    Args:
        table: of the study: ``rank, model, moneyness, maturity, value``.
        models: what to draw, the data among them if wanted.
        dark: drawn on a dark background.
    """
    ranks = sorted(table["rank"].unique())
    grid = Grid(sorted(table["moneyness"].unique()), sorted(table["maturity"].unique()))
    panels = table.set_index(["model", "rank"]).sort_values(["moneyness", "maturity"])["value"]
    fig = make_subplots(
        rows=len(models),
        cols=len(ranks),
        shared_yaxes=True,
        shared_xaxes=True,
        subplot_titles=[f"PC{rank} · {NAMES[model]}" for model in models for rank in ranks],
        horizontal_spacing=0.03,
        vertical_spacing=0.2 / len(models),
    )
    shown = table[table["model"].isin(models)]
    bounds = theme.colour_bounds(shown["value"].to_numpy(), "diverging")
    agreement = []
    for row, model in enumerate(models, start=1):
        for column, rank in enumerate(ranks, start=1):
            surface = panels.loc[(model, rank)].to_numpy().reshape(grid.shape)
            values, coarse = thinned(surface, grid, theme.MOST_POINTS // (len(models) * len(ranks)))
            first = row == column == 1
            fig.add_trace(
                heatmap_trace(values, coarse, "loading", dark=dark, bounds=bounds, show_scale=first, text_size=8),
                row=row,
                col=column,
            )
        if model != "data":
            data = [panels.loc[("data", rank)].to_numpy() for rank in ranks]
            inner = [float(panels.loc[(model, rank)].to_numpy() @ data[k]) for k, rank in enumerate(ranks)]
            agreement.append(f"{NAMES[model]} {', '.join(f'{x:.2f}' for x in inner)}")
    fig.update_layout(plot_bgcolor=theme.GUIDE)  # shows through the gaps between cells
    fig.update_annotations(font_size=12)
    fig.update_xaxes(type="category", showgrid=False)
    fig.update_yaxes(type="category", showgrid=False)
    fig.update_xaxes(title_text=MATURITY_TITLE, row=len(models))
    fig.update_yaxes(title_text=MONEYNESS_TITLE, col=1)
    alt = f"First {np.size(ranks)} eigen-surfaces; inner products with the data's: {'; '.join(agreement)}."
    return theme.base_layout(fig, alt=alt, height=90 + 270 * len(models))
