"""The portfolio builder: a straddle in three fields, or any calls and puts in a table. Strikes are in % of spot."""

import pandas as pd
import streamlit as st

from engine.decisions.hedging import ONE_MONTH
from engine.errors import MarketDataError
from engine.market.grid import DT, Grid
from pages.decisions._hedging_plan import Line, Recipe
from pages.ui import frame

STRADDLE, OWN = "Straddle", "Any calls and puts"
LEVELS = (75.0, 80.0, 90.0, 95.0, 100.0, 105.0, 110.0, 120.0, 125.0)
MOST_OPTIONS = 20
COLUMNS = {"kind": "call", "strike": 100.0, "days": 21, "quantity": 1.0}


def shortest(grid: Grid) -> int:
    """Trading days to expiry of the default options: a month, or the grid's shortest maturity if that is longer."""
    return round(max(ONE_MONTH, float(grid.maturity[0])) / DT)


def build(grid: Grid) -> Recipe:
    """What is to be hedged; what cannot be is said in a sentence and stops the page."""
    which = st.segmented_control(
        "Portfolio to hedge",
        (STRADDLE, OWN),
        default=STRADDLE,
        required=True,
        key="hedge_portfolio",
        persist_state="session",
        help="A straddle is a call and a put of one strike.",
    )
    with frame.errors("Change the portfolio."):
        recipe = _straddle(grid) if which == STRADDLE else _own(grid)
        recipe.at(100.0)  # the door: contracts twice, nothing held
        return recipe
    raise AssertionError  # the block above returns or stops the page


def _straddle(grid: Grid) -> Recipe:
    first, second, third = st.columns(3)
    level = first.selectbox(
        "Strike (% of spot)",
        LEVELS,
        index=LEVELS.index(95.0),
        format_func=lambda m: f"{m:g} %",
        key="hedge_level",
        persist_state="session",
        help="The published experiment uses 75, 80, 90, 110, 120 and 125 %.",
    )
    days = second.number_input(
        "Expiry (trading days)",
        1,
        1_000,
        shortest(grid),
        key=f"hedge_days_{shortest(grid)}",
        persist_state="session",
        help="21 is a month. Beyond the surface's maturities vols are extrapolated.",
    )
    quantity = third.number_input(
        "Quantity", -10_000.0, 10_000.0, 1.0, key="hedge_quantity", persist_state="session", help="Negative if sold."
    )
    return Recipe(tuple(Line(kind, float(level), int(days), float(quantity)) for kind in ("call", "put")))


def _own(grid: Grid) -> Recipe:
    days = shortest(grid)
    start = pd.DataFrame(
        [{**COLUMNS, "kind": "put", "strike": 95.0, "days": days}, {**COLUMNS, "strike": 105.0, "days": days}]
    )
    table = st.data_editor(
        start,
        num_rows="dynamic",
        hide_index=True,
        key=f"hedge_table_{days}",
        column_config={
            "kind": st.column_config.SelectboxColumn("Kind", options=["call", "put"], required=True, default="call"),
            "strike": st.column_config.NumberColumn(
                "Strike (% of spot)", min_value=0.01, max_value=1_000.0, required=True, default=100.0, format="%.2f"
            ),
            "days": st.column_config.NumberColumn(
                "Expiry (trading days)", min_value=1, max_value=1_000, step=1, required=True, default=days
            ),
            "quantity": st.column_config.NumberColumn("Quantity", required=True, default=1.0, format="%.4g"),
        },
    )
    return of_table(table)


def of_table(table: pd.DataFrame) -> Recipe:
    """The portfolio of an edited table.

    Raises:
        MarketDataError: for an empty table, or a missing or impossible cell, with its row.
    """
    if not 1 <= len(table) <= MOST_OPTIONS:
        raise MarketDataError(f"expected 1 to {MOST_OPTIONS} options in the portfolio; found {len(table)}")
    lines = []
    for number, row in enumerate(table.itertuples(index=False), start=1):
        if pd.isna([row.kind, row.strike, row.days, row.quantity]).any() or row.kind not in ("call", "put"):
            raise MarketDataError(
                f"expected kind, strike, expiry and quantity in every row; found a gap in row {number}"
            )
        if not (row.strike > 0 and row.days >= 1):
            raise MarketDataError(f"expected strike > 0 and expiry >= 1 day; found others in row {number}")
        lines.append(Line(str(row.kind), float(row.strike), int(row.days), float(row.quantity)))
    return Recipe(tuple(lines))
