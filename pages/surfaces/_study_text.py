"""Method texts of the studies."""

_FILES = """
Each table is a CSV file in the run's directory; `result.json` beside them holds settings, fingerprint and versions. A
killed study resumes with the step it was in.
"""

METHODS = {
    "surfaces": """
The study computes every table of chapter 2 of the thesis on one history: variance explained and mean reversion of the
factors, correlations with returns, penalty quantiles, the noise and shift experiments, the volatility index, and both
factor models with published and with estimated parameters. Published figures stand beside ours in columns of their own;
they are those of SPX from 2000 to 2021 on the 10×8 grid, on other data a yardstick and no target.
"""
    + _FILES,
    "leaderboard": r"""
Every generator is fitted to the days before the test and walked through the days after, one step ahead: the same
days, the same seeds, running volatilities brought up to date daily, coefficients refitted every so many days on the
past only (a second entry keeps them frozen). Targets are $y=(\sqrt{252}\,R_t,\Delta g_t)$, each coordinate divided by
its standard deviation over the training part. The **energy score** of a day is $E\|X-y\|-\tfrac12E\|X-X'\|$, lower is
better; ratios to filtered historical simulation come with block-bootstrap intervals and the Diebold–Mariano test with
a heteroskedasticity- and autocorrelation-consistent variance. Exceedances carry the p-values of Kupiec and
Christoffersen. On the simulated market every figure is also held to the true law.

**What can go wrong**: one test period is one draw; the crisis of 2008 says little about calm years. A ratio whose
interval reaches 1 is no difference.
"""
    + _FILES,
    "volgan": r"""
The validation of chapter 3 on the days after training: discriminator scores, Table 3.1 (penalties), Tables 3.2 and 3.3
(exceedances, with the tests of Kupiec and Christoffersen), the test of a constant correlation, tails, principal
components of simulated histories (Tables 3.4 to 3.6), correlations (Tables 3.7 to 3.9) and the gradient norms of the
matching; for VolGAN raw and reweighted, the same network without smoothness terms, filtered historical simulation, and
on the simulated market the true law. Five networks of different seeds are trained first (about a quarter of an hour on
22 years of surfaces); the VolGAN page runs the study on trained ones. Published figures are of SPX from 2018 to 2023.
"""
    + _FILES,
}
