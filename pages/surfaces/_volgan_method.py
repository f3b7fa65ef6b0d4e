"""What the method expander of the page says, model by model."""

from engine.models import registry

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

WRONG = r"""
**What can go wrong with any generator.** A large β leaves a handful of scenarios: read the effective sample size before
the bands. Reweighting favours surfaces without arbitrage and moves everything else with them, the return too. A day far
from anything in the training part is extrapolation. Which generator to believe is a question for the days after
training: Compare and the leaderboard answer it.
"""


def method(model: str) -> str:
    """The text of one registered model, and what holds for all."""
    return registry.spec(model).method + ARBITRAGE + WRONG
