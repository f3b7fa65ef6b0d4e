"""The straight line of put–call parity through one expiry: call less put over strike gives forward and discount."""

from __future__ import annotations

import numpy as np

from engine.market.grid import Floats

LEAST_PAIRS = 3
"""Pairs below which no line is drawn: two points always lie on one."""


def parity_line(strike: Floats, difference: Floats) -> tuple[float, float]:
    """Forward F and discount factor D of the line C − P = D (F − K), by medians, which outliers do not move.

    Args:
        strike: ``(n,)`` currency.
        difference: ``(n,)`` call less put, currency.

    Returns:
        F in currency and D; NaN, NaN with fewer than three strikes or a line that does not fall.

    References:
        Jaeckel, L. (1972), Estimating regression coefficients by minimizing the dispersion of the residuals, Annals of
        Mathematical Statistics 43(5), for the median of slopes weighted by the distance they span.
    """
    if len(np.unique(strike)) < LEAST_PAIRS:
        return np.nan, np.nan
    i, j = np.triu_indices(len(strike), k=1)
    apart = np.abs(strike[j] - strike[i])
    slopes = (difference[j] - difference[i])[apart > 0] / (strike[j] - strike[i])[apart > 0]
    # neighbouring strikes differ by a few ticks, and their slopes by whole ones: the far apart decide
    discount = -_weighted_median(slopes, apart[apart > 0])
    if not discount > 0:
        return np.nan, np.nan
    # the pairs whose call and put are closest pin the forward: their noise is least and D hardly matters there
    nearest = np.argsort(np.abs(difference), kind="stable")[: max(LEAST_PAIRS, len(strike) // 4)]
    return float(np.median(strike[nearest] + difference[nearest] / discount)), discount


def _weighted_median(values: Floats, weight: Floats) -> float:
    """The value at which half the weight is reached; the mean of two values that share the middle."""
    order = np.argsort(values)
    reached = np.cumsum(weight[order])
    low = int(np.searchsorted(reached, reached[-1] / 2, side="left"))
    high = int(np.searchsorted(reached, reached[-1] / 2, side="right"))
    return float((values[order[low]] + values[order[min(high, len(values) - 1)]]) / 2)
