"""The look of every page beyond the theme: one stylesheet and one script, sent once."""

from pathlib import Path

import streamlit as st

STYLE = Path(__file__).with_name("look.css")
SCRIPT = Path(__file__).with_name("look.js")

_script = st.components.v2.component("scenarist_look", js=SCRIPT.read_text(encoding="utf-8"))


def dress() -> None:
    """Send the stylesheet and the script; called once in each run, before the page."""
    st.html(STYLE)
    _script(key="look")
