"""Router of the workbench: it only says which pages there are. Run with ``streamlit run app.py``."""

import streamlit as st

from pages.ui.menu import PAGES, icon

st.set_page_config(page_title="Scenarist", page_icon=icon(), layout="wide")
st.navigation(PAGES).run()
