"""How the generators compared did on the days after their training: from a finished study, or started as a job."""

from collections.abc import Mapping

import pandas as pd
import streamlit as st

from engine.charts import leaderboard as draw_leaderboard
from engine.charts import theme
from engine.datasets import Loaded
from engine.runs import studies
from engine.runs.checkpoints import Listed
from engine.studies.generators import BASELINE, BASELINE_MODEL
from pages.ui import cache, datasets, downloads, frame, pictures, study_jobs

STUDY = "generators"
KUPIEC = 0.05


def draw(loaded: Loaded, chosen: Mapping[str, Listed]) -> None:
    """The calibration of the chosen generators where a study of them all is finished; else the button for one."""
    st.markdown("**The days after training**, scored one day ahead")
    runs = [one.name for one in chosen.values()]
    result = finished(loaded, runs)
    busy = study_jobs.standing(study_jobs.runs(STUDY, loaded), "volgan_compare_study")
    if result is None and not busy:
        st.caption(
            "Exceedances with Kupiec's test, and energy scores with the Diebold–Mariano test against filtered "
            "historical simulation, over every day that none of the chosen generators was trained on."
        )
        if st.button("Score these generators", type="primary", key="volgan_compare_run", icon=":material/play_arrow:"):
            with frame.errors():
                study_jobs.start(STUDY, loaded.entry.id, {}, "generators", inputs={"models": ",".join(runs)})
            st.rerun()
    if result is None:
        return
    table = figures(result, chosen)
    count = int(result.summary["test_days"])
    st.dataframe(table, width="stretch", key="volgan_compare_days")
    days = cache.study_table(result, "days")["date"]
    frame.provenance(
        f"{count:,} days, {days.iloc[0]} to {days.iloc[-1]}, out of sample for every generator trained on these data",
        f"{result.settings['scenarios']:,} scenarios a day, paired, seed {result.settings['seed']}",
        f"data {str(result.data['digest'])[:12]}",
    )
    downloads.table_buttons(lambda: table.reset_index(), "generators-out-of-sample", key="volgan_compare_days")
    shown = called(chosen)
    hits = cache.study_table(result, "exceedance")
    hits = hits[hits["model"].isin(shown)].assign(model=lambda part: part["model"].map(shown))
    figure = pictures.of(draw_leaderboard.exceedance_heatmap, hits, dark=frame.is_dark())
    st.markdown("**Share of days below each quantile (%)**; a cross where Kupiec rejects at 5 %")
    frame.chart(figure, key="volgan_compare_exceedance")
    command = f"python -m engine study {STUDY} --data {loaded.entry.id} --models {','.join(runs)} --run again"
    st.code(command, language="bash", wrap_lines=True)


def finished(loaded: Loaded, runs: list[str]) -> studies.StudyResult | None:
    """The newest finished study of all these generators on these data."""
    for result in studies.catalogue(STUDY):
        known = cache.study_table(result, "generators")["model"]
        if datasets.same(result.data, loaded) and set(runs) <= set(known):
            return result
    return None


def scored_beside(listed: Listed, loaded: Loaded) -> set[str]:
    """Runs that the newest finished study of this generator on these data scored."""
    result = finished(loaded, [listed.name])
    return set() if result is None else set(cache.study_table(result, "generators")["model"])


def figures(result: studies.StudyResult, chosen: Mapping[str, Listed]) -> pd.DataFrame:
    """One row a generator: energy score against the baseline, exceedances of return and ATM vol, Kupiec's verdicts."""
    scores = cache.study_table(result, "scores").set_index("model")
    hits = cache.study_table(result, "exceedance")
    penalty = cache.study_table(result, "penalty").set_index("model")["mean"]
    series = list(dict.fromkeys(hits["series"]))
    rows = {}
    for label, name in called(chosen).items():
        one, mine = scores.loc[label], hits[hits["model"] == label]
        passed = (mine["kupiec_p"] > KUPIEC).groupby(mine["series"]).all()
        row = {
            "Energy score": f"{one['energy']:.3f}",
            "Over baseline (95 %)": f"{one['energy_ratio']:.3f} "
            f"({one['energy_ratio_low']:.3f} to {one['energy_ratio_high']:.3f})",
            "Diebold–Mariano t": theme.signed(one["energy_t"], ".1f") if one["energy_t"] == one["energy_t"] else "same",
            "p": theme.significant(float(one["energy_p"])),
            "Φ, mean": theme.significant(float(penalty[label])),
            "Series Kupiec accepts": f"{int(passed.sum())} of {len(passed)}",
        }
        for kind in series[:2]:
            part = mine[mine["series"] == kind]
            row[f"{kind}: below 1 / 2.5 / 97.5 / 99 %"] = " / ".join(f"{100 * share:.1f}" for share in part["share"])
            row[f"{kind}: Kupiec p"] = " / ".join(theme.significant(float(p)) for p in part["kupiec_p"])
        rows[name] = row
    return pd.DataFrame.from_dict(rows, orient="index")


def called(chosen: Mapping[str, Listed]) -> dict[str, str]:
    """Label in the study's tables → what the page calls it; the baseline too, unless it is among the chosen."""
    names = {one.name: name for name, one in chosen.items()}
    there = any(one.card is not None and one.card.model == BASELINE_MODEL for one in chosen.values())
    return names if there else {**names, BASELINE: "Baseline: filtered historical simulation"}
