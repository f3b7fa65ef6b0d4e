"""Identities of diffusion, most of them on normal data, whose best denoiser is known: E[x_0 | x_t] is linear."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from engine.models.families import estimator
from engine.models.families.ddpm import DDPM, DDPMConfig, diffused, signal, translated
from engine.models.families.family import Batch

MEAN, SD = 0.7, 0.4


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


class Best(nn.Module):
    """The best denoiser for N(MEAN, SD²), coordinate by coordinate: x̂_0 = m + √ᾱ s² (x − √ᾱ m)/(ᾱ s² + 1 − ᾱ)."""

    def __init__(self, config, size=1):
        super().__init__()
        self.size, self.predicts = size, config.predicts
        self.register_buffer("signal", signal(config.noise, config.noise_steps))

    def forward(self, x, step, condition):
        left = self.signal[step][:, None]
        data = MEAN + left.sqrt() * SD**2 * (x - left.sqrt() * MEAN) / (left * SD**2 + 1 - left)
        noise = (x - left.sqrt() * data) / (1 - left).sqrt()
        return {"data": data, "noise": noise, "v": left.sqrt() * noise - (1 - left).sqrt() * data}[self.predicts]


@pytest.mark.parametrize("schedule", ["linear", "cosine"])
@pytest.mark.parametrize("steps", [50, 1000])
def test_the_signal_falls_from_one_to_nearly_nothing(schedule, steps):
    left = signal(schedule, steps)
    assert left.shape == (steps + 1,) and left[0] == 1 and (left.diff() < 0).all() and 0 < left[-1] < 2e-3
    if schedule == "linear" and steps == 1000:
        assert float(left[-1]) == pytest.approx(np.prod(1 - np.linspace(1e-4, 0.02, 1000)), rel=1e-3)


def test_noise_added_step_by_step_is_noise_added_at_once():
    """q(x_t | x_0) = N(√ᾱ_t x_0, (1 − ᾱ_t) I), also by way of any step between."""
    left, x, source = signal("cosine", 100), torch.full((200_000, 1), 1.5), rng()
    walked = x
    for s, t in ((0, 10), (10, 40), (40, 60)):
        walked = diffused(left, walked, s, t, source)
    for found in (walked, diffused(left, x, 0, 60, source)):
        assert float(found.mean()) == pytest.approx(1.5 * math.sqrt(left[60]), abs=0.01)
        assert float(found.var()) == pytest.approx(1 - float(left[60]), rel=0.02)


def test_the_three_parameterisations_say_the_same():
    left, data, noise = signal("linear", 100)[37].double(), torch.randn(5, 2).double(), torch.randn(5, 2).double()
    x = left.sqrt() * data + (1 - left).sqrt() * noise
    outputs = {"data": data, "noise": noise, "v": left.sqrt() * noise - (1 - left).sqrt() * data}
    for predicts, output in outputs.items():
        found_data, found_noise = translated(predicts, output, x, left)
        torch.testing.assert_close(found_data, data)
        torch.testing.assert_close(found_noise, noise)
    # the score of q(x_t | x_0) is −ε/√(1 − ᾱ)
    torch.testing.assert_close(-(x - left.sqrt() * data) / (1 - left), -noise / (1 - left).sqrt())


def drawn(n=40_000, **settings):
    config = DDPMConfig(**settings)
    return DDPM(config).draw(Best(config), None, n, rng()).double().numpy()[:, 0]


@pytest.mark.parametrize("predicts", ["noise", "data", "v"])
def test_the_best_denoiser_gives_the_law_back(predicts):
    found = drawn(sampler="ddpm", noise_steps=400, predicts=predicts)
    assert found.mean() == pytest.approx(MEAN, abs=0.01) and found.std() == pytest.approx(SD, rel=0.03)


def test_ddim_with_all_noise_and_all_steps_is_ddpm():
    """The same source of randomness gives the same draws, not only the same law."""
    options = {"noise_steps": 60}
    np.testing.assert_allclose(
        drawn(sampler="ddim", eta=1.0, steps=60, **options), drawn(sampler="ddpm", **options), rtol=1e-6
    )


@pytest.mark.parametrize("eta", [0.0, 0.5, 1.0])
def test_every_noise_of_ddim_has_the_same_law(eta):
    found = drawn(sampler="ddim", eta=eta, noise_steps=1000, steps=400)
    assert found.mean() == pytest.approx(MEAN, abs=0.01) and found.std() == pytest.approx(SD, rel=0.03)


@pytest.mark.parametrize("schedule", ["linear", "cosine"])
def test_twenty_steps_of_second_order_are_worth_more_than_of_first(schedule):
    wrong = {
        sampler: abs(drawn(sampler=sampler, noise=schedule, steps=20).std() / SD - 1)
        for sampler in ("dpm_solver", "ddim")
    }
    assert wrong["dpm_solver"] < 0.03 < wrong["ddim"]


def test_the_loss_of_the_best_denoiser_is_what_cannot_be_known():
    """E(x_0 − x̂_0)² = s² (1 − ᾱ)/(ᾱ s² + 1 − ᾱ), on average over the steps."""
    config = DDPMConfig(predicts="data", noise_steps=100)
    net = Best(config)
    x = MEAN + SD * torch.randn(50_000, 1, generator=rng(1))
    left = net.signal[1:].double()
    expected = float((SD**2 * (1 - left) / (left * SD**2 + 1 - left)).mean())
    assert float(DDPM(config).loss(net, Batch(x), rng())["squared error"]) == pytest.approx(expected, rel=0.02)


def test_imputation_keeps_to_independent_coordinates():
    """With independent coordinates the hidden one follows its own law whatever the observed one is."""
    config = DDPMConfig(steps=100, resamplings=2)
    x, mask = torch.tensor([[5.0, 0.0]]), torch.tensor([[True, False]])
    found = DDPM(config).impute(Best(config, 2), x, mask, None, 20_000, rng())[:, 0, 1].double().numpy()
    assert found.mean() == pytest.approx(MEAN, abs=0.02) and found.std() == pytest.approx(SD, rel=0.08)


def test_a_fitted_diffusion_finds_both_modes_and_the_condition():
    chooser = np.random.default_rng(0)
    left, c = chooser.random(2000) < 0.3, chooser.normal(size=(2000, 1))
    x = np.where(left[:, None], [-2, 1], [2, -1]) + 0.5 * chooser.normal(size=(2000, 2)) + 3 * c
    law = estimator("ddpm", width=64, epochs=60, learning_rate=3e-3).fit(x, c)
    draws = law.sample(4000, [1.0])
    assert (draws[:, 0] < 3).mean() == pytest.approx(left.mean(), abs=0.05)
    assert np.median(draws[draws[:, 0] > 3, 0]) == pytest.approx(5, abs=0.2)
