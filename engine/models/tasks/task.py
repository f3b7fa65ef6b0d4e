"""What a task is: market data → examples for a family, a family's draws → market objects. No torch, no networks."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from engine.errors import CheckpointError
from engine.market.domain import Domain
from engine.market.grid import Floats, Grid

Tensors = dict[str, NDArray[Any]]


@dataclass(frozen=True, eq=False)
class Examples:
    """Rows that a family is fitted to, in order of time.

    Args:
        x: ``(n, *shape)`` what is to be generated.
        condition: ``(n, c)`` what is known before it, or None.
        dates: first and last condition date, ISO; empty where the data have none.
    """

    x: Floats
    condition: Floats | None
    dates: tuple[str, str] = ("", "")


@dataclass(frozen=True, eq=False)
class Surfaces:
    """Generated surfaces.

    Args:
        iv: ``(n, n_moneyness, n_maturity)`` implied vols, annualised.
        grid: theirs.
    """

    iv: Floats
    grid: Grid

    def to_frame(self) -> pd.DataFrame:
        """One row a surface: ``draw, iv_<days>d_<moneyness>…``."""
        names = [f"iv_{365 * tau:.6g}d_{m:.6g}" for m in self.grid.moneyness for tau in self.grid.maturity]
        frame = pd.DataFrame(self.grid.flatten(self.iv), columns=names)
        frame.insert(0, "draw", np.arange(len(frame)))
        return frame


@dataclass(frozen=True, eq=False)
class Returns:
    """Generated log-returns.

    Args:
        log_return: ``(n, days, tickers)`` daily.
        tickers: in the order of the last axis.
    """

    log_return: Floats
    tickers: tuple[str, ...]

    def to_frame(self) -> pd.DataFrame:
        """One row a draw and day: ``draw, day, <ticker>…``, days from 1."""
        n, days, _ = self.log_return.shape
        frame = pd.DataFrame(self.log_return.reshape(n * days, -1), columns=list(self.tickers))
        frame.insert(0, "day", np.tile(np.arange(1, days + 1), n))
        frame.insert(0, "draw", np.repeat(np.arange(n), days))
        return frame


@dataclass(frozen=True, eq=False)
class Points:
    """Generated points of the plane: ``xy`` ``(n, 2)``."""

    xy: Floats

    def to_frame(self) -> pd.DataFrame:
        """One row a point: ``x, y``."""
        return pd.DataFrame(self.xy, columns=["x", "y"])


class Task(ABC):
    """A kind of question that families are put to; an instance is one configuration of it, fitted to one data set.

    ``name``, ``label``: for the registry and for people. ``reads``: the kind of data, or "nothing". ``Config``: its own
    settings, which a model's form shows beside the family's.
    """

    name: ClassVar[str]
    label: ClassVar[str]
    reads: ClassVar[Literal["surfaces", "prices", "nothing"]]
    Config: ClassVar[type]

    def __init__(self, config: Any = None) -> None:
        self.config = config if config is not None else self.Config()

    @abstractmethod
    def prepare(self, data: Any) -> Domain:
        """Learn units and whatever else examples and draws rest on from the training part, and nothing later.

        Raises:
            MarketDataError: if the data are too short, or do not move.
        """

    @abstractmethod
    def examples(self, data: Any) -> Examples:
        """Rows known at the close of each day, nothing later; of data prepared for, or of the same kind."""

    def state(self) -> Tensors:
        """What :meth:`prepare` learned, as named arrays: nothing unless a task says otherwise."""
        return {}

    @abstractmethod
    def restore(self, state: Mapping[str, NDArray[Any]], domain: Domain) -> None:
        """The inverse of :meth:`state`.

        Raises:
            CheckpointError: if names, shapes or values do not fit the settings and the domain.
        """

    @abstractmethod
    def shapes(self) -> tuple[tuple[int, ...], tuple[int, ...] | None]:
        """Shapes of one row of x and of its condition (None if there is none), once prepared or restored."""


def on_grid(domain: Domain) -> Grid:
    """The grid of a task on surfaces.

    Raises:
        CheckpointError: if the domain is something else.
    """
    if not isinstance(domain, Grid):
        raise CheckpointError(f"expected a model of surfaces; found one of {domain!r}")
    return domain


class UnconditionalTask(Task):
    """A task whose draws mean something without a day: they become a table at once."""

    def condition(self, data: Any) -> Floats | None:
        """``(c,)`` what is known at the last row of the data; None where the law has no condition."""
        return None

    @abstractmethod
    def result(self, x: Floats, data: Any) -> Surfaces | Returns | Points:
        """Draws ``(n, *shape)`` as market objects, as of the last row of the data."""
