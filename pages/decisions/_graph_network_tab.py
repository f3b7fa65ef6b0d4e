"""The graph itself: drawn, as a matrix, and one node with its neighbours."""

import numpy as np
import pandas as pd
import streamlit as st

from engine.charts import graph as draw
from engine.decisions import graph
from engine.decisions.graph import measures as graph_measures
from pages.decisions import _graph_cache as kept
from pages.decisions import _graph_mixture as mixture
from pages.decisions import _graph_text as text
from pages.decisions._graph_view import Chosen, View
from pages.ui import downloads, frame, pictures, widths

NOBODY = "none"
HEIGHT = 300


def edges(view: View, chosen: Chosen) -> pd.DataFrame:
    """Every edge as a row."""
    names = np.array(view.tickers)
    i, j = np.nonzero(chosen.weights)
    return pd.DataFrame({"asset": names[i], "generator": names[j], "weight": chosen.weights[i, j]})


def show(view: View, chosen: Chosen) -> None:
    """Graph, its controls, and the node that was picked."""
    names, sectors, w = view.tickers, view.sectors, chosen.weights
    if st.toggle("Edges within a sector only", key="graph_within", help=text.WITHIN):
        w = np.where(graph.same_sector(sectors), w, 0.0)
    left, middle, right = st.columns([2, 2, 2], vertical_alignment="bottom")
    layout = left.selectbox(
        "Layout", list(draw.LAYOUTS), format_func=draw.LAYOUTS.__getitem__, key="graph_layout", help=text.LAYOUT
    )
    most = float(np.abs(w - np.diag(np.diag(w))).max())
    start = _start(w)
    least = middle.slider(
        "Least |w| drawn", 0.0, max(0.01, round(most, 2)), min(start, most), 0.005, format="%.3f",
        key=f"graph_least_{chosen.method}", help=text.LEAST,
    )  # fmt: skip
    picked = right.selectbox("Node", [NOBODY, *names], key="graph_node", persist_state="session", help=text.NODE)
    node = None if picked == NOBODY else picked
    place = kept.positions(chosen.key, layout, w, sectors)
    _, ratios = kept.live(view.result).sharpe(chosen.weights)
    figure = pictures.of(
        draw.network, w, names, sectors, place, least=least, sharpe=ratios, chosen=node, dark=frame.is_dark()
    )
    config = {"displaylogo": False, "scrollZoom": True}
    frame.chart(figure, key="graph_network", on_select=_pick, selection_mode="points", config=config)
    facts = graph_measures.facts(chosen.weights)
    st.caption(
        f"{chosen.words}: {facts['edges']:,.0f} edges of {len(names) ** 2:,} ({facts['density']:.1%}), "
        f"{facts['positive_edges']:,.0f} positive (orange) and {facts['negative_edges']:,.0f} negative (blue), "
        f"{facts['self_loops']:.0f} self-loops, {facts['generators_never_used']:.0f} generators never used. "
        "An arrow runs from an asset to a generator that forecasts it; click a node to follow it."
    )
    if node is not None:
        _neighbours(view, chosen, node, ratios)
        mixture.show(view, chosen, node)
    downloads.table_buttons(lambda: edges(view, chosen), f"graph_{chosen.method}", key="graph_edges", figure=figure)
    st.download_button(
        "GraphML",
        lambda: graph_measures.graphml(chosen.weights, names, sectors),
        f"graph_{chosen.method}.graphml",
        "application/xml",
        key="graph_graphml",
        on_click="ignore",
    )


def matrix(view: View, chosen: Chosen) -> None:
    """The adjacency by sector."""
    figure = pictures.of(draw.adjacency, chosen.weights, view.tickers, view.sectors, dark=frame.is_dark())
    frame.chart(figure, key="graph_adjacency")


def _start(w: np.ndarray) -> float:
    """A first threshold that leaves about three arrows a node, and 250 at most."""
    size = np.sort(np.abs(w - np.diag(np.diag(w))), axis=None)[::-1]
    return float(np.ceil(200 * size[min(3 * len(w), 250, len(size) - 1)]) / 200)


def _pick() -> None:
    points = st.session_state["graph_network"]["selection"]["points"]
    names = [point["customdata"] for point in points if isinstance(point.get("customdata"), str)]
    if names:
        st.session_state["graph_node"] = names[0]


def _neighbours(view: View, chosen: Chosen, node: str, ratios: np.ndarray) -> None:
    near = graph_measures.neighbours(chosen.weights, view.tickers, node)
    sector = dict(zip(view.tickers, view.sectors, strict=True))
    row = view.tickers.index(node)
    pairs = kept.live(view.result).pairs
    pnl = float(pairs.mean_pnl(chosen.weights)[row])
    st.markdown(f"**{frame.plain(node)}** ({frame.plain(sector[node])})")
    columns = st.columns(3)
    columns[0].metric("Sharpe ratio, test part", f"{ratios[row]:.2f}", border=True)
    columns[1].metric("Mean PnL a day", f"{pnl:.2f} bp", border=True)
    columns[2].metric("PnL over the test part", f"{pnl * pairs.days:,.0f} bp", border=True)
    left, right = widths.columns(2)
    for side, place, words in (("out", left, "Generators that forecast it"), ("in", right, "Assets that use its own")):
        table = near[side].assign(sector=near[side]["ticker"].map(sector))
        place.markdown(f"{words}: {len(table)}")
        place.dataframe(table, hide_index=True, width="stretch", height=HEIGHT)
