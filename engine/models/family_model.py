"""A family on a task: what is fitted, saved and sampled.

The family knows arrays, the task knows the market; this module joins them. On the next-day task the result is a
:class:`~engine.models.surface_model.SurfaceModel`, so every page, hedge, leaderboard and path takes it.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray

from engine.errors import CheckpointError
from engine.market.domain import Domain
from engine.market.grid import Floats, Grid
from engine.models import registry, tasks
from engine.models.conditional_fhs.filter import Filter, HistoryFilter
from engine.models.conditional_fhs.model import Known, MoveModel, Pool
from engine.models.families.estimators import Estimator
from engine.models.families.family import Family
from engine.models.surface_model import FitReport, Tensors
from engine.models.tasks.next_day import FIRST, LEAST_DAYS, NextDay
from engine.models.tasks.task import Points, Returns, Surfaces, Task, UnconditionalTask
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
        super().__init__()
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
        )
        self.estimator.to("cpu")
        self._on(domain)
        seconds = time.perf_counter() - began
        return FitReport(self.estimator.steps, seconds, examples.dates, self.estimator.metrics)

    def state(self) -> Tensors:
        """Everything learned, as named arrays.

        Raises:
            CheckpointError: if nothing is.
        """
        if self.domain is None:
            raise CheckpointError(f"expected a fitted or restored model; found {self.label} without a fit")
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
        estimator = Estimator(self.Family(self.config)).restore(own, x, condition)
        self.estimator, self.task = estimator, task
        self._on(domain)

    def _on(self, domain: Domain) -> None:
        self.domain, self._grid = domain, domain if isinstance(domain, Grid) else None


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


class NextDayModel(FamilyModel, MoveModel):
    """A family that generates tomorrow's return and surface: over a history and along paths by the same law."""

    task: NextDay
    least_days: ClassVar[int] = LEAST_DAYS
    least_rows: ClassVar[int] = FIRST + LEAST_POOL
    first: ClassVar[int] = FIRST

    def known(self, days: Filter) -> Known:
        """Of the task's space."""
        return self.task.space.known(days)

    def past(self, days: HistoryFilter, known: Known) -> Known:
        """Of the task's space."""
        return self.task.space.past(days, known)

    def numbers(self, rng: np.random.Generator, n: int) -> tuple[int, Floats]:
        """The seed of the family's draws, and uniforms for past days."""
        return _seed(rng), rng.random(n)

    def draw(self, today: Known, past: Known, pool: Pool, numbers: tuple[int, Floats]) -> Floats:
        """Moves from the family's draws given what is known."""
        seed, uniforms = numbers
        condition = self.task.space.condition(today)
        if condition is not None:  # a path that has left what numbers can be draws nothing finite anyway
            condition = np.nan_to_num(condition, posinf=0.0, neginf=0.0)
        reach = self.task.reach
        x = np.clip(self.estimator.sample(len(uniforms), condition, seed=seed), -reach, reach)
        return self.task.space.moves(today, past, x, pool.draw(uniforms))


def warm_up() -> None:
    """For a server that will draw from families, whose import has loaded torch: one thread a draw."""
    torch.set_num_threads(1)


@lru_cache(maxsize=256)
def family_model(family: str, task: str) -> type[FamilyModel]:
    """The class of a family on a task.

    Raises:
        SettingsError: if there is no such family or task.
    """
    kind, of = tasks.task_class(task), registry.family_class(family)
    config = dataclasses.make_dataclass(
        f"{of.__name__}On{kind.__name__}Config", [], bases=(of.Config, kind.Config), frozen=True
    )
    config.__doc__ = f"Settings of {of.label} on the task {kind.label!r}."
    base = NextDayModel if issubclass(kind, NextDay) else DrawModel
    about = {"name": family, "label": of.label, "Config": config, "Family": of, "Task": kind, "__doc__": of.__doc__}
    made: type[FamilyModel] = type(f"{of.__name__}On{kind.__name__}", (base,), about | {"__module__": __name__})
    return made


def _seed(rng: np.random.Generator) -> int:
    return int(rng.integers(1 << 63))
