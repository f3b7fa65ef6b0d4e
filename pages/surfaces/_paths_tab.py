"""The Paths tab: a generator chained for up to a year, fans through time, arbitrage, and whether it stays sane."""

from shlex import quote

import numpy as np
import streamlit as st

from engine.charts import paths as charts
from engine.charts import theme
from engine.datasets import Loaded
from engine.errors import MarketDataError
from engine.market.grid import maturity_label
from engine.market.surface_history import SurfaceHistory
from engine.models.rollout import SurfacePaths
from engine.models.surface_model import SurfaceModel
from engine.runs.checkpoints import Card, Listed
from engine.scenarios import reweighting
from pages.surfaces import _paths_controls as controls
from pages.surfaces import _paths_text as text
from pages.ui import cache, downloads, frame, pictures

PAST_DAYS = 60
FEW_PATHS = 20


def draw(loaded: Loaded, model: SurfaceModel, card: Card, listed: Listed) -> None:
    """Everything on the tab."""
    history = loaded.data
    asked = controls.request(history, model)
    with frame.errors("Choose a later start, or a longer history."):
        walked, found = cache.surface_paths(
            listed.directory, model, history, asked.row, asked.n, asked.days, asked.seed
        )
    if not isinstance(found, str) and found.alarm:
        st.error(frame.plain(found.alarm), icon=":material/explosion:")
    try:
        default = walked.default_beta()
    except MarketDataError as everything_left:
        frame.problem(str(everything_left), "Shorten the paths, or train the generator longer.")
        return
    beta = controls.beta(default)
    weights = walked.weights(beta)
    frame.metrics(text.metrics(walked, weights, found))
    if (effective := float(reweighting.effective_sample_size(weights))) < FEW_PATHS:
        st.warning(
            f"At this β about {effective:,.0f} path{'s carry' if effective >= 1.5 else ' carries'} the weight: the "
            "reweighted bands rest on so few. Lower β or walk more paths.",
            icon=":material/filter_alt:",
        )
    frame.provenance(
        f"{asked.n:,} paths of {asked.days} days from {walked.dates[0]}, seed {asked.seed}",
        f"{theme.count(float(walked.complete.sum()))} stayed to the end",
        f"trained on {card.trained_on[0]} to {card.trained_on[1]}",
        frame.origin_words(loaded),
        f"data {history.fingerprint}",
    )
    _fan(walked, weights, history, asked.row, card.model)
    if isinstance(found, str):
        st.info(frame.plain(f"The paths are not held against the data: {found}."), icon=":material/info:")
    else:
        for line in found.words:
            st.markdown(f"- {frame.plain(line)}")
        frame.chart(
            pictures.of(charts.stability_dots, found.table, model=card.model, dark=frame.is_dark()), key="paths_dots"
        )
        frame.provenance(f"median and 5 to 95 % over paths, and over {found.windows} overlapping windows of the data")
        st.dataframe(text.table(found), hide_index=True, width="stretch", key="paths_table")
        downloads.table_buttons(lambda: found.table, "path_stability", key="paths_stability", label="Statistics")
        st.markdown("**Mean reversion**, all paths together; data: moment fit of the whole history")
        st.dataframe(text.reversion(found), hide_index=True, key="paths_reversion")
    st.markdown("**Every path and day**: weight, spot, ATM and realised vol, index, Φ, φ so far, scores")
    downloads.table_buttons(lambda: walked.to_frame(weights), f"paths-{card.model}", key="paths_all", label="Paths")
    day = None if asked.row == len(history) - 1 else str(history.dates[asked.row])
    run = quote(listed.name if listed.shipped else str(listed.directory))
    st.code(
        text.command(run, quote(loaded.entry.id), day, asked.days, asked.n, asked.seed, beta),
        language="bash",
        wrap_lines=True,
    )


def _fan(walked: SurfacePaths, weights: np.ndarray, history: SurfaceHistory, row: int, model: str) -> None:
    """One quantity through time, raw beside reweighted; φ along the path with what the data gather."""
    atm = f"ATM {maturity_label(walked.atm_maturity)} vol"
    past = slice(max(1, row - PAST_DAYS), row + 1)
    real = {
        "Spot": history.spot[past],
        atm: 100 * history.atm(walked.atm_maturity)[past],
        "Realised vol, 21 days": 100 * history.realised_vol[past],
        "VIX of the surfaces": None,
        "φ along the path": None,
    }
    drawn = {
        "Spot": (np.exp(walked.log_spot), "Spot (index level)"),
        atm: (100 * walked.atm, f"{atm} (% a year)"),
        "Realised vol, 21 days": (100 * walked.realised, "Realised vol, 21 days (% a year)"),
        "VIX of the surfaces": (walked.vix, "VIX of the surfaces (index points)"),
        "φ along the path": (walked.accumulated, "φ, Φ summed since the start"),
    }
    what = st.segmented_control(
        "Through time", list(drawn), default=atm, required=True, key="paths_what", help="Bands hold 50, 80 and 95 %."
    )
    values, title = drawn[str(what)]
    stayed, known = walked.complete, real[str(what)]
    phi = float(cache.history_penalty(history)[: row + 1].mean())
    figure = pictures.of(
        charts.time_fan,
        walked.dates,
        {"raw": (values[stayed], None), "reweighted": (values[stayed], weights[stayed])},
        y_title=title,
        past_dates=history.dates[past] if known is not None else None,
        past=known,
        reference=("the data's average", phi * np.arange(walked.days + 1)) if what == "φ along the path" else None,
        model=model,
        dark=frame.is_dark(),
    )
    frame.chart(figure, key="paths_fan")
