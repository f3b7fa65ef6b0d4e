"""Surface SVI: a whole surface from its at-the-money variances and three numbers, free of static arbitrage.

w(k, θ) = θ/2 · (1 + ρ φ(θ) k + √((φ(θ) k + ρ)² + 1 − ρ²)),  φ(θ) = η θ^{−γ} (1 + θ)^{γ−1}

with k = log(K/F), θ(τ) the total variance at the money and w = σ²τ. There is no butterfly and no calendar arbitrage if
θ never falls, 0 < γ ≤ ½ and η (1 + |ρ|) ≤ 2; the fit searches inside these bounds only.

The fit is own code. Of the packages published for it one fits ρ, η and γ without the bounds and leaves falling θ to a
warning, one needs a later Python, and QuantLib's SVI is one expiry at a time.

References:
    Gatheral, J. and Jacquier, A. (2014), Arbitrage-free SVI volatility surfaces, Quantitative Finance 14(1),
    Theorems 4.1 and 4.2, Remark 4.4.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import least_squares

from engine.errors import MarketDataError
from engine.market.grid import Floats, Grid

HIGHEST_GAMMA = 0.5
"""γ up to which η (1 + |ρ|) ≤ 2 rules out butterfly arbitrage at every θ."""

HIGHEST_WING = 2.0
"""Bound on η (1 + |ρ|)."""

_EDGE = 1e-4
_LEAST_RISE = 1e-6


@dataclass(frozen=True, eq=False)
class SSVI:
    """Parameters of a surface.

    Args:
        rho: ρ in (−1, 1), the skew.
        eta: η > 0, how steep the wings are; η (1 + |ρ|) ≤ 2.
        gamma: γ in (0, ½], how fast the smile flattens with θ.
        maturity: ``(n,)`` knots, years, increasing.
        variance: ``(n,)`` θ at the knots, > 0, never falling.

    Raises:
        MarketDataError: if a parameter leaves these bounds, which are those of no static arbitrage.
    """

    rho: float
    eta: float
    gamma: float
    maturity: Floats
    variance: Floats

    def __post_init__(self) -> None:
        maturity, variance = (np.array(x, dtype=np.float64) for x in (self.maturity, self.variance))
        if maturity.ndim != 1 or maturity.shape != variance.shape or not len(maturity):
            raise MarketDataError(f"expected one variance a maturity; found {maturity.shape} and {variance.shape}")
        if maturity[0] <= 0 or (np.diff(maturity) <= 0).any():
            raise MarketDataError(f"expected increasing maturities > 0; found {maturity.tolist()}")
        if variance[0] <= 0 or (np.diff(variance) < 0).any():
            raise MarketDataError(f"expected total variances > 0 that never fall; found {variance.tolist()}")
        if not -1 < self.rho < 1 or not 0 < self.gamma <= HIGHEST_GAMMA or not self.eta > 0:
            raise MarketDataError(
                f"expected rho in (-1, 1), eta > 0 and gamma in (0, {HIGHEST_GAMMA}]; "
                f"found {self.rho:g}, {self.eta:g}, {self.gamma:g}"
            )
        if self.wing > HIGHEST_WING * (1 + 1e-12):
            raise MarketDataError(f"expected eta (1 + |rho|) <= {HIGHEST_WING:g}; found {self.wing:g}")
        object.__setattr__(self, "maturity", maturity)
        object.__setattr__(self, "variance", variance)

    @property
    def wing(self) -> float:
        """η (1 + |ρ|)."""
        return self.eta * (1 + abs(self.rho))

    def at_the_money(self, maturity: ArrayLike) -> Floats:
        """θ(τ): linear through the knots and zero at τ = 0; beyond the last knot it grows at its average rate.

        Args:
            maturity: years, > 0.
        """
        tau = np.asarray(maturity, dtype=np.float64)
        inner = np.interp(tau, np.append(0.0, self.maturity), np.append(0.0, self.variance))
        theta: Floats = np.where(tau > self.maturity[-1], self.variance[-1] * tau / self.maturity[-1], inner)
        return theta

    def total_variance(self, log_moneyness: ArrayLike, maturity: ArrayLike) -> Floats:
        """w(k, τ) = σ²τ.

        Args:
            log_moneyness: k = log(K/F).
            maturity: years, > 0.

        Returns:
            The broadcast shape.
        """
        theta = self.at_the_money(maturity)
        return _total_variance(np.asarray(log_moneyness, dtype=np.float64), theta, self.rho, self.eta, self.gamma)

    def iv(self, moneyness: ArrayLike, maturity: ArrayLike, rate: ArrayLike = 0.0) -> Floats:
        """Implied vol at moneyness m = K/S for the forward S e^{rτ}: k = log m − rτ.

        Args:
            moneyness: > 0.
            maturity: years, > 0.
            rate: per year.
        """
        tau = np.asarray(maturity, dtype=np.float64)
        k = np.log(np.asarray(moneyness, dtype=np.float64)) - np.asarray(rate) * tau
        vol: Floats = np.sqrt(self.total_variance(k, tau) / tau)
        return vol

    def surface(self, grid: Grid, rate: float = 0.0) -> Floats:
        """``(n_moneyness, n_maturity)`` implied vols on a grid."""
        return self.iv(grid.moneyness[:, None], grid.maturity, rate)


def fit(log_moneyness: ArrayLike, maturity: ArrayLike, iv: ArrayLike, weight: ArrayLike | None = None) -> SSVI:
    """Fit by weighted least squares in vol, Σ κ (σ_model − σ)², inside the no-arbitrage bounds.

    The unknowns are the rises of θ from one maturity to the next (≥ 0), ρ, γ, and η (1 + |ρ|)/2 in (0, 1].

    Args:
        log_moneyness: ``(n,)`` k = log(K/F).
        maturity: ``(n,)`` years; each distinct one becomes a knot of θ.
        iv: ``(n,)`` vols, annualised, > 0.
        weight: ``(n,)`` κ ≥ 0, vega usually; equal if not given.

    Raises:
        MarketDataError: with fewer vols than unknowns, values that are not finite, or no positive weight.
    """
    k, tau, vol = (np.asarray(x, dtype=np.float64) for x in (log_moneyness, maturity, iv))
    kappa = np.ones_like(vol) if weight is None else np.asarray(weight, dtype=np.float64)
    knots, knot = np.unique(tau, return_inverse=True)
    if not (k.shape == tau.shape == vol.shape == kappa.shape) or k.ndim != 1:
        raise MarketDataError(
            f"expected arrays of one length; found {k.shape}, {tau.shape}, {vol.shape}, {kappa.shape}"
        )
    if len(vol) < len(knots) + 3:
        raise MarketDataError(f"expected at least {len(knots) + 3} vols for {len(knots)} maturities; found {len(vol)}")
    if not (np.isfinite(k + tau + vol + kappa).all() and (vol > 0).all() and (tau > 0).all()):
        raise MarketDataError("expected finite log-moneyness, maturities > 0 and vols > 0; found others")
    if kappa.min() < 0 or not kappa.max() > 0:
        raise MarketDataError("expected weights >= 0 that are not all zero; found others")
    root = np.sqrt(kappa / kappa.mean())
    rises = _first_rises(k, knots, knot, vol)
    scale = np.maximum(rises, 0.01 * rises.sum() / len(knots))
    lower = np.append(np.zeros(len(knots)), [-1 + _EDGE, _EDGE, _EDGE])
    lower[0] = _LEAST_RISE
    upper = np.append(np.full(len(knots), np.inf), [1 - _EDGE, HIGHEST_GAMMA, 1.0])
    start = np.append(np.maximum(rises / scale, 2 * _LEAST_RISE), [-0.3, 0.4, 0.5])

    def residuals(x: Floats) -> Floats:
        theta = np.cumsum(scale * x[:-3])[knot]
        apart: Floats = root * (np.sqrt(_total_variance(k, theta, *_shape(x)) / tau) - vol)
        return apart

    found = least_squares(residuals, start, bounds=(lower, upper), xtol=1e-12, ftol=1e-12, gtol=1e-12, max_nfev=300)
    rho, eta, gamma = _shape(found.x)
    return SSVI(rho, eta, gamma, knots, np.cumsum(scale * found.x[:-3]))


def _shape(x: Floats) -> tuple[float, float, float]:
    """ρ, η and γ from the last three unknowns ρ, γ and η (1 + |ρ|)/2."""
    rho, gamma, wing = (float(value) for value in x[-3:])
    return rho, HIGHEST_WING * wing / (1 + abs(rho)), gamma


def _first_rises(k: Floats, knots: Floats, knot: NDArray[np.intp], vol: Floats) -> Floats:
    """Rises of a first θ: the variance of the vol nearest to the money at each maturity, made never to fall."""
    variance = np.empty(len(knots))
    for j, tau in enumerate(knots):
        rows = np.flatnonzero(knot == j)
        variance[j] = vol[rows[np.abs(k[rows]).argmin()]] ** 2 * tau
    return np.diff(np.maximum.accumulate(variance), prepend=0.0)


def _total_variance(k: Floats, theta: Floats, rho: float, eta: float, gamma: float) -> Floats:
    x = eta * theta ** (-gamma) * (1 + theta) ** (gamma - 1) * k
    w: Floats = theta / 2 * (1 + rho * x + np.sqrt((x + rho) ** 2 + 1 - rho * rho))
    return w
