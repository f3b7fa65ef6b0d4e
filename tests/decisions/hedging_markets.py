"""Markets and hedges for tests: a small simulated history with the true law, and one without interest."""

from dataclasses import replace
from functools import cache

import numpy as np

from engine.decisions import hedging
from engine.market.grid import Grid
from engine.models.simulated.market import SimulatedMarket, simulate

GRID = Grid([0.7, 0.8, 0.9, 0.95, 1.0, 1.05, 1.1, 1.2, 1.3], [1 / 52, 1 / 12, 1 / 6, 1 / 2])
START = 60


@cache
def market(days=140, seed=11):
    return simulate(GRID, days, seed).history


@cache
def market_without_interest():
    history = market()
    return replace(history, rate=0.0)


def true_law():
    return SimulatedMarket.on(GRID)


def true_law_on(history):
    return SimulatedMarket.on(history.grid)


def straddle_and_instruments(history, m0=0.95, start=START):
    spot = float(history.spot[start])
    portfolio = hedging.straddle(m0 * spot)
    return portfolio, hedging.hedging_set(spot, portfolio)


def longhand_price(spot, strike, tau, iv, rate, is_call):
    """Black–Scholes with the error function, one option at a time."""
    from math import erf, exp, log, sqrt

    def normal(x):
        return 0.5 * (1 + erf(x / sqrt(2)))

    sign = 1.0 if is_call else -1.0
    if tau == 0:
        return max(sign * (spot - strike), 0.0)
    d1 = (log(spot / strike) + (rate + iv**2 / 2) * tau) / (iv * sqrt(tau))
    d2 = d1 - iv * sqrt(tau)
    return sign * (spot * normal(sign * d1) - strike * exp(-rate * tau) * normal(sign * d2))


def shuffled_after(history, row, seed=0):
    """The same history up to a row, and its later days in another order."""
    order = np.arange(len(history))
    later = order[row + 1 :].copy()
    np.random.default_rng(seed).shuffle(later)
    order[row + 1 :] = later
    return replace(
        history,
        spot=history.spot[order],
        iv=history.iv[order],
        rate=history.rate[order],
        vix=None,
        half_spread=None if history.half_spread is None else history.half_spread[order],
    )
