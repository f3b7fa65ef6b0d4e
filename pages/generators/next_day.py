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

frame.header(
    "Next-day generators", "What can the surface look like tomorrow, and are those surfaces free of static arbitrage?"
)
loaded = datasets.pick("surfaces")
history = loaded.data
chosen = generators.pick(loaded)
frame.strip(loaded, chosen.label)

if states.too_short(history):
    frame.method(page.method(chosen.name))
    st.stop()
if chosen.card is not None and chosen.card.grid != history.grid:
    states.mismatch(history, chosen.card)
    train.draw(loaded, None)
    frame.method(page.method(chosen.name))
    st.stop()

request = controls.request(history)
with frame.errors("Choose another generator in the sidebar, or train one under Runs."):
    chosen = chosen.on(request.row)
    ready = chosen.at(request.row)
    model, card = ready.model, ready.card
    drawn, penalty = cache.scenarios(ready.key, model, history, request.row, request.n, request.seed)
    history_phi = cache.history_penalty(history)

answer = st.container()
beta = controls.beta(float(reweighting.default_beta(penalty.total)), f"{history.fingerprint}_{request.row}_{chosen.id}")
view = page.View(history, request.row, drawn, penalty, history_phi, beta, card.model, request.seed)
with answer:
    st.header(f"The day after {view.day}", anchor=False)
    frame.metrics(page.metrics(view))
    frame.provenance(
        f"{request.n:,} scenarios, seed {request.seed}",
        f"effective {view.ess:,.0f}",
        ready.known,
        frame.origin_words(loaded),
    )
    if view.is_known:
        st.markdown(frame.plain(page.outcome(view)))
    generators.credibility(chosen.record(request.row))
    states.doubts(view, card)

TABS = {
    "Surface": lambda: surface.draw(view),
    "Arbitrage": lambda: arbitrage.draw(view),
    "Fans": lambda: fans.draw(view),
    "Paths": lambda: paths.draw(loaded, ready),
    "Validation": lambda: validation.draw(loaded),
    "Compare": lambda: compare.draw(loaded, chosen, request),
    "Download": lambda: download.draw(view, ready, loaded),
    "Train": lambda: train.draw(loaded, card),
}
frame.method(page.method(card.model, frame.tabs(TABS, key="next_day_tab")))
