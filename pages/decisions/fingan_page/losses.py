"""What the losses do: gradient norms of their terms, combinations of them, one network for many tickers."""

import streamlit as st

from engine.charts import fingan as draw
from pages.decisions.fingan_page import View, show_table
from pages.ui import downloads, forms, frame


def norms(view: View) -> None:
    """Gradient norms of the terms while only the adversarial loss trains (Figure 5.2), and the coefficients."""
    table = view.maybe("figure_5_2_gradient_norms")
    if table is None:
        st.info("This study kept no gradient norms.", icon=":material/info:")
    else:
        ticker, seed = table["ticker"].iloc[0], table["seed"].iloc[0]
        st.markdown(frame.plain(f"{ticker}, seed {seed}: norms with respect to the generator's weights"))
        frame.picture(draw.gradient_norms, table, key="fingan_norms")
    coefficients = view.table("coefficients")
    st.markdown("**Matched coefficients**, mean over seeds")
    means = coefficients.drop(columns="seed").groupby("ticker", sort=False).mean().reset_index()
    show_table(means, 4)
    downloads.table_buttons(lambda: coefficients, "fingan_coefficients", key="fingan_coefficients")


def combinations(view: View) -> None:
    """Which combination is chosen, what each earns, and how alike they bet (Table 5.3, Figures 5.12 and 5.13)."""
    found, chosen = view.table("figure_5_12_combinations"), view.table("table_5_3")
    st.markdown("**Table 5.3**: tickers that chose each combination, mean over seeds, beside the published count")
    show_table(chosen.drop(columns="combination").rename(columns={"label": "Combination"}), 2)
    seeds = sorted(found["seed"].unique())
    picked = forms.remembered.selectbox(
        "Seed", ["mean of all", *map(str, seeds)], key="fingan_combination_seed", width=200
    )
    own = found if picked == "mean of all" else found[found["seed"].astype(str) == picked]
    st.markdown("**Sharpe ratio on the test part** (Figure 5.12); a dot marks what most seeds chose on validation")
    order = list(view.combinations)
    values = own.pivot_table(index="ticker", columns="combination", values="test_sr", sort=False)[order]
    marks = own.pivot_table(index="ticker", columns="combination", values="chosen", aggfunc="mean", sort=False)[order]
    marks = marks.eq(marks.max(axis=1), axis=0) & (marks > 0)
    names = view.combinations
    picture = frame.picture(
        draw.matrix,
        values.rename(columns=names),
        draw.SHARPE,
        x_title="Loss (terms beside BCE)",
        marked=marks,
        limit=3,
        key="fingan_combinations",
    )
    downloads.table_buttons(lambda: found, "fingan_combinations", key="fingan_combinations_table", figure=picture)
    collapsed = int(found["collapsed"].sum())
    st.caption(f"{collapsed:,} of {len(found):,} networks collapsed (spread below 2 bp).")
    st.markdown("**How alike they bet** (Figure 5.13): correlation of PnL on the test part")
    alike = view.table("figure_5_13_correlations").pivot(index="row", columns="column", values="correlation")
    alike = alike.loc[order, order].rename(index=names, columns=names)
    frame.picture(
        draw.matrix,
        alike,
        draw.CORRELATION,
        x_title="Loss (terms beside BCE)",
        y_title="Loss (terms beside BCE)",
        key="fingan_alike",
    )
    st.markdown("**Skill or luck?** Deflated Sharpe ratio of the choice among eight, averaged over seeds")
    luck = view.table("selection")
    means = luck.drop(columns=["combination", "seed"]).groupby("ticker", sort=False).mean().reset_index()
    show_table(means)
    downloads.table_buttons(lambda: luck, "fingan_selection", key="fingan_selection")


def universality(view: View) -> None:
    """One network for many tickers: pooled, by sector, seen and unseen (Figures 5.14–5.16)."""
    table, pooled = view.maybe("figure_5_14_universality"), view.maybe("universality_portfolios")
    if table is None or pooled is None:
        st.info(
            "This study trained no pooled networks: switch Universality on and run it again.", icon=":material/info:"
        )
        return
    st.markdown("**Portfolios of pooled networks**, by the choice named; thesis: on validation alone")
    show_table(pooled)
    model = st.selectbox("Pooled over", list(table["model"].unique()), key="fingan_pool", persist_state="session")
    own = table[table["model"] == model]
    values = own.pivot_table(index="ticker", columns="label", values="test_sr", sort=False)
    unseen = own[~own["seen"]]["ticker"].unique()
    values.index = [f"{name} (unseen)" if name in unseen else str(name) for name in values.index]
    picture = frame.picture(
        draw.matrix, values, draw.SHARPE, x_title="Loss (terms beside BCE)", limit=3, key="fingan_universality"
    )
    downloads.table_buttons(lambda: table, "fingan_universality", key="fingan_universality_table", figure=picture)
