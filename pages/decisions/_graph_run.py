"""Start a study of graphs on loaded prices, from a finished Fin-GAN study, and watch it."""

import streamlit as st

from engine import datasets as catalogue
from engine.runs import jobs as engine_jobs
from engine.runs import run_directory, studies
from engine.settings import from_dict, to_dict
from engine.studies.graph import GraphConfig
from pages.ui import forms, frame, jobs


def start() -> None:
    """The form and the jobs at work."""
    sources = {str(result.directory): result for result in studies.catalogue("fingan")}
    prices = {entry.id: entry for entry in catalogue.catalogue("prices")}
    runs = [run for run in engine_jobs.list_runs() if run.model == "graph"]
    busy = tuple(run for run in runs if run.active)
    if busy:
        jobs.listing(busy)
    for run in runs:
        if run.state in ("failed", "interrupted"):
            frame.problem(f"{run.name}: {run.reason or 'it left no reason'}", "Resume it under Runs.")
    if not sources or not prices:
        st.info(
            "A study of graphs needs a finished Fin-GAN study and the prices it was made from. Train one on the page "
            "Fin-GAN, with a sector map beside the prices.",
            icon=":material/info:",
        )
        return
    with st.form("graph_run"):
        source = st.selectbox(
            "Fin-GAN study",
            list(sources),
            format_func=lambda key: f"{sources[key].data['name']} · {sources[key].directory.name}",
            help="Its chosen generators, one for each ticker and seed, are evaluated on every ticker.",
        )
        data = st.selectbox(
            "Prices", list(prices), format_func=lambda key: prices[key].label, help="The prices of that study."
        )
        values = forms.config_fields(GraphConfig, key="graph_run")
        started = st.form_submit_button("Run the study", type="primary", icon=":material/play_arrow:")
    if started:
        with frame.errors("Change the settings, or choose the prices that the Fin-GAN study was made from."):
            settings = to_dict(from_dict(GraphConfig, values))
            pairs = [part for key, value in settings.items() for part in ("--set", f"{key}={value}")]
            arguments = ["study", "graph", f"--data={data}", f"--fingan={source}", *pairs]
            engine_jobs.start(arguments, run_directory.new_directory("graph"))
            st.rerun()
