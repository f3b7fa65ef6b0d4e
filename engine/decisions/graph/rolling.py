"""Graphs that learn as they go, and bets that know what trading costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine.decisions import forecasting
from engine.decisions.forecasting import NoTrade
from engine.decisions.graph import weighting as graph
from engine.errors import MarketDataError
from engine.market.grid import Floats
from engine.market.surface_history import Dates

BANDS = (0.0, 0.05, 0.1, 0.2, 0.3, 0.5)
"""No-trade bands compared, shares of the notional."""


@dataclass(frozen=True, eq=False)
class RollingGraph:
    """A graph for each month, and the bets made with it.

    Args:
        first: ``(months,)`` position of each month's first time.
        weights: ``(months, assets, generators)`` learned from what lies before that position only.
        bets: ``(assets, times)`` from the first position on.
    """

    first: NDArray[np.intp]
    weights: Floats
    bets: Floats


def rolling(
    method: str,
    signs: ArrayLike,
    returns: ArrayLike,
    date: Dates,
    start: int,
    *,
    eta: float | None = None,
    memory: int | None = None,
    **options: Any,
) -> RollingGraph:
    """Weights learned anew at the start of each calendar month from all times before it.

    Args:
        method: as in :func:`engine.decisions.graph.weighting.weights`.
        signs: ``(assets, generators, times)``.
        returns: ``(assets, times)``.
        date: ``(times,)`` days, never falling.
        start: position of the first bet; everything before it is there to learn from.
        eta: hyperparameter; None searches it anew each month, on the past.
        memory: learn from the last so many times only; all if None.
        options: ``own``, ``allowed``, ``positive``, ``l1_share`` of the weights.

    Raises:
        MarketDataError: if there is nothing before the start, or nothing after it.
    """
    s, x = np.asarray(signs), np.asarray(returns, dtype=np.float64)
    days = np.asarray(date, dtype="datetime64[D]")
    if not 2 <= start < len(days) or days.shape != x.shape[1:]:
        raise MarketDataError(
            f"expected a start between 2 and {len(days) - 1} with a date for each time; found {start}"
        )
    month = days.astype("datetime64[M]")
    first = np.array([t for t in range(start, len(days)) if t == start or month[t] != month[t - 1]], dtype=np.intp)
    ends = [*first[1:], len(days)]
    learned, placed = [], []
    for begin, end in zip(first, ends, strict=True):
        past = slice(0 if memory is None else max(0, begin - memory), begin)
        w = graph.weights(method, s[..., past], x[:, past], eta, date=days[past], **options)
        learned.append(w)
        placed.append(graph.bets(w, s[..., begin:end]))
    return RollingGraph(first, np.stack(learned), np.concatenate(placed, axis=1))


def least_costly(
    bets: ArrayLike, returns: ArrayLike, cost: float, date: Dates | None = None, bands: Sequence[float] = BANDS
) -> tuple[NoTrade, Floats]:
    """The no-trade band with the best portfolio Sharpe ratio after costs, on the data it is given.

    Args:
        bets: ``(assets, times)``.
        returns: ``(assets, times)``.
        cost: basis points of what is traded, one way.
        date: ``(times,)`` days; None: each time is a day.
        bands: candidates.

    Returns:
        The rule, and ``(bands,)`` the ratio that each reached (NaN where nothing was traded).
    """
    reached = []
    for band in bands:
        net = forecasting.net_pnl(NoTrade(band=band).positions(bets), returns, cost)
        by_day = net if date is None else forecasting.daily(net, date)[1]
        reached.append(float(forecasting.sharpe_ratio(forecasting.portfolio(by_day))))
    best = int(np.argmax(np.nan_to_num(reached, nan=-np.inf)))
    return NoTrade(band=bands[best]), np.array(reached)
