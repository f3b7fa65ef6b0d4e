"""The backtest: every month of the test part, all methods, from a finished study; and how to run one's own."""

import shlex

import streamlit as st

from engine.datasets import Loaded
from engine.runs.studies import StudyResult
from pages.decisions import _hedging_job as job
from pages.decisions import _hedging_tables as tables
from pages.decisions._hedging_gains import source_words
from pages.decisions._hedging_numbers import money
from pages.decisions._hedging_sections import SECTIONS
from pages.decisions._hedging_study import CRISIS, View, has_calm, strikes
from pages.ui import cache, downloads, forms, frame


def draw(loaded: Loaded) -> None:
    """The study of these data, or another and how to run one's own."""
    busy = job.following(loaded)
    found, mine = job.finished(loaded)
    if not found:
        st.info("No backtest has been finished yet. Run one below.", icon=":material/shield:")
    else:
        if not mine:
            st.info(
                frame.plain(
                    f"These are not the data of the page: no backtest on {loaded.label} has been finished yet. "
                    "Run one below; meanwhile, another."
                ),
                icon=":material/info:",
            )
        key = next(iter(found))
        if len(found) > 1:
            key = st.selectbox(
                "Backtest", list(found), format_func=lambda key: _words(found[key]), key=f"hedge_bt_{len(found)}"
            )
        with frame.errors("Choose another backtest, or run it again."):
            _show(found[key])
    if not busy:
        with st.expander("Backtest on these data", icon=":material/play_arrow:", expanded=not found):
            job.form(loaded)


def _show(result: StudyResult) -> None:
    left, right = st.columns(2)
    crisis = "All months"
    if has_calm(result):
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
        "amounts in units of spot",
    )
    section = forms.section(SECTIONS, key="hedge_bt_section")
    name = SECTIONS[section](view)
    table = view.table(name)
    st.dataframe(tables.rounded(table.head(500)), hide_index=True, width="stretch", key=f"hedge_bt_table_{name}")
    downloads.table_buttons(lambda: table, f"hedging-{name}", key=f"hedge_bt_{name}")
    with st.expander("Every table", icon=":material/table_view:"):
        other = st.selectbox("Table", result.table_names(), key="hedge_bt_other", format_func=_spoken)
        whole = cache.study_table(result, other)
        st.dataframe(tables.rounded(whole.head(500)), hide_index=True, width="stretch", key="hedge_bt_any")
        downloads.table_buttons(lambda: whole, f"hedging-{other}", key="hedge_bt_whole")
    st.markdown("**The command that repeats it**")
    st.code(_command(result), language="bash", wrap_lines=True)


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


def _words(result: StudyResult) -> str:
    return f"{result.data.get('name')} · {result.directory.name}"


def _spoken(name: str) -> str:
    return name.replace("_", " ").capitalize()


def _command(result: StudyResult) -> str:
    words = ["python", "-m", "engine", "study", job.STUDY, "--data", str(result.data.get("ref", ""))]
    words += [part for name, about in result.inputs.items() for part in (f"--{name}", str(about.get("ref", "")))]
    words += [part for name, value in result.settings.items() if value != "" for part in ("--set", f"{name}={value}")]
    return shlex.join([*words, "--run", f"{result.directory.name}-again"])


_CRISIS = "The crisis: from the peak before the largest fall of the test part to its trough, or as set in the study."
