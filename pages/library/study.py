"""Whole studies on one history: start one in the background, and read every table of a finished one."""

from pathlib import Path

import streamlit as st

from engine.runs import jobs as engine_jobs
from engine.runs import studies
from engine.studies.base import STUDIES, study
from pages.ui import address, cache, datasets, downloads, forms, frame, jobs, study_jobs, wording

ABOUT = frame.parts("library/study_page/method")
STUDIES_HERE = [name for name in STUDIES if name in ABOUT]  # the others are started from pages of their own

QUESTIONS = {
    "surfaces": "in which ways surfaces move, how often they can be arbitraged, what factor models make of them; "
    "about a minute.",
    "leaderboard": "which generator forecasts best out of sample, by how much, and how sure that is; some minutes.",
    "volgan": "where VolGAN is right and wrong, beside simple baselines; about a quarter of an hour.",
}

frame.header("Studies", "What does a whole study say about these surfaces, beside the published figures?")
loaded = datasets.pick("surfaces")
asked = address.asked("study")
of_link = next((one for one in STUDIES_HERE for found in studies.catalogue(one) if found.directory.name == asked), None)
if of_link is not None:
    st.session_state["study_name"] = of_link
name = forms.Remembered(st.sidebar).selectbox(
    "Study", STUDIES_HERE, format_func=lambda name: study(name).LABEL, key="study_name"
)
module = study(name)
with st.sidebar.form("study"):
    values = forms.config_fields(module.Config, key=f"study_{name}")
    started = st.form_submit_button("Run the study", type="primary", icon=":material/play_arrow:")
frame.strip(loaded)
if started:
    with frame.errors("Change the settings in the sidebar."):
        study_jobs.start(name, loaded.entry.id, values, f"{name}-{loaded.data.fingerprint}")


def shown_at_first() -> None:
    """What each study answers, how to run it on these data, and the finished ones that come with the app."""
    st.header("What each study answers", anchor=False)
    for one in STUDIES_HERE:
        with st.container(border=True):
            st.markdown(f"**{study(one).LABEL}**: {QUESTIONS[one]}")
            if st.button("Run it on these data", key=f"run_{one}", icon=":material/play_arrow:", disabled=bool(busy)):
                with frame.errors():
                    study_jobs.start(one, loaded.entry.id, {}, f"{one}-{loaded.data.fingerprint}")
                st.rerun()


runs = [run for run in engine_jobs.list_runs() if run.config.get("verb", name) in ("study", name)]
runs = [run for run in runs if run.model in (name, "study")]
busy = [run for run in runs if run.active]
if busy:
    jobs.listing(tuple(busy))
for run in runs:
    if run.state in ("failed", "interrupted"):
        frame.problem(f"{run.name}: {run.reason or 'it left no reason'}", "Resume it under Runs.")

finished, mine = study_jobs.of_data(name, loaded)
if not mine:
    frame.note(f"{module.LABEL} has not been run on {loaded.label} yet.")
    shown_at_first()
if not mine and not study_jobs.of_others(finished, "study"):
    frame.method(ABOUT[name] + ABOUT["every study"])
    st.stop()
address.choice("study", finished, "study_run", "study", code=lambda id: Path(id).name)
if st.session_state.get("study_run") not in finished:
    st.session_state["study_run"] = next(iter(finished))
chosen = st.selectbox(
    "Finished study", list(finished), key="study_run", format_func=lambda id: Path(id).name, persist_state="session"
)
address.shown("study", Path(chosen).name)
with frame.errors("Choose another study, or run it again."):
    result = finished[chosen]
    names = result.table_names()
    first, last = result.data["period"]
frame.metrics(
    [
        (words.replace("_", " ").capitalize(), f"{value:.4g}", None, "From result.json of the run.")
        for words, value in result.summary.items()
    ]
)
frame.provenance(
    f"{result.data['name']}, {first} to {last}",
    "" if mine else f"data {str(result.data['digest'])[:12]}",
    f"seed {result.settings['seed']}" if "seed" in result.settings else "",
    wording.count(len(names), "table"),
)
table_name = st.selectbox("Table", names, format_func=lambda name: name.replace("_", " "), key="study_table")
with frame.errors("Run the study again."):
    table = cache.study_table(result, table_name)
st.dataframe(wording.readable(table), hide_index=True, width="stretch")
downloads.table_buttons(lambda: table, table_name, key="study")
st.code(study_jobs.command(result), language=None, wrap_lines=True)
frame.method(ABOUT[name] + ABOUT["every study"])
