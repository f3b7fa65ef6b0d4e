"""Generators ranked: scores with intervals, exceedances with their tests, transforms, arbitrage. From a study's tables.

Tables are those of ``engine.studies.generators.scoring``, a generator called by its label; ``registered`` gives the
registered name behind a label, which decides its colour.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from engine.charts import marks, theme
from engine.market.grid import Floats
from engine.models import registry

REJECTED = 0.05
"""A level whose Kupiec p-value is below this is marked as rejected."""

ROW = 34
"""Pixels of one generator in a ranking."""

_SYMBOLS = {"learned": "circle", "baseline": "square-open", "true law": "diamond"}
_MOST_DEVIATION = 6.0
_LEAST_PENALTY = 1e-8


def ranking(
    scores: pd.DataFrame,
    registered: Mapping[str, str],
    baseline: str,
    *,
    true_ratio: float | None = None,
    dark: bool = False,
) -> go.Figure:
    """Score over the baseline's, best at the top, with bootstrap intervals; left of one is better than the baseline.

    Args:
        scores: table ``scores``: ``model`` and, ``energy_ratio`` with its ``_low`` and ``_high``, and ``energy_p``.
        registered: label → registered name.
        baseline: label of the baseline, drawn as the line at one.
        true_ratio: the true law's expected score over the baseline's, where it is known.
        dark: drawn on a dark background.
    """
    table = scores.sort_values("energy_ratio", ascending=False)
    labels = list(table["model"])
    ratio, low, high = (table[f"energy_ratio{end}"].to_numpy(dtype=np.float64) for end in ("", "_low", "_high"))
    roles = [registry.role(registered.get(label, label)) for label in labels]
    colours = [theme.model_colour(registered.get(label, label)) for label in labels]
    fig = go.Figure()
    for kind in dict.fromkeys(roles):
        chosen = [k for k, found in enumerate(roles) if found == kind]
        fig.add_scatter(
            x=theme.float32(ratio[chosen]),
            y=[labels[k] for k in chosen],
            error_x=marks.interval(ratio[chosen], low[chosen], high[chosen], color=theme.RAW, thickness=1.5, width=4),
            mode="markers",
            marker={
                "symbol": _SYMBOLS[kind],
                "size": 11,
                "color": [colours[k] for k in chosen],
                "line": {"width": 2, "color": [colours[k] for k in chosen]},
            },
            name=kind,
            customdata=[
                f"{low[k]:.3f} … {high[k]:.3f}, p {theme.significant(float(table['energy_p'].iloc[k]))}" for k in chosen
            ],
            hovertemplate="%{y}: %{x:.3f} × baseline (95 %: %{customdata})<extra></extra>",
        )
    fig.add_vline(x=1.0, line={"color": theme.REFERENCE, "dash": "dash", "width": 1.5})
    words = [f"{label} {r:.3f}" for label, r in zip(labels[::-1], ratio[::-1], strict=True)]
    if true_ratio is not None:
        fig.add_vline(x=true_ratio, line={"color": theme.model_colour("simulated_market"), "width": 2})
        fig.add_annotation(
            x=true_ratio, y=1, yref="paper", yanchor="bottom", xanchor="left", text="true law", showarrow=False
        )
        words.append(f"true law {true_ratio:.3f}")
    fig.update_yaxes(categoryorder="array", categoryarray=labels, title_text="")
    ends = _readable_range(ratio, low, high, true_ratio)
    fig.update_xaxes(range=ends)
    _beyond(fig, labels, ratio, ends)
    theme.base_layout(
        fig,
        alt=f"Energy score over that of {baseline}, best first: {'; '.join(words)}.",
        x_title=f"Energy score / {baseline} (smaller is better; bars: 95 % bootstrap)",
        height=110 + ROW * len(labels),
        legend=True,
    )
    return fig.update_layout(margin={"t": 56}, legend={"y": 1.06})


def exceedance_heatmap(
    exceedance: pd.DataFrame, *, series: Sequence[str] | None = None, dark: bool = False
) -> go.Figure:
    """Share of days below each quantile, coloured by how far it is from nominal; a cross where Kupiec rejects.

    The colour is (share − level)/sqrt(level (1 − level)/T), the distance in standard errors of T independent days.

    Args:
        exceedance: table ``exceedance``: ``model, series, level, days, share, kupiec_p``.
        series: which to draw, all if not given.
        dark: drawn on a dark background.
    """
    table = exceedance if series is None else exceedance[exceedance["series"].isin(list(series))]
    models, kinds = list(dict.fromkeys(table["model"])), list(dict.fromkeys(table["series"]))
    levels = sorted(table["level"].unique())
    days = float(table["days"].max())
    fig = make_subplots(rows=1, cols=len(kinds), shared_yaxes=True, subplot_titles=kinds, horizontal_spacing=0.015)
    words = []
    for column, kind in enumerate(kinds, start=1):
        part = table[table["series"] == kind]
        share = part.pivot(index="model", columns="level", values="share").loc[models, levels].to_numpy()
        p_value = part.pivot(index="model", columns="level", values="kupiec_p").loc[models, levels].to_numpy()
        nominal = np.array(levels)
        deviation = (share - nominal) / np.sqrt(nominal * (1 - nominal) / days)
        rejected = p_value < REJECTED
        text = [
            [f"{100 * s:.1f}{' ✕' if bad else ''}" for s, bad in zip(*row, strict=True)]
            for row in zip(share, rejected, strict=True)
        ]
        fig.add_heatmap(
            x=[f"{100 * level:g} %" for level in levels],
            y=models,
            z=theme.float32(np.clip(deviation, -_MOST_DEVIATION, _MOST_DEVIATION)),
            zmin=-_MOST_DEVIATION,
            zmax=_MOST_DEVIATION,
            colorscale=theme.colour_scale("diverging", dark),
            showscale=column == len(kinds),
            colorbar={"title": {"text": "sd"}, "thickness": 12},
            xgap=1,
            ygap=1,
            text=text,
            texttemplate="%{text}",
            textfont={"size": 10},
            customdata=[[theme.significant(float(p)) for p in row] for row in p_value],
            hovertemplate=f"%{{y}}, {kind}, %{{x}} quantile: %{{text}} % of days below, Kupiec p %{{customdata}}"
            "<extra></extra>",
            row=1,
            col=column,
        )
        words.append(f"{kind} {int(rejected.sum())} of {rejected.size}")
    fig.update_xaxes(type="category", showgrid=False)
    fig.update_yaxes(type="category", autorange="reversed", showgrid=False)
    fig.update_layout(plot_bgcolor=theme.GUIDE)
    alt = f"Shares of days below the quantiles; levels that Kupiec rejects at 5 %: {'; '.join(words)}."
    return theme.base_layout(fig, alt=alt, x_title="Quantile", height=110 + ROW * len(models))


def pit_histograms(
    pit: pd.DataFrame,
    models: Sequence[str],
    registered: Mapping[str, str],
    *,
    dark: bool = False,
) -> go.Figure:
    """Histograms of probability integral transforms, one panel a series: flat at one where the law is right.

    Args:
        pit: table ``pit``: ``model, series, from, density``.
        models: labels to draw.
        registered: label → registered name.
        dark: drawn on a dark background.
    """
    kinds = list(dict.fromkeys(pit["series"]))
    fig = make_subplots(rows=1, cols=len(kinds), shared_yaxes=True, subplot_titles=kinds, horizontal_spacing=0.02)
    worst = []
    for column, kind in enumerate(kinds, start=1):
        for label in models:
            part = pit[(pit["series"] == kind) & (pit["model"] == label)]
            density = part["density"].to_numpy(dtype=np.float64)
            x, y = [*part["from"], 1.0], [*density, density[-1]]
            colour = theme.model_colour(registered.get(label, label))
            look: marks.Look = {"shape": "hv", "dash": "dot" if label.endswith("(frozen)") else "solid"}
            place: marks.Look = {"legendgroup": label, "showlegend": column == 1, "row": 1, "col": column}
            hover = f"{label}: %{{y:.2f}} × as often as it should"
            marks.line(fig, x, y, label, colour, hover, **look, **place)
            worst.append((float(np.abs(density - 1).max()), label, kind))
        fig.add_hline(y=1.0, line={"color": theme.REFERENCE, "dash": "dash", "width": 1.5}, row=1, col=column)
    deviation, label, kind = max(worst)
    fig.update_xaxes(tickvals=[0, 0.5, 1], range=[0, 1])
    fig.update_yaxes(rangemode="tozero")
    fig.update_yaxes(title_text="Frequency (1: as it should be)", col=1)
    alt = (
        f"Histograms of probability integral transforms; the farthest from flat is {label}, {kind}, off by "
        f"{deviation:.2f} in one bin."
    )
    theme.base_layout(fig, alt=alt, x_title="Transform (share)", height=300, legend=True)
    return fig.update_layout(margin={"t": 72}, legend={"y": 1.16})


def penalty_ranking(penalty: pd.DataFrame, registered: Mapping[str, str], *, dark: bool = False) -> go.Figure:
    """Mean Φ of each generator's scenarios beside that of the surfaces that came, on a logarithmic axis.

    Args:
        penalty: table ``penalty``: ``model, mean, mean_low, mean_high``, the data among the models.
        registered: label → registered name.
        dark: drawn on a dark background.
    """
    labels = [str(label) for label in penalty["model"]][::-1]
    mean = np.maximum(penalty["mean"].to_numpy(dtype=np.float64)[::-1], _LEAST_PENALTY)
    colours = [
        theme.data_colour(dark) if label == "data" else theme.model_colour(registered.get(label, label))
        for label in labels
    ]
    exact = [theme.significant(float(x)) for x in penalty["mean"].to_numpy()[::-1]]
    fig = go.Figure(
        go.Bar(
            x=theme.float32(mean),
            y=labels,
            orientation="h",
            marker={"color": colours},
            customdata=exact,
            hovertemplate="%{y}: mean Φ %{customdata}<extra></extra>",
        )
    )
    fig.add_scatter(  # beside the bars; plotly leaves out the text of a bar without length
        x=theme.float32(mean),
        y=labels,
        mode="text",
        text=[f" {words}" for words in exact],
        textposition="middle right",
        cliponaxis=False,
        hoverinfo="skip",
    )
    decades = range(int(np.log10(_LEAST_PENALTY)), int(np.ceil(np.log10(float(mean.max())))) + 1, 2)
    fig.update_yaxes(showgrid=False)
    fig.update_xaxes(type="log", tickvals=[10.0**k for k in decades])
    fig.update_xaxes(ticktext=[theme.power_of_ten(k) for k in decades], range=[decades[0] - 0.1, decades[-1] + 1.5])
    said = "; ".join(f"{label} {x}" for label, x in zip(labels[::-1], exact[::-1], strict=True))
    return theme.base_layout(
        fig,
        alt=f"Mean arbitrage penalty Φ of the scenarios: {said}.",
        x_title=f"Mean Φ (no unit, log scale; below {theme.power_of_ten(-8)} drawn there)",
        y_title="",
        height=90 + ROW * len(labels),
        legend=False,
    )


def _readable_range(ratio: Floats, low: Floats, high: Floats, true_ratio: float | None) -> list[float]:
    """The axis holds everything within 15 % of one; a generator far worse is written at the edge instead."""
    near = (ratio < 1.15) & (ratio > 0.85)
    ends = [1.0, *low[near], *high[near], *([] if true_ratio is None else [true_ratio])]
    if not near.all() and near.sum() <= 1:
        ends += [*low, *high]
    room = 0.06 * (max(ends) - min(ends)) or 0.01
    return [float(min(ends) - room), float(max(ends) + room)]


def _beyond(fig: go.Figure, labels: Sequence[str], ratio: Floats, ends: Sequence[float]) -> None:
    for label, value in zip(labels, ratio, strict=True):
        if not ends[0] <= value <= ends[1]:
            right = value > ends[1]
            fig.add_annotation(
                x=1 if right else 0,
                xref="paper",
                y=label,
                text=f"{value:.3f} →" if right else f"← {value:.3f}",
                showarrow=False,
                xanchor="right" if right else "left",
            )
