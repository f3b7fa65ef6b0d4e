"""What pages share and keep between reruns (``st.cache_*``), keyed by digests and never by sampled hashes.

Everything kept is read-only and the same for every session; no user state. What one page alone keeps stands in its own
package.
"""

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
from engine.market.quotes import OptionQuotes
from engine.market.surface_history import SurfaceHistory
from engine.models import rollout as paths
from engine.models.surface_model import SurfaceModel
from engine.runs import checkpoints, studies
from engine.scenarios.scenario_set import ScenarioSet
from engine.studies.surfaces import dynamics as surface_dynamics_study
from engine.studies.surfaces import factor_models
from engine.surfaces import arbitrage, arbitrage_report, smoothing, vix

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


# --- what is worked out of a history of surfaces ----------------------------------------------------------------------


@st.cache_resource(max_entries=12, show_spinner=False)
def _history_penalty(digest: str, _history: SurfaceHistory) -> np.ndarray:
    return arbitrage.total_penalty(_history.iv, _history.grid, _history.rate)


def history_penalty(history: SurfaceHistory) -> np.ndarray:
    """``(n,)`` Φ of every day of a history."""
    return _history_penalty(history.digest, history)


@st.cache_resource(max_entries=12, show_spinner="Checking every day for arbitrage …")
def _decomposition(digest: str, _history: SurfaceHistory) -> arbitrage_report.Decomposition:
    return arbitrage_report.decompose_history(_history)


def decomposition(history: SurfaceHistory) -> arbitrage_report.Decomposition:
    """Φ of every day of a history and its parts."""
    return _decomposition(history.digest, history)


@st.cache_resource(max_entries=24, show_spinner="Adding noise …")
def _noise(
    digest: str, row: int, draws: int, sd: float, seed: int, _history: SurfaceHistory
) -> arbitrage_report.Decomposition:
    rng = np.random.default_rng(seed)
    rate = float(_history.rate[row])
    return arbitrage_report.noise_experiment(_history.iv[row], _history.grid, draws=draws, sd=sd, rate=rate, rng=rng)


def noise_experiment(
    history: SurfaceHistory, row: int, draws: int, sd: float, *, seed: int
) -> arbitrage_report.Decomposition:
    """The noise experiment on one day's surface."""
    return _noise(history.digest, row, draws, sd, seed, history)


@st.cache_resource(max_entries=6, show_spinner="Simulating paths: about half a minute for 100,000 …", show_time=True)
def _factor_paths(
    digest: str, config: factor_models.FactorModelConfig, _history: SurfaceHistory
) -> factor_models.FactorModelResult:
    return factor_models.run(_history, config)


def factor_paths(history: SurfaceHistory, config: factor_models.FactorModelConfig) -> factor_models.FactorModelResult:
    """Paths of a factor model on a history's grid."""
    return _factor_paths(history.digest, config, history)


@st.cache_resource(max_entries=6, show_spinner="Simulating ten years …")
def _long_scenario(digest: str, config: factor_models.FactorModelConfig, _history: SurfaceHistory) -> pd.DataFrame:
    model = factor_models.build(_history, config)
    return factor_models.long_scenario(model, _history, seed=config.seed)


def long_scenario(history: SurfaceHistory, config: factor_models.FactorModelConfig) -> pd.DataFrame:
    """Ten simulated years of spot, VIX, ATM and realised vol."""
    return _long_scenario(history.digest, config, history)


@st.cache_resource(max_entries=12, show_spinner="Finding the components …")
def _surface_dynamics(
    digest: str, config: surface_dynamics_study.SurfaceDynamicsConfig, _history: SurfaceHistory
) -> surface_dynamics_study.SurfaceDynamicsResult:
    return surface_dynamics_study.run(_history, config)


def surface_dynamics(
    history: SurfaceHistory, config: surface_dynamics_study.SurfaceDynamicsConfig
) -> surface_dynamics_study.SurfaceDynamicsResult:
    """Components, factors, their reversion and what moves with them, of a history."""
    return _surface_dynamics(history.digest, config, history)


# --- quotes -----------------------------------------------------------------------------------------------------------


@st.cache_resource(max_entries=24, show_spinner="Building the surface …")
def _quote_surface(
    id: str,
    version: str,
    grid: Grid,
    bandwidth: tuple[float, float] | None,
    method: str,
    day: np.datetime64,
    previous: np.datetime64 | None,
    rates: smoothing.RateSource,
    keep_untraded: bool,
    _quotes: OptionQuotes,
) -> smoothing.Construction:
    return smoothing.surface_from_quotes(
        _quotes, grid, bandwidth, method, day=day, previous=previous, rates=rates, keep_untraded=keep_untraded
    )


def quote_surface(
    loaded: datasets.Loaded,
    grid: Grid,
    bandwidth: tuple[float, float] | None,
    method: str,
    *,
    day: np.datetime64,
    previous: np.datetime64 | None,
    rates: smoothing.RateSource,
    keep_untraded: bool,
) -> smoothing.Construction:
    """The surface of one day of quotes.

    Raises:
        MarketDataError: if the day cannot carry one.
    """
    entry = loaded.entry
    return _quote_surface(
        entry.id, entry.version, grid, bandwidth, method, day, previous, rates, keep_untraded, loaded.data
    )


@st.cache_resource(max_entries=24, show_spinner="Adding up the VIX …")
def _quoted_vix(id: str, version: str, day: np.datetime64, _quotes: OptionQuotes) -> vix.QuotedVix | str:
    try:
        return vix.from_quotes(_quotes, day=day)
    except MarketDataError as error:
        return str(error)


def quoted_vix(loaded: datasets.Loaded, day: np.datetime64) -> vix.QuotedVix | str:
    """VIX of one day of quotes, or the sentence that says why there is none."""
    return _quoted_vix(loaded.entry.id, loaded.entry.version, day, loaded.data)


# --- finished studies -------------------------------------------------------------------------------------------------


@st.cache_resource(max_entries=128, show_spinner=False)  # a study has up to 43
def _study_table(directory: str, created: str, name: str, _result: studies.StudyResult) -> pd.DataFrame:
    return _result.table(name)


def study_table(result: studies.StudyResult, name: str) -> pd.DataFrame:
    """One table of a finished study."""
    return _study_table(str(result.directory), result.created, name, result)


@st.cache_resource(max_entries=12, show_spinner=False)
def _study_arrays(directory: str, created: str, name: str, _result: studies.StudyResult) -> dict[str, np.ndarray]:
    return _result.arrays(name)


def study_arrays(result: studies.StudyResult, name: str) -> dict[str, np.ndarray]:
    """The arrays of one checkpointer of a finished study."""
    return _study_arrays(str(result.directory), result.created, name, result)
