"""How surfaces move: spectrum, eigen-surfaces, factor processes and their memory, the index beside them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import ArrayLike
from plotly.subplots import make_subplots

from engine.charts import marks, theme
from engine.charts.surfaces import MATURITY_TITLE, MONEYNESS_TITLE, heatmap_trace, thinned
from engine.market.grid import DT, Floats
from engine.surfaces.dynamics import Autocorrelation, VolComparison
from engine.surfaces.ornstein_uhlenbeck import OrnsteinUhlenbeck
from engine.surfaces.principal_components import PrincipalComponents

DAY_TITLE = "Trading day"
SHOWN = 12
"""Eigenvalues drawn; the others lie below them."""

_LEAST_EIGENVALUE = 1e-3
_LEAST_ACF = 0.01


def explained_shares(
    shares: ArrayLike,
    interval: ArrayLike,
    published: ArrayLike | None = None,
    names: Sequence[str] | None = None,
    *,
    dark: bool = False,
) -> go.Figure:
    """Share of the variance of daily changes along each component, with its interval and the published figure.

    Args:
        shares: ``(k,)`` fractions.
        interval: ``(2, k)`` ends of 95 % intervals.
        published: ``(k,)`` published fractions, NaN where there is none.
        names: market word of each component.
        dark: drawn on a dark background.
    """
    ours, (low, high) = 100 * np.asarray(shares), 100 * np.asarray(interval)
    labels = [f"PC{k + 1}" + (f"<br>{names[k]}" if names else "") for k in range(len(ours))]
    fig = go.Figure(
        go.Bar(
            x=labels,
            y=theme.float32(ours),
            name="these data, 95 % bootstrap interval",
            marker_color=theme.series_colour(0),
            # the interval need not contain the estimate: leading eigenvalues of a resample are too high
            error_y=marks.interval(ours, low, high, color=theme.data_colour(dark)),
            hovertemplate="%{x}: %{y:.2f} %<extra></extra>",
        )
    )
    if published is not None:
        hover = "published %{y:.2f} %"
        shade = theme.REFERENCE
        label = "published, SPX 2000–2021"
        marks.dots(fig, labels, 100 * np.asarray(published), label, shade, hover, symbol="diamond", size=10)
    words = ", ".join(f"PC{k + 1} {x:.1f} %" for k, x in enumerate(ours))
    alt = f"Share of the variance of daily changes explained: {words}."
    return theme.base_layout(
        fig, alt=alt, x_title="Principal component (covariance)", y_title="Share of variance (%)", legend=True
    )


def correlation_spectrum(eigenvalues: ArrayLike, edge: float, *, dark: bool = False) -> go.Figure:
    """The largest eigenvalues of the correlation matrix on a logarithmic axis, and where noise ends (figure 2.2).

    Args:
        eigenvalues: ``(N,)`` descending.
        edge: Marčenko–Pastur edge λ+.
        dark: drawn on a dark background.
    """
    values = np.asarray(eigenvalues, dtype=np.float64)
    shown = values[:SHOWN]
    above = int((values > edge).sum())
    order = np.arange(1, len(shown) + 1)
    fig = go.Figure()
    for name, which, colour in (
        ("above the edge", shown > edge, theme.series_colour(0)),
        ("within noise", shown <= edge, theme.RAW),
    ):
        height, exact = np.maximum(shown[which], _LEAST_EIGENVALUE), theme.float32(shown[which])
        hover = "eigenvalue %{x}: %{customdata:.3g}"
        marks.dots(fig, order[which], height, name, colour, hover, size=10, customdata=exact)
    _level(fig, (0.5, len(shown) + 0.5), edge, f"Marčenko–Pastur edge λ+ = {edge:.2f}")
    fig.update_yaxes(type="log", dtick=1)
    fig.update_xaxes(dtick=1)
    alt = (
        f"Eigenvalues of the correlation matrix: {above} of {len(values)} above the edge of noise at {edge:.2f}, "
        f"largest {values[0]:.1f}."
    )
    return theme.base_layout(
        fig, alt=alt, x_title="Eigenvalue number (correlation matrix)", y_title="Eigenvalue (log scale)", legend=True
    )


def eigen_surfaces(components: PrincipalComponents, *, dark: bool = False) -> go.Figure:
    """The eigen-surfaces f_i as heatmaps on one diverging scale (figure 2.3).

    Args:
        components: the fit.
        dark: drawn on a dark background.
    """
    vectors, names, k = components.vectors, components.names, len(components.vectors)
    rows, columns = (k + 1) // 2, min(2, k)
    panels: list[dict[str, Any] | None] = [{}] * k + [None] * (rows * columns - k)
    shares = components.explained
    fig = make_subplots(
        rows=rows,
        cols=columns,
        specs=[panels[columns * row : columns * (row + 1)] for row in range(rows)],
        shared_yaxes=True,
        subplot_titles=[f"PC{i + 1} · {names[i]} · {theme.percent(float(shares[i]))}" for i in range(k)],
        horizontal_spacing=0.04,
        vertical_spacing=0.34 / rows,
    )
    bounds = theme.colour_bounds(vectors, "diverging")
    for i in range(k):
        values, panel = thinned(vectors[i], components.grid, theme.MOST_POINTS // k)
        trace = heatmap_trace(values, panel, "loading", dark=dark, bounds=bounds, show_scale=i == 0, text_size=9)
        fig.add_trace(trace, row=i // 2 + 1, col=i % 2 + 1)
    fig.update_layout(plot_bgcolor=theme.GUIDE)  # shows through the gaps between cells
    fig.update_xaxes(title_text=MATURITY_TITLE, type="category", showgrid=False)
    fig.update_yaxes(type="category", showgrid=False)
    fig.update_yaxes(title_text=MONEYNESS_TITLE, col=1)
    words = "; ".join(f"PC{i + 1} {names[i]}, {theme.percent(float(shares[i]))} of the variance" for i in range(k))
    return theme.base_layout(fig, alt=f"Eigen-surfaces: {words}.", height=720)


def factor_processes(dates: ArrayLike, factors: Floats, names: Sequence[str], *, dark: bool = False) -> go.Figure:
    """The factor processes X^i one above the other (figure 2.4).

    Args:
        dates: ``(n,)`` days.
        factors: ``(n, k)``.
        names: market word of each.
        dark: drawn on a dark background.
    """
    days, k = np.asarray(dates), factors.shape[1]
    titles = [f"X{_superscript(i + 1)} · {names[i]}" for i in range(k)]
    fig = make_subplots(rows=k, cols=1, shared_xaxes=True, subplot_titles=titles, vertical_spacing=0.24 / k)
    for i in range(k):
        keep = theme.thin(len(days), theme.MOST_POINTS // k, keep=factors[:, i])
        hover = "%{x|%d %b %Y}: %{y:.2f}"
        shade = theme.data_colour(dark)
        marks.line(fig, days[keep], factors[keep, i], names[i], shade, hover, width=1, row=i + 1, col=1)
    fig.update_xaxes(title_text=DAY_TITLE, row=k, col=1)
    fig.update_yaxes(title_text="X (log vol)")
    ends = "; ".join(f"{names[i]} from {factors[:, i].min():.2f} to {factors[:, i].max():.2f}" for i in range(k))
    alt = f"Factor processes from {days[0]} to {days[-1]}: {ends}."
    return theme.base_layout(fig, alt=alt.replace("-0.00", "0.00"), height=560, legend=False)


def autocorrelations(
    found: Autocorrelation,
    fit: OrnsteinUhlenbeck | None = None,
    *,
    dark: bool = False,
) -> go.Figure:
    """Autocorrelation on a log axis, where an Ornstein–Uhlenbeck process is a straight line (figure 2.5, above).

    Args:
        found: the series' autocorrelations.
        fit: the fitted process, whose e^{−λτ} is drawn beside.
        dark: drawn on a dark background.
    """
    fig = go.Figure()
    shown = found.acf > _LEAST_ACF
    marks.line(fig, found.lag[shown], found.acf[shown], "these data", theme.data_colour(dark), "lag %{x:.0f}: %{y:.3f}")
    words = ""
    if fit is not None:
        line = fit.autocorrelation(found.lag * DT)
        drawn = line > _LEAST_ACF
        hover = "fitted %{y:.3f}"
        shade = theme.model_colour("factor_model")
        label = f"exp(−λτ), λ = {fit.mean_reversion:.2f} a year"
        marks.line(fig, found.lag[drawn], line[drawn], label, shade, hover, dash="dash")
        words = f"; fitted decay {fit.mean_reversion:.2f} a year"
    _level(fig, (0, found.lag[-1]), found.band, "95 % limit for independent values")
    fig.update_yaxes(type="log")
    month = min(21, len(found.acf) - 1)
    alt = (
        f"Autocorrelation on a log axis: {found.acf[1]:.3f} after one day, {found.acf[month]:.2f} after {month} "
        f"days{words}."
    )
    return theme.base_layout(
        fig, alt=alt, x_title="Lag (trading days)", y_title="Autocorrelation (log scale)", legend=True
    )


def partial_autocorrelations(found: Autocorrelation, *, dark: bool = False) -> go.Figure:
    """Partial autocorrelation: after the first lag nothing should be left (figure 2.5, below).

    Args:
        found: the series' autocorrelations.
        dark: drawn on a dark background.
    """
    lags, values = found.partial_lag[1:], found.pacf[1:]
    beyond = int((np.abs(values[1:]) > found.band).sum())
    fig = go.Figure(
        go.Bar(
            x=lags,
            y=theme.float32(values),
            name="these data",
            marker_color=theme.data_colour(dark),
            width=0.35,
            hovertemplate="lag %{x:.0f}: %{y:.3f}<extra></extra>",
        )
    )
    _level(fig, (0.5, lags[-1] + 0.5), found.band, "95 % limits for independent values")
    _level(fig, (0.5, lags[-1] + 0.5), -found.band)
    alt = (
        f"Partial autocorrelation: {values[0]:.3f} at lag 1; {beyond} of the {len(values) - 1} later lags outside "
        f"±{found.band:.3f}."
    )
    return theme.base_layout(
        fig, alt=alt, x_title="Lag (trading days)", y_title="Partial autocorrelation (−1 to 1)", legend=True
    )


def rolling_correlations(
    dates: ArrayLike,
    rolling: Floats,
    names: Sequence[str],
    long_term: ArrayLike | None = None,
    *,
    window: int,
) -> go.Figure:
    """Correlation of returns with the change of each factor over a moving window; dotted: over the whole sample.

    Args:
        dates: ``(n,)`` the day on which each window ends.
        rolling: ``(k, n)``, NaN before the first window is full.
        names: market word of each factor.
        long_term: ``(k,)`` correlation over the whole sample.
        window: days in a window.
    """
    days = np.asarray(dates)
    fig = go.Figure()
    words = []
    for i, series in enumerate(rolling):
        known = np.flatnonzero(np.isfinite(series))
        if len(known) == 0:
            continue
        keep = known[theme.thin(len(known), theme.MOST_POINTS // (len(rolling) + 1), keep=series[known])]
        colour = theme.series_colour(i)
        hover = "%{x|%d %b %Y}: %{y:.1f} %"
        marks.line(fig, days[keep], 100 * series[keep], f"ΔX{_superscript(i + 1)} {names[i]}", colour, hover, width=1.5)
        if long_term is not None and np.isfinite(np.asarray(long_term)[i]):
            level = 100 * float(np.asarray(long_term)[i])
            _level(fig, (days[keep[0]], days[keep[-1]]), level, colour=colour)
        words.append(f"{names[i]} {100 * series[known].min():.0f} to {100 * series[known].max():.0f} %")
    text = "; ".join(words) or "none, the sample is shorter than the window"
    alt = f"Correlation of returns with factor changes over {window} days: {text}."
    return theme.base_layout(
        fig, alt=alt, x_title=DAY_TITLE, y_title=f"Correlation over {window} days (%)", legend=True
    )


def vol_lines(dates: ArrayLike, vols: VolComparison, *, dark: bool = False) -> go.Figure:
    """Realised vol, at-the-money implied vol and the volatility index on each of ``dates`` (figure 2.7, above)."""
    series = {"realised, 21 days": vols.realised, vols.atm_label: vols.atm}
    if vols.vix is not None:
        series["VIX"] = vols.vix
    colours = (theme.data_colour(dark), theme.series_colour(0), theme.series_colour(3))
    return _over_time(dates, series, colours, 100, "Vol (% a year)", "Vols", ".1f")


def vol_ratios(dates: ArrayLike, vols: VolComparison) -> go.Figure:
    """The ratios of the three vols on each of ``dates`` (figure 2.7, below)."""
    colours = [theme.series_colour(i) for i in (0, 3, 5)]
    return _over_time(dates, dict(vols.ratios), colours, 1, "Ratio (1 = equal)", "Ratios of vols", ".2f")


def _over_time(
    dates: ArrayLike,
    series: dict[str, Floats],
    colours: Sequence[str],
    factor: float,
    y_title: str,
    what: str,
    digits: str,
) -> go.Figure:
    days = np.asarray(dates)
    fig = go.Figure()
    words = []
    for (name, values), colour in zip(series.items(), colours, strict=False):
        known = np.flatnonzero(np.isfinite(values))
        if len(known) == 0:
            continue
        keep = known[theme.thin(len(known), theme.MOST_POINTS // len(series), keep=values[known])]
        hover = f"%{{x|%d %b %Y}} {name}: %{{y:{digits}}}"
        marks.line(fig, days[keep], factor * values[keep], name, colour, hover, width=1)
        words.append(f"{name} {factor * values[known].mean():{digits}} on average")
    alt = f"{what} from {days[0]} to {days[-1]}: {'; '.join(words)}."
    return theme.base_layout(fig, alt=alt, x_title=DAY_TITLE, y_title=y_title, legend=True)


def _level(fig: go.Figure, ends: tuple[Any, Any], y: float, name: str = "", colour: str = theme.REFERENCE) -> None:
    """A dotted horizontal line between two x; in the legend if it has a name."""
    fig.add_scatter(
        x=list(ends),
        y=[y, y],
        mode="lines",
        name=name,
        showlegend=bool(name),
        line={"color": colour, "dash": "dot", "width": 1.5},
        hoverinfo="skip",
    )


def _superscript(number: int) -> str:
    return str(number).translate(str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹"))
