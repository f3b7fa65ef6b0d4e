"""The compiled inner loops on surfaces: penalties of static arbitrage, and the sum behind the volatility index.

Each surface is priced and checked while its 10×8 numbers sit in the first-level cache, and nothing of it but its total
need be written to memory. The loops release the interpreter lock, share no state and treat every surface by itself, so
any number of threads may run them on any split of the data and get the same bits.

The normal distribution function is a table with a Taylor polynomial, because that turns into vector instructions while
a call of ``erfc`` does not. For the same reason the arrays of a surface are padded and the three violations are one
loop without special cases at the edges.

numba takes a while to import: callers import this module where they need it.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numba import njit

from engine.market.grid import LOWEST_IV, Floats

PRICE_TOLERANCE = 2e-15
"""Price differences up to this, in units of spot, are rounding and no violation: nine units in the last place of 1.

A computed price is within 5e-16 of the exact one, so a difference that is exactly zero or slightly negative can come
out at +1e-15. Without the tolerance a deep wing, whose price no longer depends on vol, would show violations.
"""

_STEPS = 128  # table nodes per unit
_REACH = 9.0  # N(−9) = 1e-19 is nothing beside a price of 1
_NODES = np.arange(-int(_REACH * _STEPS), int(_REACH * _STEPS) + 1) / _STEPS
# module constants are compiled in as read-only data: no store can alias them, which vectorising needs to know
_CDF = np.array([0.5 * math.erfc(-x / math.sqrt(2.0)) for x in _NODES])
_PDF = np.exp(-0.5 * _NODES**2) / math.sqrt(2.0 * math.pi)
_LANES = 16  # pad to whole vectors, unrolled

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")


def compiled(*fastmath: str, cache: bool = False) -> Callable[[F], F]:
    """``njit`` without the interpreter lock, kept on disk where some folder can be written."""

    def decorate(function: F) -> F:
        options: dict[str, Any] = {"nogil": True, "error_model": "numpy", "fastmath": {"contract", *fastmath}}
        try:
            compiled: F = njit(cache=cache, **options)(function)
        except RuntimeError:  # neither the package's folder nor the user's cache folder can be written
            compiled = njit(**options)(function)
        return compiled

    return decorate


def mapped(chunk: Callable[[int], T], starts: range) -> Iterator[T]:
    """``chunk`` of every start, in order, on all cores this process may use."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    threads = min(len(starts), cores)
    if threads <= 1:
        yield from map(chunk, starts)
        return
    with ThreadPoolExecutor(threads, thread_name_prefix="chunk") as pool:
        yield from pool.map(chunk, starts)


class Layout(NamedTuple):
    """What the loops need to know of a grid of N points, flattened with maturity fastest and padded by zeros.

    Args:
        moneyness, log_moneyness, maturity, root_maturity: ``(N,)``.
        calendar: ``(N + pad,)`` τ_j/(τ_{j+1} − τ_j), 0 in the last maturity.
        slope: ``(n_maturity + N + pad,)`` one row of zeros, then 1/(m_{i+1} − m_i), 0 at the last strike.
        rounding: ``(N + pad,)`` the butterfly's tolerance, infinite where there is no butterfly.
        n_maturity: length of a row.
    """

    moneyness: Floats
    log_moneyness: Floats
    maturity: Floats
    root_maturity: Floats
    calendar: Floats
    slope: Floats
    rounding: Floats
    n_maturity: int


def layout(moneyness: Floats, maturity: Floats) -> Layout:
    """Flatten and pad a grid for :func:`violations`."""
    shape = (len(moneyness), len(maturity))
    size = shape[0] * shape[1]
    padded = -(-size // _LANES) * _LANES
    m, tau = (np.ascontiguousarray(axis).ravel() for axis in np.broadcast_arrays(moneyness[:, None], maturity))
    calendar = np.zeros(padded)
    calendar[:size].reshape(shape)[:, :-1] = maturity[:-1] / np.diff(maturity)
    slope = np.zeros(shape[1] + padded)
    slope[shape[1] :][:size].reshape(shape)[:-1] = 1.0 / np.diff(moneyness)[:, None]
    rounding = np.full(padded, np.inf)
    steps = 1.0 / np.diff(moneyness)
    rounding[:size].reshape(shape)[1:-1] = PRICE_TOLERANCE * (steps[1:] + steps[:-1])[:, None]
    return Layout(m, np.log(m), tau, np.sqrt(tau), calendar, slope, rounding, shape[1])


@compiled()
def normal_cdf(d: float) -> float:
    """N(d) from the nearest table node x and a Taylor polynomial in h = d − x.

    N(x + h) = N(x) + φ(x) Σ_{k≥0} (−1)^k He_k(x) h^{k+1}/(k+1)!, |h| ≤ 1/256, up to h⁵: what is left out is below
    1e-17 everywhere. NaN gives 0, since as a table index it would read foreign memory.
    """
    d = d if d > -_REACH else -_REACH
    d = d if d < _REACH else _REACH
    node = np.intp((d + _REACH) * _STEPS + 0.5)
    x = node * (1.0 / _STEPS) - _REACH
    h = d - x
    xx = x * x
    third = (xx - 1.0) * (1.0 / 6.0)
    fourth = x * (3.0 - xx) * (1.0 / 24.0)
    fifth = (xx * (xx - 6.0) + 3.0) * (1.0 / 120.0)
    series = 1.0 + h * (-0.5 * x + h * (third + h * (fourth + h * fifth)))
    value: float = _CDF[node] + _PDF[node] * h * series
    return value


@compiled()
def _carry(rate: float, grid: Layout, forward: Floats, strike: Floats) -> None:
    """Log of forward over strike, and discounted strike, at every grid point."""
    n_maturity = grid.n_maturity
    for j in range(n_maturity):
        discount = math.exp(-rate * grid.maturity[j])
        for k in range(j, forward.shape[0], n_maturity):
            forward[k] = rate * grid.maturity[j] - grid.log_moneyness[k]
            strike[k] = grid.moneyness[k] * discount


@compiled()
def _prices(iv: Floats, root_maturity: Floats, forward: Floats, strike: Floats, price: Floats) -> int:
    """Relative call prices of one surface into ``price``; returns how many vols are not finite and positive."""
    wrong = 0
    for k in range(forward.shape[0]):
        vol = iv[k]
        wrong += 0 if (vol > 0.0) & (vol < np.inf) else 1
        spread = vol * root_maturity[k]
        spread = spread if spread > 1e-300 else 1e-300  # keeps 0/0 out at the forward
        centre = forward[k] / spread
        price[k] = normal_cdf(centre + 0.5 * spread) - strike[k] * normal_cdf(centre - 0.5 * spread)
    return wrong


@compiled("reassoc", "nsz")
def _total(price: Floats, grid: Layout) -> float:
    """Σ (P1 + P2 + P3) of one priced surface; ``price`` has a row of zeros before it and one after."""
    row = grid.n_maturity
    before, here, later, after = price, price[row:], price[row + 1 :], price[2 * row :]
    slope_before, slope = grid.slope, grid.slope[row:]
    total = 0.0
    for k in range(grid.rounding.shape[0]):
        fall = here[k] - later[k]
        rise = after[k] - here[k]
        bend = (here[k] - before[k]) * slope_before[k] - rise * slope[k]
        total += (
            (fall * grid.calendar[k] if fall > PRICE_TOLERANCE else 0.0)
            + (rise * slope[k] if rise > PRICE_TOLERANCE else 0.0)
            + (bend if bend > grid.rounding[k] else 0.0)
        )
    return total


@compiled()
def _matrices(price: Floats, grid: Layout, calendar: Floats, call_spread: Floats, butterfly: Floats) -> None:
    """P1, P2 and P3 of one priced surface, term by term as in :func:`_total`."""
    row = grid.n_maturity
    before, here, later, after = price, price[row:], price[row + 1 :], price[2 * row :]
    slope_before, slope = grid.slope, grid.slope[row:]
    for k in range(calendar.shape[0]):
        fall = here[k] - later[k]
        rise = after[k] - here[k]
        bend = (here[k] - before[k]) * slope_before[k] - rise * slope[k]
        calendar[k] = fall * grid.calendar[k] if fall > PRICE_TOLERANCE else 0.0
        call_spread[k] = rise * slope[k] if rise > PRICE_TOLERANCE else 0.0
        butterfly[k] = bend if bend > grid.rounding[k] else 0.0


@compiled(cache=True)
def violations(iv: Floats, rate: Floats, grid: Layout, matrices: Floats, total: Floats) -> int:
    """Φ of each surface, and its P1, P2, P3 where there is room for them.

    Args:
        iv: ``(n, N)`` float64, contiguous, maturity fastest.
        rate: ``(n,)`` per year.
        grid: from :func:`layout`.
        matrices: ``(n, 3, N)`` receives P1, P2, P3; ``(0, 3, N)`` if only Φ is wanted.
        total: ``(n,)`` receives Φ.

    Returns:
        The first row with a vol that is not finite and positive, or −1.
    """
    n, size = iv.shape
    row = grid.n_maturity
    forward, strike = np.empty(size), np.empty(size)
    price = np.zeros(2 * row + grid.rounding.shape[0])
    first_wrong = -1
    for i in range(n):
        if i == 0 or rate[i] != rate[i - 1]:
            _carry(rate[i], grid, forward, strike)
        wrong = _prices(iv[i], grid.root_maturity, forward, strike, price[row : row + size])
        if wrong > 0 and first_wrong < 0:
            first_wrong = i
        total[i] = _total(price, grid)
        if matrices.shape[0] > 0:
            _matrices(price, grid, matrices[i, 0], matrices[i, 1], matrices[i, 2])
    return first_wrong


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
