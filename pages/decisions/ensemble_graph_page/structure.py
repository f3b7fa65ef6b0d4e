"""What the graph looks like: sectors, importance, spectrum; and who forecasts whom."""

import numpy as np
import pandas as pd
import streamlit as st

from engine.charts import graph as draw
from engine.decisions.graph import measures as graph_measures
from pages.decisions.ensemble_graph_page import Chosen, View, live, show_table
from pages.ui import frame, widths


def sectors(view: View, chosen: Chosen) -> None:
    """Weight between sectors as a graph and a matrix, and Table 6.6 for the chosen draw."""
    table = graph_measures.between_sectors(chosen.weights, view.sectors)
    names = [str(name) for name in table.columns]
    sizes = [view.sectors.count(name) for name in names]
    left, right = widths.columns(2)
    frame.picture(draw.sector_graph, table, names, sizes, key="graph_sectors", where=left)
    frame.picture(
        draw.adjacency,
        table,
        names,
        names,
        what="Total |w|",
        y_title="Sector forecast",
        x_title="Sector of the generators",
        height=480,
        key="graph_sector_matrix",
        where=right,
    )
    st.caption("Total |w| from one sector to another over the root of the product of their sizes (figure 6.22).")
    _, ratios = live(view.result).sharpe(chosen.weights)
    nodes = graph_measures.node_table(chosen.weights, view.tickers, view.sectors)
    by_sector = graph_measures.sector_table(nodes, np.nan_to_num(ratios))
    printed = view.table("lasso_sectors").set_index("sector").filter(like="published_")
    show_table(by_sector.join(printed, on="sector"), "sectors", "%.3g")


def importance(view: View, chosen: Chosen) -> None:
    """PageRank, degrees, spectrum, singular vectors, strong edges."""
    _, ratios = live(view.result).sharpe(chosen.weights)
    nodes = graph_measures.node_table(chosen.weights, view.tickers, view.sectors).assign(sharpe=ratios)
    frame.picture(draw.node_bars, nodes, "page_rank", "PageRank (share, on |w|)", key="graph_rank")
    left, right = widths.columns(2)
    frame.picture(draw.node_bars, nodes, "out_degree", "Generators used (out-degree)", key="graph_out", where=left)
    frame.picture(
        draw.node_bars, nodes, "in_degree", "Assets that use the generator (in-degree)", key="graph_in", where=right
    )
    found = graph_measures.spectrum(chosen.weights)
    values = pd.DataFrame({"number": np.arange(1, len(found.values) + 1), "singular_value": found.values})
    left, right = widths.columns(2)
    frame.picture(draw.spectrum, values, key="graph_spectrum", where=left)
    with right:
        titles = "Generators used (number)", "Sharpe ratio (a year), test part"
        frame.picture(draw.against, nodes["out_degree"], nodes["sharpe"], view.tickers, *titles, key="graph_degree_sr")
    vectors = pd.DataFrame({"ticker": view.tickers, "sector": view.sectors})
    vectors = vectors.assign(left=found.left[0], right=found.right[0])
    left, right = widths.columns(2)
    frame.picture(draw.node_bars, vectors, "left", "First left singular vector (assets)", key="graph_left", where=left)
    frame.picture(
        draw.node_bars, vectors, "right", "First right singular vector (generators)", key="graph_right", where=right
    )
    st.markdown("**Edges of at least 15 %**")
    show_table(graph_measures.strong_edges(chosen.weights, view.tickers), "strong_edges", "%.3f")
    show_table(nodes, "nodes", "%.3g")


def transfer(view: View) -> None:
    """Figures 6.2 to 6.4: do returns that move together forecast each other?"""
    left, right = widths.columns(2)
    for place, name, what, titles in (
        (left, "return_correlation", "Correlation", ("Returns of", "and of")),
        (right, "sr_matrix", "Sharpe ratio", ("Asset forecast", "Generator used")),
    ):
        with place:
            values = view.table(name).drop(columns="ticker").to_numpy(dtype=float)
            if name == "return_correlation":
                values = values - np.eye(len(values))
            frame.picture(
                draw.adjacency,
                values,
                view.tickers,
                view.sectors,
                what=what,
                y_title=titles[0],
                x_title=titles[1],
                height=520,
                key=f"graph_{name}",
            )
    st.caption(
        "Left: returns of training and validation, own left out. Right: every generator on every asset, validation."
    )
    st.markdown("**Mean Sharpe ratio by sector of the data (row) and of the generator**")
    show_table(view.table("sector_sr_mean"), "sector_sr_mean")
    show_table(view.table("sector_sr_size"), "sector_sr_size")
