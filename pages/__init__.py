"""Streamlit pages: read controls, ask the engine, draw."""
