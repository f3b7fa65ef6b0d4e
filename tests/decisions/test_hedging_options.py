"""Options and portfolios on surfaces: prices against longhand ones, hedging sets, and options that cannot be traded."""

import numpy as np
import pytest
from hedging_markets import GRID, longhand_price, market

from engine.decisions.hedging.options import Book, Option, Portfolio, check_instruments, hedging_set, straddle, vols
from engine.errors import MarketDataError
from engine.market.grid import CH2_GRID, DT


def test_vols_of_many_surfaces_are_the_grid_s_own_interpolation():
    rng = np.random.default_rng(0)
    surfaces = 0.2 * np.exp(0.1 * rng.standard_normal((7, *GRID.shape)))
    moneyness = rng.uniform(0.5, 1.6, (7, 6))  # inside and outside the grid
    maturity = np.array([0.01, 1 / 12, 0.1, 0.3, 0.7, 0.1])
    found = vols(surfaces, GRID, moneyness, maturity)
    for k in range(7):
        for i in range(6):
            assert found[k, i] == pytest.approx(float(GRID.interpolate(surfaces[k], moneyness[k, i], maturity[i])))
    assert vols(surfaces, GRID, np.full((7, 1), 9.0), np.array([0.1])).min() > 0  # far outside the line would be < 0


def test_a_book_prices_as_one_option_after_another():
    rng = np.random.default_rng(1)
    surfaces = 0.2 * np.exp(0.1 * rng.standard_normal((5, *GRID.shape)))
    spots = rng.uniform(80, 120, 5)
    book = Book((Option(90, 0.1, False), Option(100, 0.1, True), Option(115, 0.3, True)))
    found = book.prices(spots, surfaces, GRID, 0.05, 0.03)
    for k, spot in enumerate(spots):
        for i, option in enumerate(book.options):
            tau = option.maturity - 0.05
            vol = float(GRID.interpolate(surfaces[k], option.strike / spot, tau))
            expected = longhand_price(spot, option.strike, tau, vol, 0.03, option.is_call)
            assert found[k, i] == pytest.approx(expected, rel=1e-10, abs=1e-10)


def test_sensitivities_are_slopes_of_the_price_at_fixed_vol():
    history = market()
    book = Book((Option(950.0, 0.1, False), Option(1000.0, 0.1, True)))
    spot, iv = 1000.0, history.iv[5]
    quotes = book.quote(spot, iv, GRID, 0.0, 0.02)
    for i, option in enumerate(book.options):

        def at(s, v, option=option):
            return longhand_price(s, option.strike, 0.1, v, 0.02, option.is_call)

        v = quotes.iv[i]
        assert quotes.price[i] == pytest.approx(at(spot, v))
        assert quotes.delta[i] == pytest.approx((at(spot + 0.01, v) - at(spot - 0.01, v)) / 0.02, rel=1e-6)
        assert quotes.vega[i] == pytest.approx((at(spot, v + 1e-5) - at(spot, v - 1e-5)) / 2e-5, rel=1e-6)


def test_an_option_is_worth_its_intrinsic_value_from_expiry_on():
    book = Book((Option(90, 21 * DT, True), Option(110, 21 * DT, False), Option(95, 21 * DT, False)))
    iv = np.full((1, *GRID.shape), 0.3)
    for elapsed in (21 * DT, 30 * DT):
        np.testing.assert_allclose(book.prices(np.array([100.0]), iv, GRID, elapsed, 0.05)[0], [10, 10, 0], atol=1e-12)
    almost = book.prices(np.array([100.0]), iv, GRID, 20.999 * DT, 0.05)[0]
    np.testing.assert_allclose(almost, [10, 10, 0], atol=0.05)


def test_value_and_gross_of_a_portfolio():
    portfolio = Portfolio((Option(90, 0.1, False), Option(100, 0.1, True)), (2, -3), underlying=0.5)
    prices = np.array([[1.0, 4.0], [2.0, 3.0]])
    np.testing.assert_allclose(portfolio.value(prices, np.array([100.0, 101.0])), [2 - 12 + 50, 4 - 9 + 50.5])
    assert portfolio.gross(prices[0], 100.0) == pytest.approx(2 + 12 + 50)
    assert straddle(100).quantities == (1.0, 1.0) and straddle(100).options[0].is_call


def test_the_hedging_set_leaves_out_what_is_in_the_portfolio():
    everything = hedging_set(1000.0)
    assert [(round(o.strike), o.is_call) for o in everything] == [
        (900, False), (950, False), (975, False), (1000, True), (1025, True), (1050, True), (1100, True),
    ]  # fmt: skip
    assert all(o.maturity == pytest.approx(1 / 12) for o in everything)
    less = hedging_set(1000.0, straddle(0.9 * 1000.0))
    assert len(less) == 6 and not any(round(o.strike) == 900 for o in less)
    assert len(hedging_set(1000.0, straddle(0.8 * 1000.0))) == 7
    assert len(hedging_set(1000.0, straddle(900.0, maturity=0.2))) == 7  # another contract


def test_a_union_holds_each_contract_once():
    a, b = Option(100, 0.1, True), Option(100, 0.1, False)
    book = Book.union([(a, b), (Option(100 * (1 + 1e-12), 0.1, True), Option(100, 0.2, True))])
    assert len(book) == 3
    assert book.columns([b, a]).tolist() == [1, 0]


@pytest.mark.parametrize(
    ("option", "words"),
    [
        (Option(1000.0, 0.5 * DT, True), "live for at least one trading day; found call 1000.00"),
        (Option(2500.0, 1 / 12, True), r"on the surface \(K/S from 0.7 to 1.3.*found call 2500.00 at K/S = 2.5"),
        (Option(1000.0, 5.0, True), "on the surface .*found call 1000.00 at K/S = 1 and 1825 days"),
    ],
)
def test_options_that_cannot_hedge_are_named(option, words):
    with pytest.raises(MarketDataError, match=words):
        check_instruments([Option(950.0, 1 / 12, False), option], 1000.0, market().iv[3], GRID, 0.02)


def test_worthless_and_repeated_options_are_named():
    calm = np.full(CH2_GRID.shape, 0.05)
    with pytest.raises(MarketDataError, match=r"worth something; found put 700\.00"):
        check_instruments([Option(700.0, 1 / 12, False)], 1000.0, calm, CH2_GRID, 0.0)
    with pytest.raises(MarketDataError, match=r"each option once in the hedging set; found put 950\.00 twice"):
        check_instruments([Option(950.0, 0.1, False)] * 2, 1000.0, calm, CH2_GRID, 0.0)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Option(-5.0, 0.1, True), "strike > 0; found -5"),
        (lambda: Option(100.0, 0.0, True), "has not expired; found a maturity of 0"),
        (lambda: Portfolio((Option(100, 0.1, True),), (1, 2)), "a quantity for each of 1 options; found 2"),
        (lambda: Portfolio((Option(100, 0.1, True),), (0,)), "a position in something; found none"),
        (lambda: Portfolio((Option(100, 0.1, True),), (np.nan,)), "finite quantities"),
        (lambda: Portfolio((Option(100, 0.1, True),) * 2, (1, 1)), "once in the portfolio; found call 100.00 twice"),
    ],
)
def test_portfolios_that_make_no_sense_are_refused(make, words):
    with pytest.raises(MarketDataError, match=words):
        make()
