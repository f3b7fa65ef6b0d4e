"""Three to five figures that say what a dataset is."""

import numpy as np
import pandas as pd

from engine import datasets as catalogue
from engine.charts import theme
from engine.market import trading_calendar
from engine.market.price_history import PriceHistory
from engine.market.quotes import OptionQuotes

GAP_HELP = "Calendar days from the last day before to the first day after; a weekend counts three."


def metrics(loaded: catalogue.Loaded) -> list[tuple[str, str, str | None, str]]:
    """Three to five figures that say what the data are."""
    data = loaded.data
    rejected = len(loaded.rejected)
    listed = (
        "Rejected",
        "none" if rejected == 0 else f"{rejected:,} {'row' if rejected == 1 else 'rows'}",
        "listed under What was read" if rejected else ("every row was read" if loaded.notes else "built in"),
        "Rows of the file that could not be used, each with its line and the reason.",
    )
    if isinstance(data, OptionQuotes):
        table = data.table
        zero, crossed = int((table["bid"] == 0).sum()), int((table["bid"] > table["ask"]).sum())
        return [
            ("Quotes", theme.count(len(data)), f"{zero:,} zero bids, {crossed:,} crossed", "All rows that were read."),
            ("Days", theme.count(len(data.dates)), _period(data.period), "Days with quotes."),
            ("Expiries", theme.count(table["expiry"].nunique()), _expiries(table), "Different expiry dates."),
            listed,
        ]
    gap = trading_calendar.longest_gap(data.dates)
    longest = (
        "Longest gap",
        "one day only" if gap is None else f"{gap.days} {'day' if gap.days == 1 else 'days'}",
        None if gap is None else f"from {gap.before}",
        GAP_HELP,
    )
    days = ("Days", theme.count(len(data)), _period(data.period), "Days with data.")
    if isinstance(data, PriceHistory):
        quoted = float((~np.isnan(data.close)).mean())
        share = f"{theme.percent(quoted)} of closes known"
        tickers = ("Tickers", theme.count(len(data.tickers)), share, "Series on the same calendar.")
        return [days, tickers, longest, listed]
    grid = data.grid
    return [
        days,
        (
            "Grid",
            f"{grid.shape[0]} × {grid.shape[1]}",
            f"{grid.moneyness_labels[0]} to {grid.moneyness_labels[-1]}, "
            f"{grid.maturity_labels[0]} to {grid.maturity_labels[-1]}",
            "Moneyness levels K/S and maturities.",
        ),
        longest,
        listed,
    ]


def _expiries(table: pd.DataFrame) -> str:
    days = np.sort(table["expiry"].to_numpy().astype("datetime64[D]"))
    return _period((str(days[0]), str(days[-1])))


def _period(period: tuple[str, str]) -> str:
    return period[0] if period[0] == period[1] else f"{period[0]} to {period[1]}"
