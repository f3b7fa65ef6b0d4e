"""What a Fin-GAN member is made of: losses, coefficients, initial weights, random streams; and bad input."""

import itertools
import math

import numpy as np
import pytest

from engine.errors import CheckpointError, MarketDataError, SettingsError
from engine.models.fingan import networks as fingan
from engine.models.fingan.networks import COMBINATIONS, LOSSES, TERMS, Asset, Member
from tests.models.small_assets import asset, windows

MATCHED = {"pnl": 2.0, "mse": 3.0, "sr": 5.0, "std": 7.0}


def test_the_combinations_are_those_the_rules_allow():
    """Thesis 5.3.2: a money term is there; STD only beside PnL; never SR and STD."""
    allowed = set()
    for alpha, beta, gamma, delta in itertools.product([0, 1], repeat=4):
        if max(alpha, gamma, delta) and not (delta and not alpha) and not (gamma and delta):
            allowed.add((1, -2 * alpha, 3 * beta, -5 * gamma, 7 * delta))
    found = [tuple(fingan.coefficients(loss, MATCHED).tolist()) for loss in COMBINATIONS.values()]
    assert len(found) == 8 and set(found) == allowed


def test_the_benchmark_losses():
    assert fingan.coefficients(LOSSES["BCE"], MATCHED).tolist() == [1, 0, 0, 0, 0]
    assert fingan.coefficients(LOSSES["MSE"], MATCHED).tolist() == [1, 0, 3, 0, 0]
    assert len(LOSSES) == 10 and TERMS[0] == "bce"


def test_scale_is_that_of_the_first_hundred_samples():
    condition, target = windows(230, 0)
    mean = np.concatenate([condition[:100].ravel(), target[:100]]).mean()
    sd = np.concatenate([condition[:100].ravel(), target[:100]]).std()
    one = Asset("KO", condition, target)
    np.testing.assert_allclose(one.scale, [mean, sd], rtol=1e-12)
    later = Asset("KO", np.r_[condition[:100], 9 * condition[100:]], np.r_[target[:100], 9 * target[100:]])
    np.testing.assert_array_equal(one.scale, later.scale)
    np.testing.assert_allclose(one.table()[:, :10] * sd + mean, condition, atol=1e-8)
    np.testing.assert_allclose(one.table()[:, 10] * sd + mean, target, atol=1e-8)


def test_initial_weights_are_xavier():
    shapes = fingan.generator_shapes(10)
    drawn = np.stack([fingan.initial_weights(shapes, np.random.default_rng(k)) for k in range(300)])
    parts = fingan.views(drawn, shapes)
    for name, variance in {"cell": 2 / 42, "hidden": 2 / 32, "out": 2 / 17}.items():
        values = parts[name].astype(float).ravel()
        assert abs(values.mean()) < 4.5 * math.sqrt(variance / values.size)
        assert abs(values.var() / variance - 1) < 4.5 * math.sqrt(2 / values.size)
    assert np.abs(parts["cell_bias"]).max() < 2 / math.sqrt(8) and np.abs(parts["hidden_bias"]).max() < 1 / 4
    judge = fingan.views(
        np.stack(
            [fingan.initial_weights(fingan.discriminator_shapes(10), np.random.default_rng(k)) for k in range(300)]
        ),
        fingan.discriminator_shapes(10),
    )
    for name in ("cell", "cell_target"):
        values = judge[name].astype(float).ravel()
        assert abs(values.var() * 43 / 2 - 1) < 4.5 * math.sqrt(2 / values.size)


def test_views_share_memory_and_cover_everything():
    for shapes in (fingan.generator_shapes(10), fingan.discriminator_shapes(7)):
        flat = np.zeros((3, fingan.size(shapes)))
        for part in fingan.views(flat, shapes).values():
            part += 1
        assert (flat == 1).all()


def test_the_cells_bias_moves_twice_as_far():
    shapes = fingan.discriminator_shapes(10)
    rate = fingan.views(fingan.rates(shapes, 1e-4), shapes)
    for name, values in rate.items():
        np.testing.assert_allclose(values, 2e-4 if name == "cell_bias" else 1e-4)


@pytest.mark.parametrize(("rows", "updates"), [(5, 1), (100, 1), (111, 1), (112, 2), (200, 2), (8846, 89)])
def test_no_batch_is_empty_or_tiny(rows, updates):
    assert fingan.updates_in_epoch(rows, 100) == updates


def test_members_are_assets_losses_and_seeds():
    who = fingan.members(["KO", "PEP"], ["BCE", "SR"], [0, 1])
    assert len(who) == len(set(who)) == 8 and who[:2] == (Member("KO", "BCE", 0), Member("KO", "SR", 0))
    assert fingan.unpack_members(fingan.pack_members(who)) == who
    assert fingan.matching_members(who, "PEP", None, 1) == [6, 7]
    keys = {tuple(member.key(purpose)) for member in who for purpose in ("training", "samples")}
    assert len(keys) == 16
    with pytest.raises(SettingsError, match="trained network of asset MMM, seed 1; found none"):
        fingan.matching_members(who, "MMM", None, 1)
    with pytest.raises(CheckpointError, match="list of a stack's members"):
        fingan.unpack_members(np.frombuffer(b'{"a": 1}', np.uint8))


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((["KO", "KO"], ["BCE"], [0]), "distinct assets, at least one; found KO, KO"),
        ((["KO"], [], [0]), "distinct losses, at least one; found none"),
        ((["KO"], ["BCE"], [1, 1]), "distinct seeds, at least one; found 1, 1"),
    ],
)
def test_nobody_twice(arguments, sentence):
    with pytest.raises(SettingsError, match=sentence):
        fingan.members(*arguments)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda c, t: (c[:50], t[:50]), "at least 100 training windows of KO; found 50"),
        (lambda c, t: (c, t[1:]), r"windows \(n, L\) and n targets of KO"),
        (lambda c, t: (c * np.nan, t), "finite returns of KO"),
        (lambda c, t: (c * 0, t * 0), "returns of KO that vary"),
    ],
)
def test_bad_training_data(change, sentence):
    with pytest.raises(MarketDataError, match=sentence):
        Asset("KO", *change(*windows(230, 0)))


def test_asset_keeps_what_it_was_given():
    condition, target = windows(230, 3)
    kept = asset("KO", 230, 3)
    np.testing.assert_array_equal(kept.condition, condition)
    np.testing.assert_array_equal(kept.target, target)
