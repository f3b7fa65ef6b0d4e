"""Training from the page: any registered model, its form, the job it starts, and the last one started, live."""

from pathlib import Path

import streamlit as st

from engine import settings
from engine.datasets import Loaded
from engine.errors import JobError
from engine.models import registry
from engine.runs import jobs
from engine.runs.checkpoints import Card
from pages.ui import forms, frame, generators
from pages.ui import jobs as ui_jobs

LEAST_TRAINING_DAYS = 24

DEFAULT = "ddpm"


def draw(loaded: Loaded, card: Card | None) -> None:
    """The last run started here, live; then the form for the next one.

    Args:
        loaded: the data to train on.
        card: of the generator shown, to say what differs from it; None if none is shown.
    """
    _latest()
    offered = list(registry.next_day() if loaded.origin == "built-in" else registry.fitted_to_data())
    name = forms.remembered.selectbox(
        "Model to train",
        offered,
        offered.index(DEFAULT),
        format_func=registry.label,
        key="volgan_train_model",
        help="Every registered model of surfaces: generative ones, and those that only keep statistics of the past.",
    )
    kind = registry.surface_model(str(name))
    with st.form("volgan_train", enter_to_submit=False):
        st.markdown(
            frame.plain(f"Train {kind.label} on {loaded.label}") + ": runs in the background; you may leave this page."
        )
        values = forms.config_fields(kind.Config, key=f"{name}_train")
        left, middle, right = st.columns(3)
        label = forms.Remembered(left).text_input(
            "Name",
            "",
            max_chars=60,
            key="volgan_train_name",
            placeholder=str(name),
            help="What the run is called in lists.",
        )
        share = forms.Remembered(middle).number_input(
            "Training part (% of days)",
            10,
            99,
            85,
            key="volgan_train_share",
            help="The first days train, the rest stays out of sample. The split is chronological.",
        )
        help = "Of weights, noise and order, where the model has any."
        seed = forms.seed(key="volgan_train_seed", help=help, first=0, where=right)
        submitted = st.form_submit_button("Train in the background", type="primary", icon=":material/play_arrow:")
    if card is not None and card.model == name and generators.same_data(card, loaded):
        changed = _differences(values, card)
        if changed:
            frame.caption(f"Differs from the generator shown, so its figures are of other settings: {changed}.")
    if submitted:
        with frame.errors("Change the setting and try again."):
            _start(str(name), loaded, values, int(share), seed, label or str(name))
        st.rerun()


def _start(name: str, loaded: Loaded, values: dict[str, object], share: int, seed: int, label: str) -> None:
    config = settings.from_dict(registry.surface_model(name).Config, values)
    days = int(len(loaded.data) * share / 100)
    if days < LEAST_TRAINING_DAYS:
        raise JobError(
            f"expected at least {LEAST_TRAINING_DAYS} days to train on; found {days} in {share} % of {len(loaded.data)}"
        )
    asked = settings.to_dict(config)
    run = jobs.train(name, loaded.entry.id, asked, seed=seed, split=f"{share / 100:g}", label=label)
    frame.session().runs_started.insert(0, str(run.directory))


def _differences(values: dict[str, object], card: Card) -> str:
    return ", ".join(
        f"{info.label.lower()} {card.config[info.name]} → {values[info.name]}"
        for info in settings.describe(registry.surface_model(card.model).Config)
        if info.name in card.config and card.config[info.name] != values[info.name]
    )


def _latest() -> None:
    """The last run started in this session, if there is one."""
    started = [run for run in map(Path, frame.session().runs_started) if run.is_dir()]
    if started:
        run = jobs.read(started[0])
        if run.active:
            ui_jobs.follow(run)
        else:
            _ended(run)


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
    ui_jobs.stopped(run, f"resume_{run.name}")
    with st.expander("Loss curves, command and log"):
        ui_jobs.details(run)
