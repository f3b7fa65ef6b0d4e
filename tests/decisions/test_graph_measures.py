import io

import networkx as nx
import numpy as np
import pytest

from engine.decisions import graph
from engine.decisions.graph import measures as graph_measures
from engine.errors import MarketDataError

NAMES = ["A", "B", "C", "D", "E"]
SECTORS = ["x", "x", "y", "y", "y"]


def sparse(seed=0, n=5):
    rng = np.random.default_rng(seed)
    return graph.normalised(rng.normal(size=(n, n)) * (rng.uniform(size=(n, n)) < 0.5))


def test_degrees_count_edges_and_page_rank_is_the_power_iteration():
    w = sparse()
    table = graph_measures.node_table(w, NAMES, SECTORS)
    for k in range(5):
        assert table["out_degree"][k] == sum(w[k, j] != 0 for j in range(5))
        assert table["in_degree"][k] == sum(w[i, k] != 0 for i in range(5))
        assert table["in_weight"][k] == pytest.approx(sum(abs(w[i, k]) for i in range(5)))
    rank = np.full(5, 0.2)
    for _ in range(500):  # rows of |w| sum to one, so no node is dangling
        rank = 0.15 / 5 + 0.85 * np.abs(w).T @ rank
    np.testing.assert_allclose(table["page_rank"], rank, atol=1e-9)


def test_sector_averages_longhand():
    w, sharpe = sparse(1), np.arange(5.0)
    table = graph_measures.sector_table(graph_measures.node_table(w, NAMES, SECTORS), sharpe)
    assert table["sector"].tolist() == ["x", "y"] and table["tickers"].tolist() == [2, 3]
    assert table["sharpe"].tolist() == [0.5, 3.0]
    assert table["out_degree"][1] == pytest.approx((w[2:] != 0).sum() / 3)


def test_weight_between_sectors_longhand():
    w = sparse(2)
    table = graph_measures.between_sectors(w, SECTORS)
    groups = {"x": (0, 1), "y": (2, 3, 4)}
    for a, rows in groups.items():
        for b, columns in groups.items():
            total = sum(abs(w[i, j]) for i in rows for j in columns)
            assert table.loc[a, b] == pytest.approx(total / np.sqrt(len(rows) * len(columns)))
            mean = np.mean([w[i, j] for i in rows for j in columns])
            assert graph_measures.between_sectors(w, SECTORS, mean=True).loc[a, b] == pytest.approx(mean)


def test_spectrum_rebuilds_the_weights_and_fixes_signs():
    w = sparse(3)
    found = graph_measures.spectrum(w, leading=5)
    np.testing.assert_allclose(np.einsum("k,ki,kj->ij", found.values, found.left, found.right), w, atol=1e-12)
    for vector in found.left:
        assert vector[np.argmax(np.abs(vector))] > 0


def test_facts_count_what_is_there():
    w = np.array([[1.0, 0, 0], [0.25, 0, -0.75], [0, 0.5, 0.5]])
    found = graph_measures.facts(w)
    assert (found["edges"], found["positive_edges"], found["negative_edges"]) == (5, 4, 1)
    assert found["density"] == pytest.approx(5 / 9) and found["self_loops"] == 2
    assert found["mean_positive_weight"] == pytest.approx((1 + 0.25 + 0.5 + 0.5) / 4)
    assert (found["smallest_weight"], found["largest_weight"]) == (-0.75, 1.0)
    assert found["generators_never_used"] == 0 and found["median_generators_used"] == 2


def test_strong_edges_and_neighbours():
    w = np.array([[0.9, 0.1, 0], [0.14, 0, -0.86], [0, 1.0, 0]])
    edges = graph_measures.strong_edges(w, NAMES[:3])
    assert edges.to_numpy().tolist() == [["C", "B", 1.0], ["A", "A", 0.9], ["B", "C", -0.86]]
    near = graph_measures.neighbours(w, NAMES[:3], "B")
    assert near["out"].to_numpy().tolist() == [["C", -0.86], ["A", 0.14]]
    assert near["in"].to_numpy().tolist() == [["C", 1.0], ["A", 0.1]]
    with pytest.raises(MarketDataError, match="expected one of the 3 nodes; found 'Z'"):
        graph_measures.neighbours(w, NAMES[:3], "Z")


def test_graphml_is_read_back_the_same():
    w = sparse(4)
    back = nx.read_graphml(io.BytesIO(graph_measures.graphml(w, NAMES, SECTORS)))
    assert dict(back.nodes(data="sector")) == dict(zip(NAMES, SECTORS, strict=True))
    found = np.array([[back.edges[a, b]["weight"] if back.has_edge(a, b) else 0.0 for b in NAMES] for a in NAMES])
    np.testing.assert_array_equal(found, w)


def test_names_must_fit():
    with pytest.raises(MarketDataError, match="for each of 2 nodes; found \\(5, 5\\)"):
        graph_measures.node_table(sparse(), NAMES[:2], SECTORS[:2])
