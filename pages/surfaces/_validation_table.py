"""Tables of the validation on a page: names of laws in words, small numbers in digits that can be read."""

import pandas as pd
import streamlit as st

from engine.charts.validation import NAMES

P_VALUES = ("p_value", "kupiec_p", "independence_p", "conditional_p", "robust_p")
TINY = 1e-3
"""A column whose typical size is below this, or above 10,000, is shown with an exponent."""


def show(table: pd.DataFrame, key: str, *, height: int | None = None) -> None:
    """A table without an index; what is downloaded keeps the short names and all digits."""
    shown = table.copy()
    if "model" in shown:
        shown["model"] = [NAMES.get(name, str(name).replace("_", " ")) for name in shown["model"]]
    shown = shown.dropna(axis=1, how="all")
    config = {
        name: st.column_config.NumberColumn(format=_format(name, shown[name]))
        for name in shown
        if _is_number(shown[name])
    }
    st.dataframe(
        shown.rename(columns=_heading).rename(columns=str),
        column_config={_heading(str(name)): column for name, column in config.items()},
        hide_index=True,
        width="stretch",
        key=key,
        **({} if height is None else {"height": height}),
    )


def _heading(name: str) -> str:
    return name.replace("_", " ")


def _is_number(column: pd.Series) -> bool:
    return column.dtype.kind == "f"


def _format(name: object, column: pd.Series) -> str:
    size = float(column.abs().median())
    if str(name) in P_VALUES:
        return "%.2g"
    if str(name) == "level":
        return "%.3f"
    if str(name) in ("seeds", "days"):
        return "%d"
    return "%.4f" if TINY <= size < 1e4 or size == 0 else "%.3g"
