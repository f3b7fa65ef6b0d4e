"""Principal components of log vol as coordinates for factor models of the next move, and the Gaussian rest.

The leading k components carry a model's dynamics; what they leave of the daily changes moves as independent Gaussian
noise along the remaining components, with their training variance, so that scenarios are not confined to a plane.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from engine.market.grid import Floats, Grid
from engine.market.surface_history import SurfaceHistory
from engine.surfaces import principal_components


@dataclass(frozen=True, eq=False)
class FactorBasis:
    """k leading components and the rest.

    Args:
        log_average: ``(N,)`` Ỹ, log of the average training surface.
        vectors: ``(k, N)`` eigen-surfaces f_i, orthonormal.
        rest: ``(N − k, N)`` the other eigen-surfaces, each times the standard deviation of daily changes along it.
    """

    log_average: Floats
    vectors: Floats
    rest: Floats

    @classmethod
    def fit(cls, history: SurfaceHistory, k: int) -> FactorBasis:
        """The components of a training history.

        Raises:
            MarketDataError: if there are too few days or no vol ever changes.
        """
        grid = history.grid
        found = principal_components.fit(history, grid.size)
        vectors = np.ascontiguousarray(grid.flatten(found.vectors))
        rest = np.sqrt(found.eigenvalues[k:])[:, None] * vectors[k:]
        return cls(grid.flatten(found.log_average), vectors[:k], rest)

    def factors(self, log_iv: Floats) -> Floats:
        """``(n, k)`` X^i_t = ⟨Y_t − Ỹ, f_i⟩ of log vols ``(n, N)``."""
        values: Floats = (log_iv - self.log_average) @ self.vectors.T
        return values

    def surface_moves(self, changes: Floats, noise: Floats) -> Floats:
        """``(n, N)`` Δg of changes ``(n, k)`` of the factors and standard normal noise ``(n, N − k)`` for the rest."""
        surface_moves: Floats = changes @ self.vectors + noise @ self.rest
        return surface_moves

    def state(self) -> dict[str, Floats]:
        """Named arrays."""
        return {"log_average": self.log_average, "vectors": self.vectors, "rest": self.rest}

    @classmethod
    def of(cls, state: Mapping[str, Floats]) -> FactorBasis:
        """The inverse of :meth:`state`; other arrays are left alone."""
        return cls(state["log_average"], state["vectors"], state["rest"])

    @staticmethod
    def shapes(grid: Grid, k: int) -> dict[str, tuple[int, ...]]:
        """Name → shape of :meth:`state`."""
        return {"log_average": (grid.size,), "vectors": (k, grid.size), "rest": (grid.size - k, grid.size)}


def covariance_root(covariance: Floats) -> Floats:
    """R with R R' equal to a positive semi-definite matrix, also where it is singular."""
    values, vectors = np.linalg.eigh(covariance)
    root: Floats = vectors * np.sqrt(np.maximum(values, 0.0))
    return root
