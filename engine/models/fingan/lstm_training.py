"""Training of the LSTM benchmarks in stacks: MSE is the reference of gradient-norm matching (5.17)."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.market.grid import Floats
from engine.models.fingan.lstm import LSTM_LOSSES, LSTM_TERMS, ForecasterStack, forecaster_shapes
from engine.models.fingan.lstm_kernel import train_epoch
from engine.models.fingan.networks import Asset, FinGANConfig, Shapes, Singles, rates
from engine.models.fingan.stacked_training import BlockRunner, Kind, Rules, Stack, StackLearner, fit
from engine.training.progress import Checkpointer, OnStep

FORECASTER = "forecaster"


def network_shapes(length: int) -> dict[str, Shapes]:
    """The one network of a member."""
    return {FORECASTER: forecaster_shapes(length)}


LSTM = Kind("lstm", LSTM_LOSSES, LSTM_TERMS, ("MSE", "PnL*", "SR*", "STD"), network_shapes)


@dataclass(frozen=True, eq=False)
class TrainedForecasters:
    """What a fit gives.

    Args:
        forecasters: one for each member.
        coefficients: ``(members, 4)`` signed, as used, in the order of ``LSTM_TERMS``.
        norms: (asset, seed) → ``(updates, 4)`` gradient norms during matching, in the same order.
        report: ``(members, 4)`` means of the terms over the last epoch, in the same order.
        epochs: made over both phases, those before a resume included.
        seconds: of this process.
    """

    forecasters: ForecasterStack
    coefficients: Floats
    norms: dict[tuple[str, int], Singles]
    report: Floats
    epochs: int
    seconds: float


def train_forecasters(
    assets: Sequence[Asset],
    config: FinGANConfig | None = None,
    *,
    seeds: Sequence[int] = (0,),
    losses: Sequence[str] = tuple(LSTM_LOSSES),
    threads: int | None = None,
    on_step: OnStep | None = None,
    checkpointer: Checkpointer | None = None,
    report_every: float = 0.5,
    keep_every: float = 30.0,
) -> TrainedForecasters:
    """Train every asset with every loss and seed, side by side; arguments as in :func:`fingan_training.train`.

    The config's matching epochs count: with Fin-GAN's settings every network is trained for 25 + 100 = 125 epochs.

    Raises:
        SettingsError: for an unknown loss, names or seeds that repeat, or windows of different lengths.
        TrainingStopped, TrainingDiverged, CheckpointError: from the loop.
    """
    began = time.monotonic()
    runner = BlockRunner(compiled_epoch, threads)
    learner = StackLearner(LSTM, assets, config or FinGANConfig(), seeds=seeds, losses=losses, runner=runner)
    epochs = fit(learner, on_step=on_step, checkpointer=checkpointer, report_every=report_every, keep_every=keep_every)
    stack = learner.stack
    scale = stack.scale.astype(np.float64)
    return TrainedForecasters(
        forecasters=ForecasterStack(stack.values[FORECASTER], scale, learner.members, learner.rules.length),
        coefficients=stack.coefficients.astype(np.float64),
        norms=learner.norms_by_pair(),
        report=stack.report,
        epochs=epochs,
        seconds=time.monotonic() - began,
    )


def compiled_epoch(rules: Rules, stack: Stack, epoch: int, norms: NDArray[Any]) -> None:
    """One epoch of a block of members in compiled code."""
    train_epoch(
        rules.table,
        stack.first,
        stack.count,
        rules.config.batch_size,
        stack.values[FORECASTER],
        stack.squares[FORECASTER],
        rates(forecaster_shapes(rules.length), rules.config.learning_rate).astype(rules.table.dtype),
        stack.coefficients,
        stack.scale,
        rules.constants,
        stack.key,
        epoch,
        norms,
        stack.report,
    )
