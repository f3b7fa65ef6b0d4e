"""What pages share and keep between reruns (``st.cache_*``), keyed by digests and never by sampled hashes.

Everything kept is read-only and the same for every session; no user state. What one page alone keeps lies beside it in
a module whose name ends in ``_cache``.
"""

from pages.ui.cache.generators import dataset, model, scenarios, surface_paths, version_of
from pages.ui.cache.quotes import quote_surface, quoted_vix
from pages.ui.cache.results import study_arrays, study_table
from pages.ui.cache.surfaces import (
    decomposition,
    factor_paths,
    history_penalty,
    long_scenario,
    noise_experiment,
    surface_dynamics,
)

__all__ = [
    "dataset",
    "decomposition",
    "factor_paths",
    "history_penalty",
    "long_scenario",
    "model",
    "noise_experiment",
    "quote_surface",
    "quoted_vix",
    "scenarios",
    "study_arrays",
    "study_table",
    "surface_dynamics",
    "surface_paths",
    "version_of",
]
