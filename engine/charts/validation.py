"""Pictures of VolGAN's validation: forecasts, exceedances, scores, moves and eigen-surfaces (Figures 3.2 to 3.15)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import ArrayLike
from plotly.subplots import make_subplots

from engine.charts import marks, theme
from engine.charts.surfaces import MATURITY_TITLE, MONEYNESS_TITLE, heatmap_trace, thinned
from engine.market.grid import Grid

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
) -> go.Figure:
    """95 % bands of the day before, and what came.

    Args:
        dates: ``(T,)`` target days.
        realised: ``(T,)`` what came, in ``unit``.
        bands: law → ``(3, T)`` mean, 2.5 and 97.5 % quantile, in ``unit``.
        title: of the vertical axis, without unit.
        unit: for people.
        dark: drawn on a dark background.
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
    hover = f"%{{x|%d %b %Y}}: %{{y:.4g}} {unit}<extra>what came</extra>"
    marks.line(fig, days[keep], came[keep], "What came", theme.data_colour(dark), hover, width=1)
    alt = (
        f"{title} from {days[0]} to {days[-1]} with 95 % bands of the day before: {'; '.join(sentences)}; nominal 5 %."
    )
    return theme.base_layout(fig, alt=alt, x_title="Day", y_title=f"{title} ({unit})", legend=True)


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
        hover = f"%{{x|%d %b %Y}}: Φ %{{y:.2g}}<extra>{NAMES.get(model, model)}</extra>"
        shade = colour(model, dark)
        marks.line(fig, days[keep], daily[model].to_numpy()[keep], NAMES.get(model, model), shade, hover, width=1.3)
    fig.update_yaxes(rangemode="tozero")
    words = "; ".join(f"{NAMES.get(m, m)} {theme.significant(float(daily[m].mean()))}" for m in models)
    alt = f"Mean arbitrage penalty of a day's scenarios from {days[0]} to {days[-1]}; average over days: {words}."
    return theme.base_layout(fig, alt=alt, x_title="Day", y_title="Φ", legend=True)


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
        hover = f"%{{x|%d %b %Y}}: %{{y:.3f}}<extra>{NAMES[model]}</extra>"
        shade = theme.model_colour("volgan") if model == "volgan" else colour(model, dark)
        label = NAMES[model]
        marks.line(fig, days[keep], daily[model].to_numpy()[keep], label, shade, hover, width=1.3, row=row, col=1)
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


LARGE = 0.99
"""Days whose moves exceed this quantile of all are marked, so that it is seen whether low scores find them."""

EXTREME = "#D55E00"
"""Days that the discriminator scores lowest."""

_SCORE = "%{x|%d %b %Y}: %{y:.3f}"


def scores_over_time(daily: pd.DataFrame, *, dark: bool = False) -> go.Figure:
    """Score of every day, in sample and out of sample; marked the days of lowest score and those of the largest moves.

    Args:
        daily: table of the study: ``date, part, volgan, extreme, size``.
        dark: drawn on a dark background.
    """
    score, extreme = daily["volgan"].to_numpy(dtype=np.float64), daily["extreme"].to_numpy(dtype=bool)
    large = (daily["size"] > daily["size"].quantile(LARGE)).to_numpy()
    keep = np.zeros(len(daily), dtype=bool)
    keep[theme.thin(len(daily), theme.MOST_POINTS * 4 // 5, keep=score)] = True
    keep |= extreme | large
    styles = {"train": ("in sample", theme.RAW), "test": ("out of sample", theme.model_colour("volgan"))}
    fig = go.Figure()
    for part, (words, shade) in styles.items():
        there = keep & (daily["part"] == part).to_numpy() & ~extreme
        marks.dots(fig, daily["date"][there], score[there], f"Score, {words}", shade, _SCORE, size=3)
    for part, symbol in (("train", "circle-open"), ("test", "circle")):
        there = keep & (daily["part"] == part).to_numpy() & extreme
        label = f"Lowest scores, {styles[part][0]}"
        marks.dots(fig, daily["date"][there], score[there], label, EXTREME, _SCORE, symbol=symbol)
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
        hover = f"update %{{x:,}}: %{{y:.3g}}<extra>{term}</extra>"
        marks.line(fig, part["update"], part["norm"], term.capitalize(), shade, hover, width=1.5)
        sentences.append(f"{term} {theme.significant(float(part['norm'].iloc[-1]))}")
    fig.update_yaxes(type="log", exponentformat="power")
    alt = f"Gradient norms during matching, last update: {'; '.join(sentences)}."
    return theme.base_layout(fig, alt=alt, x_title="Update", y_title="Norm of the gradient", legend=True)
