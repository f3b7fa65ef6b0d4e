"""Which generator of surfaces is right? One protocol for all of them, walked forward through the days after training.

Every contestant sees the same days, the same split and the same seeds. Each is fitted to the days before the test and
may be refitted every 21 days on the past; its running state (volatilities, averages) is brought up to date every day,
because a condition is the whole history known that day. Targets are y = (√252·R_t, Δg_t), each coordinate divided by
its standard deviation over the training targets; losses are compared day by day with those of a baseline. The tables
hold figures with intervals, tests, floors and the truth.

References:
    VolGAN, Tables 3.1–3.5 and section 3.4; the scores and tests are those of ``engine.evaluation``.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from engine.errors import MarketDataError, SettingsError
from engine.evaluation import calibration, comparison, distances, scores
from engine.evaluation.targets import Rows, scenario_targets, standard_targets
from engine.market.grid import Floats, Grid
from engine.market.surface_history import FIRST_CONDITION_ROW, Dates, Day, SurfaceHistory
from engine.models.registry import surface_model
from engine.models.simulated.market import SimulatedMarket
from engine.models.surface_model import SurfaceModel
from engine.scenarios import reweighting
from engine.scenarios.scenario_set import ScenarioSet
from engine.settings import configuration, setting
from engine.surfaces import arbitrage

LEAST_CONDITIONS = 21
"""Fewest condition days of either part."""

TRUE_SCENARIOS = 1000
"""Most scenarios of the true law that a contestant's are held to."""

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


def stretches(rows: Rows, length: int) -> Iterator[Rows]:
    """Consecutive parts of at most ``length`` rows."""
    for start in range(0, len(rows), length):
        yield rows[start : start + length]


def first_day_is(drawn: ScenarioSet, alone: ScenarioSet) -> bool:
    """Whether the first of many days has the scenarios of that day drawn alone, but for rounding."""
    same = np.allclose(drawn.log_return[0], alone.log_return, rtol=1e-5, atol=1e-7)
    return bool(same and np.allclose(drawn.log_iv[0], alone.log_iv, rtol=1e-5, atol=1e-6))


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
        if not first_day_is(drawn, alone):
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


COMPONENTS = 3
"""Principal components compared, as in Tables 3.4 and 3.5."""

PATHS = 50
"""Scenarios of each day kept whole, strung together to simulated histories."""

NEEDED_RATIO, NEEDED_P = 0.982, 0.01
"""What a generator worth using reaches: energy score over filtered historical simulation's, and its p-value."""

NEEDED_TRUE_RATIO = 1.02
"""The same over the true law's where that is known: not even the truth need reach the bound over the baseline's."""

NEEDED_P_COVERAGE, NEEDED_SERIES = 0.05, 4
"""Kupiec rejects no level of at least four of the five series at 5 %."""

PENALTY_FACTOR, PENALTY_MARGIN = 2.0, 0.002
"""Mean Φ of raw scenarios is at most twice the data's plus this."""


@configuration
class SurfaceScoringConfig:
    """How contestants are compared."""

    scenarios: int = setting(1000, label="Scenarios", help="Scenarios a day of each model.", low=50, high=100_000)
    train_share: float = setting(
        0.8, label="Training share", help="Share of days before the test, unless a date is given.", low=0.1, high=0.95
    )
    refit_every: int = setting(
        21,
        label="Refit every",
        help="Models that may be refitted are, on the past only, after so many days.",
        low=1,
        high=252,
        unit="days",
    )
    baseline: str = setting("fhs", label="Baseline", help="Name of the contestant that others are compared with.")
    draws: int = setting(
        1000, label="Bootstrap draws", help="Resamples behind the intervals.", low=100, high=10_000, advanced=True
    )
    block: int = setting(
        21, label="Block", help="Days drawn together in the bootstrap.", low=1, high=252, unit="days", advanced=True
    )
    seed: int = setting(1, label="Seed", help="Same seed, same figures.", low=0, high=2**31 - 1)


@dataclass(frozen=True)
class Series:
    """One quantity scored by itself: the return, or the log vol of one grid point ``cell`` (of the flattened grid)."""

    label: str
    cell: int | None


@dataclass(frozen=True, eq=False)
class TruthScores:
    """How far a contestant is from the known law; T days, S series, L levels.

    Args:
        excess: ``(T,)`` expected energy score less the true law's: half the energy distance of the two laws.
        below: ``(T, S, L)`` true probability of lying below the contestant's quantiles.
    """

    excess: Floats
    below: Floats


@dataclass(frozen=True, eq=False)
class ModelScores:
    """Daily losses and hits of one contestant; T days, S series, L levels, n scenarios.

    Args:
        label: its name in the tables.
        energy: ``(T,)`` energy score of the standardised (return, log-vol changes).
        variogram: ``(T,)`` variogram score of the same.
        crps: ``(T, S)`` of each series: annualised return, change of log vol.
        below: ``(T, S, L)`` whether what came lay below the quantiles.
        pit: ``(T, S)`` randomised probability integral transforms.
        penalty: ``(T, n)`` arbitrage penalty Φ of the scenarios, by themselves.
        mean_penalty: ``(T,)`` its mean under the scenarios' weights.
        effective: ``(T,)`` effective number of scenarios.
        paths: ``(50, T, 1 + N)`` standardised moves of 50 scenarios a day, drawn by their weights.
        path_penalty: ``(50, T)`` their Φ.
        truth: distances to the true law; None where it is not known.
        fit_seconds, sample_seconds: time spent on all fits, and on all scenarios.
    """

    label: str
    energy: Floats
    variogram: Floats
    crps: Floats
    below: NDArray[np.bool_]
    pit: Floats
    penalty: NDArray[np.float32]
    mean_penalty: Floats
    effective: Floats
    paths: NDArray[np.float32]
    path_penalty: NDArray[np.float32]
    truth: TruthScores | None
    fit_seconds: float
    sample_seconds: float


@dataclass(frozen=True, eq=False)
class SurfaceScoring:
    """Everything the study found.

    Args:
        config: what was asked.
        dates: ``(T,)`` condition dates of the test.
        series: quantities scored by themselves.
        scale: ``(1 + N,)`` standard deviations of the training targets.
        models: one entry a contestant, in the order given.
        moves: ``(T, 1 + N)`` what came, standardised.
        data_penalty: ``(T,)`` Φ of the surfaces that came.
        train_days: training conditions.
    """

    config: SurfaceScoringConfig
    dates: Dates
    series: tuple[Series, ...]
    scale: Floats
    models: tuple[ModelScores, ...]
    moves: Floats
    data_penalty: Floats
    train_days: int

    def __getitem__(self, label: str) -> ModelScores:
        for model in self.models:
            if model.label == label:
                return model
        raise SettingsError(f"expected a model among {', '.join(m.label for m in self.models)}; found {label[:40]!r}")

    @cached_property
    def resamples(self) -> Floats:
        """``(draws, T)`` how often each day occurs in each resample; the same for all models."""
        rng = np.random.default_rng([self.config.seed, 0])
        days = len(self.dates)
        return comparison.block_counts(days, rng=rng, draws=self.config.draws, block=min(self.config.block, days))

    @cached_property
    def halves(self) -> NDArray[np.bool_]:
        """``(50, T)`` random halves of the test days, made of blocks."""
        rng = np.random.default_rng([self.config.seed, 2])
        return distances.block_halves(len(self.dates), rng=rng, draws=PATHS, block=self.config.block)

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """Every table by the name of its file."""
        tables = {
            "scores": self.score_table(),
            "crps": self.crps_table(),
            "exceedance": self.exceedance_table(),
            "uniformity": self.uniformity_table(),
            "pit": self.pit_table(),
            "penalty": self.penalty_table(),
            "distances": self.distance_table(),
            "components": self.component_table(),
            "criteria": self.criteria_table(),
        }
        if all(model.truth is not None for model in self.models):
            tables["truth"] = self.truth_table()
            tables["true_exceedance"] = self.true_exceedance_table()
        return tables

    @property
    def arrays(self) -> dict[str, NDArray[Any]]:
        """Every array behind the pictures, by name; models along the first axis in the order of the tables."""
        stacked: dict[str, NDArray[Any]] = {
            name: np.stack([getattr(model, name) for model in self.models])
            for name in ("energy", "variogram", "crps", "below", "pit", "mean_penalty", "effective")
        }
        return {"dates": self.dates, "scale": self.scale, "data_penalty": self.data_penalty} | stacked

    def score_table(self) -> pd.DataFrame:
        """Energy and variogram score, with intervals, ratios to the baseline and Diebold–Mariano tests."""
        rows = []
        for model in self.models:
            row: dict[str, object] = {"model": model.label}
            for name in ("energy", "variogram"):
                row |= self._compared(name, getattr(model, name), getattr(self._baseline, name))
            row |= {"fit_seconds": model.fit_seconds, "sample_seconds": model.sample_seconds}
            rows.append(row)
        return pd.DataFrame(rows)

    def crps_table(self) -> pd.DataFrame:
        """CRPS of each series, with intervals, ratios to the baseline and Diebold–Mariano tests."""
        rows = []
        for model in self.models:
            for s, series in enumerate(self.series):
                row: dict[str, object] = {"model": model.label, "series": series.label}
                rows.append(row | self._compared("crps", model.crps[:, s], self._baseline.crps[:, s]))
        return pd.DataFrame(rows)

    def exceedance_table(self) -> pd.DataFrame:
        """Share of days below each quantile, with an interval and the tests of Kupiec and Christoffersen."""
        rows = []
        for model in self.models:
            for s, series in enumerate(self.series):
                for k, level in enumerate(calibration.LEVELS):
                    test = calibration.coverage(model.below[:, s, k], level)
                    rows.append(
                        {
                            "model": model.label,
                            "series": series.label,
                            "level": level,
                            "days": test.days,
                            **self._mean("share", model.below[:, s, k]),
                            "kupiec_p": test.kupiec_p,
                            "independence_p": test.independence_p,
                            "conditional_p": test.conditional_p,
                        }
                    )
        return pd.DataFrame(rows)

    def uniformity_table(self) -> pd.DataFrame:
        """Kolmogorov–Smirnov distance of the probability integral transforms from uniform."""
        rows = []
        for model in self.models:
            for s, series in enumerate(self.series):
                distance, p_value = calibration.uniformity(model.pit[:, s])
                rows.append({"model": model.label, "series": series.label, "distance": distance, "p_value": p_value})
        return pd.DataFrame(rows)

    def pit_table(self) -> pd.DataFrame:
        """Histograms of the transforms: ``density`` is one where they are as frequent as they should be."""
        edges = np.arange(calibration.PIT_BINS) / calibration.PIT_BINS
        parts = [
            pd.DataFrame({"model": m.label, "series": s.label, "from": edges, "density": density})
            for m in self.models
            for s, density in zip(self.series, map(calibration.pit_histogram, m.pit.T), strict=True)
        ]
        return pd.concat(parts, ignore_index=True)

    def penalty_table(self) -> pd.DataFrame:
        """Table 3.1: Φ of what came and of the scenarios; mean (weighted) with interval, sd and quantiles (by count).

        ``distance`` is the Wasserstein distance of the law of Φ to the data's, ``distance_floor`` that between two
        halves of the data.
        """
        found = [{"model": "data", **self._penalties(self.data_penalty, self.data_penalty)}]
        for model in self.models:
            paths, real = model.path_penalty, self.data_penalty
            (apart,) = distances.against_floor(paths, real, distances.wasserstein, self.halves)
            row = {"model": model.label, **self._penalties(model.mean_penalty, model.penalty)}
            row |= {"distance": apart.value, "distance_floor": apart.floor, "distance_floor_high": apart.floor_high}
            found.append(row)
        return pd.DataFrame(found)

    def distance_table(self) -> pd.DataFrame:
        """Energy distance of simulated and real moves, all days together, beside that of two halves of the data."""
        rows = []
        for model in self.models:
            (apart,) = distances.against_floor(model.paths, self.moves, distances.energy_distance, self.halves)
            rows.append({"model": model.label, **vars(apart)})
        return pd.DataFrame(rows)

    def component_table(self) -> pd.DataFrame:
        """Tables 3.4–3.5: variance along the components of log-vol moves, and their alignment with the data's."""
        real = self.moves[:, 1:]
        rows = []
        for model in self.models:
            simulated = model.paths[:, :, 1:].astype(np.float64)
            if not simulated.any():
                continue
            shares = np.stack([distances.explained(path, COMPONENTS) for path in simulated])
            low, high = comparison.interval(shares)
            aligned = distances.against_floor(
                simulated, real, lambda x, y: distances.alignment(x, y, COMPONENTS), self.halves
            )
            for k, (data, apart) in enumerate(zip(distances.explained(real, COMPONENTS), aligned, strict=True)):
                row: dict[str, object] = {"model": model.label, "component": k + 1, "share": shares[:, k].mean()}
                row |= {"share_low": low[k], "share_high": high[k], "data_share": data}
                row |= {"alignment" if name == "value" else name: value for name, value in vars(apart).items()}
                rows.append(row)
        return pd.DataFrame(rows)

    def truth_table(self) -> pd.DataFrame:
        """Expected energy score in excess of the true law's, free of the noise of what came; zero is the truth.

        ``ratio`` is 1 + excess/score of the true law, both averaged over days.

        Raises:
            SettingsError: if the true law is not known.
        """
        rows = []
        for model in self.models:
            excess = self._truth(model).excess
            true = model.energy.mean() - excess.mean()
            rows.append({"model": model.label, **self._mean("excess", excess), "ratio": 1 + excess.mean() / true})
        return pd.DataFrame(rows)

    def true_exceedance_table(self) -> pd.DataFrame:
        """True probability of lying below each quantile: its mean over days and its root mean square error.

        Raises:
            SettingsError: if the true law is not known.
        """
        rows = []
        for model in self.models:
            below = self._truth(model).below
            for s, series in enumerate(self.series):
                for k, level in enumerate(calibration.LEVELS):
                    error = np.sqrt(np.square(below[:, s, k] - level).mean())
                    row: dict[str, object] = {"model": model.label, "series": series.label, "level": level}
                    rows.append(row | self._mean("probability", below[:, s, k]) | {"error": error})
        return pd.DataFrame(rows)

    def criteria_table(self) -> pd.DataFrame:
        """What makes a generator worth using, model by model: figure, bound, and whether it is met."""
        scores, crps, hits = self.score_table(), self.crps_table(), self.exceedance_table()
        bound = PENALTY_FACTOR * self.data_penalty.mean() + PENALTY_MARGIN
        needed = min(NEEDED_SERIES, len(self.series))
        name, bound_of_ratio, ratio = "energy score / baseline", NEEDED_RATIO, scores.set_index("model")["energy_ratio"]
        if all(model.truth is not None for model in self.models):
            name, bound_of_ratio = "energy score / true law", NEEDED_TRUE_RATIO
            ratio = self.truth_table().set_index("model")["ratio"]
        rows = []
        for model in self.models:
            one = scores[scores["model"] == model.label].iloc[0]
            worst = crps.loc[crps["model"] == model.label, "crps_ratio"].max()
            mine = hits[hits["model"] == model.label]
            passed = int((mine["kupiec_p"] > NEEDED_P_COVERAGE).groupby(mine["series"]).all().sum())
            better = one["energy_p"] if one["energy_ratio"] < 1 else 1.0
            raw = float(model.penalty.mean(dtype=np.float64))
            rows += [
                (model.label, name, ratio[model.label], bound_of_ratio, "at most"),
                (model.label, "Diebold–Mariano p, better than baseline", better, NEEDED_P, "below"),
                (model.label, "largest CRPS / baseline", worst, 1.0, "below"),
                (model.label, "series not rejected by Kupiec", passed, needed, "at least"),
                (model.label, "mean penalty of raw scenarios", raw, bound, "at most"),
            ]
        frame = pd.DataFrame(rows, columns=["model", "criterion", "figure", "bound", "relation"])
        at_least, at_most = frame["relation"] == "at least", frame["relation"] == "at most"
        frame["met"] = np.where(at_least, frame["figure"] >= frame["bound"], frame["figure"] < frame["bound"]) | (
            at_most & (frame["figure"] == frame["bound"])
        )
        return frame

    @property
    def _baseline(self) -> ModelScores:
        return self[self.config.baseline]

    def _truth(self, model: ModelScores) -> TruthScores:
        if model.truth is None:
            raise SettingsError("expected surfaces of the simulated market, whose law is known; found others")
        return model.truth

    def _penalties(self, daily: Floats, values: NDArray[Any]) -> dict[str, float]:
        """Mean of days with interval, and what single surfaces show."""
        flat = np.asarray(values, dtype=np.float64).ravel()
        median, q90, q99 = (float(q) for q in np.quantile(flat, (0.5, 0.9, 0.99)))
        found = self._mean("mean", daily) | {"sd": float(flat.std()), "median": median, "q90": q90, "q99": q99}
        return found | {"free_share": float((flat == 0).mean())}

    def _mean(self, name: str, daily: NDArray[Any]) -> dict[str, float]:
        """Mean over days with its block bootstrap interval."""
        return {name: float(daily.mean()), **comparison.ends(self.resamples @ daily / len(daily), f"{name}_")}

    def _compared(self, name: str, loss: Floats, other: Floats) -> dict[str, float]:
        """Mean loss and its ratio to the baseline's, both with paired intervals, and the Diebold–Mariano test."""
        ratio = (self.resamples @ loss) / (self.resamples @ other)
        test = comparison.diebold_mariano(loss, other)
        return {
            **self._mean(name, loss),
            f"{name}_ratio": float(loss.mean() / other.mean()),
            **comparison.ends(ratio, f"{name}_ratio_"),
            f"{name}_t": test.statistic,
            f"{name}_p": test.p_value,
        }
