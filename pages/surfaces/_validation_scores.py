"""Sections of the validation about training: the discriminator's scores, and gradient-norm matching."""

import streamlit as st

from engine.charts import theme
from engine.charts import validation_scores as draw
from engine.runs.studies import StudyResult
from pages.ui import cache, frame


def scores(result: StudyResult) -> str:
    """Scores over time, and the days that the discriminator finds least like the others."""
    daily = cache.study_table(result, "scores")
    summary = cache.study_table(result, "score_summary").set_index(["model", "part"])
    frame.chart(draw.scores_over_time(daily, dark=frame.is_dark()), key="validation_scores")
    test = daily[daily["part"] == "test"]
    with_size = float(summary.loc[("volgan", "test"), "correlation_with_size"])
    spread = float(summary.loc[("volgan", "test"), "sd"])
    st.markdown(
        frame.plain(
            f"{theme.percent(float(test['extreme'].mean()))} of the days out of sample score below the 1 % quantile in "
            f"sample (published: scores below 0.2 at the start of the pandemic). Scores spread by "
            f"{theme.significant(spread)} around ½; their rank correlation with the size of the day's move is "
            f"{theme.signed(with_size, '.2f')}: {_verdict(with_size)}."
        )
    )
    st.markdown("**Days of lowest score, and what moved on them** (in standard deviations of the training part)")
    return "extreme_days"


def matching(result: StudyResult) -> str:
    """Gradient norms during matching and the coefficients they gave."""
    norms = cache.study_table(result, "matching")
    if norms.empty:
        st.info("The checkpoint of this generator holds no gradient norms.", icon=":material/info:")
        return "coefficients"
    frame.chart(draw.gradient_norms(norms, dark=frame.is_dark()), key="validation_matching")
    last = norms.groupby("term", sort=False)["norm"].agg(["first", "last"])
    words = ", ".join(
        f"{term} {theme.significant(row['first'])} → {theme.significant(row['last'])}" for term, row in last.iterrows()
    )
    st.markdown(frame.plain(f"Norms from the first to the last update: {words}."))
    st.markdown("**Coefficients of the smoothness terms**")
    return "coefficients"


def _verdict(with_size: float) -> str:
    """A detector of extreme days scores large moves low."""
    if with_size < -0.3:
        return "low scores mark large moves"
    if with_size < -0.1:
        return "low scores mark large moves, weakly"
    return "low scores do not mark large moves here"
