"""Files waiting for an answer, and reading them once it is given."""

from dataclasses import dataclass, field
from typing import Any

import streamlit as st

from engine import datasets as catalogue
from engine.errors import MarketDataError
from engine.market import intake
from pages.start._market_local import Files
from pages.ui import datasets, frame

KIND = "market_kind"
"""Session-state key of the kind shown on the page."""

TAB = "market_tab"
"""Session-state key of the open tab."""

TABS = ("Preview", "What was read", "Templates")

KINDS = {"surfaces": "Surfaces", "prices": "Prices", "quotes": "Quotes"}


@dataclass
class Pending:
    """Files waiting for an answer, and the answers so far."""

    files: Files = ()
    kind: str | None = None
    reading: dict[str, Any] = field(default_factory=dict)
    asked: intake.AmbiguousColumns | None = None
    problem: str = ""
    replaces: str | None = None  # an upload that is read again


def read(state: Pending) -> None:
    """Try to store and read the files; on success they become the active data and the page starts afresh."""
    state.asked, state.problem = None, ""
    try:
        loaded = catalogue.store_upload(state.files, kind=state.kind, reading=state.reading)  # type: ignore[arg-type]
    except intake.AmbiguousColumns as question:
        state.asked = question
        return
    except MarketDataError as error:
        state.problem = str(error)
        return
    except OSError as error:
        state.problem = f"the file could not be stored: {error.strerror or error}"
        return
    if state.replaces not in (None, loaded.entry.id):
        catalogue.forget_upload(state.replaces)  # type: ignore[arg-type]
    all_kept = loaded.rejected.empty
    outcome = loaded.notes[-1] if len(state.files) == 1 else _outcome(len(loaded.rejected))
    done = f"{loaded.label}: {outcome}. Pages about {loaded.entry.kind} now show these data."
    st.session_state["market_done"] = (loaded.entry, done, all_kept)
    st.rerun()  # the widgets that show the data may be on the page already: they are set before they are drawn


def activate() -> None:
    """Make the data that were just read the active ones, clear what asked for them, and say so."""
    if "market_done" not in st.session_state:
        return
    entry, sentence, all_kept = st.session_state.pop("market_done")
    datasets.choose(entry)
    st.session_state[KIND] = entry.kind
    st.session_state[TAB] = TABS[0] if all_kept else TABS[1]
    st.session_state["market_round"] = st.session_state.get("market_round", 0) + 1
    st.session_state["market_pending"] = Pending()
    st.session_state.pop("market_local", None)
    if all_kept:
        st.success(frame.plain(sentence), icon=":material/check_circle:")
    else:
        st.warning(frame.plain(sentence), icon=":material/rule:")


def _outcome(rejected: int) -> str:
    return "every row was read" if rejected == 0 else f"{rejected:,} rejected rows, listed below"


def pending() -> Pending:
    state: Pending = st.session_state.setdefault("market_pending", Pending())
    return state
