"""The geometry of the simulated market: its average surface, its four shapes, and what quoting on it costs.

σ(m, τ) = σ̄(m, τ) · exp(Σ_i X^i f_i(m, τ)), i = 1 level, 2 skew, 3 term structure, 4 curvature. The thesis does not
print its eigenvectors; these are smooth shapes with the signs and the meaning it gives them.

References:
    Simulation of arbitrage-free implied volatility surfaces, (2.4), (2.26), figures 2.1 and 2.3.
    Gatheral, J. and Jacquier, A. (2014), Arbitrage-free SVI volatility surfaces, Quantitative Finance 14(1), section 4.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np

from engine.errors import MarketDataError
from engine.market.grid import Floats, Grid
from engine.surfaces import black_scholes

FACTORS = ("level", "skew", "term structure", "curvature")
"""The four factors, in the order of the thesis's Tables 2.2 and 2.6."""

SHORT_VOL, LONG_VOL, REVERSION = 0.18, 0.235, 2.0
"""At-the-money vol of the average surface at τ → 0 and τ → ∞, and the speed from one variance to the other, 1/year."""

SKEW, SMILE, FLATTENING = -0.7, 1.35, 0.35
"""ρ, η and γ of the SSVI surface."""

ACTIVE_MONEYNESS = 1.05
"""Above K/S = 1.05 a put, below 1/1.05 a call counts as in the money and is quoted wider."""

HALF_SPREAD_VOL, HALF_TICK = 0.0007, 2.5e-5
"""Scale of the half-spread in vol, and its floor as a fraction of spot (half of a 0.05 tick at a spot of 1,000)."""

SPAN_TOLERANCE = 5e-3
"""Log vols further than this from the span of the shapes are not the market's (vols of 4 digits are nearer)."""

REFERENCE_SIZE = 80
"""Points of the grid on which the thesis estimated Table 2.6."""


@dataclass(frozen=True, eq=False)
class SurfaceShapes:
    """Average surface σ̄ and shapes f_i on one grid, and the two maps between factors and surfaces.

    Args:
        grid: the grid.
        average: ``(n_moneyness, n_maturity)`` σ̄, annualised.
        shapes: ``(4, n_moneyness, n_maturity)`` f_i, mutually orthogonal and of equal norm (1 on the built-in grids).
    """

    grid: Grid
    average: Floats
    shapes: Floats

    def log_iv(self, factors: Floats) -> Floats:
        """log σ = log σ̄ + Σ X^i f_i: ``(..., 4)`` → ``(..., n_moneyness, n_maturity)``."""
        flat = factors @ self.shapes.reshape(4, -1)  # (..., N)
        return self.grid.unflatten(flat) + np.log(self.average)

    def factors(self, log_iv: Floats) -> Floats:
        """The factors behind surfaces, X^i = ⟨log σ − log σ̄, f_i⟩/‖f_i‖² (2.3): the inverse of :meth:`log_iv`.

        Args:
            log_iv: ``(..., n_moneyness, n_maturity)``.

        Returns:
            ``(..., 4)``.

        Raises:
            MarketDataError: if a surface is not in the span of the shapes, so not one of the simulated market.
        """
        deviation = self.grid.flatten(log_iv - np.log(self.average))  # (..., N)
        basis = self.shapes.reshape(4, -1)
        found: Floats = deviation @ basis.T / (basis[0] @ basis[0])
        furthest = np.abs(deviation - found @ basis).max()
        if not furthest <= SPAN_TOLERANCE:
            raise MarketDataError(
                "expected surfaces of the simulated market (log vols within "
                f"{SPAN_TOLERANCE:g} of the span of its four shapes); found one {furthest:.3g} away"
            )
        return found

    def atm(self, factors: Floats) -> Floats:
        """σ(1, 1/12), which drives the spot (2.28): ``(..., 4)`` → ``(...)``; interpolated as everywhere."""
        return self.grid.interpolate(np.exp(self.log_iv(factors)), 1.0, 1 / 12)


@functools.lru_cache(maxsize=16)
def surface_shapes(grid: Grid) -> SurfaceShapes:
    """Average surface and shapes on a grid.

    With x = log m / (0.75 √(τ + 0.2)) and the bump u = x²/(1 + x²), the shapes are made orthogonal in this order
    (Gram–Schmidt on vectors over the grid) from

    * level      (τ + 0.1)^{−0.25} (1 + 0.3 tanh x)(1 − 0.8 u): everywhere > 0, stronger for short and for
      at-the-money options than for long ones and deep puts;
    * skew       −tanh x: puts against calls, flat in the wings, where a straight line would break the butterfly bound;
    * term       log(τ + 0.1): long against short;
    * curvature  u: both wings against the money.

    Signs: level positive on average, skew positive for low strikes, term positive at the longest maturity,
    curvature positive in the wings, so that in a fall (Table 2.2: −, −, +, −) vols rise, the skew steepens, the term
    structure inverts and the smile curves.

    Each has unit norm on a grid of 80 points or more. A factor of given size spreads over all points, so on a smaller
    grid of N points the norm is √(N/80): the vols of a small grid then move as much as those of the 80 points on which
    the OU parameters were estimated.

    Raises:
        MarketDataError: if the grid has too few points to tell four shapes apart.
    """
    k, tau = np.log(grid.moneyness)[:, None], grid.maturity[None, :]
    x = k / (0.75 * np.sqrt(tau + 0.2))
    bump = x**2 / (1 + x**2)
    raw = (
        (tau + 0.1) ** -0.25 * (1 + 0.3 * np.tanh(x)) * (1 - 0.8 * bump),
        -np.tanh(x),
        np.log(tau + 0.1) + 0 * x,
        bump,
    )
    size = np.sqrt(min(1.0, grid.size / REFERENCE_SIZE))
    basis: list[Floats] = []
    for name, shape in zip(FACTORS, raw, strict=True):
        rest = shape.ravel()
        for _ in range(2):  # the second pass removes what rounding left of the first
            for other in basis:
                rest = rest - (rest @ other) * other
        norm = np.sqrt(rest @ rest)
        if not norm > 1e-6 * np.sqrt(grid.size):
            raise MarketDataError(f"expected a grid on which four shapes differ; found {grid}, without room for {name}")
        basis.append(rest / norm)
    shapes = size * np.stack(basis).reshape(4, *grid.shape)
    average = _average(k, tau)
    for array in (average, shapes):
        array.flags.writeable = False
    return SurfaceShapes(grid, average, shapes)


def half_spreads(iv: Floats, grid: Grid) -> Floats:
    """Half the bid–ask spread of calls and puts, as a fraction of spot.

    h = max(h_tick, vega · 0.0007 · (σ_atm/0.18) · (1 + 2 x²) · (1 + √(1/(52 τ))) · (1.5 if in the money)), with
    x = log m / (0.75 √(τ + 0.2)): about 0.1 vol point for one-month at-the-money options, wider in the wings, for
    short maturities, in the money and when vol is high.

    Args:
        iv: ``(..., n_moneyness, n_maturity)`` annualised.
        grid: its grid.

    Returns:
        ``(..., 2, n_moneyness, n_maturity)``, calls first.
    """
    m, tau = grid.moneyness[:, None], grid.maturity[None, :]
    wing = 1 + 2 * (np.log(m) / (0.75 * np.sqrt(tau + 0.2))) ** 2
    atm = grid.interpolate(iv, 1.0, 1 / 12)[..., None, None]
    vol_points = HALF_SPREAD_VOL * atm / SHORT_VOL * wing * (1 + np.sqrt(1 / (52 * tau)))
    money = black_scholes.vega(1.0, m, tau, iv) * vol_points  # (..., n_moneyness, n_maturity)
    in_the_money = np.stack([m < 1 / ACTIVE_MONEYNESS, m > ACTIVE_MONEYNESS])  # (2, n_moneyness, 1)
    spreads: Floats = np.maximum(money[..., None, :, :] * np.where(in_the_money, 1.5, 1.0), HALF_TICK)
    return spreads


def _average(k: Floats, tau: Floats) -> Floats:
    """SSVI: total variance w = θ/2 (1 + ρφk + √((φk + ρ)² + 1 − ρ²)), φ = η θ^{−γ} (1 + θ)^{γ−1}.

    θ(τ) = τ·v(τ) with v the mean variance of a reverting one. Free of static arbitrage, because θ increases,
    0 ≤ ∂(θφ)/∂θ ≤ φ, and θφ(1+|ρ|) < 4, θφ²(1+|ρ|) ≤ 4 for every θ (at most 2.3 and 1.6 here).
    """
    decay = -np.expm1(-REVERSION * tau) / (REVERSION * tau)
    theta = (LONG_VOL**2 + (SHORT_VOL**2 - LONG_VOL**2) * decay) * tau
    phi = SMILE * theta**-FLATTENING * (1 + theta) ** (FLATTENING - 1)
    total = theta / 2 * (1 + SKEW * phi * k + np.sqrt((phi * k + SKEW) ** 2 + 1 - SKEW**2))
    vol: Floats = np.sqrt(total / tau)
    return vol
