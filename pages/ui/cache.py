"""What pages share and keep between reruns (``st.cache_*``), keyed by digests and never by sampled hashes.

Everything kept is read-only and the same for every session; no user state. What one page alone keeps stands in its own
package.
"""

import functools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from engine import datasets
from engine.errors import MarketDataError
from engine.evaluation import path_stability
from engine.market.grid import Grid
from engine.market.surface_history import SurfaceHistory
from engine.models import rollout as paths
from engine.models.surface_model import SurfaceModel
from engine.runs import checkpoints, studies
from engine.scenarios.scenario_set import ScenarioSet
from engine.studies.surfaces import dynamics as surface_dynamics_study
from engine.studies.surfaces import factor_models
from engine.surfaces import arbitrage, arbitrage_report, smoothing, vix


def version_of(directory: Path) -> str:
    """Changes whenever the weights of a run are written."""
    try:
        stat = (directory / checkpoints.WEIGHTS).stat()
    except OSError:
        return "none"
    return f"{stat.st_mtime_ns}-{stat.st_size}"


keep = functools.partial(
    st.cache_resource,
    hash_funcs={
        SurfaceHistory: lambda history: history.digest,
        datasets.Loaded: lambda loaded: (loaded.entry.id, loaded.entry.version),
        studies.StudyResult: lambda result: (str(result.directory), result.created),
        type(Path()): lambda directory: (str(directory), version_of(directory)),
    },
)
"""``st.cache_resource`` that knows data by their digests, studies by when they were made, runs by their weights."""

# --- datasets, trained generators, their scenarios and paths ----------------------------------------------------------


@st.cache_resource(max_entries=12, show_spinner="Reading the data …")
def _dataset(id: str, version: str, _read: datasets.Loaded | None = None) -> datasets.Loaded:
    return datasets.load(id) if _read is None else _read


def dataset(entry: datasets.Entry) -> datasets.Loaded:
    """A dataset of the catalogue, read once for all sessions."""
    return _dataset(entry.id, entry.version)


def upload(
    files: Sequence[tuple[str, bytes]], *, kind: datasets.Kind | None = None, reading: Mapping[str, Any] | None = None
) -> datasets.Loaded:
    """Uploaded files, stored and read as :func:`engine.datasets.store_upload` does; :func:`dataset` reads them no more.

    Raises:
        MarketDataError, AmbiguousColumns: as :func:`engine.datasets.store_upload`.
    """
    read = datasets.store_upload(files, kind=kind, reading=reading)
    return _dataset(read.entry.id, read.entry.version, read)


@keep(max_entries=12, show_spinner="Loading the generator …")
def model(directory: Path) -> tuple[SurfaceModel, checkpoints.Card]:
    """A trained model and its card; read again only when its weights change on disk.

    Raises:
        CheckpointError: if the checkpoint cannot be used.
    """
    return checkpoints.load_surface_model(directory)


@keep(max_entries=8, show_spinner="Sampling …")
def scenarios(
    key: str, _model: SurfaceModel, history: SurfaceHistory, row: int, n: int, seed: int
) -> tuple[ScenarioSet, arbitrage.Penalty]:
    """n scenarios of the day after ``row`` and their penalty matrices; moving a β slider never samples again.

    ``key`` is what caches know the generator by.
    """
    condition = history.until(row)
    drawn = _model.sample(condition, n, rng=np.random.default_rng(seed))
    return drawn, arbitrage.penalty(drawn.iv, drawn.grid, float(condition.rate[-1]))


@keep(max_entries=8, show_spinner="Walking the paths …", show_time=True)
def surface_paths(
    key: str, _model: SurfaceModel, history: SurfaceHistory, row: int, n: int, days: int, seed: int
) -> tuple[paths.SurfacePaths, path_stability.Stability | str]:
    """Paths of a generator from a day of a history, and how they compare with it, or why they cannot be compared."""
    condition = history.until(row)
    walked = paths.simulate(_model, condition, n, days, rng=np.random.default_rng(seed))
    try:
        return walked, path_stability.compare(walked, condition)
    except MarketDataError as reason:  # too short to judge, or every path left
        return walked, str(reason)


# --- what is worked out of a history of surfaces ----------------------------------------------------------------------


@keep(max_entries=12, show_spinner=False)
def history_penalty(history: SurfaceHistory) -> np.ndarray:
    """``(n,)`` Φ of every day of a history."""
    return arbitrage.total_penalty(history.iv, history.grid, history.rate)


@keep(max_entries=12, show_spinner="Checking every day for arbitrage …")
def decomposition(history: SurfaceHistory) -> arbitrage_report.Decomposition:
    """Φ of every day of a history and its parts."""
    return arbitrage_report.decompose_history(history)


@keep(max_entries=24, show_spinner="Adding noise …")
def noise_experiment(
    history: SurfaceHistory, row: int, draws: int, sd: float, *, seed: int
) -> arbitrage_report.Decomposition:
    """The noise experiment on one day's surface."""
    rng, rate = np.random.default_rng(seed), float(history.rate[row])
    return arbitrage_report.noise_experiment(history.iv[row], history.grid, draws=draws, sd=sd, rate=rate, rng=rng)


@keep(max_entries=6, show_spinner="Simulating paths: about half a minute for 100,000 …", show_time=True)
def factor_paths(history: SurfaceHistory, config: factor_models.FactorModelConfig) -> factor_models.FactorModelResult:
    """Paths of a factor model on a history's grid."""
    return factor_models.run(history, config)


@keep(max_entries=6, show_spinner="Simulating ten years …")
def long_scenario(history: SurfaceHistory, config: factor_models.FactorModelConfig) -> pd.DataFrame:
    """Ten simulated years of spot, VIX, ATM and realised vol."""
    return factor_models.long_scenario(factor_models.build(history, config), history, seed=config.seed)


@keep(max_entries=12, show_spinner="Finding the components …")
def surface_dynamics(
    history: SurfaceHistory, config: surface_dynamics_study.SurfaceDynamicsConfig
) -> surface_dynamics_study.SurfaceDynamicsResult:
    """Components, factors, their reversion and what moves with them, of a history."""
    return surface_dynamics_study.run(history, config)


# --- quotes -----------------------------------------------------------------------------------------------------------


@keep(max_entries=24, show_spinner="Building the surface …")
def quote_surface(
    loaded: datasets.Loaded,
    grid: Grid,
    bandwidth: tuple[float, float] | None,
    method: str,
    *,
    forward_moneyness: bool,
    day: np.datetime64,
    previous: np.datetime64 | None,
    rates: smoothing.RateSource,
    keep_untraded: bool,
) -> smoothing.Construction:
    """The surface of one day of quotes.

    Raises:
        MarketDataError: if the day cannot carry one.
    """
    return smoothing.surface_from_quotes(
        loaded.data,
        grid,
        bandwidth,
        method,
        forward_moneyness=forward_moneyness,
        day=day,
        previous=previous,
        rates=rates,
        keep_untraded=keep_untraded,
    )


@keep(max_entries=24, show_spinner="Adding up the VIX …")
def quoted_vix(loaded: datasets.Loaded, day: np.datetime64) -> vix.QuotedVix | str:
    """VIX of one day of quotes, or the sentence that says why there is none."""
    try:
        return vix.from_quotes(loaded.data, day=day)
    except MarketDataError as error:
        return str(error)


# --- finished studies -------------------------------------------------------------------------------------------------


@keep(max_entries=128, show_spinner=False)  # a study has up to 43
def study_table(result: studies.StudyResult, name: str) -> pd.DataFrame:
    """One table of a finished study."""
    return result.table(name)


@keep(max_entries=12, show_spinner=False)
def study_arrays(result: studies.StudyResult, name: str) -> dict[str, np.ndarray]:
    """The arrays of one checkpointer of a finished study."""
    return result.arrays(name)
