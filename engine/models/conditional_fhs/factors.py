"""Factors of standardised innovations: the index return and the leading principal components of the surface."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.errors import MarketDataError
from engine.market.grid import Floats

LEAST_SHARE = 1e-9
"""Principal components with a smaller share of the variance are rounding, not factors."""


@dataclass(frozen=True, eq=False)
class Factors:
    """z ↔ (f, r): f the return's innovation and K principal scores over their standard deviations, r what they leave.

    Args:
        axes: ``(N, K)`` orthonormal principal axes of the innovations of the surface.
        factor_sd: ``(1 + K,)`` standard deviation of the return's innovation and of the K scores.
    """

    axes: Floats
    factor_sd: Floats

    @classmethod
    def fit(cls, innovations: Floats, most: int) -> Factors:
        """The axes of innovations ``(n, 1 + N)``; at most so many, fewer where the surface has fewer."""
        _, values, rows = np.linalg.svd(innovations[:, 1:], full_matrices=False)
        kept = int((values**2 > LEAST_SHARE * (values**2).sum()).sum())
        axes = rows[: min(most, kept)].T
        axes = axes * np.where(axes.sum(axis=0) < 0, -1.0, 1.0)  # a sign of its own is as good as another: take up = up
        factor_sd = np.concatenate([innovations[:, :1], innovations[:, 1:] @ axes], axis=1).std(axis=0)
        return cls(np.ascontiguousarray(axes), factor_sd)

    def of(self, innovations: Floats) -> Floats:
        """Factors ``(…, 1 + K)`` of innovations ``(…, 1 + N)``."""
        factors: Floats = np.concatenate([innovations[..., :1], innovations[..., 1:] @ self.axes], axis=-1)
        return factors / self.factor_sd

    def split(self, innovations: Floats) -> tuple[Floats, Floats]:
        """Factors ``(…, 1 + K)`` and rest ``(…, N)`` of innovations ``(…, 1 + N)``."""
        scores = innovations[..., 1:] @ self.axes
        return self.of(innovations), innovations[..., 1:] - scores @ self.axes.T

    def join(self, factors: Floats, rest: Floats) -> Floats:
        """The inverse of :meth:`split`."""
        scores = factors * self.factor_sd
        joined: Floats = np.concatenate([scores[..., :1], scores[..., 1:] @ self.axes.T + rest], axis=-1)
        return joined

    def explained(self, innovations: Floats) -> float:
        """The share of the surface's variance that the factors hold in innovations ``(n, 1 + N)``."""
        factors, rest = self.split(innovations)
        held = float(np.square(factors[:, 1:] * self.factor_sd[1:]).sum())
        return held / (held + float(np.square(rest).sum()))


def units(observed: Floats) -> Floats:
    """``(1 + N,)`` standard deviations of training moves.

    Raises:
        MarketDataError: if spot or a point of the surface never moves.
    """
    unit: Floats = observed.std(axis=0)
    if not unit.min() > 0:
        raise MarketDataError("expected spot and every point of the surface to move in training; found one that stays")
    return unit
