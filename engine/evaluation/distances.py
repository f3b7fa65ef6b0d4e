"""How far apart are two samples? Energy distance, alignment of principal components, and the floor the data set.

No sample is at distance zero from another of the same law. The floor is what the data score against themselves: their
days are split at random into halves made of whole blocks, and whatever is measured between a model on one half and the
data on the other is measured between the two halves of the data as well.

References:
    G. Székely and M. Rizzo (2013), Energy statistics, J. of Statistical Planning and Inference 143.
    VolGAN, Table 3.5 (inner products of principal components).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine.errors import MarketDataError, SettingsError
from engine.evaluation.scores import mean_cross_distance, mean_distance
from engine.market.grid import Floats

Statistic = Callable[[NDArray[Any], NDArray[Any]], float | Floats]


def energy_distance(x: ArrayLike, y: ArrayLike) -> float:
    """2 E‖X − Y‖ − E‖X − X'‖ − E‖Y − Y'‖, estimated without bias: zero on average if the laws are the same.

    Half of it is what forecasting with the law of X costs in energy score when Y is the truth.

    Args:
        x: ``(n, d)`` one sample, n ≥ 2.
        y: ``(m, d)`` another, m ≥ 2.

    Returns:
        In the unit of the coordinates; slightly negative values are sampling noise.

    Raises:
        MarketDataError: if shapes disagree or values are not finite.

    References:
        Székely and Rizzo (2013).
    """
    a, b = _samples(x, y)
    w, v = np.full(len(a), 1 / len(a)), np.full(len(b), 1 / len(b))
    within = mean_distance(a, w) / (1 - 1 / len(a)) + mean_distance(b, v) / (1 - 1 / len(b))
    return 2 * mean_cross_distance(a, b, w, v) - within


def score_excess(x: ArrayLike, truth: ArrayLike, weights: ArrayLike | None = None) -> Floats:
    """Expected energy score of a law in excess of the true law's: half their energy distance, E over the truth.

    Args:
        x: ``(..., n, d)`` scenarios of the law.
        truth: ``(..., m, d)`` scenarios of the true law, independent of x.
        weights: ``(..., n)`` of x, ≥ 0 and summing to one; equal if not given.

    Returns:
        ``(...)`` in the unit of the coordinates, estimated without bias: it can fall below zero.

    Raises:
        MarketDataError: if shapes disagree.

    References:
        Gneiting and Raftery (2007), Strictly proper scoring rules, section 4.3.
    """
    values, true = np.asarray(x, dtype=np.float64), np.asarray(truth, dtype=np.float64)
    if values.ndim < 2 or values.shape[:-2] != true.shape[:-2] or values.shape[-1] != true.shape[-1]:
        raise MarketDataError(f"expected scenarios of the true law like {values.shape}; found {true.shape}")
    batch, (n, d), m = values.shape[:-2], values.shape[-2:], true.shape[-2]
    w = np.full((*batch, n), 1 / n) if weights is None else np.asarray(weights, dtype=np.float64)
    if w.shape != (*batch, n):
        raise MarketDataError(f"expected weights of shape {(*batch, n)}; found {w.shape}")
    equal = np.full(m, 1 / m)
    excess = np.empty(int(np.prod(batch, dtype=np.intp)))
    for k, (a, b, mass) in enumerate(
        zip(values.reshape(-1, n, d), true.reshape(-1, m, d), w.reshape(-1, n), strict=True)
    ):
        own = mean_distance(a, mass) / (1 - mass @ mass)
        excess[k] = mean_cross_distance(a, b, mass, equal) - 0.5 * (own + mean_distance(b, equal) / (1 - 1 / m))
    return excess.reshape(batch)[()]


def alignment(x: ArrayLike, y: ArrayLike, k: int = 3) -> Floats:
    """``(k,)`` |⟨f_i(x), f_i(y)⟩|: do the leading principal components of two samples point the same way?

    One when they agree, 1/√d or less for unrelated directions. Components of nearly equal variance may swap places.

    Args:
        x, y: ``(n, d)`` and ``(m, d)``.
        k: components compared, at most d.

    Raises:
        MarketDataError: if shapes disagree or values are not finite.
        SettingsError: for k outside 1 … d.

    References:
        VolGAN, Table 3.5.
    """
    a, b = _samples(x, y)
    if not 1 <= k <= a.shape[1]:
        raise SettingsError(f"expected between 1 and {a.shape[1]} components; found {k}")
    products: Floats = np.abs((components(a, k) * components(b, k)).sum(axis=1))
    return products


def components(x: Floats, k: int) -> Floats:
    """``(k, d)`` leading eigenvectors of the covariance of a sample, of unit norm and either sign."""
    vectors: Floats = np.linalg.eigh(np.cov(x.T))[1].T[::-1][:k]
    return vectors


def explained(x: Floats, k: int) -> Floats:
    """``(k,)`` shares of variance along the leading principal components of a sample."""
    values = np.linalg.eigvalsh(np.cov(np.asarray(x, dtype=np.float64).T))[::-1]
    shares: Floats = values[:k] / values.sum()
    return shares


def wasserstein(x: ArrayLike, y: ArrayLike) -> float:
    """Wasserstein-1 distance of two samples of a number, ∫ |F − G|."""
    from scipy.stats import wasserstein_distance

    return float(wasserstein_distance(np.ravel(x), np.ravel(y)))


def block_halves(n: int, *, rng: np.random.Generator, draws: int = 50, block: int = 21) -> NDArray[np.bool_]:
    """Random halves of n days made of whole blocks, so that volatility clusters are not spread over both.

    Args:
        n: days.
        rng: source of randomness.
        draws: number of splits.
        block: consecutive days that stay together; shortened so that there are at least four blocks.

    Returns:
        ``(draws, n)`` True for days in the first half: half of the blocks, the odd one left to the second.

    Raises:
        SettingsError: for fewer than four days or no draw.
    """
    if n < 4 or draws < 1 or block < 1:
        raise SettingsError(f"expected at least four days, one draw and blocks of a day; found {n}, {draws}, {block}")
    length = min(block, n // 4)
    of_day = np.arange(n) // length
    blocks = int(of_day[-1]) + 1
    ranks = rng.permuted(np.tile(np.arange(blocks), (draws, 1)), axis=1)
    halves: NDArray[np.bool_] = (ranks < blocks // 2)[:, of_day]
    return halves


@dataclass(frozen=True)
class AgainstFloor:
    """A statistic between a model and the data, beside the same between two halves of the data.

    Args:
        value: mean over the splits, model on one half against data on the other.
        low, high: 95 % of the splits.
        floor: mean over the same splits, data against data.
        floor_low, floor_high: 95 % of the splits.
        beyond: share of splits in which the model's value exceeds the data's: about ½ for a perfect model.
    """

    value: float
    low: float
    high: float
    floor: float
    floor_low: float
    floor_high: float
    beyond: float


def against_floor(
    simulated: NDArray[Any], real: NDArray[Any], statistic: Statistic, halves: NDArray[np.bool_]
) -> tuple[AgainstFloor, ...]:
    """A statistic of two samples, between simulated and real days and between real and real days.

    In split r the first half of the days is taken from draw r of the simulation, the second from the data.

    Args:
        simulated: ``(draws, n, …)`` one simulated value of each day in each draw, at least as many draws as splits.
        real: ``(n, …)`` what came.
        statistic: maps two samples to a number or several.
        halves: ``(splits, n)`` from :func:`block_halves`.

    Returns:
        One entry for each number of the statistic.

    Raises:
        MarketDataError: if shapes disagree.
    """
    if simulated.shape[1:] != real.shape or halves.shape[1] != len(real) or len(simulated) < len(halves):
        raise MarketDataError(
            f"expected simulated days like the real ones, {real.shape}, one draw a split; found {simulated.shape}"
        )
    model, floor = [], []
    for draw, first in zip(simulated, halves, strict=False):
        model.append(np.atleast_1d(statistic(draw[first], real[~first])))
        floor.append(np.atleast_1d(statistic(real[first], real[~first])))
    found = []
    for values, floors in zip(np.transpose(model), np.transpose(floor), strict=True):
        (low, high), (floor_low, floor_high) = (np.quantile(part, [0.025, 0.975]) for part in (values, floors))
        found.append(
            AgainstFloor(
                value=float(values.mean()),
                low=float(low),
                high=float(high),
                floor=float(floors.mean()),
                floor_low=float(floor_low),
                floor_high=float(floor_high),
                beyond=float((values > floors).mean()),
            )
        )
    return tuple(found)


def _samples(x: ArrayLike, y: ArrayLike) -> tuple[Floats, Floats]:
    a, b = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1] or min(len(a), len(b)) < 2:
        raise MarketDataError(f"expected two samples (n, d) of at least two points; found {a.shape} and {b.shape}")
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise MarketDataError("expected finite samples; found NaN or infinite values")
    return a, b
