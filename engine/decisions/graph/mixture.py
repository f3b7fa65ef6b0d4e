"""The meta-generator of an asset as something that can be sampled: a mixture of reflected generators (6.2–6.3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine.errors import MarketDataError
from engine.market.grid import Floats
from engine.models.fingan.sampling import GeneratorStack


class Generator(Protocol):
    """A model of the next return of one asset, given the window of its last returns."""

    def sample(self, condition: Floats, samples: int, rng: np.random.Generator) -> NDArray[np.floating]:
        """``(n, samples)`` returns that may follow each of the windows ``(n, L)``."""


@dataclass(frozen=True, eq=False)
class StackMember:
    """One generator of a stack, as a :class:`Generator`.

    Args:
        stack: trained generators.
        place: which of them.
    """

    stack: GeneratorStack
    place: int

    def sample(self, condition: Floats, samples: int, rng: np.random.Generator) -> Floats:
        """``(n, samples)`` returns that may follow each of the windows ``(n, L)``."""
        drawn: Floats = self.stack.take([self.place]).sample(condition, samples, rng)[0]
        return drawn


def generators(stack: GeneratorStack) -> tuple[StackMember, ...]:
    """The generators of a stack one by one."""
    return tuple(StackMember(stack, place) for place in range(len(stack)))


@dataclass(frozen=True, eq=False)
class MetaGenerator:
    """P^i = Σ_j |w_ij| law of sign(w_ij) g_j(a^i, Z): pick j with probability |w_ij|, draw, reflect if w_ij < 0.

    The expected sign of what it draws is the bet h_i = Σ_j w_ij s_j(a^i) (6.5).

    Args:
        weights: ``(generators,)`` one row of the graph, of absolute sum one.
        generators: as many, or a stack of as many.

    Raises:
        MarketDataError: if the weights are no row of a graph, or not as many as the generators.
    """

    weights: Floats
    generators: Sequence[Generator] | GeneratorStack

    def __post_init__(self) -> None:
        if isinstance(self.generators, GeneratorStack):
            object.__setattr__(self, "generators", generators(self.generators))
        row = np.asarray(self.weights, dtype=np.float64)
        if row.shape != (len(self.generators),) or not abs(np.abs(row).sum() - 1) < 1e-9:
            raise MarketDataError(
                f"expected a weight for each of {len(self.generators)} generators, of absolute sum one; "
                f"found shape {row.shape} and sum {np.abs(row).sum():g}"
            )
        object.__setattr__(self, "weights", row)

    def sample(self, condition: ArrayLike, samples: int, rng: np.random.Generator) -> Floats:
        """Returns that may follow each window; the generator is picked anew for every window and draw.

        Args:
            condition: ``(n, L)`` windows of the asset.
            samples: draws for each.
            rng: source of randomness.

        Returns:
            ``(n, samples)``.
        """
        windows = np.atleast_2d(np.asarray(condition, dtype=np.float64))
        each = cast(Sequence[Generator], self.generators)
        share = np.abs(self.weights) / np.abs(self.weights).sum()
        picked = rng.choice(len(share), size=(len(windows), samples), p=share)
        drawn = np.empty((len(windows), samples))
        for j in np.unique(picked):
            mine = picked == j
            counts = mine.sum(axis=1)
            fresh = np.asarray(each[j].sample(windows, int(counts.max()), rng), dtype=np.float64)
            enough = np.arange(fresh.shape[1]) < counts[:, None]  # as many of each window's draws as were picked
            drawn[mine] = np.sign(self.weights[j]) * fresh[enough]
        return drawn
