"""Surface generators: what the surface may look like tomorrow, and whether those surfaces could be arbitraged."""

import streamlit as st

from engine.scenarios import reweighting
from pages.surfaces import _paths_tab as paths_tab
from pages.surfaces import _paths_text as paths_text
from pages.surfaces import _validation_tab as validation_tab
from pages.surfaces import _validation_text as validation_text
from pages.surfaces import _volgan_arbitrage as arbitrage_tab
from pages.surfaces import _volgan_compare as compare_tab
from pages.surfaces import _volgan_controls as controls
from pages.surfaces import _volgan_download as download_tab
from pages.surfaces import _volgan_fans as fans_tab
from pages.surfaces import _volgan_states as states
from pages.surfaces import _volgan_surface as surface_tab
from pages.surfaces import _volgan_training as training
from pages.surfaces import _volgan_words as words
from pages.surfaces._volgan_method import method
from pages.surfaces._volgan_view import View
from pages.ui import cache, datasets, frame, generators

DEFAULT = "volgan"

frame.header(
    "Surface generators", "What can the surface look like tomorrow, and are those surfaces free of static arbitrage?"
)
loaded = datasets.pick("surfaces")
history = loaded.data
listed = generators.pick(history.grid, prefer=DEFAULT, loaded=loaded)
card = listed.card if listed is not None else None
frame.strip(loaded, generators.words(listed) if listed is not None else None)

if states.too_short(history):
    frame.method(method(DEFAULT))
    st.stop()
if listed is None or card is None or card.grid != history.grid:
    if listed is None or card is None:
        st.info("There is no trained generator yet. Train one on these data.", icon=":material/model_training:")
    else:
        states.mismatch(history, listed, card)
    training.panel(loaded, None)
    frame.method(method(card.model if card is not None else DEFAULT))
    st.stop()

request = controls.request(history)
with frame.errors("Choose another generator in the sidebar, or train one under Runs."):
    model, card = cache.model(listed.directory)
    drawn, penalty = cache.scenarios(listed.directory, model, history, request.row, request.n, request.seed)
    history_phi = cache.history_penalty(history)

answer = st.container()
beta = controls.beta(float(reweighting.default_beta(penalty.total)))
view = View(history, request.row, drawn, penalty, history_phi, beta, card.model, request.seed)
with answer:
    st.subheader(f"The day after {view.day}", anchor=False)
    frame.metrics(words.metrics(view))
    frame.provenance(
        f"{request.n:,} scenarios, seed {request.seed}",
        f"effective {view.ess:,.0f}",
        states.sample_words(loaded, request.row, card),
        frame.origin_words(loaded),
        f"data {history.fingerprint}",
    )
    if view.is_known:
        st.markdown(frame.plain(words.outcome(view)))
    states.doubts(view, card)

TABS = {
    "Surface": lambda: surface_tab.draw(view),
    "Arbitrage": lambda: arbitrage_tab.draw(view),
    "Fans": lambda: fans_tab.draw(view),
    "Paths": lambda: paths_tab.draw(loaded, model, card, listed),
    "Validation": lambda: validation_tab.draw(loaded),
    "Compare": lambda: compare_tab.draw(loaded, listed, request),
    "Download": lambda: download_tab.draw(view, listed, loaded),
    "Train": lambda: training.panel(loaded, card),
}
OF_TAB = {"Paths": paths_text.METHOD, "Validation": validation_text.METHOD}
about = ""
for tab, (name, draw) in zip(st.tabs(list(TABS), key="volgan_tab", on_change="rerun"), TABS.items(), strict=True):
    if tab.open:
        about = OF_TAB.get(name, "")
        with tab:
            draw()
frame.method(about + method(card.model))
