"""The method text of the dynamics page."""

from engine.studies.surfaces.dynamics import (
    MISPRINT,
)

METHOD = (
    r"""
With $Y=\log\sigma$, $f_i$ the eigenvectors of the covariance of $\Delta Y$ (unit norm over the grid) and
$\tilde Y=\log\bar\sigma$ the log of the average surface (2.1–2.4):

$$
X^i_t=\langle Y_t-\tilde Y,f_i\rangle,\qquad \sigma_t=\bar\sigma\,\exp\Big(\sum_i X^i_t f_i\Big).
$$

**Signs and names.** $f_1$ is positive on average. Every other $f_i$ has a positive inner product with the shape it
resembles most: skew ($-\log m$), term structure ($\log\tau$) or curvature ($(\log m)^2$), made orthogonal in this
order. It bears that shape's name if the shape explains half of it.

**How many matter.** The eigenvalues of the correlation of $N$ independent series of length $M$ stay below
$\lambda_+=(1+\sqrt{N/M})^2$ (Marčenko and Pastur 1967).

**Mean reversion.** $dX=\lambda(\alpha-X)\,dt+\gamma\,dW$ by the generalised method of moments on

$$
E X=\alpha,\qquad \mathrm{Var}\,X=\frac{\gamma^2}{2\lambda},\qquad
\mathrm{corr}(X_t,X_{t+k\Delta})=e^{-\lambda k\Delta}.
$$

Standard errors allow for heavy tails and volatility clustering (Newey–West over a twelfth of the sample, prewhitened).
J asks whether one exponential fits the autocorrelations at all lags; a small p says no.

**Returns.** $R_t=\log(S_{t+\Delta}/S_t)$ against $X_{t+\Delta}-X_t$; the interval allows for clustering (Newey–West
over a month, on Fisher's scale). **Realised vol** is $\sqrt{252/21\sum R^2}$ over 21 days; (2.5) prints the factor
upside down.

**What can go wrong.**

* λ is estimated too high by about $4/T$ when the mean is estimated too: 0.2 a year on 22 years, 1.2 on three. Few years
  cannot tell a slow process from one that does not revert.
* Noise in daily vols is undone the next day. It raises the λ and γ fitted from lag 1, and p becomes small; set the
  shortest lag to 5.
* Published figures stand beside by rank. Where the second component is the term structure, the published one beside it
  is still the skew.
* A row counts as one day whatever the calendar says; long gaps make one large change.
* The published ratio of realised to at-the-money vol, 0.59, is low: from daily SPX and VIX closes of 2000–2021 realised
  vol over VIX is 0.79 on average (sd 0.21).
* """
    + MISPRINT
)
