"""Dynamics: the few movements behind a surface's daily changes, how they revert, and how they go with returns."""

from functools import partial

import pandas as pd
import streamlit as st

from engine.charts import dynamics as draw
from engine.charts import surfaces
from engine.settings import from_dict
from engine.studies.surfaces.dynamics import SurfaceDynamicsConfig
from pages.surfaces import _dynamics_downloads as downloadable
from pages.surfaces import _dynamics_tables as tables
from pages.surfaces import _dynamics_text as text
from pages.surfaces._dynamics_method import METHOD
from pages.ui import cache, datasets, downloads, forms, frame, pictures, surface_picture, widths

frame.header("Dynamics", "In which few ways do these surfaces move, how fast do they return, and what moves with them?")
loaded = datasets.pick("surfaces")
history, dark = loaded.data, frame.is_dark()
with st.sidebar.form("dynamics"):
    values = forms.config_fields(SurfaceDynamicsConfig, key="dynamics")
    st.form_submit_button("Compute", type="primary", icon=":material/play_arrow:")
frame.strip(loaded)
with frame.errors("Choose another dataset or other settings in the sidebar."):
    config = from_dict(SurfaceDynamicsConfig, values)
    result = cache.surface_dynamics(history, config)
found, names = result.components, result.components.names

frame.metrics(text.metrics(result))
frame.provenance(
    f"{len(history):,} days, in sample",
    text.first_interval(result),
    f"intervals from {config.draws:,} resamples of {config.block}-day blocks, seed {config.seed}",
    frame.origin_words(loaded),
    "published figures: SPX 2000–2021",
    f"data {history.fingerprint}",
)
for note in result.notes:
    st.info(frame.plain(note), icon=":material/info:")

labels = ("Average surface", "Components", "Factors", "Mean reversion", "Returns", "Realised and implied")
opened = dict(zip(labels, st.tabs(labels, key="dynamics_tab", on_change="rerun"), strict=True))


def save(make: partial[pd.DataFrame], name: str) -> None:
    downloads.table_buttons(make, name, key=name)


if (tab := opened["Average surface"]).open:
    with tab:
        sight = surface_picture.controls(*st.columns([10, 3], vertical_alignment="bottom"), key="dynamics")
        surface_picture.draw(found.average, history.grid, sight, key="dynamics", dark=dark)
        frame.chart(pictures.of(surfaces.smile_slices, found.average, history.grid, dark=dark), key="average_smiles")
        save(partial(downloadable.long_surface, found.average, history.grid, "average_iv"), "average_surface")

if (tab := opened["Components"]).open:
    with tab:
        left, right = widths.columns(2)
        table = result.explained_table()
        with left:
            published = table["published_share"]
            figure = pictures.of(
                draw.explained_shares, table["share"], result.share_interval, published, names, dark=dark
            )
            frame.chart(figure, key="shares")
        with right:
            frame.chart(
                pictures.of(draw.correlation_spectrum, found.correlation_eigenvalues, found.edge), key="spectrum"
            )
        st.dataframe(tables.explained(result), hide_index=True)
        save(partial(result.explained_table), "explained_variance")
        frame.chart(pictures.of(draw.eigen_surfaces, found, dark=dark), key="eigen_surfaces")
        save(partial(downloadable.long_vectors, result), "eigen_surfaces")

if (tab := opened["Factors"]).open:
    with tab:
        frame.chart(pictures.of(draw.factor_processes, result.dates, found.factors, names, dark=dark), key="factors")
        save(partial(downloadable.factor_table, result), "factors")

if (tab := opened["Mean reversion"]).open:
    with tab:
        st.dataframe(tables.reversion(result), hide_index=True)
        save(partial(result.reversion_table), "mean_reversion")
        if result.truth is not None:
            st.markdown("**Against the truth**: these surfaces come from the simulated market, whose law is known.")
            st.dataframe(tables.recovery(result), hide_index=True)
        factor = st.segmented_control(
            "Factor", range(len(names)), default=0, format_func=text.factor_name(names), key="dynamics_factor"
        )
        with frame.errors("Choose another factor."):
            memory, fit = result.autocorrelation(factor or 0), result.fits[factor or 0]
        left, right = widths.columns(2)
        with left:
            frame.chart(pictures.of(draw.autocorrelations, memory, fit, dark=dark), key="acf")
        with right:
            frame.chart(pictures.of(draw.partial_autocorrelations, memory, dark=dark), key="pacf")

if (tab := opened["Returns"]).open:
    with tab:
        st.dataframe(tables.correlations(result), hide_index=True)
        save(partial(result.correlation_table), "return_correlation")
        long_term = result.correlation_table()["correlation"]
        figure = pictures.of(
            draw.rolling_correlations, result.dates[1:], result.rolling, names, long_term, window=config.window
        )
        frame.chart(figure, key="rolling")

if (tab := opened["Realised and implied"]).open and result.vols is not None:
    with tab:
        st.dataframe(tables.ratios(result), hide_index=True)
        save(partial(result.ratio_table), "vol_ratios")
        frame.chart(pictures.of(draw.vol_lines, result.dates, result.vols, dark=dark), key="vols")
        frame.chart(pictures.of(draw.vol_ratios, result.dates, result.vols), key="ratios")
frame.command(text.command(loaded.entry.id, config))
frame.method(METHOD)
