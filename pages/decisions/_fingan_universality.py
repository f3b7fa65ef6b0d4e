"""Universality tab of the Fin-GAN page: one network for many tickers."""

import streamlit as st

from engine.charts import fingan as draw
from pages.decisions._fingan_tabs import shown_in_words
from pages.decisions._fingan_view import View
from pages.ui import downloads, frame, pictures


def tab(view: View) -> None:
    """One network for many tickers: pooled, by sector, seen and unseen (Figures 5.14–5.16)."""
    table, pooled = view.maybe("figure_5_14_universality"), view.maybe("universality_portfolios")
    if table is None or pooled is None:
        st.info(
            "This study trained no pooled networks: switch Universality on and run it again.", icon=":material/info:"
        )
        return
    st.markdown("**Portfolios of pooled networks**, the combination chosen on the pooled validation part")
    shown_in_words(pooled)
    model = st.selectbox("Pooled over", list(table["model"].unique()), key="fingan_pool", persist_state="session")
    own = table[table["model"] == model]
    values = own.pivot_table(index="ticker", columns="label", values="test_sr", sort=False)
    unseen = own[~own["seen"]]["ticker"].unique()
    values.index = [f"{name} (unseen)" if name in unseen else str(name) for name in values.index]
    picture = pictures.of(
        draw.matrix, values, draw.SHARPE, x_title="Loss (terms beside BCE)", dark=frame.is_dark(), limit=3
    )
    frame.chart(picture, key="fingan_universality")
    downloads.table_buttons(lambda: table, "fingan_universality", key="fingan_universality_table", figure=picture)
