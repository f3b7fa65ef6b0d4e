"""The picker of trained generators: the same widget on every page, remembering its choice for the session.

What is remembered is ``frame.session().active_run``; a page that shows a run to another page sets it (:func:`choose`).
"""

from collections.abc import Collection
from pathlib import Path

import numpy as np
import streamlit as st

from engine.datasets import Loaded
from engine.market.grid import Grid
from engine.market.surface_history import FIRST_CONDITION_ROW
from engine.models.registry import NEXT_DAY
from engine.runs import checkpoints
from pages.ui import address, frame

KEY = "generator"
"""Session-state key of the picker: the directory of the checkpoint, as text."""


def usable(models: Collection[str] | None = None) -> dict[str, checkpoints.Listed]:
    """Directory → checkpoint whose card can be read, shipped ones first; of some models only if given."""
    return {
        str(listed.directory): listed
        for listed in checkpoints.catalogue()
        if listed.card is not None and listed.card.task == NEXT_DAY and (models is None or listed.card.model in models)
    }


def fitting(grid: Grid, models: Collection[str] | None = None) -> dict[str, checkpoints.Listed]:
    """The usable ones that know a grid."""
    return {id: one for id, one in usable(models).items() if one.card is not None and one.card.grid == grid}


def same_data(card: checkpoints.Card, loaded: Loaded) -> bool:
    """Whether a generator was trained on these data."""
    return loaded.is_that(origin=card.data_origin, fingerprint=card.data_fingerprint, name=card.data_name)


def trained_on(loaded: Loaded, prefer: str) -> Path | None:
    """The generator in use if it was trained on some surfaces, else the first that was, those of a model before others.

    Returns:
        Its directory; None if there is none, or the surfaces are too few to draw from.
    """
    if len(loaded.data) <= FIRST_CONDITION_ROW:
        return None
    found = {
        id: card.model
        for id, listed in fitting(loaded.data.grid).items()
        if (card := listed.card) is not None and same_data(card, loaded)
    }
    active = frame.session().active_run
    if active in found:
        return Path(str(active))
    return Path(min(found, key=lambda id: found[id] != prefer)) if found else None


def years_words(first: str, last: str) -> str:
    """``19 years``, ``one year``, ``8 months``: how much of the market a generator has read."""
    days = int((np.datetime64(last) - np.datetime64(first)).astype(int))
    years, months = round(days / 365.25), max(1, round(days / 30.4))
    if years < 1:
        return "a month" if months == 1 else f"{months} months"
    return "one year" if years == 1 else f"{years} years"


def pick(
    grid: Grid, models: Collection[str] | None = None, *, prefer: str | None = None, loaded: Loaded | None = None
) -> checkpoints.Listed | None:
    """The generator chosen in the sidebar; at first the first one that knows the grid, shipped ones before others.

    Args:
        grid: of the data shown.
        models: registered names to offer; all if not given.
        prefer: the model that is shown at first, if there is one of it.
        loaded: the data shown; of the generators that could be first, those trained on them come first.

    Returns:
        None if there is no generator at all.
    """
    listed = usable(models)
    if not listed:
        return None
    if address.choice("generator", listed, KEY, "generator", code=code):
        _remember()
    active = frame.session().active_run
    if active not in listed:
        first = [id for id, one in listed.items() if one.card is not None and one.card.grid == grid] or list(listed)
        cards = {id: card for id in first if (card := listed[id].card) is not None}
        other = {id: loaded is not None and not same_data(card, loaded) for id, card in cards.items()}
        active = min(first, key=lambda id: (cards[id].model != prefer, other[id]))
    st.session_state[KEY] = active
    id = st.sidebar.selectbox(
        "Generator",
        list(listed),
        format_func=lambda id: words(listed[id]),
        key=KEY,
        on_change=_remember,
        help="Generators shipped with the app, and those you trained or imported. Train one below, or under Runs.",
    )
    address.shown("generator", code(id))
    return listed[id]


def code(id: str) -> str:
    """What the address calls a generator: the name of its run, never its path."""
    return Path(id).name


def choose(directory: Path) -> None:
    """Make a generator the active one everywhere (call before the picker is drawn, or in a callback)."""
    frame.session().active_run = str(directory)


def use_button(directory: Path, *, key: str) -> None:
    """Makes a generator the active one everywhere."""
    st.button(
        "Use this generator",
        key=key,
        icon=":material/visibility:",
        on_click=choose,
        args=(directory,),
        help="Make it the active one on every page.",
    )


def _remember() -> None:
    frame.session().active_run = st.session_state[KEY]


def words(listed: checkpoints.Listed) -> str:
    """A generator in a list: model, data, and where it comes from. Plain text: names come from people."""
    card = listed.card
    if card is None:
        return listed.name
    origin = "shipped" if listed.shipped else f"run {listed.name}"
    return f"{card.label} on {card.data_name} · {origin}"
