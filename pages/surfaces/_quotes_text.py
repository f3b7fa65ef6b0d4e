"""Words and tables of the quotes page."""

import numpy as np
import pandas as pd

from engine.charts import theme

USED = "Out-of-the-money quotes that survived cleaning and have a vol; they alone make the surface."
PHI = "Total static-arbitrage penalty on the grid; before: that of the quotes joined by straight lines."
REPAIRED = "Total static-arbitrage penalty on the grid before the repair and after it."
DISTANCE = "Vega-weighted root mean square of quote vol less surface vol in vol points, over quotes inside the grid."
WITHIN = "Share of these quotes whose bid and ask enclose the surface's price."
RATE = "Median over call/put pairs of log(K/(S − C + P))/τ; with dividends this is interest less what they cost."
VIX = "Computed from the quotes by the Cboe's own steps; beside it the same index taken from the surface."
TRUTH = "Mean distance in vol points of the surface to the one the quotes were made from, where there are quotes."

METHOD = r"""
**Cleaning.** A quote is dropped for the first of these reasons that applies: no price, crossed (bid above ask), zero
bid, under a day to expiry, untraded (if volume is given), stale (bid and ask unchanged since the day before although
the spot's move alone is worth more than the spread), duplicated (the tightest is kept), below intrinsic value, above
the highest possible price, a vol above 500 %. Every drop is counted and listed. $\tau$ is calendar days over 365.

**Rate.** For each pair of a call $C$ and a put $P$ at strike $K$ and expiry $\tau$,

$$
r=\frac1\tau\log\frac{K}{S-C+P},
$$

the day's rate is the median over all pairs. The line $C-P=D\,(F-K)$ through the pairs of an expiry gives its forward
$F$ and discount factor $D$. Options that settle in the morning and in the afternoon of one expiry are kept apart.

**Vols.** Puts with $m=K/S<1$ and calls with $m\ge1$ are inverted with Jäckel's method.

**Kernel** (3.13). With $\kappa$ the vega of a quote,

$$
\hat\sigma(m',\tau')=\frac{\sum\kappa\,k(m'-m,\tau'-\tau)\,\sigma}{\sum\kappa\,k(m'-m,\tau'-\tau)},\qquad
k(x,y)=\frac1{2\pi}\exp\Big(-\frac{x^2}{2h_1}-\frac{y^2}{2h_2}\Big).
$$

$(h_1,h_2)$ minimises the arbitrage penalty over $\{0.002,0.004,\dots,0.1\}^2$; of many pairs with the same penalty the
one whose surface is closest to the quotes. Half-spreads are smoothed in the same way, calls and puts apart.

**SSVI** (Gatheral and Jacquier 2014).

$$
w(k,\theta)=\tfrac\theta2\Big(1+\rho\varphi k+\sqrt{(\varphi k+\rho)^2+1-\rho^2}\Big),\qquad
\varphi=\eta\,\theta^{-\gamma}(1+\theta)^{\gamma-1},
$$

fitted with $\theta$ never falling in $\tau$, $0<\gamma\le\frac12$ and $\eta(1+|\rho|)\le2$: no static arbitrage.

**Repair** (Cohen, Reisinger and Wang 2020). The prices $c'$ with the least $\sum|c'-c|$ beyond the half-spreads that
satisfy every calendar, call-spread and butterfly constraint and their bounds: a linear programme.

**VIX.** The two Friday expiries around 30 days, strikes out to the second zero bid in a row,

$$
\sigma^2=\frac2T\sum\frac{\Delta K}{K^2}e^{rT}Q(K)-\frac1T\Big(\frac F{K_0}-1\Big)^2.
$$

**What can go wrong.** A wide kernel flattens the smile: compare the distance to the quotes. Grid points outside the
quoted strikes and expiries rest on the nearest quotes and are marked. The surface is compared with the quotes it was
made from, so closeness alone is no proof.
"""


def rates(table: pd.DataFrame) -> pd.DataFrame:
    """Parity rates by expiry in market units."""

    def percent(column: str) -> list[str]:
        return ["" if np.isnan(x) else theme.percent(x, 2) for x in table[column]]

    return pd.DataFrame(
        {
            "Expiry": table["expiry"].dt.date,
            "Root": table["root"],
            "Days": (365 * table["maturity"]).round(1),
            "Pairs": table["pairs"],
            "Median of pairs (a year)": percent("rate"),
            "Forward": table["forward"].round(2),
            "Discount rate (a year)": percent("discount_rate"),
            "Dividend yield (a year)": percent("dividend_yield"),
            "Pairs of the line": table["line_pairs"],
        }
    )
