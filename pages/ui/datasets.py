"""The dataset picker: the same widget on every page, remembering its choice for the session."""

import datetime
from collections.abc import Mapping
from typing import Any

import numpy as np
import streamlit as st

from engine import datasets
from engine.market.surface_history import Dates
from pages.ui import cache, forms, frame


def pick(kind: datasets.Kind) -> datasets.Loaded:
    """The dataset chosen in the sidebar; the first visit gets the first built-in one.

    If there is none of this kind, or it cannot be read, the page shows that and stops.
    """
    entries = {entry.id: entry for entry in datasets.catalogue(kind)}
    if st.session_state.get(key(kind)) not in entries:
        st.session_state.pop(key(kind), None)
    id = forms.Remembered(st.sidebar).selectbox(
        "Dataset",
        list(entries),
        format_func=lambda id: entries[id].label,
        key=key(kind),
        help="Built-in data, your uploads, and the files of the local data folder. Add your own under Market data.",
    )
    if id is None:
        st.info(f"This page needs {kind}. Add a file under Market data.", icon=":material/database:")
        st.page_link(frame.page_path("data/market_data"), label="Go to Market data", icon=":material/upload:")
        st.stop()
    with frame.errors("Choose another dataset in the sidebar, or upload the file again under Market data."):
        return cache.dataset(entries[id])
    raise AssertionError  # the block above returns or stops the page


def day_row(dates: Dates, row: int, *, key: str, help: str | None = None, first: int = 0, label: str = "Day") -> int:
    """The row of the day chosen in the sidebar, ``row`` at first; a day without data stands for the last one before it.

    A list of all days would be 75 kB in every answer of the server.
    """
    least, last, shown = (datetime.date.fromisoformat(str(dates[k])) for k in (first, -1, row))
    chosen = forms.Remembered(st.sidebar).date_input(label, shown, least, last, key=key, required=True, help=help)
    day = chosen if isinstance(chosen, datetime.date) else shown
    return max(first, int(np.searchsorted(dates, np.datetime64(day), side="right")) - 1)


def choose(entry: datasets.Entry) -> None:
    """Make a dataset the active one everywhere (call before its picker is drawn)."""
    st.session_state[key(entry.kind)] = entry.id


def key(kind: datasets.Kind) -> str:
    """Session-state key of a kind's picker."""
    return f"{kind}_dataset"


def same(about: Mapping[str, Any], loaded: datasets.Loaded) -> bool:
    """Whether a result is of these data, by what its card or settings say of them."""
    facts = {name: str(about.get(name, "")) for name in ("origin", "name", "ref")}
    return loaded.is_that(fingerprint=str(about.get("digest", "")), **facts)
