"""Datasets, trained generators, their scenarios and paths."""

from pathlib import Path

import numpy as np
import streamlit as st

from engine import datasets
from engine.errors import MarketDataError
from engine.evaluation import path_stability
from engine.market.surface_history import SurfaceHistory
from engine.models import rollout as paths
from engine.models.surface_model import SurfaceModel
from engine.runs import checkpoints
from engine.scenarios.scenario_set import ScenarioSet
from engine.surfaces import arbitrage


@st.cache_resource(max_entries=12, show_spinner="Reading the data …")
def _dataset(id: str, version: str) -> datasets.Loaded:
    return datasets.load(id)


def dataset(entry: datasets.Entry) -> datasets.Loaded:
    """A dataset of the catalogue, read once for all sessions."""
    return _dataset(entry.id, entry.version)


@st.cache_resource(max_entries=12, show_spinner="Loading the generator …")
def _model(directory: str, version: str) -> tuple[SurfaceModel, checkpoints.Card]:
    return checkpoints.load_surface_model(Path(directory))


def model(directory: Path) -> tuple[SurfaceModel, checkpoints.Card]:
    """A trained model and its card; read again only when its weights change on disk.

    Raises:
        CheckpointError: if the checkpoint cannot be used.
    """
    return _model(str(directory), version_of(directory))


def version_of(directory: Path) -> str:
    """Changes whenever the weights of a run are written."""
    try:
        stat = (directory / checkpoints.WEIGHTS).stat()
    except OSError:
        return "none"
    return f"{stat.st_mtime_ns}-{stat.st_size}"


@st.cache_resource(max_entries=8, show_spinner="Sampling …")
def _scenarios(
    directory: str,
    version: str,
    digest: str,
    row: int,
    n: int,
    seed: int,
    _model: SurfaceModel,
    _history: SurfaceHistory,
) -> tuple[ScenarioSet, arbitrage.Penalty]:
    condition = _history.until(row)
    drawn = _model.sample(condition, n, rng=np.random.default_rng(seed))
    return drawn, arbitrage.penalty(drawn.iv, drawn.grid, float(condition.rate[-1]))


def scenarios(
    directory: Path, model: SurfaceModel, history: SurfaceHistory, row: int, n: int, seed: int
) -> tuple[ScenarioSet, arbitrage.Penalty]:
    """n scenarios of the day after ``row`` and their penalty matrices; moving a β slider never samples again."""
    return _scenarios(str(directory), version_of(directory), history.digest, row, n, seed, model, history)


@st.cache_resource(max_entries=8, show_spinner="Walking the paths …", show_time=True)
def _surface_paths(
    directory: str,
    version: str,
    digest: str,
    row: int,
    n: int,
    days: int,
    seed: int,
    _model: SurfaceModel,
    _history: SurfaceHistory,
) -> tuple[paths.SurfacePaths, path_stability.Stability | str]:
    condition = _history.until(row)
    walked = paths.simulate(_model, condition, n, days, rng=np.random.default_rng(seed))
    try:
        return walked, path_stability.compare(walked, condition)
    except MarketDataError as reason:  # too short to judge, or every path left
        return walked, str(reason)


def surface_paths(
    directory: Path, model: SurfaceModel, history: SurfaceHistory, row: int, n: int, days: int, seed: int
) -> tuple[paths.SurfacePaths, path_stability.Stability | str]:
    """Paths of a generator from a day of a history, and how they compare with it, or why they cannot be compared."""
    return _surface_paths(str(directory), version_of(directory), history.digest, row, n, days, seed, model, history)
