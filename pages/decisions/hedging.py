"""Hedging: what to trade today so that the book moves least tomorrow, and how well that has worked."""

import streamlit as st

from engine.market.surface_history import FIRST_CONDITION_ROW
from pages.decisions.hedging_page import backtest, controls, hedge_today, one_month
from pages.ui import datasets, frame, generators

METHOD = frame.prose("decisions/hedging_page/method")
LEAST = FIRST_CONDITION_ROW

frame.header("Hedging", "What should be traded today so that an option book moves least tomorrow, and does it pay?")
loaded = datasets.pick("surfaces")
history = loaded.data
if len(history) <= LEAST:
    frame.strip(loaded)
    frame.problem(
        f"expected at least {LEAST + 1} days of surfaces, because scenarios need one month of returns; "
        f"found {len(history)}",
        "Choose another dataset in the sidebar, or upload a longer history under Market data.",
    )
    frame.method(METHOD)
    st.stop()
choice = generators.pick(loaded, label="Scenarios from", others=False)
row = controls.row(history, LEAST)
frame.strip(loaded, choice.label)
recipe = controls.build(history.grid)
with frame.errors("Change the settings in the sidebar."):
    plan = controls.plan(history, 1)
with frame.errors("Choose other scenarios, or a later day."):
    choice = choice.on(row)
    source = choice.at(row)

TABS = {
    "Hedge today": lambda: hedge_today.show(loaded, choice, source, row, recipe, plan),
    "One month": lambda: one_month.show(loaded, choice, row, recipe, plan, LEAST),
    "Backtest": lambda: backtest.show(loaded),
}
frame.tabs(TABS, key="hedge_tab")
frame.method(METHOD)
