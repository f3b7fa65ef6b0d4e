"""Hedge today: what the holder trades, what it costs, what tomorrow may then bring, and how α was chosen."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import streamlit as st

from engine.charts import hedging as draw_hedge
from engine.charts import theme
from engine.datasets import Loaded
from engine.decisions.hedging import AlphaChoice, HedgeTicket, Option, Portfolio, hedge_tickets, tail_losses
from engine.errors import MarketDataError
from engine.market.surface_history import SurfaceHistory
from engine.models.surface_model import SurfaceModel
from pages.decisions.hedging_page import Plan, Recipe, controls, in_percent, instruments, money, number, option_words
from pages.decisions.hedging_page.controls import Source
from pages.ui import cache, downloads, forms, frame, pictures

TAIL = 0.05
"""Share of scenarios in the tail that hurts."""


def show(loaded: Loaded, source: Source, row: int, recipe: Recipe, plan: Plan) -> None:
    """What to trade first, then its picture, the ticket, every strategy beside it, and how α was chosen."""
    history = loaded.data
    spot = float(history.spot[row])
    answer, below = st.container(), st.container()
    with below, frame.errors("Change the portfolio, the instruments, the limits or the day."):
        options, left_out = instruments(history.until(row), recipe.at(spot), plan)
        held = _held(history.until(row), options)
        found = tickets(source.key, source.model, history, row, recipe.at(spot), plan, options, held)
    with answer:
        label = forms.segments(
            "Hedge by",
            found,
            default="data-driven",
            key="hedge_by",
            help="data-driven: least variance over the scenarios, costs penalised (4.20). least shortfall: least "
            "expected shortfall at 5 %. delta, delta-vega: the textbook's.",
        )
        ticket = found[str(label)]
        frame.metrics(_answer(ticket))
        st.markdown("**Profit until tomorrow**, book alone and with the hedge, in scenarios that no hedge has seen")
        profits = {"book alone": ticket.book_pnl} | {name: one.pnl for name, one in found.items()}
        shown = {name: values for name, values in profits.items() if name in ("book alone", "delta", label)}
        figure = frame.picture(draw_hedge.profits, shown, key="hedge_profits")
        frame.provenance(
            f"{recipe.words}, held, entered at {spot:,.2f} on {ticket.date}; amounts in index points",
            f"{plan.scenarios:,} scenarios to choose the hedge, as many unseen ones to judge it, equal weights, "
            f"seed {plan.seed}",
            f"{source.label}: {source.known}",
            plan.costs.in_words(),
            frame.origin_words(loaded),
        )
        st.markdown(f"**Ticket of {ticket.date}**: options with {plan.days} trading days left")
        st.table(_in_words(ticket, spot), hide_index=True)
        downloads.table_buttons(
            lambda: ticket_table(ticket, source, plan), f"hedge-{ticket.date}", key="hedge_ticket", label="Ticket"
        )
    for one in left_out:
        st.caption(frame.plain(f"Left out: {one}."))
    st.markdown("**Every strategy** in the same unseen scenarios; losses of the worst days are above zero")
    st.table(_comparison(found, profits), hide_index=True)
    downloads.table_buttons(lambda: pd.DataFrame(profits), "profits", key="hedge_profits", figure=figure)
    _alpha(found["data-driven"].choice)
    frame.command(
        controls.command(loaded, source, row, recipe, plan, options, ticket.label)
        + "ticket = hedging.hedge_today(known, portfolio, strategy, instruments=instruments, model=model,\n"
        f"                             previous={held!r}, costs=costs,\n"
        f"                             scenarios={plan.scenarios}, seed={plan.seed})\n"
        "print(ticket.to_frame())"
    )


def _alpha(choice: AlphaChoice | None) -> None:
    if choice is None:  # fixed
        return
    st.markdown(f"**Choice of α** by Akaike's criterion: {theme.significant(choice.alpha)}")
    candidates = st.expander(
        f"All {len(choice.alphas)} candidates", icon=":material/tune:", key="hedge_alphas", on_change="rerun"
    )
    if candidates.open:
        frame.picture(
            draw_hedge.alpha_path,
            choice.alphas,
            choice.aic,
            choice.n_instruments,
            choice.alpha,
            key="hedge_alpha_path",
            where=candidates,
        )


@cache.keep(max_entries=16, show_spinner="Drawing tomorrow and hedging it …")
def tickets(
    source: str,
    _model: SurfaceModel,
    history: SurfaceHistory,
    row: int,
    portfolio: Portfolio,
    plan: Plan,
    options: tuple[Option, ...],
    held: tuple[float, ...],
) -> dict[str, HedgeTicket]:
    """Tickets of the day by every strategy, from the positions held; the first is the data-driven one."""
    found = hedge_tickets(
        history.until(row),
        portfolio,
        plan.strategies,
        instruments=options,
        model=_model,
        previous=held,
        costs=plan.costs,
        scenarios=plan.scenarios,
        seed=plan.seed,
    )
    return {ticket.label: ticket for ticket in found}


# --- what is held already ---------------------------------------------------------------------------------------------


def _held(known: SurfaceHistory, options: Sequence[Option]) -> tuple[float, ...]:
    """Units held already of the underlying and of each instrument, zero at first.

    Raises:
        MarketDataError: if a cell is no number.
    """
    spot = float(known.spot[-1])
    names = ["underlying", *(option_words(option, spot) for option in options)]
    kept: dict[str, float] = st.session_state.setdefault(f"hedge_held_{known.dates[-1]}", {})
    key = f"hedge_held_{known.dates[-1]}_{pictures.digest(names)}"  # a table for these instruments alone
    with st.expander(
        "Positions held already", icon=":material/inventory_2:", key="hedge_held", on_change="rerun"
    ) as section:
        if section.open:  # a table to edit takes the browser 60 ms, seen or not
            units = units_of(_edited(names, kept, key)["held"])
            kept.update(zip(names, units, strict=True))
            return units
    st.session_state.pop(f"{key}_start", None)
    units = tuple(kept.get(one, 0.0) for one in names)
    if any(units):
        held = ", ".join(f"{one} {number(q)}" for one, q in zip(names, units, strict=True) if q)
        st.caption(frame.plain(f"Held already: {held}."))
    return units


def _edited(names: list[str], kept: dict[str, float], key: str) -> pd.DataFrame:
    """The table as edited; it starts from what is kept, and keeps that start while it is open."""
    start = st.session_state.setdefault(f"{key}_start", [kept.get(one, 0.0) for one in names])
    table: pd.DataFrame = st.data_editor(
        pd.DataFrame({"instrument": names, "held": start}),
        hide_index=True,
        disabled=["instrument"],
        key=key,
        column_config={
            "instrument": st.column_config.TextColumn("Instrument"),
            "held": st.column_config.NumberColumn("Units held", default=0.0, required=True, format="%.4g"),
        },
    )
    st.caption("The ticket trades from here; only what is traded costs anything. Negative: sold.")
    return table


def units_of(held: pd.Series) -> tuple[float, ...]:
    """Units of an edited column.

    Raises:
        MarketDataError: if a cell is empty or not finite.
    """
    units = pd.to_numeric(held, errors="coerce").to_numpy(dtype=np.float64)
    if not np.isfinite(units).all():
        raise MarketDataError(
            f"expected units held in every row; found none in row {int(np.isnan(units).argmax()) + 1}"
        )
    return tuple(float(q) for q in units)


# --- figures and tables -----------------------------------------------------------------------------------------------


def _answer(ticket: HedgeTicket) -> list[tuple[str, str, str | None, str]]:
    """What to do with the index, the holder's risk, cost and exposures after the ticket, each beside before."""
    before, after = tail_losses(ticket.book_pnl, TAIL), tail_losses(ticket.pnl, TAIL)
    traded = int(np.count_nonzero(ticket.trades[1:]))
    index = float(ticket.trades[0])
    what = f"and {traded} option{'' if traded == 1 else 's'}" if traded else "and no options"
    return [
        (
            "Trade today",
            f"{'Sell' if index < 0 else 'Buy'} {abs(index):.3f}" if index else "Nothing",
            f"of the index {what}",
            "Units of the underlying; the options to trade with it are in the ticket.",
        ),
        (
            "95 % VaR",
            money(after[0]),
            f"book alone {money(before[0])}",
            "What book and hedge together lose at least until tomorrow in the worst 5 % of unseen scenarios.",
        ),
        (
            "95 % ES",
            money(after[1]),
            f"book alone {money(before[1])}",
            "Expected shortfall: what book and hedge lose on average in the worst 5 % of unseen scenarios.",
        ),
        (
            "Cost",
            money(ticket.cost),
            f"book worth {money(ticket.value)}",
            "Half-spreads paid today, not in the profits above.",
        ),
        (
            "Delta left",
            number(ticket.net_delta, 2),
            f"book {number(ticket.value_delta)}",
            "Of book and hedge together, units of the underlying.",
        ),
        (
            "Vega left",
            money(ticket.net_vega / 100),
            f"book {money(ticket.value_vega / 100)}",
            "Of book and hedge together, index points a vol point.",
        ),
    ]


def _comparison(tickets: dict[str, HedgeTicket], profits: dict[str, np.ndarray]) -> pd.DataFrame:
    """Every strategy on the same unseen scenarios."""
    rows = []
    for name, values in profits.items():
        one = tickets.get(name)
        value_at_risk, shortfall = tail_losses(values, TAIL)
        rows.append(
            {
                "Strategy": name,
                "Mean": money(float(values.mean())),
                "sd": money(float(values.std())),
                "95 % VaR": money(value_at_risk),
                "95 % ES": money(shortfall),
                "99 % VaR": money(tail_losses(values, 0.01)[0]),
                "Cost": money(one.cost) if one else "none",
                "Instruments": f"{np.count_nonzero(one.positions) if one else 0}",
                "Delta left": number(one.net_delta) if one else "",
                "Vega left": money(one.net_vega / 100) if one else "",
            }
        )
    return pd.DataFrame(rows)


def _in_words(ticket: HedgeTicket, spot: float) -> pd.DataFrame:
    """What to trade, the instruments that are traded first."""
    table = ticket.to_frame()
    traded = table["quantity"].to_numpy()
    order = np.argsort(traded == 0, kind="stable")
    shown = pd.DataFrame({"Instrument": table["instrument"]})
    shown["Of spot"] = ["", *(in_percent(name, spot).split(" ", 1)[1] for name in ticket.instruments[1:])]
    shown["Action"] = np.select([traded > 0, traded < 0], ["buy", "sell"], "nothing")
    shown["Quantity"] = [f"{abs(q):.4f}" if q else "" for q in traded]
    shown["Price"] = [f"{p:,.2f}" for p in table["price"]]
    shown["Half-spread"] = [f"{c:.3f}" for c in table["half_spread"]]
    shown["Cost"] = [f"{c:.4f}" if c else "" for c in table["cost"]]
    shown["Delta"] = [number(d) for d in table["delta"]]
    shown["Vega a vol point"] = [number(v / 100) for v in table["vega"]]
    return shown.iloc[order]


def ticket_table(ticket: HedgeTicket, source: Source, plan: Plan) -> pd.DataFrame:
    """The ticket to download, with where it comes from in every row."""
    table = ticket.to_frame()
    table["held_before"], table["position"] = ticket.previous, ticket.positions
    table.insert(0, "date", ticket.date)
    table.insert(2, "expires_in_trading_days", [None, *[plan.days] * (len(table) - 1)])
    table["strategy"], table["alpha"], table["generator"] = ticket.label, ticket.alpha, source.label
    for name in ("data_fingerprint", "scenarios", "seed", "costs"):
        table[name] = ticket.provenance[name]
    return table
