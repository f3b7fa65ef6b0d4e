"""The real index prices that ship with the arch package."""

import subprocess
import sys

import numpy as np
import pytest

from engine.errors import MarketDataError
from engine.market import builtin_prices as module
from engine.market.builtin_prices import builtin_prices


def test_both_indices_over_twenty_years():
    prices = builtin_prices()
    assert prices.tickers == ("SP500", "NASDAQ")
    assert prices.period == ("1999-01-04", "2018-12-31")
    assert len(prices) == 5031
    assert np.isfinite(prices.close).all()
    assert np.isfinite(prices.open).all()


def test_they_equal_what_the_package_itself_loads():
    from arch.data import nasdaq, sp500

    prices = builtin_prices()
    for column, table in enumerate((sp500.load(), nasdaq.load())):
        assert np.array_equal(prices.close[:, column], table["Close"].to_numpy())
        assert np.array_equal(prices.open[:, column], table["Open"].to_numpy())
        assert np.array_equal(prices.dates, table.index.to_numpy().astype("datetime64[D]"))


def test_known_closes():
    prices = builtin_prices()
    day = np.searchsorted(prices.dates, np.datetime64("2008-10-13"))
    assert prices.close[day, prices.column("SP500")] == pytest.approx(1003.35, abs=0.01)
    assert prices.close[-1, prices.column("NASDAQ")] == pytest.approx(6635.28, abs=0.01)


def test_reading_them_imports_no_heavy_library():
    code = (
        "import sys; from engine.market.builtin_prices import builtin_prices; builtin_prices();"
        "print([m for m in ('arch', 'statsmodels', 'torch', 'sklearn') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_missing_package_is_one_sentence(monkeypatch):
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    with pytest.raises(MarketDataError, match="arch"):
        module._read("sp500")


def test_a_missing_file_is_one_sentence():
    with pytest.raises(MarketDataError, match="no such file"):
        module._read("nowhere")
