"""How robust the weightings are: η, the selection, variants, rolling weights, costs."""

import streamlit as st

from engine.charts import graph as draw
from engine.studies.graph.results import label
from pages.decisions._graph_tables import show as _table
from pages.decisions._graph_view import View
from pages.ui import frame, pictures, widths


def show(view: View) -> None:
    """Table 6.4, the selection, variants, rolling weights, costs."""
    chosen = float(view.table("methods").set_index("method").loc["lasso", "eta"])
    left, right = widths.columns(2)
    with left:
        st.markdown("**LASSO over η** (Table 6.4)")
        frame.chart(pictures.of(draw.eta_path, view.table("eta_robustness"), chosen), key="graph_etas")
    with right:
        st.markdown("**Which weighting walked forward best before the test part**")
        walk = view.table("walk_forward").sort_values("walk_forward_sr", ascending=False)
        walk.insert(0, "weighting", [label(m, e) for m, e in zip(walk["method"], walk["eta"], strict=True)])
        _table(walk.drop(columns=["method", "eta"]), "walk_forward")
    for name, words in (
        ("variants", "Variants beyond the thesis"),
        ("rolling", "Weights learned anew every month, from the past alone"),
        ("costs", "After costs, with the no-trade band that was best on validation"),
        ("eta_robustness", "LASSO over η"),
    ):
        st.markdown(f"**{words}**")
        _table(view.table(name), name, "%.3g")
