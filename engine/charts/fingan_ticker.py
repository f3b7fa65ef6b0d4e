"""Figures of one ticker: what each loss generates for a date, bets and PnL, gradient norms (Figures 5.2–5.4)."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import ArrayLike
from plotly.subplots import make_subplots

from engine.charts import theme
from engine.charts.fingan import method_colour

TERMS = {"bce": "BCE", "pnl": "PnL", "mse": "MSE", "sr": "SR", "std": "STD"}
"""Terms of the loss, in words."""


def distributions(
    densities: pd.DataFrame, target: float | None, *, x_title: str, dark: bool = False, height: int = 460
) -> go.Figure:
    """Densities by loss combination, the realised return in black (Figures 5.3 and 5.4).

    Args:
        densities: columns ``label``, ``x`` (bp, centre of a bin) and ``density`` (per bp).
        target: what was realised, bp; None if it is not to be drawn.
        x_title: what is on the axis.
        dark: drawn on a dark background.
        height: pixels.
    """
    fig = go.Figure()
    means = []
    for position, (label, rows) in enumerate(densities.groupby("label", sort=False)):
        weight = rows["density"].sum()
        means.append(f"{label} {(rows['x'] * rows['density']).sum() / weight:+.0f}" if weight > 0 else f"{label} none")
        truth = label == "Data"
        fig.add_scatter(
            x=theme.float32(rows["x"]),
            y=theme.float32(rows["density"]),
            mode="lines",
            name=str(label),
            line={
                "color": theme.data_colour(dark) if truth else theme.series_colour(position),
                "width": 2.5 if truth else 1.5,
                "dash": "dot" if "MSE" in str(label) else "solid",  # ten colours alone are hard to tell apart
                "shape": "spline",
            },
            hovertemplate=f"%{{x:+.0f}} bp: %{{y:.4f}}<extra>{label}</extra>",
        )
    if target is not None:
        fig.add_vline(
            x=target,
            line={"color": theme.data_colour(dark), "width": 2},
            annotation_text=f"realised {theme.signed(target, '+.0f')} bp",
        )
    return theme.base_layout(
        fig,
        alt=f"Means in bp: {'; '.join(means)}.",
        x_title=x_title,
        y_title="Density (per bp)",
        height=height,
        legend=True,
    )


def bets_and_pnl(
    dates: ArrayLike, bet: ArrayLike, pnl: ArrayLike | None, *, name: str = "fingan_ensemble", height: int = 460
) -> go.Figure:
    """Bets of a ticker over time, and what they earned.

    Args:
        dates: ``(n,)`` days of the half-days.
        bet: ``(n,)`` in [-1, 1].
        pnl: ``(n,)`` PnL, basis points; None where prices are not at hand.
        name: of the method, for its colour.
        height: pixels.
    """
    days, size = np.asarray(dates, dtype="datetime64[D]"), np.asarray(bet, dtype=np.float64)
    rows = 1 if pnl is None else 2
    fig = make_subplots(rows=rows, cols=1, shared_xaxes=True, vertical_spacing=0.08)
    keep = theme.thin(len(days), theme.MOST_POINTS // 2, keep=size)
    fig.add_scatter(
        x=days[keep],
        y=theme.float32(size[keep]),
        mode="markers",
        marker={"size": 4, "color": theme.with_alpha(method_colour(name), 0.6)},
        name="Bet",
        hovertemplate="%{x|%d %b %Y}: bet %{y:+.2f}<extra></extra>",
        row=rows,
        col=1,
    )
    fig.update_yaxes(title_text="Bet (share of notional)", range=[-1.05, 1.05], row=rows, col=1)
    words = f"{len(size)} bets, mean size {np.abs(size).mean():.2f}"
    if pnl is not None:
        total = np.cumsum(np.asarray(pnl, dtype=np.float64)) / 100
        fig.add_scatter(
            x=days[keep],
            y=theme.float32(total[keep]),
            mode="lines",
            line={"color": method_colour(name), "width": 2},
            name="Cumulative PnL",
            hovertemplate="%{x|%d %b %Y}: %{y:+.2f} %<extra></extra>",
            row=1,
            col=1,
        )
        fig.update_yaxes(title_text="Cumulative PnL (%)", row=1, col=1)
        words += f", cumulative PnL {total[-1]:+.1f} %"
    fig.update_xaxes(title_text="Trading day", row=rows, col=1)
    return theme.base_layout(fig, alt=f"{words}.", height=height if pnl is not None else height // 2, legend=False)


def gradient_norms(norms: pd.DataFrame, *, height: int = 460) -> go.Figure:
    """Norm of each term's gradient over the updates of gradient matching (Figure 5.2).

    Args:
        norms: columns ``iteration`` and one for each of ``bce``, ``pnl``, ``mse``, ``sr``, ``std``.
        height: pixels.
    """
    terms = [term for term in TERMS if term in norms]
    columns = 3
    fig = make_subplots(
        rows=-(-len(terms) // columns),
        cols=columns,
        subplot_titles=[TERMS[term] for term in terms],
        vertical_spacing=0.2,
        horizontal_spacing=0.08,
    )
    keep = theme.thin(len(norms), theme.MOST_POINTS // max(1, len(terms)))
    for position, term in enumerate(terms):
        fig.add_scatter(
            x=norms["iteration"].to_numpy()[keep],
            y=theme.float32(norms[term].to_numpy()[keep]),
            mode="lines",
            line={"color": theme.series_colour(position), "width": 1.2},
            name=TERMS[term],
            hovertemplate=f"update %{{x:,}}: %{{y:.3g}}<extra>{TERMS[term]}</extra>",
            row=position // columns + 1,
            col=position % columns + 1,
        )
    fig.update_xaxes(title_text="Update (number)")
    for row in range(1, -(-len(terms) // columns) + 1):
        fig.update_yaxes(title_text="Norm (of the gradient)", row=row, col=1)
    words = "; ".join(f"{TERMS[term]} {norms[term].min():.2g} to {norms[term].max():.2g}" for term in terms)
    return theme.base_layout(
        fig, alt=f"Gradient norms over {len(norms)} updates: {words}.", height=height, legend=False
    )
