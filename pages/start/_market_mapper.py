"""Which column of a file is what, and in which units: the form that asks for everything at once."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from engine.market import intake

RECOGNISE = "recognise"

OPTIONS: dict[str, tuple[str, dict[str, str]]] = {
    "date_order": (
        "Order of day and month",
        {"dmy": "day/month/year", "mdy": "month/day/year", "ymd": "year-month-day"},
    ),
    "iv_unit": ("Vols are in", {"decimal": "decimals (0.2)", "percent": "percent (20)"}),
    "maturity_unit": ("Maturities are in", {"days": "days", "years": "years"}),
    "rate_unit": ("Rates are in", {"decimal": "decimals (0.02)", "percent": "percent (2)"}),
    "decimal": ("Decimal mark", {".": "point (1,234.5)", ",": "comma (1.234,5)"}),
}
"""Reading option → label, value → words."""

OPTIONS_OF = {
    "surfaces": ("date_order", "iv_unit", "maturity_unit", "rate_unit", "decimal"),
    "prices": ("date_order", "decimal"),
    "quotes": ("date_order", "iv_unit", "decimal"),
}


def mapper(
    source: Path | bytes, name: str, kind: str, reading: Mapping[str, Any], *, key: str
) -> dict[str, Any] | None:
    """Which column is what, and in which units; the answers once they are sent."""
    seen = intake.sketch(source, name=name)
    st.dataframe(
        pd.DataFrame({heading: list(cells) for heading, cells in list(seen.first_cells.items())[:60]}),
        hide_index=True,
        key=f"{key}_cells",
    )
    if kind == "surfaces" and seen.points:
        st.text(f"{len(seen.points)} columns recognised as vols, from {seen.points[0][:40]} to {seen.points[-1][:40]}")
    left = [h for h in seen.headings if h not in seen.points]
    guesses, mapping = seen.guesses[kind], reading.get("mapping", {})
    with st.form(f"{key}_form", border=False):
        columns = st.columns(3)
        chosen: dict[str, str] = {}
        for number, role in enumerate(intake.ROLES[kind]):
            if kind == "surfaces" and seen.points and role.name in ("maturity", "moneyness", "strike", "iv"):
                continue
            before = mapping.get(role.name, guesses.get(role.name))
            picked = columns[number % 3].selectbox(
                role.label[0].upper() + role.label[1:] + ("" if role.needed else ", if there is one"),
                left,
                index=left.index(before) if before in left else None,
                placeholder="none",
                key=f"{key}_role_{role.name}",
            )
            if picked is not None and (picked != guesses.get(role.name) or role.name in mapping):
                chosen[role.name] = picked
        answers: dict[str, Any] = {"mapping": chosen} if chosen else {}
        options = [o for o in OPTIONS_OF[kind] if not (o == "maturity_unit" and seen.points)]
        for number, option in enumerate(options):
            label, words = OPTIONS[option]
            value = columns[number % 3].selectbox(
                label,
                [RECOGNISE, *words],
                index=[RECOGNISE, *words].index(reading.get(option, RECOGNISE)),
                format_func=lambda o, words=words: words.get(o, "as recognised"),
                key=f"{key}_option_{option}",
            )
            if value != RECOGNISE:
                answers[option] = value
        if kind == "quotes":
            price = columns[2].number_input(
                "Underlying price, if there is no column", 0.0, value=reading.get("spot"), key=f"{key}_given_price"
            )
            answers |= {"spot": float(price)} if price else {}
        if kind == "prices":
            ticker = columns[2].text_input(
                "Ticker, if the file names none", reading.get("ticker", ""), max_chars=15, key=f"{key}_given_ticker"
            )
            answers |= {"ticker": ticker} if ticker else {}
        sent = st.form_submit_button("Read the file this way", type="primary")
    return answers if sent else None
