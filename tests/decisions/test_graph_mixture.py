import numpy as np
import pytest

from engine.decisions.graph_mixture import MetaGenerator
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
