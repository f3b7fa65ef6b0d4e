"""Tables of the study of graphs that describe one graph: degrees, PageRank, spectrum, sectors, strong edges (6.4)."""

from __future__ import annotations

import numpy as np
import pandas as pd

from engine.decisions.graph import measures as graph_measures
from engine.market.grid import Floats
from engine.studies.base import Tables
from engine.studies.graph.panel import Panel

PUBLISHED_SECTORS = {
    "XLB": (39.62, 31.92, 7.69, 0.16, 0.0052),
    "XLE": (44.17, 30.92, 13.25, 0.25, 0.0045),
    "XLF": (25.92, 41.84, -15.92, 0.07, 0.0059),
    "XLI": (36.55, 35.20, 1.35, 0.41, 0.0055),
    "XLK": (56.67, 27.67, 29.00, 0.14, 0.0037),
    "XLP": (31.68, 30.32, 1.37, 0.46, 0.0047),
    "XLU": (12.39, 43.39, -31.00, 0.82, 0.0060),
    "XLV": (31.31, 35.59, -4.28, 0.18, 0.0053),
    "XLY": (50.27, 31.82, 18.45, 0.35, 0.0045),
}
"""Tables 6.6 and 6.7, LASSO over 193 assets: average out-degree, in-degree, their difference, ratio, PageRank."""

PUBLISHED_FACTS = {
    "edges": 6768.0,
    "positive_edges": 3438.0,
    "negative_edges": 3330.0,
    "density": 0.1817,
    "self_loops": 31.0,
    "mean_self_weight": 0.013,
    "mean_positive_weight": 0.030,
    "mean_negative_weight": -0.027,
    "smallest_weight": -0.88,
    "largest_weight": 1.0,
    "mean_generators_used": 35.06,
    "median_generators_used": 33.0,
    "generators_never_used": 14.0,
}
"""The text of section 6.4."""

LEADING = 2


def structure_tables(w: Floats, sharpe: Floats, panel: Panel) -> Tables:
    """Everything section 6.4 shows of a graph.

    Args:
        w: ``(n, n)`` weights.
        sharpe: ``(n,)`` ratio of each asset on the test part.
        panel: names and sectors.
    """
    nodes = graph_measures.node_table(w, panel.tickers, panel.sectors).assign(sharpe=sharpe)
    sectors = graph_measures.sector_table(nodes.drop(columns="sharpe"), np.nan_to_num(sharpe))
    columns = ("out_degree", "in_degree", "out_minus_in", "sharpe", "page_rank")
    for place, column in enumerate(columns):
        printed = {name: figures[place] for name, figures in PUBLISHED_SECTORS.items()}
        sectors[f"published_{column}"] = sectors["sector"].map(printed).astype(float)
    found = graph_measures.facts(w)
    facts = pd.DataFrame(
        {"fact": list(found), "value": list(found.values()), "published": [PUBLISHED_FACTS[name] for name in found]}
    )
    spectrum = graph_measures.spectrum(w, LEADING)
    vectors = pd.DataFrame({"ticker": panel.tickers, "sector": panel.sectors})
    for k in range(len(spectrum.left)):
        vectors[f"left_{k + 1}"], vectors[f"right_{k + 1}"] = spectrum.left[k], spectrum.right[k]
    values = pd.DataFrame({"number": np.arange(1, len(spectrum.values) + 1), "singular_value": spectrum.values})
    return {
        "nodes": nodes,
        "sectors": sectors,
        "facts": facts,
        "spectrum": values,
        "singular_vectors": vectors,
        "sector_weight": graph_measures.between_sectors(w, panel.sectors).reset_index(),
        "strong_edges": graph_measures.strong_edges(w, panel.tickers),
    }


def edge_list(graphs: dict[str, Floats], panel: Panel) -> pd.DataFrame:
    """Every edge of some graphs: columns method, asset, generator, weight."""
    parts = []
    for name, w in graphs.items():
        i, j = np.nonzero(w)
        names = np.array(panel.tickers)
        parts.append(pd.DataFrame({"method": name, "asset": names[i], "generator": names[j], "weight": w[i, j]}))
    return pd.concat(parts, ignore_index=True)
