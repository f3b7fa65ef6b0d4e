"""Next-day generators: what the surface may look like tomorrow, and whether those surfaces could be arbitraged."""

import streamlit as st

from engine.scenarios import reweighting
from pages.generators import next_day_page as page
from pages.generators.next_day_page import (
    arbitrage,
    compare,
    controls,
    download,
    fans,
    paths,
    states,
    surface,
    train,
    validation,
)
from pages.ui import cache, datasets, frame, generators

DEFAULT = "volgan"

frame.header(
    "Next-day generators", "What can the surface look like tomorrow, and are those surfaces free of static arbitrage?"
)
loaded = datasets.pick("surfaces")
history = loaded.data
listed = generators.pick(history.grid, prefer=DEFAULT, loaded=loaded)
card = listed.card if listed is not None else None
frame.strip(loaded, generators.words(listed) if listed is not None else None)

if states.too_short(history):
    frame.method(page.method(DEFAULT))
    st.stop()
if listed is None or card is None or card.grid != history.grid:
    if listed is None or card is None:
        st.info("There is no trained generator yet. Train one on these data.", icon=":material/model_training:")
    else:
        states.mismatch(history, card)
    train.draw(loaded, None)
    frame.method(page.method(card.model if card is not None else DEFAULT))
    st.stop()

request = controls.request(history)
with frame.errors("Choose another generator in the sidebar, or train one under Runs."):
    model, card = cache.model(listed.directory)
    drawn, penalty = cache.scenarios(listed.directory, model, history, request.row, request.n, request.seed)
    history_phi = cache.history_penalty(history)

answer = st.container()
beta = controls.beta(float(reweighting.default_beta(penalty.total)))
view = page.View(history, request.row, drawn, penalty, history_phi, beta, card.model, request.seed)
with answer:
    st.header(f"The day after {view.day}", anchor=False)
    frame.metrics(page.metrics(view))
    frame.provenance(
        f"{request.n:,} scenarios, seed {request.seed}",
        f"effective {view.ess:,.0f}",
        states.sample_words(loaded, request.row, card),
        frame.origin_words(loaded),
        f"data {history.fingerprint}",
    )
    if view.is_known:
        st.markdown(frame.plain(page.outcome(view)))
    states.doubts(view, card)

TABS = {
    "Surface": lambda: surface.draw(view),
    "Arbitrage": lambda: arbitrage.draw(view),
    "Fans": lambda: fans.draw(view),
    "Paths": lambda: paths.draw(loaded, model, card, listed),
    "Validation": lambda: validation.draw(loaded),
    "Compare": lambda: compare.draw(loaded, listed, request),
    "Download": lambda: download.draw(view, listed, loaded),
    "Train": lambda: train.draw(loaded, card),
}
frame.method(page.method(card.model, frame.tabs(TABS, key="next_day_tab")))
