"""Sections of the validation about training: the discriminator's scores, and gradient-norm matching."""

import streamlit as st

from engine.charts import theme
from engine.charts import validation as draw
from engine.runs.studies import StudyResult
from pages.ui import cache, frame, pictures


def scores(result: StudyResult) -> str:
    """Scores over time, and the days that the discriminator finds least like the others."""
    daily = cache.study_table(result, "scores")
    summary = cache.study_table(result, "score_summary").set_index(["model", "part"])
    frame.chart(pictures.of(draw.scores_over_time, daily, dark=frame.is_dark()), key="validation_scores")
    test = daily[daily["part"] == "test"]
    large = test["size"] > daily.loc[daily["part"] == "train", "size"].quantile(0.99)
    flagged, of_large = float(test["extreme"].mean()), float(test.loc[large, "extreme"].mean()) if large.any() else 0.0
    with_size = float(summary.loc[("volgan", "test"), "correlation_with_size"])
    spread = float(summary.loc[("volgan", "test"), "sd"])
    st.markdown(
        frame.plain(
            f"{theme.percent(flagged)} of the days out of sample score below the 1 % quantile in sample, and "
            f"{theme.percent(of_large)} of the {int(large.sum()):,} days that moved by more than 99 % of those in "
            f"sample: {_verdict(flagged, of_large)}. Scores spread by {theme.significant(spread)} around ½ (published: "
            f"below 0.2 at the start of the pandemic); their rank correlation with the size of moves is "
            f"{theme.signed(with_size, '.2f')}."
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
    frame.chart(pictures.of(draw.gradient_norms, norms, dark=frame.is_dark()), key="validation_matching")
    last = norms.groupby("term", sort=False)["norm"].agg(["first", "last"])
    words = ", ".join(
        f"{term} {theme.significant(row['first'])} → {theme.significant(row['last'])}" for term, row in last.iterrows()
    )
    st.markdown(frame.plain(f"Norms from the first to the last update: {words}."))
    st.markdown("**Coefficients of the smoothness terms**")
    return "coefficients"


def _verdict(flagged: float, of_large: float) -> str:
    """A detector of extreme days scores large moves low much more often than others."""
    if of_large >= 0.5:
        return "low scores find most of the large moves"
    if of_large >= 0.1 and of_large > 3 * flagged:
        return "low scores find some of the large moves"
    return "low scores do not find the large moves"
