"""A small equity market for tests of the Fin-GAN study: three stocks, two ETFs, and a ticker that is too short."""

import numpy as np

from engine.market.price_history import PriceHistory

SECTORS = {"AAA": "XA", "BBB": "XA", "CCC": "XB"}
TICKERS = ("AAA", "BBB", "CCC", "XA", "XB", "SHORT")


def prices(days: int = 540, seed: int = 1) -> PriceHistory:
    """Opens and closes whose half-day returns have a weak reversal."""
    rng = np.random.default_rng(seed)
    shocks = 0.008 * rng.standard_t(6, (2 * days, len(TICKERS)))
    for half in range(1, 2 * days):
        shocks[half] -= 0.15 * shocks[half - 1]
    levels = 50 * np.exp(np.cumsum(shocks, axis=0))
    opens, closes = levels[0::2], levels[1::2].copy()
    closes[:-200, -1] = np.nan
    return PriceHistory(
        np.datetime64("2010-01-04") + np.arange(days), closes, TICKERS, open=opens, sector_of=SECTORS, name="small"
    )
