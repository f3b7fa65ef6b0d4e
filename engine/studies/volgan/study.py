"""VolGAN validated as the thesis does (chapter 3), with filtered historical simulation and the true law beside it.

``python -m engine study volgan --data FILE [--model RUN] [--bce RUN] --run DIR`` writes every table as CSV. Generators
that are not given are trained first, in steps that can be resumed. Everything is measured on the test part.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import partial

import numpy as np
import pandas as pd

from engine.errors import SettingsError
from engine.market.surface_history import SurfaceHistory
from engine.models.registry import surface_model
from engine.models.simulated.market import SimulatedMarket
from engine.models.surface_model import SurfaceModel
from engine.settings import configuration, setting
from engine.studies.base import Step, Tables, Work, day_or_none
from engine.studies.generators.scoring import true_law
from engine.studies.volgan import tables
from engine.studies.volgan.forecasts import Forecasts, Law, Rows, followed, forecast, observed
from engine.studies.volgan.networks import Networks, matching_tables, score_tables, split
from engine.studies.volgan.paths import PathStatistics, Reference, correlations, measure, reference
from engine.studies.volgan.tables import LawResult, Validation
from engine.surfaces import arbitrage

LABEL = "VolGAN: the thesis's validation"
DATA = "surfaces"
INPUTS: tuple[str, ...] = ("model", "bce")

BANDS = "bands"
"""Checkpointer of what the pictures of forecasts need: ``realised (T, S)``, ``spot (T,)``, ``<model> (3, T, S)`` with
the mean and the 2.5 and 97.5 % quantiles."""


@configuration
class VolGANStudyConfig:
    """What the validation computes."""

    members: int = setting(
        5, label="Networks", help="Trained from different seeds, where no generator is given.", low=1, high=64
    )
    epochs: int = setting(
        10_000, label="Epochs", help="Of each network trained here (published: 10,000).", low=1, high=1_000_000
    )
    scenarios: int = setting(
        2_000, label="Scenarios", help="A day, of each network (published: 10,000).", low=100, high=100_000
    )
    paths: int = setting(
        1_000,
        label="Simulated histories",
        help="One scenario of every test day each, for components and correlations; shared out over the networks.",
        low=20,
        high=2_000,
    )
    train_before: str = setting(
        "",
        label="Training before",
        help="Condition dates before this day train (YYYY-MM-DD); empty: the first share of the days, or the days that "
        "the given generator was trained on.",
    )
    train_share: float = setting(0.85, label="Training share", help="Share of days that train.", low=0.1, high=0.95)
    seed: int = setting(1, label="Seed", help="Same seed, same figures.", low=0, high=2**31 - 1)


Config = VolGANStudyConfig


def steps(history: SurfaceHistory, config: VolGANStudyConfig, work: Work) -> tuple[Step, ...]:
    """Training where needed, scores and matching, scenarios of each law, and the tables.

    Raises:
        MarketDataError: if there are too few days to train or to test.
        SettingsError: if the day to train before is none, or lies in the training of a given generator.
    """
    train, test = split(history, day_or_none(config.train_before, "train_before"), config.train_share, work)
    networks = Networks(history, train, test, config.members, config.epochs, config.seed, work)
    study = _Study(history, train, test, config, work, networks)
    scenario_steps = [
        Step(f"scenarios of {words}", partial(study.scenarios, name)) for name, words in study.laws.items()
    ]
    return (
        *networks.training_steps(),
        Step("discriminator scores and gradient norms", study.scores),
        *scenario_steps,
        Step("tables", study.tables),
    )


def summary(tables: Mapping[str, pd.DataFrame]) -> dict[str, float]:
    """Headline figures: penalties, and how often the return fell below its 1 % and above its 99 % quantile."""
    penalty = tables["penalty"].set_index(["model", "statistic"])["value"]
    share = tables["coverage"].set_index(["model", "series", "level"])["share"]
    figures = {
        "phi_mean_of_the_data": penalty["data", "mean"],
        "phi_mean_without_smoothness_terms": penalty["bce", "mean"],
        "phi_mean_raw": penalty["volgan", "mean"],
        "phi_mean_reweighted": penalty["volgan_reweighted", "mean"],
        "returns_below_1_percent_quantile": share["volgan", "S", 0.01],
        "the_same_of_filtered_historical_simulation": share["fhs", "S", 0.01],
        "returns_above_99_percent_quantile": 1 - share["volgan", "S", 0.99],
    }
    return {name: float(value) for name, value in figures.items()}


@dataclass(frozen=True)
class _Study:
    history: SurfaceHistory
    train: Rows
    test: Rows
    config: VolGANStudyConfig
    work: Work
    networks: Networks

    @property
    def laws(self) -> dict[str, str]:
        """Laws that are followed, with their words."""
        found = {"volgan": "VolGAN", "fhs": "filtered historical simulation"}
        if true_law(self.history) is not None:
            found["truth"] = "the true law"
        return found | {"bce": "the GAN without smoothness terms"}

    def scores(self) -> Tables:
        """The discriminator's scores, and the gradient norms of the matching."""
        models = {name: self.networks.get(name) for name in ("volgan", "bce")}
        parts = {"train": self.train, "test": self.test}
        daily = score_tables(self.history, parts, models)
        return daily | matching_tables(models["volgan"])

    def scenarios(self, name: str) -> Tables:
        """Scenarios of one law over the test days; what was counted is kept for the tables."""
        law = self._law(name)
        found, paths = forecast(
            law,
            self.history,
            self.test,
            followed(self.history.grid),
            scenarios=self.config.scenarios,
            paths=min(self.config.paths, self.config.scenarios * law.members),
            seed=self.config.seed,
            on_days=self.work.on_days(f"scenarios of {self.laws[name]}"),
        )
        measured = measure(paths, self._reference())
        self.work.checkpointer(f"law_{name}").save(dict(vars(found)) | dict(vars(measured)))
        return {}

    def tables(self) -> Tables:
        """Everything that was counted, as tables; and the bands, to draw."""
        history, test, reference = self.history, self.test, self._reference()
        laws = {name: self._counted(name) for name in self.laws}
        series = followed(history.grid)
        came, _ = observed(history, series)
        realised = np.column_stack([came[test, 0], came[test + 1, 1:]])
        bands = {"realised": realised.astype(np.float32), "spot": history.spot[test].astype(np.float32)}
        for law in laws.values():
            bands |= dict(zip(law.variants, law.forecasts.bands, strict=True))
        self.work.checkpointer(BANDS).save(bands)
        change = history.grid.flatten(history.log_iv[self.train + 1] - history.log_iv[self.train])
        returns = history.log_return[self.train]
        found = Validation(
            dates=history.dates[test + 1],
            series=series,
            data_penalty=arbitrage.total_penalty(history.iv[test + 1], history.grid, history.rate[test]),
            data_test=reference,
            data_train_correlation=correlations(returns[:, None], change @ reference.vectors.T),
            laws=laws,
            scenarios=self.config.scenarios,
            rng_seed=self.config.seed,
        )
        return tables.tables(found)

    def _reference(self) -> Reference:
        return reference(self.history, self.test, followed(self.history.grid))

    def _law(self, name: str) -> Law:
        if name in ("volgan", "bce"):
            model = self.networks.get(name)
            return Law(name, model, members=model.config.members, reweighted=name == "volgan")
        if name == "truth":
            return Law(name, SimulatedMarket.on(self.history.grid))
        baseline: SurfaceModel = surface_model(name)()
        baseline.fit(self.history.until(int(self.test[0])), seed=self.config.seed)
        return Law(name, baseline)

    def _counted(self, name: str) -> LawResult:
        kept = self.work.checkpointer(f"law_{name}").load()
        needed = {field.name for kind in (Forecasts, PathStatistics) for field in fields(kind)}
        if kept is None or needed - set(kept):  # of an earlier version, if some are missing
            raise SettingsError(f"expected what was counted of {self.laws[name]} first; start the study anew")
        forecasts = Forecasts(**{field.name: kept[field.name] for field in fields(Forecasts)})
        paths = PathStatistics(**{field.name: kept[field.name] for field in fields(PathStatistics)})
        return LawResult(self._law(name).variants, forecasts, paths)
