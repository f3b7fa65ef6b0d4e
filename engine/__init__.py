"""Scenarist's engine: market data, surface mathematics, generators, scenarios, decisions, evaluation.

Nothing in this package imports Streamlit; only ``engine.charts`` imports plotly.
"""

__version__ = "0.1.0"
