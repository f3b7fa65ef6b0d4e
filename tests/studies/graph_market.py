"""A small market with sectors, and generators without training, for the study of graphs."""

import numpy as np

from engine.market.price_history import PriceHistory
from engine.models.fingan.networks import Member, generator_shapes, initial_weights
from engine.models.fingan.sampling import GeneratorStack

TICKERS = ("AA", "BB", "CC", "DD")
SECTORS = {"AA": "XX", "BB": "XX", "CC": "YY", "DD": "YY"}
DAYS = 900
SAMPLES = 20


def prices(seed=0, shaken_from=None):
    """Prices of four stocks and two ETFs; from a day on, optionally, others."""
    rng, other = np.random.default_rng(seed), np.random.default_rng(99)
    names = (*TICKERS, "XX", "YY")
    night, day = 0.006 * rng.standard_normal((2, DAYS, len(names)))
    if shaken_from is not None:
        night[shaken_from:] += 0.004 * other.standard_normal(night[shaken_from:].shape)
        day[shaken_from:] *= -1
    close = 100 * np.exp(np.cumsum(night + day, axis=0))
    dates = np.arange("2016-01-04", "2021-12-31", dtype="datetime64[D]")
    dates = dates[np.is_busday(dates)][:DAYS]
    return PriceHistory(dates, close, names, open=close * np.exp(-day), sector_of=SECTORS, name="small")


def stack(seeds=(0, 1), tickers=(*TICKERS, "XX", "YY")):
    """One generator of every ticker and seed with initial weights."""
    rng = np.random.default_rng(5)
    members = tuple(Member(ticker, "PnL", seed) for seed in seeds for ticker in tickers)
    weights = np.stack([initial_weights(generator_shapes(10), rng) for _ in members])
    return GeneratorStack(weights, np.tile([0.0, 0.008], (len(members), 1)), members)


class Finished:
    """A finished Fin-GAN study, as far as the study of graphs reads it."""

    def __init__(self, generators=None):
        self.settings = {"bad_opens": "keep"}
        self.data = {"name": "small", "period": list(prices().period)}
        self.generators = stack() if generators is None else generators

    def arrays(self, name):
        assert name in ("chosen", "chosen_longer")
        return self.generators.arrays()
