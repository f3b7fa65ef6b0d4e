"""Studies on a page: finished ones and their tables, a job while it runs, the reason if it failed, and its start."""

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import streamlit as st

from engine import settings
from engine.datasets import Loaded
from engine.runs import jobs, run_directory, studies
from engine.runs.studies import StudyResult
from engine.studies.base import study
from pages.ui import address, cache, datasets, downloads, frame
from pages.ui import jobs as ui_jobs


@dataclass(frozen=True)
class StudyView:
    """A finished study that a page looks at."""

    result: StudyResult

    def table(self, name: str) -> pd.DataFrame:
        """A table of the study."""
        return cache.study_table(self.result, name)


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
    if newest.active:
        ui_jobs.follow(newest)
    elif newest.state != "done":
        ui_jobs.stopped(newest, f"{key}_resume")
    return newest.active


def of_data(name: str, loaded: Loaded) -> tuple[dict[str, StudyResult], bool]:
    """Finished studies, and whether they are of these data; those of other data only where there is none of these."""
    found = {str(result.directory): result for result in studies.catalogue(name)}
    mine = {id: result for id, result in found.items() if datasets.same(result.data, loaded)}
    return mine or found, bool(mine)


def of_others(found: Mapping[str, StudyResult], called: str) -> bool:
    """Whether a person asks to see, meanwhile, a result of other data; where they do it is headed by whose it is."""
    if not found:
        return False
    names = ", ".join(sorted({str(result.data.get("name", "")) for result in found.values()}))
    asked = st.toggle(frame.plain(f"Show a {called} of other data: {names}"), key=f"others_{called}")
    if asked:
        st.warning(frame.plain(f"Below are results of other data: {names}."), icon=":material/swap_horiz:")
    return asked


def tab(
    name: str,
    loaded: Loaded,
    show: Callable[[StudyResult], None],
    form: Callable[[Loaded], None],
    *,
    called: str,
    heading: str,
    icon: str,
    key: str,
) -> None:
    """A tab about a study: the finished one of these data; without one, the form that runs it on them comes first.

    Args:
        name: registered name of the study.
        loaded: the data of the page.
        show: draws a finished one.
        form: asks for the settings of a new one and starts it.
        called: what a person calls it, one word.
        heading: of the form.
        icon: beside the word that there is none.
        key: stem of the keys of widgets.
    """
    busy = standing(runs(name, loaded), key)
    found, mine = of_data(name, loaded)
    if not mine:
        frame.note(f"No {called} on {loaded.label} has been finished yet.", icon=icon)
    if not mine and not busy:
        with st.expander(heading, icon=":material/play_arrow:", expanded=True):
            form(loaded)
    if mine or of_others(found, called):
        chosen = next(iter(found))
        address.choice("study", found, f"{key}_of_{len(found)}", "study", code=lambda id: Path(id).name)
        if len(found) > 1:
            chosen = st.selectbox(
                called.capitalize(),
                list(found),
                format_func=lambda id: f"{found[id].data.get('name')} · {found[id].directory.name}",
                key=f"{key}_of_{len(found)}",
            )
        address.shown("study", Path(chosen).name)
        with frame.errors(f"Choose another {called}, or run it again."):
            show(found[chosen])
    if mine and not busy:
        with st.expander(heading, icon=":material/play_arrow:"):
            form(loaded)


def every_table(
    result: StudyResult, name: str, show: Callable[[pd.DataFrame, str], None], *, stem: str, key: str
) -> None:
    """A table of a study, any other in an expander, and the command that repeats the study.

    Args:
        result: the study.
        name: of the table that is open.
        show: draws a table under a key.
        stem: of the names of downloads.
        key: stem of the keys of widgets.
    """
    table = cache.study_table(result, name)
    show(table, f"{key}_table_{name}")
    downloads.table_buttons(lambda: table, f"{stem}-{name}", key=f"{key}_{name}")
    with st.expander("Every table", icon=":material/table_view:"):
        other = st.selectbox(
            "Table",
            result.table_names(),
            key=f"{key}_other",
            format_func=lambda name: name.replace("_", " ").capitalize(),
        )
        whole = cache.study_table(result, other)
        show(whole, f"{key}_any_table")
        downloads.table_buttons(lambda: whole, f"{stem}-{other}", key=f"{key}_any")
    st.markdown("**The command that repeats it**")
    st.code(command(result), language=None, wrap_lines=True)


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
