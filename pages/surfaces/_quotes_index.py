"""The volatility index of the quotes, and surfaces of all days."""

import pandas as pd
import streamlit as st

from engine import datasets as catalogue
from engine.charts import quotes as draw
from engine.market import export
from engine.surfaces import smoothing
from pages.surfaces._quotes_view import View, built_day
from pages.ui import cache, datasets, downloads, frame, pictures


def index(view: View) -> None:
    """The VIX of the quotes, strike by strike."""
    found = cache.quoted_vix(view.loaded, view.choice.day)
    if isinstance(found, str):
        st.info(frame.plain(f"No VIX: {found}"), icon=":material/info:")
        return
    frame.chart(pictures.of(draw.vix_strikes, found, dark=view.dark), key="quotes_vix")
    terms = [("near", found.near), ("next", found.next)]
    table = pd.DataFrame(
        [
            {
                "term": name,
                "expiry": term.expiry.date(),
                "root": term.root,
                "days": round(term.minutes / 1440, 3),
                "rate (%)": round(100 * term.rate, 2),
                "forward": round(term.forward, 2),
                "K0": term.k0,
                "strikes": len(term.strikes),
                "zero bids passed": term.zero_bids,
                "vol (%)": round(100 * term.variance**0.5, 2),
            }
            for name, term in terms
        ]
    )
    st.dataframe(table, hide_index=True, width="stretch")
    parts = [term.strikes.assign(term=name, expiry=term.expiry) for name, term in terms]
    downloads.table_buttons(
        lambda: pd.concat(parts), f"vix_{built_day(view)}", key="quotes_vix_strikes", label="Strikes"
    )


def many_days(view: View) -> None:
    """Surfaces of all days as a dataset for the other pages."""
    loaded, choice = view.loaded, view.choice
    days = loaded.data.dates
    st.markdown(
        frame.plain(
            f"Build the surfaces of all {len(days):,} days with these settings and add them to the dataset list of "
            "every page. Bandwidths are searched once, on a day drawn among the first hundred, and kept."
        )
    )
    if st.button(f"Build {len(days):,} surfaces", type="primary", icon=":material/build:", key="quotes_build"):
        bar = st.progress(0.0, "Starting …")
        with frame.errors("Look at the days one by one: each says what is wrong with it."):
            made = smoothing.history_from_quotes(
                loaded.data,
                choice.grid,
                choice.bandwidth,
                choice.method,
                rates=choice.rates,
                keep_untraded=choice.keep_untraded,
                on_day=lambda done, total: bar.progress(done / total, f"{done:,} of {total:,} days"),
            )
            content = downloads.csv_bytes(export.surfaces_table(made.history))
            stored = catalogue.store_upload([(f"surfaces from {loaded.label}.csv"[-120:], content)], kind="surfaces")
        bar.empty()
        datasets.choose(stored.entry)
        st.session_state["quotes_made"] = made
    made = st.session_state.get("quotes_made")
    if made is not None:
        st.success(
            frame.plain(f"{made.words} They are now the active surfaces of every page."), icon=":material/check:"
        )
        st.dataframe(made.days, hide_index=True, width="stretch", height=240)
        if len(made.skipped):
            st.dataframe(made.skipped, hide_index=True, width="stretch")
