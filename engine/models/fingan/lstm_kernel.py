"""The LSTM benchmarks' training, compiled: one call trains members through a whole epoch, as for Fin-GAN."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from engine.models.fingan import recurrent_kernels as layers
from engine.models.fingan.kernel import batches, gather, norm
from engine.models.fingan.networks import SMALLEST, WIDTH
from engine.models.fingan.recurrent_kernels import H
from engine.training.compiled import FAST, compiled
from engine.training.threefry import fill_order


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
