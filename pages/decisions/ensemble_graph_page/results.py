"""How the weightings did: ratios, seeds and luck, PnL, and how robust all of it is."""

import pandas as pd
import streamlit as st

from engine.charts import graph as draw
from engine.studies.graph.results import LABELS, extreme_table, label
from pages.decisions.ensemble_graph_page import View, show_table
from pages.ui import frame, widths


def weightings(view: View) -> None:
    """Table 6.2, the gains over identity, Tables 6.3 and 6.5."""
    left, right = widths.columns(2)
    frame.picture(draw.method_ratios, view.table("methods"), key="graph_ratios", where=left)
    frame.picture(draw.gains, view.table("differences"), key="graph_gains", where=right)
    show_table(view.table("methods"), "methods")
    st.markdown("**Soft and hard votes** (Table 6.5)")
    st.caption(
        "Votes: 0 bets the weighted sum of expected signs, I its sign, II the weighted sum of the generators' "
        "directions, III the sign of that. Published figures in brackets."
    )
    votes = view.table("votes")
    cells = {}
    for statistic, words in (("portfolio_sr", "Portfolio"), ("mean_sr", "Mean"), ("sd_sr", "Sd")):
        for vote in ("0", "I", "II", "III"):
            rows = votes[votes["vote"].astype(str) == vote].set_index("method")
            cells[f"{words} {vote}"] = [
                f"{a:.2f}" + ("" if pd.isna(b) else f" [{b:.2f}]")
                for a, b in zip(rows[statistic], rows[f"published_{statistic}"], strict=True)
            ]
    names = [LABELS[name] for name in votes.drop_duplicates("method")["method"]]
    st.dataframe(pd.DataFrame({"Weighting": names, **cells}), hide_index=True, width="stretch")
    st.markdown("**Correlation between the PnLs of two assets** (Table 6.3)")
    show_table(view.table("pnl_correlation"), "pnl_correlation", "%.3f")


def seeds(view: View) -> None:
    """Single seeds, shuffled returns, stability of edges."""
    pooled = view.table("methods").set_index("method")["portfolio_sr"].to_dict()
    left, right = widths.columns(2)
    with left:
        st.markdown("**Every training seed by itself**")
        frame.picture(draw.seed_ratios, view.table("by_seed"), pooled, key="graph_seeds")
    with right:
        st.markdown("**Against graphs learned from shuffled returns**")
        frame.picture(draw.luck, view.table("permutation"), key="graph_luck")
    show_table(view.table("seed_gains"), "seed_gains")
    show_table(view.table("permutation"), "permutation")
    st.markdown("**How stable are LASSO's edges?**")
    show_table(view.table("stability"), "stability")
    show_table(view.table("edge_stability"), "edge_stability", "%.3f")


def pnl(view: View) -> None:
    """Figures 6.5 to 6.14."""
    kind = st.segmented_control(
        "PnL", ["soft votes", "per unit of bet", "direction only"], default="soft votes", key="graph_pnl_kind"
    )
    series = view.table("portfolio_pnl_hard" if kind == "direction only" else "portfolio_pnl")
    size = view.table("bet_size") if kind == "per unit of bet" else None
    frame.picture(draw.cumulative, series, size, key="graph_cumulative")
    left, right = widths.columns(2)
    frame.picture(
        draw.over_time, view.table("bet_direction"), "Cumulative mean bet (notional)", key="graph_net", where=left
    )
    frame.picture(
        draw.over_time, view.table("bet_size"), "Cumulative mean size of bets (notional)", key="graph_size", where=right
    )
    tickers = view.table("tickers")
    wide = tickers.pivot(index="ticker", columns="method", values="sharpe")
    one = tickers[tickers["method"] == "lasso"].set_index("ticker")
    left, right = widths.columns(2)
    with left:
        titles = "Sharpe ratio (a year), own generator", "Sharpe ratio (a year), LASSO"
        frame.picture(draw.against, wide["identity"], wide["lasso"], list(wide.index), *titles, key="graph_own")
    with right:
        titles = "Total size of bets (notional), LASSO", "Sharpe ratio (a year), LASSO"
        frame.picture(draw.against, one["total_bet"], one["sharpe"], list(one.index), *titles, key="graph_bets")
    left, right = widths.columns(2)
    with left:
        st.markdown("**Ratios of the tickers**")
        frame.picture(draw.distributions, tickers, key="graph_distributions")
    with right:
        st.markdown("**Correlation of the portfolios' daily PnL** (figure 6.8)")
        daily = view.table("portfolio_pnl").drop(columns="date")
        names = [LABELS[str(name)] for name in daily.columns]
        frame.picture(
            draw.adjacency,
            daily.corr(),
            names,
            names,
            what="Correlation",
            y_title="Weighting",
            x_title="Weighting",
            height=440,
            key="graph_pnl_correlation",
        )
    st.markdown("**Best and worst tickers** (figure 6.7)")
    show_table(extreme_table(tickers), "extremes")
    show_table(tickers, "tickers")


def robustness(view: View) -> None:
    """Table 6.4, the selection, variants, rolling weights, costs."""
    chosen = float(view.table("methods").set_index("method").loc["lasso", "eta"])
    left, right = widths.columns(2)
    with left:
        st.markdown("**LASSO over η** (Table 6.4)")
        frame.picture(draw.eta_path, view.table("eta_robustness"), chosen, key="graph_etas")
    with right:
        st.markdown("**Which weighting walked forward best before the test part**")
        walk = view.table("walk_forward").sort_values("walk_forward_sr", ascending=False)
        walk.insert(0, "weighting", [label(m, e) for m, e in zip(walk["method"], walk["eta"], strict=True)])
        show_table(walk.drop(columns=["method", "eta"]), "walk_forward")
    for name, words in (
        ("variants", "Variants beyond the thesis"),
        ("rolling", "Weights learned anew every month, from the past alone"),
        ("costs", "After costs, with the no-trade band that was best on validation"),
        ("eta_robustness", "LASSO over η"),
    ):
        st.markdown(f"**{words}**")
        show_table(view.table(name), name, "%.3g")
