"""The menu: every page, once."""

import streamlit as st
from streamlit.navigation.page import Page

from pages.ui.frame import page_path

ICON = ":material/landscape:"
"""The mark in the browser's tab."""

SECTIONS = {
    "Data": [
        ("data/home", "Home", ":material/home:"),
        ("data/market_data", "Market data", ":material/database:"),
    ],
    "Surfaces": [
        ("surfaces/quotes", "Quotes to surface", ":material/format_list_numbered:"),
        ("surfaces/arbitrage", "Static arbitrage", ":material/balance:"),
        ("surfaces/dynamics", "Dynamics", ":material/show_chart:"),
        ("surfaces/factor_model", "Factor models", ":material/timeline:"),
    ],
    "Generators": [
        ("generators/next_day", "Next-day generators", ":material/landscape:"),
        ("generators/leaderboard", "Leaderboard", ":material/leaderboard:"),
    ],
    "Decisions": [
        ("decisions/hedging", "Hedging", ":material/shield:"),
        ("decisions/fingan", "Fin-GAN", ":material/candlestick_chart:"),
        ("decisions/ensemble_graph", "Graph ensembles", ":material/hub:"),
    ],
    "Library": [
        ("library/runs", "Runs", ":material/monitoring:"),
        ("library/study", "Studies", ":material/table_view:"),
        ("library/glossary", "Glossary", ":material/menu_book:"),
    ],
}
"""Section of the menu → (script below ``pages/``, title, icon)."""


def pages() -> dict[str, list[Page]]:
    """What ``st.navigation`` takes; the first page is the home page."""
    return {
        section: [
            st.Page(page_path(script), title=title, icon=icon, default=script == "data/home")
            for script, title, icon in entries
        ]
        for section, entries in SECTIONS.items()
    }
