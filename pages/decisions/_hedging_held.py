"""Positions that are held already: what the ticket trades from."""

import numpy as np
import pandas as pd
import streamlit as st

from engine.decisions.hedging import Portfolio
from engine.errors import MarketDataError
from engine.market.surface_history import SurfaceHistory
from pages.decisions._hedging_numbers import number
from pages.decisions._hedging_plan import Plan, instruments, name
from pages.ui import frame, pictures


def entered(known: SurfaceHistory, portfolio: Portfolio, plan: Plan) -> tuple[float, ...]:
    """Units held of the underlying and of each instrument, zero at first.

    Raises:
        MarketDataError: if no instrument can be traded, or a cell is no number.
    """
    options, _ = instruments(known, portfolio, plan)
    spot = float(known.spot[-1])
    names = ["underlying", *(name(option, spot) for option in options)]
    kept: dict[str, float] = st.session_state.setdefault(f"hedge_held_{known.dates[-1]}", {})
    key = f"hedge_held_{known.dates[-1]}_{pictures.digest(names)}"  # a table for these instruments alone
    with st.expander(
        "Positions held already", icon=":material/inventory_2:", key="hedge_held", on_change="rerun"
    ) as section:
        if section.open:  # a table to edit takes the browser 60 ms, seen or not
            units = of_table(_edited(names, kept, key)["held"])
            kept.update(zip(names, units, strict=True))
            return units
    st.session_state.pop(f"{key}_start", None)
    units = tuple(kept.get(one, 0.0) for one in names)
    if any(units):
        held = ", ".join(f"{one} {number(q)}" for one, q in zip(names, units, strict=True) if q)
        st.caption(frame.plain(f"Held already: {held}."))
    return units


def _edited(names: list[str], kept: dict[str, float], key: str) -> pd.DataFrame:
    """The table as edited; it starts from what is kept, and keeps that start while it is open."""
    start = st.session_state.setdefault(f"{key}_start", [kept.get(one, 0.0) for one in names])
    table: pd.DataFrame = st.data_editor(
        pd.DataFrame({"instrument": names, "held": start}),
        hide_index=True,
        disabled=["instrument"],
        key=key,
        column_config={
            "instrument": st.column_config.TextColumn("Instrument"),
            "held": st.column_config.NumberColumn("Units held", default=0.0, required=True, format="%.4g"),
        },
    )
    st.caption("The ticket trades from here; only what is traded costs anything. Negative: sold.")
    return table


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
