"""The tab of tomorrow's return and ATM vol after the recent past, raw beside reweighted."""

import streamlit as st

from engine.charts import scenarios
from pages.generators.next_day_page import View, quantile_table
from pages.ui import frame, widths

HISTORY_DAYS = 40


def draw(view: View) -> None:
    """Tomorrow's return and ATM vol after the recent past, raw beside reweighted."""
    first = max(1, view.row + 1 - HISTORY_DAYS)
    days = view.history.dates[first : view.row + 1]
    returns = view.history.log_return[first - 1 : view.row]  # the returns that ended on those days
    drawn = view.drawn.log_return
    st.markdown("**Return over the next day**")
    frame.picture(
        scenarios.return_fan,
        days,
        returns,
        view.next_day,
        {"raw": (drawn, None), "reweighted": (drawn, view.weights)},
        realised=view.realised_return,
        model=view.model,
        key="volgan_return_fan",
    )
    st.markdown(f"**{view.atm_label} implied vol**")
    frame.picture(
        scenarios.atm_fan,
        days,
        view.atm_history[first : view.row + 1],
        view.next_day,
        {"raw": (view.atm, None), "reweighted": (view.atm, view.weights)},
        label=view.atm_label,
        realised=view.realised_atm,
        model=view.model,
        key="volgan_atm_fan",
    )
    st.markdown("**Distributions**; dashed: 2.5 and 97.5 % quantiles, solid: median")
    left, right = widths.columns(2)
    frame.picture(
        scenarios.return_histogram,
        drawn,
        view.weights,
        realised=view.realised_return,
        model=view.model,
        key="volgan_returns",
        where=left,
    )
    frame.picture(
        scenarios.atm_histogram,
        view.atm,
        view.weights,
        label=view.atm_label,
        realised=view.realised_atm,
        model=view.model,
        key="volgan_vols",
        where=right,
    )
    st.markdown("**Quantiles**")
    st.dataframe(quantile_table(view), width="stretch", key="volgan_quantiles")
