"""Daily open and close prices of many tickers, and single index series."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from engine.errors import MarketDataError
from engine.market.grid import Floats
from engine.market.surface_history import Dates, Day, check_dates, cut_after

TICKER = re.compile(r"^[A-Za-z0-9.^=_-]{1,15}$")
"""What a ticker may look like; anything else never reaches a page or a path."""


def check_ticker(ticker: str) -> str:
    """The ticker itself, if it is one.

    Raises:
        MarketDataError: otherwise.
    """
    if not TICKER.fullmatch(ticker):
        raise MarketDataError(f"expected a ticker of 1 to 15 letters, digits or . ^ = _ -; found {ticker[:40]!r}")
    return ticker


@dataclass(frozen=True, eq=False)
class PriceHistory:
    """Daily prices of several tickers on one calendar.

    Args:
        dates: ``(n,)`` strictly increasing days.
        close: ``(n, n_tickers)`` closing prices, > 0; NaN where a ticker was not quoted that day.
        tickers: their names, distinct.
        open: ``(n, n_tickers)`` opening prices, if known.
        sector_of: ticker → the ticker of its sector ETF.
        name: what a person calls these data.

    Raises:
        MarketDataError: what was expected, what was found, and where.
    """

    dates: Dates
    close: Floats
    tickers: tuple[str, ...]
    open: Floats | None = None
    sector_of: Mapping[str, str] = field(default_factory=dict)
    name: str = ""

    def __post_init__(self) -> None:
        dates = np.array(self.dates, dtype="datetime64[D]")
        if len(dates) == 0:
            raise MarketDataError("expected at least one day of prices; found none")
        check_dates(dates)
        tickers = tuple(check_ticker(t) for t in self.tickers)
        if not tickers:
            raise MarketDataError("expected at least one ticker; found none")
        if len(set(tickers)) != len(tickers):
            twice = next(t for t in tickers if tickers.count(t) > 1)
            raise MarketDataError(f"expected distinct tickers; found {twice} twice")
        for ticker, etf in self.sector_of.items():
            check_ticker(ticker)
            check_ticker(etf)
        dates.flags.writeable = False
        object.__setattr__(self, "dates", dates)
        object.__setattr__(self, "tickers", tickers)
        object.__setattr__(self, "close", _prices("close", self.close, dates, tickers))
        if self.open is not None:
            object.__setattr__(self, "open", _prices("open", self.open, dates, tickers))

    def __len__(self) -> int:
        return len(self.dates)

    def __getitem__(self, rows: slice) -> PriceHistory:
        """Some of the days, in their order."""
        opened = None if self.open is None else self.open[rows]
        return replace(self, dates=self.dates[rows], close=self.close[rows], open=opened)

    def split(self, *, after: Day | None = None, fraction: float | None = None) -> tuple[PriceHistory, PriceHistory]:
        """Chronological split into a training and a test part; see :meth:`SurfaceHistory.split`."""
        cut = cut_after(self.dates, after, fraction)
        return self[:cut], self[cut:]

    def column(self, ticker: str) -> int:
        """Column of a ticker.

        Raises:
            MarketDataError: if it is not in the history.
        """
        if ticker not in self.tickers:
            raise MarketDataError(f"expected one of the {len(self.tickers)} tickers loaded; found {ticker[:40]!r}")
        return self.tickers.index(ticker)

    @property
    def digest(self) -> str:
        """SHA-256 of the content (not the name)."""
        content = hashlib.sha256(b"scenarist-prices-1")
        content.update(self.dates.astype(np.int64).tobytes())
        content.update("\0".join(self.tickers).encode())
        content.update(self.close.tobytes())
        content.update(b"none" if self.open is None else self.open.tobytes())
        content.update("\0".join(f"{k}={v}" for k, v in sorted(self.sector_of.items())).encode())
        return content.hexdigest()

    @property
    def fingerprint(self) -> str:
        """The first 12 characters of the digest, for people."""
        return self.digest[:12]

    @property
    def period(self) -> tuple[str, str]:
        """First and last day, ISO."""
        return str(self.dates[0]), str(self.dates[-1])


def _prices(name: str, values: Floats, dates: Dates, tickers: tuple[str, ...]) -> Floats:
    prices = np.array(values, dtype=np.float64)
    expected = (len(dates), len(tickers))
    if prices.shape != expected:
        raise MarketDataError(f"expected {name} prices of shape {expected}; found {prices.shape}")
    bad = np.argwhere(~((prices > 0) & (prices < np.inf)) & ~np.isnan(prices))
    if len(bad):
        row, column = bad[0]
        raise MarketDataError(
            f"expected {name} prices > 0; found {prices[row, column]:g} for {tickers[column]} on {dates[row]}"
        )
    prices[np.isnan(prices)] = np.nan  # one bit pattern, so that the digest knows content only
    prices.flags.writeable = False
    return prices
