"""Small things that the tests of runs share: a grid, a market in a file, a fitted walk and its card."""

from pathlib import Path

import numpy as np
import pandas as pd
from fake_generator import SlowWalk, SlowWalkConfig

from engine.market.grid import Grid
from engine.runs.cards import Card

GRID = Grid([0.9, 1.0, 1.1], [0.25, 0.5])


def write_surfaces(path: Path, days: int = 60, seed: int = 1) -> Path:
    """A CSV of surfaces in the project's wide format."""
    rng = np.random.default_rng(seed)
    names = [f"iv_{365 * tau:g}d_{m:g}" for m in GRID.moneyness for tau in GRID.maturity]
    vols = 0.2 * np.exp(0.02 * rng.standard_normal((days, len(names))).cumsum(axis=0))
    table = pd.DataFrame(vols, columns=names)
    table.insert(0, "spot", 100 * np.exp(0.01 * rng.standard_normal(days).cumsum()))
    table.insert(0, "date", pd.bdate_range("2020-01-01", periods=days).strftime("%Y-%m-%d"))
    table.to_csv(path, index=False)
    return path


def fitted(epochs: int = 3) -> SlowWalk:
    model = SlowWalk(SlowWalkConfig(epochs=epochs))
    model.weights = np.arange(6.0).reshape(3, 2)
    return model


def card_of(model: SlowWalk, **changes: object) -> Card:
    values = {
        "model": "slow_walk",
        "label": "Slow walk",
        "config": {"epochs": model.config.epochs, "pause": 0.0, "fail_at": 0, "how": "diverge"},
        "domain": GRID,
        "data_name": "A market",
        "data_fingerprint": "0123456789ab",
        "data_period": ("2020-01-01", "2020-03-01"),
        "data_origin": "file",
        "trained_on": ("2020-01-01", "2020-02-01"),
        "seed": 7,
        "metrics": {"size": 1.5},
    }
    return Card(**{**values, **changes})  # type: ignore[arg-type]
