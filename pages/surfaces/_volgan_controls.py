"""What the sidebar of the VolGAN page asks: the day, how many scenarios, the seed; and the states without an answer."""

import datetime
from dataclasses import dataclass

import numpy as np
import streamlit as st

from engine import datasets as catalogue
from engine.charts import theme
from engine.errors import MarketDataError
from engine.market.grid import Grid
from engine.market.surface_history import FIRST_CONDITION_ROW, SurfaceHistory
from engine.runs.checkpoints import Card, Listed
from pages.surfaces._volgan_view import DEFAULT_BETA, beta_options
from pages.ui import datasets, frame, generators

LAST, STRESSED, CALM, OTHER = "Last day", "Most stressed day", "Calmest day", "Choose a date"
MOST_SCENARIOS = 25_000


@dataclass(frozen=True)
class Request:
    """What to sample."""

    row: int
    n: int
    seed: int


def request(history: SurfaceHistory) -> Request:
    """Day, number and seed from the sidebar."""
    row = _row(history)
    with st.sidebar:
        n = st.number_input(
            "Scenarios",
            100,
            MOST_SCENARIOS,
            10_000,
            step=1_000,
            key="volgan_n",
            persist_state="session",
            help="How many tomorrows are drawn. 10,000 is the published number.",
        )
        seed = st.number_input(
            "Seed",
            0,
            2**31 - 1,
            1,
            key="volgan_seed",
            persist_state="session",
            help="The same seed draws the same scenarios; another one shows what is chance.",
        )
    return Request(row, int(n), int(seed))


def beta(default: float) -> float:
    """β from a slider with logarithmic steps, at first 500/max Φ."""
    options = beta_options(default)
    words = f"500/max Φ = {theme.significant(default)}" if default > 0 else "default: 0, no scenario has arbitrage"
    if st.session_state.get("volgan_beta", DEFAULT_BETA) not in options:
        st.session_state["volgan_beta"] = DEFAULT_BETA
    chosen = st.select_slider(
        "β: how strongly arbitrage is weighed down (per unit of Φ, log scale)",
        options,
        value=DEFAULT_BETA,
        format_func=lambda b: words if b == DEFAULT_BETA else theme.significant(b),
        key="volgan_beta",
        persist_state="session",
        help="0 leaves the scenarios as drawn. The published choice is 500 divided by the largest Φ among them. "
        "Moving it samples nothing again.",
    )
    return default if chosen == DEFAULT_BETA else float(chosen)


def too_short(history: SurfaceHistory) -> bool:
    """Say so if no day has the history that a condition needs."""
    if len(history) > FIRST_CONDITION_ROW:
        return False
    frame.problem(
        f"expected at least {FIRST_CONDITION_ROW + 1} days of surfaces, because a condition needs one month of "
        f"returns; found {len(history)}",
        "Choose another dataset in the sidebar, or upload a longer history under Market data.",
    )
    return True


def mismatch(history: SurfaceHistory, listed: Listed, card: Card) -> None:
    """The state in which generator and data speak of different grids: which, and what to do."""
    st.warning(
        frame.plain(
            f"This generator was trained on {grid_words(card.grid)}; these data have {grid_words(history.grid)}. "
            "A generator can only speak of the grid it was trained on."
        ),
        icon=":material/grid_off:",
    )
    fitting = [
        one
        for one in generators.usable((card.model,)).values()
        if one.card is not None and one.card.grid == history.grid
    ]
    for one in fitting[:3]:
        st.button(
            frame.plain(f"Use {generators.words(one)}"),
            key=f"use_{one.directory}",
            on_click=generators.choose,
            args=(one.directory,),
            icon=":material/swap_horiz:",
        )
    entry = data_of(card)
    if entry is not None:
        st.button(
            frame.plain(f"Switch to {entry.label}, the data it was trained on"),
            key="use_its_data",
            on_click=datasets.choose,
            args=(entry,),
            icon=":material/database:",
        )
    st.markdown("Or train a generator on these data:")


def data_of(card: Card) -> catalogue.Entry | None:
    """The dataset of the picker that a generator was trained on, if it is there."""
    for entry in catalogue.catalogue("surfaces"):
        if entry.label == card.data_name and entry.origin == card.data_origin:
            return entry
    return None


def grid_words(grid: Grid) -> str:
    """``10×8 points, 60 % to 140 %, 1M to 1Y``."""
    strikes, maturities = grid.moneyness_labels, grid.maturity_labels
    return f"{grid.shape[0]}×{grid.shape[1]} points, {strikes[0]} to {strikes[-1]}, {maturities[0]} to {maturities[-1]}"


def carrying(effective: float) -> str:
    """How many scenarios carry the weight, in words that fit before "the weight"."""
    return "a single scenario carries nearly all" if effective < 1.5 else f"about {effective:,.0f} scenarios carry"


def sample_words(history: SurfaceHistory, row: int, card: Card) -> str:
    """Whether a day was seen in training."""
    if card.data_fingerprint != history.fingerprint:
        return f"other data than the generator was trained on ({card.data_name}, {card.data_fingerprint})"
    first, last = card.trained_on
    day = str(history.dates[row])
    return f"{'in' if first <= day <= last else 'out of'} sample (trained on {first} to {last})"


def _row(history: SurfaceHistory) -> int:
    with st.sidebar:
        which = st.selectbox(
            "Day",
            [LAST, STRESSED, CALM, OTHER],
            key="volgan_day",
            persist_state="session",
            help="Scenarios are of the day after this one. Stressed and calm: highest and lowest at-the-money vol.",
        )
        usable = history.atm()[FIRST_CONDITION_ROW:-1]
        if which == STRESSED and len(usable):
            return FIRST_CONDITION_ROW + int(usable.argmax())
        if which == CALM and len(usable):
            return FIRST_CONDITION_ROW + int(usable.argmin())
        if which != OTHER:
            return len(history) - 1
        first, last = (_date(history.dates[k]) for k in (FIRST_CONDITION_ROW, -1))
        day = st.date_input(
            "Date",
            last,
            first,
            last,
            key=f"volgan_date_{history.fingerprint}",
            persist_state="session",
            required=True,
            help="A day without data stands for the last trading day before it.",
        )
    if not isinstance(day, datetime.date):
        raise MarketDataError(f"expected one date; found {day!r}")
    return max(FIRST_CONDITION_ROW, int(np.searchsorted(history.dates, np.datetime64(day), side="right")) - 1)


def _date(day: np.datetime64) -> datetime.date:
    return datetime.date.fromisoformat(str(day))
