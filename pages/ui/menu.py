"""The menu: every page, once."""

import streamlit as st

from pages.ui.frame import page_path

PAGES = {
    "Start": [
        st.Page(page_path("start/home"), title="Home", icon=":material/home:", default=True, url_path="home"),
        st.Page(page_path("start/market_data"), title="Market data", icon=":material/database:", url_path="market_data"),
        st.Page(page_path("start/runs"), title="Runs", icon=":material/monitoring:", url_path="runs"),
    ],
    "Surfaces": [
        st.Page(page_path("surfaces/volgan"), title="VolGAN", icon=":material/landscape:", url_path="volgan"),
    ],
}


def icon() -> str:
    """The mark in the browser's tab."""
    return ":material/landscape:"
