import math

import numpy as np
import pandas as pd
import pytest

from engine.charts import graph as draw
from engine.charts import theme
from engine.decisions import graph

NAMES = ["AA", "BB", "CC", "DD"]
SECTORS = ["x", "x", "y", "y"]


def weights(n=4, seed=0, density=0.6):
    rng = np.random.default_rng(seed)
    return graph.normalised(rng.normal(size=(n, n)) * (rng.uniform(size=(n, n)) < density))


def methods():
    rows = [
        {
            "method": m,
            "portfolio_sr": k,
            "low": k - 1,
            "high": k + 1,
            "published_portfolio_sr": 2.0 if k < 8 else np.nan,
        }
        for k, m in enumerate(draw.ORDER)
    ]
    return pd.DataFrame(rows)


def arrows(fig):
    """Positions and hover texts of the arrow heads."""
    trace = next(trace for trace in fig.data if trace.marker.symbol == "arrow")
    return trace


def test_every_edge_has_one_arrow_from_the_asset_to_the_generator():
    w = weights()
    place = draw.positions(w, SECTORS, "sectors")
    fig = draw.network(w, NAMES, SECTORS, place)
    heads = arrows(fig)
    expected = {f"{NAMES[i]} uses {NAMES[j]}: {w[i, j]:+.3f}" for i, j in np.argwhere(w != 0) if i != j}
    assert set(heads.hovertext) == expected
    for x, y, angle, words in zip(heads.x, heads.y, heads.marker.angle, heads.hovertext, strict=True):
        a, b = words.split(":")[0].split(" uses ")
        start, end = place[NAMES.index(a)], place[NAMES.index(b)]
        np.testing.assert_allclose([x, y], start + draw._ARROW * (end - start), atol=1e-6)
        toward = math.degrees(math.atan2(end[0] - start[0], end[1] - start[1]))  # clockwise from up
        assert abs((angle - toward + 180) % 360 - 180) < 1e-3


def test_the_sign_of_a_weight_is_its_colour_and_a_threshold_hides_small_ones():
    w = weights(seed=1)
    place = draw.positions(w, SECTORS, "sectors")
    least = float(np.median(np.abs(w[w != 0])))
    heads = arrows(draw.network(w, NAMES, SECTORS, place, least=least))
    sizes = [abs(float(words.split(": ")[1])) for words in heads.hovertext]
    assert min(sizes) >= least - 5e-4
    positive = {c for c, words in zip(heads.marker.color, heads.hovertext, strict=True) if ": +" in words}
    negative = {c for c, words in zip(heads.marker.color, heads.hovertext, strict=True) if ": -" in words}
    assert len(positive) == 1 and len(negative) == 1 and positive != negative


def test_a_chosen_node_shows_its_own_edges_only():
    w = weights(seed=2)
    fig = draw.network(w, NAMES, SECTORS, draw.positions(w, SECTORS, "force"), chosen="BB")
    assert all("BB" in words for words in arrows(fig).hovertext)
    assert len(arrows(fig).hovertext) == int((w[1] != 0).sum() + (w[:, 1] != 0).sum() - 2 * (w[1, 1] != 0))


@pytest.mark.parametrize("layout", list(draw.LAYOUTS))
def test_layouts_repeat_and_stay_in_their_box(layout):
    w = weights(12, seed=3)
    sectors = [f"s{k % 3}" for k in range(12)]
    first, again = (draw.positions(w, sectors, layout) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first[:, 1]).max() <= 1 + 1e-9 and np.abs(first[:, 0]).max() <= draw.WIDE + 1e-9
    assert len({tuple(np.round(p, 6)) for p in first}) == 12


def test_the_circle_keeps_sectors_together():
    sectors = ["b", "a", "b", "a", "c"]
    place = draw.positions(np.zeros((5, 5)), sectors, "sectors")
    np.testing.assert_allclose(np.hypot(*place.T), 1)
    order = np.argsort(np.arctan2(place[:, 0], place[:, 1]) % (2 * np.pi))
    assert [sectors[k] for k in order] == ["a", "a", "b", "b", "c"]


def test_308_nodes_stay_drawable(check_figure):
    w = weights(308, seed=4, density=0.2)
    names, sectors = [f"T{k}" for k in range(308)], [f"S{k // 40}" for k in range(308)]
    place = draw.positions(w, sectors, "sectors")
    fig = draw.network(w, names, sectors, place)
    assert len(arrows(fig).x) == draw.MOST_EDGES
    written = [text for trace in fig.data for text in (trace.text or ()) if text]
    assert 0 < len(written) <= 40  # the largest nodes only
    assert sum(np.size(trace.x) for trace in fig.data) < theme.MOST_POINTS
    matrix = draw.adjacency(w, names, sectors)
    assert sum(np.size(trace.x) for trace in matrix.data) <= draw.CELLS
    assert list(matrix.layout.xaxis.ticktext) == sorted(set(sectors))


def test_a_small_adjacency_is_the_matrix_itself():
    w = weights(seed=5)
    fig = draw.adjacency(w, NAMES, SECTORS)
    np.testing.assert_allclose(fig.data[0].z, w, atol=1e-6)
    assert fig.data[0].zmin == -fig.data[0].zmax
    assert len(fig.layout.shapes) == 2  # one border between two sectors, both ways


def test_sectors_are_as_large_as_they_have_assets():
    table = np.array([[0.5, 0.2], [0.1, 0.7]])
    fig = draw.sector_graph(table, ["x", "y"], [4, 16])
    size = {trace.name: trace.marker.size[0] for trace in fig.data if trace.name in ("x", "y")}
    assert size["y"] > size["x"]
    assert "from x to y, 0.20" in theme.alt_text(fig)


def test_ratios_with_their_intervals(check_figure):
    fig = draw.method_ratios(methods())
    check_figure(fig)
    assert len(fig.data[0].x) == 9 and len(fig.data[1].x) == 8
    differences = methods().iloc[1:].assign(gain=1.0, p_value=0.03)
    check_figure(draw.gains(differences))


def test_series_and_scatters(check_figure):
    days = pd.bdate_range("2020-01-01", periods=60).astype(str)
    pnl = pd.DataFrame({"date": days, "identity": 1.0, "lasso": 2.0})
    fig = draw.cumulative(pnl)
    check_figure(fig)
    assert [trace.y[-1] for trace in fig.data] == [60, 120]
    scaled = draw.cumulative(pnl, pd.DataFrame({"date": days, "identity": 0.5, "lasso": 0.25}))
    assert [trace.y[-1] for trace in scaled.data] == [60 / 30, 120 / 15]
    check_figure(draw.over_time(pnl, "Cumulative mean size of bets (notional)"))
    ratios = pd.Series([0.1, 0.5, -0.2, 1.0])
    fig = draw.against(ratios, ratios + 1, NAMES, "Sharpe ratio, own generator", "Sharpe ratio, LASSO")
    assert len(fig.data) == 2 and "correlation 1.00, 4 above" in theme.alt_text(fig)


def test_seeds_luck_spectrum_and_bars(check_figure):
    by_seed = pd.DataFrame({"seed": [0, 1] * 2, "method": ["identity"] * 2 + ["lasso"] * 2, "portfolio_sr": range(4)})
    check_figure(draw.seed_ratios(by_seed, {"identity": 0.5, "lasso": 2.5}))
    luck = pd.DataFrame(
        {"method": ["lasso"], "test_sr": [2.0], "shuffled_mean": [0.5], "shuffled_low": [0.0], "shuffled_high": [1.0]}
    ).assign(p_value=0.01, identity_sr=1.0)
    check_figure(draw.luck(luck))
    assert "1, 0.5" in theme.alt_text(
        draw.spectrum(pd.DataFrame({"number": [1, 2], "singular_value": [1.0, 0.5]}))
    ).replace("1.00, 0.50", "1, 0.5")
    nodes = pd.DataFrame({"ticker": NAMES, "sector": SECTORS, "page_rank": [0.1, 0.4, 0.2, 0.3]})
    bars = draw.node_bars(nodes, "page_rank", "PageRank")
    assert list(bars.layout.xaxis.categoryarray) == ["BB", "DD", "CC", "AA"]
    etas = pd.DataFrame({"eta": [1e-5, 1e-6], "portfolio_sr": [1.0, 2.0], "validation_sr": [3.0, 4.0]})
    check_figure(draw.eta_path(etas.assign(edges=5, published_portfolio_sr=[np.nan, 4.39]), 1e-6))


def test_every_ticker_is_in_its_weightings_distribution():
    tickers = pd.DataFrame({"method": ["identity"] * 3 + ["lasso"] * 3, "ticker": list("ABC") * 2, "sharpe": range(6)})
    fig = draw.distributions(tickers)
    assert [list(trace.y) for trace in fig.data] == [[0, 1, 2], [3, 4, 5]]
    assert "medians Identity 1.00, LASSO 4.00." in theme.alt_text(fig)


def test_a_weighting_keeps_its_colour():
    colours = [draw.colour(name) for name in draw.ORDER]
    assert len(set(colours)) == len(colours)


def test_many_nodes_fill_the_disc_evenly_though_one_is_alone():
    rng = np.random.default_rng(0)
    w = np.where(rng.random((120, 120)) < 0.05, rng.normal(size=(120, 120)), 0.0)
    w[7], w[:, 7] = 0.0, 0.0  # it has no edge, and springs throw it far away
    place = draw.positions(w, ["a"] * 120, "force") / (draw.WIDE, 1.0)
    away = place - np.median(place, axis=0)
    inner = (np.hypot(*away.T) < np.hypot(*away.T).max() / 2).mean()
    assert 0.15 < inner < 0.4  # a quarter of a disc lies within half its radius
