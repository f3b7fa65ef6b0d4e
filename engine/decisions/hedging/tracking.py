"""The account of a hedge: what it is worth, what it earned, what it cost, day by day and to the cent.

Π_0 = V_0. On each day positions φ are traded and the rest is cash,

    ψ_t = Π_t − Σ φ_i H_i − Σ c_i |φ_i − φ_i'|                                               (4.5)
    Π_{t+Δ} = ψ_t (1 + r_t Δ) + Σ φ_i H_i(t + Δ)
            = Π_t + Σ φ_i ΔH_i + ψ_t r_t Δ − Σ c_i |φ_i − φ_i'|

and Z = V − Π (4.6). The last form is (4.4) with the day's costs taken off the account: printed without them, they would
be paid by nobody. On the last day everything is unwound: options that expire are settled at their intrinsic value,
what lives on is sold at mid less its cost.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from engine.decisions.hedging.options import (
    HEDGING_MONEYNESS,
    ONE_MONTH,
    SAME,
    Option,
    Portfolio,
    check_instruments,
    hedging_set,
)
from engine.decisions.hedging.strategies import DataDriven, Day, Strategy
from engine.decisions.hedging.transaction_costs import CostModel
from engine.decisions.hedging.window import FRESH, SCENARIOS, Moves, Window, day_row, draw_moves
from engine.errors import MarketDataError, SettingsError
from engine.market.grid import DT, Floats, Grid
from engine.market.surface_history import Dates, SurfaceHistory
from engine.models.surface_model import SurfaceModel

UNDERLYING = "underlying"


@dataclass(frozen=True, eq=False)
class HedgePath:
    """One portfolio hedged by one strategy from the day it is entered to the day it is unwound.

    Args:
        label: of the strategy.
        dates: ``(days + 1,)``.
        instruments: names, the underlying first.
        value: ``(days + 1,)`` V, currency.
        tracking: ``(days + 1,)`` Π; the last one after unwinding.
        error: ``(days + 1,)`` Z = V − Π.
        positions: ``(days + 1, n)`` φ after trading; zero on the last day.
        cash: ``(days + 1,)`` ψ after trading.
        cost: ``(days + 1,)`` paid for trading on each day; on the last for unwinding.
        hedge_gain: ``(days,)`` Σ φ ΔH over the step after each day.
        interest: ``(days,)`` ψ r Δ.
        value_delta, value_vega: ``(days,)`` of the portfolio.
        net_delta, net_vega: ``(days,)`` of Z after trading.
        alpha: α of a data-driven hedge chosen at the start; NaN for others.
        gross: g_0.
    """

    label: str
    dates: Dates
    instruments: tuple[str, ...]
    value: Floats
    tracking: Floats
    error: Floats
    positions: Floats
    cash: Floats
    cost: Floats
    hedge_gain: Floats
    interest: Floats
    value_delta: Floats
    value_vega: Floats
    net_delta: Floats
    net_vega: Floats
    alpha: float
    gross: float

    @property
    def n_instruments(self) -> Floats:
        """``(days,)`` instruments with a position."""
        counted: Floats = np.count_nonzero(self.positions[:-1], axis=1).astype(np.float64)
        return counted

    def attribution(self) -> pd.DataFrame:
        """Each step's ΔV and what the hedge made of it: gain, interest and costs; ΔZ is what is left.

        ΔZ = ΔV − (gain + interest − cost); the cost of unwinding is in the last step.
        """
        cost = self.cost[:-1].copy()
        cost[-1] += self.cost[-1]
        change = np.diff(self.value)
        return pd.DataFrame(
            {
                "date": self.dates[1:],
                "value_change": change,
                "hedge_gain": self.hedge_gain,
                "interest": self.interest,
                "cost": cost,
                "error_change": change - (self.hedge_gain + self.interest - cost),
            }
        )

    def to_frame(self) -> pd.DataFrame:
        """One row a day: V, Π, Z, cash, cost, and a column ``position <instrument>`` for each instrument."""
        frame = pd.DataFrame(
            {
                "date": self.dates,
                "value": self.value,
                "tracking": self.tracking,
                "error": self.error,
                "cash": self.cash,
                "cost": self.cost,
            }
        )
        for name, column in zip(self.instruments, self.positions.T, strict=True):
            frame[f"position {name}"] = column
        return frame


def track(
    history: SurfaceHistory,
    portfolio: Portfolio,
    strategy: Strategy,
    *,
    instruments: Sequence[Option] | None = None,
    start: int,
    days: int = 21,
    model: SurfaceModel | None = None,
    costs: CostModel | None = None,
    scenarios: int = SCENARIOS,
    fresh: int = FRESH,
    seed: int = 1,
) -> HedgePath:
    """Enter a portfolio on a day, hedge it daily, unwind it.

    Args:
        history: the data.
        portfolio: what is hedged; maturities count from the first day.
        strategy: how.
        instruments: hedging options besides the underlying; the hedging set of section 4.3 unless given.
        start: row of the first day.
        days: trading days until everything is unwound.
        model: a fitted generator, for strategies that need scenarios.
        costs: what trading costs.
        scenarios, fresh, seed: of :func:`engine.decisions.hedging.window.draw_moves`.

    Raises:
        MarketDataError: if the data end too early, or an instrument cannot be traded on the first day.
        SettingsError: if the strategy needs a generator and there is none, or its problem has no solution.
    """
    if days < 1:
        raise SettingsError(f"expected at least one trading day to hedge over; found {days}")
    instruments = usual_instruments(history, start, portfolio) if instruments is None else instruments
    window = entered(history, portfolio, instruments, start, days, costs)
    moves = _moves(window, strategy, model, scenarios, fresh, seed)
    return follow(window, portfolio, strategy, instruments=instruments, moves=moves)


def follow(
    window: Window,
    portfolio: Portfolio,
    strategy: Strategy,
    *,
    instruments: Sequence[Option],
    moves: Moves | None = None,
) -> HedgePath:
    """:func:`track` on days already priced, which serve every portfolio and strategy that shares them."""
    holding, columns = window.holding(portfolio), window.instruments(instruments)
    n_days = window.days
    value = window.price @ holding
    gross = portfolio.gross(window.price[0, 1 + window.book.columns(portfolio.options)], float(window.price[0, 0]))
    price, each_cost = window.price[:, columns], window.cost[:, columns]
    positions = np.zeros((n_days + 1, len(columns)))
    tracking, cash, cost = (np.zeros(n_days + 1) for _ in range(3))
    gain, interest = np.zeros(n_days), np.zeros(n_days)
    tracking[0] = value[0]
    held = np.zeros(len(columns))
    for k in range(n_days):
        day = Day(window, k, holding, columns, held, gross, moves)
        if k == 0:
            strategy = strategy.opened(day)
        positions[k] = strategy.positions(day)
        cost[k] = each_cost[k] @ np.abs(positions[k] - held)
        held = positions[k]
        cash[k] = tracking[k] - held @ price[k] - cost[k]
        interest[k] = cash[k] * window.rate[k] * DT
        gain[k] = held @ (price[k + 1] - price[k])
        tracking[k + 1] = tracking[k] + gain[k] + interest[k] - cost[k]
    cost[-1] = each_cost[-1] @ np.abs(held)
    tracking[-1] -= cost[-1]
    cash[-1] = tracking[-1]
    used = positions[:-1]
    value_delta, value_vega = window.delta[:-1] @ holding, window.vega[:-1] @ holding
    return HedgePath(
        label=strategy.label,
        dates=window.history.dates[window.start : window.start + n_days + 1],
        instruments=instrument_names(instruments),
        value=value,
        tracking=tracking,
        error=value - tracking,
        positions=positions,
        cash=cash,
        cost=cost,
        hedge_gain=gain,
        interest=interest,
        value_delta=value_delta,
        value_vega=value_vega,
        net_delta=value_delta - (used * window.delta[:-1, columns]).sum(axis=1),
        net_vega=value_vega - (used * window.vega[:-1, columns]).sum(axis=1),
        alpha=alpha_in_use(strategy),
        gross=gross,
    )


def tradable_instruments(
    history: SurfaceHistory, row: int, portfolio: Portfolio, *, moneyness: Sequence[float], maturity: float
) -> tuple[tuple[Option, ...], tuple[tuple[Option, str], ...]]:
    """The options of a hedging set that can be entered on a day, and those that cannot.

    Args:
        history: the data.
        row: the day.
        portfolio: what is to be hedged; its own contracts are no hedge of it and in neither list.
        moneyness: K/S of the options, puts below 1 and calls from 1 on.
        maturity: years.

    Returns:
        Those that can be entered; and each of the others with the sentence that says why not.

    Raises:
        MarketDataError: for a day that is none of the history's.
    """
    row = day_row(history, row)
    spot, rate = float(history.spot[row]), float(history.rate[row])
    kept, left_out = [], []
    for option in hedging_set(spot, portfolio, moneyness=moneyness, maturity=maturity):
        try:
            check_instruments((option,), spot, history.iv[row], history.grid, rate)
        except MarketDataError as reason:
            left_out.append((option, str(reason)))
        else:
            kept.append(option)
    return tuple(kept), tuple(left_out)


def usual_maturity(grid: Grid) -> float:
    """Years to expiry of hedging options: a month, or the grid's shortest maturity if that is longer."""
    return round(max(ONE_MONTH, float(grid.maturity[0])) / DT) * DT


def usual_instruments(
    history: SurfaceHistory, row: int, portfolio: Portfolio, *, maturity: float | None = None
) -> tuple[Option, ...]:
    """The hedging set of section 4.3 on a day, less what cannot be entered that day.

    Args:
        history, row, portfolio: as in :func:`tradable_instruments`.
        maturity: years; that of the portfolio's first expiry unless given.

    Raises:
        MarketDataError: for a day that is none of the history's.
    """
    axis = history.grid.moneyness
    if maturity is None:
        maturity = min((option.maturity for option in portfolio.options), default=ONE_MONTH)
    moneyness = tuple(m for m in HEDGING_MONEYNESS if axis[0] <= m * (1 + SAME) and m * (1 - SAME) <= axis[-1])
    kept, _ = tradable_instruments(history, row, portfolio, moneyness=moneyness, maturity=maturity)
    return kept


def entered(
    history: SurfaceHistory,
    portfolio: Portfolio,
    instruments: Sequence[Option],
    start: int,
    days: int,
    costs: CostModel | None,
) -> Window:
    """The days of a position, whose instruments can be traded when it is entered.

    Raises:
        MarketDataError: if one cannot, or the days end too early.
    """
    window = Window.of(history, (*instruments, *portfolio.options), start=start, days=days, costs=costs)
    row = window.start
    check_instruments(instruments, float(history.spot[row]), history.iv[row], history.grid, float(history.rate[row]))
    return window


def _moves(
    window: Window, strategy: Strategy, model: SurfaceModel | None, scenarios: int, fresh: int, seed: int
) -> Moves | None:
    if not strategy.needs_scenarios:
        return None
    if model is None:
        raise SettingsError(f"expected a generator for a {strategy.label} hedge; found none")
    return draw_moves(window, model, scenarios=scenarios, fresh=fresh, seed=seed)


def instrument_names(instruments: Sequence[Option]) -> tuple[str, ...]:
    """The underlying, then the options."""
    return (UNDERLYING, *(option.label for option in instruments))


def alpha_in_use(strategy: Strategy) -> float:
    """α of a data-driven hedge; NaN for others."""
    chosen = strategy.alpha if isinstance(strategy, DataDriven) else None
    return float("nan") if chosen is None else float(chosen)
