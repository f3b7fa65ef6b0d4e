"""Leaderboard: which generator of surfaces forecasts best, by how much, and how sure that is."""

import streamlit as st

from engine.runs import studies
from pages.generators import _leaderboard_names as naming
from pages.generators import _leaderboard_runs as job
from pages.generators import _leaderboard_tabs as tabs
from pages.generators import _leaderboard_words as words
from pages.generators._leaderboard_method import METHOD
from pages.ui import cache, datasets, frame

frame.header(
    "Leaderboard", "Which generator of surfaces forecasts best out of sample, by how much, and how sure is that?"
)
loaded = datasets.pick("surfaces")
frame.strip(loaded)
busy = job.standing(loaded)
found = {str(result.directory): result for result in studies.catalogue(job.STUDY)}
mine = {key: one for key, one in found.items() if datasets.same(one.data, loaded)}
if not mine:
    meanwhile = "; meanwhile, that of other data." if found else "."
    st.info(
        frame.plain(f"No leaderboard of {loaded.label} has been finished yet. Run one below{meanwhile}"),
        icon=":material/leaderboard:",
    )
listed = mine or found
if not listed:
    job.form(loaded, busy)
    frame.method(METHOD)
    st.stop()
key = next(iter(listed))
if len(listed) > 1:
    key = st.sidebar.selectbox(
        "Finished leaderboard",
        list(listed),
        format_func=lambda id: job.title(listed[id]),
        key="leaderboard_run",
        persist_state="session",
        help="Every finished run of these data, newest first.",
    )
result = listed[key]
with frame.errors("Choose another leaderboard, or run it again."):
    tables = {name: cache.study_table(result, name) for name in result.table_names()}
    naming.check(tables)
    names = naming.models(tables)
    tables = naming.named(tables)
    frame.metrics(words.metrics(tables, names))
frame.provenance(*words.facts(result, tables))
for sentence in words.verdict(tables):
    st.markdown(frame.plain(sentence))

TABS = {
    "Ranking": tabs.ranking,
    "Exceedances": tabs.exceedances,
    "Transforms": tabs.transforms,
    "Arbitrage": tabs.arbitrage,
    "Criteria": tabs.criteria,
}
for tab, draw in zip(st.tabs(list(TABS), key="leaderboard_tab", on_change="rerun"), TABS.values(), strict=True):
    if tab.open:
        with tab:
            draw(tables, names)
st.markdown("The same tables from the command line:")
st.code(job.command(result), language="bash", wrap_lines=True)
job.form(loaded, busy)
frame.method(METHOD)
