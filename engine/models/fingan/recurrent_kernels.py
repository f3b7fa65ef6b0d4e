"""Compiled layers of the small recurrent networks: a batch in, a batch out, gradients written out.

Arrays are ``(features, lanes)``: the batch lies innermost, so that every loop over it becomes vector instructions.
All functions take float32 or float64; the fast tanh is for float32, float64 calls the library's.

An LSTM cell that starts from zero state and makes one step has no use for its recurrent weights nor for its forget
gate: c = i ⊙ g, h = o ⊙ tanh c. So a cell has three gates here, rows i, g, o of one matrix. PyTorch's cell has two
bias vectors with the same gradient, of which only the sum matters; here it is one vector that moves twice as far.
"""

from __future__ import annotations

import math
from typing import Any

from numba import types
from numba.extending import overload

from engine.training.compiled import FAST, compiled

CLAMP = 9.0
"""Beyond ±9 tanh is 1 in float32."""

# tanh x = x P(x²)/Q(x²) on [−9, 9], of least largest relative error: 2e-8, and 4e-7 with the rounding of float32
_P = (9.99999980e-01, 1.33809804e-01, 3.49553360e-03, 2.06081694e-05, 1.33533918e-08)
_Q = (1.0, 4.67142960e-01, 2.58767765e-02, 3.28554479e-04, 7.77603844e-07)
IN, CANDIDATE, OUT, TANH, H = range(5)
"""Rows of an LSTM's activations: input gate, candidate, output gate, tanh of the cell, hidden state."""


def tanh(x: Any) -> Any:
    """tanh x: a rational function for float32, the library's for float64."""
    return math.tanh(x)


@overload(tanh, jit_options={"forceinline": True, "fastmath": set(FAST), "error_model": "numpy"})
def _typed_tanh(x: Any) -> Any:

    def exact(x: Any) -> Any:
        return math.tanh(x)

    if x != types.float32:
        return exact
    real = types.float32
    p0, p1, p2, p3, p4 = _P
    q1, q2, q3, q4 = _Q[1:]

    def rational(x: Any) -> Any:
        y = real(CLAMP) if x > real(CLAMP) else x
        y = real(-CLAMP) if y < real(-CLAMP) else y
        s = y * y
        upper = real(p0) + s * (real(p1) + s * (real(p2) + s * (real(p3) + s * real(p4))))
        lower = real(1.0) + s * (real(q1) + s * (real(q2) + s * (real(q3) + s * real(q4))))
        return y * upper / lower

    return rational


@compiled(*FAST, inside=True)
def sigmoid(x: Any, half: Any) -> Any:
    """σ(x) = (1 + tanh(x/2))/2; ``half`` is 0.5 of x's type."""
    return half + half * tanh(half * x)


@compiled(*FAST)
def add_product(w: Any, x: Any, out: Any) -> None:
    """out += w x, for w ``(out features, in features)``."""
    for k in range(w.shape[0]):
        row = out[k]
        j = 0
        while j + 8 <= w.shape[1]:
            w0, w1, w2, w3 = w[k, j], w[k, j + 1], w[k, j + 2], w[k, j + 3]
            w4, w5, w6, w7 = w[k, j + 4], w[k, j + 5], w[k, j + 6], w[k, j + 7]
            x0, x1, x2, x3 = x[j], x[j + 1], x[j + 2], x[j + 3]
            x4, x5, x6, x7 = x[j + 4], x[j + 5], x[j + 6], x[j + 7]
            for b in range(x.shape[1]):
                row[b] += ((w0 * x0[b] + w1 * x1[b]) + (w2 * x2[b] + w3 * x3[b])) + (
                    (w4 * x4[b] + w5 * x5[b]) + (w6 * x6[b] + w7 * x7[b])
                )
            j += 8
        while j + 2 <= w.shape[1]:
            w0, w1, x0, x1 = w[k, j], w[k, j + 1], x[j], x[j + 1]
            for b in range(x.shape[1]):
                row[b] += w0 * x0[b] + w1 * x1[b]
            j += 2
        while j < w.shape[1]:
            w0, x0 = w[k, j], x[j]
            for b in range(x.shape[1]):
                row[b] += w0 * x0[b]
            j += 1


@compiled(*FAST)
def affine(w: Any, bias: Any, x: Any, out: Any) -> None:
    """out = w x + bias."""
    for k in range(w.shape[0]):
        for b in range(x.shape[1]):
            out[k, b] = bias[k]
    add_product(w, x, out)


@compiled(*FAST)
def add_product_transposed(w: Any, x: Any, out: Any) -> None:
    """out += wᵀ x, for w ``(in features, out features)``."""
    add_product(w.T, x, out)


@compiled(*FAST)
def weight_gradient(delta: Any, x: Any, out: Any) -> None:
    """out[k, j] = Σ_b delta[k, b] x[j, b]."""
    zero = delta.dtype.type(0)
    for k in range(delta.shape[0]):
        d = delta[k]
        j = 0
        while j + 4 <= x.shape[0]:
            x0, x1, x2, x3 = x[j], x[j + 1], x[j + 2], x[j + 3]
            s0, s1, s2, s3 = zero, zero, zero, zero
            for b in range(d.shape[0]):
                s0 += d[b] * x0[b]
                s1 += d[b] * x1[b]
                s2 += d[b] * x2[b]
                s3 += d[b] * x3[b]
            out[k, j], out[k, j + 1], out[k, j + 2], out[k, j + 3] = s0, s1, s2, s3
            j += 4
        while j < x.shape[0]:
            out[k, j] = dot(d, x[j])
            j += 1


@compiled(*FAST)
def dot(x: Any, y: Any) -> Any:
    """Σ_b x[b] y[b]."""
    found = x.dtype.type(0)
    for b in range(x.shape[0]):
        found += x[b] * y[b]
    return found


@compiled(*FAST)
def total(x: Any) -> Any:
    """Σ_b x[b]."""
    found = x.dtype.type(0)
    for b in range(x.shape[0]):
        found += x[b]
    return found


@compiled(*FAST)
def add(x: Any, out: Any) -> None:
    """out += x, lane by lane."""
    for b in range(x.shape[0]):
        out[b] += x[b]


@compiled(*FAST)
def rectify(x: Any) -> None:
    """x = max(x, 0)."""
    zero = x.dtype.type(0)
    for k in range(x.shape[0]):
        for b in range(x.shape[1]):
            x[k, b] = x[k, b] if x[k, b] > zero else zero


@compiled(*FAST)
def logit_slope(logit: Any, label: Any, live: Any) -> None:
    """Logits become ∂/∂logit of half the binary cross-entropy, ½(σ(logit) − label)/n."""
    half = logit.dtype.type(0.5)
    for b in range(logit.shape[0]):
        logit[b] = half * (sigmoid(logit[b], half) - label) * live[b]


@compiled(*FAST)
def row_sums(x: Any, out: Any) -> None:
    """out[k] = Σ_b x[k, b]."""
    for k in range(x.shape[0]):
        out[k] = total(x[k])


@compiled(*FAST)
def gates(before: Any, weight: Any, x: Any, out: Any) -> None:
    """Gates, cell and hidden state from ``before`` + weight x: the last input, which two passes do not share.

    Args:
        before: ``(3 width, lanes)`` i, g, o before their nonlinearity.
        weight: ``(3 width,)`` of one more input.
        x: ``(lanes,)`` that input.
        out: ``(5, width, lanes)`` receives i, g, o, tanh c, h.
    """
    width = before.shape[0] // 3
    half = before.dtype.type(0.5)
    for k in range(width):
        row_i, row_g, row_o = before[k], before[width + k], before[2 * width + k]
        w_i, w_g, w_o = weight[k], weight[width + k], weight[2 * width + k]
        out_i, out_g, out_o, out_t, out_h = out[IN, k], out[CANDIDATE, k], out[OUT, k], out[TANH, k], out[H, k]
        for b in range(before.shape[1]):
            i = sigmoid(row_i[b] + w_i * x[b], half)
            g = tanh(row_g[b] + w_g * x[b])
            o = sigmoid(row_o[b] + w_o * x[b], half)
            t = tanh(i * g)
            out_i[b], out_g[b], out_o[b], out_t[b], out_h[b] = i, g, o, t, o * t


@compiled(*FAST)
def gates_backward(act: Any, d_hidden: Any, delta: Any) -> None:
    """∂/∂(i, g, o before their nonlinearity) ``(3 width, lanes)`` from ∂/∂h ``(width, lanes)``."""
    width = act.shape[1]
    one = act.dtype.type(1)
    for k in range(width):
        row_i, row_g, row_o, row_t, d_h = act[IN, k], act[CANDIDATE, k], act[OUT, k], act[TANH, k], d_hidden[k]
        out_i, out_g, out_o = delta[k], delta[width + k], delta[2 * width + k]
        for b in range(act.shape[2]):
            i, g, o, t = row_i[b], row_g[b], row_o[b], row_t[b]
            d_cell = d_h[b] * o * (one - t * t)
            out_i[b] = d_cell * g * i * (one - i)
            out_g[b] = d_cell * i * (one - g * g)
            out_o[b] = d_h[b] * t * o * (one - o)


@compiled(*FAST)
def outer(weight: Any, x: Any, out: Any) -> None:
    """out[k, b] = weight[k] x[b]."""
    for k in range(weight.shape[0]):
        for b in range(x.shape[0]):
            out[k, b] = weight[k] * x[b]


@compiled(*FAST)
def combine(weight: Any, bias: Any, x: Any, out: Any) -> None:
    """out[b] = bias + Σ_k weight[k] x[k, b]."""
    for b in range(x.shape[1]):
        out[b] = bias
    for k in range(x.shape[0]):
        for b in range(x.shape[1]):
            out[b] += weight[k] * x[k, b]


@compiled(*FAST)
def rms_step(values: Any, squares: Any, gradient: Any, rate: Any, decay: Any, epsilon: Any) -> None:
    """RMSProp in place: v ← ρv + (1−ρ)g², θ ← θ − η g/(√v + ε); ``rate`` ``(parameters,)`` is η of each."""
    rest = values.dtype.type(1) - decay
    for p in range(values.shape[0]):
        g = gradient[p]
        v = decay * squares[p] + rest * g * g
        squares[p] = v
        values[p] -= rate[p] * g / (values.dtype.type(math.sqrt(v)) + epsilon)


@compiled(*FAST)
def money_terms(y: Any, x: Any, live: Any, scale: Any, tanh_slope: Any, slope: Any, out: Any) -> None:
    """Value and gradient of the four economic terms for point forecasts y of x, both in units of the reference batch.

    x̂ = mean + sd·y; PnL*_b = tanh(k x̂_b) x_b; PnL* = mean, STD = sd (of the population), SR* = PnL*/STD,
    MSE = mean (x − x̂)²; all in units of returns (5.8)–(5.12).

    Args:
        y, x: ``(lanes,)`` forecast and truth.
        live: ``(lanes,)`` 1/n for the n rows of the batch, 0 for padding.
        scale: ``(2,)`` mean and sd of the reference batch.
        tanh_slope: k.
        slope: ``(4, lanes)`` receives ∂/∂y of PnL*, MSE, SR*, STD.
        out: ``(4,)`` receives their values.
    """
    real = y.dtype.type
    mean, sd, one, two = scale[0], scale[1], real(1), real(2)
    pnl, rise = slope[0], slope[3]  # hold PnL*_b and its derivative until the sums are known
    earned, square = real(0), real(0)
    for b in range(y.shape[0]):
        truth, forecast = mean + sd * x[b], mean + sd * y[b]
        t = tanh(tanh_slope * forecast)
        pnl[b] = t * truth
        rise[b] = sd * tanh_slope * (one - t * t) * truth * live[b]
        earned += live[b] * pnl[b]
        square += live[b] * (truth - forecast) * (truth - forecast)
        slope[1, b] = two * sd * (forecast - truth) * live[b]
    variance = real(0)
    for b in range(y.shape[0]):
        variance += live[b] * (pnl[b] - earned) * (pnl[b] - earned)
    std = real(math.sqrt(variance))
    std = std if std > real(1e-20) else real(1e-20)
    for b in range(y.shape[0]):
        d_mean = rise[b]
        d_std = (pnl[b] - earned) * rise[b] / std
        slope[0, b] = d_mean
        slope[2, b] = d_mean / std - earned * d_std / (std * std)
        slope[3, b] = d_std
    out[0], out[1], out[2], out[3] = earned, square, earned / std, std
