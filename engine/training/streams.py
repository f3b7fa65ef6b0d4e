"""Random streams of a stack: every member draws from its own generator, so that alone = stacked."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from engine.errors import CheckpointError, SettingsError


class Streams:
    """One torch generator per member, each seeded by (seed, member, purpose) alone.

    What a member draws does not depend on who is trained beside it: ``Streams(7, [3], p)`` repeats the fourth
    stream of ``Streams(7, range(8), p)``.

    Args:
        seed: the run's seed, ≥ 0.
        members: indices of the members, one stream each.
        purpose: what is drawn ("initial weights", "training"): streams of different purposes are independent.
        device: where the numbers are drawn; another device draws other numbers.

    Raises:
        SettingsError: if the seed is negative or there is no member.
    """

    def __init__(self, seed: int, members: Sequence[int], purpose: str, device: str = "cpu") -> None:
        if seed < 0:
            raise SettingsError(f"expected a seed >= 0; found {seed}")
        if len(members) == 0:
            raise SettingsError("expected at least one member in a stack; found none")
        key = zlib.crc32(purpose.encode())
        self.generators = [
            torch.Generator(torch.device(device)).manual_seed(_entropy(seed, member, key)) for member in members
        ]

    def __len__(self) -> int:
        return len(self.generators)

    def permutations(self, n: int) -> torch.Tensor:
        """``(members, n)`` one random order of n rows for each member."""
        return torch.stack(
            [torch.randperm(n, generator=generator, device=generator.device) for generator in self.generators]
        )

    def normal_(self, out: torch.Tensor) -> None:
        """Fill ``(members, …)`` with standard normals."""
        for member, generator in zip(out, self.generators, strict=True):
            member.normal_(generator=generator)

    def uniform_(self, out: torch.Tensor, bound: float) -> None:
        """Fill ``(members, …)`` with uniforms on (−bound, bound)."""
        for member, generator in zip(out, self.generators, strict=True):
            member.uniform_(-bound, bound, generator=generator)

    def state(self) -> NDArray[np.uint8]:
        """``(members, bytes)`` where every stream stands."""
        return np.stack([generator.get_state().numpy() for generator in self.generators])

    def restore(self, state: NDArray[Any]) -> None:
        """The inverse of :meth:`state`.

        Raises:
            CheckpointError: if the array is not the state of as many streams.
        """
        if state.dtype != np.uint8 or state.ndim != 2 or len(state) != len(self):
            raise CheckpointError(
                f"expected the state of {len(self)} random streams; found an array {state.dtype} {state.shape}"
            )
        for generator, bits in zip(self.generators, state, strict=True):
            try:
                generator.set_state(torch.from_numpy(bits.copy()))
            except RuntimeError:
                raise CheckpointError(
                    f"expected the state of a random stream; found {bits.size} bytes that are none"
                ) from None


def _entropy(seed: int, member: int, key: int) -> int:
    sequence = np.random.SeedSequence(seed, spawn_key=(key, member))
    return int(sequence.generate_state(1, np.uint64)[0] >> 1)
