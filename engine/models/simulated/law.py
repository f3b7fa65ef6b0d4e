"""The geometry of the simulated market: its average surface, its four shapes, and what quoting on it costs.

σ(m, τ) = σ̄(m, τ) · exp(Σ_i X^i f_i(m, τ)), i = 1 level, 2 skew, 3 term structure, 4 curvature. The thesis does not
print its eigenvectors; these are smooth shapes with the signs and the meaning it gives them.

The law of the simulated market's latent state: four mean-reverting factors and a calm or stressed regime.

State of day t: factors X_t (4,) and the regime s_t ∈ {0 calm, 1 stressed} that governs the step to t + 1.

    X^i_{t+1} = α_i + (X^i_t − α_i) e^{−λ_i Δ} + γ_i √((1 − e^{−2λ_i Δ})/(2λ_i)) ξ^i          (exact OU transition)
    R_t       = (μ − ½ v_t²) Δ + √Δ v_t ξ^0,   v_t = ν σ_t(1, 1/12)                                      (2.28)
    ξ         = √((d − 2)/χ²_d) · k_s · (Z^1, …, Z^4, ρ_s·Z + √(1 − |ρ_s|²) Z^0),   Z standard normal
    P(s_{t+1} = 1 | s_t, X_{t+1}) = logistic(a_s + b (X^1_{t+1} − α_1)/sd(X^1))

So shocks are heavy-tailed (multivariate Student), their scale k_s and their correlation ρ_s with returns depend on the
regime, regimes last, and stress is likelier when vols are high. Given the past the shocks have mean zero, and
E[k_s²] = 1 in the long run, so mean α, variance γ²/(2λ) and autocorrelation e^{−λkΔ} of every factor are those of an
Ornstein–Uhlenbeck process with the parameters of Table 2.6, exactly. Factor shocks are uncorrelated; they are not
independent, because they share k_s and χ². E[ξ^0 ξ^i] is the long-term correlation of Table 2.2.

The surfaces show X and the spot shows ξ^0, so all that is hidden is s, and its probability given the past is an exact
two-state filter (Hamilton).

References:
    Simulation of arbitrage-free implied volatility surfaces, (2.4), (2.26), figures 2.1 and 2.3.
    Gatheral, J. and Jacquier, A. (2014), Arbitrage-free SVI volatility surfaces, Quantitative Finance 14(1), section 4.
    Simulation of arbitrage-free implied volatility surfaces, (2.26–2.29), Tables 2.2 and 2.6.
    Hamilton, J. D. (1989), A new approach to the economic analysis of nonstationary time series, Econometrica 57(2).
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine.errors import MarketDataError
from engine.market.grid import DT, Floats, Grid
from engine.surfaces import black_scholes
from engine.surfaces.factor_model import SPX_CORRELATION, SPX_OU

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


Regimes = NDArray[np.intp]

OU = SPX_OU
"""(λ, α, γ) of each factor, Table 2.6."""

RETURN_CORRELATION = SPX_CORRELATION
"""Long-term correlation of returns with the factors' increments, Table 2.2."""

SPOT_VOL_SHARE = 0.5
"""ν: spot volatility as a share of one-month at-the-money implied vol (SPEC 1.6)."""

DRIFT = 0.06
"""μ, per year: the thesis's spot has no drift, an index has."""

TAIL = 8.0
"""d, degrees of freedom of the shocks; with the regimes and the moving vol, daily returns have a kurtosis near 20."""

ENTER, STAY, LEVEL_PULL = 0.02, 0.92, 0.7
"""Daily probabilities of entering and of staying in stress at an average level of vol, and b, their log-odds' slope."""

STRESS_RATIO = 2.5
"""k_1/k_0, stressed to calm scale of the shocks."""

STRESS_SHARE = 0.2432016
"""π, long-run share of stressed days: no closed form, but a quadrature of the law of (X^1, s), which a test repeats."""

SCALE = np.array([1.0, STRESS_RATIO]) / math.sqrt(1 + STRESS_SHARE * (STRESS_RATIO**2 - 1))
"""(k_0, k_1), from E[k²] = 1."""

STRESS_CORRELATION = 1.2
"""ρ_1 over the long-term correlation; ρ_0 follows from E[k_s² ρ_s] = the long-term correlation."""

_STRESS_VARIANCE = STRESS_SHARE * float(SCALE[1]) ** 2  # the part of E[k²] = 1 that comes from stressed days
REGIME_CORRELATION = np.outer(
    [(1 - _STRESS_VARIANCE * STRESS_CORRELATION) / (1 - _STRESS_VARIANCE), STRESS_CORRELATION], RETURN_CORRELATION
)
"""(ρ_0, ρ_1), shape (2, 4)."""

LAMBDA, MEAN, GAMMA = OU.T
DECAY = np.exp(-LAMBDA * DT)
"""e^{−λΔ}."""
STEP = GAMMA * np.sqrt((1 - DECAY**2) / (2 * LAMBDA))
"""γ √((1 − e^{−2λΔ})/(2λ)): standard deviation of a factor's daily innovation."""
STATIONARY_SD = GAMMA / np.sqrt(2 * LAMBDA)
"""γ/√(2λ): long-run standard deviation of each factor."""

_OWN_RISK = np.sqrt(1 - (REGIME_CORRELATION**2).sum(axis=1))  # √(1 − |ρ_s|²), shape (2,)
_LOG_ODDS = np.log([ENTER / (1 - ENTER), STAY / (1 - STAY)])


def stress_probability(regime: ArrayLike, level: ArrayLike) -> Floats:
    """P(s_{t+1} = 1 | s_t = regime, X^1_{t+1} = level), broadcast."""
    log_odds = _LOG_ODDS[np.asarray(regime, dtype=np.intp)]
    odds = np.exp(log_odds + LEVEL_PULL * (np.asarray(level) - MEAN[0]) / STATIONARY_SD[0])
    probability: Floats = odds / (1 + odds)
    return probability


def unit_shocks(shape: tuple[int, ...], rng: np.random.Generator) -> Floats:
    """Heavy-tailed shocks before any regime: ``(*shape, 5)``, zero mean, identity covariance."""
    z = rng.standard_normal((*shape, 5))
    z *= np.sqrt((TAIL - 2) / rng.chisquare(TAIL, shape))[..., None]
    return z


def regime_shocks(unit: Floats, regime: Regimes) -> Floats:
    """Give unit shocks a regime's scale and correlation.

    Args:
        unit: ``(..., 5)`` of :func:`unit_shocks`.
        regime: ``(...)``.

    Returns:
        ``(..., 5)``: (ξ^1, …, ξ^4, ξ^0), factors first, return last.
    """
    regime = np.asarray(regime)
    spot = (REGIME_CORRELATION[regime] * unit[..., :4]).sum(axis=-1) + _OWN_RISK[regime] * unit[..., 4]
    shocks: Floats = np.concatenate([unit[..., :4], spot[..., None]], axis=-1)
    return shocks * SCALE[regime][..., None]


def next_factors(factors: Floats, shocks: Floats) -> Floats:
    """X_{t+1} from X_t ``(..., 4)`` and the first four shocks."""
    following: Floats = MEAN + DECAY * (factors - MEAN) + STEP * shocks[..., :4]
    return following


def log_returns(atm: Floats, shocks: Floats) -> Floats:
    """R_t from σ_t(1, 1/12) and the last shock."""
    vol = SPOT_VOL_SHARE * atm
    return (DRIFT - vol**2 / 2) * DT + math.sqrt(DT) * vol * shocks[..., 4]


def shocks_of(factors: Floats, log_return: Floats, atm: Floats) -> Floats:
    """The shocks behind an observed path, the inverse of :func:`next_factors` and :func:`log_returns`.

    Args:
        factors: ``(n, 4)``.
        log_return: ``(n − 1,)``.
        atm: ``(n,)`` σ_t(1, 1/12).

    Returns:
        ``(n − 1, 5)``; row t took the market from day t to day t + 1.
    """
    xi = (factors[1:] - MEAN - DECAY * (factors[:-1] - MEAN)) / STEP
    vol = SPOT_VOL_SHARE * atm[:-1]
    spot = (log_return - (DRIFT - vol**2 / 2) * DT) / (math.sqrt(DT) * vol)
    return np.concatenate([xi, spot[:, None]], axis=1)


def log_density(shocks: Floats) -> Floats:
    """log density of shocks ``(..., 5)`` in each regime: ``(..., 2)``.

    Multivariate Student with covariance k²Σ, Σ = [[I, ρ], [ρ', 1]], det Σ = 1 − |ρ|²:
    log C − ½ log det Σ − 5 log k − ½(d + 5) log(1 + ξ'Σ⁻¹ξ/(k²(d − 2))),
    C = Γ((d + 5)/2)/(Γ(d/2) (π(d − 2))^{5/2}).
    """
    constant = math.lgamma((TAIL + 5) / 2) - math.lgamma(TAIL / 2) - 2.5 * math.log(math.pi * (TAIL - 2))
    factors, spot = shocks[..., :4], shocks[..., 4:]
    own = (spot - factors @ REGIME_CORRELATION.T) / _OWN_RISK  # (..., 2), what the factors do not explain of the return
    distance = ((factors**2).sum(axis=-1, keepdims=True) + own**2) / (SCALE**2 * (TAIL - 2))
    density: Floats = constant - np.log(_OWN_RISK) - 5 * np.log(SCALE) - (TAIL + 5) / 2 * np.log1p(distance)
    return density


def filter_regime(shocks: Floats, level: Floats) -> tuple[Floats, Floats]:
    """P(s_t = 1 | everything seen up to day t), and the log density of each shock given the past.

    With p the probability of stress before a shock ξ, it is p̃ = p f_1(ξ)/((1 − p) f_0(ξ) + p f_1(ξ)) after it,
    and p' = p̃ P(1 | 1, X') + (1 − p̃) P(1 | 0, X') for the next step. The first day's is the long-run share.

    Args:
        shocks: ``(n − 1, 5)`` of :func:`shocks_of`.
        level: ``(n,)`` the first factor.

    Returns:
        Probabilities ``(n,)`` and log densities ``(n − 1,)``.
    """
    calm, stressed = log_density(shocks).T
    ratio = np.exp(stressed - calm).tolist()  # bounded: both tails fall alike
    enter = stress_probability(0, level).tolist()
    stay = stress_probability(1, level).tolist()
    p, known, mixture = STRESS_SHARE, [STRESS_SHARE], []
    for t, r in enumerate(ratio, start=1):
        mixed = 1 - p + p * r
        after = p * r / mixed
        p = after * stay[t] + (1 - after) * enter[t]
        mixture.append(mixed)
        known.append(p)
    return np.array(known), calm + np.log(mixture)


def simulate_latent(n: int, rng: np.random.Generator, burn_in: int = 504) -> tuple[Floats, Regimes, Floats]:
    """A path of the latent state, started at the mean and run for ``burn_in`` days before it is recorded.

    Returns:
        Factors ``(n, 4)``, regimes ``(n,)`` and shocks ``(n, 5)``; row t of the shocks leads from day t to t + 1.
    """
    days = n + burn_in
    unit = unit_shocks((days,), rng)
    either = np.stack([regime_shocks(unit, np.full(days, s)) for s in (0, 1)])  # (2, days, 5)
    uniform = rng.random(days)
    factors, regime = np.empty((days, 4)), np.empty(days, dtype=np.intp)
    x, s = MEAN.copy(), 0
    for t in range(days):
        odds = math.exp(_LOG_ODDS[s] + LEVEL_PULL * (x[0] - MEAN[0]) / STATIONARY_SD[0])
        s = int(uniform[t] * (1 + odds) < odds)
        factors[t], regime[t] = x, s
        x = next_factors(x, either[s, t])
    kept = slice(burn_in, None)
    return factors[kept], regime[kept], either[regime, np.arange(days)][kept]
