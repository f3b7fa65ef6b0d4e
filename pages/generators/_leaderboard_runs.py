"""Finished leaderboards and new ones: what a run is called, what repeats it, the form, and the job while it works."""

import shlex

import streamlit as st

from engine.datasets import Loaded
from engine.runs.studies import StudyResult
from engine.studies.generators.leaderboard import Config
from pages.ui import forms, frame, study_jobs

STUDY = "leaderboard"


def title(result: StudyResult) -> str:
    """A finished leaderboard in a list. Plain text: names come from people."""
    return f"{result.data['name']} · {result.created[:16].replace('T', ' ')}"


def command(result: StudyResult) -> str:
    """What repeats it."""
    pairs = [part for name, value in result.settings.items() for part in ("--set", f"{name}={value}")]
    words = ["python", "-m", "engine", "study", "leaderboard", "--data", str(result.data.get("ref", ""))]
    return shlex.join([*words, *pairs, "--run", "leaderboard-again"])


def standing(loaded: Loaded) -> bool:
    """The job on these data, live; whether one is at work."""
    return study_jobs.standing(study_jobs.runs(STUDY, loaded), STUDY)


def form(loaded: Loaded, busy: bool) -> None:
    """The settings of a new leaderboard, and the button that starts it in the background."""
    if busy:
        return
    with (
        st.expander(frame.plain(f"Run the leaderboard on {loaded.label}"), icon=":material/play_arrow:"),
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
