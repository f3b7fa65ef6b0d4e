"""Which generator of surfaces is right? One protocol for all of them, walked forward through the days after training.

Every contestant sees the same days, the same split and the same seeds. Each is fitted to the days before the test and
may be refitted every 21 days on the past; its running state (volatilities, averages) is brought up to date every day,
because a condition is the whole history known that day. Targets are y = (√252·R_t, Δg_t), each coordinate divided by
its standard deviation over the training targets; losses are compared day by day with those of a baseline.

References:
    VolGAN, section 3.4 (forecasts, exceedances); the scores and tests are those of ``engine.evaluation``.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import MarketDataError, SettingsError
from engine.evaluation import calibration, distances, scores
from engine.market.grid import Floats, Grid
from engine.market.returns import TRADING_DAYS
from engine.market.surface_history import FIRST_CONDITION_ROW, Day, SurfaceHistory
from engine.models.registry import surface_model
from engine.models.simulated.market import SimulatedMarket
from engine.models.surface_model import SurfaceModel
from engine.scenarios import reweighting
from engine.scenarios.scenario_set import ScenarioSet
from engine.studies.generators.scores import (
    PATHS,
    ModelScores,
    Series,
    SurfaceScoring,
    SurfaceScoringConfig,
    TruthScores,
)
from engine.surfaces import arbitrage

__all__ = [
    "Contestant",
    "ModelScores",
    "Series",
    "SurfaceScoring",
    "SurfaceScoringConfig",
    "TruthScores",
    "contestants",
    "run",
    "scenario_targets",
    "scored_series",
    "split_rows",
    "standard_targets",
    "true_law",
]

ANNUAL = np.sqrt(TRADING_DAYS)

LEAST_CONDITIONS = 21
"""Fewest condition days of either part."""

TRUE_SCENARIOS = 1000
"""Most scenarios of the true law that a contestant's are held to."""

Rows = NDArray[np.intp]
OnDays = Callable[[int, int], None]
"""Called with days done and days in all."""


@dataclass(frozen=True)
class Contestant:
    """A model in the comparison.

    Args:
        label: what the tables call it.
        model: with its configuration; it is copied, never changed.
        refit: whether it is refitted on the way; otherwise its coefficients stay frozen (its running state does not).
        fitted: it comes fitted or restored to the days before the test, so the first fit is skipped.
        reweighted: its scenarios carry weights that favour little arbitrage, β* = 500/max Φ (3.12).
    """

    label: str
    model: SurfaceModel
    refit: bool = True
    fitted: bool = False
    reweighted: bool = False


def contestants(names: Sequence[str], *, frozen: Sequence[str] = ()) -> tuple[Contestant, ...]:
    """Registered models with their default settings; those in ``frozen`` enter a second time without refits."""
    entered = [Contestant(name, surface_model(name)()) for name in names]
    entered += [Contestant(f"{name} (frozen)", surface_model(name)(), refit=False) for name in frozen]
    return tuple(entered)


def run(
    history: SurfaceHistory,
    entered: Sequence[Contestant],
    config: SurfaceScoringConfig | None = None,
    *,
    train_before: Day | None = None,
    on_days: OnDays | None = None,
) -> SurfaceScoring:
    """Walk all contestants through the test days.

    On the simulated market every contestant is also held to the true law of each day.

    Args:
        history: training and test days.
        entered: the contestants, the baseline among them; labels are distinct.
        config: how they are compared.
        train_before: condition dates before this day train, the others test; if not given the configured share does.
        on_days: told of progress.

    Raises:
        MarketDataError: if either part is too short, or a model refuses the data.
        SettingsError: if labels repeat, the baseline is missing, or a model's scenarios depend on later days.
    """
    config = config or SurfaceScoringConfig()
    labels = [entry.label for entry in entered]
    if len(set(labels)) < len(labels) or config.baseline not in labels:
        raise SettingsError(
            f"expected distinct labels with the baseline {config.baseline!r} among them; found {labels}"
        )
    train, test = split_rows(history, config, train_before)
    scale = standard_targets(history, train).std(axis=0)
    if not scale.min() > 0:
        raise MarketDataError("expected every grid point to move in the training part; found one that never does")
    scorer = _Scorer(history, scale, scored_series(history.grid), config, true_law(history))
    walkers = [_Walker(entry, scorer) for entry in entered]
    done = 0
    for k, rows in enumerate(stretches(test, config.refit_every)):
        true = scorer.true_scenarios(rows)
        for walker in walkers:
            walker.walk(rows, true, first=k == 0)
        done += len(rows)
        if on_days is not None:
            on_days(done, len(test))
    return SurfaceScoring(
        config=config,
        dates=history.dates[test],
        series=scorer.series,
        scale=scale,
        models=tuple(walker.scores() for walker in walkers),
        moves=standard_targets(history, test) / scale,
        data_penalty=arbitrage.total_penalty(history.iv[test + 1], history.grid, history.rate[test]),
        train_days=len(train),
    )


def split_rows(
    history: SurfaceHistory, config: SurfaceScoringConfig, train_before: Day | None = None
) -> tuple[Rows, Rows]:
    """Condition rows of training and test: from row 22 to the last but one, in the order of days.

    Raises:
        MarketDataError: if either part has fewer than 21 days.
    """
    rows: Rows = np.arange(FIRST_CONDITION_ROW, len(history) - 1, dtype=np.intp)
    if train_before is None:
        cut = max(round(config.train_share * len(history)) - FIRST_CONDITION_ROW, 0)
    else:
        cut = int(np.searchsorted(history.dates[rows], np.datetime64(str(train_before), "D")))
    train, test = rows[:cut], rows[cut:]
    if min(len(train), len(test)) < LEAST_CONDITIONS:
        raise MarketDataError(
            f"expected at least {LEAST_CONDITIONS} training and test conditions; found {len(train)} and {len(test)}"
        )
    return train, test


def scored_series(grid: Grid) -> tuple[Series, ...]:
    """The return, and the grid points nearest to 2-month and 1-year at the money, 2-month 0.9 and 2-month 1.1."""
    found = [Series("return", None)]
    for moneyness, maturity in ((1.0, 1 / 6), (1.0, 1.0), (0.9, 1 / 6), (1.1, 1 / 6)):
        i, j = grid.nearest(moneyness, maturity)
        label = f"{grid.maturity_labels[j]} {grid.moneyness_labels[i]}"
        found.append(Series(label, i * grid.shape[1] + j))
    return tuple(dict.fromkeys(found))


def standard_targets(history: SurfaceHistory, rows: Rows) -> Floats:
    """``(len(rows), 1 + N)`` what followed each row: (√252·R_t, Δg_t)."""
    change = history.grid.flatten(history.log_iv[rows + 1] - history.log_iv[rows])
    return np.concatenate([ANNUAL * history.log_return[rows][:, None], change], axis=1)


def scenario_targets(drawn: ScenarioSet, history: SurfaceHistory, rows: Rows) -> Floats:
    """``(len(rows), n, 1 + N)`` the same of scenarios drawn after each row."""
    change = drawn.log_iv - history.log_iv[rows][:, None]
    return np.concatenate([ANNUAL * drawn.log_return[..., None], drawn.grid.flatten(change)], axis=-1)


def stretches(rows: Rows, length: int) -> Iterator[Rows]:
    """Consecutive parts of at most ``length`` rows."""
    for start in range(0, len(rows), length):
        yield rows[start : start + length]


def true_law(history: SurfaceHistory) -> SimulatedMarket | None:
    """The law that made the history, if it is the simulated market's."""
    law = SimulatedMarket.on(history.grid)
    try:
        law.filter(history[: min(len(history), 2 * FIRST_CONDITION_ROW)])
    except MarketDataError:
        return None
    return law


class _Walker:
    """One contestant on its way through the test days."""

    def __init__(self, entry: Contestant, scorer: _Scorer) -> None:
        self.entry, self.scorer = entry, scorer
        self.model = copy.deepcopy(entry.model) if entry.fitted else type(entry.model)(entry.model.config)
        self.parts: list[dict[str, NDArray[Any]]] = []
        self.fit_seconds = self.sample_seconds = 0.0

    def walk(self, rows: Rows, true: Floats | None, *, first: bool) -> None:
        """Fit if it is time, draw and score the days of one stretch."""
        known = self.scorer.history.until(int(rows[0]))
        seed = self.scorer.config.seed
        started = time.perf_counter()
        if first and not self.entry.fitted:
            self.model.fit(known, seed=seed)
        elif not first and self.entry.refit:
            self.model.refit(known, seed=seed)
        fitted = time.perf_counter()
        drawn = self._drawn(known, rows)
        self.sample_seconds += time.perf_counter() - fitted
        self.fit_seconds += fitted - started
        self.parts.append(self.scorer.score(drawn, rows, true, reweighted=self.entry.reweighted))

    def scores(self) -> ModelScores:
        """All stretches together."""
        together = {name: np.concatenate([part[name] for part in self.parts]) for name in self.parts[0]}
        excess, below = together.pop("excess", None), together.pop("true_below", None)
        for name in ("paths", "path_penalty"):
            together[name] = np.ascontiguousarray(together[name].swapaxes(0, 1))
        return ModelScores(
            label=self.entry.label,
            truth=None if excess is None or below is None else TruthScores(excess, below),
            fit_seconds=self.fit_seconds,
            sample_seconds=self.sample_seconds,
            **together,
        )

    def _drawn(self, known: SurfaceHistory, rows: Rows) -> ScenarioSet:
        """Scenarios of a stretch; those of its first day must not change when the later days are taken away."""
        config, history = self.scorer.config, self.scorer.history
        n, seed = config.scenarios, [config.seed, int(rows[0])]
        drawn = self.model.sample_days(history.until(int(rows[-1])), rows.tolist(), n, rng=np.random.default_rng(seed))
        alone = self.model.sample(known, n, rng=np.random.default_rng(seed))
        same = np.allclose(drawn.log_return[0], alone.log_return, rtol=1e-5, atol=1e-7)
        if not (same and np.allclose(drawn.log_iv[0], alone.log_iv, rtol=1e-5, atol=1e-6)):
            raise SettingsError(
                f"expected scenarios of {self.entry.label} that depend on days up to {known.dates[-1]} only and are "
                "the same for one day and for many; found others"
            )
        return drawn


@dataclass(frozen=True, eq=False)
class _Scorer:
    """What scores the scenarios of any contestant on a stretch of days."""

    history: SurfaceHistory
    scale: Floats
    series: tuple[Series, ...]
    config: SurfaceScoringConfig
    law: SimulatedMarket | None

    def true_scenarios(self, rows: Rows) -> Floats | None:
        """``(days, n, 1 + N)`` draws of the true law, where it is known, independent of every contestant's."""
        if self.law is None:
            return None
        rng = np.random.default_rng([self.config.seed, int(rows[0]), 2])
        n = min(self.config.scenarios, TRUE_SCENARIOS)
        drawn = self.law.sample_days(self.history.until(int(rows[-1])), rows.tolist(), n, rng=rng)
        return scenario_targets(drawn, self.history, rows)

    def score(
        self, drawn: ScenarioSet, rows: Rows, true: Floats | None, *, reweighted: bool
    ) -> dict[str, NDArray[Any]]:
        """The arrays of ``ModelScores`` for one stretch, days along the first axis."""
        history, n = self.history, self.config.scenarios
        surfaces = drawn.iv.reshape(-1, *history.grid.shape)
        penalty = arbitrage.total_penalty(surfaces, history.grid, np.repeat(history.rate[rows], n))
        penalty = penalty.reshape(len(rows), n)
        weights = reweighting.weights(penalty, reweighting.default_beta(penalty)) if reweighted else None
        x, y = scenario_targets(drawn, history, rows), standard_targets(history, rows)
        columns = [0 if s.cell is None else 1 + s.cell for s in self.series]
        one, seen = np.ascontiguousarray(np.moveaxis(x[..., columns], -1, 1)), y[:, columns]  # (days, S, n), (days, S)
        w = None if weights is None else np.broadcast_to(weights[:, None], one.shape)
        quantiles = calibration.quantiles(one, calibration.LEVELS, w)  # (L, days, S)
        rng = np.random.default_rng([self.config.seed, int(rows[0]), 1])
        pit = calibration.pit(one, seen, w, rng=rng)
        effective = np.full(len(rows), float(n)) if weights is None else 1 / np.square(weights).sum(axis=1)
        fair = bool(effective.min() >= 2)  # one scenario with all the weight has no pairs
        x /= self.scale
        kept = _kept(penalty.shape, weights, rng)
        found: dict[str, NDArray[Any]] = {
            "energy": scores.energy_score(x, y / self.scale, weights, unbiased=fair),
            "variogram": scores.variogram_score(x, y / self.scale, weights),
            "crps": scores.crps(one, seen, w, unbiased=fair),
            "below": np.moveaxis(seen < quantiles, 0, -1),
            "pit": pit,
            "penalty": penalty.astype(np.float32),
            "mean_penalty": penalty.mean(axis=1) if weights is None else (weights * penalty).sum(axis=1),
            "effective": effective,
            "paths": np.take_along_axis(x, kept[..., None], axis=1).astype(np.float32),
            "path_penalty": np.take_along_axis(penalty, kept, axis=1).astype(np.float32),
        }
        if true is not None:
            found["excess"] = distances.score_excess(x, true / self.scale, weights)
            truth = np.moveaxis(true[..., columns], -1, 1)  # (days, S, m)
            found["true_below"] = np.moveaxis((truth < quantiles[..., None]).mean(axis=-1), 0, -1)
        return found


def _kept(shape: tuple[int, ...], weights: Floats | None, rng: np.random.Generator) -> Rows:
    """``(days, 50)`` scenarios that make simulated histories: the first ones, or drawn by weight."""
    days, n = shape
    if weights is None:
        return np.tile(np.arange(PATHS) % n, (days, 1))
    chosen = [rng.choice(n, size=PATHS, p=day / day.sum()) for day in weights]
    return np.stack(chosen).astype(np.intp)
