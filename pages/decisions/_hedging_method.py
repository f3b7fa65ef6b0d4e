"""The method of the hedging page in equations."""

METHOD = r"""
**Hedge ratios** (4.20). Over $N$ scenarios of tomorrow, $\Delta V$ of the portfolio and $\Delta H$ of the instruments:

$$
\min_{A,\varphi}\ \frac1N\sum_k\Big(\Delta V_k - A - \sum_i\varphi_i\,\Delta H_{i,k}\Big)^2
+ \alpha\, g_0 \sum_i c_i\,|\varphi_i - \varphi_i'|,
$$

$c_i$ half the bid–ask spread, $g_0$ the gross position at entry, $\varphi'$ yesterday's positions. It is a LASSO around
the hedge that is held, solved exactly; only instruments worth their cost are traded. $\alpha$ minimises
$\mathrm{AIC}(\alpha) = M\log(\mathrm{RSS}/M) + 2(1 + \#\{\varphi\ne0\})$ on $M = 100$ fresh scenarios.

**Limits and market impact**, if asked for: $|\varphi_i|$ of options, net delta and net vega stay within bounds, and
$\lambda g_0 \sum_i c_i\,|\varphi_i - \varphi_i'|^{1+\delta}$ is added (4.21–4.23).

**Least shortfall** minimises the mean of the worst 5 % of outcomes instead of the variance, costs at their own amount
(Rockafellar and Uryasev 2000). **Delta** holds the Black–Scholes delta; **delta–vega** adds the option struck nearest
to spot, left alone where its vega is too small to divide by.

**The account** (4.4–4.6). $\Pi_0 = V_0$; cash $\psi_t = \Pi_t - \sum\varphi_i H_i - \sum c_i|\varphi_i-\varphi_i'|$
earns the rate; $\Pi_{t+\Delta} = \psi_t(1 + r_t\Delta) + \sum\varphi_i H_i(t+\Delta)$; $Z = V - \Pi$. Scenarios are
not reweighted ($\beta = 0$), as published. Options are priced off the surface at their own moneyness and maturity; an
expired one is settled at its intrinsic value.

**What can go wrong.** A hedge is as good as its scenarios: a generator whose bands are too narrow hedges too little. A
large $\alpha$ or wide spreads leave risk unhedged by design. Instruments that repeat each other, or are worth nothing,
are left out.
"""
