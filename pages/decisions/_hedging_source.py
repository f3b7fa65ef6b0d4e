"""Which day, and where its scenarios come from: a trained generator, or one fitted to the data on the spot."""

import datetime
from dataclasses import dataclass

import numpy as np
import streamlit as st

from engine.datasets import Loaded
from engine.market.surface_history import SurfaceHistory
from engine.models import registry
from engine.models.surface_model import SurfaceModel
from engine.runs.checkpoints import Card, Listed
from pages.decisions import _hedging_cache as hedging_cache
from pages.ui import cache, frame, generators

LAST, STRESSED, OTHER = "Last day", "Most stressed day", "Choose a date"


@dataclass(frozen=True)
class Source:
    """A generator ready to draw.

    Args:
        key: what caches know it by.
        label: for people.
        model: fitted.
        known: what it has seen, in words.
        reference: what the command line calls it; empty for one fitted on the spot.
        name: registered name.
    """

    key: str
    label: str
    model: SurfaceModel
    known: str
    reference: str
    name: str


@dataclass(frozen=True)
class Choice:
    """Which generator was chosen; :meth:`at` makes it ready for a day."""

    id: str
    label: str
    loaded: Loaded
    trained: Listed | None

    def at(self, row: int) -> Source:
        """The generator as it may be used on a day: one fitted on the spot sees the data up to it only."""
        history = self.loaded.data
        if self.trained is not None:
            model, card = cache.model(self.trained.directory)
            key = f"{self.id} {cache.version_of(self.trained.directory)}"
            reference = self.trained.name if self.trained.shipped else self.id
            return Source(key, self.label, model, _known(card, self.loaded, row), reference, card.model)
        model = hedging_cache.fitted(self.id, history, row)
        return Source(f"{self.id} {row}", self.label, model, f"fitted up to {history.dates[row]}", "", self.id)


def pick(loaded: Loaded) -> Choice:
    """The generator chosen in the sidebar; whatever the data, some can be fitted to them at once."""
    history = loaded.data
    trained = generators.fitting(history.grid)
    offered = {id: generators.words(one) for id, one in trained.items()}
    offered |= {name: f"{registry.label(name)}, fitted up to the day" for name in registry.on_the_spot()}
    active = frame.session().active_run
    first = active if active in trained else _first(loaded, offered)
    id = st.sidebar.selectbox(
        "Scenarios from",
        list(offered),
        index=list(offered).index(first),
        format_func=lambda id: offered[id],
        key=f"hedge_source_{history.fingerprint}",
        persist_state="session",
        help="Any trained generator on this grid; the true law where the market is simulated; or one fitted now.",
    )
    return Choice(id, offered[id], loaded, trained.get(id))


def _first(loaded: Loaded, offered: dict[str, str]) -> str:
    """The learned generator trained on these very data, else one fitted on the spot."""
    at_once = registry.on_the_spot()
    own = {
        one.card.model: id
        for id, one in generators.fitting(loaded.data.grid, at_once).items()
        if one.card is not None and generators.same_data(one.card, loaded) and id in offered
    }
    return next((own[name] for name in at_once if name in own), at_once[0])


def _known(card: Card, loaded: Loaded, row: int) -> str:
    if not generators.same_data(card, loaded):
        return f"trained on other data ({card.data_name})"
    first, last = card.trained_on
    inside = first <= str(loaded.data.dates[row]) <= last
    return f"{'in' if inside else 'out of'} sample (trained on {first} to {last})"


def row(history: SurfaceHistory, least: int) -> int:
    """The day of the ticket; at least ``least`` rows into the data."""
    which = st.sidebar.selectbox(
        "Day", (LAST, STRESSED, OTHER), key="hedge_day", persist_state="session", help="Nothing after it is looked at."
    )
    if which == STRESSED:
        return least + int(history.atm()[least:].argmax())
    if which == LAST:
        return len(history) - 1
    first, last = (datetime.date.fromisoformat(str(history.dates[k])) for k in (least, -1))
    day = st.sidebar.date_input("Date", last, first, last, key=f"hedge_date_{history.fingerprint}", required=True)
    return max(least, int(np.searchsorted(history.dates, np.datetime64(str(day)), side="right")) - 1)
