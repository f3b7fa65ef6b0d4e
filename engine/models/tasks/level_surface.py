"""The task of a surface by itself: log vols of any day, without condition, for compression, filling in and anomaly."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from engine.errors import MarketDataError
from engine.market.domain import Domain
from engine.market.grid import Floats, Grid
from engine.market.surface_history import SurfaceHistory
from engine.models.tasks.task import Examples, Surfaces, UnconditionalTask, on_grid
from engine.settings import configuration

LEAST_DAYS = 50


@configuration
class LevelSurfaceConfig:
    """Nothing to choose."""


class LevelSurface(UnconditionalTask):
    """g = log σ on the grid, day by day."""

    name: ClassVar[str] = "level_surface"
    label: ClassVar[str] = "Surface by itself"
    reads = "surfaces"
    Config: ClassVar[type] = LevelSurfaceConfig
    grid: Grid

    def prepare(self, data: SurfaceHistory) -> Grid:
        """The grid.

        Raises:
            MarketDataError: for fewer than 50 days.
        """
        if len(data) < LEAST_DAYS:
            raise MarketDataError(f"expected at least {LEAST_DAYS} days of surfaces; found {len(data)}")
        self.grid = data.grid
        return data.grid

    def examples(self, data: SurfaceHistory) -> Examples:
        """``(n, N)`` log vols."""
        return Examples(data.grid.flatten(data.log_iv), None, data.period)

    def restore(self, state: Mapping[str, NDArray[Any]], domain: Domain) -> None:
        """The grid."""
        domain = on_grid(domain)
        self.grid = domain

    def shapes(self) -> tuple[tuple[int, ...], tuple[int, ...] | None]:
        """The grid's points."""
        return (self.grid.size,), None

    def result(self, x: Floats, data: Any) -> Surfaces:
        """e^g."""
        return Surfaces(np.exp(self.grid.unflatten(x)), self.grid)
