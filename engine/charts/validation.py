"""VolGAN's validation as pictures: exceedances against their nominal levels, bands over time, penalties over time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import ArrayLike
from plotly.subplots import make_subplots

from engine.charts import theme

NAMES = {
    "data": "Data",
    "volgan": "VolGAN, raw",
    "volgan_reweighted": "VolGAN, reweighted",
    "bce": "GAN without smoothness terms",
    "fhs": "Filtered historical simulation",
    "truth": "True law",
    "gaussian": "Gaussian",
}
"""Names of the laws as every picture and table of the validation writes them."""

_REGISTERED = {"volgan_reweighted": "volgan", "bce": "bce_gan", "fhs": "fhs", "truth": "simulated_market"}

SYMBOLS = {
    "data": "line-ns-open",
    "volgan": "circle",
    "volgan_reweighted": "diamond",
    "bce": "x",
    "fhs": "square",
    "truth": "star",
}


def colour(model: str, dark: bool = False) -> str:
    """The colour of a law: the data's, grey for raw scenarios, else the model's own."""
    if model == "data":
        return theme.data_colour(dark)
    return theme.RAW if model == "volgan" else theme.model_colour(_REGISTERED.get(model, model))


def exceedances(
    coverage: pd.DataFrame, models: Sequence[str], *, published: bool = False, dark: bool = False
) -> go.Figure:
    """Share of days below each quantile, one panel a level, one row a series; the line is where it should be.

    Args:
        coverage: table of the study: ``model, series, level, share, seeds_low, seeds_high, published``.
        models: laws to draw, in this order.
        published: draw the thesis's figures too, hollow.
        dark: drawn on a dark background.
    """
    levels, series = sorted(coverage["level"].unique()), list(dict.fromkeys(coverage["series"]))
    titles = [f"{100 * level:g} % quantile" for level in levels]
    fig = make_subplots(rows=1, cols=len(levels), shared_yaxes=True, subplot_titles=titles, horizontal_spacing=0.03)
    worst = (0.0, "", "", 0.0, 0.0)
    for column, level in enumerate(levels, start=1):
        place = {"row": 1, "col": column}
        for k, model in enumerate(models):
            part = coverage[(coverage["model"] == model) & (coverage["level"] == level)]
            part = part.set_index("series").loc[series]
            share = 100 * part["share"].to_numpy(dtype=np.float64)
            reach = 100 * (part["seeds_high"] - part["seeds_low"]).to_numpy(dtype=np.float64) / 2
            heights = np.arange(len(series)) + 0.55 * ((k + 1) / (len(models) + 1) - 0.5)
            off = int(np.abs(share - 100 * level).argmax())
            worst = max(worst, (abs(share[off] / 100 - level), model, series[off], level, share[off] / 100))
            fig.add_scatter(
                x=theme.float32(share),
                y=heights,
                mode="markers",
                marker={"color": colour(model, dark), "symbol": SYMBOLS.get(model, "circle"), "size": 8},
                error_x={"array": np.nan_to_num(reach), "thickness": 1, "width": 0, "color": colour(model, dark)},
                name=NAMES.get(model, model),
                legendgroup=model,
                showlegend=column == 1,
                customdata=part["kupiec_p"].map(theme.significant),
                hovertemplate="%{x:.1f} % of days below<br>Kupiec p %{customdata}"
                f"<extra>{NAMES.get(model, model)}</extra>",
                **place,
            )
            if published and part["published"].notna().any():
                fig.add_scatter(
                    x=theme.float32(100 * part["published"]),
                    y=heights,
                    mode="markers",
                    marker={"color": colour(model, dark), "symbol": f"{SYMBOLS[model]}-open", "size": 9},
                    name=f"{NAMES[model]}, thesis",
                    legendgroup=f"{model} thesis",
                    showlegend=column == 1,
                    customdata=part["published_series"],
                    hovertemplate="%{customdata}: %{x:.1f} % of days below<extra>thesis</extra>",
                    **place,
                )
        fig.add_vline(x=100 * level, line={"color": theme.REFERENCE, "dash": "dash", "width": 1.5}, **place)
    fig.update_yaxes(tickvals=list(range(len(series))), ticktext=series, autorange="reversed", showgrid=False)
    fig.update_xaxes(ticksuffix=" %", nticks=5)
    _, model, name, level, share = worst
    alt = (
        f"Share of days below simulated quantiles of {len(series)} series. Farthest off: {NAMES.get(model, model)}, "
        f"{name}, {theme.percent(share)} below the {100 * level:g} % quantile."
    )
    theme.base_layout(fig, alt=alt, x_title="Days below", height=120 + 48 * len(series), legend=True)
    return fig.update_layout(legend={"y": 1.08}, margin={"t": 76})


def bands_over_time(
    dates: ArrayLike,
    realised: ArrayLike,
    bands: Mapping[str, ArrayLike],
    *,
    title: str,
    unit: str,
    dark: bool = False,
    height: int = theme.HEIGHT,
) -> go.Figure:
    """95 % bands of the day before, and what came.

    Args:
        dates: ``(T,)`` target days.
        realised: ``(T,)`` what came, in ``unit``.
        bands: law → ``(3, T)`` mean, 2.5 and 97.5 % quantile, in ``unit``.
        title: of the vertical axis, without unit.
        unit: for people.
        dark: drawn on a dark background.
        height: pixels.
    """
    days, came = np.asarray(dates), np.asarray(realised, dtype=np.float64)
    keep = theme.thin(len(days), theme.MOST_POINTS // (1 + 3 * max(1, len(bands))), keep=came)
    fig = go.Figure()
    sentences = []
    for model, values in bands.items():
        mean, low, high = np.asarray(values, dtype=np.float64)
        shade = colour(model, dark)
        outside = float(((came < low) | (came > high)).mean())
        sentences.append(f"{NAMES.get(model, model)} left out {theme.percent(outside)} of days")
        for y, fill in ((high, None), (low, "tonexty")):
            fig.add_scatter(
                x=days[keep],
                y=theme.float32(y[keep]),
                mode="lines",
                line={"color": shade, "width": 0.6},
                fill=fill,
                fillcolor=theme.with_alpha(shade, 0.28 if dark else 0.2),
                name=f"{NAMES.get(model, model)}: 95 % band",
                legendgroup=model,
                showlegend=fill is not None,
                hoverinfo="skip",
            )
        fig.add_scatter(
            x=days[keep],
            y=theme.float32(mean[keep]),
            mode="lines",
            line={"color": shade, "width": 1.2},
            name=f"{NAMES.get(model, model)}: mean",
            legendgroup=model,
            showlegend=False,
            hovertemplate=f"%{{x|%d %b %Y}}: %{{y:.4g}} {unit}<extra>{NAMES.get(model, model)}, mean</extra>",
        )
    fig.add_scatter(
        x=days[keep],
        y=theme.float32(came[keep]),
        mode="lines",
        line={"color": theme.data_colour(dark), "width": 1},
        name="What came",
        hovertemplate=f"%{{x|%d %b %Y}}: %{{y:.4g}} {unit}<extra>what came</extra>",
    )
    alt = (
        f"{title} from {days[0]} to {days[-1]} with 95 % bands of the day before: {'; '.join(sentences)}; nominal 5 %."
    )
    return theme.base_layout(fig, alt=alt, x_title="Day", y_title=f"{title} ({unit})", height=height, legend=True)


def penalties_over_time(daily: pd.DataFrame, models: Sequence[str], *, dark: bool = False) -> go.Figure:
    """Φ of what came and mean Φ of the scenarios of each law, day by day (Figure 3.6).

    Args:
        daily: table of the study: ``date`` and a column a law.
        models: laws to draw, "data" among them.
        dark: drawn on a dark background.
    """
    days = np.asarray(daily["date"])
    keep = theme.thin(len(days), theme.MOST_POINTS // len(models), keep=daily[models[-1]].to_numpy())
    fig = go.Figure()
    for model in models:
        fig.add_scatter(
            x=days[keep],
            y=theme.float32(daily[model].to_numpy()[keep]),
            mode="lines",
            line={"color": colour(model, dark), "width": 1.3},
            name=NAMES.get(model, model),
            hovertemplate=f"%{{x|%d %b %Y}}: Φ %{{y:.2g}}<extra>{NAMES.get(model, model)}</extra>",
        )
    fig.update_yaxes(rangemode="tozero")
    words = "; ".join(f"{NAMES.get(m, m)} {theme.significant(float(daily[m].mean()))}" for m in models)
    alt = f"Mean arbitrage penalty of a day's scenarios from {days[0]} to {days[-1]}; average over days: {words}."
    return theme.base_layout(fig, alt=alt, x_title="Day", y_title="Φ", legend=True)
