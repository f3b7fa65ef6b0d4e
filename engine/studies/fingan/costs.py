"""What costs leave: no-trade rules chosen on the validation part, net ratios on the test part, break-even costs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from engine.decisions import forecasting
from engine.decisions.forecasting import NoTrade
from engine.evaluation import trading
from engine.evaluation.comparison import interval
from engine.market.grid import Floats
from engine.studies.fingan.tables import Bets, Played
from engine.studies.fingan.universe import Panel

COSTS = (0.0, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0)
"""Basis points of what is traded, one way; for a stock less its ETF both legs together."""

RULES: dict[str, NoTrade] = {
    "every bet": NoTrade(),
    "band 0.1": NoTrade(band=0.1),
    "band 0.2": NoTrade(band=0.2),
    "band 0.4": NoTrade(band=0.4),
    "least 0.1": NoTrade(least_bet=0.1),
    "least 0.2": NoTrade(least_bet=0.2),
    "least 0.4": NoTrade(least_bet=0.4),
}
"""No-trade rules: keep the position while the bet stays within a band of it, or leave small bets out."""


def played_under(panel: Panel, bets: Bets, rule: NoTrade) -> tuple[Floats, Floats]:
    """Portfolio of bets under a rule.

    Returns:
        ``(days,)`` PnL before costs in basis points, and ``(days,)`` notional traded, both a ticker.
    """
    held = [rule.positions(bet) for bet in bets]
    moved = panel.by_day([forecasting.traded(position) for position in held])
    return forecasting.portfolio(panel.pnl(held)), forecasting.portfolio(moved)


def cost_series(panel: Panel, methods: Sequence[Played]) -> pd.DataFrame:
    """PnL before costs and notional traded by day, method and rule: any cost is then one subtraction away."""
    tables = []
    for method in methods:
        for rule in RULES:
            gross, moved = played_under(panel, method.bets[0], RULES[rule])
            tables.append(
                pd.DataFrame(
                    {
                        "method": method.name,
                        "rule": rule,
                        "date": panel.days,
                        "gross": gross.round(3),
                        "traded": moved.round(4),
                    }
                )
            )
    return pd.concat(tables, ignore_index=True)


def cost_table(
    validation: Panel,
    test: Panel,
    before: Sequence[Played],
    after: Sequence[Played],
    counts: Floats,
    costs: Sequence[float] = COSTS,
) -> pd.DataFrame:
    """Net portfolio ratio of every method and cost, trading every bet and under the rule that validation chose.

    Args:
        validation, test: the parts.
        before, after: the same methods on the two parts, one entry each.
        counts: ``(draws, test days)`` for the interval.
        costs: basis points of what is traded.

    Returns:
        Per method and cost: the rule, validation and test ratio net of costs under it, interval of the latter, the test
        ratio when every bet is traded, notional traded a day, and the break-even cost under the rule.
    """
    rows = []
    for early, late in zip(before, after, strict=True):
        seen = {name: played_under(validation, early.bets[0], rule) for name, rule in RULES.items()}
        tested = {name: played_under(test, late.bets[0], rule) for name, rule in RULES.items()}
        for cost in costs:
            ratios = {name: _net_ratio(*seen[name], cost) for name in RULES}
            chosen = max(RULES, key=lambda name: ratios[name])
            gross, moved = tested[chosen]
            plain, plain_moved = tested["every bet"]
            low, high = interval(trading.resampled_sharpe(counts, gross - cost * moved))
            rows.append(
                {
                    "method": late.name,
                    "label": late.label,
                    "cost": cost,
                    "rule": chosen,
                    "validation_sr": ratios[chosen],
                    "portfolio_sr": float(forecasting.sharpe_ratio(gross - cost * moved)),
                    "low": float(low),
                    "high": float(high),
                    "every_bet_sr": float(forecasting.sharpe_ratio(plain - cost * plain_moved)),
                    "turnover": float(moved.mean()),
                    "break_even": float(gross.mean() / moved.mean()) if moved.mean() > 0 else np.nan,
                }
            )
    return pd.DataFrame(rows)


def _net_ratio(gross: Floats, moved: Floats, cost: float) -> float:
    ratio = float(forecasting.sharpe_ratio(gross - cost * moved))
    return ratio if np.isfinite(ratio) else -np.inf
