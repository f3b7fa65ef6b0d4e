"""What contestants of a leaderboard are called, and whether a finished one has the tables that the page draws."""

from collections.abc import Mapping

import pandas as pd

from engine.errors import CheckpointError
from engine.models import registry

Tables = Mapping[str, pd.DataFrame]
NEEDED = ("scores", "crps", "exceedance", "pit", "penalty", "criteria", "uniformity")


def check(tables: Tables) -> None:
    """Refuse a run without the tables that the page draws.

    Raises:
        CheckpointError: naming the first one missing.
    """
    for name in NEEDED:
        if name not in tables:
            raise CheckpointError(
                f"expected the table {name} in this leaderboard; found none: it is of an older version"
            )


def registered(label: str) -> str:
    """``hybrid (frozen)`` → ``hybrid``."""
    return label.partition(" (")[0]


def called(label: str) -> str:
    """A contestant in words: its model's label, and whether it was refitted."""
    name = registered(label)
    return registry.label(name).partition(":")[0] + label[len(name) :]


BASE = called(registry.BASELINE)
"""The baseline in words."""


def named(tables: Tables) -> dict[str, pd.DataFrame]:
    """The same tables with contestants in words."""
    return {
        name: table.assign(model=table["model"].map(lambda label: called(str(label)))) if "model" in table else table
        for name, table in tables.items()
    }


def models(tables: Tables) -> dict[str, str]:
    """Contestant in words → registered name, from the tables as the study wrote them."""
    return {called(str(label)): registered(str(label)) for label in tables["scores"]["model"]}
