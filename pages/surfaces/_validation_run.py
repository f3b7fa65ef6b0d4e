"""Starting a validation of VolGAN on one's own data, and following it."""

import streamlit as st

from engine.datasets import Loaded
from engine.runs.checkpoints import Listed
from engine.studies import volgan
from pages.ui import forms, frame, generators, study_jobs

STUDY = "volgan"
TRAIN = "Train new ones"


def following(loaded: Loaded) -> bool:
    """Show the newest validation of these data if it is at work or failed; returns whether it is at work."""
    return study_jobs.standing(study_jobs.runs(STUDY, loaded), "validation")


def form(loaded: Loaded) -> None:
    """Which generators to validate, the settings, and the button that starts the job."""
    fitting, plain = _fitting(loaded, "volgan"), _fitting(loaded, "bce")
    with st.form("validation_run", enter_to_submit=False):
        chosen = st.selectbox(
            "Generator to validate",
            [*fitting, TRAIN],
            format_func=lambda name: name if name == TRAIN else generators.words(fitting[name]),
            key="validation_generator",
            help="Trained generators of this grid. Days of these data up to the end of their training are left out of "
            "the test. New ones are trained first, several networks at once.",
        )
        values = forms.config_fields(volgan.Config, key="validation")
        submitted = st.form_submit_button("Validate in the background", type="primary", icon=":material/play_arrow:")
    if not submitted:
        return
    with frame.errors("Change the settings and try again."):
        inputs = {}
        if chosen != TRAIN:
            inputs["model"] = fitting[chosen].name
            inputs |= {"bce": next(iter(plain.values())).name} if plain else {}
        study_jobs.start(STUDY, loaded.entry.id, values, f"validation-{loaded.data.fingerprint}", inputs=inputs)
    st.rerun()


def _fitting(loaded: Loaded, loss: str) -> dict[str, Listed]:
    """Name → generators of VolGAN's family trained with a loss, on the grid of the data; the same data's first."""
    found = []
    for listed in generators.usable((STUDY,)).values():
        card = listed.card
        if card is not None and card.grid == loaded.data.grid and card.config.get("loss") == loss:
            other = (card.data_name, card.data_origin) != (loaded.label, loaded.origin)
            found.append((other, -_members(listed), listed))
    return {one.name: one for *_, one in sorted(found, key=lambda item: item[:2])}


def _members(listed: Listed) -> int:
    return int(listed.card.config.get("members", 1)) if listed.card is not None else 0
