"""A learned graph as pictures: nodes and arrows, adjacency, sectors (thesis figures 6.21 to 6.24)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

import networkx as nx
import numpy as np
import plotly.graph_objects as go
from numpy.typing import ArrayLike

from engine.charts import theme
from engine.market.grid import Floats

Layout = Literal["force", "sectors"]
LAYOUTS: dict[Layout, str] = {"force": "Force: what is connected lies together", "sectors": "Circle by sector"}

MOST_EDGES = 400
"""Arrows drawn at most, the strongest; a dense graph of 308 nodes has 94,864."""

CELLS = 5_000
"""Cells of an adjacency drawn as a heatmap; beyond, its strongest edges are drawn as squares."""

WIDE = 1.8
"""Width over height of the box that springs fill, about that of the picture."""

WIDTHS = (0.8, 1.8, 3.2, 5.0)
"""Line widths in pixels, by quartile of the drawn weights."""

_ARROW = 0.82  # along an edge, where its head is drawn
_NAMED = 80  # nodes up to which every name is written


def positions(weights: ArrayLike, sectors: Sequence[str], layout: Layout) -> Floats:
    """``(n, 2)`` places of nodes: a circle in [-1, 1]² or springs in a wider box; the same graph lies the same way.

    Args:
        weights: ``(n, n)``.
        sectors: of the n nodes, sorted by sector for the circle.
        layout: springs of strength |w|, or a circle with gaps between sectors.
    """
    w = np.abs(np.asarray(weights, dtype=np.float64))
    n = len(w)
    if layout == "sectors":
        order = sorted(range(n), key=lambda k: (sectors[k], k))
        gaps = np.cumsum([0] + [sectors[a] != sectors[b] for a, b in pairwise(order)])
        gap = max(1.0, 0.02 * n)
        angle = 2 * math.pi * (np.arange(n) + gap * gaps) / (n + gap * (len(set(sectors)) if n else 1))
        place = np.empty((n, 2))
        place[order] = np.column_stack([np.sin(angle), np.cos(angle)])
        return place
    graph: nx.Graph = nx.Graph()
    graph.add_nodes_from(range(n))
    both = w + w.T
    rows, columns = np.nonzero(np.triu(both, 1))
    graph.add_weighted_edges_from(
        (i, j, float(both[i, j])) for i, j in zip(rows.tolist(), columns.tolist(), strict=True)
    )
    found = nx.spring_layout(graph, seed=1, k=2.2 / math.sqrt(max(n, 1)), iterations=80)
    place = np.array([found[k] for k in range(n)])
    if n > _NAMED:
        place = _spread(place)
    reach = np.abs(place).max(axis=0)
    return place / np.where(reach > 0, reach, 1.0) * (WIDE, 1.0)


def _spread(place: Floats) -> Floats:
    """Places in the same directions from the middle, as dense at the rim of a disc as at its centre.

    Springs crowd the middle of a large graph, and one node without an edge flies so far that the others shrink to a
    band. The k-th nearest of n goes to radius √((k + ½)/n).
    """
    away = place - np.median(place, axis=0)
    far = np.hypot(away[:, 0], away[:, 1])
    radius = np.sqrt((np.argsort(np.argsort(far, kind="stable")) + 0.5) / len(far))
    spread: Floats = away * (radius / np.where(far > 0, far, 1.0))[:, None]
    return spread


def network(
    weights: ArrayLike,
    names: Sequence[str],
    sectors: Sequence[str],
    place: Floats,
    *,
    least: float = 0.0,
    sharpe: ArrayLike | None = None,
    chosen: str | None = None,
    dark: bool = False,
    height: int = 640,
) -> go.Figure:
    """Nodes and arrows: from an asset to the generators it uses; orange forecasts as they are, blue reversed.

    Args:
        weights: ``(n, n)``.
        names: of the nodes.
        sectors: of the nodes; each has its colour.
        place: ``(n, 2)`` from :func:`positions`.
        least: smaller |w| are not drawn.
        sharpe: ``(n,)`` ratio of each asset, for the hover text.
        chosen: a node of which only the own arrows are drawn strongly.
        dark: drawn on a dark background.
        height: pixels.
    """
    w = np.asarray(weights, dtype=np.float64)
    edges = _strongest(w, least, None if chosen is None else list(names).index(chosen))
    fig = go.Figure()
    _lines(fig, w, edges, place, dark)
    _heads(fig, w, edges, place, names, dark)
    used = (w != 0).sum(axis=0)
    size = 9 + 22 * np.sqrt(np.abs(w).sum(axis=0) / max(float(np.abs(w).sum(axis=0).max()), 1e-12))
    size *= _thinner(len(names))
    near = None if chosen is None else _near(w, list(names).index(chosen), least)
    labels = _labels(names, size, near)
    for place_of, sector in enumerate(sorted(set(sectors))):
        mine = [k for k, own in enumerate(sectors) if own == sector]
        facts = [
            f"<b>{names[k]}</b> ({sector})<br>uses {int((w[k] != 0).sum())} generators<br>"
            f"its generator is used by {int(used[k])} assets"
            + ("" if sharpe is None else f"<br>Sharpe ratio {np.asarray(sharpe)[k]:.2f} on the test part")
            for k in mine
        ]
        fig.add_scatter(
            x=theme.float32(place[mine, 0]),
            y=theme.float32(place[mine, 1]),
            mode="markers+text",
            name=sector,
            text=[labels[k] for k in mine],
            textposition="top center",
            textfont={"size": 10},
            customdata=[names[k] for k in mine],
            hovertext=facts,
            hoverinfo="text",
            marker={
                "size": theme.float32(size[mine]),
                "color": theme.series_colour(place_of),
                "opacity": [1.0 if near is None or k in near else 0.25 for k in mine],
                "line": {"width": [3 if names[k] == chosen else 0.5 for k in mine], "color": theme.data_colour(dark)},
            },
        )
    total = int((w != 0).sum())
    drawn = f"the {len(edges):,} strongest from {least:g} on are drawn"
    alt = f"Graph of {len(names)} nodes and {total:,} edges; {drawn}"
    if len(edges):
        i, j = edges[0]
        alt += f"; the strongest runs from {names[i]} to {names[j]} with weight {w[i, j]:+.2f}"
    fig = theme.base_layout(fig, alt=alt + ".", height=height, legend=True)
    edge = 1.12 * float(np.abs(place[:, 0]).max(initial=1.0))
    fig.update_xaxes(visible=False, range=[-edge, edge])
    fig.update_yaxes(visible=False, range=[-1.15, 1.2], scaleanchor="x")  # arrow heads point right on equal axes only
    fig.update_layout(hovermode="closest", dragmode="pan")
    return fig


def adjacency(
    matrix: ArrayLike,
    names: Sequence[str],
    sectors: Sequence[str],
    *,
    what: str = "Weight",
    y_title: str = "Asset forecast",
    x_title: str = "Generator used",
    dark: bool = False,
    height: int = 640,
) -> go.Figure:
    """A matrix of assets and generators on a diverging scale, nodes in the order given, lines between sectors.

    Args:
        matrix: ``(n, n)``.
        names, sectors: of the nodes, sorted by sector.
        what: word for the colour bar.
        y_title, x_title: of the axes.
        dark: drawn on a dark background.
        height: pixels.
    """
    values = np.asarray(matrix, dtype=np.float64)
    n = len(names)
    low, high = theme.colour_bounds(values, "diverging")
    scale = theme.colour_scale("diverging", dark)
    bar = {"title": what, "thickness": 14}
    if values.size <= CELLS:
        trace = go.Heatmap(
            z=theme.float32(values), zmin=low, zmax=high, colorscale=scale, colorbar=bar,
            customdata=[[f"{a} ← {b}" for b in names] for a in names],
            hovertemplate="%{customdata}: %{z:+.3f}<extra></extra>",
        )  # fmt: skip
    else:
        rows, columns = np.unravel_index(np.argsort(-np.abs(values), axis=None, kind="stable")[:CELLS], values.shape)
        keep = values[rows, columns] != 0
        rows, columns = rows[keep], columns[keep]
        trace = go.Scatter(
            x=columns, y=rows, mode="markers",
            marker={"symbol": "square", "size": max(4.0, 560 / n), "color": theme.float32(values[rows, columns]),
                    "cmin": low, "cmax": high, "colorscale": scale, "colorbar": bar},
            text=[f"{names[i]} ← {names[j]}: {values[i, j]:+.3f}" for i, j in zip(rows, columns, strict=True)],
            hoverinfo="text",
        )  # fmt: skip
    fig = go.Figure(trace)
    starts = [k for k in range(1, n) if sectors[k] != sectors[k - 1]]
    for k in starts:
        for line in ({"x0": k - 0.5, "x1": k - 0.5, "y0": -0.5, "y1": n - 0.5},
                     {"y0": k - 0.5, "y1": k - 0.5, "x0": -0.5, "x1": n - 0.5}):  # fmt: skip
            fig.add_shape(type="line", line={"color": theme.GUIDE, "width": 1}, **line)
    if n <= _NAMED:
        ticks, words = [float(k) for k in range(n)], list(names)
    else:  # names would overlap: sectors at their middles
        bounds = [0, *starts, n]
        ticks = [(a + b - 1) / 2 for a, b in pairwise(bounds)]
        words = [sectors[a] for a in bounds[:-1]]
    axis = {"tickvals": ticks, "ticktext": words, "tickfont": {"size": 9 if n <= _NAMED else 11}, "showgrid": False}
    fig.update_xaxes(**axis, range=[-0.5, n - 0.5], zeroline=False, constrain="domain")
    fig.update_yaxes(**axis, range=[n - 0.5, -0.5], zeroline=False, scaleanchor="x", constrain="domain")
    i, j = divmod(int(np.argmax(np.abs(values))), n)
    alt = f"{what} of {n} assets by {n} generators; largest in size {values[i, j]:+.2f}, {names[i]} with {names[j]}."
    return theme.base_layout(fig, alt=alt, x_title=x_title, y_title=y_title, height=height)


_FITS = 5
"""Letters that fit into a sector's circle."""


def sector_graph(table: ArrayLike, sectors: Sequence[str], sizes: Sequence[int], *, dark: bool = False) -> go.Figure:
    """Sectors on a circle, arrows as wide as the total |w| between them (figure 6.23).

    Args:
        table: ``(s, s)`` rescaled total weight; row: sector of the data, column: of the generator.
        sectors: names.
        sizes: assets in each.
        dark: drawn on a dark background.
    """
    values = np.asarray(table, dtype=np.float64)
    fig = network(values, sectors, sectors, positions(values, sectors, "sectors"), dark=dark, height=480)
    for trace in fig.data:
        if trace.name in sectors:
            k = list(sectors).index(trace.name)
            trace.marker.size = [14 + 6 * math.sqrt(sizes[k])]
            trace.hovertext = [f"<b>{sectors[k]}</b>: {sizes[k]} assets, within {values[k, k]:.2f}"]
            if len(sectors[k]) <= _FITS:  # inside the circle no arrow crosses it
                trace.textposition, trace.textfont = "middle center", {"size": 10, "color": "white"}
    off = values - np.diag(np.diag(values))
    i, j = divmod(int(np.argmax(off)), len(off))
    alt = f"Sectors and the weight between them; the largest is from {sectors[i]} to {sectors[j]}, {off[i, j]:.2f}."
    fig.update_layout(meta={"alt": alt}, showlegend=False)
    return fig


def _strongest(w: Floats, least: float, chosen: int | None) -> list[tuple[int, int]]:
    """(asset, generator) of the edges to draw, strongest first; of a chosen node, its own only."""
    size = np.abs(w).copy()
    np.fill_diagonal(size, 0.0)  # a self-loop is said in words: an arrow to itself is none
    if chosen is not None:
        own = np.zeros_like(size)
        own[chosen], own[:, chosen] = size[chosen], size[:, chosen]
        size = own
    order = np.argsort(-size, axis=None, kind="stable")[:MOST_EDGES]
    pairs = np.column_stack(np.unravel_index(order, w.shape))
    return [(int(i), int(j)) for i, j in pairs if size[i, j] > 0 and size[i, j] >= least]


def _near(w: Floats, node: int, least: float) -> set[int]:
    linked = (np.abs(w[node]) >= max(least, 1e-12)) | (np.abs(w[:, node]) >= max(least, 1e-12))
    return {node, *np.flatnonzero(linked).tolist()}


def _labels(names: Sequence[str], size: Floats, near: set[int] | None) -> list[str]:
    """Names to write: all if there is room, else those of the chosen node's neighbours, or of the largest nodes."""
    if len(names) <= _NAMED:
        return list(names)
    shown = near if near is not None and len(near) <= _NAMED else set(np.argsort(-size)[: _NAMED // 4].tolist())
    return [name if k in shown else "" for k, name in enumerate(names)]


def _thinner(n: int) -> float:
    """Factor of sizes and widths for many nodes."""
    return min(1.0, math.sqrt(_NAMED / max(n, 1)))


def _lines(fig: go.Figure, w: Floats, edges: Sequence[tuple[int, int]], place: Floats, dark: bool) -> None:
    """Edges in few traces: by sign and quartile of size, so that a trace has one colour and one width."""
    if not edges:
        return
    sizes = np.array([abs(w[i, j]) for i, j in edges])
    grade = np.searchsorted(np.quantile(sizes, [0.25, 0.5, 0.75]), sizes, side="left")
    for sign, position in ((1, 0.84), (-1, 0.16)):
        for k, width in enumerate(WIDTHS):
            mine = [e for e, g in zip(edges, grade, strict=True) if g == k and np.sign(w[e]) == sign]
            if not mine:
                continue
            x, y = ([c for i, j in mine for c in (place[i, axis], place[j, axis], None)] for axis in (0, 1))
            fig.add_scatter(
                x=x,
                y=y,
                mode="lines",
                line={
                    "width": width * _thinner(len(place)),
                    "color": theme.with_alpha(theme.colour_at(position, "diverging", dark), 0.55),
                },
                hoverinfo="skip",
                showlegend=False,
            )


def _heads(
    fig: go.Figure, w: Floats, edges: Sequence[tuple[int, int]], place: Floats, names: Sequence[str], dark: bool
) -> None:
    """Arrow heads near the generators' ends, which also carry the hover text."""
    if not edges:
        return
    start, end = place[[i for i, _ in edges]], place[[j for _, j in edges]]
    at = start + _ARROW * (end - start)
    angle = np.degrees(np.arctan2(end[:, 0] - start[:, 0], end[:, 1] - start[:, 1]))
    colours = [theme.colour_at(0.84 if w[e] > 0 else 0.16, "diverging", dark) for e in edges]
    fig.add_scatter(
        x=theme.float32(at[:, 0]),
        y=theme.float32(at[:, 1]),
        mode="markers",
        marker={"symbol": "arrow", "size": 9 * _thinner(len(names)), "angle": theme.float32(angle), "color": colours},
        hovertext=[f"{names[i]} uses {names[j]}: {w[i, j]:+.3f}" for i, j in edges],
        hoverinfo="text",
        showlegend=False,
    )
