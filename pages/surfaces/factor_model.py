"""Factor models: simulated surface paths, their arbitrage, and what reweighting them costs."""

import numpy as np
import streamlit as st

from engine.charts import theme
from engine.scenarios import reweighting
from engine.settings import from_dict
from engine.studies.surfaces import factor_models as study
from pages.surfaces import factor_model_page as page
from pages.ui import cache, datasets, forms, frame

BETAS = {"0": 0.0} | {f"1e{k}": 10.0**k for k in range(16)}

frame.header(
    "Factor models", "How do surfaces move over three months, how often can they be arbitraged, and at what β not?"
)
loaded = datasets.pick("surfaces")
history = loaded.data
with st.sidebar.form("factor_model"):
    values = forms.config_fields(study.FactorModelConfig, key="factor_model")
    st.form_submit_button("Simulate", type="primary", icon=":material/play_arrow:")
beta_name = st.sidebar.select_slider("β, weight of the penalty", list(BETAS), "1e2", key="factor_beta", help=page.BETA)
frame.strip(loaded)
with frame.errors("Change the settings in the sidebar."):
    config = from_dict(study.FactorModelConfig, values)
    result = cache.factor_paths(history, config)

paths, beta = result.paths, BETAS[beta_name]
weights = reweighting.weights(paths.penalty, beta)
ess = float(reweighting.effective_sample_size(weights))
presence, published = paths.presence(), study.PUBLISHED_PRESENCE[config.model]
share = presence["paths"]["total"]
error = np.sqrt(share * (1 - share) / len(weights))
frame.metrics(
    [
        (
            "Paths with arbitrage",
            theme.percent(share),
            f"± {theme.percent(error)} · thesis {theme.percent(published['paths']['total'])}",
            page.PRESENCE,
        ),
        (
            "Days with arbitrage",
            theme.percent(presence["surfaces"]["total"]),
            f"thesis {theme.percent(published['surfaces']['total'])}" if "surfaces" in published else None,
            page.PRESENCE,
        ),
        (
            "φ, mean under β",
            theme.significant(float(weights @ paths.penalty)),
            f"β = 0: {theme.significant(paths.penalty.mean())}",
            page.PHI,
        ),
        ("Effective sample size", theme.count(ess), f"of {theme.count(len(weights))} paths", page.ESS),
        (
            "KL to raw (nats)",
            theme.significant(float(reweighting.relative_entropy(weights))),
            f"at most {np.log(len(weights)):.1f}",
            "Relative entropy of the weighted paths to the simulated ones: log N + Σ w log w.",
        ),
    ]
)
frame.provenance(
    f"{len(weights):,} paths of {config.days} days, seed {config.seed}",
    f"parameters: {page.PARAMETERS[config.parameters]}",
    f"effective sample size {theme.count(ess)} at β = {beta_name}",
    f"shapes and average surface from the {frame.origin_words(loaded)}",
    page.STYLISED if config.model == "stylised" else "",
)
view = page.View(history, config, result, weights, beta)
frame.tabs(page.TABS, view, key="factor_tab")
frame.command(page.command(loaded.entry.id, config))
frame.method(frame.prose("surfaces/factor_model_page/method"))
