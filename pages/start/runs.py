"""Runs: what is training, what failed and why, and which generators there are."""

import streamlit as st

from engine.runs import checkpoints
from engine.runs import jobs as engine_jobs
from pages.start import _runs_generators as part
from pages.start import _runs_import as intake
from pages.ui import frame, jobs

METHOD = r"""
**A job** is a process of its own, started as `python -m engine train … --run NAME`; what the page shows is read from
the files it writes. Closing the browser or restarting the app does not touch it. It runs at low priority on one thread,
so that pages stay quick.

**Remaining time** is taken from the last 30 seconds, $\;\text{ETA} = (E - e)\,\Delta t / \Delta e\;$ with $e$ of $E$
epochs done, because phases and machines differ in speed.

**Cancel** asks the job to stop at its next report (at most a few seconds) and keeps its state. **Resume** continues
from the last state kept: weights, optimiser and random streams. A resumed run ends with the same weights, to the last
bit, as one that was never disturbed. States are kept every 30 seconds; a killed job repeats what it did since.

**Resume refuses** data that are not the ones the run began with (their fingerprint is stored) and settings other than
more epochs: that would be another run.

**A generator** is weights (safetensors, never unpickled) with a card: settings, grid, data, seed, versions, and the
digest of the weights. An imported one is checked in memory and kept only if it loads. The figures on a card are those
of its training; how good its forecasts are is judged on the pages, out of sample.

**What can go wrong**: losses that are no longer finite (lower the learning rate); a full disk (the state before is
intact: free some space, resume); a killed process (it shows as interrupted: resume).
"""

frame.header("Runs", "What is training, what failed and why, and which generators are there?")
runs = engine_jobs.list_runs()
answer = st.container()

st.subheader("Jobs", anchor=False)
if runs:
    jobs.listing(runs)
else:
    with st.container(border=True):
        st.markdown("No jobs yet. Train a generator on the built-in market or on your own surfaces; it appears here.")
        st.page_link(frame.page_path("generators/volgan"), label="Train VolGAN", icon=":material/model_training:")

st.subheader("Generators", anchor=False)
shelf = st.container()
intake.importer()
generators = checkpoints.catalogue()
with shelf:
    part.listing(generators)

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
frame.method(METHOD)
