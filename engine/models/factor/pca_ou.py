"""The factor model of chapter 2 as a forecaster: Ornstein–Uhlenbeck factors and a return correlated with them."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from engine.market.grid import DT, Floats, Grid
from engine.market.surface_history import SurfaceHistory
from engine.models.conditional_fhs.filter import Filter
from engine.models.conditional_fhs.model import ExactMoveModel, Known, Learned, Pool, Run
from engine.models.factor.basis import FactorBasis, covariance_root
from engine.models.surface_model import Tensors
from engine.settings import configuration, setting
from engine.surfaces import ornstein_uhlenbeck


@configuration
class PcaOrnsteinUhlenbeckConfig:
    """Factors that revert to a mean."""

    factors: int = setting(4, label="Factors", help="Principal components that follow the dynamics.", low=1, high=8)


class PcaOrnsteinUhlenbeck(ExactMoveModel):
    """Principal components as Ornstein–Uhlenbeck processes, dX = λ(α − X)dt + γ dW, and dS/S = ν σ_t(ATM) dW⁰.

    One exact step of a day: X_{t+Δ} = α + (X_t − α)e^{−λΔ} + s ε, R_t = μ + ν σ_t(1, 1/12) √Δ ε⁰, with all shocks
    Gaussian, their correlations those of the training part. λ, α and γ come from the moments of section 2.5; ν and μ
    from the returns over the vol of the day before. Volatilities of the factors are constant.

    References:
        Simulation of arbitrage-free implied volatility surfaces, (2.26–2.29).
    """

    name: ClassVar[str] = "pca_ou"
    Config: ClassVar[type] = PcaOrnsteinUhlenbeckConfig

    least_days = 85  # lags of a day, a week and a month in the fit of mean reversion need four months

    def _learn(self, history: SurfaceHistory, run: Run) -> Learned:
        """Components, mean reversion of each, share ν of at-the-money vol in the return's, correlations.

        Raises:
            MarketDataError: if a factor shows no persistence.
        """
        basis = FactorBasis.fit(history, min(self.config.factors, history.grid.size))
        x = basis.factors(history.grid.flatten(history.log_iv))
        lags = tuple(lag for lag in ornstein_uhlenbeck.LAGS if 4 * lag <= len(history))
        fits = [ornstein_uhlenbeck.fit(series, lags=lags) for series in x.T]
        decay, sd = np.transpose([one.transition() for one in fits])
        mean = np.array([one.mean for one in fits])
        shocks = (x[1:] - mean - (x[:-1] - mean) * decay) / sd
        unit_return = history.log_return / (history.atm()[:-1] * np.sqrt(DT))
        state = {
            **basis.state(),
            "mean": mean,
            "decay": decay,
            "sd": sd,
            "unit_return": np.array([unit_return.mean(), unit_return.std()]),
            "correlation": np.corrcoef(np.concatenate([unit_return[:, None], shocks], axis=1).T),
        }
        return Learned(state, metrics={f"mean_reversion_{i}": one.mean_reversion for i, one in enumerate(fits, 1)})

    def _shapes(self, grid: Grid, state: Tensors) -> dict[str, tuple[int, ...]]:
        """Basis, parameters of each factor, mean and sd of returns in units of at-the-money vol, correlations."""
        k = min(self.config.factors, grid.size)
        own = {"mean": (k,), "decay": (k,), "sd": (k,), "unit_return": (2,), "correlation": (1 + k, 1 + k)}
        return FactorBasis.shapes(grid, k) | own

    def known(self, days: Filter) -> Known:
        """Daily at-the-money vol, and the factors."""
        atm = days.quote(1.0, 1 / 12) * np.sqrt(DT)
        return {"atm": atm[:, None], "factors": FactorBasis.of(self._state).factors(days.log_iv)}

    def numbers(self, rng: np.random.Generator, n: int) -> Floats:
        """``(n, 1 + N)`` standard normal: shocks of return and factors, then the rest's noise."""
        return rng.standard_normal((n, 1 + self._fitted().size))

    def draw(self, today: Known, past: Known, pool: Pool, numbers: Floats) -> Floats:
        """One exact step of correlated shocks, and the rest."""
        s = self._state
        root = covariance_root(s["correlation"])
        shocks = numbers[:, : len(root)] @ root.T
        location, spread = s["unit_return"]
        log_return = today["atm"] * (location + spread * shocks[:, :1])
        changes = (s["mean"] - today["factors"]) * (1 - s["decay"]) + s["sd"] * shocks[:, 1:]
        surface = FactorBasis.of(s).surface_moves(changes, numbers[:, len(root) :])
        return np.concatenate([log_return, surface], axis=1)
