"""What each source of scenarios gains over the textbook hedges, and what other choices of α would have done."""

import pandas as pd
import streamlit as st

from engine.charts import hedging_backtest as draw_backtest
from engine.charts import theme
from engine.models import registry
from engine.runs.studies import StudyResult
from engine.studies.hedging.settings import GIVEN, TRUE_LAW
from pages.decisions._hedging_numbers import money
from pages.decisions._hedging_study import STATISTICS, View
from pages.ui import frame, pictures


def draw(view: View) -> str:
    """The gains in words and as a table; then Table 4.8."""
    gain = view.table("gain")
    for name in gain["source"].unique():
        row = gain[(gain["source"] == name) & (gain["statistic"] == "sd")].iloc[0]
        st.markdown(frame.plain(_sentence(row, source_words(name, view.result))))
    shown = _words(gain, {name: source_words(name, view.result) for name in gain["source"].unique()})
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
    figure = pictures.of(
        draw_backtest.errors_through_time,
        table["date"].to_numpy(dtype="datetime64[D]").reshape(-1, width),
        {name: table[name].to_numpy().reshape(-1, width) for name in choices},
        logarithmic=True,
        dark=frame.is_dark(),
    )
    frame.chart(figure, key="hedge_bt_alpha_paths")


def source_words(name: str, result: StudyResult) -> str:
    """A source of scenarios for people."""
    if name == TRUE_LAW:
        return "the true law"
    if name == GIVEN:
        return str(result.inputs.get("model", {}).get("label", "a trained generator"))
    return registry.label(name)


def _sentence(row: pd.Series, source: str) -> str:
    if row["gain_low"] > 0:
        said = f"With scenarios from {source} the hedge's sd is {_percent(row['gain'])} below the better benchmark's"
    elif row["gain_high"] < 0:
        said = f"With scenarios from {source} the hedge's sd is {_percent(-row['gain'])} above the better benchmark's"
    else:
        said = f"With scenarios from {source} the hedge's sd cannot be told from the better benchmark's"
    return f"{said} (gain {_percent(row['gain'])}, {_percent(row['gain_low'])} to {_percent(row['gain_high'])})."


def _words(gain: pd.DataFrame, names: dict[str, str]) -> pd.DataFrame:
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
