"""The holder's ticket: its side, its sum with the book, its profits, and a book as it is typed."""

import numpy as np
import pandas as pd
import pytest
from hedging_markets import GRID, START, market, true_law
from scipy.stats import norm

from engine.__main__ import main
from engine.decisions import hedging
from engine.errors import MarketDataError
from engine.market.grid import DT

STRATEGIES = (hedging.DataDriven(), hedging.ShortfallHedge(), hedging.DeltaHedge(), hedging.DeltaVegaHedge())


def ticket(strategy, quantity=1.0, **more):
    history = market()
    book = hedging.straddle(0.95 * float(history.spot[START]), quantity=quantity)
    return hedging.hedge_today(
        history, book, strategy, model=true_law(), row=START, scenarios=200, fresh=40, seed=3, **more
    )


def black_scholes(spot, strike, years, rate, vol, is_call):
    """Value, delta and vega, longhand."""
    d1 = (np.log(spot / strike) + (rate + vol**2 / 2) * years) / (vol * np.sqrt(years))
    d2 = d1 - vol * np.sqrt(years)
    sign = 1 if is_call else -1
    value = sign * (spot * norm.cdf(sign * d1) - strike * np.exp(-rate * years) * norm.cdf(sign * d2))
    return value, sign * norm.cdf(sign * d1), spot * norm.pdf(d1) * np.sqrt(years)


@pytest.mark.parametrize("strategy", STRATEGIES, ids=lambda s: s.label)
def test_book_and_ticket_together_have_the_residual_delta_and_vega(strategy):
    history, made = market(), ticket(strategy)
    spot, rate = float(history.spot[START]), float(history.rate[START])
    years = 21 * DT
    vol = float(history.grid.interpolate(history.iv[START], 0.95, years))
    book = [black_scholes(spot, 0.95 * spot, years, rate, vol, is_call) for is_call in (True, False)]
    frame = made.to_frame()
    delta = sum(one[1] for one in book) + float((frame["quantity"] * frame["delta"]).sum())
    vega = sum(one[2] for one in book) + float((frame["quantity"] * frame["vega"]).sum())
    assert made.net_delta == pytest.approx(delta, abs=1e-9) and made.net_vega == pytest.approx(vega, abs=1e-6)
    assert made.value == pytest.approx(sum(one[0] for one in book))
    assert abs(made.net_delta) < 0.1 * abs(made.value_delta)


def test_the_holder_of_a_long_straddle_in_the_money_sells_the_index_and_loses_less():
    made = ticket(hedging.DeltaHedge())
    assert made.value_delta > 0.5 and made.trades[0] == pytest.approx(-made.value_delta)
    for strategy in STRATEGIES:
        one = ticket(strategy)
        assert one.pnl.std() < 0.5 * one.book_pnl.std()
        assert hedging.tail_losses(one.pnl, 0.05)[1] < hedging.tail_losses(one.book_pnl, 0.05)[1]


@pytest.mark.parametrize("strategy", [hedging.DataDriven(), hedging.DeltaVegaHedge()], ids=lambda s: s.label)
def test_who_is_short_trades_the_opposite(strategy):
    long, short = ticket(strategy), ticket(strategy, quantity=-1.0)
    np.testing.assert_allclose(short.trades, -long.trades, atol=1e-9)
    np.testing.assert_allclose(short.book_pnl, -long.book_pnl)
    assert short.cost == pytest.approx(long.cost) and short.net_delta == pytest.approx(-long.net_delta, abs=1e-9)


def test_the_profit_of_a_scenario_is_what_the_account_says():
    """Each scenario by hand: reprice everything held, add what the cash has earned."""
    history = market()
    spot = float(history.spot[START])
    book = hedging.straddle(0.95 * spot)
    options = hedging.hedging_set(spot, book, moneyness=(0.9, 1.05))
    held = [0.1, -0.2, 0.3]
    given = {"instruments": options, "model": true_law(), "row": START, "scenarios": 60, "fresh": 20, "seed": 5}
    made = hedging.hedge_today(history, book, hedging.DeltaHedge(), previous=held, account=7.0, **given)
    window = hedging.Window.of(history.until(START), (*options, *book.options), start=-1, days=0)
    moves = hedging.draw_moves(window, true_law(), scenarios=60, fresh=1, seed=[5, 7919]).fit[0]
    assert made.cash == pytest.approx(7.0 - made.trades @ made.price - made.cost)
    for k in range(0, 60, 7):
        profit = moves[k, 3] + moves[k, 4] + made.cash * float(history.rate[START]) * DT
        for i, quantity in enumerate(made.positions):
            profit += quantity * moves[k, i]
        assert made.pnl[k] == pytest.approx(profit, abs=1e-9)
        assert made.book_pnl[k] == pytest.approx(moves[k, 3] + moves[k, 4], abs=1e-9)


def test_tail_losses_are_those_of_the_tail_that_hurts():
    pnl = np.concatenate([np.full(95, 3.0), [-10.0, -20.0, -30.0, -40.0, -50.0]])
    value_at_risk, shortfall = hedging.tail_losses(pnl, 0.05)
    assert shortfall == pytest.approx(30.0) and value_at_risk == pytest.approx(-np.quantile(pnl, 0.05))


def test_a_book_as_it_is_typed():
    book = hedging.parse_book("straddle 95% 21d 2; put 900 3m -1.5, Underlying −0.5", 1_000.0)
    assert [(o.strike, round(o.maturity / DT), o.is_call) for o in book.options] == [
        (950.0, 21, True),
        (950.0, 21, False),
        (900.0, 63, False),
    ]
    assert book.quantities == (2.0, 2.0, -1.5) and book.underlying == -0.5
    spread = hedging.parse_book("call spread 100%/105% 1y", 1_000.0)
    assert [(o.strike, q) for o, q in zip(spread.options, spread.quantities, strict=True)] == [
        (1000.0, 1),
        (1050.0, -1),
    ]
    assert hedging.parse_book("call 100% 21d 1; call 100% 21d 2", 1_000.0).quantities == (3.0,)
    assert hedging.off_the_surface(book, 1_000.0, GRID) == ()
    assert "is extrapolated" in hedging.off_the_surface(hedging.parse_book("put 5% 21d", 1e3), 1e3, GRID)[0]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "found nothing"),
        ("butterfly 95% 21d", "expected one of call, put"),
        ("put 95%", "found 'put 95%'"),
        ("put 95% 0d", "not expired"),
        ("put 95% 21d 0", "quantity above or below zero"),
        ("put 0% 21d", "strike > 0"),
        ("strangle 95% 21d", "two strikes of a strangle"),
        ("put 90%/95% 21d", "one strike of a put"),
        ("call 100% 21d 1; call 100% 21d -1", "a position in something"),
    ],
)
def test_a_book_that_cannot_be_read_is_one_sentence(text, words):
    with pytest.raises(MarketDataError, match=words):
        hedging.parse_book(text, 1_000.0)


@pytest.mark.parametrize("strategy", ["data-driven", "delta"])
def test_the_command_writes_the_ticket(strategy, tmp_path, capsys):
    out = tmp_path / "ticket.csv"
    typed = ["ticket", "--data", "simulated-10x8", "--day", "2015-06-30", "--book", "straddle 95% 21d 1"]
    assert main([*typed, "--model", "fhs", "--strategy", strategy, "--scenarios", "200", "--out", str(out)]) == 0
    table = pd.read_csv(out)
    assert list(table.columns) == [
        *("instrument", "strike", "type", "quantity", "price", "half_spread", "cost", "delta", "vega"),
    ]
    said = capsys.readouterr().out
    book, left = (float(part.split("delta ")[1].split(",")[0]) for part in said.splitlines()[1].split("with"))
    assert book > 0.5 and table["quantity"][0] < 0
    assert book + float((table["quantity"] * table["delta"]).sum()) == pytest.approx(left, abs=1e-3)
    assert main([*typed[:-1], "straddle", "--out", str(out)]) == 2
    assert "in the book; found 'straddle'" in capsys.readouterr().err
