"""Files of option quotes: generic and OptionMetrics headings, strikes, spots, what is rejected and what is kept."""

import numpy as np
import pandas as pd
import pytest

from engine.errors import MarketDataError
from engine.market.intake import AmbiguousColumns, read_any, read_quotes, recognise
from engine.market.quotes import COLUMNS

SPOT = 2859.53


def csv(table, **options):
    return table.to_csv(index=False, **options).encode()


def generic(n=6, **edits):
    """Quotes of one day as text; edits: column → {row: text}."""
    table = pd.DataFrame(
        {
            "quote_date": "2019-05-17",
            "spot": SPOT,
            "expiration": ["2019-06-21", "2019-09-20"] * (n // 2),
            "strike": [2700 + 50 * (i // 2) for i in range(n)],
            "type": ["C", "P"] * (n // 2),
            "root": "SPX",
            "bid": np.arange(n) + 0.5,
            "ask": np.arange(n) + 1.5,
            "volume": range(n),
            "iv": 0.15,
        }
    ).astype(str)
    for column, cells in edits.items():
        for row, text in cells.items():
            table.loc[row, column] = text
    return table


def optionmetrics(n=6):
    quotes = generic(n)
    return pd.DataFrame(
        {
            "secid": 108105,
            "date": quotes["quote_date"].str.replace("-", ""),
            "symbol": "SPXW 190621C2700000",
            "exdate": quotes["expiration"].str.replace("-", ""),
            "cp_flag": quotes["type"],
            "strike_price": 1000 * quotes["strike"].astype(int),
            "best_bid": quotes["bid"],
            "best_offer": quotes["ask"],
            "volume": quotes["volume"],
            "impl_volatility": ["0.15", "", "-99.99", "0.16", "0.17", "0.18"],
        }
    )


def test_generic_headings():
    read = read_any(csv(generic()))
    table = read.data.table
    assert read.kind == "quotes" and read.rejected.empty and tuple(table.columns) == COLUMNS
    assert table["strike"].tolist() == [2700, 2700, 2750, 2750, 2800, 2800]
    assert table["is_call"].tolist() == [True, False] * 3 and set(table["spot"]) == {SPOT}
    assert table["expiry"].astype(str).iloc[0] == "2019-06-21" and set(table["root"]) == {"SPX"}
    assert read.notes[-1].startswith("all 6 rows")


def test_optionmetrics_headings_strikes_and_roots():
    read = read_quotes(csv(optionmetrics()), spot=SPOT)
    table = read.data.table
    assert table["strike"].tolist() == [2700, 2700, 2750, 2750, 2800, 2800]
    assert set(table["root"]) == {"SPXW"} and table["iv"].isna().tolist() == [False, True, True, *[False] * 3]
    assert any("divided by 1000" in note for note in read.notes)
    assert any("vendor vols of zero or below, taken as not known: 1" in note for note in read.notes)
    assert recognise(csv(optionmetrics())) == "quotes"


def test_a_missing_spot_is_asked_for_and_never_guessed():
    with pytest.raises(AmbiguousColumns) as asked:
        read_quotes(csv(optionmetrics()))
    assert asked.value.needed == "spot" and "on 2019-05-17" in asked.value.question
    content = csv(optionmetrics().assign(secprice=SPOT))
    assert set(read_quotes(content, mapping={"spot": "secprice"}).data.table["spot"]) == {SPOT}


def test_closes_beside_the_quotes_give_the_spot():
    second = optionmetrics().assign(date="20190520")
    quotes = csv(pd.concat([optionmetrics(), second]))
    closes = csv(pd.DataFrame({"date": ["2019-05-16", "2019-05-17"], "close": [2800.0, SPOT]}))
    read = read_quotes([quotes, closes], names=["quotes.csv", "spx.csv"])
    assert set(read.data.table["spot"]) == {SPOT} and len(read.data) == 6
    assert set(read.rejected["reason"]) == {"no closing price of the underlying for this day"}
    assert len(read.rejected) == 6


@pytest.mark.parametrize(
    ("column", "cell", "reason"),
    [
        ("quote_date", "", "date is missing"),
        ("expiration", "", "expiry is missing"),
        ("expiration", "soon", "not a date"),
        ("expiration", "2019-05-16", "expiry lies before the quote date"),
        ("strike", "abc", "not a number"),
        ("strike", "", "strike is missing"),
        ("strike", "-2700", "strike must be > 0"),
        ("strike", "=2700", "a formula, not a number: export the values"),
        ("type", "X", "expected C or P (call or put)"),
        ("type", "", "expected C or P (call or put)"),
        ("bid", "-0.5", "bid must be >= 0"),
        ("bid", "", "bid is missing"),
        ("ask", "@SUM(A1)", "a formula, not a number: export the values"),
        ("ask", "-1", "ask must be >= 0"),
        ("spot", "0", "spot must be > 0"),
        ("volume", "-3", "volume must be >= 0"),
        ("volume", "many", "not a number"),
        ("iv", "high", "not a number"),
    ],
)
def test_a_bad_cell_rejects_its_row_and_no_other(column, cell, reason):
    read = read_quotes(csv(generic(**{column: {2: cell}})), names=["q.csv"])
    assert read.rejected.to_dict("records") == [
        {"line": 4, "column": column, "value": cell, "reason": reason, "file": "q.csv"}
    ]
    assert len(read.data) == 5


def test_crossed_quotes_zero_bids_and_expiring_ones_are_kept_for_the_surface_builder_to_count():
    read = read_quotes(csv(generic(bid={0: "9", 1: "0"}, volume={2: ""}, expiration={3: "2019-05-17"})))
    assert read.rejected.empty and len(read.data) == 6
    assert read.data.table.loc[0, "bid"] > read.data.table.loc[0, "ask"]
    assert np.isnan(read.data.table.loc[2, "volume"])


def test_words_for_call_and_put():
    table = generic().assign(type=["call", "Put", " CALL ", "p", "c", "puts"])
    assert read_quotes(csv(table)).data.table["is_call"].tolist() == [True, False] * 3


def test_repeated_quotes():
    table = pd.concat([generic(), generic().iloc[[0]], generic().iloc[[1]].assign(bid="0.1")])
    read = read_quotes(csv(table))
    assert len(read.data) == 6
    assert read.rejected[["line", "reason"]].values.tolist() == [
        [8, "the same as a line before"],
        [9, "a second, different quote of a contract of a line before"],
    ]
    read = read_quotes(csv(table.drop(columns="root")))
    assert len(read.data) == 7 and any("AM- from PM-settled" in note for note in read.notes)


def test_the_order_of_dates_is_decided_over_both_date_columns():
    table = generic().assign(quote_date="05/06/2019", expiration="06/21/2019")
    table["expiration"] = table["expiration"].where(table.index != 0, "05/07/2019")
    read = read_quotes(csv(table))
    assert str(read.data.dates[0]) == "2019-05-06" and any("month/day/year" in note for note in read.notes)


def test_several_days_in_several_files():
    second = generic().assign(quote_date="2019-05-16")
    read = read_quotes([csv(generic()), csv(second)])
    assert len(read.data) == 12 and read.data.period == ("2019-05-16", "2019-05-17")


def test_quotes_without_prices_ask_for_them():
    with pytest.raises(AmbiguousColumns, match="the bid"):
        read_any(csv(generic().drop(columns=["bid", "ask"])))


def test_nothing_usable_is_one_sentence():
    with pytest.raises(MarketDataError, match=r"none of the 6 rows of q\.csv can be used; most often: not a number"):
        read_quotes(csv(generic().assign(strike="x")), names=["q.csv"])
