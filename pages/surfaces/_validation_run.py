"""Starting a validation of VolGAN on one's own data, and following it."""

import streamlit as st

from engine.datasets import Loaded
from engine.runs import jobs, run_directory
from engine.runs.checkpoints import Listed
from engine.settings import from_dict, to_dict
from engine.studies import volgan as study
from pages.ui import datasets, forms, frame, generators
from pages.ui import jobs as ui_jobs

STUDY = "volgan"
TRAIN = "Train new ones"


def following(loaded: Loaded) -> bool:
    """Show the validations of these data that are at work or failed.

    Returns:
        Whether one is at work.
    """
    mine = [run for run in jobs.list_runs() if _is_of(run, loaded)]
    for run in mine:
        if run.state in ("failed", "interrupted"):
            frame.problem(f"{run.name}: {run.reason or 'it left no reason'}", "Resume or delete it under Runs.")
    busy = [run for run in mine if run.active]

    def live() -> None:
        now = [jobs.read(run.directory) for run in busy]
        if not all(run.active for run in now):
            st.rerun()
        for run in now:
            with st.container(border=True):
                st.markdown(f"**{frame.plain(run.name)}**")
                ui_jobs.progress(run)

    if busy:
        st.fragment(live, run_every=ui_jobs.POLL)()
    return bool(busy)


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
        values = forms.config_fields(study.Config, key="validation")
        submitted = st.form_submit_button("Validate in the background", type="primary", icon=":material/play_arrow:")
    if not submitted:
        return
    with frame.errors("Change the settings and try again."):
        settings = to_dict(from_dict(study.Config, values))
        arguments = ["study", STUDY, f"--data={loaded.entry.id}"]
        arguments += [part for key, value in settings.items() for part in ("--set", f"{key}={value}")]
        if chosen != TRAIN:
            arguments.append(f"--model={fitting[chosen].name}")
            arguments += [f"--bce={one.name}" for one in list(plain.values())[:1]]
        jobs.start(arguments, run_directory.new_directory(_name(loaded)))
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


def _is_of(run: jobs.Run, loaded: Loaded) -> bool:
    """Whether a run validates these data; one that has just been started is known by its name only."""
    if run.config.get("verb") == "study":
        return run.model == STUDY and datasets.same(run.config.get("data", {}), loaded)
    return run.active and run.name.startswith(_name(loaded))


def _name(loaded: Loaded) -> str:
    return f"validation-{loaded.data.fingerprint}"
