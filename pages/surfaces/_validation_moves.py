"""Sections of the validation about co-movements: correlation over time, components, tails."""

import pandas as pd
import streamlit as st

from engine.charts import theme
from engine.charts import validation as draw
from engine.charts.validation import NAMES, eigen_surfaces
from engine.runs.studies import StudyResult
from pages.surfaces._validation_table import show
from pages.ui import cache, frame, pictures

LAWS = ("volgan", "fhs", "truth", "bce")


def correlation(result: StudyResult) -> str:
    """Daily correlation of simulated return and at-the-money increment against a constant one."""
    daily, test = cache.study_table(result, "correlation_by_day"), cache.study_table(result, "correlation_test")
    there = [name for name in LAWS if name in daily.columns]
    figure = pictures.of(draw.correlation_over_time, daily, test, there[:3], dark=frame.is_dark())
    frame.chart(figure, key="validation_correlation")
    row = test.set_index("model").loc["volgan"]
    st.markdown(
        frame.plain(
            f"VolGAN's correlation lies outside the band of a constant one (shaded) on "
            f"{theme.percent(float(row['share_outside']))} of days; 5 % if it were constant ({_p(row['p_value'])}, "
            f"allowing for heavy tails {_p(row['robust_p'])}): {_verdict(row)}."
        )
    )
    return "correlation_test"


def components(result: StudyResult) -> str:
    """Components of simulated histories, and Tables 3.6 to 3.9."""
    shares, angles = cache.study_table(result, "components"), cache.study_table(result, "alignment")
    pairs, dark = cache.study_table(result, "correlations"), frame.is_dark()
    there = [name for name in LAWS if name in set(shares["model"])]
    frame.chart(pictures.of(draw.component_panels, shares, angles, there, dark=dark), key="validation_components")
    if "eigen_surfaces" in result.table_names():  # validations made before there was this table lack it
        st.markdown("**Eigen-surfaces** of the data and of simulated histories, mean over these (Figures 3.13–3.15)")
        eigen = cache.study_table(result, "eigen_surfaces")
        frame.chart(
            pictures.of(eigen_surfaces, eigen, ("data", *there[:2]), dark=frame.is_dark()), key="validation_eigen"
        )
    st.markdown("**Correlations of index, level, at-the-money vol and volatility index** (Tables 3.7–3.9)")
    frame.chart(pictures.of(draw.pair_panels, pairs, there[:3], dark=dark), key="validation_pairs")
    st.markdown("**Correlations of the return with the projections on the data's components** (Table 3.6)")
    show(cache.study_table(result, "return_correlations"), "validation_projections", height=240)
    st.markdown("**Tables 3.7–3.9**")
    return "correlations"


def tails(result: StudyResult) -> str:
    """Histograms on a logarithmic axis, and the tails in numbers."""
    histogram, table = cache.study_table(result, "histogram"), cache.study_table(result, "tails")
    there = [name for name in ("data", *LAWS, "gaussian") if name in histogram.columns]
    series = st.segmented_control(
        "Quantity",
        list(dict.fromkeys(histogram["series"])),
        default="return",
        required=True,
        key="validation_tail_series",
        format_func=lambda name: {"return": "Index return", "ATM increment": "At-the-money increment"}[name],
    )
    figure = pictures.of(draw.tails, histogram, str(series), there, dark=frame.is_dark())
    frame.chart(figure, key="validation_tails")
    part = table[table["series"] == series].set_index("model")
    words = "; ".join(
        f"{NAMES[name]} {theme.signed(float(part.loc[name, 'skewness']), '+.2f')} and "
        f"{float(part.loc[name, 'left_cv']):.2f}/{float(part.loc[name, 'right_cv']):.2f}"
        for name in ("data", "volgan", "fhs", "truth")
        if name in part.index
    )
    st.markdown(
        frame.plain(
            f"Skewness, and coefficient of variation of the left/right tail (1 exponential, 0.89 Gaussian): {words}."
        )
    )
    return "tails"


def _p(value: float) -> str:
    return "p < 0.001" if value < 0.001 else f"p {theme.significant(float(value))}"


def _verdict(row: pd.Series) -> str:
    """Whether the correlation moves, and whether by enough to matter."""
    if row["robust_p"] >= 0.05:
        return "no sign that it moves"
    spread = theme.significant(float(row["sd_over_days"]))
    much = "it moves from day to day" if row["sd_over_days"] >= 0.01 else "it moves, but by next to nothing"
    return f"{much} (standard deviation over days {spread})"
