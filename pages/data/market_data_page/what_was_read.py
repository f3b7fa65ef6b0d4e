"""What was read from a file and what was rejected; templates of every format."""

import streamlit as st

from engine import datasets as catalogue
from engine.market.export import prices_table, surfaces_table
from engine.market.intake.templates import templates
from engine.market.price_history import PriceHistory
from engine.market.surface_history import SurfaceHistory
from pages.data.market_data_page import reread
from pages.ui import downloads, frame

MOST_SHOWN = 1_000


def show(loaded: catalogue.Loaded) -> None:
    """Decisions, rejected rows, downloads; for uploads also: read again, remove."""
    if not loaded.notes:
        st.text("These data are built in; there was no file to read.")
    else:
        st.text("\n".join(f"• {note}" for note in loaded.notes if note not in loaded.doubts))
    rejected = loaded.rejected
    if len(rejected):
        st.header(f"{len(rejected):,} rejected", anchor=False)
        shown = rejected.head(MOST_SHOWN)
        st.dataframe(shown, hide_index=True, key="market_rejected")
        if len(rejected) > len(shown):
            st.text(f"The first {len(shown):,} are shown; the download has all of them.")
        downloads.table_buttons(lambda: rejected, "rejected_rows", key="rejected", label="Rejected rows,")
    elif loaded.notes:
        st.success("Every row was read.", icon=":material/check:")
    if isinstance(loaded.data, SurfaceHistory | PriceHistory):
        data = loaded.data
        make = surfaces_table if isinstance(data, SurfaceHistory) else prices_table
        st.header("Download as read", anchor=False)
        downloads.table_buttons(
            lambda: make(data), f"{loaded.entry.kind}_{data.fingerprint}", key="as_read", label="Data,"
        )
    if loaded.origin != "built-in":
        reread(loaded)
    if loaded.origin == "upload":
        with st.popover("Remove this upload", icon=":material/delete:"):
            st.text("The stored file goes; runs that were trained on it keep their generator.")
            st.button("Remove it", on_click=catalogue.forget_upload, args=(loaded.entry.id,), key="market_forget")


def templates_of_formats() -> None:
    """Templates of every format."""
    st.text("Made-up numbers in each format that is understood; fill in yours and keep the headings.")
    for template in templates():
        left, right = st.columns([3, 1], vertical_alignment="center")
        left.markdown(f"**{template.title}**  \n{frame.plain(template.about)}")
        right.download_button(
            template.file,
            template.content,
            template.file,
            "text/csv",
            key=f"template_{template.file}",
            on_click="ignore",
            icon=":material/download:",
            width="stretch",
        )
