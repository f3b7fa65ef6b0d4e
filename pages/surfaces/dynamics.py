"""Dynamics: the few movements behind a surface's daily changes, how they revert, and how they go with returns."""

import streamlit as st

from engine.settings import from_dict
from engine.studies.surfaces.dynamics import MISPRINT, SurfaceDynamicsConfig
from pages.surfaces import dynamics_page as page
from pages.ui import cache, datasets, forms, frame

frame.header("Dynamics", "In which few ways do these surfaces move, how fast do they return, and what moves with them?")
loaded = datasets.pick("surfaces")
history = loaded.data
with st.sidebar.form("dynamics"):
    values = forms.config_fields(SurfaceDynamicsConfig, key="dynamics")
    st.form_submit_button("Compute", type="primary", icon=":material/play_arrow:")
frame.strip(loaded)
with frame.errors("Choose another dataset or other settings in the sidebar."):
    config = from_dict(SurfaceDynamicsConfig, values)
    result = cache.surface_dynamics(history, config)

frame.metrics(page.metrics(result))
low, high = 100 * result.share_interval[:, 0]
frame.provenance(
    f"{len(history):,} days, in sample",
    f"first share between {low:.1f} and {high:.1f} % (95 %)",
    f"intervals from {config.draws:,} resamples of {config.block}-day blocks, seed {config.seed}",
    frame.origin_words(loaded),
    "published figures: SPX 2000–2021",
)
for note in result.notes:
    st.info(frame.plain(note), icon=":material/info:")

view = page.View(history, config, result)
frame.tabs(page.TABS, view, key="dynamics_tab")
frame.command(page.command(loaded.entry.id, config))
frame.method(f"{frame.prose('surfaces/dynamics_page/method')}* {MISPRINT}")
