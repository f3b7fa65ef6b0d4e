"""Figures from arrays and tables. The only package that imports plotly; no Streamlit here."""
