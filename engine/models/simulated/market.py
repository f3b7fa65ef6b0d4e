"""The built-in market: a model whose law is known exactly, and the 22 years of history it draws.

Spot, surfaces, volatility index, rate and half-spreads come from the four-factor model of SPEC 1.6 with regimes and
heavy tails (``simulated_law``) on smooth shapes around an arbitrage-free average surface (``simulated_shapes``).
Because the law is known, the market can also draw from the true conditional law of any day: that is what every other
generator's calibration is held to.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike

from engine.errors import CheckpointError, MarketDataError, SettingsError
from engine.market.grid import CH2_GRID, DT, VOLGAN_GRID, Floats, Grid
from engine.market.surface_history import SurfaceHistory
from engine.models.rollout import Chain, Day
from engine.models.simulated import law
from engine.models.simulated.law import SurfaceShapes, half_spreads, surface_shapes
from engine.models.surface_model import FitReport, SurfaceModel, Tensors
from engine.scenarios.scenario_set import ScenarioSet
from engine.settings import configuration
from engine.surfaces import vix
from engine.training.progress import Checkpointer, OnStep, Progress, check_arrays

FIRST_DAY = np.datetime64("2000-01-03")
"""First day of every simulated history."""

BUILT_IN_DAYS = 5740
"""Weekdays from 2000-01-03 to 2021-12-31; the simulated market knows no holidays."""

BUILT_IN_SEED = 256
"""Seed of the built-in histories: one of the few below 400 whose 22 years are typical of the law (the shocks' variances
within 6 % of one, no factor's mean or reversion 2 standard errors off, a crisis like that of 2008)."""

FIRST_SPOT = 1000.0
"""Spot on the first day."""

HIGHEST_RATE, RATE_REVERSION, RATE_SMOOTHING = 0.05, 0.3, 0.25
"""The rate stays between 0 and 5 %, reverts at 0.3 per year, and is averaged over about a quarter."""


VIX_DIGITS = 6
"""Decimals of the volatility index: the last bits of the compiled sum differ between two compilations of it, and with
them the fingerprint of the history would."""


@configuration
class SimulatedMarketConfig:
    """Nothing to set: the parameters are the thesis's Tables 2.2 and 2.6 and the constants of the law."""


@dataclass(frozen=True, eq=False)
class SimulatedHistory:
    """A simulated history and the hidden state that made it.

    Args:
        history: what anyone can see.
        factors: ``(n, 4)`` X of each day.
        regime: ``(n,)`` 0 calm, 1 stressed: the regime of the step after each day.
    """

    history: SurfaceHistory
    factors: Floats
    regime: law.Regimes


@dataclass(frozen=True, eq=False)
class Filtered:
    """What a history of the simulated market reveals about its state.

    Args:
        factors: ``(n, 4)`` X of each day, exact.
        stress_probability: ``(n,)`` P(stressed step follows | everything up to that day).
        shocks: ``(n − 1, 5)`` the shocks of the steps, four factors and the return.
        log_likelihood: ``(n − 1,)`` log density of each step's (R, X) given the past.
    """

    factors: Floats
    stress_probability: Floats
    shocks: Floats
    log_likelihood: Floats


class SimulatedMarket(SurfaceModel):
    """The true conditional law of the simulated market.

    The surfaces reveal the factors, the spot the fifth shock, and a filter the probability p of a stressed step, so
    tomorrow's law given all that is observable is the mixture p · stressed + (1 − p) · calm of Student laws.
    For a history cut off at its start the regime of its first day has its long-run probability; that is forgotten
    within days.

    References:
        Simulation of arbitrage-free implied volatility surfaces, (2.26–2.29); SPEC 1.6.
    """

    name: ClassVar[str] = "simulated_market"
    Config: ClassVar[type] = SimulatedMarketConfig

    @classmethod
    def on(cls, grid: Grid) -> SimulatedMarket:
        """The market on a grid: there is nothing to fit."""
        market = cls()
        market._grid = grid
        return market

    def fit(
        self,
        history: SurfaceHistory,
        *,
        seed: int,
        on_step: OnStep | None = None,
        checkpointer: Checkpointer | None = None,
    ) -> FitReport:
        """Check that the history is the simulated market's and take over its grid; nothing is learned.

        Raises:
            MarketDataError: if the surfaces are not the simulated market's, or there are fewer than two days.
        """
        started = time.perf_counter()
        if len(history) < 2:
            raise MarketDataError(f"expected at least 2 days of surfaces; found {len(history)}")
        likelihood = float(SimulatedMarket.on(history.grid).filter(history).log_likelihood.mean())
        self._grid = history.grid
        if on_step is not None:
            on_step(Progress("filtering", 1, 1, {"log_likelihood": likelihood}))
        return FitReport(
            steps=0,
            seconds=time.perf_counter() - started,
            trained_on=(str(history.dates[0]), str(history.dates[-2])),
            metrics={"log_likelihood": likelihood},
        )

    def filter(self, history: SurfaceHistory) -> Filtered:
        """Factors, regime probabilities, shocks and likelihood of a history; row t uses rows up to t only.

        Raises:
            MarketDataError: if the surfaces are not the simulated market's.
        """
        shapes = self._shapes(history.grid)
        factors = shapes.factors(history.log_iv)
        atm = history.atm()
        shocks = law.shocks_of(factors, history.log_return, atm)
        probability, density = law.filter_regime(shocks, factors[:, 0])
        scale = np.log(law.STEP).sum() + np.log(law.SPOT_VOL_SHARE * atm[:-1]) + np.log(DT) / 2
        return Filtered(factors, probability, shocks, density - scale)

    def sample(self, condition: SurfaceHistory, n: int, *, rng: np.random.Generator) -> ScenarioSet:
        """n scenarios of the true law of the day after the last row of ``condition``."""
        drawn = self.sample_days(condition, [-1], n, rng=rng)
        provenance = self._provenance(condition)
        return ScenarioSet(drawn.log_return[0], drawn.log_iv[0], condition.grid, provenance=provenance)

    def sample_days(
        self, history: SurfaceHistory, rows: Sequence[int], n: int, *, rng: np.random.Generator
    ) -> ScenarioSet:
        """n scenarios from each condition row, the same as :meth:`sample` row after row with the same ``rng``.

        One pass of the filter serves all rows: it runs forward, so that no row sees a later one.

        Raises:
            MarketDataError: if the surfaces are not the simulated market's, or a row is outside the history.
            SettingsError: for no scenario.
        """
        days = np.asarray(rows, dtype=np.intp)
        if len(days) == 0 or days.min() < -len(history) or days.max() >= len(history):
            raise MarketDataError(f"expected condition rows among {len(history)} days; found {list(rows)[:5]}")
        known = self.filter(history)
        regimes, units = [], []
        for probability in known.stress_probability[days]:
            regimes.append((rng.random(_count(n)) < probability).astype(np.intp))
            units.append(law.unit_shocks((n,), rng))
        shapes = self._shapes(history.grid)
        shocks = law.regime_shocks(np.stack(units), np.stack(regimes))
        return _scenarios(shapes, known.factors[days], shocks, self._provenance_of_days(history, rows))

    def chain(self, condition: SurfaceHistory, n: int) -> Chain:
        """Paths that carry factors and regime: drawing the regime once and then its chain is the law of the filter."""
        known = self.filter(condition)
        start = np.tile(known.factors[-1], (_count(n), 1))
        return _LatentChain(self._shapes(condition.grid), start, np.full(n, known.stress_probability[-1]))

    def sample_from_state(self, factors: ArrayLike, regime: int, n: int, *, rng: np.random.Generator) -> ScenarioSet:
        """n scenarios of tomorrow given the whole state, the hidden regime included.

        Args:
            factors: ``(4,)`` today's X.
            regime: 0 calm or 1 stressed, of the step to tomorrow.
            n: number of scenarios.
            rng: source of randomness.

        Raises:
            CheckpointError: if the model has no grid yet.
            SettingsError: for another regime, or no scenario.
        """
        grid = self._fitted()
        if regime not in (0, 1):
            raise SettingsError(f"expected regime 0 (calm) or 1 (stressed); found {regime}")
        today = np.asarray(factors, dtype=np.float64)
        if today.shape != (4,):
            raise MarketDataError(f"expected four factors; found shape {today.shape}")
        shocks = law.regime_shocks(law.unit_shocks((_count(n),), rng), np.full(n, regime))
        provenance = {"model": self.name, "factors": today.tolist(), "regime": int(regime)}
        drawn = _scenarios(surface_shapes(grid), today[None], shocks[None], {})
        return ScenarioSet(drawn.log_return[0], drawn.log_iv[0], grid, provenance=provenance)

    def state(self) -> Tensors:
        """The parameters of the law on the model's grid."""
        return _parameters(self._fitted())

    def restore(self, state: Tensors, grid: Grid) -> None:
        """Take over a grid; parameters that are not this law's are refused rather than silently replaced."""
        expected = _parameters(grid)
        check_arrays(state, {name: array.shape for name, array in expected.items()}, kind="simulated market state")
        for name, array in expected.items():
            if not np.allclose(state[name], array, rtol=0, atol=1e-9):
                raise CheckpointError(f"expected the parameters of this simulated market; found another {name!r}")
        self._grid = grid

    def _fitted(self) -> Grid:
        if self._grid is None:
            raise CheckpointError("expected a simulated market with a grid; found one neither fitted nor restored")
        return self._grid

    def _shapes(self, grid: Grid) -> SurfaceShapes:
        if self._grid is not None and grid != self._grid:
            raise MarketDataError(f"expected surfaces on the model's grid, {self._grid!r}; found {grid!r}, or others")
        return surface_shapes(grid)


class _LatentChain(Chain):
    def __init__(self, shapes: SurfaceShapes, factors: Floats, stress: Floats) -> None:
        self._shapes, self._factors = shapes, factors  # factors (n, 4)
        self._stress = stress  # (n,) P(the next step is stressed) given the path's regime, at first given the data

    def step(self, rng: np.random.Generator) -> Day:
        regime = (rng.random(len(self._stress)) < self._stress).astype(np.intp)
        shocks = law.regime_shocks(law.unit_shocks(self._stress.shape, rng), regime)
        log_return = law.log_returns(self._shapes.atm(self._factors), shocks)
        self._factors = law.next_factors(self._factors, shocks)
        self._stress = law.stress_probability(regime, self._factors[:, 0])
        return Day(log_return, self._shapes.grid.flatten(self._shapes.log_iv(self._factors)))


def simulate(grid: Grid, n_days: int, seed: int, *, name: str = "") -> SimulatedHistory:
    """Draw a history of the simulated market.

    Args:
        grid: grid of the surfaces; with one seed the factors and shocks are the same on every grid.
        n_days: weekdays from 2000-01-03 on.
        seed: the same seed gives the same history.
        name: what a person calls it.

    Returns:
        The history with volatility index, rate and half-spreads, and the state that made it.

    Raises:
        SettingsError: for no day.
        MarketDataError: for a grid too small for four shapes, or a history with a vol above 500 % (none in 200 seeds).
    """
    if n_days < 1:
        raise SettingsError(f"expected at least one day; found {n_days}")
    shapes = surface_shapes(grid)
    latent, rates = np.random.default_rng(seed).spawn(2)
    factors, regime, shocks = law.simulate_latent(n_days, latent)
    iv = np.exp(shapes.log_iv(factors))
    log_return = law.log_returns(grid.interpolate(iv, 1.0, 1 / 12), shocks)
    rate = _rates(n_days, rates)
    history = SurfaceHistory(
        dates=np.busday_offset(FIRST_DAY, np.arange(n_days)),
        spot=FIRST_SPOT * np.exp(np.concatenate([[0.0], np.cumsum(log_return[:-1])])),
        iv=iv,
        grid=grid,
        rate=rate,
        vix=np.round(vix.from_surface(iv, grid, rate), VIX_DIGITS),
        half_spread=half_spreads(iv, grid),
        name=name,
    )
    return SimulatedHistory(history, factors, regime)


BUILT_IN = {"simulated-10x8": CH2_GRID, "simulated-11x9": VOLGAN_GRID}
"""The built-in histories and their grids."""


@functools.cache
def built_in(name: str) -> SimulatedHistory:
    """A built-in history, 22 years long; drawn on first use, then kept for the life of the process.

    Raises:
        MarketDataError: if there is none of that name.
    """
    if name not in BUILT_IN:
        raise MarketDataError(f"expected a built-in market among {', '.join(BUILT_IN)}; found {name[:40]!r}")
    return simulate(BUILT_IN[name], BUILT_IN_DAYS, BUILT_IN_SEED, name=name)


def _scenarios(shapes: SurfaceShapes, factors: Floats, shocks: Floats, provenance: Mapping[str, object]) -> ScenarioSet:
    """Scenarios ``(days, n)`` from states ``(days, 4)`` and shocks ``(days, n, 5)``."""
    # row by row: a matrix product of many rows may differ from that of one in the last bit
    atm = np.concatenate([shapes.atm(today[None]) for today in factors])
    log_return = law.log_returns(atm[:, None], shocks)
    log_iv = shapes.log_iv(law.next_factors(factors[:, None], shocks))  # (days, n, n_moneyness, n_maturity)
    return ScenarioSet(log_return, log_iv, shapes.grid, provenance=provenance)


def _count(n: int) -> int:
    if n < 1:
        raise SettingsError(f"expected at least one scenario; found {n}")
    return n


def _parameters(grid: Grid) -> Tensors:
    shapes = surface_shapes(grid)
    return {
        "average": shapes.average,
        "shapes": shapes.shapes,
        "ou": law.OU,
        "regime_correlation": law.REGIME_CORRELATION,
        "regime_scale": law.SCALE,
        "stress_odds": np.array([law.ENTER, law.STAY, law.LEVEL_PULL]),
        "tail": np.array([law.TAIL]),
        "spot": np.array([law.SPOT_VOL_SHARE, law.DRIFT]),
    }


def _rates(n: int, rng: np.random.Generator) -> Floats:
    """A smooth path between 0 and 5 %: r = 2.5 % (1 + tanh y), y an average of a unit-variance OU process."""
    keep, smooth = np.exp(-RATE_REVERSION * DT), np.exp(-DT / RATE_SMOOTHING)
    shocks = np.sqrt(1 - keep**2) * rng.standard_normal(n)
    z = y = rng.standard_normal()
    path = np.empty(n)
    for t, shock in enumerate(shocks.tolist()):
        path[t] = y
        z = keep * z + shock
        y = smooth * y + (1 - smooth) * z
    rate: Floats = HIGHEST_RATE / 2 * (1 + np.tanh(path))
    return rate
