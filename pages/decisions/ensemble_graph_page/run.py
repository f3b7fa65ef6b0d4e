"""Start a study of graphs on loaded prices, from a finished Fin-GAN study, and watch it."""

import streamlit as st

from engine import datasets as catalogue
from engine.market.price_history import PriceHistory
from engine.runs import jobs as engine_jobs
from engine.runs import studies
from engine.studies.graph.study import GraphConfig
from pages.decisions import fingan_page
from pages.decisions.fingan_page.train import store_sectors
from pages.ui import cache, forms, frame, study_jobs

NAME = "graph"


def show() -> None:
    """The form and the jobs at work."""
    sources = {str(result.directory): result for result in studies.catalogue("fingan")}
    prices = {entry.id: entry for entry in catalogue.catalogue("prices")}
    runs = [run for run in engine_jobs.list_runs() if run.model == NAME]
    study_jobs.standing(runs, NAME)
    study_jobs.finished(runs, "graph_study")
    if not sources or not prices:
        st.info(
            "A study of graphs needs a finished Fin-GAN study and the prices it was made from. Train one on the "
            "page Fin-GAN; add the prices under Market data.",
            icon=":material/info:",
        )
        return
    with st.form("graph_run"):
        source = st.selectbox(
            "Fin-GAN study",
            list(sources),
            format_func=lambda key: fingan_page.words(sources[key]),
            help="Its chosen generators, one for each ticker and seed, are evaluated on every ticker.",
        )
        first = next(iter(sources.values())).data.get("ref")
        data = st.selectbox(
            "Prices",
            list(prices),
            index=list(prices).index(first) if first in prices else 0,
            format_func=lambda key: prices[key].label,
            help="The prices of that study.",
        )
        values = forms.config_fields(GraphConfig, key="graph_run")
        started = st.form_submit_button("Run the study", type="primary", icon=":material/play_arrow:")
    if started:
        with frame.errors("Choose the prices that the Fin-GAN study was made from, or change the settings."):
            loaded = cache.dataset(prices[data])
            assert isinstance(loaded.data, PriceHistory)
            inputs = {"fingan": source, **_sectors(sources[source])}
            study_jobs.start(NAME, data, values, f"{NAME}-{loaded.data.fingerprint}", inputs=inputs)
        st.rerun()


def _sectors(source: studies.StudyResult) -> dict[str, str]:
    """The sector map that the Fin-GAN study worked with, as a file, if it had one."""
    table = cache.study_table(source, "tickers").dropna(subset="sector")
    if table.empty:
        return {}
    rows = table[["ticker", "sector"]].rename(columns={"sector": "sector_etf"})
    return {"sectors": store_sectors(rows.to_csv(index=False).encode())}
