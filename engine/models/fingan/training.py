"""Algorithm 2 for a stack of Fin-GAN members (SPEC 4, thesis 5.4.3): what is particular to it, and the door to it.

The reference of gradient-norm matching is the adversarial loss; see ``stacked_training`` for the rest.

What a member becomes depends on its asset, loss and seed alone, not on who is trained beside it. So blocks of assets
can be trained by whoever is free, another process or machine, and put together with the same bits as one stack.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.errors import SettingsError
from engine.market.grid import Floats
from engine.models.fingan.kernel import train_epoch
from engine.models.fingan.networks import (
    DISCRIMINATOR,
    GENERATOR,
    LOSSES,
    TERMS,
    Asset,
    FinGANConfig,
    Singles,
    members,
    network_shapes,
    rates,
)
from engine.models.fingan.sampling import GeneratorStack
from engine.models.fingan.stacked_training import BlockRunner, EpochRunner, Kind, Rules, Stack, StackLearner, fit
from engine.training.progress import Checkpointer, OnStep

REPORTED = ("discriminator", "generator", "PnL*", "MSE", "SR*", "STD")
"""Either network's loss in the epoch's last batch, and the epoch's means of the economic terms."""

Device = Literal["cpu", "cuda"]


FINGAN = Kind("fingan", LOSSES, TERMS, REPORTED, network_shapes)


@dataclass(frozen=True, eq=False)
class Trained:
    """What a fit gives.

    Args:
        generators: one for each member, ready to be sampled.
        discriminators: ``(members, parameters)``.
        coefficients: ``(members, 5)`` signed, as used.
        norms: (asset, seed) → ``(updates, 5)`` gradient norms during matching, in the order of ``TERMS``.
        report: ``(members, 6)`` figures of the last epoch, see ``REPORTED``.
        epochs: made over both phases, those before a resume included.
        seconds: of this process.
    """

    generators: GeneratorStack
    discriminators: Singles
    coefficients: Floats
    norms: dict[tuple[str, int], Singles]
    report: Floats
    epochs: int
    seconds: float


def train(
    assets: Sequence[Asset],
    config: FinGANConfig | None = None,
    *,
    seeds: Sequence[int] = (0,),
    losses: Sequence[str] = tuple(LOSSES),
    device: Device = "cpu",
    threads: int | None = None,
    on_step: OnStep | None = None,
    checkpointer: Checkpointer | None = None,
    report_every: float = 0.5,
    keep_every: float = 30.0,
) -> Trained:
    """Train every asset with every loss and seed, side by side.

    Args:
        assets: training parts, names distinct, windows of one length.
        config: settings.
        seeds: one pair of initial networks an asset for each.
        losses: names from ``LOSSES``.
        device: "cpu" (compiled code, all cores) or "cuda" (torch and autograd, the same trajectory up to rounding).
        threads: on the CPU; all cores if None.
        on_step: see :func:`engine.training.loop.run`; losses are averaged over members.
        checkpointer: see there.
        report_every: see there.
        keep_every: see there.

    Raises:
        SettingsError: for an unknown loss, names or seeds that repeat, windows of different lengths, or a device that
            this machine lacks.
        TrainingStopped, TrainingDiverged, CheckpointError: from the loop.
    """
    began = time.monotonic()
    runner = _runner(device, threads)
    learner = StackLearner(FINGAN, assets, config or FinGANConfig(), seeds=seeds, losses=losses, runner=runner)
    epochs = fit(learner, on_step=on_step, checkpointer=checkpointer, report_every=report_every, keep_every=keep_every)
    stack = learner.stack
    scale = stack.scale.astype(np.float64)
    return Trained(
        generators=GeneratorStack(stack.values[GENERATOR], scale, learner.members, learner.rules.length),
        discriminators=stack.values[DISCRIMINATOR],
        coefficients=stack.coefficients.astype(np.float64),
        norms=learner.norms_by_pair(),
        report=stack.report,
        epochs=epochs,
        seconds=time.monotonic() - began,
    )


def compiled_epoch(rules: Rules, stack: Stack, epoch: int, norms: NDArray[Any]) -> None:
    """One epoch of a block of members in compiled code."""
    rate = {
        name: rates(shapes, rules.config.learning_rate).astype(rules.table.dtype)
        for name, shapes in network_shapes(rules.length).items()
    }
    train_epoch(
        rules.table,
        stack.first,
        stack.count,
        rules.config.batch_size,
        stack.values[GENERATOR],
        stack.squares[GENERATOR],
        stack.values[DISCRIMINATOR],
        stack.squares[DISCRIMINATOR],
        rate[GENERATOR],
        rate[DISCRIMINATOR],
        stack.coefficients,
        stack.scale,
        rules.constants,
        stack.key,
        epoch,
        norms,
        stack.report,
    )


def _runner(device: str, threads: int | None) -> EpochRunner:
    if device == "cpu":
        return BlockRunner(compiled_epoch, threads)
    if device != "cuda":
        raise SettingsError(f"expected the device cpu or cuda; found {device[:40]!r}")
    import torch

    from engine.models.fingan.torch_backend import TorchEpochs

    if not torch.cuda.is_available():
        raise SettingsError("expected a CUDA device for device=cuda; found none on this machine")
    return TorchEpochs(device)


ASSETS = 4
"""Assets in a block."""


class TrainingBlock(NamedTuple):
    """One task: some assets with every seed and loss. Everything a worker needs is in it."""

    assets: tuple[Asset, ...]
    config: FinGANConfig
    seeds: tuple[int, ...]
    losses: tuple[str, ...]
    device: Device = "cpu"


Arrays = dict[str, NDArray[Any]]
RunBlocks = Callable[[Callable[[TrainingBlock], Arrays], Sequence[TrainingBlock]], Iterable[tuple[int, Arrays]]]
"""Carries out a task for each block, anywhere, and yields (position, result) as they come."""


def train_block(block: TrainingBlock) -> Arrays:
    """Train one block in this process, on one thread.

    Returns:
        What :class:`Trained` holds as named arrays, which can be kept; gradient norms under ``norms.<asset>.<seed>``.
    """
    found = train(block.assets, block.config, seeds=block.seeds, losses=block.losses, device=block.device, threads=1)
    place = {asset.name: k for k, asset in enumerate(block.assets)}
    return {
        **found.generators.arrays(),
        "discriminators": found.discriminators,
        "coefficients": found.coefficients,
        "report": found.report,
        "run": np.array([found.epochs, found.seconds]),
        **{f"norms.{place[asset]}.{seed}": norms for (asset, seed), norms in found.norms.items()},
    }


def train_in_blocks(
    assets: Sequence[Asset],
    config: FinGANConfig | None = None,
    *,
    run: RunBlocks,
    seeds: Sequence[int] = (0,),
    losses: Sequence[str] = tuple(LOSSES),
    device: Device = "cpu",
    size: int = ASSETS,
) -> Trained:
    """Train every asset with every loss and seed, block by block: what :func:`train` gives.

    Args:
        assets: training parts, names distinct, windows of one length.
        config: settings.
        run: where the blocks are carried out (see :mod:`engine.runs.compute`).
        seeds: one pair of initial networks an asset for each.
        losses: names from ``LOSSES``.
        device: see :func:`train`; every worker needs it.
        size: assets in a block.

    Raises:
        SettingsError: for an unknown loss, or names or seeds that repeat.
        TrainingDiverged: if a block's losses are no longer finite.
    """
    wanted = members([asset.name for asset in assets], losses, seeds)
    settings = config or FinGANConfig()
    blocks = [
        TrainingBlock(tuple(assets[start : start + size]), settings, tuple(seeds), tuple(losses), device)
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
