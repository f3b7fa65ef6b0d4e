"""Starting a hedging study on one's own data, following it, and finding finished ones."""

import streamlit as st

from engine.datasets import Loaded
from engine.runs import studies
from engine.runs.studies import StudyResult
from engine.studies import hedging
from engine.studies.hedging import GIVEN, TRUE_LAW
from pages.ui import datasets, forms, frame, generators, study_jobs

STUDY = "hedging"


def following(loaded: Loaded) -> bool:
    """Show the newest hedging study of these data if it is at work or failed; returns whether it is at work."""
    return study_jobs.standing(study_jobs.runs(STUDY, loaded), STUDY)


def form(loaded: Loaded) -> None:
    """Where scenarios come from, the settings, and the button that starts the job."""
    fitting = generators.fitting(loaded.data.grid)
    trained = {one.name: one for one in fitting.values() if one.card is not None and one.card.model != TRUE_LAW}
    with st.form("hedging_run", enter_to_submit=False):
        chosen = st.selectbox(
            "Trained generator",
            ["none", *trained],
            format_func=lambda name: (
                "None: by the setting below" if name == "none" else generators.words(trained[name])
            ),
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


def finished(loaded: Loaded) -> tuple[dict[str, StudyResult], bool]:
    """Finished studies, and whether they are of these data; those of other data only where there is none of these."""
    found = {str(result.directory): result for result in studies.catalogue(STUDY)}
    mine = {key: one for key, one in found.items() if datasets.same(one.data, loaded)}
    return mine or found, bool(mine)
