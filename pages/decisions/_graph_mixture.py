"""What a node's meta-generator draws: the mixture of reflected generators, after half-days of one's own choosing."""

from pathlib import Path

import numpy as np
import pandas as pd
import streamlit as st

from engine.charts import fingan as draw
from engine.decisions import graph
from engine.decisions.forecasting import BASIS_POINTS
from engine.decisions.graph.mixture import MetaGenerator, generators
from engine.errors import CheckpointError
from engine.runs import studies
from engine.studies.fingan import tables as fingan_pictures
from engine.studies.graph import inputs as graph_generators
from engine.studies.graph.inputs import Trained
from pages.decisions._graph_view import Chosen, View
from pages.ui import downloads, frame, pictures

SAMPLES = 20_000


@st.cache_resource(max_entries=3, show_spinner="Reading the generators …")
def _trained(directory: str, created: str) -> Trained:
    return graph_generators.trained(studies.read(Path(directory)))


def show(view: View, chosen: Chosen, node: str) -> None:
    """Densities of the mixture and of the node's own generator, and the bet that follows from them."""
    source = str(view.result.inputs.get("fingan", {}).get("ref", ""))
    try:
        study = studies.read(studies.find(source, "fingan"))
        trained = _trained(str(study.directory), study.created)
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
    figure = pictures.of(
        draw.distributions, table, None, x_title="Half-day return (bp)", dark=frame.is_dark(), height=360
    )
    frame.chart(figure, key="graph_mixture")
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
