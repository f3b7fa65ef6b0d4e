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

import numpy as np
from numpy.typing import NDArray

from engine.decisions.graph.kernels import penalised_rows
from engine.errors import ScenaristError
from engine.market.grid import Floats

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


def lasso_from_moments(
    found: Moments,
    etas: Sequence[float],
    *,
    allowed: Mask | None = None,
    l1_share: float = 1.0,
    positive: bool = False,
    tolerance: float = TOLERANCE,
) -> Floats:
    """The same from moments that are there already: a page moves η without the observations.

    Raises:
        ScenaristError: if a row does not converge.
    """
    solved, failed = _path(found, etas, allowed, l1_share, positive, tolerance)
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


def ridge_from_moments(found: Moments, etas: Sequence[float], *, allowed: Mask | None = None) -> Floats:
    """The same from moments that are there already."""
    solved = np.zeros((len(etas), *found.target.shape))
    for i, (gram, target) in enumerate(zip(found.gram, found.target, strict=True)):
        _ridge_row(gram, target, etas, None if allowed is None else allowed[i], solved[:, i])
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


def same_sector(sectors: Sequence[str], generator_sectors: Sequence[str] | None = None) -> Mask:
    """``(assets, generators)`` edges within a sector: a mask for ``allowed``.

    Args:
        sectors: sector of each asset.
        generator_sectors: of each generator; the same if None.
    """
    others = sectors if generator_sectors is None else generator_sectors
    return np.array([[a == b for b in others] for a in sectors], dtype=np.bool_)
