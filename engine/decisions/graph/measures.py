"""What a learned graph looks like: degrees, PageRank, spectrum, sectors, strong edges (thesis section 6.4).

An edge runs from asset i to generator j when w_ij ≠ 0: i is forecast with j. Out-degree is how many generators an asset
uses, in-degree how many assets use a generator.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import networkx as nx
import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from engine.errors import MarketDataError
from engine.market.grid import Floats

STRONG = 0.15
"""Edges of at least this size are listed (figure 6.24)."""

DAMPING = 0.85


def to_networkx(weights: ArrayLike, names: Sequence[str], sectors: Sequence[str] | None = None) -> nx.DiGraph:
    """The graph with its edges' signed ``weight``, ``size`` |w| and ``sign``, and its nodes' ``sector``.

    Args:
        weights: ``(n, n)``; row i, column j is the edge from asset i to generator j.
        names: of the n assets, distinct.
        sectors: of the n assets.

    Raises:
        MarketDataError: if the weights are not square, or names or sectors not as many.
    """
    w = _square(weights, names, sectors)
    graph = nx.DiGraph()
    for k, name in enumerate(names):
        graph.add_node(name, **({} if sectors is None else {"sector": sectors[k]}))
    for i, j in np.argwhere(w != 0).tolist():
        value = float(w[i, j])
        graph.add_edge(names[i], names[j], weight=value, size=abs(value), sign=1 if value > 0 else -1)
    return graph


def graphml(weights: ArrayLike, names: Sequence[str], sectors: Sequence[str] | None = None) -> bytes:
    """The graph as GraphML, which other graph programs read."""
    buffer = io.BytesIO()
    nx.write_graphml(to_networkx(weights, names, sectors), buffer)
    return buffer.getvalue()


def node_table(weights: ArrayLike, names: Sequence[str], sectors: Sequence[str]) -> pd.DataFrame:
    """Each node's degrees, self-loop and PageRank (figures 6.16–6.17, Table 6.7).

    PageRank is on |w|, damping 0.85: a node is important if important nodes use its generator.

    Returns:
        Columns ticker, sector, out_degree, in_degree, out_minus_in, self_weight, in_weight, page_rank; one row a node.
    """
    w = _square(weights, names, sectors)
    rank = nx.pagerank(to_networkx(w, names), alpha=DAMPING, weight="size", tol=1e-12, max_iter=1000)
    out, into = (w != 0).sum(axis=1), (w != 0).sum(axis=0)
    return pd.DataFrame(
        {
            "ticker": list(names),
            "sector": list(sectors),
            "out_degree": out,
            "in_degree": into,
            "out_minus_in": out - into,
            "self_weight": np.diagonal(w),
            "in_weight": np.abs(w).sum(axis=0),
            "page_rank": [rank[name] for name in names],
        }
    )


def sector_table(nodes: pd.DataFrame, sharpe: ArrayLike) -> pd.DataFrame:
    """Average degrees, PageRank and Sharpe ratio by sector (Tables 6.6 and 6.7).

    Args:
        nodes: from :func:`node_table`.
        sharpe: ``(n,)`` of each asset, in the order of the nodes.
    """
    joined = nodes.assign(sharpe=np.asarray(sharpe, dtype=np.float64))
    columns = ["out_degree", "in_degree", "out_minus_in", "page_rank", "sharpe"]
    means = joined.groupby("sector", sort=True)[columns].mean()
    means.insert(0, "tickers", joined.groupby("sector").size())
    return means.reset_index()


def facts(weights: ArrayLike) -> dict[str, float]:
    """Edges and their signs, density, self-loops, average sizes (section 6.4's first paragraph)."""
    w = np.asarray(weights, dtype=np.float64)
    edges, loops = w[w != 0], np.diagonal(w)[np.diagonal(w) != 0]
    degrees = (w != 0).sum(axis=1)
    return {
        "edges": float(len(edges)),
        "positive_edges": float((edges > 0).sum()),
        "negative_edges": float((edges < 0).sum()),
        "density": len(edges) / w.size,
        "self_loops": float(len(loops)),
        "mean_self_weight": _mean(loops),
        "mean_positive_weight": _mean(edges[edges > 0]),
        "mean_negative_weight": _mean(edges[edges < 0]),
        "smallest_weight": float(w.min()),
        "largest_weight": float(w.max()),
        "mean_generators_used": float(degrees.mean()),
        "median_generators_used": float(np.median(degrees)),
        "generators_never_used": float(((w != 0).sum(axis=0) == 0).sum()),
    }


@dataclass(frozen=True, eq=False)
class Spectrum:
    """Singular values of the weights, largest first, and the leading singular vectors (figures 6.18–6.20).

    Args:
        values: ``(n,)``.
        left, right: ``(k, n)`` unit vectors over assets and over generators; in each the largest entry of the left one
            is positive, and the right one follows.
    """

    values: Floats
    left: Floats
    right: Floats


def spectrum(weights: ArrayLike, leading: int = 2) -> Spectrum:
    """Singular value decomposition of the weights."""
    u, values, v = np.linalg.svd(np.asarray(weights, dtype=np.float64))
    left, right = u.T[:leading].copy(), v[:leading].copy()
    for k in range(len(left)):
        if left[k, np.argmax(np.abs(left[k]))] < 0:
            left[k], right[k] = -left[k], -right[k]
    return Spectrum(values, left, right)


def between_sectors(matrix: ArrayLike, sectors: Sequence[str], *, mean: bool = False) -> pd.DataFrame:
    """Σ over pairs of |matrix| between sectors a and b, divided by √(n_a n_b) (figures 6.22–6.23); or the mean.

    Args:
        matrix: ``(n, n)`` weights, or anything by (asset, generator).
        sectors: of the n assets.
        mean: mean of the signed entries instead (figure 6.4a).

    Returns:
        Square table; row: sector of the data, column: sector of the generator.
    """
    values = np.asarray(matrix, dtype=np.float64)
    labels = sorted(set(sectors))
    member = np.array([[sector == label for sector in sectors] for label in labels], dtype=np.float64)  # (sectors, n)
    size = member.sum(axis=1)
    if mean:
        table = member @ values @ member.T / np.outer(size, size)
    else:
        table = member @ np.abs(values) @ member.T / np.sqrt(np.outer(size, size))
    return pd.DataFrame(table, index=pd.Index(labels, name="sector"), columns=labels)


def strong_edges(weights: ArrayLike, names: Sequence[str], least: float = STRONG) -> pd.DataFrame:
    """Edges of at least a size, strongest first; self-loops included (figure 6.24).

    Returns:
        Columns asset, generator, weight.
    """
    w = _square(weights, names, None)
    i, j = np.nonzero(np.abs(w) >= least)
    table = pd.DataFrame(
        {"asset": [names[k] for k in i.tolist()], "generator": [names[k] for k in j.tolist()], "weight": w[i, j]}
    )
    return table.sort_values("weight", key=np.abs, ascending=False, kind="stable").reset_index(drop=True)


def neighbours(weights: ArrayLike, names: Sequence[str], node: str) -> Mapping[str, pd.DataFrame]:
    """A node's out-neighbours (generators it uses) and in-neighbours (assets that use its generator), largest first.

    Raises:
        MarketDataError: if there is no such node.
    """
    w = _square(weights, names, None)
    if node not in names:
        raise MarketDataError(f"expected one of the {len(names)} nodes; found {node[:40]!r}")
    k = list(names).index(node)
    tables = {}
    for side, row in (("out", w[k]), ("in", w[:, k])):
        order = [j for j in np.argsort(-np.abs(row), kind="stable").tolist() if row[j] != 0]
        tables[side] = pd.DataFrame({"ticker": [names[j] for j in order], "weight": row[order]})
    return tables


def _square(weights: ArrayLike, names: Sequence[str], sectors: Sequence[str] | None) -> Floats:
    w = np.asarray(weights, dtype=np.float64)
    if w.shape != (len(names), len(names)) or (sectors is not None and len(sectors) != len(names)):
        raise MarketDataError(
            f"expected square weights with a name and a sector for each of {len(names)} nodes; found {w.shape}"
        )
    return w


def _mean(values: Floats) -> float:
    return float(values.mean()) if len(values) else 0.0
