"""What the sidebar of the hedging page asks: instruments, costs, and how the penalty α is chosen."""

from dataclasses import replace

import streamlit as st

from engine.decisions.hedging import COARSE_ALPHAS, FINE_ALPHAS, HEDGING_MONEYNESS
from engine.errors import SettingsError
from engine.market.grid import DT
from engine.market.surface_history import SurfaceHistory
from pages.decisions import _hedging_advanced as advanced
from pages.decisions import _hedging_costs as trading_costs
from pages.decisions._hedging_plan import Plan
from pages.decisions._hedging_portfolio import shortest

LEVELS = (80.0, 85.0, 90.0, 92.5, 95.0, 97.5, 100.0, 102.5, 105.0, 107.5, 110.0, 115.0, 120.0)
ALPHAS = {
    "AIC, 20 values (0.01 … 0.20)": FINE_ALPHAS,
    "AIC, 5 values (0.01 … 1)": COARSE_ALPHAS,
    "Fixed": (),
}


def plan(history: SurfaceHistory, least: int) -> Plan:
    """Instruments, costs, α and scenarios, in a form: every change draws and solves again.

    Raises:
        SettingsError: if a figure is out of range or there is no instrument.
    """
    days = shortest(history.grid)
    low, high = 100 * history.grid.moneyness[[0, -1]]
    offered = [m for m in LEVELS if low <= m <= high]
    with st.sidebar.form("hedge_plan"):
        levels = st.multiselect(
            "Hedging options (% of spot)",
            offered,
            [m for m in offered if m / 100 in HEDGING_MONEYNESS],
            format_func=lambda m: f"{m:g} %",
            key=f"hedge_levels_{low:g}_{high:g}",
            persist_state="session",
            help="Puts below 100 %, calls from there on, and the underlying always. A contract of the portfolio itself "
            "is no hedge of it and is left out.",
        )
        maturity = st.number_input(
            "Their expiry (trading days)",
            least,
            1_000,
            max(days, least),
            key=f"hedge_maturity_{days}",
            persist_state="session",
            help="A month, or the surface's shortest maturity if that is longer.",
        )
        costs = trading_costs.ask(history)
        policy = st.selectbox(
            "Choice of α",
            list(ALPHAS),
            key="hedge_policy",
            persist_state="session",
            help="α weighs trading costs against risk (4.20). Akaike's criterion compares candidates on fresh "
            "scenarios when the position is entered.",
        )
        fixed = st.number_input(
            "α, if fixed", 0.0, 100.0, 0.05, step=0.01, format="%.4g", key="hedge_alpha", persist_state="session"
        )
        every_day = st.toggle(
            "Choose α every day anew", key="hedge_every_day", persist_state="session", help="Published: once, at entry."
        )
        scenarios = st.number_input(
            "Scenarios a day",
            50,
            20_000,
            1_000,
            step=500,
            key="hedge_n",
            persist_state="session",
            help="Published: 1,000.",
        )
        seed = st.number_input(
            "Seed", 0, 2**31 - 1, 1, key="hedge_seed", persist_state="session", help="Same seed, same scenarios."
        )
        st.form_submit_button("Hedge", type="primary", icon=":material/shield:")
    more = advanced.ask()
    if not levels:
        raise SettingsError("expected at least one hedging option besides the underlying; found none")
    return Plan(
        moneyness=tuple(m / 100 for m in sorted(levels)),
        maturity=int(maturity) * DT,
        costs=replace(costs, underlying=more.underlying),
        alphas=ALPHAS[str(policy)] or (float(fixed),),
        every_day=bool(every_day),
        scenarios=int(scenarios),
        seed=int(seed),
        impact=more.impact,
        exponent=more.exponent,
        limits=more.limits,
    )
