"""Weights that favour scenarios with little static arbitrage, and statistics under weights."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import xlogy

from engine.errors import MarketDataError, SettingsError
from engine.market.grid import Floats


def weights(penalty: ArrayLike, beta: ArrayLike) -> Floats:
    """Scenario weights that fall exponentially with the arbitrage penalty.

    w_i = exp(−β (φ_i − min φ)) / Σ_j exp(−β (φ_j − min φ)), so β = 0 is uniform and β = ∞ leaves only the scenarios
    of least penalty, in equal parts.

    Args:
        penalty: ``(..., n)`` φ ≥ 0 of each scenario.
        beta: ``(...)`` or scalar, ≥ 0, per unit of penalty; infinity allowed.

    Returns:
        ``(..., n)`` weights that sum to one over the last axis.

    Raises:
        MarketDataError: if there is no scenario or a penalty is not finite.
        SettingsError: if beta is negative or NaN.

    References:
        Weighted Monte Carlo, (2.15)–(2.18); VolGAN, (3.9).
    """
    phi = _penalties(penalty)
    b = np.asarray(beta, dtype=np.float64)
    if not (b >= 0).all():
        raise SettingsError(f"expected beta >= 0; found {b[~(b >= 0)].flat[0]:g}")
    excess = phi - phi.min(axis=-1, keepdims=True)
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        exponent = np.where(excess == 0, 0.0, b[..., None] * excess)  # at the minimum even β = ∞ costs nothing
        raw = np.exp(-exponent)
    w: Floats = raw / raw.sum(axis=-1, keepdims=True)
    return w


def default_beta(penalty: ArrayLike) -> Floats:
    """β* = 500 / max φ over the last axis; 0 (uniform weights) where no scenario has any arbitrage.

    Args:
        penalty: ``(..., n)`` φ ≥ 0.

    Returns:
        ``(...)`` β*.

    Raises:
        MarketDataError: if there is no scenario or a penalty is not finite.

    References:
        VolGAN, (3.12).
    """
    largest = np.asarray(_penalties(penalty).max(axis=-1))
    with np.errstate(over="ignore"):
        beta = np.where(largest > 0, 500.0 / np.where(largest > 0, largest, 1.0), 0.0)
    scalar_or_array: Floats = beta[()]
    return scalar_or_array


def relative_entropy(w: ArrayLike) -> Floats:
    """Distance of weights from uniform: KL(w ‖ uniform) = log N + Σ w log w, with 0 log 0 = 0.

    Zero for uniform weights, log N when one scenario carries all. Equation (2.20) as printed has the opposite sign
    and a factor N; the figures it belongs to show this non-negative quantity.

    Args:
        w: ``(..., n)`` ≥ 0, summing to one over the last axis.

    Returns:
        ``(...)`` ≥ 0, nats.

    Raises:
        MarketDataError: if weights are negative or do not sum to one.

    References:
        Weighted Monte Carlo, (2.19)–(2.20).
    """
    p = _weights(w)
    # Σ w log(N w) cancels less than log N + Σ w log w; rounding can still leave −1e-17 at uniform weights
    value: Floats = np.maximum(xlogy(p, p.shape[-1] * p).sum(axis=-1), 0.0)
    return value


def effective_sample_size(w: ArrayLike) -> Floats:
    """How many equally weighted scenarios the weights are worth: 1 / Σ w², between 1 and N.

    Args:
        w: ``(..., n)`` ≥ 0, summing to one over the last axis.

    Returns:
        ``(...)`` effective numbers of scenarios.

    Raises:
        MarketDataError: if weights are negative or do not sum to one.

    References:
        Kong, A. (1992), A note on importance sampling using standardized weights.
    """
    p = _weights(w)
    value: Floats = np.clip(1.0 / np.square(p).sum(axis=-1), 1.0, p.shape[-1])
    return value


def weighted_quantile(x: ArrayLike, w: ArrayLike, q: ArrayLike, axis: int = -1) -> Floats:
    """Quantiles of weighted scenarios: sort x; the value x_(k) of the smallest k with Σ_{j≤k} w_(j) ≥ q.

    Scenarios of zero weight are never returned: q = 0 and q = 1 give the smallest and the largest value that carries
    weight. Cumulative weights within n rounding units of q count as having reached it, so that ten weights of 0.1
    reach 0.8 after eight, which plain summation misses.

    Args:
        x: values, scenarios along ``axis``; other axes before or after it are batched.
        w: ≥ 0 of any positive sum, ``(n,)`` or with axes that broadcast against those of ``x`` up to ``axis``.
        q: scalar or array of probabilities in [0, 1].
        axis: the scenario axis of ``x``.

    Returns:
        ``q.shape + x.shape without axis``, as :func:`numpy.quantile`.

    Raises:
        MarketDataError: if x is NaN, shapes disagree, or weights are negative or all zero.
        SettingsError: if q is outside [0, 1].

    References:
        Weighted Monte Carlo, (2.25); VolGAN, (3.11).
    """
    values = np.asarray(x, dtype=np.float64)
    probabilities = np.asarray(q, dtype=np.float64)
    if not ((probabilities >= 0) & (probabilities <= 1)).all():
        raise SettingsError(f"expected quantile levels between 0 and 1; found {probabilities.tolist()}")
    if np.isnan(values).any():
        raise MarketDataError("expected values without NaN; found NaN among the scenarios")
    axis = np.lib.array_utils.normalize_axis_index(axis, values.ndim)
    p = _non_negative(w)
    if p.shape[-1] != values.shape[axis] or p.ndim > axis + 1:
        raise MarketDataError(f"expected weights for {values.shape[axis]} scenarios along axis {axis}; found {p.shape}")
    trailing = values.ndim - axis - 1
    p = np.moveaxis(p.reshape(*p.shape, *(1,) * trailing), -1 - trailing, -1)
    values = np.moveaxis(values, axis, -1)  # (..., *features, n)
    n = values.shape[-1]
    order = np.argsort(values, axis=-1, kind="stable")
    ordered = np.take_along_axis(values, order, axis=-1)
    mass = np.take_along_axis(np.broadcast_to(p, values.shape), order, axis=-1)
    reached = np.cumsum(mass, axis=-1)
    reached /= reached[..., -1:]
    first = (mass > 0).argmax(axis=-1)
    last = n - 1 - (mass[..., ::-1] > 0).argmax(axis=-1)
    rounding = n * np.finfo(np.float64).eps
    result = np.empty((probabilities.size, *values.shape[:-1]))
    for row, level in enumerate(probabilities.ravel()):
        k = last if level == 1 else np.clip((reached < level - rounding).sum(axis=-1), first, last)
        result[row] = np.take_along_axis(ordered, k[..., None], axis=-1)[..., 0]
    quantiles: Floats = result.reshape((*probabilities.shape, *values.shape[:-1]))[()]
    return quantiles


def _penalties(penalty: ArrayLike) -> Floats:
    phi = np.asarray(penalty, dtype=np.float64)
    if phi.ndim == 0 or phi.shape[-1] == 0:
        raise MarketDataError(f"expected the penalties of at least one scenario; found shape {phi.shape}")
    if not np.isfinite(phi).all():
        raise MarketDataError(f"expected finite penalties; found {phi[~np.isfinite(phi)].flat[0]:g}")
    return phi


def _weights(w: ArrayLike) -> Floats:
    p = _non_negative(w)
    if not np.allclose(p.sum(axis=-1), 1, rtol=0, atol=1e-6):
        raise MarketDataError(f"expected weights that sum to one; found {p.sum(axis=-1).flat[0]:g}")
    return p


def _non_negative(w: ArrayLike) -> Floats:
    p = np.asarray(w, dtype=np.float64)
    if p.ndim == 0 or p.shape[-1] == 0:
        raise MarketDataError(f"expected the weights of at least one scenario; found shape {p.shape}")
    if not (p >= 0).all() or not (p.sum(axis=-1) > 0).all():
        raise MarketDataError("expected weights >= 0 that are not all zero; found others")
    return p
