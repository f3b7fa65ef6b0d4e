"""Training from the Fin-GAN page: tickers, sector map, settings; every network of the study at work as a heatmap."""

import hashlib

import streamlit as st

from engine import workspace
from engine.charts import fingan as draw
from engine.charts import theme
from engine.datasets import Loaded
from engine.errors import SettingsError
from engine.market import intake
from engine.market.price_history import PriceHistory
from engine.runs import fingan_progress, jobs
from engine.settings import describe
from engine.studies.fingan import Config
from pages.ui import forms, frame, study_jobs

NAME = "fingan"
RAW, LOADED, FILE = "Raw returns, no sector map", "The map that came with the data", "A file: ticker, sector_etf"
FIGURE = theme.Quantity("Latest epoch", "", 1, ".3g", "sequential")
POLL = 5.0


def show(loaded: Loaded) -> None:
    """The study at work, its networks, and the form that starts one."""
    runs = [run for run in jobs.list_runs() if run.model == NAME]
    if study_jobs.standing(runs, "fingan"):
        _members(runs[0])
    study_jobs.finished(runs, "fingan_study")
    history = loaded.data
    assert isinstance(history, PriceHistory)
    st.markdown(frame.plain(f"Train on {loaded.label}") + ": runs in the background; you may leave this page.")
    kinds = [LOADED, FILE] if history.sector_of else [FILE, RAW] if len(history.tickers) > 2 else [RAW, FILE]
    kind = st.radio("Sector map", kinds, key="fingan_sectors", horizontal=True)
    uploaded = None
    if kind == FILE:
        uploaded = st.file_uploader("Sector map", type=["csv"], key="fingan_sector_file", label_visibility="collapsed")
    known = st.multiselect(
        "Tickers",
        list(history.tickers),
        key="fingan_tickers_asked",
        placeholder="All: stocks and ETFs of the sector map, or every ticker",
        help="A stock is measured against its sector ETF, anything else raw. One that cannot be used is listed.",
    )
    with st.form("fingan_train", enter_to_submit=False):
        values = forms.config_fields(Config, key="fingan_train", leave_out=("tickers",))
        started = st.form_submit_button("Train in the background", type="primary", icon=":material/play_arrow:")
    count, seeds = len(known) or len(history.tickers), int(str(values["seeds"]))
    st.caption(f"{count * seeds * 10:,} pairs of networks: {count} tickers × 10 losses × {seeds} seeds.")
    if started:
        with frame.errors("Change the settings and try again."):
            values["tickers"] = ",".join(known)
            if kind == FILE and uploaded is None:
                raise SettingsError("expected a file with the sector map; found none: add one, or choose otherwise")
            inputs = {"sectors": store_sectors(uploaded.getvalue(), uploaded.name)} if uploaded is not None else {}
            study_jobs.start(NAME, loaded.entry.id, values, f"{NAME}-{history.fingerprint}", inputs=inputs)
        st.rerun()


def store_sectors(content: bytes, name: str | None = None) -> str:
    """A sector map under the digest of its content, once it can be read; ``name`` is what a person calls it.

    Raises:
        MarketDataError: if it cannot.
    """
    path = workspace.uploads_dir() / f"{hashlib.sha256(content).hexdigest()}.csv"
    fresh = not path.exists()
    if fresh:
        workspace.write_whole(path, content)
    try:
        intake.read_sectors(path, name=name)
    except BaseException:
        if fresh:
            path.unlink(missing_ok=True)
        raise
    return str(path)


def _members(run: jobs.Run) -> None:
    """Every network's latest epoch, rows tickers, columns losses."""
    defaults = {info.name: info.default for info in describe(Config)}

    def live() -> None:
        with frame.errors():
            found = fingan_progress.member_progress(run.directory)
        if found is None:
            st.caption("The networks' figures appear here while a seed trains.")
            return
        names = list(found.figures)
        shown = st.segmented_control("Figure", names, default="PnL*", key="fingan_member_figure") or "PnL*"
        epochs = sum(int(run.settings.get(name, defaults[name])) for name in ("matching_epochs", "epochs"))
        words = f"Seed {found.seed}, epoch {found.epoch:,} of {epochs:,}: {shown} of every network's last batch"
        st.markdown(f"**{frame.plain(words)}**")
        figure = draw.matrix(found.figures[shown], FIGURE, x_title="Loss (terms beside BCE)", dark=frame.is_dark())
        frame.chart(figure, key="fingan_members")

    st.fragment(live, run_every=POLL)()
