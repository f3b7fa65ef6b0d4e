"""Leaderboard: which generator of surfaces forecasts best, by how much, and how sure that is."""

import streamlit as st

from engine.runs import studies
from pages.generators import leaderboard_page as page
from pages.ui import cache, datasets, frame, texts

METHOD = texts.prose("generators/leaderboard_page/method")

frame.header(
    "Leaderboard", "Which generator of surfaces forecasts best out of sample, by how much, and how sure is that?"
)
loaded = datasets.pick("surfaces")
frame.strip(loaded)
busy = page.standing(loaded)
found = {str(result.directory): result for result in studies.catalogue(page.STUDY)}
mine = {key: one for key, one in found.items() if datasets.same(one.data, loaded)}
if not mine:
    meanwhile = "; meanwhile, that of other data." if found else "."
    st.info(
        frame.plain(f"No leaderboard of {loaded.label} has been finished yet. Run one below{meanwhile}"),
        icon=":material/leaderboard:",
    )
listed = mine or found
if not listed:
    page.form(loaded, busy)
    frame.method(METHOD)
    st.stop()
key = next(iter(listed))
if len(listed) > 1:
    key = st.sidebar.selectbox(
        "Finished leaderboard",
        list(listed),
        format_func=lambda id: page.title(listed[id]),
        key="leaderboard_run",
        persist_state="session",
        help="Every finished run of these data, newest first.",
    )
result = listed[key]
with frame.errors("Choose another leaderboard, or run it again."):
    tables = {name: cache.study_table(result, name) for name in result.table_names()}
    page.check(tables)
    names = page.models(tables)
    tables = page.named(tables)
    frame.metrics(page.metrics(tables, names))
frame.provenance(*page.facts(result, tables))
for sentence in page.verdict(tables):
    st.markdown(frame.plain(sentence))

tabs = st.tabs(list(page.TABS), key="leaderboard_tab", on_change="rerun")
for tab, draw in zip(tabs, page.TABS.values(), strict=True):
    if tab.open:
        with tab:
            draw(tables, names)
st.markdown("The same tables from the command line:")
st.code(page.command(result), language="bash", wrap_lines=True)
page.form(loaded, busy)
frame.method(METHOD)
