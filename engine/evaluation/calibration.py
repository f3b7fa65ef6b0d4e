"""Are the quantiles right? Exceedances with their tests, and probability integral transforms.

References:
    P. Kupiec (1995), Techniques for verifying the accuracy of risk measurement models, J. of Derivatives 3.
    P. Christoffersen (1998), Evaluating interval forecasts, International Economic Review 39.
    C. Czado, T. Gneiting and L. Held (2009), Predictive model assessment for count data, Biometrics 65 (ties).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import xlogy

from engine.errors import MarketDataError, SettingsError
from engine.market.grid import Floats
from engine.scenarios import reweighting

LEVELS = (0.01, 0.025, 0.975, 0.99)
"""Quantiles of the thesis's Tables 3.2 and 3.3."""

PIT_BINS = 20
"""Bins of a histogram of probability integral transforms."""


@dataclass(frozen=True)
class Coverage:
    """How often outcomes lay below a quantile, and whether that is how it should be.

    Args:
        level: probability of the quantile.
        share: share of days below it.
        days: number of days.
        kupiec: likelihood ratio against P(below) = level; χ² with one degree of freedom.
        kupiec_p: its p-value.
        independence: likelihood ratio of one-step dependence between days below; χ² with one degree of freedom.
        independence_p: its p-value.
        conditional: the sum of both, right level and no dependence; χ² with two degrees of freedom.
        conditional_p: its p-value.
    """

    level: float
    share: float
    days: int
    kupiec: float
    kupiec_p: float
    independence: float
    independence_p: float
    conditional: float
    conditional_p: float


def quantiles(x: ArrayLike, levels: ArrayLike = LEVELS, weights: ArrayLike | None = None) -> Floats:
    """Simulated quantiles; what came lies below one if it is strictly smaller.

    With n equal scenarios the q-quantile is the ⌈nq⌉-th smallest, which a calibrated outcome lies below with
    probability ⌈nq⌉/(n + 1).

    Args:
        x: ``(..., n)`` scenarios of one quantity.
        levels: ``(q,)`` probabilities in [0, 1].
        weights: ``(..., n)`` of the scenarios; equal if not given.

    Returns:
        ``(q, ...)``.

    Raises:
        MarketDataError: if values are NaN, shapes disagree or weights are no distribution.
        SettingsError: if a level is outside [0, 1].

    References:
        VolGAN, (3.11) and Tables 3.2–3.3.
    """
    values = np.asarray(x, dtype=np.float64)
    w = np.ones(values.shape[-1]) if weights is None else np.asarray(weights, dtype=np.float64)
    return reweighting.weighted_quantile(values, w, np.atleast_1d(levels))


def coverage(below: ArrayLike, level: float) -> Coverage:
    """Kupiec's and Christoffersen's tests of a series of days below a quantile.

    With n days of which k lie below, Kupiec's ratio is 2 log[(k/n)^k (1 − k/n)^{n−k} / (q^k (1 − q)^{n−k})].
    Christoffersen's compares the likelihood of a first-order chain with that of independent days over the n − 1
    transitions; with few days below it is conservative.

    Args:
        below: ``(n,)`` whether the outcome lay below the quantile, in the order of days.
        level: probability of the quantile, strictly between 0 and 1.

    Raises:
        MarketDataError: if there are fewer than two days.
        SettingsError: if the level is not strictly between 0 and 1.

    References:
        Kupiec (1995); Christoffersen (1998).
    """
    hits = np.asarray(below, dtype=bool)
    if hits.ndim != 1 or len(hits) < 2:
        raise MarketDataError(f"expected at least two days of one quantile; found shape {hits.shape}")
    if not 0 < level < 1:
        raise SettingsError(f"expected a level strictly between 0 and 1; found {level}")
    n, k = len(hits), int(hits.sum())
    kupiec = 2 * (_log_likelihood(k, n - k, k / n) - _log_likelihood(k, n - k, level))
    before, after = hits[:-1], hits[1:]
    chain = alike = 0.0
    share = after.mean()
    for state in (False, True):
        ones = int((after & (before == state)).sum())
        zeros = int((~after & (before == state)).sum())
        chain += _log_likelihood(ones, zeros, ones / max(ones + zeros, 1))
        alike += _log_likelihood(ones, zeros, share)
    kupiec, independence = max(kupiec, 0.0), max(2 * (chain - alike), 0.0)  # rounding can leave −1e-14
    return Coverage(
        level=level,
        share=k / n,
        days=n,
        kupiec=kupiec,
        kupiec_p=math.erfc(math.sqrt(kupiec / 2)),
        independence=independence,
        independence_p=math.erfc(math.sqrt(independence / 2)),
        conditional=kupiec + independence,
        conditional_p=math.exp(-(kupiec + independence) / 2),
    )


def pit(x: ArrayLike, y: ArrayLike, weights: ArrayLike | None = None, *, rng: np.random.Generator) -> Floats:
    """Randomised probability integral transform: uniform and independent over days if the law is right.

    u = (n F(y−) + V (1 + n P(X = y)))/(n + 1) with V uniform and n the effective number of scenarios: the rank of the
    outcome among the scenarios, ties broken at random. For equal weights it is exactly uniform at any n.

    Args:
        x: ``(..., n)`` scenarios of one quantity.
        y: ``(...)`` what came.
        weights: ``(..., n)`` ≥ 0 summing to one; equal if not given.
        rng: breaks ties.

    Returns:
        ``(...)`` in [0, 1].

    Raises:
        MarketDataError: if shapes disagree.

    References:
        Czado, Gneiting and Held (2009), (1).
    """
    values, seen = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    _check_pair(values, seen)
    w = np.full(values.shape, 1 / values.shape[-1]) if weights is None else np.asarray(weights, dtype=np.float64)
    if w.shape != values.shape:
        raise MarketDataError(f"expected weights of shape {values.shape}; found {w.shape}")
    n = 1 / np.square(w).sum(axis=-1)
    below = (w * (values < seen[..., None])).sum(axis=-1)
    tied = (w * (values == seen[..., None])).sum(axis=-1)
    u: Floats = (n * below + rng.random(seen.shape) * (1 + n * tied)) / (n + 1)
    return u


def uniformity(u: ArrayLike) -> tuple[float, float]:
    """Kolmogorov–Smirnov distance of transforms from uniform, and its p-value."""
    from scipy.stats import kstest

    found: Any = kstest(np.asarray(u, dtype=np.float64).ravel(), "uniform")
    return float(found.statistic), float(found.pvalue)


def pit_histogram(u: ArrayLike, bins: int = PIT_BINS) -> Floats:
    """``(bins,)`` relative frequencies of transforms, one where they are as frequent as they should be."""
    counts = np.histogram(np.asarray(u, dtype=np.float64).ravel(), bins=bins, range=(0.0, 1.0))[0]
    density: Floats = counts * bins / counts.sum()
    return density


def _log_likelihood(ones: int, zeros: int, p: float) -> float:
    return float(xlogy(ones, p) + xlogy(zeros, 1 - p))


def _check_pair(values: Floats, seen: Floats) -> None:
    if values.ndim == 0 or values.size == 0 or values.shape[:-1] != seen.shape:
        raise MarketDataError(f"expected outcomes of shape {values.shape[:-1]}; found {seen.shape}")
    if not (np.isfinite(values).all() and np.isfinite(seen).all()):
        raise MarketDataError("expected finite scenarios and outcomes; found NaN or infinite values")
