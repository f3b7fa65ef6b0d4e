"""Fin-GAN's training: compiled code against autograd on PyTorch's own modules, and the laws of a stack."""

import numpy as np
import pytest
import torch
from torch import nn

from engine.errors import CheckpointError, SettingsError
from engine.models.fingan import networks as fingan
from engine.models.fingan.networks import DISCRIMINATOR, GENERATOR, LOSSES, TERMS, FinGANConfig
from engine.models.fingan.stacked_training import MATCHING, TRAINING, BlockRunner, StackLearner
from engine.models.fingan.torch_backend import TorchEpochs
from engine.models.fingan.training import FINGAN, compiled_epoch, train
from engine.training.progress import TrainingStopped
from engine.training.threefry import NOISE, fill_normal, fill_order
from tests.models.small_assets import asset

SHORT = FinGANConfig(epochs=2, matching_epochs=1, learning_rate=1e-3)
LOSS = "PnL&MSE&SR"


def learner(runner, assets=None, config=SHORT, losses=(LOSS, "BCE", "PnL&STD"), seeds=(3,), dtype=np.float32):
    return StackLearner(
        FINGAN, assets or [asset("A")], config, seeds=list(seeds), losses=list(losses), runner=runner, dtype=dtype
    )


def trained(one):
    """A learner after all its epochs, without the loop."""
    for phase, epochs in ((MATCHING, one.config.matching_epochs), (TRAINING, one.config.epochs)):
        one.begin_phase(phase)
        for _ in range(epochs):
            one.step()
    one.runner.close()
    return one


class Modules:
    """One member as one would write it with PyTorch's modules, losses and optimiser, in double precision."""

    def __init__(self, generator, discriminator, scale, k, rate):
        self.scale, self.k = scale, k
        self.g_cell, self.g_hidden, self.g_out = nn.LSTM(10, 8), nn.Linear(16, 16), nn.Linear(16, 1)
        self.d_cell, self.d_out = nn.LSTM(11, 8), nn.Linear(8, 1)
        g = fingan.views(generator, fingan.generator_shapes(10))
        d = fingan.views(discriminator, fingan.discriminator_shapes(10))
        self._fill(self.g_cell, g["cell"], g["cell_bias"])
        self._fill(self.d_cell, np.column_stack([d["cell"], d["cell_target"]]), d["cell_bias"])
        for layer, weight, bias in (
            (self.g_hidden, g["hidden"], g["hidden_bias"]),
            (self.g_out, g["out"][None], g["out_bias"]),
            (self.d_out, d["out"][None], d["out_bias"]),
        ):
            layer.weight.data = torch.from_numpy(weight.copy()).double()
            layer.bias.data = torch.from_numpy(bias.copy()).double()
        self.generator = [p for layer in (self.g_cell, self.g_hidden, self.g_out) for p in layer.double().parameters()]
        self.judge = [p for layer in (self.d_cell, self.d_out) for p in layer.double().parameters()]
        self.optimisers = [torch.optim.RMSprop(group, lr=rate) for group in (self.generator, self.judge)]

    def _fill(self, cell, weight, bias):
        rows = np.r_[0:8, 16:24, 24:32]  # input gate, candidate, output gate among i, f, g, o
        full = torch.zeros_like(cell.weight_ih_l0, dtype=torch.float64)
        full[rows] = torch.from_numpy(weight.copy()).double()
        cell.weight_ih_l0.data = full
        both = torch.zeros(32, dtype=torch.float64)
        both[rows] = torch.from_numpy(bias.copy()).double()
        cell.bias_ih_l0.data, cell.bias_hh_l0.data = both, torch.zeros(32, dtype=torch.float64)

    def generate(self, u, z):
        state = self.g_cell(u[None])[0][0]
        return self.g_out(torch.relu(self.g_hidden(torch.cat([state, z], dim=1))))[:, 0]

    def judged(self, u, x):
        return torch.sigmoid(self.d_out(self.d_cell(torch.cat([u, x[:, None]], dim=1)[None])[0][0]))[:, 0]

    def terms(self, u, x, y):
        mean, sd = self.scale
        truth, said = mean + sd * x, mean + sd * y
        pnl = torch.tanh(self.k * said) * truth
        bce = nn.functional.binary_cross_entropy(self.judged(u, y), torch.ones_like(y)) / 2
        std = pnl.var(correction=0).sqrt()
        return [bce, pnl.mean(), (truth - said).square().mean(), pnl.mean() / std, std]

    def update(self, u, x, noise, coefficients):
        """A discriminator and a generator step; returns the five gradient norms before the latter."""
        real, fake = self.judged(u, x), self.judged(u, self.generate(u, noise[:, :8]).detach())
        loss = nn.functional.binary_cross_entropy(real, torch.ones_like(real)) / 2
        loss = loss + nn.functional.binary_cross_entropy(fake, torch.zeros_like(fake)) / 2
        self.optimisers[1].zero_grad()
        loss.backward()
        self.optimisers[1].step()
        terms = self.terms(u, x, self.generate(u, noise[:, 8:]))
        norms = []
        for term in terms:
            gradients = torch.autograd.grad(term, self.generator, retain_graph=True, allow_unused=True)
            norms.append(float(torch.sqrt(sum(g.square().sum() for g in gradients if g is not None))))
        self.optimisers[0].zero_grad()
        sum(c * term for c, term in zip(coefficients, terms, strict=True)).backward()
        self.optimisers[0].step()
        return norms

    def vectors(self):
        """The flat vectors of the stack."""
        rows = np.r_[0:8, 16:24, 24:32]
        numbers = {}
        for name in ("g_cell", "d_cell"):
            cell = getattr(self, name)
            bias = (cell.bias_ih_l0 + cell.bias_hh_l0).detach().numpy()
            numbers[name] = cell.weight_ih_l0.detach().numpy()[rows], bias[rows]
        g = [numbers["g_cell"][0], numbers["g_cell"][1]]
        g += [p.detach().numpy() for p in (*self.g_hidden.parameters(), *self.g_out.parameters())]
        weight, bias = numbers["d_cell"]
        d = [weight[:, :10], weight[:, 10], bias, *(p.detach().numpy() for p in self.d_out.parameters())]
        return [np.concatenate([part.ravel() for part in parts]) for parts in (g, d)]


def test_an_update_is_that_of_pytorchs_modules():
    """Matching and training of one member, order and noise the same, every weight compared: float64 to rounding."""
    one = learner(BlockRunner(compiled_epoch, 1), losses=[LOSS], dtype=np.float64)
    start = one.stack
    modules = Modules(start.values[GENERATOR][0], start.values[DISCRIMINATOR][0], start.scale[0], 100.0, 1e-3)
    coefficients, norms = np.array([1.0, 0, 0, 0, 0]), []
    for epoch, phase in enumerate([MATCHING, TRAINING, TRAINING]):
        if epoch < 2:
            one.begin_phase(phase)
        key = one.stack.key[0]
        if phase == TRAINING and epoch == 1:
            ratios = np.array(norms)[:, :1] / np.array(norms)[:, 1:]
            coefficients = np.r_[1.0, ratios.mean(axis=0) * [-1, 1, -1, 0]]
            np.testing.assert_allclose(one.stack.coefficients[0], coefficients, rtol=1e-5)
            coefficients = one.stack.coefficients[0]
        order, noise = np.empty(230, np.int32), np.empty((16, 130))
        fill_order(order, key, epoch)
        for update, rows in enumerate([order[:100], order[100:200], order[200:]]):
            fill_normal(noise, key, 3 * epoch + update, NOISE, 0)
            batch = torch.from_numpy(one.rules.table[rows])
            z = torch.from_numpy(noise[:, : len(rows)].T.copy())
            norms.append(modules.update(batch[:, :10], batch[:, 10], z, coefficients))
        one.step()
        for name, vector in zip((GENERATOR, DISCRIMINATOR), modules.vectors(), strict=True):
            np.testing.assert_allclose(one.stack.values[name][0], vector, atol=1e-11)
    np.testing.assert_allclose(one.norms_by_pair()["A", 3], norms[:3], rtol=1e-5)
    one.runner.close()


GPU = pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU in this machine"))


@pytest.mark.parametrize("device", ["cpu", GPU])
def test_both_backends_make_the_same_trajectory(device):
    """Assets of different lengths, all ten losses, float32: equal up to rounding."""
    assets = [asset("A", 230), asset("B", 315, seed=1)]
    one = trained(learner(BlockRunner(compiled_epoch, 2), assets, losses=LOSSES))
    two = trained(learner(TorchEpochs(device), assets, losses=LOSSES))
    np.testing.assert_allclose(one.norms, two.norms, rtol=1e-4, atol=1e-9)
    np.testing.assert_allclose(one.stack.coefficients, two.stack.coefficients, rtol=1e-4)
    for name in (GENERATOR, DISCRIMINATOR):
        np.testing.assert_allclose(one.stack.values[name], two.stack.values[name], atol=2e-5)
    np.testing.assert_allclose(one.stack.report, two.stack.report, rtol=1e-3, atol=1e-6)


def test_a_member_alone_is_the_member_in_a_stack():
    assets = [asset("A", 230), asset("B", 315, seed=1)]
    stacked = train(assets, SHORT, seeds=[0, 5], threads=2)
    alone = train(assets[1:], SHORT, seeds=[5], losses=["SR&MSE"], threads=1)
    row = stacked.generators.members.index(alone.generators.members[0])
    np.testing.assert_array_equal(stacked.generators.weights[row], alone.generators.weights[0])
    np.testing.assert_array_equal(stacked.discriminators[row], alone.discriminators[0])
    np.testing.assert_array_equal(stacked.norms["B", 5], alone.norms["B", 5])


def test_losses_branch_from_the_same_networks():
    one = learner(BlockRunner(compiled_epoch, 1), losses=LOSSES, seeds=[0, 1])
    one.begin_phase(MATCHING)
    one.step()
    pairs = one.stack
    one.begin_phase(TRAINING)
    for k in range(20):
        for name in (GENERATOR, DISCRIMINATOR):
            np.testing.assert_array_equal(one.stack.values[name][k], pairs.values[name][k // 10])
            np.testing.assert_array_equal(one.stack.squares[name][k], pairs.squares[name][k // 10])
    one.stack.values[GENERATOR][0] += 1
    assert not np.array_equal(one.stack.values[GENERATOR][0], one.stack.values[GENERATOR][1])
    one.runner.close()


class Memory:
    """A checkpointer that keeps the last state."""

    state = None

    def load(self):
        return self.state

    def save(self, state):
        self.state = {name: array.copy() for name, array in state.items()}


@pytest.mark.parametrize("stop_at", [1, 2])
def test_a_stopped_fit_resumes_to_the_same_bits(stop_at):
    assets = [asset("A")]
    whole = train(assets, SHORT, losses=["BCE", "SR"], threads=1)
    checkpointer = Memory()
    with pytest.raises(TrainingStopped):
        train(
            assets,
            SHORT,
            losses=["BCE", "SR"],
            threads=1,
            checkpointer=checkpointer,
            report_every=0.0,
            on_step=lambda progress: progress.done >= stop_at,
        )
    resumed = train(assets, SHORT, losses=["BCE", "SR"], threads=1, checkpointer=checkpointer)
    assert resumed.epochs == 3
    np.testing.assert_array_equal(whole.generators.weights, resumed.generators.weights)
    np.testing.assert_array_equal(whole.norms["A", 0], resumed.norms["A", 0])
    with pytest.raises(CheckpointError, match="other data, another seed or other settings"):
        train(assets, SHORT, losses=["BCE"], threads=1, checkpointer=checkpointer)


def test_the_terms_pull_where_they_should():
    """After some epochs from one start: MSE lowers the squared error, SR raises SR*, against BCE alone."""
    config = FinGANConfig(epochs=40, matching_epochs=2, learning_rate=1e-3)
    found = train([asset("A", 400)], config, losses=["BCE", "MSE", "SR", "PnL"], seeds=range(4))
    reports = found.report.reshape(4, 4, 6).mean(axis=0)  # (losses, figures), averaged over seeds
    names = ["discriminator", "generator", *TERMS[1:]]
    bce, mse, sr, pnl = (dict(zip(names, row, strict=True)) for row in reports)
    assert mse["mse"] < bce["mse"] and sr["sr"] > bce["sr"] + 0.02 and pnl["pnl"] > bce["pnl"]


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"losses": ["BCE", "sharpe"]}, "expected losses among PnL, .*; found 'sharpe'"),
        ({"device": "cupy"}, "device cpu or cuda; found 'cupy'"),
        ({"seeds": [0, 0]}, "distinct seeds"),
        ({"seeds": [-1]}, "seed >= 0; found -1"),
    ],
)
def test_settings_that_cannot_be(settings, sentence):
    with pytest.raises(SettingsError, match=sentence):
        train([asset("A")], SHORT, **settings)


def test_windows_of_two_lengths_are_refused():
    short = fingan.Asset("B", asset("B").condition[:, :5], asset("B").target)
    with pytest.raises(SettingsError, match="windows of one length"):
        train([asset("A"), short], SHORT)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU in this machine")
def test_a_device_that_is_not_there_is_refused():
    with pytest.raises(SettingsError, match="expected a CUDA device for device=cuda; found none on this machine"):
        train([asset("A")], SHORT, device="cuda")


def test_trained_on_the_graphics_card_means_trained_by_torch(monkeypatch):
    """Torch on the CPU stands for the card: the networks are those of the compiled code up to rounding."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr("engine.models.fingan.torch_backend.TorchEpochs", lambda device: TorchEpochs("cpu"))
    one, two = (train([asset("A", 230)], SHORT, losses=["PnL"], device=device) for device in ("cpu", "cuda"))
    np.testing.assert_allclose(one.generators.weights, two.generators.weights, atol=2e-5)
