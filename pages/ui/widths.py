"""How wide things are in the visitor's browser: the page, as the browser tells it, and the columns of it."""

import contextlib
from collections.abc import Sequence
from contextvars import ContextVar
from types import TracebackType
from typing import Any

import streamlit as st

GAP = 16
"""Pixels between columns."""

WIDEST = 20_000
"""Pixels that no page is wide: whoever tells more, or no number, is not believed."""

MEASURE = """
const QUIET = 1000;
let told = null, waiting = null, observer = null, touched = -QUIET;
const touch = () => { touched = performance.now(); };
for (const kind of ["pointerdown", "pointerup", "keydown"]) window.addEventListener(kind, touch, true);
// a message between a click on another page and the server's answer would call the old page back
const atRest = () => performance.now() - touched > QUIET
  && document.querySelector('[data-testid="stApp"][data-test-script-state="notRunning"]');
export default function ({ setStateValue }) {
  const page = document.querySelector('[data-testid="stMainBlockContainer"]');
  if (!page) return;
  const scrolled = page.closest('[data-testid="stMain"]');
  if (scrolled) scrolled.style.scrollbarGutter = "stable"; // long and short pages are equally wide
  const tell = () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => {
      if (!atRest()) return tell();
      const style = getComputedStyle(page);
      const width = Math.floor(page.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight));
      if (width > 0 && width !== told) setStateValue("width", (told = width));
    }, 250);
  };
  observer?.disconnect();
  observer = new ResizeObserver(tell);
  observer.observe(page);
}
"""
"""Tells the server how wide the page is, once it and the visitor are at rest, and again when the window has changed."""

_measure = st.components.v2.component("scenarist_width", js=MEASURE)
_share: ContextVar[float | None] = ContextVar("share", default=None)


class Column:
    """A column that knows its width; everything else is Streamlit's."""

    def __init__(self, inside: Any, width: float | None) -> None:
        self._inside, self._width, self._open = inside, width, contextlib.ExitStack()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inside, name)

    def __enter__(self) -> Any:
        token = _share.set(self._width)
        self._open.callback(_share.reset, token)
        return self._open.enter_context(self._inside)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._open.__exit__(kind, error, at)


def measure() -> None:
    """Ask the browser for the width of the page; called once in each run, before the page."""
    _measure(key="viewport", on_width_change=lambda: None)


def columns(spec: int | Sequence[float], **options: Any) -> list[Column]:
    """Streamlit's columns, in which plots know their width: its share less one gap, and the last gap shared by all."""
    weights = [1.0] * spec if isinstance(spec, int) else list(spec)
    whole, total = here(), sum(weights)
    widths = [None if whole is None else whole * w / total - GAP + GAP / len(weights) for w in weights]
    return [Column(inside, width) for inside, width in zip(st.columns(spec, **options), widths, strict=True)]


def here() -> float | None:
    """Pixels that a plot will have here; None until the browser has told."""
    share = _share.get()
    if share is not None:
        return share
    told = (st.session_state.get("viewport") or {}).get("width")
    return float(told) if isinstance(told, (int, float)) and 0 < told < WIDEST else None
