"""Distances between samples against longhand, and the floor that the data set."""

import math

import numpy as np
import pytest
from scipy.stats import wasserstein_distance

from engine.errors import MarketDataError, SettingsError
from engine.evaluation import distances, scores


def longhand(x, y):
    def mean(a, b, skip):
        pairs = [math.dist(p, q) for i, p in enumerate(a) for j, q in enumerate(b) if not (skip and i == j)]
        return sum(pairs) / len(pairs)

    return 2 * mean(x, y, False) - mean(x, x, True) - mean(y, y, True)


def test_energy_distance_is_the_longhand_one():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(30, 4)), rng.normal(1, 2, size=(21, 4))
    assert distances.energy_distance(x, y) == pytest.approx(longhand(x, y), rel=1e-5)
    assert distances.energy_distance(y, x) == pytest.approx(longhand(x, y), rel=1e-5)
    assert distances.score_excess(x, y) == pytest.approx(longhand(x, y) / 2, rel=1e-5)


def test_samples_of_one_law_are_at_distance_zero_on_average():
    rng = np.random.default_rng(1)
    found = np.array([distances.energy_distance(*rng.normal(size=(2, 40, 3))) for _ in range(400)])
    assert abs(found.mean()) < 4 * found.std() / math.sqrt(400)
    assert found.min() < 0 < found.max()


def test_the_excess_is_the_difference_of_expected_scores():
    rng = np.random.default_rng(2)
    model, truth = rng.normal(0.4, 1.3, size=(1, 800, 2)), rng.normal(size=(1, 800, 2))
    y = rng.normal(size=(4000, 2))
    difference = [
        scores.energy_score(model[0], outcome) - scores.energy_score(truth[0], outcome) for outcome in y[:600]
    ]
    excess = distances.score_excess(model, truth)
    assert excess.shape == (1,)
    assert excess[0] == pytest.approx(np.mean(difference), abs=4 * np.std(difference) / math.sqrt(600) + 0.02)
    weighted = distances.score_excess(model, truth, np.full((1, 800), 1 / 800))
    assert weighted[0] == pytest.approx(excess[0], rel=1e-9)


def test_alignment_of_rotated_components():
    rng = np.random.default_rng(3)
    z = rng.standard_normal((5000, 4)) * [4, 2, 1, 0.5]
    angle = 0.3
    turn = np.eye(4)
    turn[:2, :2] = [[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]]
    found = distances.alignment(z, z @ turn.T, 3)
    np.testing.assert_allclose(found, [math.cos(angle), math.cos(angle), 1], atol=1e-4)
    np.testing.assert_allclose(distances.alignment(z, -z, 4), 1, atol=1e-9)
    np.testing.assert_allclose(distances.explained(z, 2), np.array([16, 4]) / 21.25, atol=0.02)


def test_halves_are_made_of_blocks():
    halves = distances.block_halves(100, rng=np.random.default_rng(4), draws=300, block=10)
    assert halves.shape == (300, 100) and (halves.sum(axis=1) == 50).all()
    blocks = halves.reshape(300, 10, 10)
    assert (blocks == blocks[:, :, :1]).all()
    assert abs(blocks[:, :, 0].mean(axis=0) - 0.5).max() < 4 * 0.5 / math.sqrt(300)
    short = distances.block_halves(7, rng=np.random.default_rng(4), draws=50, block=21)
    assert (short.any(axis=1) & ~short.all(axis=1)).all()


def test_the_floor_tells_a_right_model_from_a_wrong_one():
    rng = np.random.default_rng(5)
    real = rng.normal(size=(200, 2))
    halves = distances.block_halves(200, rng=rng, draws=60, block=5)
    right = rng.normal(size=(60, 200, 2))
    (good,) = distances.against_floor(right, real, distances.energy_distance, halves)
    (bad,) = distances.against_floor(2 * right, real, distances.energy_distance, halves)
    assert good.floor == bad.floor and good.floor_low < 0 < good.floor_high
    assert 0.1 < good.beyond < 0.9 and bad.beyond > 0.95 and bad.low > good.floor_high
    aligned = distances.against_floor(right, real, lambda x, y: distances.alignment(x, y, 2), halves)
    assert len(aligned) == 2 and all(0 <= one.low <= one.value <= one.high <= 1 for one in aligned)
    first, second = real[halves[0]], real[~halves[0]]
    (one,) = distances.against_floor(right[:1], real, distances.energy_distance, halves[:1])
    assert one.value == distances.energy_distance(right[0][halves[0]], second)
    assert one.floor == distances.energy_distance(first, second)


def test_wasserstein_of_numbers():
    rng = np.random.default_rng(6)
    x, y = rng.random(40), rng.random((6, 5))
    assert distances.wasserstein(x, y) == wasserstein_distance(x, y.ravel())
    assert distances.wasserstein(x, x + 3) == pytest.approx(3)


def test_refusals():
    rng = np.random.default_rng(0)
    with pytest.raises(MarketDataError, match="two samples"):
        distances.energy_distance(np.zeros((4, 2)), np.zeros((4, 3)))
    with pytest.raises(MarketDataError, match="finite"):
        distances.energy_distance(np.full((4, 2), np.nan), np.zeros((4, 2)))
    with pytest.raises(SettingsError, match="between 1 and 2"):
        distances.alignment(np.zeros((4, 2)), np.zeros((4, 2)), 3)
    with pytest.raises(SettingsError, match="four days"):
        distances.block_halves(3, rng=rng)
    with pytest.raises(MarketDataError, match="one draw a split"):
        distances.against_floor(np.zeros((2, 5, 1)), np.zeros((6, 1)), distances.wasserstein, np.zeros((2, 6), bool))
    with pytest.raises(MarketDataError, match="true law"):
        distances.score_excess(np.zeros((2, 5, 3)), np.zeros((3, 5, 3)))
    with pytest.raises(MarketDataError, match="weights of shape"):
        distances.score_excess(np.zeros((2, 5, 3)), np.zeros((2, 5, 3)), np.zeros(5))
