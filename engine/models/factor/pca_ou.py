"""The factor model of chapter 2 as a forecaster: Ornstein–Uhlenbeck factors and a return correlated with them."""

from __future__ import annotations

import time
from typing import ClassVar

import numpy as np

from engine.errors import MarketDataError
from engine.market.grid import DT, Floats, Grid
from engine.market.surface_history import SurfaceHistory
from engine.models.chains import Chain, MoveChain
from engine.models.conditional_fhs.innovations import MoveModel, Rows
from engine.models.factor.basis import FactorBasis, covariance_root
from engine.models.surface_model import FitReport, Tensors
from engine.settings import configuration, setting
from engine.surfaces import ornstein_uhlenbeck
from engine.training.progress import Checkpointer, OnStep, check_arrays

LEAST_DAYS = 85
"""Lags of a day, a week and a month in the fit of mean reversion need four months."""


@configuration
class PcaOrnsteinUhlenbeckConfig:
    """Factors that revert to a mean."""

    factors: int = setting(4, label="Factors", help="Principal components that follow the dynamics.", low=1, high=8)


class PcaOrnsteinUhlenbeck(MoveModel):
    """Principal components as Ornstein–Uhlenbeck processes, dX = λ(α − X)dt + γ dW, and dS/S = ν σ_t(ATM) dW⁰.

    One exact step of a day: X_{t+Δ} = α + (X_t − α)e^{−λΔ} + s ε, R_t = μ + ν σ_t(1, 1/12) √Δ ε⁰, with all shocks
    Gaussian, their correlations those of the training part. λ, α and γ come from the moments of section 2.5; ν and μ
    from the returns over the vol of the day before. Volatilities of the factors are constant.

    References:
        Simulation of arbitrage-free implied volatility surfaces, (2.26–2.29).
    """

    name: ClassVar[str] = "pca_ou"
    label: ClassVar[str] = "PCA–OU factor model"
    Config: ClassVar[type] = PcaOrnsteinUhlenbeckConfig

    def __init__(self, config: PcaOrnsteinUhlenbeckConfig | None = None) -> None:
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
        """Components, mean reversion of each, share ν of at-the-money vol in the return's, correlations.

        Raises:
            MarketDataError: if there are fewer than 85 days, or a factor shows no persistence.
        """
        started = time.perf_counter()
        if len(history) < LEAST_DAYS:
            raise MarketDataError(f"expected at least {LEAST_DAYS} days of surfaces; found {len(history)}")
        k = min(self.config.factors, history.grid.size)
        basis = FactorBasis.fit(history, k)
        x = basis.factors(history)
        lags = tuple(lag for lag in ornstein_uhlenbeck.LAGS if 4 * lag <= len(history))
        fits = [ornstein_uhlenbeck.fit(series, lags=lags) for series in x.T]
        decay, sd = np.transpose([one.transition() for one in fits])
        mean = np.array([one.mean for one in fits])
        shocks = (x[1:] - mean - (x[:-1] - mean) * decay) / sd
        unit_return = history.log_return / (history.atm()[:-1] * np.sqrt(DT))
        both = np.concatenate([unit_return[:, None], shocks], axis=1)
        self._state = {
            **basis.state(),
            "mean": mean,
            "decay": decay,
            "sd": sd,
            "unit_return": np.array([unit_return.mean(), unit_return.std()]),
            "correlation": np.corrcoef(both.T),
        }
        self._grid = history.grid
        return FitReport(
            steps=0,
            seconds=time.perf_counter() - started,
            trained_on=(str(history.dates[0]), str(history.dates[-2])),
            metrics={f"mean_reversion_{i}": one.mean_reversion for i, one in enumerate(fits, start=1)},
        )

    def state(self) -> Tensors:
        """Basis, parameters of each factor, mean and sd of returns in units of at-the-money vol, correlations."""
        self._fitted()
        return dict(self._state)

    def restore(self, state: Tensors, grid: Grid) -> None:
        """Take over a state; an error leaves the model as it was."""
        k = min(self.config.factors, grid.size)
        shapes = FactorBasis.shapes(grid, k) | dict.fromkeys(("mean", "decay", "sd"), (k,))
        shapes |= {"unit_return": (2,), "correlation": (1 + k, 1 + k)}
        check_arrays(state, shapes, kind=f"{self.label} state for {grid!r}")
        self._state = {name: np.asarray(state[name], dtype=np.float64) for name in shapes}
        self._grid = grid

    def _draw(self, history: SurfaceHistory, rows: Rows, n: int, rng: np.random.Generator) -> Floats:
        s = self._state
        basis = FactorBasis(s["log_average"], s["vectors"], s["rest"])
        today = basis.factors(history)
        atm = history.atm() * np.sqrt(DT)
        root = covariance_root(s["correlation"])
        location, spread = s["unit_return"]
        drawn = np.empty((len(rows), n, 1 + history.grid.size))
        for day, row in enumerate(rows):
            shocks = rng.standard_normal((n, len(root))) @ root.T
            drawn[day, :, 0] = atm[row] * (location + spread * shocks[:, 0])
            changes = (s["mean"] - today[row]) * (1 - s["decay"]) + s["sd"] * shocks[:, 1:]
            drawn[day, :, 1:] = basis.surface_moves(changes, rng)
        return drawn

    def chain(self, condition: SurfaceHistory, n: int) -> Chain:
        """Paths that carry their surfaces; the condition is nothing else."""
        self._checked(condition, n)
        self._rows(condition, [-1])
        return _OrnsteinUhlenbeckChain(self._state, condition, n)


class _OrnsteinUhlenbeckChain(MoveChain):
    def __init__(self, state: Tensors, condition: SurfaceHistory, n: int) -> None:
        super().__init__(condition, n)
        self._state = state
        self._basis = FactorBasis(state["log_average"], state["vectors"], state["rest"])
        self._root = covariance_root(state["correlation"])

    def _moves(self, rng: np.random.Generator) -> Floats:
        s, basis, k = self._state, self._basis, len(self._root)
        drawn = rng.standard_normal((len(self.log_iv), k + len(basis.rest)))  # shocks, then the rest's noise
        shocks = drawn[:, :k] @ self._root.T
        atm = self.grid.interpolate(np.exp(self.grid.unflatten(self.log_iv)), 1.0, 1 / 12) * np.sqrt(DT)
        location, spread = s["unit_return"]
        log_return = atm * (location + spread * shocks[:, 0])
        today = (self.log_iv - basis.log_average) @ basis.vectors.T
        changes = (s["mean"] - today) * (1 - s["decay"]) + s["sd"] * shocks[:, 1:]
        return np.column_stack([log_return, basis.surface_moves_of(changes, drawn[:, k:])])
