"""VIX from quotes: a flat market's vol, a longhand sum, the zero-bid rule, the window, and the official figure."""

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from model_quotes import changed, joined, model_quotes, skewed

from engine.errors import MarketDataError
from engine.market import intake
from engine.market.grid import Grid
from engine.market.quotes import OptionQuotes
from engine.surfaces import vix

MONDAY = pd.Timestamp("2020-03-02")
DENSE = np.round(np.arange(0.4, 1.8, 0.0025), 6)
TERMS = {"days": (25, 32), "moneyness": DENSE}  # Fridays 27 March and 3 April


def dense(vol=skewed, **options: object) -> OptionQuotes:
    return model_quotes(vol, **{**TERMS, "half_spread": 0.002, "rate": 0.02, **options})


def longhand(quotes: OptionQuotes, rate: float) -> float:
    """The white paper with dictionaries and loops; quotes of two afternoon-settled Friday expiries."""
    variances, minutes = [], []
    for expiry, rows in quotes.table.groupby("expiry"):
        settles = (expiry - MONDAY).days * 1440 + 16 * 60
        left = settles - (16 * 60 + 15)
        t = left / 525_600
        mid = {(r.strike, r.is_call): (r.bid + r.ask) / 2 for r in rows.itertuples()}
        bid = {(r.strike, r.is_call): r.bid for r in rows.itertuples()}
        strikes = sorted({k for k, _ in mid})
        gap = {k: abs(mid[k, True] - mid[k, False]) for k in strikes if bid[k, True] > 0 and bid[k, False] > 0}
        at = min(gap, key=gap.get)
        forward = at + math.exp(rate * t) * (mid[at, True] - mid[at, False])
        k0 = max(k for k in strikes if k <= forward)
        chosen = {k0: (mid[k0, True] + mid[k0, False]) / 2}
        for is_call, way in ((False, [k for k in reversed(strikes) if k < k0]), (True, [k for k in strikes if k > k0])):
            zeros = 0
            for k in way:
                zeros = zeros + 1 if bid[k, is_call] == 0 else 0
                if zeros == 2:
                    break
                if bid[k, is_call] > 0:
                    chosen[k] = mid[k, is_call]
        used = sorted(chosen)
        total = 0.0
        for i, k in enumerate(used):
            if i == 0:
                width = used[1] - used[0]
            elif i == len(used) - 1:
                width = used[-1] - used[-2]
            else:
                width = (used[i + 1] - used[i - 1]) / 2
            total += width / k**2 * math.exp(rate * t) * chosen[k]
        variances.append((2 * total - (forward / k0 - 1) ** 2) / t)
        minutes.append(left)
    (m1, m2), month = minutes, 30 * 1440
    t1, t2 = m1 / 525_600, m2 / 525_600
    blend = t1 * variances[0] * (m2 - month) / (m2 - m1) + t2 * variances[1] * (month - m1) / (m2 - m1)
    return 100 * math.sqrt(blend * 525_600 / month)


def test_it_equals_a_longhand_sum() -> None:
    quotes = dense()
    # some zero bids: one alone, then two in a row that end the walk
    table = quotes.table
    strike = table["strike"].round(4)
    quotes = changed(quotes, table.index[~table["is_call"] & strike.isin([80.0, 70.0, 69.75])], bid=0.0)
    quotes = changed(quotes, table.index[table["is_call"] & strike.isin([120.0, 130.0, 130.25])], bid=0.0)
    found = vix.from_quotes(quotes, rate=0.02)
    assert found.value == pytest.approx(longhand(quotes, 0.02), rel=1e-12)
    for term in (found.near, found.next):
        assert term.strikes["strike"].min() == pytest.approx(70.25)
        assert term.strikes["strike"].max() == pytest.approx(129.75)
        assert not term.strikes["strike"].round(4).isin([80.0, 120.0]).any()
        assert term.zero_bids == 2


@pytest.mark.parametrize("level", [0.1, 0.2, 0.4])
def test_the_vix_of_a_flat_market_is_its_vol(level: float) -> None:
    quotes = dense(lambda m, tau: np.full(np.shape(m), level))
    found = vix.from_quotes(quotes, quote_time=16 * 60)
    assert found.value == pytest.approx(100 * level, abs=0.03)
    assert found.near.rate == pytest.approx(0.02, abs=1e-6)


def test_it_agrees_with_the_vix_of_the_surface() -> None:
    tau = np.array([25, 32]) / 365
    grid = Grid(DENSE, tau)
    iv = np.stack([skewed(DENSE, t) for t in tau], axis=1)
    of_quotes = vix.from_quotes(dense(), quote_time=16 * 60).value
    assert of_quotes == pytest.approx(float(vix.from_surface(iv, grid, 0.02)), abs=0.05)


def test_what_lies_beyond_two_zero_bids_does_not_matter() -> None:
    quotes = dense()
    table = quotes.table
    strike = table["strike"].round(4)
    stop = changed(quotes, table.index[~table["is_call"] & strike.isin([70.0, 69.75])], bid=0.0)
    beyond = table.index[~table["is_call"] & (strike < 69.75)]
    wild = changed(stop, beyond, bid=5.0, ask=9.0)
    assert vix.from_quotes(wild).value == vix.from_quotes(stop).value


def test_a_stop_in_one_term_leaves_the_other_alone() -> None:
    quotes = dense()
    table = quotes.table
    near = table["expiry"] == table["expiry"].min()
    rows = table.index[near & ~table["is_call"] & table["strike"].round(4).isin([90.0, 89.75])]
    found = vix.from_quotes(changed(quotes, rows, bid=0.0))
    whole = vix.from_quotes(quotes)
    assert found.next.variance == pytest.approx(whole.next.variance, rel=1e-12)
    assert found.near.variance < whole.near.variance


def test_monthly_options_settle_in_the_morning() -> None:
    afternoon = model_quotes(skewed, **{**TERMS, "days": (25,)})
    monthly = model_quotes(skewed, **{**TERMS, "days": (32,), "root": "SPX"})
    also = model_quotes(skewed, **{**TERMS, "days": (32,), "root": "SPXW"})
    found = vix.from_quotes(joined(afternoon, also, monthly))
    assert (found.near.root, found.next.root) == ("SPXW", "SPX")
    assert found.near.minutes == 25 * 1440 - 15
    assert found.next.minutes == 32 * 1440 - 15 - 390


def test_only_fridays_count_unless_asked() -> None:
    quotes = joined(dense(), model_quotes(lambda m, tau: np.full(np.shape(m), 0.9), **{**TERMS, "days": (28, 31)}))
    assert vix.from_quotes(quotes).value == pytest.approx(vix.from_quotes(dense()).value)
    daily = vix.from_quotes(quotes, fridays_only=False)
    assert [(term.expiry - MONDAY).days for term in (daily.near, daily.next)] == [28, 31]


def test_a_thursday_counts_when_its_friday_is_a_holiday() -> None:
    quotes = model_quotes(skewed, **{**TERMS, "days": (24, 32)})  # Thursday 26 March; no options on the 27th
    assert (vix.from_quotes(quotes).near.expiry - MONDAY).days == 24


def test_the_window_is_said_when_nothing_lies_in_it() -> None:
    with pytest.raises(MarketDataError, match="at most 30 days away within 23 to 37 days of 2020-03-02 on a Friday"):
        vix.from_quotes(model_quotes(skewed, days=(4, 11, 32)))
    with pytest.raises(MarketDataError, match="more than 30 days away"):
        vix.from_quotes(model_quotes(skewed, days=(25, 60)))
    monthly = model_quotes(skewed, **{**TERMS, "days": (18, 46)})
    assert vix.from_quotes(monthly, window=(7, 60)).value > 0


def test_crossed_quotes_are_left_out_and_reported() -> None:
    quotes = dense()
    table = quotes.table
    row = table.index[~table["is_call"] & table["strike"].between(94.99, 95.01)]
    found = vix.from_quotes(changed(quotes, row, bid=9.0, ask=1.0))
    assert found.dropped["reason"].tolist() == ["crossed", "crossed"]
    assert found.value == pytest.approx(vix.from_quotes(quotes).value, abs=0.01)


def test_zero_bids_everywhere_are_said() -> None:
    quotes = dense()
    with pytest.raises(MarketDataError, match="a bid for both call and put in the 2020-03-27 expiry"):
        vix.from_quotes(changed(quotes, slice(None), bid=0.0))


def test_strikes_that_all_lie_above_the_forward_are_said() -> None:
    quotes = model_quotes(skewed, **{**TERMS, "moneyness": np.array([1.1, 1.2, 1.3])})
    with pytest.raises(MarketDataError, match="a strike at or below the forward"):
        vix.from_quotes(quotes)


@pytest.mark.market_data
def test_the_official_figure_of_17_may_2019(market_data: Path) -> None:
    quotes = intake.read_quotes(market_data / "spx_quotes_2019-05-17.csv").data
    found = vix.from_quotes(quotes)
    assert 15.90 < found.value < 16.05  # official: 15.96
    assert float(found) == found.value
    assert [f"{t.expiry:%m-%d} {t.root}" for t in (found.near, found.next)] == ["06-14 SPXW", "06-21 SPX"]
