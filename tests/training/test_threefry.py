"""Counter-based random numbers against a longhand block function, its published answers, and laws of chance."""

import math

import numpy as np
import pytest
from scipy import stats

from engine.errors import SettingsError
from engine.training.threefry import NOISE, SAMPLES, fill_normal, fill_order, key, threefry

ROTATIONS = [(10, 26), (11, 21), (13, 27), (23, 5), (6, 20), (17, 11), (25, 10), (18, 20)]


def longhand(counter, keys, rounds):
    """Threefry-4x32 as the paper's figures draw it, in whole numbers."""
    mask = 2**32 - 1
    extended = [*keys, 0x1BD11BDA ^ keys[0] ^ keys[1] ^ keys[2] ^ keys[3]]
    x = [(c + k) & mask for c, k in zip(counter, keys, strict=True)]
    for r in range(rounds):
        left, right = ROTATIONS[r % 8]
        a, b = (0, 1), (2, 3)
        if r % 2:
            a, b = (0, 3), (2, 1)
        for (i, j), bits in ((a, left), (b, right)):
            x[i] = (x[i] + x[j]) & mask
            x[j] = ((x[j] << bits | x[j] >> (32 - bits)) & mask) ^ x[i]
        if r % 4 == 3:
            s = r // 4 + 1
            x = [(x[i] + extended[(s + i) % 5]) & mask for i in range(4)]
            x[3] = (x[3] + s) & mask
    return x


@pytest.mark.parametrize(
    ("fill", "rounds", "answer"),
    [
        (0, 13, "531c7e4f 39491ee5 2c855a92 3d6abf9a"),
        (0, 20, "9c6ca96a e17eae66 fc10ecd4 5256a7d8"),
        (2**32 - 1, 20, "2a881696 57012287 f6c7446e a16a6732"),
    ],
)
def test_the_longhand_gives_the_published_answers(fill, rounds, answer):
    assert longhand([fill] * 4, [fill] * 4, rounds) == [int(word, 16) for word in answer.split()]


def test_the_compiled_block_function_is_the_longhand():
    rng = np.random.default_rng(0)
    for words in rng.integers(0, 2**32, (50, 8), dtype=np.uint32):
        found = threefry(*words)
        assert [int(word) for word in found] == longhand(words[:4].tolist(), words[4:].tolist(), 12)


def test_normals_are_box_and_muller_of_the_words():
    own = key(5, "KO")
    found = np.empty((8, 20), np.float32)
    fill_normal(found, own, 7, NOISE, 3)
    for block in range(2):
        for lane in range(20):
            words = longhand([lane + 3, block, 7, NOISE], own.tolist(), 12)
            for pair in range(2):
                radius = math.sqrt(-2 * math.log(((words[2 * pair] >> 8) + 1) / 2**24))
                signed = words[2 * pair + 1] - 2**32 * (words[2 * pair + 1] >> 31)
                angle = math.pi * signed / 2**31
                row = 4 * block + 2 * pair
                assert found[row, lane] == pytest.approx(radius * math.cos(angle), abs=2e-6)
                assert found[row + 1, lane] == pytest.approx(radius * math.sin(angle), abs=2e-6)


def test_normals_are_normal():
    n = 50_000
    found = np.empty((16, n), np.float32)
    fill_normal(found, key(0, "law"), 0, NOISE, 0)
    z = found.astype(float)
    for power, (mean, variance) in {1: (0, 1), 2: (1, 2), 3: (0, 15), 4: (3, 96)}.items():
        assert abs((z**power).mean() - mean) < 4.5 * math.sqrt(variance / z.size)
    correlations = (z @ z.T / n)[np.triu_indices(16, 1)]
    assert np.abs(correlations).max() < 4.5 / math.sqrt(n)
    assert abs((z[:, 1:] * z[:, :-1]).mean()) < 4.5 / math.sqrt(z.size)
    assert stats.kstest(z[0], "norm").pvalue > 1e-4


def test_streams_differ_by_seed_name_update_and_purpose():
    def first(own, update, purpose):
        found = np.empty((4, 4), np.float32)
        fill_normal(found, own, update, purpose, 0)
        return found[0, 0]

    streams = [(key(0, "a", "b"), 0, NOISE), (key(1, "a", "b"), 0, NOISE), (key(0, "b", "a"), 0, NOISE)]
    streams += [(key(0, "a", "b"), 1, NOISE), (key(0, "a", "b"), 0, SAMPLES)]
    assert len({first(*stream) for stream in streams}) == len(streams)
    assert first(*streams[0]) == first(*streams[0])
    with pytest.raises(SettingsError, match="seed >= 0; found -1"):
        key(-1)


def test_lanes_can_be_split():
    whole, parts = np.empty((8, 32), np.float32), np.empty((8, 32), np.float32)
    fill_normal(whole, key(1), 0, SAMPLES, 0)
    fill_normal(parts[:, :16], key(1), 0, SAMPLES, 0)
    fill_normal(parts[:, 16:], key(1), 0, SAMPLES, 16)
    np.testing.assert_array_equal(whole, parts)


def test_orders_are_uniform_permutations():
    counts = np.zeros((5, 5))
    order = np.empty(5, np.int32)
    n = 4000
    for epoch in range(n):
        fill_order(order, key(2), epoch)
        assert sorted(order) == [0, 1, 2, 3, 4]
        counts[order, np.arange(5)] += 1
    assert np.abs(counts - n / 5).max() < 4.5 * math.sqrt(n * 0.2 * 0.8)
