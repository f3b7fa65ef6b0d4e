"""The graph itself: drawn, as a matrix, one node with its neighbours, and what its meta-generator draws."""

import numpy as np
import pandas as pd
import streamlit as st

from engine.charts import fingan
from engine.charts import graph as draw
from engine.decisions import graph
from engine.decisions.forecasting import BASIS_POINTS
from engine.decisions.graph import measures as graph_measures
from engine.decisions.graph.mixture import MetaGenerator, generators
from engine.errors import CheckpointError
from engine.runs import studies
from engine.studies.fingan import tables as fingan_pictures
from engine.studies.graph import inputs as graph_generators
from engine.studies.graph.inputs import Trained
from pages.decisions.ensemble_graph_page import Chosen, View, live, positions
from pages.ui import cache, downloads, frame, pictures, widths

NOBODY = "none"

HEIGHT = 300

SAMPLES = 20_000

LEAST = "Edges with a smaller |w| are not drawn; at most the 400 strongest are."

NODE = "Its out-neighbours are the generators that forecast it, its in-neighbours the assets that use its generator."

WITHIN = "Hides arrows between sectors (figure 6.21). Figures and downloads stay those of the whole graph."

LAYOUT = "Springs pull connected nodes together; the circle orders them by sector."


def show(view: View, chosen: Chosen) -> None:
    """Graph, its controls, and the node that was picked."""
    names, sectors, w = view.tickers, view.sectors, chosen.weights
    if st.toggle("Edges within a sector only", key="graph_within", help=WITHIN):
        w = np.where(graph.same_sector(sectors), w, 0.0)
    left, middle, right = st.columns([2, 2, 2], vertical_alignment="bottom")
    layout = left.selectbox(
        "Layout", list(draw.LAYOUTS), format_func=draw.LAYOUTS.__getitem__, key="graph_layout", help=LAYOUT
    )
    most = float(np.abs(w - np.diag(np.diag(w))).max())
    start = _start(w)
    least = middle.slider(
        "Least |w| drawn", 0.0, max(0.01, round(most, 2)), min(start, most), 0.005, format="%.3f",
        key=f"graph_least_{chosen.method}", help=LEAST,
    )  # fmt: skip
    picked = right.selectbox("Node", [NOBODY, *names], key="graph_node", persist_state="session", help=NODE)
    node = None if picked == NOBODY else picked
    place = positions(chosen.key, layout, w, sectors)
    _, ratios = live(view.result).sharpe(chosen.weights)
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
        _mixture(view, chosen, node)
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
    frame.picture(draw.adjacency, chosen.weights, view.tickers, view.sectors, key="graph_adjacency")


def edges(view: View, chosen: Chosen) -> pd.DataFrame:
    """Every edge as a row."""
    names = np.array(view.tickers)
    i, j = np.nonzero(chosen.weights)
    return pd.DataFrame({"asset": names[i], "generator": names[j], "weight": chosen.weights[i, j]})


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
    pairs = live(view.result).pairs
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


# --- what a node's meta-generator draws -------------------------------------------------------------------------------


@cache.keep(max_entries=3, show_spinner="Reading the generators …")
def _trained(study: studies.StudyResult, choice: str) -> Trained:
    return graph_generators.trained(study, choice)


def _mixture(view: View, chosen: Chosen, node: str) -> None:
    """Densities of the mixture and of the node's own generator, and the bet that follows from them."""
    source = str(view.result.inputs.get("fingan", {}).get("ref", ""))
    try:
        choice = str(view.result.settings.get("choice", "thesis"))  # of studies before there was another
        trained = _trained(studies.read(studies.find(source, "fingan")), choice)
    except CheckpointError as error:
        st.caption(frame.plain(f"The mixture cannot be sampled here: {error}"))
        return
    st.markdown("**What the mixture generates** (6.2), one seed's generators, 20,000 samples")
    left, middle, right = st.columns(3)
    seed = left.selectbox("Seed", trained.seeds, key="graph_mixture_seed")
    before = middle.slider("Nine half-days, each (bp)", -200, 200, 0, 10, key="graph_mixture_before")
    last = right.slider("The last half-day (bp)", -500, 500, -100, 10, key="graph_mixture_last")
    window = np.full((1, trained.length), before / BASIS_POINTS)
    window[0, -1] = last / BASIS_POINTS
    drawn = draws(trained, int(seed), view.tickers, chosen.weights[view.tickers.index(node)], node, window)
    table = fingan_pictures.densities(drawn)
    figure = frame.picture(
        fingan.distributions, table, None, x_title="Half-day return (bp)", height=360, key="graph_mixture"
    )
    bets = {name: float(np.sign(values).mean()) for name, values in drawn.items()}
    st.caption("Bet p_u − p_d: " + ", ".join(f"{name.lower()} {bet:+.3f}" for name, bet in bets.items()) + ".")
    samples = pd.DataFrame(drawn)
    downloads.table_buttons(lambda: samples, f"mixture_{node}", key="graph_mixture_samples", figure=figure)


def draws(
    trained: Trained, seed: int, tickers: list[str], weights: np.ndarray, node: str, window: np.ndarray
) -> dict[str, np.ndarray]:
    """Returns that the mixture and the node's own generator draw after a window, bp."""
    each = generators(trained.of_seed(seed, tickers))
    row = graph.normalised(weights[None].astype(np.float64))[0]
    mixture = MetaGenerator(row, each).sample(window, SAMPLES, np.random.default_rng(seed))[0]
    own = each[tickers.index(node)].sample(window, SAMPLES, np.random.default_rng(seed))[0]
    return {"Mixture": BASIS_POINTS * mixture, "Own generator": BASIS_POINTS * own}
