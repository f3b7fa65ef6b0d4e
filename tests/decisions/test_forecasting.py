import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.decisions import forecasting
from engine.decisions.forecasting import NoTrade
from engine.errors import MarketDataError, SettingsError

DAYS = np.array(["2020-01-02", "2020-01-02", "2020-01-03", "2020-01-03", "2020-01-06"], dtype="datetime64[D]")


def half_days(days: int) -> np.ndarray:
    return np.repeat(np.datetime64("2020-01-01") + np.arange(days), 2)


def test_weighted_bet_is_share_up_less_share_down() -> None:
    samples = np.array([[0.1, -0.2, 0.3, 0.0], [-1e-9, -2.0, -3.0, -4.0]])
    up = (samples > 0).mean(axis=-1)
    down = (samples < 0).mean(axis=-1)
    np.testing.assert_allclose(forecasting.weighted_bet(samples), up - down)
    assert forecasting.weighted_bet(samples)[1] == -1


def test_weighted_pnl_and_days_by_longhand_loop() -> None:
    rng = np.random.default_rng(1)
    bet, realised = rng.uniform(-1, 1, 5), rng.normal(0, 0.01, 5)
    by_day: dict[np.datetime64, float] = {}
    for b, x, day in zip(bet, realised, DAYS, strict=True):
        by_day[day] = by_day.get(day, 0.0) + 10_000 * b * x
    days, pnl = forecasting.daily(forecasting.weighted_pnl(bet, realised), DAYS)
    assert list(days) == list(by_day)
    np.testing.assert_allclose(pnl, list(by_day.values()))


def test_sharpe_ratio_by_its_formula_and_its_invariances() -> None:
    pnl = np.random.default_rng(2).normal(3, 40, 500)
    mean = sum(pnl) / 500
    sd = math.sqrt(sum((x - mean) ** 2 for x in pnl) / 500)
    ratio = forecasting.sharpe_ratio(pnl)
    assert ratio == pytest.approx(math.sqrt(252) * mean / sd)
    assert forecasting.sharpe_ratio(7 * pnl) == pytest.approx(ratio)
    assert forecasting.sharpe_ratio(-pnl) == pytest.approx(-ratio)


def test_pnl_without_risk_has_no_sharpe_ratio() -> None:
    assert np.isnan(forecasting.sharpe_ratio(np.full(30, 1.3)))
    assert np.isnan(forecasting.sharpe_ratio(np.zeros((2, 30)))).all()


def test_portfolio_ratio_is_that_of_the_sum_over_tickers() -> None:
    pnl = np.random.default_rng(3).normal(1, 20, (4, 300))
    of_sum = forecasting.sharpe_ratio(pnl.sum(axis=0))
    assert forecasting.sharpe_ratio(forecasting.portfolio(pnl)) == pytest.approx(of_sum)


def test_a_ticker_that_does_not_trade_earns_nothing_that_day() -> None:
    np.testing.assert_allclose(forecasting.portfolio(np.array([[1.0, np.nan], [3.0, 5.0]])), [2.0, 2.5])


def test_costs_take_a_loop_over_trades() -> None:
    rng = np.random.default_rng(4)
    bet, realised = rng.uniform(-1, 1, 50), rng.normal(0, 0.01, 50)
    held, expected = 0.0, []
    for b, x in zip(bet, realised, strict=True):
        expected.append(10_000 * b * x - 1.5 * abs(b - held))
        held = b
    np.testing.assert_allclose(forecasting.net_pnl(bet, realised, 1.5), expected)


def test_at_the_break_even_cost_nothing_is_left() -> None:
    rng = np.random.default_rng(5)
    realised = rng.normal(0, 0.01, 400)
    bet = np.clip(np.sign(realised) * rng.uniform(0, 1, 400), -1, 1)
    cost = float(forecasting.break_even_cost(bet, realised))
    assert cost > 0
    assert forecasting.net_pnl(bet, realised, cost).sum() == pytest.approx(0, abs=1e-9 * cost * 400)


def test_holding_on_trades_once() -> None:
    assert forecasting.traded(np.ones(100)).sum() == 1
    assert np.isnan(forecasting.break_even_cost(np.zeros(10), np.ones(10)))


@given(st.integers(0, 2**32 - 1), st.floats(0, 1), st.floats(0, 2))
def test_no_trade_rules_never_trade_more(seed: int, least: float, band: float) -> None:
    bet = np.random.default_rng(seed).uniform(-1, 1, 60)
    kept = NoTrade(band=band).positions(bet)
    assert forecasting.traded(kept).sum() <= forecasting.traded(bet).sum() + 1e-9
    small = NoTrade(least_bet=least).positions(bet)
    np.testing.assert_array_equal(small[np.abs(bet) >= least], bet[np.abs(bet) >= least])
    assert not small[np.abs(bet) < least].any()


def test_band_keeps_the_position_until_the_bet_leaves_it() -> None:
    held = NoTrade(band=0.3).positions(np.array([0.2, 0.5, 0.7, 0.9, -0.1]))
    np.testing.assert_allclose(held, [0.0, 0.5, 0.5, 0.9, -0.1])


def test_rules_do_not_look_ahead() -> None:
    rng = np.random.default_rng(6)
    bet, expected = rng.uniform(-1, 1, 80), rng.normal(0, 1e-3, 80)
    rule = NoTrade(least_bet=0.1, band=0.2, least_forecast=2.0)
    later = bet.copy()
    later[40:] = rng.permutation(later[40:])
    before, after = rule.positions(bet, expected), rule.positions(later, expected)
    np.testing.assert_array_equal(before[:40], after[:40])


def test_a_least_forecast_leaves_small_expectations_out() -> None:
    held = NoTrade(least_forecast=2.0).positions(np.array([1.0, 1.0]), np.array([1e-4, -3e-4]))
    np.testing.assert_array_equal(held, [0.0, 1.0])
    with pytest.raises(SettingsError, match="expected forecast returns"):
        NoTrade(least_forecast=2.0).positions(np.ones(2))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: forecasting.weighted_pnl([1.2], [0.1]), "between -1 and 1; found one of size 1.2"),
        (lambda: forecasting.daily(np.ones(4), DAYS), "a date for each half-day"),
        (lambda: forecasting.daily(np.ones(5), DAYS[::-1]), "expected days in order"),
        (lambda: forecasting.weighted_bet(np.empty((3, 0))), "at least one generated return"),
        (lambda: forecasting.net_pnl([0.0], [0.0], -1), "expected a cost >= 0"),
        (lambda: NoTrade(band=-0.1), "expected band between 0 and 2"),
    ],
)
def test_bad_bets_are_refused_in_a_sentence(call, words) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises((MarketDataError, SettingsError), match=words):
        call()
