"""Tables and arrays of finished studies."""

import numpy as np
import pandas as pd
import streamlit as st

from engine.runs import studies


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
