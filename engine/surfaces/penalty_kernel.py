"""The compiled inner loops of the static-arbitrage penalty: prices and violations of one surface after another.

Each surface is priced and checked while its 10×8 numbers sit in the first-level cache, and nothing of a surface but
its total is written to memory. The loops release the interpreter lock, share no state and treat every surface by
itself, so any number of threads may run them on any split of the data and get the same bits.

The normal distribution function comes from a table and a Taylor polynomial, because that form turns into vector
instructions while a call of ``erfc`` does not; its error is below 2e-16 (see the tests).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from numba import njit

from engine.market.grid import Floats

PRICE_TOLERANCE = 2e-15
"""Price differences up to this, in units of spot, are rounding and no violation: nine units in the last place of 1.

Prices carry an error of at most 5e-16 (table, two products, the rounding of d1 and d2), so a difference of two that
ought to be zero or slightly negative can come out at +1e-15, and a surface on the boundary of no-arbitrage, such as a
deep wing whose price no longer depends on vol, would show violations that nobody can trade.
"""

_STEPS = 32  # table nodes per unit
_REACH = 9.0  # N(−9) = 1e-19 is nothing beside a price of 1
_NODES = np.arange(-int(_REACH * _STEPS), int(_REACH * _STEPS) + 1) / _STEPS
# module constants are compiled in as read-only data, which lets the compiler see that no store can change them
_CDF = np.array([0.5 * math.erfc(-x / math.sqrt(2.0)) for x in _NODES])
_PDF = np.exp(-0.5 * _NODES**2) / math.sqrt(2.0 * math.pi)

F = TypeVar("F", bound=Callable[..., Any])


def _compiled(*fastmath: str) -> Callable[[F], F]:
    """``njit`` without the interpreter lock, kept on disk where some folder can be written."""

    def decorate(function: F) -> F:
        options: dict[str, Any] = {"nogil": True, "error_model": "numpy", "fastmath": {"contract", *fastmath}}
        try:
            compiled: F = njit(cache=True, **options)(function)
        except RuntimeError:  # neither the package's folder nor the user's cache folder can be written
            compiled = njit(**options)(function)
        return compiled

    return decorate


@_compiled()
def normal_cdf(d: float) -> float:
    """N(d): the nearest of 577 tabulated values, and a Taylor polynomial of degree 7 in the distance to its node.

    N(x + h) = N(x) + φ(x) Σ_k (−1)^k He_k(x) h^{k+1}/(k+1)!
    """
    d = min(max(d, -_REACH), _REACH)
    node = np.intp((d + _REACH) * _STEPS + 0.5)
    x = node * (1.0 / _STEPS) - _REACH
    h = d - x
    xx = x * x
    a2 = (xx - 1.0) * (1 / 6)
    a3 = -x * (xx - 3.0) * (1 / 24)
    a4 = (xx * (xx - 6.0) + 3.0) * (1 / 120)
    a5 = -x * (xx * (xx - 10.0) + 15.0) * (1 / 720)
    a6 = (xx * (xx * (xx - 15.0) + 45.0) - 15.0) * (1 / 5040)
    series = 1.0 + h * (-0.5 * x + h * (a2 + h * (a3 + h * (a4 + h * (a5 + h * a6)))))
    value: float = _CDF[node] + _PDF[node] * h * series
    return value


@_compiled()
def _carry(rate: float, moneyness: Floats, maturity: Floats, forward: Floats, strike: Floats) -> None:
    """Log forward over strike and discounted strike at every grid point, for one rate."""
    n_maturity = maturity.shape[0]
    for j in range(n_maturity):
        discount = math.exp(-rate * maturity[j])
        for i in range(moneyness.shape[0]):
            forward[i * n_maturity + j] = rate * maturity[j] - math.log(moneyness[i])
            strike[i * n_maturity + j] = moneyness[i] * discount


@_compiled()
def _prices(iv: Floats, forward: Floats, root: Floats, strike: Floats, price: Floats) -> int:
    """Relative call prices of one surface into ``price``; returns how many vols are not finite and positive."""
    wrong = 0
    for k in range(iv.shape[0]):
        vol = iv[k]
        wrong += 0 if (vol > 0.0) & (vol < np.inf) else 1
        total = max(vol * root[k], 1e-300)  # keeps 0/0 out at the forward
        centre = forward[k] / total
        price[k] = normal_cdf(centre + 0.5 * total) - strike[k] * normal_cdf(centre - 0.5 * total)
    return wrong


@_compiled("reassoc", "nsz")
def _total(price: Floats, calendar: Floats, slope: Floats, rounding: Floats, n_maturity: int) -> float:
    """Σ (P1 + P2 + P3) of one priced surface."""
    n = slope.shape[0]
    last = n - n_maturity
    total = 0.0
    for k in range(n - 1):
        fall = price[k] - price[k + 1]
        total += fall * calendar[k] if fall > PRICE_TOLERANCE else 0.0
    for k in range(last):
        rise = price[k + n_maturity] - price[k]
        total += rise * slope[k] if rise > PRICE_TOLERANCE else 0.0
    for k in range(n_maturity, last):
        before = (price[k] - price[k - n_maturity]) * slope[k - n_maturity]
        bend = before - (price[k + n_maturity] - price[k]) * slope[k]
        total += bend if bend > rounding[k] else 0.0
    return total


@_compiled()
def _matrices(
    price: Floats,
    calendar: Floats,
    slope: Floats,
    rounding: Floats,
    n_maturity: int,
    p1: Floats,
    p2: Floats,
    p3: Floats,
) -> None:
    """P1, P2 and P3 of one priced surface, into zeroed arrays."""
    n = slope.shape[0]
    last = n - n_maturity
    for k in range(n - 1):
        fall = price[k] - price[k + 1]
        p1[k] = fall * calendar[k] if fall > PRICE_TOLERANCE else 0.0
    for k in range(last):
        rise = price[k + n_maturity] - price[k]
        p2[k] = rise * slope[k] if rise > PRICE_TOLERANCE else 0.0
    for k in range(n_maturity, last):
        before = (price[k] - price[k - n_maturity]) * slope[k - n_maturity]
        bend = before - (price[k + n_maturity] - price[k]) * slope[k]
        p3[k] = bend if bend > rounding[k] else 0.0


@_compiled()
def _weights(
    moneyness: Floats, maturity: Floats, root: Floats, calendar: Floats, slope: Floats, rounding: Floats
) -> None:
    """What depends on the grid alone: √τ, τ_j/(τ_{j+1} − τ_j), 1/(m_{i+1} − m_i) and the butterfly's tolerance."""
    n_maturity = maturity.shape[0]
    for i in range(moneyness.shape[0]):
        for j in range(n_maturity):
            k = i * n_maturity + j
            root[k] = math.sqrt(maturity[j])
            calendar[k] = maturity[j] / (maturity[j + 1] - maturity[j]) if j + 1 < n_maturity else 0.0
            slope[k] = 1.0 / (moneyness[i + 1] - moneyness[i]) if i + 1 < moneyness.shape[0] else 0.0
            rounding[k] = PRICE_TOLERANCE * (slope[k] + slope[k - n_maturity]) if i > 0 else 0.0


@_compiled()
def totals(iv: Floats, rate: Floats, moneyness: Floats, maturity: Floats, out: Floats) -> int:
    """Φ of each surface.

    Args:
        iv: ``(n, n_moneyness · n_maturity)`` float64, contiguous, maturity fastest.
        rate: ``(n,)`` per year.
        moneyness, maturity: the grid's axes.
        out: ``(n,)`` receives Φ.

    Returns:
        The first row with a vol that is not finite and positive, or −1.
    """
    n, size = iv.shape
    root, calendar, slope, rounding = np.empty(size), np.empty(size), np.empty(size), np.empty(size)
    _weights(moneyness, maturity, root, calendar, slope, rounding)
    forward, strike, price = np.empty(size), np.empty(size), np.empty(size)
    first_wrong = -1
    for row in range(n):
        if row == 0 or rate[row] != rate[row - 1]:
            _carry(rate[row], moneyness, maturity, forward, strike)
        wrong = _prices(iv[row], forward, root, strike, price)
        if wrong and first_wrong < 0:
            first_wrong = row
        out[row] = _total(price, calendar, slope, rounding, maturity.shape[0])
    return first_wrong


@_compiled()
def matrices(
    iv: Floats, rate: Floats, moneyness: Floats, maturity: Floats, p1: Floats, p2: Floats, p3: Floats, out: Floats
) -> int:
    """Φ of each surface as :func:`totals`, and its P1, P2, P3 into zeroed ``(n, n_moneyness · n_maturity)`` arrays."""
    n, size = iv.shape
    root, calendar, slope, rounding = np.empty(size), np.empty(size), np.empty(size), np.empty(size)
    _weights(moneyness, maturity, root, calendar, slope, rounding)
    forward, strike, price = np.empty(size), np.empty(size), np.empty(size)
    first_wrong = -1
    for row in range(n):
        if row == 0 or rate[row] != rate[row - 1]:
            _carry(rate[row], moneyness, maturity, forward, strike)
        wrong = _prices(iv[row], forward, root, strike, price)
        if wrong and first_wrong < 0:
            first_wrong = row
        out[row] = _total(price, calendar, slope, rounding, maturity.shape[0])
        _matrices(price, calendar, slope, rounding, maturity.shape[0], p1[row], p2[row], p3[row])
    return first_wrong
