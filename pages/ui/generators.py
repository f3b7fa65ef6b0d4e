"""The picker of generators: the same widget on every page, remembering its choice for the session.

A generator is trained, then it is a checkpoint, or fitted on the spot to the days up to the one asked about. Nothing
chosen, a page opens with the one that did best lately on the data shown, whose bands held. What is remembered is
``frame.session().active_run``; a page that shows a run to another page sets it (:func:`choose`).
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import streamlit as st

from engine.datasets import Loaded
from engine.errors import ScenaristError
from engine.evaluation import track_record
from engine.evaluation.track_record import TrackRecord
from engine.market.grid import Grid
from engine.market.surface_history import FIRST_CONDITION_ROW, SurfaceHistory
from engine.models import registry
from engine.models.registry import NEXT_DAY
from engine.models.surface_model import SurfaceModel
from engine.runs import checkpoints, studies
from engine.runs.cards import Card
from engine.settings import to_dict
from pages.ui import address, cache, datasets, frame

KEY = "generator"
"""Session-state key of the picker: the directory of a checkpoint as text, or the name of one fitted on the spot."""


@dataclass(frozen=True)
class Ready:
    """A generator that can draw from a day.

    Args:
        key: what caches know it by.
        label: for people.
        model: fitted.
        card: what it was fitted to.
        known: what it has seen, in words.
        reference: what the command line calls it; empty for one fitted on the spot.
    """

    key: str
    label: str
    model: SurfaceModel
    card: Card
    known: str
    reference: str

    @property
    def name(self) -> str:
        """Registered name."""
        return self.card.model

    @property
    def typed(self) -> tuple[str, str]:
        """How the command line is told of it."""
        return ("--run", self.reference) if self.reference else ("--model", self.name)


@dataclass(frozen=True)
class Generator:
    """Which generator was chosen; :meth:`at` makes it ready for a day.

    Args:
        id: a checkpoint's directory, or the name of a model that is fitted on the spot.
        label: for people.
        trained: the checkpoint; None for one that is fitted to the days up to the one asked about.
        loaded: the data shown.
    """

    id: str
    label: str
    trained: checkpoints.Listed | None
    loaded: Loaded

    @property
    def name(self) -> str:
        """Registered name."""
        card = self.trained.card if self.trained is not None else None
        return self.id if card is None else card.model

    @property
    def card(self) -> Card | None:
        """Of the checkpoint."""
        return self.trained.card if self.trained is not None else None

    def on(self, row: int) -> Generator:
        """The one to use on a day: this one, unless nobody chose it and the days up to this one are too few for it."""
        if self.trained is not None or active(self.loaded) is not None:
            return self
        if _before(self.id, self.loaded, str(self.loaded.data.dates[row])) is not None:
            return self
        name = fits(self.loaded, row, self.id)
        return self if name == self.id else replace(self, id=name, label=_on_the_spot_words(name))

    def at(self, row: int) -> Ready:
        """The generator as it may be used on a day: what is fitted on the spot sees the data up to it only.

        A shipped or trained checkpoint of the same model stands for a fit if this day is out of its sample.

        Raises:
            ScenaristError: if it cannot be loaded, or the data are too short for it.
        """
        history = self.loaded.data
        trained = self.trained or _before(self.id, self.loaded, str(history.dates[row]))
        if trained is not None:
            model, card = cache.model(trained.directory)
            reference = trained.name if trained.shipped else str(trained.directory)
            key = f"{trained.directory} {cache.version_of(trained.directory)}"
            return Ready(key, self.label, model, card, sample_words(self.loaded, row, card), reference)
        model = fitted(self.id, history, row)
        card = _card_of(model, self.id, self.loaded, row)
        return Ready(f"{self.id} {row}", self.label, model, card, f"fitted to the days up to {history.dates[row]}", "")

    def record(self, row: int) -> TrackRecord | None:
        """How its bands held on the days before a day, out of sample where that can be; None if it cannot be said."""
        if self.trained is None:
            return _record_of_name(self.id, self.loaded.data, row)
        card = self.trained.card
        return None if card is None else _record_of_checkpoint(self.trained.directory, self.loaded, row, card)


@cache.keep(max_entries=16, show_spinner="Fitting …")
def fitted(name: str, history: SurfaceHistory, row: int) -> SurfaceModel:
    """A generator fitted to the history up to a day.

    Raises:
        MarketDataError: if that is too short.
    """
    model: SurfaceModel = registry.surface_model(name)()
    model.fit(history.until(row), seed=0)
    return model


@cache.keep(max_entries=64, show_spinner="Looking at the days before …")
def _record_of_name(name: str, history: SurfaceHistory, row: int) -> TrackRecord | None:
    try:
        return track_record.of_name(name, history, row)
    except ScenaristError:
        return None


@cache.keep(max_entries=64, show_spinner="Looking at the days before …")
def _record_of_checkpoint(directory: Path, loaded: Loaded, row: int, _card: Card) -> TrackRecord | None:
    """On days after its training if they are enough, else on all of them and marked so."""
    history: SurfaceHistory = loaded.data
    rows, seen = track_record.window(row), False
    if same_data(_card, loaded):
        after = rows[history.dates[rows] > np.datetime64(_card.trained_on[1])]
        seen = len(after) < track_record.LEAST
        rows = rows if seen else after
    if len(rows) < track_record.LEAST or _card.grid != history.grid:
        return None
    try:
        return replace(track_record.of_model(cache.model(directory)[0], history, rows), seen=seen)
    except ScenaristError:
        return None


@cache.keep(max_entries=32, show_spinner="Finding the generator whose bands held best on these data …")
def ranked(loaded: Loaded, row: int) -> Mapping[str, TrackRecord]:
    """Generators fitted within seconds by their record before a day, the most credible first."""
    return track_record.compare(loaded.data, row)


def most_credible(loaded: Loaded) -> str:
    """Name of the generator that pages open with: the best on these data of those whose bands held.

    A finished leaderboard of these data says it; without one, the last year of the data; where that is too short, the
    first that can be fitted to them.
    """
    at_once = registry.on_the_spot()
    for result in studies.catalogue("leaderboard"):
        if datasets.same(result.data, loaded):
            scores = cache.study_table(result, "scores").set_index("model")["energy"]
            hits = cache.study_table(result, "exceedance").set_index("model")
            for name in scores.sort_values().index:
                if name in at_once and _calibrated(hits.loc[name]):
                    return str(name)
    return next(iter(ranked(loaded, len(loaded.data) - 1)), None) or fits(loaded, len(loaded.data) - 1)


def fits(loaded: Loaded, row: int, first: str = "") -> str:
    """Name of the first generator that can be fitted to the days up to one: the one asked for, else another."""
    at_once = registry.on_the_spot()
    for name in dict.fromkeys([first or at_once[0], *at_once]):
        with contextlib.suppress(ScenaristError):
            fitted(name, loaded.data, row)
            return name
    return at_once[0]


def _calibrated(hits: pd.DataFrame) -> bool:
    """Whether Kupiec's test refuses neither end of the 95 % band of the return."""
    mine = hits[(hits["series"] == "return") & hits["level"].isin([0.025, 0.975])]
    return bool((mine["kupiec_p"] >= track_record.REFUSED).all())


def _before(name: str, loaded: Loaded, day: str) -> checkpoints.Listed | None:
    """A checkpoint of a model trained on these data with its default settings, all of it before a day."""
    for listed in usable((name,)).values():
        card = listed.card
        if card is None or not same_data(card, loaded) or card.trained_on[1] >= day:
            continue
        if dict(card.config) == to_dict(registry.surface_model(name).Config()):
            return listed
    return None


def _card_of(model: SurfaceModel, name: str, loaded: Loaded, row: int) -> Card:
    """What a checkpoint would say of a generator fitted on the spot."""
    history = loaded.data
    return Card(
        model=name,
        label=registry.label(name),
        config=to_dict(model.config),
        domain=history.grid,
        data_name=loaded.label,
        data_fingerprint=history.fingerprint,
        data_period=history.period,
        data_origin=loaded.origin,
        trained_on=(str(history.dates[FIRST_CONDITION_ROW]), str(history.dates[max(row - 1, FIRST_CONDITION_ROW)])),
        seed=0,
    )


def sample_words(loaded: Loaded, row: int, card: Card) -> str:
    """Whether a day was seen in training."""
    if registry.role(card.model) == "true law":
        return "the law that made these data, nothing is learned"
    if not same_data(card, loaded):
        return f"trained on other data ({card.data_name}, {card.data_fingerprint})"
    first, last = card.trained_on
    day = str(loaded.data.dates[row])
    return f"{'in' if first <= day <= last else 'out of'} sample (trained on {first} to {last})"


def credibility(record: TrackRecord | None) -> None:
    """The rate at which a generator's bands held before, loudly if they failed."""
    if record is None:
        return
    if record.failed:
        st.error(frame.plain(record.warning), icon=":material/gpp_bad:")
    else:
        words = frame.plain(f"{record.words}, to {record.last}.")
        st.markdown(f":green[:material/verified:] {words}")


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


def current(loaded: Loaded, row: int) -> Generator:
    """The generator in use if it knows the grid, else the most credible one on the data shown that a day allows."""
    wanted = active(loaded)
    listed = usable().get(wanted or "")
    if listed is not None and listed.card is not None and listed.card.grid == loaded.data.grid:
        return Generator(str(wanted), words(listed), listed, loaded)
    name = str(wanted) if wanted in registry.on_the_spot() else most_credible(loaded)
    return Generator(name, _on_the_spot_words(name), None, loaded).on(row)


def pick(loaded: Loaded, *, label: str = "Generator", others: bool = True) -> Generator:
    """The generator chosen in the sidebar; at first the most credible one on the data shown.

    Args:
        loaded: the data shown.
        label: of the widget.
        others: whether generators of other grids are offered too, so that a page can say what is wrong with one.
    """
    known = usable()
    if not others:
        known = {id: one for id, one in known.items() if one.card is not None and one.card.grid == loaded.data.grid}
    offered = {name: _on_the_spot_words(name) for name in registry.on_the_spot()}
    offered |= {id: words(one) for id, one in known.items()}
    if address.choice("generator", offered, KEY, "generator", code=code):
        _remember(loaded.data.fingerprint)
    wanted = active(loaded)
    if wanted not in offered:
        wanted = most_credible(loaded) if len(loaded.data) > FIRST_CONDITION_ROW else registry.on_the_spot()[0]
    st.session_state[KEY] = wanted
    id = st.sidebar.selectbox(
        label,
        list(offered),
        format_func=lambda id: offered[id],
        key=KEY,
        on_change=_remember,
        args=(loaded.data.fingerprint,),
        help="First those fitted at once to the days up to the one shown, then those shipped, trained or imported. The "
        "page opens with the best on these data of those whose bands held.",
    )
    address.shown("generator", code(id))
    return Generator(id, offered[id], known.get(id), loaded)


def code(id: str) -> str:
    """What the address calls a generator: the name of its run, never its path; ``:fitted`` where it is no run."""
    return f"{id}:fitted" if id in registry.on_the_spot() else Path(id).name


def choose(directory: Path | str) -> None:
    """Make a generator the active one everywhere (call before the picker is drawn, or in a callback)."""
    frame.session().active_run, frame.session().chosen_on = str(directory), ""


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


def active(loaded: Loaded) -> str | None:
    """The generator chosen, if it was chosen on these data, for all data, or trained on these."""
    session = frame.session()
    if session.active_run is None or session.chosen_on in ("", loaded.data.fingerprint):
        return session.active_run
    listed = usable().get(session.active_run)
    ours = listed is not None and listed.card is not None and same_data(listed.card, loaded)
    return session.active_run if ours else None


def _remember(fingerprint: str) -> None:
    frame.session().active_run, frame.session().chosen_on = st.session_state[KEY], fingerprint


def _on_the_spot_words(name: str) -> str:
    return f"{registry.label(name)}, fitted to these data"


def words(listed: checkpoints.Listed) -> str:
    """A generator in a list: model, data, and where it comes from. Plain text: names come from people."""
    card = listed.card
    if card is None:
        return listed.name
    origin = "shipped" if listed.shipped else f"run {listed.name}"
    published = " as published" if registry.published(card.model) else ""
    return f"{card.label}{published} on {card.data_name} · {origin}"
