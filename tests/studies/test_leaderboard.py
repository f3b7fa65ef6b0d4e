"""The leaderboard: all contestants, one table each, and settings that are checked."""

import numpy as np
import pytest

from engine.errors import SettingsError
from engine.market.grid import Grid
from engine.models import registry
from engine.models.simulated.market import simulate
from engine.studies.base import Work
from engine.studies.generators import leaderboard
from engine.studies.generators.leaderboard import LeaderboardConfig

GRID = Grid([0.9, 1.0, 1.1], [0.1, 0.5, 1.0])


def test_contestants_are_registered() -> None:
    assert registry.BASELINE in registry.refitted()
    assert {"linear_anchor", "hybrid", "two_speed"} <= {*registry.refitted()} & {*registry.fitted_once()}


def test_every_contestant_is_scored_against_the_baseline(monkeypatch: pytest.MonkeyPatch) -> None:
    few = {name: registry.SPECS[name] for name in ("persistence", "historical", "fhs", "linear_anchor")}
    monkeypatch.setattr(registry, "SPECS", few)
    history = simulate(GRID, 420, seed=4).history
    (step,) = leaderboard.steps(history, LeaderboardConfig(scenarios=100), Work())
    tables = step.make()
    scores = tables["scores"].set_index("model")
    assert list(scores.index) == ["persistence", "historical", "fhs", "linear_anchor", "linear_anchor (frozen)"]
    assert scores.loc["fhs", "energy_ratio"] == 1
    found = leaderboard.summary(tables)
    assert found["smallest_ratio_to_it"] == pytest.approx(
        scores["energy"].drop("fhs").min() / scores.loc["fhs", "energy"]
    )
    assert all(np.isfinite(value) for value in found.values())


def test_a_training_end_that_is_no_day_is_one_sentence() -> None:
    history = simulate(GRID, 60, seed=4).history
    with pytest.raises(SettingsError, match="train_before as YYYY-MM-DD"):
        leaderboard.steps(history, LeaderboardConfig(train_before="crisis"), Work())
