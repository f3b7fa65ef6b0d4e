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
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from engine.errors import MarketDataError, SettingsError
from engine.evaluation import calibration, comparison, scores
from engine.market.grid import Floats, Grid
from engine.market.returns import TRADING_DAYS
from engine.market.surface_history import FIRST_CONDITION_ROW, Dates, Day, SurfaceHistory
from engine.models.base import SurfaceModel, surface_model
from engine.scenarios import reweighting
from engine.scenarios.scenario_set import ScenarioSet
from engine.settings import setting
from engine.surfaces import arbitrage

ANNUAL = np.sqrt(TRADING_DAYS)

Rows = NDArray[np.intp]
OnDays = Callable[[int, int], None]
"""Called with days done and days in all."""


@dataclass(frozen=True)
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


@dataclass(frozen=True)
class Series:
    """One quantity scored by itself: the return, or the log vol of one grid point ``cell`` (of the flattened grid)."""

    label: str
    cell: int | None


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
        penalty: ``(T, n)`` arbitrage penalty Φ of the scenarios.
        mean_penalty: ``(T,)`` its mean under the scenarios' weights.
        effective: ``(T,)`` effective number of scenarios.
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
        data_penalty: ``(T,)`` Φ of the surfaces that came.
        train_days: training conditions.
    """

    config: SurfaceScoringConfig
    dates: Dates
    series: tuple[Series, ...]
    scale: Floats
    models: tuple[ModelScores, ...]
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

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """Every table by the name of its file."""
        return {
            "scores": self.score_table(),
            "crps": self.crps_table(),
            "exceedance": self.exceedance_table(),
            "uniformity": self.uniformity_table(),
            "penalty": self.penalty_table(),
        }

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
                    hits = model.below[:, s, k]
                    test = calibration.coverage(hits, level)
                    low, high = comparison.interval(self.resamples @ hits / len(hits))
                    rows.append(
                        {
                            "model": model.label,
                            "series": series.label,
                            "level": level,
                            "share": test.share,
                            "share_low": float(low),
                            "share_high": float(high),
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

    def penalty_table(self) -> pd.DataFrame:
        """Φ of the raw scenarios and of what came: mean with interval, standard deviation and quantiles."""
        rows: list[tuple[str, Floats, NDArray[Any]]] = [("data", self.data_penalty, self.data_penalty)]
        rows += [(model.label, model.mean_penalty, model.penalty) for model in self.models]
        found = []
        for label, daily, values in rows:
            low, high = comparison.interval(self.resamples @ daily / len(daily))
            flat = np.asarray(values, dtype=np.float64).ravel()
            quantiles = np.quantile(flat, (0.5, 0.9, 0.99))
            found.append(
                {
                    "model": label,
                    "mean": daily.mean(),
                    "mean_low": float(low),
                    "mean_high": float(high),
                    "sd": flat.std(),
                    "median": quantiles[0],
                    "q90": quantiles[1],
                    "q99": quantiles[2],
                    "free_share": (flat == 0).mean(),
                }
            )
        return pd.DataFrame(found)

    @property
    def _baseline(self) -> ModelScores:
        return self[self.config.baseline]

    def _compared(self, name: str, loss: Floats, other: Floats) -> dict[str, float]:
        """Mean loss and its ratio to the baseline's, both with paired intervals, and the Diebold–Mariano test."""
        mean, base = self.resamples @ loss / len(loss), self.resamples @ other / len(other)
        low, high = comparison.interval(mean)
        ratio_low, ratio_high = comparison.interval(mean / base)
        test = comparison.diebold_mariano(loss, other)
        return {
            name: float(loss.mean()),
            f"{name}_low": float(low),
            f"{name}_high": float(high),
            f"{name}_ratio": float(loss.mean() / other.mean()),
            f"{name}_ratio_low": float(ratio_low),
            f"{name}_ratio_high": float(ratio_high),
            f"{name}_t": test.statistic,
            f"{name}_p": test.p_value,
        }


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
    real = standard_targets(history, np.concatenate([train, test]))
    scale = real[: len(train)].std(axis=0)
    if not scale.min() > 0:
        raise MarketDataError("expected every grid point to move in the training part; found one that never does")
    series = scored_series(history.grid)
    runners = [_Runner(entry, history, test, scale, series, config) for entry in entered]
    done = 0
    for k, rows in enumerate(stretches(test, config.refit_every)):
        for runner in runners:
            runner.walk(rows, first=k == 0)
        done += len(rows)
        if on_days is not None:
            on_days(done, len(test))
    came = history.iv[test + 1]
    return SurfaceScoring(
        config=config,
        dates=history.dates[test],
        series=series,
        scale=scale,
        models=tuple(runner.scores() for runner in runners),
        data_penalty=arbitrage.total_penalty(came, history.grid, history.rate[test + 1]),
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
        cut = round(config.train_share * len(history)) - FIRST_CONDITION_ROW
    else:
        cut = int(np.searchsorted(history.dates[rows], np.datetime64(str(train_before), "D")))
    train, test = rows[: max(cut, 0)], rows[max(cut, 0) :]
    if min(len(train), len(test)) < calibration.PIT_BINS + 1:
        raise MarketDataError(
            f"expected at least 21 training and 21 test conditions; found {len(train)} and {len(test)}"
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


class _Runner:
    """One contestant on its way through the test days."""

    def __init__(
        self,
        entry: Contestant,
        history: SurfaceHistory,
        test: Rows,
        scale: Floats,
        series: tuple[Series, ...],
        config: SurfaceScoringConfig,
    ) -> None:
        self.entry, self.history, self.scale, self.series, self.config = entry, history, scale, series, config
        self.model = copy.deepcopy(entry.model) if entry.fitted else type(entry.model)(entry.model.config)
        self.parts: list[dict[str, Any]] = []
        self.fit_seconds = self.sample_seconds = 0.0

    def walk(self, rows: Rows, *, first: bool) -> None:
        """Fit if it is time, draw and score the days of one stretch."""
        known = self.history.until(int(rows[0]))
        started = time.perf_counter()
        if first and not self.entry.fitted:
            self.model.fit(known, seed=self.config.seed)
        elif not first and self.entry.refit:
            self.model.refit(known, seed=self.config.seed)
        fitted = time.perf_counter()
        drawn = self._drawn(known, rows)
        self.sample_seconds += time.perf_counter() - fitted
        self.fit_seconds += fitted - started
        self.parts.append(self._scored(drawn, rows))

    def scores(self) -> ModelScores:
        """All stretches together."""
        together = {name: np.concatenate([part[name] for part in self.parts]) for name in self.parts[0]}
        return ModelScores(
            label=self.entry.label, fit_seconds=self.fit_seconds, sample_seconds=self.sample_seconds, **together
        )

    def _drawn(self, known: SurfaceHistory, rows: Rows) -> ScenarioSet:
        """Scenarios of a stretch; those of its first day must not change when the later days are taken away."""
        n, seed = self.config.scenarios, [self.config.seed, int(rows[0])]
        drawn = self.model.sample_days(
            self.history.until(int(rows[-1])), rows.tolist(), n, rng=np.random.default_rng(seed)
        )
        alone = self.model.sample(known, n, rng=np.random.default_rng(seed))
        same = np.allclose(drawn.log_return[0], alone.log_return, rtol=1e-5, atol=1e-7)
        if not (same and np.allclose(drawn.log_iv[0], alone.log_iv, rtol=1e-5, atol=1e-6)):
            raise SettingsError(
                f"expected scenarios of {self.entry.label} that depend on days up to {known.dates[-1]} only and are "
                "the same for one day and for many; found others"
            )
        return drawn

    def _scored(self, drawn: ScenarioSet, rows: Rows) -> dict[str, Any]:
        history, n = self.history, self.config.scenarios
        rate = np.repeat(history.rate[rows], n)
        surfaces = drawn.iv.reshape(-1, *history.grid.shape)
        penalty = arbitrage.total_penalty(surfaces, history.grid, rate).reshape(len(rows), n)
        weights = None
        if self.entry.reweighted:
            weights = reweighting.weights(penalty, reweighting.default_beta(penalty))
        x, y = scenario_targets(drawn, history, rows), standard_targets(history, rows)
        columns = [0 if s.cell is None else 1 + s.cell for s in self.series]
        one, seen = np.moveaxis(x[..., columns], -1, 1), y[:, columns]  # (days, S, n), (days, S)
        w = None if weights is None else np.broadcast_to(weights[:, None], one.shape)
        below = calibration.below_quantile(one, seen, calibration.LEVELS, w)  # (L, days, S)
        ties = np.random.default_rng([self.config.seed, int(rows[0]), 1])
        x /= self.scale
        return {
            "energy": scores.energy_score(x, y / self.scale, weights),
            "variogram": scores.variogram_score(x, y / self.scale, weights),
            "crps": scores.crps(one, seen, w),
            "below": np.moveaxis(below, 0, -1),
            "pit": calibration.pit(one, seen, w, rng=ties),
            "penalty": penalty.astype(np.float32),
            "mean_penalty": penalty.mean(axis=1) if weights is None else (weights * penalty).sum(axis=1),
            "effective": np.full(len(rows), float(n)) if weights is None else 1 / np.square(weights).sum(axis=1),
        }


def stretches(rows: Rows, length: int) -> Iterator[Rows]:
    """Consecutive parts of at most ``length`` rows."""
    for start in range(0, len(rows), length):
        yield rows[start : start + length]
