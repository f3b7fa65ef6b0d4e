"""The tabs of the factor model page."""

from dataclasses import dataclass

import numpy as np
import streamlit as st

from engine.charts import factor_models, penalties
from engine.charts import factor_models as draw
from engine.market.grid import Floats
from engine.market.surface_history import SurfaceHistory
from engine.studies.surfaces import factor_models as study
from pages.surfaces import _factor_model_tables as words
from pages.ui import cache, downloads, frame, pictures, widths


@dataclass(frozen=True)
class View:
    """What the tabs show."""

    history: SurfaceHistory
    config: study.FactorModelConfig
    result: study.FactorModelResult
    weights: Floats
    beta: float
    dark: bool


def tables(view: View) -> None:
    """Tables 2.5, 2.7 and 2.8 beside the published, and the parameters."""
    result = view.result
    st.markdown("**Which arbitrage** (Table 2.7)")
    st.dataframe(words.presence_words(result.presence_table()), hide_index=True)
    downloads.table_buttons(result.presence_table, "arbitrage_presence", key="presence")
    number = "2.8" if view.config.model == "spx" else "2.5"
    st.markdown(f"**Quantiles of φ by β**, published ones in brackets (Table {number})")
    st.dataframe(words.quantile_words(result.quantile_table()), width="stretch")
    downloads.table_buttons(result.quantile_table, "penalty_quantiles", key="quantiles")
    st.markdown("**Parameters** (Table 2.6)")
    st.dataframe(words.parameters(result.model), hide_index=True)


def paths(view: View) -> None:
    """Some paths, the fainter the less they weigh, and the histogram of weights."""
    kept = view.result.paths
    relative = view.weights[: len(kept.log_spot)] / view.weights.max()
    left, right = widths.columns(2)
    with left:
        spot = float(view.history.spot[-1]) * np.exp(kept.log_spot)
        frame.chart(pictures.of(draw.weighted_paths, spot, relative, y_title="Spot (index level)"), key="spot_paths")
    with right:
        vols = pictures.of(draw.weighted_paths, 100 * kept.driver_vol, relative, y_title="Driving ATM vol (% a year)")
        frame.chart(vols, key="vols")
    frame.chart(pictures.of(draw.weight_histogram, view.weights), key="weights")


def cost(view: View) -> None:
    """Relative entropy and effective sample size against β."""
    curve = view.result.entropy_curve()
    figure = pictures.of(
        penalties.reweighting_curves,
        curve["beta"],
        curve["relative_entropy"],
        curve["effective_sample_size"],
        n=len(view.weights),
        current=view.beta,
        model=draw.MODEL,
        dark=view.dark,
    )
    frame.chart(figure, key="entropy")
    downloads.table_buttons(view.result.entropy_curve, "entropy_by_beta", key="entropy", figure=figure)


def ten_years(view: View) -> None:
    """One long scenario, its correlations, and the joint law of daily moves against the data's."""
    scenario = cache.long_scenario(view.history, view.config)
    figure = pictures.of(draw.long_scenario, scenario, dark=view.dark)
    frame.chart(figure, key="long")
    frame.provenance(
        f"one path of {len(scenario) - 1:,} days, seed {view.config.seed}, not reweighted",
        "VIX by the Cboe sum on every simulated surface",
    )
    downloads.table_buttons(lambda: scenario, "ten_year_scenario", key="long", figure=figure)
    if view.config.model == "spx":
        st.markdown("**Correlation of daily changes** beside the published ones in brackets (Table 2.9)")
        st.dataframe(words.correlation_words(study.correlation_table(scenario)))
    st.markdown("**Joint density of daily moves of spot and VIX**, the model against these data (figure 2.20)")
    simulated, data = study.scenario_moves(scenario), study.history_moves(view.history)
    joint = pictures.of(
        factor_models.joint_density, (simulated.spot, simulated.vix), (data.spot, data.vix), dark=view.dark
    )
    frame.chart(joint, key="joint")
    frame.provenance(
        "contours hold 10, 30, 50, 70 and 90 % of the days; dashed: 90 % of the data; dots: days outside",
        data.origin,
        f"data {view.history.period[0]} to {view.history.period[1]}",
    )
    table = study.joint_table(simulated, data)
    st.dataframe(words.joint_words(table), hide_index=True)
    downloads.table_buttons(lambda: table, "joint_moves", key="joint_table", figure=joint)
