"""Small assets for the tests of Fin-GAN and the LSTM benchmarks: independent returns, a few batches each."""

import numpy as np

from engine.models.fingan.networks import Asset


def windows(n, seed, length=10):
    """Overlapping windows of n + length returns of 1 %, and what follows each."""
    returns = np.random.default_rng(seed).normal(2e-4, 0.01, n + length)
    cut = np.lib.stride_tricks.sliding_window_view(returns, length + 1)
    return cut[:, :-1], cut[:, -1]


def asset(name, n=230, seed=0):
    """An asset of n training windows."""
    return Asset(name, *windows(n, seed))
