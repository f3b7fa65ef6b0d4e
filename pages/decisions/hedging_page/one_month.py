"""One month day by day: positions, exposures before and after, costs, and where the day's profit and loss came from."""

from dataclasses import dataclass

import pandas as pd
import streamlit as st

from engine.charts import hedging as draw_hedge
from engine.datasets import Loaded
from engine.decisions.hedging import HedgePath, Option, Portfolio, Unhedged, Window, draw_moves, follow
from engine.market.surface_history import SurfaceHistory
from engine.models.surface_model import SurfaceModel
from pages.decisions.hedging_page import MONTH, Plan, Recipe, controls, in_percent, instruments, money, rounded
from pages.ui import cache, downloads, forms, frame, wording
from pages.ui.generators import Generator


def show(loaded: Loaded, choice: Generator, row: int, recipe: Recipe, plan: Plan, least: int) -> None:
    """The whole tab: the month after the chosen day, or the last whole one in the data."""
    history = loaded.data
    start = min(row, len(history) - 1 - MONTH)
    if start < least:
        frame.problem(
            f"expected at least {least + MONTH + 1} days of surfaces for a month of hedging; found {len(history)}",
            "Choose another dataset in the sidebar.",
        )
        return
    if start < row:
        st.caption(f"The data end before a month after {history.dates[row]} has passed; this is the last whole one.")
    spot = float(history.spot[start])
    with frame.errors("Choose other scenarios, or a later day."):
        source = choice.at(start)
    with frame.errors("Change the portfolio, the instruments (every option must live for a month) or the limits."):
        month = _month(source.key, source.model, history, start, recipe.at(spot), plan)
    listed = [name for name in month.paths if name != "unhedged"]
    label = forms.segments("Look into", listed, default="data-driven", key="hedge_month_by")
    path = month.paths[str(label)]
    frame.metrics(_answer(path, month.paths))
    frame.provenance(
        f"{recipe.words}, entered at {spot:,.2f} on {path.dates[0]}, unwound on {path.dates[-1]}",
        "amounts in index points",
        "one month: an example, not evidence (the backtest has all of them)",
        f"{source.label}: {source.known}",
        plan.costs.in_words(),
        frame.origin_words(loaded),
    )
    for one in month.left_out:
        st.caption(frame.plain(f"Left out: {one}."))
    days = path.dates[:-1]
    errors = {name: month.paths[name].error for name in listed}
    figure = frame.picture(draw_hedge.tracking_errors, path.dates, errors, key="hedge_month_errors")
    st.markdown("**Positions held** over each step, units")
    names = [path.instruments[0], *(in_percent(name, spot) for name in path.instruments[1:])]
    frame.picture(draw_hedge.positions_heatmap, days, names, path.positions[:-1], key="hedge_held")
    st.markdown("**Delta and vega before and after the hedge**")
    frame.picture(
        draw_hedge.exposures,
        days,
        (path.value_delta, path.net_delta),
        (path.value_vega / 100, path.net_vega / 100),
        label=path.label,
        key="hedge_exposures",
    )
    st.markdown("**Where the tracking error came from**: ΔZ = ΔV − (hedge gain + interest − costs)")
    frame.picture(draw_hedge.attribution, path.attribution(), key="hedge_attribution")
    table = _table(path, history.spot[start : start + MONTH + 1])
    st.dataframe(wording.readable(rounded(table)), hide_index=True, width="stretch", key="hedge_month_table")
    downloads.table_buttons(lambda: table, f"hedge-month-{path.dates[0]}", key="hedge_month", figure=figure)
    frame.command(
        controls.command(loaded, source, start, recipe, plan, month.options, path.label)
        + "path = hedging.track(history, portfolio, strategy, instruments=instruments, start=row, model=model,\n"
        f"                     costs=costs, scenarios={plan.scenarios}, seed={plan.seed})\n"
        "print(path.to_frame())"
    )


@dataclass(frozen=True, eq=False)
class Month:
    """One month: the path of each strategy, the instruments, and in words those that could not be used."""

    paths: dict[str, HedgePath]
    options: tuple[Option, ...]
    left_out: tuple[str, ...]


@cache.keep(max_entries=8, show_spinner="Hedging the month …", show_time=True)
def _month(
    source: str, _model: SurfaceModel, history: SurfaceHistory, start: int, portfolio: Portfolio, plan: Plan
) -> Month:
    """The month after a day, hedged daily by every strategy.

    Raises:
        MarketDataError: if the data end before it does.
    """
    options, left_out = instruments(history.until(start), portfolio, plan)
    window = Window.of(history, (*options, *portfolio.options), start=start, days=MONTH, costs=plan.costs)
    moves = draw_moves(window, _model, scenarios=plan.scenarios, seed=plan.seed)
    followed = (*plan.strategies, Unhedged())
    paths = {s.label: follow(window, portfolio, s, instruments=options, moves=moves) for s in followed}
    return Month(paths, options, left_out)


def _answer(path: HedgePath, paths: dict[str, HedgePath]) -> list[tuple[str, str, str | None, str]]:
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


def _table(path: HedgePath, spot: pd.Series) -> pd.DataFrame:
    """Day by day; the last row is the day of unwinding."""
    table = path.to_frame()
    table.insert(1, "spot", spot)
    last = pd.Series([float("nan")])
    greeks = {
        "delta before": path.value_delta,
        "delta after": path.net_delta,
        "vega before": path.value_vega / 100,
        "vega after": path.net_vega / 100,
    }
    for place, (name, values) in enumerate(greeks.items(), start=7):
        table.insert(place, name, pd.concat([pd.Series(values), last], ignore_index=True))
    return table
