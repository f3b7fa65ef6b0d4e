"""A hedging backtest as pictures: errors through the years, their laws, method against method, what was held."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import ArrayLike

from engine.charts import theme
from engine.charts.hedging import METHOD_COLOURS, method_colour
from engine.market.grid import Floats

UNIT = 1.0
"""Errors up to this size are drawn on a straight scale by the symlog axis, larger ones on a logarithmic one."""

MOST_DOTS = 1_200
"""Dots a method in a scatter."""

_POWERS = (1, 10, 100, 1000, 10_000)


def symlog(values: ArrayLike) -> Floats:
    """sign(z) log10(1 + |z|/u): a straight line near zero, a logarithm far from it."""
    z = np.asarray(values, dtype=np.float64)
    scaled: Floats = np.sign(z) * np.log10(1 + np.abs(z) / UNIT)
    return scaled


def errors_through_time(
    dates: ArrayLike,
    errors: Mapping[str, Floats],
    *,
    logarithmic: bool = False,
    crisis: tuple[str, str] | None = None,
    dark: bool = False,
    height: int = theme.HEIGHT,
) -> go.Figure:
    """Z_t of one straddle after another, month by month; lines break where a new one is entered.

    Args:
        dates: ``(months, days + 1)``.
        errors: method → ``(months, days + 1)`` Z, currency.
        logarithmic: symlog axis.
        crisis: first and last day that are shaded.
        dark: drawn on a dark background.
        height: pixels.
    """
    days = np.asarray(dates, dtype="datetime64[D]")
    step = max(1, -(-days.size * len(errors) // theme.MOST_POINTS))
    kept = np.unique([*range(0, days.shape[1], step), days.shape[1] - 1])  # the end of a month always
    gap = np.full((len(days), 1), np.datetime64("NaT"), dtype="datetime64[D]")
    x = np.concatenate([days[:, kept], gap], axis=1).ravel()
    fig = go.Figure()
    if crisis is not None:
        fig.add_vrect(x0=crisis[0], x1=crisis[1], fillcolor=theme.GUIDE, opacity=0.5, line_width=0, layer="below")
    said = []
    for place, (name, z) in enumerate(errors.items()):
        values = np.concatenate([z[:, kept], np.full((len(z), 1), np.nan)], axis=1).ravel()
        fig.add_scatter(
            x=x,
            y=theme.float32(symlog(values) if logarithmic else values),
            mode="lines",
            line={"color": method_colour(name) if name in METHOD_COLOURS else theme.series_colour(place), "width": 1.3},
            name=name,
            customdata=theme.float32(values),
            hovertemplate=f"{name}, %{{x|%d %b %Y}}: %{{customdata:.3g}}<extra></extra>",
        )
        said.append(f"{name} {z.min():.3g} to {z.max():.3g}")
    if logarithmic:
        most = max(float(np.abs(z).max()) for z in errors.values())
        ticks = [p for p in _POWERS if p <= 2 * most]
        labels = [-p for p in reversed(ticks)] + [0, *ticks]
        fig.update_yaxes(tickvals=symlog(labels).tolist(), ticktext=[theme.signed(v, ",.0f") for v in labels])
    return theme.base_layout(
        fig,
        alt=f"Tracking errors from {days.min()} to {days.max()}: {'; '.join(said)}.",
        y_title="Tracking error Z (units of spot" + ("; logarithmic beyond 1)" if logarithmic else ")"),
        height=height,
        legend=True,
    )


def error_laws(errors: Mapping[str, Floats], *, dark: bool = False, height: int = theme.HEIGHT) -> go.Figure:
    """The distribution function of Z of each method, on a symlog axis: steeper in the middle is better.

    Args:
        errors: method → Z, any shape, currency.
        dark: drawn on a dark background.
        height: pixels.
    """
    levels = np.concatenate([[0.001, 0.0025, 0.005], np.linspace(0.01, 0.99, 99), [0.995, 0.9975, 0.999]])
    fig = go.Figure()
    said = []
    for name, z in errors.items():
        quantiles = np.quantile(z, levels)
        fig.add_scatter(
            x=theme.float32(symlog(quantiles)),
            y=theme.float32(100 * levels),
            mode="lines",
            line={"color": method_colour(name), "width": 2},
            name=name,
            customdata=theme.float32(quantiles),
            hovertemplate=f"{name}: %{{y:.1f}} % of days below %{{customdata:.3g}}<extra></extra>",
        )
        said.append(f"{name} 5 % {np.quantile(z, 0.05):.3g}, 95 % {np.quantile(z, 0.95):.3g}")
    most = max(float(np.abs(z).max()) for z in errors.values())
    ticks = [p for p in _POWERS if p <= 2 * most]
    labels = [-p for p in reversed(ticks)] + [0, *ticks]
    fig.update_xaxes(tickvals=symlog(labels).tolist(), ticktext=[theme.signed(v, ",.0f") for v in labels])
    fig.add_vline(x=0, line={"color": theme.data_colour(dark), "width": 1})
    return theme.base_layout(
        fig,
        alt=f"Distribution functions of tracking errors: {'; '.join(said)}.",
        x_title="Tracking error Z (units of spot; logarithmic beyond 1)",
        y_title="Share of days below (%)",
        height=height,
        legend=True,
    )


def against(
    mine: Floats, theirs: Floats, labels: tuple[str, str], *, dark: bool = False, height: int = theme.HEIGHT
) -> go.Figure:
    """One method's Z against another's, day by day: dots nearer the horizontal axis than the vertical favour the first.

    Args:
        mine, theirs: Z of the same days, any shape.
        labels: names of the two.
        dark: drawn on a dark background.
        height: pixels.
    """
    y, x = np.ravel(mine), np.ravel(theirs)
    shown = theme.thin(len(x), MOST_DOTS)
    smaller = float((np.abs(y) < np.abs(x)).mean())
    reach = float(symlog(max(np.abs(x).max(), np.abs(y).max(), UNIT)))
    fig = go.Figure()
    fig.add_scatter(
        x=theme.float32(symlog(x[shown])),
        y=theme.float32(symlog(y[shown])),
        mode="markers",
        marker={"color": method_colour(labels[0]), "size": 4, "opacity": 0.45},
        customdata=theme.float32(np.stack([x[shown], y[shown]], axis=1)),
        hovertemplate=f"{labels[1]} %{{customdata[0]:.3g}}, {labels[0]} %{{customdata[1]:.3g}}<extra></extra>",
        showlegend=False,
    )
    for sign in (1, -1):
        fig.add_scatter(
            x=[-reach, reach],
            y=[-sign * reach, sign * reach],
            mode="lines",
            line={"color": theme.data_colour(dark), "width": 1, "dash": "dot"},
            hoverinfo="skip",
            showlegend=False,
        )
    ticks = [p for p in _POWERS if symlog(p) <= reach]
    axis = [-p for p in reversed(ticks)] + [0, *ticks]
    style = {"tickvals": symlog(axis).tolist(), "ticktext": [theme.signed(v, ",.0f") for v in axis]}
    fig.update_xaxes(**style)
    fig.update_yaxes(**style)
    return theme.base_layout(
        fig,
        alt=f"Z of {labels[0]} against Z of {labels[1]}; {labels[0]} is nearer zero on {100 * smaller:.0f} % of days.",
        x_title=f"Z, {labels[1]} (units of spot)",
        y_title=f"Z, {labels[0]} (units of spot)",
        height=height,
        legend=False,
    )


def statistic_dots(table: pd.DataFrame, *, dark: bool = False, height: int = theme.HEIGHT) -> go.Figure:
    """Statistics of each method with their intervals, published ones beside them where there are any.

    Args:
        table: columns ``method``, ``words`` of the statistic, ``value``, ``low``, ``high``, ``published`` or NaN.
        dark: drawn on a dark background.
        height: pixels.
    """
    names = list(dict.fromkeys(table["words"]))
    methods = list(dict.fromkeys(table["method"]))
    fig = go.Figure()
    for place, name in enumerate(methods):
        part = table[table["method"] == name].set_index("words").reindex(names)
        shift = (place - (len(methods) - 1) / 2) * 0.8 / max(1, len(methods))
        x = np.arange(len(names)) + shift
        colour = method_colour(name)
        fig.add_scatter(
            x=x,
            y=theme.float32(part["value"]),
            mode="markers",
            name=name,
            marker={"color": colour, "size": 9},
            error_y={
                "type": "data",
                "symmetric": False,
                "array": theme.float32(part["high"] - part["value"]),
                "arrayminus": theme.float32(part["value"] - part["low"]),
                "color": colour,
                "thickness": 1.5,
                "width": 3,
            },
            hovertemplate=f"{name}: %{{y:.3g}}<extra></extra>",
        )
        if part["published"].notna().any():
            fig.add_scatter(
                x=x,
                y=theme.float32(part["published"]),
                mode="markers",
                name="published (SPX, 2018–2023)",
                legendgroup="published",
                showlegend=place == 0,
                marker={"color": theme.data_colour(dark), "symbol": "x-thin", "size": 8, "line": {"width": 1.5}},
                hovertemplate=f"{name}, published: %{{y:.3g}}<extra></extra>",
            )
    fig.update_xaxes(tickvals=list(range(len(names))), ticktext=names, range=[-0.6, len(names) - 0.4])
    first = table[table["words"] == names[0]]
    said = ", ".join(f"{m} {v:.3g}" for m, v in zip(first["method"], first["value"], strict=True))
    return theme.base_layout(
        fig, alt=f"{names[0]}: {said}.", y_title="Units of spot, with 95 % intervals", height=height, legend=True
    )


def instruments_held(counts: Floats, labels: Sequence[str], *, dark: bool = False) -> go.Figure:
    """Share of days with so many instruments, by initial moneyness (Table 4.1).

    Args:
        counts: ``(n_moneyness, days)`` instruments with a position.
        labels: ``(n_moneyness,)``.
        dark: drawn on a dark background.
    """
    most = int(np.max(counts))
    share = np.stack([np.bincount(row.astype(int), minlength=most + 1) / len(row) for row in counts])
    fig = go.Figure()
    for k, colour in enumerate(theme.shades(most + 1, dark)):
        fig.add_bar(
            y=list(labels),
            x=theme.float32(100 * share[:, k]),
            orientation="h",
            name=f"{k}",
            marker={"color": colour},
            hovertemplate=f"%{{y}}: {k} instruments on %{{x:.1f}} % of days<extra></extra>",
        )
    fig.update_layout(barmode="stack", bargap=0.25, legend={"title": {"text": "instruments"}, "traceorder": "normal"})
    fig.update_yaxes(type="category")
    means = ", ".join(f"{label} {row.mean():.1f}" for label, row in zip(labels, counts, strict=True))
    return theme.base_layout(
        fig,
        alt=f"Instruments held, mean by initial moneyness: {means}.",
        x_title="Share of days (%)",
        y_title="Strike at entry",
        height=300,
        legend=True,
    )


def alphas_chosen(dates: ArrayLike, alphas: Floats, labels: Sequence[str], *, dark: bool = False) -> go.Figure:
    """α of each straddle when it was entered.

    Args:
        dates: ``(months,)`` days of entry.
        alphas: ``(months, n_moneyness)``; one line if they are the same for all straddles.
        labels: ``(n_moneyness,)``.
        dark: drawn on a dark background.
    """
    fig = go.Figure()
    together = bool((np.ptp(alphas, axis=1) == 0).all())
    names, columns = (["all straddles"], alphas[:, :1]) if together else (list(labels), alphas)
    for label, column, colour in zip(names, columns.T, theme.shades(len(names), dark), strict=True):
        fig.add_scatter(
            x=np.asarray(dates, dtype="datetime64[D]"),
            y=theme.float32(column),
            mode="markers+lines",
            marker={"size": 5},
            line={"color": colour, "width": 1},
            name=label,
            hovertemplate=f"{label}, %{{x|%b %Y}}: α %{{y:.3g}}<extra></extra>",
        )
    return theme.base_layout(
        fig,
        alt=f"α chosen at entry, {alphas.min():.3g} to {alphas.max():.3g}, median {np.median(alphas):.3g}.",
        y_title="α, weight of costs",
        height=320,
        legend=True,
    )
