"""Surfaces and volatility indices of quotes."""

import numpy as np
import streamlit as st

from engine import datasets
from engine.errors import MarketDataError
from engine.market.grid import Grid
from engine.market.quotes import OptionQuotes
from engine.surfaces import smoothing, vix


@st.cache_resource(max_entries=24, show_spinner="Building the surface …")
def _quote_surface(
    id: str,
    version: str,
    grid: Grid,
    bandwidth: tuple[float, float] | None,
    method: str,
    day: np.datetime64,
    previous: np.datetime64 | None,
    rates: smoothing.RateSource,
    keep_untraded: bool,
    _quotes: OptionQuotes,
) -> smoothing.Construction:
    return smoothing.surface_from_quotes(
        _quotes, grid, bandwidth, method, day=day, previous=previous, rates=rates, keep_untraded=keep_untraded
    )


def quote_surface(
    loaded: datasets.Loaded,
    grid: Grid,
    bandwidth: tuple[float, float] | None,
    method: str,
    *,
    day: np.datetime64,
    previous: np.datetime64 | None,
    rates: smoothing.RateSource,
    keep_untraded: bool,
) -> smoothing.Construction:
    """The surface of one day of quotes.

    Raises:
        MarketDataError: if the day cannot carry one.
    """
    entry = loaded.entry
    return _quote_surface(
        entry.id, entry.version, grid, bandwidth, method, day, previous, rates, keep_untraded, loaded.data
    )


@st.cache_resource(max_entries=24, show_spinner="Adding up the VIX …")
def _quoted_vix(id: str, version: str, day: np.datetime64, _quotes: OptionQuotes) -> vix.QuotedVix | str:
    try:
        return vix.from_quotes(_quotes, day=day)
    except MarketDataError as error:
        return str(error)


def quoted_vix(loaded: datasets.Loaded, day: np.datetime64) -> vix.QuotedVix | str:
    """VIX of one day of quotes, or the sentence that says why there is none."""
    return _quoted_vix(loaded.entry.id, loaded.entry.version, day, loaded.data)
