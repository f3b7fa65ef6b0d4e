"""Tabs of the Fin-GAN page: gradient norms, combinations, costs."""

import numpy as np
import pandas as pd
import streamlit as st

from engine.charts import fingan as draw
from engine.charts import fingan as draw_ticker
from engine.decisions.forecasting import sharpe_ratio
from pages.decisions._fingan_text import TITLES
from pages.decisions._fingan_view import View
from pages.ui import downloads, frame, pictures, widths


def norms(view: View) -> None:
    """Gradient norms of the terms while only the adversarial loss trains (Figure 5.2), and the coefficients."""
    table = view.maybe("figure_5_2_gradient_norms")
    if table is None:
        st.info("This study kept no gradient norms.", icon=":material/info:")
    else:
        ticker, seed = table["ticker"].iloc[0], table["seed"].iloc[0]
        st.markdown(frame.plain(f"{ticker}, seed {seed}: norms with respect to the generator's weights"))
        frame.chart(pictures.of(draw_ticker.gradient_norms, table), key="fingan_norms")
    coefficients = view.table("coefficients")
    st.markdown("**Matched coefficients**, mean over seeds")
    shown = coefficients.drop(columns="seed").groupby("ticker", sort=False).mean().reset_index()
    shown_in_words(shown, 4)
    downloads.table_buttons(lambda: coefficients, "fingan_coefficients", key="fingan_coefficients")


def combinations(view: View) -> None:
    """Which combination is chosen, what each earns, and how alike they bet (Table 5.3, Figures 5.12 and 5.13)."""
    found, chosen = view.table("figure_5_12_combinations"), view.table("table_5_3")
    st.markdown("**Table 5.3**: tickers that chose each combination, mean over seeds, beside the published count")
    shown_in_words(chosen.drop(columns="combination").rename(columns={"label": "Combination"}), 2)
    seeds = sorted(found["seed"].unique())
    picked = st.selectbox(
        "Seed", ["mean of all", *map(str, seeds)], key="fingan_combination_seed", width=200, persist_state="session"
    )
    own = found if picked == "mean of all" else found[found["seed"].astype(str) == picked]
    st.markdown("**Sharpe ratio on the test part** (Figure 5.12); a dot marks what most seeds chose on validation")
    order = list(view.combinations)
    values = own.pivot_table(index="ticker", columns="combination", values="test_sr", sort=False)[order]
    marks = own.pivot_table(index="ticker", columns="combination", values="chosen", aggfunc="mean", sort=False)[order]
    marks = marks.eq(marks.max(axis=1), axis=0) & (marks > 0)
    names = view.combinations
    picture = pictures.of(
        draw.matrix,
        values.rename(columns=names),
        draw.SHARPE,
        x_title="Loss (terms beside BCE)",
        marked=marks,
        dark=frame.is_dark(),
        limit=3,
    )
    frame.chart(picture, key="fingan_combinations")
    downloads.table_buttons(lambda: found, "fingan_combinations", key="fingan_combinations_table", figure=picture)
    collapsed = int(found["collapsed"].sum())
    st.caption(f"{collapsed:,} of {len(found):,} networks collapsed (spread below 2 bp).")
    st.markdown("**How alike they bet** (Figure 5.13): correlation of PnL on the test part")
    alike = view.table("figure_5_13_correlations").pivot(index="row", columns="column", values="correlation")
    alike = alike.loc[order, order].rename(index=names, columns=names)
    frame.chart(
        pictures.of(
            draw.matrix,
            alike,
            draw.CORRELATION,
            x_title="Loss (terms beside BCE)",
            y_title="Loss (terms beside BCE)",
            dark=frame.is_dark(),
        ),
        key="fingan_alike",
    )
    st.markdown("**Skill or luck?** Deflated Sharpe ratio of the choice among eight, averaged over seeds")
    luck = view.table("selection")
    means = luck.drop(columns=["combination", "seed"]).groupby("ticker", sort=False).mean().reset_index()
    shown_in_words(means)
    downloads.table_buttons(lambda: luck, "fingan_selection", key="fingan_selection")


def costs(view: View) -> None:
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
    shown_in_words(table.drop(columns="method"))
    downloads.table_buttons(lambda: table, "fingan_costs", key="fingan_costs")


def shown_in_words(table: pd.DataFrame, digits: int = 3) -> None:
    st.dataframe(table.round(digits).rename(columns=TITLES), hide_index=True, width="stretch", height="content")
