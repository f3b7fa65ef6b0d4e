"""Paths: any one-step model walked day by day for up to a year, each day's scenario the next day's condition.

A :class:`Chain` carries n paths of one model. The general one, :class:`HistoryChain`, gives every path a history of its
own and asks the model for one scenario of its next day: exact for every model, and slow. A family whose condition is a
small state has a chain that carries that state for all paths at once (``SurfaceModel.chain``).

:func:`simulate` walks a chain. Surfaces are drawn, measured and forgotten day by day; what is kept of a path are
numbers (:class:`SurfacePaths`): return, at-the-money vol, realised vol, volatility index, arbitrage penalty, scores on
the data's components, and how much of the surface lies inside what the data have shown.

References:
    Simulation of arbitrage-free implied volatility surfaces, (2.15)–(2.20): φ of a path, weights, distance to
    no-arbitrage.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from engine.errors import MarketDataError, SettingsError
from engine.market.grid import LOWEST_IV, Floats, Grid
from engine.market.surface_history import FIRST_CONDITION_ROW, HIGHEST_IV, Dates, SurfaceHistory
from engine.models.conditional_fhs.filter import RealisedVol, next_weekdays
from engine.scenarios import reweighting
from engine.surfaces import arbitrage, principal_components, vix

if TYPE_CHECKING:
    from engine.models.surface_model import SurfaceModel

MOST_DAYS = 252
"""Longest path: a year."""

MOST_PATHS = 10_000
"""Most paths at a time; a year of them is 0.2 GB."""

COMPONENTS = 3
"""Principal components of the data whose scores are kept."""

THREADS = 2

Kept = NDArray[np.float32]


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


@dataclass(frozen=True, eq=False)
class SurfacePaths:
    """n paths of T days from the last day of a history. Column 0 of each series is that day itself.

    A path whose vols leave [0.1 %, 500 %], or whose numbers are no longer finite, has left: its series are NaN from
    that day on, and it carries no weight.

    Args:
        model: registered name.
        grid: of the surfaces.
        dates: ``(T + 1,)``, weekdays after the first.
        log_spot: ``(n, T + 1)`` log S.
        atm: ``(n, T + 1)`` at-the-money vol at ``atm_maturity``, annualised.
        realised: ``(n, T + 1)`` one-month realised vol γ, annualised; the real returns before the start count.
        vix: ``(n, T + 1)`` volatility index of the surfaces, index points.
        penalty: ``(n, T + 1)`` Φ of each day's surface.
        factors: ``(n, T + 1, k)`` scores on the leading components of the history.
        inside: ``(n, T + 1)`` share of grid points within the history's lowest and highest vols there.
        lasting: ``(n,)`` days walked before the path left; T if it never did.
        atm_maturity: years.
        rate: per year, held along the paths.
        iv: ``(kept, T + 1, n_moneyness, n_maturity)`` surfaces of the first paths, if asked for.
    """

    model: str
    grid: Grid
    dates: Dates
    log_spot: Floats
    atm: Floats
    realised: Floats
    vix: Floats
    penalty: Floats
    factors: Floats
    inside: Floats
    lasting: NDArray[np.intp]
    atm_maturity: float
    rate: float
    iv: Kept | None = None

    def __len__(self) -> int:
        return len(self.lasting)

    @property
    def days(self) -> int:
        """T."""
        return len(self.dates) - 1

    @property
    def complete(self) -> NDArray[np.bool_]:
        """``(n,)`` which paths stayed to the end."""
        stayed: NDArray[np.bool_] = self.lasting == self.days
        return stayed

    @property
    def accumulated(self) -> Floats:
        """``(n, T + 1)`` Φ summed along each path; the start, common to all, counts nothing."""
        summed = np.zeros_like(self.penalty)
        np.cumsum(self.penalty[:, 1:], axis=1, out=summed[:, 1:])
        return summed

    @property
    def path_penalty(self) -> Floats:
        """``(n,)`` φ(ω) = Σ_{t=1}^T Φ(σ_t(ω)) (2.15); NaN on a path that left."""
        return self.accumulated[:, -1]

    def default_beta(self) -> float:
        """β* = 500 / max φ over the paths that stayed."""
        return float(reweighting.default_beta(self.path_penalty[self._stayed()]))

    def weights(self, beta: float) -> Floats:
        """``(n,)`` w(ω) ∝ exp(−β φ(ω)) (2.16); zero on a path that left.

        Raises:
            MarketDataError: if every path left.
            SettingsError: if β is negative.
        """
        stayed = self._stayed()
        w = np.zeros(len(self))
        w[stayed] = reweighting.weights(self.path_penalty[stayed], beta)
        return w

    def to_frame(self, weights: Floats) -> pd.DataFrame:
        """One row a path and day: weight, spot, ATM and realised vol, index, Φ and φ so far, scores, share inside."""
        n, columns = self.log_spot.shape
        table = pd.DataFrame(
            {
                "path": np.repeat(np.arange(n), columns),
                "day": np.tile(np.arange(columns), n),
                "date": np.tile(self.dates, n),
                "weight": np.repeat(weights, columns),
                "spot": np.exp(self.log_spot).ravel(),
                "atm": self.atm.ravel(),
                "realised": self.realised.ravel(),
                "vix": self.vix.ravel(),
                "phi": self.penalty.ravel(),
                "phi_accumulated": self.accumulated.ravel(),
                "inside": self.inside.ravel(),
            }
        )
        for k in range(self.factors.shape[2]):
            table[f"factor_{k + 1}"] = self.factors[..., k].ravel()
        return table

    def _stayed(self) -> NDArray[np.bool_]:
        stayed = self.complete
        if not stayed.any():
            raise MarketDataError(
                f"expected paths that stay between {100 * LOWEST_IV:g} % and {100 * HIGHEST_IV:g} % vol for "
                f"{self.days} days; found that all {len(self)} left by day {int(self.lasting.max()) + 1}"
            )
        return stayed


def simulate(
    model: SurfaceModel,
    condition: SurfaceHistory,
    n: int,
    days: int = MOST_DAYS,
    *,
    rng: np.random.Generator,
    keep: int = 0,
    on_day: Callable[[int, int], None] | None = None,
) -> SurfacePaths:
    """Chain a one-step model: each day's scenario is the next day's condition.

    Args:
        model: fitted or restored, of any family.
        condition: the history known at the start; also what "inside" and the components are measured against.
        n: number of paths.
        days: T.
        rng: source of randomness; the same state gives the same paths.
        keep: how many paths keep their surfaces.
        on_day: called with days done and days to do.

    Raises:
        SettingsError: for no path, too many, or too long ones.
        MarketDataError: if the history is too short, or not on the model's grid.
    """
    if not 1 <= n <= MOST_PATHS or not 1 <= days <= MOST_DAYS or keep < 0:
        raise SettingsError(
            f"expected 1 to {MOST_PATHS:,} paths of 1 to {MOST_DAYS} days; found {n:,} of {days:,}, {keep} kept"
        )
    if len(condition) <= FIRST_CONDITION_ROW:
        raise MarketDataError(f"expected at least {FIRST_CONDITION_ROW + 1} days of surfaces; found {len(condition)}")
    chain = model.chain(condition, n)
    record = _Record(condition, n, days, min(keep, n))
    with ThreadPoolExecutor(THREADS) as pool:
        for day in range(1, days + 1):
            with np.errstate(over="ignore", invalid="ignore", divide="ignore"):  # a path that explodes is caught below
                step = chain.step(rng)
            record.add(day, np.asarray(step.log_return, dtype=np.float64), step.log_iv, pool)
            if on_day is not None:
                on_day(day, days)
    return record.paths(model.name, next_weekdays(condition.dates[-1], days))


class _Record:
    """What is kept of the paths so far."""

    def __init__(self, condition: SurfaceHistory, n: int, days: int, keep: int) -> None:
        self.grid, self.start = condition.grid, condition.dates[-1]
        self.rate = float(condition.rate[-1])
        self.atm_maturity = float(np.clip(1 / 12, self.grid.maturity[0], self.grid.maturity[-1]))
        self.components = principal_components.fit(condition, min(COMPONENTS, self.grid.size))
        flat = self.grid.flatten(condition.log_iv)
        self.low, self.high = flat.min(axis=0), flat.max(axis=0)
        self.realised_vol = RealisedVol(condition.log_return, n)
        self.today = np.ascontiguousarray(condition.iv[-1])
        self.alive = np.ones(n, dtype=bool)
        self.lasting = np.zeros(n, dtype=np.intp)
        names = ("log_spot", "atm", "realised", "vix", "penalty", "inside")
        self.series = {name: np.full((n, days + 1), np.nan) for name in names}
        self.factors = np.full((n, days + 1, len(self.components.vectors)), np.nan)
        self.iv = np.full((keep, days + 1, *self.grid.shape), np.nan, dtype=np.float32)
        first = self.series
        first["log_spot"][:, 0] = np.log(condition.spot[-1])
        first["atm"][:, 0] = condition.atm(self.atm_maturity)[-1]
        first["realised"][:, 0] = self.realised_vol.value
        first["vix"][:, 0] = vix.from_surface(self.today, self.grid, self.rate)
        first["penalty"][:, 0] = arbitrage.total_penalty(self.today, self.grid, self.rate)
        first["inside"][:, 0] = 1.0
        self.factors[:, 0] = self.components.project(condition.log_iv[-1])
        self.iv[:, 0] = self.today

    def add(self, day: int, log_return: Floats, log_iv: Floats, pool: ThreadPoolExecutor) -> None:
        """Measure one more day of every path."""
        with np.errstate(invalid="ignore"):
            lowest, highest = log_iv.min(axis=1), log_iv.max(axis=1)
            self.alive &= (lowest >= np.log(LOWEST_IV)) & (highest <= np.log(HIGHEST_IV)) & np.isfinite(log_return)
        alive = self.alive
        self.lasting[alive] = day
        surfaces = self.grid.unflatten(np.where(alive[:, None], log_iv, np.log(self.today).ravel()))
        iv = np.exp(surfaces)
        halves = np.array_split(iv, THREADS)
        index = pool.map(lambda part: vix.from_surface(part, self.grid, self.rate), halves)
        self.realised_vol.update(np.where(alive, log_return, 0.0))
        flat = self.grid.flatten(surfaces)
        found = {
            "log_spot": self.series["log_spot"][:, day - 1] + log_return,
            "atm": self.grid.interpolate(iv, 1.0, self.atm_maturity),
            "realised": self.realised_vol.value,
            "penalty": arbitrage.total_penalty(iv, self.grid, self.rate),
            "inside": ((flat >= self.low) & (flat <= self.high)).mean(axis=1),
            "vix": np.concatenate(list(index)),
        }
        for name, values in found.items():
            self.series[name][:, day] = np.where(alive, values, np.nan)
        self.factors[:, day] = np.where(alive[:, None], self.components.project(surfaces), np.nan)
        kept = len(self.iv)
        self.iv[:, day] = np.where(alive[:kept, None, None], iv[:kept], np.nan)

    def paths(self, model: str, following: Dates) -> SurfacePaths:
        """Everything measured."""
        return SurfacePaths(
            model=model,
            grid=self.grid,
            dates=np.concatenate([[self.start], following]),
            factors=self.factors,
            lasting=self.lasting,
            atm_maturity=self.atm_maturity,
            rate=self.rate,
            iv=self.iv if len(self.iv) else None,
            **self.series,
        )
