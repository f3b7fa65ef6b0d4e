"""Overview of a Fin-GAN study: Table 5.2 beside the published figures, seeds, tickers, paths, halves of the day."""

import pandas as pd
import streamlit as st

from engine.charts import fingan as draw
from engine.charts import theme
from pages.decisions import _fingan_table
from pages.decisions._fingan_text import TITLES
from pages.decisions._fingan_view import View
from pages.ui import downloads, forms, frame, pictures

MEASURES = {
    "sharpe": ("Sharpe ratio", draw.SHARPE, 3.0),
    "mean_pnl": ("Mean PnL", draw.PNL, 15.0),
    "mae": ("MAE", draw.ERROR, 300.0),
    "rmse": ("RMSE", draw.ERROR, 300.0),
    "overnight_sharpe": ("Sharpe ratio of the nights", draw.SHARPE, 3.0),
    "intraday_sharpe": ("Sharpe ratio of the days", draw.SHARPE, 3.0),
}
"""Figure of the ticker table → label, how it is drawn, end of its colour scale."""

PATHS = (
    "fingan_ensemble", "fingan_longer_ensemble", "forgan_ensemble", "lstm_ensemble", "lstm_fin_ensemble", "arima",
    "long_only",
)  # fmt: skip


def tab(view: View) -> None:
    """The seeds at first sight, then the section that is asked for."""
    st.markdown("**Portfolio Sharpe ratio**: one dot a seed, bars the 95 % interval of the days, diamonds as published")
    overview, seeds = view.table("table_5_2"), view.table("seeds")
    frame.chart(pictures.of(draw.seeds, seeds, overview, dark=frame.is_dark()), key="fingan_seeds", height=460)
    section = forms.section(SECTIONS, key="fingan_section")
    SECTIONS[section](view)


def _differences(view: View) -> None:
    st.markdown("**Is the difference real?** Portfolio ratios on the same resampled days; p is one-sided")
    for name in ("paired", "paired_longer"):
        pairs = view.maybe(name)
        if pairs is not None:  # studies of earlier versions have no longer choice
            pairs = pairs.round(3).assign(p_value=pairs["p_value"].map(theme.significant)).rename(columns=TITLES)
            st.dataframe(pairs, hide_index=True, width="stretch", height="content")
    st.markdown("**How sure is one ratio?** Lo's interval, days allowed to depend on one another; probability of skill")
    errors = view.table("sharpe_errors").drop(columns="method").round(3)
    st.dataframe(errors.rename(columns=TITLES), hide_index=True, width="stretch", height="content")


def _paths(view: View) -> None:
    daily = view.table("figure_5_9_portfolio")
    pnl = {name: daily[name] for name in PATHS if name in daily}
    st.markdown("**Cumulative PnL of the portfolio** (Figure 5.9)")
    losses = list(view.combinations) if st.toggle("Each loss alone, dashed", key="fingan_losses") else []
    labels = view.labels | view.combinations
    pnl |= {name: view.table("figure_5_9_losses")[name] for name in losses}
    days = pd.to_datetime(daily["date"])
    picture = pictures.of(draw.cumulative, days, pnl, labels, dashed=losses, dark=frame.is_dark())
    frame.chart(picture, key="fingan_paths")
    downloads.table_buttons(lambda: daily, "fingan_portfolio_pnl", key="fingan_paths_table", figure=picture)


def _halves(view: View) -> None:
    st.markdown("**Nights and days** (portfolio, averaged over seeds)")
    halves = view.table("halves").drop(columns="method").round(3)
    st.dataframe(halves.rename(columns=TITLES), hide_index=True, width="stretch", height="content")


def _tickers(view: View) -> None:
    st.markdown("**Every ticker and method** (Figures 5.6, 5.7, 5.10, 5.11), averaged over seeds")
    measure = st.selectbox(
        "Figure", list(MEASURES), format_func=lambda name: MEASURES[name][0], key="fingan_measure", width=320
    )
    found = view.table("figure_5_6_by_ticker")
    _, quantity, limit = MEASURES[measure]
    values = found.pivot_table(index="ticker", columns="method", values=measure, aggfunc="mean", sort=False)
    values = values[[name for name in view.labels if name in values]].rename(columns=view.labels)
    picture = pictures.of(
        draw.matrix, values, quantity, x_title="Method (of forecasting)", dark=frame.is_dark(), limit=limit
    )
    frame.chart(picture, key="fingan_tickers")
    downloads.table_buttons(lambda: found, "fingan_by_ticker", key="fingan_by_ticker", figure=picture)


SECTIONS = {
    "Table 5.2": _fingan_table.draw,
    "Differences": _differences,
    "Paths": _paths,
    "Tickers": _tickers,
    "Nights and days": _halves,
}
"""What is shown below the seeds, one at a time."""
