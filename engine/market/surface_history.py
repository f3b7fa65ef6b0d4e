"""Daily histories of spot and implied volatility surfaces."""

from __future__ import annotations

import datetime
import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import ArrayLike, NDArray

from engine.errors import MarketDataError
from engine.market.grid import TRADING_DAYS, Floats, Grid

Dates = NDArray[np.datetime64]
Day = datetime.date | np.datetime64 | str

FIRST_CONDITION_ROW = 22
"""First row that can serve as a condition: γ_{t−Δ} needs the 21 returns before it (protocol of SPEC 2)."""

REALISED_WINDOW = 21
"""Trading days in the one-month realised volatility (3.3)."""

HIGHEST_IV = 5.0
"""A vol above 500 % is taken for a unit error, not for a market."""


def realised_vol(log_return: Floats, window: int = REALISED_WINDOW) -> Floats:
    """Annualised realised volatility, γ = sqrt(252/w · Σ R²) over the last w returns (3.3).

    Args:
        log_return: ``(n,)`` daily log-returns.
        window: w, number of returns.

    Returns:
        ``(n - window + 1,)``; element k uses returns k … k+w−1, so it is known when return k+w−1 has ended.

    Raises:
        MarketDataError: if there are fewer than ``window`` returns.
    """
    if len(log_return) < window:
        raise MarketDataError(
            f"expected at least {window} daily returns for realised volatility; found {len(log_return)}"
        )
    squares = sliding_window_view(log_return**2, window)  # (n - window + 1, window)
    vol: Floats = np.sqrt(TRADING_DAYS / window * squares.sum(axis=-1))
    return vol


@dataclass(frozen=True, eq=False)
class SurfaceHistory:
    """Daily spot prices and implied volatility surfaces on one grid; checked once, immutable afterwards.

    Args:
        dates: ``(n,)`` strictly increasing days.
        spot: ``(n,)`` underlying price, > 0.
        iv: ``(n, n_moneyness, n_maturity)`` implied vols, annualised decimals (0.2 = 20 %), in (0, 5].
        grid: the grid of ``iv``.
        rate: interest rate, continuously compounded, per year: one number or ``(n,)``.
        vix: ``(n,)`` volatility index in index points (16.0 = 16 %), if known.
        half_spread: ``(n, 2, n_moneyness, n_maturity)`` half the bid–ask spread of calls [0] and puts [1],
            as a fraction of spot, if known.
        name: what a person calls these data.

    Raises:
        MarketDataError: what was expected, what was found, and on which date.
    """

    dates: Dates
    spot: Floats
    iv: Floats
    grid: Grid
    rate: Floats = 0.0  # type: ignore[assignment]
    vix: Floats | None = None
    half_spread: Floats | None = None
    name: str = ""

    def __post_init__(self) -> None:
        dates = np.array(self.dates, dtype="datetime64[D]")
        n = len(dates)
        if n == 0:
            raise MarketDataError("expected at least one day of surfaces; found none")
        check_dates(dates)
        shape = (n, *self.grid.shape)
        _set(self, "dates", _frozen(dates))
        _set(self, "spot", _positive("spot", self.spot, (n,), dates))
        iv = _positive("implied vol", self.iv, shape, dates)
        if iv.max() > HIGHEST_IV:
            day = np.unravel_index(iv.argmax(), iv.shape)[0]
            raise MarketDataError(
                f"expected implied vols as decimals of at most {HIGHEST_IV:g}; found {iv.max():g} on {dates[day]}"
            )
        _set(self, "iv", iv)
        rate = np.broadcast_to(np.asarray(self.rate, dtype=np.float64), (n,))
        _set(self, "rate", _finite("rate", rate, (n,), dates))
        if self.vix is not None:
            _set(self, "vix", _positive("VIX", self.vix, (n,), dates))
        if self.half_spread is not None:
            spread = _finite("half-spread", self.half_spread, (n, 2, *self.grid.shape), dates)
            if spread.min() < 0:
                day = np.unravel_index(spread.argmin(), spread.shape)[0]
                raise MarketDataError(f"expected half-spreads >= 0; found {spread.min():g} on {dates[day]}")
            _set(self, "half_spread", spread)

    def __len__(self) -> int:
        return len(self.dates)

    def __getitem__(self, rows: slice) -> SurfaceHistory:
        """A contiguous part of the history, sharing memory with it.

        Raises:
            MarketDataError: if the rows are not contiguous, or there are none.
        """
        if not isinstance(rows, slice) or rows.step not in (None, 1):
            raise MarketDataError(f"expected a contiguous slice of days; found {rows}")
        part: SurfaceHistory = object.__new__(SurfaceHistory)
        for key in ("dates", "spot", "iv", "rate", "vix", "half_spread"):
            value = getattr(self, key)
            _set(part, key, None if value is None else value[rows])
        _set(part, "grid", self.grid)
        _set(part, "name", self.name)
        if len(part.dates) == 0:
            first, last, _ = rows.indices(len(self))
            raise MarketDataError(f"expected at least one day in rows {first}:{last} of {len(self)}; found none")
        return part

    def until(self, row: int) -> SurfaceHistory:
        """What is known at the close of ``row`` (negative rows count from the end): the condition of a forecast."""
        row = range(len(self))[row]
        return self[: row + 1]

    def split(
        self, *, after: Day | None = None, fraction: float | None = None
    ) -> tuple[SurfaceHistory, SurfaceHistory]:
        """Chronological split into a training and a test part.

        Args:
            after: last day of the training part, or
            fraction: share of days in the training part.

        Raises:
            MarketDataError: if either part would be empty.
        """
        cut = cut_after(self.dates, after, fraction)
        return self[:cut], self[cut:]

    def row_of(self, day: Day) -> int:
        """Row of a day.

        Raises:
            MarketDataError: if the day is not in the history.
        """
        wanted = _day(day)
        row = int(np.searchsorted(self.dates, wanted))
        if row == len(self) or self.dates[row] != wanted:
            raise MarketDataError(
                f"expected a day of {self.dates[0]} … {self.dates[-1]}; found {wanted}, not in the data"
            )
        return row

    @cached_property
    def log_iv(self) -> Floats:
        """g = log σ, shape of ``iv``."""
        return _frozen(np.log(self.iv))

    @cached_property
    def log_return(self) -> Floats:
        """``(n − 1,)``: R_t = log(S_{t+Δ}/S_t), the return over the step *after* row t."""
        return _frozen(np.diff(np.log(self.spot)))

    @cached_property
    def realised_vol(self) -> Floats:
        """``(n,)`` one-month realised vol known at each row (γ_{t−Δ} of 3.3); NaN before row 21."""
        known = np.full(len(self), np.nan)
        if len(self) > 21:
            known[21:] = realised_vol(self.log_return)
        return _frozen(known)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the content: dates, spot, vols, grid, rate, VIX and half-spreads (not the name)."""
        content = hashlib.sha256(b"scenarist-surfaces-1")
        arrays = (self.dates.astype(np.int64), self.spot, self.iv, self.grid.moneyness, self.grid.maturity, self.rate)
        for array in (*arrays, self.vix, self.half_spread):
            if array is None:
                content.update(b"none")
                continue
            content.update(str(array.shape).encode())
            content.update(np.ascontiguousarray(array).tobytes())
        return content.hexdigest()

    @property
    def fingerprint(self) -> str:
        """The first 12 characters of the digest, for people."""
        return self.digest[:12]

    @property
    def period(self) -> tuple[str, str]:
        """First and last day, ISO."""
        return str(self.dates[0]), str(self.dates[-1])

    def atm(self, maturity: float = 1 / 12) -> Floats:
        """``(n,)`` at-the-money implied vol at a maturity in years."""
        return self.grid.interpolate(self.iv, 1.0, maturity)


def cut_after(dates: Dates, after: Day | None, fraction: float | None) -> int:
    """Number of days in the first part of a chronological split; the arguments are those of ``split``.

    Raises:
        MarketDataError: if either part would be empty, or both or neither is given.
    """
    if after is not None and fraction is None:
        cut = int(np.searchsorted(dates, _day(after), side="right"))
    elif fraction is not None and after is None:
        cut = round(fraction * len(dates))
    else:
        raise MarketDataError("expected either a date or a fraction to split at; found both or neither")
    if not 0 < cut < len(dates):
        raise MarketDataError(
            f"expected a split inside {dates[0]} … {dates[-1]}; found one after day {cut} of {len(dates)}"
        )
    return cut


def check_dates(dates: Dates) -> None:
    """Days must be known, strictly increasing and distinct.

    Raises:
        MarketDataError: naming the first offending day.
    """
    if np.isnat(dates).any():
        raise MarketDataError(f"expected a date in every row; found none in row {int(np.isnat(dates).argmax()) + 1}")
    steps = np.diff(dates).astype(np.int64)
    if (steps <= 0).any():
        row = int((steps <= 0).argmax())
        what = "twice" if steps[row] == 0 else f"after {dates[row]}"
        raise MarketDataError(f"expected strictly increasing dates; found {dates[row + 1]} {what}")


def _day(day: Day) -> np.datetime64:
    parsed: np.datetime64 = np.array([day], dtype="datetime64[D]")[0]
    return parsed


def _frozen(array: NDArray[Any]) -> NDArray[Any]:
    array.flags.writeable = False
    return array


def _set(instance: object, key: str, value: object) -> None:
    object.__setattr__(instance, key, value)


def _finite(name: str, values: ArrayLike, shape: tuple[int, ...], dates: Dates) -> Floats:
    array = np.array(values, dtype=np.float64) + 0.0  # no negative zeros, so that the digest knows content only
    if array.shape != shape:
        raise MarketDataError(f"expected {name} of shape {shape}; found {array.shape}")
    if not np.isfinite(array).all():
        first = np.argwhere(~np.isfinite(array))[0]
        raise MarketDataError(f"expected a finite {name} everywhere; found {array[tuple(first)]} on {dates[first[0]]}")
    return _frozen(array)


def _positive(name: str, values: ArrayLike, shape: tuple[int, ...], dates: Dates) -> Floats:
    array = _finite(name, values, shape, dates)
    if array.min() <= 0:
        day = np.unravel_index(array.argmin(), array.shape)[0]
        raise MarketDataError(f"expected {name} > 0; found {array.min():g} on {dates[day]}")
    return array
