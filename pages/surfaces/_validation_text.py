"""What the validation of VolGAN says in words: its method, and where the model is wrong."""

import pandas as pd

from engine.charts import theme
from engine.charts.validation import NAMES

METHOD = r"""
The study repeats chapter 3's validation on the days after training. Every network of the stack is looked at by itself:
a figure is the mean over networks, its interval (in the tables `seeds_low`, `seeds_high`) that of the mean over
seeds. Filtered historical simulation is fitted to the same days and walks through the same days.

**Scores** (Figure 3.4). $D$ is the discriminator's probability that what followed a day is real. A day is marked
extreme if it scores below the 1 % quantile in sample.

**Penalty** (Table 3.1). Mean over a day's scenarios of $\Phi$, under equal weights and under
$w_i\propto e^{-\beta\Phi_i}$, $\beta=500/\max\Phi$ (3.9, 3.12).

**Calibration** (Tables 3.2–3.3). Share of days on which what came lay below the simulated $q$-quantile, with Kupiec's
likelihood ratio $2\log\frac{(k/n)^k(1-k/n)^{n-k}}{q^k(1-q)^{n-k}}$ and Christoffersen's test that such days do not
cluster. Vols outside the data's grid are read off at its nearest edge; the tables say where.

**Correlation** (Figure 3.11). $\rho_t$ between the simulated return and the increment of the one-month at-the-money
log vol. If it were constant, $z_t=\operatorname{artanh}\rho_t$ would have variance $1/(n-3)$, and
$\sum_t (n-3)(z_t-\bar z)^2$ would be $\chi^2$ with one degree of freedom less than days; `robust_p` gives each day
its own standard error, which heavy tails widen.

**Components and co-movements** (Tables 3.4–3.9, Figures 3.13–3.15). A simulated history takes one scenario of each
test day. Its covariance of $\Delta g$ has its own eigenvectors; projections are on the data's. Bars are 1.96 standard
deviations over histories; eigen-surfaces are means over histories, signed to agree with the data's.

**Tails** (Figure 3.12). Excesses over the 95 % quantile, in standard deviations: an exponential law has a coefficient
of variation of 1, a Gaussian 0.89.

**Matching** (Figure 3.2). Norms of the generator's gradient of each loss term while $\alpha_m$ and $\alpha_\tau$ are
chosen.

**What can go wrong.** One test period is one draw: two crises in it, or none. A reweighted law may rest on few
scenarios: its bands are then narrow for lack of scenarios, not for lack of risk. Published figures are of SPX from 2018
to 2023: on other data a yardstick, no target.
"""

SECTIONS = ("Calibration", "Forecasts", "Penalty", "Scores", "Correlation", "Components", "Tails", "Matching")

REJECTED = 0.5
"""A quantile counts as wrong if Kupiec rejects it at 5 % for at least this share of the networks."""


def wrong_series(coverage: pd.DataFrame, model: str) -> list[str]:
    """Series of which at least one quantile is wrong."""
    part = coverage[(coverage["model"] == model) & (coverage["not_rejected"] <= REJECTED)]
    return list(dict.fromkeys(part["series"]))


def verdict(coverage: pd.DataFrame, model: str) -> str:
    """One sentence on a law: how many series it gets wrong, and what is farthest off."""
    part = coverage[coverage["model"] == model].copy()
    series, wrong = part["series"].nunique(), wrong_series(coverage, model)
    if not wrong:
        return f"{NAMES[model]}: no quantile of the {series} series is rejected."
    part["off"] = (part["share"] - part["level"]).abs()
    worst = part.loc[part["off"].idxmax()]
    return (
        f"{NAMES[model]}: quantiles of {len(wrong)} of {series} series are rejected; farthest off {worst['series']}, "
        f"{theme.percent(float(worst['share']))} of days below its {100 * worst['level']:g} % quantile."
    )


def published_inside(coverage: pd.DataFrame, model: str) -> str:
    """What the thesis's tables give for the share inside the bands, over the series that are followed."""
    part = coverage[(coverage["model"] == model) & coverage["published"].notna()]
    if part.empty:
        return ""
    share = part.groupby("level")["published"].mean()
    words = theme.percent(float(share[0.975] - share[0.025]))
    return f" Published (SPX, 2018 to 2023, the closest of these series): {words}."


def between(row: pd.Series, what: str) -> str:
    """An interval of shares: ``85.1 to 94.3 %``."""
    low, high = (100 * min(1.0, max(0.0, float(row[f"{what}_{end}"]))) for end in ("low", "high"))
    return f"{low:.1f} to {high:.1f} %"
