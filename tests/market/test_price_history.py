"""Price histories: checked once, immutable, known by their content."""

import numpy as np
import pytest

from engine.errors import MarketDataError
from engine.market.price_history import PriceHistory, check_ticker

DAYS = np.array(["2020-01-02", "2020-01-03", "2020-01-06"], "datetime64[D]")
CLOSE = np.array([[10.0, 20.0], [11.0, np.nan], [12.0, 22.0]])


def prices(**values):
    return PriceHistory(**{"dates": DAYS, "close": CLOSE, "tickers": ("KO", "XLP"), **values})


def test_columns_are_found_by_ticker():
    assert prices().column("XLP") == 1 and len(prices()) == 3 and prices().period == ("2020-01-02", "2020-01-06")
    with pytest.raises(MarketDataError, match="one of the 2 tickers loaded; found 'PEP'"):
        prices().column("PEP")


@pytest.mark.parametrize("ticker", ["", "KO PEP", "KO\n", "<b>", "../../x", "A" * 16, "Ä", "a/b", "KO;"])
def test_what_is_no_ticker(ticker):
    with pytest.raises(MarketDataError, match="expected a ticker"):
        check_ticker(ticker)


@pytest.mark.parametrize("ticker", ["KO", "BRK-B", "BRK.B", "^GSPC", "GC=F", "spx_500", "A" * 15])
def test_what_is_a_ticker(ticker):
    assert check_ticker(ticker) == ticker


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"close": np.where(CLOSE == 11, -11, CLOSE)}, "close prices > 0; found -11 for KO on 2020-01-03"),
        ({"close": np.where(CLOSE == 11, np.inf, CLOSE)}, "found inf for KO"),
        ({"close": CLOSE[:2]}, r"close prices of shape \(3, 2\); found \(2, 2\)"),
        ({"open": np.zeros((3, 2))}, "open prices > 0; found 0 for KO on 2020-01-02"),
        ({"tickers": ("KO", "KO")}, "distinct tickers; found KO twice"),
        ({"tickers": ("KO", "<i>")}, "expected a ticker"),
        ({"tickers": (), "close": np.empty((3, 0))}, "at least one ticker"),
        ({"sector_of": {"KO": "a b"}}, "expected a ticker"),
        ({"dates": DAYS[[0, 0, 1]]}, "found 2020-01-02 twice"),
        ({"dates": DAYS[:0], "close": CLOSE[:0]}, "at least one day of prices"),
    ],
)
def test_everything_is_checked_at_the_door(values, sentence):
    with pytest.raises(MarketDataError, match=sentence):
        prices(**values)


def test_digest_knows_the_content_and_only_the_content():
    other_nan = CLOSE.copy()
    other_nan[1, 1] = np.copysign(np.nan, -1)
    assert prices().digest == prices(name="x").digest == prices(close=other_nan).digest
    different = [
        prices(close=np.nextafter(CLOSE, 0)),
        prices(open=CLOSE),
        prices(tickers=("KO", "XLU")),
        prices(dates=DAYS + 1),
        prices(sector_of={"KO": "XLP"}),
    ]
    assert len({p.digest for p in different} | {prices().digest}) == 6


def test_prices_cannot_be_changed():
    for array in (prices().close, prices(open=CLOSE).open, prices().dates):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = array[0]
