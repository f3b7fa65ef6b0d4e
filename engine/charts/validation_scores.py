"""The discriminator's scores over time (Figure 3.4) and the gradient norms of the matching (Figure 3.2)."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from engine.charts import theme

LARGE = 0.99
"""Days whose moves exceed this quantile of all are marked, so that it is seen whether low scores find them."""

EXTREME = "#D55E00"
"""Days that the discriminator scores lowest."""


def scores_over_time(daily: pd.DataFrame, model: str = "volgan", *, dark: bool = False) -> go.Figure:
    """Score of every day, in sample and out of sample; marked the days of lowest score and those of the largest moves.

    Args:
        daily: table of the study: ``date, part, <model>, extreme, size``.
        model: whose discriminator.
        dark: drawn on a dark background.
    """
    score, extreme = daily[model].to_numpy(dtype=np.float64), daily["extreme"].to_numpy(dtype=bool)
    large = (daily["size"] > daily["size"].quantile(LARGE)).to_numpy()
    keep = np.zeros(len(daily), dtype=bool)
    keep[theme.thin(len(daily), theme.MOST_POINTS * 4 // 5, keep=score)] = True
    keep |= extreme | large
    styles = {"train": ("in sample", theme.RAW), "test": ("out of sample", theme.model_colour("volgan"))}
    fig = go.Figure()
    for part, (words, shade) in styles.items():
        there = keep & (daily["part"] == part).to_numpy() & ~extreme
        _dots(fig, daily["date"][there], score[there], f"Score, {words}", shade, 3)
    for part, symbol in (("train", "circle-open"), ("test", "circle")):
        there = keep & (daily["part"] == part).to_numpy() & extreme
        _dots(fig, daily["date"][there], score[there], f"Lowest scores, {styles[part][0]}", EXTREME, 6, symbol)
    ring = {"size": 11, "symbol": "diamond-open", "color": theme.data_colour(dark)}
    fig.add_scatter(
        x=daily["date"][large],
        y=theme.float32(score[large]),
        mode="markers",
        name="Largest moves (1 % of days)",
        marker=ring,
        customdata=daily["size"][large],
        hovertemplate="%{x|%d %b %Y}: %{y:.3f}, moved %{customdata:.1f} sd<extra></extra>",
    )
    test = daily["part"] == "test"
    if test.any():
        fig.add_vline(x=str(daily.loc[test, "date"].iloc[0]), line={"color": theme.REFERENCE, "dash": "dot"})
    share = float(extreme[test.to_numpy()].mean()) if test.any() else 0.0
    lowest = int(np.argmin(score))
    alt = (
        f"Discriminator score of {len(daily):,} days; lowest {score[lowest]:.3f} on {daily['date'].iloc[lowest]}. "
        f"{theme.percent(share)} of days out of sample score below the 1 % quantile in sample."
    )
    return theme.base_layout(fig, alt=alt, x_title="Day", y_title="Probability of being real", legend=True)


def gradient_norms(matching: pd.DataFrame, *, dark: bool = False) -> go.Figure:
    """Norm of the generator's gradient of each loss term during matching, mean over networks with its interval.

    Args:
        matching: table of the study: ``update, term, norm, seeds_low, seeds_high``.
        dark: drawn on a dark background.
    """
    fig = go.Figure()
    sentences = []
    terms = list(dict.fromkeys(matching["term"]))
    for k, term in enumerate(terms):
        part = matching[matching["term"] == term]
        keep = theme.thin(len(part), theme.MOST_POINTS // (3 * len(terms)), keep=part["norm"].to_numpy())
        part = part.iloc[keep]
        shade = theme.series_colour(k)
        if part["seeds_low"].notna().all():
            low = part["seeds_low"].clip(lower=part["norm"].min() / 10)  # the axis is logarithmic
            for y, fill in ((part["seeds_high"], None), (low, "tonexty")):
                fig.add_scatter(
                    x=part["update"],
                    y=theme.float32(y),
                    mode="lines",
                    line={"width": 0},
                    fill=fill,
                    fillcolor=theme.with_alpha(shade, 0.3 if dark else 0.2),
                    hoverinfo="skip",
                    showlegend=False,
                )
        fig.add_scatter(
            x=part["update"],
            y=theme.float32(part["norm"]),
            mode="lines",
            line={"color": shade, "width": 1.5},
            name=term.capitalize(),
            hovertemplate=f"update %{{x:,}}: %{{y:.3g}}<extra>{term}</extra>",
        )
        sentences.append(f"{term} {theme.significant(float(part['norm'].iloc[-1]))}")
    fig.update_yaxes(type="log", exponentformat="power")
    alt = f"Gradient norms during matching, last update: {'; '.join(sentences)}."
    return theme.base_layout(fig, alt=alt, x_title="Update", y_title="Norm of the gradient", legend=True)


def _dots(
    fig: go.Figure, x: pd.Series, y: np.ndarray, name: str, shade: str, size: int, symbol: str = "circle"
) -> None:
    fig.add_scatter(
        x=x,
        y=theme.float32(y),
        mode="markers",
        name=name,
        marker={"color": shade, "size": size, "symbol": symbol},
        hovertemplate="%{x|%d %b %Y}: %{y:.3f}<extra></extra>",
    )
