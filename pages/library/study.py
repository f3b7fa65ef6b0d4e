"""Whole studies on one history: start one in the background, and read every table of a finished one."""

import streamlit as st

from engine.runs import jobs as engine_jobs
from engine.runs import studies
from engine.studies.base import STUDIES, study
from pages.ui import cache, datasets, downloads, forms, frame, jobs, study_jobs

ABOUT = frame.parts("library/study_page/method")
STUDIES_HERE = [name for name in STUDIES if name in ABOUT]  # the others are started from pages of their own

frame.header("Studies", "What does a whole study say about these surfaces, beside the published figures?")
loaded = datasets.pick("surfaces")
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

runs = [run for run in engine_jobs.list_runs() if run.config.get("verb", name) in ("study", name)]
runs = [run for run in runs if run.model in (name, "study")]
busy = [run for run in runs if run.active]
if busy:
    jobs.listing(tuple(busy))
for run in runs:
    if run.state in ("failed", "interrupted"):
        frame.problem(f"{run.name}: {run.reason or 'it left no reason'}", "Resume it under Runs.")

finished = {run.name: run for run in runs if run.state == "done"}
if not finished:
    st.info(
        "No finished study yet. Run one from the sidebar; it goes on in the background for about a minute.",
        icon=":material/info:",
    )
    frame.method(ABOUT[name] + ABOUT["every study"])
    st.stop()
chosen = st.selectbox("Finished study", list(finished), key="study_run", persist_state="session")
with frame.errors("Choose another study, or run it again."):
    result = studies.read(finished[chosen].directory)
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
    f"data {str(result.data['digest'])[:12]}",
    f"seed {result.settings.get('seed')}",
    f"{len(names)} tables",
)
table_name = st.selectbox("Table", names, format_func=lambda name: name.replace("_", " "), key="study_table")
with frame.errors("Run the study again."):
    table = cache.study_table(result, table_name)
st.dataframe(table, hide_index=True, width="stretch")
downloads.table_buttons(lambda: table, table_name, key="study")
st.code(engine_jobs.command_of(finished[chosen]), language=None, wrap_lines=True)
frame.method(ABOUT[name] + ABOUT["every study"])
