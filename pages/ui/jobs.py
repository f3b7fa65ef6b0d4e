"""Jobs on a page: progress, remaining time, loss curves, log; cancel, resume, delete. Only files are read.

The list ticks while something runs and stops ticking by itself when nothing does.
"""

import streamlit as st

from engine.errors import SettingsError
from engine.models import registry
from engine.runs import jobs
from engine.runs.progress_log import duration
from pages.ui import frame, generators
from pages.ui.job_parts import STATES, delete_button, details, progress, watched, when

__all__ = ["POLL", "STATES", "delete_button", "details", "listing", "progress", "watched", "when"]

POLL = 1.5
"""Seconds between two looks at running jobs."""

SHOWN = 10
"""Runs listed before a person asks for all."""


def listing(runs: tuple[jobs.Run, ...]) -> None:
    """The jobs of the workspace, newest first, live while one of them is at work."""
    everything = len(runs) > SHOWN and st.toggle(f"Show all {len(runs)} runs", key="runs_all")
    before = [(run.name, run.state) for run in runs]
    names = {run.name for k, run in enumerate(runs) if everything or run.active or k < SHOWN}
    active = any(run.active for run in runs)

    def live() -> None:
        now = jobs.list_runs()
        if [(run.name, run.state) for run in now] != before:
            st.rerun()  # something began or ended: the whole page has changed, and may stop ticking
        for run in now:
            if run.name in names:
                _job(run)

    st.fragment(live, run_every=POLL if active else None)()


def _job(run: jobs.Run) -> None:
    word, icon, colour = STATES[run.state]
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**{frame.plain(run.name)}**", width="content")
            st.badge(word, icon=icon, color=colour)
        st.caption(frame.plain(_facts(run)))
        if run.active:
            progress(run)
        elif run.state == "failed":
            frame.problem(run.reason or "it left no reason")
        elif run.reason:
            st.warning(frame.plain(f"{run.reason[:1].upper()}{run.reason[1:]}."), icon=icon)
        elif run.state == "done":
            latest = jobs.progress(run.directory).latest
            watched(latest.losses if latest is not None else {})
        if not run.active:
            _actions(run)
        unfolded = st.expander("Loss curves, command and log", key=f"details_{run.name}", on_change="rerun")
        if unfolded.open:
            with unfolded:
                details(run)


def _actions(run: jobs.Run) -> None:
    with st.container(horizontal=True):
        if run.resumable and st.button("Resume", key=f"resume_{run.name}", icon=":material/resume:", type="primary"):
            with frame.errors():
                jobs.resume(run.directory)
            st.rerun()
        if run.has_checkpoint and frame.session().active_run != str(run.directory):
            st.button(
                "Use this generator",
                key=f"use_run_{run.name}",
                icon=":material/visibility:",
                on_click=generators.choose,
                args=(run.directory,),
                help="Make it the active one on every page.",
            )
        if delete_button(run.name, "its weights, what it resumes from, and its log", f"delete_run_{run.name}"):
            with frame.errors():
                jobs.delete(run.directory)
            st.rerun()


def _facts(run: jobs.Run) -> str:
    latest = jobs.progress(run.directory).latest
    parts = [f"{_label(run.model)} on {run.data_name}" if run.data_name else _label(run.model)]
    if run.started:
        parts.append(f"started {when(run.started)}")
    if latest is not None:
        parts.append(f"{duration(latest.elapsed)} of training")
    if "epochs" in run.settings:
        parts.append(f"{run.settings['epochs']:,} epochs" if isinstance(run.settings["epochs"], int) else "")
    if run.split:
        parts.append(_split_words(run.split))
    if run.config:
        parts.append(f"seed {run.seed}")
    return " · ".join(part for part in parts if part)


def _split_words(split: str) -> str:
    try:
        return f"first {100 * float(split):g} % of the days"
    except ValueError:
        return f"days up to {split}"


def _label(model: str) -> str:
    try:
        return registry.label(model) if model else "a model"
    except SettingsError:
        return model
