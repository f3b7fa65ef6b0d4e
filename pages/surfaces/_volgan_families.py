"""What each family of surface generators does, in a paragraph with its equation; VolGAN has a text of its own."""

FAMILIES = {
    "simulated_market": r"""
**The true law** of the built-in market. Its four factors are Ornstein–Uhlenbeck processes with regimes and heavy tails,
$\sigma_t = \bar\sigma\,\exp(\sum_i X^i_t f_i)$ (2.22–2.29). The surfaces reveal the factors, the spot reveals the fifth
shock, a filter the probability $p$ of a stressed step; tomorrow's law is the mixture
$p\cdot\text{stressed} + (1-p)\cdot\text{calm}$ of Student laws. Nothing is learned: it is what every other generator's
calibration on these data is held to.
""",
    "persistence": """
**Persistence**: tomorrow is today, every scenario the same. A yardstick: a generator that scores worse knows less than
nothing.
""",
    "historical": r"""
**Historical simulation.** Tomorrow's move $(R_{t+1}, \Delta\log\sigma_{t+1})$ is one of the last so many days' moves,
each as likely as any other.
""",
    "fhs": r"""
**Filtered historical simulation** (Barone-Adesi, Giannopoulos and Vosper, 1999). The moves
$y_t=(R_t, \Delta\log\sigma_t)$ have running volatilities, $s_t^2 = \lambda\,s_{t-1}^2 + (1-\lambda)\,y_t^2$ for each
coordinate, brought up to date every day, and innovations $z_t = y_t/s_{t-1}$. A scenario is $s_t\odot z_u$ with one
past day $u$ drawn equally: tails and dependence are the data's, the scale is today's. It is the obvious alternative to
anything learned, and the baseline of the leaderboard.
""",
    "fhs_garch": r"""
**Filtered historical simulation with GARCH.** The return and three components of the surface have volatilities from a
GJR-GARCH fit, the rest exponentially weighted ones; a scenario is today's volatility times the innovations of one past
day.
""",
    "pca_ou": r"""
**PCA and Ornstein–Uhlenbeck.** The principal components of log-vol moves follow $dX = \lambda(\alpha-X)\,dt+\gamma\,dW$
(2.22–2.29), correlated with the return; what the components leave moves as Gaussian noise.
""",
    "gaussian_var": r"""
**Gaussian vector autoregression** of return and principal components, $x_{t+1} = A x_t + b + \varepsilon$ with Gaussian
$\varepsilon$.
""",
    "linear_anchor": r"""
**Linear anchor.** Innovations $z = y/s$ of the moves $y_t=(R_t, \Delta\log\sigma_t)$, with running volatilities $s$
that falls of the index move more than rises. Their mean is a ridge regression on yesterday's components, the level
against its averages, the term slope and the realised over the implied vol; residuals are drawn from days that resemble
today, with Gaussian kernel weights.
""",
    "hybrid": r"""
**Hybrid.** It starts as filtered historical simulation and learns, under shrinkage, where tomorrow's factors centre and
how widely they spread given the state $x_t$ of the market:

$$
f_{t+1} = m(x_t) + e^{h(x_t)}\varepsilon_{t+1}, \qquad y_{t+1} = s_t\odot(V f_{t+1} + r_{t+1}),
$$

with $(\varepsilon, r)$ of one past day drawn equally and $s_t$ the running volatilities of the moves
$y_t=(R_t, \Delta\log\sigma_t)$. Coefficients maximise a Student likelihood; at infinite shrinkage it is filtered
historical simulation.
""",
    "two_speed": r"""
**Two-speed mixture.** Volatilities answer to the last days and to the last year at once,
$s_t^2 = \tfrac12(\text{fast}_t + \text{slow}_t)$, two exponentially weighted variances of the moves
$y_t=(R_t, \Delta\log\sigma_t)$; the return's follows at-the-money implied vol for the most part. On them four members
learn where factors centre and how widely they spread, as the hybrid does: two look at the index's trend and the
weekday, two at the state of the surface, one of each pair with a learned scale. A scenario comes from member $i$ with
probability $w_i$ and from a past day's residuals, smoothed with another day's. Weights start equal and follow, at every
refit, the energy score on days that the members had not seen:

$$
w_i \propto \eta_i e^{\eta_i R_i}, \qquad R_i = \sum_t r_{i,t}(1-\eta_i r_{i,t}),
$$

with $r_{i,t}$ what member $i$ was better than the mixture (Wintenberger, 2017).
""",
}
"""Registered name → paragraph."""
