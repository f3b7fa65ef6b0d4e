"""Tables of the graph page."""

import pandas as pd
import streamlit as st

from engine.studies.graph.results import LABELS
from pages.ui import downloads

NUMBER = "%.2f"


def show(table: pd.DataFrame, name: str, digits: str = NUMBER) -> None:
    """A table in words with its downloads; whole numbers as such."""
    shown = table.assign(method=table["method"].map(lambda one: LABELS.get(one, one))) if "method" in table else table
    columns: dict[str, object] = {
        column: st.column_config.Column(_heading(column)) for column in map(str, shown.columns)
    }
    for column in _floats(shown):
        whole = (shown[column].dropna() % 1 == 0).all() and shown[column].abs().max() >= 2
        form = "%.0e" if column == "eta" else "%d" if whole else digits
        columns[column] = st.column_config.NumberColumn(_heading(column), format=form)
    st.dataframe(shown, hide_index=True, width="stretch", column_config=columns)
    downloads.table_buttons(lambda: table, f"graph_{name}", key=f"graph_table_{name}")


def _heading(name: str) -> str:
    """``published_mean_sr`` → ``Published mean SR``."""
    words = name.replace("_", " ").split()
    known = {"sr": "SR", "pnl": "PnL", "eta": "η", "sd": "sd", "p": "p"}
    heading = " ".join(known.get(word, word) for word in words)
    return heading[:1].upper() + heading[1:] if words[0] not in known else heading


def _floats(table: pd.DataFrame) -> list[str]:
    return [str(name) for name in table.columns if table[name].dtype.kind == "f"]
