"""VolGAN: what the surface may look like tomorrow, and whether those surfaces could be arbitraged."""

import streamlit as st

from engine.scenarios import reweighting
from pages.surfaces import _volgan_controls as controls
from pages.surfaces import _volgan_surface as surface_tab
from pages.surfaces import _volgan_tabs as tabs
from pages.surfaces import _volgan_training as training
from pages.surfaces._volgan_method import METHOD
from pages.surfaces._volgan_view import View
from pages.ui import cache, datasets, frame, generators

MODELS = ("volgan",)
FEW_SCENARIOS = 100
COLLAPSED = 0.2

frame.header("VolGAN", "What can the surface look like tomorrow, and are those surfaces free of static arbitrage?")
loaded = datasets.pick("surfaces")
history = loaded.data
listed = generators.pick(history.grid, MODELS)
card = listed.card if listed is not None else None
frame.strip(loaded, generators.words(listed) if listed is not None else None)

if controls.too_short(history):
    frame.method(METHOD)
    st.stop()
if listed is None or card is None or card.grid != history.grid:
    if listed is None or card is None:
        st.info("There is no trained generator yet. Train one on these data.", icon=":material/model_training:")
    else:
        controls.mismatch(history, listed, card)
    training.panel(loaded, None)
    frame.method(METHOD)
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
    frame.metrics(view.metrics())
    frame.honesty(
        f"{request.n:,} scenarios, seed {request.seed}",
        f"effective {view.ess:,.0f}",
        controls.sample_words(history, request.row, card),
        frame.origin_words(loaded),
        f"data {history.fingerprint}",
    )
    if view.is_known:
        st.markdown(frame.plain(view.outcome()))
    if view.ess < FEW_SCENARIOS:
        st.warning(
            f"At this β {controls.carrying(view.ess)} the weight: bands and means rest on so few. "
            "Lower β, draw more scenarios, or train longer.",
            icon=":material/filter_alt:",
        )
    spread = card.metrics.get("return_day_sd_ratio")
    if spread is not None and spread < COLLAPSED:
        st.warning(
            f"This generator hardly moves: within a day its returns spread {100 * spread:.0f} % as wide as the data's "
            "over the training part. Its bands are too narrow; train it longer.",
            icon=":material/compress:",
        )

names = ("Surface", "Arbitrage", "Fans", "Download", "Train")
opened = st.tabs(names, key="volgan_tab", on_change="rerun")
drawing = (surface_tab.draw, tabs.arbitrage_tab, tabs.fans)
for tab, draw in zip(opened[:3], drawing, strict=True):
    if tab.open:
        with tab:
            draw(view)
if opened[3].open:
    with opened[3]:
        tabs.download(view, training.sample_command(listed, loaded, view))
if opened[4].open:
    with opened[4]:
        training.panel(loaded, card)
frame.method(METHOD)
