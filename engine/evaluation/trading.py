"""How well did the bets do? Sharpe ratios and how sure they are, point errors, halves of the day, turnover.

PnL is by day and in basis points of the notional; the arithmetic of bets is in :mod:`engine.decisions.forecasting`.
Ratios are annualised, tests (asymptotic errors, tests against luck, block bootstrap) are those of the daily ratio.

References:
    A. Lo (2002), The statistics of Sharpe ratios, Financial Analysts Journal 58.
    E. Mertens (2002), Comments on variance of the IID estimator in Lo.
    D. Bailey and M. López de Prado (2012, 2014), The Sharpe ratio efficient frontier; The deflated Sharpe ratio.
    O. Ledoit and M. Wolf (2008), Robust performance hypothesis testing with the Sharpe ratio, J. Empirical Finance 15.
    D. Politis and J. Romano (1992), A circular block-resampling procedure for stationary data.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from engine.decisions.forecasting import (
    break_even_cost,
    daily,
    sharpe_ratio,
    traded,
    weighted_pnl,
)
from engine.errors import MarketDataError, SettingsError
from engine.evaluation.comparison import newey_west_lags
from engine.market.grid import TRADING_DAYS, Floats
from engine.market.surface_history import Dates
from engine.surfaces.dynamics import long_run_sum

LEAST_DAYS = 10
"""Fewer days say nothing about a ratio."""


@dataclass(frozen=True)
class SharpeError:
    """An annualised Sharpe ratio and how far it may be off.

    Args:
        ratio: √252 · mean/sd.
        standard_error: of the annualised ratio.
        low, high: ends of the interval.
        days: n.
    """

    ratio: float
    standard_error: float
    low: float
    high: float
    days: int


def sharpe_error(daily_pnl: ArrayLike, *, coverage: float = 0.95, correlated: bool = True) -> SharpeError:
    """Sharpe ratio with the asymptotic interval of Lo (2002).

    With s the daily ratio, u_t = (x_t − μ)/σ and the influence v_t = u_t − s (u_t² − 1)/2, the variance of √n ŝ is the
    long-run variance of v (Newey–West, ⌊4(n/100)^{2/9}⌋ lags). With ``correlated=False`` days are taken for
    independent: the variance of v, which is 1 + s²/2 if PnL is Gaussian and 1 − γ₃s + (γ₄ − 1)s²/4 otherwise.

    Args:
        daily_pnl: ``(days,)``.
        coverage: of the interval.
        correlated: allow for days that depend on one another.

    Raises:
        MarketDataError: for fewer than 10 days, values that are not finite, or PnL that does not vary.

    References:
        Lo (2002), equations 9 and A2–A5; Mertens (2002).
    """
    from scipy.stats import norm

    pnl = _series(daily_pnl)
    n, mean, sd = len(pnl), float(pnl.mean()), float(pnl.std())
    s = mean / sd
    u = (pnl - mean) / sd
    influence = u - 0.5 * s * (u**2 - 1)
    lags = min(newey_west_lags(n), n - 1) if correlated else 0
    variance = float(long_run_sum(influence[:, None], lags)[0, 0]) / n
    error = math.sqrt(TRADING_DAYS * variance / n)
    ratio, reach = math.sqrt(TRADING_DAYS) * s, float(norm.isf((1 - coverage) / 2)) * error
    return SharpeError(ratio, error, ratio - reach, ratio + reach, n)


def probabilistic_sharpe(daily_pnl: ArrayLike, benchmark: float = 0.0) -> float:
    """Probability that the true Sharpe ratio exceeds a benchmark, given length, skewness and tails of the series.

    PSR = N((ŝ − s*) √(n − 1) / √(1 − γ₃ŝ + (γ₄ − 1)ŝ²/4)), ratios by day.

    Args:
        daily_pnl: ``(days,)``.
        benchmark: annualised ratio to exceed.

    References:
        Bailey and López de Prado (2012), equation 11.
    """
    pnl = _series(daily_pnl)
    u = (pnl - pnl.mean()) / pnl.std()
    s = float(pnl.mean() / pnl.std())
    return _probability(s, benchmark / math.sqrt(TRADING_DAYS), len(pnl), float((u**3).mean()), float((u**4).mean()))


def expected_best(variance: float, trials: int) -> float:
    """Expected largest of several ratios whose true value is zero: what luck alone reaches.

    √V ((1 − γ) N⁻¹(1 − 1/N) + γ N⁻¹(1 − 1/(N e))), γ Euler's constant.

    Args:
        variance: V of the ratios over the trials, in the unit (squared) of the answer.
        trials: N of them; nothing is deflated for one.

    Raises:
        SettingsError: for fewer than one trial or a negative variance.

    References:
        Bailey and López de Prado (2014), equation 1.
    """
    from scipy.stats import norm

    if trials < 1 or not variance >= 0:
        raise SettingsError(f"expected at least one trial and a variance >= 0; found {trials} and {variance:g}")
    if trials == 1:
        return 0.0
    largest = (1 - np.euler_gamma) * norm.ppf(1 - 1 / trials) + np.euler_gamma * norm.ppf(1 - 1 / (trials * math.e))
    return math.sqrt(variance) * float(largest)


def deflated_sharpe(daily_pnl: ArrayLike, tried: ArrayLike) -> float:
    """Probabilistic Sharpe ratio against the best that as many skill-less trials would have shown.

    Args:
        daily_pnl: ``(days,)`` of the trial that was chosen.
        tried: ``(trials,)`` annualised ratios of everything tried, the chosen one included, on the same days.

    References:
        Bailey and López de Prado (2014), equation 2.
    """
    ratios = np.asarray(tried, dtype=np.float64)
    ratios = ratios[np.isfinite(ratios)]
    if len(ratios) == 0:
        raise MarketDataError("expected the Sharpe ratios of everything tried; found none")
    variance = float(ratios.var(ddof=1)) if len(ratios) > 1 else 0.0
    return probabilistic_sharpe(daily_pnl, expected_best(variance, len(ratios)))


def resampled_sharpe(counts: ArrayLike, daily_pnl: ArrayLike) -> Floats:
    """Annualised Sharpe ratios in every resample of the days.

    Args:
        counts: ``(draws, days)`` how often each day occurs, from ``comparison.block_counts``; the same counts for all
            series keep them paired.
        daily_pnl: ``(…, days)``.

    Returns:
        ``(draws, …)``; zero where PnL does not vary in a resample.
    """
    occurs, pnl = np.asarray(counts, dtype=np.float64), np.asarray(daily_pnl, dtype=np.float64)
    n, centre = pnl.shape[-1], pnl.mean(axis=-1, keepdims=True)
    off = np.moveaxis(pnl - centre, -1, 0)  # (days, …): centred, so that squares do not cancel
    mean = np.tensordot(occurs, off, axes=1) / n  # (draws, …)
    variance = np.tensordot(occurs, off**2, axes=1) / n - mean**2
    varies = variance > 1e-12 * off.var(axis=0)
    ratio = np.sqrt(TRADING_DAYS) * (mean + centre[..., 0]) / np.sqrt(np.where(varies, variance, 1.0))
    resampled: Floats = np.where(varies, ratio, 0.0)
    return resampled


def _series(daily_pnl: ArrayLike) -> Floats:
    pnl = np.asarray(daily_pnl, dtype=np.float64)
    if pnl.ndim != 1 or len(pnl) < LEAST_DAYS:
        raise MarketDataError(f"expected PnL of at least {LEAST_DAYS} days; found shape {pnl.shape}")
    if not np.isfinite(pnl).all():
        raise MarketDataError("expected finite PnL; found NaN or infinite values")
    if not np.isfinite(sharpe_ratio(pnl)):
        raise MarketDataError("expected PnL that varies; found the same on all days")
    return pnl


def _probability(s: float, benchmark: float, n: int, skewness: float, kurtosis: float) -> float:
    """Probability that the daily ratio exceeds the daily benchmark."""
    from scipy.stats import norm

    spread = 1 - skewness * s + (kurtosis - 1) / 4 * s**2
    return float(norm.cdf((s - benchmark) * math.sqrt(n - 1) / math.sqrt(spread)))


def mean_absolute_error(realised: ArrayLike, forecast: ArrayLike) -> Floats:
    """MAE, (1/n) Σ |x − x̂| (5.3), over the last axis, in return units."""
    error: Floats = np.abs(np.asarray(realised, dtype=np.float64) - np.asarray(forecast)).mean(axis=-1)
    return error


def root_mean_squared_error(realised: ArrayLike, forecast: ArrayLike) -> Floats:
    """RMSE, √((1/n) Σ (x − x̂)²) (5.3), over the last axis, in return units."""
    error: Floats = np.sqrt(((np.asarray(realised, dtype=np.float64) - np.asarray(forecast)) ** 2).mean(axis=-1))
    return error


@dataclass(frozen=True, eq=False)
class Traded:
    """Bets on one ticker and what followed.

    Args:
        bet: ``(n,)`` bets in [-1, 1].
        realised: ``(n,)`` log-returns.
        date: ``(n,)`` day of each half-day.
        overnight: ``(n,)`` True where the half-day is a night.
        forecast: ``(n,)`` expected returns, where the method gives any.
    """

    bet: Floats
    realised: Floats
    date: Dates
    overnight: NDArray[np.bool_]
    forecast: Floats | None = None

    @property
    def pnl(self) -> Floats:
        """``(n,)`` PnL by half-day, basis points."""
        return weighted_pnl(self.bet, self.realised)

    @property
    def daily(self) -> Floats:
        """``(days,)`` PnL by day, basis points."""
        return daily(self.pnl, self.date)[1]

    def half(self, overnight: bool) -> Floats:
        """``(days,)`` PnL of the nights alone, or of the days alone: bets at the other times are left out."""
        return daily(np.where(self.overnight == overnight, self.pnl, 0.0), self.date)[1]


def summary(bets: Traded) -> dict[str, float]:
    """Every figure of one ticker and one method: ratio, PnL, errors, halves of the day, turnover.

    Returns:
        ``sharpe``, ``mean_pnl`` (bp a day), ``sd_pnl``, ``mae``, ``rmse`` (NaN without forecasts),
        ``overnight_sharpe``, ``intraday_sharpe``, ``hit_rate`` (share of half-days with a bet whose sign was right),
        ``mean_bet`` (of |bet|), ``turnover`` (notional traded a day), ``break_even`` (bp of what is traded).
    """
    by_day = bets.daily
    errors = math.nan, math.nan
    if bets.forecast is not None:
        errors = (
            float(mean_absolute_error(bets.realised, bets.forecast)),
            float(root_mean_squared_error(bets.realised, bets.forecast)),
        )
    placed = (bets.bet != 0) & (bets.realised != 0)
    right = np.sign(bets.bet[placed]) == np.sign(bets.realised[placed])
    return {
        "sharpe": float(sharpe_ratio(by_day)),
        "mean_pnl": float(by_day.mean()),
        "sd_pnl": float(by_day.std()),
        "mae": errors[0],
        "rmse": errors[1],
        "overnight_sharpe": float(sharpe_ratio(bets.half(True))),
        "intraday_sharpe": float(sharpe_ratio(bets.half(False))),
        "hit_rate": float(right.mean()) if len(right) else math.nan,
        "mean_bet": float(np.abs(bets.bet).mean()),
        "turnover": float(traded(bets.bet).sum() / len(by_day)),
        "break_even": float(break_even_cost(bets.bet, bets.realised)),
    }


def across_tickers(by_ticker: Mapping[str, Mapping[str, float]], portfolio_pnl: ArrayLike) -> dict[str, float]:
    """The rows of Table 5.2: means and medians over tickers, and the portfolio's ratio.

    Args:
        by_ticker: ticker → :func:`summary`.
        portfolio_pnl: ``(days,)`` of :func:`portfolio`.

    Returns:
        ``mean_sr``, ``median_sr``, ``portfolio_sr``, ``mean_pnl``, ``median_pnl`` (bp a day), ``mean_mae``,
        ``median_mae``, ``mean_rmse``, ``median_rmse``, ``sd_pnl`` (over tickers, of mean PnL) and ``positive`` (tickers
        with a ratio above zero).
    """
    if not by_ticker:
        raise MarketDataError("expected at least one ticker; found none")
    table = pd.DataFrame.from_dict(dict(by_ticker), orient="index")
    sharpe = table["sharpe"].to_numpy(float)
    return {
        "mean_sr": _nan_free(sharpe, np.mean),
        "median_sr": _nan_free(sharpe, np.median),
        "portfolio_sr": float(sharpe_ratio(portfolio_pnl)),
        "mean_pnl": float(table["mean_pnl"].mean()),
        "median_pnl": float(table["mean_pnl"].median()),
        "mean_mae": float(table["mae"].mean()),
        "median_mae": float(table["mae"].median()),
        "mean_rmse": float(table["rmse"].mean()),
        "median_rmse": float(table["rmse"].median()),
        "sd_pnl": float(table["mean_pnl"].std(ddof=0)),
        "positive": float((sharpe > 0).sum()),
    }


def _nan_free(values: Floats, statistic: Callable[[Floats], np.floating[Any]]) -> float:
    """A statistic over the tickers that have a ratio: one that never bets has none."""
    known = values[np.isfinite(values)]
    return float(statistic(known)) if len(known) else math.nan
