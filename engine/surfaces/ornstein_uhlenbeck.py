"""Ornstein–Uhlenbeck processes: exact transitions, and estimation by the generalised method of moments.

dX = λ(α − X)dt + γ dW. Over a step Δ, exactly: X_{t+Δ} = α + (X_t − α)e^{−λΔ} + γ sqrt((1 − e^{−2λΔ})/(2λ)) Z.
In the stationary law X has mean α, variance V = γ²/(2λ) and autocorrelations e^{−λkΔ}.

References:
    L. P. Hansen (1982), Large sample properties of generalized method of moments estimators, Econometrica 50.
    W. Newey and K. West (1987), A simple, positive semi-definite … covariance matrix, Econometrica 55.
    D. Andrews and J. C. Monahan (1992), An improved … covariance matrix estimator, Econometrica 60 (prewhitening).
    C. Y. Tang and S. X. Chen (2009), Parameter estimation and bias correction for diffusion processes (bias of λ).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine.errors import MarketDataError
from engine.market.grid import DT, Floats
from engine.surfaces.dynamics import long_run_sum

Steps = NDArray[np.intp]

LAGS = (1, 5, 21, 63)
"""Default lags of the autocorrelation moments, in steps: a day, a week, a month, a quarter."""

BANDWIDTH_SHARE, BANDWIDTH_GROWTH = 12, 1.5
"""The long-run variance averages over min(n/12, 1.5 n^(2/3)) lags: two years of a daily sample of 23 years."""


@dataclass(frozen=True)
class OrnsteinUhlenbeck:
    """Parameters of one process.

    Args:
        mean_reversion: λ > 0, per year.
        mean: α, in units of X.
        volatility: γ > 0, units of X per square root of a year.

    Raises:
        MarketDataError: if λ or γ is not positive and finite, or α is not finite.
    """

    mean_reversion: float
    mean: float
    volatility: float

    def __post_init__(self) -> None:
        for name, value in (("mean reversion", self.mean_reversion), ("volatility", self.volatility)):
            if not (math.isfinite(value) and value > 0):
                raise MarketDataError(f"expected a {name} of the Ornstein–Uhlenbeck process > 0; found {value:g}")
        if not math.isfinite(self.mean):
            raise MarketDataError(f"expected a finite mean of the Ornstein–Uhlenbeck process; found {self.mean}")

    @property
    def stationary_sd(self) -> float:
        """sqrt(V) = γ/sqrt(2λ)."""
        return self.volatility / math.sqrt(2 * self.mean_reversion)

    @property
    def half_life(self) -> float:
        """log 2/λ, years until half of a deviation is gone."""
        return math.log(2) / self.mean_reversion

    def autocorrelation(self, years: ArrayLike) -> Floats:
        """e^{−λτ} at lags in years."""
        values: Floats = np.exp(-self.mean_reversion * np.asarray(years, dtype=np.float64))
        return values

    def transition(self, dt: float = DT) -> tuple[float, float]:
        """(e^{−λΔ}, standard deviation of X_{t+Δ} given X_t) for a step Δ in years."""
        decay = math.exp(-self.mean_reversion * dt)
        return decay, self.stationary_sd * math.sqrt(-math.expm1(-2 * self.mean_reversion * dt))


@dataclass(frozen=True)
class OrnsteinUhlenbeckFit(OrnsteinUhlenbeck):
    """Estimates with standard errors and the test of the over-identifying moments.

    Args:
        mean_reversion_se, mean_se, volatility_se: standard errors, robust to heteroskedastic heavy-tailed shocks.
        j_statistic: J ≥ 0; large when the autocorrelations do not decay like one exponential.
        degrees_of_freedom: moments less parameters; 0 if the moments identify the parameters exactly.
        p_value: of J under the model; NaN without degrees of freedom.
        years: length of the sample.
        lags: lags of the autocorrelation moments, steps.
    """

    mean_reversion_se: float
    mean_se: float
    volatility_se: float
    j_statistic: float
    degrees_of_freedom: int
    p_value: float
    years: float
    lags: tuple[int, ...]

    @property
    def mean_reversion_bias(self) -> float:
        """4/T: by about this much λ̂ is too high on average when the mean is estimated too (Tang and Chen 2009)."""
        return 4.0 / self.years


def fit(x: ArrayLike, dt: float = DT, *, lags: Sequence[int] = LAGS) -> OrnsteinUhlenbeckFit:
    """Generalised method of moments on the mean, the variance and autocorrelations at several lags (SPEC 1.3).

    Moments: E[X − α] = 0, E[(X − α)²] = V and E[(X_{t+k} − X_t)²]/2 = V(1 − e^{−λkΔ}) for each lag k. The last form is
    a linear recombination of variance and autocovariance, so the estimator is the same, but it does not lose γ, which
    lives in the small changes, to rounding.

    Mean and variance are matched exactly. λ minimises the squared errors of the autocorrelations, each divided by its
    long-run variance under the model (Bartlett's formula at a first estimate from lag 1). Weights estimated from the
    data, or the full inverse covariance, are efficient on paper only: on 22 years of heavy-tailed shocks they bias γ
    down, and on a market whose shortest lag is noisy they give up the variance and send λ to several times its value.

    Standard errors come from the sandwich with an estimated long-run covariance: Newey–West over up to n/12 lags after
    prewhitening each moment by its own first-order decay (for X − α and (X − α)² the decay of the fitted model, which
    is exact under it). J tests the combinations of moments that the parameters cannot move, with the same covariance
    and an F law that allows for its few degrees of freedom.

    Args:
        x: ``(n,)`` equally spaced observations.
        dt: years between them.
        lags: steps, distinct and ≥ 1. Leave out lag 1 when observation noise would pass for volatility.

    Raises:
        MarketDataError: if there are too few observations, they are not finite, do not vary, or show no persistence.

    References:
        Hansen (1982); Newey and West (1987); thesis, section 2.5 and Table 2.6.
    """
    series, steps = _checked(x, dt, lags)
    n = len(series)
    mean = float(series.mean())
    deviation = series - mean
    half_squares = [0.5 * (series[k:] - series[:-k]) ** 2 for k in steps]
    sample = np.array([np.mean(deviation**2), *(part.mean() for part in half_squares)])  # (1 + lags,)

    years: Floats = steps.astype(np.float64) * dt
    variance = float(sample[0])
    departures: Floats = sample[1:] / variance  # 1 − r_k
    weights: Floats = 1 / _model_variances(_first_estimate(deviation, dt), steps, dt)
    rate = _minimise(departures, weights, years)

    moments = np.zeros((n, 2 + len(steps)))
    moments[:, 0] = deviation
    moments[:, 1] = deviation**2
    for column, (k, part) in enumerate(zip(steps, half_squares, strict=True), start=2):
        moments[: n - k, column] = part * (n / (n - k))
    covariance, bandwidth = _long_run_covariance(moments, rate, dt, int(steps.max()))
    shape = np.concatenate([[1.0], -np.expm1(-rate * years)])
    error = np.concatenate([[0.0], sample - variance * shape])  # ḡ at the estimate

    # derivative of ḡ in (α, log V, log λ); the three combinations of ḡ set to zero; delta method to (λ, α, γ)
    jacobian = np.zeros((len(error), 3))
    jacobian[0, 0] = -1.0
    jacobian[1:, 1] = -variance * shape
    jacobian[2:, 2] = -variance * rate * years * np.exp(-rate * years)
    equations = np.zeros((3, len(error)))
    equations[0, 0] = equations[1, 1] = 1.0
    equations[2, 2:] = weights * jacobian[2:, 2] / variance
    influence = np.linalg.solve(equations @ jacobian, equations)
    volatility = math.sqrt(2 * rate * variance)
    delta = np.array([[0, 0, rate], [1, 0, 0], [0, volatility / 2, volatility / 2]]) @ influence
    errors = np.sqrt(np.diag(delta @ covariance @ delta.T) / n)
    j, freedom, p_value = _over_identification(error, jacobian, covariance, n, bandwidth)
    return OrnsteinUhlenbeckFit(
        mean_reversion=rate,
        mean=mean,
        volatility=volatility,
        mean_reversion_se=float(errors[0]),
        mean_se=float(errors[1]),
        volatility_se=float(errors[2]),
        j_statistic=j,
        degrees_of_freedom=freedom,
        p_value=p_value,
        years=n * dt,
        lags=tuple(int(k) for k in steps),
    )


def simulate(
    process: OrnsteinUhlenbeck,
    n_steps: int,
    n_paths: int = 1,
    *,
    rng: np.random.Generator,
    dt: float = DT,
    start: ArrayLike | None = None,
) -> Floats:
    """Paths by exact transitions: no discretisation error at any step size.

    Args:
        process: λ, α, γ.
        n_steps: steps after the start.
        n_paths: number of paths.
        rng: source of randomness.
        dt: years a step.
        start: X_0, one number or ``(n_paths,)``; a draw from the stationary law if not given.

    Returns:
        ``(n_paths, n_steps + 1)``, the start included.
    """
    decay, sd = process.transition(dt)
    shocks = rng.standard_normal((n_paths, n_steps + 1))
    paths = np.empty((n_paths, n_steps + 1))
    paths[:, 0] = process.stationary_sd * shocks[:, 0] if start is None else np.asarray(start) - process.mean
    for step in range(n_steps):
        paths[:, step + 1] = decay * paths[:, step] + sd * shocks[:, step + 1]
    return paths + process.mean


def log_likelihood(process: OrnsteinUhlenbeck, x: ArrayLike, dt: float = DT) -> float:
    """Exact log-density of observations given the first one, Σ log N(X_{t+Δ}; α + (X_t − α)e^{−λΔ}, s²).

    Args:
        process: λ, α, γ.
        x: ``(n,)`` equally spaced observations.
        dt: years between them.
    """
    deviation = np.asarray(x, dtype=np.float64) - process.mean
    decay, sd = process.transition(dt)
    z = (deviation[1:] - decay * deviation[:-1]) / sd
    return float(-0.5 * (z @ z) - len(z) * (math.log(sd) + 0.5 * math.log(2 * math.pi)))


def _checked(x: ArrayLike, dt: float, lags: Sequence[int]) -> tuple[Floats, Steps]:
    series = np.asarray(x, dtype=np.float64)
    steps = np.array(sorted(set(lags)), dtype=np.intp)
    if series.ndim != 1:
        raise MarketDataError(f"expected one series of observations; found an array of shape {series.shape}")
    if not (math.isfinite(dt) and dt > 0):
        raise MarketDataError(f"expected a step between observations > 0 years; found {dt}")
    if len(steps) == 0 or steps[0] < 1:
        raise MarketDataError(f"expected lags of at least 1 step; found {list(lags)}")
    if len(series) < 4 * steps[-1] or len(series) < 20:
        least = max(20, 4 * int(steps[-1]))
        raise MarketDataError(f"expected at least {least} observations for a lag of {steps[-1]}; found {len(series)}")
    if not np.isfinite(series).all():
        raise MarketDataError(f"expected finite observations; found {series[~np.isfinite(series)][0]}")
    if np.ptp(series) <= 1e-12 * np.abs(series).max():
        raise MarketDataError("expected observations that vary; found the same value throughout")
    return series, steps


def _first_estimate(deviation: Floats, dt: float) -> float:
    """λ from the autocorrelation at lag 1."""
    correlation = float(deviation[1:] @ deviation[:-1] / (deviation @ deviation))
    if correlation < 2 / math.sqrt(len(deviation)):
        raise MarketDataError(
            f"expected a series whose successive values are correlated; found an autocorrelation of {correlation:.2f}"
        )
    return -math.log(min(correlation, 1 - 1e-6)) / dt


def _model_variances(rate: float, steps: Steps, dt: float) -> Floats:
    """Long-run variance of half the squared differences at each lag, under the model with V = 1.

    Bartlett's formula: the autocovariances at lags a and b have long-run covariance h(|a−b|) + h(a+b) with
    h(d) = Σ_s ρ^{|s|+|s+d|} = ρ^d (d + (1+ρ²)/(1−ρ²)); half a squared difference is variance less autocovariance.
    """
    rho = math.exp(-max(rate * dt, 1e-4))  # nearer to 1 the differences below would lose their digits

    def h(d: Floats | float) -> Floats:
        value: Floats = np.asarray(rho**d * (d + (1 + rho**2) / (1 - rho**2)))
        return value

    lags = steps.astype(np.float64)
    variances: Floats = 3 * h(0.0) + h(2 * lags) - 4 * h(lags)
    return variances


def _minimise(sample: Floats, weights: Floats, years: Floats) -> float:
    """λ that minimises Σ w_k (1 − r_k − (1 − e^{−λkΔ}))² over the autocorrelations r_k."""
    from scipy.optimize import minimize_scalar

    def distance(log_rate: float) -> float:
        error = sample + np.expm1(-math.exp(log_rate) * years)
        return float(error @ (scaled * error))

    scaled = weights / weights.max()
    # the answer lies between the smallest and the largest λ that one lag alone would give
    alone = -np.log1p(-np.clip(sample, 1e-9, 1 - 1e-9)) / years
    low, high = math.log(alone.min()), math.log(alone.max())
    if high - low < 1e-9:
        return math.exp(low)
    best = minimize_scalar(distance, bounds=(low, high), method="bounded", options={"xatol": 1e-10})
    return math.exp(float(best.x))


def _long_run_covariance(moments: Floats, rate: float, dt: float, longest: int) -> tuple[Floats, int]:
    """Prewhitened Newey–West covariance of ``(n, q)`` moments about their means, and its bandwidth in steps.

    It is divided by 1 − bandwidth/n, the share of the variance that is left after taking out the mean.
    """
    n = len(moments)
    centred = moments - moments.mean(axis=0)
    lagged = (centred[1:] * centred[:-1]).sum(axis=0) / (centred[:-1] ** 2).sum(axis=0)
    # the decay of the model, less its known upward bias: too fast a decay would make the errors look small
    true_rate = max(rate - 4 / (n * dt), rate / 3)
    lagged[:2] = np.exp(-np.array([1.0, 2.0]) * true_rate * dt)
    lagged = np.clip(lagged, -0.99, 1 - 1 / n)
    white = centred[1:] - lagged * centred[:-1]
    bandwidth = max(int(min(n / BANDWIDTH_SHARE, BANDWIDTH_GROWTH * n ** (2 / 3))), longest)
    total = long_run_sum(white, bandwidth)
    colour = 1 / (1 - lagged)
    covariance: Floats = total / len(white) / (1 - bandwidth / n) * np.outer(colour, colour)
    return covariance, bandwidth


def _over_identification(
    error: Floats, jacobian: Floats, covariance: Floats, n: int, bandwidth: int
) -> tuple[float, int, float]:
    """(J, degrees of freedom, p): the moments that the parameters cannot move, against their covariance."""
    freedom = len(error) - 3
    if freedom == 0:
        return 0.0, 0, float("nan")
    from scipy.stats import f

    scale = np.sqrt(np.diag(covariance))
    free = np.linalg.svd(jacobian / scale[:, None])[0][:, 3:] / scale[:, None]  # (q, freedom), free' G = 0
    left = free.T @ error
    j = float(n * left @ np.linalg.solve(free.T @ covariance @ free, left))
    nu = max(1.5 * n / bandwidth, freedom + 1.0)  # degrees of freedom of the Bartlett kernel
    ratio = j * (nu - freedom + 1) / (nu * freedom)
    return j, freedom, float(f.sf(ratio, freedom, nu - freedom + 1))
