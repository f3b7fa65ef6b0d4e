"""Further settings of the hedging page: bounds on the hedge, market impact, and what the underlying costs to trade."""

from typing import NamedTuple

import streamlit as st

from engine.decisions.hedging import HedgeLimits
from pages.ui import frame


class Advanced(NamedTuple):
    """What the section asks.

    Args:
        limits: bounds on the data-driven hedge; None without any.
        impact: weight of the price impact of trades relative to their costs.
        exponent: power of a trade to which its price impact is proportional.
        underlying: half-spread of the underlying, basis points.
    """

    limits: HedgeLimits | None
    impact: float
    exponent: float
    underlying: float


FREE = {
    "hedge_most_position": None,
    "hedge_most_delta": None,
    "hedge_most_vega": None,
    "hedge_impact": 0.0,
    "hedge_exponent": 1.0,
    "hedge_underlying": 0.0,
}
"""The fields and what they hold at first: nothing bounded, no impact, a free underlying."""

IN_FORCE = {
    "hedge_most_position": "position at most {} units",
    "hedge_most_delta": "net delta at most {}",
    "hedge_most_vega": "net vega at most {}",
    "hedge_impact": "market impact {} × costs",
    "hedge_exponent": "its exponent {}",
    "hedge_underlying": "underlying {} bp",
}
"""What a field that was set says while the section is closed."""


def ask() -> Advanced:
    """The section in the sidebar, closed at first; its fields are drawn when it is open, and hold when it is not."""
    with st.sidebar.expander(
        "Limits and market impact", icon=":material/tune:", key="hedge_advanced", on_change="rerun"
    ) as section:
        if section.open:
            _fields()
    asked = {key: st.session_state.get(key, value) for key, value in FREE.items()}
    in_force = [words.format(f"{asked[key]:.4g}") for key, words in IN_FORCE.items() if asked[key] != FREE[key]]
    if in_force and not section.open:
        st.sidebar.caption(frame.plain(f"In force: {', '.join(in_force)}."))
    position, delta, vega, impact, exponent, underlying = asked.values()
    limits = HedgeLimits(_float(position), _float(delta), None if vega is None else 100 * float(vega))
    return Advanced(limits if limits != HedgeLimits() else None, float(impact), float(exponent), float(underlying))


def _fields() -> None:
    st.caption(
        "Of the data-driven hedge; delta and delta–vega know neither. A limit on vega is open on days on which no "
        "option is worth trading. Empty fields bound nothing."
    )
    _bound("Largest position in an option (units)", "position", "Bought or sold.")
    _bound("Largest net delta (units)", "delta", "Of the portfolio less its hedge, in units of the underlying.")
    _bound("Largest net vega (per vol point)", "vega", "Of the portfolio less its hedge, in units of spot a vol point.")
    _number(
        "Market impact, times costs",
        "impact",
        (0.0, 100.0, 0.01),
        "λ of (4.23) in units of the costs: large trades move the price against the hedger. 0: none.",
    )
    _number(
        "Its exponent",
        "exponent",
        (0.1, 1.0, 0.1),
        "The price moves in proportion to this power of the trade (4.21); 1: a squared penalty.",
    )
    _number("Half-spread of the underlying (bp)", "underlying", (0.0, 100.0, 0.1), "Published: free.")


def _bound(label: str, name: str, help: str) -> None:
    st.number_input(
        label,
        0.0,
        None,
        None,
        format="%.4g",
        placeholder="none",
        key=f"hedge_most_{name}",
        persist_state="session",
        help=help,
    )


def _number(label: str, name: str, ends: tuple[float, float, float], help: str) -> None:
    """A field between two ends, with its step."""
    key = f"hedge_{name}"
    low, high, step = ends
    st.number_input(label, low, high, FREE[key], step=step, format="%.4g", key=key, persist_state="session", help=help)


def _float(value: float | None) -> float | None:
    return None if value is None else float(value)
