"""Splits and dividends that were left in prices, or taken out of one column and not of the other.

A split of n:1 divides a price by n overnight while nothing else happens; an adjusted close beside an open that is not
adjusted makes every night a gain and every day a loss. Both are found in the numbers alone.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from engine.market.grid import Floats

SPLIT_RATIOS = (3 / 2, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 10.0, 12.0, 15.0, 20.0, 25.0, 30.0, 40.0, 50.0, 100.0)
"""New shares for one old share, as splits are usually done; n:1 raises the count, 1:n is a reverse split."""

SPLIT_TOLERANCE = 0.04
"""In log-returns: a move of the share itself comes on top of the split."""

LARGE_FALL, LARGE_RISE = math.log(0.7), math.log(1.3)
"""A daily return beyond ±30 % is questioned (log-returns)."""

BLOCK = 42
"""Days over which opens are held against closes."""

LEAST_BLOCK = 10
"""Days below which a block says nothing."""

MISMATCH = 0.0075
"""Median gain of the nights of a block, lost again by day, from which open and close are not of one kind."""


def nearest_split(log_return: float) -> float | None:
    """The usual split that explains a move: 4 for 4:1 (the price falls to a quarter), 1/4 for 1:4; None if none does.

    Args:
        log_return: of the price over the step, less the market's.
    """
    ratio = min(SPLIT_RATIOS, key=lambda n: abs(abs(log_return) - math.log(n)))
    if abs(abs(log_return) - math.log(ratio)) > SPLIT_TOLERANCE:
        return None
    return ratio if log_return < 0 else 1 / ratio


def is_large(log_return: Floats) -> NDArray[np.bool_]:
    """Which log-returns are beyond ±30 %; NaN is not."""
    large: NDArray[np.bool_] = (log_return < LARGE_FALL) | (log_return > LARGE_RISE)
    return large


def split_words(ratio: float) -> str:
    """``4:1``, ``3:2`` or ``1:10``."""
    if ratio < 1:
        return ":".join(reversed(split_words(1 / ratio).split(":")))
    return f"{ratio:g}:1" if float(ratio).is_integer() else f"{2 * ratio:g}:2"


def large_moves(price: Floats) -> NDArray[np.intp]:
    """Rows whose price is more than 30 % above or below the last one known before.

    Args:
        price: ``(n,)``; NaN where there is none.
    """
    known = np.flatnonzero(~np.isnan(price))
    move = np.diff(np.log(price[known]))
    rows: NDArray[np.intp] = known[1:][is_large(move)]
    return rows


def adjusted(price: Floats, splits: dict[int, float]) -> Floats:
    """Prices before each split divided by its ratio, so that the whole series is in shares of the last day.

    Args:
        price: ``(n,)``.
        splits: first row after the split → ratio, as :func:`nearest_split` gives it.
    """
    result = price.copy()
    for row, ratio in splits.items():
        result[:row] /= ratio
    return result


def opens_of_another_kind(opens: Floats, closes: Floats) -> tuple[int, float, float] | None:
    """Where the opens cannot belong to the closes: the first such block, with its median night and day.

    With a close adjusted by f and a raw open, log(close/open) holds log f and the night after −log f: over a block of
    42 days the medians of both are then far from zero, of opposite sign, and beyond four standard errors
    (1.2533 s/√n, s from the median absolute deviation).

    Args:
        opens, closes: ``(n,)``; NaN where there is none.

    Returns:
        Row, median night and median day as log-returns; None if open and close fit.
    """
    known = np.flatnonzero(~np.isnan(opens) & ~np.isnan(closes))
    if len(known) <= LEAST_BLOCK:
        return None
    night = np.log(opens[known[1:]] / closes[known[:-1]])
    day = np.log(closes[known[1:]] / opens[known[1:]])
    for begin in range(0, len(night), BLOCK):
        block = slice(begin, begin + BLOCK)
        if len(night[block]) < LEAST_BLOCK:
            continue
        (by_night, night_error), (by_day, day_error) = (_median(x[block]) for x in (night, day))
        apart = all(abs(m) > max(MISMATCH, 4 * e) for m, e in ((by_night, night_error), (by_day, day_error)))
        if apart and by_night * by_day < 0 and abs(by_night + by_day) < 0.5 * abs(by_night):
            return int(known[1 + begin]), by_night, by_day
    return None


def _median(values: Floats) -> tuple[float, float]:
    """Median and its standard error."""
    middle = float(np.median(values))
    spread = 1.4826 * float(np.median(np.abs(values - middle)))
    return middle, 1.2533 * spread / math.sqrt(len(values))
