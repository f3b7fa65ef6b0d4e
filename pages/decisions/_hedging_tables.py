"""Tables of the hedging page: the ticket in words and to download, numbers rounded for the eye."""

import numpy as np
import pandas as pd

from engine.decisions.hedging import HedgeTicket
from pages.decisions._hedging_numbers import in_percent, number
from pages.decisions._hedging_plan import Plan
from pages.decisions._hedging_source import Source


def ticket_words(ticket: HedgeTicket, spot: float) -> pd.DataFrame:
    """What to trade, the instruments that are traded first."""
    table = ticket.to_frame()
    table.insert(1, "of spot", ["", *(in_percent(name, spot).split(" ", 1)[1] for name in ticket.instruments[1:])])
    table["action"] = np.select([table["trade"] > 0, table["trade"] < 0], ["buy", "sell"], "nothing")
    order = np.argsort(table["trade"].to_numpy() == 0, kind="stable")
    shown = pd.DataFrame({"Instrument": table["instrument"], "Of spot": table["of spot"], "Action": table["action"]})
    shown["Quantity"] = [f"{abs(q):.4f}" if q else "" for q in table["trade"]]
    shown["Price"] = [f"{p:,.2f}" for p in table["price"]]
    shown["Half-spread"] = [f"{c:.3f}" for c in table["unit_cost"]]
    shown["Cost"] = [f"{c:.4f}" if c else "" for c in table["cost"]]
    shown["Delta"] = [number(d) for d in table["delta"]]
    shown["Vega a vol point"] = [number(v / 100) for v in table["vega"]]
    return shown.iloc[order]


def ticket_table(ticket: HedgeTicket, source: Source, plan: Plan) -> pd.DataFrame:
    """The ticket to download, with where it comes from in every row."""
    table = ticket.to_frame()
    table.insert(0, "date", ticket.date)
    table.insert(2, "expires_in_trading_days", [None, *[plan.days] * (len(table) - 1)])
    table["strategy"], table["alpha"], table["generator"] = ticket.label, ticket.alpha, source.label
    for name in ("data_fingerprint", "scenarios", "seed", "costs"):
        table[name] = ticket.provenance[name]
    return table


def rounded(table: pd.DataFrame) -> pd.DataFrame:
    """Numbers to four significant digits for the eye; downloads keep all."""
    shown = table.map(lambda v: float(f"{v:.4g}") if isinstance(v, float) else v)
    days = shown.select_dtypes("datetime").columns
    return shown.assign(**{day: shown[day].dt.strftime("%Y-%m-%d") for day in days})
