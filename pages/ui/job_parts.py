"""Parts of a job on a page: its progress and what is seen of the generator meanwhile, its details, its deletion."""

import datetime
from collections.abc import Mapping

import streamlit as st

from engine.charts import theme
from engine.charts import training as draw
from engine.runs import jobs
from engine.runs.progress_log import duration
from engine.training import alarms
from pages.ui import frame

LOG_HEIGHT = 260

STATES = {
    "queued": ("starting", ":material/hourglass_top:", "gray"),
    "running": ("running", ":material/play_circle:", "blue"),
    "done": ("finished", ":material/check_circle:", "green"),
    "failed": ("failed", ":material/error:", "red"),
    "cancelled": ("stopped", ":material/stop_circle:", "orange"),
    "interrupted": ("interrupted", ":material/power_off:", "orange"),
}
"""State → (word, icon, colour of its badge)."""


def progress(run: jobs.Run) -> None:
    """The bar of a job at work, its remaining time, and the button that stops it."""
    found = jobs.progress(run.directory)
    left, right = st.columns([5, 1], vertical_alignment="center")
    if found.latest is None:
        left.progress(0.0, text="Starting: reading the data …")
    else:
        latest = found.latest
        epochs = "" if run.config.get("verb") == "study" else f", epoch {latest.done:,} of {latest.total:,}"
        words = f"{latest.phase}{epochs} · {100 * latest.fraction:.0f} %"
        eta = "" if found.remaining is None else f" · {duration(found.remaining)} to go"
        left.progress(latest.fraction, text=frame.plain(words + eta))
        watched(latest.losses, latest.fraction)
    if right.button("Cancel", key=f"cancel_{run.name}", icon=":material/stop:", width="stretch"):
        with frame.errors():
            jobs.cancel(run.directory)
        st.toast("Stopping at its next report; what it has learned is kept.", icon=":material/stop_circle:")
    st.caption("You may leave this page, close the browser or restart the app: the job goes on.")


def watched(figures: Mapping[str, float], fraction: float = 1.0) -> None:
    """What a fit sees of the generator in training, and the alarm in words if it is in trouble."""
    parts = [f"{name} {theme.significant(figures[name])}" for name in alarms.FIGURES if name in figures]
    if parts:
        st.caption(frame.plain(" · ".join(parts)))
    for sentence in alarms.alarms(figures, fraction):
        st.warning(frame.plain(sentence), icon=":material/notification_important:")


def details(run: jobs.Run) -> None:
    """Loss curves, settings, the command that repeats the run, and the end of its log."""
    losses = jobs.progress(run.directory).losses
    if losses.losses:
        st.markdown("**Losses by epoch**; the dotted line is where the next phase begins")
        frame.chart(draw.loss_curves(losses, dark=frame.is_dark()), key=f"losses_{run.name}")
    else:
        st.caption("No losses have been reported yet.")
    command = jobs.command_of(run)
    if command:
        st.markdown("**The command that repeats it**")
        st.code(command, language=None, wrap_lines=True)
    st.markdown("**Log**")
    st.code(jobs.log(run.directory) or "Nothing was printed.", language=None, height=LOG_HEIGHT, wrap_lines=True)


def delete_button(name: str, what: str, key: str) -> bool:
    """A button that asks before it answers yes."""
    with st.popover("Delete", icon=":material/delete:", key=f"{key}_ask"):
        st.markdown(frame.plain(f"Delete {name} with {what}? This cannot be undone."))
        return st.button("Delete for good", type="primary", key=key, icon=":material/delete_forever:")


def when(iso: str) -> str:
    """``21 Nov 2026 10:31 UTC``."""
    try:
        return f"{datetime.datetime.fromisoformat(iso).astimezone(datetime.UTC):%d %b %Y %H:%M} UTC".lstrip("0")
    except ValueError:
        return ""
