"""Gaussian vector autoregression of the return and the factors of the surface."""

from __future__ import annotations

import time
from typing import ClassVar

import numpy as np

from engine.errors import MarketDataError
from engine.market.grid import Floats, Grid
from engine.market.surface_history import SurfaceHistory
from engine.models.chains import Chain, MoveChain
from engine.models.conditional_fhs.innovations import MoveModel, Rows
from engine.models.factor.basis import FactorBasis, covariance_root
from engine.models.surface_model import FitReport, Tensors
from engine.settings import configuration, setting
from engine.training.progress import Checkpointer, OnStep, check_arrays


@configuration
class GaussianVarConfig:
    """Vector autoregression of order one."""

    factors: int = setting(4, label="Factors", help="Principal components beside the return.", low=1, high=20)


class GaussianVar(MoveModel):
    """s_{t+1} = c + A s_t + ε with s_t = (R_{t−Δ}, X_t), the return that ended at t and the factors; ε ~ N(0, Σ).

    c and A by least squares, equation by equation, Σ with a divisor that counts the coefficients. The conditional law
    has constant variance.

    References:
        H. Lütkepohl (2005), New introduction to multiple time series analysis, (3.2.10) and (3.2.19).
    """

    name: ClassVar[str] = "gaussian_var"
    label: ClassVar[str] = "Gaussian VAR on factors"
    Config: ClassVar[type] = GaussianVarConfig

    def __init__(self, config: GaussianVarConfig | None = None) -> None:
        super().__init__(config)
        self._state: Tensors = {}

    def fit(
        self,
        history: SurfaceHistory,
        *,
        seed: int,
        on_step: OnStep | None = None,
        checkpointer: Checkpointer | None = None,
    ) -> FitReport:
        """Components, coefficients and covariance.

        Raises:
            MarketDataError: if there are fewer days than ten a coefficient of an equation.
        """
        started = time.perf_counter()
        k = min(self.config.factors, history.grid.size)
        least = 10 * (k + 2) + 2
        if len(history) < least:
            raise MarketDataError(
                f"expected at least {least} days for {k} factors and the return; found {len(history)}"
            )
        basis = FactorBasis.fit(history, k)
        system = _system(history, basis.factors(history))
        regressors = np.concatenate([np.ones((len(system) - 1, 1)), system[:-1]], axis=1)
        coefficients = np.linalg.lstsq(regressors, system[1:], rcond=None)[0]  # (1 + 1 + k, 1 + k)
        errors = system[1:] - regressors @ coefficients
        self._state = {
            **basis.state(),
            "coefficients": coefficients,
            "covariance": errors.T @ errors / (len(errors) - regressors.shape[1]),
        }
        self._grid = history.grid
        root = np.abs(np.linalg.eigvals(coefficients[1:].T)).max()
        return FitReport(
            steps=0,
            seconds=time.perf_counter() - started,
            trained_on=(str(history.dates[1]), str(history.dates[-2])),
            metrics={"largest_root": float(root)},
        )

    def state(self) -> Tensors:
        """Basis, coefficients (constant first) and covariance of the errors."""
        self._fitted()
        return dict(self._state)

    def restore(self, state: Tensors, grid: Grid) -> None:
        """Take over a state; an error leaves the model as it was."""
        k = min(self.config.factors, grid.size)
        shapes = FactorBasis.shapes(grid, k) | {"coefficients": (2 + k, 1 + k), "covariance": (1 + k, 1 + k)}
        check_arrays(state, shapes, kind=f"{self.label} state for {grid!r}")
        self._state = {name: np.asarray(state[name], dtype=np.float64) for name in shapes}
        self._grid = grid

    def _draw(self, history: SurfaceHistory, rows: Rows, n: int, rng: np.random.Generator) -> Floats:
        s = self._state
        basis = FactorBasis(s["log_average"], s["vectors"], s["rest"])
        factors = basis.factors(history)
        system = _system(history, factors)
        root = covariance_root(s["covariance"])
        drawn = np.empty((len(rows), n, 1 + history.grid.size))
        for day, row in enumerate(rows):
            today = system[row - 1]
            tomorrow = s["coefficients"][0] + today @ s["coefficients"][1:]
            draws = tomorrow + rng.standard_normal((n, len(root))) @ root.T
            drawn[day, :, 0] = draws[:, 0]
            drawn[day, :, 1:] = basis.surface_moves(draws[:, 1:] - factors[row], rng)
        return drawn

    def chain(self, condition: SurfaceHistory, n: int) -> Chain:
        """Paths that carry s = (R, X)."""
        self._checked(condition, n)
        self._rows(condition, [-1])
        return _VarChain(self._state, condition, n)


class _VarChain(MoveChain):
    def __init__(self, state: Tensors, condition: SurfaceHistory, n: int) -> None:
        super().__init__(condition, n)
        self._coefficients = state["coefficients"]
        self._basis = FactorBasis(state["log_average"], state["vectors"], state["rest"])
        self._root = covariance_root(state["covariance"])
        today = _system(condition[len(condition) - 2 :], self._basis.factors(condition[len(condition) - 2 :]))
        self._today = np.tile(today[-1], (n, 1))  # (n, 1 + k)

    def _moves(self, rng: np.random.Generator) -> Floats:
        basis, k = self._basis, len(self._root)
        drawn = rng.standard_normal((len(self._today), k + len(basis.rest)))  # shocks, then the rest's noise
        tomorrow = self._coefficients[0] + self._today @ self._coefficients[1:] + drawn[:, :k] @ self._root.T
        surface = basis.surface_moves_of(tomorrow[:, 1:] - self._today[:, 1:], drawn[:, k:])
        self._today = tomorrow
        return np.column_stack([tomorrow[:, 0], surface])


def _system(history: SurfaceHistory, factors: Floats) -> Floats:
    """``(n − 1, 1 + k)`` s_t of rows 1, 2, …: the return that ended at t and the factors at t."""
    return np.concatenate([history.log_return[:, None], factors[1:]], axis=1)
