"""A study started from a page: its job while it runs, the reason if it failed, and the button that starts it."""

import shlex
from collections.abc import Mapping, Sequence

import streamlit as st

from engine import settings
from engine.datasets import Loaded
from engine.runs import jobs, run_directory
from engine.runs.studies import StudyResult
from engine.studies.base import study
from pages.ui import datasets, frame
from pages.ui import jobs as ui_jobs


def start(name: str, data: str, values: Mapping[str, object], label: str, *, inputs: Mapping[str, str] = {}) -> None:
    """Start a study as a job.

    Args:
        name: registered name of the study.
        data: id of the dataset.
        values: its settings by name; those left out are the defaults.
        label: what to call the run.
        inputs: further inputs by name.

    Raises:
        ScenaristError: if a setting is out of range, or the job cannot be started.
    """
    chosen = settings.to_dict(settings.from_dict(study(name).Config, values))
    pairs = [part for key, value in chosen.items() for part in ("--set", f"{key}={value}")]
    further = [part for key, value in inputs.items() for part in (f"--{key}", value)]
    run = jobs.start(["study", name, f"--data={data}", *further, *pairs], run_directory.new_directory(label))
    st.session_state[_key(name)] = str(run.directory)


def command(result: StudyResult) -> str:
    """What repeats a finished study, from a shell in the project's folder."""
    parts = ["python", "-m", "engine", "study", result.name, "--data", str(result.data.get("ref", ""))]
    if result.data.get("sectors"):
        parts += ["--sectors", str(result.data["sectors"])]
    parts += [part for name, about in result.inputs.items() for part in (f"--{name}", str(about.get("ref", "")))]
    pairs = [part for name, value in result.settings.items() if value != "" for part in ("--set", f"{name}={value}")]
    return shlex.join([*parts, "--run", f"{result.directory.name}-again", *pairs])


def runs(name: str, loaded: Loaded) -> list[jobs.Run]:
    """Runs of a study on some data, newest first; the one started last here too, before its settings are written."""

    def fits(run: jobs.Run) -> bool:
        data = run.config.get("data")
        if isinstance(data, dict):
            return datasets.same(data, loaded)
        return str(run.directory) == st.session_state.get(_key(name))

    return [run for run in jobs.list_runs() if run.model == name and fits(run)]


def standing(runs: Sequence[jobs.Run], key: str) -> bool:
    """The newest of some runs, live while it works, with its reason if it failed; True while one is at work."""
    newest = next(iter(runs), None)
    if newest is None:
        return False
    if not newest.active:
        if newest.state != "done":
            frame.problem(f"{newest.name} {ui_jobs.STATES[newest.state][0]}: {newest.reason or 'it left no reason'}")
            if newest.resumable and st.button("Resume", key=f"{key}_resume", icon=":material/resume:"):
                with frame.errors():
                    jobs.resume(newest.directory)
                st.rerun()
        return False

    def live() -> None:
        now = jobs.read(newest.directory)
        if not now.active:
            st.rerun()
        with st.container(border=True):
            st.markdown(f"**{frame.plain(now.name)}**")
            ui_jobs.progress(now)

    st.fragment(live, run_every=ui_jobs.POLL)()
    return True


def finished(runs: Sequence[jobs.Run], key: str) -> None:
    """Say that the newest of some runs is done, and offer it to the picker of studies known by ``key``."""
    newest = next(iter(runs), None)
    if newest is None or newest.state != "done" or st.session_state.get(key) == str(newest.directory):
        return

    def show() -> None:
        st.session_state[key] = str(newest.directory)

    left, right = st.columns([3, 1], vertical_alignment="center")
    left.success(f"{frame.plain(newest.name)} is finished.", icon=":material/check:")
    right.button("Show it", key=f"{key}_show", on_click=show)


def _key(name: str) -> str:
    """Session-state key of the run of a study that was started last: its directory."""
    return f"study_run_started_{name}"
