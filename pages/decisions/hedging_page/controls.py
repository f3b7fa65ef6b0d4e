"""What the page asks before any tab: which day, whose scenarios, the portfolio, and how it is hedged."""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import pandas as pd
import streamlit as st

from engine.datasets import Loaded
from engine.decisions.hedging import (
    COARSE_ALPHAS,
    FINE_ALPHAS,
    HEDGING_MONEYNESS,
    CostModel,
    HedgeLimits,
    Option,
    usual_maturity,
)
from engine.errors import MarketDataError, SettingsError
from engine.market.grid import DT, Grid
from engine.market.surface_history import SurfaceHistory
from pages.decisions.hedging_page import Line, Plan, Recipe
from pages.ui import datasets, forms, frame
from pages.ui.generators import Ready

# --- the day and whose scenarios --------------------------------------------------------------------------------------


def row(history: SurfaceHistory, least: int) -> int:
    """The day of the ticket; at least ``least`` rows into the data."""
    return datasets.day(history, least, key="hedge_day", help="Nothing after it is looked at.")


# --- the portfolio ----------------------------------------------------------------------------------------------------

STRADDLE, OWN = "Straddle", "Any calls and puts"

LEVELS = (75.0, 80.0, 90.0, 95.0, 100.0, 105.0, 110.0, 120.0, 125.0)

MOST_OPTIONS = 20

COLUMNS = {"kind": "call", "strike": 100.0, "days": 21, "quantity": 1.0}


def shortest(grid: Grid) -> int:
    """Trading days to expiry of the default options: a month, or the grid's shortest maturity if that is longer."""
    return round(usual_maturity(grid) / DT)


def build(grid: Grid) -> Recipe:
    """What is held; what cannot be is said in a sentence and stops the page."""
    which = forms.segments(
        "Book held",
        (STRADDLE, OWN),
        key="hedge_portfolio",
        where=st.sidebar,
        help="What you hold and want hedged. A straddle is a call and a put of one strike.",
    )
    with frame.errors("Change the portfolio."):
        recipe = _straddle(grid) if which == STRADDLE else _own(grid)
        recipe.at(100.0)  # the door: contracts twice, nothing held
        return recipe
    raise AssertionError  # the block above returns or stops the page


def _straddle(grid: Grid) -> Recipe:
    side = forms.Remembered(st.sidebar)
    level = side.selectbox(
        "Strike (% of spot)",
        LEVELS,
        index=LEVELS.index(95.0),
        format_func=lambda m: f"{m:g} %",
        key="hedge_level",
        help="The published experiment uses 75, 80, 90, 110, 120 and 125 %.",
    )
    days = side.number_input(
        "Expiry (trading days)",
        1,
        1_000,
        shortest(grid),
        key=f"hedge_days_{shortest(grid)}",
        help="21 is a month. Beyond the surface's maturities vols are extrapolated.",
    )
    quantity = side.number_input(
        "Quantity held", -10_000.0, 10_000.0, 1.0, key="hedge_quantity", help="Above zero if bought, below if sold."
    )
    return Recipe(tuple(Line(kind, float(level), int(days), float(quantity)) for kind in ("call", "put")))


def _own(grid: Grid) -> Recipe:
    days = shortest(grid)
    start = pd.DataFrame(
        [{**COLUMNS, "kind": "put", "strike": 95.0, "days": days}, {**COLUMNS, "strike": 105.0, "days": days}]
    )
    table = st.data_editor(
        start,
        num_rows="dynamic",
        hide_index=True,
        key=f"hedge_table_{days}",
        column_config={
            "kind": st.column_config.SelectboxColumn("Kind", options=["call", "put"], required=True, default="call"),
            "strike": st.column_config.NumberColumn(
                "Strike (% of spot)", min_value=0.01, max_value=1_000.0, required=True, default=100.0, format="%.2f"
            ),
            "days": st.column_config.NumberColumn(
                "Expiry (trading days)", min_value=1, max_value=1_000, step=1, required=True, default=days
            ),
            "quantity": st.column_config.NumberColumn("Quantity held", required=True, default=1.0, format="%.4g"),
        },
    )
    return recipe_of(table)


def recipe_of(table: pd.DataFrame) -> Recipe:
    """The portfolio of an edited table.

    Raises:
        MarketDataError: for an empty table, or a missing or impossible cell, with its row.
    """
    if not 1 <= len(table) <= MOST_OPTIONS:
        raise MarketDataError(f"expected 1 to {MOST_OPTIONS} options in the portfolio; found {len(table)}")
    lines = []
    for number, row in enumerate(table.itertuples(index=False), start=1):
        if pd.isna([row.kind, row.strike, row.days, row.quantity]).any() or row.kind not in ("call", "put"):
            raise MarketDataError(
                f"expected kind, strike, expiry and quantity in every row; found a gap in row {number}"
            )
        if not (row.strike > 0 and row.days >= 1):
            raise MarketDataError(f"expected strike > 0 and expiry >= 1 day; found others in row {number}")
        lines.append(Line(str(row.kind), float(row.strike), int(row.days), float(row.quantity)))
    return Recipe(tuple(lines))


# --- how it is hedged -------------------------------------------------------------------------------------------------

HEDGE_LEVELS = (80.0, 85.0, 90.0, 92.5, 95.0, 97.5, 100.0, 102.5, 105.0, 107.5, 110.0, 115.0, 120.0)

ALPHAS = {
    "AIC, 20 values (0.01 … 0.20)": FINE_ALPHAS,
    "AIC, 5 values (0.01 … 1)": COARSE_ALPHAS,
    "Fixed": (),
}

QUOTED, PARAMETRIC = "Half-spreads of the data", "A half-spread in vol points"


class Field(NamedTuple):
    """A field of the section: its label and help, what it says while the section is closed, and what it may hold.

    At first nothing is bounded, there is no impact, and the underlying is free.
    """

    label: str
    help: str
    in_force: str
    first: float | None = None
    low: float = 0.0
    high: float | None = None
    step: float | None = None


FIELDS = {
    "hedge_most_position": Field(
        "Largest position in an option (units)", "Bought or sold.", "position at most {} units"
    ),
    "hedge_most_delta": Field(
        "Largest net delta (units)",
        "Of book and hedge together, in units of the underlying.",
        "net delta at most {}",
    ),
    "hedge_most_vega": Field(
        "Largest net vega (per vol point)",
        "Of book and hedge together, in index points a vol point.",
        "net vega at most {}",
    ),
    "hedge_impact": Field(
        "Market impact, times costs",
        "λ of (4.23) in units of the costs: large trades move the price against the hedger. 0: none.",
        "market impact {} × costs",
        *(0.0, 0.0, 100.0, 0.01),
    ),
    "hedge_exponent": Field(
        "Its exponent",
        "The price moves in proportion to this power of the trade (4.21); 1: a squared penalty.",
        "its exponent {}",
        *(1.0, 0.1, 1.0, 0.1),
    ),
    "hedge_underlying": Field(
        "Half-spread of the underlying (bp)", "Published: free.", "underlying {} bp", *(0.0, 0.0, 100.0, 0.1)
    ),
}


def plan(history: SurfaceHistory, least: int) -> Plan:
    """Instruments, costs, α and scenarios, in a form: every change draws and solves again.

    Raises:
        SettingsError: if a figure is out of range or there is no instrument.
    """
    days = shortest(history.grid)
    low, high = 100 * history.grid.moneyness[[0, -1]]
    offered = [m for m in HEDGE_LEVELS if low <= m <= high]
    with st.sidebar.form("hedge_plan"):
        levels = forms.remembered.multiselect(
            "Hedging options (% of spot)",
            offered,
            [m for m in offered if m / 100 in HEDGING_MONEYNESS],
            format_func=lambda m: f"{m:g} %",
            key=f"hedge_levels_{low:g}_{high:g}",
            help="Puts below 100 %, calls from there on, and the underlying always. A contract of the portfolio itself "
            "is no hedge of it and is left out.",
        )
        maturity = forms.remembered.number_input(
            "Their expiry (trading days)",
            least,
            1_000,
            max(days, least),
            key=f"hedge_maturity_{days}",
            help="A month, or the surface's shortest maturity if that is longer.",
        )
        costs = _costs(history)
        policy = forms.remembered.selectbox(
            "Choice of α",
            list(ALPHAS),
            key="hedge_policy",
            help="α weighs trading costs against risk (4.20). Akaike's criterion compares candidates on fresh "
            "scenarios when the position is entered.",
        )
        fixed = forms.remembered.number_input(
            "α, if fixed", 0.0, 100.0, 0.05, step=0.01, format="%.4g", key="hedge_alpha"
        )
        every_day = forms.remembered.toggle(
            "Choose α every day anew", key="hedge_every_day", help="Published: once, at entry."
        )
        scenarios = forms.remembered.number_input(
            "Scenarios a day", 50, 20_000, 1_000, step=500, key="hedge_n", help="Published: 1,000."
        )
        seed = forms.seed(key="hedge_seed", help="Same seed, same scenarios.")
        st.form_submit_button("Hedge", type="primary", icon=":material/shield:")
    limits, impact, exponent, underlying = _advanced()
    if not levels:
        raise SettingsError("expected at least one hedging option besides the underlying; found none")
    return Plan(
        moneyness=tuple(m / 100 for m in sorted(levels)),
        maturity=int(maturity) * DT,
        costs=replace(costs, underlying=underlying),
        alphas=ALPHAS[str(policy)] or (float(fixed),),
        every_day=bool(every_day),
        scenarios=int(scenarios),
        seed=seed,
        impact=impact,
        exponent=exponent,
        limits=limits,
    )


def _costs(history: SurfaceHistory) -> CostModel:
    """The fields, inside a form."""
    sources = (QUOTED, PARAMETRIC) if history.half_spread is not None else (PARAMETRIC,)
    source = forms.remembered.selectbox(
        "Cost of trading",
        sources,
        key=f"hedge_costs_{len(sources)}",
        help="Half the bid–ask spread: as in the data where they have it, or vega times a half-spread in vol points.",
    )
    points = forms.remembered.number_input(
        "Half-spread (vol points), if parametric", 0.0, 10.0, 0.1, step=0.05, key="hedge_points"
    )
    scale = forms.remembered.number_input(
        "Times", 0.0, 100.0, 1.0, step=0.5, key="hedge_scale", help="Wider or narrower markets."
    )
    return CostModel("quoted" if source == QUOTED else "parametric", vol_points=float(points), scale=float(scale))


def _advanced() -> tuple[HedgeLimits | None, float, float, float]:
    """The section in the sidebar, closed at first; its fields are drawn when it is open, and hold when it is not.

    Returns:
        Bounds on the data-driven hedge, None without any; weight of the price impact of trades relative to their costs;
        power of a trade to which it is proportional; half-spread of the underlying, basis points.
    """
    with st.sidebar.expander(
        "Limits and market impact", icon=":material/tune:", key="hedge_advanced", on_change="rerun"
    ) as section:
        if section.open:
            st.caption(
                "Of the data-driven hedge; delta and delta–vega know neither. A limit on vega is open on days on which "
                "no option is worth trading. Empty fields bound nothing."
            )
            for key, (label, help, _, *held) in FIELDS.items():
                first, low, high, step = held
                forms.remembered.number_input(
                    label, low, high, first, step=step, format="%.4g", placeholder="none", key=key, help=help
                )
    asked = {key: st.session_state.get(key, one.first) for key, one in FIELDS.items()}
    in_force = [one.in_force.format(f"{asked[key]:.4g}") for key, one in FIELDS.items() if asked[key] != one.first]
    if in_force and not section.open:
        st.sidebar.caption(frame.plain(f"In force: {', '.join(in_force)}."))
    position, delta, vega, impact, exponent, underlying = (None if x is None else float(x) for x in asked.values())
    limits = HedgeLimits(position, delta, None if vega is None else 100 * vega)
    return limits if limits != HedgeLimits() else None, impact, exponent, underlying


# --- the same in Python -----------------------------------------------------------------------------------------------


def command(
    loaded: Loaded,
    source: Ready,
    row: int,
    recipe: Recipe,
    plan: Plan,
    options: Sequence[Option],
    label: str,
) -> str:
    """Python, run from the project's folder, up to the instruments and the strategy of a figure of the page."""
    history = loaded.data
    spot = float(history.spot[row])
    kept = tuple(round(option.strike / spot, 10) for option in options)
    lines = ", ".join(repr((line.kind, line.strike, line.days, line.quantity)) for line in recipe.lines)
    rules = {
        "data-driven": f"hedging.DataDriven({_arguments(plan)})",
        "least shortfall": "hedging.ShortfallHedge()",
        "delta": "hedging.DeltaHedge()",
        "delta-vega": "hedging.DeltaVegaHedge()",
    }
    model = (
        f"checkpoints.load(checkpoints.find({source.reference!r}))[0]"
        if source.reference
        else f"surface_model({source.name!r})()"
    )
    fit = "" if source.reference else "model.fit(known, seed=0)\n"
    return (
        "from engine import datasets\nfrom engine.decisions import hedging\nfrom engine.market.grid import DT\n"
        "from engine.models.registry import surface_model\nfrom engine.runs import checkpoints\n\n"
        f"history = datasets.load({loaded.entry.id!r}).data\n"
        f"row = history.row_of({str(history.dates[row])!r})\n"
        "known, spot = history.until(row), history.spot[row]\n"
        f"model = {model}\n{fit}"
        f"lines = [{lines}]\n"
        "options = [hedging.Option(k / 100 * spot, days * DT, kind == 'call') for kind, k, days, _ in lines]\n"
        "portfolio = hedging.Portfolio(options, [quantity for *_, quantity in lines])\n"
        f"costs = {plan.costs!r}\n".replace("CostModel", "hedging.CostModel")
        + f"instruments = hedging.hedging_set(spot, portfolio, moneyness={kept!r}, maturity={plan.maturity!r})\n"
        f"strategy = {rules[label]}\n"
    )


def _arguments(plan: Plan) -> str:
    """Of the data-driven hedge; what is left as it comes is left out."""
    words = [f"alphas={plan.alphas!r}", f"every_day={plan.every_day}"]
    if plan.impact > 0:
        words += [f"impact={plan.impact}", f"impact_exponent={plan.exponent}"]
    if plan.limits is not None:
        words.append(f"limits=hedging.{plan.limits!r}")
    return ", ".join(words)
