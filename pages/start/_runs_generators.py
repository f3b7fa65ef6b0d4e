"""The generators of the Runs page: cards, choosing, download, import, deletion."""

import pandas as pd
import streamlit as st

from engine.errors import CheckpointError
from engine.runs import checkpoints, jobs
from engine.runs.checkpoints import Card, Listed
from engine.runs.progress_log import duration
from pages.ui import frame, generators
from pages.ui.jobs import delete_button, when


def listing(found: tuple[Listed, ...]) -> None:
    """Every generator there is, the shipped ones first."""
    for listed in found:
        with st.container(border=True):
            if listed.card is None:
                st.markdown(f"**{frame.plain(listed.name)}**")
                frame.problem(listed.problem, "Delete it, or import it again.")
                _delete(listed)
            else:
                _usable(listed, listed.card)


def _usable(listed: Listed, card: Card) -> None:
    active = frame.session().active_run == str(listed.directory)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{frame.plain(listed.name)}**", width="content")
        st.badge("shipped" if listed.shipped else "yours", color="gray")
        if active:
            st.badge("active", icon=":material/visibility:", color="green")
    first, last = card.trained_on
    rows, columns = card.grid.shape
    facts = [f"{card.label} on {card.data_name}", f"trained on {first} to {last}", f"{rows}×{columns} surfaces"]
    st.caption(frame.plain(" · ".join([*facts, f"seed {card.seed}", f"{duration(card.seconds)} of training"])))
    with st.container(horizontal=True, vertical_alignment="center"):
        if active:
            st.page_link(frame.page_path("generators/volgan"), label="See its scenarios", icon=":material/landscape:")
        else:
            st.button(
                "Use this generator",
                key=f"use_{listed.directory}",
                icon=":material/visibility:",
                on_click=generators.choose,
                args=(listed.directory,),
                help="Make it the active one on every page.",
            )
        st.download_button(
            "Download",
            lambda: checkpoints.export_zip(listed.directory),
            f"{listed.name}.zip",
            "application/zip",
            key=f"download_{listed.directory}",
            icon=":material/download:",
            on_click="ignore",
            help="Weights and card as a zip file, which can be imported below.",
        )
        _delete(listed)
    unfolded = st.expander("Card", key=f"card_{listed.directory}", on_change="rerun")
    if unfolded.open:
        with unfolded:
            try:
                checkpoints.load(listed.directory)
            except CheckpointError as error:
                frame.problem(str(error), "It cannot be used: delete it, or import it again.")
        unfolded.dataframe(_table(card), hide_index=True, height="content", key=f"table_{listed.directory}")


def _delete(listed: Listed) -> None:
    if listed.shipped or not delete_button(listed.name, "its weights and its run", f"delete_{listed.directory}"):
        return
    with frame.errors():
        jobs.delete(listed.directory)
    st.rerun()


def _table(card: Card) -> pd.DataFrame:
    rows = {
        "Model": card.label,
        "Data": f"{card.data_name} ({card.data_origin})",
        "Days of the data": " to ".join(card.data_period),
        "Fingerprint of the data": card.data_fingerprint,
        "Trained on": " to ".join(card.trained_on),
        "Moneyness": ", ".join(card.grid.moneyness_labels),
        "Maturities": ", ".join(card.grid.maturity_labels),
        **{f"Setting: {name}": str(value) for name, value in card.config.items()},
        "Seed": str(card.seed),
        **{f"Figure: {name}": f"{value:.4g}" for name, value in card.metrics.items()},
        "Updates": f"{card.steps:,}",
        "Training time": duration(card.seconds),
        "Created": when(card.created),
        "Versions": ", ".join(f"{name} {version}" for name, version in card.versions.items()),
        "SHA-256 of the weights": card.weights_digest,
    }
    return pd.DataFrame({"What": list(rows), "Value": list(rows.values())})
