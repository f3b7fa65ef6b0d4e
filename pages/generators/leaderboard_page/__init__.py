"""The leaderboard: who is called what, the answer in words, its tabs, and runs of one's own."""

from collections.abc import Mapping

import pandas as pd
import streamlit as st

from engine.charts import leaderboard as draw
from engine.charts import theme
from engine.datasets import Loaded
from engine.errors import CheckpointError
from engine.models import registry
from engine.runs.studies import StudyResult
from engine.studies.generators.leaderboard import Config
from pages.ui import downloads, forms, frame, study_jobs

Tables = Mapping[str, pd.DataFrame]

Names = Mapping[str, str]
"""Contestant in words → registered name."""

NEEDED = ("scores", "crps", "exceedance", "pit", "penalty", "criteria", "uniformity")
"""Tables that the page draws."""


def check(tables: Tables) -> None:
    """Refuse a run without the tables that the page draws.

    Raises:
        CheckpointError: naming the first one missing.
    """
    for name in NEEDED:
        if name not in tables:
            raise CheckpointError(
                f"expected the table {name} in this leaderboard; found none: it is of an older version"
            )


def registered(label: str) -> str:
    """``hybrid (frozen)`` → ``hybrid``."""
    return label.partition(" (")[0]


def called(label: str) -> str:
    """A contestant in words: its model's label, and whether it was refitted."""
    name = registered(label)
    return registry.label(name).partition(":")[0] + label[len(name) :]


BASE = called(registry.BASELINE)
"""The baseline in words."""


def named(tables: Tables) -> dict[str, pd.DataFrame]:
    """The same tables with contestants in words."""
    return {
        name: table.assign(model=table["model"].map(lambda label: called(str(label)))) if "model" in table else table
        for name, table in tables.items()
    }


def models(tables: Tables) -> dict[str, str]:
    """Contestant in words → registered name, from the tables as the study wrote them."""
    return {called(str(label)): registered(str(label)) for label in tables["scores"]["model"]}


SURE = 0.01
"""A better score is called sure below this p-value."""


def true_ratio(tables: Tables) -> float | None:
    """The true law's expected energy score over the baseline's, where the law is known."""
    if "truth" not in tables:
        return None
    score = float(tables["scores"].set_index("model")["energy"][BASE])
    return 1 - float(tables["truth"].set_index("model")["excess"][BASE]) / score


def metrics(tables: Tables, names: Names) -> list[tuple[str, str, str | None, str]]:
    """The best, the best learned one, the baseline, and the distance that is left to the true law."""
    scores = tables["scores"].sort_values("energy")
    best, base = scores.iloc[0], scores.set_index("model").loc[BASE]
    learned = scores[[registry.role(names[label]) == "learned" for label in scores["model"]]]
    items = [
        (
            "Best forecast",
            str(best["model"]),
            f"{best['energy_ratio']:.3f} × baseline",
            "Smallest mean energy score over the test days.",
        ),
        (
            "Filtered historical simulation",
            f"{base['energy']:.3f}",
            f"95 %: {base['energy_low']:.3f} to {base['energy_high']:.3f}",
            "Energy score of the baseline: mean over days, block-bootstrap interval.",
        ),
    ]
    if len(learned):
        one = learned.iloc[0]
        items.append(
            (
                "Best learned over baseline",
                f"{one['energy_ratio']:.3f}",
                f"{one['model']}, p {theme.significant(float(one['energy_p']))}",
                "Ratio of energy scores; p of the Diebold–Mariano test that both are equally good.",
            )
        )
    if "truth" in tables:
        over = tables["truth"].set_index("model")["ratio"]
        items.append(
            (
                "Best over the true law",
                f"{over[best['model']]:.3f}",
                f"baseline {over[BASE]:.3f}",
                "These data are simulated, so the law is known: no forecast's expected score is below the true law's. "
                "Both are ratios of expected scores, free of the luck of what came; ratios to the baseline are of the "
                "scores on the days that came, so one is not the other divided.",
            )
        )
    return items


def verdict(tables: Tables) -> list[str]:
    """Who is better than the baseline for sure, and who only on these days."""
    scores = tables["scores"]
    others = scores[scores["model"] != BASE]
    better = others[others["energy_ratio"] < 1]
    sure = list(better.loc[better["energy_p"] < SURE, "model"])
    unsure = list(better.loc[better["energy_p"] >= SURE, "model"])
    found = [f"Better than filtered historical simulation at p < {SURE:g}: {', '.join(sure) if sure else 'none'}."]
    if unsure:
        found.append(f"Better on these days, but not surely: {', '.join(unsure)}.")
    return found


def facts(result: StudyResult, tables: Tables) -> list[str]:
    """What the figures rest on."""
    first, last = result.data["period"]
    asked = result.settings
    return [
        f"{int(tables['exceedance']['days'].max()):,} test days, one day ahead, all out of sample",
        f"{asked.get('scenarios', 0):,} scenarios a day, paired, seed {asked.get('seed')}",
        f"refitted every {asked.get('refit_every')} days on the past only, (frozen) ones never",
        f"{result.data['name']}, {first} to {last}",
    ]


PENALTY = {"model": "Generator", "mean": "Mean Φ", "mean_low": "95 % from", "mean_high": "to", "sd": "Deviation"}
PENALTY |= {"median": "Median", "q90": "90 %", "q99": "99 %", "free_share": "Without arbitrage"}
PENALTY |= {"distance": "Distance to data", "distance_floor": "Real to real", "distance_floor_high": "up to"}


def ranking(tables: Tables, names: Names) -> None:
    """Energy scores over the baseline's with intervals, then the table."""
    scores = tables["scores"]
    figure = frame.picture(draw.ranking, scores, names, BASE, true_ratio=true_ratio(tables), key="leaderboard_ranking")
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
    figure = frame.picture(draw.exceedance_heatmap, tables["exceedance"], key="leaderboard_exceedance")
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
    figure = frame.picture(draw.pit_histograms, pit, chosen, names, key="leaderboard_transforms")
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
    st.markdown("**Mean Φ of the scenarios**, as drawn")
    figure = frame.picture(draw.penalty_ranking, penalty, names, key="leaderboard_penalty")
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


TABS = {
    "Ranking": ranking,
    "Exceedances": exceedances,
    "Transforms": transforms,
    "Arbitrage": arbitrage,
    "Criteria": criteria,
}
"""Name of a tab → what draws it."""

STUDY = "leaderboard"


def title(result: StudyResult) -> str:
    """A finished leaderboard in a list. Plain text: names come from people."""
    return f"{result.data['name']} · {result.created[:16].replace('T', ' ')}"


def form(loaded: Loaded, busy: bool, *, expanded: bool = False) -> None:
    """The settings of a new leaderboard, and the button that starts it in the background."""
    if busy:
        return
    with (
        st.expander(
            frame.plain(f"Run the leaderboard on {loaded.label}"), icon=":material/play_arrow:", expanded=expanded
        ),
        st.form("leaderboard_form", enter_to_submit=False),
    ):
        st.markdown(
            "Fits and refits every registered generator and scores it on the days after: about half a minute for a "
            "year and a half of 42 vols, some minutes for 22 years of 80. You may leave this page."
        )
        values = forms.config_fields(Config, key="leaderboard")
        submitted = st.form_submit_button("Run in the background", type="primary", icon=":material/play_arrow:")
    if submitted:
        with frame.errors("Change the setting and try again."):
            study_jobs.start(STUDY, loaded.entry.id, values, f"leaderboard-{loaded.data.fingerprint}")
        st.rerun()
