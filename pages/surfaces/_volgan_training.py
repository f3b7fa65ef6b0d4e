"""Training from the VolGAN page: the form, the job it starts, and the command that samples the same scenarios."""

import shlex
from pathlib import Path

import streamlit as st

from engine import settings
from engine.datasets import Loaded
from engine.errors import JobError
from engine.models.base import surface_model
from engine.runs import jobs
from engine.runs.checkpoints import Card, Listed
from engine.scenarios import reweighting
from pages.surfaces._volgan_view import View
from pages.ui import forms, frame, generators
from pages.ui import jobs as ui_jobs

MODEL = "volgan"
LEAST_TRAINING_DAYS = 24


def panel(loaded: Loaded, card: Card | None) -> None:
    """The last run started here, live; then the form for the next one.

    Args:
        loaded: the data to train on.
        card: of the generator shown, to say what differs from it; None if none is shown.
    """
    started = [run for run in map(Path, frame.session().runs_started) if run.is_dir()]
    if started:
        run = jobs.read(started[0])
        if run.active:
            _running(run)
        else:
            _ended(run)
    kind = surface_model(MODEL)
    with st.form("volgan_train", enter_to_submit=False):
        st.markdown(
            frame.plain(f"Train VolGAN on {loaded.label}") + ": runs in the background; you may leave this page."
        )
        values = forms.config_fields(kind.Config, key="volgan_train")
        left, middle, right = st.columns(3)
        label = left.text_input(
            "Name",
            "",
            max_chars=60,
            key="volgan_train_name",
            placeholder="volgan",
            persist_state="session",
            help="What the run is called in lists.",
        )
        share = middle.number_input(
            "Training part (% of days)",
            10,
            99,
            85,
            key="volgan_train_share",
            persist_state="session",
            help="The first days train, the rest stays out of sample. The split is chronological.",
        )
        seed = right.number_input(
            "Seed",
            0,
            2**31 - 1,
            0,
            key="volgan_train_seed",
            persist_state="session",
            help="Of weights, noise and order.",
        )
        submitted = st.form_submit_button("Train in the background", type="primary", icon=":material/play_arrow:")
    if card is not None and card.model == MODEL and card.data_fingerprint == loaded.data.fingerprint:
        changed = _differences(values, card)
        if changed:
            st.caption(
                frame.plain(f"Differs from the generator shown, so its figures are of other settings: {changed}.")
            )
    if submitted:
        with frame.errors("Change the setting and try again."):
            config = settings.from_dict(kind.Config, values)
            if len(loaded.data) * share / 100 < LEAST_TRAINING_DAYS:
                raise JobError(
                    f"expected at least {LEAST_TRAINING_DAYS} days to train on; found "
                    f"{int(len(loaded.data) * share / 100)} in {share} % of {len(loaded.data)}"
                )
            run = jobs.train(
                MODEL,
                loaded.entry.id,
                settings.to_dict(config),
                seed=int(seed),
                split=f"{share / 100:g}",
                label=label or MODEL,
            )
        frame.session().runs_started.insert(0, str(run.directory))
        st.rerun()


def sample_command(listed: Listed, loaded: Loaded, view: View) -> str:
    """What a person types to get the same scenarios."""
    beta = "auto" if view.beta == float(reweighting.default_beta(view.phi)) else f"{view.beta:.17g}"
    words = ["python", "-m", "engine", "sample", "--run", listed.name, "--data", loaded.entry.id]
    words += ["--date", str(view.day), "--n", str(len(view.drawn)), "--seed", str(view.seed), "--beta", beta]
    return shlex.join([*words, "--out", f"scenarios-{view.day}.parquet"])


def _running(run: jobs.Run) -> None:
    """The job at work, looked at again and again; when it ends the page is drawn anew."""

    def live() -> None:
        now = jobs.read(run.directory)
        if not now.active:
            st.rerun()
        with st.container(border=True):
            st.markdown(f"**{frame.plain(now.name)}**")
            ui_jobs.progress(now)

    st.fragment(live, run_every=ui_jobs.POLL)()


def _ended(run: jobs.Run) -> None:
    if run.state == "done" and run.has_checkpoint:
        shown = st.session_state.get(generators.KEY) == str(run.directory)
        st.success(
            frame.plain(f"{run.name} is trained." + (" It is the one shown." if shown else "")), icon=":material/check:"
        )
        if not shown:
            st.button(
                "Show its scenarios",
                type="primary",
                key="volgan_show_run",
                on_click=generators.choose,
                args=(run.directory,),
                icon=":material/visibility:",
            )
        return
    frame.problem(f"{run.name} {ui_jobs.STATES[run.state][0]}: {run.reason or 'it left no reason'}")
    if run.resumable and st.button("Resume", key=f"resume_{run.name}", icon=":material/resume:"):
        with frame.errors():
            jobs.resume(run.directory)
        st.rerun()
    with st.expander("Loss curves, command and log"):
        ui_jobs.details(run)


def _differences(values: dict[str, object], card: Card) -> str:
    return ", ".join(
        f"{info.label.lower()} {card.config[info.name]} → {values[info.name]}"
        for info in settings.describe(surface_model(MODEL).Config)
        if info.name in card.config and card.config[info.name] != values[info.name]
    )
