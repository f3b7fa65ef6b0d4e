"""Which tickers a study takes, and their common calendar."""

import numpy as np
import pytest
from fingan_market import SECTORS, TICKERS, prices

from engine.decisions import forecasting
from engine.errors import MarketDataError
from engine.market.price_history import PriceHistory
from engine.studies.fingan.universe import Panel, asked, universe


def test_the_sector_map_decides_who_is_in_and_against_what() -> None:
    assert asked(prices()) == (("AAA", "XA"), ("BBB", "XA"), ("CCC", "XB"), ("XA", None), ("XB", None))
    assert asked(prices(), "CCC, XB") == (("CCC", "XB"), ("XB", None))
    bare = prices()
    bare = PriceHistory(bare.dates, bare.close, bare.tickers, open=bare.open)
    assert asked(bare) == tuple((name, None) for name in TICKERS)


def test_a_bad_ticker_is_listed_and_stops_nothing() -> None:
    found = universe(prices(), "AAA SHORT AAA NONE XB")
    assert found.tickers == ("AAA", "XB")
    table = found.table().set_index("ticker")
    assert list(table["used"]) == [True, True, False, False, False]
    assert "at least 500 days" in table.loc["SHORT", "remark"]
    assert "AAA named twice" in str(table.loc["AAA", "remark"].iloc[1])
    assert "expected prices of NONE" in table.loc["NONE", "remark"]


def test_a_stock_without_its_etf_is_listed() -> None:
    history = prices()
    kept = [0, 2, 4]
    history = PriceHistory(
        history.dates,
        history.close[:, kept],
        tuple(TICKERS[k] for k in kept),
        open=history.open[:, kept],
        sector_of=SECTORS,
    )
    found = universe(history)
    assert found.tickers == ("CCC", "XB")
    assert any(name == "AAA" and "XA, the sector ETF of AAA" in why for name, _, why in found.refused)


def test_a_stock_that_moves_with_its_etf_at_first_is_listed() -> None:
    history = prices()
    closes, opens = history.close.copy(), history.open.copy()
    closes[:80, 0], opens[:80, 0] = closes[:80, 3], opens[:80, 3]
    history = PriceHistory(history.dates, closes, TICKERS, open=opens, sector_of=SECTORS)
    found = universe(history)
    assert "AAA" not in found.tickers and "returns of AAA that vary" in {n: w for n, _, w in found.refused}["AAA"]


def test_nothing_usable_is_an_error() -> None:
    with pytest.raises(MarketDataError, match="found none: expected"):
        universe(prices(), "SHORT")


def test_panel_adds_the_two_halves_of_each_day() -> None:
    found = universe(prices())
    panel = Panel(found.windows, "test")
    bets = [np.ones(len(x)) for x in panel.realised]
    pnl = panel.pnl(bets)
    assert pnl.shape == (5, len(panel.days))
    one = found.windows[2]
    rows = one.rows("test")
    day = panel.days[7]
    by_hand = sum(10_000 * x for x, d in zip(one.target[rows], one.date[rows], strict=True) if d == day)
    assert pnl[2, 7] == pytest.approx(by_hand)


def test_a_day_without_the_ticker_is_no_day_of_it() -> None:
    history = prices()
    closes, opens = history.close.copy(), history.open.copy()
    closes[-3, 3] = opens[-3, 3] = np.nan  # XA misses one day of the test part
    history = PriceHistory(history.dates, closes, TICKERS, open=opens, sector_of=SECTORS)
    panel = Panel(universe(history, "XA XB").windows, "test")
    pnl = panel.pnl([np.ones(len(x)) for x in panel.realised])
    missing = np.isnan(pnl)
    assert missing[0].sum() == 1 and panel.days[missing[0]][0] == history.dates[-3]
    assert not missing[1, 1:].any()  # a shorter series is cut a day later
    assert np.isfinite(forecasting.portfolio(pnl)).all()
