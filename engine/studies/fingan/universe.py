"""Which tickers a study of Fin-GAN works on, their windows on one calendar, and those that cannot be used."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import pandas as pd

from engine.decisions import forecasting
from engine.errors import MarketDataError, ScenaristError
from engine.evaluation.trading import Traded
from engine.market.grid import Floats
from engine.market.price_history import PriceHistory, check_ticker
from engine.market.returns import BadOpens, HalfDayWindows, fingan_windows
from engine.market.surface_history import Dates
from engine.models.fingan.networks import Asset

PARTS = ("train", "validation", "test")


@dataclass(frozen=True, eq=False)
class Universe:
    """The tickers of a study.

    Args:
        windows: of every ticker that can be used.
        refused: (ticker, sector ETF or None, why) of every one that cannot.
    """

    windows: tuple[HalfDayWindows, ...]
    refused: tuple[tuple[str, str | None, str], ...] = ()

    @property
    def tickers(self) -> tuple[str, ...]:
        """Names of the usable ones, in order."""
        return tuple(one.ticker for one in self.windows)

    def table(self) -> pd.DataFrame:
        """Every ticker asked for: what it is measured against, its windows, and what was left out or wrong."""
        rows = [
            {
                "ticker": one.ticker,
                "sector": one.sector or "",
                "used": True,
                **{part: one.rows(part).stop - one.rows(part).start for part in PARTS},
                "first_test_day": str(one.date[one.rows("test")][0]),
                "last_day": str(one.date[-1]),
                "remark": "; ".join(one.notes),
            }
            for one in self.windows
        ]
        rows += [{"ticker": name, "sector": etf or "", "used": False, "remark": why} for name, etf, why in self.refused]
        return pd.DataFrame(rows)


def asked(prices: PriceHistory, tickers: str = "") -> tuple[tuple[str, str | None], ...]:
    """(ticker, its sector ETF or None) of every ticker that a study is asked for.

    Nothing named: with a sector map its stocks, then its ETFs raw, as in the thesis; without one every ticker raw.

    Args:
        prices: with their sector map.
        tickers: names separated by commas or blanks; empty for all.

    Raises:
        MarketDataError: if a name is no ticker.
    """
    sector_of = prices.sector_of
    names = [check_ticker(name) for name in tickers.replace(",", " ").split()]
    if not names and sector_of:
        names = [*sector_of, *sorted(set(sector_of.values()) - set(sector_of))]
    return tuple((name, sector_of.get(name)) for name in names or prices.tickers)


def universe(prices: PriceHistory, tickers: str = "", *, length: int = 10, bad_opens: str = "keep") -> Universe:
    """Windows of every ticker asked for; one that cannot be used is listed with its reason and stops nothing.

    Raises:
        MarketDataError: if none can be used.
    """
    usable: list[HalfDayWindows] = []
    refused: list[tuple[str, str | None, str]] = []
    for ticker, sector in asked(prices, tickers):
        if ticker in [one.ticker for one in usable]:
            refused.append((ticker, sector, f"expected distinct tickers; found {ticker} named twice, used once"))
            continue
        try:
            found = fingan_windows(prices, ticker, sector, length, bad_opens=cast(BadOpens, bad_opens))
            training_asset(found)  # refuses what no network can be scaled by
        except ScenaristError as error:
            refused.append((ticker, sector, str(error)))
        else:
            usable.append(found)
    if not usable:
        raise MarketDataError(f"expected a ticker that can be used; found none: {refused[0][2]}")
    return Universe(tuple(usable), tuple(refused))


def training_asset(windows: HalfDayWindows) -> Asset:
    """The training part of a ticker's windows, as networks take it.

    Raises:
        MarketDataError: if its reference batch does not vary.
    """
    train = windows.rows("train")
    return Asset(windows.ticker, windows.condition[train], windows.target[train])


class Panel:
    """One part of all tickers on one calendar of days.

    Args:
        windows: of every ticker.
        part: "validation" or "test".
    """

    def __init__(self, windows: Sequence[HalfDayWindows], part: str) -> None:
        self.windows, self.part = tuple(windows), part
        self.tickers = tuple(one.ticker for one in windows)
        self.rows = tuple(one.rows(part) for one in windows)
        self.realised = tuple(one.target[rows] for one, rows in zip(windows, self.rows, strict=True))
        self.date = tuple(one.date[rows] for one, rows in zip(windows, self.rows, strict=True))
        self.days: Dates = np.unique(np.concatenate(self.date))

    def by_day(self, values: Sequence[Floats]) -> Floats:
        """``(tickers, days)`` sums of half-day values over each day, NaN where a ticker has no half-day."""
        summed = np.full((len(self.windows), len(self.days)), np.nan)
        for row, (one, date) in enumerate(zip(values, self.date, strict=True)):
            days, sums = forecasting.daily(one, date)
            summed[row, np.searchsorted(self.days, days)] = sums
        return summed

    def daily(self, ticker: int, bet: Floats) -> tuple[Dates, Floats]:
        """The days of one ticker and ``(…, days)`` the PnL of its bets ``(…, n)``, basis points."""
        return forecasting.daily(forecasting.weighted_pnl(bet, self.realised[ticker]), self.date[ticker])

    def pnl(self, bets: Sequence[Floats]) -> Floats:
        """``(tickers, days)`` daily PnL of bets, basis points."""
        pnl = [forecasting.weighted_pnl(bet, x) for bet, x in zip(bets, self.realised, strict=True)]
        return self.by_day(pnl)

    def traded(self, ticker: int, bet: Floats, expected: Floats | None = None) -> Traded:
        """Bets on one ticker and what followed."""
        rows = self.rows[ticker]
        return Traded(bet, self.realised[ticker], self.date[ticker], self.windows[ticker].overnight[rows], expected)
