"""The answer of the validation before any picture: figures with their comparison, and where the model is wrong."""

import pandas as pd
import streamlit as st

from engine.charts import theme
from engine.runs.studies import StudyResult
from pages.surfaces import _validation_text as text
from pages.ui import cache, frame


def answer(result: StudyResult) -> None:
    """Metrics, the honesty line, and one plain sentence a law."""
    penalty = cache.study_table(result, "penalty").set_index(["model", "statistic"])["value"]
    coverage = cache.study_table(result, "coverage")
    crps = cache.study_table(result, "crps").set_index(["model", "series"])
    summary = cache.study_table(result, "score_summary").set_index(["model", "part"])
    seeds = int(summary.loc[("volgan", "test"), "seeds"])
    days = int(summary.loc[("volgan", "test"), "days"])
    bands = cache.study_table(result, "bands").set_index(["series", "model"]).loc["all"]
    band = bands["inside"]
    ratio = crps.loc[("volgan", "S")]
    frame.metrics(
        [
            (
                "Days inside the 95 % bands",
                theme.percent(band["volgan"]),
                f"FHS {theme.percent(band['fhs'])} · nominal 95 %",
                "Raw scenarios, averaged over the followed series. FHS: filtered historical simulation."
                + text.published_inside(coverage, "volgan"),
            ),
            (
                "… after reweighting",
                theme.percent(band["volgan_reweighted"]),
                f"raw {theme.percent(band['volgan'])}",
                "Under β = 500/max Φ, the published choice." + text.published_inside(coverage, "volgan_reweighted"),
            ),
            (
                "Return: CRPS over FHS's",
                f"{float(ratio['ratio']):.2f}",
                "below 1 is better than FHS",
                "Ratio of the mean continuous ranked probability scores of the next-day return.",
            ),
            (
                "Mean Φ, raw",
                _phi(penalty["volgan", "mean"]),
                f"data {_phi(penalty['data', 'mean'])} · BCE alone {_phi(penalty['bce', 'mean'])}",
                "Published on SPX: raw 0.0199, data 0.0096, adversarial loss (BCE) alone 2.4635.",
            ),
        ]
    )
    frame.provenance(
        f"{days:,} days out of sample",
        f"{seeds} network{'s' if seeds > 1 else ''} from different seeds, "
        f"{int(result.settings['scenarios']):,} scenarios a day each",
        f"{result.data['name']}, {result.data['period'][0]} to {result.data['period'][1]}",
        f"data {str(result.data['digest'])[:12]}",
    )
    if seeds > 1:
        phi = penalty_row(result)
        frame.provenance(
            f"95 % intervals over seeds: raw bands {text.between(bands.loc['volgan'], 'seeds')}, reweighted "
            f"{text.between(bands.loc['volgan_reweighted'], 'seeds')}, CRPS ratio {float(ratio['seeds_low']):.2f} to "
            f"{float(ratio['seeds_high']):.2f}, Φ {_phi(max(0.0, float(phi['seeds_low'])))} to "
            f"{_phi(float(phi['seeds_high']))}",
            f"over test days: raw bands {text.between(bands.loc['volgan'], 'days')}, FHS "
            f"{text.between(bands.loc['fhs'], 'days')}",
        )
    models = [name for name in ("volgan", "volgan_reweighted", "fhs", "truth") if name in set(coverage["model"])]
    with st.container(border=True):
        st.markdown("**Where the model is wrong**")
        for model in models:
            wrong = bool(text.wrong_series(coverage, model))
            icon = ":material/warning:" if wrong else ":material/check_circle:"
            st.markdown(f"{icon} {frame.plain(text.verdict(coverage, model))}")
        st.caption(
            frame.plain(
                "A quantile counts as rejected if Kupiec's test rejects it at 5 % for at least half of the networks. "
                f"Of {4 * coverage['series'].nunique()} quantiles a right law has about "
                f"{0.2 * coverage['series'].nunique():.1f} rejected by chance."
            )
        )


def penalty_row(result: StudyResult) -> pd.Series:
    """The line of Table 3.1 with VolGAN's mean Φ."""
    table = cache.study_table(result, "penalty")
    return table[(table["model"] == "volgan") & (table["statistic"] == "mean")].iloc[0]


def _phi(value: float) -> str:
    """Φ with two digits; what rounding leaves of a surface without arbitrage is zero."""
    return theme.significant(float(value)) if value > 1e-12 else "0"
