"""What a dataset is in figures, and what it looks like in pictures of its kind."""

import numpy as np
import pandas as pd
import streamlit as st

from engine import datasets as catalogue
from engine.charts import market as draw
from engine.charts import surfaces, theme
from engine.market import trading_calendar
from engine.market.price_history import PriceHistory
from engine.market.quotes import OptionQuotes
from engine.market.surface_history import Dates, SurfaceHistory
from pages.ui import datasets as picker
from pages.ui import downloads, frame, widths

DAY = "A day without data stands for the last day with data before it."
FIRST_TICKERS = 5

MOST_TICKERS = 8


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
        expiry = table["expiry"].to_numpy().astype("datetime64[D]")
        expiries = _period((str(expiry.min()), str(expiry.max())))
        zero, crossed = int((table["bid"] == 0).sum()), int((table["bid"] > table["ask"]).sum())
        return [
            ("Quotes", theme.count(len(data)), f"{zero:,} zero bids, {crossed:,} crossed", "All rows that were read."),
            ("Days", theme.count(len(data.dates)), _period(data.period), "Days with quotes."),
            (
                "Expiries",
                theme.count(table["expiry"].nunique()),
                _period((expiries[0], expiries[-1])),
                "Different expiry dates.",
            ),
            listed,
        ]
    gap = trading_calendar.longest_gap(data.dates)
    longest = (
        "Longest gap",
        "one day only" if gap is None else f"{gap.days} {'day' if gap.days == 1 else 'days'}",
        None if gap is None else f"from {gap.before}",
        "Calendar days from the last day before to the first day after; a weekend counts three.",
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


def _period(period: tuple[str, str]) -> str:
    return period[0] if period[0] == period[1] else f"{period[0]} to {period[1]}"


def show(loaded: catalogue.Loaded) -> None:
    """The preview of any kind of data."""
    if isinstance(loaded.data, SurfaceHistory):
        _surfaces(loaded.data)
    elif isinstance(loaded.data, PriceHistory):
        _prices(loaded.data)
    else:
        _quotes(loaded.data)


def _surfaces(history: SurfaceHistory) -> None:
    row = _day_row(history.dates, history.fingerprint)
    maturity = float(np.clip(1 / 12, history.grid.maturity[0], history.grid.maturity[-1]))
    day = history.dates[row]
    st.header(f"Surface of {day}", anchor=False)
    left, right = widths.columns(2)
    frame.picture(surfaces.surface_heatmap, history.iv[row], history.grid, key="market_heatmap", where=left)
    frame.picture(surfaces.smile_slices, history.iv[row], history.grid, key="market_smiles", where=right)
    st.header("Spot and at-the-money vol", anchor=False)
    frame.picture(draw.spot_and_vol, history, maturity=maturity, row=row, key="market_spot")
    _missing(history.dates)


def _prices(history: PriceHistory) -> None:
    known = ~np.isnan(history.close)
    quoted = known.any(axis=0)
    first, last = known.argmax(axis=0), len(history) - 1 - known[::-1].argmax(axis=0)
    dates = history.dates.astype(str)
    st.dataframe(
        pd.DataFrame(
            {
                "ticker": history.tickers,
                "sector ETF": [history.sector_of.get(t, "") for t in history.tickers],
                "first day": np.where(quoted, dates[first], ""),
                "last day": np.where(quoted, dates[last], ""),
                "closes": known.sum(axis=0),
                "opens": 0 if history.open is None else (~np.isnan(history.open)).sum(axis=0),
            }
        ),
        hide_index=True,
        key="market_tickers",
    )
    chosen = st.multiselect(
        "Tickers to draw",
        history.tickers,
        list(history.tickers[:FIRST_TICKERS]),
        max_selections=MOST_TICKERS,
        key=f"market_drawn_{history.fingerprint}",
    )
    if chosen:
        frame.picture(draw.closes, history, chosen, key="market_closes")
    _missing(history.dates)


def _quotes(quotes: OptionQuotes) -> None:
    days = quotes.dates
    day = days[_day_row(days, quotes.fingerprint)] if len(days) > 1 else days[0]
    st.header(f"Quotes of {day} by expiry", anchor=False)
    frame.picture(draw.quotes_by_expiry, quotes, day, key="market_expiries")
    of_day = quotes.table[quotes.table["date"].to_numpy().astype("datetime64[D]") == day]
    counts = draw.expiry_counts(of_day)
    st.dataframe(counts, hide_index=True, key="market_expiry_table")
    downloads.table_buttons(lambda: counts, f"quotes_by_expiry_{day}", key="expiries")


def _missing(dates: Dates) -> None:
    missing = trading_calendar.missing_weekdays(dates)
    st.header("Weekdays without data", anchor=False)
    if not len(missing):
        st.text("Every weekday from the first day to the last has data.")
        return
    frame.picture(draw.calendar, dates, key="market_calendar")
    years = (dates[-1] - dates[0]).astype(int) / 365.25
    rate = f", about {len(missing) / years:.1f} a year (exchange holidays are 9 to 10)" if years > 1 else ""
    st.text(f"{len(missing):,} weekdays are missing{rate}.")
    downloads.table_buttons(lambda: pd.DataFrame({"missing": missing.astype(str)}), "missing_days", key="missing")


def _day_row(dates: Dates, fingerprint: str) -> int:
    return picker.day_row(dates, len(dates) - 1, key=f"market_day_{fingerprint}", help=DAY)
