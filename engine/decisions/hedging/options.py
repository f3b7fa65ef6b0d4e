"""Calls, puts and portfolios of them, and what they are worth on surfaces observed or generated.

An option is priced off a surface at its current moneyness K/S and its remaining maturity, with straight lines between
grid points, in moneyness first and then in maturity (SPEC 0). Many options are repriced on many surfaces at once: the
two maturities around the remaining one are blended first, which leaves one smile a surface, and two-way straight lines
do not depend on the order.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine.errors import MarketDataError
from engine.market.grid import DT, LOWEST_IV, Floats, Grid
from engine.surfaces import black_scholes

HEDGING_MONEYNESS = (0.9, 0.95, 0.975, 1.0, 1.025, 1.05, 1.1)
"""Initial moneyness of the hedging options: puts below 1, calls from 1 on (section 4.3)."""

ONE_MONTH = 21 * DT
"""21 trading days in years."""

WORTHLESS = 1e-6
"""An option below this fraction of spot is worthless: a tenth of a cent at a spot of 1,000."""

SAME = 1e-9
"""Strikes (relative) and maturities (years) this close are the same."""


@dataclass(frozen=True)
class Option:
    """A European call or put.

    Args:
        strike: K > 0, currency.
        maturity: years from the day on which positions are entered.
        is_call: True for a call, False for a put.

    Raises:
        MarketDataError: if strike or maturity is not finite and > 0.
    """

    strike: float
    maturity: float
    is_call: bool

    def __post_init__(self) -> None:
        if not (np.isfinite(self.strike) and self.strike > 0):
            raise MarketDataError(f"expected a strike > 0; found {self.strike:g}")
        if not (np.isfinite(self.maturity) and self.maturity > 0):
            raise MarketDataError(
                f"expected an option that has not expired; found a maturity of {self.maturity:g} years"
            )

    @property
    def label(self) -> str:
        """``call 1050.00``."""
        return f"{'call' if self.is_call else 'put'} {self.strike:.2f}"

    def same_as(self, other: Option) -> bool:
        """Whether both are one contract."""
        close = abs(self.strike - other.strike) <= SAME * self.strike and abs(self.maturity - other.maturity) <= SAME
        return close and self.is_call == other.is_call


@dataclass(frozen=True)
class Portfolio:
    """Quantities of options, and of the underlying.

    Args:
        options: distinct contracts.
        quantities: of each, negative if sold.
        underlying: quantity of the underlying.

    Raises:
        MarketDataError: if there is nothing in it, counts differ, a quantity is not finite or a contract is repeated.
    """

    options: tuple[Option, ...]
    quantities: tuple[float, ...]
    underlying: float = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "options", tuple(self.options))
        object.__setattr__(self, "quantities", tuple(float(q) for q in self.quantities))
        if len(self.options) != len(self.quantities):
            raise MarketDataError(
                f"expected a quantity for each of {len(self.options)} options; found {len(self.quantities)}"
            )
        if not (np.any(np.asarray(self.quantities)) or self.underlying):
            raise MarketDataError("expected a portfolio with a position in something; found none")
        if not np.all(np.isfinite([*self.quantities, self.underlying])):
            raise MarketDataError("expected finite quantities; found NaN or infinite ones")
        check_distinct(self.options, "portfolio")

    def value(self, prices: Floats, spot: ArrayLike) -> Floats:
        """V = Σ q_i P_i + q_S S from prices ``(..., n)`` and spot ``(...)``; greeks of V the same way."""
        total: Floats = prices @ np.asarray(self.quantities) + self.underlying * np.asarray(spot)
        return total

    def gross(self, prices: Floats, spot: float) -> float:
        """g = Σ |q_i| P_i + |q_S| S, the gross position, from prices ``(n,)``."""
        return float(prices @ np.abs(self.quantities) + abs(self.underlying) * spot)


def straddle(strike: float, maturity: float = ONE_MONTH, quantity: float = 1.0) -> Portfolio:
    """A call and a put of one strike and maturity."""
    return Portfolio((Option(strike, maturity, True), Option(strike, maturity, False)), (quantity, quantity))


def hedging_set(
    spot: float,
    portfolio: Portfolio | None = None,
    *,
    moneyness: Sequence[float] = HEDGING_MONEYNESS,
    maturity: float = ONE_MONTH,
) -> tuple[Option, ...]:
    """Options of given initial moneyness, puts below 1 and calls from 1 on, less those in the portfolio (section 4.3).

    Args:
        spot: S_0.
        portfolio: what is to be hedged.
        moneyness: K/S_0 of the options.
        maturity: years.
    """
    options = (Option(m * spot, maturity, m >= 1) for m in moneyness)
    held = portfolio.options if portfolio is not None else ()
    return tuple(option for option in options if not any(option.same_as(other) for other in held))


def check_distinct(options: Sequence[Option], where: str) -> None:
    """Each contract once.

    Raises:
        MarketDataError: naming the first repeated contract.
    """
    for position, option in enumerate(options):
        if any(option.same_as(other) for other in options[:position]):
            raise MarketDataError(f"expected each option once in the {where}; found {option.label} twice")


@dataclass(frozen=True, eq=False)
class Quotes:
    """Options on one or more surfaces; all fields ``(..., n)``.

    Args:
        price: currency.
        iv: annualised.
        delta: ∂P/∂S.
        vega: ∂P/∂σ, currency per 1.00 of vol.
        inside: whether moneyness and remaining maturity lie within the grid's strikes and below its last maturity.
    """

    price: Floats
    iv: Floats
    delta: Floats
    vega: Floats
    inside: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Book:
    """Options as arrays, to be priced together.

    Args:
        options: the contracts.
    """

    options: tuple[Option, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "options", tuple(self.options))

    @classmethod
    def union(cls, groups: Iterable[Sequence[Option]]) -> Book:
        """Every contract of several groups once, in the order met."""
        found: list[Option] = []
        for group in groups:
            found += [option for option in group if not any(option.same_as(other) for other in found)]
        return cls(tuple(found))

    def __len__(self) -> int:
        return len(self.options)

    @property
    def strike(self) -> Floats:
        """``(n,)`` currency."""
        return np.array([option.strike for option in self.options])

    @property
    def is_call(self) -> NDArray[np.bool_]:
        """``(n,)``."""
        return np.array([option.is_call for option in self.options], dtype=bool)

    def columns(self, options: Sequence[Option]) -> NDArray[np.intp]:
        """Where given contracts stand in the book."""
        return np.array([next(k for k, o in enumerate(self.options) if o.same_as(x)) for x in options], dtype=np.intp)

    def remaining(self, elapsed: float) -> Floats:
        """``(n,)`` years left after ``elapsed`` years; 0 from expiry on."""
        left = np.array([option.maturity for option in self.options]) - elapsed
        return np.where(left > SAME, left, 0.0)

    def prices(self, spot: ArrayLike, iv: NDArray[Any], grid: Grid, elapsed: float, rate: float) -> Floats:
        """Prices on surfaces of one day: ``(..., n)``; from expiry on the intrinsic value.

        Args:
            spot: ``(...)`` currency.
            iv: ``(..., n_moneyness, n_maturity)``.
            grid: grid of ``iv``.
            elapsed: years since the positions were entered.
            rate: per year.
        """
        s = np.asarray(spot, dtype=np.float64)[..., None]  # (..., 1)
        tau = self.remaining(elapsed)
        vol = vols(iv, grid, self.strike / s, tau)
        return black_scholes.price(s, self.strike, tau, vol, rate, self.is_call)

    def quote(self, spot: float, iv: Floats, grid: Grid, elapsed: float, rate: float) -> Quotes:
        """Prices and sensitivities on one surface, fields ``(n,)``; arguments as in :meth:`prices`."""
        tau, strike, call = self.remaining(elapsed), self.strike, self.is_call
        vol = vols(iv, grid, strike / spot, tau)
        m, low, high = strike / spot, grid.moneyness[0] * (1 - SAME), grid.moneyness[-1] * (1 + SAME)
        return Quotes(
            price=black_scholes.price(spot, strike, tau, vol, rate, call),
            iv=vol,
            delta=black_scholes.delta(spot, strike, tau, vol, rate, call),
            vega=black_scholes.vega(spot, strike, tau, vol, rate, call),
            inside=(m >= low) & (m <= high) & (tau <= grid.maturity[-1] + SAME),
        )


def vols(iv: NDArray[Any], grid: Grid, moneyness: Floats, maturity: Floats, *, floor: float = LOWEST_IV) -> Floats:
    """Each surface's vols at its own moneyness: as ``Grid.interpolate``, but one row of queries for each surface.

    Args:
        iv: ``(..., n_moneyness, n_maturity)``, any quantity on the grid.
        grid: its grid.
        moneyness: ``(..., n)`` for each surface.
        maturity: ``(n,)`` years, the same for every surface.
        floor: the least value returned (lines beyond the grid may fall below zero).

    Returns:
        ``(..., n)``.
    """
    shape = moneyness.shape
    surfaces = np.asarray(iv, dtype=np.float64).reshape(-1, *grid.shape)
    m = moneyness.reshape(len(surfaces), shape[-1])
    m_axis, t_axis = grid.moneyness, grid.maturity
    found = np.empty(m.shape)
    each = np.arange(len(surfaces))[:, None]
    for tau in np.unique(maturity):
        columns = np.flatnonzero(maturity == tau)
        j = min(max(int(np.searchsorted(t_axis, tau, side="right")) - 1, 0), len(t_axis) - 2)
        v = (tau - t_axis[j]) / (t_axis[j + 1] - t_axis[j])
        smile = (1 - v) * surfaces[:, :, j] + v * surfaces[:, :, j + 1]  # (surfaces, n_moneyness)
        slope = np.diff(smile, axis=1) / np.diff(m_axis)
        x = m[:, columns]
        i = np.clip(np.searchsorted(m_axis, x, side="right") - 1, 0, len(m_axis) - 2)
        found[:, columns] = smile[each, i] + slope[each, i] * (x - m_axis[i])
    return np.maximum(found, floor).reshape(shape)


def check_instruments(options: Sequence[Option], spot: float, iv: Floats, grid: Grid, rate: float) -> None:
    """Options that can be entered as hedges today: distinct, alive tomorrow, on the surface, worth something.

    Raises:
        MarketDataError: one sentence for the first that cannot.
    """
    check_distinct(options, "hedging set")
    book = Book(tuple(options))
    for option in options:
        if option.maturity < DT - SAME:
            raise MarketDataError(
                f"expected hedging options that live for at least one trading day; found {option.label} "
                f"with {option.maturity * 365:.2g} days left"
            )
    quotes = book.quote(spot, iv, grid, 0.0, rate)
    for k, option in enumerate(options):
        if not quotes.inside[k]:
            raise MarketDataError(
                f"expected hedging options on the surface (K/S from {grid.moneyness[0]:g} to {grid.moneyness[-1]:g}, "
                f"up to {365 * grid.maturity[-1]:.0f} days); found {option.label} at K/S = {option.strike / spot:.3g} "
                f"and {365 * option.maturity:.0f} days"
            )
        if quotes.price[k] < WORTHLESS * spot:
            raise MarketDataError(
                f"expected hedging options that are worth something; found {option.label} at {quotes.price[k]:.2g}"
            )
