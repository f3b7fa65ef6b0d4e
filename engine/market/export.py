"""Histories as tables in the project's own formats: what the reader reads back unchanged."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd

from engine.market.price_history import PriceHistory
from engine.market.surface_history import SurfaceHistory

Layout = Literal["wide", "long"]


def surfaces_table(history: SurfaceHistory, layout: Layout = "wide") -> pd.DataFrame:
    """Surfaces as a table: ``date, spot, rate, vix, iv_<days>d_<moneyness>…``, or one row a point.

    The wide layout has half-spreads as ``half_spread_call_<days>d_<moneyness>…`` and ``half_spread_put_…``, as
    fractions of spot; the long one has none. Rate and VIX are there if the history has them; vols are decimals,
    maturities days (years × 365).
    """
    daily: dict[str, object] = {"date": np.datetime_as_string(history.dates, unit="D"), "spot": history.spot}
    if history.rate.any():
        daily["rate"] = history.rate
    if history.vix is not None:
        daily["vix"] = history.vix
    if layout == "long":
        return _long(history, pd.DataFrame(daily))
    grid = history.grid
    names = [f"{365 * tau:.6g}d_{m:.6g}" for m in grid.moneyness for tau in grid.maturity]
    columns = [pd.DataFrame(daily), pd.DataFrame(history.grid.flatten(history.iv), columns=[f"iv_{n}" for n in names])]
    if history.half_spread is not None:
        flat = history.grid.flatten(history.half_spread)  # (n, 2, N)
        for side, word in enumerate(("call", "put")):
            columns.append(pd.DataFrame(flat[:, side], columns=[f"half_spread_{word}_{n}" for n in names]))
    return pd.concat(columns, axis=1)


def prices_table(history: PriceHistory) -> pd.DataFrame:
    """Prices as a tidy table: ``date, ticker, open, close``, one row for each day that a ticker was quoted."""
    row, ticker = np.nonzero(~np.isnan(history.close))
    content: dict[str, object] = {
        "date": np.datetime_as_string(history.dates, unit="D")[row],
        "ticker": np.array(history.tickers, dtype=object)[ticker],
    }
    if history.open is not None:
        content["open"] = history.open[row, ticker]
    content["close"] = history.close[row, ticker]
    return pd.DataFrame(content)


def _long(history: SurfaceHistory, daily: pd.DataFrame) -> pd.DataFrame:
    grid = history.grid
    long = daily.loc[daily.index.repeat(grid.size)].reset_index(drop=True)
    long.insert(2, "maturity", np.tile(365 * grid.maturity, len(history) * len(grid.moneyness)))
    long.insert(3, "moneyness", np.tile(np.repeat(grid.moneyness, len(grid.maturity)), len(history)))
    long.insert(4, "iv", history.iv.ravel())
    return long
