"""The menu: every page, once."""

import streamlit as st
from streamlit.navigation.page import Page

from pages.ui.frame import page_path

ICON = ":material/landscape:"
"""The mark in the browser's tab."""

SECTIONS = {
    "Start": [
        ("start/home", "Home", ":material/home:"),
        ("start/market_data", "Market data", ":material/database:"),
        ("start/runs", "Runs", ":material/monitoring:"),
    ],
    "Surfaces": [
        ("surfaces/quotes", "Quotes to surface", ":material/format_list_numbered:"),
        ("surfaces/dynamics", "Dynamics", ":material/show_chart:"),
        ("surfaces/arbitrage", "Static arbitrage", ":material/balance:"),
        ("surfaces/factor_model", "Factor models", ":material/timeline:"),
        ("surfaces/study", "Studies", ":material/table_view:"),
    ],
    "Generators": [
        ("generators/volgan", "VolGAN", ":material/landscape:"),
        ("generators/leaderboard", "Leaderboard", ":material/leaderboard:"),
    ],
    "Decisions": [
        ("decisions/hedging", "Hedging", ":material/shield:"),
        ("decisions/fingan", "Fin-GAN", ":material/candlestick_chart:"),
        ("decisions/ensemble_graph", "Graph ensembles", ":material/hub:"),
    ],
}
"""Section of the menu → (script below ``pages/``, title, icon)."""


def pages() -> dict[str, list[Page]]:
    """What ``st.navigation`` takes; the first page is the home page."""
    return {
        section: [
            st.Page(page_path(script), title=title, icon=icon, default=script == "start/home")
            for script, title, icon in entries
        ]
        for section, entries in SECTIONS.items()
    }
