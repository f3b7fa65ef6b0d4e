"""Co-movements and tails of VolGAN's validation: Figures 3.11 and 3.12, Tables 3.4 to 3.9 as pictures."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from engine.charts import theme
from engine.charts.validation import NAMES, SYMBOLS, colour


def correlation_over_time(
    daily: pd.DataFrame, test: pd.DataFrame, models: Sequence[str], *, dark: bool = False
) -> go.Figure:
    """Correlation of simulated return and at-the-money increment, with the band of a constant one (Figure 3.11).

    Args:
        daily: table of the study: ``date`` and a column a law.
        test: its test of constancy: ``model, mean, band_low, band_high, share_outside``.
        models: laws to draw, one panel each with its own band: their levels differ too much for one axis.
        dark: drawn on a dark background.
    """
    days = np.asarray(daily["date"])
    facts = {str(row.pop("model")): row for row in test.to_dict("records")}
    keep = theme.thin(len(days), theme.MOST_POINTS // len(models))
    fig = make_subplots(
        rows=len(models), cols=1, shared_xaxes=True, subplot_titles=[NAMES[m] for m in models], vertical_spacing=0.09
    )
    sentences = []
    for row, model in enumerate(models, start=1):
        fact = facts[model]
        fig.add_scatter(
            x=days[keep],
            y=theme.float32(daily[model].to_numpy()[keep]),
            mode="lines",
            line={"color": theme.model_colour("volgan") if model == "volgan" else colour(model, dark), "width": 1.3},
            name=NAMES[model],
            hovertemplate=f"%{{x|%d %b %Y}}: %{{y:.3f}}<extra>{NAMES[model]}</extra>",
            row=row,
            col=1,
        )
        fig.add_hrect(
            y0=float(fact["band_low"]),
            y1=float(fact["band_high"]),
            fillcolor=theme.with_alpha(theme.REFERENCE, 0.3),
            line_width=0,
            row=row,
            col=1,
        )
        sentences.append(
            f"{NAMES[model]} mean {theme.signed(float(fact['mean']), '.2f')}, outside its band on "
            f"{theme.percent(float(fact['share_outside']))} of days"
        )
    fig.update_yaxes(nticks=4)
    fig.update_xaxes(title_text="Day", row=len(models), col=1)
    alt = "Correlation of simulated return and at-the-money increment day by day: "
    alt += f"{'; '.join(sentences)}; nominal 5 %."
    return theme.base_layout(fig, alt=alt, height=90 + 170 * len(models), legend=False)


def tails(histogram: pd.DataFrame, series: str, models: Sequence[str], *, dark: bool = False) -> go.Figure:
    """Share of days or scenarios by size on a logarithmic axis, where an exponential tail is a straight line.

    Args:
        histogram: table of the study: ``series, low, high`` and a column a law.
        series: which one.
        models: laws to draw, "data" and "gaussian" among them if wanted.
        dark: drawn on a dark background.
    """
    part = histogram[histogram["series"] == series]
    factor, unit = (1e4, "bp") if series == "return" else (100, "%")
    centre = factor * (part["low"] + part["high"]).to_numpy() / 2
    fig = go.Figure()
    for model in models:
        share = 100 * part[model].to_numpy(dtype=np.float64)
        line = {"color": theme.REFERENCE if model == "gaussian" else colour(model, dark), "width": 1.8}
        if model == "gaussian":
            line["dash"] = "dash"
        fig.add_scatter(
            x=theme.float32(centre),
            y=theme.float32(np.where(share > 0, share, np.nan)),
            mode="markers" if model == "data" else "lines",
            line=None if model == "data" else line,
            marker={"color": colour("data", dark), "size": 6} if model == "data" else None,
            name="Gaussian like VolGAN" if model == "gaussian" else NAMES.get(model, model),
            hovertemplate=f"near %{{x:.0f}} {unit}: %{{y:.3g}} %<extra>{NAMES.get(model, model)}</extra>",
        )
    least = min(float(part[m][part[m] > 0].min()) for m in models if m != "gaussian")
    fig.update_yaxes(type="log", range=[np.log10(50 * least), 2], dtick=1, exponentformat="power", ticksuffix=" %")
    what = "Daily log-return" if series == "return" else "Daily change of at-the-money log vol"
    alt = (
        f"{what}: share of days or scenarios in bars of {centre[1] - centre[0]:.3g} {unit}, logarithmic; end bars hold "
    )
    alt += "what lies beyond."
    return theme.base_layout(fig, alt=alt, x_title=f"{what} ({unit})", y_title="Share", legend=True)


def component_panels(
    components: pd.DataFrame, alignment: pd.DataFrame, models: Sequence[str], *, dark: bool = False
) -> go.Figure:
    """Share of variance of the first components (Table 3.4) beside their alignment with the data's (Table 3.5).

    Args:
        components: table of the study: ``rank, model, share, low, high, published``.
        alignment: ``rank, model, mean, sd, published``.
        models: laws to draw beside the data.
        dark: drawn on a dark background.
    """
    titles = ("Share of variance", "Inner product with the data's")
    fig = make_subplots(rows=1, cols=2, subplot_titles=titles, horizontal_spacing=0.1)
    for model in ("data", *models):
        part = components[components["model"] == model].sort_values("rank")
        _bars(fig, 1, model, 100 * part["share"], 100 * (part["high"] - part["low"]) / 2, dark, "%{y:.1f} %")
        if model != "data":
            angle = alignment[alignment["model"] == model].sort_values("rank")
            _bars(fig, 2, model, angle["mean"], 1.96 * angle["sd"], dark, "%{y:.3f}", legend=False)
    fig.update_yaxes(ticksuffix=" %", rangemode="tozero", col=1)
    fig.update_yaxes(range=[0, 1.05], col=2)
    first = components[components["rank"] == 1].set_index("model")["share"]
    words = "; ".join(f"{NAMES.get(m, m)} {theme.percent(float(first[m]))}" for m in ("data", *models))
    return theme.base_layout(fig, alt=f"Variance along the first component: {words}.", legend=True).update_layout(
        barmode="group", legend={"y": 1.1}, margin={"t": 76}
    )


def pair_panels(table: pd.DataFrame, models: Sequence[str], *, dark: bool = False) -> go.Figure:
    """Correlations of index, level, at-the-money vol and VIX in each period (Tables 3.7 to 3.9).

    Args:
        table: of the study: ``period, first, second, model, correlation, low, high``.
        models: laws to draw beside the data.
        dark: drawn on a dark background.
    """
    periods = list(dict.fromkeys(table["period"]))
    titles = [period.capitalize() for period in periods]
    fig = make_subplots(rows=1, cols=len(periods), shared_yaxes=True, subplot_titles=titles, horizontal_spacing=0.03)
    drawn = ("data", *models)
    for column, period in enumerate(periods, start=1):
        for k, model in enumerate(drawn):
            part = table[(table["period"] == period) & (table["model"] == model)]
            labels = part["first"] + " · " + part["second"]
            fig.add_scatter(
                x=theme.float32(part["correlation"]),
                y=np.arange(len(part)) + 0.5 * ((k + 1) / (len(drawn) + 1) - 0.5),
                mode="markers",
                marker={
                    "color": colour(model, dark),
                    "symbol": SYMBOLS.get(model, "circle"),
                    "size": 8,
                    "line": {"width": 2, "color": colour(model, dark)},
                },
                error_x={
                    "array": part["high"] - part["correlation"],
                    "arrayminus": part["correlation"] - part["low"],
                    "thickness": 1,
                    "width": 0,
                },
                name=NAMES.get(model, model),
                legendgroup=model,
                showlegend=column == 1,
                customdata=labels,
                hovertemplate=f"%{{customdata}}: %{{x:+.2f}}<extra>{NAMES.get(model, model)}</extra>",
                row=1,
                col=column,
            )
    fig.update_yaxes(tickvals=list(range(len(labels))), ticktext=list(labels), autorange="reversed", showgrid=False)
    fig.update_xaxes(range=[-1.05, 1.05], nticks=5)
    everything = table[table["period"] == periods[0]].set_index(["model", "first", "second"])["correlation"]
    pair = ("ΔlogS", "Δlog ATM")
    words = "; ".join(f"{NAMES.get(m, m)} {theme.signed(float(everything[(m, *pair)]), '.2f')}" for m in drawn)
    alt = f"Correlations of daily moves by period. Index and at-the-money vol over all days: {words}."
    return theme.base_layout(fig, alt=alt, x_title="Correlation", legend=True).update_layout(
        legend={"y": 1.1}, margin={"t": 76}
    )


def _bars(
    fig: go.Figure,
    column: int,
    model: str,
    values: pd.Series,
    reach: pd.Series,
    dark: bool,
    shown: str,
    *,
    legend: bool = True,
) -> None:
    fig.add_bar(
        x=["First", "Second", "Third"],
        y=theme.float32(values),
        error_y={"array": reach, "thickness": 1, "width": 3},
        marker_color=colour(model, dark),
        name=NAMES.get(model, model),
        legendgroup=model,
        showlegend=legend,
        hovertemplate=f"{shown}<extra>{NAMES.get(model, model)}</extra>",
        row=1,
        col=column,
    )
