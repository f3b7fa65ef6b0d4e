"""What trained generators say: against PyTorch's modules, against plain samples, and whatever way the work is split."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from engine.errors import CheckpointError, MarketDataError, SettingsError
from engine.models.fingan import networks as fingan
from engine.models.fingan.sampling import Forecast, GeneratorStack
from tests.models.small_assets import windows

WHO = fingan.members(["KO", "PEP"], ["BCE", "SR"], [0, 4])
CONDITION = windows(60, 1)[0]


def stack(who=WHO, seed=0, **changes):
    """Untrained generators with weights large enough to say different things about different windows."""
    rng = np.random.default_rng(seed)
    weights = np.stack([fingan.initial_weights(fingan.generator_shapes(10), rng) for _ in who])
    scale = np.column_stack([rng.normal(0, 1e-3, len(who)), rng.uniform(0.008, 0.015, len(who))])
    return GeneratorStack(**{"weights": weights, "scale": scale, "members": who, **changes})


def test_samples_are_the_modules_output():
    one = stack().take([3])
    parts = fingan.views(one.weights[0], fingan.generator_shapes(10))
    cell, hidden, out = nn.LSTM(10, 8), nn.Linear(16, 16), nn.Linear(16, 1)
    rows = np.r_[0:8, 16:24, 24:32]
    cell.weight_ih_l0.data[rows] = torch.from_numpy(parts["cell"].copy())
    cell.bias_hh_l0.data[:] = 0
    cell.bias_ih_l0.data[rows] = torch.from_numpy(parts["cell_bias"].copy())
    for layer, weight, bias in (
        (hidden, parts["hidden"], parts["hidden_bias"]),
        (out, parts["out"][None], parts["out_bias"]),
    ):
        layer.weight.data, layer.bias.data = torch.from_numpy(weight.copy()), torch.from_numpy(bias.copy())
    mean, sd = one.scale[0]
    state = cell(torch.from_numpy((CONDITION - mean) / sd).float()[None])[0][0]
    expected = np.empty((60, 5))
    rng = np.random.default_rng(3)
    for n in range(60):
        z = torch.from_numpy(rng.standard_normal((5, 8), dtype=np.float32))
        both = torch.cat([state[n].expand(5, 8), z], dim=1)
        expected[n] = mean + sd * out(torch.relu(hidden(both)))[:, 0].detach().numpy()
    found = one.sample(CONDITION, 5, np.random.default_rng(3))[0]
    np.testing.assert_allclose(found, expected, atol=2e-7)


def test_forecasts_agree_with_plain_samples():
    one, b = stack(), 4000
    said = one.forecast(CONDITION[:20], b)
    samples = one.sample(CONDITION[:20], b, np.random.default_rng(0))
    spread = samples.std(axis=-1)
    assert (np.abs(said.mean - samples.mean(axis=-1)) < 5 * spread * math.sqrt(2 / b)).all()
    share = (samples > 0).mean(axis=-1)
    assert (np.abs(said.up - share) < 5 * np.sqrt(2 * share * (1 - share) / b) + 5 / b).all()
    np.testing.assert_allclose(said.up + said.down, 1, atol=1e-6)
    np.testing.assert_allclose(said.sign, said.up - said.down)
    assert np.abs(said.sd / spread - 1).max() < 0.15


def test_noise_of_different_windows_and_members_is_independent():
    """The same window and the same weights again and again: what differs between rows is the noise alone."""
    weights = np.tile(stack().weights[:1], (2, 1))
    twins = stack(WHO[:2], weights=weights, scale=np.tile([[0.0, 0.01]], (2, 1)))
    said = twins.forecast(np.tile(CONDITION[:1], (400, 1)), 100)
    assert len(np.unique(said.mean[0])) == 400
    one, two = ((x - x.mean()) / x.std() for x in said.mean.astype(float))
    assert abs((one * two).mean()) < 4.5 / 20 and abs((one[1:] * one[:-1]).mean()) < 4.5 / 20
    assert abs(one.std() * said.mean[0].std() / (said.sd[0].mean() / 10) - 1) < 4.5 / math.sqrt(800)


def test_a_forecast_does_not_depend_on_how_the_work_is_split():
    whole = stack().forecast(CONDITION, 50, seed=2)
    for rows in ([5, 1], [7]):
        part = stack().take(rows).forecast(CONDITION[20:], 50, seed=2, first_row=20)
        np.testing.assert_allclose(part.mean, whole.mean[rows, 20:], atol=1e-8)
        assert (np.abs(part.up - whole.up[rows, 20:]) > 1e-6).mean() < 0.02  # a sample within rounding of zero
    other = stack().forecast(CONDITION, 50, seed=3)
    assert (other.mean != whole.mean).all()


def test_window_and_noise_parts_add_up():
    one = stack()
    part, net = one.window_part(CONDITION), one.networks()
    z = np.random.default_rng(0).standard_normal((len(one), 60, 1, 8), dtype=np.float32)
    hidden = np.maximum(part + np.einsum("jkz,jnbz->jnk", net.noise_weight, z), 0)
    y = np.einsum("jk,jnk->jn", net.output_weight, hidden) + net.output_bias[:, None]
    rng = np.random.default_rng(0)
    expected = one.sample(CONDITION, 1, rng)[..., 0]
    np.testing.assert_allclose(net.mean[:, None] + net.sd[:, None] * y, expected, atol=1e-7)


def test_collapse_is_seen():
    who = WHO[:3]
    weights = stack(who).weights.copy()
    parts = fingan.views(weights, fingan.generator_shapes(10))
    parts["hidden"][:, :, :8] *= 4
    parts["hidden"][1, :, 8:] = 0  # no noise gets in
    parts["hidden"][2, :, :8] = 0  # no window gets in
    said = stack(who, weights=weights, scale=np.tile([[0.0, 0.01]], (3, 1))).forecast(CONDITION, 2000)
    assert said.collapsed(5e-4).tolist() == [False, True, True]
    assert Forecast(said.up, said.down, said.mean, said.sd + 1).collapsed(5e-4).tolist() == [False, False, True]


def test_stacks_survive_their_arrays():
    one = stack()
    again = GeneratorStack.restore(one.arrays())
    assert again.members == one.members
    np.testing.assert_array_equal(again.weights, one.weights)
    assert one.of("PEP", "SR", 4).members == (WHO[-1],)
    assert len(one.of(asset="KO")) == 4 and one.take([2, 0]).members == (WHO[2], WHO[0])
    with pytest.raises(SettingsError, match="trained network of asset MMM; found none"):
        one.of("MMM")


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda a: a.pop("scale"), "the array 'scale'; found none"),
        (lambda a: a.update(generator=a["generator"][:, 1:]), "'generator' of floats"),
        (lambda a: a.update(generator=a["generator"] * np.nan), "finite values; found NaN"),
        (lambda a: a.update(members=a["members"][:-3]), "list of a stack's members"),
    ],
)
def test_damaged_arrays_are_refused(spoil, sentence):
    arrays = stack().arrays()
    spoil(arrays)
    with pytest.raises(CheckpointError, match=sentence):
        GeneratorStack.restore(arrays)


def test_windows_are_checked():
    with pytest.raises(MarketDataError, match=r"finite windows \(n, 10\); found shape \(60, 9\)"):
        stack().forecast(CONDITION[:, 1:], 10)
    with pytest.raises(MarketDataError, match="finite windows"):
        stack().forecast(CONDITION * np.nan, 10)
    with pytest.raises(SettingsError, match="at least one sample"):
        stack().forecast(CONDITION, 0)
