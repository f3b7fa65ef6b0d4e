"""The sidebar of the quotes page: which day, onto which grid, how."""

from dataclasses import dataclass

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from engine.charts import theme
from engine.datasets import Loaded
from engine.surfaces import levels, nadaraya_watson, smoothing
from pages.ui import address, forms, frame

OWN = "Own"

SPAN = "What the quotes span"

GRIDS = {SPAN: None, "10×8, a month to a year": "10x8", "11×9, a day to a year": "11x9", OWN: None}

SEARCH = "Search"

PUBLISHED = "Thesis"

DAY = "The day whose quotes make the surface."

_GRID = "Where the surface is wanted: what the quotes span, a grid of the thesis, or any levels and maturities."

_LEVELS = (
    "Moneyness K/S, then x, then maturities in d, w, m or y: 0.9, 0.95, 1, 1.05 x 21d, 30d, 45d. With log: in front "
    "the levels are log K/F, measured from each maturity's forward."
)

METHOD = (
    "Arbitrage-free through the quotes: the smoothest surface inside bid and ask that allows no static arbitrage. "
    "Kernel smoothing is the thesis's way. The SSVI fit has three numbers and one variance an expiry and no arbitrage. "
    "A repair makes the smallest change of prices that leaves no arbitrage. Below stands the share of quotes "
    "that it keeps inside bid and ask, once it has been computed; the tab Methods computes all."
)

_BANDWIDTH = (
    "How far the kernel reaches: h1 in moneyness, h2 in years, both variances. The search takes, of 2,500 pairs, the "
    "one with the least arbitrage penalty and, among equals, the one closest to the quotes."
)

RATES = (
    "A forward and a discount rate for each expiry undo interest and dividends, so that puts and calls meet at the "
    "money. One carry for the day is the thesis's way."
)

UNTRADED = (
    "Market makers stand behind quotes that nobody traded, so they count, with less weight. The thesis drops them."
)


@dataclass(frozen=True)
class Choice:
    """What the sidebar says."""

    day: np.datetime64
    previous: np.datetime64 | None
    levels: levels.Levels
    method: str
    bandwidth: tuple[float, float] | None
    rates: smoothing.RateSource
    keep_untraded: bool
    shares: DeltaGenerator


def choose(loaded: Loaded) -> Choice:
    """Draw the controls and read them; the page stops with a sentence where they cannot be used."""
    days = loaded.data.dates
    side = st.sidebar
    day = days[-1]
    if len(days) > 1:
        names = [str(d) for d in days]
        key = f"quotes_day_{loaded.entry.id}"
        address.choice("day", names, key, "day", code=str)
        day = days[
            names.index(side.selectbox("Day", names, len(names) - 1, key=key, persist_state="session", help=DAY))
        ]
    address.shown("day", str(day))
    position = int(np.searchsorted(days, day))
    method = forms.Remembered(side).selectbox(
        "Method", list(smoothing.METHODS), format_func=smoothing.METHODS.__getitem__, key="quotes_method", help=METHOD
    )
    shares = side.empty()
    bandwidth = _bandwidth(method)
    wanted = _levels(loaded)
    rates = forms.Remembered(side).radio(
        "Rates",
        list(smoothing.RATES),
        format_func=lambda name: smoothing.RATES[name].capitalize(),
        key="quotes_rates",
        help=RATES,
    )
    keep = side.toggle("Use untraded quotes", True, key="quotes_untraded", persist_state="session", help=UNTRADED)
    return Choice(day, days[position - 1] if position else None, wanted, method, bandwidth, rates, keep, shares)


def show_shares(loaded: Loaded, choice: Choice, shares: dict[str, float]) -> None:
    """Below the selector the share of quotes inside bid and ask of each method computed so far on these quotes."""
    at = (loaded.entry.id, str(choice.day), choice.rates, choice.keep_untraded, choice.levels.text)
    kept: dict[tuple[object, ...], dict[str, float]] = st.session_state.setdefault("quotes_shares", {})
    known = kept.setdefault(at, {})
    known.update(shares)
    said = ", ".join(
        f"{smoothing.METHODS[name]} {theme.percent(known[name], 0)}" for name in smoothing.METHODS if name in known
    )
    choice.shares.caption(frame.plain(f"Inside bid–ask: {said}" + ("" if len(known) > 1 else "; all under Methods")))


def command(loaded: Loaded, choice: Choice) -> str:
    """Python that builds the same surface."""
    forward = ", forward_moneyness=True" if choice.levels.forward else ""
    bandwidth = "" if choice.bandwidth is None else f"bandwidth={choice.bandwidth}, "
    previous = "" if choice.previous is None else f', previous="{choice.previous}"'
    return (
        "from engine import datasets\nfrom engine.surfaces import levels, smoothing\n\n"
        f"quotes = datasets.load({loaded.entry.id!r}).data\ngrid = levels.parse({choice.levels.text!r}).grid\n"
        f"found = smoothing.surface_from_quotes(\n    quotes, grid, {bandwidth}method={choice.method!r}, "
        f'day="{choice.day}"{previous},\n    rates={choice.rates!r}, '
        f"keep_untraded={choice.keep_untraded}{forward},\n)\n"
        "print(found.words)\n"
    )


def _levels(loaded: Loaded) -> levels.Levels:
    name = st.sidebar.selectbox("Grid", list(GRIDS), key="quotes_grid", persist_state="session", help=_GRID)
    known = GRIDS[name]
    if known is not None:
        return levels.parse(known)
    with frame.errors("Choose another dataset in the sidebar."):
        span = levels.Levels(levels.proposed_for(loaded.data))
    if name == SPAN:
        return span
    text = forms.Remembered(st.sidebar).text_area(
        "Levels x maturities", span.text, key=f"quotes_levels_{loaded.entry.id}", help=_LEVELS
    )
    with frame.errors("Write levels, x and maturities, such as 0.9, 1, 1.1 x 21d, 30d, 45d."):
        return levels.parse(text)
    raise AssertionError  # the block above returns or stops the page


def _bandwidth(method: str) -> tuple[float, float] | None:
    """The pair to use; None asks for the search."""
    if not method.startswith("kernel"):
        return None
    listed = (SEARCH, PUBLISHED, OWN)
    how = forms.segments("Bandwidth", listed, key="quotes_bandwidth", where=st.sidebar, help=_BANDWIDTH)
    if how == SEARCH:
        return None
    if how == PUBLISHED:
        return nadaraya_watson.PUBLISHED_BANDWIDTH
    left, right = st.sidebar.columns(2)
    low, high = 0.0001, 1.0
    h1, h2 = nadaraya_watson.PUBLISHED_BANDWIDTH
    return (
        left.number_input("h1", low, high, h1, 0.002, "%.4f", key="quotes_h1", persist_state="session"),
        right.number_input("h2 (years²)", low, high, h2, 0.002, "%.4f", key="quotes_h2", persist_state="session"),
    )
