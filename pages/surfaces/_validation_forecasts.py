"""Sections of the validation about forecasts: calibration, bands over time, penalties."""

import numpy as np
import streamlit as st

from engine.charts import theme
from engine.charts import validation as draw
from engine.runs.studies import StudyResult
from engine.studies.volgan import BANDS
from pages.surfaces._validation_table import show
from pages.ui import cache, frame, pictures, widths

LAWS = ("volgan", "volgan_reweighted", "fhs", "truth", "bce")


def calibration(result: StudyResult) -> str:
    """Exceedances of every series, and where each vol was read off."""
    table = cache.study_table(result, "coverage")
    there = [name for name in LAWS if name in set(table["model"])]
    shown = st.multiselect(
        "Laws", there, there[:4], format_func=lambda name: draw.NAMES[name], key="validation_laws", help=_LAWS_HELP
    )
    published = st.toggle("Show the thesis's figures (SPX, 2018 to 2023)", key="validation_published")
    if shown:
        figure = pictures.of(draw.exceedances, table, shown, published=published, dark=frame.is_dark())
        frame.chart(figure, key="validation_exceedances")
    moved = cache.study_table(result, "series")
    moved = moved[~moved["exact"]]
    if len(moved):
        stands = moved.groupby("followed_at", sort=False)["wanted"].agg(", ".join)
        words = "; ".join(f"{at} stands for {wanted}" for at, wanted in stands.items())
        st.caption(frame.plain(f"The grid of the data is narrower than the thesis's: {words}."))
    st.markdown("**Score of each series beside filtered historical simulation's**")
    show(cache.study_table(result, "crps"), "validation_crps", height=240)
    st.markdown("**Tables 3.2 and 3.3**")
    return "coverage"


def bands(result: StudyResult) -> str:
    """95 % bands over time of one series, raw, reweighted and the baseline's."""
    arrays = cache.study_arrays(result, BANDS)
    table = cache.study_table(result, "coverage")
    dates = np.asarray(cache.study_table(result, "penalty_by_day")["date"])
    series = list(dict.fromkeys(table["series"]))
    names = [*series[:1], *series[2:], series[1]]
    left, right = widths.columns(2)
    name = left.selectbox(
        "Series", names, format_func=lambda name: SPOKEN.get(name, f"{name} vol"), key="validation_series"
    )
    there = [law for law in LAWS if law in arrays]
    laws = right.multiselect("Bands", there, there[:2], format_func=lambda law: draw.NAMES[law], key="validation_bands")
    factor, unit = {"S": (1e4, "bp"), "VIX": (1.0, "points")}.get(name, (100.0, "% a year"))
    s = series.index(name)
    figure = pictures.of(
        draw.bands_over_time,
        dates,
        factor * arrays["realised"][:, s],
        {law: factor * arrays[law][:, :, s] for law in laws},
        title=SPOKEN.get(name, f"{name} vol"),
        unit=unit,
        dark=frame.is_dark(),
    )
    frame.chart(figure, key="validation_bands_chart")
    if name == "S":
        last = len(dates) - 1
        ends = ", ".join(
            f"{draw.NAMES[law]} {_level(arrays, law, last, 1)} … {_level(arrays, law, last, 2)}" for law in laws
        )
        st.caption(
            frame.plain(f"As levels, for {dates[last]}: {ends}; the index came to {_level(arrays, None, last, 0)}.")
        )
    return "coverage"


def penalty(result: StudyResult) -> str:
    """Φ over time and Table 3.1."""
    daily = cache.study_table(result, "penalty_by_day")
    there = [name for name in ("data", *LAWS) if name in daily.columns]
    shown = st.multiselect(
        "Laws",
        there,
        [name for name in there if name in ("data", "volgan", "volgan_reweighted")],
        format_func=lambda name: draw.NAMES[name],
        key="validation_penalty_laws",
    )
    if shown:
        frame.chart(pictures.of(draw.penalties_over_time, daily, shown, dark=frame.is_dark()), key="validation_penalty")
    left = float(daily["effective_share"].mean())
    st.caption(
        frame.plain(
            f"Reweighting leaves on average {theme.percent(left)} of the scenarios of a day in effect, on its worst "
            f"day {theme.percent(float(daily['effective_share'].min()))}."
        )
    )
    st.markdown("**Table 3.1**")
    return "penalty"


def _level(arrays: dict[str, np.ndarray], law: str | None, day: int, position: int) -> str:
    log_return = arrays["realised"][day, 0] if law is None else arrays[law][position, day, 0]
    return f"{float(arrays['spot'][day]) * float(np.exp(log_return)):,.2f}"


SPOKEN = {"S": "Index: daily log-return", "VIX": "Volatility index"}

_LAWS_HELP = "Raw: scenarios as drawn. Reweighted: under β = 500/max Φ. The dashed line is where the share should be."
