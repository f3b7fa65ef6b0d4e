"""Words and tables of the factor model page."""

import shlex

import numpy as np
import pandas as pd

from engine.charts import theme
from engine.charts.arbitrage_history import NAMES
from engine.studies.factor_models import PUBLISHED_CORRELATIONS, SERIES, FactorModelConfig
from engine.surfaces.factor_model import FactorModel

BETA = "Paths are weighted by exp(−βφ): 0 leaves them as simulated, large β keeps only paths without arbitrage."
PRESENCE = "Share of paths with a violation on the grid on any of their days, and of all simulated days' surfaces."
PHI = "φ sums Φ over the days of a path."
ESS = "How many equally weighted paths the weighted ones are worth: 1/Σw²."
KL = "Relative entropy of the weighted paths to the simulated ones: log N + Σ w log w."
PARAMETERS = {"thesis": "the thesis's Tables 2.2 and 2.6", "estimated": "estimated from these data, in sample"}
STYLISED = "the stylised model's λ are not printed in the thesis: λ1, λ2, λ4 of its Table 2.6 stand in"

METHOD = r"""
$$
\sigma_t(m,\tau)=\bar\sigma(m,\tau)\exp\Big(\sum_i x^i_t f_i(m,\tau)\Big),\qquad
dx^i=\lambda_i(\alpha_i-x^i)\,dt+\gamma_i\,dW^i
$$
$$
dS=\nu\,\sigma_t(1,\tau_S)\,S\,dW^0,\qquad W^0=\sum_i\rho_iW^i+\sqrt{1-\textstyle\sum_i\rho_i^2}\,B
$$

(Cont and Vuletić 2023, 2.22–2.29.) The shapes $f_i$ are the leading principal components of the chosen data's daily
changes of log vol. Factors move by their exact transition
$$
x_{t+\Delta}=\alpha+(x_t-\alpha)e^{-\lambda\Delta}+\gamma\sqrt{(1-e^{-2\lambda\Delta})/2\lambda}\;\xi;
$$
the spot's vol is held over the day. **Weighted Monte Carlo** (Table 2.4): $\varphi=\sum_t\Phi(\sigma_t)$,
$w\propto e^{-\beta\varphi}$; the distance to no-arbitrage is
$\mathrm{KL}(w\,\|\,\text{uniform})=\log N+\sum w\log w$.

**What can go wrong.** The published figures belong to SPX shapes and to the surface of one day; other data give other
ones. The joint density of daily moves is nearly Gaussian in the model: it has neither the data's fat tails nor their
skewness. The index of a narrow grid rests on vols held constant from a tenth of spot beyond its last strikes, and
where no maturity is as short as 30 days on a term structure drawn on in a line. When the effective sample size falls
to a few hundred, quantiles under the weights are noise.
"""


def command(ref: str, config: FactorModelConfig) -> str:
    """The lines that give the page's figures again."""
    study = f"--data={shlex.quote(ref)} --run my_study --set paths={config.paths} --set seed={config.seed}"
    return f"""from engine import datasets
from engine.studies import factor_models

history = datasets.load({ref!r}).data
result = factor_models.run(history, factor_models.{config!r})
print(result.presence_table(), result.quantile_table(), result.entropy_curve())
scenario = factor_models.long_scenario(result.model, history, seed={config.seed})
print(factor_models.correlation_table(scenario))

# every table of the chapter as CSV, in the background if you like:
# python -m engine study surfaces {study}
"""


def joint_words(table: pd.DataFrame) -> pd.DataFrame:
    """Marginals and correlation of daily moves in market units."""

    def interval(row: pd.Series) -> str:
        if np.isnan(row["correlation"]):
            return "none"
        parts = [theme.signed(row[c], ".2f") for c in ("correlation", "correlation_low", "correlation_high")]
        return f"{parts[0]}  ({parts[1]} … {parts[2]})"

    return pd.DataFrame(
        {
            "Daily moves": table["moves"],
            "Days": [theme.count(n) for n in table["days"]],
            "Correlation (95 % interval)": [interval(row) for _, row in table.iterrows()],
            "sd Δ log S (bp)": [f"{1e4 * x:.0f}" for x in table["sd_log_spot"]],
            "sd Δ log VIX (%)": [f"{100 * x:.1f}" for x in table["sd_log_vix"]],
            "Skewness Δ log S": ["none" if np.isnan(x) else theme.signed(x, ".1f") for x in table["skew_log_spot"]],
            "Skewness Δ log VIX": ["none" if np.isnan(x) else theme.signed(x, ".1f") for x in table["skew_log_vix"]],
        }
    )


def surfaces_published(published: dict[str, dict[str, float]]) -> str | None:
    """The published share of surfaces, where there is one."""
    return f"thesis {theme.percent(published['surfaces']['total'])}" if "surfaces" in published else None


def presence_words(table: pd.DataFrame) -> pd.DataFrame:
    """Table 2.7 in words, published figures beside."""
    names = {"total": "Any", **NAMES}
    return pd.DataFrame(
        {
            "Of": table["of"],
            "Arbitrage": table["kind"].map(names),
            "Share": [theme.percent(x, 2) for x in table["share"]],
            "Standard error": ["" if np.isnan(x) else theme.percent(x, 2) for x in table["standard_error"]],
            "Thesis": ["" if np.isnan(x) else theme.percent(x, 2) for x in table["published"]],
        }
    )


def quantile_words(table: pd.DataFrame) -> pd.DataFrame:
    """Tables 2.5 and 2.8: one row a level, one column a β, published figures in brackets."""
    words = [
        f"{theme.significant(a)}  [{theme.significant(b)}]"
        for a, b in zip(table["phi"], table["published"], strict=True)
    ]
    shown = table.assign(words=words, Quantile=[f"{q:.0%}" for q in table["level"]])
    wide = shown.pivot(index="Quantile", columns="beta", values="words")
    return wide.rename(columns=lambda beta: f"β = {beta:g} [thesis]")


def parameters(model: FactorModel) -> pd.DataFrame:
    """λ, α, γ, ρ and the start of every factor."""
    return pd.DataFrame(
        {
            "Factor": [f"X{i + 1}" for i in range(len(model.shapes))],
            "λ (per year)": model.reversion.round(3),
            "α": model.mean.round(3),
            "γ (per √year)": model.volatility.round(3),
            "ρ with the spot": model.correlation.round(3),
            "start": model.start.round(3),
        }
    )


def correlation_words(found: np.ndarray) -> pd.DataFrame:
    """Table 2.9, published figures in brackets."""
    cells = [
        [f"{theme.signed(a, '.2f')}  [{theme.signed(b, '.2f')}]" for a, b in zip(x, y, strict=True)]
        for x, y in zip(found, PUBLISHED_CORRELATIONS, strict=True)
    ]
    return pd.DataFrame(cells, index=list(SERIES), columns=list(SERIES))
