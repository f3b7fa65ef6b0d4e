"""Algorithm 2 for a stack of Fin-GAN members (SPEC 4, thesis 5.4.3): what is particular to it, and the door to it.

The reference of gradient-norm matching is the adversarial loss; see ``stacked_training`` for the rest.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from engine.errors import SettingsError
from engine.market.grid import Floats
from engine.models.fingan.kernel import train_epoch
from engine.models.fingan.networks import (
    LOSSES,
    TERMS,
    Asset,
    FinGANConfig,
    Shapes,
    Singles,
    discriminator_shapes,
    generator_shapes,
    rates,
)
from engine.models.fingan.sampling import GeneratorStack
from engine.models.fingan.stacked_training import BlockRunner, EpochRunner, Kind, Rules, Stack, StackLearner, fit
from engine.training.progress import Checkpointer, OnStep

GENERATOR, DISCRIMINATOR = "generator", "discriminator"
REPORTED = ("discriminator", "generator", "PnL*", "MSE", "SR*", "STD")
"""Either network's loss in the epoch's last batch, and the epoch's means of the economic terms."""

Backend = Literal["compiled", "torch"]


def network_shapes(length: int) -> dict[str, Shapes]:
    """The two networks of a member."""
    return {GENERATOR: generator_shapes(length), DISCRIMINATOR: discriminator_shapes(length)}


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
    backend: Backend = "compiled",
    device: str = "cpu",
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
        backend: "compiled" (numba, all cores) or "torch" (autograd, any device).
        device: of the torch backend, for example "cuda".
        threads: of the compiled backend; all cores if None.
        on_step: see :func:`engine.training.loop.run`; losses are averaged over members.
        checkpointer: see there.
        report_every: see there.
        keep_every: see there.

    Raises:
        SettingsError: for an unknown loss, names or seeds that repeat, or windows of different lengths.
        TrainingStopped, TrainingDiverged, CheckpointError: from the loop.
    """
    began = time.monotonic()
    runner = _runner(backend, device, threads)
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


def _runner(backend: str, device: str, threads: int | None) -> EpochRunner:
    if backend == "compiled":
        return BlockRunner(compiled_epoch, threads)
    if backend == "torch":
        from engine.models.fingan.torch_backend import TorchEpochs

        return TorchEpochs(device)
    raise SettingsError(f"expected the backend compiled or torch; found {backend[:40]!r}")
