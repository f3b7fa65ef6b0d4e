"""The tabs of the leaderboard. Each draws tables of a finished study when it is open."""

from collections.abc import Mapping

import pandas as pd
import streamlit as st

from engine.charts import leaderboard as draw
from engine.charts import theme
from engine.models import registry
from pages.generators._leaderboard_names import BASE, Tables
from pages.generators._leaderboard_words import true_ratio
from pages.ui import downloads, frame, pictures

Names = Mapping[str, str]
"""Contestant in words → registered name."""

PENALTY = {"model": "Generator", "mean": "Mean Φ", "mean_low": "95 % from", "mean_high": "to", "sd": "Deviation"}
PENALTY |= {"median": "Median", "q90": "90 %", "q99": "99 %", "free_share": "Without arbitrage"}
PENALTY |= {"distance": "Distance to data", "distance_floor": "Real to real", "distance_floor_high": "up to"}


def ranking(tables: Tables, names: Names) -> None:
    """Energy scores over the baseline's with intervals, then the table."""
    scores = tables["scores"]
    figure = pictures.of(draw.ranking, scores, names, BASE, true_ratio=true_ratio(tables), dark=frame.is_dark())
    frame.chart(figure, key="leaderboard_ranking")
    table = scores.sort_values("energy")
    truth = tables["truth"].set_index("model")["ratio"].round(4) if "truth" in tables else None
    crps = tables["crps"].pivot(index="model", columns="series", values="crps_ratio")
    shown = pd.DataFrame(
        {
            "Generator": table["model"].to_numpy(),
            "Kind": [registry.role(names[label]) for label in table["model"]],
            "Energy score": table["energy"].round(3).to_numpy(),
            "Over baseline": table["energy_ratio"].round(4).to_numpy(),
            "95 %": [
                f"{low:.3f} to {high:.3f}" for low, high in table[["energy_ratio_low", "energy_ratio_high"]].values
            ],
            "Diebold–Mariano p": [theme.significant(float(p)) for p in table["energy_p"]],
            **({} if truth is None else {"Over true law": truth.loc[table["model"]].to_numpy()}),
            **{f"CRPS, {kind}": crps.loc[table["model"], kind].round(3).to_numpy() for kind in crps.columns},
            "Fitting (s)": table["fit_seconds"].round(1).to_numpy(),
            "Sampling (s)": table["sample_seconds"].round(1).to_numpy(),
        }
    )
    st.dataframe(shown, hide_index=True, width="stretch", height="content", key="leaderboard_scores")
    st.caption("CRPS of each series over the baseline's; below one is better.")
    downloads.table_buttons(lambda: scores, "leaderboard", key="leaderboard", figure=figure)


def exceedances(tables: Tables, names: Names) -> None:
    """Shares of days below the quantiles, and which of them Kupiec rejects."""
    st.markdown("**Share of days below each quantile (%)**; a cross where Kupiec rejects at 5 %")
    figure = pictures.of(draw.exceedance_heatmap, tables["exceedance"], dark=frame.is_dark())
    frame.chart(figure, key="leaderboard_exceedance")
    downloads.table_buttons(lambda: tables["exceedance"], "exceedances", key="leaderboard_exceedance", figure=figure)


def transforms(tables: Tables, names: Names) -> None:
    """Histograms of probability integral transforms of a few generators."""
    pit, scores = tables["pit"], tables["scores"].sort_values("energy")
    labels = list(scores["model"])
    ever_new = [label for label in labels if label != BASE and "(frozen)" not in label]
    chosen = st.multiselect("Generators", labels, [*ever_new[:2], BASE], key="leaderboard_pit", persist_state="session")
    if not chosen:
        st.info("Choose a generator.", icon=":material/bar_chart:")
        return
    figure = pictures.of(draw.pit_histograms, pit, chosen, names, dark=frame.is_dark())
    frame.chart(figure, key="leaderboard_transforms")
    uniform = tables["uniformity"][tables["uniformity"]["model"].isin(chosen)]
    shown = uniform.assign(
        distance=uniform["distance"].round(3),
        p_value=[theme.significant(float(p)) for p in uniform["p_value"]],
    ).set_axis(["Generator", "Series", "Distance from uniform", "Kolmogorov–Smirnov p"], axis=1)
    st.dataframe(shown, hide_index=True, width="stretch", height="content", key="leaderboard_uniformity")
    downloads.table_buttons(lambda: pit, "transforms", key="leaderboard_pit_table", figure=figure)


def arbitrage(tables: Tables, names: Names) -> None:
    """Mean Φ of scenarios beside that of the surfaces that came."""
    penalty = tables["penalty"]
    figure = pictures.of(draw.penalty_ranking, penalty, names, dark=frame.is_dark())
    st.markdown("**Mean Φ of the scenarios**, as drawn")
    frame.chart(figure, key="leaderboard_penalty")
    shown = penalty.map(lambda cell: theme.significant(cell) if isinstance(cell, float) else cell)
    st.dataframe(
        shown.rename(columns=PENALTY), hide_index=True, width="stretch", height="content", key="leaderboard_penalties"
    )
    downloads.table_buttons(lambda: penalty, "penalties", key="leaderboard_penalty_table", figure=figure)


def criteria(tables: Tables, names: Names) -> None:
    """What makes a generator worth using, and who meets what."""
    table = tables["criteria"]
    wide = table.assign(
        cell=[
            f"{'✓' if met else '✗'} {theme.significant(float(figure), 3)}"
            for met, figure in zip(table["met"], table["figure"], strict=True)
        ],
        generator=table["model"],
        criterion=[
            f"{name} ({relation} {theme.significant(float(bound), 3)})"
            for name, relation, bound in table[["criterion", "relation", "bound"]].values
        ],
    )
    order = list(dict.fromkeys(wide["generator"]))
    shown = wide.pivot(index="generator", columns="criterion", values="cell").loc[
        order, list(dict.fromkeys(wide["criterion"]))
    ]
    st.markdown("What a generator must reach to be worth more than the obvious alternative; ✓ met, ✗ missed")
    st.dataframe(shown, width="stretch", key="leaderboard_criteria")
    downloads.table_buttons(lambda: table, "criteria", key="leaderboard_criteria_table")
