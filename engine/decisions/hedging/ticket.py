"""The hedge ticket: what the holder of a book trades today, what it costs, and what tomorrow may then bring.

A strategy answers how to *replicate* the book, φ of the instruments with V − Σ φ H as small as can be (4.4). Who holds
the book trades the opposite: positions h = −φ, so that book and hedge together, V + Σ h H, move least.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from engine.decisions.hedging.optimisation import AlphaChoice, expected_shortfall
from engine.decisions.hedging.options import Option, Portfolio
from engine.decisions.hedging.strategies import DataDriven, Day, Strategy
from engine.decisions.hedging.tracking import UNDERLYING, alpha_in_use, entered, instrument_names, usual_instruments
from engine.decisions.hedging.transaction_costs import CostModel
from engine.decisions.hedging.window import FRESH, SCENARIOS, draw_moves
from engine.errors import MarketDataError
from engine.market.grid import DT, Floats
from engine.market.surface_history import SurfaceHistory
from engine.models.surface_model import SurfaceModel

UNSEEN = 7919
"""Second part of the seed of scenarios on which a ticket is judged, so that they are not those it was chosen on."""


@dataclass(frozen=True, eq=False)
class HedgeTicket:
    """What the holder of a book trades today. Every quantity is the holder's: above zero bought, below zero sold.

    Args:
        date: today.
        label: of the strategy.
        instruments: names, the underlying first.
        options: the options among them, in their order.
        price, unit_cost, delta, vega: ``(n,)`` of one unit, currency; the cost is half the bid–ask spread, vega that of
            1.00 of vol.
        previous: ``(n,)`` hedge positions held before.
        positions: ``(n,)`` h = −φ, held after trading.
        cost: Σ c |h − h'|, currency.
        cash: on the account after trading, before − Σ (h − h') H − cost.
        value: V of the book today.
        value_delta, value_vega: of the book.
        pnl: ``(K,)`` ΔV + Σ h ΔH + r Δ cash, the profit of book and hedge until tomorrow in scenarios that the hedge
            has not seen, currency, losses negative; today's costs, which are known, are not in it.
        book_pnl: ``(K,)`` ΔV of the book alone in the same scenarios.
        alpha: α of a data-driven hedge; NaN for others.
        choice: how that α was chosen; None where it was not, or from one candidate.
        provenance: data, generator, seed and costs, in words.
    """

    date: str
    label: str
    instruments: tuple[str, ...]
    options: tuple[Option, ...]
    price: Floats
    unit_cost: Floats
    delta: Floats
    vega: Floats
    previous: Floats
    positions: Floats
    cost: float
    cash: float
    value: float
    value_delta: float
    value_vega: float
    pnl: Floats
    book_pnl: Floats
    alpha: float
    choice: AlphaChoice | None = None
    provenance: Mapping[str, Any] = field(default_factory=dict)

    @property
    def trades(self) -> Floats:
        """``(n,)`` quantities to buy, negative to sell."""
        return self.positions - self.previous

    @property
    def net_delta(self) -> float:
        """Delta of book and hedge together."""
        return float(self.value_delta + self.positions @ self.delta)

    @property
    def net_vega(self) -> float:
        """Vega of book and hedge together, currency per 1.00 of vol."""
        return float(self.value_vega + self.positions @ self.vega)

    def to_frame(self) -> pd.DataFrame:
        """One row an instrument: what is traded (``quantity``, above zero bought) and what a unit of it is."""
        return pd.DataFrame(
            {
                "instrument": self.instruments,
                "strike": [np.nan, *(option.strike for option in self.options)],
                "type": [UNDERLYING, *("call" if option.is_call else "put" for option in self.options)],
                "quantity": self.trades,
                "price": self.price,
                "half_spread": self.unit_cost,
                "cost": self.unit_cost * np.abs(self.trades),
                "delta": self.delta,
                "vega": self.vega,
            }
        )


def tail_losses(pnl: Floats, level: float) -> tuple[float, float]:
    """Value at risk −q(level) and expected shortfall −E[P&L | the worst share ``level``] of equally likely profits.

    Args:
        pnl: ``(K,)`` currency, losses negative.
        level: in (0, 1), 0.05 for the worst 5 %.

    Returns:
        Both as losses, above zero where money is lost.
    """
    return -float(np.quantile(pnl, level)), expected_shortfall(-pnl, level)


def hedge_tickets(
    history: SurfaceHistory,
    portfolio: Portfolio,
    strategies: Sequence[Strategy],
    *,
    instruments: Sequence[Option] | None = None,
    model: SurfaceModel,
    row: int = -1,
    previous: Sequence[float] | None = None,
    account: float = 0.0,
    costs: CostModel | None = None,
    scenarios: int = SCENARIOS,
    fresh: int = FRESH,
    seed: int = 1,
) -> tuple[HedgeTicket, ...]:
    """The hedge tickets of one day by several strategies, on the same scenarios; nothing after that day is looked at.

    Scenarios are drawn once for all of them: N and M to choose hedges on, N more to judge them.

    Args:
        history, portfolio, instruments, costs, scenarios, fresh, seed: as in :func:`track`; with the same ones a ticket
            is the first day of the backtest.
        strategies: one for each ticket.
        model: a fitted generator.
        row: the day, today unless given.
        previous: positions that the holder has in the underlying and the instruments already; none unless given.
        account: cash before trading.

    Returns:
        A ticket for each strategy, in their order.

    Raises:
        MarketDataError, SettingsError: as :func:`track`.
    """
    known = history.until(row)
    instruments = usual_instruments(known, -1, portfolio) if instruments is None else instruments
    window = entered(known, portfolio, instruments, -1, 0, costs)
    holding, columns = window.holding(portfolio), window.instruments(instruments)
    held = np.zeros(len(columns)) if previous is None else np.asarray(previous, dtype=np.float64)
    if held.shape != (len(columns),):
        raise MarketDataError(f"expected positions in {len(columns)} instruments; found {held.shape}")
    if not np.isfinite(held).all():
        raise MarketDataError("expected finite positions held; found NaN or infinite ones")
    moves = draw_moves(window, model, scenarios=scenarios, fresh=fresh, seed=seed)
    unseen = draw_moves(window, model, scenarios=scenarios, fresh=1, seed=[seed, UNSEEN]).fit[0]
    gross = portfolio.gross(window.price[0, 1 + window.book.columns(portfolio.options)], float(window.price[0, 0]))
    day = Day(window, 0, holding, columns, -held, gross, moves)
    value = float(window.price[0] @ holding)
    price = window.price[0, columns]
    earned = float(window.rate[0]) * DT

    def ticket(strategy: Strategy) -> HedgeTicket:
        opened, choice = _opened(strategy, day)
        positions = -opened.positions(day) + 0.0  # no negative zero
        traded = positions - held
        cost = float(day.cost @ np.abs(traded))
        cash = account - float(traded @ price) - cost
        return HedgeTicket(
            date=str(known.dates[-1]),
            label=opened.label,
            instruments=instrument_names(instruments),
            options=tuple(instruments),
            price=price,
            unit_cost=day.cost,
            delta=day.delta,
            vega=day.vega,
            previous=held,
            positions=positions,
            cost=cost,
            cash=cash,
            value=value,
            value_delta=day.value_delta,
            value_vega=day.value_vega,
            pnl=unseen @ holding + unseen[:, columns] @ positions + cash * earned,
            book_pnl=unseen @ holding,
            alpha=alpha_in_use(opened),
            choice=choice,
            provenance={
                "data": known.name,
                "data_fingerprint": history.fingerprint,
                "generator": model.label,
                "scenarios": scenarios,
                "seed": seed,
                "costs": window.costs.in_words(),
            },
        )

    return tuple(ticket(strategy) for strategy in strategies)


def hedge_today(history: SurfaceHistory, portfolio: Portfolio, strategy: Strategy, **options: Any) -> HedgeTicket:
    """The hedge ticket of one day by one strategy: :func:`hedge_tickets`, whose keywords it takes, for one.

    Raises:
        MarketDataError, SettingsError: as :func:`hedge_tickets`.
    """
    (ticket,) = hedge_tickets(history, portfolio, (strategy,), **options)
    return ticket


def _opened(strategy: Strategy, day: Day) -> tuple[Strategy, AlphaChoice | None]:
    """A strategy on the day it is entered, and how its α was chosen: once, also where it is chosen every day anew."""
    if not isinstance(strategy, DataDriven) or len(strategy.alphas) == 1:
        return strategy.opened(day), None
    choice = strategy.choice(day)
    return replace(strategy, alpha=choice.alpha, every_day=False), choice
