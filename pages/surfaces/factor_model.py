"""Factor models: simulated surface paths, their arbitrage, and what reweighting them costs."""

import numpy as np
import pandas as pd
import streamlit as st

from engine.charts import factor_paths as draw
from engine.charts import penalties, theme
from engine.scenarios import reweighting
from engine.settings import from_dict
from engine.studies import factor_models as study
from pages.surfaces import _factor_model_text as text
from pages.ui import cache, datasets, downloads, forms, frame

BETAS = {"0": 0.0} | {f"1e{k}": 10.0**k for k in range(16)}

frame.header(
    "Factor models", "How do surfaces move over three months, how often can they be arbitraged, and at what β not?"
)
loaded = datasets.pick("surfaces")
history, dark = loaded.data, frame.is_dark()
with st.sidebar.form("factor_model"):
    values = forms.config_fields(study.FactorModelConfig, key="factor_model")
    st.form_submit_button("Simulate", type="primary", icon=":material/play_arrow:")
beta_name = st.sidebar.select_slider("β, weight of the penalty", list(BETAS), "1e2", key="factor_beta", help=text.BETA)
frame.strip(loaded)
with frame.errors("Change the settings in the sidebar."):
    config = from_dict(study.FactorModelConfig, values)
    result = cache.factor_paths(history, config)

paths, beta = result.paths, BETAS[beta_name]
weights = reweighting.weights(paths.penalty, beta)
ess = float(reweighting.effective_sample_size(weights))
presence, published = paths.presence(), study.PUBLISHED_PRESENCE[config.model]
share, error = (
    presence["paths"]["total"],
    np.sqrt(presence["paths"]["total"] * (1 - presence["paths"]["total"]) / len(weights)),
)
frame.metrics(
    [
        (
            "Paths with arbitrage",
            theme.percent(share),
            f"± {theme.percent(error)} · thesis {theme.percent(published['paths']['total'])}",
            text.PRESENCE,
        ),
        (
            "Surfaces with arbitrage",
            theme.percent(presence["surfaces"]["total"]),
            text.surfaces_published(published),
            text.PRESENCE,
        ),
        (
            "φ, mean under β",
            theme.significant(float(weights @ paths.penalty)),
            f"β = 0: {theme.significant(paths.penalty.mean())}",
            text.PHI,
        ),
        ("Effective sample size", theme.count(ess), f"of {theme.count(len(weights))} paths", text.ESS),
        ("KL to raw (nats)", theme.significant(float(reweighting.relative_entropy(weights))), None, text.KL),
    ]
)
frame.honesty(
    f"{len(weights):,} paths of {config.days} days, seed {config.seed}",
    f"parameters: {config.parameters}",
    f"shapes and average surface from {history.fingerprint} ({frame.origin_words(loaded)})",
    text.STYLISED if config.model == "stylised" else "",
)
tables, drawn, cost, long = st.tabs(["Tables", "Paths", "What β costs", "Ten years"])

with tables:
    st.dataframe(text.presence_words(result.presence_table()), hide_index=True)
    downloads.table_buttons(result.presence_table, "arbitrage_presence", key="presence")
    st.dataframe(text.quantile_words(result.quantile_table()), width="stretch")
    downloads.table_buttons(result.quantile_table, "penalty_quantiles", key="quantiles")
    st.dataframe(text.parameters(result.model), hide_index=True)

with drawn:
    kept = weights[: len(paths.log_spot)]
    relative = kept / weights.max()
    left, right = st.columns(2)
    with left:
        spot = float(history.spot[-1]) * np.exp(paths.log_spot)
        frame.chart(draw.weighted_paths(spot, relative, y_title="Spot (index level)"), key="spot_paths")
    with right:
        frame.chart(
            draw.weighted_paths(100 * paths.driver_vol, relative, y_title="Driving ATM vol (% a year)"), key="vols"
        )
    frame.chart(draw.weight_histogram(weights), key="weights")

with cost:
    curve = result.entropy_curve()
    figure = penalties.reweighting_curves(
        curve["beta"],
        curve["relative_entropy"],
        curve["effective_sample_size"],
        n=len(weights),
        current=beta,
        model=draw.MODEL,
        dark=dark,
    )
    frame.chart(figure, key="entropy")
    downloads.table_buttons(result.entropy_curve, "entropy_by_beta", key="entropy")

with long:
    scenario = cache.long_scenario(history, config)
    frame.chart(draw.long_scenario(scenario, dark=dark), key="long")
    if config.model == "spx":
        st.markdown("**Correlation of daily changes** beside the published ones in brackets (Table 2.9)")
        st.dataframe(text.correlation_words(study.correlation_table(scenario)))
    moves = np.diff(np.log(scenario[["spot", "vix"]].to_numpy()), axis=0).T
    if history.vix is not None:
        seen = (history.log_return, np.diff(np.log(history.vix)))
        frame.chart(draw.joint_moves((moves[0], moves[1]), seen, dark=dark), key="joint")
    downloads.table_buttons(lambda: pd.DataFrame(scenario), "ten_year_scenario", key="long")

frame.method(text.METHOD)
