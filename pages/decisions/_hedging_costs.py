"""What trading options costs on the hedging page: the data's half-spreads or the stated model."""

import streamlit as st

from engine.decisions.hedging import CostModel
from engine.market.surface_history import SurfaceHistory

QUOTED, PARAMETRIC = "Half-spreads of the data", "A half-spread in vol points"


def ask(history: SurfaceHistory) -> CostModel:
    """The fields, inside a form."""
    sources = (QUOTED, PARAMETRIC) if history.half_spread is not None else (PARAMETRIC,)
    source = st.selectbox(
        "Cost of trading",
        sources,
        key=f"hedge_costs_{len(sources)}",
        persist_state="session",
        help="Half the bid–ask spread: as in the data where they have it, or vega times a half-spread in vol points.",
    )
    points = st.number_input(
        "Half-spread (vol points), if parametric",
        0.0,
        10.0,
        0.1,
        step=0.05,
        key="hedge_points",
        persist_state="session",
    )
    scale = st.number_input(
        "Times",
        0.0,
        100.0,
        1.0,
        step=0.5,
        key="hedge_scale",
        persist_state="session",
        help="Wider or narrower markets.",
    )
    return CostModel("quoted" if source == QUOTED else "parametric", vol_points=float(points), scale=float(scale))
