"""Parity rates are exact on model prices, robust to bad pairs, and keep AM and PM options apart."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from model_quotes import SPOT, changed, joined, model_quotes, skewed

from engine.errors import MarketDataError
from engine.market import intake
from engine.surfaces import parity, quote_cleaning
from engine.surfaces.quote_cleaning import CleanQuotes


def cleaned(*quotes) -> CleanQuotes:
    return quote_cleaning.clean(joined(*quotes))


@settings(max_examples=25, deadline=None)
@given(rate=st.floats(-0.05, 0.2), spot=st.floats(0.5, 5e4))
def test_the_rate_is_exact_on_model_prices(rate: float, spot: float) -> None:
    found = parity.parity_rates(cleaned(model_quotes(skewed, rate=rate, spot=spot)).table, spot)
    assert found.day == pytest.approx(rate, abs=1e-10)
    # a deep pair loses digits: its call is a difference of nearly equal numbers
    assert np.abs(found.pairs["rate"] - rate).max() < 1e-9
    assert np.abs(found.by_expiry["rate"] - rate).max() < 1e-10
    assert np.abs(found.by_expiry["discount_rate"] - rate).max() < 1e-9
    assert np.abs(found.by_expiry["dividend_yield"]).max() < 1e-9


def test_the_formula_longhand() -> None:
    call, put = 10.0, 7.0
    expected = np.log(95 / (100 - 10 + 7)) / 0.5
    assert parity.implied_rate(100.0, 95.0, call, put, 0.5) == pytest.approx(expected, rel=1e-15)


def test_what_no_rate_explains_is_nan() -> None:
    assert np.isnan(parity.implied_rate(100.0, 50.0, 120.0, 1.0, 0.5))
    assert np.isnan(parity.implied_rate(100.0, 50.0, 60.0, 1.0, 0.0))


def test_the_line_tells_dividends_from_interest() -> None:
    table = cleaned(model_quotes(skewed, rate=0.03, dividend=0.02)).table
    by_expiry = parity.parity_rates(table, SPOT).by_expiry
    assert by_expiry["discount_rate"].to_numpy() == pytest.approx(0.03, abs=1e-10)
    assert by_expiry["dividend_yield"].to_numpy() == pytest.approx(0.02, abs=1e-10)
    assert by_expiry["forward"].to_numpy() == pytest.approx(SPOT * np.exp(0.01 * by_expiry["maturity"]), rel=1e-12)
    # the formula, which knows no dividends, gives about the difference
    assert by_expiry["rate"].to_numpy() == pytest.approx(0.01, abs=0.002)


def test_a_fifth_of_wrong_pairs_moves_neither_median_nor_line() -> None:
    quotes = model_quotes(skewed, rate=0.03)
    wrong = quotes.table.index[quotes.table["is_call"]][::6]
    bad = changed(quotes, wrong, bid=quotes.table.loc[wrong, "bid"] + 3, ask=quotes.table.loc[wrong, "ask"] + 3)
    found = parity.parity_rates(cleaned(bad).table, SPOT)
    assert found.day == pytest.approx(0.03, abs=1e-9)
    assert found.by_expiry["discount_rate"].to_numpy() == pytest.approx(0.03, abs=1e-9)


def test_morning_and_afternoon_options_of_one_expiry_stay_apart() -> None:
    morning = model_quotes(rate=0.01, days=(30, 60), root="SPX")
    afternoon = model_quotes(rate=0.03, days=(30, 60), root="SPXW")
    by_expiry = parity.parity_rates(cleaned(morning, afternoon).table, SPOT).by_expiry
    assert list(by_expiry["root"]) == ["SPX", "SPXW", "SPX", "SPXW"]
    assert by_expiry["rate"].to_numpy() == pytest.approx([0.01, 0.03, 0.01, 0.03], abs=1e-10)
    assert by_expiry["pairs"].tolist() == [33] * 4


def test_untraded_quotes_draw_lines_but_do_not_vote_on_the_rate() -> None:
    clean = cleaned(model_quotes(rate=0.02, days=(30,), volume=5.0), model_quotes(rate=0.04, days=(60,), volume=0.0))
    found = parity.parity_rates(clean.table, SPOT, clean.two_sided)
    assert found.day == pytest.approx(0.02, abs=1e-10)
    assert found.by_expiry["pairs"].tolist() == [33, 0]
    assert np.isnan(found.by_expiry["rate"].iloc[1])
    assert found.by_expiry["discount_rate"].to_numpy() == pytest.approx([0.02, 0.04], abs=1e-9)


def test_two_pairs_draw_no_line() -> None:
    quotes = model_quotes(days=(30,), moneyness=np.array([0.95, 1.05]))
    row = parity.parity_rates(cleaned(quotes).table, SPOT).by_expiry.iloc[0]
    assert row["pairs"] == 2
    assert np.isnan(row["forward"]) and np.isnan(row["discount_rate"])


def test_a_rising_line_is_no_line() -> None:
    strike = np.array([90.0, 100.0, 110.0])
    assert np.isnan(parity.parity_line(strike, strike - 100)).all()


def test_no_pair_is_said_in_one_sentence() -> None:
    table = cleaned(model_quotes()).table
    with pytest.raises(MarketDataError, match="both a call and a put") as error:
        parity.parity_rates(table[table["is_call"]], SPOT)
    assert "165 calls and 0 puts" in str(error.value)


@pytest.mark.market_data
def test_discount_rates_of_spx_are_those_of_the_day(market_data: Path) -> None:
    quotes = intake.read_quotes(market_data / "spx_quotes_2019-05-17.csv").data
    clean = quote_cleaning.clean(quotes)
    by_expiry = parity.parity_rates(clean.table, clean.spot, clean.two_sided).by_expiry
    half_year = by_expiry[by_expiry["maturity"].between(10 / 365, 182 / 365)]
    assert half_year["discount_rate"].between(0.026, 0.0345).all()
    assert by_expiry.groupby("expiry")["root"].nunique().max() == 2
