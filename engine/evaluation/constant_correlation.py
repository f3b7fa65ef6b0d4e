"""Is a correlation constant over time, or does it move from day to day?

References:
    VolGAN, section 3.3.2.4 and Figure 3.11 (band of a constant correlation).
    R. Fisher (1921), On the probable error of a coefficient of correlation, Metron 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from engine.errors import MarketDataError
from engine.market.grid import Floats
from engine.surfaces.dynamics import Z95

LARGEST = 1 - 1e-12
"""Correlations are kept this far from ±1, where Fisher's transform is infinite."""


@dataclass(frozen=True)
class ConstantCorrelation:
    """Test that daily correlations share one value.

    Args:
        mean: ρ̄, their mean.
        low, high: 95 % band of a day's correlation if all days had ρ̄ (Fisher, as published).
        outside: share of days outside the band; 5 % if it is constant.
        statistic: Σ (n − 3)(z_t − z̄)², χ² with days − 1 degrees of freedom if constant and Gaussian.
        p_value: its p-value.
        robust_p: the same with each day's own standard error, which heavy tails make larger.
    """

    mean: float
    low: float
    high: float
    outside: float
    statistic: float
    p_value: float
    robust_p: float


def daily_correlation(x: ArrayLike, y: ArrayLike) -> tuple[Floats, Floats]:
    """Correlation of scenarios, and its standard error on Fisher's scale z = artanh ρ.

    The error allows for heavy tails: with standardised scenarios ψ = x y − ρ(x² + y²)/2 it is
    sqrt(E ψ²/n)/(1 − ρ²), which is 1/sqrt(n) for Gaussian ones.

    Args:
        x, y: ``(..., n)`` scenarios of two quantities.

    Returns:
        ρ and its standard error, ``(...)`` each.

    Raises:
        MarketDataError: if shapes disagree, there are fewer than four scenarios, or a quantity does not vary.
    """
    a, b = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if a.shape != b.shape or a.ndim < 1 or a.shape[-1] < 4:
        raise MarketDataError(f"expected the same four or more scenarios of both; found {a.shape} and {b.shape}")
    a, b = (v - v.mean(axis=-1, keepdims=True) for v in (a, b))
    sd_a, sd_b = (np.sqrt(np.square(v).mean(axis=-1, keepdims=True)) for v in (a, b))
    if not (sd_a.min() > 0 and sd_b.min() > 0):
        raise MarketDataError("expected scenarios that vary; found the same value throughout")
    a, b = a / sd_a, b / sd_b
    rho = np.clip((a * b).mean(axis=-1), -LARGEST, LARGEST)
    influence = a * b - rho[..., None] * (a**2 + b**2) / 2
    error = np.sqrt(np.square(influence).mean(axis=-1) / a.shape[-1]) / (1 - rho**2)
    return rho, error


def constant_correlation(rho: ArrayLike, n: int, error: ArrayLike | None = None) -> ConstantCorrelation:
    """Test of constancy of a series of sample correlations.

    Under the hypothesis z_t = artanh ρ_t is about normal with variance 1/(n − 3); the band is
    tanh(artanh ρ̄ ± 1.96/sqrt(n − 3)).

    Args:
        rho: ``(days,)`` correlations of n independent scenarios each.
        n: scenarios of a day.
        error: ``(days,)`` standard errors of z_t for the robust variant; Fisher's if not given.

    Raises:
        MarketDataError: if there are fewer than two days or four scenarios, or a correlation is outside [−1, 1].

    References:
        VolGAN, section 3.3.2.4.
    """
    daily = np.asarray(rho, dtype=np.float64)
    if daily.ndim != 1 or len(daily) < 2 or n < 4 or not (np.abs(daily) <= 1).all():
        raise MarketDataError(
            f"expected correlations in [-1, 1] of at least two days and four scenarios; found {daily.shape} and {n}"
        )
    from scipy.stats import chi2

    z = np.arctanh(np.clip(daily, -LARGEST, LARGEST))
    centre, mean = np.arctanh(np.clip(daily.mean(), -LARGEST, LARGEST)), float(daily.mean())
    low, high = np.tanh(centre + np.array([-1, 1]) * Z95 / np.sqrt(n - 3))
    statistic = float((n - 3) * np.square(z - z.mean()).sum())
    errors = np.full(len(z), 1 / np.sqrt(n - 3)) if error is None else np.asarray(error, dtype=np.float64)
    precision = 1 / np.square(errors)
    around = (precision * z).sum() / precision.sum()
    return ConstantCorrelation(
        mean=mean,
        low=float(low),
        high=float(high),
        outside=float(((daily < low) | (daily > high)).mean()),
        statistic=statistic,
        p_value=float(chi2.sf(statistic, len(z) - 1)),
        robust_p=float(chi2.sf(float((precision * np.square(z - around)).sum()), len(z) - 1)),
    )
