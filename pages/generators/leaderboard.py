"""Leaderboard: which generator of surfaces forecasts best, by how much, and how sure that is."""

import streamlit as st

from pages.generators import leaderboard_page as page
from pages.ui import address, cache, datasets, forms, frame, study_jobs

METHOD = frame.prose("generators/leaderboard_page/method")

frame.header(
    "Leaderboard", "Which generator of surfaces forecasts best out of sample, by how much, and how sure is that?"
)
loaded = datasets.pick("surfaces")
frame.strip(loaded)
busy = study_jobs.standing(study_jobs.runs(page.STUDY, loaded), page.STUDY)
listed, mine = study_jobs.of_data(page.STUDY, loaded)
if not mine:
    frame.note(f"No leaderboard of {loaded.label} has been finished yet.", icon=":material/leaderboard:")
    page.form(loaded, busy, expanded=True)
    if not study_jobs.of_others(listed, "leaderboard"):
        frame.method(METHOD)
        st.stop()
key = next(iter(listed))
address.choice("study", listed, "leaderboard_run", "study", code=lambda id: id.rsplit("/", 1)[-1])
if len(listed) > 1:
    key = forms.Remembered(st.sidebar).selectbox(
        "Finished leaderboard",
        list(listed),
        format_func=lambda id: page.title(listed[id]),
        key="leaderboard_run",
        help="Every finished run of these data, newest first.",
    )
address.shown("study", key.rsplit("/", 1)[-1])
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

frame.tabs(page.TABS, tables, names, key="leaderboard_tab")
st.markdown("The same tables from the command line:")
st.code(study_jobs.command(result), language="bash", wrap_lines=True)
if mine:
    page.form(loaded, busy)
frame.method(METHOD)
