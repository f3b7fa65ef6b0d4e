"""Generators of surfaces side by side: one protocol, one split, the same days and seeds, tables with intervals.

``python -m engine study leaderboard --data FILE --run DIR`` writes every table as CSV.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from engine.market.surface_history import SurfaceHistory
from engine.models import registry
from engine.models.registry import BASELINE
from engine.settings import configuration, setting
from engine.studies.base import Step, Tables, Work, day_or_none
from engine.studies.generators import scoring
from engine.studies.generators.scoring import SurfaceScoringConfig

LABEL = "Leaderboard: generators scored on the days after training"


@configuration
class LeaderboardConfig:
    """How the generators are compared."""

    scenarios: int = setting(1000, label="Scenarios", help="Scenarios a day of each model.", low=50, high=10_000)
    train_before: str = setting(
        "",
        label="Training before",
        help="Condition dates before this day train (YYYY-MM-DD); empty: the first share of the days.",
    )
    train_share: float = setting(0.8, label="Training share", help="Share of days that train.", low=0.1, high=0.95)
    refit_every: int = setting(
        21, label="Refit every", help="On the past only, after so many days.", low=1, high=252, unit="days"
    )
    seed: int = setting(1, label="Seed", help="Same seed, same figures.", low=0, high=2**31 - 1)


Config = LeaderboardConfig
DATA = "surfaces"
INPUTS: tuple[str, ...] = ()


def steps(history: SurfaceHistory, config: LeaderboardConfig, work: Work) -> tuple[Step, ...]:
    """One step: the contestants are paired, so they walk together.

    Raises:
        SettingsError: if the day to train before is none.
    """
    day = day_or_none(config.train_before, "train_before")

    def score() -> Tables:
        asked = SurfaceScoringConfig(
            scenarios=config.scenarios,
            train_share=config.train_share,
            refit_every=config.refit_every,
            baseline=BASELINE,
            seed=config.seed,
        )
        entered = scoring.contestants(registry.refitted(), frozen=registry.fitted_once())
        scored = scoring.run(history, entered, asked, train_before=day, on_days=work.on_days("scoring"))
        return dict(scored.tables)

    return (Step("scoring", score),)


def summary(tables: Mapping[str, pd.DataFrame]) -> dict[str, float]:
    """Energy score of the baseline, and the smallest ratio to it of any model."""
    scores = tables["scores"].set_index("model")["energy"]
    best = float(scores.drop(BASELINE).min())
    return {
        "energy_score_of_filtered_historical_simulation": float(scores[BASELINE]),
        "smallest_ratio_to_it": float(best / scores[BASELINE]),
        "models": float(np.size(scores)),
    }
