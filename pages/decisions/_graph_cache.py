"""What the graph page keeps between runs of its script, keyed by the study and never by sampled hashes."""

from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from engine.charts import graph
from engine.runs import studies
from engine.studies.graph import live as graph_live
from engine.studies.graph.live import Live


@st.cache_resource(max_entries=6, show_spinner="Reading the graphs …")
def _arrays(directory: str, created: str, name: str) -> dict[str, Any]:
    return studies.read(Path(directory)).arrays(name)


def graphs(result: studies.StudyResult) -> dict[str, np.ndarray]:
    """Weighting → ``(assets, generators)`` weights.

    Raises:
        CheckpointError: if the study does not hold them.
    """
    return _arrays(str(result.directory), result.created, "graphs")


@st.cache_resource(max_entries=3, show_spinner="Reading what graphs are learned from …")
def _live(directory: str, created: str) -> Live:
    return graph_live.restore(studies.read(Path(directory)).arrays("live"))


def live(result: studies.StudyResult) -> Live:
    """What learns graphs with another η.

    Raises:
        CheckpointError: if the study does not hold it.
    """
    return _live(str(result.directory), result.created)


@st.cache_resource(max_entries=64, show_spinner="Learning the graph …")
def _learned(directory: str, created: str, method: str, eta: float, _live: Live) -> np.ndarray:
    return _live.weights(method, eta)


def learned(result: studies.StudyResult, method: str, eta: float) -> np.ndarray:
    """The graph of a method with any η."""
    return _learned(str(result.directory), result.created, method, eta, live(result))


@st.cache_resource(max_entries=64, show_spinner="Laying out the nodes …")
def _positions(key: str, layout: str, _weights: np.ndarray, _sectors: tuple[str, ...]) -> np.ndarray:
    return graph.positions(_weights, _sectors, layout)  # type: ignore[arg-type]


def positions(key: str, layout: str, weights: np.ndarray, sectors: tuple[str, ...]) -> np.ndarray:
    """Places of the nodes of the graph known by ``key``."""
    return _positions(key, layout, weights, sectors)
