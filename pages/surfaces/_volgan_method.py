"""What the method expander of the page says, model by model."""

import inspect

from engine.models.surface_model import surface_model
from pages.surfaces._volgan_families import FAMILIES

VOLGAN = r"""
**The generator.** VolGAN (Vuletić and Cont; chapter 3 of the thesis) is a conditional GAN. Given today's condition

$$
a_t = \big(R_{t-\Delta},\ R_{t-2\Delta},\ \gamma_{t-\Delta},\ g_t(m,\tau)\big), \qquad
\gamma_t = \sqrt{\tfrac{252}{21}\sum_{i=0}^{20} R^2_{t-i\Delta}}, \qquad g = \log\sigma \tag{3.3, 3.4}
$$

and Gaussian noise it draws tomorrow's log-return and log-vol increments $(R_t, \Delta g_t)$. $R_{t-\Delta}$ is the
return that ended today; returns are annualised inside the network. Generator: noise and condition → 16 softplus →
32 softplus → $1+N$. Discriminator: condition and target → 16 softplus → 1.

**The losses.** Discriminator $-\tfrac12\mathbb E\log D(\text{real}) - \tfrac12\mathbb E\log(1-D(\text{fake}))$;
generator, with $\hat g = g + \Delta\hat g$,

$$
-\tfrac12\,\mathbb E\log D(\text{fake})
+ \alpha_m\,\mathbb E L_m(\hat g) + \alpha_\tau\,\mathbb E L_\tau(\hat g), \tag{3.8}
$$

$$
L_m = \sum_{i,j}\frac{\big(g(m_{i+1},\tau_j)-g(m_i,\tau_j)\big)^2}{(m_{i+1}-m_i)^2}, \qquad
L_\tau = \sum_{i,j}\frac{\big(g(m_i,\tau_{j+1})-g(m_i,\tau_j)\big)^2}{(\tau_{j+1}-\tau_j)^2}.
$$

$\alpha_m$ and $\alpha_\tau$ come from gradient-norm matching: some epochs on the adversarial loss alone, in which
$\alpha$ is the mean of $\lVert\nabla \mathrm{BCE}\rVert / \lVert\nabla L\rVert$; then training restarts from the same
initial weights. RMSProp, one discriminator step per generator step.
"""

ARBITRAGE = r"""
**Static arbitrage.** With the relative call price $c(m,\tau) = N(d_1) - m\,e^{-r\tau}N(d_2)$ and $[x]^+ = \max(x,0)$,

$$
P^1_{ij} = \Big[\tau_j\frac{c(m_i,\tau_j)-c(m_i,\tau_{j+1})}{\tau_{j+1}-\tau_j}\Big]^+,\quad
P^2_{ij} = \Big[\frac{c(m_{i+1},\tau_j)-c(m_i,\tau_j)}{m_{i+1}-m_i}\Big]^+,\quad
P^3_{ij} = \Big[\frac{c_i-c_{i-1}}{m_i-m_{i-1}}-\frac{c_{i+1}-c_i}{m_{i+1}-m_i}\Big]^+,
$$

$\Phi = \sum_{ij}(P^1+P^2+P^3)$ (2.6–2.12). $\Phi = 0$ exactly if there is no static arbitrage on the grid.

**Reweighting.** $w_i \propto e^{-\beta\Phi_i}$ (3.9), by default with $\beta = 500/\max\Phi$ (3.12). The price is paid
in effective sample size $1/\sum w^2$ and in the distance from the generator's own law,
$\mathrm{KL}(w\,\Vert\,\text{uniform}) = \log N + \sum w\log w$. Quantiles are weighted: sort, then the first value
whose cumulative weight reaches $q$ (3.11).
"""

VOLGAN_WRONG = r"""
**Published figures** (S&P 500, 11×9 grid, out of sample; mean of Φ): data 0.0096, adversarial loss alone 2.4635,
VolGAN raw 0.0199, reweighted 0.0127. They are of other data than those shown here unless you upload the same.

**What can go wrong.** A generator trained for few epochs hardly moves: bands far too narrow. One that collapsed draws
the same day again and again. As published, VolGAN's nominal coverage is poor: on the thesis's test days the index
closed below its 2.5 % quantile on 9.4 % of days.
"""

WRONG = r"""
**What can go wrong with any generator.** A large β leaves a handful of scenarios: read the effective sample size before
the bands. Reweighting favours surfaces without arbitrage and moves everything else with them, the return too. A day far
from anything in the training part is extrapolation. Which generator to believe is a question for the days after
training: Compare and the leaderboard answer it.
"""


def method(model: str) -> str:
    """The text of one registered model; a model without one here speaks through its documentation."""
    if model == "volgan":
        return VOLGAN + ARBITRAGE + VOLGAN_WRONG + WRONG
    if model in FAMILIES:
        return FAMILIES[model] + ARBITRAGE + WRONG
    kind = surface_model(model)
    return f"**The generator.** {kind.label}\n\n```text\n{inspect.getdoc(kind)}\n```\n" + ARBITRAGE + WRONG
