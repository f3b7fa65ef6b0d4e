"""How a fit reports and survives: progress out, state kept. Free of torch, so that anything may import it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from engine.errors import CheckpointError, ScenaristError


@dataclass(frozen=True)
class Progress:
    """One report from the training loop.

    Args:
        phase: what is being done, in words ("gradient matching", "training").
        done, total: epochs finished and to do, counted over all phases of the fit.
        losses: named losses of the latest updates (stacked members averaged).
        part: share of the epoch under way that is done, in [0, 1).
        left: seconds that the rest will take at the pace of this process so far, None where that is unknown.
    """

    phase: str
    done: int
    total: int
    losses: Mapping[str, float]
    part: float = 0.0
    left: float | None = None


OnStep = Callable[[Progress], bool | None]
"""Called after every reporting interval; returning True asks the loop to stop (its state is kept first)."""


class Checkpointer(Protocol):
    """Keeps the state of an interrupted fit: flat named arrays, nothing else."""

    def load(self) -> dict[str, NDArray[Any]] | None:
        """The last state kept, or None for a fresh start."""

    def save(self, state: dict[str, NDArray[Any]]) -> None:
        """Keep a state, whole or not at all."""


class TrainingStopped(Exception):  # noqa: N818 - not an error
    """The fit was asked to stop and can be resumed."""


class TrainingDiverged(ScenaristError):  # noqa: N818 - says what happened
    """Losses or weights are no longer finite; a smaller learning rate is the usual remedy."""


def check_arrays(
    state: Mapping[str, NDArray[Any]],
    expected: Mapping[str, tuple[int, ...]],
    kind: str,
    integers: Collection[str] = (),
) -> None:
    """The door for state that comes from outside: names, shapes, and finite floating-point values.

    Args:
        state: what came.
        expected: name → shape.
        kind: what it should be, in words.
        integers: names of those that hold integers or truth values instead (counters, indices, masks).

    Raises:
        CheckpointError: naming the first array that does not fit.
    """
    for name, shape in expected.items():
        if name not in state:
            raise CheckpointError(f"expected {kind} with the array {name!r}; found none of that name")
        array = state[name]
        kinds, words = ("iub", "integers") if name in integers else ("f", "floats")
        if array.dtype.kind not in kinds or array.shape != shape:
            found = f"{array.dtype} {array.shape}"
            raise CheckpointError(f"expected {kind} with {name!r} of {words} {shape}; found {found}")
        if not np.isfinite(array).all():
            raise CheckpointError(f"expected {kind} with finite values; found NaN or infinite ones in {name!r}")
