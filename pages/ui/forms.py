"""A form from a configuration class: labels, ranges, units and help come from its fields."""

import functools
from collections.abc import Collection, Iterable
from typing import Any

import streamlit as st

from engine import settings
from pages.ui import wording


class Remembered:
    """Streamlit's widgets, in a column or the sidebar if given, whose values outlast a visit to another page."""

    def __init__(self, inside: Any = st) -> None:
        self._inside = inside

    def __getattr__(self, name: str) -> Any:
        return functools.partial(getattr(self._inside, name), persist_state="session")


remembered = Remembered()


def config_fields(config_type: type, *, key: str, leave_out: Collection[str] = ()) -> dict[str, Any]:
    """Draw one widget a setting (advanced ones in an expander) and return the values entered.

    Check them with :func:`engine.settings.from_dict`, which names what is out of range. Settings left out are asked for
    elsewhere on the page.
    """
    described = [info for info in settings.describe(config_type) if info.name not in leave_out]
    values = {info.name: _widget(info, key) for info in described if not info.advanced}
    advanced = [info for info in described if info.advanced]
    if advanced:
        with st.expander("More settings"):
            values |= {info.name: _widget(info, key) for info in advanced}
    return values


def section(names: Iterable[str], *, key: str) -> str:
    """Which of several parts of a tab is shown, the first one at first; only that one is drawn."""
    return str(segments("Section", names, key=key, label_visibility="collapsed"))


def segments(label: str, options: Iterable[Any], *, key: str, where: Any = st, default: Any = None, **more: Any) -> Any:
    """One of a few options side by side, the first one at first if no other is given; remembered for the session."""
    listed = list(options)
    first = listed[0] if default is None else default
    return where.segmented_control(
        label, listed, default=first, required=True, key=key, persist_state="session", **more
    )


def seed(*, key: str, help: str, first: int = 1, where: Any = st) -> int:
    """A seed of pseudo-random numbers."""
    return int(where.number_input("Seed", 0, 2**31 - 1, first, key=key, persist_state="session", help=help))


def _widget(info: settings.SettingInfo, key: str) -> Any:
    label = f"{info.label} ({info.unit})" if info.unit else info.label
    common: dict[str, Any] = {"help": info.help, "key": f"{key}_{info.name}", "persist_state": "session"}
    if info.choices is not None:
        first = info.choices.index(str(info.default))
        return st.selectbox(label, info.choices, index=first, format_func=wording.choice, **common)
    if info.kind is bool:
        return st.toggle(label, bool(info.default), **common)
    if info.kind is int:
        low = None if info.low is None else int(info.low)
        high = None if info.high is None else int(info.high)
        return st.number_input(label, low, high, int(info.default), **common)
    if info.kind is float:
        default = float(info.default)
        digits = "%.2e" if 0 < abs(default) < 1e-3 else "%.6g"
        return st.number_input(label, info.low, info.high, default, format=digits, step=default / 10 or 0.1, **common)
    return st.text_input(label, str(info.default), **common)
