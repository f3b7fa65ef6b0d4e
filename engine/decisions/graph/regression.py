"""Rows of the graph as penalised regressions: LASSO (6.20), Ridge (6.21), elastic net; one Gram matrix a row for all.

The target of asset i is |x_t|, its features are s_j(a_t) x_t: what the best bet would earn, and what generator j's bet
earns. The features hold the asset's own returns, so every row has a Gram matrix of its own, G_jk = Σ_t s_j s_k x_t²/T;
it serves every penalty.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import ScenaristError
from engine.market.grid import Floats
from engine.training.compiled import compiled

TOLERANCE = 1e-10
"""Largest violation of the optimality conditions, relative to the row's largest correlation with the target."""

_ROWS = 8  # Gram matrices in memory at a time and thread

Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Moments:
    """All a regression needs to know of the observations.

    Args:
        gram: ``(assets, generators, generators)`` Σ_t s_j s_k x_t²/T.
        target: ``(assets, generators)`` Σ_t s_j x_t |x_t|/T.
        pnl: ``(assets, generators)`` Σ_t s_j x_t, c_ij of (6.10).
    """

    gram: Floats
    target: Floats
    pnl: Floats


def moments(signs: Floats, returns: Floats) -> Moments:
    """Gram matrices, correlations with |x| and PnLs of every row.

    Args:
        signs: ``(assets, generators, times)`` expected signs.
        returns: ``(assets, times)`` the returns they forecast.
    """
    parts = [_row(signs[i], returns[i]) for i in range(len(returns))]
    return Moments(*(np.stack([part[k] for part in parts]) for k in range(3)))


def lasso(
    signs: Floats,
    returns: Floats,
    etas: Sequence[float],
    *,
    allowed: Mask | None = None,
    l1_share: float = 1.0,
    positive: bool = False,
    tolerance: float = TOLERANCE,
) -> Floats:
    """λ of (6.20) for every row and penalty: min (1/2T) Σ_t (|x_t| − Σ_j λ_j s_j x_t)² + η Σ|λ_j|.

    With ``l1_share`` ρ < 1 the elastic net: the penalty is η (ρ Σ|λ| + ½ (1−ρ) Σλ²). Rows are split over threads; the
    result does not depend on how.

    Args:
        signs: ``(assets, generators, times)``.
        returns: ``(assets, times)``.
        etas: K penalties ≥ 0, in any order.
        allowed: ``(assets, generators)`` edges that may exist; all if None.
        l1_share: ρ in [0, 1].
        positive: only λ ≥ 0.
        tolerance: of the optimality conditions, relative to the row's largest correlation with the target.

    Returns:
        ``(K, assets, generators)`` λ, not normalised.

    Raises:
        ScenaristError: if a row does not converge.

    References:
        Tibshirani (1996); Friedman, Hastie and Tibshirani (2010), covariance updates and warm starts.
    """
    n = len(returns)
    starts = range(0, n, _ROWS)

    def block(start: int) -> tuple[Floats, int]:
        part = slice(start, min(start + _ROWS, n))
        found = moments(signs[part], returns[part])
        mask = None if allowed is None else allowed[part]
        return _path(found, etas, mask, l1_share, positive, tolerance)

    if len(starts) == 1:
        solved = [block(0)]
    else:
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            solved = list(pool.map(block, starts))
    _check_converged(sum(failed for _, failed in solved))
    return np.concatenate([part for part, _ in solved], axis=1)


def lasso_from_moments(found: Moments, etas: Sequence[float]) -> Floats:
    """The same from moments that are there already: a page moves η without the observations.

    Raises:
        ScenaristError: if a row does not converge.
    """
    solved, failed = _path(found, etas, None, 1.0, False, TOLERANCE)
    _check_converged(failed)
    return solved


def ridge(signs: Floats, returns: Floats, etas: Sequence[float], *, allowed: Mask | None = None) -> Floats:
    """λ of (6.21) in closed form: (G + 2ηI) λ = b, G and b as in :class:`Moments`.

    Args:
        signs: ``(assets, generators, times)``.
        returns: ``(assets, times)``.
        etas: K penalties > 0.
        allowed: ``(assets, generators)`` edges that may exist; all if None.

    Returns:
        ``(K, assets, generators)`` λ, not normalised.

    References:
        Hoerl and Kennard (1970).
    """
    solved = np.zeros((len(etas), signs.shape[0], signs.shape[1]))
    for i in range(len(returns)):
        gram, target, _ = _row(signs[i], returns[i])
        _ridge_row(gram, target, etas, None if allowed is None else allowed[i], solved[:, i])
    return solved


def ridge_from_moments(found: Moments, etas: Sequence[float]) -> Floats:
    """The same from moments that are there already."""
    solved = np.zeros((len(etas), *found.target.shape))
    for i, (gram, target) in enumerate(zip(found.gram, found.target, strict=True)):
        _ridge_row(gram, target, etas, None, solved[:, i])
    return solved


def _row(signs: Floats, returns: Floats) -> tuple[Floats, Floats, Floats]:
    earned = np.asarray(signs, dtype=np.float64) * returns  # (generators, times)
    times = len(returns)
    return earned @ earned.T / times, earned @ np.abs(returns) / times, earned.sum(axis=1)


def _path(
    found: Moments, etas: Sequence[float], allowed: Mask | None, l1_share: float, positive: bool, tolerance: float
) -> tuple[Floats, int]:
    penalties = np.asarray(etas, dtype=np.float64)
    order = np.argsort(-penalties, kind="stable")  # warm starts go from sparse to dense
    mask = np.ones(found.target.shape, dtype=np.bool_) if allowed is None else np.ascontiguousarray(allowed)
    solved = np.empty((len(penalties), *found.target.shape))
    l1, l2 = penalties[order] * l1_share, penalties[order] * (1 - l1_share)
    failed = penalised_rows(found.gram, found.target, mask, l1, l2, positive, tolerance, solved)
    back = np.empty_like(solved)
    back[order] = solved
    return back, int(failed)


def _check_converged(failed: int) -> None:
    if failed:
        raise ScenaristError(
            f"expected every row's regression to converge; found {failed} that did not: use a larger penalty"
        )


def _ridge_row(gram: Floats, target: Floats, etas: Sequence[float], allowed: Mask | None, out: Floats) -> None:
    speaks = np.diagonal(gram) > 0
    keep = np.flatnonzero(speaks if allowed is None else speaks & allowed)
    if len(keep) == 0:
        return
    values, vectors = np.linalg.eigh(gram[np.ix_(keep, keep)])
    projected = vectors.T @ target[keep]
    for k, eta in enumerate(etas):
        out[k, keep] = vectors @ (projected / (np.maximum(values, 0.0) + 2 * eta))


def same_sector(sectors: Sequence[str]) -> Mask:
    """``(assets, generators)`` edges within a sector: a mask for ``allowed``; sectors are those of the assets."""
    return np.array([[a == b for b in sectors] for a in sectors], dtype=np.bool_)


LARGEST_PASSES = 2_000
"""Rounds of (all coordinates, active set, direct solve) before a row is given up as not converged."""

_ACTIVE_SWEEPS = 40  # sweeps over the active set between two attempts at a direct solve
_PIVOT = 1e-11  # smaller relative pivots: the active generators are collinear, and only sweeps can go on


@compiled("contract")
def _shrunk(correlation: float, threshold: float, positive: bool) -> float:
    """Soft thresholding; with ``positive`` only its upper branch."""
    if correlation > threshold:
        return correlation - threshold
    if correlation < -threshold and not positive:
        return correlation + threshold
    return 0.0


@compiled("contract")
def _violation(gradient: float, value: float, threshold: float, positive: bool) -> float:
    """How far one coordinate is from optimal: ``gradient`` is b − Gλ − η₂λ there, η₁ the threshold."""
    if value > 0.0:
        return abs(gradient - threshold)
    if value < 0.0:
        return abs(gradient + threshold)
    excess = gradient if positive else abs(gradient)
    return max(0.0, excess - threshold)


@compiled("contract")
def _solve_active(
    gram: Floats, target: Floats, active: Any, size: int, sign: Floats, l1: float, l2: float, factor: Floats, x: Floats
) -> bool:
    """Solve (G_AA + η₂I) λ_A = b_A − η₁ sign by Cholesky into ``x``; False if G_AA is numerically singular."""
    for a in range(size):
        row = active[a]
        for c in range(a + 1):
            column = active[c]
            total = gram[row, column]
            if a == c:
                total += l2
            diagonal = total
            for k in range(c):
                total -= factor[a, k] * factor[c, k]
            if a == c:
                if not total > _PIVOT * diagonal:
                    return False
                factor[a, a] = np.sqrt(total)
            else:
                factor[a, c] = total / factor[c, c]
    for a in range(size):
        total = target[active[a]] - l1 * sign[active[a]]
        for k in range(a):
            total -= factor[a, k] * x[k]
        x[a] = total / factor[a, a]
    for back in range(size):
        a = size - 1 - back
        total = x[a]
        for k in range(a + 1, size):
            total -= factor[k, a] * x[k]
        x[a] = total / factor[a, a]
    return True


@compiled("contract", cache=True)
def penalised_rows(
    gram: Floats, target: Floats, allowed: Any, l1: Floats, l2: Floats, positive: bool, tolerance: float, out: Floats
) -> int:
    """min ½ λᵀGλ − bᵀλ + η₁ Σ|λ| + ½ η₂ Σλ² for every row and every penalty, warm-started from the penalty before.

    Cyclic coordinate descent over all coordinates finds the active set; sweeps restricted to it, and a Cholesky solve
    once its signs have settled, bring it to the optimum; a row is done when no coordinate violates the optimality
    conditions by more than ``tolerance`` times the largest |b|.

    Args:
        gram: ``(n, J, J)``.
        target: ``(n, J)`` b.
        allowed: ``(n, J)`` bool, coordinates that may differ from zero.
        l1, l2: ``(K,)`` penalties, best in falling order.
        positive: only λ ≥ 0.
        tolerance: relative to the row's largest |b|.
        out: ``(K, n, J)`` receives λ.

    Returns:
        How many (row, penalty) pairs did not converge.
    """
    n, size = target.shape
    value, product = np.zeros(size), np.zeros(size)
    active = np.zeros(size, dtype=np.int64)
    factor, solved, sign = np.zeros((size, size)), np.zeros(size), np.zeros(size)
    failed = 0
    for row in range(n):
        matrix, b = gram[row], target[row]
        scale = 0.0
        for j in range(size):
            value[j] = 0.0
            product[j] = 0.0
            if allowed[row, j]:
                scale = max(scale, abs(b[j]))
        for k in range(l1.shape[0]):
            done = scale == 0.0
            for _ in range(LARGEST_PASSES):
                if done:
                    break
                count = 0
                for j in range(size):
                    if not allowed[row, j] or matrix[j, j] <= 0.0:
                        continue
                    old = value[j]
                    inner = b[j] - product[j] + matrix[j, j] * old
                    new = _shrunk(inner, l1[k], positive) / (matrix[j, j] + l2[k])
                    if new != old:
                        value[j] = new
                        step = new - old
                        for c in range(size):
                            product[c] += step * matrix[j, c]
                    if value[j] != 0.0:
                        active[count] = j
                        count += 1
                for _sweep in range(_ACTIVE_SWEEPS):
                    change = 0.0
                    for a in range(count):
                        j = active[a]
                        old = value[j]
                        inner = b[j] - product[j] + matrix[j, j] * old
                        new = _shrunk(inner, l1[k], positive) / (matrix[j, j] + l2[k])
                        if new != old:
                            value[j] = new
                            step = new - old
                            change = max(change, abs(step) * matrix[j, j])
                            for c in range(count):  # the others are set right below
                                product[active[c]] += step * matrix[j, active[c]]
                    if change <= 1e-3 * tolerance * scale:
                        break
                kept = 0
                for a in range(count):
                    j = active[a]
                    if value[j] != 0.0:
                        active[kept] = j
                        kept += 1
                        sign[j] = 1.0 if value[j] > 0.0 else -1.0
                if _solve_active(matrix, b, active, kept, sign, l1[k], l2[k], factor, solved):
                    same = True
                    for a in range(kept):
                        if solved[a] * sign[active[a]] <= 0.0:
                            same = False
                    if same:
                        for a in range(kept):
                            value[active[a]] = solved[a]
                for c in range(size):
                    product[c] = 0.0
                for a in range(kept):
                    j = active[a]
                    for c in range(size):
                        product[c] += value[j] * matrix[j, c]
                worst = 0.0
                for j in range(size):
                    if allowed[row, j]:
                        left = b[j] - product[j] - l2[k] * value[j]
                        worst = max(worst, _violation(left, value[j], l1[k], positive))
                done = worst <= tolerance * scale
            failed += 0 if done else 1
            out[k, row] = value
    return failed
