"""Fin-GAN trained in blocks of assets, each block by whoever is free: another process, another machine.

What a member becomes depends on its asset, loss and seed alone, not on who is trained beside it. So blocks can be
spread at will and put together again with the same bits as one stack.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.models.fingan.networks import LOSSES, Asset, FinGANConfig, members
from engine.models.fingan.sampling import GeneratorStack
from engine.models.fingan.training import Trained
from engine.models.fingan.training import train as train_stack

ASSETS = 4
"""Assets in a block."""


class TrainingBlock(NamedTuple):
    """One task: some assets with every seed and loss. Everything a worker needs is in it."""

    assets: tuple[Asset, ...]
    config: FinGANConfig
    seeds: tuple[int, ...]
    losses: tuple[str, ...]


Arrays = dict[str, NDArray[Any]]
RunBlocks = Callable[[Callable[[TrainingBlock], Arrays], Sequence[TrainingBlock]], Iterable[tuple[int, Arrays]]]
"""Carries out a task for each block, anywhere, and yields (position, result) as they come."""


def train_block(block: TrainingBlock) -> Arrays:
    """Train one block in this process, on one thread.

    Returns:
        What :class:`Trained` holds as named arrays, which can be kept; gradient norms under ``norms.<asset>.<seed>``.
    """
    found = train_stack(block.assets, block.config, seeds=block.seeds, losses=block.losses, threads=1)
    place = {asset.name: k for k, asset in enumerate(block.assets)}
    return {
        **found.generators.arrays(),
        "discriminators": found.discriminators,
        "coefficients": found.coefficients,
        "report": found.report,
        "run": np.array([found.epochs, found.seconds]),
        **{f"norms.{place[asset]}.{seed}": norms for (asset, seed), norms in found.norms.items()},
    }


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
    found: dict[int, Arrays] = dict(run(train_block, blocks))
    parts = [found[position] for position in range(len(blocks))]
    stacks = [GeneratorStack.restore(part) for part in parts]
    place = {member: k for k, member in enumerate(m for stack in stacks for m in stack.members)}
    order = [place[member] for member in wanted]

    def joined(arrays: Sequence[NDArray[Any]]) -> Any:
        return np.concatenate(arrays)[order]

    return Trained(
        generators=GeneratorStack(
            joined([stack.weights for stack in stacks]),
            joined([stack.scale for stack in stacks]),
            wanted,
            stacks[0].length,
        ),
        discriminators=joined([part["discriminators"] for part in parts]),
        coefficients=joined([part["coefficients"] for part in parts]),
        norms={
            (asset.name, seed): part[f"norms.{k}.{seed}"]
            for block, part in zip(blocks, parts, strict=True)
            for k, asset in enumerate(block.assets)
            for seed in block.seeds
        },
        report=joined([part["report"] for part in parts]),
        epochs=int(parts[0]["run"][0]),
        seconds=float(sum(part["run"][1] for part in parts)),
    )
