"""Metrics of the hedging page, and strategies side by side."""

import numpy as np
import pandas as pd

from engine.decisions.hedging import HedgePath, HedgeTicket
from pages.decisions._hedging_numbers import money, number


def ticket_answer(ticket: HedgeTicket) -> list[tuple[str, str, str | None, str]]:
    """Risk, cost and exposures after the ticket, each beside before."""
    before, after = float(ticket.unhedged.std()), float(ticket.residual.std())
    worst = [-float(np.quantile(values, 0.01)) for values in (ticket.unhedged, ticket.residual)]
    held = int(np.count_nonzero(ticket.positions))
    return [
        (
            "Risk of a day, sd",
            money(after),
            f"unhedged {money(before)}",
            "Standard deviation of the change of the hedged position over scenarios that the hedge has not seen.",
        ),
        (
            "1 % worst loss",
            money(worst[1]),
            f"unhedged {money(worst[0])}",
            "Value at risk: a loss exceeded in one scenario of a hundred.",
        ),
        (
            "Cost of the ticket",
            money(ticket.cost),
            f"{held} of {len(ticket.instruments)} instruments",
            f"Half-spreads paid. The portfolio is worth {money(ticket.value)}.",
        ),
        (
            "Delta left",
            number(ticket.net_delta, 2),
            f"before {number(ticket.value_delta)}",
            "Units of the underlying.",
        ),
        (
            "Vega left",
            money(ticket.net_vega / 100),
            f"before {money(ticket.value_vega / 100)}",
            "Currency per vol point.",
        ),
    ]


def comparison(tickets: dict[str, HedgeTicket], changes: dict[str, np.ndarray]) -> pd.DataFrame:
    """Every strategy on the same unseen scenarios."""
    rows = []
    for name, values in changes.items():
        one = tickets.get(name)
        lost = -np.quantile(values, [0.05, 0.025, 0.01])
        rows.append(
            {
                "Strategy": name,
                "sd": money(float(values.std())),
                "VaR 5 %": money(lost[0]),
                "VaR 2.5 %": money(lost[1]),
                "VaR 1 %": money(lost[2]),
                "Cost": money(one.cost) if one else "none",
                "Instruments": f"{np.count_nonzero(one.positions) if one else 0}",
                "Delta left": number(one.net_delta) if one else "",
                "Vega left": money(one.net_vega / 100) if one else "",
            }
        )
    return pd.DataFrame(rows)


def month_answer(path: HedgePath, paths: dict[str, HedgePath]) -> list[tuple[str, str, str | None, str]]:
    """Tracking error, costs and instruments of the month, each beside the textbook hedges."""
    others = " · ".join(f"{name} {money(paths[name].error[-1])}" for name in ("delta", "delta-vega"))
    return [
        (
            "Tracking error at the end",
            money(path.error[-1]),
            others,
            f"Z = V − Π when everything is unwound: what the hedge did not earn. Currency. Beside it: {others}.",
        ),
        (
            "Unhedged change",
            money(path.value[-1] - path.value[0]),
            f"value at entry {money(path.value[0])}",
            "What the portfolio itself gained or lost.",
        ),
        (
            "Costs of the month",
            money(path.cost.sum()),
            f"delta-vega {money(paths['delta-vega'].cost.sum())}",
            "Half-spreads paid, unwinding included.",
        ),
        (
            "Instruments a day",
            f"{path.n_instruments.mean():.1f}",
            f"of {len(path.instruments)}",
            "With a position, the underlying included; mean over the days.",
        ),
    ]
