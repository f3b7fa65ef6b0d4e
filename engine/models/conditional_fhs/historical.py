"""Baselines without parameters to speak of: persistence, rolling and filtered historical simulation.

References:
    G. Barone-Adesi, K. Giannopoulos and L. Vosper (1999), VaR without correlations for portfolios of derivative
    securities, Journal of Futures Markets 19 (filtered historical simulation).
    J. Hull and A. White (1998), Incorporating volatility updating into the historical simulation method for
    value-at-risk, Journal of Risk 1.
"""

from __future__ import annotations

import time
from typing import ClassVar

import numpy as np

from engine.errors import CheckpointError, MarketDataError
from engine.market.grid import Floats, Grid
from engine.market.surface_history import SurfaceHistory
from engine.models.chains import Chain, MoveChain, Pool, RunningVariance
from engine.models.conditional_fhs.innovations import LEAST_DAYS, MoveModel, Rows, moves, pick, running_variance
from engine.models.surface_model import FitReport, Tensors
from engine.settings import configuration, setting
from engine.training.progress import Checkpointer, OnStep, check_arrays


@configuration
class PersistenceConfig:
    """Nothing to set."""


@configuration
class HistoricalConfig:
    """Rolling historical simulation."""

    window: int = setting(
        250, label="Window", help="Most recent daily moves to draw from.", low=20, high=10_000, unit="days"
    )


@configuration
class FilteredHistoricalConfig:
    """Filtered historical simulation with exponentially weighted volatilities."""

    decay: float = setting(
        0.94, label="Decay", help="Weight of yesterday's variance in today's (RiskMetrics: 0.94).", low=0.5, high=0.999
    )


class _Memoryless(MoveModel):
    """Shared by the baselines: a fit keeps the mean square of the training moves and nothing else."""

    def __init__(self, config: object = None) -> None:
        super().__init__(config)
        self._mean_square: Floats = np.zeros(0)

    def fit(
        self,
        history: SurfaceHistory,
        *,
        seed: int,
        on_step: OnStep | None = None,
        checkpointer: Checkpointer | None = None,
    ) -> FitReport:
        """Take over the grid and the mean square of the moves, from which a running variance starts.

        Raises:
            MarketDataError: if the history has fewer than 24 days.
        """
        started = time.perf_counter()
        if len(history) < LEAST_DAYS:
            raise MarketDataError(f"expected at least {LEAST_DAYS} days of surfaces; found {len(history)}")
        self._grid = history.grid
        self._mean_square = np.square(moves(history)).mean(axis=0)
        return FitReport(
            steps=0,
            seconds=time.perf_counter() - started,
            trained_on=(str(history.dates[0]), str(history.dates[-2])),
        )

    def state(self) -> Tensors:
        """The mean square of the training moves, ``(1 + N,)``."""
        self._fitted()
        return {"mean_square": self._mean_square}

    def restore(self, state: Tensors, grid: Grid) -> None:
        """Take over a state; an error leaves the model as it was."""
        check_arrays(state, {"mean_square": (1 + grid.size,)}, kind=f"{self.label} state for {grid!r}")
        if state["mean_square"].min() < 0:
            raise CheckpointError("expected mean squares >= 0; found negative ones")
        self._grid, self._mean_square = grid, np.asarray(state["mean_square"], dtype=np.float64)


class Persistence(_Memoryless):
    """Tomorrow is today: every scenario has no return and today's surface."""

    name: ClassVar[str] = "persistence"
    label: ClassVar[str] = "Persistence"
    Config: ClassVar[type] = PersistenceConfig

    def _draw(self, history: SurfaceHistory, rows: Rows, n: int, rng: np.random.Generator) -> Floats:
        return np.zeros((len(rows), n, 1 + history.grid.size))

    def chain(self, condition: SurfaceHistory, n: int) -> Chain:
        """Paths on which nothing ever moves."""
        self._checked(condition, n)
        self._rows(condition, [-1])
        return _StandingChain(condition, n)


class HistoricalSimulation(_Memoryless):
    """Tomorrow's move is one of the last 250, whole days drawn with equal probability."""

    name: ClassVar[str] = "historical"
    label: ClassVar[str] = "Historical simulation"
    Config: ClassVar[type] = HistoricalConfig

    def _draw(self, history: SurfaceHistory, rows: Rows, n: int, rng: np.random.Generator) -> Floats:
        observed = moves(history)
        drawn = np.empty((len(rows), n, observed.shape[1]))
        for day, row in enumerate(rows):
            first = max(0, int(row) - self.config.window)
            drawn[day] = observed[first + pick(rng.random(n), int(row) - first)]
        return drawn

    def chain(self, condition: SurfaceHistory, n: int) -> Chain:
        """Paths that remember which days they drew: those enter their windows as the real ones leave."""
        self._checked(condition, n)
        self._rows(condition, [-1])
        return _DrawnChain(moves(condition), self.config.window, condition, n)


class FilteredHistoricalSimulation(_Memoryless):
    """Tomorrow's move is today's volatility times one of the innovations since the start, whole days drawn equally.

    Each coordinate has its own exponentially weighted variance; an innovation is a day's vector of moves over the
    volatilities known before it. The cross-section of a day stays together, so dependence is that of the data.

    References:
        Barone-Adesi, Giannopoulos and Vosper (1999); Hull and White (1998).
    """

    name: ClassVar[str] = "fhs"
    label: ClassVar[str] = "Filtered historical simulation"
    Config: ClassVar[type] = FilteredHistoricalConfig

    def _draw(self, history: SurfaceHistory, rows: Rows, n: int, rng: np.random.Generator) -> Floats:
        observed = moves(history)
        volatility = np.sqrt(running_variance(observed, self.config.decay, self._mean_square))
        innovations = observed / volatility[:-1]
        drawn = np.empty((len(rows), n, observed.shape[1]))
        for day, row in enumerate(rows):
            drawn[day] = innovations[pick(rng.random(n), int(row))]
            drawn[day] *= volatility[row]
        return drawn

    def chain(self, condition: SurfaceHistory, n: int) -> Chain:
        """Paths that carry their variances, and which innovations they drew."""
        self._checked(condition, n)
        self._rows(condition, [-1])
        variance = running_variance(moves(condition), self.config.decay, self._mean_square)
        return _FilteredChain(
            moves(condition) / np.sqrt(variance[:-1]), RunningVariance(variance[-1], self.config.decay, n), condition, n
        )


class _StandingChain(MoveChain):
    def _moves(self, rng: np.random.Generator) -> Floats:
        return np.zeros((len(self.log_iv), 1 + self.grid.size))


class _DrawnChain(MoveChain):
    def __init__(self, observed: Floats, window: int, condition: SurfaceHistory, n: int) -> None:
        super().__init__(condition, n)
        self._observed, self._window, self._pool = observed, window, Pool(len(observed), n)

    def _moves(self, rng: np.random.Generator) -> Floats:
        drawn: Floats = self._observed[self._pool.draw(rng.random(len(self.log_iv)), self._window)]
        return drawn


class _FilteredChain(MoveChain):
    def __init__(self, innovations: Floats, variance: RunningVariance, condition: SurfaceHistory, n: int) -> None:
        super().__init__(condition, n)
        self._innovations, self._variance, self._pool = innovations, variance, Pool(len(innovations), n)

    def _moves(self, rng: np.random.Generator) -> Floats:
        drawn: Floats = self._innovations[self._pool.draw(rng.random(len(self.log_iv)))] * self._variance.volatility
        return drawn

    def _moved(self, moves: Floats) -> None:
        self._variance.update(moves)
