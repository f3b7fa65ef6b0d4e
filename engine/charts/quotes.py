"""Quotes beside the surface made from them: smiles with bid–ask bars, residuals, drops, bandwidths, rates, spreads.

The quotes are the data and have the data's colour; the surface is drawn in one colour of its own.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from engine.charts import marks, theme
from engine.charts.surfaces import MATURITY_TITLE, MONEYNESS_TITLE
from engine.market.grid import Floats, maturity_label
from engine.surfaces.nadaraya_watson import PUBLISHED_BANDWIDTH, BandwidthSearch
from engine.surfaces.vix import QuotedVix

SURFACE_COLOUR = "#0878B8"
"""The surface made from the quotes."""

RESIDUAL_STEP = 0.05
"""Width of the moneyness bins of the residual heatmap."""

_MOST_PANELS = 6
_MOST_EXPIRIES = 40
_CALL, _PUT = "circle", "diamond"
_OUTSIDE = "#D55E00"
_VOL_ROOM = 0.2
"""Room above the vols of a smile, as a share of their range."""


def smile_fit(
    smile: pd.DataFrame,
    curve: tuple[Floats, Floats],
    *,
    label: str,
    range_of_grid: tuple[float, float] | None = None,
    dark: bool = False,
) -> go.Figure:
    """One expiry: quotes with their bid and ask vols, and the surface through them.

    Args:
        smile: quotes of the expiry: ``moneyness, iv, iv_bid, iv_ask, is_call, strike``.
        curve: moneyness and vol of the surface along this maturity.
        label: the expiry in words.
        range_of_grid: moneyness beyond which the surface does not go, shaded.
        dark: drawn on a dark background.
    """
    fig = go.Figure()
    for trace in _smile_traces(smile, curve, dark, share=1):
        fig.add_trace(trace)
    if range_of_grid is not None and len(smile):
        lowest, highest = 100 * float(smile["moneyness"].min()), 100 * float(smile["moneyness"].max())
        for start, end in ((lowest, 100 * range_of_grid[0]), (100 * range_of_grid[1], highest)):
            if end > start:
                fig.add_vrect(x0=start, x1=end, fillcolor=theme.GUIDE, opacity=0.3, line_width=0)
    fig.update_xaxes(ticksuffix=" %")
    fig.update_yaxes(range=_vol_range(smile, curve))
    gap = _largest_gap(smile)
    alt = f"Implied vols of {theme.count(len(smile))} quotes expiring {label} and the surface through them; {gap}."
    return theme.base_layout(fig, alt=alt, x_title=MONEYNESS_TITLE, y_title=theme.QUANTITIES["vol"].title, legend=True)


def smile_panels(smiles: Mapping[str, tuple[pd.DataFrame, tuple[Floats, Floats]]], *, dark: bool = False) -> go.Figure:
    """Up to six expiries side by side.

    Args:
        smiles: expiry in words → quotes and curve as :func:`smile_fit` takes them.
        dark: drawn on a dark background.
    """
    shown = list(smiles)[:_MOST_PANELS]
    columns = min(3, len(shown))
    rows = -(-len(shown) // columns)
    fig = make_subplots(rows=rows, cols=columns, subplot_titles=shown, vertical_spacing=0.2, horizontal_spacing=0.06)
    for k, name in enumerate(shown):
        smile, curve = smiles[name]
        row, col = k // columns + 1, k % columns + 1
        for trace in _smile_traces(smile, curve, dark, share=len(shown)):
            fig.add_trace(trace.update(showlegend=k == 0), row=row, col=col)
        fig.update_yaxes(range=_vol_range(smile, curve), row=row, col=col)
    fig.update_xaxes(ticksuffix=" %")
    fig.update_xaxes(title_text=MONEYNESS_TITLE)
    fig.update_yaxes(title_text="Implied vol (%)", col=1)
    total = sum(len(smiles[name][0]) for name in shown)
    alt = f"Quotes and surface of {len(shown)} expiries ({', '.join(shown)}), {theme.count(total)} quotes."
    theme.base_layout(fig, alt=alt, height=600, legend=True)
    return _legend_above_headings(fig)


def residual_heatmap(quotes: pd.DataFrame, *, dark: bool = False, height: int = theme.HEIGHT) -> go.Figure:
    """Quote less surface, median over moneyness bins and expiries, in vol points.

    Args:
        quotes: quotes used: ``moneyness, maturity, residual`` (vol points, NaN outside the grid).
        dark: drawn on a dark background.
        height: pixels.
    """
    table = residual_table(quotes)
    low, high = _robust_bounds(table.to_numpy())
    labels = theme.distinct([maturity_label(float(tau)) for tau in table.columns], table.columns)
    strikes = [f"{100 * m:.0f}–{100 * (m + RESIDUAL_STEP):.0f} %" for m in table.index]
    printed = [["" if np.isnan(x) else f"{x:+.1f}".replace("-", "−") for x in row] for row in table.to_numpy()]
    fig = go.Figure(
        go.Heatmap(
            x=labels,
            y=strikes,
            z=theme.float32(table),
            zmin=low,
            zmax=high,
            colorscale=theme.colour_scale("diverging", dark),
            colorbar={"title": {"text": "vol points"}, "thickness": 12},
            xgap=1,
            ygap=1,
            text=printed,
            texttemplate="%{text}" if len(labels) <= 20 else None,
            textfont={"size": 9},
            hovertemplate="%{y}, %{x}: %{text} vol points<extra></extra>",
            hoverongaps=False,
        )
    )
    fig.update_xaxes(type="category", showgrid=False)
    fig.update_yaxes(type="category", showgrid=False)
    known = quotes["residual"].dropna()
    worst = f"{known.abs().max():.1f}" if len(known) else "none"
    alt = (
        f"Quote less surface in vol points by moneyness and expiry, {theme.count(len(known))} quotes; "
        f"median size {known.abs().median() if len(known) else 0:.2f}, largest {worst}."
    )
    return theme.base_layout(fig, alt=alt, x_title=MATURITY_TITLE, y_title=MONEYNESS_TITLE, height=height)


def residual_table(quotes: pd.DataFrame) -> pd.DataFrame:
    """Median residual by moneyness bin (rows, lower ends) and maturity in years (columns); NaN where there is none."""
    known = quotes[np.isfinite(quotes["residual"])]
    bins = np.floor(known["moneyness"] / RESIDUAL_STEP + 1e-9) * RESIDUAL_STEP
    table = known.assign(bin=bins.round(6)).pivot_table(
        index="bin", columns="maturity", values="residual", aggfunc="median"
    )
    kept: pd.DataFrame = table.iloc[:, theme.thin(table.shape[1], _MOST_EXPIRIES)]
    return kept


def drops_bar(counts: pd.Series, words: Mapping[str, str], used: int, other: int) -> go.Figure:
    """How many quotes make the surface, how many serve otherwise, and how many were dropped for which reason.

    Args:
        counts: reason → quotes dropped.
        words: reason → what a person reads.
        used: quotes that make the surface.
        other: in-the-money quotes.
    """
    names = ["make the surface", "in the money (parity, spreads)", *(words[str(name)] for name in counts.index)]
    values = [used, other, *(int(x) for x in counts)]
    colours = [SURFACE_COLOUR, theme.RAW, *["#D55E00"] * len(counts)]
    fig = go.Figure(
        go.Bar(
            x=values,
            y=names,
            orientation="h",
            marker={"color": colours},
            text=[theme.count(x) for x in values],
            textposition="auto",
            hovertemplate="%{y}: %{x:,} quotes<extra></extra>",
        )
    )
    fig.update_yaxes(autorange="reversed", title_text="What became of them (reason)")
    said = "; ".join(f"{theme.count(x)} {name}" for name, x in zip(names, values, strict=True))
    return theme.base_layout(
        fig, alt=f"What became of the quotes: {said}.", x_title="Quotes (number)", height=260, legend=False
    )


def bandwidth_heatmap(search: BandwidthSearch, *, dark: bool = False) -> go.Figure:
    """Φ of every pair of bandwidths, and the distance to the quotes of every pair, the chosen one marked.

    Args:
        search: the search.
        dark: drawn on a dark background.
    """
    free = search.penalty <= search.penalty.min()
    fig = make_subplots(
        rows=1, cols=2, shared_yaxes=True, horizontal_spacing=0.14, subplot_titles=["Φ", "Distance to the quotes"]
    )
    panels = (
        (search.penalty, "penalty", "Φ %{z:.2g}", "Φ", 0.43),
        (100 * search.error, "sequential", "%{z:.2f} vol points", "vol points", 1.0),
    )
    for col, (values, kind, words, title, place) in enumerate(panels, start=1):
        bounds = theme.colour_bounds(values, kind)  # type: ignore[arg-type]
        every = slice(None, None, col)  # the second panel is smooth: every other pair says as much
        fig.add_heatmap(
            x=theme.float32(search.h2[every]),
            y=theme.float32(search.h1[every]),
            z=theme.float32(values[every, every]),
            zmin=bounds[0],
            zmax=bounds[1],
            colorscale=theme.colour_scale(kind, dark),  # type: ignore[arg-type]
            colorbar={"title": {"text": title}, "thickness": 10, "x": place, "xanchor": "left"},
            hovertemplate=f"h1 %{{y:.3f}}, h2 %{{x:.3f}}: {words}<extra></extra>",
            row=1,
            col=col,
        )
        for name, (h1, h2), symbol in (("chosen", search.best, "x"), ("thesis", PUBLISHED_BANDWIDTH, "circle-open")):
            fig.add_scatter(
                x=[h2],
                y=[h1],
                mode="markers",
                name=f"{name}: h1 {h1:g}, h2 {h2:g}",
                showlegend=col == 1,
                marker={
                    "symbol": symbol,
                    "size": 11,
                    "color": theme.REFERENCE if name == "chosen" else theme.data_colour(dark),
                    "line": {"width": 2},
                },
                hovertemplate=f"{name}: h1 {h1:g}, h2 {h2:g}<extra></extra>",
                row=1,
                col=col,
            )
    fig.update_xaxes(title_text="h2 (variance, years²)", showgrid=False)
    fig.update_yaxes(showgrid=False)
    fig.update_yaxes(title_text="h1 (variance, moneyness²)", col=1)
    alt = (
        f"Arbitrage penalty over {search.penalty.size:,} pairs of bandwidths: least "
        f"{theme.significant(float(search.penalty.min()))} at {int(free.sum()):,} pairs, largest "
        f"{theme.significant(float(search.penalty.max()))}; chosen h1 = {search.best[0]:g}, h2 = {search.best[1]:g}."
    )
    theme.base_layout(fig, alt=alt, legend=True)
    return _legend_above_headings(fig)


def parity_rates(by_expiry: pd.DataFrame, day: float, *, dark: bool = False) -> go.Figure:
    """Rates by expiry: the median of the pairs, and what the line through them says of interest and dividends.

    Args:
        by_expiry: ``maturity, root, rate, discount_rate, dividend_yield`` (per year; NaN where not known).
        day: the day's rate.
        dark: drawn on a dark background.
    """
    series = (
        ("rate", "carry (median of pairs)", theme.data_colour(dark), "circle"),
        ("discount_rate", "discount rate (slope)", SURFACE_COLOUR, "square"),
        ("dividend_yield", "dividend yield (slope less carry)", "#D55E00", "diamond"),
    )
    labels = [f"{maturity_label(float(tau))} {root}" for tau, root in by_expiry[["maturity", "root"]].to_numpy()]
    fig = go.Figure()
    for column, name, colour, symbol in series:
        fig.add_scatter(
            x=theme.float32(365 * by_expiry["maturity"]),
            y=theme.float32(100 * by_expiry[column]),
            mode="markers+lines",
            name=name,
            line={"color": colour, "width": 1},
            marker={"color": colour, "symbol": symbol, "size": 7},
            text=labels,
            hovertemplate=f"%{{text}}: {name} %{{y:.2f}} %<extra></extra>",
        )
    fig.add_hline(y=100 * day, line={"color": theme.REFERENCE, "dash": "dash", "width": 1.5})
    later = by_expiry.loc[by_expiry["maturity"] > 10 / 365, ["rate", "discount_rate", "dividend_yield"]].to_numpy()
    known = 100 * later[np.isfinite(later)]
    if len(known):  # a few days to expiry a tick is worth whole percents a year
        room = 0.15 * (known.max() - known.min()) + 0.2
        fig.update_yaxes(range=[min(known.min(), 100 * day) - room, max(known.max(), 100 * day) + room])
    fig.update_xaxes(type="log")
    alt = f"Rates implied by put–call parity for {len(by_expiry)} expiries; the day's carry is {theme.percent(day, 2)}."
    return theme.base_layout(
        fig, alt=alt, x_title="Time to maturity (days, log scale)", y_title="Rate (% a year)", legend=True
    )


def vix_strikes(found: QuotedVix, *, dark: bool = False) -> go.Figure:
    """What each strike adds to the variance of the near and of the next term.

    Args:
        found: the index and its terms.
        dark: drawn on a dark background.
    """
    fig = go.Figure()
    terms = (("near", found.near, SURFACE_COLOUR), ("next", found.next, "#D55E00"))
    for name, term, colour in terms:
        rows = term.strikes.iloc[theme.thin(len(term.strikes), theme.MOST_POINTS // 2)]
        # a share per strike step depends on the step; per point of strike it is one curve
        density = 1e4 * rows["contribution"] / rows["delta_k"]
        fig.add_scatter(
            x=theme.float32(rows["strike"]),
            y=theme.float32(density),
            mode="lines",
            name=f"{name}: {term.expiry:%d %b %Y} {term.root}, vol {theme.percent(float(np.sqrt(term.variance)))}",
            line={"color": colour, "width": 2},
            hovertemplate=f"{name}, strike %{{x:,.0f}}: %{{y:.3g}} per point<extra></extra>",
        )
    fig.add_vline(x=found.near.k0, line={"color": theme.REFERENCE, "dash": "dash", "width": 1.5})
    alt = (
        f"Contribution of each strike to the variance of the two terms of a VIX of {found.value:.2f}: "
        f"{len(found.near.strikes)} and {len(found.next.strikes)} strikes."
    )
    return theme.base_layout(
        fig, alt=alt, x_title="Strike (index points)", y_title="Variance per point of strike (10⁻⁴)", legend=True
    )


def _legend_above_headings(fig: go.Figure) -> go.Figure:
    """Room for the legend above the headings of the panels."""
    return fig.update_layout(legend_y=1.0 + 44 / fig.layout.height, margin_t=76)


def _smile_traces(smile: pd.DataFrame, curve: tuple[Floats, Floats], dark: bool, share: int) -> list[go.Scatter]:
    colour = theme.data_colour(dark)
    faint = theme.with_alpha(colour, 0.35)
    traces = []
    for is_call, name, symbol in ((False, "puts", _PUT), (True, "calls", _CALL)):
        rows = smile[smile["is_call"] == is_call]
        rows = rows.iloc[theme.thin(len(rows), theme.MOST_POINTS // (4 * share))]
        iv = 100 * rows["iv"]
        traces.append(
            go.Scatter(
                x=theme.float32(100 * rows["moneyness"]),
                y=theme.float32(iv),
                mode="markers",
                name=f"{name}, mid and bid–ask",
                legendgroup=name,
                marker={"color": colour, "symbol": symbol, "size": 5, "opacity": 0.8},
                error_y=marks.interval(
                    iv, 100 * rows["iv_bid"], 100 * rows["iv_ask"], color=faint, thickness=1, width=0
                ),
                customdata=rows["strike"],
                hovertemplate="%{customdata:,.6g} strike, %{x:.1f} %: %{y:.1f} %<extra>" + name + "</extra>",
            )
        )
    outside = smile[~smile["inside"].astype(bool)] if "inside" in smile else smile[:0]
    if len(outside):
        outside = outside.iloc[theme.thin(len(outside), theme.MOST_POINTS // (4 * share))]
        traces.append(
            go.Scatter(
                x=theme.float32(100 * outside["moneyness"]),
                y=theme.float32(100 * outside["iv"]),
                mode="markers",
                name="surface outside bid–ask",
                legendgroup="outside",
                marker={"color": _OUTSIDE, "symbol": "circle-open", "size": 10, "line": {"width": 1.5}},
                hoverinfo="skip",
            )
        )
    m, fitted = curve
    keep = theme.thin(len(m), theme.MOST_POINTS // (4 * share))
    traces.append(
        go.Scatter(
            x=theme.float32(100 * m[keep]),
            y=theme.float32(100 * fitted[keep]),
            mode="lines",
            name="surface",
            legendgroup="surface",
            line={"color": SURFACE_COLOUR, "width": 2.5},
            hovertemplate="surface, %{x:.1f} %: %{y:.1f} %<extra></extra>",
        )
    )
    return traces


def _vol_range(smile: pd.DataFrame, curve: tuple[Floats, Floats]) -> list[float]:
    """Vols of mids and surface with some room: an ask of a worthless option would flatten everything else."""
    values: Floats = 100 * np.concatenate([smile["iv"].to_numpy(dtype=np.float64), curve[1]])
    low, high = float(values.min()), float(values.max())
    room = _VOL_ROOM * max(high - low, 1.0)
    return [max(0.0, low - room), high + room]


def _largest_gap(smile: pd.DataFrame) -> str:
    known = smile["residual"].dropna() if "residual" in smile else pd.Series(dtype=float)
    return f"largest gap {known.abs().max():.1f} vol points" if len(known) else "none lies on the grid"


def _robust_bounds(values: Floats) -> tuple[float, float]:
    """Symmetric bounds at the 95th percentile, so that one wild quote does not bleach the rest."""
    finite = np.abs(values[np.isfinite(values)])
    most = float(np.quantile(finite, 0.95)) if finite.size else 1.0
    return -(most or 1.0), most or 1.0
