"""The LSTM benchmarks: compiled training against PyTorch's modules, forecasts, losses, laws of a stack."""

import numpy as np
import pytest
import torch
from torch import nn

from engine.errors import CheckpointError, MarketDataError
from engine.models.fingan import lstm, networks
from engine.models.fingan import networks as fingan
from engine.models.fingan.lstm import FORECASTER, LSTM, ForecasterStack, compiled_epoch, train_forecasters
from engine.models.fingan.networks import LSTM_LOSSES, FinGANConfig
from engine.models.fingan.stacked_training import MATCHING, TRAINING, BlockRunner, StackLearner
from engine.training.threefry import fill_order
from tests.models.small_assets import asset, windows

SHORT = FinGANConfig(epochs=2, matching_epochs=1, learning_rate=1e-3)
GATES = np.r_[0:8, 16:24, 24:32]  # input gate, candidate, output gate among PyTorch's i, f, g, o


def modules(flat):
    """The network with PyTorch's modules."""
    parts = fingan.views(flat.astype(np.float64), lstm.forecaster_shapes(10))
    cell, out = nn.LSTM(10, 8).double(), nn.Linear(8, 1).double()
    cell.weight_ih_l0.data[GATES] = torch.from_numpy(parts["cell"].copy())
    cell.bias_hh_l0.data[:] = 0
    cell.bias_ih_l0.data[GATES] = torch.from_numpy(parts["cell_bias"].copy())
    out.weight.data, out.bias.data = (
        torch.from_numpy(parts["out"][None].copy()),
        torch.from_numpy(parts["out_bias"].copy()),
    )
    return cell, out


def forecast(cell, out, u):
    return out(cell(u[None])[0][0])[:, 0]


def test_an_epoch_is_that_of_pytorchs_modules():
    """MSE&PnL&SR: the epoch of matching, its norms and coefficients, and an epoch of training."""
    one = StackLearner(
        LSTM,
        [asset("A")],
        SHORT,
        seeds=[2],
        losses=["MSE&PnL&SR"],
        runner=BlockRunner(compiled_epoch, 1),
    )
    cell, out = modules(one.stack.values[FORECASTER][0])
    parameters = [*cell.parameters(), *out.parameters()]
    optimiser = torch.optim.RMSprop(parameters, lr=1e-3)
    (mean, sd), norms = one.stack.scale[0].astype(float), []
    for epoch, phase in enumerate([MATCHING, TRAINING]):
        one.begin_phase(phase)
        order = np.empty(230, np.int32)
        fill_order(order, one.stack.key[0], epoch)
        coefficients = one.stack.coefficients[0].astype(float)
        for rows in (order[:100], order[100:200], order[200:]):
            batch = torch.from_numpy(one.rules.table[rows]).double()
            truth, said = mean + sd * batch[:, 10], mean + sd * forecast(cell, out, batch[:, :10])
            pnl = torch.tanh(100 * said) * truth
            std = pnl.std(correction=0)
            terms = [(truth - said).square().mean(), pnl.mean(), pnl.mean() / std, std]
            if phase == MATCHING:
                gradients = [
                    torch.autograd.grad(term, parameters, retain_graph=True, allow_unused=True) for term in terms
                ]
                norms.append([float(sum(g.square().sum() for g in gs if g is not None).sqrt()) for gs in gradients])
            optimiser.zero_grad()
            sum(c * term for c, term in zip(coefficients, terms, strict=True)).backward()
            optimiser.step()
        one.step()
    one.runner.close()
    np.testing.assert_allclose(one.norms_by_pair()["A", 2], norms, rtol=1e-3)
    ratios = (np.array(norms)[:, :1] / np.array(norms)[:, 1:]).mean(axis=0)
    np.testing.assert_allclose(one.stack.coefficients[0], np.r_[1.0, ratios[0] * -1, ratios[1] * -1, 0], rtol=1e-3)
    parts = fingan.views(one.stack.values[FORECASTER][0], lstm.forecaster_shapes(10))
    np.testing.assert_allclose(parts["cell"], cell.weight_ih_l0.detach().numpy()[GATES], atol=5e-5)
    bias = (cell.bias_ih_l0 + cell.bias_hh_l0).detach().numpy()[GATES]
    np.testing.assert_allclose(parts["cell_bias"], bias, atol=5e-5)
    np.testing.assert_allclose(parts["out"], out.weight.detach().numpy()[0], atol=5e-5)
    np.testing.assert_allclose(parts["out_bias"], out.bias.detach().numpy(), atol=5e-5)


def test_point_estimates_are_the_modules_output():
    found = train_forecasters([asset("A"), asset("B", 300, 1)], SHORT, seeds=[0, 1]).forecasters
    condition = windows(40, 5)[0]
    said = found.point_estimates(condition)
    assert said.shape == (20, 40)
    for k in (0, 7, 19):
        mean, sd = found.scale[k]
        expected = mean + sd * forecast(*modules(found.weights[k]), torch.from_numpy((condition - mean) / sd))
        np.testing.assert_allclose(said[k], expected.detach().numpy(), atol=1e-12)


def test_a_forecaster_alone_is_the_one_in_a_stack():
    both = train_forecasters([asset("A"), asset("B", 300, 1)], SHORT, seeds=[0, 1])
    alone = train_forecasters([asset("B", 300, 1)], SHORT, seeds=[1], losses=["MSE"])
    np.testing.assert_array_equal(both.forecasters.of("B", "MSE", 1).weights, alone.forecasters.weights)


def test_the_losses_of_equation_5_17():
    matched = {"pnl": 2.0, "sr": 5.0, "std": 7.0}
    found = {
        name: fingan.coefficients(loss, matched, networks.LSTM_TERMS).tolist() for name, loss in LSTM_LOSSES.items()
    }
    assert found == {
        "MSE&PnL": [1, -2, 0, 0],
        "MSE&PnL&STD": [1, -2, 0, 7],
        "MSE&PnL&SR": [1, -2, -5, 0],
        "MSE&SR": [1, 0, -5, 0],
        "MSE": [1, 0, 0, 0],
    }


def test_squared_error_falls_towards_a_known_rule():
    """x = −0.5 · the last return + noise: the forecast learns the sign of the rule."""
    rng = np.random.default_rng(0)
    condition = rng.normal(0, 0.01, (600, 10))
    target = -0.5 * condition[:, -1] + rng.normal(0, 0.002, 600)
    config = FinGANConfig(epochs=60, matching_epochs=2, learning_rate=3e-3)
    found = train_forecasters([fingan.Asset("A", condition, target)], config, losses=["MSE"]).forecasters
    fresh = rng.normal(0, 0.01, (500, 10))
    assert np.corrcoef(found.point_estimates(fresh)[0], -0.5 * fresh[:, -1])[0, 1] > 0.9


def test_forecasters_survive_their_arrays_and_refuse_damage():
    found = train_forecasters([asset("A")], SHORT, losses=["MSE", "MSE&SR"]).forecasters
    again = ForecasterStack.restore(found.arrays())
    assert again.members == found.members and len(again.of(loss="MSE")) == 1
    np.testing.assert_array_equal(again.weights, found.weights)
    with pytest.raises(CheckpointError, match="the array 'scale'"):
        ForecasterStack.restore({"forecaster": found.weights, "members": found.arrays()["members"]})
    with pytest.raises(CheckpointError, match="finite values"):
        ForecasterStack(found.weights * np.nan, found.scale, found.members)
    with pytest.raises(MarketDataError, match=r"finite windows \(n, 10\)"):
        found.point_estimates(np.zeros((3, 9)))
