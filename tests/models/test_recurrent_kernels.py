"""Compiled layers against numpy and autograd."""

import math

import numpy as np
import pytest
import torch
from numba import njit

from engine.models.fingan import recurrent_kernels as layers

rng = np.random.default_rng(0)
LANES = 32


def normal(*shape, kind=np.float32):
    return rng.standard_normal(shape).astype(kind)


@njit
def tanh_of(x):
    found = np.empty_like(x)
    for k in range(len(x)):
        found[k] = layers.tanh(x[k])
    return found


def test_the_fast_tanh_is_tanh_to_a_millionth():
    x = np.concatenate([np.linspace(-12, 12, 200_001), np.logspace(-12, 0, 1000), [1e30, -1e30]]).astype(np.float32)
    exact = np.tanh(x.astype(float))
    assert np.abs(tanh_of(x) - exact).max() < 5e-7
    small = np.abs(x) < 1
    np.testing.assert_allclose(tanh_of(x[small]), exact[small], rtol=1e-6)
    np.testing.assert_array_equal(tanh_of(x.astype(float)), [math.tanh(value) for value in x.astype(float)])


@pytest.mark.parametrize("shape", [(3, 1), (24, 10), (16, 8), (5, 11)])
def test_products(shape):
    w, x, bias = normal(*shape), normal(shape[1], LANES), normal(shape[0])
    out = np.full((shape[0], LANES), 9, np.float32)
    layers.affine(w, bias, x, out)
    np.testing.assert_allclose(out, w @ x + bias[:, None], atol=1e-5)
    layers.add_product(w, x, out)
    np.testing.assert_allclose(out, 2 * w @ x + bias[:, None], atol=1e-5)
    delta, found = normal(shape[0], LANES), np.empty(shape, np.float32)
    layers.weight_gradient(delta, x, found)
    np.testing.assert_allclose(found, delta @ x.T, atol=1e-4)
    back = np.zeros((shape[1], LANES), np.float32)
    layers.add_product_transposed(w, delta, back)
    np.testing.assert_allclose(back, w.T @ delta, atol=1e-4)


def test_the_cell_is_one_step_of_pytorchs_lstm_from_zero_state():
    width, inputs = 8, 11
    cell = torch.nn.LSTMCell(inputs, width)
    x = torch.from_numpy(normal(inputs, LANES))
    hidden, _ = cell(x.T)
    upstream = torch.from_numpy(normal(width, LANES))
    (hidden.T * upstream).sum().backward()
    weight, bias = cell.weight_ih.detach().numpy(), (cell.bias_ih + cell.bias_hh).detach().numpy()
    rows = np.r_[0:width, 2 * width : 3 * width, 3 * width : 4 * width]  # PyTorch's order: i, f, g, o
    weight, bias = np.ascontiguousarray(weight[rows]), bias[rows]
    before = np.empty((3 * width, LANES), np.float32)
    layers.affine(np.ascontiguousarray(weight[:, :-1]), bias, x.numpy()[:-1].copy(), before)
    act, delta = np.empty((5, width, LANES), np.float32), np.empty((3 * width, LANES), np.float32)
    layers.gates(before, weight[:, -1].copy(), x.numpy()[-1].copy(), act)
    np.testing.assert_allclose(act[layers.H], hidden.detach().numpy().T, atol=2e-6)
    layers.gates_backward(act, upstream.numpy(), delta)
    found = np.empty_like(weight)
    layers.weight_gradient(delta, x.numpy(), found)
    np.testing.assert_allclose(found, cell.weight_ih.grad.numpy()[rows], atol=1e-5)
    bias_gradient = np.empty(3 * width, np.float32)
    layers.row_sums(delta, bias_gradient)
    np.testing.assert_allclose(bias_gradient, cell.bias_ih.grad.numpy()[rows], atol=1e-5)
    np.testing.assert_array_equal(cell.bias_ih.grad, cell.bias_hh.grad)
    assert not cell.weight_ih.grad[width : 2 * width].any() and not cell.weight_hh.grad.any()


def test_money_terms_and_their_slopes():
    n, k = 27, 100.0
    mean, sd = 3e-4, 0.012
    y, x = normal(LANES, kind=np.float64), normal(LANES, kind=np.float64)
    live = np.where(np.arange(LANES) < n, 1 / n, 0.0)
    slope, value = np.empty((4, LANES)), np.empty(4)
    layers.money_terms(y, x, live, np.array([mean, sd]), k, slope, value)
    forecast = torch.tensor(y[:n], requires_grad=True)
    truth, said = mean + sd * torch.tensor(x[:n]), mean + sd * forecast
    pnl = torch.tanh(k * said) * truth
    terms = [pnl.mean(), ((truth - said) ** 2).mean(), pnl.mean() / pnl.std(correction=0), pnl.std(correction=0)]
    for place, term in enumerate(terms):
        (gradient,) = torch.autograd.grad(term, forecast, retain_graph=True)
        assert value[place] == pytest.approx(float(term.detach()), rel=1e-12)
        np.testing.assert_allclose(slope[place, :n], gradient.numpy(), rtol=1e-9, atol=1e-16)
    assert not slope[:, n:].any()


def test_rmsprop_is_pytorchs():
    values, squares = normal(50, kind=np.float64), np.zeros(50)
    parameter = torch.nn.Parameter(torch.from_numpy(values.copy()))
    optimiser = torch.optim.RMSprop([parameter], lr=1e-3)
    for _ in range(3):
        gradient = normal(50, kind=np.float64)
        layers.rms_step(values, squares, gradient, np.full(50, 1e-3), 0.99, 1e-8)
        parameter.grad = torch.from_numpy(gradient)
        optimiser.step()
    np.testing.assert_allclose(values, parameter.detach().numpy(), rtol=1e-12)
