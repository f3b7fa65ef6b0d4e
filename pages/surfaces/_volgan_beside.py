"""What to hold a generator of one's own data against: the baseline and the best learned model, fitted in seconds."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import streamlit as st

from engine import settings
from engine.datasets import Loaded
from engine.models import registry
from engine.runs import jobs
from engine.runs.checkpoints import Card, Listed
from pages.ui import frame, generators
from pages.ui import jobs as ui_jobs

SHARE = "0.85"
"""Of the days that train, where the generator shown knows other data."""

STARTED = "volgan_beside"
"""Session-state key of the runs started here: their directories, as text."""


def landed(chosen: str, most: int) -> None:
    """Put runs that have ended into the list of compared ones (call before it is drawn)."""
    started = [Path(run) for run in st.session_state.get(STARTED, ())]
    if not started or any(_active(run) for run in started):
        return
    del st.session_state[STARTED]
    done = [str(run) for run in started if jobs.read(run).has_checkpoint]
    if chosen in st.session_state:
        st.session_state[chosen] = list(dict.fromkeys([*st.session_state[chosen], *done]))[:most]


def offer(loaded: Loaded, card: Card | None, fitting: Mapping[str, Listed]) -> None:
    """A button that fits what is missing to the same days as the generator shown, or how that is going."""
    if any(_active(Path(run)) for run in st.session_state.get(STARTED, ())):
        st.fragment(_live, run_every=ui_jobs.POLL)()
        return
    cards = [one.card for one in fitting.values() if one.card is not None]
    own = {one.model for one in cards if generators.same_data(one, loaded)}
    missing = [name for name in (registry.on_the_spot()[0], registry.BASELINE) if name not in own]
    if not missing or loaded.origin == "built-in":
        return
    words = " and ".join(registry.label(name).lower() for name in missing)
    last, until = SHARE, "on the first 85 % of the days"
    if card is not None and generators.same_data(card, loaded):
        dates = loaded.data.dates  # a card ends with the last condition, the day before its outcome
        row = int(np.searchsorted(dates, np.datetime64(card.trained_on[1]))) + 1
        last = str(dates[min(row, len(dates) - 1)])
        until = f"to {last}, as the generator shown"
    if st.button(
        frame.plain(f"Fit {words} to these data"),
        key="volgan_beside_fit",
        icon=":material/play_arrow:",
        help=f"Trained {until}; seconds each, in the background.",
    ):
        with frame.errors("Train them one by one under Train."):
            st.session_state[STARTED] = [_start(name, loaded, last) for name in missing]
        st.rerun()


def _start(name: str, loaded: Loaded, last: str) -> str:
    asked = settings.to_dict(registry.surface_model(name).Config())
    return str(jobs.train(name, loaded.entry.id, asked, seed=0, split=last, label=name).directory)


def _live() -> None:
    """The jobs at work, looked at again and again; when all have ended the page is drawn anew."""
    active = [run for run in map(Path, st.session_state.get(STARTED, ())) if _active(run)]
    if not active:
        st.rerun()
    names = ", ".join(run.name for run in active)
    st.info(frame.plain(f"Fitting {names}; you may leave this page."), icon=":material/hourglass_top:")


def _active(run: Path) -> bool:
    return run.is_dir() and jobs.read(run).active
