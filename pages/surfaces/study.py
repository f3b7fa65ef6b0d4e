"""Chapter 2 on one history: start the whole study, and read every table of a finished one."""

import streamlit as st

from engine.runs import jobs as engine_jobs
from engine.runs import run_directory, studies
from engine.settings import from_dict, to_dict
from engine.studies.base import STUDIES, study
from pages.ui import cache, datasets, downloads, forms, frame, jobs

METHOD = """
The study computes every table of chapter 2 of the thesis on one history: variance explained and mean reversion of the
factors, correlations with returns, penalty quantiles, the noise and shift experiments, the volatility index, and both
factor models with published and with estimated parameters. Published figures stand beside ours in columns of their own.
Each table is a CSV file in the run's directory; `result.json` beside them holds settings, fingerprint and versions.

A killed study resumes with the step it was in. The published figures are those of SPX from 2000 to 2021 on the 10×8
grid; on other data they are a yardstick, not a target.
"""
NAME = next(iter(STUDIES))

frame.header(
    "Surface study", "What does the whole of chapter 2 say about these surfaces, beside the published figures?"
)
loaded = datasets.pick("surfaces")
module = study(NAME)
with st.sidebar.form("study"):
    values = forms.config_fields(module.Config, key="study")
    started = st.form_submit_button("Run the study", type="primary", icon=":material/play_arrow:")
frame.strip(loaded)
if started:
    with frame.errors("Change the settings in the sidebar."):
        settings = to_dict(from_dict(module.Config, values))
        pairs = [part for key, value in settings.items() for part in ("--set", f"{key}={value}")]
        arguments = ["study", NAME, f"--data={loaded.entry.id}", *pairs]
        engine_jobs.start(arguments, run_directory.new_directory(f"study-{loaded.data.fingerprint}"))

runs = [run for run in engine_jobs.list_runs() if run.config.get("verb") == "study" or run.model == "study"]
busy = [run for run in runs if run.active]
if busy:
    jobs.listing(tuple(busy))
for run in runs:
    if run.state in ("failed", "interrupted"):
        frame.problem(f"{run.name}: {run.reason or 'it left no reason'}", "Resume it under Runs.")

finished = {run.name: run for run in runs if run.state == "done"}
if not finished:
    st.info(
        "No finished study yet. Run one from the sidebar; on 22 years it takes about a minute.", icon=":material/info:"
    )
    frame.method(METHOD)
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
frame.honesty(
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
frame.method(METHOD)
