"""Fin-GAN's training, compiled: one call trains members through a whole epoch, each by itself in one core's cache.

An update of one member is some three thousand multiply-adds a row, for which a matrix library spends most of its time
being called. Here the window's part of either network is computed once and shared by what needs it (real and fake in
the discriminator, both fakes in the generator), and nothing is allocated. A test holds the gradients to autograd.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from engine.models.fingan import recurrent_kernels as layers
from engine.models.fingan.networks import HIDDEN, SMALLEST, WIDTH, updates_in_epoch
from engine.models.fingan.recurrent_kernels import H
from engine.training.compiled import FAST, compiled
from engine.training.threefry import NOISE, SAMPLES, fill_normal, fill_order


class Generator(NamedTuple):
    """One member's generator, or its gradient: views into a flat vector."""

    cell: Any  # (24, L)
    cell_bias: Any  # (24,)
    hidden: Any  # (16, 16): columns hidden state, then noise
    hidden_bias: Any  # (16,)
    out: Any  # (16,)
    out_bias: Any  # (1,)


class Discriminator(NamedTuple):
    """One member's discriminator, or its gradient: views into a flat vector."""

    cell: Any  # (24, L)
    cell_target: Any  # (24,) the weights of the value judged
    cell_bias: Any  # (24,)
    out: Any  # (8,)
    out_bias: Any  # (1,)


@compiled()
def generator_of(flat: Any, length: int) -> Generator:
    """Views of a generator's flat vector."""
    a = 3 * WIDTH * length
    b = a + 3 * WIDTH
    c = b + HIDDEN * HIDDEN
    d = c + HIDDEN
    e = d + HIDDEN
    return Generator(
        flat[:a].reshape(3 * WIDTH, length),
        flat[a:b],
        flat[b:c].reshape(HIDDEN, HIDDEN),
        flat[c:d],
        flat[d:e],
        flat[e : e + 1],
    )


@compiled()
def discriminator_of(flat: Any, length: int) -> Discriminator:
    """Views of a discriminator's flat vector."""
    a = 3 * WIDTH * length
    b = a + 3 * WIDTH
    c = b + 3 * WIDTH
    d = c + WIDTH
    return Discriminator(flat[:a].reshape(3 * WIDTH, length), flat[a:b], flat[b:c], flat[c:d], flat[d : d + 1])


class Buffers(NamedTuple):
    """Everything an update writes to; allocated once in a call."""

    u: Any  # (L, lanes) windows
    x: Any  # (lanes,) targets
    live: Any  # (lanes,) 1/n or 0
    noise: Any  # (16, lanes): eight rows for the discriminator's fakes, eight for the generator's
    before: Any  # (24, lanes) gates before their nonlinearity
    act: Any  # (5, 8, lanes) generator
    real: Any  # (5, 8, lanes) discriminator on the real rows
    fake: Any  # (5, 8, lanes) and on the fakes
    window: Any  # (16, lanes) hidden layer before the noise
    hidden: Any  # (16, lanes)
    d_hidden: Any  # (16, lanes)
    d_state: Any  # (8, lanes)
    delta: Any  # (24, lanes)
    delta_fake: Any  # (24, lanes)
    y: Any  # (lanes,) fakes
    logit: Any  # (2, lanes) real, fake: logits, then their gradients
    slope: Any  # (4, lanes)
    value: Any  # (4,)
    d_y: Any  # (2, lanes): of the adversarial term, of the whole loss


@compiled()
def buffers(like: Any, length: int, lanes: int) -> Buffers:
    """Empty arrays of the type of ``like``."""
    kind = like.dtype
    return Buffers(
        np.zeros((length, lanes), kind),
        np.zeros(lanes, kind),
        np.zeros(lanes, kind),
        np.zeros((2 * WIDTH, lanes), kind),
        np.zeros((3 * WIDTH, lanes), kind),
        np.zeros((5, WIDTH, lanes), kind),
        np.zeros((5, WIDTH, lanes), kind),
        np.zeros((5, WIDTH, lanes), kind),
        np.zeros((HIDDEN, lanes), kind),
        np.zeros((HIDDEN, lanes), kind),
        np.zeros((HIDDEN, lanes), kind),
        np.zeros((WIDTH, lanes), kind),
        np.zeros((3 * WIDTH, lanes), kind),
        np.zeros((3 * WIDTH, lanes), kind),
        np.zeros(lanes, kind),
        np.zeros((2, lanes), kind),
        np.zeros((4, lanes), kind),
        np.zeros(4, kind),
        np.zeros((2, lanes), kind),
    )


batches = compiled()(updates_in_epoch)


@compiled()
def gather(table: Any, rows: Any, u: Any, x: Any, live: Any) -> None:
    """Rows of a table ``(rows, L + 1)`` as columns; lanes beyond them keep old numbers, with weight 0."""
    one = x.dtype.type(1)
    n, length = len(rows), u.shape[0]
    for b in range(n):
        row = table[rows[b]]
        for j in range(length):
            u[j, b] = row[j]
        x[b] = row[length]
    for b in range(len(x)):
        live[b] = one / x.dtype.type(n) if b < n else x.dtype.type(0)


@compiled(*FAST)
def _generate(g: Generator, window: Any, noise: Any, hidden: Any, y: Any) -> None:
    """y = out · relu(window part + noise part) + bias."""
    for k in range(HIDDEN):
        for b in range(len(y)):
            hidden[k, b] = window[k, b]
    layers.add_product(g.hidden[:, WIDTH:], noise, hidden)
    layers.rectify(hidden)
    layers.combine(g.out, g.out_bias[0], hidden, y)


@compiled(*FAST)
def discriminator_gradient(d: Discriminator, grad: Discriminator, at: Buffers) -> None:
    """∇θ_d of −½E log D(real) − ½E log(1 − D(fake)) (1.2), fakes in ``at.y``."""
    one = at.x.dtype.type(1)
    layers.affine(d.cell, d.cell_bias, at.u, at.before)
    layers.gates(at.before, d.cell_target, at.x, at.real)
    layers.gates(at.before, d.cell_target, at.y, at.fake)
    real, fake = at.logit[0], at.logit[1]
    layers.combine(d.out, d.out_bias[0], at.real[H], real)
    layers.combine(d.out, d.out_bias[0], at.fake[H], fake)
    layers.logit_slope(real, one, at.live)
    layers.logit_slope(fake, at.x.dtype.type(0), at.live)
    grad.out_bias[0] = layers.total(real) + layers.total(fake)
    for k in range(WIDTH):
        grad.out[k] = layers.dot(at.real[H, k], real) + layers.dot(at.fake[H, k], fake)
    layers.outer(d.out, real, at.d_state)
    layers.gates_backward(at.real, at.d_state, at.delta)
    layers.outer(d.out, fake, at.d_state)
    layers.gates_backward(at.fake, at.d_state, at.delta_fake)
    for k in range(3 * WIDTH):
        grad.cell_target[k] = layers.dot(at.delta[k], at.x) + layers.dot(at.delta_fake[k], at.y)
        layers.add(at.delta_fake[k], at.delta[k])
    layers.weight_gradient(at.delta, at.u, grad.cell)
    layers.row_sums(at.delta, grad.cell_bias)


@compiled(*FAST)
def adversarial_slope(d: Discriminator, at: Buffers, slope: Any) -> None:
    """∂J_G/∂y of J_G = −½E log D(fake) for the fakes in ``at.y``."""
    fake = at.logit[1]
    layers.affine(d.cell, d.cell_bias, at.u, at.before)
    layers.gates(at.before, d.cell_target, at.y, at.fake)
    layers.combine(d.out, d.out_bias[0], at.fake[H], fake)
    layers.logit_slope(fake, at.x.dtype.type(1), at.live)
    layers.outer(d.out, fake, at.d_state)
    layers.gates_backward(at.fake, at.d_state, at.delta)
    layers.combine(d.cell_target, at.x.dtype.type(0), at.delta, slope)


@compiled(*FAST)
def generator_gradient(g: Generator, grad: Generator, at: Buffers, d_y: Any) -> None:
    """∇θ_g of a loss whose derivative by the fakes is ``d_y``; the generator's step's noise and hidden layer."""
    zero = d_y.dtype.type(0)
    for k in range(HIDDEN):
        grad.out[k] = layers.dot(at.hidden[k], d_y)
        for b in range(len(d_y)):
            at.d_hidden[k, b] = g.out[k] * d_y[b] if at.hidden[k, b] > zero else zero
    grad.out_bias[0] = layers.total(d_y)
    layers.row_sums(at.d_hidden, grad.hidden_bias)
    layers.weight_gradient(at.d_hidden, at.act[H], grad.hidden[:, :WIDTH])
    layers.weight_gradient(at.d_hidden, at.noise[WIDTH:], grad.hidden[:, WIDTH:])
    at.d_state[:] = zero
    layers.add_product_transposed(g.hidden[:, :WIDTH], at.d_hidden, at.d_state)
    layers.gates_backward(at.act, at.d_state, at.delta)
    layers.weight_gradient(at.delta, at.u, grad.cell)
    layers.row_sums(at.delta, grad.cell_bias)


@compiled(*FAST)
def norm(gradient: Any, rate: Any) -> Any:
    """‖∇θ‖, a parameter that stands for two counted twice (its rate says so)."""
    total = gradient.dtype.type(0)
    for p in range(len(gradient)):
        total += gradient[p] * gradient[p] * (rate[p] / rate[0])
    return math.sqrt(total)


@compiled(*FAST)
def window_part(g: Generator, at: Buffers) -> None:
    """The generator's LSTM and the window's share of its hidden layer."""
    at.d_y[0][:] = at.x.dtype.type(0)
    layers.affine(g.cell, g.cell_bias, at.u, at.before)
    layers.gates(at.before, g.cell_bias, at.d_y[0], at.act)  # no further input: that of weight × 0
    layers.affine(g.hidden[:, :WIDTH], g.hidden_bias, at.act[H], at.window)


@compiled()
def _report(out: Any, at: Buffers) -> None:
    """Losses of the batch from the gradients of the logits: −½ log D is a function of the slope ½(D − 1)."""
    n, real, own = 0, 0.0, 0.0
    for b in range(len(at.live)):
        if at.live[b] > 0:
            n += 1
            real += math.log(max(1e-12, 1.0 + 2.0 * at.logit[0, b] / at.live[b]))
            own += math.log(max(1e-12, 1.0 + 2.0 * at.logit[1, b] / at.live[b]))
    out[0] -= 0.5 * real / n
    out[1] = -0.5 * own / n


@compiled()
def _fake_loss(at: Buffers) -> float:
    """−½E log(1 − D(fake)) from the discriminator step's slopes ½D."""
    n, total = 0, 0.0
    for b in range(len(at.live)):
        if at.live[b] > 0:
            n += 1
            total += math.log(max(1e-12, 1.0 - 2.0 * at.logit[1, b] / at.live[b]))
    return -0.5 * total / n


@compiled(cache=True)
def train_epoch(
    table: Any,
    first: Any,
    count: Any,
    batch: int,
    generator: Any,
    generator_squares: Any,
    discriminator: Any,
    discriminator_squares: Any,
    generator_rate: Any,
    discriminator_rate: Any,
    coefficients: Any,
    scale: Any,
    constants: Any,
    key: Any,
    epoch: int,
    norms: Any,
    report: Any,
) -> None:
    """Train members one epoch, one after the other, in place.

    Args:
        table: ``(rows, L + 1)`` windows and targets of all assets, in units of their reference batches.
        first, count: ``(members,)`` int64, where each member's training rows lie in it.
        batch: rows in an update.
        generator, discriminator: ``(members, parameters)``.
        generator_squares, discriminator_squares: the same, RMSProp's running squares.
        generator_rate, discriminator_rate: ``(parameters,)`` learning rates.
        coefficients: ``(members, 5)`` of J_G, PnL*, MSE, SR*, STD in the loss, signs included.
        scale: ``(members, 2)`` mean and sd of the reference batch.
        constants: ``(3,)`` k of tanh(k x̂), RMSProp's ρ and ε.
        key: ``(members, 4)`` uint32, each member's random stream.
        epoch: number of this epoch, from 0: with the key it fixes order and noise.
        norms: ``(members, updates, 5)`` receives the gradient norms of the five terms; ``(members, 0, 5)`` if unwanted.
        report: ``(members, 6)`` receives both networks' losses of the last batch, and PnL*, MSE, SR*, STD averaged over
            the epoch.
    """
    length = table.shape[1] - 1
    lanes = (batch + SMALLEST + 15) // 16 * 16
    at = buffers(table, length, lanes)
    g_flat, d_flat = np.zeros(generator.shape[1], table.dtype), np.zeros(discriminator.shape[1], table.dtype)
    g_grad, d_grad = generator_of(g_flat, length), discriminator_of(d_flat, length)
    steepness, decay, epsilon = constants[0], constants[1], constants[2]
    for m in range(generator.shape[0]):
        g, d = generator_of(generator[m], length), discriminator_of(discriminator[m], length)
        own = table[first[m] : first[m] + count[m]]
        order = np.empty(count[m], np.int32)
        fill_order(order, key[m], epoch)
        updates = batches(count[m], batch)
        report[m] = 0.0
        for q in range(updates):
            end = count[m] if q == updates - 1 else (q + 1) * batch
            gather(own, order[q * batch : end], at.u, at.x, at.live)
            fill_normal(at.noise, key[m], epoch * updates + q, NOISE, 0)
            window_part(g, at)
            _generate(g, at.window, at.noise[:WIDTH], at.hidden, at.y)
            discriminator_gradient(d, d_grad, at)
            if q == updates - 1:
                report[m, 0] = _fake_loss(at)
            layers.rms_step(discriminator[m], discriminator_squares[m], d_flat, discriminator_rate, decay, epsilon)
            _generate(g, at.window, at.noise[WIDTH:], at.hidden, at.y)
            adversarial_slope(d, at, at.d_y[0])
            layers.money_terms(at.y, at.x, at.live, scale[m], steepness, at.slope, at.value)
            for term in range(4):
                report[m, 2 + term] += at.value[term] / updates
            if norms.shape[1] > 0:
                for term in range(5):
                    generator_gradient(g, g_grad, at, at.d_y[0] if term == 0 else at.slope[term - 1])
                    norms[m, q, term] = norm(g_flat, generator_rate)
            for b in range(lanes):
                at.d_y[1, b] = coefficients[m, 0] * at.d_y[0, b] + (
                    (coefficients[m, 1] * at.slope[0, b] + coefficients[m, 2] * at.slope[1, b])
                    + (coefficients[m, 3] * at.slope[2, b] + coefficients[m, 4] * at.slope[3, b])
                )
            generator_gradient(g, g_grad, at, at.d_y[1])
            layers.rms_step(generator[m], generator_squares[m], g_flat, generator_rate, decay, epsilon)
            if q == updates - 1:
                _report(report[m], at)


@compiled(*FAST)
def _samples(g: Generator, part: Any, noise: Any, hidden: Any, y: Any) -> None:
    """y of one window for many noises: ``part`` ``(16,)`` is the window's share of the hidden layer."""
    for k in range(HIDDEN):
        for b in range(len(y)):
            hidden[k, b] = part[k]
    layers.add_product(g.hidden[:, WIDTH:], noise, hidden)
    layers.rectify(hidden)
    layers.combine(g.out, g.out_bias[0], hidden, y)


@compiled(cache=True)
def sample_moments(part: Any, weights: Any, scale: Any, key: Any, first_row: int, samples: int, found: Any) -> None:
    """Shares above and below zero, mean and sd of B generated returns for each member and window.

    Args:
        part: ``(members, n, 16)`` float32, the windows' share of the hidden layer.
        weights: ``(members, parameters)`` generators.
        scale: ``(members, 2)`` mean and sd of the reference batch.
        key: ``(members, 4)`` uint32.
        first_row: number of the first window in the counter.
        samples: B.
        found: ``(4, members, n)`` receives p_u, p_d, mean, sd.
    """
    length = (weights.shape[1] - 3 * WIDTH - HIDDEN * (HIDDEN + 2) - 1) // (3 * WIDTH)
    lanes = (samples + 15) // 16 * 16
    noise, hidden = np.zeros((WIDTH, lanes), np.float32), np.zeros((HIDDEN, lanes), np.float32)
    y = np.zeros(lanes, np.float32)
    for m in range(part.shape[0]):
        g = generator_of(weights[m], length)
        zero = -scale[m, 0] / scale[m, 1]  # where the return is 0
        for n in range(part.shape[1]):
            fill_normal(noise, key[m], first_row + n, SAMPLES, 0)
            _samples(g, part[m, n], noise, hidden, y)
            up, down, total = 0, 0, 0.0
            for b in range(samples):
                up += 1 if y[b] > zero else 0
                down += 1 if y[b] < zero else 0
                total += y[b]
            mean, square = total / samples, 0.0
            for b in range(samples):
                square += (y[b] - mean) * (y[b] - mean)
            found[0, m, n], found[1, m, n] = up / samples, down / samples
            found[2, m, n] = scale[m, 0] + scale[m, 1] * mean
            found[3, m, n] = scale[m, 1] * math.sqrt(square / samples)
