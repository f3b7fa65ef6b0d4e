"""Words and tables of the factor model page."""

import shlex

from engine.charts import theme
from engine.studies.surfaces.factor_models import FactorModelConfig

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


def surfaces_published(published: dict[str, dict[str, float]]) -> str | None:
    """The published share of surfaces, where there is one."""
    return f"thesis {theme.percent(published['surfaces']['total'])}" if "surfaces" in published else None
