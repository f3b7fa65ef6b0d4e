"""Factor models as pictures: weighted fans of paths, long scenarios, and the joint law of two daily moves."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import ArrayLike
from plotly.subplots import make_subplots

from engine.charts import marks, theme
from engine.market.grid import Floats

MODEL = "factor_model"
_GROUPS = 5
_BINS = 40


def weighted_paths(values: Floats, weights: Floats, *, y_title: str) -> go.Figure:
    """Paths drawn the fainter the less they weigh; a path without weight is a dotted trace of grey.

    Args:
        values: ``(paths, days + 1)`` what is drawn, already in the unit of ``y_title``.
        weights: ``(paths,)`` the paths' share of the largest weight, in [0, 1].
        y_title: axis title with its unit.
    """
    most = max(1, theme.MOST_POINTS // values.shape[1])
    shown, share = values[:most], weights[:most]
    groups = np.ceil(share * _GROUPS).astype(int)  # 0 … 5: plotly draws one opacity a trace
    days = np.append(np.arange(values.shape[1], dtype=np.float32), np.nan)
    fig = go.Figure()
    for group in range(_GROUPS + 1):
        lines = shown[groups == group]
        if len(lines) == 0:
            continue
        broken = np.column_stack([lines, np.full(len(lines), np.nan)])
        dead = group == 0
        fig.add_scatter(
            x=np.tile(days, len(lines)),
            y=theme.float32(broken.ravel()),
            mode="lines",
            name="no weight" if dead else f"up to {100 * group // _GROUPS} % of the largest weight",
            line={
                "color": theme.RAW if dead else theme.model_colour(MODEL),
                "width": 1,
                "dash": "dot" if dead else None,
            },
            opacity=0.35 if dead else 0.15 + 0.65 * group / _GROUPS,
            hoverinfo="skip",
        )
    dropped = int((groups == 0).sum())
    alt = f"{len(shown)} simulated paths over {values.shape[1] - 1} days, {dropped} of them with negligible weight."
    return theme.base_layout(fig, alt=alt, x_title="Trading day", y_title=y_title, legend=True)


def weight_histogram(weights: Floats) -> go.Figure:
    """Histogram of N·w: one for a path of average weight (figure 2.16).

    Args:
        weights: ``(n,)`` summing to one.
    """
    scaled = len(weights) * np.asarray(weights, dtype=np.float64)
    counts, edges = np.histogram(scaled, bins=_BINS, range=(0, max(1.0, float(scaled.max()))))
    fig = go.Figure(
        go.Bar(
            x=theme.float32((edges[:-1] + edges[1:]) / 2),
            y=theme.float32(100 * counts / len(scaled)),
            width=float(edges[1] - edges[0]),
            marker={"color": theme.model_colour(MODEL)},
            hovertemplate="N·w near %{x:.2f}: %{y:.1f} % of paths<extra></extra>",
        )
    )
    light = theme.percent(float((scaled < 0.01).mean()))
    alt = f"Histogram of N times each path's weight; {light} of paths weigh less than a hundredth of the average."
    return theme.base_layout(
        fig, alt=alt, x_title="N·w (1 = average weight)", y_title="Share of paths (%)", legend=False
    )


def long_scenario(scenario: pd.DataFrame, *, dark: bool = False) -> go.Figure:
    """Ten years of spot above, and VIX, ATM and realised vol below (figures 2.18–2.19).

    Args:
        scenario: columns year, spot, vix (index points), atm and realised (annualised decimals).
        dark: drawn on a dark background.
    """
    rows = theme.thin(len(scenario), theme.MOST_POINTS // 4, keep=scenario["vix"])
    shown = scenario.iloc[rows]
    fig = make_subplots(rows=2, cols=1, shared_xaxes=True, vertical_spacing=0.06, row_heights=[0.4, 0.6])
    lines = (
        ("Spot", shown["spot"], theme.data_colour(dark), 1),
        ("VIX", shown["vix"], "#D55E00", 2),
        ("ATM 1M", 100 * shown["atm"], "#00916A", 2),
        ("Realised, 21 days", 100 * shown["realised"], "#7A6BC4", 2),
    )
    for name, values, colour, row in lines:
        fig.add_scatter(
            x=theme.float32(shown["year"]),
            y=theme.float32(values),
            name=name,
            mode="lines",
            line={"color": colour, "width": 1.2},
            row=row,
            col=1,
        )
    fig.update_yaxes(title_text="Spot (index level)", row=1, col=1)
    fig.update_yaxes(title_text="Vol (% a year)", row=2, col=1)
    fig.update_xaxes(title_text="Year", row=2, col=1)
    vix = scenario["vix"]
    alt = f"A scenario of {scenario['year'].iloc[-1]:.0f} years; VIX between {vix.min():.0f} and {vix.max():.0f}."
    return theme.base_layout(fig, alt=alt, height=520, legend=True)


CELLS = 48
"""Cells of the density along each axis."""

REACH = 0.995
"""The axes hold this share of the moves of the wider of the two laws, in each direction."""

OUTER = 0.9
"""Days outside the region of this probability are drawn one by one."""

_MOST_DOTS = 400


def region_probability(x: ArrayLike, y: ArrayLike, x_centres: Floats, y_centres: Floats) -> Floats:
    """How much probability lies where the density is higher than in each cell: 0 at the mode, 1 far out.

    Gaussian kernel with Scott's bandwidth, sd·n^(−1/6), in each direction. A contour at p encloses the smallest region
    that holds the share p of the days, so that laws of different spread can be compared by the eye.

    Args:
        x, y: ``(n,)`` moves.
        x_centres, y_centres: ``(a,)`` and ``(b,)`` centres of the cells.

    Returns:
        ``(b, a)`` shares of the days.
    """
    points = [np.asarray(values, dtype=np.float64) for values in (x, y)]
    kernels = []
    for values, centres in zip(points, (x_centres, y_centres), strict=True):
        width = max(float(values.std()) * len(values) ** (-1 / 6), float(np.ptp(centres)) / (4 * CELLS))
        kernels.append(np.exp(-0.5 * ((centres[:, None] - values) / width) ** 2) / width)
    density = kernels[1] @ kernels[0].T  # (b, a)
    step = float((x_centres[1] - x_centres[0]) * (y_centres[1] - y_centres[0]))
    mass = density.ravel() * step / (2 * np.pi * len(points[0]))
    order = np.argsort(mass)[::-1]
    above = np.empty(mass.size)
    above[order] = mass[order].cumsum()
    return np.minimum(above, 1.0).reshape(density.shape)


def joint_density(
    simulated: tuple[ArrayLike, ArrayLike],
    history: tuple[ArrayLike, ArrayLike],
    *,
    dark: bool = False,
) -> go.Figure:
    """Densities of daily moves of spot and VIX, the model's beside the data's (figure 2.20).

    Filled contours enclose 10, 30, 50, 70 and 90 % of the days; the dashed line in the left panel is the data's 90 %
    region. Days outside their own 90 % region are dots.

    Args:
        simulated: (Δ log S, Δ log VIX), decimals.
        history: the same of the data.
        dark: drawn on a dark background.
    """
    pairs = [
        (1e4 * np.asarray(x, dtype=np.float64), 100 * np.asarray(y, dtype=np.float64)) for x, y in (simulated, history)
    ]
    axes = [_centres([pair[k] for pair in pairs]) for k in (0, 1)]
    regions = [region_probability(x, y, *axes) for x, y in pairs]
    headings = [
        f"{name}: correlation {theme.signed(float(np.corrcoef(x, y)[0, 1]), '.2f')}, "
        f"sd {x.std(ddof=1):.0f} bp and {y.std(ddof=1):.1f} %"
        for name, (x, y) in zip(("Simulated", "Data"), pairs, strict=True)
    ]
    fig = make_subplots(
        rows=1, cols=2, shared_xaxes=True, shared_yaxes=True, subplot_titles=headings, horizontal_spacing=0.04
    )
    colours = (theme.model_colour(MODEL), theme.data_colour(dark))
    names = ("simulated", "data")
    for column, ((x, y), region, colour, name) in enumerate(zip(pairs, regions, colours, names, strict=True), 1):
        # cells beyond nearly all days stay clear, so that the panel keeps its background
        fig.add_contour(
            x=theme.float32(axes[0]),
            y=theme.float32(axes[1]),
            z=theme.float32(100 * (1 - region)),
            contours={"start": 10, "end": 90, "size": 20},
            colorscale=[[0, theme.with_alpha(colour, 0.0)], [1, theme.with_alpha(colour, 0.85)]],
            line={"color": colour, "width": 1},
            showscale=False,
            hoverinfo="skip",
            name=name,
            row=1,
            col=column,
        )
        far = np.flatnonzero(_looked_up(x, y, axes, region) > OUTER)
        far = far[theme.thin(len(far), _MOST_DOTS)]
        hover = "%{x:.0f} bp, %{y:.1f} %"
        shade = theme.with_alpha(colour, 0.55)
        label = f"days outside the 90 % region, {name}"
        marks.dots(fig, theme.float32(x[far]), y[far], label, shade, hover, size=3.5, row=1, col=column)
    fig.add_contour(
        x=theme.float32(axes[0]),
        y=theme.float32(axes[1]),
        z=theme.float32(100 * (1 - regions[1])),
        contours={"start": 100 * (1 - OUTER), "end": 100 * (1 - OUTER), "size": 1, "coloring": "none"},
        line={"color": theme.data_colour(dark), "width": 2, "dash": "dash"},
        hoverinfo="skip",
        name="90 % of the data",
        row=1,
        col=1,
    )
    for k, update in enumerate((fig.update_xaxes, fig.update_yaxes)):
        update(range=[float(axes[k][0]), float(axes[k][-1])])
    fig.update_xaxes(matches="x", title_text="Δ log S (bp a day)")
    fig.update_yaxes(title_text="Δ log VIX (% a day)", col=1)
    return theme.base_layout(fig, alt=f"Densities of daily moves of spot and VIX. {'; '.join(headings)}.", legend=False)


def _centres(samples: list[Floats]) -> Floats:
    """Centres of cells on a common axis around zero."""
    ends = [np.quantile(x, [(1 - REACH) / 2, (1 + REACH) / 2]) for x in samples]
    low, high = float(min(end[0] for end in ends)), float(max(end[1] for end in ends))
    margin = 0.1 * (high - low) or 1.0
    return np.linspace(low - margin, high + margin, CELLS)


def _looked_up(x: Floats, y: Floats, axes: list[Floats], region: Floats) -> Floats:
    """The region's probability at each point; 1 beyond the axes."""
    at = [np.rint((v - c[0]) / (c[1] - c[0])).astype(int) for v, c in zip((x, y), axes, strict=True)]
    inside = (at[0] >= 0) & (at[0] < CELLS) & (at[1] >= 0) & (at[1] < CELLS)
    found = np.ones(len(x))
    found[inside] = region[at[1][inside], at[0][inside]]
    return found
