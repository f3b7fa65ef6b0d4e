import numpy as np
import pytest

from engine.decisions.graph.mixture import MetaGenerator
from engine.errors import MarketDataError


class Shifted:
    """Draws from N(mean + the window's last value, 1)."""

    def __init__(self, mean):
        self.mean = mean

    def sample(self, condition, samples, rng):
        return self.mean + condition[:, -1:] + rng.standard_normal((len(condition), samples))

    def expected_sign(self, condition):
        from math import erf

        return np.array([erf((self.mean + last) / 2**0.5) for last in condition[:, -1]])


GENERATORS = [Shifted(0.6), Shifted(-0.2), Shifted(1.5), Shifted(0.0)]
WEIGHTS = np.array([0.4, 0.3, -0.3, 0.0])


def test_sampling_the_mixture_reproduces_the_bet():
    windows = np.random.default_rng(0).normal(0, 0.3, (6, 10))
    drawn = MetaGenerator(WEIGHTS, GENERATORS).sample(windows, 20_000, np.random.default_rng(1))
    bet = sum(w * g.expected_sign(windows) for w, g in zip(WEIGHTS, GENERATORS, strict=True))
    error = np.sign(drawn).std(axis=1) / np.sqrt(20_000)
    assert (np.abs(np.sign(drawn).mean(axis=1) - bet) < 4.5 * error).all()


def test_the_mixture_has_the_moments_of_its_parts():
    windows = np.zeros((1, 10))
    drawn = MetaGenerator(WEIGHTS, GENERATORS).sample(windows, 60_000, np.random.default_rng(2))[0]
    means = np.array([0.6, -0.2, -1.5])
    mean = float(np.array([0.4, 0.3, 0.3]) @ means)
    variance = 1 + float(np.array([0.4, 0.3, 0.3]) @ means**2) - mean**2
    assert abs(drawn.mean() - mean) < 4.5 * np.sqrt(variance / 60_000)
    fourth = ((drawn - drawn.mean()) ** 4).mean()
    assert abs(drawn.var() - variance) < 4.5 * np.sqrt((fourth - variance**2) / 60_000)


def test_generators_without_weight_are_never_asked():
    class Silent:
        def sample(self, condition, samples, rng):
            raise AssertionError("asked")

    meta = MetaGenerator([0.0, -1.0], [Silent(), GENERATORS[0]])
    assert meta.sample(np.zeros((2, 10)), 5, np.random.default_rng(0)).shape == (2, 5)


@pytest.mark.parametrize("weights", [[0.5, 0.4], [1.0], [2.0, 0.0]])
def test_weights_that_are_no_row_are_one_sentence(weights):
    with pytest.raises(MarketDataError, match="expected a weight for each of 2 generators"):
        MetaGenerator(weights, GENERATORS[:2])


def test_a_mixture_of_trained_generators_bets_as_their_weighted_signs():
    from engine.decisions import graph
    from engine.models.fingan.networks import Member, generator_shapes, size
    from engine.models.fingan.sampling import GeneratorStack

    rng = np.random.default_rng(5)
    weights = rng.normal(0, 0.4, (3, size(generator_shapes(10)))).astype(np.float32)
    stack = GeneratorStack(weights, np.tile([0.0, 0.01], (3, 1)), tuple(Member(n, "PnL", 0) for n in "ABC"))
    windows = 0.01 * rng.standard_normal((1, 4, 10))
    row = np.array([[0.5, -0.2, 0.3]])
    bet = graph.bets(row, graph.cross_signs(stack, windows, 4000, np.random.default_rng(1)))[0]
    drawn = graph.MetaGenerator(row[0], stack).sample(windows[0], 4000, np.random.default_rng(2))
    # both are means of signs: 4,000 for the mixture, 4,000 for each of the generators
    error = np.sqrt(1 / 4000 + (row**2).sum() / 4000)
    assert np.abs(np.sign(drawn).mean(axis=1) - bet).max() < 4.5 * error
