"""Proper scores of weighted scenarios: CRPS, energy score and variogram score.

A score is a loss: the smaller the better, and on average smallest for the law that makes the data. Scenarios are a
sample from a model's law, and the score meant is that of the law. The pair terms are therefore estimated without
bias (``unbiased=True``): pairs of a scenario with itself are left out, so that models are not rewarded or punished
for the number of scenarios drawn from them. ``unbiased=False`` scores the sample as if it were the law.

References:
    T. Gneiting and A. Raftery (2007), Strictly proper scoring rules, prediction, and estimation, JASA 102.
    M. Scheuerer and T. Hamill (2015), Variogram-based proper scoring rules for … multivariate quantities, MWR 143.
    C. Ferro (2014), Fair scores for ensemble forecasts, QJRMS 140 (unbiased estimators).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine.errors import MarketDataError, SettingsError
from engine.market.grid import Floats

BLOCK = 256
"""Scenarios whose distances to all later ones are held at a time: the block stays in the processor's cache."""

GROUP = 1000
"""Larger sets of scenarios are paired within groups of this many: the estimate stays unbiased, its noise hardly grows
(that of ‖X − y‖ rules), and the work grows with n, not n²."""

Singles = NDArray[np.float32]


def crps(x: ArrayLike, y: ArrayLike, weights: ArrayLike | None = None, *, unbiased: bool = True) -> Floats:
    """Continuous ranked probability score, E|X − y| − ½ E|X − X'|.

    With sorted scenarios the pair term is Σ_j w_j x_(j) (W_{<j} − W_{>j}), where W sums the weights before or after j;
    the unbiased estimate divides it by 1 − Σ w².

    Args:
        x: ``(..., n)`` scenarios of one quantity.
        y: ``(...)`` what came.
        weights: ``(..., n)`` ≥ 0 summing to one; equal if not given.
        unbiased: leave out the pairs of a scenario with itself.

    Returns:
        ``(...)`` in the unit of x.

    Raises:
        MarketDataError: if shapes disagree, values are not finite, or weights are no distribution.
        SettingsError: if an unbiased estimate is asked of fewer than two scenarios of positive weight.

    References:
        Gneiting and Raftery (2007), (21); Ferro (2014).
    """
    values, seen, w = _checked(x, y, weights, event_axes=0)
    order = np.argsort(values, axis=-1)
    values = np.take_along_axis(values, order, axis=-1)
    w = np.take_along_axis(w, order, axis=-1) if weights is not None else w
    below = np.cumsum(w, axis=-1)
    # W_{<j} − W_{>j}; centring the values first keeps the digits that large levels would take
    balance = 2 * below - w - below[..., -1:]
    centred = values - values[..., :1]
    spread = (w * centred * balance).sum(axis=-1)  # ½ E|X − X'|, each scenario paired with itself too
    error = (w * np.abs(values - seen[..., None])).sum(axis=-1)
    score: Floats = error - spread / _distinct_mass(w, unbiased)
    return score


def energy_score(x: ArrayLike, y: ArrayLike, weights: ArrayLike | None = None, *, unbiased: bool = True) -> Floats:
    """Energy score, E‖X − y‖ − ½ E‖X − X'‖ with the Euclidean norm: CRPS in several dimensions.

    Distances of pairs come from single-precision matrix products of centred scenarios, in blocks; the score keeps
    about six digits. All pairs enter, except that an unbiased score of more than 1,000 equally weighted scenarios
    pairs them within consecutive groups of 1,000; the order of the scenarios must then carry no meaning.

    Args:
        x: ``(..., n, d)`` scenarios.
        y: ``(..., d)`` what came.
        weights: ``(..., n)`` ≥ 0 summing to one; equal if not given.
        unbiased: leave out the pairs of a scenario with itself.

    Returns:
        ``(...)`` in the unit of x.

    Raises:
        MarketDataError: if shapes disagree, values are not finite, or weights are no distribution.
        SettingsError: if an unbiased estimate is asked of fewer than two scenarios of positive weight.

    References:
        Gneiting and Raftery (2007), (22).
    """
    values, seen, w = _checked(x, y, weights, event_axes=1)
    batch, (n, d) = values.shape[:-2], values.shape[-2:]
    flat, outcome = values.reshape(-1, n, d), seen.reshape(-1, d)
    flat_w = np.broadcast_to(w, (*batch, n)).reshape(-1, n)
    group = GROUP if unbiased and weights is None else n
    score = np.empty(len(flat))
    for k, (scenarios, point, mass) in enumerate(zip(flat, outcome, flat_w, strict=True)):
        error = mass @ np.sqrt(((scenarios - point) ** 2).sum(axis=1))
        score[k] = error - 0.5 * _spread(scenarios, mass, unbiased=unbiased, group=group)
    return score.reshape(batch)[()]


def _spread(x: Floats, w: Floats, *, unbiased: bool, group: int) -> float:
    """E‖X − X'‖ of ``(n, d)`` scenarios of mass ``(n,)``, from pairs within groups."""
    _distinct_mass(w, unbiased)
    total = distinct = 0.0
    for start in range(0, len(x), group):
        mass = w[start : start + group]
        total += mean_distance(x[start : start + group], mass)
        distinct += float(mass.sum() ** 2 - mass @ mass)
    return total / distinct if unbiased else total


def mean_distance(x: Floats, w: Floats) -> float:
    """Σ_ij w_i w_j ‖x_i − x_j‖ over all ordered pairs of ``(n, d)`` points of mass ``(n,)``."""
    left, right = _distance_factors(x - x.mean(axis=0))
    mass = w.astype(np.float32)
    total = 0.0
    for start in range(0, len(x), BLOCK):
        stop = min(start + BLOCK, len(x))
        distance = left[start:stop] @ right[start:].T  # squared
        np.maximum(distance, 0, out=distance)
        np.sqrt(distance, out=distance)
        np.fill_diagonal(distance, 0)  # a point's distance to itself would be the rounding of the product
        from_block = mass[start:stop] @ distance  # (later points,)
        inside = stop - start
        total += float(from_block[:inside] @ mass[start:stop]) + 2 * float(from_block[inside:] @ mass[stop:])
    return total


def mean_cross_distance(x: Floats, y: Floats, w: Floats, v: Floats) -> float:
    """Σ_ij w_i v_j ‖x_i − y_j‖ of ``(n, d)`` points of mass ``(n,)`` and ``(m, d)`` points of mass ``(m,)``."""
    centre = x.mean(axis=0)
    left, right = _distance_factors(x - centre)[0], _distance_factors(y - centre)[1]
    mass, other = w.astype(np.float32), v.astype(np.float32)
    total = 0.0
    for start in range(0, len(x), BLOCK):
        distance = left[start : start + BLOCK] @ right.T
        np.maximum(distance, 0, out=distance)
        np.sqrt(distance, out=distance)
        total += float(mass[start : start + BLOCK] @ (distance @ other))
    return total


def variogram_score(
    x: ArrayLike,
    y: ArrayLike,
    weights: ArrayLike | None = None,
    *,
    p: float = 0.5,
    pair_weights: ArrayLike | None = None,
) -> Floats:
    """Variogram score, Σ_ij ω_ij (|y_i − y_j|^p − E|X_i − X_j|^p)²: does the model know how coordinates move together?

    Args:
        x: ``(..., n, d)`` scenarios.
        y: ``(..., d)`` what came.
        weights: ``(..., n)`` ≥ 0 summing to one; equal if not given.
        p: power > 0 of the variogram.
        pair_weights: ``(d, d)`` ω ≥ 0, symmetric; ones if not given.

    Returns:
        ``(...)``; both (i, j) and (j, i) count.

    Raises:
        MarketDataError: if shapes disagree, values are not finite, or weights are no distribution.
        SettingsError: if p is not positive.

    References:
        Scheuerer and Hamill (2015).
    """
    if not (np.isfinite(p) and p > 0):
        raise SettingsError(f"expected a power of the variogram > 0; found {p}")
    values, seen, w = _checked(x, y, weights, event_axes=1)
    batch, (n, d) = values.shape[:-2], values.shape[-2:]
    omega = np.ones((d, d)) if pair_weights is None else np.asarray(pair_weights, dtype=np.float64)
    if omega.shape != (d, d):
        raise MarketDataError(f"expected weights of {d} × {d} pairs; found shape {omega.shape}")
    columns = values.reshape(-1, n, d).swapaxes(1, 2).astype(np.float32)  # (days, d, n)
    outcome = seen.reshape(-1, d)
    mass = np.broadcast_to(w, (*batch, n)).reshape(-1, n).astype(np.float32)
    score = np.zeros(len(columns))
    for k, (scenarios, point, m) in enumerate(zip(columns, outcome, mass, strict=True)):
        for i in range(d - 1):
            gap = np.abs(scenarios[i + 1 :] - scenarios[i])  # (d − i − 1, n)
            gap = np.sqrt(gap, out=gap) if p == 0.5 else gap**p
            expected = (gap @ m).astype(np.float64)
            error = np.abs(point[i + 1 :] - point[i]) ** p - expected
            score[k] += 2 * float(omega[i, i + 1 :] @ error**2)
    return score.reshape(batch)[()]


def _distance_factors(centred: Floats) -> tuple[Singles, Singles]:
    """(−2x, |x|², 1) and (x, 1, |x|²): the product of a row of each is the squared distance of the two points."""
    points = centred.astype(np.float32)
    square = (points**2).sum(axis=1, keepdims=True)
    one = np.ones_like(square)
    return np.concatenate([-2 * points, square, one], axis=1), np.concatenate([points, one, square], axis=1)


def _distinct_mass(w: Floats, unbiased: bool) -> Floats | float:
    """Mass of the pairs of two different scenarios, 1 − Σ w²; one when every pair is to count."""
    if not unbiased:
        return 1.0
    mass: Floats = 1 - np.square(w).sum(axis=-1)
    if np.min(mass) <= 1e-12:
        raise SettingsError("expected at least two scenarios of positive weight for an unbiased score; found one")
    return mass


def _checked(
    x: ArrayLike, y: ArrayLike, weights: ArrayLike | None, event_axes: int
) -> tuple[Floats, NDArray[Any], Floats]:
    values, seen = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if values.ndim < 1 + event_axes or values.size == 0:
        raise MarketDataError(f"expected scenarios of at least {1 + event_axes} axes; found shape {values.shape}")
    scenario_axis = values.ndim - 1 - event_axes
    shape = (*values.shape[:scenario_axis], *values.shape[scenario_axis + 1 :])
    if seen.shape != shape:
        raise MarketDataError(f"expected outcomes of shape {shape} for these scenarios; found {seen.shape}")
    if not (np.isfinite(values).all() and np.isfinite(seen).all()):
        raise MarketDataError("expected finite scenarios and outcomes; found NaN or infinite values")
    n = values.shape[scenario_axis]
    if weights is None:
        return values, seen, np.full(n, 1 / n)
    w = np.asarray(weights, dtype=np.float64)
    expected = values.shape[: scenario_axis + 1]
    if w.shape != expected:
        raise MarketDataError(f"expected weights of shape {expected}; found {w.shape}")
    if not (w >= 0).all() or not np.allclose(w.sum(axis=-1), 1, rtol=0, atol=1e-6):
        raise MarketDataError("expected weights >= 0 that sum to one; found others")
    return values, seen, w
