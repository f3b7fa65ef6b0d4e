"""Hedging: the optimisation's door, the account, and the laws that any hedge obeys."""

from dataclasses import replace

import numpy as np
import oracles
import pytest
from hedging_markets import (
    GRID,
    START,
    market,
    market_without_interest,
    shuffled_after,
    straddle_and_instruments,
    true_law,
    true_law_on,
)

from engine.decisions import hedging
from engine.decisions.hedging import CostModel, DataDriven, DeltaHedge, DeltaVegaHedge, ShortfallHedge, Unhedged
from engine.decisions.hedging.penalised_regression import solve
from engine.errors import MarketDataError, SettingsError
from engine.market.grid import DT, Grid
from engine.models.simulated.market import simulate

FREE = CostModel(scale=0.0)
STRATEGIES = (Unhedged(), DeltaHedge(), DeltaVegaHedge(), DataDriven(), ShortfallHedge())
QUICK = {"scenarios": 120, "fresh": 40}


def changes(seed=0, n_scenarios=300, n=5):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n_scenarios, n))
    x[:, 2] = x[:, 1] + 0.05 * x[:, 2]
    y = x @ np.array([1.0, 2.0, 0.0, -1.0, 0.2]) + 0.2 * rng.standard_normal(n_scenarios) + 0.4
    return y, x, np.array([0.0, 0.3, 0.05, 0.1, 2.0]), np.array([0.5, 0.0, 1.0, 0.0, 0.0])


def tracked(strategy, history=None, m0=0.95, **given):
    history = history or market()
    portfolio, instruments = straddle_and_instruments(history, m0)
    model = true_law() if strategy.needs_scenarios else None
    return hedging.track(
        history, portfolio, strategy, instruments=instruments, start=START, model=model, **{**QUICK, **given}
    )


# the optimisation


def test_hedge_ratios_minimise_the_objective_of_the_thesis():
    y, x, cost, held = changes()
    alpha, gross = 0.05, 20.0
    found = hedging.hedge_ratios(y, x, cost, held, alpha, gross)

    def objective(intercept, ratios):
        fit = np.square(y - intercept - x @ ratios).mean()
        return fit + alpha * gross * (cost * np.abs(ratios - held)).sum()

    assert found.objective == pytest.approx(objective(found.intercept, found.ratios), rel=1e-12)
    assert found.variance == pytest.approx(np.square(y - found.intercept - x @ found.ratios).mean())
    assert found.cost == pytest.approx(cost @ np.abs(found.ratios - held))
    rng = np.random.default_rng(0)
    for size in (1e-4, 1e-2, 1.0):
        for _ in range(20):
            nearby = objective(found.intercept + size * rng.standard_normal(), found.ratios + size * rng.normal(size=5))
            assert nearby > found.objective
    assert found.ratios[4] == held[4]  # too dear to touch
    assert found.ratios[0] != held[0]  # free


def test_alpha_zero_is_least_squares_and_costs_do_not_matter_then():
    y, x, cost, held = changes(1)
    found = hedging.hedge_ratios(y, x, cost, held, 0.0, 20.0)
    expected = np.linalg.lstsq(np.column_stack([np.ones(len(y)), x]), y, rcond=None)[0]
    np.testing.assert_allclose([found.intercept, *found.ratios], expected, atol=1e-10)
    assert found.objective == pytest.approx(found.variance)


def test_dearer_trading_lowers_turnover_step_by_step():
    y, x, cost, held = changes(2)
    turnover = [hedging.hedge_ratios(y, x, cost, held, a, 20.0).cost for a in (0, 1e-3, 1e-2, 0.1, 1, 10)]
    assert (np.diff(turnover) <= 1e-12).all() and turnover[-1] < turnover[0]
    dearer = [hedging.hedge_ratios(y, x, k * cost, held, 0.05, 20.0).cost / k for k in (0.5, 1, 2, 4, 8)]
    assert (np.diff(dearer) <= 1e-12).all()


def test_hedge_ratios_do_not_depend_on_the_currency_or_on_the_order_of_instruments():
    y, x, cost, held = changes(3)
    found = hedging.hedge_ratios(y, x, cost, held, 0.05, 20.0)
    in_cents = hedging.hedge_ratios(100 * y, 100 * x, 100 * cost, held, 0.05, 2000.0)
    np.testing.assert_allclose(in_cents.ratios, found.ratios, atol=1e-9)
    order = np.array([3, 0, 4, 2, 1])
    turned = hedging.hedge_ratios(y, x[:, order], cost[order], held[order], 0.05, 20.0)
    np.testing.assert_allclose(turned.ratios, found.ratios[order], atol=1e-9)


def test_impact_alone_is_the_closed_form_of_ridge():
    y, x, cost, held = changes(4)
    weight, gross = 0.02, 20.0
    found = hedging.hedge_ratios(y, x, cost, held, 0.0, gross, impact=1 + cost, impact_weight=weight)
    xc = x - x.mean(axis=0)
    rest = y - y.mean() - xc @ held
    trade = np.linalg.solve(xc.T @ xc / len(y) + weight * gross * np.diag(1 + cost), xc.T @ rest / len(y))
    np.testing.assert_allclose(found.ratios, held + trade, atol=1e-10)
    both = hedging.hedge_ratios(y, x, cost, held, 0.05, gross, impact=1 + cost, impact_weight=weight)
    assert both.cost < found.cost


def test_limits_are_on_positions_not_on_trades():
    y, x, cost, held = changes(5)
    rows = np.concatenate([np.eye(5), -np.eye(5)])
    found = hedging.hedge_ratios(y, x, cost, held, 0.01, 20.0, limits=hedging.Limits(rows, np.full(10, 1.0)))
    assert np.abs(found.ratios).max() <= 1 + 1e-9
    free = hedging.hedge_ratios(y, x, cost, held, 0.01, 20.0)
    assert np.abs(free.ratios).max() > 1.05 and found.objective > free.objective


def test_alpha_is_chosen_by_the_criterion_on_fresh_scenarios():
    y, x, cost, held = changes(6)
    fresh_y, fresh_x, _, _ = changes(7, n_scenarios=100)
    found = hedging.choose_alpha(y, x, cost, held, 20.0, fresh_y, fresh_x, (0.0, 0.01, 0.3, 3.0))
    for k, alpha in enumerate(found.alphas):
        alone = hedging.hedge_ratios(y, x, cost, held, alpha, 20.0)
        np.testing.assert_allclose(found.ratios[k], alone.ratios, atol=1e-12)
        rss = np.square(fresh_y - alone.intercept - fresh_x @ alone.ratios).sum()
        aic = 100 * np.log(rss / 100) + 2 * (1 + np.count_nonzero(alone.ratios))
        assert found.aic[k] == pytest.approx(aic, rel=1e-9)
    assert found.alpha == found.alphas[found.aic.argmin()]
    assert found.n_instruments.tolist() == np.count_nonzero(found.ratios, axis=1).tolist()


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        ({"value_change": np.zeros(1), "instrument_change": np.zeros((1, 5))}, MarketDataError, "at least 2 scenarios"),
        ({"value_change": np.zeros(7)}, MarketDataError, "of the same scenarios"),
        ({"cost": np.array([0, 1, -1, 1, 1.0])}, SettingsError, "cost >= 0 for every instrument; found -1 at 2"),
        ({"cost": np.zeros(3)}, MarketDataError, "5 finite figures of cost"),
        ({"previous": np.zeros(2)}, MarketDataError, "5 finite positions held"),
        ({"alpha": -0.1}, SettingsError, "alpha >= 0; found -0.1"),
        ({"gross": 0.0}, SettingsError, "gross position > 0; found 0"),
        ({"weights": np.ones(300)}, MarketDataError, "sum to one"),
        ({"impact": np.ones(5), "impact_weight": -1.0}, SettingsError, "market impact >= 0; found -1"),
    ],
)
def test_what_cannot_be_optimised_is_refused_with_one_sentence(given, error, words):
    y, x, cost, held = changes()
    usual = {
        "value_change": y, "instrument_change": x, "cost": cost, "previous": held, "alpha": 0.1, "gross": 20.0,
    }  # fmt: skip
    with pytest.raises(error, match=words):
        hedging.hedge_ratios(**{**usual, **given})


def test_instruments_without_a_hedge_in_them_are_named():
    y, x, cost, held = changes()
    constant, repeated, sum_of_two = x.copy(), x.copy(), x.copy()
    constant[:, 3] = 7.0
    repeated[:, 4] = repeated[:, 1]
    sum_of_two[:, 4] = x[:, 0] + x[:, 1]
    with pytest.raises(SettingsError, match="found instrument 3 that never does"):
        hedging.hedge_ratios(y, constant, cost, held, 0.1, 20.0)
    with pytest.raises(SettingsError, match="instruments that differ; found 1 and 4"):
        hedging.hedge_ratios(y, repeated, cost, held, 0.1, 20.0)
    with pytest.raises(SettingsError, match="trading costs nothing; found instrument 4 a combination"):
        hedging.hedge_ratios(y, sum_of_two, 0 * cost, held, 0.1, 20.0)
    penalised = hedging.hedge_ratios(y, sum_of_two, cost, held, 0.1, 20.0)  # the cheaper way is chosen
    assert np.isfinite(penalised.ratios).all()
    with pytest.raises(MarketDataError, match="at least one hedging instrument"):
        hedging.hedge_ratios(y, x[:, :0], cost[:0], held[:0], 0.1, 20.0)
    with pytest.raises(SettingsError, match="instruments that differ; found 1 and 4"):
        hedging.choose_alpha(y, repeated, cost, held, 20.0, y, repeated)
    with pytest.raises(SettingsError, match="candidate for alpha; found none"):
        hedging.choose_alpha(y, x, cost, held, 20.0, y, x, ())


def test_every_problem_of_a_month_is_solved_to_the_optimality_conditions():
    """Real hedging problems: instruments that move together, costs from nothing to a third of their price."""
    history = market()
    portfolio, instruments = straddle_and_instruments(history)
    window = hedging.Window.of(history, (*instruments, *portfolio.options), start=START, days=21)
    moves = hedging.draw_moves(window, true_law(), scenarios=300, fresh=10)
    holding, columns = window.holding(portfolio), window.instruments(instruments)
    worst = 0.0
    for k in range(20):
        problem = moves.compressed[k].of(columns, holding)
        for alpha in (1e-4, 1e-2, 0.2):
            penalty = alpha * 60.0 * window.cost[k, columns]
            worst = max(worst, oracles.optimality_gap(problem.x, problem.y, penalty, solve(problem, penalty)))
    assert worst < 1e-8
    last = window.price[:-1, columns] / window.cost[:-1, columns].clip(1e-12)
    assert last[:, 1:].min() < 3


# the account


@pytest.mark.parametrize("strategy", STRATEGIES, ids=lambda s: s.label)
def test_the_account_reconciles_from_cash_flows(strategy):
    history = market()
    path = tracked(strategy)
    _, instruments = straddle_and_instruments(history)
    prices = np.empty((22, len(path.instruments)))
    for k in range(22):
        row = START + k
        book = hedging.Book(instruments)
        quotes = book.quote(float(history.spot[row]), history.iv[row], GRID, k * DT, float(history.rate[row]))
        prices[k] = [history.spot[row], *quotes.price]
    # a bank account and a warehouse, one day after the other
    bank, held, paid = float(path.value[0]), np.zeros(prices.shape[1]), 0.0
    for k in range(21):
        trade = path.positions[k] - held
        bank -= trade @ prices[k] + path.cost[k]
        held = path.positions[k]
        assert path.cash[k] == pytest.approx(bank, abs=1e-8)
        bank *= 1 + history.rate[START + k] * DT
        paid += path.cost[k]
        assert path.tracking[k + 1] == pytest.approx(
            bank + held @ prices[k + 1] - (path.cost[21] if k == 20 else 0), abs=1e-8
        )
    np.testing.assert_allclose(path.error, path.value - path.tracking, atol=1e-10)
    assert path.tracking[0] == path.value[0] and path.error[0] == 0 and not path.positions[-1].any()
    split = path.attribution()
    np.testing.assert_allclose(split["error_change"], np.diff(path.error), atol=1e-9)
    gained = path.hedge_gain.sum() + path.interest.sum() - path.cost.sum()
    assert path.tracking[-1] - path.tracking[0] == pytest.approx(gained, abs=1e-9)


def test_value_of_the_straddle_ends_at_its_intrinsic_value():
    history = market()
    path = tracked(Unhedged(), m0=1.05)
    strike, last = 1.05 * history.spot[START], history.spot[START + 21]
    assert path.value[-1] == pytest.approx(abs(last - strike))
    assert path.cost[-1] == 0  # settled, not sold


def test_options_that_live_on_are_sold_at_a_cost():
    history = market()
    spot = float(history.spot[START])
    portfolio = hedging.straddle(0.95 * spot, maturity=42 * DT)
    instruments = hedging.hedging_set(spot, portfolio, maturity=42 * DT, moneyness=(0.9, 1.0, 1.1))
    path = hedging.track(
        history, portfolio, DeltaVegaHedge(), instruments=instruments, start=START, costs=CostModel("parametric")
    )
    row = START + 21
    quotes = hedging.Book(instruments).quote(
        float(history.spot[row]), history.iv[row], GRID, 21 * DT, float(history.rate[row])
    )
    expected = max(quotes.vega[1] * 0.001, 2.5e-5 * history.spot[row]) * abs(path.positions[20, 2])
    assert path.cost[-1] == pytest.approx(expected) and expected > 0
    assert path.value[-1] > abs(history.spot[row] - 0.95 * spot)  # time value is left


def test_an_unhedged_account_earns_interest_and_a_frame_holds_it_all():
    history = market()
    path = tracked(Unhedged())
    growth = np.cumprod(1 + history.rate[START : START + 21] * DT)
    np.testing.assert_allclose(path.tracking[1:], path.value[0] * growth, rtol=1e-12)
    frame = path.to_frame()
    assert list(frame.columns[:6]) == ["date", "value", "tracking", "error", "cash", "cost"]
    assert frame.columns[6] == "position underlying" and len(frame) == 22


# laws


def test_a_replicating_set_leaves_nothing():
    """call + put = 2 call − S + K when there is no interest: the underlying and the call replicate the straddle."""
    history = market_without_interest()
    spot = float(history.spot[START])
    portfolio = hedging.straddle(0.95 * spot)
    call = (hedging.Option(0.95 * spot, 21 * DT, True),)
    path = hedging.track(
        history, portfolio, DataDriven(), instruments=call, start=START, model=true_law(), costs=FREE, **QUICK
    )
    traded = path.positions[:-1]
    assert np.abs(path.error).max() < 1e-7 * path.value[0]
    assert np.abs(traded[0] - [-1.0, 2.0]).max() < 1e-7


def test_a_portfolio_of_call_less_put_is_hedged_by_the_underlying_alone():
    history = market_without_interest()
    spot = float(history.spot[START])
    call, put = hedging.straddle(0.95 * spot).options
    portfolio = hedging.Portfolio((call, put), (1.0, -1.0))
    instruments = hedging.hedging_set(spot, portfolio, moneyness=(0.9, 1.0, 1.05))
    for strategy in (DataDriven(), DataDriven(alphas=(1.0,)), DeltaHedge()):
        path = hedging.track(
            history, portfolio, strategy, instruments=instruments, start=START, model=true_law(), **QUICK
        )
        np.testing.assert_allclose(path.positions[:-1, 0], 1.0, atol=1e-7)
        assert np.abs(path.positions[:-1, 1:]).max() < 1e-6
        assert np.abs(path.error).max() < 1e-4


@pytest.mark.parametrize("strategy", [DataDriven(), DeltaVegaHedge(), ShortfallHedge()], ids=lambda s: s.label)
def test_nothing_after_today_changes_the_ticket(strategy):
    history = market()
    portfolio, instruments = straddle_and_instruments(history)
    given = {"instruments": instruments, "model": true_law(), "row": START, **QUICK}
    ticket = hedging.hedge_today(history, portfolio, strategy, **given)
    for seed in range(2):
        other = hedging.hedge_today(shuffled_after(history, START, seed), portfolio, strategy, **given)
        np.testing.assert_array_equal(other.positions, ticket.positions)
        np.testing.assert_array_equal(other.pnl, ticket.pnl)
    alone = hedging.hedge_today(history.until(START), portfolio, strategy, **{**given, "row": -1})
    np.testing.assert_array_equal(alone.positions, ticket.positions)


def test_nothing_after_a_day_changes_what_was_traded_until_then():
    history = market()
    path = tracked(DataDriven(every_day=True))
    other = tracked(DataDriven(every_day=True), history=shuffled_after(history, START + 8))
    np.testing.assert_allclose(other.positions[:9], path.positions[:9], atol=1e-12)
    assert np.abs(other.positions[9:20] - path.positions[9:20]).max() > 1e-3


@pytest.mark.parametrize("strategy", [DataDriven(), DeltaHedge(), DeltaVegaHedge()], ids=lambda s: s.label)
def test_the_ticket_is_the_first_day_of_the_backtest(strategy):
    history = market()
    portfolio, instruments = straddle_and_instruments(history)
    path = tracked(strategy)
    ticket = hedging.hedge_today(
        history, portfolio, strategy, instruments=instruments, model=true_law(), row=START, **QUICK
    )
    np.testing.assert_allclose(ticket.positions, -path.positions[0], rtol=1e-10, atol=1e-12)
    assert ticket.cost == pytest.approx(path.cost[0], rel=1e-10)
    replicated = path.positions[0] @ ticket.price
    assert ticket.cash == pytest.approx(replicated - path.cost[0], rel=1e-10)  # the sale of what replicates the book
    assert ticket.instruments == path.instruments and ticket.value == path.value[0]
    assert ticket.net_delta == pytest.approx(path.net_delta[0], abs=1e-12)
    assert ticket.net_vega == pytest.approx(path.net_vega[0], abs=1e-9)
    frame = ticket.to_frame()
    assert frame["cost"].sum() == pytest.approx(ticket.cost)
    assert len(ticket.pnl) == 120 and ticket.provenance["data_fingerprint"] == history.fingerprint


def test_the_residual_is_the_next_step_of_the_error_less_its_costs():
    """With the day that came as the only scenario the residual is what the backtest books."""
    history = market()
    portfolio, instruments = straddle_and_instruments(history)

    class Foresight(OneOutcome):
        def sample_days(self, known, rows, n, *, rng):
            drawn = super().sample_days(known, rows, n, rng=rng)
            came = np.log(history.spot[START + 1] / history.spot[START])
            log_iv = np.broadcast_to(np.log(history.iv[START + 1]), drawn.log_iv.shape)
            return replace(drawn, log_return=np.full(drawn.log_return.shape, came), log_iv=log_iv)

    steady = replace(history, rate=np.full(len(history), 0.04))  # scenarios do not move the rate
    path = hedging.track(steady, portfolio, DeltaVegaHedge(), instruments=instruments, start=START)
    ticket = hedging.hedge_today(
        steady, portfolio, DeltaVegaHedge(), instruments=instruments, model=Foresight(true_law()), row=START, **QUICK
    )
    financed = 0.04 * DT * (path.value[0] - 2 * path.cost[0])  # Z pays for the book; its costs are gained, not lost
    np.testing.assert_allclose(ticket.pnl, path.error[1] - path.cost[0] + financed, atol=1e-9)
    np.testing.assert_allclose(ticket.book_pnl, path.value[1] - path.value[0], atol=1e-9)


def test_the_usual_instruments_are_the_hedging_set_on_the_surface():
    history = market()
    portfolio, instruments = straddle_and_instruments(history)
    given = {"start": START, "model": true_law(), **QUICK}
    usual = hedging.track(history, portfolio, DataDriven(), **given)
    named = hedging.track(history, portfolio, DataDriven(), instruments=instruments, **given)
    assert usual.instruments == named.instruments and len(usual.instruments) == 7
    np.testing.assert_array_equal(usual.error, named.error)
    narrow = simulate(Grid([0.94, 1.0, 1.06], [1 / 12, 1 / 6]), 60, 2).history
    ticket = hedging.hedge_today(
        narrow, hedging.straddle(float(narrow.spot[-1])), DeltaHedge(), model=true_law_on(narrow)
    )
    assert len(ticket.instruments) == 5  # 0.95, 0.975, 1.025 and 1.05 lie on it; 1.0 is in the portfolio
    calm = replace(history, iv=0.15 * history.iv)
    path = hedging.track(calm, portfolio, DeltaHedge(), start=START)
    assert 1 < len(path.instruments) < 7  # the outer ones are worth nothing
    with pytest.raises(MarketDataError, match="a day among 60; found row 60"):
        hedging.track(narrow, portfolio, DeltaHedge(), start=60)


class Counted:
    """The true law, which counts the scenarios it was asked for."""

    label = "counted"

    def __init__(self):
        self.model, self.drawn = true_law(), 0

    def sample_days(self, history, rows, n, *, rng):
        self.drawn += n * len(rows)
        return self.model.sample_days(history, rows, n, rng=rng)


@pytest.mark.parametrize("every_day", [False, True])
def test_tickets_of_several_strategies_draw_once_and_solve_for_alpha_once(monkeypatch, every_day):
    history = market()
    portfolio, instruments = straddle_and_instruments(history)
    strategies = (DataDriven(every_day=every_day), ShortfallHedge(), DeltaHedge(), DeltaVegaHedge())
    solved = []
    alpha_of = hedging.optimisation.alpha_of
    monkeypatch.setattr(hedging.optimisation, "alpha_of", lambda *given: solved.append(1) or alpha_of(*given))
    model = Counted()
    given = {"instruments": instruments, "row": START, **QUICK}
    tickets = hedging.hedge_tickets(history, portfolio, strategies, model=model, **given)
    assert model.drawn == 120 + 40 + 120 + 1 and len(solved) == 1
    assert [ticket.label for ticket in tickets] == ["data-driven", "least shortfall", "delta", "delta-vega"]
    assert tickets[0].choice.alpha == tickets[0].alpha and [t.choice for t in tickets[1:]] == [None] * 3
    for strategy, ticket in zip(strategies, tickets, strict=True):
        alone = hedging.hedge_today(history, portfolio, strategy, model=true_law(), **given)
        for name in ("positions", "pnl", "book_pnl", "cost", "cash"):
            np.testing.assert_array_equal(getattr(alone, name), getattr(ticket, name))


def test_what_cannot_be_traded_comes_with_its_reason():
    history = market()
    portfolio = hedging.straddle(0.95 * float(history.spot[START]))
    kept, left_out = hedging.tradable_instruments(
        history, START, portfolio, moneyness=(0.5, 0.9, 0.95, 1.0), maturity=hedging.ONE_MONTH
    )
    spot = float(history.spot[START])
    assert [round(option.strike / spot, 9) for option in kept] == [0.9, 1.0]  # 0.95 is in the portfolio
    ((option, reason),) = left_out
    assert option.strike == 0.5 * spot and reason.startswith("expected hedging options on the surface")


def test_a_ticket_starts_from_the_positions_held():
    history = market()
    portfolio, instruments = straddle_and_instruments(history)
    given = {"instruments": instruments, "model": true_law(), "row": START, **QUICK}
    fresh = hedging.hedge_today(history, portfolio, DataDriven(alphas=(0.01,)), **given)
    again = hedging.hedge_today(history, portfolio, DataDriven(alphas=(0.01,)), previous=fresh.positions, **given)
    assert again.cost <= 1e-12  # what is optimal is left alone
    with pytest.raises(MarketDataError, match="positions in 7 instruments"):
        hedging.hedge_today(history, portfolio, DataDriven(), previous=[1.0], **given)
    with pytest.raises(MarketDataError, match="finite positions held"):
        hedging.hedge_today(history, portfolio, DataDriven(), previous=[np.nan] * 7, **given)


# strategies


def test_delta_and_delta_vega_leave_no_sensitivity():
    path = tracked(DeltaHedge())
    np.testing.assert_allclose(path.net_delta, 0, atol=1e-12)
    both = tracked(DeltaVegaHedge(guard=0.0))
    vega_left = np.abs(both.net_vega) / (1e-9 + np.abs(both.value_vega))
    np.testing.assert_allclose(both.net_delta, 0, atol=1e-9)
    assert vega_left[:10].max() < 1e-9
    assert np.count_nonzero(both.positions[0]) == 2 and both.positions[0, 3] != 0  # the option struck at the money


def test_delta_vega_keeps_its_option_where_vega_is_near_zero():
    history = market()
    spot = float(history.spot[START])
    portfolio = hedging.straddle(spot)
    wing = (hedging.Option(0.72 * spot, 21 * DT, False),)
    guarded = hedging.track(history, portfolio, DeltaVegaHedge(), instruments=wing, start=START)
    assert not guarded.positions[:, 1].any()
    np.testing.assert_allclose(guarded.net_delta, 0, atol=1e-12)
    with pytest.raises(SettingsError, match="hedging option for a delta–vega hedge"):
        hedging.track(history, portfolio, DeltaVegaHedge(), instruments=(), start=START)


def test_options_worth_less_than_their_half_spread_are_not_traded():
    history = market()
    path = tracked(DataDriven(alphas=(1e-5,)))
    portfolio, instruments = straddle_and_instruments(history)
    window = hedging.Window.of(history, (*instruments, *portfolio.options), start=START, days=21)
    columns = window.instruments(instruments)
    dead = window.time_value[:-1, columns] <= window.cost[:-1, columns]
    assert dead.any() and not dead[:, 0].any()
    traded = np.abs(np.diff(path.positions[:-1], axis=0, prepend=0.0)) > 0
    assert not (traded & dead).any()


def test_where_trading_is_free_redundant_instruments_are_left_alone():
    """Call less put is the underlying, which is the one left alone: it would earn no interest on the strike."""
    history = market_without_interest()
    spot = float(history.spot[START])
    portfolio = hedging.straddle(0.95 * spot)
    pair = hedging.straddle(1.0 * spot).options
    given = {"instruments": pair, "start": START, "model": true_law(), "days": 10, **QUICK}
    for strategy in (DataDriven(alphas=(0.0,)), DataDriven(alphas=(0.0, 0.1))):
        path = hedging.track(history, portfolio, strategy, **given)
        assert not path.positions[:, 0].any() and path.positions[:-1, 1:].all()
    free = hedging.track(history, portfolio, DataDriven(), costs=FREE, **given)
    assert not free.positions[:, 0].any()


def test_a_straddle_is_replicated_by_itself_whatever_rates_do():
    history = market()
    portfolio = hedging.straddle(0.95 * float(history.spot[START]))
    for alphas in ((0.0,), (0.01,), hedging.FINE_ALPHAS):
        path = hedging.track(
            history,
            portfolio,
            DataDriven(alphas=alphas),
            instruments=portfolio.options,
            start=START,
            model=true_law(),
            costs=FREE,
            **QUICK,
        )
        assert np.abs(path.error).max() < 1e-11 * path.value[0]


class OneOutcome:
    """Draws the same tomorrow every time."""

    def __init__(self, model):
        self.model, self.label = model, "one outcome"

    def sample_days(self, history, rows, n, *, rng):
        drawn = self.model.sample_days(history, rows, 1, rng=rng)
        same = {"log_return": drawn.log_return.repeat(n, axis=1), "log_iv": drawn.log_iv.repeat(n, axis=1)}
        return replace(drawn, **same, weights=None)


@pytest.mark.parametrize("strategy", [DataDriven(), DataDriven(alphas=(0.0, 0.1)), ShortfallHedge()])
def test_where_no_instrument_can_be_used_positions_are_left_as_they_are(strategy):
    history = market()
    portfolio, instruments = straddle_and_instruments(history)
    held = np.linspace(-1, 1, 1 + len(instruments))
    ticket = hedging.hedge_today(
        history, portfolio, strategy, instruments=instruments, model=OneOutcome(true_law()), row=START, previous=held,
        **QUICK,
    )  # fmt: skip
    np.testing.assert_array_equal(ticket.positions, held)


def test_limits_hold_on_every_day_of_a_hedge():
    limits = hedging.HedgeLimits(position=0.3, net_delta=0.05)
    path = tracked(DataDriven(alphas=(0.001,), limits=limits), days=8)
    assert np.abs(path.positions[:, 1:]).max() <= 0.3 + 1e-9
    assert np.abs(path.net_delta).max() <= 0.05 + 1e-9
    free = tracked(DataDriven(alphas=(0.001,)), days=8)
    assert np.abs(free.positions[:, 1:]).max() > 0.35
    with pytest.raises(SettingsError, match="bound >= 0 on net delta; found -1"):
        hedging.HedgeLimits(net_delta=-1.0)


def test_a_data_driven_hedge_beats_delta_on_the_law_it_knows():
    """Over a few straddles the residual variance is far below that of a delta hedge."""
    history = market()
    ours, theirs = [], []
    for start in (30, 60, 90):
        portfolio, instruments = straddle_and_instruments(history, 0.95, start)
        window = hedging.Window.of(history, (*instruments, *portfolio.options), start=start, days=21)
        moves = hedging.draw_moves(window, true_law(), scenarios=300, fresh=50)
        best = DataDriven(alphas=(1e-3,))
        ours.append(hedging.follow(window, portfolio, best, instruments=instruments, moves=moves).error)
        theirs.append(hedging.follow(window, portfolio, DeltaHedge(), instruments=instruments).error)
    assert np.std(ours) < 0.5 * np.std(theirs)


# what cannot be tracked


@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        ({"start": 130}, MarketDataError, "expected 21 trading days after .*; found 9: the data end there"),
        ({"start": 999}, MarketDataError, "a day among 140; found row 999"),
        ({"days": 0}, SettingsError, "at least one trading day"),
        ({"days": 30}, MarketDataError, "live until the last of 30 trading days; found .* after 21"),
        ({"model": None}, SettingsError, "a generator for a data-driven hedge; found none"),
        ({"scenarios": 1}, SettingsError, "at least 2 scenarios and 1 fresh one; found 1"),
    ],
)
def test_what_cannot_be_tracked_is_said_in_one_sentence(given, error, words):
    history = market()
    portfolio, instruments = straddle_and_instruments(history)
    usual = {"instruments": instruments, "start": START, "model": true_law(), **QUICK}
    with pytest.raises(error, match=words):
        hedging.track(history, portfolio, DataDriven(), **{**usual, **given})


def test_instruments_are_checked_on_the_day_they_are_entered():
    history = market()
    portfolio, instruments = straddle_and_instruments(history)
    outside = hedging.Option(3.0 * float(history.spot[START]), 21 * DT, True)
    with pytest.raises(MarketDataError, match="on the surface"):
        hedging.track(history, portfolio, DeltaHedge(), instruments=(*instruments, outside), start=START)
    with pytest.raises(MarketDataError, match="each option once"):
        hedging.track(history, portfolio, DeltaHedge(), instruments=(*instruments, instruments[0]), start=START)
    bare = replace(history, half_spread=None)
    with pytest.raises(MarketDataError, match="choose the parametric model"):
        hedging.track(bare, portfolio, DeltaHedge(), instruments=instruments, start=START, costs=CostModel("quoted"))
