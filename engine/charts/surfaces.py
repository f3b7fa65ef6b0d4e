"""Surfaces as pictures: in three dimensions with fixed views, as a heatmap with its values, and as smiles.

Moneyness and maturity are labelled in market words everywhere (90 %, 1M), vols are in % a year with one decimal.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import ArrayLike, NDArray

from engine.charts import theme
from engine.market.grid import Floats, Grid

VIEWS: dict[str, dict[str, Any]] = {
    "front": {"eye": {"x": 1.45, "y": -1.6, "z": 0.85}, "center": {"x": 0, "y": 0, "z": -0.1}},
    "smile": {"eye": {"x": 0, "y": -1.8, "z": 0.08}, "projection": {"type": "orthographic"}},
    "term structure": {"eye": {"x": 1.8, "y": 0, "z": 0.08}, "projection": {"type": "orthographic"}},
    "top": {"eye": {"x": 0, "y": 0, "z": 1.9}, "up": {"x": 0, "y": 1, "z": 0}, "projection": {"type": "orthographic"}},
}
"""Cameras of a 3-D surface by name; in "smile" strikes rise to the right and short maturities are in front."""

_ALONG = {"front": "", "smile": "y", "term structure": "x", "top": "z"}
"""The axis a view looks along; its labels would fall on one point and are left out."""

ASPECT = {"front": (1.0, 1.0, 0.7), "smile": (1.6, 1, 1.1), "term structure": (1, 1.6, 1.1), "top": (1.6, 1.3, 0.7)}
"""Proportions of the box: flat views fill the frame."""

MONEYNESS_TITLE = "Moneyness K/S"
MATURITY_TITLE = "Time to maturity"

_BELOW = {"smile": ("x", MONEYNESS_TITLE), "term structure": ("y", MATURITY_TITLE)}

_LEAST_TICK_GAP = 0.085
"""Tick labels nearer than this share of the axis would overlap and are left out."""

_MOST_PRINTED = 300
"""Cells beyond which values are shown on hover only."""


def surface_3d(
    iv: ArrayLike,
    grid: Grid,
    view: str = "front",
    *,
    quantity: str = "vol",
    dark: bool = False,
    title: str | None = None,
    show_scale: bool = True,
) -> go.Figure:
    """A surface in three dimensions, maturity on a logarithmic axis so that weeks and years are both seen.

    Args:
        iv: ``(n_moneyness, n_maturity)`` implied vols, annualised fractions (or another quantity of the theme).
        grid: its grid.
        view: one of ``VIEWS``; the camera moves only when this changes.
        quantity: a name in ``theme.QUANTITIES``.
        dark: drawn on a dark background.
        title: heading inside the figure.
        show_scale: draw the colour bar; not needed beside a heatmap of the same values.
    """
    kind = theme.QUANTITIES[quantity]
    values, grid = thinned(np.asarray(iv, dtype=np.float64), grid)
    scaled = kind.factor * values
    low, high = theme.colour_bounds(scaled, kind.kind)
    fig = go.Figure(
        go.Surface(
            x=theme.float32(grid.moneyness),
            y=theme.float32(grid.maturity),
            z=theme.float32(scaled.T),  # rows run along y (maturity), columns along x (moneyness)
            colorscale=theme.colour_scale(kind.kind, dark),
            cmin=low,
            cmax=high,
            showscale=show_scale,
            colorbar={
                "title": {"text": kind.unit or kind.label},
                "thickness": 12,
                "len": 0.7,
                "exponentformat": "power",
            },
            lighting={"ambient": 0.85, "diffuse": 0.4, "specular": 0.05},
            contours={"x": {"highlight": True}, "y": {"highlight": True}, "z": {"highlight": False}},
            customdata=cell_labels(grid).transpose(1, 0, 2),
            hovertemplate=f"%{{customdata[0]}}, %{{customdata[1]}}: %{{z:{kind.digits}}} {kind.unit}<extra></extra>",
        )
    )
    axis = {"gridcolor": theme.GUIDE_3D, "zeroline": False, "showbackground": False}
    flat = {"tickangle": 0} if _ALONG[view] else {}
    moneyness = axis_ticks(grid.moneyness, flat=bool(flat))
    maturity = axis_ticks(np.log(grid.maturity), flat=bool(flat))
    fig.update_scenes(
        xaxis={"title": {"text": MONEYNESS_TITLE}, "tickvals": grid.moneyness[moneyness], **axis, **flat}
        | {"ticktext": [grid.moneyness_labels[k] for k in moneyness]},
        yaxis={"title": {"text": MATURITY_TITLE}, "type": "log", "tickvals": grid.maturity[maturity], **axis, **flat}
        | {"ticktext": [grid.maturity_labels[k] for k in maturity]},
        zaxis={"title": {"text": kind.title}, **axis, **flat},
        aspectmode="manual",
        aspectratio=dict(zip("xyz", ASPECT[view], strict=True)),
        camera=VIEWS[view],
        uirevision=view,
    )
    if _ALONG[view]:
        hidden = {"showticklabels": False, "title": {"text": ""}, "showgrid": False, "ticks": ""}
        fig.update_scenes({f"{_ALONG[view]}axis": hidden})
    if view in _BELOW:  # seen edge-on, plotly writes the title over the tick labels
        axis_name, words = _BELOW[view]
        fig.update_scenes({f"{axis_name}axis": {"title": {"text": ""}}})
        fig.add_annotation(text=words, x=0.5, y=0, xref="paper", yref="paper", yanchor="bottom", showarrow=False)
    return theme.base_layout(fig, alt=describe_surface(values, grid, quantity, "surface"), title=title, height=460)


def surface_heatmap(
    values: ArrayLike,
    grid: Grid,
    *,
    quantity: str = "vol",
    dark: bool = False,
    bounds: tuple[float, float] | None = None,
    height: int = theme.HEIGHT,
) -> go.Figure:
    """A surface as a table of colours with its values printed: strikes upwards, maturities to the right.

    Args:
        values: ``(n_moneyness, n_maturity)`` in engine units (vols as fractions).
        grid: its grid.
        quantity: a name in ``theme.QUANTITIES``: decides scale, unit and digits.
        dark: drawn on a dark background.
        bounds: ends of the colour scale in engine units, to compare several; by default from the values.
        height: pixels.
    """
    kind = theme.QUANTITIES[quantity]
    matrix, grid = thinned(np.asarray(values, dtype=np.float64), grid)
    fig = go.Figure(heatmap_trace(matrix, grid, quantity, dark=dark, bounds=bounds))
    fig.update_layout(plot_bgcolor=theme.GUIDE)  # shows through the gaps between cells
    fig.update_xaxes(title_text=MATURITY_TITLE, type="category", showgrid=False)
    fig.update_yaxes(title_text=MONEYNESS_TITLE, type="category", showgrid=False)
    alt = describe_surface(matrix, grid, quantity, f"heatmap of {kind.label.lower()}")
    return theme.base_layout(fig, alt=alt, height=height)


def heatmap_trace(
    matrix: Floats,
    grid: Grid,
    quantity: str,
    *,
    dark: bool = False,
    bounds: tuple[float, float] | None = None,
    show_scale: bool = True,
    text_size: int = 10,
    least_printed: float = 0.0,
) -> go.Heatmap:
    """The heatmap itself, for figures of several panels; arguments as :func:`surface_heatmap`.

    Values of a magnitude below ``least_printed`` (engine units) are left to the hover.
    """
    kind = theme.QUANTITIES[quantity]
    scaled = kind.factor * matrix
    low, high = theme.colour_bounds(scaled if bounds is None else kind.factor * np.array(bounds), kind.kind)
    printed = None
    if matrix.size <= _MOST_PRINTED:
        printed = [["" if abs(x) < kind.factor * least_printed else _printed(x, kind) for x in row] for row in scaled]
    return go.Heatmap(
        x=theme.distinct(grid.maturity_labels, grid.maturity),
        y=theme.distinct(grid.moneyness_labels, grid.moneyness),
        z=theme.float32(scaled),
        zmin=low,
        zmax=high,
        colorscale=theme.colour_scale(kind.kind, dark),
        showscale=show_scale,
        colorbar={"title": {"text": kind.unit or kind.label}, "thickness": 12, "exponentformat": "power"},
        xgap=1,
        ygap=1,
        text=printed,
        texttemplate="%{text}" if printed else None,
        textfont={"size": text_size},
        hovertemplate=f"%{{y}}, %{{x}}: %{{z:{kind.digits}}} {kind.unit}<extra></extra>",
    )


def smile_slices(
    iv: ArrayLike,
    grid: Grid,
    maturities: Sequence[float] | None = None,
    *,
    reference: ArrayLike | None = None,
    dark: bool = False,
) -> go.Figure:
    """Smiles of a few maturities in one picture, short maturities first.

    Args:
        iv: ``(n_moneyness, n_maturity)`` implied vols, annualised fractions.
        grid: its grid.
        maturities: years; the nearest grid maturities are drawn, by default up to four spread over the grid.
        reference: today's surface on the same grid, drawn dotted in the same colours.
        dark: drawn on a dark background.
    """
    surface = np.asarray(iv, dtype=np.float64)
    other = None if reference is None else np.asarray(reference, dtype=np.float64)
    columns = slice_columns(grid, maturities)
    strikes = theme.thin(len(grid.moneyness), theme.MOST_POINTS // (2 * len(columns)))
    fig = go.Figure()
    for colour, j in zip(theme.shades(len(columns), dark), columns, strict=True):
        label = grid.maturity_labels[j]
        lines = [(surface, label, "solid")] if other is None else [(other, "today", "dot"), (surface, label, "solid")]
        for values, name, dash in lines:
            fig.add_scatter(
                x=theme.float32(100 * grid.moneyness[strikes]),
                y=theme.float32(100 * values[strikes, j]),
                mode="lines+markers" if dash == "solid" else "lines",
                line={"color": colour, "dash": dash, "width": 2 if dash == "solid" else 1.5},
                marker={"size": 5},
                name=label if dash == "solid" else f"{label}, {name}",
                legendgroup=label,
                showlegend=dash == "solid",
                hovertemplate=f"{label} {name if dash != 'solid' else ''} %{{x:.4g}} %: %{{y:.1f}} %<extra></extra>",
            )
    fig.update_xaxes(ticksuffix=" %")
    smiles = "; ".join(
        f"{grid.maturity_labels[j]} from {theme.percent(surface[0, j])} at {grid.moneyness_labels[0]} "
        f"to {theme.percent(surface[-1, j])} at {grid.moneyness_labels[-1]}"
        for j in columns
    )
    dotted = " Dotted: today." if other is not None else ""
    alt = f"Implied vol smiles: {smiles}.{dotted}"
    return theme.base_layout(fig, alt=alt, x_title=MONEYNESS_TITLE, y_title=theme.QUANTITIES["vol"].title, legend=True)


def slice_columns(grid: Grid, maturities: Sequence[float] | None = None, most: int = 4) -> list[int]:
    """Columns to draw as slices: those nearest to the given maturities (years), or a spread over the grid."""
    if maturities is None:
        spread = np.linspace(0, len(grid.maturity) - 1, min(most, len(grid.maturity)))
        return [int(j) for j in np.unique(spread.round().astype(int))]
    return sorted({grid.nearest(1.0, tau)[1] for tau in maturities})


def thinned(values: Floats, grid: Grid, most: int = theme.MOST_POINTS) -> tuple[Floats, Grid]:
    """A surface of more than ``most`` cells on fewer strikes and maturities, its edges kept."""
    if grid.size <= most:
        return values, grid
    share = (most / grid.size) ** 0.5
    rows = theme.thin(grid.shape[0], max(3, int(share * grid.shape[0])))
    columns = theme.thin(grid.shape[1], max(2, int(most / len(rows))))
    return values[np.ix_(rows, columns)], Grid(grid.moneyness[rows], grid.maturity[columns])


def _printed(value: float, kind: theme.Quantity) -> str:
    """A cell's text: penalties to two significant digits and nothing where they are zero."""
    if not np.isfinite(value):
        return "n/a"
    if kind.kind == "penalty":
        return theme.significant(value) if value > 0 else ""
    return theme.signed(value, kind.digits)


def cell_labels(grid: Grid) -> NDArray[np.str_]:
    """``(n_moneyness, n_maturity, 2)`` market words of every cell."""
    moneyness, maturity = np.meshgrid(grid.moneyness_labels, grid.maturity_labels, indexing="ij")
    return np.stack([moneyness, maturity], axis=-1)


def axis_ticks(positions: Floats, *, flat: bool) -> list[int]:
    """Ticks that do not overlap: from the first on, each far enough from the one before; the last always.

    In flat views labels stand upright and need more room than slanted ones.
    """
    least = _LEAST_TICK_GAP * (1.6 if flat else 1.0) * (positions[-1] - positions[0])
    chosen = [0]
    for k in range(1, len(positions)):
        if positions[k] - positions[chosen[-1]] >= least:
            chosen.append(k)
    last = len(positions) - 1
    if chosen[-1] != last:
        chosen = [*(k for k in chosen if positions[last] - positions[k] >= least), last]
    return chosen


def describe_surface(values: Floats, grid: Grid, quantity: str, what: str) -> str:
    """One sentence with the extremes and where they lie."""
    kind = theme.QUANTITIES[quantity]
    if not np.isfinite(values).any():
        return f"{what.capitalize()} without a finite value."
    ends = []
    for word, position in (("lowest", np.nanargmin(values)), ("highest", np.nanargmax(values))):
        i, j = np.unravel_index(position, values.shape)
        text = theme.signed(float(kind.factor * values[i, j]), kind.digits)
        unit = "%" if kind.unit.startswith("%") else kind.unit
        ends.append(f"{word} {text} {unit}".rstrip() + f" at {grid.moneyness_labels[i]}, {grid.maturity_labels[j]}")
    name = kind.label if what == "surface" else what.capitalize()
    return f"{name} over moneyness and maturity: {'; '.join(ends)}."
