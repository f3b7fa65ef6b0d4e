"""Figures of the Fin-GAN study: methods, PnL, seeds, costs, and what one ticker's generators say (5.2–5.12)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import ArrayLike
from plotly.subplots import make_subplots

from engine.charts import marks, theme

SHARPE = theme.Quantity("Sharpe ratio", "a year", 1, "+.2f", "diverging")
PNL = theme.Quantity("Mean PnL", "bp a day", 1, "+.1f", "diverging")
ERROR = theme.Quantity("Error", "bp", 10_000, ".0f", "density")
CORRELATION = theme.QUANTITIES["correlation"]
CHOICES = {"fingan_longer": "#5468D4", "fingan_all": "#2E8FA3"}
"""Fin-GAN with another choice of its loss, beside the thesis's."""

ROW_HEIGHT = 22
"""Pixels of a row of a heatmap of tickers."""

LEAST_HEIGHT = 340


def method_colour(name: str) -> str:
    """Colour of a method, its model's; a seed-ensemble shares it."""
    base = name.removesuffix("_ensemble")
    return CHOICES.get(base) or theme.model_colour(base)


def matrix(
    values: pd.DataFrame,
    quantity: theme.Quantity,
    *,
    x_title: str,
    y_title: str = "Ticker (stocks less their ETF)",
    marked: pd.DataFrame | None = None,
    dark: bool = False,
    limit: float | None = None,
) -> go.Figure:
    """Rows against columns as colour, with the number in every cell.

    Args:
        values: rows (tickers, losses) × columns (methods, combinations), in engine units.
        quantity: how they are drawn.
        x_title, y_title: what columns and rows are.
        marked: same shape, True where a cell is to be pointed out by a frame of dots.
        dark: drawn on a dark background.
        limit: ends of the colour scale in drawn units, so that one outlier does not bleach the rest.
    """
    scaled = quantity.factor * values.to_numpy(float)
    low, high = theme.colour_bounds(scaled, quantity.kind)
    if limit is not None:
        low, high = max(low, -limit) if low < 0 else low, min(high, limit)
    text = [["" if not np.isfinite(x) else theme.signed(x, quantity.digits) for x in row] for row in scaled]
    if marked is not None:
        text = [
            [f"● {cell}" if mark else cell for cell, mark in zip(cells, marks, strict=True)]
            for cells, marks in zip(text, marked.to_numpy(bool), strict=True)
        ]
    fig = go.Figure(
        go.Heatmap(
            z=theme.float32(scaled),
            x=[str(name) for name in values.columns],
            y=[str(name) for name in values.index],
            text=text,
            texttemplate="%{text}",
            textfont={"size": 11},
            zmin=low,
            zmax=high,
            colorscale=theme.colour_scale(quantity.kind, dark),
            xgap=1,
            ygap=1,
            colorbar={"title": {"text": quantity.title, "side": "right"}, "thickness": 12},
            hovertemplate=f"%{{y}}, %{{x}}: %{{z:{quantity.digits}}} {quantity.unit}<extra></extra>",
        )
    )
    fig.update_yaxes(autorange="reversed", type="category")
    fig.update_xaxes(type="category", tickangle=-30)
    finite = scaled[np.isfinite(scaled)]
    ends = f"from {finite.min():.3g} to {finite.max():.3g}" if finite.size else "none"
    alt = f"{quantity.title} of {values.shape[0]} rows and {values.shape[1]} columns, {ends}."
    return theme.base_layout(
        fig, alt=alt, x_title=x_title, y_title=y_title, height=max(LEAST_HEIGHT, 190 + ROW_HEIGHT * len(values))
    )


def cumulative(
    dates: ArrayLike,
    pnl: Mapping[str, ArrayLike],
    labels: Mapping[str, str],
    *,
    dashed: Sequence[str] = (),
    dark: bool = False,
) -> go.Figure:
    """Cumulative PnL of several strategies (Figures 5.8 and 5.9).

    Args:
        dates: ``(days,)``.
        pnl: name → ``(days,)`` daily PnL, basis points.
        labels: name → words.
        dashed: names drawn dashed.
        dark: drawn on a dark background.
    """
    days = np.asarray(dates, dtype="datetime64[D]")
    keep = theme.thin(len(days), max(60, theme.MOST_POINTS // max(1, len(pnl))))
    fig = go.Figure()
    ends = []
    for position, (name, values) in enumerate(pnl.items()):
        total = np.cumsum(np.asarray(values, dtype=np.float64)) / 100
        ends.append(f"{labels[name]} {total[-1]:+.1f}")
        look: marks.Look = {"width": 2.5 if position == 0 else 1.3, "dash": "dash" if name in dashed else "solid"}
        hover = f"%{{x|%d %b %Y}}: %{{y:+.2f}} %<extra>{labels[name]}</extra>"
        marks.line(fig, days[keep], total[keep], labels[name], method_colour(name), hover, **look)
    fig.add_hline(y=0, line={"color": theme.GUIDE, "width": 1})
    alt = f"Cumulative PnL at the end, % of the notional: {'; '.join(ends)}."
    return theme.base_layout(fig, alt=alt, x_title="Trading day", y_title="Cumulative PnL (% of notional)", legend=True)


def seeds(table: pd.DataFrame, overview: pd.DataFrame, *, dark: bool = False) -> go.Figure:
    """Portfolio ratio of every seed, the mean with its interval, and the published figure.

    Args:
        table: method, label, seed, portfolio_sr.
        overview: rows of Table 5.2 with statistic ``portfolio_sr``.
        dark: drawn on a dark background.
    """
    rows = overview[overview["statistic"] == "portfolio_sr"].set_index("method")
    order = [name for name in table["method"].unique() if name in rows.index]
    labels = [str(rows.loc[name, "label"]) for name in order]
    fig = go.Figure()
    for name, label in zip(order, labels, strict=True):
        own = table[(table["method"] == name) & np.isfinite(table["portfolio_sr"])]
        row = rows.loc[name]
        fig.add_scatter(
            x=[row["low"], row["high"]],
            y=[label, label],
            mode="lines",
            line={"color": theme.with_alpha(method_colour(name), 0.35), "width": 10},
            hovertemplate="95 % interval of the days: %{x:.2f}<extra></extra>",
            showlegend=False,
        )
        fig.add_scatter(
            x=theme.float32(own["portfolio_sr"]),
            y=[label] * len(own),
            mode="markers",
            marker={"color": method_colour(name), "size": 8, "opacity": 0.8},
            customdata=own["seed"].astype(str),
            hovertemplate="seed %{customdata}: %{x:.2f}<extra></extra>",
            showlegend=False,
        )
    printed = [(label, rows.loc[n, "published"]) for n, label in zip(order, labels, strict=True)]
    printed = [(label, value) for label, value in printed if np.isfinite(value)]
    fig.add_scatter(
        x=[value for _, value in printed],
        y=[label for label, _ in printed],
        mode="markers",
        name="Published",
        marker={"symbol": "diamond-open", "size": 12, "color": theme.data_colour(dark), "line": {"width": 2}},
        hovertemplate="published: %{x:.2f}<extra></extra>",
    )
    fig.update_yaxes(autorange="reversed", type="category")
    words = "; ".join(f"{label} {rows.loc[n, 'value']:.2f}" for n, label in zip(order, labels, strict=True))
    return theme.base_layout(
        fig,
        alt=f"Portfolio Sharpe ratio by method: {words}.",
        x_title="Portfolio Sharpe ratio (a year)",
        y_title="Method (one dot a seed)",
        height=380,
        legend=True,
    )


def net_ratios(costs: ArrayLike, curves: Mapping[str, ArrayLike], labels: Mapping[str, str], cost: float) -> go.Figure:
    """Net portfolio ratio against cost, one line a strategy.

    Args:
        costs: ``(n,)`` basis points of what is traded.
        curves: name → ``(n,)`` ratios.
        labels: name → words.
        cost: the one chosen, marked.
    """
    fig = go.Figure()
    at = np.asarray(costs, dtype=np.float64)
    ends = []
    for name, values in curves.items():
        ratios = np.asarray(values, dtype=np.float64)
        ends.append(f"{labels[name]} {np.interp(cost, at, ratios):.2f}")
        hover = f"%{{x:.2f}} bp: %{{y:.2f}}<extra>{labels[name]}</extra>"
        shade = method_colour(name)
        marks.line(fig, theme.float32(at), ratios, labels[name], shade, hover)
    fig.add_hline(y=0, line={"color": theme.GUIDE, "width": 1})
    fig.add_vline(x=cost, line={"color": theme.REFERENCE, "width": 1.5, "dash": "dot"})
    return theme.base_layout(
        fig,
        alt=f"Portfolio Sharpe ratio at {cost:g} bp of cost: {'; '.join(ends)}.",
        x_title="Cost (bp of what is traded, one way)",
        y_title="Portfolio Sharpe ratio (a year)",
        legend=True,
    )


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
    alt = f"Means in bp: {'; '.join(means)}."
    return theme.base_layout(fig, alt=alt, x_title=x_title, y_title="Density (per bp)", height=height, legend=True)


def bets_and_pnl(dates: ArrayLike, bet: ArrayLike, pnl: ArrayLike | None) -> go.Figure:
    """Bets of a ticker over time, and what they earned.

    Args:
        dates: ``(n,)`` days of the half-days.
        bet: ``(n,)`` in [-1, 1].
        pnl: ``(n,)`` PnL, basis points; None where prices are not at hand.
    """
    days, size = np.asarray(dates, dtype="datetime64[D]"), np.asarray(bet, dtype=np.float64)
    rows = 1 if pnl is None else 2
    fig = make_subplots(rows=rows, cols=1, shared_xaxes=True, vertical_spacing=0.08)
    keep = theme.thin(len(days), theme.MOST_POINTS // 2, keep=size)
    hover = "%{x|%d %b %Y}: bet %{y:+.2f}"
    shade = theme.with_alpha(method_colour("fingan"), 0.6)
    marks.dots(fig, days[keep], size[keep], "Bet", shade, hover, size=4, row=rows, col=1)
    fig.update_yaxes(title_text="Bet (share of notional)", range=[-1.05, 1.05], row=rows, col=1)
    words = f"{len(size)} bets, mean size {np.abs(size).mean():.2f}"
    if pnl is not None:
        total = np.cumsum(np.asarray(pnl, dtype=np.float64)) / 100
        hover = "%{x|%d %b %Y}: %{y:+.2f} %"
        marks.line(fig, days[keep], total[keep], "Cumulative PnL", method_colour("fingan"), hover, row=1, col=1)
        fig.update_yaxes(title_text="Cumulative PnL (%)", row=1, col=1)
        words += f", cumulative PnL {total[-1]:+.1f} %"
    fig.update_xaxes(title_text="Trading day", row=rows, col=1)
    return theme.base_layout(fig, alt=f"{words}.", height=230 if pnl is None else 460, legend=False)


def gradient_norms(norms: pd.DataFrame) -> go.Figure:
    """Norm of each term's gradient over the updates of gradient matching (Figure 5.2).

    Args:
        norms: columns ``iteration`` and one for each of ``bce``, ``pnl``, ``mse``, ``sr``, ``std``.
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
        x, y = norms["iteration"].to_numpy()[keep], norms[term].to_numpy()[keep]
        place: marks.Look = {"row": position // columns + 1, "col": position % columns + 1}
        hover = f"update %{{x:,}}: %{{y:.3g}}<extra>{TERMS[term]}</extra>"
        marks.line(fig, x, y, TERMS[term], theme.series_colour(position), hover, width=1.2, **place)
    fig.update_xaxes(title_text="Update (number)")
    for row in range(1, -(-len(terms) // columns) + 1):
        fig.update_yaxes(title_text="Norm (of the gradient)", row=row, col=1)
    words = "; ".join(f"{TERMS[term]} {norms[term].min():.2g} to {norms[term].max():.2g}" for term in terms)
    return theme.base_layout(fig, alt=f"Gradient norms over {len(norms)} updates: {words}.", height=460, legend=False)
