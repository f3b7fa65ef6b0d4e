"""One filter, two modes: what is known at the close of every day of a history, or of the day that paths have reached.

Volatilities and features of this package are linear recursions in time. They are written once, as functions of a
:class:`Filter`, elementwise over axis 0. Given a :class:`HistoryFilter`, axis 0 is the days of a history, all computed
at once; its :meth:`~HistoryFilter.paths` go on from the last day: there axis 0 is paths, and every evaluation of the
same functions after :meth:`PathFilter.advance` takes each recursion one day further.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import ArrayLike

from engine.errors import MarketDataError, SettingsError
from engine.market.grid import TRADING_DAYS, Floats, Grid
from engine.market.surface_history import REALISED_WINDOW, Dates, SurfaceHistory

LEAST_VARIANCE = 1e-20
"""Floor of a variance, so that a grid point that never moved gives innovations of zero, not NaN."""


class Filter(ABC):
    """Days and the running quantities on them. Days run along axis 0; moves are those that ended on them.

    Over a history of n days there are n rows and n − 1 moves (none ended on the first day); on paths there is one row
    and one move a path. Names tell recursions apart: each is asked for once a day.
    """

    grid: Grid
    dates: Dates
    """``(n,)`` over a history, ``(1,)`` on paths, which all stand on one day."""
    moves: Floats
    """``(n − 1, 1 + N)`` or ``(paths, 1 + N)`` (R, Δg) that ended on the days."""
    log_spot: Floats
    """``(rows,)``."""
    log_iv: Floats
    """``(rows, N)`` log σ, maturity fastest."""

    @property
    @abstractmethod
    def iv(self) -> Floats:
        """``(rows, n_moneyness, n_maturity)`` implied vols, annualised."""

    @property
    @abstractmethod
    def realised_vol(self) -> Floats:
        """``(rows,)`` one-month realised vol γ (3.3), annualised; NaN in a history's first 21 rows."""

    @abstractmethod
    def recursion(self, name: str, news: Floats, decay: float | Floats, start: ArrayLike) -> Floats:
        """s_0 = start, s_{t+1} = decay · s_t + news_{t+1}, of what the moves brought.

        Args:
            name: of the recursion.
            news: ``(moves, …)``.
            decay: one number, or one for each column.
            start: ``(…)`` on a history's first day.

        Returns:
            ``(rows, …)``.
        """

    @abstractmethod
    def mean(self, name: str, series: Floats, decay: float) -> Floats:
        """Exponentially weighted mean of ``(rows, …)`` values, the day's own included: m ← λ m + (1 − λ) x."""

    @abstractmethod
    def previous(self, name: str, value: Floats) -> Floats:
        """``(moves, …)`` of ``(rows, …)`` values: those of the day on which each move began."""

    @abstractmethod
    def last(self, ended: Floats) -> Floats:
        """``(rows, …)`` of ``(moves, …)`` values: those of the move that ended on the day; zero on a first day."""

    def variance(self, name: str, observed: Floats, decay: float, start: ArrayLike, *, tilt: float = 0.0) -> Floats:
        """Exponentially weighted variance, each day's known before the move that it is for.

        v_0 = start, v_{t+1} = λ v_t + (1 − λ) k_t y_t², with k_t = 1 + tilt after a fall of the index (y_t,0 < 0) and
        1 − tilt otherwise.

        Args:
            name: of the recursion.
            observed: ``(moves, d)`` the return first.
            decay: λ in (0, 1).
            start: ``(d,)`` variance before the first move.
            tilt: in [0, 1); how much more falls count than rises.

        Returns:
            ``(rows, d)`` of the move after each day.

        References:
            J.P. Morgan/Reuters (1996), RiskMetrics technical document, section 5.2.
        """
        squares = observed**2
        if tilt:
            squares *= np.where(observed[:, :1] < 0, 1 + tilt, 1 - tilt)
        first = np.maximum(np.asarray(start, dtype=np.float64), LEAST_VARIANCE)
        return np.maximum(self.recursion(name, (1 - decay) * squares, decay, first), LEAST_VARIANCE)

    def quote(self, moneyness: ArrayLike, maturity: ArrayLike) -> Floats:
        """``(rows, *q)`` implied vols at points ``q`` of moneyness and maturity (years)."""
        return self.grid.interpolate(self.iv, moneyness, maturity)


class HistoryFilter(Filter):
    """Every day of a history at once. No row of anything uses a later day.

    Args:
        history: real days.
    """

    def __init__(self, history: SurfaceHistory) -> None:
        self.grid, self.dates = history.grid, history.dates
        self.moves = moves(history)
        self.log_spot = np.log(history.spot)
        self.log_iv = history.grid.flatten(history.log_iv)
        self._history = history
        self._states: dict[str, Floats] = {}

    @property
    def iv(self) -> Floats:
        """As given."""
        return self._history.iv

    @property
    def realised_vol(self) -> Floats:
        """As the history knows it."""
        return self._history.realised_vol

    def recursion(self, name: str, news: Floats, decay: float | Floats, start: ArrayLike) -> Floats:
        """All days by one pass of a linear filter."""
        first = np.broadcast_to(np.asarray(start, dtype=np.float64), news.shape[1:])[None]
        if isinstance(decay, float):
            later = linear_recursion(news, decay, first)
        else:
            columns = zip(news.T, decay, first[0], strict=True)
            later = np.stack([linear_recursion(x, float(one), x0[None]) for x, one, x0 in columns], axis=1)
        return self._remembered(name, np.concatenate([first, later]))

    def mean(self, name: str, series: Floats, decay: float) -> Floats:
        """Started at the first day's value."""
        return self._remembered(name, linear_recursion((1 - decay) * series, decay, series[:1]))

    def previous(self, name: str, value: Floats) -> Floats:
        """All but the last day's."""
        return self._remembered(name, value)[:-1]

    def last(self, ended: Floats) -> Floats:
        """The moves', after a row of zeros."""
        return np.concatenate([np.zeros((1, *ended.shape[1:])), ended])

    def paths(self, n: int) -> PathFilter:
        """n paths that stand at the close of the last day, with every recursion that has been asked for.

        Raises:
            SettingsError: for no path.
            MarketDataError: if the history has fewer than 22 days, too few for realised vol.
        """
        return PathFilter(self, {name: state.copy() for name, state in self._states.items()}, n)

    def _remembered(self, name: str, values: Floats) -> Floats:
        if name in self._states:
            raise ValueError(f"expected a recursion of its own name; found {name!r} twice")
        self._states[name] = values[-1]
        return values


class PathFilter(Filter):
    """The day that n paths have reached, from one close to the next. Made by :meth:`HistoryFilter.paths`."""

    def __init__(self, history: HistoryFilter, states: dict[str, Floats], n: int) -> None:
        if n < 1:
            raise SettingsError(f"expected at least one path; found {n}")
        self.grid, self.dates = history.grid, history.dates[-1:]
        self.moves = _tiled(history.moves[-1], n)
        self.log_spot, self.log_iv = _tiled(history.log_spot[-1], n), _tiled(history.log_iv[-1], n)
        self._states = {name: _tiled(state, n) for name, state in states.items()}
        self._realised = RealisedVol(history.moves[:, 0], n)
        self._iv: Floats | None = None

    def advance(self, moves: Floats) -> None:
        """The next weekday, reached by moves ``(paths, 1 + N)``."""
        self.moves = moves
        self.dates = next_weekdays(self.dates[-1], 1)
        self.log_spot = self.log_spot + moves[:, 0]
        self.log_iv = self.log_iv + moves[:, 1:]
        self._realised.update(moves[:, 0])
        self._iv = None

    @property
    def iv(self) -> Floats:
        """e^g."""
        if self._iv is None:
            self._iv = np.exp(self.grid.unflatten(self.log_iv))
        return self._iv

    @property
    def realised_vol(self) -> Floats:
        """Of the last 21 returns, real ones and the path's own."""
        return self._realised.value

    def recursion(self, name: str, news: Floats, decay: float | Floats, start: ArrayLike) -> Floats:
        """One step further."""
        state = self._states[name] * decay
        state += news
        self._states[name] = state
        return state

    def mean(self, name: str, series: Floats, decay: float) -> Floats:
        """One step further."""
        return self.recursion(name, (1 - decay) * series, decay, 0.0)

    def previous(self, name: str, value: Floats) -> Floats:
        """Yesterday's; today's are remembered."""
        before, self._states[name] = self._states[name], value
        return before

    def last(self, ended: Floats) -> Floats:
        """The moves' own."""
        return ended


class RealisedVol:
    """The one-month realised vol (3.3) on every path: the last 21 squared returns, the oldest replaced each day.

    Args:
        log_return: ``(≥ 21,)`` the real returns.
        n: number of paths.

    Raises:
        MarketDataError: if there are fewer returns.
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


def moves(history: SurfaceHistory) -> Floats:
    """``(n − 1, 1 + N)`` (R_t, Δg_t): the log-return and the change of log vols over the step after day t."""
    change = np.diff(history.grid.flatten(history.log_iv), axis=0)
    return np.concatenate([history.log_return[:, None], change], axis=1)


def next_weekdays(day: np.datetime64, count: int) -> Dates:
    """The ``count`` weekdays after a day: paths know no holidays."""
    following: Dates = np.busday_offset(day, np.arange(1, count + 1), roll="backward")
    return following


def linear_recursion(news: Floats, decay: float, start: Floats) -> Floats:
    """``(n, …)`` s_{t+1} = decay · s_t + news_t from ``start`` ``(1, …)``, which is not among them."""
    from scipy.signal import lfilter  # a quarter of a second to import, and pages list models without filtering

    later: Floats = lfilter([1.0], [1.0, -decay], news, axis=0, zi=decay * start)[0]
    return later


def _tiled(value: ArrayLike, n: int) -> Floats:
    tiled: Floats = np.repeat(np.asarray(value, dtype=np.float64)[None], n, axis=0)
    return tiled
