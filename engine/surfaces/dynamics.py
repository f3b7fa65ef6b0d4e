"""How surfaces move with themselves and with the index: autocorrelations, correlations, implied against realised vol.

References:
    G. Box, G. Jenkins, G. Reinsel (2008), Time Series Analysis, chapters 2 and 3.
    W. Newey and K. West (1987), Econometrica 55 (the covariance behind the robust intervals).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import ArrayLike

from engine.errors import MarketDataError
from engine.market.grid import TRADING_DAYS, Floats, maturity_label
from engine.market.surface_history import SurfaceHistory

TWO_YEARS = 2 * TRADING_DAYS
"""Window of the rolling correlations, trading days."""

MONTH = 1 / 12
"""Maturity of the at-the-money vol that realised vol is compared with, years."""

Z95 = 1.959963984540054
"""97.5 % quantile of the standard normal law."""


@dataclass(frozen=True, eq=False)
class Autocorrelation:
    """Sample autocorrelations of one series.

    Args:
        lag: ``(k + 1,)`` steps 0 … k.
        acf: ``(k + 1,)`` autocorrelation.
        partial_lag, pacf: the same for the partial autocorrelation, whose lags may end earlier.
        band: 1.96/sqrt(n): 95 % of the values of independent observations lie within ± band.
    """

    lag: Floats
    acf: Floats
    partial_lag: Floats
    pacf: Floats
    band: float


@dataclass(frozen=True)
class Correlation:
    """A sample correlation with two 95 % intervals.

    Args:
        value: the correlation.
        n: pairs.
        fisher: interval for independent normal pairs (Fisher's z, ± 1.96/sqrt(n − 3)).
        robust: interval that allows for heavy tails and volatility clustering (Newey–West, on Fisher's scale).
    """

    value: float
    n: int
    fisher: tuple[float, float]
    robust: tuple[float, float]


@dataclass(frozen=True)
class Ratio:
    """A ratio of two vols over time: mean, standard deviation and median."""

    label: str
    mean: float
    sd: float
    median: float
    days: int


@dataclass(frozen=True, eq=False)
class VolComparison:
    """Realised, at-the-money and index vol, day by day.

    Args:
        realised: ``(n,)`` one-month realised vol, annualised; NaN before there are 21 returns (2.5).
        atm: ``(n,)`` at-the-money implied vol, annualised.
        atm_label: its maturity in market words (one month, or the shortest there is).
        vix: ``(n,)`` volatility index as a fraction, if known.
        ratios: label → ``(n,)`` ratio day by day, NaN where realised vol is unknown.
    """

    realised: Floats
    atm: Floats
    atm_label: str
    vix: Floats | None
    ratios: Mapping[str, Floats]

    def summary(self) -> tuple[Ratio, ...]:
        """Mean, standard deviation and median of each ratio over the days on which it is known."""
        rows = []
        for label, series in self.ratios.items():
            known = series[np.isfinite(series)]
            if len(known) == 0:  # a spot that stood still has no realised vol to divide by
                continue
            sd = float(known.std(ddof=1)) if len(known) > 1 else float("nan")
            rows.append(Ratio(label, float(known.mean()), sd, float(np.median(known)), len(known)))
        return tuple(rows)


def autocorrelation(x: ArrayLike, lags: int = TRADING_DAYS, partial_lags: int = 21) -> Autocorrelation:
    """Autocorrelation and partial autocorrelation (statsmodels; the latter by Yule–Walker with divisor n).

    Args:
        x: ``(n,)`` equally spaced observations.
        lags: longest lag, steps; cut to n/2.
        partial_lags: longest lag of the partial autocorrelation; cut to n/4.

    Raises:
        MarketDataError: if there are fewer than 8 observations or they do not vary.
    """
    series = _series(x, least=8)
    from statsmodels.tsa.stattools import acf, pacf

    n = len(series)
    lags, partial_lags = min(lags, n // 2), min(partial_lags, n // 4)
    return Autocorrelation(
        lag=np.arange(lags + 1.0),
        acf=np.asarray(acf(series, nlags=lags, fft=True)),
        partial_lag=np.arange(partial_lags + 1.0),
        pacf=np.asarray(pacf(series, nlags=partial_lags, method="ywm")),
        band=Z95 / math.sqrt(n),
    )


def correlation(x: ArrayLike, y: ArrayLike, *, bandwidth: int | None = None) -> Correlation:
    """Pearson correlation with Fisher's interval and a robust one.

    The robust one takes the influence of each pair, ψ = z_x z_y − ρ(z_x² + z_y²)/2 with standardised z, and the
    Newey–West long-run variance of ψ; its ends are tanh(artanh ρ ± 1.96 se/(1 − ρ²)).

    Args:
        x, y: ``(n,)`` pairs.
        bandwidth: lags of the Newey–West sum, by default 21 (a month), at most n/4.

    Raises:
        MarketDataError: if lengths differ, there are fewer than 8 pairs, or a series does not vary.
    """
    left, right = _series(x, least=8), _series(y, least=8)
    if len(left) != len(right):
        raise MarketDataError(f"expected two series of one length; found {len(left)} and {len(right)}")
    n = len(left)
    zx, zy = (left - left.mean()) / left.std(), (right - right.mean()) / right.std()
    rho = float(np.clip(zx @ zy / n, -1.0, 1.0))
    centre = math.atanh(float(np.clip(rho, -1 + 1e-15, 1 - 1e-15)))
    influence = zx * zy - rho * (zx**2 + zy**2) / 2
    window = min(21 if bandwidth is None else bandwidth, n // 4)
    influence -= influence.mean()
    long_run = float(long_run_sum(influence[:, None], window)[0, 0]) / n
    spread = math.sqrt(long_run / n) / max(1 - rho**2, 1e-15)
    return Correlation(
        value=rho,
        n=n,
        fisher=_interval(centre, 1 / math.sqrt(n - 3)),
        robust=_interval(centre, spread),
    )


def long_run_sum(x: Floats, bandwidth: int) -> Floats:
    """Newey–West: Σ_{|k| ≤ h} (1 − |k|/(h+1)) Σ_t x_{t+k} x_t', without any centring.

    The triangular weights are a box of h + 1 ones folded with itself, so the sum is Σ_s M_s M_s'/(h+1) with M the
    moving sums of x over h + 1 steps, zeros before and after: one pass, and never indefinite.

    Args:
        x: ``(n, q)`` observations.
        bandwidth: h, steps.

    Returns:
        ``(q, q)``; divide by n for a long-run covariance.
    """
    h = bandwidth + 1
    padded = np.zeros((len(x) + 2 * h - 1, x.shape[1]))
    padded[h : h + len(x)] = x
    running = padded.cumsum(axis=0)
    moving = running[h:] - running[:-h]  # (n + h − 1, q)
    total: Floats = moving.T @ moving / h
    return total


def rolling_correlation(x: ArrayLike, y: ArrayLike, window: int = TWO_YEARS) -> Floats:
    """Correlation over the last ``window`` pairs, at every pair.

    Args:
        x, y: ``(n,)`` pairs.
        window: w, pairs in a window.

    Returns:
        ``(n,)``; NaN for the first w − 1 and where a window does not vary.

    Raises:
        MarketDataError: if lengths differ or a window has fewer than three pairs.
    """
    left, right = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if left.shape != right.shape or left.ndim != 1:
        raise MarketDataError(f"expected two series of one length; found shapes {left.shape} and {right.shape}")
    if window < 3:
        raise MarketDataError(f"expected a window of at least 3 days; found {window}")
    values = np.full(len(left), np.nan)
    if len(left) < window:
        return values
    # about the centre of the whole series, so that the differences below keep their digits
    a = sliding_window_view(left - left.mean(), window)  # (n − w + 1, w)
    b = sliding_window_view(right - right.mean(), window)
    mean_a, mean_b = a.mean(axis=1), b.mean(axis=1)
    cross = np.einsum("ij,ij->i", a, b) / window - mean_a * mean_b
    var_a = np.einsum("ij,ij->i", a, a) / window - mean_a**2
    var_b = np.einsum("ij,ij->i", b, b) / window - mean_b**2
    still = (var_a <= 1e-14 * left.var()) | (var_b <= 1e-14 * right.var())
    product = np.where(still, 1.0, var_a * var_b)
    values[window - 1 :] = np.where(still, np.nan, np.clip(cross / np.sqrt(product), -1, 1))
    return values


def compare_vols(history: SurfaceHistory) -> VolComparison:
    """Realised vol against at-the-money vol and the VIX.

    Realised vol is sqrt(252/21 · Σ R²); equation (2.5) prints the factor the other way round.

    The at-the-money vol has one month to run; where the grid starts later its shortest maturity is taken and named,
    because a term structure extrapolated to a month is mostly noise.

    Args:
        history: the data.

    Raises:
        MarketDataError: if there are fewer than 22 days or the grid does not contain the money.
    """
    if len(history) < 22:
        raise MarketDataError(f"expected at least 22 days for one-month realised vol; found {len(history)}")
    moneyness = history.grid.moneyness
    if not moneyness[0] <= 1 <= moneyness[-1]:
        found = f"{100 * moneyness[0]:g} % to {100 * moneyness[-1]:g} %"
        raise MarketDataError(f"expected a grid around the money (100 %); found moneyness from {found}")
    maturity = max(MONTH, float(history.grid.maturity[0]))
    label = f"{maturity_label(maturity)} ATM"
    realised, atm = history.realised_vol, history.atm(maturity)
    vix = None if history.vix is None else history.vix / 100
    ratios = {f"realised / {label}": realised / atm}
    if vix is not None:
        known = np.where(realised > 0, realised, np.nan)
        ratios |= {f"VIX / {label}": vix / atm, "VIX / realised": vix / known}
    return VolComparison(realised, atm, label, vix, ratios)


def _series(x: ArrayLike, least: int) -> Floats:
    series = np.asarray(x, dtype=np.float64)
    if series.ndim != 1 or len(series) < least:
        raise MarketDataError(f"expected a series of at least {least} observations; found shape {series.shape}")
    if not np.isfinite(series).all():
        raise MarketDataError(f"expected finite observations; found {series[~np.isfinite(series)][0]}")
    if np.ptp(series) <= 1e-12 * np.abs(series).max():
        raise MarketDataError("expected observations that vary; found the same value throughout")
    return series


def _interval(centre: float, se: float) -> tuple[float, float]:
    return math.tanh(centre - Z95 * se), math.tanh(centre + Z95 * se)
