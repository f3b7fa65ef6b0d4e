"""Standardised innovations: what the models share that draw tomorrow's moves of return and surface.

A move is the vector (R_t, Δg_t): the log-return and the change of log implied vol at the N grid points over the step
after row t. Dividing moves by a running estimate of their volatility leaves innovations.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from engine.errors import CheckpointError, MarketDataError, SettingsError
from engine.market.grid import Floats, Grid
from engine.market.surface_history import FIRST_CONDITION_ROW, SurfaceHistory
from engine.models.conditional_fhs.filter import LEAST_VARIANCE, moves, running_mean, running_variance
from engine.models.surface_model import SurfaceModel
from engine.scenarios.scenario_set import ScenarioSet

__all__ = ["LEAST_VARIANCE", "MoveModel", "Rows", "moves", "pick", "pick_weighted", "running_mean", "running_variance"]

Rows = NDArray[np.intp]

LEAST_DAYS = FIRST_CONDITION_ROW + 2
"""A fit needs one condition row and the day after it."""


def pick(uniforms: Floats, pool: int) -> Rows:
    """Equally probable indices below ``pool`` from uniforms: inverting the law keeps models paired by their draws."""
    return np.minimum((uniforms * pool).astype(np.intp), pool - 1)


def pick_weighted(uniforms: Floats, weights: Floats) -> Rows:
    """Indices with probabilities proportional to weights, by inverting their running sum."""
    reached = np.cumsum(weights)
    chosen: Rows = np.minimum(np.searchsorted(reached, uniforms * reached[-1], side="right"), len(weights) - 1)
    return chosen


class MoveModel(SurfaceModel):
    """A model that draws moves: tomorrow's log vols are today's plus Δg.

    A family writes :meth:`_draw`, row by row, from what is known at each row; sampling one day and sampling many are
    then the same with the same ``rng``.
    """

    least_rows: int = FIRST_CONDITION_ROW + 1

    def __init__(self, config: object = None) -> None:
        super().__init__(config)
        self._grid: Grid | None = None

    @abstractmethod
    def _draw(self, history: SurfaceHistory, rows: Rows, n: int, rng: np.random.Generator) -> Floats:
        """``(len(rows), n, 1 + N)`` moves after each row; the draws of a row use history up to it only."""

    def sample(self, condition: SurfaceHistory, n: int, *, rng: np.random.Generator) -> ScenarioSet:
        """n scenarios of the day after the last row of ``condition`` (at least 23 days)."""
        drawn = self.sample_days(condition, [-1], n, rng=rng)
        provenance = {
            "model": self.name,
            "condition_date": str(condition.dates[-1]),
            "spot": float(condition.spot[-1]),
            "rate": float(condition.rate[-1]),
        }
        return ScenarioSet(drawn.log_return[0], drawn.log_iv[0], condition.grid, provenance=provenance)

    def sample_days(
        self, history: SurfaceHistory, rows: Sequence[int], n: int, *, rng: np.random.Generator
    ) -> ScenarioSet:
        """n scenarios from each condition row, the same as :meth:`sample` row after row with the same ``rng``.

        Raises:
            MarketDataError: for a row outside the history or too early, or another grid.
            SettingsError: for no scenario.
            CheckpointError: if the model is neither fitted nor restored.
        """
        grid = self._checked(history, n)
        days = self._rows(history, rows)
        drawn = self._draw(history[: int(days.max()) + 1], days, n, rng)
        log_iv = grid.unflatten(drawn[..., 1:]) + history.log_iv[days][:, None]
        provenance = {"model": self.name, "condition_dates": [str(history.dates[row]) for row in days]}
        return ScenarioSet(np.ascontiguousarray(drawn[..., 0]), log_iv, grid, provenance=provenance)

    def _checked(self, history: SurfaceHistory, n: int) -> Grid:
        grid = self._fitted()
        if history.grid != grid:
            raise MarketDataError(f"expected surfaces on the model's grid, {grid!r}; found {history.grid!r}, or others")
        if n < 1:
            raise SettingsError(f"expected at least one scenario; found {n}")
        return grid

    def _fitted(self) -> Grid:
        if self._grid is None:
            raise CheckpointError(f"expected a fitted or restored model; found {self.label} without a fit")
        return self._grid

    def _rows(self, history: SurfaceHistory, rows: Sequence[int]) -> Rows:
        days = np.asarray(rows, dtype=np.intp).reshape(-1)
        days = np.where(days < 0, days + len(history), days)
        if len(days) == 0 or days.min() < self.least_rows - 1 or days.max() >= len(history):
            found = "none" if len(days) == 0 else f"rows {days.min()} to {days.max()}"
            raise MarketDataError(
                f"expected condition rows between {self.least_rows - 1} and {len(history) - 1}; found {found}"
            )
        return days
