"""Principal components of the daily changes of log implied volatility (2.1–2.4).

With Y = log σ the eigenvectors f_i of the covariance of ΔY are surfaces of unit norm, and the factor processes are
X^i_t = ⟨Y_t − Ỹ, f_i⟩ with Ỹ = log of the average surface.

References:
    R. Cont and J. da Fonseca (2002), Dynamics of implied volatility surfaces, Quantitative Finance 2(1).
    V. Marčenko and L. Pastur (1967), Distribution of eigenvalues for some sets of random matrices.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from engine.errors import MarketDataError
from engine.market.grid import Floats, Grid
from engine.market.surface_history import SurfaceHistory

LEAST_DAYS = 3
"""Two changes are the fewest that have a covariance."""

NAMED_ABOVE = 0.5
"""A component is called skew, term structure or curvature when that shape explains at least this share of it."""

_BOOTSTRAP_BASIS = 128
"""On larger grids bootstrap draws are decomposed within this many leading components."""


@dataclass(frozen=True, eq=False)
class PrincipalComponents:
    """The fit: average surface, spectrum, eigen-surfaces and factor processes.

    Args:
        grid: the grid with N points.
        average: ``(n_moneyness, n_maturity)`` average surface σ̄, annualised vols.
        eigenvalues: ``(N,)`` of the covariance of ΔY, descending; squared change of log vol per day, summed over cells.
        vectors: ``(k, n_moneyness, n_maturity)`` eigen-surfaces f_i, orthonormal as vectors over the grid.
        factors: ``(n_days, k)`` X^i_t = ⟨Y_t − Ỹ, f_i⟩.
        names: market word of each component (see :func:`name_and_sign`).
        correlation_eigenvalues: ``(N',)`` of the correlation of ΔY over the N' cells that move, descending.
        n_changes: M, number of daily changes behind the covariance.
    """

    grid: Grid
    average: Floats
    eigenvalues: Floats
    vectors: Floats
    factors: Floats
    names: tuple[str, ...]
    correlation_eigenvalues: Floats
    n_changes: int

    @property
    def log_average(self) -> Floats:
        """Ỹ, log of the average surface."""
        return np.log(self.average)

    @property
    def explained(self) -> Floats:
        """``(N,)`` share of the variance of ΔY along each eigenvector of the covariance."""
        shares: Floats = self.eigenvalues / self.eigenvalues.sum()
        return shares

    @property
    def correlation_explained(self) -> Floats:
        """``(N',)`` the same for the correlation matrix."""
        shares: Floats = self.correlation_eigenvalues / self.correlation_eigenvalues.sum()
        return shares

    @property
    def edge(self) -> float:
        """Marčenko–Pastur edge λ+ of a correlation matrix of pure noise of this size."""
        return marchenko_pastur_edge(len(self.correlation_eigenvalues), self.n_changes)

    @property
    def n_significant(self) -> int:
        """Eigenvalues of the correlation matrix above the edge."""
        return int((self.correlation_eigenvalues > self.edge).sum())

    def project(self, log_iv: ArrayLike) -> Floats:
        """Factors of surfaces, X^i = ⟨Y − Ỹ, f_i⟩ (2.3).

        Args:
            log_iv: ``(..., n_moneyness, n_maturity)`` Y = log σ.

        Returns:
            ``(..., k)``.
        """
        deviation = self.grid.flatten(np.asarray(log_iv, dtype=np.float64) - self.log_average)  # (..., N)
        factors: Floats = deviation @ self.grid.flatten(self.vectors).T
        return factors

    def reconstruct(self, factors: ArrayLike) -> Floats:
        """Surfaces of factors, σ = σ̄ · exp(Σ X^i f_i); with k = N the inverse of :meth:`project`.

        Args:
            factors: ``(..., k')`` values of the first k' ≤ k factors.

        Returns:
            ``(..., n_moneyness, n_maturity)`` implied vols, annualised.

        Raises:
            MarketDataError: if there are more factors than components.
        """
        values = np.asarray(factors, dtype=np.float64)
        if not 1 <= values.shape[-1] <= len(self.vectors):
            raise MarketDataError(f"expected between 1 and {len(self.vectors)} factors; found {values.shape[-1]}")
        moves = values @ self.grid.flatten(self.vectors[: values.shape[-1]])  # (..., N)
        surfaces: Floats = self.average * np.exp(self.grid.unflatten(moves))
        return surfaces


def fit(history: SurfaceHistory, n_components: int = 4) -> PrincipalComponents:
    """Principal components of the daily changes of log implied vol (2.1–2.4).

    The covariance is taken about the mean change. Signs are fixed by :func:`name_and_sign`. The change from one row to
    the next counts as one step, whatever the days between.

    Args:
        history: at least three days.
        n_components: k, eigen-surfaces and factor processes to keep.

    Raises:
        MarketDataError: if there are too few days, k exceeds the grid, or no vol ever changes.

    References:
        Cont and Vuletić, Simulation of arbitrage-free implied volatility surfaces, equations (2.1)–(2.4).
    """
    grid = history.grid
    if len(history) < LEAST_DAYS:
        raise MarketDataError(f"expected at least {LEAST_DAYS} days for principal components; found {len(history)}")
    if not 1 <= n_components <= grid.size:
        raise MarketDataError(f"expected between 1 and {grid.size} components on this grid; found {n_components}")
    changes = _changes(history)
    covariance = changes.T @ changes / (len(changes) - 1)
    variance = np.diag(covariance)
    # rounding in log(σ) leaves traces of 1e-33 in cells that never move
    moving = variance > 1e-24
    if not moving.any():
        raise MarketDataError("expected surfaces that change from day to day; found the same surface every day")
    values, columns = np.linalg.eigh(covariance)
    leading = columns.T[::-1][:n_components]  # (k, N)
    scale = np.sqrt(variance[moving])
    correlation = covariance[np.ix_(moving, moving)] / np.outer(scale, scale)

    average = history.iv.mean(axis=0)
    named = [name_and_sign(vector, grid, first=k == 0) for k, vector in enumerate(leading)]
    signed = leading * np.array([sign for _, sign in named])[:, None]
    factors = grid.flatten(history.log_iv - np.log(average)) @ signed.T  # (n_days, k)
    return PrincipalComponents(
        grid=grid,
        average=average,
        eigenvalues=np.maximum(values[::-1], 0.0),
        vectors=grid.unflatten(signed),
        factors=factors,
        names=_distinct([name for name, _ in named]),
        correlation_eigenvalues=np.maximum(np.linalg.eigvalsh(correlation)[::-1], 0.0),
        n_changes=len(changes),
    )


def marchenko_pastur_edge(n_points: int, n_changes: int) -> float:
    """λ+ = (1 + sqrt(N/M))²: no eigenvalue of the correlation of N independent series of length M lies above it, as
    N and M grow in proportion.

    Args:
        n_points: N.
        n_changes: M.
    """
    return float((1.0 + np.sqrt(n_points / n_changes)) ** 2)


def reference_shapes(grid: Grid) -> dict[str, Floats]:
    """Level 1, skew −log m, term structure log τ, curvature (log m)², made orthonormal over the grid in this order.

    Each is a vector ``(N,)``: level is positive, skew is higher for low strikes, term structure for long maturities,
    curvature in the wings.
    """
    log_m = np.log(grid.moneyness)[:, None]
    log_tau = np.log(grid.maturity)[None, :]
    raw = [np.ones(grid.shape), -log_m + 0 * log_tau, log_tau + 0 * log_m, log_m**2 + 0 * log_tau]
    basis, triangle = np.linalg.qr(grid.flatten(np.stack(raw)).T)
    basis = basis * np.sign(np.diag(triangle))
    return dict(zip(("level", "skew", "term structure", "curvature"), basis.T, strict=True))


def name_and_sign(vector: Floats, grid: Grid, *, first: bool) -> tuple[str | None, float]:
    """The market word of an eigenvector and the sign to give it.

    The sign makes the first component positive on average. Any other component gets a positive inner product with
    whichever of skew, term structure and curvature (:func:`reference_shapes`) it resembles most, so that rising
    factors mean dearer low strikes, dearer long maturities or dearer wings. The word is that of the shape (level
    included) that explains at least half of the vector; otherwise there is none.

    Args:
        vector: ``(N,)`` of unit norm.
        grid: its grid.
        first: whether it is the first component.
    """
    overlaps = {name: float(shape @ vector) for name, shape in reference_shapes(grid).items()}
    best = max(overlaps, key=lambda name: abs(overlaps[name]))
    word = best if overlaps[best] ** 2 >= NAMED_ABOVE else None
    ruling = "level" if first else max(list(overlaps)[1:], key=lambda name: abs(overlaps[name]))
    deciding = overlaps[ruling]
    if abs(deciding) < 1e-9:  # orthogonal to the shape that should decide: its largest cell does
        deciding = vector[np.abs(vector).argmax()]
    return word, 1.0 if deciding >= 0 else -1.0


def bootstrap_explained(
    history: SurfaceHistory,
    n_components: int = 4,
    *,
    rng: np.random.Generator,
    draws: int = 500,
    block: int = 21,
) -> Floats:
    """Explained shares under resampling of whole blocks of days, which keeps volatility clustering.

    Consecutive blocks of ``block`` changes are drawn with replacement as many times as there are, and the covariance
    is decomposed anew in every draw. On grids of more than 128 points it is decomposed within the 128 leading
    components of the data; the total variance is always that of all points.

    Args:
        history: the data.
        n_components: k.
        rng: source of randomness.
        draws: number of resamples.
        block: days in a block.

    Returns:
        ``(draws, k)`` shares of the first k eigenvalues.

    Raises:
        MarketDataError: if there are fewer than two blocks.

    References:
        E. Carlstein (1986), The use of subseries values for estimating the variance of a general statistic.
    """
    changes = _changes(history)
    if len(changes) < 2 * block:
        raise MarketDataError(f"expected at least two blocks of {block} daily changes; found {len(changes)} changes")
    total = (changes**2).sum(axis=1)  # (M,) keeps the variance outside the basis
    if history.grid.size > _BOOTSTRAP_BASIS:
        basis = np.linalg.svd(changes, full_matrices=False)[2][:_BOOTSTRAP_BASIS]
        changes = changes @ basis.T
    starts = np.arange(0, len(changes), block)
    parts = [changes[start : start + block] for start in starts]
    lengths = np.array([len(part) for part in parts], dtype=np.float64)
    sums = np.stack([part.sum(axis=0) for part in parts])  # (blocks, N)
    squares = np.stack([part.T @ part for part in parts])  # (blocks, N, N)
    totals = np.add.reduceat(total, starts)

    counts = rng.multinomial(len(parts), np.full(len(parts), 1 / len(parts)), size=draws).astype(np.float64)
    sizes = counts @ lengths
    shares = np.empty((draws, n_components))
    for draw, (weight, size) in enumerate(zip(counts, sizes, strict=True)):
        mean = weight @ sums / size
        covariance = np.tensordot(weight, squares, axes=1) / size - np.outer(mean, mean)
        variance = weight @ totals / size - mean @ mean
        shares[draw] = np.linalg.eigvalsh(covariance)[::-1][:n_components] / variance
    return shares


def _changes(history: SurfaceHistory) -> Floats:
    """``(M, N)`` daily changes of log vol about their mean."""
    changes = np.diff(history.grid.flatten(history.log_iv), axis=0)
    centred: Floats = changes - changes.mean(axis=0)
    return centred


def _distinct(words: list[str | None]) -> tuple[str, ...]:
    """A word is given once, to the first component it fits; the others are numbered."""
    names: list[str] = []
    for k, word in enumerate(words, start=1):
        names.append(word if word is not None and word not in names else f"component {k}")
    return tuple(names)
