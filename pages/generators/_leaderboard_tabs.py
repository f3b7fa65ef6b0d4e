"""The tabs of the leaderboard. Each draws tables of a finished study when it is open."""

import pandas as pd
import streamlit as st

from engine.charts import leaderboard as draw
from engine.charts import theme
from engine.models.base import role
from engine.studies.leaderboard import BASELINE
from pages.generators._leaderboard_words import Tables, called, registered, true_ratio
from pages.ui import downloads, frame

FIRST_SHOWN = 3


def ranking(tables: Tables) -> None:
    """Energy scores over the baseline's with intervals, then the table."""
    scores = tables["scores"]
    names = {str(label): registered(str(label)) for label in scores["model"]}
    figure = draw.ranking(scores, names, BASELINE, true_ratio=true_ratio(tables), dark=frame.is_dark())
    frame.chart(figure, key="leaderboard_ranking")
    table = scores.sort_values("energy")
    truth = tables["truth"].set_index("model")["ratio"].round(4) if "truth" in tables else None
    crps = tables["crps"].pivot(index="model", columns="series", values="crps_ratio")
    shown = pd.DataFrame(
        {
            "Generator": [called(str(label)) for label in table["model"]],
            "Kind": [role(registered(str(label))) for label in table["model"]],
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
    st.dataframe(shown, hide_index=True, width="stretch", key="leaderboard_scores")
    st.caption("CRPS of each series over the baseline's; below one is better.")
    downloads.table_buttons(lambda: scores, "leaderboard", key="leaderboard", figure=figure)


def exceedances(tables: Tables) -> None:
    """Shares of days below the quantiles, and which of them Kupiec rejects."""
    st.markdown("**Share of days below each quantile (%)**; a cross where Kupiec rejects at 5 %")
    figure = draw.exceedance_heatmap(tables["exceedance"], dark=frame.is_dark())
    frame.chart(figure, key="leaderboard_exceedance")
    downloads.table_buttons(lambda: tables["exceedance"], "exceedances", key="leaderboard_exceedance", figure=figure)


def transforms(tables: Tables) -> None:
    """Histograms of probability integral transforms of a few generators."""
    pit, scores = tables["pit"], tables["scores"].sort_values("energy")
    labels = [str(label) for label in scores["model"]]
    first = (
        [*labels[: FIRST_SHOWN - 1], BASELINE] if BASELINE not in labels[: FIRST_SHOWN - 1] else labels[:FIRST_SHOWN]
    )
    chosen = st.multiselect(
        "Generators", labels, first, format_func=called, key="leaderboard_pit", persist_state="session"
    )
    if not chosen:
        st.info("Choose a generator.", icon=":material/bar_chart:")
        return
    names = {label: registered(label) for label in labels}
    figure = draw.pit_histograms(pit, chosen, names, dark=frame.is_dark())
    frame.chart(figure, key="leaderboard_transforms")
    uniform = tables["uniformity"][tables["uniformity"]["model"].isin(chosen)]
    shown = uniform.assign(
        model=[called(str(label)) for label in uniform["model"]],
        distance=uniform["distance"].round(3),
        p_value=[theme.significant(float(p)) for p in uniform["p_value"]],
    ).set_axis(["Generator", "Series", "Distance from uniform", "Kolmogorov–Smirnov p"], axis=1)
    st.dataframe(shown, hide_index=True, width="stretch", key="leaderboard_uniformity")
    downloads.table_buttons(lambda: pit, "transforms", key="leaderboard_pit_table", figure=figure)


def arbitrage(tables: Tables) -> None:
    """Mean Φ of scenarios beside that of the surfaces that came."""
    penalty = tables["penalty"]
    names = {str(label): registered(str(label)) for label in penalty["model"]}
    figure = draw.penalty_ranking(penalty, names, dark=frame.is_dark())
    st.markdown("**Mean Φ of the scenarios**, as drawn")
    frame.chart(figure, key="leaderboard_penalty")
    st.dataframe(
        penalty.map(lambda cell: theme.significant(cell) if isinstance(cell, float) else cell),
        hide_index=True,
        width="stretch",
        key="leaderboard_penalties",
    )
    downloads.table_buttons(lambda: penalty, "penalties", key="leaderboard_penalty_table", figure=figure)


def criteria(tables: Tables) -> None:
    """What makes a generator worth using, and who meets what."""
    table = tables["criteria"]
    wide = table.assign(
        cell=[
            f"{'✓' if met else '✗'} {theme.significant(float(figure), 3)}"
            for met, figure in zip(table["met"], table["figure"], strict=True)
        ],
        generator=[called(str(label)) for label in table["model"]],
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
