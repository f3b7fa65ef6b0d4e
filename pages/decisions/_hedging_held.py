"""Positions that are held already: what the ticket trades from."""

import numpy as np
import pandas as pd
import streamlit as st

from engine.decisions.hedging import Portfolio
from engine.errors import MarketDataError
from engine.market.surface_history import SurfaceHistory
from pages.decisions._hedging_plan import Plan, instruments, name


def entered(known: SurfaceHistory, portfolio: Portfolio, plan: Plan) -> tuple[float, ...]:
    """Units held of the underlying and of each instrument, zero at first.

    Raises:
        MarketDataError: if no instrument can be traded, or a cell is no number.
    """
    options, _ = instruments(known, portfolio, plan)
    spot = float(known.spot[-1])
    names = ["underlying", *(name(option, spot) for option in options)]
    with st.expander("Positions held already", icon=":material/inventory_2:"):
        table = st.data_editor(
            pd.DataFrame({"instrument": names, "held": np.zeros(len(names))}),
            hide_index=True,
            disabled=["instrument"],
            key=f"hedge_held_{len(names)}_{known.dates[-1]}",
            column_config={
                "instrument": st.column_config.TextColumn("Instrument"),
                "held": st.column_config.NumberColumn("Units held", default=0.0, required=True, format="%.4g"),
            },
        )
        st.caption("The ticket trades from here; only what is traded costs anything. Negative: sold.")
    return of_table(table["held"])


def of_table(held: pd.Series) -> tuple[float, ...]:
    """Units of an edited column.

    Raises:
        MarketDataError: if a cell is empty or not finite.
    """
    units = pd.to_numeric(held, errors="coerce").to_numpy(dtype=np.float64)
    if not np.isfinite(units).all():
        raise MarketDataError(
            f"expected units held in every row; found none in row {int(np.isnan(units).argmax()) + 1}"
        )
    return tuple(float(q) for q in units)
