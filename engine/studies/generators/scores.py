"""What the scoring of surface generators found, as tables: figures with intervals, tests, floors and the truth.

References:
    VolGAN, Tables 3.1–3.5; the scores and tests are those of ``engine.evaluation``.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from engine.errors import SettingsError
from engine.evaluation import calibration, comparison, distances
from engine.market.grid import Floats
from engine.market.surface_history import Dates
from engine.settings import configuration, setting

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
                (
                    model.label,
                    "series not rejected by Kupiec",
                    passed,
                    min(NEEDED_SERIES, len(self.series)),
                    "at least",
                ),
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
        low, high = comparison.interval(self.resamples @ daily / len(daily))
        return {name: float(daily.mean()), f"{name}_low": float(low), f"{name}_high": float(high)}

    def _compared(self, name: str, loss: Floats, other: Floats) -> dict[str, float]:
        """Mean loss and its ratio to the baseline's, both with paired intervals, and the Diebold–Mariano test."""
        ratio = (self.resamples @ loss) / (self.resamples @ other)
        ratio_low, ratio_high = comparison.interval(ratio)
        test = comparison.diebold_mariano(loss, other)
        return {
            **self._mean(name, loss),
            f"{name}_ratio": float(loss.mean() / other.mean()),
            f"{name}_ratio_low": float(ratio_low),
            f"{name}_ratio_high": float(ratio_high),
            f"{name}_t": test.statistic,
            f"{name}_p": test.p_value,
        }
