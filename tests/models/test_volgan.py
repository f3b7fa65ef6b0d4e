"""VolGAN as a model: conditions, sampling, scoring, state; and that none of it needs torch."""

import dataclasses
import math
import subprocess
import sys

import numpy as np
import pytest
import torch
from safetensors.numpy import load, save
from small_market import SMALL_GRID, small_history
from torch import nn

from engine.errors import CheckpointError, MarketDataError, SettingsError
from engine.market.grid import Grid
from engine.models.registry import surface_model
from engine.models.volgan.generator import (
    BLOCK,
    VolGANConfig,
    condition_rows,
    conditions,
    softplus,
    targets,
    weight_shapes,
)
from engine.models.volgan.model import VolGAN

HISTORY = small_history(days=80)


def untrained(members=2, seed=0, scale=0.3) -> VolGAN:
    """A VolGAN with random weights: its laws do not depend on what they are."""
    config, rng = VolGANConfig(members=members, noise_dim=7), np.random.default_rng(seed)
    model = VolGAN(config)
    shapes = weight_shapes(config, SMALL_GRID)
    model.restore({k: rng.normal(0, scale, s).astype(np.float32) for k, s in shapes.items()}, SMALL_GRID)
    return model


def network(model: VolGAN, name: str, member: int) -> nn.Sequential:
    """The plain torch network of a member, in float64."""
    state, layers = model.state(), []
    for k in range(3 if name == "generator" else 2):
        weight, bias = (torch.from_numpy(state[f"{name}.{k}.{kind}"][member]).double() for kind in ("weight", "bias"))
        layer = nn.Linear(weight.shape[1], weight.shape[0]).double()
        layer.weight.data, layer.bias.data = weight, bias
        layers += [layer, nn.Softplus()]
    return nn.Sequential(*layers[:-1])


def test_conditions_and_targets_longhand():
    spot, g = HISTORY.spot, np.log(HISTORY.iv)
    for t in (22, 40, 78):
        returns = [math.log(spot[s] / spot[s - 1]) for s in range(1, len(spot))]  # [s − 1] ended at s
        realised = math.sqrt(252 / 21 * sum(returns[t - 1 - i] ** 2 for i in range(21)))
        numbers = [math.sqrt(252) * returns[t - 1], math.sqrt(252) * returns[t - 2], realised]
        expected = numbers + [g[t, i, j] for i in range(4) for j in range(3)]
        np.testing.assert_allclose(conditions(HISTORY, [t])[0], expected, rtol=1e-12)
        moved = [g[t + 1, i, j] - g[t, i, j] for i in range(4) for j in range(3)]
        np.testing.assert_allclose(targets(HISTORY, [t])[0], [math.sqrt(252) * returns[t], *moved], rtol=1e-11)


def test_a_fit_uses_the_rows_from_22_to_the_last_but_one():
    assert condition_rows(HISTORY).tolist() == list(range(22, 79))
    assert condition_rows(HISTORY[:24]).tolist() == [22]


@pytest.mark.parametrize("member", [0, 1])
def test_scenarios_are_those_of_the_plain_network(member):
    model, n = untrained(), 50
    scenarios = model.member(member).sample(HISTORY, n, rng=np.random.default_rng(1))
    noise = np.random.default_rng(1).standard_normal((n, 7), dtype=np.float32).astype(np.float64)
    a = conditions(HISTORY, [-1])
    y = network(model, "generator", member)(torch.from_numpy(np.hstack([noise, np.repeat(a, n, axis=0)])))
    y = y.detach().numpy()
    np.testing.assert_allclose(scenarios.log_return, y[:, 0] / math.sqrt(252), rtol=2e-5, atol=2e-6)
    expected = np.log(HISTORY.iv[-1]) + y[:, 1:].reshape(n, *SMALL_GRID.shape)
    np.testing.assert_allclose(scenarios.log_iv, expected, rtol=2e-5, atol=2e-5)


def test_scores_are_those_of_the_plain_network():
    model, rows = untrained(), [22, 50, 78]
    pairs = torch.from_numpy(np.hstack([conditions(HISTORY, rows), targets(HISTORY, rows)]))
    expected = torch.stack([network(model, "discriminator", k)(pairs).sigmoid() for k in range(2)]).mean(dim=0)
    np.testing.assert_allclose(model.score(HISTORY, rows), expected[:, 0].detach(), rtol=1e-5)


def test_softplus_has_no_overflow_and_loses_nothing():
    x = np.array([-200, -50, -3, -1e-4, 0, 1e-4, 3, 50, 200], dtype=np.float32)
    expected = [math.log1p(math.exp(-abs(v))) + max(v, 0) for v in x.astype(float)]
    np.testing.assert_allclose(softplus(x.copy()), expected, rtol=3e-7, atol=1e-45)


def test_shapes_seeds_and_provenance():
    model = untrained()
    scenarios, same = (model.sample(HISTORY, 11, rng=np.random.default_rng(5)) for _ in range(2))
    assert scenarios.log_return.shape == (11,) and scenarios.log_iv.shape == (11, 4, 3)
    assert scenarios.log_return.dtype == scenarios.log_iv.dtype == np.float32
    np.testing.assert_array_equal(scenarios.log_iv, same.log_iv)
    other = model.sample(HISTORY, 11, rng=np.random.default_rng(6))
    assert not np.isin(scenarios.log_return, other.log_return).any()
    assert scenarios.provenance == {
        "model": "volgan",
        "condition_date": str(HISTORY.dates[-1]),
        "spot": HISTORY.spot[-1],
        "rate": 0.01,
    }
    assert model.sample(HISTORY, 1, rng=np.random.default_rng(5)).log_iv.shape == (1, 4, 3)


def test_members_are_mixed_equally():
    """Scenario i comes from member i mod members: each member's own law, in alternate places."""
    model = untrained(members=3)
    mixed = model.sample(HISTORY, 8, rng=np.random.default_rng(2)).log_return
    rng = np.random.default_rng(2)
    for k, count in enumerate((3, 3, 2)):
        own = model.member(k).sample(HISTORY, count, rng=rng).log_return
        np.testing.assert_allclose(mixed[k::3], own, rtol=1e-6)


def test_many_scenarios_are_drawn_in_blocks_of_one_stream():
    model = untrained(members=1)
    many = model.sample(HISTORY, BLOCK + 300, rng=np.random.default_rng(3)).log_return
    rng = np.random.default_rng(3)
    parts = [model.sample(HISTORY, n, rng=rng).log_return for n in (BLOCK, 300)]
    np.testing.assert_allclose(many, np.concatenate(parts), rtol=1e-6)


@pytest.mark.parametrize("row", [22, 50, 78])
def test_no_look_ahead(row):
    """Scenarios of a day do not change when later rows do, nor when rows older than 22 days do."""
    model = untrained()
    spot, iv = HISTORY.spot.copy(), HISTORY.iv.copy()
    spot[row + 1 :] *= 1.7
    iv[row + 1 :] *= 0.5
    spot[: row - 22] *= 3
    iv[:row] *= 0.8
    changed = dataclasses.replace(HISTORY, spot=spot, iv=iv)
    ours, theirs = (model.sample(h.until(row), 5, rng=np.random.default_rng(0)) for h in (HISTORY, changed))
    np.testing.assert_array_equal(ours.log_iv, theirs.log_iv)
    np.testing.assert_array_equal(ours.log_return, theirs.log_return)
    a = model.sample_days(changed, [row], 5, rng=np.random.default_rng(0))
    np.testing.assert_allclose(a.log_iv[0], ours.log_iv, rtol=1e-5)


def test_a_fit_reports_trains_and_is_registered():
    model = surface_model("volgan")(VolGANConfig(epochs=3, batch_size=20, matching_epochs=2, members=2))
    progress = []
    report = model.fit(HISTORY, seed=1, on_step=progress.append)
    assert report.steps == (2 + 3) * 3
    assert report.trained_on == (str(HISTORY.dates[22]), str(HISTORY.dates[78]))
    assert {(p.phase, p.done, p.total) for p in progress} >= {("gradient matching", 2, 5), ("training", 5, 5)}
    assert model.gradient_norms.shape == (2 * 3, 3, 2)
    ratios = model.gradient_norms[:, :1] / model.gradient_norms[:, 1:]
    expected = ratios.mean(axis=(0, 2))
    np.testing.assert_allclose([report.metrics["alpha_m"], report.metrics["alpha_tau"]], expected, rtol=1e-12)
    assert all(math.isfinite(value) for value in report.metrics.values())
    assert report.metrics["return_sd_data"] == pytest.approx(targets(HISTORY, range(22, 79))[:, 0].std() / 252**0.5)
    assert len(model.sample(HISTORY, 10, rng=np.random.default_rng(0))) == 10


def test_a_collapsed_generator_is_seen():
    model, alive = untrained(members=1), untrained(members=1)
    collapsed = {**model.state(), "generator.2.weight": 0 * model.state()["generator.2.weight"]}
    model.restore(collapsed, SMALL_GRID)
    for name in ("return_sd_ratio", "return_day_sd_ratio", "surface_sd_ratio"):
        assert model._spread(HISTORY, np.random.default_rng(0))[name] < 1e-3
        assert alive._spread(HISTORY, np.random.default_rng(0))[name] > 0.1


def test_bce_alone_has_no_coefficients():
    model = VolGAN(VolGANConfig(loss="bce", epochs=2, batch_size=20))
    report = model.fit(HISTORY, seed=1)
    assert report.steps == 6 and "alpha_m" not in report.metrics and model.gradient_norms.shape == (0, 3, 1)


def test_state_round_trip_through_safetensors():
    model = untrained()
    again = VolGAN(model.config)
    again.restore(load(save(model.state())), SMALL_GRID)
    ours, theirs = (m.sample(HISTORY, 9, rng=np.random.default_rng(0)).log_iv for m in (model, again))
    np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda s: s.pop("generator.1.bias"), "'generator.1.bias'; found none"),
        (lambda s: s.update({"generator.1.bias": s["generator.1.bias"][:1]}), r"floats \(2, 32\)"),
        (lambda s: s.update({"generator.1.bias": np.zeros((2, 32), int)}), "int64"),
        (lambda s: s.update({"generator.1.bias": np.full((2, 32), np.inf)}), "finite"),
        (lambda s: s.update({"matching.gradient_norms": np.zeros((4, 2))}), "matching.gradient_norms"),
        (lambda s: s.update({"surprise": np.zeros(1)}), "'surprise'"),
    ],
)
def test_weights_that_do_not_fit_are_refused_and_change_nothing(spoil, words):
    model = untrained()
    before, state = model.sample(HISTORY, 3, rng=np.random.default_rng(0)).log_iv, model.state()
    spoil(state)
    with pytest.raises(CheckpointError, match=words):
        model.restore(state, SMALL_GRID)
    np.testing.assert_array_equal(model.sample(HISTORY, 3, rng=np.random.default_rng(0)).log_iv, before)


def test_bad_calls_are_said():
    model, rng = untrained(), np.random.default_rng(0)
    with pytest.raises(CheckpointError, match="without weights"):
        VolGAN().sample(HISTORY, 1, rng=rng)
    with pytest.raises(MarketDataError, match=r"at least 24 days of surfaces .* found 23"):
        VolGAN().fit(HISTORY[:23], seed=0)
    with pytest.raises(MarketDataError, match="at least 23 days of surfaces for a condition; found 22"):
        model.sample(HISTORY[:22], 1, rng=rng)
    with pytest.raises(MarketDataError, match=r"rows between 22 and 79 .* found rows 21 to 80"):
        model.sample_days(HISTORY, [21, 80], 1, rng=rng)
    with pytest.raises(MarketDataError, match="between 22 and 78"):
        model.score(HISTORY, [79])
    with pytest.raises(SettingsError, match="at least one scenario; found 0"):
        model.sample(HISTORY, 0, rng=rng)
    with pytest.raises(SettingsError, match="member between 0 and 1; found 2"):
        model.member(2)
    other = Grid(SMALL_GRID.moneyness * 1.01, SMALL_GRID.maturity)
    with pytest.raises(MarketDataError, match="the model's grid"):
        model.sample(small_history(days=30, grid=other), 1, rng=rng)


def test_sampling_never_imports_torch():
    code = """
import sys
import numpy as np
from small_market import SMALL_GRID, small_history
from engine.models.registry import surface_model
from engine.models.volgan.model import VolGANConfig, weight_shapes
model = surface_model("volgan")(VolGANConfig())
rng = np.random.default_rng(0)
shapes = weight_shapes(model.config, SMALL_GRID)
model.restore({k: rng.normal(0, 0.1, s) for k, s in shapes.items()}, SMALL_GRID)
history = small_history(days=40)
model.sample(history, 10, rng=rng)
model.score(history, [30])
assert "torch" not in sys.modules and "sklearn" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True, env={"PYTHONPATH": ":".join(p for p in sys.path if p)})
