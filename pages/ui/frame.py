"""The frame of every page: title, question, what is active, errors in one sentence, the method expander."""

import contextlib
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

import plotly.graph_objects as go
import streamlit as st

from engine.datasets import Loaded
from engine.errors import ScenaristError
from engine.market.surface_history import SurfaceHistory
from engine.workspace import PROJECT
from pages.ui import address, glossary, pictures

ORIGIN = {"built-in": "built-in data", "upload": "uploaded data", "local": "local file", "file": "local file"}


@dataclass
class Session:
    """What one visitor has chosen, beyond what widgets remember; typed, so that pages share names."""

    active_run: str | None = None  # the generator chosen: directory of a checkpoint, or name of one fitted on the spot
    runs_started: list[str] = field(default_factory=list)
    chosen_on: str = ""  # fingerprint of the data it was chosen on; empty if for all


def session() -> Session:
    """The visitor's session."""
    state: Session = st.session_state.setdefault("scenarist", Session())
    return state


def header(title: str, question: str) -> None:
    """Title and the one sentence that the page answers."""
    st.title(title, anchor=False)
    st.markdown(question)


def strip(loaded: Loaded | None = None, run: str | None = None) -> None:
    """One line: the active dataset with its dates and fingerprint, and the active run; below, what is doubtful."""
    parts = []
    if loaded is not None:
        first, last = loaded.data.period
        parts.append(f"Data: {loaded.label} · {first} to {last} · fingerprint {loaded.data.fingerprint}")
    if run is not None:
        parts.append(f"Model: {run}")
    if parts:
        st.text(" · ".join(parts))
    if loaded is not None and loaded.doubts:
        st.warning("  \n".join(plain(doubt[0].upper() + doubt[1:]) for doubt in loaded.doubts), icon=":material/rule:")


def say(text: str) -> None:
    """A paragraph, its text shown as it is."""
    st.markdown(plain(text))


def caption(text: str) -> None:
    """A line in small type, its text shown as it is."""
    st.caption(plain(text))


def note(text: str, icon: str = ":material/info:") -> None:
    """A box with what is good to know, its text shown as it is."""
    st.info(plain(text), icon=icon)


def provenance(*facts: str) -> None:
    """The line under a headline: sample size, effective sample size, in or out of sample, origin of the data."""
    caption(" · ".join(fact for fact in facts if fact))


def origin_words(loaded: Loaded) -> str:
    """Whether the data are built-in, simulated or uploaded."""
    if loaded.origin == "built-in" and isinstance(loaded.data, SurfaceHistory):
        return "simulated market, built in"
    return ORIGIN[loaded.origin]


def plain(text: str) -> str:
    """Text that Markdown shows as it is: every special character escaped, no line breaks."""
    escaped = "".join(f"\\{c}" if c in r"\`*_{}[]()#+-.!|<>~$:^=&@/" else c for c in text)
    return " ".join(escaped.split())


@contextlib.contextmanager
def errors(what_next: str = "") -> Iterator[None]:
    """Show an expected error as its one sentence (and what to do next) and stop the page there."""
    try:
        yield
    except ScenaristError as error:
        problem(str(error), what_next)
        st.stop()


def problem(sentence: str, what_next: str = "") -> None:
    """One sentence in a red box, safely."""
    st.error(plain(sentence) + (f"  \n{what_next}" if what_next else ""), icon=":material/error:")


def metrics(items: Sequence[tuple[str, str, str | None, str]]) -> None:
    """A row of (label, value, comparison, help): the answer in words and units before any picture."""
    for column, (label, value, comparison, help) in zip(st.columns(len(items)), items, strict=True):
        column.metric(
            label, value, comparison, delta_color="off", delta_arrow="off", help=_linked(label, help), border=True
        )


def _linked(label: str, help: str) -> str:
    """The help of a figure with the terms of its label linked to the glossary."""
    links = glossary.links(label)
    return f"{help}  \nGlossary: {links}" if links else help


def chart(figure: go.Figure, *, key: str, **options: Any) -> None:
    """A plotly figure over the full width for the visitor's theme, with its alternative text."""
    pictures.chart(figure, key=key, dark=is_dark(), **options)


def picture(
    draw: Callable[..., go.Figure], *shown: Any, key: str, where: AbstractContextManager[Any] | None = None, **more: Any
) -> go.Figure:
    """Show what a function of :mod:`engine.charts` draws, for the visitor's theme if it knows one; kept, as all are.

    Args:
        draw: the function.
        shown, more: its arguments.
        key: of the chart on the page.
        where: a column to show it in.

    Returns:
        The figure, for downloads.
    """
    if "dark" in inspect.signature(draw).parameters:
        more["dark"] = is_dark()
    figure = pictures.of(draw, *shown, **more)
    with where if where is not None else contextlib.nullcontext():
        chart(figure, key=key)
    return figure


def tabs(drawn: Mapping[str, Callable[..., Any]], *shown: Any, key: str, what_next: str = "") -> str:
    """Tabs by name, of which only the open one is drawn, from what is shown; an expected error is said in its tab.

    Returns:
        The name of the open one.
    """
    opened = ""
    address.choice("tab", drawn, key, "tab")
    held = st.session_state.get(key) or st.session_state.get(f"{key}_open")  # a page that is left loses its widgets
    if held in drawn:
        st.session_state[key] = held
    for tab, (name, draw) in zip(st.tabs(list(drawn), key=key, on_change="rerun"), drawn.items(), strict=True):
        if tab.open:
            opened = st.session_state[f"{key}_open"] = name
            address.shown("tab", address.slug(name))
            with tab, errors(what_next):
                draw(*shown)
    return opened


def method(body: str) -> None:
    """The expander with the equations, their source, what the knobs do and what can go wrong."""
    unfolded = st.expander("Method", icon=":material/functions:", key="method", on_change="rerun")
    if unfolded.open:  # equations take the browser 100 ms, seen or not
        unfolded.markdown(body)
    links = glossary.links(body)
    if links:
        st.caption(f"Words of this page: {links}")


def prose(name: str) -> str:
    """The text of a Markdown file below ``pages/``: ``surfaces/arbitrage_page/method``."""
    return (PROJECT / "pages" / f"{name}.md").read_text(encoding="utf-8")


def parts(name: str) -> dict[str, str]:
    """The parts of such a text by the ``# heading`` that each stands under."""
    found = (part.partition("\n") for part in f"\n{prose(name)}".split("\n# ")[1:])
    return {heading: text for heading, _, text in found}


def command(code: str, language: str | None = "python") -> None:
    """The expander with the few lines of Python, or of a shell, that give the page's figures again."""
    unfolded = st.expander("The command that does this", icon=":material/terminal:", key="command", on_change="rerun")
    if unfolded.open:
        unfolded.code(code, language=language, wrap_lines=language is None)


def page_path(name: str) -> str:
    """The script of a page, for links: ``generators/next_day``."""
    return str(PROJECT / "pages" / f"{name}.py")


def is_dark() -> bool:
    """Whether the visitor's theme is dark."""
    return st.context.theme.type == "dark"
