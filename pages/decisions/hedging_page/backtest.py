"""The backtest: every month of the test part, all methods, from a finished study; and how to run one's own.

A section draws what is looked at and names the table behind it.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
import streamlit as st

from engine.charts import hedging as draw_backtest
from engine.charts import theme
from engine.datasets import Loaded
from engine.market.grid import Floats
from engine.models import registry
from engine.runs.studies import StudyResult
from engine.studies import hedging
from engine.studies.hedging import GIVEN, TRUE_LAW
from pages.decisions.hedging_page import money, rounded
from pages.ui import cache, forms, frame, generators, study_jobs, widths, wording

STUDY = "hedging"

METHODS = ("unhedged", "delta", "delta-vega", "data-driven")

ALL, ALL_TABLES = "All straddles", "all"

CRISIS = {"All months": "included", "Without the crisis": "excluded"}

STATISTICS = {
    "sd": "sd",
    "var_5": "VaR 5 %",
    "var_2_5": "VaR 2.5 %",
    "var_1": "VaR 1 %",
    "mean": "mean",
    "median": "median",
    "upper_5": "upper 5 %",
    "upper_2_5": "upper 2.5 %",
    "upper_1": "upper 1 %",
}

OTHERS = ("delta", "delta-vega", "unhedged")

SHORT = ("sd", "var_5", "var_2_5", "var_1", "upper_5", "upper_1")

_PUBLISHED = "Of the S&P 500 from June 2018 to February 2023, hedged with VolGAN, in its own currency."

_CRISIS = "The crisis: from the peak before the largest fall of the test part to its trough, or as set in the study."


@dataclass(frozen=True)
class View(study_jobs.StudyView):
    """What is looked at: a study, with or without its crisis months, all straddles or one strike."""

    crisis: str
    strike: str

    @property
    def crisis_key(self) -> str:
        """As tables say it."""
        return CRISIS[self.crisis]

    @property
    def m0(self) -> float | None:
        """K/S₀ of the straddles looked at; None for all."""
        return None if self.strike == ALL else float(self.strike.split()[0]) / 100

    @cached_property
    def facts(self) -> dict[str, str]:
        """Of the experiment."""
        table = self.table("facts")
        return dict(zip(table["fact"].astype(str), table["value"].astype(str), strict=True))

    @cached_property
    def paths(self) -> pd.DataFrame:
        """The days of the months looked at."""
        table, months = self.table("paths"), self.table("months")
        if self.crisis_key == "excluded":
            calm = months.loc[~months["crisis"], "month"].unique()
            table = table[table["month"].isin(calm)]
        return table if self.m0 is None else table[np.isclose(table["m0"], self.m0)]

    @property
    def methods(self) -> list[str]:
        """Those that the study compares."""
        return [name for name in METHODS if f"error_{name.replace('-', '_')}" in self.table("paths")]

    @cached_property
    def errors(self) -> dict[str, Floats]:
        """Method → Z of every day looked at."""
        return {name: self.paths[f"error_{name.replace('-', '_')}"].to_numpy() for name in self.methods}

    def by_month(self, m0: float) -> tuple[np.ndarray, dict[str, Floats]]:
        """Days ``(months, days + 1)`` and Z of the same shape, of the straddles of one strike."""
        part = self.paths[np.isclose(self.paths["m0"], m0)].sort_values(["month", "day"])
        width = int(part["day"].max()) + 1
        dates = part["date"].to_numpy(dtype="datetime64[D]").reshape(-1, width)
        found = {name: part[f"error_{name.replace('-', '_')}"].to_numpy().reshape(-1, width) for name in self.methods}
        return dates, found

    @cached_property
    def statistics(self) -> pd.DataFrame:
        """Value, interval and published figure of each method and statistic, for what is looked at."""
        found = self._looked_at(self.table("pooled" if self.m0 is None else "by_moneyness"))
        return found.assign(words=found["statistic"].map(STATISTICS))

    @cached_property
    def differences(self) -> pd.DataFrame:
        """The data-driven hedge less each of the others, for what is looked at."""
        return self._looked_at(self.table("differences"))

    def _looked_at(self, table: pd.DataFrame) -> pd.DataFrame:
        m0 = table["m0"].astype(str)
        strike = m0 == ALL_TABLES if self.m0 is None else np.isclose(pd.to_numeric(m0, errors="coerce"), self.m0)
        return table[(table["crisis"] == self.crisis_key) & strike]

    def figure(self, method: str, statistic: str) -> pd.Series:
        """One row of the statistics."""
        rows = self.statistics
        return rows[(rows["method"] == method) & (rows["statistic"] == statistic)].iloc[0]


def strikes(result: StudyResult) -> list[str]:
    """``75 %`` … in the order of the study, all together first."""
    found = cache.study_table(result, "months")["m0"].unique()
    return [ALL, *(f"{100 * m:g} %" for m in sorted(found))]


def show(loaded: Loaded) -> None:
    """The study of these data, or another and how to run one's own."""
    study_jobs.tab(
        STUDY,
        loaded,
        _study,
        _form,
        called="backtest",
        heading="Backtest on these data",
        icon=":material/shield:",
        key="hedge_bt",
    )


def _study(result: StudyResult) -> None:
    left, right = st.columns(2)
    crisis = "All months"
    if "excluded" in set(cache.study_table(result, "pooled")["crisis"]):  # months outside it, and months in it
        crisis = left.segmented_control(
            "Months", list(CRISIS), default=crisis, required=True, key="hedge_bt_crisis", help=_CRISIS
        )
    strike = right.selectbox("Straddles", strikes(result), key=f"hedge_bt_strike_{result.directory.name}")
    view = View(result, str(crisis), str(strike))
    frame.metrics(_answer(view))
    facts = view.facts
    frame.provenance(
        f"{facts['months']} months, {facts['first_day']} to {facts['last_day']} on {result.data.get('name')}",
        f"straddles {strike if view.m0 else ', '.join(strikes(result)[1:])}, held {facts['held_days']} days",
        f"scenarios from {source_words(facts['source'], result)}, {result.settings.get('scenarios')} a day",
        f"α by {facts['alpha']}",
        facts["costs"],
        f"crisis {facts['crisis_from']} to {facts['crisis_to']} ({facts['months_in_crisis']} months)",
        "amounts in index points",
    )
    section = forms.section(SECTIONS, key="hedge_bt_section")
    study_jobs.every_table(result, SECTIONS[section](view), _show_table, stem="hedging", key="hedge_bt")


def _show_table(table: pd.DataFrame, key: str) -> None:
    st.dataframe(wording.readable(rounded(table.head(500))), hide_index=True, width="stretch", key=key)


def _answer(view: View) -> list[tuple[str, str, str | None, str]]:
    found = []
    for statistic, label in (("sd", "sd of Z, data-driven"), ("var_5", "VaR 5 %"), ("var_1", "VaR 1 %")):
        others = " · ".join(
            f"{name} {money(view.figure(name, statistic)['value'])}" for name in ("delta", "delta-vega")
        )
        row = view.figure("data-driven", statistic)
        interval = f"95 % interval {money(row['low'])} to {money(row['high'])}."
        found.append((label, money(row["value"]), others, f"Z = V − Π over all days looked at. {interval}"))
    hedges = view.table("hedges")
    mean = f"{hedges['instruments'].mean():.1f}"
    found.append(("Instruments held, mean", mean, None, "With a position, the underlying included, over all days."))
    return found


def _form(loaded: Loaded) -> None:
    """Where scenarios come from, the settings, and the button that starts the job."""
    fitting = generators.fitting(loaded.data.grid)
    trained = {one.name: one for one in fitting.values() if one.card is not None and one.card.model != TRUE_LAW}
    with st.form("hedging_run", enter_to_submit=False):
        st.markdown("Follows every month of the test part by every strategy: some minutes. You may leave this page.")
        chosen = st.selectbox(
            "Trained generator",
            ["none", *trained],
            format_func=lambda name: "By the setting below" if name == "none" else generators.words(trained[name]),
            key="hedging_study_generator",
            help="Used where scenarios come from “model”. Days of its training are left out of the test.",
        )
        values = forms.config_fields(hedging.Config, key="hedging_study")
        submitted = st.form_submit_button("Backtest in the background", type="primary", icon=":material/play_arrow:")
    if not submitted:
        return
    with frame.errors("Change the settings and try again."):
        given = chosen != "none" and values["source"] == GIVEN
        inputs = {"model": chosen} if given else {}
        study_jobs.start(STUDY, loaded.entry.id, values, f"{STUDY}-{loaded.data.fingerprint}", inputs=inputs)
    st.rerun()


# --- sections ---------------------------------------------------------------------------------------------------------


def statistics(view: View) -> str:
    """Each statistic by method, with intervals and the published figures."""
    table = view.statistics
    shown = table[table["statistic"].isin(SHORT) & (table["method"] != "unhedged")]
    beside = forms.remembered.toggle("Published figures in the picture", key="hedge_bt_published", help=_PUBLISHED)
    if not beside:
        shown = shown.assign(published=float("nan"))
    frame.picture(draw_backtest.statistic_dots, shown, key="hedge_bt_dots")
    frame.provenance(
        f"intervals: 95 % over {view.result.settings.get('draws')} resamples of whole months",
        "VaR: lower tail of Z, its sign turned; upper: its upper tail, what who sold the book and hedged it would lose",
        "published figures are in the table",
    )
    gaps = view.differences
    gaps = gaps[gaps["statistic"].isin(SHORT) & (gaps["other"] != "unhedged")]
    which = "all straddles together" if view.m0 is None else f"straddles struck at {view.strike}"
    st.markdown(f"**Data-driven less each benchmark**, {which}: below zero is better")
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


def through_time(view: View) -> str:
    """Z month by month, straight or symlog."""
    left, right = widths.columns([2, 1])
    offered = strikes(view.result)[1:]
    usual = offered.index("90 %") if "90 %" in offered else 0
    strike = view.strike
    if view.m0 is None:
        strike = left.selectbox("Straddle struck at", offered, index=usual, key="hedge_bt_m0")
    scales = ("Straight", "Symlog")
    kind = forms.segments("Scale", scales, default="Symlog", key="hedge_bt_scale", where=right)
    dates, errors = view.by_month(float(strike.split()[0]) / 100)
    frame.picture(
        draw_backtest.errors_through_time,
        dates,
        errors,
        logarithmic=kind == "Symlog",
        crisis=(view.facts["crisis_from"], view.facts["crisis_to"]) if view.crisis_key == "included" else None,
        key="hedge_bt_errors",
    )
    frame.provenance("Z = V − Π starts at zero with each month; the last value is after unwinding", "grey: the crisis")
    return "paths"


def laws(view: View) -> str:
    """Distribution functions of Z."""
    frame.picture(draw_backtest.error_laws, view.errors, key="hedge_bt_laws")
    frame.provenance(f"{len(view.paths):,} days of all months looked at; days of one month are dependent")
    return "within_1_percent"


def scatter(view: View) -> str:
    """The data-driven hedge against each benchmark, day by day."""
    mine = view.errors["data-driven"]
    for column, other in zip(widths.columns(len(OTHERS)), OTHERS, strict=True):
        frame.picture(
            draw_backtest.against,
            mine,
            view.errors[other],
            ("data-driven", other),
            key=f"hedge_bt_against_{other}",
            where=column,
        )
    frame.provenance(
        "dotted: equal size; dots above and below them are days on which the data-driven hedge was worse off"
    )
    return "paths"


def held(view: View) -> str:
    """How many instruments, and which α."""
    hedges = view.table("hedges")
    names = strikes(view.result)[1:]
    counts = [hedges.loc[(hedges["m0"] - float(n.split()[0]) / 100).abs() < 1e-9, "instruments"] for n in names]
    frame.picture(draw_backtest.instruments_held, counts, names, key="hedge_bt_instruments")
    months = view.table("months").pivot(index="from", columns="m0", values="alpha").sort_index(axis=1)
    st.markdown("**α when each straddle was entered**")
    frame.picture(draw_backtest.alphas_chosen, months.index, months.to_numpy(), names, key="hedge_bt_alphas")
    return "instruments"


def gains(view: View) -> str:
    """The gains in words and as a table; then Table 4.8."""
    gain = view.table("gain")
    for name in gain["source"].unique():
        row = gain[(gain["source"] == name) & (gain["statistic"] == "sd")].iloc[0]
        st.markdown(frame.plain(gain_sentence(row, source_words(name, view.result))))
    shown = gain_table(gain, {name: source_words(name, view.result) for name in gain["source"].unique()})
    st.dataframe(shown, hide_index=True, key="hedge_bt_gain")
    frame.provenance(
        "gain: 1 − statistic of the data-driven hedge over that of the better of delta and delta–vega, all months",
        "share of the true law's gain where the market is simulated and that gain is clearly above zero",
    )
    if "alpha_paths" in view.result.table_names():
        _alpha_paths(view)
    if "alphas" in view.result.table_names():
        st.markdown("**By choice of α** (Table 4.8)")
        return "alphas"
    return "gain"


def _alpha_paths(view: View) -> None:
    """Z of the lowest straddle by choice of α (Figure 4.14)."""
    table = view.table("alpha_paths").sort_values(["month", "day"])
    width = int(table["day"].max()) + 1
    choices = [name for name in table.columns if name.startswith("data-driven")]
    st.markdown(f"**The straddle at {100 * table['m0'].iloc[0]:g} % by choice of α**")
    frame.picture(
        draw_backtest.errors_through_time,
        table["date"].to_numpy(dtype="datetime64[D]").reshape(-1, width),
        {name: table[name].to_numpy().reshape(-1, width) for name in choices},
        logarithmic=True,
        key="hedge_bt_alpha_paths",
    )


def source_words(name: str, result: StudyResult) -> str:
    """A source of scenarios for people."""
    if name == TRUE_LAW:
        return "the true law"
    if name == GIVEN:
        return str(result.inputs.get("model", {}).get("label", "a trained generator"))
    return registry.label(name)


def gain_sentence(row: pd.Series, source: str) -> str:
    if row["gain_low"] > 0:
        said = f"With scenarios from {source} the hedge's sd is {_percent(row['gain'])} below the better benchmark's"
    elif row["gain_high"] < 0:
        said = f"With scenarios from {source} the hedge's sd is {_percent(-row['gain'])} above the better benchmark's"
    else:
        said = f"With scenarios from {source} the hedge's sd cannot be told from the better benchmark's"
    return f"{said} (gain {_percent(row['gain'])}, {_percent(row['gain_low'])} to {_percent(row['gain_high'])})."


def gain_table(gain: pd.DataFrame, names: dict[str, str]) -> pd.DataFrame:
    clear = set(gain.loc[(gain["source"] == TRUE_LAW) & (gain["gain_low"] > 0), "statistic"])
    rows = []
    for row in gain.itertuples(index=False):
        known = row.statistic in clear and row.source != TRUE_LAW
        rows.append(
            {
                "Scenarios from": names[row.source],
                "Statistic": STATISTICS[row.statistic],
                "Data-driven": money(row.value),
                "Better benchmark": money(row.better_benchmark),
                "Gain": _percent(row.gain),
                "95 % interval": f"{_percent(row.gain_low)} … {_percent(row.gain_high)}",
                "Of the true law's gain": _percent(row.share_of_true_law) if known else "",
            }
        )
    return pd.DataFrame(rows)


def _percent(share: float) -> str:
    return theme.percent(float(share), 0)


SECTIONS = {
    "Statistics": statistics,
    "Through time": through_time,
    "Distributions": laws,
    "Against each": scatter,
    "Held": held,
    "α and sources": gains,
}
