"""Downloadable examples of every file format, filled with made-up numbers that follow a formula."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from engine.market.export import prices_table, surfaces_table
from engine.market.grid import Floats, Grid
from engine.market.price_history import PriceHistory
from engine.market.surface_history import Dates, SurfaceHistory

_DAYS = 10
_GRID = Grid([0.8, 0.9, 1.0, 1.1, 1.2], np.array([30, 91, 182, 365]) / 365)


@dataclass(frozen=True)
class Template:
    """An example file.

    Args:
        file: the name it is downloaded under.
        kind: what it holds, one of the kinds of the reader.
        title: words for people.
        about: one sentence on what goes into it.
        content: the file itself.
    """

    file: str
    kind: str
    title: str
    about: str
    content: bytes


@functools.cache
def templates() -> tuple[Template, ...]:
    """One example for every format; its numbers are made up, by formula."""
    return tuple(
        Template(file, kind, title, about, table().to_csv(index=False, lineterminator="\n").encode())
        for file, kind, title, about, table in _SPECS
    )


def _weekdays() -> Dates:
    days: Dates = np.busday_offset(np.datetime64("2024-01-02"), np.arange(_DAYS), roll="forward")
    return days


def _iso(days: Dates) -> list[str]:
    return [str(day) for day in days]


def _wave(phase: float = 0.0) -> Floats:
    wave: Floats = np.sin(np.arange(_DAYS) / 2 + phase)
    return wave


def _smile(m: Floats, tau: Floats, level: Floats) -> Floats:
    iv: Floats = level - 0.15 * np.log(m) / np.sqrt(1 + 4 * tau) + 0.01 * tau
    return iv


def _history() -> SurfaceHistory:
    level = 0.2 + 0.02 * _wave()
    iv = _smile(_GRID.moneyness[:, None], _GRID.maturity, level[:, None, None]).round(4)
    spot = (100 - 2 * _wave()).round(2)
    return SurfaceHistory(_weekdays(), spot, iv, _GRID, np.full(_DAYS, 0.02), (100 * level).round(2))


def _prices() -> PriceHistory:
    close = np.stack([50 + _wave(), 20 + 0.5 * _wave(1.0), 30 + 0.3 * _wave(0.5)], axis=1).round(2)
    opens = (close + 0.1).round(2)
    return PriceHistory(_weekdays(), close, ("AAA", "BBB", "ETF"), opens)


def _wide_closes() -> pd.DataFrame:
    prices = _prices()
    table = pd.DataFrame(prices.close, columns=list(prices.tickers))
    table.insert(0, "date", _iso(prices.dates))
    return table


def _quotes() -> pd.DataFrame:
    """Black–Scholes prices on the smile of the template surfaces, with a spread of 0.10."""
    day, spot = np.datetime64("2024-01-02"), 100.0
    rows = []
    for days in (31, 94, 185):
        for strike in (80.0, 90.0, 100.0, 110.0, 120.0):
            tau = days / 365
            iv = float(_smile(np.array(strike / spot), np.array(tau), np.array(0.2)))
            for type, mid in zip("CP", _black_scholes(spot, strike, tau, iv, 0.02), strict=True):
                bid, ask = max(round(mid - 0.05, 2), 0.0), round(mid + 0.05, 2)
                rows.append((str(day), spot, str(day + days), strike, type, bid, ask, 100, round(iv, 4)))
    names = ["quote_date", "spot", "expiration", "strike", "type", "bid", "ask", "volume", "iv"]
    return pd.DataFrame(rows, columns=names)


def _optionmetrics() -> pd.DataFrame:
    quotes = _quotes()
    return pd.DataFrame(
        {
            "date": quotes["quote_date"],
            "exdate": quotes["expiration"],
            "cp_flag": quotes["type"],
            "strike_price": (1000 * quotes["strike"]).astype(int),
            "best_bid": quotes["bid"],
            "best_offer": quotes["ask"],
            "volume": quotes["volume"],
            "impl_volatility": quotes["iv"],
            "spot": quotes["spot"],
        }
    )


def _black_scholes(spot: float, strike: float, tau: float, iv: float, rate: float) -> tuple[float, float]:
    def normal(x: float) -> float:
        return 0.5 * math.erfc(-x / math.sqrt(2))

    width = iv * math.sqrt(tau)
    d1 = (math.log(spot / strike) + rate * tau) / width + width / 2
    discounted = strike * math.exp(-rate * tau)
    call = spot * normal(d1) - discounted * normal(d1 - width)
    return call, call - spot + discounted


_SPECS: tuple[tuple[str, str, str, str, Callable[[], pd.DataFrame]], ...] = (
    (
        "surfaces_wide.csv",
        "surfaces",
        "Surfaces, one row a day",
        "One column iv_<days>d_<moneyness K/S> for each point of the grid; rate and vix may be left out.",
        lambda: surfaces_table(_history()),
    ),
    (
        "surfaces_long.csv",
        "surfaces",
        "Surfaces, one row a point",
        "Maturity in days or years, moneyness K/S or strike, vols in decimals or percent.",
        lambda: surfaces_table(_history(), "long"),
    ),
    (
        "quotes.csv",
        "quotes",
        "Option quotes",
        "Bid and ask of calls and puts; volume, open interest and vendor vols may be left out.",
        _quotes,
    ),
    (
        "quotes_optionmetrics.csv",
        "quotes",
        "Option quotes with OptionMetrics headings",
        "Strikes are times 1000; the underlying price is a column, or a file of closes beside the quotes.",
        _optionmetrics,
    ),
    (
        "prices_tidy.csv",
        "prices",
        "Prices, one row a day and ticker",
        "Open and close of many tickers; high, low and volume may be there and are not used.",
        lambda: prices_table(_prices()),
    ),
    (
        "AAA.csv",
        "prices",
        "Prices, one file a ticker",
        "The ticker is the file's name; several such files can be uploaded together.",
        lambda: prices_table(_prices()).query("ticker == 'AAA'").drop(columns="ticker"),
    ),
    (
        "prices_wide.csv",
        "prices",
        "Closes, one column a ticker",
        "An empty cell means not quoted that day.",
        _wide_closes,
    ),
    (
        "sectors.csv",
        "sectors",
        "Sector map",
        "The sector ETF of each ticker; uploaded beside prices.",
        lambda: pd.DataFrame({"ticker": ["AAA", "BBB"], "sector_etf": ["ETF", "ETF"]}),
    ),
    (
        "vix.csv",
        "series",
        "VIX or any index series",
        "A date and a value; a VIX can be uploaded beside surfaces.",
        lambda: pd.DataFrame({"date": _iso(_weekdays()), "close": _history().vix}),
    ),
)
