"""Option quotes: required columns, days, digest."""

import numpy as np
import pandas as pd
import pytest

from engine.errors import MarketDataError
from engine.market.quotes import COLUMNS, OptionQuotes


def table(n=3):
    days = np.array(["2019-05-17", "2019-05-16", "2019-05-17"][:n], "datetime64[D]")
    return pd.DataFrame(
        {
            "date": days,
            "expiry": days + 30,
            "strike": 100.0,
            "is_call": True,
            "bid": 1.0,
            "ask": 1.1,
            "spot": 100.0,
            "volume": np.nan,
            "iv": np.nan,
            "root": "SPX",
        }
    )


def test_days_are_distinct_and_increasing():
    quotes = OptionQuotes(table())
    assert quotes.dates.tolist() == np.array(["2019-05-16", "2019-05-17"], "datetime64[D]").tolist()
    assert quotes.period == ("2019-05-16", "2019-05-17") and len(quotes) == 3


def test_digest_knows_the_content_and_only_the_content():
    assert OptionQuotes(table()).digest == OptionQuotes(table().set_index(np.arange(5, 8)), name="x").digest
    changed = [table().assign(bid=1.01), table().assign(root="SPXW"), table(2), table().assign(is_call=False)]
    assert len({OptionQuotes(t).digest for t in [*changed, table()]}) == 5


def test_what_is_missing_is_named():
    with pytest.raises(MarketDataError, match="found no bid"):
        OptionQuotes(table().drop(columns="bid"))
    with pytest.raises(MarketDataError, match="at least one option quote; found none"):
        OptionQuotes(table()[:0])
    assert set(COLUMNS) == set(table().columns)
