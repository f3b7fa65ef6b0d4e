"""The run that was started last from the page: live while it trains, then what became of it."""

from pathlib import Path

import streamlit as st

from engine.runs import jobs
from pages.ui import frame, generators
from pages.ui import jobs as ui_jobs


def latest() -> None:
    """The last run started in this session, if there is one."""
    started = [run for run in map(Path, frame.session().runs_started) if run.is_dir()]
    if started:
        run = jobs.read(started[0])
        if run.active:
            _running(run)
        else:
            _ended(run)


def _running(run: jobs.Run) -> None:
    """The job at work, looked at again and again; when it ends the page is drawn anew."""

    def live() -> None:
        now = jobs.read(run.directory)
        if not now.active:
            st.rerun()
        with st.container(border=True):
            st.markdown(f"**{frame.plain(now.name)}**")
            ui_jobs.progress(now)

    st.fragment(live, run_every=ui_jobs.POLL)()


def _ended(run: jobs.Run) -> None:
    if run.state == "done" and run.has_checkpoint:
        shown = st.session_state.get(generators.KEY) == str(run.directory)
        st.success(
            frame.plain(f"{run.name} is trained." + (" It is the one shown." if shown else "")), icon=":material/check:"
        )
        if not shown:
            st.button(
                "Show its scenarios",
                type="primary",
                key="volgan_show_run",
                on_click=generators.choose,
                args=(run.directory,),
                icon=":material/visibility:",
            )
        return
    frame.problem(f"{run.name} {ui_jobs.STATES[run.state][0]}: {run.reason or 'it left no reason'}")
    if run.resumable and st.button("Resume", key=f"resume_{run.name}", icon=":material/resume:"):
        with frame.errors():
            jobs.resume(run.directory)
        st.rerun()
    with st.expander("Loss curves, command and log"):
        ui_jobs.details(run)
