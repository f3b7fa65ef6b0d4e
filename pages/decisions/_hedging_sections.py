"""Sections of the backtest: each draws what is looked at and names the table behind it."""

import pandas as pd
import streamlit as st

from engine.charts import hedging as draw_backtest
from pages.decisions import _hedging_gains as gains
from pages.decisions._hedging_numbers import money
from pages.decisions._hedging_study import STATISTICS, View, strikes
from pages.ui import frame, pictures, widths

OTHERS = ("delta", "delta-vega", "unhedged")
SHORT = ("sd", "var_5", "var_2_5", "var_1", "upper_5", "upper_1")


def statistics(view: View) -> str:
    """Each statistic by method, with intervals and the published figures."""
    table = view.statistics
    shown = table[table["statistic"].isin(SHORT) & (table["method"] != "unhedged")]
    beside = st.toggle(
        "Published figures in the picture", key="hedge_bt_published", persist_state="session", help=_PUBLISHED
    )
    if not beside:
        shown = shown.assign(published=float("nan"))
    frame.chart(pictures.of(draw_backtest.statistic_dots, shown, dark=frame.is_dark()), key="hedge_bt_dots")
    frame.provenance(
        f"intervals: 95 % over {view.result.settings.get('draws')} resamples of whole months",
        "VaR: lower tail of Z, its sign turned; upper: its upper tail, what who sold the book and hedged it would lose",
        "published figures are in the table",
    )
    gaps = view.differences
    gaps = gaps[gaps["statistic"].isin(SHORT) & (gaps["other"] != "unhedged")]
    st.markdown(f"**Data-driven less each benchmark**, {_together(view)}: below zero is better")
    differences = {
        "Statistic": [STATISTICS[name] for name in gaps["statistic"]],
        "Less": gaps["other"],
        "Difference": [money(x) for x in gaps["difference"]],
        "95 % interval": [f"{money(a)} … {money(b)}" for a, b in zip(gaps["low"], gaps["high"], strict=True)],
        "Ratio": [f"{x:.2f}" if x == x else "" for x in gaps["ratio"]],
        "p": [f"{x:.2g}" for x in gaps["p_value"]],
    }
    st.dataframe(pd.DataFrame(differences), hide_index=True, key="hedge_bt_differences")
    st.caption("Paired on the same resamples of months.")
    return "pooled" if view.m0 is None else "by_moneyness"


def _together(view: View) -> str:
    return "all straddles together" if view.m0 is None else f"straddles struck at {view.strike}"


def through_time(view: View) -> str:
    """Z month by month, straight or symlog."""
    left, right = widths.columns([2, 1])
    offered = strikes(view.result)[1:]
    usual = offered.index("90 %") if "90 %" in offered else 0
    strike = view.strike
    if view.m0 is None:
        strike = left.selectbox("Straddle struck at", offered, index=usual, key="hedge_bt_m0")
    kind = right.segmented_control(
        "Scale", ("Straight", "Symlog"), default="Symlog", required=True, key="hedge_bt_scale", persist_state="session"
    )
    dates, errors = view.by_month(float(strike.split()[0]) / 100)
    figure = pictures.of(
        draw_backtest.errors_through_time,
        dates,
        errors,
        logarithmic=kind == "Symlog",
        crisis=(view.facts["crisis_from"], view.facts["crisis_to"]) if view.crisis_key == "included" else None,
        dark=frame.is_dark(),
    )
    frame.chart(figure, key="hedge_bt_errors")
    frame.provenance("Z = V − Π starts at zero with each month; the last value is after unwinding", "grey: the crisis")
    return "paths"


def laws(view: View) -> str:
    """Distribution functions of Z."""
    frame.chart(pictures.of(draw_backtest.error_laws, view.errors, dark=frame.is_dark()), key="hedge_bt_laws")
    frame.provenance(f"{len(view.paths):,} days of all months looked at; days of one month are dependent")
    return "within_1_percent"


def scatter(view: View) -> str:
    """The data-driven hedge against each benchmark, day by day."""
    mine = view.errors["data-driven"]
    for column, other in zip(widths.columns(len(OTHERS)), OTHERS, strict=True):
        with column:
            figure = pictures.of(
                draw_backtest.against, mine, view.errors[other], ("data-driven", other), dark=frame.is_dark()
            )
            frame.chart(figure, key=f"hedge_bt_against_{other}")
    frame.provenance(
        "dotted: equal size; dots above and below them are days on which the data-driven hedge was worse off"
    )
    return "paths"


def held(view: View) -> str:
    """How many instruments, and which α."""
    hedges = view.table("hedges")
    names = strikes(view.result)[1:]
    counts = [hedges.loc[(hedges["m0"] - float(n.split()[0]) / 100).abs() < 1e-9, "instruments"] for n in names]
    frame.chart(
        pictures.of(draw_backtest.instruments_held, counts, names, dark=frame.is_dark()), key="hedge_bt_instruments"
    )
    months = view.table("months").pivot(index="from", columns="m0", values="alpha").sort_index(axis=1)
    figure = pictures.of(draw_backtest.alphas_chosen, months.index, months.to_numpy(), names, dark=frame.is_dark())
    st.markdown("**α when each straddle was entered**")
    frame.chart(figure, key="hedge_bt_alphas")
    return "instruments"


_PUBLISHED = "Of the S&P 500 from June 2018 to February 2023, hedged with VolGAN, in its own currency."

SECTIONS = {
    "Statistics": statistics,
    "Through time": through_time,
    "Distributions": laws,
    "Against each": scatter,
    "Held": held,
    "α and sources": gains.draw,
}
