"""The sidebar of the quotes page: which day, onto which grid, how."""

from dataclasses import dataclass

import numpy as np
import streamlit as st

from engine.datasets import Loaded
from engine.errors import MarketDataError
from engine.market.grid import CH2_GRID, VOLGAN_GRID, Grid
from engine.surfaces import nadaraya_watson, smoothing
from pages.ui import forms, frame

OWN = "Own"

GRIDS = {"10×8, a month to a year": CH2_GRID, "11×9, a day to a year": VOLGAN_GRID, OWN: None}

SEARCH = "Search"

PUBLISHED = "Thesis"

DAY = "The day whose quotes make the surface."

_GRID = "Where the surface is wanted. Own takes any list of moneyness values and of maturities."

METHOD = (
    "Kernel smoothing is the thesis's way. The SSVI fit has six numbers and one variance an expiry and no arbitrage. A "
    "repair makes the smallest change of prices that leaves no arbitrage."
)

_BANDWIDTH = (
    "How far the kernel reaches: h1 in moneyness, h2 in years, both variances. The search takes, of 2,500 pairs, the "
    "one with the least arbitrage penalty and, among equals, the one closest to the quotes."
)

RATES = (
    "One rate for the day is the thesis's way. A forward and a discount rate for each expiry also undo dividends, so "
    "that puts and calls meet at the money."
)

UNTRADED = "Quotes nobody traded that day are dropped as in the thesis. Market makers stand behind them all the same."


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
    method = forms.Remembered(side).selectbox(
        "Method", list(smoothing.METHODS), format_func=smoothing.METHODS.__getitem__, key="quotes_method", help=METHOD
    )
    bandwidth = _bandwidth(method)
    grid = _grid()
    rates = forms.Remembered(side).radio(
        "Rates",
        list(smoothing.RATES),
        format_func=lambda name: smoothing.RATES[name].capitalize(),
        key="quotes_rates",
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


def _grid() -> Grid:
    name = st.sidebar.selectbox("Grid", list(GRIDS), key="quotes_grid", persist_state="session", help=_GRID)
    known = GRIDS[name]
    if known is not None:
        return known
    moneyness = forms.Remembered(st.sidebar).text_input(
        "Moneyness (%)", "80, 90, 95, 100, 105, 110, 120", key="quotes_grid_moneyness"
    )
    days = forms.Remembered(st.sidebar).text_input("Maturities (days)", "30, 60, 91, 182, 365", key="quotes_grid_days")
    with frame.errors("Write numbers with commas between them, smallest first."):
        return Grid(np.array(_numbers("moneyness", moneyness)) / 100, np.array(_numbers("maturity", days)) / 365)
    raise AssertionError  # the block above returns or stops the page


def _numbers(name: str, text: str) -> list[float]:
    try:
        return [float(part) for part in text.replace(";", ",").split(",") if part.strip()]
    except ValueError:
        raise MarketDataError(f"expected {name} values as numbers; found {text[:60]!r}") from None


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
