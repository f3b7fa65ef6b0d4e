"""The generators that a finished Fin-GAN study chose: one for each ticker and seed, by validation Sharpe ratio."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from engine.errors import CheckpointError
from engine.models.fingan.sampling import GeneratorStack, Networks
from engine.studies.base import Finished

CHOSEN = "chosen"
"""Name under which a Fin-GAN study keeps them."""


@dataclass(frozen=True, eq=False)
class Trained:
    """Chosen generators.

    Args:
        stack: every ticker with every seed, once.
        bad_opens: what the study did with bad opens; windows must be the same here.
        period: first and last day of its prices, from which its parts follow.
    """

    stack: GeneratorStack
    bad_opens: str = "keep"
    period: tuple[str, ...] = ()

    @property
    def tickers(self) -> tuple[str, ...]:
        """Tickers that have a generator of every seed, in the study's order."""
        found: dict[str, set[int]] = {}
        for member in self.stack.members:
            found.setdefault(member.asset, set()).add(member.seed)
        return tuple(asset for asset, seeds in found.items() if seeds == set(self.seeds))

    @property
    def seeds(self) -> tuple[int, ...]:
        """Seeds, rising."""
        return tuple(sorted({member.seed for member in self.stack.members}))

    @property
    def length(self) -> int:
        """Half-days in a window."""
        return self.stack.length

    def of_seed(self, seed: int, tickers: Sequence[str]) -> GeneratorStack:
        """One seed's generators in the order of tickers.

        Raises:
            CheckpointError: if a ticker has none.
        """
        place = {(member.asset, member.seed): k for k, member in enumerate(self.stack.members)}
        missing = [ticker for ticker in tickers if (ticker, seed) not in place]
        if missing:
            raise CheckpointError(f"expected a generator of {missing[0]} with seed {seed}; found none")
        return self.stack.take([place[ticker, seed] for ticker in tickers])

    def networks(self, seed: int, tickers: Sequence[str]) -> Networks:
        """Their weights."""
        return self.of_seed(seed, tickers).networks()


def trained(study: Finished) -> Trained:
    """The chosen generators of a finished Fin-GAN study.

    Raises:
        CheckpointError: if it keeps none, or two for one ticker and seed.
    """
    stack = GeneratorStack.restore(study.arrays(CHOSEN))
    keys = [(member.asset, member.seed) for member in stack.members]
    if len(set(keys)) != len(keys):
        twice = next(key for key in keys if keys.count(key) > 1)
        raise CheckpointError(f"expected one chosen generator of each ticker and seed; found two of {twice}")
    period = tuple(str(day) for day in study.data.get("period", ()))
    return Trained(stack, str(study.settings.get("bad_opens", "keep")), period)
