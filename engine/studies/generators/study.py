"""Trained generators side by side: how each does on the days after its training, beside a baseline.

``python -m engine study generators --data FILE --models RUN,RUN,… --run DIR`` writes every table as CSV. The generators
stay as they were trained; only their running state (volatilities, averages) follows the days, as a forecast's does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from engine.errors import SettingsError
from engine.market.surface_history import SurfaceHistory
from engine.models import registry
from engine.models.simulated.market import BUILT_IN
from engine.settings import configuration, setting
from engine.studies.base import Step, Tables, Work, day_or_none
from engine.studies.generators import scoring
from engine.studies.generators.scoring import Contestant, SurfaceScoringConfig

LABEL = "Generators: trained ones side by side on the days after training"
BASELINE_MODEL = "fhs"
BASELINE = "baseline: fhs"
"""What the tables call filtered historical simulation, which needs no training and is always beside the others."""

STRETCH = 63
"""Days scored at a time."""


@configuration
class GeneratorsConfig:
    """How trained generators are compared."""

    scenarios: int = setting(500, label="Scenarios", help="Scenarios a day of each generator.", low=50, high=10_000)
    test_from: str = setting(
        "",
        label="Test from",
        help="First condition date that is scored (YYYY-MM-DD); empty: the day after the last one that any of the "
        "generators was trained on, if it was trained on these data.",
    )
    train_share: float = setting(
        0.85,
        label="Training share",
        help="Share of the days before the test where no generator was trained on these data.",
        low=0.1,
        high=0.95,
        advanced=True,
    )
    seed: int = setting(1, label="Seed", help="Same seed, same figures.", low=0, high=2**31 - 1)


Config = GeneratorsConfig
DATA = "surfaces"
INPUTS: tuple[str, ...] = ("models",)


def steps(history: SurfaceHistory, config: GeneratorsConfig, work: Work) -> tuple[Step, ...]:
    """One step: the generators are paired, so they walk together.

    Raises:
        SettingsError: if no generator is given, one has another grid, or the first test day is none.
    """
    models, about = tuple(work.inputs.get("models", ())), work.about.get("models", {}).get("parts", ())
    if not models or len(about) != len(models):
        raise SettingsError("expected trained generators, --models RUN,RUN,…; found none")
    first = first_test_day(history, config.test_from, about)
    entered = [
        Contestant(name, model, refit=False, fitted=True) for name, model in zip(labels(about), models, strict=True)
    ]
    entered.append(Contestant(BASELINE, registry.surface_model(BASELINE_MODEL)(), refit=False))

    def score() -> Tables:
        asked = SurfaceScoringConfig(
            scenarios=config.scenarios,
            train_share=config.train_share,
            refit_every=STRETCH,
            baseline=BASELINE,
            seed=config.seed,
        )
        scored = scoring.run(history, entered, asked, train_before=first, on_days=work.on_days("scoring"))
        return {**scored.tables, "generators": _generators(about), "days": _days(scored)}

    return (Step("scoring", score),)


def summary(tables: Mapping[str, pd.DataFrame]) -> dict[str, float]:
    """Energy score of the baseline, the smallest ratio to it of any generator, and the test days."""
    scores = tables["scores"].set_index("model")["energy"]
    return {
        "energy_score_of_filtered_historical_simulation": float(scores[BASELINE]),
        "smallest_ratio_to_it": float(scores.drop(BASELINE).min() / scores[BASELINE]),
        "test_days": float(len(tables["days"])),
    }


def first_test_day(history: SurfaceHistory, asked: str, about: Sequence[Mapping[str, Any]]) -> str | None:
    """The first condition date that is scored, None where the share of the days decides.

    Args:
        history: the data scored.
        asked: a day that a person typed, or empty.
        about: facts of each generator's card.

    Raises:
        SettingsError: if the day is none.
    """
    day = day_or_none(asked, "test_from")
    if day is not None:
        return day
    last = [str(one["trained_on"][1]) for one in about if _trained_on(history, one)]
    return str(np.datetime64(max(last)) + 1) if last else None


def _trained_on(history: SurfaceHistory, one: Mapping[str, Any]) -> bool:
    """Whether a generator was trained on these data; built-in ones go by name, their last digit by the processor."""
    if history.name in BUILT_IN:
        return one.get("data_origin") == "built-in"  # it has this grid, or it could not be scored
    return bool(one.get("data_fingerprint") == history.fingerprint)


def labels(about: Sequence[Mapping[str, Any]]) -> list[str]:
    """What the tables call each generator: its run.

    Raises:
        SettingsError: if one is given twice.
    """
    names = [str(one["ref"]).rstrip("/").rpartition("/")[2] for one in about]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise SettingsError(f"expected each generator once; found {twice[:60]!r} twice")
    return names


def _generators(about: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Which run is which: model, data, training days."""
    rows = [
        (name, str(one["model"]), str(one["label"]), str(one["data_name"]), *map(str, one["trained_on"]))
        for name, one in zip(labels(about), about, strict=True)
    ]
    rows.append((BASELINE, BASELINE_MODEL, registry.label(BASELINE_MODEL), "", "", ""))
    return pd.DataFrame(rows, columns=["model", "registered", "label", "data", "trained_from", "trained_to"])


def _days(scored: scoring.SurfaceScoring) -> pd.DataFrame:
    """Energy score of every test day."""
    return pd.DataFrame({"date": scored.dates, **{model.label: model.energy for model in scored.models}})
