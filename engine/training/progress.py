"""How a fit reports and survives: progress out, state kept. Free of torch, so that anything may import it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from numpy.typing import NDArray


@dataclass(frozen=True)
class Progress:
    """One report from the training loop.

    Args:
        phase: what is being done, in words ("gradient matching", "training").
        done, total: epochs finished and to do, counted over all phases of the fit.
        losses: named means since the last report (stacked members averaged).
    """

    phase: str
    done: int
    total: int
    losses: Mapping[str, float]


OnStep = Callable[[Progress], bool | None]
"""Called after every reporting interval; returning True asks the loop to stop (its state is kept first)."""


class Keeper(Protocol):
    """Keeps the state of an interrupted fit: flat named arrays, nothing else."""

    def load(self) -> dict[str, NDArray[Any]] | None:
        """The last state kept, or None for a fresh start."""

    def save(self, state: dict[str, NDArray[Any]]) -> None:
        """Keep a state, whole or not at all."""


class TrainingStopped(Exception):  # noqa: N818 - not an error
    """The fit was asked to stop and can be resumed."""
