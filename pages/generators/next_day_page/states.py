"""States of the page without an answer, and what is said beside one: what is missing or doubtful, what to do."""

import streamlit as st

from engine import datasets as catalogue
from engine.market.grid import Grid
from engine.market.surface_history import FIRST_CONDITION_ROW, SurfaceHistory
from engine.runs.checkpoints import Card
from engine.training.alarms import COLLAPSED
from pages.generators.next_day_page import View
from pages.ui import datasets, frame, generators

FEW_SCENARIOS = 100
"""Effective scenarios below which bands and means are doubtful."""


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


def mismatch(history: SurfaceHistory, card: Card) -> None:
    """The state in which generator and data speak of different grids: which, and what to do."""
    st.warning(
        frame.plain(
            f"This generator was trained on {grid_words(card.grid)}; these data have {grid_words(history.grid)}. "
            "A generator can only speak of the grid it was trained on."
        ),
        icon=":material/grid_off:",
    )
    fitting = sorted(
        generators.fitting(history.grid).values(), key=lambda one: one.card is None or one.card.model != card.model
    )
    for one in fitting[:3]:
        st.button(
            frame.plain(f"Use {generators.words(one)}"),
            key=f"use_{one.directory}",
            on_click=generators.choose,
            args=(one.directory,),
            icon=":material/swap_horiz:",
        )
    its = [e for e in catalogue.catalogue("surfaces") if (e.label, e.origin) == (card.data_name, card.data_origin)]
    for entry in its[:1]:
        st.button(
            frame.plain(f"Switch to {entry.label}, the data it was trained on"),
            key="use_its_data",
            on_click=datasets.choose,
            args=(entry,),
            icon=":material/database:",
        )
    st.markdown("Or train a generator on these data:")


def doubts(view: View, card: Card) -> None:
    """What makes the answer doubtful: few effective scenarios, a generator that hardly moves."""
    if view.ess < FEW_SCENARIOS:
        st.warning(
            f"At this β {carrying(view.ess)} the weight: bands and means rest on so few. "
            "Lower β, draw more scenarios, or train longer.",
            icon=":material/filter_alt:",
        )
    spread = card.metrics.get("return_day_sd_ratio")
    if spread is not None and spread < COLLAPSED:
        st.warning(
            f"This generator hardly moves: within a day its returns spread {100 * spread:.0f} % as wide as the data's "
            "over the training part. Its bands are too narrow; train it longer.",
            icon=":material/compress:",
        )


def grid_words(grid: Grid) -> str:
    """``10×8 points, 60 % to 140 %, 1M to 1Y``."""
    strikes, maturities = grid.moneyness_labels, grid.maturity_labels
    return f"{grid.shape[0]}×{grid.shape[1]} points, {strikes[0]} to {strikes[-1]}, {maturities[0]} to {maturities[-1]}"


def carrying(effective: float) -> str:
    """How many scenarios carry the weight, in words that fit before "the weight"."""
    return "a single scenario carries nearly all" if effective < 1.5 else f"about {effective:,.0f} scenarios carry"
