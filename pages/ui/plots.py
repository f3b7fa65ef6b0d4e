"""Plots as the browser gets them: dressed for its theme, at the width they will have, and so drawn there once.

Streamlit's plot draws as soon as it is there and again when it knows its width and theme. The second drawing costs
nothing if it changes nothing: the width is the one measured in this browser, the look is in the figure and in no
template, and numbers travel as plain lists under one ``datarevision``, so that plotly.js need not take them for new.
"""

import contextlib
import hashlib
from collections.abc import Sequence
from contextvars import ContextVar
from types import TracebackType
from typing import Any, Literal

import numpy as np
import orjson
import plotly.graph_objects as go
import streamlit as st

from engine.charts import look, theme

MOST = 256
"""Dressed figures kept for all visitors together."""

GAP = 16
"""Pixels between columns."""

CONFIG = {"displaylogo": False}

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
    whole, total = _width(), sum(weights)
    widths = [None if whole is None else whole * w / total - GAP + GAP / len(weights) for w in weights]
    return [Column(inside, width) for inside, width in zip(st.columns(spec, **options), widths, strict=True)]


def chart(
    figure: go.Figure, *, key: str, dark: bool, height: int | Literal["content"] = "content", **options: Any
) -> None:
    """A plotly figure over the full width, with its alternative text."""
    revision = figure.layout.datarevision
    spec = _spec(figure, dark) if revision is None else _kept(revision, dark, figure)
    size = {"height": height} if isinstance(height, int) else {}
    width = _width()
    if width is not None:
        size["width"] = round(width)
    shown = _Sent({"data": spec["data"], "layout": spec["layout"] | size})
    alt = theme.alt_text(figure)
    st.plotly_chart(shown, theme=None, key=key, height=height, alt=alt, **{"config": CONFIG, **options})


def _width() -> float | None:
    """Pixels that a plot will have here; None until the browser has told."""
    share = _share.get()
    if share is not None:
        return share
    known = st.session_state.get("viewport") or {}
    return known.get("width")


class _Sent(go.Figure):
    """A figure whose JSON is already made: plotly would check and copy all of it again."""

    def __init__(self, spec: dict[str, Any]) -> None:
        super().__init__()
        self._spec = spec

    def to_dict(self) -> dict[str, Any]:
        return self._spec


@st.cache_resource(max_entries=MOST, show_spinner=False)
def _kept(revision: str, dark: bool, _figure: go.Figure) -> dict[str, Any]:
    return _spec(_figure, dark)


def _spec(figure: go.Figure, dark: bool) -> dict[str, Any]:
    """What plotly.js reads, without the alternative text, which has its own place on the page."""
    spec = look.dressed(figure, dark)
    spec["layout"].pop("meta", None)
    spec["data"] = [_plain(trace) for trace in spec["data"]]
    if "datarevision" not in spec["layout"]:
        spec["layout"]["datarevision"] = _digest(spec)
    return spec


def _plain(value: Any) -> Any:
    """Arrays of numbers as nested lists, each number with the digits that its type has; null where there is none."""
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, np.ndarray) and value.dtype.kind in "iuf":
        return orjson.loads(orjson.dumps(np.ascontiguousarray(value), option=orjson.OPT_SERIALIZE_NUMPY))
    return value


def _digest(spec: dict[str, Any]) -> str:
    text = orjson.dumps(spec, default=str, option=orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS)
    return hashlib.blake2b(text, digest_size=16).hexdigest()
