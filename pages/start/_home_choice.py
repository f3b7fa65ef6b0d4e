"""What the home page speaks of: the open surfaces if a generator was trained on them, else the built-in ones."""

from pathlib import Path

import numpy as np
import streamlit as st

from engine import datasets as catalogue
from engine import workspace
from engine.datasets import Loaded
from engine.errors import ScenaristError
from engine.market.surface_history import FIRST_CONDITION_ROW
from pages.ui import cache, datasets, frame, generators

SHIPPED = workspace.shipped_checkpoints_dir() / "volgan-simulated-10x8"
PREFERRED = "volgan"


def choice() -> tuple[Loaded, Path, str]:
    """Data, directory of the generator, and why the open data are not shown (empty if they are)."""
    entries = catalogue.catalogue("surfaces")
    built_in = entries[0]
    asked = next((entry for entry in entries if entry.id == st.session_state.get(datasets.key("surfaces"))), built_in)
    if asked.id == built_in.id:
        return cache.dataset(built_in), SHIPPED, ""
    try:
        loaded = cache.dataset(asked)
    except ScenaristError as error:
        return cache.dataset(built_in), SHIPPED, str(error)
    trained = _trained_on(loaded)
    if trained is None:
        return cache.dataset(built_in), SHIPPED, f"No generator has been trained on {loaded.label} yet; below, another."
    return loaded, trained, ""


def years_words(first: str, last: str) -> str:
    """``19 years``, ``one year``, ``8 months``: how much of the market a generator has read."""
    days = int((np.datetime64(last) - np.datetime64(first)).astype(int))
    years, months = round(days / 365.25), max(1, round(days / 30.4))
    if years < 1:
        return "a month" if months == 1 else f"{months} months"
    return "one year" if years == 1 else f"{years} years"


def _trained_on(loaded: Loaded) -> Path | None:
    """The generator in use if it was trained on these data, else the first that was, VolGAN before others."""
    if len(loaded.data) <= FIRST_CONDITION_ROW:
        return None
    found = {
        id: card.model
        for id, listed in generators.fitting(loaded.data.grid).items()
        if (card := listed.card) is not None and generators.same_data(card, loaded)
    }
    active = frame.session().active_run
    if active in found:
        return Path(str(active))
    return Path(min(found, key=lambda id: found[id] != PREFERRED)) if found else None
