"""Jobs on a page: progress, remaining time, loss curves, log; cancel, resume, delete. Only files are read.

The list ticks while something runs and stops ticking by itself when nothing does.
"""

import contextlib
import datetime
from collections.abc import Collection, Mapping
from typing import Any

import pandas as pd
import streamlit as st

from engine.charts import theme
from engine.charts import training as draw
from engine.datasets import Loaded
from engine.errors import JobError
from engine.models import registry
from engine.runs import jobs
from engine.runs.progress_log import duration
from engine.studies.base import STUDIES, study
from engine.training import alarms
from pages.ui import datasets, frame, generators

POLL = 1.5
"""Seconds between two looks at running jobs."""

SHOWN = 10
"""Runs listed before a person asks for all."""

LOG_HEIGHT = 260

STATES = {
    "queued": ("starting", ":material/hourglass_top:", "gray"),
    "running": ("running", ":material/play_circle:", "blue"),
    "done": ("finished", ":material/check_circle:", "green"),
    "failed": ("failed", ":material/error:", "red"),
    "cancelled": ("stopped", ":material/stop_circle:", "orange"),
    "interrupted": ("interrupted", ":material/power_off:", "orange"),
}
"""State → (word, icon, colour of its badge)."""


OPENS = {
    "hedging": ("decisions/hedging", "backtest"),
    "fingan": ("decisions/fingan", "overview"),
    "graph": ("decisions/ensemble_graph", "graph"),
    "generators": ("generators/next_day", "compare"),
    "volgan": ("generators/next_day", "validation"),
    "leaderboard": ("generators/leaderboard", ""),
}
"""Study → the page that shows its result, and the tab; the others open under Studies."""


def of_data(run: jobs.Run, shown: Collection[Loaded]) -> bool:
    """Whether a run is of data that are shown now."""
    about = run.config.get("data")
    return isinstance(about, dict) and any(datasets.same(about, loaded) for loaded in shown)


def table(runs: tuple[jobs.Run, ...], shown: Collection[Loaded]) -> tuple[jobs.Run, ...]:
    """Search, filters and one line a run, those of the data shown now first.

    Returns:
        The runs that are left.
    """
    search, state, kind, data = st.columns([2, 2, 1, 2])
    wanted = search.text_input("Search", key="runs_search", placeholder="name, model or data").strip().lower()
    states = state.multiselect("State", list(dict.fromkeys(STATES[run.state][0] for run in runs)), key="runs_states")
    kinds = kind.selectbox("Kind", ("all", "training", "study"), key="runs_kind")
    names = dict.fromkeys(run.data_name for run in runs if run.data_name)
    of = data.selectbox("Data", ("all", *names), key="runs_data")
    left = [
        run
        for run in runs
        if wanted in f"{run.name} {_label(run)} {run.data_name}".lower()
        and (not states or STATES[run.state][0] in states)
        and kinds in ("all", _kind(run))
        and of in ("all", run.data_name)
    ]
    left.sort(key=lambda run: not (run.active or of_data(run, shown)))  # stable: newest first within each
    rows = [
        {
            "Run": run.name,
            "State": STATES[run.state][0],
            "Kind": _kind(run),
            "What": _label(run),
            "Data": run.data_name or "not known yet",
            "Of the data shown": "yes" if of_data(run, shown) else "no",
            "Started": when(run.started),
        }
        for run in left
    ]
    if rows:
        st.dataframe(pd.DataFrame(rows), hide_index=True, width="stretch", key="runs_table")
    else:
        frame.note("No run fits the search and the filters.")
    return tuple(left)


def _kind(run: jobs.Run) -> str:
    """A study or a training: a model and a study may share their name."""
    return "study" if run.config.get("verb") == "study" else "training"


def _label(run: jobs.Run) -> str:
    if run.model in STUDIES and _kind(run) == "study":
        return str(study(run.model).LABEL)
    return registry.label(run.model) if run.model else "a model"


def open_link(run: jobs.Run) -> None:
    """A link to the page that shows the result of a finished study."""
    page, tab = OPENS.get(run.model, ("library/study", ""))
    about = run.config.get("data")
    ref = str(about.get("ref", "")) if isinstance(about, dict) else ""
    asks = {name: value for name, value in (("data", ref), ("study", run.name), ("tab", tab)) if value}
    st.page_link(frame.page_path(page), label="Open its result", icon=":material/open_in_new:", query_params=asks)


def listing(runs: tuple[jobs.Run, ...]) -> None:
    """The jobs of the workspace, newest first, live while one of them is at work."""
    everything = len(runs) > SHOWN and st.toggle(f"Show all {len(runs)} runs", key="runs_all")
    before: list[tuple[str, str | None]] = [(run.name, run.state) for run in runs]
    listed = [run.name for run in runs]
    names = {run.name for k, run in enumerate(runs) if everything or run.active or k < SHOWN}
    active = any(run.active for run in runs)

    def live() -> None:
        now = {run.name: run for run in jobs.list_runs() if run.name in listed}
        if [(name, now[name].state if name in now else None) for name in listed] != before:
            st.rerun()  # something ended: the whole page has changed, and may stop ticking
        for name in listed:
            if name in names:
                _job(now[name])

    st.fragment(live, run_every=POLL if active else None)()


def strip() -> None:
    """One line a job at work, on every page: how far it is, how long it takes, and the button that stops it."""
    names = {run.name for run in jobs.list_runs() if run.active}
    if not names:
        return

    def live() -> None:
        now = [run for run in jobs.list_runs() if run.active]
        if {run.name for run in now} != names:
            st.rerun()  # something began or ended: the page may have changed
        for run in now:
            found = jobs.progress(run.directory)
            with st.container(horizontal=True, vertical_alignment="center", key=f"at_work_{run.name}"):
                share = 0.0 if found.latest is None else found.latest.fraction
                st.progress(share, text=frame.plain(f"{run.name}: {_standing(run, found)}"))
                _cancel_button(run, f"strip_cancel_{run.name}")

    st.fragment(live, run_every=POLL, key="jobs_at_work")()


def _standing(run: jobs.Run, found: jobs.RunProgress) -> str:
    """How far a job at work is, in words."""
    if run.stopping:
        return "stopping at its next report; what it has learned is kept"
    if found.latest is None:
        return f"starting, {run.age:.0f} s: reading the data …"
    latest = found.latest
    epochs = "" if run.config.get("verb") == "study" else f", epoch {latest.done:,} of {latest.total:,}"
    eta = "" if found.remaining is None else f" · {duration(found.remaining)} to go"
    return f"{latest.phase}{epochs} · {100 * latest.fraction:.0f} %{eta}"


def _cancel_button(run: jobs.Run, key: str) -> None:
    """Asks a job to stop, and says so from then on, on every page."""

    def ask() -> None:
        with contextlib.suppress(JobError):  # it has ended meanwhile, which the page says
            jobs.cancel(run.directory)

    if run.stopping:
        st.button("Stopping …", key=f"{key}_asked", icon=":material/hourglass_top:", disabled=True)
    else:
        st.button("Cancel", key=key, icon=":material/stop:", on_click=ask)


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
        if run.resumable:
            resume_button(run, f"resume_{run.name}", type="primary")
        if run.state == "done" and _kind(run) == "study":
            open_link(run)
        shown = run.config.get("task", registry.NEXT_DAY) == registry.NEXT_DAY  # others are for the command line
        if run.has_checkpoint and shown and frame.session().active_run != str(run.directory):
            generators.use_button(run.directory, key=f"use_run_{run.name}")
        if delete_button(run.name, "its weights, what it resumes from, and its log", f"delete_run_{run.name}"):
            with frame.errors():
                jobs.delete(run.directory)
            st.rerun()


def _facts(run: jobs.Run) -> str:
    latest = jobs.progress(run.directory).latest
    label = _label(run)
    parts = [f"{label} on {run.data_name}" if run.data_name else label]
    if run.started:
        parts.append(f"started {when(run.started)}")
    if latest is not None:
        parts.append(f"{duration(latest.elapsed)} of training")
    extending = {str(name) for name in found} if isinstance(found := run.config.get("extending"), list) else set()
    lengths = {name: value for name, value in run.settings.items() if name in extending and isinstance(value, int)}
    parts += [f"{value:,} {name.replace('_', ' ')}" for name, value in lengths.items()]
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


def follow(run: jobs.Run) -> None:
    """A job at work, looked at again and again; when it ends the page is drawn anew."""

    def live() -> None:
        now = jobs.read(run.directory)
        if not now.active:
            st.rerun()
        with st.container(border=True):
            st.markdown(f"**{frame.plain(now.name)}**")
            progress(now)

    st.fragment(live, run_every=POLL)()


def stopped(run: jobs.Run, key: str) -> None:
    """Why a job ended before it was done, and the button that resumes it."""
    frame.problem(f"{run.name} {STATES[run.state][0]}: {run.reason or 'it left no reason'}")
    if run.resumable:
        resume_button(run, key)


def resume_button(run: jobs.Run, key: str, **more: Any) -> None:
    """Resumes a job."""
    if st.button("Resume", key=key, icon=":material/resume:", **more):
        with frame.errors():
            jobs.resume(run.directory)
        st.rerun()


def progress(run: jobs.Run) -> None:
    """The bar of a job at work, its remaining time, and the button that stops it."""
    found = jobs.progress(run.directory)
    left, right = st.columns([5, 1], vertical_alignment="center")
    standing = _standing(run, found)
    latest = found.latest
    left.progress(0.0 if latest is None else latest.fraction, text=frame.plain(standing[:1].upper() + standing[1:]))
    if latest is not None:
        watched(latest.losses, latest.fraction)
    with right:
        _cancel_button(run, f"cancel_{run.name}")
    st.caption("You may leave this page, close the browser or restart the app: the job goes on.")


def watched(figures: Mapping[str, float], fraction: float = 1.0) -> None:
    """What a fit sees of the generator in training, and the alarm in words if it is in trouble."""
    parts = [f"{name} {theme.significant(figures[name])}" for name in alarms.FIGURES if name in figures]
    if parts:
        st.caption(frame.plain(" · ".join(parts)))
    for sentence in alarms.alarms(figures, fraction):
        st.warning(frame.plain(sentence), icon=":material/notification_important:")


def details(run: jobs.Run) -> None:
    """Loss curves, settings, the command that repeats the run, and the end of its log."""
    losses = jobs.progress(run.directory).losses
    if losses.losses:
        st.markdown("**Losses by epoch**; the dotted line is where the next phase begins")
        frame.chart(draw.loss_curves(losses, dark=frame.is_dark()), key=f"losses_{run.name}")
    else:
        st.caption("No losses have been reported yet.")
    command = jobs.command_of(run)
    if command:
        st.markdown("**The command that repeats it**")
        st.code(command, language=None, wrap_lines=True)
    st.markdown("**Log**")
    st.code(jobs.log(run.directory) or "Nothing was printed.", language=None, height=LOG_HEIGHT, wrap_lines=True)


def delete_button(name: str, what: str, key: str) -> bool:
    """A button that asks before it answers yes."""
    with st.popover("Delete", icon=":material/delete:", key=f"{key}_ask"):
        st.markdown(frame.plain(f"Delete {name} with {what}? This cannot be undone."))
        return st.button("Delete for good", type="primary", key=key, icon=":material/delete_forever:")


def when(iso: str) -> str:
    """``21 Nov 2026 10:31 UTC``."""
    try:
        return f"{datetime.datetime.fromisoformat(iso).astimezone(datetime.UTC):%d %b %Y %H:%M} UTC".lstrip("0")
    except ValueError:
        return ""
