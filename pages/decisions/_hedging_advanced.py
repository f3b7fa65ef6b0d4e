"""Further settings of the hedging page: bounds on the hedge, market impact, and what the underlying costs to trade."""

from typing import NamedTuple

import streamlit as st

from engine.decisions.hedging import HedgeLimits


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


def ask() -> Advanced:
    """The section, closed at first; empty fields bound nothing."""
    with st.expander("Limits and market impact", icon=":material/tune:"):
        st.caption(
            "Of the data-driven hedge; delta and delta–vega know neither. A limit on vega is open on days on which no "
            "option is worth trading."
        )
        position = _bound("Largest position in an option (units)", "position", "Bought or sold.")
        delta = _bound(
            "Largest net delta (units)", "delta", "Of the portfolio less its hedge, in units of the underlying."
        )
        vega = _bound(
            "Largest net vega (per vol point)", "vega", "Of the portfolio less its hedge, in units of spot a vol point."
        )
        impact = st.number_input(
            "Market impact, times costs",
            0.0,
            100.0,
            0.0,
            step=0.01,
            format="%.4g",
            key="hedge_impact",
            persist_state="session",
            help="λ of (4.23) in units of the costs: large trades move the price against the hedger. 0: none.",
        )
        exponent = st.number_input(
            "Its exponent",
            0.1,
            1.0,
            1.0,
            step=0.1,
            key="hedge_exponent",
            persist_state="session",
            help="The price moves in proportion to this power of the trade (4.21); 1: a squared penalty.",
        )
        underlying = st.number_input(
            "Half-spread of the underlying (bp)",
            0.0,
            100.0,
            0.0,
            step=0.1,
            key="hedge_underlying",
            persist_state="session",
            help="Published: free.",
        )
    limits = HedgeLimits(position, delta, None if vega is None else 100 * vega)
    return Advanced(limits if limits != HedgeLimits() else None, float(impact), float(exponent), float(underlying))


def _bound(label: str, name: str, help: str) -> float | None:
    value = st.number_input(
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
    return None if value is None else float(value)
