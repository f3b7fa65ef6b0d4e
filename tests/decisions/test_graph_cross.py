import itertools

import numpy as np
import pytest
from graph_panels import networks

from engine.decisions import graph
from engine.decisions.graph import cross_evaluation as graph_cross
from engine.errors import MarketDataError, SettingsError


def longhand(net, j, window, noise):
    """One sample of generator j, in float64 from the equations."""

    def sigmoid(x):
        return 1 / (1 + np.exp(-x))

    a = (window - net.mean[j]) / net.sd[j]
    entry, candidate, output = (net.gate_weight[j, g].astype(np.float64) @ a + net.gate_bias[j, g] for g in range(3))
    state = sigmoid(output) * np.tanh(sigmoid(entry) * np.tanh(candidate))
    inner = net.window_weight[j] @ state + net.noise_weight[j].astype(np.float64) @ noise + net.hidden_bias[j]
    return net.mean[j] + net.sd[j] * (net.output_weight[j] @ np.maximum(inner, 0) + net.output_bias[j])


class Longhand:
    """A generator that can only be sampled."""

    def __init__(self, net, j):
        self.net, self.j = net, j

    def sample(self, condition, samples, rng):
        noise = rng.standard_normal((len(condition), samples, 8))
        return np.array(
            [[longhand(self.net, self.j, a, z) for z in row] for a, row in zip(condition, noise, strict=True)]
        )


def windows(assets=3, times=6, seed=1):
    return 0.01 * np.random.default_rng(seed).standard_t(4, (assets, times, 10))


def test_signs_are_the_mean_sign_of_samples_drawn_longhand():
    net, x, samples = networks(3), windows(2, 5), 50
    found = graph.cross_signs(net, x, samples, np.random.default_rng(7))
    entropy = int(np.random.default_rng(7).integers(2**62))
    x32 = x.astype(np.float32).astype(np.float64)
    for i, j in itertools.product(range(2), range(3)):
        place = np.random.default_rng([entropy, 0, i]).integers(0, graph_cross.POOL - samples + 1, 5)
        pool = np.random.default_rng([entropy, 1, j]).standard_normal((8, graph_cross.POOL), dtype=np.float32)
        for t in range(5):
            draws = [longhand(net, j, x32[i, t], pool[:, place[t] + b]) for b in range(samples)]
            # a draw within rounding of zero may have either sign in float32
            doubtful = 2 * int((np.abs(draws) < 1e-5 * net.sd[j]).sum()) / samples
            assert abs(found[i, j, t] - np.sign(draws).mean()) <= doubtful + 1e-12


def test_networks_and_generators_that_are_sampled_one_by_one_agree():
    net, x = networks(2, seed=4), windows(2, 3)
    fast = graph.cross_signs(net, x, 2000, np.random.default_rng(0))
    slow = graph.cross_signs([Longhand(net, j) for j in range(2)], x, 200, np.random.default_rng(0))
    sd = np.sqrt(np.maximum(1 - fast**2, 1e-3) * (1 / 200 + 1 / 2000))
    assert np.abs(fast - slow).max() < 5 * sd.max()


def test_stacks_one_by_one_and_windows_as_objects_are_the_same():
    class Holder:
        def __init__(self, **held):
            self.__dict__.update(held)

    net, x = networks(3), windows(2, 4)
    whole = graph.cross_signs(net, x, 20, np.random.default_rng(2))
    stacks = [Holder(networks=lambda k=k: type(net)(*(array[k : k + 1] for array in net))) for k in range(3)]
    found = graph.cross_signs(stacks, [Holder(condition=one) for one in x], 20, np.random.default_rng(2))
    np.testing.assert_array_equal(found, whole)
    with pytest.raises(MarketDataError, match="expected as many windows of every asset"):
        graph.cross_signs(net, [Holder(condition=x[0]), Holder(condition=x[1, :2])], 20, np.random.default_rng(2))


def test_any_split_into_blocks_gives_the_same_signs():
    net, x = networks(5), windows(4, 7)
    whole = graph_cross.cross_sign_counts(net, x, 20, np.random.default_rng(3))
    for block in (1, 2, 3):
        backwards = lambda task, blocks: ((k, task(blocks[k])) for k in reversed(range(len(blocks))))  # noqa: E731
        split = graph_cross.cross_sign_counts(net, x, 20, np.random.default_rng(3), run=backwards, block=block)
        np.testing.assert_array_equal(split, whole)


def test_signs_repeat_with_the_seed_and_only_then():
    net, x = networks(2), windows(2, 30)
    first, again, other = (graph.cross_signs(net, x, 25, np.random.default_rng(seed)) for seed in (5, 5, 6))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any() and np.abs(first).max() <= 1


def test_a_window_sees_neither_other_assets_nor_other_times():
    net, x = networks(2), windows(3, 8)
    before = graph.cross_signs(net, x, 30, np.random.default_rng(1))
    changed = x.copy()
    changed[1, 4] *= -3
    after = graph.cross_signs(net, changed, 30, np.random.default_rng(1))
    same = np.ones(before.shape, dtype=bool)
    same[1, :, 4] = False
    np.testing.assert_array_equal(before[same], after[same])


@pytest.mark.parametrize(
    ("shape", "samples", "words"),
    [
        ((2, 3, 9), 10, "expected windows of the 10 returns the generators read; found 9"),
        ((2, 3), 10, "expected finite windows"),
        ((2, 3, 10), 0, "expected between 1 and 4096 samples; found 0"),
        ((2, 3, 10), 5000, "found 5000"),
    ],
)
def test_wrong_windows_or_samples_are_one_sentence(shape, samples, words):
    with pytest.raises((MarketDataError, SettingsError), match=words):
        graph.cross_signs(networks(2), np.zeros(shape), samples, np.random.default_rng(0))
