"""Router of the workbench: it only says which pages there are. Run with ``streamlit run app.py``."""

import streamlit as st

from pages.ui import menu

st.set_page_config(page_title="Scenarist", page_icon=menu.ICON, layout="wide")
st.navigation(menu.pages()).run()
