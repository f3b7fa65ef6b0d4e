"""A family on a task: what is fitted, saved and sampled.

The family knows arrays, the task knows the market; this module joins them. On the next-day task the result is a
:class:`~engine.models.surface_model.SurfaceModel`, so every page, hedge, leaderboard and path takes it.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from engine.errors import CheckpointError, MarketDataError, SettingsError
from engine.market.domain import Domain
from engine.market.surface_history import SurfaceHistory
from engine.models import families, tasks
from engine.models.chains import Chain, Day, Pool
from engine.models.conditional_fhs.innovations import pick
from engine.models.families.estimators import Estimator
from engine.models.families.family import Family
from engine.models.surface_model import FitReport, SurfaceModel, Tensors
from engine.models.tasks.next_day import FIRST, NextDay
from engine.models.tasks.task import Points, Returns, Surfaces, Task, UnconditionalTask
from engine.scenarios.scenario_set import ScenarioSet
from engine.training.progress import Checkpointer, OnStep

LEAST_POOL = 30
"""Past days that lend what the components leave."""


class FamilyModel:
    """One family on one task; the classes are made by :func:`family_model`.

    ``Config`` holds the task's settings and the family's. The state is the estimator's arrays (``family.…``) and the
    task's (``task.…``).
    """

    name: ClassVar[str]
    label: ClassVar[str]
    Config: ClassVar[type]
    Family: ClassVar[type[Family[Any]]]
    Task: ClassVar[type[Task]]

    def __init__(self, config: Any = None) -> None:
        self.config = config if config is not None else self.Config()
        self.task = self.Task(self.config)
        self.estimator = Estimator(self.Family(self.config))
        self.domain: Domain | None = None

    def fit(
        self,
        data: Any,
        *,
        seed: int,
        on_step: OnStep | None = None,
        checkpointer: Checkpointer | None = None,
    ) -> FitReport:
        """Fit to a training part. With a ``checkpointer`` the fit resumes where an earlier one was interrupted.

        Raises:
            MarketDataError: if the data are too short for the task, or do not move.
            TrainingStopped: if ``on_step`` asked to stop.
        """
        began = time.perf_counter()
        domain = self.task.prepare(data)
        examples = self.task.examples(data)
        self.estimator.fit(
            examples.x,
            examples.condition,
            seed=seed,
            on_step=on_step,
            checkpointer=checkpointer,
            device=self.config.device,
        )
        self.estimator.to("cpu")
        self.domain = domain
        seconds = time.perf_counter() - began
        return FitReport(self.estimator.steps, seconds, examples.dates, self.estimator.metrics)

    def state(self) -> Tensors:
        """Everything learned, as named arrays."""
        family = {f"family.{name}": array for name, array in self.estimator.state().items()}
        return family | {f"task.{name}": array for name, array in self.task.state().items()}

    def restore(self, state: Mapping[str, NDArray[Any]], domain: Domain) -> None:
        """The inverse of :meth:`state`.

        Raises:
            CheckpointError: if names, shapes or values do not fit the configuration and the domain.
        """
        unknown = sorted(name for name in state if not name.startswith(("family.", "task.")))
        if unknown:
            raise CheckpointError(f"expected the state of {self.label}; found the array {unknown[0][:60]!r}")
        task = self.Task(self.config)
        task.restore({name[5:]: array for name, array in state.items() if name.startswith("task.")}, domain)
        x, condition = task.shapes()
        own = {name[7:]: array for name, array in state.items() if name.startswith("family.")}
        self.estimator.restore(own, x, condition)
        self.task, self.domain = task, domain


class DrawModel(FamilyModel):
    """A family on a task whose draws are market objects by themselves."""

    task: UnconditionalTask

    def sample(self, data: Any, n: int, *, rng: np.random.Generator) -> Surfaces | Returns | Points:
        """n draws, as of the last row of the data where the task looks at it.

        Raises:
            MarketDataError: if the data do not fit.
        """
        x = self.estimator.sample(n, self.task.condition(data), seed=_seed(rng))
        return self.task.result(x, data)


class NextDayModel(FamilyModel, SurfaceModel):
    """A family that generates tomorrow's return and surface."""

    task: NextDay
    least_rows: ClassVar[int] = FIRST + LEAST_POOL

    def sample(self, condition: SurfaceHistory, n: int, *, rng: np.random.Generator) -> ScenarioSet:
        """n scenarios of the day after the last row of ``condition`` (at least 52 days)."""
        return next(self.days(condition, [-1], n, rng=rng))

    def days(
        self, history: SurfaceHistory, rows: Sequence[int], n: int, *, rng: np.random.Generator
    ) -> Iterator[ScenarioSet]:
        """As the base class's, with one pass over the history for all rows: it runs forward, no row sees a later."""
        chosen = self._checked(history, rows, n)
        space = self.task.space
        state = space.over(history[: max(chosen) + 1])
        for row in chosen:
            condition = None if state.condition is None else state.condition[row]
            x = self.estimator.sample(n, condition, seed=_seed(rng))
            past = pick(rng.random(n), row - FIRST) if space.rest else None
            moves = state.moves(x, past, row)
            provenance = {
                "model": self.name,
                "condition_date": str(history.dates[row]),
                "spot": float(history.spot[row]),
                "rate": float(history.rate[row]),
            }
            log_iv = space.grid.unflatten(moves[:, 1:]) + history.log_iv[row]
            yield ScenarioSet(np.ascontiguousarray(moves[:, 0]), log_iv, space.grid, provenance=provenance)

    def chain(self, condition: SurfaceHistory, n: int) -> Chain:
        """Paths that carry the task's state; all draw their next day together."""
        self._checked(condition, [-1], n)
        return _FamilyChain(self, condition, n)

    def _checked(self, history: SurfaceHistory, rows: Sequence[int], n: int) -> list[int]:
        if self.domain is None:
            raise CheckpointError(f"expected a fitted or restored model; found {self.label} without a fit")
        grid = self.task.space.grid
        if history.grid != grid:
            raise MarketDataError(f"expected surfaces on the model's grid, {grid!r}; found {history.grid!r}, or others")
        if n < 1:
            raise SettingsError(f"expected at least one scenario; found {n}")
        days = [row + len(history) if row < 0 else row for row in map(int, rows)]
        if not days or min(days) < self.least_rows - 1 or max(days) >= len(history):
            found = f"rows {min(days)} to {max(days)}" if days else "none"
            raise MarketDataError(
                f"expected condition rows between {self.least_rows - 1} and {len(history) - 1}; found {found}"
            )
        return days


class _FamilyChain(Chain):
    """n paths of a family: one draw a path and day, each given its own path's state."""

    def __init__(self, model: NextDayModel, condition: SurfaceHistory, n: int) -> None:
        self._model, self._n = model, n
        self._state = model.task.space.start(condition, n)
        self._pool = Pool(len(condition) - 1 - FIRST, n) if model.task.space.rest else None

    def step(self, rng: np.random.Generator) -> Day:
        """Draw tomorrow on every path and make it today."""
        state = self._state
        x = self._model.estimator.sample(self._n, self._stayed(state.condition), seed=_seed(rng))
        past = self._pool.draw(rng.random(self._n)) if self._pool is not None else None
        moves = state.moves(x, past)
        state.advance(moves)
        return Day(np.ascontiguousarray(moves[:, 0]), state.log_iv)

    @staticmethod
    def _stayed(condition: NDArray[np.float64] | None) -> NDArray[np.float64] | None:
        """Conditions of paths that have left what numbers can be are any: what they draw is not finite anyway."""
        return None if condition is None else np.nan_to_num(condition, posinf=0.0, neginf=0.0)


@lru_cache(maxsize=256)
def family_model(family: str, task: str) -> type[FamilyModel]:
    """The class of a family on a task.

    Raises:
        SettingsError: if there is no such family or task.
    """
    kind, of = tasks.task_class(task), families.family_class(family)
    config = dataclasses.make_dataclass(
        f"{of.__name__}On{kind.__name__}Config", [], bases=(of.Config, kind.Config), frozen=True
    )
    config.__doc__ = f"Settings of {of.label} on the task {kind.label!r}."
    base = NextDayModel if issubclass(kind, NextDay) else DrawModel
    made: type[FamilyModel] = type(
        f"{of.__name__}On{kind.__name__}",
        (base,),
        {"name": family, "label": of.label, "Config": config, "Family": of, "Task": kind, "__doc__": of.__doc__},
    )
    return made


def _seed(rng: np.random.Generator) -> int:
    return int(rng.integers(1 << 63))
