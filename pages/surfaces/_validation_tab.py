"""The validation of VolGAN on its page: a finished study at once, one section at a time, and a job for one's own."""

import shlex

import streamlit as st

from engine.datasets import Loaded
from engine.runs import studies
from engine.runs.studies import StudyResult
from pages.surfaces import _validation_forecasts as forecasts
from pages.surfaces import _validation_moves as moves
from pages.surfaces import _validation_run as job
from pages.surfaces import _validation_scores as scores
from pages.surfaces._validation_answer import answer
from pages.surfaces._validation_table import show
from pages.surfaces._validation_text import SECTIONS
from pages.ui import cache, datasets, downloads, forms, frame

DRAWING = {
    "Calibration": forecasts.calibration,
    "Forecasts": forecasts.bands,
    "Penalty": forecasts.penalty,
    "Scores": scores.scores,
    "Correlation": moves.correlation,
    "Components": moves.components,
    "Tails": moves.tails,
    "Matching": scores.matching,
}
"""Section → what draws it and names the table behind it."""


def draw(loaded: Loaded) -> None:
    """The tab: the study of these data, or the shipped one and how to run one's own."""
    busy = job.following(loaded)
    result = _chosen(loaded)
    if result is None:
        st.info("No validation has been finished yet. Run one below.", icon=":material/fact_check:")
    else:
        with frame.errors("Choose another validation, or run it again."):
            _show(result, loaded)
    if not busy:
        with st.expander("Validate on these data", icon=":material/play_arrow:", expanded=result is None):
            job.form(loaded)


def _chosen(loaded: Loaded) -> StudyResult | None:
    """The study to show: of these data if there is one, newest first, else a shipped one."""
    found = {str(result.directory): result for result in studies.catalogue(job.STUDY)}
    mine = {key: one for key, one in found.items() if datasets.same(one.data, loaded)}
    listed = mine or found
    if not listed:
        return None
    if not mine:
        st.info(
            frame.plain(
                f"These are not the data of the page: no validation on {loaded.label} has been finished yet. "
                "Run one below; meanwhile, another."
            ),
            icon=":material/info:",
        )
    if len(listed) == 1:
        return next(iter(listed.values()))
    key = st.selectbox(
        "Validation", list(listed), format_func=lambda key: _words(listed[key]), key=f"validation_of_{len(listed)}"
    )
    return listed[key]


def _show(result: StudyResult, loaded: Loaded) -> None:
    answer(result)
    section = forms.section(SECTIONS, key="validation_section")
    name = DRAWING[section](result)
    table = cache.study_table(result, name)
    show(table, f"validation_table_{name}")
    downloads.table_buttons(lambda: table, f"volgan-validation-{name}", key=f"validation_{name}")
    with st.expander("Every table", icon=":material/table_view:"):
        other = st.selectbox("Table", result.table_names(), key="validation_other", format_func=_spoken)
        whole = cache.study_table(result, other)
        show(whole, "validation_any_table")
        downloads.table_buttons(lambda: whole, f"volgan-validation-{other}", key="validation_any")
    st.markdown("**The command that repeats it**")
    st.code(_command(result), language=None, wrap_lines=True)


def _words(result: StudyResult) -> str:
    return f"{result.data.get('name')} · {result.directory.name}"


def _spoken(name: str) -> str:
    return name.replace("_", " ").capitalize()


def _command(result: StudyResult) -> str:
    words = ["python", "-m", "engine", "study", job.STUDY, "--data", str(result.data.get("ref", ""))]
    words += [part for name, about in result.inputs.items() for part in (f"--{name}", str(about.get("ref", "")))]
    words += [part for name, value in result.settings.items() if value != "" for part in ("--set", f"{name}={value}")]
    return shlex.join([*words, "--run", f"{result.directory.name}-again"])
