"""Graph ensembles: whose generators forecast whom, and does sharing pay?"""

import streamlit as st

from engine.runs import studies
from engine.studies.graph.results import verdicts
from pages.decisions.ensemble_graph_page import View, choose, network, results, run, structure
from pages.ui import address, forms, frame, study_jobs

METHOD = frame.prose("decisions/ensemble_graph_page/method")

# what the sentences under the headline are made of
VERDICT_TABLES = ("methods", "differences", "walk_forward", "seed_gains", "permutation", "stability")

frame.header("Graph ensembles", "Whose generators forecast whom, and does sharing them pay?")
finished = {str(result.directory): result for result in studies.catalogue("graph")}
if not finished:
    st.info("No finished study of graphs yet. Start one below.", icon=":material/info:")
    run.show()
    frame.method(METHOD)
    st.stop()
address.choice("study", finished, "graph_study", "study", code=lambda id: id.rsplit("/", 1)[-1])
picked = forms.Remembered(st.sidebar).selectbox(
    "Study",
    list(finished),
    format_func=lambda key: f"{finished[key].data['name']} · {finished[key].directory.name}",
    key="graph_study",
    help="Finished studies of graphs: the shipped one and your own.",
)
address.shown("study", picked.rsplit("/", 1)[-1])
with frame.errors("Choose another study in the sidebar."):
    view = View(finished[picked])
    result = view.result
    chosen = choose(view)
    tables = {name: view.table(name) for name in VERDICT_TABLES}
    seeds, days = int(result.summary["seeds"]), len(view.table("portfolio_pnl"))
first, last = result.data["period"]
source = str(result.inputs.get("fingan", {}).get("ref", "FINGAN"))
with st.container(border=True):
    st.text(f"Study: {result.data['name']} · {first} to {last} · fingerprint {str(result.data['digest'])[:12]}")
    of = "by the longer choice" if result.settings.get("choice") == "longer" else "by the thesis's choice, as published"
    st.text(f"Generators: {source}, their losses {of}, {seeds} training {'seed' if seeds == 1 else 'seeds'}")
frame.metrics(view.metrics())
frame.provenance(
    f"{len(view.tickers)} assets, {days} test days, out of sample",
    f"signs averaged over {seeds} seeds" if seeds > 1 else "one training seed",
    f"intervals from {result.settings.get('draws'):,} resamples of 21-day blocks",
    "before costs",
    "published: 193 assets",
)
said = [frame.plain(sentence) for sentence in verdicts(tables)]
st.markdown(said[0])
with st.expander("Which differences are real", icon=":material/rule:"):
    st.markdown("\n".join(f"- {sentence}" for sentence in said[1:]))

TABS = {
    "Graph": lambda: network.show(view, chosen),
    "Adjacency": lambda: network.matrix(view, chosen),
    "Weightings": lambda: results.weightings(view),
    "Seeds and luck": lambda: results.seeds(view),
    "PnL": lambda: results.pnl(view),
    "Sectors": lambda: structure.sectors(view, chosen),
    "Importance": lambda: structure.importance(view, chosen),
    "Transfer": lambda: structure.transfer(view),
    "Robustness": lambda: results.robustness(view),
    "Run": run.show,
}
frame.tabs(TABS, key="graph_tab", what_next="Choose another study in the sidebar, or run it again.")
st.code(study_jobs.command(result), language=None, wrap_lines=True)
frame.method(METHOD)
