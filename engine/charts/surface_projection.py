"""A surface in three dimensions drawn flat: the fixed views of ``surfaces.VIEWS`` without WebGL.

A browser without a graphics card spends a second or two on one WebGL picture. Here the box, its grid and the cells of
the surface are projected by the same cameras and painted from back to front as ordinary filled shapes; what is lost is
turning the surface by hand, for which :func:`engine.charts.surfaces.surface_3d` remains.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import ArrayLike

from engine.charts import theme
from engine.charts.surfaces import (
    ASPECT,
    MATURITY_TITLE,
    MONEYNESS_TITLE,
    VIEWS,
    axis_ticks,
    cell_labels,
    describe_surface,
    thinned,
)
from engine.market.grid import Floats, Grid

FIELD_OF_VIEW = np.pi / 4
"""Opening angle of a perspective camera, as plotly's own."""

MOST_CELLS = 400
"""Cells painted; a finer surface is thinned, its edges kept."""

_WALLS: dict[str, dict[int, int]] = {
    "front": {0: -1, 1: 1, 2: -1},
    "smile": {1: 1},
    "term structure": {0: -1},
    "top": {2: -1},
}
"""Far sides of the box by view: axis (moneyness, log maturity, value) → its lower (−1) or upper (1) end."""

_EDGES: dict[str, dict[int, tuple[int, int, int]]] = {
    "front": {0: (0, -1, -1), 1: (1, 0, -1), 2: (-1, -1, 0)},
    "smile": {0: (0, -1, -1), 2: (-1, -1, 0)},
    "term structure": {1: (1, 0, -1), 2: (1, -1, 0)},
    "top": {0: (0, -1, 1), 1: (-1, 0, 1)},
}
"""Where an axis is labelled: the ends of the other two axes at which its edge of the box lies."""

_LABEL_GAP, _TITLE_GAP, _MARGIN = 0.02, 0.14, 0.02
"""Distances from an edge, and around the picture, as shares of its width and height."""

_SIDEWAYS = 0.4
"""Labels of an edge that faces the side more than this stand beside it, others below it."""


@dataclass(frozen=True)
class Camera:
    """Where a picture is taken from, in units of the box, whose centre is the origin.

    Args:
        eye: ``(3,)`` position.
        axes: ``(3, 3)`` orthonormal rows: right and up on the screen, and the direction of sight.
        perspective: whether far things are smaller.
    """

    eye: Floats
    axes: Floats
    perspective: bool

    @classmethod
    def of(cls, view: str) -> Camera:
        """The camera of a named view: ahead = centre − eye, right = ahead × up, above = right × ahead, normalised."""
        camera: dict[str, Any] = VIEWS[view]
        eye, centre, up = (
            np.array([camera.get(name, default).get(k, 0.0) for k in "xyz"], dtype=np.float64)
            for name, default in (("eye", {}), ("center", {}), ("up", {"z": 1}))
        )
        ahead = (centre - eye) / np.linalg.norm(centre - eye)
        right = np.cross(ahead, up)
        right /= np.linalg.norm(right)
        perspective = camera.get("projection", {}).get("type") != "orthographic"
        return cls(eye, np.stack([right, np.cross(right, ahead), ahead]), perspective)

    def project(self, points: ArrayLike) -> Floats:
        """Right and up on the screen, and the distance along the sight.

        In perspective the first two are divided by distance · tan(field of view / 2).

        Args:
            points: ``(..., 3)`` in the box.

        Returns:
            ``(..., 3)``.
        """
        seen: Floats = (np.asarray(points, dtype=np.float64) - self.eye) @ self.axes.T
        if self.perspective:
            seen[..., :2] /= seen[..., 2:] * np.tan(FIELD_OF_VIEW / 2)
        return seen


def surface_projected(
    values: ArrayLike,
    grid: Grid,
    view: str = "front",
    *,
    quantity: str = "vol",
    dark: bool = False,
) -> go.Figure:
    """A surface seen from one of the fixed views, maturity on a logarithmic axis, painted cell by cell.

    Args:
        values: ``(n_moneyness, n_maturity)`` in engine units (vols as annualised fractions).
        grid: its grid.
        view: one of ``surfaces.VIEWS``.
        quantity: a name in ``theme.QUANTITIES``: decides scale, unit and digits.
        dark: drawn on a dark background.
    """
    kind = theme.QUANTITIES[quantity]
    surface, grid = thinned(np.asarray(values, dtype=np.float64), grid, MOST_CELLS)
    scaled = kind.factor * surface
    camera, box = Camera.of(view), _Box.around(scaled, grid, view)
    moneyness, log_maturity = np.meshgrid(grid.moneyness, np.log(grid.maturity), indexing="ij")
    corners = camera.project(box.place(np.stack([moneyness, log_maturity, scaled], axis=-1)))
    scale = box.scale(grid, kind, flat=not camera.perspective)
    lines = camera.project(box.wall_lines(view, scale))[..., :2]  # (lines, 2, 2)
    texts = _texts(box, camera, view, scale)
    fig = go.Figure()
    labels = [text for text in texts if text.angle is None]
    fig.add_scatter(
        x=[text.x for text in labels],
        y=[text.y for text in labels],
        text=[text.words for text in labels],
        textposition=[text.position for text in labels],
        mode="text",
        textfont={"size": 11},
        hoverinfo="skip",
        cliponaxis=False,
    )
    for text in texts:
        if text.angle is not None:
            fig.add_annotation(x=text.x, y=text.y, text=text.words, textangle=text.angle, showarrow=False)
    numbers = [[theme.signed(x, kind.digits) if np.isfinite(x) else "n/a"] for x in scaled.ravel()]
    fig.add_scatter(  # unseen points for the mouse to find
        x=theme.float32(corners[..., 0].ravel()),
        y=theme.float32(corners[..., 1].ravel()),
        mode="markers",
        marker={"size": 9, "opacity": 0},
        customdata=np.concatenate([cell_labels(grid).reshape(-1, 2), numbers], axis=1),
        hovertemplate=f"%{{customdata[0]}}, %{{customdata[1]}}: %{{customdata[2]}} {kind.unit}<extra></extra>",
    )
    edge = {"color": theme.with_alpha(theme.data_colour(dark), 0.35), "width": 0.7}
    painted = [
        {"type": "path", "path": _path(cell, "Z"), "fillcolor": colour, "line": edge, "layer": "below"}
        for cell, colour in _cells(corners, scaled, kind, dark)
    ]
    net = {"type": "path", "path": " ".join(_path(line) for line in lines), "layer": "below"}
    fig.update_layout(shapes=[{**net, "line": {"color": theme.GUIDE, "width": 1}}, *painted])
    reached = np.concatenate(
        [corners[..., :2].reshape(-1, 2), lines.reshape(-1, 2), [[text.x, text.y] for text in texts]]
    )
    low, high = np.nanmin(reached, axis=0), np.nanmax(reached, axis=0)
    room = _MARGIN * (high - low)
    for update, k in ((fig.update_xaxes, 0), (fig.update_yaxes, 1)):
        update(range=[low[k] - room[k], high[k] + room[k]], visible=False, fixedrange=True)
    if camera.perspective:
        fig.update_yaxes(scaleanchor="x")
    alt = describe_surface(surface, grid, quantity, "surface")
    return theme.base_layout(fig, alt=alt, height=460, legend=False)


@dataclass(frozen=True)
class _Scale:
    """Where one axis has its ticks (data units), what they say, and its title."""

    positions: Floats
    labels: Sequence[str]
    title: str


@dataclass(frozen=True)
class _Box:
    """The box around a surface: ranges of moneyness, log maturity and value, ``(3,)`` each, and its proportions."""

    low: Floats
    high: Floats
    size: Floats

    @classmethod
    def around(cls, scaled: Floats, grid: Grid, view: str) -> _Box:
        finite = scaled[np.isfinite(scaled)]
        bottom, top = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
        if top <= bottom:
            bottom, top = bottom - 0.5, top + 0.5
        low = np.array([grid.moneyness[0], np.log(grid.maturity[0]), bottom])
        high = np.array([grid.moneyness[-1], np.log(grid.maturity[-1]), top])
        return cls(low, high, np.array(ASPECT[view], dtype=np.float64))

    def place(self, data: Floats) -> Floats:
        """``(..., 3)`` data → points of the box."""
        placed: Floats = ((data - self.low) / (self.high - self.low) - 0.5) * self.size
        return placed

    def end(self, sides: Sequence[int]) -> Floats:
        """``(3,)`` data of a corner (−1 lower, 1 upper end of an axis) or of the middle of an edge or side (0)."""
        return self.low + (np.asarray(sides) + 1) / 2 * (self.high - self.low)

    def scale(self, grid: Grid, kind: theme.Quantity, *, flat: bool) -> tuple[_Scale, _Scale, _Scale]:
        """Ticks of moneyness, log maturity and value; upright labels, as in flat views, need more room."""
        rows = axis_ticks(grid.moneyness, flat=flat)
        columns = axis_ticks(np.log(grid.maturity), flat=flat)
        low, high = float(self.low[2]), float(self.high[2])
        step = 10.0 ** np.floor(np.log10(high - low))
        step *= next(part for part in (1.0, 0.5, 0.2, 0.1) if (high - low) / (part * step) >= 3)
        heights = step * np.arange(np.ceil(low / step), np.floor(high / step) + 1)
        digits = max(0, -int(np.floor(np.log10(step))))
        return (
            _Scale(grid.moneyness[rows], [grid.moneyness_labels[k] for k in rows], MONEYNESS_TITLE),
            _Scale(np.log(grid.maturity)[columns], [grid.maturity_labels[k] for k in columns], MATURITY_TITLE),
            _Scale(heights, [theme.signed(x, f".{digits}f") for x in heights], kind.title),
        )

    def wall_lines(self, view: str, scale: Sequence[_Scale]) -> Floats:
        """``(lines, 2, 3)`` in the box: on every far side a line at each tick of the two axes that span it."""
        lines = []
        for wall, side in _WALLS[view].items():
            spanning = [axis for axis in range(3) if axis != wall]
            for axis, along in (spanning, spanning[::-1]):
                for position in scale[axis].positions:
                    ends = np.zeros((2, 3))
                    ends[:, wall] = self.end([side] * 3)[wall]
                    ends[:, axis] = position
                    ends[:, along] = self.low[along], self.high[along]
                    lines.append(ends)
        return self.place(np.array(lines))


@dataclass(frozen=True)
class _Text:
    """Words on the screen: a tick label, or with an angle (degrees, clockwise) the title of an axis."""

    x: float
    y: float
    words: str
    position: str = "middle center"
    angle: float | None = None


def _texts(box: _Box, camera: Camera, view: str, scale: Sequence[_Scale]) -> list[_Text]:
    """Tick labels and titles with their places on the screen, outside the edges at which the axes are labelled."""
    corners = [(a, b, c) for a in (-1, 1) for b in (-1, 1) for c in (-1, 1)]
    extent = np.ptp(camera.project(box.place(np.stack([box.end(corner) for corner in corners])))[:, :2], axis=0)
    centre = camera.project(np.zeros(3))[:2]
    found = []
    for axis, edge in _EDGES[view].items():
        points = np.tile(box.end(edge), (len(scale[axis].positions) + 2, 1))
        points[:, axis] = [box.low[axis], box.high[axis], *scale[axis].positions]
        first, last, *ticks = camera.project(box.place(points))[:, :2]
        along = (last - first) / np.linalg.norm(last - first)
        outward = (first + last) / 2 - centre
        outward -= (outward @ along) * along
        outward /= max(float(np.linalg.norm(outward)), 1e-9)
        sideways = "left" if outward[0] < 0 else "right"
        position = f"middle {sideways}" if abs(outward[0]) > _SIDEWAYS else "bottom center"
        for (x, y), words in zip(ticks, scale[axis].labels, strict=True):
            gap = _LABEL_GAP * extent * outward
            found.append(_Text(float(x + gap[0]), float(y + gap[1]), words, position))
        x, y = (first + last) / 2 + _TITLE_GAP * extent * outward
        angle = -float(np.degrees(np.arctan2(along[1], along[0])))
        upright = angle - 180 if angle > 60 else angle + 180 if angle < -120 else angle
        found.append(_Text(float(x), float(y), scale[axis].title, angle=upright))
    return found


def _cells(corners: Floats, scaled: Floats, kind: theme.Quantity, dark: bool) -> list[tuple[Floats, str]]:
    """Cells ``(4, 2)`` from the farthest to the nearest, coloured by the mean of their corners; holes are left out."""
    low, high = theme.colour_bounds(scaled, kind.kind)
    found = []
    for i in range(scaled.shape[0] - 1):
        for j in range(scaled.shape[1] - 1):
            around = ([i, i + 1, i + 1, i], [j, j, j + 1, j + 1])
            cell = corners[around]
            if np.isfinite(cell).all():
                position = (float(scaled[around].mean()) - low) / (high - low)
                found.append((float(cell[:, 2].mean()), cell[:, :2], theme.colour_at(position, kind.kind, dark)))
    found.sort(key=lambda one: -one[0])
    return [(cell, colour) for _, cell, colour in found]


def _path(points: Floats, end: str = "") -> str:
    """An SVG path through ``(k, 2)`` points."""
    return "M" + " L".join(f"{x:.4f},{y:.4f}" for x, y in points) + (f" {end}" if end else "")
