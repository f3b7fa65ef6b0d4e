"""Static arbitrage as pictures: where it is, how much, through time, under shifts and noise, and reweighted."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import plotly.graph_objects as go
from numpy.typing import ArrayLike
from plotly.subplots import make_subplots

from engine.charts import marks, theme
from engine.charts.surfaces import MATURITY_TITLE, MONEYNESS_TITLE, heatmap_trace, thinned
from engine.market.grid import Floats, Grid
from engine.surfaces.arbitrage_report import KINDS, Decomposition

NAMES = {"calendar": "Calendar P1", "call_spread": "Call spread P2", "butterfly": "Butterfly P3"}
"""Names of the three constraints as every page writes them."""

COLOURS = {"calendar": "#0878B8", "call_spread": "#A8762A", "butterfly": "#D55E00"}


def phi_history(dates: ArrayLike, found: Decomposition, *, row: int | None = None, dark: bool = False) -> go.Figure:
    """Φ of every day, stacked by constraint; days without arbitrage are zero (figure 2.10).

    Args:
        dates: ``(n,)`` days.
        found: their decomposition.
        row: a day to mark.
        dark: drawn on a dark background.
    """
    days = np.asarray(dates)
    peak = int(found.total.argmax())
    keep = theme.thin(len(days), theme.MOST_POINTS // 3, keep=found.total)
    fig = go.Figure()
    for k, kind in enumerate(KINDS):
        fig.add_scatter(
            x=days[keep],
            y=theme.float32(found.by_kind[keep, k]),
            name=NAMES[kind],
            stackgroup="penalty",
            line={"width": 0.5, "color": COLOURS[kind]},
            hovertemplate="%{x|%d %b %Y}<br>" + NAMES[kind] + " %{y:.2g}<extra></extra>",
        )
    if row is not None:
        fig.add_scatter(
            x=[days[row]],
            y=[float(found.total[row])],
            mode="markers",
            name="chosen day",
            marker={"color": theme.data_colour(dark), "symbol": "diamond", "size": 9},
        )
    fig.update_yaxes(rangemode="nonnegative")
    if found.total[peak] == 0:  # plotly would draw an axis from −1 to 1 around the line of zeros
        fig.update_yaxes(range=[0, 1])
    free = theme.percent(float((found.total == 0).mean()))
    alt = (
        f"Arbitrage penalty from {days[0]} to {days[-1]}: {free} of days free, "
        f"largest {theme.significant(float(found.total[peak]))} on {days[peak]}."
    )
    return theme.base_layout(fig, alt=alt, x_title="Day", y_title="Φ (fraction of spot)", legend=True)


def shift_curve(shifts: Floats, found: Decomposition) -> go.Figure:
    """Penalty against the size of a parallel shift, by constraint (figure 2.9).

    Args:
        shifts: ``(n,)`` shifts of every vol, decimals.
        found: the decomposition of the shifted surfaces.
    """
    fig = go.Figure()
    for k, kind in enumerate(KINDS):
        fig.add_scatter(
            x=theme.float32(100 * shifts),
            y=theme.float32(found.by_kind[:, k]),
            name=NAMES[kind],
            mode="lines",
            line={"color": COLOURS[kind], "width": 2},
        )
    fig.update_yaxes(rangemode="nonnegative")
    if not found.total.any():
        fig.update_yaxes(range=[0, 1])
    broken = shifts[(found.total > 0) & (shifts > 0)]
    first = f"first violated at +{100 * broken[0]:.1f} vol points" if len(broken) else "no upward shift violates it"
    alt = f"Penalty of one surface under parallel shifts: {first}."
    return theme.base_layout(
        fig, alt=alt, x_title="Parallel shift (vol points)", y_title="Penalty (fraction of spot)", legend=True
    )


_BINS = 40
_CURVE_POINTS = 500
_LEAST_PRINTED = 0.01
"""In panels, cells below this share of the largest value show it on hover only: there is no room for more digits."""

NEGLIGIBLE = 1e-12
"""A penalty below this is drawn and said as none: far below a cent on any notional, and close to rounding."""

_BETA_ZERO = 0.1
"""Where β = 0 is drawn on a logarithmic axis; the tick says 0."""


def penalty_panels(
    matrices: Mapping[str, ArrayLike],
    grid: Grid,
    worst: Mapping[str, str] | None = None,
    *,
    top: float | None = None,
    dark: bool = False,
) -> go.Figure:
    """Penalty matrices side by side on one colour scale, the worst cell of each framed.

    Args:
        matrices: name → ``(n_moneyness, n_maturity)`` penalties ≥ 0, in the order drawn.
        grid: their grid.
        worst: name → the worst cell in words; a matrix of no more than ``NEGLIGIBLE`` says "none" whatever is given.
        top: end of the colour scale, to compare with other panels (matrices under other weights go white as their
            penalties vanish); by default the largest penalty shown.
        dark: drawn on a dark background.
    """
    kept = {
        name: thinned(np.asarray(m, dtype=np.float64), grid, theme.MOST_POINTS // len(matrices))
        for name, m in matrices.items()
    }
    most = top if top is not None else max(float(np.nanmax(values)) for values, _ in kept.values())
    headings, sentences = [], []
    for name, (values, _) in kept.items():
        peak = float(np.nanmax(values))
        words = (worst or {}).get(name)
        if peak > NEGLIGIBLE:
            headings.append(f"{name} · worst {theme.significant(peak)}")
            sentences.append(f"{name} {theme.significant(peak)}" + (f" ({words})" if words else ""))
        else:
            headings.append(f"{name} · none")
            sentences.append(f"{name} none")
    fig = make_subplots(rows=1, cols=len(kept), shared_yaxes=True, subplot_titles=headings, horizontal_spacing=0.03)
    for column, (values, panel) in enumerate(kept.values(), start=1):
        last = column == len(kept)
        size = 10 if len(kept) == 1 or panel.shape[1] <= 6 else 8
        bounds = theme.colour_bounds([0.0, most], "penalty")
        trace = heatmap_trace(
            values,
            panel,
            "penalty",
            dark=dark,
            bounds=bounds,
            show_scale=last,
            text_size=size,
            least_printed=_LEAST_PRINTED * most if len(kept) > 1 else 0.0,
        )
        fig.add_trace(trace, row=1, col=column)
        columns, rows = panel.shape[1], panel.shape[0]
        fig.update_xaxes(range=[-0.5, columns - 0.5], row=1, col=column)
        fig.update_yaxes(range=[-0.5, rows - 0.5], row=1, col=column)
        if np.nanmax(values) > NEGLIGIBLE:
            _frame_worst(fig, values, trace, column, bounds[1], dark, size)
    fig.update_layout(plot_bgcolor=theme.GUIDE)  # shows through the gaps between cells
    fig.update_xaxes(title_text=MATURITY_TITLE, type="category", showgrid=False)
    fig.update_yaxes(type="category", showgrid=False)
    fig.update_yaxes(title_text=MONEYNESS_TITLE, col=1)
    return theme.base_layout(fig, alt=f"Worst cell of each arbitrage penalty: {'; '.join(sentences)}.")


def phi_histogram(
    phi: ArrayLike,
    weights: ArrayLike | None = None,
    *,
    model: str = "volgan",
    data_phi: float | None = None,
    dark: bool = False,
) -> go.Figure:
    """Φ of the scenarios, raw and reweighted, with the data's own Φ as a line.

    Args:
        phi: ``(n,)`` total penalty of each scenario.
        weights: ``(n,)`` weights summing to one; raw only if not given.
        model: registered name, for the colour.
        data_phi: Φ of today's surface as quoted.
        dark: drawn on a dark background.
    """
    penalty = np.asarray(phi, dtype=np.float64)
    top = float(np.quantile(penalty, 0.995)) or float(penalty.max()) or 1.0
    top = max(top, 1.1 * data_phi) if data_phi is not None and np.isfinite(data_phi) else top
    edges = np.linspace(0, top, _BINS + 1)
    fig = go.Figure()
    means = []
    for name, w, colour in marks.raw_and_reweighted(penalty.size, weights, model):
        means.append(f"{name} mean {theme.significant(float(w @ penalty))}")
        hover = f"{name}, Φ near %{{x:.2g}}: %{{y:.1f}} %"
        marks.histogram(fig, penalty, w, edges, means[-1], hover, (colour, 0.55, 1))
    if data_phi is not None and np.isfinite(data_phi):
        means.append(f"data {theme.significant(data_phi)}")
        marks.known(fig, data_phi, means[-1], {"color": theme.data_colour(dark), "width": 2})
    fig.update_layout(barmode="overlay", bargap=0)
    fig.update_xaxes(range=[-0.01 * top, 1.01 * top])
    return theme.base_layout(
        fig,
        alt=f"Histogram of the total arbitrage penalty Φ of {theme.count(penalty.size)} scenarios: {'; '.join(means)}.",
        x_title="Φ, total penalty (no unit; the last bar holds all beyond)",
        y_title="Share of scenarios (%)",
        legend=True,
    )


def weight_concentration(weights: ArrayLike, *, model: str = "volgan", dark: bool = False) -> go.Figure:
    """How few scenarios carry the weight: share of weight held by the heaviest scenarios.

    Args:
        weights: ``(n,)`` weights summing to one.
        model: registered name, for the colour.
        dark: drawn on a dark background.
    """
    heaviest = np.sort(np.asarray(weights, dtype=np.float64))[::-1]
    n = len(heaviest)
    held = np.concatenate([[0.0], np.cumsum(heaviest)])
    ranks = np.unique(np.geomspace(1, n, min(n, _CURVE_POINTS)).round().astype(int))
    tenth = float(held[max(1, n // 10)])
    fig = go.Figure()
    marks.line(fig, theme.float32(100 * ranks / n), 100 * ranks / n, "equal weights", theme.RAW, dash="dash")
    hover = "heaviest %{x:.3g} % hold %{y:.1f} % of the weight"
    marks.line(fig, theme.float32(100 * ranks / n), 100 * held[ranks], "reweighted", theme.model_colour(model), hover)
    powers = [10.0**k for k in range(-6, 3) if 10.0**k >= 99 / n]
    fig.update_xaxes(type="log", tickvals=powers, ticktext=[f"{share:g} %" for share in powers])
    fig.update_yaxes(ticksuffix=" %", range=[0, 102])
    alt = (
        f"The heaviest tenth of {theme.count(n)} scenarios holds {theme.percent(tenth)} of the weight, "
        f"the single heaviest {theme.percent(float(held[1]), 2)}."
    )
    return theme.base_layout(
        fig, alt=alt, x_title="Heaviest scenarios (% of all, log scale)", y_title="Weight they hold (%)", legend=True
    )


def reweighting_curves(
    beta: ArrayLike,
    relative_entropy: ArrayLike,
    effective_sample_size: ArrayLike,
    *,
    n: int,
    current: float,
    model: str = "volgan",
    dark: bool = False,
    height: int = theme.HEIGHT,
) -> go.Figure:
    """What β costs: effective sample size and distance from the raw law, with the β in use marked.

    Args:
        beta: ``(k,)`` increasing, ≥ 0; zero is drawn at the left end.
        relative_entropy: ``(k,)`` KL(w ‖ uniform) in nats.
        effective_sample_size: ``(k,)`` 1/Σw².
        n: number of scenarios.
        current: the β in use.
        model: registered name, for the colour.
        dark: drawn on a dark background.
        height: pixels.
    """
    betas = np.asarray(beta, dtype=np.float64)
    kl, ess = np.asarray(relative_entropy, dtype=np.float64), np.asarray(effective_sample_size, dtype=np.float64)
    x = np.where(betas > 0, betas, _BETA_ZERO)
    chosen = theme.thin(len(x), _CURVE_POINTS)
    position = np.log10(max(current, _BETA_ZERO))
    fig = make_subplots(rows=2, cols=1, shared_xaxes=True, vertical_spacing=0.08)
    colour = theme.model_colour(model)
    panels = (
        (ess, "%{y:,.0f} scenarios", "ESS (scenarios)"),
        (kl, "KL %{y:.2g} nats", "KL to raw (nats)"),
    )
    for row, (values, words, y_title) in enumerate(panels, start=1):
        here = float(np.interp(position, np.log10(x), values))
        marks.line(fig, x[chosen], values[chosen], None, colour, f"β %{{x:.2g}}: {words}", row=row, col=1)
        fig.add_scatter(
            x=[10.0**position],
            y=[here],
            mode="markers",
            marker={"color": theme.REFERENCE, "size": 10, "line": {"color": theme.data_colour(dark), "width": 1}},
            hovertemplate=f"β in use: {words}<extra></extra>",
            row=row,
            col=1,
        )
        fig.add_vline(x=10.0**position, line={"color": theme.REFERENCE, "dash": "dash", "width": 1.5}, row=row, col=1)
        fig.update_yaxes(title_text=y_title, rangemode="tozero", tickformat=",", row=row, col=1)
    powers = [power for power in range(0, 31, 3) if 10.0**power <= x.max() * 1.001]
    tickvals = [_BETA_ZERO, *(10.0**power for power in powers)]
    labels = ["0", *(theme.power_of_ten(power) if power else "1" for power in powers)]
    ends = [np.log10(x.min()) - 0.3, np.log10(x.max()) + 0.3]
    fig.update_xaxes(type="log", tickvals=tickvals, ticktext=labels, range=ends)
    fig.update_xaxes(title_text="β (log scale)", row=2, col=1)
    kl_here, ess_here = (float(np.interp(position, np.log10(x), v)) for v in (kl, ess))
    alt = (
        f"At β = {theme.significant(current)} the effective sample size is {theme.count(ess_here)} of "
        f"{theme.count(n)} and the KL divergence from equal weights {theme.significant(kl_here)} nats."
    )
    return theme.base_layout(fig, alt=alt, height=height, legend=False)


def _frame_worst(
    fig: go.Figure, values: Floats, trace: go.Heatmap, column: int, top: float, dark: bool, size: int
) -> None:
    """A frame around the worst cell, and its value in bold instead of the printed one."""
    i, j = np.unravel_index(int(np.nanargmax(values)), values.shape)
    row, col = int(i), int(j)
    fig.add_shape(
        type="rect",
        x0=col - 0.5,
        x1=col + 0.5,
        y0=row - 0.5,
        y1=row + 0.5,
        line={"color": theme.data_colour(dark), "width": 2.5},
        row=1,
        col=column,
    )
    text = [list(cells) for cells in trace.text] if trace.text is not None else None
    if text is not None:
        text[row][col] = ""
        fig.data[-1].text = text
    peak = float(values[row, col])
    fig.add_annotation(
        x=trace.x[col],
        y=trace.y[row],
        text=f"<b>{theme.significant(peak)}</b>",
        font={"size": size, "color": theme.text_on(theme.colour_at(peak / top, "penalty", dark))},
        showarrow=False,
        name="worst",
        row=1,
        col=column,
    )
