"""What the page asks: the day, how many scenarios, the seed, and β."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st

from engine.charts import theme
from engine.market.surface_history import FIRST_CONDITION_ROW, SurfaceHistory
from pages.ui import datasets, forms

MOST_SCENARIOS = 25_000

BETAS = (0.0, *(10.0 ** (k / 2) for k in range(31)))
"""β from 0 over 1 to 10¹⁵, two steps a decade."""

DEFAULT_BETA = "default"


@dataclass(frozen=True)
class Request:
    """What to sample."""

    row: int
    n: int
    seed: int


def request(history: SurfaceHistory) -> Request:
    """Day, number and seed from the sidebar."""
    row = datasets.day(
        history,
        FIRST_CONDITION_ROW,
        key="volgan_day",
        help="Scenarios are of the day after this one. Stressed and calm: highest and lowest at-the-money vol.",
    )
    with st.sidebar:
        n = forms.remembered.number_input(
            "Scenarios",
            100,
            MOST_SCENARIOS,
            10_000,
            step=1_000,
            key="volgan_n",
            help="How many tomorrows are drawn. 10,000 is the published number.",
        )
        help = "The same seed draws the same scenarios; another one shows what is chance."
        return Request(row, int(n), forms.seed(key="volgan_seed", help=help))


def beta(default: float, about: str) -> float:
    """β of the scenarios, at first 500/max Φ; it belongs to the day, data and generator that ``about`` names."""
    return beta_slider(
        "β: how strongly arbitrage is weighed down (per unit of Φ, log scale)",
        default,
        beta_options(default),
        formula="500/max Φ",
        without="no scenario has arbitrage",
        key=f"volgan_beta_{about}",
        persist_state="session",
        help="0 leaves the scenarios as drawn. The published choice is 500 divided by the largest Φ among them. "
        "Moving it samples nothing again.",
    )


def beta_slider(
    label: str, default: float, options: list[float | str], *, formula: str, without: str, key: str, **more: Any
) -> float:
    """β from a slider with logarithmic steps, at first the default, which is said with its formula."""
    words = f"{formula} = {theme.significant(default)}" if default > 0 else f"default: 0, {without}"
    if st.session_state.get(key, DEFAULT_BETA) not in options:
        st.session_state[key] = DEFAULT_BETA
    chosen = st.select_slider(
        label,
        options,
        value=DEFAULT_BETA,
        format_func=lambda b: words if b == DEFAULT_BETA else theme.significant(b),
        key=key,
        **more,
    )
    return default if chosen == DEFAULT_BETA else float(chosen)


def beta_options(default: float, stops: Sequence[float] = BETAS) -> list[float | str]:
    """The slider's stops in increasing order, the default where it belongs."""
    position = int(np.searchsorted(stops, default, side="right"))
    return [*stops[:position], DEFAULT_BETA, *stops[position:]]
