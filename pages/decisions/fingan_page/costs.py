"""What costs leave of bets, at any cost, under any no-trade rule."""

import numpy as np
import pandas as pd
import streamlit as st

from engine.charts import fingan as draw
from engine.decisions.forecasting import sharpe_ratio
from pages.decisions.fingan_page import View, shown
from pages.ui import downloads, frame, pictures, widths


def show(view: View) -> None:
    """What costs leave, at any cost, under any no-trade rule."""
    series, table, labels = view.table("cost_series"), view.table("costs"), view.labels
    left, right = widths.columns(2)
    cost = left.slider("Cost (bp of what is traded, one way)", 0.0, 5.0, 0.5, 0.05, key="fingan_cost")
    rule = right.selectbox("No-trade rule", list(series["rule"].unique()), key="fingan_rule")
    grid = np.linspace(0, 5, 51)
    curves, net = {}, {}
    days = pd.to_datetime(series["date"].unique())
    for name, own in series[series["rule"] == rule].groupby("method", sort=False):
        gross, moved = own["gross"].to_numpy(), own["traded"].to_numpy()
        curves[name] = np.array([float(sharpe_ratio(gross - c * moved)) for c in grid])
        net[name] = gross - cost * moved
    frame.chart(pictures.of(draw.net_ratios, grid, curves, labels, cost), key="fingan_net")
    st.markdown(f"**Cumulative PnL after costs of {cost:g} bp**")
    frame.chart(pictures.of(draw.cumulative, days, net, labels, dark=frame.is_dark()), key="fingan_net_paths")
    st.markdown("**Rules chosen on the validation part**, net ratios on the test part with 95 % intervals")
    shown(table.drop(columns="method"))
    downloads.table_buttons(lambda: table, "fingan_costs", key="fingan_costs")
