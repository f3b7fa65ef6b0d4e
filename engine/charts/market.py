"""Market data as pictures: missing days in the calendar, spot and vol, closes, quotes by expiry."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from engine.charts import marks, theme
from engine.market import trading_calendar
from engine.market.grid import maturity_label
from engine.market.price_history import PriceHistory
from engine.market.quotes import OptionQuotes
from engine.market.surface_history import Dates, SurfaceHistory

ROW_HEIGHT = 22
"""Pixels a year of the calendar."""

LEVELS = [step * 10.0**power for power in range(-1, 7) for step in (1, 1.5, 2, 3, 5, 7)]
"""Ticks of a logarithmic axis of closes that start at 100."""

FEW_DAYS = 8
"""Histories so short get one tick a day: plotly would write hours."""

MOST_EXPIRIES = 60
"""More expiries than this are not drawn as bars of their own."""


def calendar(dates: Dates, *, dark: bool = False) -> go.Figure:
    """Weekdays without data, one row a year and one column a week; one missing day is usually a holiday.

    Args:
        dates: ``(n,)`` increasing days with data.
        dark: drawn on a dark background.
    """
    weeks = trading_calendar.by_week(dates)
    missing = trading_calendar.missing_weekdays(dates)
    total = f"{theme.count(len(missing))} weekdays without data"
    listed: dict[np.datetime64, list[str]] = {}
    for day in missing:
        monday = day - (day.astype(np.int64) + 3) % 7
        listed.setdefault(monday, []).append(str(day))
    words = [
        [_week_words(monday, count, listed) for monday, count in zip(*row, strict=True)]
        for row in zip(weeks.mondays, weeks.missing, strict=True)
    ]
    fig = go.Figure(
        go.Heatmap(
            x=np.arange(1, trading_calendar.WEEKS + 1),
            y=[str(year) for year in weeks.years],
            z=theme.float32(weeks.missing),
            zmin=0,
            zmax=5,
            colorscale=theme.colour_scale("penalty", dark),
            colorbar={"title": {"text": "days"}, "thickness": 12, "tickvals": [0, 1, 2, 3, 4, 5]},
            xgap=1,
            ygap=1,
            text=words,
            hovertemplate="%{text}<extra></extra>",
            hoverongaps=False,
        )
    )
    fig.update_xaxes(showgrid=False, dtick=4, tick0=1)
    fig.update_yaxes(showgrid=False, type="category", autorange="reversed")
    fig.update_layout(plot_bgcolor=theme.GUIDE)
    gap = trading_calendar.longest_gap(dates)
    longest = "" if gap is None else f"; the longest gap is {gap.days} days, from {gap.before} to {gap.after}"
    alt = f"Calendar of missing days, {dates[0]} to {dates[-1]}: {total}{longest}."
    height = 110 + ROW_HEIGHT * max(3, len(weeks.years))
    return theme.base_layout(fig, alt=alt, x_title="Week of the year", height=height)


def spot_and_vol(history: SurfaceHistory, *, maturity: float = 1 / 12, row: int | None = None) -> go.Figure:
    """Spot above, at-the-money implied vol below, with the VIX where it is known.

    Args:
        history: the surfaces.
        maturity: of the at-the-money vol, years.
        row: a day to mark.
    """
    atm = history.atm(maturity)
    name = f"ATM {maturity_label(maturity)}"
    series = [(1, "Spot", history.spot, theme.series_colour(0)), (2, name, 100 * atm, theme.series_colour(1))]
    if history.vix is not None:
        series.append((2, "VIX", history.vix, theme.series_colour(2)))
    fig = make_subplots(rows=2, cols=1, shared_xaxes=True, vertical_spacing=0.06)
    for panel, label, values, colour in series:
        shown = theme.thin(len(values), theme.MOST_POINTS // len(series), keep=values)
        x, mode = history.dates[shown], "lines" if len(shown) > 1 else "markers"
        hover = f"%{{x|%Y-%m-%d}} {label} %{{y:,.2f}}"
        marks.line(fig, x, values[shown], label, colour, hover, width=1.5, mode=mode, row=panel, col=1)
    if len(history) <= FEW_DAYS:
        fig.update_xaxes(dtick=86_400_000, tickformat="%Y-%m-%d")
    if row is not None:
        fig.add_vline(x=str(history.dates[row]), line={"color": theme.REFERENCE, "dash": "dot", "width": 1.5})
    fig.update_yaxes(title_text="Spot", row=1, col=1)
    fig.update_yaxes(title_text="% a year", row=2, col=1)
    top = int(atm.argmax())
    alt = (
        f"Spot from {history.spot[0]:,.6g} on {history.dates[0]} to {history.spot[-1]:,.6g} on {history.dates[-1]}; "
        f"{name} vol from {theme.percent(atm[0])} to {theme.percent(atm[-1])}, highest {theme.percent(atm[top])} on "
        f"{history.dates[top]}."
    )
    return theme.base_layout(fig, alt=alt, legend=True)


def closes(history: PriceHistory, tickers: Sequence[str]) -> go.Figure:
    """Closes of a few tickers on a logarithmic axis, each starting at 100 on its first day.

    Args:
        history: the prices.
        tickers: which to draw.
    """
    fig = go.Figure()
    ends = []
    for number, ticker in enumerate(tickers):
        close = history.close[:, history.column(ticker)]
        quoted = np.flatnonzero(~np.isnan(close))
        if not len(quoted):
            continue
        level = 100 * close / close[quoted[0]]
        shown = theme.thin(len(level), theme.MOST_POINTS // len(tickers), keep=level)
        ends.append(f"{ticker} {level[quoted[-1]]:,.4g}")
        colour, mode = theme.series_colour(number), "lines" if len(quoted) > 1 else "markers"
        hover = f"{ticker} %{{x|%Y-%m-%d}} %{{y:,.1f}}"
        marks.line(fig, history.dates[shown], level[shown], ticker, colour, hover, width=1.5, mode=mode)
    fig.update_yaxes(type="log", tickvals=LEVELS, ticktext=[f"{level:,g}" for level in LEVELS])
    alt = f"Closes from 100 at the start to, at the end: {', '.join(ends) or 'none'}."
    return theme.base_layout(fig, alt=alt, y_title="Close, first day = 100 (log scale)", legend=True)


def quotes_by_expiry(quotes: OptionQuotes, day: np.datetime64) -> go.Figure:
    """Number of call and put quotes of each expiry on one day, zero bids apart.

    Args:
        quotes: the quotes.
        day: the quote day.
    """
    table = quotes.table[quotes.table["date"].to_numpy().astype("datetime64[D]") == day]
    counted = expiry_counts(table)
    shown = counted.iloc[theme.thin(len(counted), MOST_EXPIRIES)]
    fig = go.Figure()
    for number, column in enumerate(("calls", "puts", "zero bids")):
        fig.add_bar(
            x=[str(expiry) for expiry in shown["expiry"]],
            y=shown[column],
            name=column,
            marker={"color": theme.RAW if column == "zero bids" else theme.series_colour(number)},
            hovertemplate=f"%{{x}}: %{{y:,}} {column}<extra></extra>",
        )
    fig.update_xaxes(type="category", showgrid=False)
    fig.update_layout(barmode="group", bargap=0.25)
    alt = (
        f"Quotes of {day} by expiry: {theme.count(counted['calls'].sum())} calls and "
        f"{theme.count(counted['puts'].sum())} puts with {theme.count(counted['zero bids'].sum())} zero bids over "
        f"{len(counted)} expiries."
    )
    return theme.base_layout(fig, alt=alt, x_title="Expiry", y_title="Quotes", legend=True)


def expiry_counts(table: pd.DataFrame) -> pd.DataFrame:
    """Quotes of each expiry: calls, puts, zero bids, crossed (bid above ask), strikes from and to."""
    marked = table.assign(
        calls=table["is_call"],
        puts=~table["is_call"].astype(bool),
        zero=table["bid"] == 0,
        crossed=table["bid"] > table["ask"],
    )
    grouped = marked.groupby("expiry", sort=True)
    counts = grouped.agg(
        calls=("calls", "sum"),
        puts=("puts", "sum"),
        zero=("zero", "sum"),
        crossed=("crossed", "sum"),
        lowest=("strike", "min"),
        highest=("strike", "max"),
    ).reset_index()
    counts["expiry"] = counts["expiry"].to_numpy().astype("datetime64[D]").astype(str)
    return counts.rename(columns={"zero": "zero bids", "lowest": "lowest strike", "highest": "highest strike"})


def _week_words(monday: np.datetime64, count: float, listed: dict[np.datetime64, list[str]]) -> str:
    if np.isnan(count):
        return ""
    days = listed.get(monday, [])
    return f"Week of {monday}: " + (f"missing {', '.join(days)}" if days else "complete")
