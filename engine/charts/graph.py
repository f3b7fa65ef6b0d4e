"""Graph ensembles as pictures: the graph (thesis figures 6.21–6.24), and how its bets did (6.3–6.4)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Literal

import networkx as nx
import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import ArrayLike

from engine.charts import marks, theme
from engine.market.grid import Floats
from engine.studies.graph.results import LABELS

ORDER = (
    "identity", "correlation", "sharpe", "pnl_threshold", "pnl_max", "pnl_based", "lasso", "ridge", "selected",
)  # fmt: skip

WEIGHTING = "Weighting (how edges are learned)"


def colour(method: str) -> str:
    """A weighting's own colour on every picture."""
    if method in ("identity", "selected"):
        return theme.RAW if method == "identity" else theme.REFERENCE
    return theme.series_colour(ORDER.index(method) if method in ORDER else len(ORDER))


def method_ratios(methods: pd.DataFrame) -> go.Figure:
    """Portfolio Sharpe ratio of every weighting with its bootstrap interval; the published one beside (Table 6.2).

    Args:
        methods: columns method, portfolio_sr, low, high, published_portfolio_sr.
    """
    shown = methods.iloc[::-1]
    names = [LABELS.get(name, name) for name in shown["method"]]
    fig = go.Figure(
        go.Scatter(
            x=theme.float32(shown["portfolio_sr"]),
            y=names,
            mode="markers",
            name="these data, 95 % block bootstrap",
            marker={"size": 11, "color": [colour(name) for name in shown["method"]]},
            error_x=marks.interval(shown["portfolio_sr"], shown["low"], shown["high"], thickness=1.5),
            hovertemplate="%{y}: %{x:.2f}<extra></extra>",
        )
    )
    known = shown["published_portfolio_sr"].notna()
    fig.add_scatter(
        x=theme.float32(shown["published_portfolio_sr"][known]),
        y=[name for name, there in zip(names, known, strict=True) if there],
        mode="markers",
        name="thesis, 193 assets",
        marker={"symbol": "diamond-open", "size": 10, "color": theme.REFERENCE, "line": {"width": 2}},
        hovertemplate="%{y}, published: %{x:.2f}<extra></extra>",
    )
    fig.add_vline(x=0, line={"color": theme.GUIDE, "width": 1})
    words = ", ".join(
        f"{LABELS.get(m, m)} {r:.2f}" for m, r in zip(methods["method"], methods["portfolio_sr"], strict=True)
    )
    alt = f"Portfolio Sharpe ratio on the test part: {words}."
    return theme.base_layout(
        fig, alt=alt, x_title="Sharpe ratio of the portfolio (a year)", y_title=WEIGHTING, height=460, legend=True
    )


def gains(differences: pd.DataFrame) -> go.Figure:
    """Every weighting's portfolio ratio less identity's, both on the same resampled days."""
    shown = differences.iloc[::-1]
    fig = go.Figure(
        go.Scatter(
            x=theme.float32(shown["gain"]),
            y=[LABELS.get(name, name) for name in shown["method"]],
            mode="markers",
            marker={"size": 11, "color": [colour(name) for name in shown["method"]]},
            error_x=marks.interval(shown["gain"], shown["low"], shown["high"], thickness=1.5),
            customdata=theme.float32(shown["p_value"]),
            hovertemplate="%{y}: %{x:+.2f}, p = %{customdata:.2g}<extra></extra>",
        )
    )
    fig.add_vline(x=0, line={"color": theme.REFERENCE, "width": 1.5, "dash": "dot"})
    best = differences.iloc[int(differences["gain"].argmax())]
    who = LABELS.get(str(best["method"]), str(best["method"]))
    alt = f"Gain over identity; largest {best['gain']:+.2f} by {who}, p {best['p_value']:.2g}."
    return theme.base_layout(
        fig, alt=alt, x_title="Gain in Sharpe ratio over identity (95 %)", y_title=WEIGHTING, height=420, legend=False
    )


def seed_ratios(by_seed: pd.DataFrame, pooled: Mapping[str, float]) -> go.Figure:
    """Each training seed's portfolio ratio by weighting, and that of the signs averaged over seeds."""
    fig = go.Figure()
    for name in (m for m in ORDER if m in set(by_seed["method"])):
        values = by_seed[by_seed["method"] == name]
        fig.add_scatter(
            x=[LABELS[name]] * len(values),
            y=theme.float32(values["portfolio_sr"]),
            mode="markers",
            marker={"size": 8, "color": colour(name), "opacity": 0.65},
            customdata=values["seed"],
            hovertemplate="seed %{customdata}: %{y:.2f}<extra></extra>",
            showlegend=False,
        )
    fig.add_scatter(
        x=[LABELS[name] for name in ORDER if name in pooled],
        y=theme.float32([pooled[name] for name in ORDER if name in pooled]),
        mode="markers",
        name="signs averaged over seeds",
        marker={"symbol": "line-ew", "size": 26, "line": {"width": 3, "color": theme.REFERENCE}},
        hovertemplate="%{x}, all seeds: %{y:.2f}<extra></extra>",
    )
    means = by_seed.groupby("method")["portfolio_sr"].mean()
    words = ", ".join(f"{LABELS[m]} {means[m]:.2f}" for m in ORDER if m in means.index)
    alt = f"Portfolio Sharpe ratio of each seed; means {words}."
    return theme.base_layout(
        fig, alt=alt, x_title=WEIGHTING, y_title="Sharpe ratio of the portfolio (a year)", height=440, legend=True
    )


def distributions(tickers: pd.DataFrame) -> go.Figure:
    """How the ratios of the tickers are spread under every weighting (figure 6.6)."""
    fig = go.Figure()
    words = []
    for name in (m for m in ORDER if m in set(tickers["method"])):
        values = tickers[tickers["method"] == name]
        fig.add_box(
            y=theme.float32(values["sharpe"]), name=LABELS[name], text=values["ticker"], boxpoints="all", jitter=0.4,
            pointpos=0, marker={"size": 4, "color": colour(name)}, line={"width": 1},
            hovertemplate="%{text}: %{y:.2f}<extra></extra>", showlegend=False,
        )  # fmt: skip
        words.append(f"{LABELS[name]} {values['sharpe'].median():.2f}")
    alt = f"Sharpe ratios of the tickers on the test part; medians {', '.join(words)}."
    return theme.base_layout(fig, alt=alt, x_title=WEIGHTING, y_title="Sharpe ratio of a ticker (a year)", height=440)


def luck(permutation: pd.DataFrame) -> go.Figure:
    """What graphs learned from shuffled returns reach, beside the real ones and identity."""
    names = [LABELS.get(name, name) for name in permutation["method"]]
    middle = permutation["shuffled_mean"]
    fig = go.Figure(
        go.Scatter(
            x=names,
            y=theme.float32(middle),
            mode="markers",
            name="learned from shuffled returns: mean and 95 %",
            marker={"color": theme.RAW, "size": 8},
            error_y=marks.interval(
                middle,
                permutation["shuffled_low"],
                permutation["shuffled_high"],
                thickness=5,
                width=0,
                color=theme.with_alpha(theme.RAW, 0.6),
            ),
            hovertemplate="%{x}, shuffled: %{y:.2f}<extra></extra>",
        )
    )
    fig.add_scatter(
        x=names,
        y=theme.float32(permutation["test_sr"]),
        mode="markers",
        name="learned from the returns as they were",
        marker={"size": 12, "color": [colour(name) for name in permutation["method"]]},
        customdata=theme.float32(permutation["p_value"]),
        hovertemplate="%{x}: %{y:.2f}, p = %{customdata:.2g}<extra></extra>",
    )
    level = float(permutation["identity_sr"].iloc[0])
    fig.add_hline(y=level, line={"color": theme.REFERENCE, "dash": "dot"}, annotation_text="identity")
    words = ", ".join(
        f"{n} {r:.2f} (p {p:.2g})"
        for n, r, p in zip(names, permutation["test_sr"], permutation["p_value"], strict=True)
    )
    alt = f"Ratios against graphs learned from shuffled returns: {words}; identity {level:.2f}."
    return theme.base_layout(
        fig, alt=alt, x_title=WEIGHTING, y_title="Sharpe ratio of the portfolio (a year)", height=440, legend=True
    )


def cumulative(pnl: pd.DataFrame, size: pd.DataFrame | None = None) -> go.Figure:
    """Cumulative PnL of every portfolio; with bet sizes, per unit of total bet (figures 6.9, 6.10, 6.13).

    Args:
        pnl: column date, then basis points a day of each weighting.
        size: same columns, mean |bet| of each day.
    """
    fig = go.Figure()
    days = pd.to_datetime(pnl["date"])
    names = [name for name in ORDER if name in pnl]
    words = []
    for name in names:
        total = pnl[name].to_numpy(dtype=np.float64).cumsum()
        if size is not None:
            total = total / max(float(size[name].sum()), 1e-12)
        keep = theme.thin(len(total), theme.MOST_POINTS // len(names), keep=total)
        wide = {"width": 3 if name == "selected" else 1.5, "dash": "dot" if name == "selected" else "solid"}
        fig.add_scatter(
            x=days.iloc[keep],
            y=theme.float32(total[keep]),
            mode="lines",
            name=LABELS[name],
            line={"color": colour(name), **wide},
            hovertemplate="%{x|%d %b %Y}: %{y:.1f}<extra></extra>",
        )
        words.append(f"{LABELS[name]} {total[-1]:.4g}")
    unit = "bp of the notional" if size is None else "bp per unit of bet"
    alt = f"Cumulative PnL in {unit} at the end of the test part: {', '.join(words)}."
    return theme.base_layout(
        fig, alt=alt, x_title="Trading day", y_title=f"Cumulative PnL ({unit})", height=480, legend=True
    )


def over_time(table: pd.DataFrame, y_title: str) -> go.Figure:
    """A cumulated daily series of every weighting (figure 6.11)."""
    fig = go.Figure()
    days = pd.to_datetime(table["date"])
    names = [name for name in ORDER if name in table]
    for name in names:
        total = table[name].to_numpy(dtype=np.float64).cumsum()
        keep = theme.thin(len(total), theme.MOST_POINTS // len(names))
        marks.line(fig, days.iloc[keep], total[keep], LABELS[name], colour(name), "%{x|%d %b %Y}: %{y:.1f}", width=1.5)
    ends = ", ".join(f"{LABELS[name]} {float(table[name].sum()):.1f}" for name in names)
    return theme.base_layout(
        fig, alt=f"{y_title} at the end: {ends}.", x_title="Trading day", y_title=y_title, legend=True
    )


def against(x: pd.Series, y: pd.Series, names: Sequence[str], x_title: str, y_title: str) -> go.Figure:
    """One dot a ticker (figures 6.5, 6.12, 6.14, 6.15); a dotted diagonal where both axes are ratios."""
    fig = go.Figure()
    if "ratio" in x_title and "ratio" in y_title:
        ends = [float(min(x.min(), y.min())), float(max(x.max(), y.max()))]
        fig.add_scatter(
            x=ends, y=ends, mode="lines", line={"color": theme.REFERENCE, "dash": "dot"}, hoverinfo="skip",
            showlegend=False,
        )  # fmt: skip
    fig.add_scatter(
        x=theme.float32(x), y=theme.float32(y), text=list(names),
        mode="markers+text" if len(names) <= 40 else "markers",
        textposition="top center", textfont={"size": 9}, marker={"size": 8, "color": theme.series_colour(0)},
        hovertemplate="%{text}: %{x:.2f}, %{y:.2f}<extra></extra>", showlegend=False,
    )  # fmt: skip
    both = pd.DataFrame({"x": np.asarray(x), "y": np.asarray(y)}).dropna()
    link = float(both["x"].corr(both["y"])) if len(both) > 2 else float("nan")
    above = int((both["y"] > both["x"]).sum())
    alt = f"{y_title} against {x_title} of {len(both)} tickers: correlation {link:.2f}, {above} above the diagonal."
    return theme.base_layout(fig, alt=alt, x_title=x_title, y_title=y_title, height=460)


def spectrum(values: pd.DataFrame) -> go.Figure:
    """Singular values of the weights (figure 6.18)."""
    fig = go.Figure(
        go.Scatter(
            x=values["number"], y=theme.float32(values["singular_value"]), mode="markers+lines",
            marker={"size": 7, "color": theme.series_colour(0)}, line={"width": 1, "color": theme.GUIDE},
            hovertemplate="number %{x}: %{y:.3f}<extra></extra>",
        )
    )  # fmt: skip
    first = ", ".join(f"{value:.2f}" for value in values["singular_value"].head(5))
    alt = f"Singular values of the weights, the largest {first}."
    return theme.base_layout(
        fig, alt=alt, x_title="Number (by size)", y_title="Singular value (of the weights)", height=380
    )


def node_bars(nodes: pd.DataFrame, column: str, title: str, top: int = 40) -> go.Figure:
    """The nodes with the largest of something, coloured by sector (figures 6.16, 6.17, 6.19, 6.20, Table 6.7)."""
    order = nodes[column].abs().sort_values(ascending=False).index[:top]
    shown, labels = nodes.loc[order], sorted(set(nodes["sector"]))
    fig = go.Figure()
    for place, sector in enumerate(labels):
        mine = shown[shown["sector"] == sector]
        fig.add_bar(
            x=mine["ticker"], y=theme.float32(mine[column]), name=sector, marker_color=theme.series_colour(place),
            hovertemplate="%{x}: %{y:.3g}<extra></extra>",
        )  # fmt: skip
    fig.update_xaxes(categoryorder="array", categoryarray=list(shown["ticker"]))
    words = ", ".join(f"{name} {value:.3g}" for name, value in zip(shown["ticker"][:5], shown[column][:5], strict=True))
    return theme.base_layout(
        fig, alt=f"{title}, largest: {words}.", x_title="Ticker (largest first)", y_title=title, height=380, legend=True
    )


def eta_path(table: pd.DataFrame, chosen: float | None = None) -> go.Figure:
    """LASSO's portfolio ratio over η: validation (where it was fitted), test, and published (Table 6.4)."""
    fig = go.Figure()
    for column, name, look in (
        ("validation_sr", "validation, in sample", {"color": theme.RAW, "dash": "dash"}),
        ("portfolio_sr", "test", {"color": colour("lasso")}),
    ):
        fig.add_scatter(
            x=table["eta"], y=theme.float32(table[column]), mode="lines+markers", name=name, line=look,
            customdata=table["edges"], hovertemplate="η = %{x:g}: %{y:.2f}, %{customdata} edges<extra></extra>",
        )  # fmt: skip
    known = table[table["published_portfolio_sr"].notna()]
    fig.add_scatter(
        x=known["eta"], y=theme.float32(known["published_portfolio_sr"]), mode="markers", name="thesis, 193 assets",
        marker={"symbol": "diamond-open", "size": 10, "color": theme.REFERENCE, "line": {"width": 2}},
    )  # fmt: skip
    if chosen is not None:
        fig.add_vline(x=chosen, line={"color": theme.REFERENCE, "dash": "dot"})
    fig.update_xaxes(type="log", dtick=1)
    words = ", ".join(f"η = {eta:g}: {sr:.2f}" for eta, sr in zip(table["eta"], table["portfolio_sr"], strict=True))
    return theme.base_layout(
        fig, alt=f"LASSO's portfolio ratio on the test part by η: {words}.", x_title="η (log scale)",
        y_title="Sharpe ratio of the portfolio (a year)", height=420, legend=True,
    )  # fmt: skip


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
