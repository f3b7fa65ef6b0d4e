"""What a model that draws tomorrow's moves is: what it knows, how it draws, and everything that follows from the two.

A family says once, elementwise over days or paths, what the close of a day knows (``known``), what of each past move is
drawn again (``past``), and how random numbers become moves (``draw``). Scenarios of one day, of many days, and paths
whose condition is carried from day to day are then the same law.
"""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.errors import CheckpointError, MarketDataError
from engine.market.grid import Floats, Grid
from engine.market.surface_history import FIRST_CONDITION_ROW, SurfaceHistory
from engine.models.conditional_fhs.filter import Filter, HistoryFilter
from engine.models.rollout import Chain, Day
from engine.models.surface_model import FitReport, SurfaceModel, Tensors
from engine.scenarios.scenario_set import ScenarioSet
from engine.training.progress import Checkpointer, OnStep, check_arrays

Rows = NDArray[np.intp]

Known = dict[str, Floats]
"""Named arrays, axis 0 the days of a history, one of them, or paths."""

PATHS_AT_ONCE = 128
"""Paths whose past days are weighted together: 6 MB of weights for 22 years of past."""


class Learned(NamedTuple):
    """What a fit finds: the state, parameter updates made, and figures for the card."""

    state: Tensors
    steps: int = 0
    metrics: Mapping[str, float] = {}


class Run(NamedTuple):
    """How a fit is run: its seed, who is told of progress, and what keeps interrupted work."""

    seed: int
    on_step: OnStep | None = None
    checkpointer: Checkpointer | None = None


@dataclass(frozen=True, eq=False)
class Seen:
    """A history seen through a fitted model.

    Args:
        known: ``(n, …)`` at the close of each day.
        past: ``(n − 1, …)`` what of each day's move is drawn again; row t is of the move after day t.
        days: the history's filter, from which paths go on.
    """

    known: Known
    past: Known
    days: HistoryFilter = field(repr=False)

    def today(self, row: int, n: int = 1) -> Known:
        """What one day knows, n times over."""
        return {name: np.repeat(values[row : row + 1], n, axis=0) for name, values in self.known.items()}


class Pool:
    """Past days that tomorrow is drawn from: the real ones, and on paths those the path has drawn itself.

    Days are equally likely, or likelier the more they are like today: weights exp(−½ ‖x_s − x_t‖²). A day drawn on a
    path repeats a real one, so the path remembers which, and what it knew on the day before.

    Args:
        first, last: the real days, the last one excluded.
        likeness: ``(≥ last, f)`` x of each real day, if days are not equally likely.
        window: how many of the latest days count, if not all.
        paths: number of paths; 1 for many draws after one day.

    Raises:
        MarketDataError: if there is no past day.
    """

    def __init__(
        self, first: int, last: int, *, likeness: Floats | None = None, window: int | None = None, paths: int = 1
    ) -> None:
        if last <= first:
            raise MarketDataError(f"expected at least one past day to draw from; found {max(last - first, 0)}")
        self._first, self._real, self._window = first, last - first, window
        self._past = None if likeness is None else likeness[first:last]
        self._own: Rows = np.empty((paths, 0), dtype=np.intp)
        self._own_likeness = np.empty((paths, 0, 0 if likeness is None else likeness.shape[1]))

    def __len__(self) -> int:
        return self._real + int(self._own.shape[1])

    def draw(self, uniforms: Floats, likeness: Floats | None = None) -> Rows:
        """Real days, one for each uniform: all after one day, or one on each path, where they join its past.

        Args:
            uniforms: ``(n,)`` in [0, 1).
            likeness: ``(1, f)`` or ``(n, f)`` x of today, if days are not equally likely.
        """
        if self._past is None or likeness is None:
            first = 0 if self._window is None else max(0, len(self) - self._window)
            chosen = first + pick(uniforms, len(self) - first)
        elif len(likeness) == 1:
            chosen = pick_weighted(uniforms, self._weights(likeness, slice(None))[0])
        else:
            chosen = np.empty(len(uniforms), dtype=np.intp)
            for rows in blocks(len(uniforms)):
                chosen[rows] = pick_weighted(uniforms[rows], self._weights(likeness[rows], rows))
        return self._joined(chosen, likeness)

    @property
    def real(self) -> slice:
        """The real days."""
        return slice(self._first, self._first + self._real)

    def chances(self, likeness: Floats | None = None) -> Floats:
        """Probabilities of the real days: ``(1, days)`` equal ones, or ``(n, days)`` by x ``(n, f)`` of today."""
        if likeness is None or self._past is None:
            return np.full((1, self._real), 1 / self._real)
        weights = likeness_weights(likeness, self._past)
        weights /= weights.sum(axis=1, keepdims=True)
        return weights

    def _weights(self, today: Floats, rows: slice) -> Floats:
        assert self._past is not None
        weights = np.empty((len(today), len(self)))
        likeness_weights(today, self._past, out=weights[:, : self._real])
        own = np.square(self._own_likeness[rows] - today[:, None]).sum(axis=2)  # (paths, own)
        np.exp(-0.5 * own, out=weights[:, self._real :])
        return weights

    def _joined(self, chosen: Rows, likeness: Floats | None) -> Rows:
        paths, own = self._own.shape
        if own:
            repeated = self._own[np.arange(paths), np.clip(chosen - self._real, 0, own - 1)]
            chosen = np.where(chosen < self._real, chosen, repeated)
        if paths == len(chosen):
            self._own = np.column_stack([self._own, chosen])
            if self._past is not None and likeness is not None:
                self._own_likeness = np.concatenate([self._own_likeness, likeness[:, None]], axis=1)
        return self._first + chosen


class MoveModel(SurfaceModel):
    """A model that draws moves: tomorrow's log vols are today's plus Δg, tomorrow's log spot is today's plus R."""

    least_days: ClassVar[int] = FIRST_CONDITION_ROW + 2
    """A fit needs one condition row and the day after it."""
    least_rows: ClassVar[int] = FIRST_CONDITION_ROW + 1
    """A condition needs this many days."""
    first: ClassVar[int] = 0
    """First day whose move a fit learns from, and that is drawn again."""

    # what a family says

    @abstractmethod
    def known(self, days: Filter) -> Known:
        """What the close of each day, or of the day each path has reached, knows of the move after it."""

    @abstractmethod
    def draw(self, today: Known, past: Known, pool: Pool, numbers: Any) -> Floats:
        """``(n, 1 + N)`` moves from random numbers, after one day (arrays of length 1) or on n paths."""

    def past(self, days: HistoryFilter, known: Known) -> Known:
        """``(n − 1, …)`` what of each day's move is drawn again."""
        return {}

    def numbers(self, rng: np.random.Generator, n: int) -> Any:
        """``(n, …)`` random numbers of n scenarios, one scenario's after the other's."""
        return rng.random(n)

    def pool(self, seen: Seen, row: int, paths: int = 1) -> Pool:
        """The days that are drawn from after a row."""
        return Pool(self.first, row, likeness=seen.known.get("likeness"), paths=paths)

    # what follows

    def over(self, history: SurfaceHistory) -> Seen:
        """A history seen through the fitted model, in one pass: it runs forward, no row uses a later day."""
        self._fitted()
        days = HistoryFilter(history)
        known = self.known(days)
        return Seen(known, self.past(days, known), days)

    def sample(self, condition: SurfaceHistory, n: int, *, rng: np.random.Generator) -> ScenarioSet:
        """n scenarios of the day after the last row of ``condition`` (at least 23 days)."""
        return next(self.days(condition, [-1], n, rng=rng))

    def days(
        self, history: SurfaceHistory, rows: Sequence[int], n: int, *, rng: np.random.Generator
    ) -> Iterator[ScenarioSet]:
        """n scenarios from each condition row, one day at a time, the same as :meth:`sample` day after day.

        Raises:
            MarketDataError: for a row outside the history or too early, or another grid.
            SettingsError: for no scenario.
            CheckpointError: if the model is neither fitted nor restored.
        """
        grid = self._checked(history, n)
        chosen = self._rows(history, rows)
        seen = self.over(history[: int(chosen.max()) + 1])
        for row in chosen.tolist():
            drawn = self.draw(seen.today(row), seen.past, self.pool(seen, row), self.numbers(rng, n))
            log_iv = grid.unflatten(drawn[:, 1:]) + history.log_iv[row]
            log_return = np.ascontiguousarray(drawn[:, 0])
            yield ScenarioSet(log_return, log_iv, grid, provenance=self._provenance(history, row))

    def sample_days(
        self, history: SurfaceHistory, rows: Sequence[int], n: int, *, rng: np.random.Generator
    ) -> ScenarioSet:
        """The scenarios of :meth:`days` at once: arrays with a leading axis of days."""
        grid = self._checked(history, n)
        chosen = self._rows(history, rows)
        log_return, log_iv = np.empty((len(chosen), n)), np.empty((len(chosen), n, *grid.shape))
        for k, day in enumerate(self.days(history, rows, n, rng=rng)):
            log_return[k], log_iv[k] = day.log_return, day.log_iv
        return ScenarioSet(log_return, log_iv, grid, provenance=self._provenance_of_days(history, chosen))

    def chain(self, condition: SurfaceHistory, n: int) -> Chain:
        """n paths that carry what the close of a day knows, and which past days they drew."""
        self._checked(condition, n)
        self._rows(condition, [-1])
        return MoveChain(self, self.over(condition), n)

    def _rows(self, history: SurfaceHistory, rows: Sequence[int]) -> Rows:
        days = np.asarray(rows, dtype=np.intp).reshape(-1)
        days = np.where(days < 0, days + len(history), days)
        if len(days) == 0 or days.min() < self.least_rows - 1 or days.max() >= len(history):
            found = "none" if len(days) == 0 else f"rows {days.min()} to {days.max()}"
            raise MarketDataError(
                f"expected condition rows between {self.least_rows - 1} and {len(history) - 1}; found {found}"
            )
        return days


class ExactMoveModel(MoveModel):
    """A model of moves whose fit is exact: named arrays of the data, the same for every seed."""

    positive: ClassVar[tuple[str, ...]] = ()
    nonnegative: ClassVar[tuple[str, ...]] = ()
    """Arrays of the state that must be above zero, or not below it."""

    def __init__(self, config: object = None) -> None:
        super().__init__(config)
        self._state: Tensors = {}

    @abstractmethod
    def _learn(self, history: SurfaceHistory, run: Run) -> Learned:
        """The state fitted to a training history."""

    @abstractmethod
    def _shapes(self, grid: Grid, state: Tensors) -> dict[str, tuple[int, ...]]:
        """Name → shape of every array of a state; ``state`` may tell sizes that the data decide."""

    def _check(self, state: Tensors) -> None:
        """Raise a CheckpointError for values that no fit gives."""

    def fit(
        self,
        history: SurfaceHistory,
        *,
        seed: int,
        on_step: OnStep | None = None,
        checkpointer: Checkpointer | None = None,
    ) -> FitReport:
        """Fit to a training history; exact, so that the seed changes nothing.

        Raises:
            MarketDataError: if the history has fewer than ``least_days`` days, or does not move as the model needs.
            TrainingStopped: if ``on_step`` asked to stop; the checkpointer then holds the state to resume from.
        """
        began = time.perf_counter()
        if len(history) < self.least_days:
            raise MarketDataError(f"expected at least {self.least_days} days of surfaces; found {len(history)}")
        learned = self._learn(history, Run(seed, on_step, checkpointer))
        self._grid, self._state = history.grid, learned.state
        return FitReport(
            steps=learned.steps,
            seconds=time.perf_counter() - began,
            trained_on=(str(history.dates[self.first]), str(history.dates[-2])),
            metrics=dict(learned.metrics),
        )

    def state(self) -> Tensors:
        """Everything fitted, by name: no day of the training data."""
        self._fitted()
        return dict(self._state)

    def restore(self, state: Tensors, grid: Grid) -> None:
        """Take over a state; an error leaves the model as it was."""
        kind, shapes = f"{self.label} state for {grid!r}", self._shapes(grid, state)
        check_arrays(state, shapes, kind=kind)
        unknown = sorted(set(state) - set(shapes))
        if unknown:
            raise CheckpointError(f"expected {kind} and nothing else; found the array {unknown[0][:60]!r}")
        own = {name: np.array(state[name], dtype=np.float64) for name in shapes}
        for name in self.positive:
            if not own[name].min() > 0:
                raise CheckpointError(f"expected {name!r} > 0; found {own[name].min():g}")
        for name in self.nonnegative:
            if own[name].min() < 0:
                raise CheckpointError(f"expected {name!r} >= 0; found {own[name].min():g}")
        self._check(own)
        self._grid, self._state = grid, own


class MoveChain(Chain):
    """Paths of a :class:`MoveModel` from the last day of a history.

    Args:
        model: fitted or restored.
        seen: the history known today, seen through it.
        n: number of paths.
    """

    def __init__(self, model: MoveModel, seen: Seen, n: int) -> None:
        self._model, self._past, self._n = model, seen.past, n
        last = len(seen.days.dates) - 1
        self._days, self._today, self._pool = seen.days.paths(n), seen.today(last, n), model.pool(seen, last, n)

    def step(self, rng: np.random.Generator) -> Day:
        """Draw the moves, and bring what is known to the day they lead to."""
        moves = self._model.draw(self._today, self._past, self._pool, self._model.numbers(rng, self._n))
        self._days.advance(moves)
        self._today = self._model.known(self._days)
        return Day(np.ascontiguousarray(moves[:, 0]), self._days.log_iv)


def pick(uniforms: Floats, pool: int) -> Rows:
    """Equally probable indices below ``pool`` from uniforms: inverting the law keeps models paired by their draws."""
    return np.minimum((uniforms * pool).astype(np.intp), pool - 1)


def pick_weighted(uniforms: Floats, weights: Floats) -> Rows:
    """Indices with probabilities proportional to weights, by inverting their running sum.

    Args:
        uniforms: ``(n,)``.
        weights: ``(pool,)`` for all, or ``(n, pool)`` for each.
    """
    reached = np.cumsum(weights, axis=-1)
    if weights.ndim == 1:
        chosen: Rows = np.searchsorted(reached, uniforms * reached[-1], side="right")
    else:
        chosen = (reached <= uniforms[:, None] * reached[:, -1:]).sum(axis=1)
    chosen = np.minimum(chosen, weights.shape[-1] - 1)
    return chosen


def likeness_weights(today: Floats, past: Floats, out: Floats | None = None) -> Floats:
    """``(rows, past)`` exp(−½ ‖x_s − x_t‖²) of rows ``(rows, f)`` and past days ``(past, f)``."""
    weights: Floats = np.matmul(today, past.T, out=out)
    weights -= np.square(past).sum(axis=1) / 2
    weights -= np.square(today).sum(axis=1, keepdims=True) / 2
    return np.exp(weights, out=weights)


def blocks(n: int) -> Iterator[slice]:
    """Paths a few at a time, so that their weights stay in the cache."""
    return (slice(start, min(start + PATHS_AT_ONCE, n)) for start in range(0, n, PATHS_AT_ONCE))
