"""The LSTM benchmarks: point forecasts by a small recurrent network, on squared error or on what they earn (5.17).

LSTM is trained on MSE alone; LSTM-Fin adds PnL*, SR* or STD with coefficients from gradient-norm matching.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine.market.grid import Floats
from engine.models.fingan import recurrent_kernels as layers
from engine.models.fingan.kernel import batches, gather, norm
from engine.models.fingan.networks import (
    LSTM_LOSSES,
    LSTM_TERMS,
    SMALLEST,
    WIDTH,
    Asset,
    FinGANConfig,
    MemberStack,
    Shapes,
    Singles,
    rates,
    views,
)
from engine.models.fingan.recurrent_kernels import H
from engine.models.fingan.stacked_training import BlockRunner, Kind, Rules, Stack, StackLearner, fit
from engine.training.compiled import FAST, compiled
from engine.training.progress import Checkpointer, OnStep
from engine.training.threefry import fill_order


def forecaster_shapes(length: int) -> Shapes:
    """Tensors of one forecaster in the order of its flat vector: LSTM(L→8), one step from zero state, Linear(8→1)."""
    return {"cell": (3 * WIDTH, length), "cell_bias": (3 * WIDTH,), "out": (WIDTH,), "out_bias": (1,)}


@dataclass(frozen=True, eq=False)
class ForecasterStack(MemberStack):
    """Trained point forecasters of several assets, losses and seeds."""

    kind: ClassVar[str] = "LSTM forecasters"
    weights_name: ClassVar[str] = "forecaster"

    @staticmethod
    def shapes(length: int) -> Shapes:
        """See :func:`forecaster_shapes`."""
        return forecaster_shapes(length)

    def point_estimates(self, condition: ArrayLike) -> Floats:
        """``(members, n)`` forecast log-return of the half-day after each window; the bet is its sign.

        Args:
            condition: ``(n, L)`` log-returns, the oldest first.

        Raises:
            MarketDataError: for windows of another length, or not finite.
        """
        x = self.windows(condition)
        w = views(self.weights.astype(np.float64), forecaster_shapes(self.length))
        mean, sd = self.scale[:, :1], self.scale[:, 1:]
        u = (x - mean[..., None]) / sd[..., None]  # (members, n, L)
        before = u @ w["cell"].mT + w["cell_bias"][:, None]  # (members, n, 24)
        i, g, o = np.split(before, 3, axis=-1)
        h = np.tanh(np.tanh(g) / (1 + np.exp(-i))) / (1 + np.exp(-o))  # (members, n, 8)
        y = np.einsum("mnk,mk->mn", h, w["out"]) + w["out_bias"]
        found: Floats = mean + sd * y
        return found


class Forecaster(NamedTuple):
    """One member's network, or its gradient: views into a flat vector."""

    cell: Any  # (24, L)
    cell_bias: Any  # (24,)
    out: Any  # (8,)
    out_bias: Any  # (1,)


@compiled()
def forecaster_of(flat: Any, length: int) -> Forecaster:
    """Views of a forecaster's flat vector."""
    a = 3 * WIDTH * length
    b = a + 3 * WIDTH
    c = b + WIDTH
    return Forecaster(flat[:a].reshape(3 * WIDTH, length), flat[a:b], flat[b:c], flat[c : c + 1])


@compiled(*FAST)
def gradient(net: Forecaster, grad: Forecaster, u: Any, act: Any, d_state: Any, delta: Any, d_y: Any) -> None:
    """∇θ of a loss whose derivative by the forecasts is ``d_y``."""
    grad.out_bias[0] = layers.total(d_y)
    for k in range(WIDTH):
        grad.out[k] = layers.dot(act[H, k], d_y)
    layers.outer(net.out, d_y, d_state)
    layers.gates_backward(act, d_state, delta)
    layers.weight_gradient(delta, u, grad.cell)
    layers.row_sums(delta, grad.cell_bias)


@compiled(cache=True)
def train_epoch(
    table: Any,
    first: Any,
    count: Any,
    batch: int,
    values: Any,
    squares: Any,
    rate: Any,
    coefficients: Any,
    scale: Any,
    constants: Any,
    key: Any,
    epoch: int,
    norms: Any,
    report: Any,
) -> None:
    """Train members one epoch, one after the other, in place; arguments as in :func:`fingan_kernel.train_epoch`.

    Coefficients and norms are those of MSE, PnL*, SR*, STD in this order; ``report`` ``(members, 4)`` receives their
    means over the epoch in the same order.
    """
    length = table.shape[1] - 1
    lanes = (batch + SMALLEST + 15) // 16 * 16
    kind = table.dtype
    u, x, live = np.zeros((length, lanes), kind), np.zeros(lanes, kind), np.zeros(lanes, kind)
    before, act, nothing = np.zeros((3 * WIDTH, lanes), kind), np.zeros((5, WIDTH, lanes), kind), np.zeros(lanes, kind)
    d_state, delta = np.zeros((WIDTH, lanes), kind), np.zeros((3 * WIDTH, lanes), kind)
    y, d_y, slope, value = np.zeros(lanes, kind), np.zeros(lanes, kind), np.zeros((4, lanes), kind), np.zeros(4, kind)
    flat = np.zeros(values.shape[1], kind)
    grad = forecaster_of(flat, length)
    place = (1, 0, 2, 3)  # of MSE, PnL*, SR*, STD among the money terms
    for m in range(values.shape[0]):
        net = forecaster_of(values[m], length)
        own = table[first[m] : first[m] + count[m]]
        order = np.empty(count[m], np.int32)
        fill_order(order, key[m], epoch)
        updates = batches(count[m], batch)
        report[m] = 0.0
        for q in range(updates):
            end = count[m] if q == updates - 1 else (q + 1) * batch
            gather(own, order[q * batch : end], u, x, live)
            layers.affine(net.cell, net.cell_bias, u, before)
            layers.gates(before, net.cell_bias, nothing, act)
            layers.combine(net.out, net.out_bias[0], act[H], y)
            layers.money_terms(y, x, live, scale[m], constants[0], slope, value)
            d_y[:] = kind.type(0)
            for term in range(4):
                report[m, term] += value[place[term]] / updates
                if norms.shape[1] > 0:
                    gradient(net, grad, u, act, d_state, delta, slope[place[term]])
                    norms[m, q, term] = norm(flat, rate)
                for b in range(lanes):
                    d_y[b] += coefficients[m, term] * slope[place[term], b]
            gradient(net, grad, u, act, d_state, delta, d_y)
            layers.rms_step(values[m], squares[m], flat, rate, constants[1], constants[2])


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
