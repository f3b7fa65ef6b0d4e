"""What a study is, and the registry that finds one by name.

A study is a module with ``LABEL``, ``Config`` (a settings dataclass), ``DATA`` (the kind of data it reads), ``INPUTS``
(what it can be given besides), ``steps(data, config, work)`` and ``summary(tables)``. Its steps are carried out one
after the other and their tables written as they come, so that a killed study resumes with the step it was in; within
a long step a checkpointer holds what is done.
"""

from __future__ import annotations

import datetime
import importlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, cast

import pandas as pd

from engine.errors import SettingsError
from engine.training.progress import Checkpointer, OnStep, Progress, TrainingStopped

Run = Callable[[Callable[[Any], Any], Sequence[Any]], Iterable[tuple[int, Any]]]
"""Carries out a task for each of many blocks, anywhere, and yields (position, result) as they come."""

Tables = dict[str, pd.DataFrame]
Arrays = dict[str, Any]


@dataclass(frozen=True)
class Step:
    """One part of a study: what it does in words (distinct within the study), and what makes its tables."""

    words: str
    make: Callable[[], Tables]


class MemoryCheckpointer:
    """Keeps arrays for as long as the process lives: what a study carried out in memory uses."""

    def __init__(self) -> None:
        self._kept: Arrays | None = None

    def load(self) -> Arrays | None:
        """What was saved last, None if nothing was."""
        return self._kept

    def save(self, state: Arrays) -> None:
        """Keep a state."""
        self._kept = dict(state)


@dataclass(frozen=True)
class Work:
    """What a study is given besides data and settings; the default is a study carried out in memory.

    Args:
        inputs: name → what was named with it: "model" is a restored surface model, "fingan" a finished study.
        about: the same names → facts of the card: name, label, fingerprint of its data, training period.
        on_step: told of progress within a step; returns True to ask for a stop.
        checkpointers: name → checkpointer of named arrays; in a run, files that other studies and pages read.
        run: carries out a task for each of many blocks, anywhere, and yields (position, result) as they come; None
            leaves it to the study (threads of this process).
        spread: whether ``run`` reaches a cluster, so that training too is worth cutting into blocks.
        blocks: name → what carries out blocks like ``run`` and keeps each one's result under that name, so that after
            a kill only the others are carried out; None where nothing outlives the process.
        forget_blocks: forgets what was kept under a name.
    """

    inputs: Mapping[str, Any] = field(default_factory=dict)
    about: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    on_step: OnStep | None = None
    checkpointers: Callable[[str], Checkpointer] | None = None
    run: Run | None = None
    spread: bool = False
    blocks: Callable[[str], Run] | None = None
    forget_blocks: Callable[[str], None] | None = None
    _own: dict[str, MemoryCheckpointer] = field(default_factory=dict)

    def report(self, progress: Progress) -> bool:
        """Report progress within a step.

        Returns:
            Whether to stop: keep the state, then raise ``TrainingStopped``.
        """
        return bool(self.on_step is not None and self.on_step(progress))

    def on_days(self, words: str) -> Callable[[int, int], None]:
        """What is told of days done within a step, of days in all; it ends the step when a stop is asked for."""

        def told(done: int, total: int) -> None:
            if self.report(Progress(words, done, total, {})):
                raise TrainingStopped(f"stopped after {done} of {total} days")

        return told

    def keeping(self, name: str) -> Run | None:
        """What carries out blocks and keeps their results under a name until :meth:`forget`; None: the study itself."""
        return self.run if self.blocks is None else self.blocks(name)

    def forget(self, name: str) -> None:
        """What was kept under a name has become part of a whole."""
        if self.forget_blocks is not None:
            self.forget_blocks(name)

    def checkpointer(self, name: str) -> Checkpointer:
        """The checkpointer of the arrays called ``name`` (lower case, digits, underscores)."""
        if self.checkpointers is not None:
            return self.checkpointers(name)
        return self._own.setdefault(name, MemoryCheckpointer())


class Finished(Protocol):
    """A finished study as another study reads it."""

    @property
    def settings(self) -> Mapping[str, Any]:
        """Settings it was carried out with."""

    @property
    def data(self) -> Mapping[str, Any]:
        """Name, digest and period of its data."""

    def table(self, name: str) -> pd.DataFrame:
        """One of its tables."""

    def arrays(self, name: str) -> Arrays:
        """Named arrays that one of its checkpointers holds."""


class Study(Protocol):
    """The module of a study."""

    LABEL: str
    Config: type
    DATA: str
    INPUTS: tuple[str, ...]

    def steps(self, data: Any, config: Any, work: Work) -> tuple[Step, ...]:
        """The parts of the study, in order."""

    def summary(self, tables: Mapping[str, pd.DataFrame]) -> dict[str, float]:
        """Headline figures."""


STUDIES: dict[str, str] = {
    "surfaces": "engine.studies.surfaces",
    "leaderboard": "engine.studies.generators.leaderboard",
    "generators": "engine.studies.generators",
    "volgan": "engine.studies.volgan",
    "graph": "engine.studies.graph",
    "rehearsal": "engine.studies.graph.rehearsal",
    "fingan": "engine.studies.fingan",
    "hedging": "engine.studies.hedging",
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


def day_or_none(text: str, name: str) -> str | None:
    """A day that a person typed as a setting; None if it was left empty.

    Raises:
        SettingsError: if it is no day.
    """
    if not text:
        return None
    try:
        return datetime.date.fromisoformat(text).isoformat()
    except ValueError:
        raise SettingsError(f"expected {name} as YYYY-MM-DD or empty; found {text[:40]!r}") from None


def rounded(frame: pd.DataFrame, digits: int = 5) -> pd.DataFrame:
    """Numbers to significant digits: long tables are read by eye, kept and shipped."""
    numbers = frame.select_dtypes("float").columns
    return frame.assign(**{str(name): frame[name].map(lambda x: float(f"{x:.{digits}g}")) for name in numbers})
