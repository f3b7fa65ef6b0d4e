"""Runs: what is training, what failed and why, and which generators there are."""

import streamlit as st

from engine.runs import checkpoints
from engine.runs import jobs as engine_jobs
from pages.library import runs_page
from pages.ui import datasets, frame, jobs

frame.header("Runs", "What is training, what failed and why, and which generators are there?")
runs = engine_jobs.list_runs()
answer = st.container()

st.header("Jobs", anchor=False)
if runs:
    jobs.listing(jobs.table(runs, datasets.open_now()))
else:
    with st.container(border=True):
        st.markdown("No jobs yet. Train a generator on the built-in market or on your own surfaces; it appears here.")
        st.page_link(
            frame.page_path("generators/next_day"), label="Train a generator", icon=":material/model_training:"
        )

st.header("Generators", anchor=False)
shelf = st.container()
runs_page.importer()
generators = checkpoints.catalogue()
with shelf:
    runs_page.listing(generators)

with answer:
    stopped = [run for run in runs if run.resumable]
    shipped = sum(listed.shipped for listed in generators)
    running = sum(run.active for run in runs)
    finished = sum(run.state == "done" for run in runs)
    frame.metrics(
        [
            ("Running", str(running), "in the background", "Jobs at work now, each on one thread."),
            ("Finished", str(finished), "each left a generator", "Jobs that ran to their end."),
            (
                "Failed or stopped",
                str(len(stopped)),
                "can be resumed" if stopped else "nothing to resume",
                "Jobs that failed, were cancelled, or whose process was killed.",
            ),
            ("Generators", str(len(generators)), f"{shipped} shipped with the app", "Trained weights with their card."),
        ]
    )
    active = next((g for g in generators if str(g.directory) == frame.session().active_run), None)
    if active is not None:
        frame.strip(None, f"{active.name} (active on every page)")
frame.method(frame.prose("library/runs_page/method"))
