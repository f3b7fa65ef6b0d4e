"""The compiled sum behind the volatility index of surfaces: smile, prices and sum of one surface after another."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from engine.market.grid import LOWEST_IV, Floats
from engine.surfaces.penalty_kernel import compiled, normal_cdf


class Smile(NamedTuple):
    """How the vol at each strike comes from a flattened surface, linear in moneyness, then in maturity.

    Args:
        strike, log_strike: ``(K,)`` strikes as multiples of spot.
        share: ``(K,)`` ΔK/K² of each.
        cell: ``(K,)`` flat position of the lower strike at the earlier maturity.
        across: ``(K,)`` weight of the upper strike.
        later: weight of the later maturity.
        row: maturities of the grid.
        horizon: T, years.
    """

    strike: Floats
    log_strike: Floats
    share: Floats
    cell: np.ndarray[tuple[int], np.dtype[np.intp]]
    across: Floats
    later: float
    row: int
    horizon: float


@compiled(cache=True)
def index(iv: Floats, rate: Floats, smile: Smile, out: Floats) -> None:
    """100 σ of each surface, as :func:`engine.surfaces.vix.from_surface` says.

    Args:
        iv: ``(n, N)`` float64, contiguous, maturity fastest.
        rate: ``(n,)`` per year.
        smile: where the vols come from.
        out: ``(n,)`` receives the index points.
    """
    k, horizon, size = smile.strike, smile.horizon, smile.strike.shape[0]
    root = math.sqrt(horizon)
    centre, half, price = np.empty(size), np.empty(size), np.empty(size)
    for i in range(iv.shape[0]):
        surface = iv[i]
        discount = math.exp(-rate[i] * horizon)
        forward = 1.0 / discount
        at = 0
        while at < size - 1 and k[at + 1] <= forward:
            at += 1
        # short loops without branches turn into vector instructions; one long loop does not
        for s in range(size):
            cell, u = smile.cell[s], smile.across[s]
            early = (1.0 - u) * surface[cell] + u * surface[cell + smile.row]
            late = (1.0 - u) * surface[cell + 1] + u * surface[cell + smile.row + 1]
            vol = (1.0 - smile.later) * early + smile.later * late
            spread = (vol if vol > LOWEST_IV else LOWEST_IV) * root
            centre[s] = (rate[i] * horizon - smile.log_strike[s]) / spread
            half[s] = 0.5 * spread
        for s in range(at + 1):  # puts up to K0
            price[s] = k[s] * discount * normal_cdf(half[s] - centre[s]) - normal_cdf(-centre[s] - half[s])
        for s in range(at + 1, size):  # calls above it
            price[s] = normal_cdf(centre[s] + half[s]) - k[s] * discount * normal_cdf(centre[s] - half[s])
        total = 0.0
        for s in range(size):
            total += price[s] * smile.share[s]
        # at K0 the price so far is the put's; by parity the call costs 1 − K0 e^{−rT} more
        total += 0.5 * (1.0 - k[at] * discount) * smile.share[at]
        variance = (2.0 * forward * total - (forward / k[at] - 1.0) ** 2) / horizon
        out[i] = 100.0 * math.sqrt(variance) if variance > 0.0 else 0.0  # rounding, where no option has any value
