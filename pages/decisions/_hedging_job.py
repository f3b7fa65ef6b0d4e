"""Starting a hedging study on one's own data, following it, and finding finished ones."""

import streamlit as st

from engine.datasets import Loaded
from engine.runs import jobs, run_directory, studies
from engine.runs.studies import StudyResult
from engine.settings import from_dict, to_dict
from engine.studies import hedging as study
from engine.studies.hedging_settings import GIVEN, TRUE_LAW
from pages.ui import datasets, forms, frame, generators
from pages.ui import jobs as ui_jobs

STUDY = "hedging"


def following(loaded: Loaded) -> bool:
    """Show the hedging studies of these data that are at work or failed; returns whether one is at work."""
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
        values = forms.config_fields(study.Config, key="hedging_study")
        submitted = st.form_submit_button("Backtest in the background", type="primary", icon=":material/play_arrow:")
    if not submitted:
        return
    with frame.errors("Change the settings and try again."):
        settings = to_dict(from_dict(study.Config, values))
        arguments = ["study", STUDY, f"--data={loaded.entry.id}"]
        arguments += [part for key, value in settings.items() for part in ("--set", f"{key}={value}")]
        if chosen != "none" and settings["source"] == GIVEN:
            arguments.append(f"--model={chosen}")
        jobs.start(arguments, run_directory.new_directory(_name(loaded)))
    st.rerun()


def finished(loaded: Loaded) -> tuple[dict[str, StudyResult], bool]:
    """Finished studies, and whether they are of these data; those of other data only where there is none of these."""
    found = {str(result.directory): result for result in studies.catalogue(STUDY)}
    mine = {key: one for key, one in found.items() if datasets.same(one.data, loaded)}
    return mine or found, bool(mine)


def _is_of(run: jobs.Run, loaded: Loaded) -> bool:
    """Whether a run hedges these data; one that has just been started is known by its name only."""
    if run.config.get("verb") == "study":
        return run.model == STUDY and datasets.same(run.config.get("data", {}), loaded)
    return run.active and run.name.startswith(_name(loaded))


def _name(loaded: Loaded) -> str:
    return f"hedging-{loaded.data.fingerprint}"
