"""The generators of the Runs page: cards, choosing, download, import, deletion."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd
import streamlit as st

from engine.errors import CheckpointError
from engine.market.domain import Tickers
from engine.models.registry import NEXT_DAY
from engine.runs import checkpoints, jobs
from engine.runs.checkpoints import CARD, WEIGHTS, Card, Listed
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


def importer() -> None:
    """Upload of a checkpoint: one zip file as downloaded here, or its two files."""
    with st.form("import_checkpoint", clear_on_submit=True):
        files = st.file_uploader(
            "Import a generator",
            type=["zip", "json", "safetensors"],
            accept_multiple_files=True,
            key="import_files",
            help=f"The zip file that Download gives, or {CARD} and {WEIGHTS} together. Checked before it is kept.",
        )
        submitted = st.form_submit_button("Import", icon=":material/upload:")
    if not submitted:
        return
    try:
        kept = imported({file.name: file.getvalue() for file in files})
    except CheckpointError as error:
        frame.problem(str(error), "Nothing was kept.")
    else:
        st.success(frame.plain(f"Imported as {kept.name}."), icon=":material/check:")


def imported(files: Mapping[str, bytes]) -> Path:
    """The directory of an uploaded checkpoint.

    Raises:
        CheckpointError: if the files are no checkpoint.
    """
    by_type: dict[str, list[str]] = {}
    for name in files:
        by_type.setdefault(Path(name).suffix.lower(), []).append(name)
    kinds = {suffix: len(names) for suffix, names in by_type.items()}
    if kinds == {".zip": 1}:
        (name,) = files
        return checkpoints.import_zip(files[name], name)
    if kinds == {".json": 1, ".safetensors": 1}:
        return checkpoints.import_files(files[by_type[".json"][0]], files[by_type[".safetensors"][0]])
    found = f"{len(files)} files" if files else "none"
    raise CheckpointError(f"expected one zip file, or {CARD} and {WEIGHTS} together; found {found}")


def _usable(listed: Listed, card: Card) -> None:
    active = frame.session().active_run == str(listed.directory)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{frame.plain(listed.name)}**", width="content")
        st.badge("shipped" if listed.shipped else "yours", color="gray")
        if active:
            st.badge("active", icon=":material/visibility:", color="green")
    first, last = card.trained_on
    facts = [f"{card.label} on {card.data_name}", f"trained on {first} to {last}" if first else "", _domain(card)]
    frame.caption(" · ".join([*filter(None, facts), f"seed {card.seed}", f"{duration(card.seconds)} of training"]))
    with st.container(horizontal=True, vertical_alignment="center"):
        if card.task != NEXT_DAY:
            pass  # pages show generators of tomorrow's surface; others are sampled from the command line
        elif active:
            st.page_link(frame.page_path("generators/next_day"), label="See its scenarios", icon=":material/landscape:")
        else:
            generators.use_button(listed.directory, key=f"use_{listed.directory}")
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


def _domain(card: Card) -> str:
    """What a generator draws, in words."""
    if card.grid is not None:
        surfaces = f"{card.grid.shape[0]}×{card.grid.shape[1]} surfaces"
        return surfaces if card.task == NEXT_DAY else f"{surfaces} by themselves"
    return f"returns of {card.domain!r}" if isinstance(card.domain, Tickers) else repr(card.domain)


def _table(card: Card) -> pd.DataFrame:
    draws = {"Draws": _domain(card)}
    if card.grid is not None:
        axes = card.grid.moneyness_labels, card.grid.maturity_labels
        draws = dict(zip(("Moneyness", "Maturities"), map(", ".join, axes), strict=True))
    rows = {
        "Model": card.label,
        "Data": f"{card.data_name} ({card.data_origin})",
        "Days of the data": " to ".join(card.data_period),
        "Fingerprint of the data": card.data_fingerprint,
        "Trained on": " to ".join(card.trained_on),
        "Task": card.task,
        **draws,
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
