"""Gaussian vector autoregression of the return and the factors of the surface."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from engine.errors import MarketDataError
from engine.market.grid import Floats, Grid
from engine.market.surface_history import SurfaceHistory
from engine.models.conditional_fhs.filter import Filter, HistoryFilter
from engine.models.conditional_fhs.model import ExactMoveModel, Known, Learned, Pool, Run
from engine.models.factor.basis import FactorBasis, covariance_root
from engine.models.surface_model import Tensors
from engine.settings import configuration, setting


@configuration
class GaussianVarConfig:
    """Vector autoregression of order one."""

    factors: int = setting(4, label="Factors", help="Principal components beside the return.", low=1, high=20)


class GaussianVar(ExactMoveModel):
    """s_{t+1} = c + A s_t + ε with s_t = (R_{t−Δ}, X_t), the return that ended at t and the factors; ε ~ N(0, Σ).

    c and A by least squares, equation by equation, Σ with a divisor that counts the coefficients. The conditional law
    has constant variance.

    References:
        H. Lütkepohl (2005), New introduction to multiple time series analysis, (3.2.10) and (3.2.19).
    """

    name: ClassVar[str] = "gaussian_var"
    Config: ClassVar[type] = GaussianVarConfig

    first = 1  # the first return ends on it

    def _learn(self, history: SurfaceHistory, run: Run) -> Learned:
        """Components, coefficients (constant first) and covariance of the errors."""
        k = min(self.config.factors, history.grid.size)
        least = 10 * (k + 2) + 2
        if len(history) < least:
            raise MarketDataError(
                f"expected at least {least} days for {k} factors and the return; found {len(history)}"
            )
        basis = FactorBasis.fit(history, k)
        system = _system(HistoryFilter(history), basis)[1:]
        regressors = np.concatenate([np.ones((len(system) - 1, 1)), system[:-1]], axis=1)
        coefficients = np.linalg.lstsq(regressors, system[1:], rcond=None)[0]  # (1 + 1 + k, 1 + k)
        errors = system[1:] - regressors @ coefficients
        covariance = errors.T @ errors / (len(errors) - regressors.shape[1])
        root = np.abs(np.linalg.eigvals(coefficients[1:].T)).max()
        return Learned(
            {**basis.state(), "coefficients": coefficients, "covariance": covariance},
            metrics={"largest_root": float(root)},
        )

    def _shapes(self, grid: Grid, state: Tensors) -> dict[str, tuple[int, ...]]:
        k = min(self.config.factors, grid.size)
        return FactorBasis.shapes(grid, k) | {"coefficients": (2 + k, 1 + k), "covariance": (1 + k, 1 + k)}

    def known(self, days: Filter) -> Known:
        """s, the return that ended on the day (0 on the first) and the factors."""
        return {"system": _system(days, FactorBasis.of(self._state))}

    def numbers(self, rng: np.random.Generator, n: int) -> Floats:
        """``(n, 1 + N)`` standard normal: shocks of the system, then the rest's noise."""
        return rng.standard_normal((n, 1 + self._fitted().size))

    def draw(self, today: Known, past: Known, pool: Pool, numbers: Floats) -> Floats:
        """The conditional mean plus Gaussian shocks, and the rest."""
        s, now = self._state, today["system"]
        root = covariance_root(s["covariance"])
        tomorrow = s["coefficients"][0] + now @ s["coefficients"][1:] + numbers[:, : len(root)] @ root.T
        surface = FactorBasis.of(s).surface_moves(tomorrow[:, 1:] - now[:, 1:], numbers[:, len(root) :])
        return np.concatenate([tomorrow[:, :1], surface], axis=1)


def _system(days: Filter, basis: FactorBasis) -> Floats:
    """``(rows, 1 + k)`` s_t, the return that ended at t and the factors at t."""
    return np.concatenate([days.last(days.moves[:, :1]), basis.factors(days.log_iv)], axis=1)
