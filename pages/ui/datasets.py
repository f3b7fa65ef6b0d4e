"""The dataset picker: the same widget on every page, remembering its choice for the session and in the address.

What is uploaded is what is shown: until another is chosen, the last upload of a kind is the dataset of that kind.
"""

import contextlib
import datetime
from collections.abc import Mapping
from typing import Any

import numpy as np
import streamlit as st

from engine import datasets
from engine.errors import ScenaristError
from engine.market.surface_history import Dates, SurfaceHistory
from pages.ui import address, cache, forms, frame

LAST, STRESSED, CALM, OTHER = "Last day", "Most stressed day", "Calmest day", "Choose a date"

DAYS = "days_chosen"
"""Session-state key of fingerprint → the day chosen of these data, on whichever page."""


def active(kind: datasets.Kind) -> datasets.Entry | None:
    """The dataset that pages of a kind show: that of the address, the one chosen, the last upload, a built-in one."""
    entries = {entry.id: entry for entry in datasets.catalogue(kind)}
    value = address.asked("data")
    if value in entries:
        st.session_state[key(kind)] = value
    elif value is not None:
        other = next((entry for entry in datasets.catalogue() if entry.id == value), None)
        of = f"holds {other.kind}, not {kind}" if other is not None else "is not here: it may have been deleted"
        address.missing("data", f"The dataset that the link asks for {of}. Another is shown.")
    chosen = entries.get(str(st.session_state.get(key(kind))))
    if chosen is None:
        st.session_state.pop(key(kind), None)
        uploads = [entry for entry in entries.values() if entry.origin == "upload"]
        chosen = next(iter([*uploads, *entries.values()]), None)
    return chosen


def open_now() -> list[datasets.Loaded]:
    """The data that pages show now, of each kind that studies and generators read; none that cannot be read."""
    found = []
    for entry in (active("surfaces"), active("prices")):
        if entry is not None:
            with contextlib.suppress(ScenaristError):
                found.append(cache.dataset(entry))
    return found


def asked_kind(key: str) -> None:
    """Set the widget known by ``key`` to the kind of the dataset that the address asks for, if it asks for one."""
    value = address.asked("data")
    found = next((entry for entry in datasets.catalogue() if entry.id == value), None) if value else None
    if found is not None:
        st.session_state[key] = found.kind


def pick(kind: datasets.Kind) -> datasets.Loaded:
    """The dataset chosen in the sidebar; the first visit gets :func:`active`.

    If there is none of this kind, or it cannot be read, the page shows that and stops.
    """
    chosen = active(kind)
    entries = {entry.id: entry for entry in datasets.catalogue(kind)}
    if chosen is not None:
        st.session_state[key(kind)] = chosen.id
    id = forms.Remembered(st.sidebar).selectbox(
        "Dataset",
        list(entries),
        format_func=lambda id: entries[id].label,
        key=key(kind),
        help="Built-in data, your uploads, and the files of the local data folder. Add your own under Market data.",
    )
    if id is None:
        st.info(f"This page needs {kind}. Add a file under Market data.", icon=":material/database:")
        st.page_link(frame.page_path("data/market_data"), label="Go to Market data", icon=":material/upload:")
        st.stop()
    with frame.errors("Choose another dataset in the sidebar, or upload the file again under Market data."):
        loaded = cache.dataset(entries[id])
        show(loaded.entry)
        return loaded
    raise AssertionError  # the block above returns or stops the page


def show(entry: datasets.Entry) -> None:
    """Say in the address and in the title of the tab which data are shown."""
    address.shown("data", entry.id)
    address.titled(entry.label)


def day(
    history: SurfaceHistory,
    first: int,
    *,
    key: str,
    help: str,
    options: tuple[str, ...] = (LAST, STRESSED, CALM, OTHER),
) -> int:
    """The row of a day from the sidebar: the last one, a marked one, or any; chosen here, it is chosen on every page.

    Args:
        history: the surfaces.
        first: row that can be chosen.
        key: of the widget.
        help: of the widget.
        options: offered.
    """
    atm, last, date_key = history.atm()[first:-1], len(history) - 1, f"{key}_date_{history.fingerprint}"
    marked = {LAST: last}
    if len(atm):
        marked |= {STRESSED: first + int(atm.argmax()), CALM: first + int(atm.argmin())}

    def row_of(which: str) -> int:
        held = st.session_state.get(date_key)
        if which == OTHER and isinstance(held, datetime.date):
            return _row_at(history.dates, held, first)
        return marked.get(which, last)

    def chosen() -> None:
        choose_day(history, row_of(st.session_state[key]))

    wanted = _chosen_row(history, first, last)
    held = str(st.session_state.get(key, LAST))
    if wanted is not None and (held not in options or row_of(held) != wanted):
        st.session_state[key] = next((name for name in options if marked.get(name) == wanted), OTHER)
        st.session_state[date_key] = _date(history.dates[wanted])
    where = forms.Remembered(st.sidebar)
    which = str(where.selectbox("Day", options, key=key, help=help, on_change=chosen))
    if which == OTHER:
        word = "A day without data stands for the last trading day before it."
        _date_input(history.dates, last if wanted is None else wanted, first, "Date", date_key, word, on_change=chosen)
    row = row_of(which)
    address.shown("day", str(history.dates[row]))
    return row


def date(history: SurfaceHistory, row: int, *, key: str, help: str, first: int = 0) -> int:
    """The row of a day from the sidebar, ``row`` until one is chosen; chosen here, it is chosen on every page."""

    def chosen() -> None:
        choose_day(history, _row_at(history.dates, st.session_state[key], first))

    wanted = _chosen_row(history, first, row)
    if wanted is not None and _row_at(history.dates, st.session_state.get(key), first) != wanted:
        st.session_state[key] = _date(history.dates[wanted])
    picked = _date_input(history.dates, row, first, "Day", key, help, on_change=chosen)
    found = row if picked is None else _row_at(history.dates, picked, first)
    address.shown("day", str(history.dates[found]))
    return found


def day_row(dates: Dates, row: int, *, key: str, help: str | None = None, first: int = 0, label: str = "Day") -> int:
    """The row of the day chosen in the sidebar, ``row`` at first; a day without data stands for the last one before it.

    A list of all days would be 75 kB in every answer of the server.
    """
    picked = _date_input(dates, row, first, label, key, help)
    return row if picked is None else _row_at(dates, picked, first)


def chosen_row(history: SurfaceHistory, first: int, own: int) -> int:
    """The row of the day chosen of these data, ``own`` until one is; said in the address. No widget."""
    wanted = _chosen_row(history, first, own)
    row = own if wanted is None else wanted
    address.shown("day", str(history.dates[row]))
    return row


def choose_day(history: SurfaceHistory, row: int | None) -> None:
    """Make a day the chosen one of its data on every page; None for each page's own."""
    days: dict[str, str] = st.session_state.setdefault(DAYS, {})
    if row is None:
        days.pop(history.fingerprint, None)
    else:
        days[history.fingerprint] = str(history.dates[row])


def _chosen_row(history: SurfaceHistory, first: int, own: int) -> int | None:
    """The row of the day that the address asks for or that was chosen of these data; None: each page shows its own."""
    days: dict[str, str] = st.session_state.setdefault(DAYS, {})
    value = address.asked("day")
    if value is not None:
        found = np.flatnonzero(history.dates.astype(str) == value)
        if len(found) == 0 or found[0] < first:
            word = value if len(value) == 10 and value.replace("-", "").isdigit() else "a day"
            address.missing("day", f"The link asks for {word}, which cannot be chosen of these data; another is shown.")
        elif found[0] != own or history.fingerprint in days:
            choose_day(history, int(found[0]))
    held = days.get(history.fingerprint)
    return None if held is None else max(first, _row_at(history.dates, datetime.date.fromisoformat(held), first))


def _date_input(dates: Dates, row: int, first: int, label: str, key: str, help: str | None, **more: Any) -> Any:
    least, last, shown = (_date(dates[k]) for k in (first, -1, row))
    value = None if key in st.session_state else shown
    return forms.Remembered(st.sidebar).date_input(label, value, least, last, key=key, required=True, help=help, **more)


def _row_at(dates: Dates, day: Any, first: int) -> int:
    """The row of a day, or of the last one before it; the last row of all for what is no day."""
    if not isinstance(day, datetime.date):
        return len(dates) - 1
    return max(first, int(np.searchsorted(dates, np.datetime64(day), side="right")) - 1)


def _date(day: np.datetime64) -> datetime.date:
    return datetime.date.fromisoformat(str(day))


def choose(entry: datasets.Entry) -> None:
    """Make a dataset the active one everywhere (call before its picker is drawn)."""
    st.session_state[key(entry.kind)] = entry.id


def key(kind: datasets.Kind) -> str:
    """Session-state key of a kind's picker."""
    return f"{kind}_dataset"


def same(about: Mapping[str, Any], loaded: datasets.Loaded) -> bool:
    """Whether a result is of these data, by what its card or settings say of them."""
    facts = {name: str(about.get(name, "")) for name in ("origin", "name", "ref")}
    return loaded.is_that(fingerprint=str(about.get("digest", "")), **facts)
