"""The method text of the leaderboard."""

METHOD = r"""
**Protocol.** Every generator is fitted to the days before the test and walked through the days after, one day ahead:
the same days and seeds for all, running volatilities brought up to date daily, coefficients refitted every so many days
on the past only; a second entry marked (frozen) is never refitted. Before any day is scored it is checked that its
scenarios do not change when the later days are taken away.

**Energy score.** With targets $y=(\sqrt{252}\,R_{t+1},\Delta\log\sigma_{t+1})$, each coordinate over its standard
deviation in the training part, and scenarios $X, X'$ drawn independently,

$$
\mathrm{ES}_t = \mathbb E\lVert X-y\rVert - \tfrac12\,\mathbb E\lVert X-X'\rVert .
$$

Smaller is better, and in expectation only the true law has the smallest. Ratios to filtered historical simulation carry
block-bootstrap intervals (21 days); $p$ is of the Diebold–Mariano test with a heteroskedasticity- and
autocorrelation-consistent variance and the correction of Harvey, Leybourne and Newbold.

**Exceedances.** The share of days on which what came lay below the simulated quantile. Colours are distances from
nominal in standard errors of independent days; a cross marks Kupiec's likelihood-ratio test rejecting at 5 %.

**Transforms.** $u_t = F_t(y_t)$ is uniform if the law is right: a hump says bands are too wide, horns that they are too
narrow, a slope that the centre is off. Ties are broken at random.

**The true law** is known for the built-in market only. There the expected score of every generator exceeds the truth's
by half the squared energy distance of the two laws, free of the noise of what came.

**What can go wrong.** One test period is one draw of history; a crisis says little about calm years, and the reverse. A
ratio whose interval reaches one is no difference. Ten contestants at 5 % give a false winner more often than not: read
the $p$ of one comparison decided in advance, or divide it by their number.
"""
