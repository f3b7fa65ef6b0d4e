"""Files of prices: tidy, one per ticker, wide, series, sector maps."""

import io

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import MarketDataError
from engine.market.export import prices_table
from engine.market.intake import (
    AmbiguousColumns,
    read_any,
    read_prices,
    read_sectors,
    read_series,
    recognise,
    recognise_together,
)
from engine.market.intake.prices import ticker_of_file
from engine.market.price_history import PriceHistory


def csv(table, **options):
    return table.to_csv(index=False, **options).encode()


def parquet(table):
    buffer = io.BytesIO()
    table.to_parquet(buffer, index=False)
    return buffer.getvalue()


def tidy(**edits):
    table = pd.DataFrame(
        {
            "date": ["2020-01-02", "2020-01-03", "2020-01-06"] * 2,
            "ticker": ["KO"] * 3 + ["XLP"] * 3,
            "open": [10.1, 11.1, 12.1, 20.1, 21.1, 22.1],
            "close": [10.0, 11.0, 12.0, 20.0, 21.0, 22.0],
        }
    ).astype(str)
    for column, cells in edits.items():
        for row, text in cells.items():
            table.loc[row, column] = text
    return table


@st.composite
def price_histories(draw):
    n, tickers = draw(st.integers(1, 8)), draw(st.integers(1, 4))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    close = np.exp(rng.uniform(-3, 9, size=(n, tickers)))
    close[rng.random(close.shape) < 0.2] = np.nan
    close[rng.integers(n), :] = close[:, rng.integers(tickers)] = 1.25  # every day and ticker has a price
    opens = (
        np.where(np.isnan(close), np.nan, close * rng.uniform(0.9, 1.1, close.shape)) if draw(st.booleans()) else None
    )
    dates = np.datetime64("2000-01-03") + np.cumsum(rng.integers(1, 5, size=n))
    return PriceHistory(dates, close, tuple(f"T{i}" for i in range(tickers)), opens)


def equal(one, two):
    assert one.tickers == two.tickers and one.dates.tolist() == two.dates.tolist()
    np.testing.assert_array_equal(one.close, two.close)
    assert (one.open is None) == (two.open is None)
    if one.open is not None:
        np.testing.assert_array_equal(one.open, two.open)


def in_order(history, tickers):
    columns = [history.column(t) for t in tickers]
    opens = None if history.open is None else history.open[:, columns]
    return PriceHistory(history.dates, history.close[:, columns], tuple(tickers), opens)


@settings(max_examples=25, deadline=None)
@given(price_histories(), st.sampled_from([csv, parquet]), st.randoms(use_true_random=False))
def test_tidy_files_are_read_back_exactly_in_any_order(written, form, random):
    order = list(range(len(prices_table(written))))
    random.shuffle(order)
    read = read_prices(form(prices_table(written).iloc[order]))
    equal(in_order(read.data, written.tickers), written)
    assert read.rejected.empty and read.kind == "prices"


@settings(max_examples=20, deadline=None)
@given(price_histories())
def test_wide_files_are_read_back_exactly(written):
    table = pd.DataFrame(written.close, columns=list(written.tickers))
    table.insert(0, "date", [str(day) for day in written.dates])
    read = read_any(csv(table))
    equal(read.data, PriceHistory(written.dates, written.close, written.tickers))


@settings(max_examples=20, deadline=None)
@given(price_histories())
def test_one_file_per_ticker_is_read_back_exactly(written):
    table = prices_table(written)
    parts = [table[table["ticker"] == t].drop(columns="ticker") for t in written.tickers]
    names = [f"{t.lower()}_2000_2023.csv" for t in written.tickers]
    read = read_prices([csv(part) for part in parts], names=names)
    equal(read.data, written)


@pytest.mark.parametrize(
    ("file", "ticker"),
    [
        ("spx_2000_2023.csv", "SPX"),
        ("KO.csv", "KO"),
        ("^GSPC.csv", "^GSPC"),
        ("BRK-B.parquet", "BRK-B"),
        ("ko-20200102.csv", "KO"),
        ("aapl 2020.txt", "AAPL"),
        ("2020.csv", "2020"),
        ("Ko.csv", "Ko"),
        ("GC=F.CSV", "GC=F"),
    ],
)
def test_tickers_from_names_of_files(file, ticker):
    assert ticker_of_file(file) == ticker


def test_a_file_name_that_is_no_ticker_is_asked_about():
    content = csv(tidy().iloc[:3].drop(columns="ticker"))
    with pytest.raises(AmbiguousColumns) as asked:
        read_prices(content, names=["<img src=x onerror=alert(1)>.csv"])
    assert asked.value.needed == "ticker" and asked.value.by == "option"
    assert read_prices(content, names=["my prices of coca cola.csv"], ticker="KO").data.tickers == ("KO",)


@pytest.mark.parametrize(
    ("column", "cell", "reason"),
    [
        ("date", "", "date is missing"),
        ("date", "2020-02-30", "no such day in the calendar"),
        ("ticker", "", "not a ticker (1 to 15 letters, digits or . ^ = _ -)"),
        ("ticker", "<b>KO</b>", "not a ticker (1 to 15 letters, digits or . ^ = _ -)"),
        ("ticker", "=KO", "not a ticker (1 to 15 letters, digits or . ^ = _ -)"),
        ("ticker", "../../x", "not a ticker (1 to 15 letters, digits or . ^ = _ -)"),
        ("close", "", "close is missing"),
        ("close", "-1", "close must be > 0"),
        ("close", "0", "close must be > 0"),
        ("close", "=1+1", "a formula, not a number: export the values"),
        ("open", "0", "open must be > 0"),
        ("open", "x", "not a number"),
    ],
)
def test_a_bad_cell_rejects_its_row_and_no_other(column, cell, reason):
    read = read_prices(csv(tidy(**{column: {1: cell}})), names=["p.csv"])
    assert read.rejected.to_dict("records") == [
        {"line": 3, "column": column, "value": cell, "reason": reason, "file": "p.csv"}
    ]
    assert np.isnan(read.data.close[1]).tolist() == [True, False] and read.data.close[1, 1] == 21


def test_a_missing_open_leaves_the_close():
    read = read_prices(csv(tidy(open={1: ""})))
    assert read.rejected.empty and np.isnan(read.data.open[1, 0]) and read.data.close[1, 0] == 11
    assert "opens missing where there is a close: 1" in read.notes


def test_repeated_days_keep_the_first():
    table = pd.concat([tidy(), tidy().iloc[[0]], tidy().iloc[[4]].assign(close="99")])
    read = read_prices(csv(table))
    equal(read.data, read_prices(csv(tidy())).data)
    assert read.rejected[["line", "reason"]].values.tolist() == [
        [8, "KO: the same as line 2"],
        [9, "XLP: a second, different price for the day of line 6"],
    ]


def test_repeated_days_over_several_files_name_the_file():
    read = read_prices([csv(tidy()), csv(tidy(close={2: "99"}))], names=["a.csv", "b.csv"])
    equal(read.data, read_prices(csv(tidy())).data)
    assert len(read.rejected) == 6 and set(read.rejected["file"]) == {"b.csv"}
    assert read.rejected.loc[2, "reason"] == "KO: a second, different price for the day of line 4 of a.csv"
    assert read.rejected.loc[5, "reason"] == "XLP: the same as line 7 of a.csv"


def test_adjusted_closes_are_not_mixed_with_opens():
    read = read_prices(csv(tidy().assign(adj_close="1")))
    assert read.data.close[0, 0] == 10 and any("adjusted close" in note for note in read.notes)
    only = tidy().drop(columns=["open", "close"]).assign(**{"Adj Close": "7"})
    read = read_prices(csv(only))
    assert read.data.close[0, 0] == 7 and "Adj Close is used as the close: there is no other" in read.notes


def wide(**edits):
    table = pd.DataFrame({"Date": ["2020-01-02", "2020-01-03"], "KO": ["10", "11"], "XLP": ["20", ""]})
    for column, cells in edits.items():
        for row, text in cells.items():
            table.loc[row, column] = text
    return table


def test_wide_closes_with_gaps():
    read = read_any(csv(wide()))
    np.testing.assert_array_equal(read.data.close, [[10, 20], [11, np.nan]])
    assert read.data.open is None and "closes not quoted and left empty: 1 of 4" in read.notes


def test_a_bad_cell_of_a_wide_file_is_listed_and_leaves_the_other_tickers():
    read = read_prices(csv(wide(KO={0: "=1"}, XLP={1: "-3"})))
    np.testing.assert_array_equal(read.data.close, [[np.nan, 20], [11, np.nan]])
    assert read.rejected[["line", "column", "value"]].values.tolist() == [[2, "KO", "=1"], [3, "XLP", "-3"]]
    assert all("left empty" in reason for reason in read.rejected["reason"])


def test_columns_of_a_wide_file_that_are_no_tickers_are_listed():
    read = read_prices(csv(wide().assign(**{"S&P 500": 1.0, "comment": "x"})))
    assert read.data.tickers == ("KO", "XLP")
    assert read.rejected[["line", "column"]].values.tolist() == [[1, "comment"], [1, "S&P 500"]]


def test_a_wide_row_without_any_price_is_rejected():
    read = read_prices(csv(wide(KO={1: ""})))
    assert len(read.data) == 1 and read.rejected["reason"].tolist() == ["no price in the row"]


def test_decimal_commas_in_a_wide_file():
    read = read_any(csv(wide(KO={0: "10,25", 1: "11,5"}), sep=";"))
    assert read.data.close[0, 0] == 10.25


@pytest.mark.parametrize(
    ("columns", "name", "ticker"),
    [
        (["date", "close"], "vix.csv", "VIX"),
        (["DATE", "VIX"], "x.csv", "VIX"),
        (["date", "value"], "my_index.csv", "MY_INDEX"),
        (["observation_date", "VIXCLS"], "x.csv", "VIXCLS"),
    ],
)
def test_series(columns, name, ticker):
    table = pd.DataFrame([["2020-01-02", 12.5], ["2020-01-03", 13.5]], columns=columns)
    assert recognise(csv(table)) == "series"
    read = read_any(csv(table), name=name)
    assert read.kind == "series" and read.data.tickers == (ticker,) and read.data.close[:, 0].tolist() == [12.5, 13.5]
    equal(read_prices(csv(table), names=[name]).data, read.data)


def test_daily_ohlc_of_an_index_is_a_series_too():
    table = tidy().iloc[:3].drop(columns="ticker").assign(high="13", low="9", volume="1")
    assert recognise(csv(table)) == "prices"
    assert read_series(csv(table), name="vix_2000_2023.csv").data.tickers == ("VIX",)
    with pytest.raises(MarketDataError, match=r"expected one ticker, the series, in x\.csv; found 2"):
        read_series(csv(tidy().assign(ticker=["A", "B"] * 3)), name="x.csv")


def test_sector_maps():
    table = pd.DataFrame({"Symbol": ["KO", "PEP", "HD"], "Sector ETF": ["XLP", "XLP", "XLY"]})
    read = read_any(csv(table))
    assert read.kind == "sectors" and read.data == {"KO": "XLP", "PEP": "XLP", "HD": "XLY"}
    bad = pd.DataFrame(
        {"ticker": ["KO", "KO", "KO", "<b>", "HD"], "sector_etf": ["XLP", "XLP", "XLU", "XLY", "Consumer goods"]}
    )
    read = read_sectors(csv(bad))
    assert read.data == {"KO": "XLP"}
    assert read.rejected["line"].tolist() == [3, 4, 5, 6]
    assert read.rejected["reason"][1] == "KO already has the sector XLP"


def test_a_sector_map_beside_the_prices():
    sectors = pd.DataFrame({"ticker": ["KO", "ZZZ"], "sector_etf": ["XLP", "XLU"]})
    read = read_prices([csv(sectors), csv(tidy())], names=["s.csv", "p.csv"])
    assert read.data.sector_of == {"KO": "XLP", "ZZZ": "XLU"} and "sectors of 1 of 2 tickers from s.csv" in read.notes
    with pytest.raises(MarketDataError, match="one file of prices beside the sector map"):
        read_prices([csv(sectors), csv(sectors)])


def test_what_files_are_together():
    sectors = csv(pd.DataFrame({"ticker": ["KO"], "sector_etf": ["XLP"]}))
    vix = csv(pd.DataFrame({"date": ["2020-01-02"], "vix": [12.5]}))
    surfaces = b"date,spot,iv_30d_0.9,iv_30d_1,iv_30d_1.1,iv_60d_0.9,iv_60d_1,iv_60d_1.1\n2020-01-02,1" + b",0.2" * 6
    assert recognise_together([csv(tidy()), sectors]) == "prices"
    assert recognise_together([surfaces, vix]) == "surfaces"
    assert recognise_together([surfaces]) == "surfaces"
    with pytest.raises(MarketDataError, match="belong together; found sectors and surfaces"):
        recognise_together([surfaces, sectors])


def test_what_cannot_be_recognised_is_asked_about():
    content = b"foo,bar\nx,y\n"
    with pytest.raises(AmbiguousColumns) as asked:
        recognise(content, name="x.csv")
    assert asked.value.by == "kind" and "surfaces" in asked.value.options and "foo, bar" in asked.value.question
    with pytest.raises(AmbiguousColumns, match="Which column of the file is the date"):
        read_prices(content)
    assert recognise(b"Tag,Kurs\n2020-01-02,5\n", mapping={"date": "Tag", "close": "Kurs"}) == "series"


def test_nothing_usable_is_one_sentence():
    with pytest.raises(MarketDataError, match=r"none of the 6 rows of p\.csv can be used; .* close must be > 0"):
        read_prices(csv(tidy().assign(close="-1")), names=["p.csv"])


# --- vendors' formats, with own numbers -------------------------------------------------------------------------------

DAYS = ["2022-05-02", "2022-05-03", "2022-05-04"]
CLOSE, OPEN = [41.5, 42.25, 40.75], [41.0, 41.75, 42.5]
US = ["05/02/2022", "05/03/2022", "05/04/2022"]


def lines(*rows):
    return "\n".join(",".join(map(str, row)) for row in rows).encode()


VENDORS = {
    "ko_investing.csv": lines(
        ("Date", "Price", "Open", "High", "Low", "Vol.", "Change %"),
        *((f'"{d}"', c, o, 43, 40, "3M", "1.2%") for d, c, o in zip(US[::-1], CLOSE[::-1], OPEN[::-1], strict=True)),
        ('"04/29/2022"', 40, 39.5, 43, 40, "2.5M", "-0.5%"),
        ('"04/13/2022"', 39, 38.5, 43, 40, "2.5M", "-0.5%"),
    ),
    "ko_nasdaq.csv": lines(
        ("Date", "Close/Last", "Volume", "Open", "High", "Low"),
        *((d, f"${c}", 100, f"${o}", "$43", "$40") for d, c, o in zip(US, CLOSE, OPEN, strict=True)),
        ("04/29/2022", "$40", 1, "$39.5", "$43", "$40"),
        ("04/13/2022", "$39", 1, "$38.5", "$43", "$40"),
    ),
    "ko_stooq.csv": lines(
        ("Date", "Open", "High", "Low", "Close", "Volume"),
        *((d, o, 43, 40, c, 1) for d, c, o in zip(DAYS, CLOSE, OPEN, strict=True)),
    ),
    "ko_stooq.txt": lines(
        ("<TICKER>", "<PER>", "<DATE>", "<TIME>", "<OPEN>", "<HIGH>", "<LOW>", "<CLOSE>", "<VOL>", "<OPENINT>"),
        *(
            ("KO.US", "D", d.replace("-", ""), "000000", o, 43, 40, c, 1, 0)
            for d, c, o in zip(DAYS, CLOSE, OPEN, strict=True)
        ),
    ),
    "ko_alphavantage.csv": lines(
        ("timestamp", "open", "high", "low", "close", "volume"),
        *((d, o, 43, 40, c, 1) for d, c, o in zip(DAYS[::-1], CLOSE[::-1], OPEN[::-1], strict=True)),
    ),
    "ko_wsj.csv": lines(
        ("Date", " Open", " High", " Low", " Close"),
        *((d, f" {o}", " 43", " 40", f" {c}") for d, c, o in zip(DAYS, CLOSE, OPEN, strict=True)),
    ),
    "ko_bloomberg.csv": lines(
        ("Security", "KO US Equity", "", ""),
        ("Start Date", "05/02/2022", "", ""),
        ("End Date", "05/04/2022", "", ""),
        ("", "", "", ""),
        ("Date", "PX_OPEN", "PX_LAST", ""),
        *((d, o, c, "") for d, c, o in zip(DAYS, CLOSE, OPEN, strict=True)),
    ),
    "ko_epoch.csv": lines(
        ("timestamp", "open", "close"),
        *(
            (int(np.datetime64(d, "s").astype(int)), o, c)
            for d, c, o in zip(DAYS, CLOSE, OPEN, strict=True)
        ),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", VENDORS)
def test_vendors_closes_and_opens(name):
    read = read_any(VENDORS[name], name=name)
    assert read.kind == "prices" and len(read.data.tickers) == 1 and read.rejected.empty
    rows = np.searchsorted(read.data.dates, np.array(DAYS, dtype="datetime64[D]"))
    np.testing.assert_array_equal(read.data.close[rows, 0], CLOSE)
    np.testing.assert_array_equal(read.data.open[rows, 0], OPEN)


def test_the_lines_above_name_the_ticker():
    assert read_any(VENDORS["ko_bloomberg.csv"], name="export_of_2022.csv").data.tickers == ("KO",)


@pytest.mark.parametrize("upper", ["field", "ticker"])
def test_several_tickers_under_two_lines_of_headings(upper):
    """As yfinance writes them: fields above tickers, or tickers above fields, and a line for the index."""
    fields, tickers = ("Adj Close", "Close", "High", "Low", "Open", "Volume"), ("KO", "PEP")
    pairs = [(f, t) for f in fields for t in tickers] if upper == "field" else [(f, t) for t in tickers for f in fields]
    one, two = (0, 1) if upper == "field" else (1, 0)
    value = {"Close": CLOSE, "Open": OPEN}
    table = lines(
        ("Price" if upper == "field" else "Ticker", *(p[one] for p in pairs)),
        ("Ticker" if upper == "field" else "Price", *(p[two] for p in pairs)),
        ("Date", *("" for _ in pairs)),
        *(
            (day, *(value.get(f, [1, 1, 1])[k] * (2 if t == "PEP" else 1) for f, t in pairs))
            for k, day in enumerate(DAYS)
        ),
    )
    read = read_any(table, name="download.csv")
    assert sorted(read.data.tickers) == ["KO", "PEP"] and read.rejected.empty
    for ticker, factor in (("KO", 1), ("PEP", 2)):
        column = read.data.column(ticker)
        np.testing.assert_array_equal(read.data.close[:, column], factor * np.array(CLOSE))
        np.testing.assert_array_equal(read.data.open[:, column], factor * np.array(OPEN))
    assert any("2 tickers" in note for note in read.notes)


@pytest.mark.parametrize(("answer", "first"), [("close", 41.5), ("close (column 3)", 42.0)])
def test_either_of_two_columns_of_one_name_can_be_meant(answer, first):
    table = lines(("date", "close", "close"), *((d, c, c + 0.5) for d, c in zip(DAYS, CLOSE, strict=True)))
    with pytest.raises(AmbiguousColumns) as asked:
        read_any(table, name="ko.csv")
    assert asked.value.needed == "close" and answer in asked.value.options
    for options in ({"close": answer}, {"mapping": {"close": answer}}):
        assert read_any(table, name="ko.csv", **options).data.close[0, 0] == first


def test_bars_within_a_day_become_days():
    hours = [f"{h}:30:00-05:00" for h in (9, 10, 11, 15)]
    rows = [
        (f"{day} {hour}", 50 + d + 0.1 * h, 50 + d + 0.1 * h + 0.05)
        for d, day in enumerate(DAYS)
        for h, hour in enumerate(hours)
    ]
    for order in (rows, rows[::-1]):
        read = read_any(lines(("Datetime", "Open", "Close"), *order), name="ko.csv")
        np.testing.assert_allclose(read.data.close[:, 0], [50.35, 51.35, 52.35])
        np.testing.assert_allclose(read.data.open[:, 0], [50, 51, 52])
        assert read.rejected.empty and any("12 bars within 3 days" in note for note in read.notes)


def test_returns_are_no_prices():
    rng = np.random.default_rng(0)
    days = np.busday_offset(np.datetime64("2022-01-03"), np.arange(40), roll="forward").astype(str)
    for scale in (0.01, 1.0):
        wide = pd.DataFrame(scale * rng.normal(size=(40, 2)), columns=["KO", "PEP"])
        wide.insert(0, "date", days)
        with pytest.raises(MarketDataError, match="found returns or changes"):
            read_any(csv(wide))
        with pytest.raises(MarketDataError, match="found returns or changes"):
            read_any(csv(wide[["date", "KO"]].rename(columns={"KO": "close"})), name="ko.csv")


def test_columns_of_other_things_are_no_tickers():
    days = np.busday_offset(np.datetime64("2022-01-03"), np.arange(5), roll="forward").astype(str)
    analysis = pd.DataFrame({"date": days, "KO": range(1, 6), "volume": range(9, 14), "iv": 0.2})
    with pytest.raises(AmbiguousColumns):
        read_any(csv(analysis))
    read = read_prices(csv(analysis))
    assert read.data.tickers == ("KO",) and set(read.rejected["column"]) == {"volume", "iv"}
    with_ticker = pd.DataFrame({"ticker": "SPY", "tradeDate": days, "stockPrice": 390.0, "iv30": 0.2, "iv60": 0.21})
    with pytest.raises(AmbiguousColumns):
        read_any(csv(with_ticker))
