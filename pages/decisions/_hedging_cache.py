"""What the hedging page keeps between reruns: generators fitted on the spot, tickets, months. Read-only."""

from dataclasses import dataclass

import numpy as np
import streamlit as st

from engine.decisions import hedging
from engine.market.surface_history import SurfaceHistory
from engine.models.registry import surface_model
from engine.models.surface_model import SurfaceModel
from pages.decisions._hedging_plan import MONTH, Plan, instruments
from pages.decisions._hedging_strategies import strategies


@dataclass(frozen=True, eq=False)
class Tickets:
    """One day: the ticket of each strategy, how α was chosen, and which instruments could not be used."""

    tickets: dict[str, hedging.HedgeTicket]
    choice: hedging.AlphaChoice
    left_out: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Month:
    """One month: the path of each strategy, the spot through it, and which instruments could not be used."""

    paths: dict[str, hedging.HedgePath]
    spot: np.ndarray
    left_out: tuple[str, ...]


@st.cache_resource(max_entries=8, show_spinner="Fitting …")
def _fitted(name: str, digest: str, row: int, _history: SurfaceHistory) -> SurfaceModel:
    model = surface_model(name)()
    model.fit(_history.until(row), seed=0)
    return model


def fitted(name: str, history: SurfaceHistory, row: int) -> SurfaceModel:
    """A generator fitted to the history up to a day.

    Raises:
        MarketDataError: if that is too short.
    """
    return _fitted(name, history.digest, row, history)


@st.cache_resource(max_entries=16, show_spinner="Drawing tomorrow and hedging it …")
def _tickets(
    source: str,
    digest: str,
    row: int,
    portfolio: hedging.Portfolio,
    plan: Plan,
    held: tuple[float, ...],
    _model: SurfaceModel,
    _history: SurfaceHistory,
) -> Tickets:
    known = _history.until(row)
    options, left_out = instruments(known, portfolio, plan)
    given = {"instruments": options, "costs": plan.costs, "scenarios": plan.scenarios, "seed": plan.seed}
    found = {
        strategy.label: hedging.hedge_today(known, portfolio, strategy, model=_model, previous=held, **given)
        for strategy in strategies(plan)
    }
    window = hedging.Window.of(known, (*options, *portfolio.options), start=-1, days=0, costs=plan.costs)
    moves = hedging.draw_moves(window, _model, scenarios=plan.scenarios, seed=plan.seed)
    day = hedging.Day(
        window,
        0,
        window.holding(portfolio),
        window.instruments(options),
        np.array(held),
        portfolio.gross(window.price[0, 1 + window.book.columns(portfolio.options)], float(window.price[0, 0])),
        moves,
    )
    return Tickets(found, strategies(plan)[0].choice(day), left_out)


def tickets(
    source: str,
    model: SurfaceModel,
    history: SurfaceHistory,
    row: int,
    portfolio: hedging.Portfolio,
    plan: Plan,
    held: tuple[float, ...],
) -> Tickets:
    """Tickets of the day by every strategy, from the positions held; the first is the data-driven one."""
    return _tickets(source, history.digest, row, portfolio, plan, held, model, history)


@st.cache_resource(max_entries=8, show_spinner="Hedging the month …", show_time=True)
def _month(
    source: str,
    digest: str,
    start: int,
    portfolio: hedging.Portfolio,
    plan: Plan,
    _model: SurfaceModel,
    _history: SurfaceHistory,
) -> Month:
    options, left_out = instruments(_history.until(start), portfolio, plan)
    window = hedging.Window.of(_history, (*options, *portfolio.options), start=start, days=MONTH, costs=plan.costs)
    moves = hedging.draw_moves(window, _model, scenarios=plan.scenarios, seed=plan.seed)
    followed = (*strategies(plan), hedging.Unhedged())
    paths = {s.label: hedging.follow(window, portfolio, s, instruments=options, moves=moves) for s in followed}
    return Month(paths, _history.spot[start : start + MONTH + 1], left_out)


def month(
    source: str, model: SurfaceModel, history: SurfaceHistory, start: int, portfolio: hedging.Portfolio, plan: Plan
) -> Month:
    """The month after a day, hedged daily by every strategy.

    Raises:
        MarketDataError: if the data end before it does.
    """
    return _month(source, history.digest, start, portfolio, plan, model, history)
