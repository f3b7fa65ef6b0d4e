"""Fin-GAN: bets on the sign of the next half-day's return, what they earned, and how sure that is."""

import streamlit as st

from engine.runs import studies
from pages.decisions.fingan_page import View, about, losses, one_ticker, overview, prices_of, train, words
from pages.ui import address, datasets, downloads, forms, frame, study_jobs

METHOD = frame.prose("decisions/fingan_page/method")

frame.header("Fin-GAN", "What would bets on generated returns have earned, and how sure is that?")
listed = {str(result.directory): result for result in studies.catalogue(train.NAME)}
shipped = sorted((id for id in listed if "checkpoints" in id), key=lambda id: -listed[id].settings["seeds"])
address.choice("study", listed, "fingan_study", "study", code=lambda id: id.rsplit("/", 1)[-1])
chosen = forms.Remembered(st.sidebar).selectbox(
    "Study",
    [*shipped, *(id for id in listed if id not in shipped)],
    format_func=lambda id: words(listed[id]),
    key="fingan_study",
    help="Finished studies: those that come with the app, then yours, newest first. Train one in the last tab.",
)
loaded = datasets.pick("prices")
if chosen is None:
    frame.strip(loaded)
    st.info("No finished study yet: train one below.", icon=":material/info:")
    train.show(loaded)
    frame.method(METHOD)
    st.stop()

address.shown("study", chosen.rsplit("/", 1)[-1])
result = listed[chosen]
with frame.errors("Choose another study in the sidebar, or train one."):
    view = View(result, prices_of(result, loaded))
    frame.strip(loaded if view.prices is not None else None, about(result))
    frame.metrics(overview.metrics(view))
    frame.provenance(*view.provenance())
TABS = {
    "Overview": overview.show,
    "One ticker": one_ticker.show,
    "Gradient norms": losses.norms,
    "Combinations": losses.combinations,
    "Universality": losses.universality,
    "Costs": overview.costs,
    "Train": lambda view: train.show(loaded),
}
frame.tabs(TABS, view, key="fingan_tab", what_next="Choose another study in the sidebar, or train one.")
listing = view.table("tickers")
unfolded = st.expander(
    "Tickers, windows and what was left out", icon=":material/list:", key="fingan_tickers_unfolded", on_change="rerun"
)
if unfolded.open:
    with unfolded:
        st.dataframe(listing, hide_index=True, width="stretch")
        downloads.table_buttons(lambda: listing, "fingan_tickers", key="fingan_listing")
frame.command(study_jobs.command(result), language=None)
frame.method(METHOD)
