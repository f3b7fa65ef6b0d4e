"""Chains: a one-step model walked day by day, each day's scenario the next day's condition.

A chain carries n paths. The general one, :class:`HistoryChain`, gives every path a history of its own and asks the
model for one scenario of its next day: exact for every model, and slow. A family whose condition is a small state has
a chain of its own (``SurfaceModel.chain``) that carries that state for all paths at once.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NamedTuple

import numpy as np

from engine.errors import MarketDataError, SettingsError
from engine.market.grid import TRADING_DAYS, Floats, Grid
from engine.market.surface_history import HIGHEST_IV, REALISED_WINDOW, Dates, SurfaceHistory
from engine.models.conditional_fhs.innovations import LEAST_VARIANCE, Rows, pick
from engine.models.surface_model import SurfaceModel


class Day(NamedTuple):
    """One more day on every path.

    Args:
        log_return: ``(n,)`` R over the step to that day.
        log_iv: ``(n, N)`` log σ at its close, maturity fastest. NaN on a path that has left what surfaces can be.
    """

    log_return: Floats
    log_iv: Floats


class Chain(ABC):
    """n paths of one model, all of them at the close of one day; :meth:`step` takes them to the close of the next."""

    @abstractmethod
    def step(self, rng: np.random.Generator) -> Day:
        """Draw tomorrow on every path and make it today. What is returned stays as it is when the chain moves on."""


class HistoryChain(Chain):
    """Any model, path by path: the condition of a path's next day is the real history followed by the path's own days.

    The rate stays at its last known value and days are weekdays. A path whose surface leaves (0, 500 %], which no
    history can hold, stays NaN from then on.

    Args:
        model: fitted or restored.
        condition: the history known today.
        n: number of paths.
    """

    def __init__(self, model: SurfaceModel, condition: SurfaceHistory, n: int) -> None:
        if n < 1:
            raise SettingsError(f"expected at least one path; found {n}")
        self._model, self._condition = model, condition
        self._dates = np.array([], dtype="datetime64[D]")
        self._spot = np.empty((n, 0))
        self._iv = np.empty((n, 0, *condition.grid.shape))

    def step(self, rng: np.random.Generator) -> Day:
        """One scenario of each path's next day; of a mixture's components one is taken at random."""
        grid, n = self._condition.grid, len(self._spot)
        log_return, log_iv = np.full(n, np.nan), np.full((n, *grid.shape), np.nan)
        components = self._model.components
        for i in range(n):
            if not np.isfinite(self._iv[i]).all():
                continue
            drawn = self._model.sample(self._history(i), components, rng=rng)
            which = int(rng.integers(components)) if components > 1 else 0
            with np.errstate(over="ignore"):
                iv = np.exp(drawn.log_iv[which].astype(np.float64))
            if iv.min() > 0 and iv.max() <= HIGHEST_IV:
                log_return[i], log_iv[i] = drawn.log_return[which], drawn.log_iv[which]
        self._dates = next_weekdays(self._condition.dates[-1], self._dates.size + 1)
        today = self._spot[:, -1] if self._spot.shape[1] else np.full(n, self._condition.spot[-1])
        self._spot = np.column_stack([self._spot, today * np.exp(log_return)])
        self._iv = np.concatenate([self._iv, np.exp(log_iv)[:, None]], axis=1)
        return Day(log_return, grid.flatten(log_iv))

    def _history(self, path: int) -> SurfaceHistory:
        known = self._condition
        own = len(self._dates)
        if own == 0:
            return known
        return SurfaceHistory(
            dates=np.concatenate([known.dates, self._dates]),
            spot=np.concatenate([known.spot, self._spot[path]]),
            iv=np.concatenate([known.iv, self._iv[path]]),
            grid=known.grid,
            rate=np.concatenate([known.rate, np.full(own, known.rate[-1])]),
            name=known.name,
        )


class MoveChain(Chain):
    """Paths whose tomorrow is today's surface plus a move: a family writes :meth:`_moves` and keeps its own state.

    Args:
        condition: the history known today.
        n: number of paths.
    """

    def __init__(self, condition: SurfaceHistory, n: int) -> None:
        self.grid: Grid = condition.grid
        self.log_iv: Floats = np.tile(self.grid.flatten(condition.log_iv[-1]), (n, 1))
        """``(n, N)`` today's log vols on every path."""

    def step(self, rng: np.random.Generator) -> Day:
        """Draw the moves, and add them."""
        moves = self._moves(rng)
        self.log_iv = self.log_iv + moves[:, 1:]
        self._moved(moves)
        return Day(np.ascontiguousarray(moves[:, 0]), self.log_iv)

    @abstractmethod
    def _moves(self, rng: np.random.Generator) -> Floats:
        """``(n, 1 + N)`` (R, Δg) of the step from today."""

    def _moved(self, moves: Floats) -> None:
        """Bring the state up to the day that ``log_iv`` now holds."""


class Pool:
    """Past days that tomorrow is drawn from: on every path the real ones, then those the path has drawn itself.

    A day drawn on a path repeats a real one, so the path remembers which, and nothing else.

    Args:
        past: number of real days.
        n: number of paths.
    """

    def __init__(self, past: int, n: int) -> None:
        if past < 1:
            raise MarketDataError(f"expected at least one past day to draw from; found {past}")
        self.past = past
        self._own: Rows = np.empty((n, 0), dtype=np.intp)

    def __len__(self) -> int:
        return self.past + int(self._own.shape[1])

    def draw(self, uniforms: Floats, window: int | None = None) -> Rows:
        """``(n,)`` real days, each path's drawn equally from its last ``window`` days or all of them."""
        first = 0 if window is None else max(0, len(self) - window)
        return self.take(first + pick(uniforms, len(self) - first))

    def take(self, chosen: Rows) -> Rows:
        """``(n,)`` the real days behind chosen places of the pool; they join it as the paths' latest days."""
        own = self._own.shape[1]
        if own:
            repeated = self._own[np.arange(len(chosen)), np.clip(chosen - self.past, 0, own - 1)]
            chosen = np.where(chosen < self.past, chosen, repeated)
        self._own = np.column_stack([self._own, chosen])
        return chosen


class RunningVariance:
    """:func:`engine.models.conditional_fhs.innovations.running_variance` one step at a time, on every path.

    Args:
        latest: ``(d,)`` the variance for the next move, of the real past.
        decay, tilt: as there.
        n: number of paths.
    """

    def __init__(self, latest: Floats, decay: float, n: int, *, tilt: float = 0.0) -> None:
        self._decay, self._tilt = decay, tilt
        self._value = np.tile(latest, (n, 1))
        self.volatility: Floats = np.sqrt(self._value)
        """``(n, d)`` √v of the next move."""

    def update(self, moves: Floats) -> None:
        """v ← λ v + (1 − λ) k y², k = 1 + tilt where the first coordinate fell and 1 − tilt elsewhere."""
        news = np.square(moves)
        if self._tilt:
            news *= np.where(moves[:, :1] < 0, 1 + self._tilt, 1 - self._tilt)
        self._value *= self._decay
        self._value += (1 - self._decay) * news
        self.volatility = np.sqrt(np.maximum(self._value, LEAST_VARIANCE))


class RealisedVol:
    """The one-month realised vol (3.3) on every path: the last 21 squared returns, the oldest replaced each day.

    Args:
        log_return: ``(≥ 21,)`` the real returns.
        n: number of paths.
    """

    def __init__(self, log_return: Floats, n: int) -> None:
        if len(log_return) < REALISED_WINDOW:
            raise MarketDataError(
                f"expected at least {REALISED_WINDOW} daily returns for realised volatility; found {len(log_return)}"
            )
        self._squares = np.tile(np.square(log_return[-REALISED_WINDOW:]), (n, 1))
        self._oldest = 0

    @property
    def value(self) -> Floats:
        """``(n,)`` γ, annualised."""
        vol: Floats = np.sqrt(TRADING_DAYS / REALISED_WINDOW * self._squares.sum(axis=1))
        return vol

    def update(self, log_return: Floats) -> None:
        """Take in the return ``(n,)`` that has just ended."""
        self._squares[:, self._oldest] = np.square(log_return)
        self._oldest = (self._oldest + 1) % REALISED_WINDOW


def next_weekdays(day: np.datetime64, count: int) -> Dates:
    """The ``count`` weekdays after a day: paths know no holidays."""
    following: Dates = np.busday_offset(day, np.arange(1, count + 1), roll="backward")
    return following
