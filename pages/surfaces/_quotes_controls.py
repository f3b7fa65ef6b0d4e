"""The sidebar of the quotes page: which day, onto which grid, how."""

from dataclasses import dataclass

import numpy as np
import streamlit as st

from engine.datasets import Loaded
from engine.market.grid import Grid
from engine.surfaces import smoothing
from pages.surfaces._quotes_settings import DAY, METHOD, RATES, UNTRADED, wanted_bandwidth, wanted_grid


@dataclass(frozen=True)
class Choice:
    """What the sidebar says."""

    day: np.datetime64
    previous: np.datetime64 | None
    grid: Grid
    method: str
    bandwidth: tuple[float, float] | None
    rates: smoothing.RateSource
    keep_untraded: bool


def choose(loaded: Loaded) -> Choice:
    """Draw the controls and read them; the page stops with a sentence where they cannot be used."""
    days = loaded.data.dates
    side = st.sidebar
    day = days[-1]
    if len(days) > 1:
        names = [str(d) for d in days]
        key = f"quotes_day_{loaded.entry.id}"
        day = days[
            names.index(side.selectbox("Day", names, len(names) - 1, key=key, persist_state="session", help=DAY))
        ]
    position = int(np.searchsorted(days, day))
    method = side.selectbox(
        "Method",
        list(smoothing.METHODS),
        format_func=smoothing.METHODS.__getitem__,
        key="quotes_method",
        persist_state="session",
        help=METHOD,
    )
    bandwidth = wanted_bandwidth(method)
    grid = wanted_grid()
    rates = side.radio(
        "Rates",
        list(smoothing.RATES),
        format_func=lambda name: smoothing.RATES[name].capitalize(),
        key="quotes_rates",
        persist_state="session",
        help=RATES,
    )
    keep = side.toggle("Keep untraded quotes", key="quotes_untraded", persist_state="session", help=UNTRADED)
    return Choice(day, days[position - 1] if position else None, grid, method, bandwidth, rates, keep)


def command(loaded: Loaded, choice: Choice) -> str:
    """Python that builds the same surface."""
    grid = f"Grid({np.round(choice.grid.moneyness, 6).tolist()},\n            {choice.grid.maturity.tolist()})"
    bandwidth = "" if choice.bandwidth is None else f"bandwidth={choice.bandwidth}, "
    previous = "" if choice.previous is None else f', previous="{choice.previous}"'
    return (
        "from engine import datasets\nfrom engine.market.grid import Grid\nfrom engine.surfaces import smoothing\n\n"
        f"quotes = datasets.load({loaded.entry.id!r}).data\ngrid = {grid}\n"
        f"found = smoothing.surface_from_quotes(\n    quotes, grid, {bandwidth}method={choice.method!r}, "
        f'day="{choice.day}"{previous},\n    rates={choice.rates!r}, keep_untraded={choice.keep_untraded},\n)\n'
        "print(found.words)\n"
    )
