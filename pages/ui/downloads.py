"""Downloads: made when they are clicked, named safely, and harmless when a spreadsheet opens them."""

import csv
import io
from collections.abc import Callable
from typing import Any

import pandas as pd
import streamlit as st

from engine.charts import theme
from pages.ui import frame

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def csv_bytes(table: pd.DataFrame) -> bytes:
    """UTF-8 CSV; text cells and headings that a spreadsheet would run as a formula get a leading apostrophe."""
    columns = [table.iloc[:, position] for position in range(table.shape[1])]
    columns = [c if c.dtype.kind in "biufMm" else c.map(_harmless) for c in columns]
    safe = pd.concat(columns, axis=1) if columns else table
    safe.columns = [_harmless(str(name)) for name in table.columns]
    return safe.to_csv(index=False, quoting=csv.QUOTE_NONNUMERIC).encode()


def parquet_bytes(table: pd.DataFrame) -> bytes:
    """Parquet, as written by pyarrow."""
    buffer = io.BytesIO()
    table.to_parquet(buffer, index=False)
    return buffer.getvalue()


def table_buttons(
    make: Callable[[], pd.DataFrame], name: str, *, key: str, label: str = "Download", figure: Any = None
) -> None:
    """CSV and Parquet buttons for a table that is built only when one of them is clicked.

    With a figure there is a third for it as a page of its own (PNG is the camera button on every picture).
    """
    left, right, third, _ = st.columns([1, 1, 1, 1])
    left.download_button(
        f"{label} CSV", lambda: csv_bytes(make()), f"{name}.csv", "text/csv", key=f"{key}_csv", on_click="ignore"
    )
    right.download_button(
        f"{label} Parquet",
        lambda: parquet_bytes(make()),
        f"{name}.parquet",
        "application/vnd.apache.parquet",
        key=f"{key}_parquet",
        on_click="ignore",
    )
    if figure is not None:
        dark = frame.is_dark()  # as it was drawn
        third.download_button(
            "Picture HTML",
            lambda: theme.standalone(figure, dark).to_html(include_plotlyjs=True),
            f"{name}.html",
            "text/html",
            key=f"{key}_html",
            on_click="ignore",
            help="A page of its own. Every picture can be saved as PNG by its camera button.",
        )


def _harmless(cell: Any) -> Any:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA_STARTS) else cell
