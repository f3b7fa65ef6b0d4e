"""Factor models: simulated surface paths, their arbitrage, and what reweighting them costs."""

import numpy as np
import streamlit as st

from engine.charts import theme
from engine.scenarios import reweighting
from engine.settings import from_dict
from engine.studies.surfaces import factor_models as study
from pages.surfaces import _factor_model_tabs as tabs
from pages.surfaces import _factor_model_text as text
from pages.ui import cache, datasets, forms, frame

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
            "Days with arbitrage",
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
        (
            "KL to raw (nats)",
            theme.significant(float(reweighting.relative_entropy(weights))),
            f"at most {np.log(len(weights)):.1f}",
            text.KL,
        ),
    ]
)
frame.provenance(
    f"{len(weights):,} paths of {config.days} days, seed {config.seed}",
    f"parameters: {text.PARAMETERS[config.parameters]}",
    f"effective sample size {theme.count(ess)} at β = {beta_name}",
    f"shapes and average surface from {history.fingerprint} ({frame.origin_words(loaded)})",
    text.STYLISED if config.model == "stylised" else "",
)
view = tabs.View(history, config, result, weights, beta, dark)
drawn = {"Tables": tabs.tables, "Paths": tabs.paths, "What β costs": tabs.cost, "Ten years": tabs.ten_years}
for tab, show in zip(st.tabs(list(drawn), key="factor_tab", on_change="rerun"), drawn.values(), strict=True):
    if tab.open:
        with tab:
            show(view)
frame.command(text.command(loaded.entry.id, config))
frame.method(text.METHOD)
