"""Scenarios of the next day as pictures: fans, histograms and smiles, raw and reweighted on the same axes.

A fan is the recent history followed by the 50, 80 and 95 % bands of tomorrow; the realised value, where it is known,
is drawn in the data's colour.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import ArrayLike
from plotly.subplots import make_subplots

from engine.charts import marks, theme
from engine.charts.surfaces import MONEYNESS_TITLE, slice_columns
from engine.market.grid import Floats, Grid
from engine.scenarios.reweighting import weighted_quantile

Panels = Mapping[str, tuple[ArrayLike, ArrayLike | None]]
"""Heading ("raw", "reweighted") → values ``(n,)`` of the scenarios and their weights ``(n,)``, None for equal ones."""

COVERAGES = (0.95, 0.80, 0.50)
"""Probabilities of the bands, widest first."""

_QUANTILES = (0.025, 0.10, 0.25, 0.50, 0.75, 0.90, 0.975)
ALPHAS = {False: (0.16, 0.24, 0.30), True: (0.26, 0.28, 0.28)}
"""Opacity of the nested bands on light and on dark."""
_HISTOGRAM_BINS = 60
_MOST_HISTORY = 250


def band_quantiles(values: ArrayLike, weights: ArrayLike | None = None) -> Floats:
    """Ends of the 95, 80 and 50 % bands and the median.

    Args:
        values: ``(n, ...)`` one row a scenario.
        weights: ``(n,)`` summing to one; uniform if not given.

    Returns:
        ``(7, ...)`` quantiles at 2.5, 10, 25, 50, 75, 90 and 97.5 %.
    """
    x = np.asarray(values)
    w = np.ones(len(x)) if weights is None else weights
    return weighted_quantile(x, w, _QUANTILES, axis=0)


def return_fan(
    dates: ArrayLike,
    history: ArrayLike,
    next_date: np.datetime64,
    panels: Panels,
    *,
    realised: float | None = None,
    model: str = "volgan",
    models: Mapping[str, str] | None = None,
    dark: bool = False,
) -> go.Figure:
    """Tomorrow's return after the recent ones, one panel a set of weights, on the same axes.

    Args:
        dates: ``(d,)`` days of the history, the last is today.
        history: ``(d,)`` log-returns that ended on those days.
        next_date: the day forecast.
        panels: name ("raw", "reweighted") → log-returns ``(n,)`` and their weights ``(n,)`` or None.
        realised: the log-return that came about, if known.
        model: registered name, for the colour.
        models: heading → registered name, where panels are of different models.
        dark: drawn on a dark background.
    """
    axis = _FanAxis("Daily log-return (bp)", 1e4, ".0f", "bp", level=False)
    return _fan(dates, history, next_date, panels, axis, realised=realised, model=model, models=models, dark=dark)


def atm_fan(
    dates: ArrayLike,
    history: ArrayLike,
    next_date: np.datetime64,
    panels: Panels,
    *,
    label: str = "ATM 1M",
    realised: float | None = None,
    model: str = "volgan",
    models: Mapping[str, str] | None = None,
    dark: bool = False,
) -> go.Figure:
    """Tomorrow's at-the-money vol after the recent ones; what is not said here is as :func:`return_fan` takes it.

    Args:
        history: ``(d,)`` implied vols of those days, annualised fractions.
        panels: name → implied vols ``(n,)`` and their weights ``(n,)`` or None.
        label: which vol, in market words.
        realised: the vol that came about, if known.
    """
    axis = _FanAxis(f"{label} implied vol (% a year)", 100, ".1f", "%", level=True)
    return _fan(dates, history, next_date, panels, axis, realised=realised, model=model, models=models, dark=dark)


def return_histogram(
    log_return: ArrayLike,
    weights: ArrayLike | None = None,
    *,
    realised: float | None = None,
    model: str = "volgan",
    dark: bool = False,
) -> go.Figure:
    """Distribution of tomorrow's return with its 2.5, 50 and 97.5 % quantiles, raw and reweighted.

    Args:
        log_return: ``(n,)`` log-returns over one day.
        weights: ``(n,)`` weights summing to one; raw only if not given.
        realised: the log-return that came about, if known.
        model: registered name, for the colour.
        dark: drawn on a dark background.
    """
    axis = _FanAxis("Next-day log-return (bp; the end bars hold the tails)", 1e4, ".0f", "bp", level=False)
    return _histogram(log_return, weights, axis, "returns", realised, model, dark)


def atm_histogram(
    vol: ArrayLike,
    weights: ArrayLike | None = None,
    *,
    label: str = "ATM 1M",
    realised: float | None = None,
    model: str = "volgan",
    dark: bool = False,
) -> go.Figure:
    """Distribution of tomorrow's at-the-money vol; what is not said here is as :func:`return_histogram` takes it.

    Args:
        vol: ``(n,)`` implied vols, annualised fractions.
        label: which vol, in market words.
        realised: the vol that came about, if known.
    """
    axis = _FanAxis(f"Next-day {label} vol (% a year; the end bars hold the tails)", 100, ".1f", "%", level=True)
    return _histogram(vol, weights, axis, f"{label} vols", realised, model, dark)


@dataclass(frozen=True)
class _FanAxis:
    """What the vertical axis of a fan shows: title, factor to its unit, digits, unit, and whether today's value is
    where tomorrow's starts from.
    """

    title: str
    factor: float
    digits: str
    unit: str
    level: bool


def _fan(
    dates: ArrayLike,
    history: ArrayLike,
    next_date: np.datetime64,
    panels: Panels,
    axis: _FanAxis,
    *,
    realised: float | None,
    model: str,
    models: Mapping[str, str] | None,
    dark: bool,
) -> go.Figure:
    """Both fans. Days are evenly spaced and labelled by date; the bands stand at the next day, wide enough to read."""
    days = np.asarray(dates, dtype="datetime64[D]")[-_MOST_HISTORY:]
    past = axis.factor * np.asarray(history, dtype=np.float64)[-_MOST_HISTORY:]
    x = np.arange(1 - len(days), 1)
    width = max(2.0, 0.05 * len(days))
    left = width if axis.level else 0.5  # a fan needs room to open
    right = left + width
    words = [_day(day) for day in days]
    tomorrow = _day(next_date)
    line = {"color": theme.data_colour(dark), "width": 1.5}
    titles = [f"{name[:1].upper()}{name[1:]}" for name in panels]
    fig = make_subplots(rows=1, cols=len(panels), shared_yaxes=True, subplot_titles=titles, horizontal_spacing=0.03)
    sentences = []
    for column, (name, (values, weights)) in enumerate(panels.items(), start=1):
        place = {"row": 1, "col": column}
        own = theme.model_colour((models or {}).get(name, model))
        colour = theme.RAW if weights is None and models is None and len(panels) > 1 else own
        quantiles = axis.factor * band_quantiles(values, weights)  # (7,)
        sentences.append(f"{name} {_band_words(quantiles, axis)}")
        fig.add_scatter(
            x=x,
            y=theme.float32(past),
            mode="lines",
            line=line,
            name="history",
            legendgroup="history",
            showlegend=column == 1,
            customdata=words,
            hovertemplate=f"%{{customdata}}: %{{y:{axis.digits}}} {axis.unit}<extra></extra>",
            **place,
        )
        for k, (coverage, alpha) in enumerate(zip(COVERAGES, ALPHAS[dark], strict=True)):
            low, high = float(quantiles[k]), float(quantiles[-1 - k])
            corners = [(left, low), (right, low), (right, high), (left, high)]
            if axis.level:  # the fan opens from today's value
                corners.append((0.0, float(past[-1])))
            fig.add_scatter(
                x=[corner[0] for corner in corners],
                y=theme.float32([corner[1] for corner in corners]),
                fill="toself",
                fillcolor=theme.with_alpha(colour, alpha),
                mode="lines",
                line={"width": 0},
                name=f"{100 * coverage:.0f} % band",
                legendgroup=f"band {k}",
                showlegend=column == len(panels),
                hoveron="fills",
                text=f"{100 * coverage:.0f} %: {low:{axis.digits}} … {high:{axis.digits}} {axis.unit}",
                hoverinfo="text",
                **place,
            )
        levels = [("median", float(quantiles[3]), {"color": colour, "width": 2})]
        if realised is not None:
            levels.append(("realised", axis.factor * realised, {"color": theme.data_colour(dark), "width": 3}))
        for mark, value, style in levels:
            fig.add_scatter(
                x=[left, right],
                y=[value, value],
                mode="lines",
                line=style,
                name=mark,
                legendgroup=mark,
                showlegend=column == len(panels),
                hovertemplate=f"{mark}, {tomorrow}: {value:{axis.digits}} {axis.unit}<extra></extra>",
                **place,
            )
    step = max(1, len(days) // 3)
    ticks = [*range(1 - len(days) + step // 3, -step // 3, step), (left + right) / 2]
    labels = [words[position + len(days) - 1].rsplit(" ", 1)[0] for position in ticks[:-1]]
    fig.update_xaxes(tickvals=ticks, ticktext=[*labels, f"<b>{tomorrow.rsplit(' ', 1)[0]}</b>"], showgrid=False)
    fig.update_xaxes(title_text=f"Trading day, to {tomorrow}", range=[-len(days), right + 1])
    fig.update_yaxes(title_text=axis.title, col=1)
    known = (
        f" Realised {theme.signed(axis.factor * realised, axis.digits)} {axis.unit}." if realised is not None else ""
    )
    alt = f"{axis.title.split(' (')[0]} forecast for {tomorrow}: {'; '.join(sentences)}.{known}"
    return theme.base_layout(fig, alt=alt, legend=True).update_layout(legend={"y": 1.1}, margin={"t": 72})


def _histogram(
    values: ArrayLike,
    weights: ArrayLike | None,
    axis: _FanAxis,
    what: str,
    realised: float | None,
    model: str,
    dark: bool,
) -> go.Figure:
    """Raw and reweighted bars over each other, their quantiles as lines."""
    x = axis.factor * np.asarray(values, dtype=np.float64)
    low, high = np.quantile(x, [0.001, 0.999])
    edges = np.linspace(low, high if high > low else low + 1.0, _HISTOGRAM_BINS + 1)
    fig = go.Figure()
    sentences = []
    for name, w, colour in marks.raw_and_reweighted(x.size, weights, model):
        quantiles = band_quantiles(x, w)
        sentences.append(f"{name} {_band_words(quantiles, axis)}")
        label, near = f"{name}: {_band_words(quantiles, axis).split(',')[0]}", f"%{{x:{axis.digits}}} {axis.unit}"
        marks.histogram(fig, x, w, edges, label, f"{name}, near {near}: %{{y:.1f}} %", (colour, 0.5, 0.5))
        for k, dash in ((0, "dash"), (3, "solid"), (6, "dash")):
            fig.add_vline(x=float(quantiles[k]), line={"color": colour, "width": 1.5, "dash": dash})
    if realised is not None:
        came = axis.factor * realised
        sentences.append(f"realised {theme.signed(came, axis.digits)} {axis.unit}")
        marks.known(fig, came, "realised", {"color": theme.data_colour(dark), "width": 2.5})
    fig.update_layout(barmode="overlay", bargap=0)
    alt = f"Histogram of {theme.count(x.size)} simulated next-day {what}: {'; '.join(sentences)}."
    return theme.base_layout(fig, alt=alt, x_title=axis.title, y_title="Share of scenarios (%)", legend=True)


def _band_words(quantiles: Floats, axis: _FanAxis) -> str:
    low, middle, high = (theme.signed(float(quantiles[k]), axis.digits) for k in (0, 3, 6))
    return f"95 % band {low} … {high} {axis.unit}, median {middle} {axis.unit}"


def _day(day: np.datetime64) -> str:
    return pd.Timestamp(day).strftime("%d %b %Y").lstrip("0")


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
    theme.base_layout(fig, alt=alt, legend=True)
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
