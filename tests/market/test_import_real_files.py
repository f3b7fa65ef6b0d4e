"""The real market data, where they are there: read whole, nothing rejected."""

import numpy as np
import pytest

from engine.market import intake

pytestmark = pytest.mark.market_data


def test_surfaces(market_data):
    path = market_data / "spx_surfaces_2006_2009.csv"
    read = intake.read_surfaces(path)
    assert read.rejected.empty and len(read.data) == 847 and read.data.grid.shape == (7, 6)
    assert read.data.period == ("2006-01-30", "2009-06-18") and read.data.spot[0] == 1285.2
    np.testing.assert_allclose(365 * read.data.grid.maturity, [61, 91, 182, 365, 548, 730])


def test_surfaces_with_the_vix_beside_them(market_data):
    read = intake.read_surfaces([market_data / "spx_surfaces_2006_2009.csv", market_data / "vix_2000_2023.csv"])
    assert read.data.vix is not None
    changes = np.diff(np.log([read.data.atm(61 / 365), read.data.vix]))
    assert np.corrcoef(changes)[0, 1] > 0.85  # a day's shift between the two would leave nothing


def test_quotes(market_data):
    path = market_data / "spx_quotes_2019-05-17.csv"
    read = intake.read_quotes(path)
    assert read.rejected.empty and len(read.data) == 12_626
    assert set(read.data.table["root"]) == {"SPX", "SPXW"} and set(read.data.table["spot"]) == {2859.53}


def test_prices(market_data):
    path = market_data / "equity_us_2000_2021.parquet"
    read = intake.read_prices(path)
    assert read.rejected.empty and read.data.close.shape == (5_536, 32) and not np.isnan(read.data.open).any()
    assert any("adjusted close" in note for note in read.notes)
    two = intake.read_prices(market_data / "equity_two_tickers.csv").data
    for ticker in two.tickers:
        np.testing.assert_array_equal(two.close[:, two.column(ticker)], read.data.close[:, read.data.column(ticker)])


def test_prices_with_sectors_and_one_file_per_ticker(market_data):
    read = intake.read_prices([market_data / "equity_us_2000_2021.parquet", market_data / "equity_sectors.csv"])
    assert len(read.data.sector_of) == 22 and set(read.data.sector_of.values()) <= set(read.data.tickers)
    both = intake.read_prices([market_data / "spx_2000_2023.csv", market_data / "vix_2000_2023.csv"]).data
    assert both.tickers == ("SPX", "VIX") and len(both) == 6_050
