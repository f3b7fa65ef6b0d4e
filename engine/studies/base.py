"""What a study is, and the registry that finds one by name.

A study is a module with ``LABEL``, ``Config`` (a settings dataclass), ``steps(history, config)`` and
``summary(tables)``. Its steps are carried out one after the other and their tables written as they come, so that a
killed study resumes with the step it was in.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, cast

import pandas as pd

from engine.errors import SettingsError
from engine.market.surface_history import SurfaceHistory

Tables = dict[str, pd.DataFrame]


@dataclass(frozen=True)
class Step:
    """One part of a study: what it does in words (distinct within the study), and what makes its tables."""

    words: str
    make: Callable[[], Tables]


class Study(Protocol):
    """The module of a study."""

    LABEL: str
    Config: type

    def steps(self, history: SurfaceHistory, config: Any) -> tuple[Step, ...]:
        """The parts of the study, in order."""

    def summary(self, tables: Mapping[str, pd.DataFrame]) -> dict[str, float]:
        """Headline figures."""


STUDIES: dict[str, str] = {
    "surfaces": "engine.studies.surfaces",
    "leaderboard": "engine.studies.leaderboard",
}
"""Registered studies: name → module."""


def study(name: str) -> Study:
    """The study registered under a name.

    Raises:
        SettingsError: if there is none.
    """
    if name not in STUDIES:
        raise SettingsError(f"expected a study among {', '.join(STUDIES)}; found {name[:40]!r}")
    return cast(Study, importlib.import_module(STUDIES[name]))
