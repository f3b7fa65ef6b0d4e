"""Hedge today: the ticket, what it costs, what it leaves of tomorrow's risk, and how α was chosen."""

import pandas as pd
import streamlit as st

from engine.charts import hedging as draw_hedge
from engine.charts import theme
from engine.datasets import Loaded
from pages.decisions import _hedging_cache as hedging_cache
from pages.decisions import _hedging_commands as commands
from pages.decisions import _hedging_held as positions
from pages.decisions import _hedging_tables as tables
from pages.decisions import _hedging_words as words
from pages.decisions._hedging_cache import Tickets
from pages.decisions._hedging_plan import Plan, Recipe
from pages.decisions._hedging_source import Source
from pages.ui import downloads, frame, pictures


def draw(loaded: Loaded, source: Source, row: int, recipe: Recipe, plan: Plan) -> None:
    """The whole tab."""
    history = loaded.data
    spot = float(history.spot[row])
    with frame.errors("Change the portfolio, the instruments, the limits or the day."):
        held = positions.entered(history.until(row), recipe.at(spot), plan)
        found = hedging_cache.tickets(source.key, source.model, history, row, recipe.at(spot), plan, held)
    label = st.segmented_control(
        "Hedge by",
        list(found.tickets),
        default="data-driven",
        required=True,
        key="hedge_by",
        persist_state="session",
        help="data-driven: least variance over the scenarios, costs penalised (4.20). least shortfall: least expected "
        "shortfall at 5 %. delta, delta-vega: the textbook's.",
    )
    ticket = found.tickets[str(label)]
    frame.metrics(words.ticket_answer(ticket))
    frame.provenance(
        f"{recipe.words}, entered at {spot:,.2f} on {ticket.date}; amounts in units of spot",
        f"{plan.scenarios:,} scenarios to choose the hedge, as many unseen ones to judge it, seed {plan.seed}",
        f"{source.label}: {source.known}",
        plan.costs.in_words(),
        frame.origin_words(loaded),
    )
    for one in found.left_out:
        st.caption(frame.plain(f"Left out: {one}."))
    st.markdown(f"**Ticket of {ticket.date}**, options with {plan.days} trading days left")
    st.table(tables.ticket_words(ticket, spot), hide_index=True)
    downloads.table_buttons(
        lambda: tables.ticket_table(ticket, source, plan), f"hedge-{ticket.date}", key="hedge_ticket", label="Ticket"
    )
    st.markdown("**What tomorrow may change**, in scenarios that no hedge has seen")
    changes = {"unhedged": ticket.unhedged} | {name: one.residual for name, one in found.tickets.items()}
    shown = {name: values for name, values in changes.items() if name in ("unhedged", "delta", "delta-vega", label)}
    figure = pictures.of(draw_hedge.residuals, shown, dark=frame.is_dark())
    frame.chart(figure, key="hedge_residuals")
    st.table(words.comparison(found.tickets, changes), hide_index=True)
    downloads.table_buttons(lambda: pd.DataFrame(changes), "residuals", key="hedge_residuals", figure=figure)
    _alpha(found, plan)
    frame.command(commands.ticket_command(loaded, source, history, row, recipe, plan, ticket.label, held))


def _alpha(found: Tickets, plan: Plan) -> None:
    choice = found.choice
    if len(choice.alphas) == 1:
        return
    st.markdown(f"**Choice of α** by Akaike's criterion: {theme.significant(choice.alpha)}")
    candidates = st.expander(
        f"All {len(choice.alphas)} candidates", icon=":material/tune:", key="hedge_alphas", on_change="rerun"
    )
    if candidates.open:
        with candidates:
            figure = pictures.of(
                draw_hedge.alpha_path,
                choice.alphas,
                choice.aic,
                choice.n_instruments,
                choice.alpha,
                dark=frame.is_dark(),
            )
            frame.chart(figure, key="hedge_alpha_path")
