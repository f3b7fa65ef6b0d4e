"""A short tour on Home: the five-minute demo as steps with links, until it is dismissed."""

import streamlit as st

from pages.ui import frame

STEPS = (
    ("", "", "Press *Load the stressed day*: the day stays chosen on every page that follows."),
    ("generators/next_day", "arbitrage", "Drag β: weights concentrate, effective scenarios fall, penalties go white."),
    ("generators/next_day", "validation", "Where a generator is wrong, beside simple baselines."),
    ("generators/leaderboard", "", "Which differences between generators are real."),
    ("decisions/hedging", "hedge-today", "Today's straddle becomes a ticket."),
    ("decisions/hedging", "backtest", "What the tickets of the past months left over."),
    ("decisions/ensemble_graph", "graph", "Click a utility stock: whose generators forecast it?"),
    ("data/market_data", "", "Upload surfaces of your own: every page then speaks of them."),
)
"""Page, tab and what to do there."""

LABELS = {
    "generators/next_day": "Next-day generators",
    "generators/leaderboard": "Leaderboard",
    "decisions/hedging": "Hedging",
    "decisions/ensemble_graph": "Graph ensembles",
    "data/market_data": "Market data",
}

DISMISSED = "tour_dismissed"


def show() -> None:
    """The steps in an expander with a button that dismisses them for the session."""
    if st.session_state.get(DISMISSED):
        return
    unfolded = st.expander("Five-minute tour", icon=":material/tour:", key="tour", on_change="rerun")
    if not unfolded.open:
        return
    with unfolded:
        for number, (page, tab, words) in enumerate(STEPS, 1):
            st.markdown(f"**{number}.** {words}")
            if page:
                asks = {"tab": tab} if tab else None
                st.page_link(
                    frame.page_path(page), label=LABELS[page], icon=":material/arrow_forward:", query_params=asks
                )
        st.button("Dismiss the tour", key="tour_dismiss", on_click=_dismiss)


def _dismiss() -> None:
    st.session_state[DISMISSED] = True
