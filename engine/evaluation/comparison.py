"""Is one model better than another, and how sure is it? Tests on daily losses that may be correlated over time.

References:
    F. Diebold and R. Mariano (1995), Comparing predictive accuracy, JBES 13.
    D. Harvey, S. Leybourne and P. Newbold (1997), Testing the equality of prediction mean squared errors, IJF 13.
    W. Newey and K. West (1987, 1994), covariance matrices robust to autocorrelation, and their automatic lag.
    D. Politis and J. Romano (1992), A circular block-resampling procedure for stationary data.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from engine.errors import MarketDataError, SettingsError
from engine.market.grid import Floats
from engine.surfaces.dynamics import long_run_sum

LEAST_DAYS = 10
"""Fewer daily losses say nothing about a mean."""


@dataclass(frozen=True)
class DieboldMariano:
    """Outcome of a test of equal expected loss.

    Args:
        difference: mean of a's loss less b's: negative when a is better.
        statistic: t, with the small-sample correction; NaN if the losses are the same on all days.
        p_value: two-sided, Student with n − 1 degrees of freedom; one if the losses are the same on all days.
        bandwidth: lags in the long-run variance.
        days: n.
    """

    difference: float
    statistic: float
    p_value: float
    bandwidth: int
    days: int


def diebold_mariano(
    loss_a: ArrayLike, loss_b: ArrayLike, *, horizon: int = 1, bandwidth: int | None = None
) -> DieboldMariano:
    """Test that two forecasts have the same expected loss.

    t = d̄ / sqrt(V̂/n) · sqrt((n + 1 − 2h + h(h−1)/n)/n), with d the difference of daily losses and V̂ its Newey–West
    long-run variance.

    Args:
        loss_a, loss_b: ``(n,)`` losses on the same days.
        horizon: h, steps ahead of the forecasts.
        bandwidth: lags of the long-run variance; if not given the larger of h − 1 and 4 (n/100)^(2/9).

    Raises:
        MarketDataError: if lengths disagree, values are not finite, or there are fewer than 10 days.
        SettingsError: for a horizon below 1 or a negative bandwidth.

    References:
        Diebold and Mariano (1995); Harvey, Leybourne and Newbold (1997); Newey and West (1994).
    """
    a, b = np.asarray(loss_a, dtype=np.float64), np.asarray(loss_b, dtype=np.float64)
    if a.ndim != 1 or a.shape != b.shape or len(a) < LEAST_DAYS:
        raise MarketDataError(
            f"expected losses of two models on the same days, at least {LEAST_DAYS}; found {a.shape} and {b.shape}"
        )
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise MarketDataError("expected finite losses; found NaN or infinite ones")
    if horizon < 1 or (bandwidth is not None and bandwidth < 0):
        raise SettingsError(f"expected a horizon >= 1 and a bandwidth >= 0; found {horizon} and {bandwidth}")
    from scipy.stats import t as student

    n, d = len(a), a - b
    lags = max(horizon - 1, newey_west_lags(n)) if bandwidth is None else bandwidth
    mean = float(d.mean())
    variance = float(long_run_sum((d - mean)[:, None], min(lags, n - 1))[0, 0]) / n
    if variance <= np.finfo(np.float64).eps ** 2 * float(np.square(a).mean() + np.square(b).mean()):
        return DieboldMariano(mean, float("nan"), 1.0 if mean == 0 else 0.0, lags, n)
    correction = (n + 1 - 2 * horizon + horizon * (horizon - 1) / n) / n
    statistic = mean / math.sqrt(variance / n) * math.sqrt(max(correction, 0.0))
    return DieboldMariano(mean, statistic, float(2 * student.sf(abs(statistic), n - 1)), lags, n)


def newey_west_lags(n: int) -> int:
    """⌊4 (n/100)^(2/9)⌋, the usual number of lags for n observations (Newey and West 1994)."""
    return int(4 * (n / 100) ** (2 / 9))


def block_counts(n: int, *, rng: np.random.Generator, draws: int = 1000, block: int = 21) -> Floats:
    """How often each of n days occurs in resamples of whole blocks of days, blocks wrapping around the end.

    The mean of any daily series in all resamples is ``counts @ series / n``; the same counts for several models keep
    them paired.

    Args:
        n: days.
        rng: source of randomness.
        draws: number of resamples.
        block: consecutive days drawn together, between 1 and n.

    Returns:
        ``(draws, n)`` counts, n in every row.

    Raises:
        SettingsError: if there is no day, draw or block, or the block is longer than the series.

    References:
        Politis and Romano (1992).
    """
    if n < 1 or draws < 1 or not 1 <= block <= n:
        raise SettingsError(f"expected blocks of 1 to {n} days and at least one draw; found {block} and {draws}")
    blocks = -(-n // block)
    starts = rng.integers(n, size=(draws, blocks))
    days = (starts[..., None] + np.arange(block)).reshape(draws, -1)[:, :n] % n
    flat = days + n * np.arange(draws)[:, None]
    counts: Floats = np.bincount(flat.ravel(), minlength=draws * n).reshape(draws, n).astype(np.float64)
    return counts


def interval(resampled: ArrayLike, coverage: float = 0.95) -> tuple[Floats, Floats]:
    """Lower and upper percentile of resampled statistics, draws along the first axis."""
    tail = (1 - coverage) / 2
    low, high = np.quantile(np.asarray(resampled, dtype=np.float64), [tail, 1 - tail], axis=0)
    return low, high


def ends(resampled: ArrayLike, prefix: str = "") -> dict[str, float]:
    """:func:`interval` of ``(draws,)`` as columns of a table, ``low`` and ``high`` behind a prefix."""
    low, high = interval(resampled)
    return {f"{prefix}low": float(low), f"{prefix}high": float(high)}


def seeds_interval(values: ArrayLike, coverage: float = 0.95) -> tuple[Floats, Floats]:
    """Interval of the mean over networks trained from different seeds: x̄ ± t s/√K, Student with K − 1 degrees.

    Args:
        values: ``(K, ...)`` one figure for each network.
        coverage: probability of the interval.

    Returns:
        Lower and upper end ``(...)``; NaN for a single network, which says nothing of the others.

    Raises:
        MarketDataError: if there is no network.
    """
    x = np.asarray(values, dtype=np.float64)
    if x.ndim < 1 or len(x) < 1:
        raise MarketDataError(f"expected the figures of at least one network; found shape {x.shape}")
    if len(x) == 1:
        unknown = np.full(x.shape[1:], np.nan)
        return unknown, unknown.copy()
    from scipy.stats import t as student

    reach = float(student.ppf((1 + coverage) / 2, len(x) - 1)) * x.std(axis=0, ddof=1) / math.sqrt(len(x))
    return x.mean(axis=0) - reach, x.mean(axis=0) + reach


def seeds_columns(of_seeds: Floats, name: str) -> dict[str, Floats]:
    """Columns of a table by day or by bar: the mean over networks and the ends of its interval.

    Args:
        of_seeds: ``(K, T)`` one series for each network.
        name: of the column of means; the ends are called after it.

    Returns:
        ``name``, ``name_seeds_low`` and ``name_seeds_high``, each ``(T,)``; the mean alone for a single network.
    """
    if len(of_seeds) == 1:
        return {name: of_seeds[0]}
    low, high = seeds_interval(of_seeds)
    return {name: of_seeds.mean(axis=0), f"{name}_seeds_low": low, f"{name}_seeds_high": high}
