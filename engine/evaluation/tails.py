"""Is a distribution skewed, and do its tails fall like an exponential or like a Gaussian?

References:
    VolGAN, Figure 3.12 (asymmetric, exponentially decaying tails).
    J. Davis and R. Feldstein (1979), The generalized Pareto law as a model for progressively censored survival data
    (mean excess; the coefficient of variation of excesses is 1 for an exponential law alone).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from engine.errors import MarketDataError
from engine.market.grid import Floats

TAIL_SHARE = 0.05
"""Share of the observations that each tail holds."""

LEAST = 20
"""Fewer observations have no tails to speak of."""

GAUSSIAN_THRESHOLD = 1.6448536269514722
"""95 % quantile of the standard normal law."""


@dataclass(frozen=True)
class TailShape:
    """Moments and tails of a sample, everything in units of its standard deviation.

    Args:
        mean, sd: in the unit of the sample.
        skewness: 0 for a symmetric law.
        excess_kurtosis: 0 for a Gaussian.
        left_rate, right_rate: λ of e^{−λx} fitted to the excesses over the 95 % quantile, per standard deviation.
        left_cv, right_cv: coefficient of variation of those excesses: 1 if exponential, below for lighter tails, above
            for heavier ones.
    """

    mean: float
    sd: float
    skewness: float
    excess_kurtosis: float
    left_rate: float
    right_rate: float
    left_cv: float
    right_cv: float


def tail_shape(x: ArrayLike) -> TailShape:
    """Moments and tails of a sample.

    With z = (x − x̄)/s and u the 95 % quantile of z (of −z for the left tail), the excesses e = z − u > 0 give the
    rate λ = 1/ē, which is the maximum-likelihood estimate of an exponential law, and the coefficient of variation
    sd(e)/ē.

    Args:
        x: ``(n,)`` observations, at least 20.

    Raises:
        MarketDataError: if there are too few, they are not finite, or do not vary.
    """
    sample = np.asarray(x, dtype=np.float64).ravel()
    if len(sample) < LEAST or not np.isfinite(sample).all():
        raise MarketDataError(
            f"expected at least {LEAST} finite observations for tails; found {len(sample)}, or others"
        )
    mean, sd = float(sample.mean()), float(sample.std())
    if not sd > 1e-12 * max(abs(mean), 1e-12):
        raise MarketDataError("expected observations that vary; found the same value throughout")
    z = (sample - mean) / sd
    (left_rate, left_cv), (right_rate, right_cv) = _tail(-z), _tail(z)
    skewness, excess_kurtosis = float((z**3).mean()), float((z**4).mean() - 3)
    return TailShape(mean, sd, skewness, excess_kurtosis, left_rate, right_rate, left_cv, right_cv)


def gaussian_shape(mean: float, sd: float) -> TailShape:
    """What :func:`tail_shape` finds in an endless Gaussian sample.

    With u the 95 % quantile and λ = φ(u)/0.05, the mean excess is λ − u and its variance 1 + uλ − λ².
    """
    u = GAUSSIAN_THRESHOLD
    hazard = math.exp(-(u**2) / 2) / math.sqrt(2 * math.pi) / TAIL_SHARE
    excess = hazard - u
    cv = math.sqrt(1 + u * hazard - hazard**2) / excess
    return TailShape(mean, sd, 0.0, 0.0, 1 / excess, 1 / excess, cv, cv)


def _tail(z: Floats) -> tuple[float, float]:
    """Rate and coefficient of variation of the excesses over the 95 % quantile."""
    threshold = np.quantile(z, 1 - TAIL_SHARE)
    excess = z[z > threshold] - threshold
    if len(excess) < 2:  # the upper values are all tied: no tail beyond the threshold
        return math.inf, 0.0
    return 1 / float(excess.mean()), float(excess.std() / excess.mean())
