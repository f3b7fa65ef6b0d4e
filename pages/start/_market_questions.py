"""What has to be asked about a file: one question, or what every column is."""

from typing import Any

import streamlit as st

from engine.errors import MarketDataError
from engine.market import intake
from pages.start._market_mapper import OPTIONS, mapper
from pages.start._market_pending import KIND, KINDS, Pending, read


def questions(state: Pending) -> None:
    asked = state.asked
    with st.container(border=True):
        if asked is not None:
            st.subheader("One question first", anchor=False)
            st.text(asked.question)
            answer = _answer(asked)
            if answer is not None:
                if asked.by == "kind":
                    state.kind = "prices" if answer == "series" else str(answer)
                else:
                    _put(state.reading, asked, answer)
                read(state)
                st.rerun()
        kind = state.kind or _guessed_kind(state, asked)
        name, content = _file_in_question(state, asked)
        with st.expander("Say what every column is", expanded=asked is None, icon=":material/view_column:"):
            chosen = st.selectbox(
                "The file holds", list(KINDS), list(KINDS).index(kind), format_func=KINDS.__getitem__, key="map_kind"
            )
            answers = mapper(content, name, chosen, state.reading, key=f"map_{chosen}")
            if answers is not None:
                state.kind, state.reading = chosen, answers
                read(state)
                st.rerun()


def _answer(asked: intake.AmbiguousColumns) -> Any:
    """The widget that fits the question; the answer once it is given."""
    words = OPTIONS.get(asked.needed, ("", {}))[1]
    options = [o for o in asked.options if asked.by != "kind" or o != "sectors"]
    with st.form("answer", border=False):
        choice: Any = None
        if options:
            choice = (
                st.radio("Answer", options, index=None, format_func=lambda o: words.get(o, o), key="answer_choice")
                if (len(options) <= 6 and asked.by != "mapping")
                else st.selectbox("Column", options, index=None, placeholder="Choose a column", key="answer_column")
            )
        if asked.needed == "spot" and asked.by == "mapping":
            price = st.number_input("or the price itself", min_value=0.0, value=None, key="answer_price")
            choice = choice if price is None else float(price)
        if asked.needed == "ticker":
            choice = st.text_input("Ticker", max_chars=15, key="answer_ticker") or None
        sent = st.form_submit_button("Read the file", type="primary")
    return choice if sent else None


def _put(reading: dict[str, Any], asked: intake.AmbiguousColumns, answer: Any) -> None:
    if asked.by == "option" or isinstance(answer, float):
        reading[asked.needed] = answer
    else:
        reading["mapping"] = {**reading.get("mapping", {}), asked.needed: answer}


def _guessed_kind(state: Pending, asked: intake.AmbiguousColumns | None) -> str:
    name, content = _file_in_question(state, asked)
    try:
        kind = intake.recognise(content, name=name)
    except MarketDataError:
        kind = st.session_state.get(KIND, "surfaces")
    return kind if kind in KINDS else "prices"


def is_table(state: Pending) -> bool:
    try:
        name, content = state.files[0]
        intake.sketch(content, name=name)
    except MarketDataError:
        return False
    return True


def _file_in_question(state: Pending, asked: intake.AmbiguousColumns | None) -> tuple[str, bytes]:
    if asked is not None:
        for name, content in state.files:
            if intake.display_name(content, name) == asked.file:
                return name, content
    return state.files[0]
