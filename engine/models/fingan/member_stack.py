"""Trained networks side by side: flat weights, the scale each was trained with, and who they are."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine.errors import CheckpointError, MarketDataError
from engine.market.grid import Floats
from engine.models.fingan.networks import Member, Shapes, Singles, matching_members, pack_members, size, unpack_members
from engine.training.progress import check_arrays

SCALE, MEMBERS = "scale", "members"
"""Names of the arrays that every stack keeps besides its weights."""


@dataclass(frozen=True, eq=False)
class MemberStack(ABC):
    """Trained networks of several assets, losses and seeds. A family names its weights and their shapes.

    Args:
        weights: ``(members, parameters)`` flat vectors, in the order of :meth:`shapes`.
        scale: ``(members, 2)`` mean and sd of each member's reference batch.
        members: who they are.
        length: L of the windows they read.

    Raises:
        CheckpointError: if shapes do not fit or a value is not finite.
    """

    weights: Singles
    scale: Floats
    members: tuple[Member, ...]
    length: int = 10

    kind: ClassVar[str]
    """What the networks are called in errors."""

    weights_name: ClassVar[str]
    """Name of the array of weights."""

    @staticmethod
    @abstractmethod
    def shapes(length: int) -> Shapes:
        """Tensors of one network in the order of its flat vector."""

    def __post_init__(self) -> None:
        shapes = {
            self.weights_name: (len(self.members), size(self.shapes(self.length))),
            SCALE: (len(self.members), 2),
        }
        check_arrays({self.weights_name: self.weights, SCALE: self.scale}, shapes, self.kind)

    def __len__(self) -> int:
        return len(self.members)

    @classmethod
    def restore(cls, arrays: Mapping[str, NDArray[Any]], length: int = 10) -> Self:
        """The inverse of :meth:`arrays`.

        Raises:
            CheckpointError: if an array is missing or damaged.
        """
        missing = [name for name in (cls.weights_name, SCALE, MEMBERS) if name not in arrays]
        if missing:
            raise CheckpointError(f"expected {cls.kind} with the array {missing[0]!r}; found none of that name")
        weights = np.ascontiguousarray(arrays[cls.weights_name], np.float32)
        return cls(weights, np.asarray(arrays[SCALE], np.float64), unpack_members(arrays[MEMBERS]), length)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Flat named arrays, for a checkpointer or a checkpoint."""
        return {self.weights_name: self.weights, SCALE: self.scale, MEMBERS: pack_members(self.members)}

    def take(self, rows: Sequence[int] | NDArray[Any]) -> Self:
        """Some of the members, in the order asked for."""
        chosen = [int(row) for row in rows]
        return type(self)(
            self.weights[chosen], self.scale[chosen], tuple(self.members[row] for row in chosen), self.length
        )

    def of(self, asset: str | None = None, loss: str | None = None, seed: int | None = None) -> Self:
        """The members of an asset, a loss and a seed; None is any.

        Raises:
            SettingsError: if there is none.
        """
        return self.take(matching_members(self.members, asset, loss, seed))

    def windows(self, condition: ArrayLike) -> Floats:
        """Windows ``(n, L)`` as checked numbers.

        Raises:
            MarketDataError: for windows of another length, or not finite.
        """
        x = np.asarray(condition, np.float64)
        if x.ndim != 2 or x.shape[1] != self.length or not np.isfinite(x).all():
            raise MarketDataError(f"expected finite windows (n, {self.length}); found shape {x.shape}")
        return x
