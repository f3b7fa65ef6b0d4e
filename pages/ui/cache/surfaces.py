"""What pages work out of a history of surfaces."""

import numpy as np
import pandas as pd
import streamlit as st

from engine.market.surface_history import SurfaceHistory
from engine.studies.surfaces import dynamics as surface_dynamics_study
from engine.studies.surfaces import factor_models
from engine.surfaces import arbitrage, arbitrage_report


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
