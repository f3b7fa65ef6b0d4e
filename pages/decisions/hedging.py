"""Hedging: what to trade today so that the book moves least tomorrow, and how well that has worked."""

import streamlit as st

from engine.market.surface_history import FIRST_CONDITION_ROW
from pages.decisions import _hedging_backtest as backtest_tab
from pages.decisions import _hedging_controls as controls
from pages.decisions import _hedging_month as month_tab
from pages.decisions import _hedging_portfolio as portfolio
from pages.decisions import _hedging_source as sources
from pages.decisions import _hedging_today as today_tab
from pages.decisions._hedging_method import METHOD
from pages.ui import datasets, frame

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
choice = sources.pick(loaded)
row = sources.row(history, LEAST)
frame.strip(loaded, choice.label)
recipe = portfolio.build(history.grid)
with frame.errors("Change the settings in the sidebar."):
    plan = controls.plan(history, 1)
with frame.errors("Choose other scenarios, or a later day."):
    source = choice.at(row)

TABS = {
    "Hedge today": lambda: today_tab.draw(loaded, source, row, recipe, plan),
    "One month": lambda: month_tab.draw(loaded, choice, row, recipe, plan, LEAST),
    "Backtest": lambda: backtest_tab.draw(loaded),
}
for tab, draw in zip(st.tabs(list(TABS), key="hedge_tab", on_change="rerun"), TABS.values(), strict=True):
    if tab.open:
        with tab:
            draw()
frame.method(METHOD)
