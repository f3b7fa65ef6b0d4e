"""Baselines without parameters to speak of: persistence, rolling and filtered historical simulation.

References:
    G. Barone-Adesi, K. Giannopoulos and L. Vosper (1999), VaR without correlations for portfolios of derivative
    securities, Journal of Futures Markets 19 (filtered historical simulation).
    J. Hull and A. White (1998), Incorporating volatility updating into the historical simulation method for
    value-at-risk, Journal of Risk 1.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from engine.market.grid import Floats, Grid
from engine.market.surface_history import SurfaceHistory
from engine.models.conditional_fhs.filter import Filter, HistoryFilter, moves
from engine.models.conditional_fhs.model import ExactMoveModel, Known, Learned, Pool, Run, Seen
from engine.models.surface_model import Tensors
from engine.settings import configuration, setting


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


class _Memoryless(ExactMoveModel):
    """Shared by the baselines: a fit keeps the mean square of the training moves and nothing else."""

    nonnegative = ("mean_square",)

    def _learn(self, history: SurfaceHistory, run: Run) -> Learned:
        return Learned({"mean_square": np.square(moves(history)).mean(axis=0)})

    def _shapes(self, grid: Grid, state: Tensors) -> dict[str, tuple[int, ...]]:
        return {"mean_square": (1 + grid.size,)}

    def known(self, days: Filter) -> Known:
        """Nothing but the past."""
        return {}


class Persistence(_Memoryless):
    """Tomorrow is today: every scenario has no return and today's surface."""

    name: ClassVar[str] = "persistence"
    Config: ClassVar[type] = PersistenceConfig

    def draw(self, today: Known, past: Known, pool: Pool, numbers: Floats) -> Floats:
        """Zero."""
        return np.zeros((len(numbers), 1 + self._fitted().size))


class HistoricalSimulation(_Memoryless):
    """Tomorrow's move is one of the last 250, whole days drawn with equal probability."""

    name: ClassVar[str] = "historical"
    Config: ClassVar[type] = HistoricalConfig

    def past(self, days: HistoryFilter, known: Known) -> Known:
        """The moves as they were."""
        return {"moves": days.moves}

    def pool(self, seen: Seen, row: int, paths: int = 1) -> Pool:
        """The last days: on paths, those drawn enter the window as real ones leave it."""
        return Pool(0, row, window=self.config.window, paths=paths)

    def draw(self, today: Known, past: Known, pool: Pool, numbers: Floats) -> Floats:
        """A past day's."""
        return past["moves"][pool.draw(numbers)]


class FilteredHistoricalSimulation(_Memoryless):
    """Tomorrow's move is today's volatility times one of the innovations since the start, whole days drawn equally.

    Each coordinate has its own exponentially weighted variance; an innovation is a day's vector of moves over the
    volatilities known before it. The cross-section of a day stays together, so dependence is that of the data.

    References:
        Barone-Adesi, Giannopoulos and Vosper (1999); Hull and White (1998).
    """

    name: ClassVar[str] = "fhs"
    Config: ClassVar[type] = FilteredHistoricalConfig

    def known(self, days: Filter) -> Known:
        """Volatility."""
        variance = days.variance("variance", days.moves, self.config.decay, self._state["mean_square"])
        return {"volatility": np.sqrt(variance)}

    def past(self, days: HistoryFilter, known: Known) -> Known:
        """Innovations."""
        return {"innovations": days.moves / known["volatility"][:-1]}

    def draw(self, today: Known, past: Known, pool: Pool, numbers: Floats) -> Floats:
        """A past innovation on today's volatility."""
        return past["innovations"][pool.draw(numbers)] * today["volatility"]
