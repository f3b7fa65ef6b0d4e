"""Real daily index prices that are always there: the example data of the ``arch`` package.

The files are read directly: importing ``arch`` takes seconds.
"""

from __future__ import annotations

import functools
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd

from engine.errors import MarketDataError
from engine.market.price_history import PriceHistory

INDICES = {"SP500": "sp500", "NASDAQ": "nasdaq"}
"""Ticker → folder and file of the package's data."""


@functools.cache
def builtin_prices() -> PriceHistory:
    """Opens and closes of the S&P 500 and the NASDAQ composite, 1999-01-04 to 2018-12-31.

    A day on which only one index was quoted has NaN for the other. Read once, then kept for the life of the process.

    Raises:
        MarketDataError: if the ``arch`` package, or its data, are not installed.
    """
    tables = {ticker: _read(name) for ticker, name in INDICES.items()}
    joined = pd.concat(tables, axis=1).sort_index()  # columns (ticker, field)
    return PriceHistory(
        dates=joined.index.to_numpy().astype("datetime64[D]"),
        close=np.stack([joined[ticker, "Close"].to_numpy() for ticker in INDICES], axis=1),
        open=np.stack([joined[ticker, "Open"].to_numpy() for ticker in INDICES], axis=1),
        tickers=tuple(INDICES),
        name="S&P 500 and NASDAQ, daily (1999–2018)",
    )


def _read(name: str) -> pd.DataFrame:
    package = find_spec("arch")
    if package is None or package.origin is None:
        raise MarketDataError(
            "expected the package arch, which holds the built-in index prices; found it not installed"
        )
    path = Path(package.origin).parent / "data" / name / f"{name}.csv.gz"
    if not path.is_file():
        raise MarketDataError(f"expected the built-in prices {name}.csv.gz inside the package arch; found no such file")
    return pd.read_csv(path, usecols=["Date", "Open", "Close"], index_col="Date", parse_dates=True)
