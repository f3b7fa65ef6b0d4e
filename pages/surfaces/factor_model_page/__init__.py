"""The page on factor models: its tabs, each drawn when it is open, their tables and their words."""

import shlex
from dataclasses import dataclass

import numpy as np
import pandas as pd
import streamlit as st

from engine.charts import factor_models, penalties, theme
from engine.charts.penalties import NAMES
from engine.market.grid import Floats
from engine.market.surface_history import SurfaceHistory
from engine.studies.surfaces import factor_models as study
from engine.surfaces.factor_model import FactorModel
from pages.ui import cache, downloads, frame, widths

BETA = "Paths are weighted by exp(−βφ): 0 leaves them as simulated, large β keeps only paths without arbitrage."

PRESENCE = "Share of paths with a violation on the grid on any of their days, and of all simulated days' surfaces."

PHI = "φ sums Φ over the days of a path."

ESS = "How many equally weighted paths the weighted ones are worth: 1/Σw²."

PARAMETERS = {"thesis": "the thesis's Tables 2.2 and 2.6", "estimated": "estimated from these data, in sample"}

STYLISED = "the stylised model's λ are not printed in the thesis: λ1, λ2, λ4 of its Table 2.6 stand in"


@dataclass(frozen=True)
class View:
    """What the tabs show."""

    history: SurfaceHistory
    config: study.FactorModelConfig
    result: study.FactorModelResult
    weights: Floats
    beta: float


def tables(view: View) -> None:
    """Tables 2.5, 2.7 and 2.8 beside the published, and the parameters."""
    result = view.result
    st.markdown("**Which arbitrage** (Table 2.7)")
    st.dataframe(presence_words(result.presence_table()), hide_index=True)
    downloads.table_buttons(result.presence_table, "arbitrage_presence", key="presence")
    number = "2.8" if view.config.model == "spx" else "2.5"
    st.markdown(f"**Quantiles of φ by β**, published ones in brackets (Table {number})")
    st.dataframe(quantile_words(result.quantile_table()), width="stretch")
    downloads.table_buttons(result.quantile_table, "penalty_quantiles", key="quantiles")
    st.markdown("**Parameters** (Table 2.6)")
    st.dataframe(parameters(result.model), hide_index=True)


def paths(view: View) -> None:
    """Some paths, the fainter the less they weigh, and the histogram of weights."""
    kept = view.result.paths
    relative = view.weights[: len(kept.log_spot)] / view.weights.max()
    left, right = widths.columns(2)
    with left:
        spot = float(view.history.spot[-1]) * np.exp(kept.log_spot)
        frame.picture(factor_models.weighted_paths, spot, relative, y_title="Spot (index level)", key="spot_paths")
    frame.picture(
        factor_models.weighted_paths,
        100 * kept.driver_vol,
        relative,
        y_title="Driving ATM vol (% a year)",
        key="vols",
        where=right,
    )
    frame.picture(factor_models.weight_histogram, view.weights, key="weights")


def cost(view: View) -> None:
    """Relative entropy and effective sample size against β."""
    curve = view.result.entropy_curve()
    figure = frame.picture(
        penalties.reweighting_curves,
        curve["beta"],
        curve["relative_entropy"],
        curve["effective_sample_size"],
        n=len(view.weights),
        current=view.beta,
        model=factor_models.MODEL,
        key="entropy",
    )
    downloads.table_buttons(view.result.entropy_curve, "entropy_by_beta", key="entropy", figure=figure)


def ten_years(view: View) -> None:
    """One long scenario, its correlations, and the joint law of daily moves against the data's."""
    scenario = cache.long_scenario(view.history, view.config)
    figure = frame.picture(factor_models.long_scenario, scenario, key="long")
    frame.provenance(
        f"one path of {len(scenario) - 1:,} days, seed {view.config.seed}, not reweighted",
        "VIX by the Cboe sum on every simulated surface",
    )
    downloads.table_buttons(lambda: scenario, "ten_year_scenario", key="long", figure=figure)
    if view.config.model == "spx":
        st.markdown("**Correlation of daily changes** beside the published ones in brackets (Table 2.9)")
        st.dataframe(correlation_words(study.correlation_table(scenario)))
    st.markdown("**Joint density of daily moves of spot and VIX**, the model against these data (figure 2.20)")
    simulated, data = study.scenario_moves(scenario), study.history_moves(view.history)
    joint = frame.picture(
        factor_models.joint_density, (simulated.spot, simulated.vix), (data.spot, data.vix), key="joint"
    )
    frame.provenance(
        "contours hold 10, 30, 50, 70 and 90 % of the days; dashed: 90 % of the data; dots: days outside",
        data.origin,
        f"data {view.history.period[0]} to {view.history.period[1]}",
    )
    table = study.joint_table(simulated, data)
    st.dataframe(joint_words(table), hide_index=True)
    downloads.table_buttons(lambda: table, "joint_moves", key="joint_table", figure=joint)


TABS = {"Tables": tables, "Paths": paths, "What β costs": cost, "Ten years": ten_years}
"""Name of a tab → what draws it."""


def joint_words(table: pd.DataFrame) -> pd.DataFrame:
    """Marginals and correlation of daily moves in market units."""

    def interval(row: pd.Series) -> str:
        if np.isnan(row["correlation"]):
            return "none"
        parts = [theme.signed(row[c], ".2f") for c in ("correlation", "correlation_low", "correlation_high")]
        return f"{parts[0]}  ({parts[1]} … {parts[2]})"

    return pd.DataFrame(
        {
            "Daily moves": table["moves"],
            "Days": [theme.count(n) for n in table["days"]],
            "Correlation (95 % interval)": [interval(row) for _, row in table.iterrows()],
            "sd Δ log S (bp)": [f"{1e4 * x:.0f}" for x in table["sd_log_spot"]],
            "sd Δ log VIX (%)": [f"{100 * x:.1f}" for x in table["sd_log_vix"]],
            "Skewness Δ log S": ["none" if np.isnan(x) else theme.signed(x, ".1f") for x in table["skew_log_spot"]],
            "Skewness Δ log VIX": ["none" if np.isnan(x) else theme.signed(x, ".1f") for x in table["skew_log_vix"]],
        }
    )


def presence_words(table: pd.DataFrame) -> pd.DataFrame:
    """Table 2.7 in words, published figures beside."""
    names = {"total": "Any", **NAMES}
    return pd.DataFrame(
        {
            "Of": table["of"],
            "Arbitrage": table["kind"].map(names),
            "Share": [theme.percent(x, 2) for x in table["share"]],
            "Standard error": ["" if np.isnan(x) else theme.percent(x, 2) for x in table["standard_error"]],
            "Thesis": ["" if np.isnan(x) else theme.percent(x, 2) for x in table["published"]],
        }
    )


def quantile_words(table: pd.DataFrame) -> pd.DataFrame:
    """Tables 2.5 and 2.8: one row a level, one column a β, published figures in brackets."""
    words = [
        f"{theme.significant(a)}  [{theme.significant(b)}]"
        for a, b in zip(table["phi"], table["published"], strict=True)
    ]
    shown = table.assign(words=words, Quantile=[f"{q:.0%}" for q in table["level"]])
    wide = shown.pivot(index="Quantile", columns="beta", values="words")
    return wide.rename(columns=lambda beta: f"β = {beta:g} [thesis]")


def parameters(model: FactorModel) -> pd.DataFrame:
    """λ, α, γ, ρ and the start of every factor."""
    return pd.DataFrame(
        {
            "Factor": [f"X{i + 1}" for i in range(len(model.shapes))],
            "λ (per year)": model.reversion.round(3),
            "α": model.mean.round(3),
            "γ (per √year)": model.volatility.round(3),
            "ρ with the spot": model.correlation.round(3),
            "start": model.start.round(3),
        }
    )


def correlation_words(found: np.ndarray) -> pd.DataFrame:
    """Table 2.9, published figures in brackets."""
    cells = [
        [f"{theme.signed(a, '.2f')}  [{theme.signed(b, '.2f')}]" for a, b in zip(x, y, strict=True)]
        for x, y in zip(found, study.PUBLISHED_CORRELATIONS, strict=True)
    ]
    return pd.DataFrame(cells, index=list(study.SERIES), columns=list(study.SERIES))


def command(ref: str, config: study.FactorModelConfig) -> str:
    """The lines that give the page's figures again."""
    options = f"--data={shlex.quote(ref)} --run my_study --set paths={config.paths} --set seed={config.seed}"
    return f"""from engine import datasets
from engine.studies.surfaces import factor_models

history = datasets.load({ref!r}).data
result = factor_models.run(history, factor_models.{config!r})
print(result.presence_table(), result.quantile_table(), result.entropy_curve())
scenario = factor_models.long_scenario(result.model, history, seed={config.seed})
print(factor_models.correlation_table(scenario))

# every table of the chapter as CSV, in the background if you like:
# python -m engine study surfaces {options}
"""
