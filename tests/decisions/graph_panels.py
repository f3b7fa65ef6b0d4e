"""Small panels of signs and returns for the graph's tests."""

import numpy as np

from engine.models.fingan.sampling import Networks


def panel(assets=5, generators=5, times=80, seed=0):
    """Signs on the grid k/50 as cross-evaluation gives them, and returns of a half-day's size."""
    rng = np.random.default_rng(seed)
    signs = rng.integers(-50, 51, (assets, generators, times)) / 50
    returns = 0.01 * rng.standard_t(5, (assets, times))
    return signs, returns


def networks(generators=3, seed=0, length=10, units=8, hidden=16, noise=8):
    """Random generators of Fin-GAN's architecture."""
    rng = np.random.default_rng(seed)

    def draw(*shape):
        return rng.normal(0, 0.5, shape).astype(np.float32)

    return Networks(
        gate_weight=draw(generators, 3, units, length),
        gate_bias=draw(generators, 3, units),
        window_weight=draw(generators, hidden, units),
        noise_weight=draw(generators, hidden, noise),
        hidden_bias=draw(generators, hidden),
        output_weight=draw(generators, hidden),
        output_bias=draw(generators),
        mean=rng.normal(0, 1e-3, generators).astype(np.float32),
        sd=rng.uniform(0.005, 0.02, generators).astype(np.float32),
    )
