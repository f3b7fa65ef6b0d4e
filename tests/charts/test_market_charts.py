"""Pictures of market data say what is in the data, in words as well, and stay small."""

import numpy as np
import pandas as pd
import pytest

from engine.charts import market as draw
from engine.charts import theme
from engine.market import intake
from engine.market.grid import CH2_GRID
from engine.market.intake.templates import templates
from engine.market.price_history import PriceHistory
from engine.market.surface_history import SurfaceHistory

N = 6_000
DAYS = np.busday_offset("2000-01-03", np.arange(N), roll="forward")


def surfaces(n=N, vix=True):
    level = 0.2 + 0.1 * np.sin(np.arange(n) / 50)
    iv = np.broadcast_to(level[:, None, None], (n, *CH2_GRID.shape))
    return SurfaceHistory(DAYS[:n], 100 + np.arange(n) / 10, iv, CH2_GRID, vix=100 * level if vix else None)


def points(fig):
    return sum(np.size(trace.y if trace.type != "heatmap" else trace.z) for trace in fig.data)


def test_the_calendar_shows_each_missing_day_in_its_week_and_says_the_longest_gap():
    dates = np.setdiff1d(
        DAYS[:500], np.array(["2000-07-04", "2001-09-11", "2001-09-12", "2001-09-13"], "datetime64[D]")
    )
    fig = draw.calendar(dates)
    heat = fig.data[0]
    assert np.nansum(heat.z) == 4 and heat.y[0] == "2000"
    year, week, _ = pd.Timestamp("2001-09-11").isocalendar()
    assert heat.z[list(heat.y).index(str(year)), week - 1] == 3
    assert "missing 2001-09-11, 2001-09-12, 2001-09-13" in heat.text[list(heat.y).index(str(year))][week - 1]
    assert "4 weekdays without data" in theme.alt_text(fig) and "from 2001-09-10 to 2001-09-14" in theme.alt_text(fig)


@pytest.mark.parametrize("n", [1, 2, N])
def test_spot_and_vol_of_any_length(n):
    fig = draw.spot_and_vol(surfaces(n), row=n - 1)
    assert [trace.name for trace in fig.data] == ["Spot", "ATM 1M", "VIX"] and points(fig) <= theme.MOST_POINTS + 10
    assert f"on {DAYS[n - 1]}" in theme.alt_text(fig)
    assert len(draw.spot_and_vol(surfaces(n, vix=False)).data) == 2
    assert len(draw.calendar(DAYS[:n]).data) == 1


def test_closes_start_at_100_on_the_first_day_they_are_known():
    close = np.stack([np.linspace(50, 100, N), np.r_[np.nan, np.linspace(20, 10, N - 1)], np.full(N, np.nan)], axis=1)
    fig = draw.closes(PriceHistory(DAYS, close, ("AAA", "BBB", "CCC")), ("AAA", "BBB", "CCC"))
    assert [trace.name for trace in fig.data] == ["AAA", "BBB"] and points(fig) <= theme.MOST_POINTS + 10
    assert fig.data[0].y[0] == 100 and np.nanmax(fig.data[1].y) == 100
    assert theme.alt_text(fig) == "Closes from 100 at the start to, at the end: AAA 200, BBB 50."


def test_quotes_are_counted_by_expiry():
    content = next(t.content for t in templates() if t.file == "quotes.csv")
    quotes = intake.read_quotes(content).data
    counts = draw.expiry_counts(quotes.table)
    assert counts["calls"].tolist() == counts["puts"].tolist() == [5, 5, 5] and counts["crossed"].sum() == 0
    assert counts["zero bids"].sum() == (quotes.table["bid"] == 0).sum()
    fig = draw.quotes_by_expiry(quotes, quotes.dates[0])
    assert list(fig.data[0].x) == counts["expiry"].tolist() and "15 calls and 15 puts" in theme.alt_text(fig)
