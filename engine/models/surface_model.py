"""What a generator of next-day surfaces is. Free of torch, so that pages may import it before they draw."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from engine.errors import CheckpointError, MarketDataError, SettingsError
from engine.market.grid import Grid
from engine.market.surface_history import SurfaceHistory
from engine.models.registry import Label
from engine.scenarios.scenario_set import ScenarioSet
from engine.training.progress import Checkpointer, OnStep

if TYPE_CHECKING:
    from engine.models.rollout import Chain

Tensors = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class FitReport:
    """What a fit leaves behind besides the weights.

    Args:
        steps: parameter updates made, over all phases.
        seconds: wall-clock time of this process (a resumed run counts its last part only).
        metrics: named figures for the card.
        trained_on: first and last condition date, ISO.
    """

    steps: int
    seconds: float
    trained_on: tuple[str, str]
    metrics: Mapping[str, float] = field(default_factory=dict)


class SurfaceModel(ABC):
    """A generator of next-day scenarios of spot and surface.

    A model is built from its configuration, fitted to (or restored for) one grid, and sampled given the history
    known today. Its state is a flat dictionary of arrays, which is what a checkpoint stores.
    """

    name: ClassVar[str]
    label = Label()
    Config: ClassVar[type]

    def __init__(self, config: Any = None) -> None:
        self.config = config if config is not None else self.Config()
        self._grid: Grid | None = None

    @abstractmethod
    def fit(
        self,
        history: SurfaceHistory,
        *,
        seed: int,
        on_step: OnStep | None = None,
        checkpointer: Checkpointer | None = None,
    ) -> FitReport:
        """Fit to a training history. With a ``checkpointer`` the fit resumes where an earlier one was interrupted.

        Raises:
            MarketDataError: if the history is too short for the model.
            TrainingStopped: if ``on_step`` asked to stop; the checkpointer then holds the state to resume from.
        """

    def refit(self, history: SurfaceHistory, *, seed: int) -> FitReport:
        """Bring a fitted model up to date with a longer history: anew, unless the family knows a cheaper way."""
        return self.fit(history, seed=seed)

    @abstractmethod
    def sample(self, condition: SurfaceHistory, n: int, *, rng: np.random.Generator) -> ScenarioSet:
        """n scenarios of tomorrow.

        Args:
            condition: the history known today; its last row is today, so no model can look ahead.
            n: number of scenarios.
            rng: source of randomness; the same state gives the same scenarios.
        """

    def days(
        self, history: SurfaceHistory, rows: Sequence[int], n: int, *, rng: np.random.Generator
    ) -> Iterator[ScenarioSet]:
        """n scenarios from each of several condition rows, one day at a time, so that memory holds one day."""
        for row in rows:
            yield self.sample(history.until(row), n, rng=rng)

    def sample_days(
        self, history: SurfaceHistory, rows: Sequence[int], n: int, *, rng: np.random.Generator
    ) -> ScenarioSet:
        """The scenarios of :meth:`days` at once: arrays with a leading axis of days."""
        days = list(self.days(history, rows, n, rng=rng))
        return ScenarioSet(
            log_return=np.stack([day.log_return for day in days]),
            log_iv=np.stack([day.log_iv for day in days]),
            grid=history.grid,
            provenance={"model": self.name},
        )

    @property
    def components(self) -> int:
        """Equally likely parts of the law that scenarios cycle through: scenario i is of part i mod parts."""
        return 1

    def chain(self, condition: SurfaceHistory, n: int) -> Chain:
        """n paths from the last day of ``condition``, to be walked day by day, each day's scenario the next condition.

        Right for every model and slow: every path has a history of its own. A family whose condition is a small state
        overrides it with a chain of the same law that carries that state.
        """
        from engine.models.rollout import HistoryChain

        return HistoryChain(self, condition, n)

    def _fitted(self) -> Grid:
        """The model's grid.

        Raises:
            CheckpointError: if the model is neither fitted nor restored.
        """
        if self._grid is None:
            raise CheckpointError(f"expected a fitted or restored model; found {self.label} without a fit")
        return self._grid

    def _checked(self, history: SurfaceHistory, n: int) -> Grid:
        """The model's grid, if a history is on it and there is a scenario to draw.

        Raises:
            CheckpointError: if the model is neither fitted nor restored.
            MarketDataError: for another grid.
            SettingsError: for no scenario.
        """
        grid = self._fitted()
        if n < 1:
            raise SettingsError(f"expected at least one scenario; found {n}")
        if history.grid != grid:
            raise MarketDataError(f"expected surfaces on the model's grid, {grid!r}; found {history.grid!r}, or others")
        return grid

    def _provenance(self, history: SurfaceHistory, row: int = -1) -> dict[str, object]:
        """Of scenarios of the day after a row."""
        return {
            "model": self.name,
            "condition_date": str(history.dates[row]),
            "spot": float(history.spot[row]),
            "rate": float(history.rate[row]),
        }

    def _provenance_of_days(self, history: SurfaceHistory, rows: Sequence[int] | NDArray[np.intp]) -> dict[str, object]:
        """Of scenarios of the days after several rows."""
        return {"model": self.name, "condition_dates": [str(history.dates[row]) for row in rows]}

    @abstractmethod
    def state(self) -> Tensors:
        """Everything learned, as named arrays."""

    @abstractmethod
    def restore(self, state: Tensors, grid: Grid) -> None:
        """The inverse of :meth:`state`.

        Raises:
            CheckpointError: if names, shapes or values do not fit the configuration and the grid.
        """
