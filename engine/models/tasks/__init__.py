"""Tasks: what market data a family of generative models is put to, and what its draws mean. One file a task."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from engine.errors import SettingsError

if TYPE_CHECKING:
    from engine.models.tasks.task import Task

__all__ = ["TASKS", "task_class"]

TASKS: dict[str, str] = {
    "next_day": "engine.models.tasks.next_day:NextDay",
    "level_surface": "engine.models.tasks.level_surface:LevelSurface",
    "daily_returns": "engine.models.tasks.returns:DailyReturns",
    "return_paths": "engine.models.tasks.returns:ReturnPaths",
    "plane": "engine.models.tasks.plane:PlaneTask",
}
"""Name → ``module:class``; the first is every family's default."""


def task_class(name: str) -> type[Task]:
    """The class of a task.

    Raises:
        SettingsError: if there is none of that name.
    """
    if name not in TASKS:
        raise SettingsError(f"expected a task among {', '.join(TASKS)}; found {name[:40]!r}")
    module, _, attribute = TASKS[name].partition(":")
    found: type[Task] = getattr(importlib.import_module(module), attribute)
    return found
