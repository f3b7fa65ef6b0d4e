"""The hedging page as a visitor finds it: a ticket at once, a month day by day, and one sentence for what cannot be."""

import contextlib
import dataclasses
import io
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from engine import datasets
from engine.decisions import hedging
from engine.errors import MarketDataError
from engine.evaluation import track_record
from engine.market import export
from engine.market.grid import DT
from engine.models.registry import on_the_spot, surface_model
from engine.models.simulated.market import simulate
from pages.decisions import hedging_page
from pages.decisions.hedging_page import controls, hedge_today
from pages.ui import frame, generators
from tests.models.small_market import SMALL_GRID

HISTORY = dataclasses.replace(simulate(SMALL_GRID, 200, 7).history, half_spread=None)


@pytest.fixture
def market() -> datasets.Loaded:
    """An uploaded market without half-spreads, on a grid that no shipped generator knows."""
    table = export.surfaces_table(HISTORY).to_csv(index=False).encode()
    return datasets.store_upload([("market.csv", table)])


def opened(market: datasets.Loaded | None = None, **state: object) -> AppTest:
    app = AppTest.from_file("../../pages/decisions/hedging.py", default_timeout=60)
    if market is not None:
        app.session_state["surfaces_dataset"] = market.entry.id
        app.session_state["scenarist"] = frame.Session(on_the_spot()[0])
    for key, value in {"hedge_n": 120, **state}.items():
        app.session_state[key] = value
    app.run()
    assert not app.exception, app.exception
    return app


def metric(app: AppTest, label: str) -> tuple[str, str]:
    found = next(one for one in app.metric if one.label == label)
    return found.value, found.delta


def frame_with(app: AppTest, column: str) -> pd.DataFrame:
    return next(one.value for one in (*app.dataframe, *app.table) if column in one.value)


def said(app: AppTest) -> str:
    return " ".join(one.value for one in [*app.error, *app.caption, *app.markdown, *app.info]).replace("\\", "")


def test_first_visit_shows_a_ticket_of_the_built_in_market_at_once():
    app = opened()
    assert metric(app, "95 % VaR")[1].startswith("book alone ")
    assert metric(app, "Trade today")[0].startswith("Sell ")
    ticket = frame_with(app, "Action")
    assert ticket["Instrument"].iloc[0] == "underlying" and set(ticket["Action"]) <= {"buy", "sell", "nothing"}
    assert list(frame_with(app, "Strategy")["Strategy"]) == [
        "book alone",
        "data-driven",
        "least shortfall",
        "delta",
        "delta-vega",
    ]
    assert "half-spreads of the data" in said(app) and "Ticket of 2021-12-31" in said(app)


def test_the_ticket_is_the_engine_s(market):
    app = opened(market, hedge_level=105.0, hedge_quantity=2.0, hedge_seed=5)
    history = market.data
    spot = float(history.spot[-1])
    days = controls.shortest(history.grid)
    position = hedging.straddle(1.05 * spot, days * DT, 2.0)
    model = surface_model(on_the_spot()[0])()
    model.fit(history, seed=0)
    options = hedging.hedging_set(
        spot, position, moneyness=(0.9, 0.95, 0.975, 1.0, 1.025, 1.05, 1.1), maturity=days * DT
    )
    kept = [o for o in options if _can_trade(o, history)]
    own = hedging.hedge_today(
        history, position, hedging.DataDriven(), instruments=kept, model=model, scenarios=120, seed=5
    )
    value, before = metric(app, "Delta left")
    assert value == f"{own.net_delta:.2g}".replace("-", "−") and own.value_delta == pytest.approx(
        float(before.removeprefix("book ").replace("−", "-")), rel=0.01
    )
    assert metric(app, "Cost")[0] == f"{own.cost:.3g}"
    assert "half-spread of 0.1 vol points" in said(app)  # uploaded without half-spreads: the stated model


def _can_trade(option, history):
    with contextlib.suppress(MarketDataError):
        hedging.check_instruments(
            (option,), float(history.spot[-1]), history.iv[-1], history.grid, float(history.rate[-1])
        )
        return True
    return False


def test_a_month_is_followed_and_its_end_is_the_engine_s(market):
    app = opened(market, hedge_tab="One month")
    history, start = market.data, len(market.data) - 22
    recipe = hedging_page.Recipe(
        tuple(hedging_page.Line(kind, 95.0, controls.shortest(history.grid), 1.0) for kind in ("call", "put"))
    )
    plan = hedging_page.Plan(
        (0.9, 0.95, 0.975, 1.0, 1.025, 1.05, 1.1),
        controls.shortest(history.grid) * DT,
        hedging.CostModel("parametric"),
        hedging.FINE_ALPHAS,
        False,
        120,
        1,
    )
    model = surface_model(on_the_spot()[0])()
    model.fit(history.until(start), seed=0)  # what was known when the month began, and no more
    position = recipe.at(float(history.spot[start]))
    options, _ = hedging_page.instruments(history.until(start), position, plan)
    path = hedging.track(
        history,
        position,
        hedging.DataDriven(),
        instruments=options,
        start=start,
        model=model,
        costs=plan.costs,
        scenarios=120,
    )
    assert metric(app, "Tracking error at the end")[0] == f"{path.error[-1]:.3g}".replace("-", "−")
    assert metric(app, "Costs of the month")[0] == f"{path.cost.sum():.3g}"
    assert len(app.get("plotly_chart")) == 4 and len(app.dataframe[0].value) == 22
    assert "the last whole one" in said(app)


@pytest.mark.parametrize("tab", ["Hedge today", "One month"])
def test_the_command_gives_the_same_figures(market, tab):
    app = opened(market, hedge_tab=tab, command=True)
    made: dict[str, object] = {}
    with contextlib.redirect_stdout(io.StringIO()):
        exec(app.code[0].value, made)
    if tab == "Hedge today":
        assert metric(app, "Cost")[0] == f"{made['ticket'].cost:.3g}"
        lost = -np.sort(made["ticket"].pnl)[: len(made["ticket"].pnl) // 20].mean()
        assert metric(app, "95 % ES")[0] == f"{lost:.3g}".replace("-", "−")
    else:
        assert metric(app, "Tracking error at the end")[0] == f"{made['path'].error[-1]:.3g}".replace("-", "−")


def test_limits_and_market_impact_reach_the_ticket_and_its_command(market):
    free = opened(market, hedge_policy="Fixed", hedge_alpha=0.001)
    bounded = opened(
        market,
        hedge_policy="Fixed",
        hedge_alpha=0.001,
        hedge_most_position=0.05,
        hedge_most_delta=0.02,
        hedge_impact=0.5,
        hedge_underlying=2.0,
        command=True,
    )
    made: dict[str, object] = {}
    with contextlib.redirect_stdout(io.StringIO()):
        exec(bounded.code[0].value, made)
    ticket = made["ticket"]
    assert np.abs(ticket.positions[1:]).max() <= 0.05 + 1e-9 and abs(ticket.net_delta) <= 0.02 + 1e-9
    assert metric(bounded, "Cost")[0] == f"{ticket.cost:.3g}"
    assert ticket.unit_cost[0] > 0 and "underlying 2 bp" in said(bounded)
    assert metric(bounded, "Cost") != metric(free, "Cost")


def test_limits_that_no_hedge_keeps_to_are_one_sentence(market):
    app = opened(market, hedge_most_position=0.0, hedge_most_vega=0.0)
    assert "limits" in app.error[0].value


def test_any_calls_and_puts_can_be_hedged(market):
    app = opened(market, hedge_portfolio=controls.OWN)
    assert f"1 put 95 % {controls.shortest(SMALL_GRID)}d, 1 call 105 %" in said(app)


def rows(*cells):
    return pd.DataFrame(cells, columns=["kind", "strike", "days", "quantity"])


@pytest.mark.parametrize(
    ("table", "words"),
    [
        (rows(), "1 to 20 options"),
        (rows(*[("call", 100.0 + k, 21, 1.0) for k in range(21)]), "1 to 20 options in the portfolio; found 21"),
        (rows(("call", None, 21, 1.0)), "gap in row 1"),
        (rows(("call", 100.0, 21, 1.0), ("straddle", 100.0, 21, 1.0)), "gap in row 2"),
        (rows(("put", -5.0, 21, 1.0)), "strike > 0"),
        (rows(("put", 100.0, 0, 1.0)), "expiry >= 1 day"),
    ],
)
def test_a_portfolio_that_cannot_be_is_one_sentence(table, words):
    with pytest.raises(MarketDataError, match=words):
        controls.recipe_of(table)


def test_a_contract_twice_or_nothing_held_is_one_sentence():
    twice = controls.recipe_of(rows(("call", 100.0, 21, 1.0), ("call", 100.0, 21, 2.0)))
    with pytest.raises(MarketDataError, match="each option once"):
        twice.at(100.0)
    with pytest.raises(MarketDataError, match="a position in something"):
        controls.recipe_of(rows(("call", 100.0, 21, 0.0))).at(100.0)


def test_a_quantity_of_zero_stops_the_page_with_its_sentence(market):
    app = opened(market, hedge_quantity=0.0)
    assert "expected a portfolio with a position in something" in said(app) and not app.metric


def test_no_instrument_is_said(market):
    low, high = 100 * SMALL_GRID.moneyness[[0, -1]]
    app = opened(market, **{f"hedge_levels_{low:g}_{high:g}": []})
    assert "expected at least one hedging option besides the underlying" in said(app)


def test_instruments_that_cannot_be_traded_are_left_out_in_words():
    plan = hedging_page.Plan((0.9, 1.0), 2 * DT, hedging.CostModel("parametric"), (0.05,), False, 50, 1)
    position = hedging.straddle(1.05 * float(HISTORY.spot[-1]), 0.1)
    kept, left_out = hedging_page.instruments(HISTORY, position, plan)
    assert len(kept) == 1 and kept[0].is_call and len(left_out) == 1
    assert left_out[0].startswith("90 % put, expected hedging options that are worth something")
    far = hedging_page.Plan((0.5,), 0.1, hedging.CostModel("parametric"), (0.05,), False, 50, 1)
    with pytest.raises(MarketDataError, match="expected a hedging option that can be traded on"):
        hedging_page.instruments(HISTORY, position, far)


def test_a_short_history_is_refused_with_a_sentence():
    short = export.surfaces_table(HISTORY[:20]).to_csv(index=False).encode()
    app = opened(datasets.store_upload([("short.csv", short)]))
    assert "expected at least 23 days of surfaces" in said(app)


def test_a_generator_fitted_on_the_spot_sees_the_past_only():
    fitted = generators.fitted("fhs", HISTORY, 150)
    own = surface_model("fhs")()
    own.fit(HISTORY[:151], seed=0)
    np.testing.assert_array_equal(fitted.state()["mean_square"], own.state()["mean_square"])


def test_a_ticket_trades_from_what_is_held(market):
    history = market.data
    recipe = hedging_page.Recipe((hedging_page.Line("call", 95.0, 30, 1.0),))
    plan = hedging_page.Plan((0.9, 1.0, 1.05), 0.1, hedging.CostModel("parametric"), (0.05,), False, 120, 1)
    position = recipe.at(float(history.spot[-1]))
    model = generators.fitted("fhs", history, len(history) - 1)
    options, _ = hedging_page.instruments(history, position, plan)
    given = ("a", model, history, len(history) - 1, position, plan, options)
    from_nothing = hedge_today.tickets(*given, (0.0,) * 4)
    held = tuple(from_nothing["delta-vega"].positions.tolist())
    again = hedge_today.tickets(*given, held)
    kept = again["delta-vega"]
    assert kept.cost == pytest.approx(0, abs=1e-12) and np.allclose(kept.trades, 0)
    assert from_nothing["delta-vega"].cost > 0
    source = generators.Ready("a", "FHS", model, SimpleNamespace(model="fhs"), "", "")
    table = hedge_today.ticket_table(from_nothing["delta-vega"], source, plan)
    assert table["expires_in_trading_days"].isna().tolist() == [True, False, False, False]
    assert set(table["expires_in_trading_days"].iloc[1:]) == {plan.days} and round(0.1 / DT) == plan.days


def test_positions_held_must_be_numbers():
    assert hedge_today.units_of(pd.Series([1, -0.5])) == (1.0, -0.5)
    with pytest.raises(MarketDataError, match="expected units held in every row; found none in row 2"):
        hedge_today.units_of(pd.Series([1.0, None]))


def test_what_is_folded_is_drawn_when_it_is_opened(market):
    folded, unfolded = opened(market), opened(market, hedge_alphas=True, hedge_held=True, hedge_advanced=True)
    assert len(unfolded.get("plotly_chart")) == len(folded.get("plotly_chart")) + 1
    assert len(unfolded.number_input) == len(folded.number_input) + 6
    assert [m.value for m in unfolded.metric] == [m.value for m in folded.metric]


def test_what_is_held_counts_and_is_said_while_its_table_is_folded(market):
    app = opened(market, hedge_held=True)
    key = f"hedge_held_{HISTORY.dates[-1]}"
    before = frame_with(app, "Quantity")
    app.session_state[key] = {**app.session_state[key], "underlying": 0.5}
    app.session_state["hedge_held"] = False
    app.run()
    assert not app.exception
    assert any("Held already: underlying 0.5." in one.value.replace("\\", "") for one in app.caption)
    assert not frame_with(app, "Quantity").equals(before)  # the underlying is free, so only what is traded changes


def test_limits_that_were_set_hold_and_are_said_when_their_section_is_closed(market):
    app = opened(market, hedge_advanced=True)
    free = frame_with(app, "Quantity")
    app.number_input(key="hedge_most_position").set_value(0.05).run()
    bounded = frame_with(app, "Quantity")
    assert not bounded.equals(free)
    app.session_state["hedge_advanced"] = False
    app.run()
    assert not app.exception and not [one for one in app.number_input if one.key == "hedge_most_position"]
    assert frame_with(app, "Quantity").equals(bounded)
    assert "In force: position at most 0.05 units." in said(app)
    app.session_state["hedge_advanced"] = True
    app.run()
    assert app.number_input(key="hedge_most_position").value == 0.05


def test_what_is_held_stays_with_its_instrument_when_others_are_chosen(market):
    app = opened(market, hedge_held=True)
    key = f"hedge_held_{HISTORY.dates[-1]}"
    _, name, *_, last = app.session_state[key]
    app.session_state[key] = {**app.session_state[key], name: 0.25}
    app.session_state["hedge_held"] = False
    app.run()
    levels = next(one for one in app.multiselect if one.label.startswith("Hedging options"))
    levels.set_value(levels.value[:-1])
    app.session_state["hedge_held"] = True
    app.run()
    assert not app.exception and app.session_state[key] == {**app.session_state[key], name: 0.25, last: 0.0}
    app.session_state["hedge_held"] = False
    app.run()
    words = said(app)
    assert f"Held already: {name} 0.25." in words


def test_a_view_of_the_ticket_draws_its_scenarios_once(market, monkeypatch):
    drawn: list[int] = []
    family = surface_model(on_the_spot()[0])
    sample_days = family.sample_days

    def counted(self, history, rows, n, *, rng):
        if n != track_record.SCENARIOS:  # those of the record of the days before
            drawn.append(n * len(rows))
        return sample_days(self, history, rows, n, rng=rng)

    monkeypatch.setattr(family, "sample_days", counted)
    app = opened(market, hedge_n=1_000, hedge_seed=99)
    assert list(frame_with(app, "Strategy")["Strategy"])[1:] == [
        "data-driven",
        "least shortfall",
        "delta",
        "delta-vega",
    ]
    assert sum(drawn) == 2_101  # to choose on, to choose α on, and unseen ones; one more is drawn beside the unseen
    app.segmented_control(key="hedge_by").set_value("delta").run()
    assert not app.exception and sum(drawn) == 2_101
