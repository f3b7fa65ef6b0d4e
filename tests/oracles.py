"""Slow longhand references that several tests hold the engine to; nothing here imports the engine."""

import math

import mpmath
import numpy as np


def normal_cdf(x):
    return 0.5 * math.erfc(-x / math.sqrt(2))


def relative_call(m, tau, sigma, rate=0.0):
    """c(m, τ) as the thesis writes it, one number at a time."""
    d1 = (-math.log(m) + tau * (rate + sigma**2 / 2)) / (sigma * math.sqrt(tau))
    d2 = (-math.log(m) + tau * (rate - sigma**2 / 2)) / (sigma * math.sqrt(tau))
    return normal_cdf(d1) - m * math.exp(-rate * tau) * normal_cdf(d2)


def exact_relative_call(m, tau, sigma, rate=0.0):
    """The same in 40 digits."""
    with mpmath.workdps(40):
        m, tau, sigma, rate = (mpmath.mpf(float(x)) for x in (m, tau, sigma, rate))
        spread = sigma * mpmath.sqrt(tau)
        d1 = (-mpmath.log(m) + tau * (rate + sigma**2 / 2)) / spread
        return mpmath.ncdf(d1) - m * mpmath.exp(-rate * tau) * mpmath.ncdf(d1 - spread)


def penalty_matrices(iv, moneyness, maturity, rate=0.0):
    """P1, P2, P3 of one surface by loops over strikes and maturities (SPEC 1.4)."""
    m, tau = [float(x) for x in moneyness], [float(x) for x in maturity]
    c = [[relative_call(m[i], tau[j], float(iv[i][j]), rate) for j in range(len(tau))] for i in range(len(m))]
    p1, p2, p3 = (np.zeros((len(m), len(tau))) for _ in range(3))
    for i in range(len(m)):
        for j in range(len(tau)):
            if j + 1 < len(tau):
                p1[i, j] = max(tau[j] * (c[i][j] - c[i][j + 1]) / (tau[j + 1] - tau[j]), 0)
            if i + 1 < len(m):
                p2[i, j] = max((c[i + 1][j] - c[i][j]) / (m[i + 1] - m[i]), 0)
            if 0 < i < len(m) - 1:
                before = (c[i][j] - c[i - 1][j]) / (m[i] - m[i - 1])
                after = (c[i + 1][j] - c[i][j]) / (m[i + 1] - m[i])
                p3[i, j] = max(before - after, 0)
    return p1, p2, p3


def penalty_total(iv, moneyness, maturity, rate=0.0):
    return sum(math.fsum(p.ravel()) for p in penalty_matrices(iv, moneyness, maturity, rate))


def ssvi(moneyness, maturity, *, atm_variance, rho, eta, gamma, rate=0.0):
    """Surface SVI with φ(θ) = η θ^−γ (1 + θ)^(γ−1): free of static arbitrage if η(1 + |ρ|) ≤ 2, γ ≤ ½, θ increasing.

    Gatheral and Jacquier (2014), Arbitrage-free SVI volatility surfaces, (4.5) and Remark 4.4.
    """
    maturity = np.asarray(maturity, dtype=float)
    theta = atm_variance(maturity)
    k = np.log(np.asarray(moneyness, dtype=float))[:, None] - rate * maturity
    slope = eta / (theta**gamma * (1 + theta) ** (1 - gamma))
    total = theta / 2 * (1 + rho * slope * k + np.sqrt((slope * k + rho) ** 2 + 1 - rho**2))
    return np.sqrt(total / maturity)


def expanded_quantile(x, counts, q):
    """Quantile of integer-weighted values by writing each value out as often as its weight says."""
    written = sorted(value for value, count in zip(x, counts, strict=True) for _ in range(count))
    # smallest k with k/n ≥ q in exact integer arithmetic; q is a pair (numerator, denominator)
    for k in range(1, len(written) + 1):
        if k * q[1] >= q[0] * len(written):
            return written[k - 1]
    raise AssertionError("q is above one")


def optimality_gap(a, b, penalty, d):
    """Largest violation of the optimality conditions of a lasso, column by column, relative to the problem's scale.

    With g = 2 A'(b − A d): |g_i − λ_i sign(d_i)| where d_i ≠ 0, and max(|g_i| − λ_i, 0) where d_i = 0, each divided by
    the length of column i and by ‖b‖.
    """
    left, worst = b - a @ d, 0.0
    for column, weight, position in zip(a.T, penalty, d, strict=True):
        slope = 2 * float(column @ left)
        gap = abs(slope - weight * math.copysign(1, position)) if position else max(abs(slope) - weight, 0.0)
        worst = max(worst, gap / math.sqrt(column @ column))
    return worst / math.sqrt(b @ b)
