"""Fin-GAN trained in blocks of assets, each block by whoever is free: another process, another machine.

What a member becomes depends on its asset, loss and seed alone, not on who is trained beside it. So blocks can be
spread at will and put together again with the same bits as one stack.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from engine.models.fingan import LOSSES, Asset, FinGANConfig, members
from engine.models.fingan_sampling import GeneratorStack
from engine.models.fingan_training import Trained
from engine.models.fingan_training import train as train_stack

ASSETS = 4
"""Assets in a block."""


class TrainingBlock(NamedTuple):
    """One task: some assets with every seed and loss. Everything a worker needs is in it."""

    assets: tuple[Asset, ...]
    config: FinGANConfig
    seeds: tuple[int, ...]
    losses: tuple[str, ...]


RunBlocks = Callable[[Callable[[TrainingBlock], Trained], Sequence[TrainingBlock]], Iterable[tuple[int, Trained]]]
"""Carries out a task for each block, anywhere, and yields (position, result) as they come."""


def train_block(block: TrainingBlock) -> Trained:
    """Train one block in this process, on one thread."""
    return train_stack(block.assets, block.config, seeds=block.seeds, losses=block.losses, threads=1)


def train(
    assets: Sequence[Asset],
    config: FinGANConfig | None = None,
    *,
    run: RunBlocks,
    seeds: Sequence[int] = (0,),
    losses: Sequence[str] = tuple(LOSSES),
    size: int = ASSETS,
) -> Trained:
    """Train every asset with every loss and seed, block by block: what :func:`fingan_training.train` gives.

    Args:
        assets: training parts, names distinct, windows of one length.
        config: settings.
        run: where the blocks are carried out (see :mod:`engine.runs.compute`).
        seeds: one pair of initial networks an asset for each.
        losses: names from ``LOSSES``.
        size: assets in a block.

    Raises:
        SettingsError: for an unknown loss, or names or seeds that repeat.
        TrainingDiverged: if a block's losses are no longer finite.
    """
    wanted = members([asset.name for asset in assets], losses, seeds)
    settings = config or FinGANConfig()
    blocks = [
        TrainingBlock(tuple(assets[start : start + size]), settings, tuple(seeds), tuple(losses))
        for start in range(0, len(assets), size)
    ]
    found: dict[int, Trained] = dict(run(train_block, blocks))
    parts = [found[position] for position in range(len(blocks))]
    place = {member: k for k, member in enumerate(m for part in parts for m in part.generators.members)}
    order = [place[member] for member in wanted]

    def joined(pick: Callable[[Trained], Any]) -> Any:
        return np.concatenate([pick(part) for part in parts])[order]

    return Trained(
        generators=GeneratorStack(
            joined(lambda part: part.generators.weights),
            joined(lambda part: part.generators.scale),
            wanted,
            parts[0].generators.length,
        ),
        discriminators=joined(lambda part: part.discriminators),
        coefficients=joined(lambda part: part.coefficients),
        norms={pair: norms for part in parts for pair, norms in part.norms.items()},
        report=joined(lambda part: part.report),
        epochs=parts[0].epochs,
        seconds=sum(part.seconds for part in parts),
    )
