import numpy as np
import pytest
from graph_panels import panel

from engine.decisions import graph
from engine.decisions.graph import weighting as graph_rolling
from engine.errors import MarketDataError


def months(times=160):
    return np.datetime64("2020-01-01") + np.arange(times) // 2


@pytest.mark.parametrize("method", ["sharpe", "pnl_based", "lasso", "correlation"])
def test_each_month_learns_from_what_lies_before_it(method):
    signs, returns = panel(4, 4, 160)
    date = months()
    found = graph_rolling.rolling(method, signs, returns, date, 80, eta=1e-5 if method == "lasso" else None)
    assert [str(date[k])[:7] for k in found.first] == ["2020-02", "2020-03"]
    for k, first in enumerate(found.first):
        past = slice(0, first)
        expected = graph.weights(
            method, signs[..., past], returns[:, past], 1e-5 if method == "lasso" else None, date=date[past]
        )
        np.testing.assert_allclose(found.weights[k], expected, rtol=1e-12)
    last = int(found.first[-1])
    np.testing.assert_allclose(found.bets[:, last - 80 :], graph.bets(found.weights[-1], signs[..., last:]), rtol=1e-12)


def test_shuffling_the_future_leaves_earlier_rolling_bets_alone():
    signs, returns = panel(4, 4, 160)
    date = months()
    before = graph_rolling.rolling("lasso", signs, returns, date, 80)  # η searched anew each month
    now = 130
    shuffled = returns.copy()
    shuffled[:, now:] = np.random.default_rng(0).permutation(returns[:, now:], axis=1) * -2
    after = graph_rolling.rolling("lasso", signs, shuffled, date, 80)
    known = int(before.first[before.first <= now][-1])
    np.testing.assert_array_equal(before.bets[:, : known - 80], after.bets[:, : known - 80])
    np.testing.assert_array_equal(before.weights[before.first <= now], after.weights[after.first <= now])


def test_memory_forgets():
    signs, returns = panel(3, 3, 160)
    date = months()
    short = graph_rolling.rolling("pnl_based", signs, returns, date, 80, memory=40)
    first = int(short.first[1])
    expected = graph.weights("pnl_based", signs[..., first - 40 : first], returns[:, first - 40 : first])
    np.testing.assert_allclose(short.weights[1], expected, rtol=1e-12)


def test_the_band_with_the_best_ratio_after_costs_is_chosen():
    rng = np.random.default_rng(3)
    slow = np.repeat(rng.choice([-0.6, 0.6], (3, 20)), 10, axis=1)  # opinions worth having …
    bets = np.clip(slow + rng.normal(0, 0.04, slow.shape), -1, 1)  # … and noise around them
    returns = 0.001 * slow + 0.005 * rng.standard_normal(slow.shape)
    rule, reached = graph_rolling.least_costly(bets, returns, cost=20)
    _, without_cost = graph_rolling.least_costly(bets, returns, cost=0)
    assert reached[graph_rolling.BANDS.index(rule.band)] == np.nanmax(reached) > reached[0]
    assert rule.band > 0
    direct = graph.portfolio_sharpe(bets, returns)
    assert without_cost[0] == pytest.approx(direct, rel=1e-12)


@pytest.mark.parametrize("start", [0, 1, 160])
def test_a_rolling_graph_needs_a_past_and_a_future(start):
    signs, returns = panel(3, 3, 160)
    with pytest.raises(MarketDataError, match="expected a start between 2 and 159"):
        graph_rolling.rolling("identity", signs, returns, months(), start)
