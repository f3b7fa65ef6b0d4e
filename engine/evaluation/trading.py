"""How well did the bets do? PnL by day, Sharpe ratios with their errors, point errors, halves of the day, turnover.

PnL is in basis points of the notional; the arithmetic of bets is in :mod:`engine.decisions.forecasting`, the statistics
of Sharpe ratios in :mod:`engine.evaluation.sharpe`, and both are at hand here.
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
    net_pnl,
    portfolio,
    sharpe_ratio,
    traded,
    weighted_bet,
    weighted_pnl,
)
from engine.errors import MarketDataError
from engine.evaluation.sharpe import (
    Bootstrapped,
    SharpeError,
    bootstrap_difference,
    bootstrap_sharpe,
    deflated_sharpe,
    expected_best,
    probabilistic_sharpe,
    resampled_sharpe,
    sharpe_error,
)
from engine.market.grid import Floats
from engine.market.surface_history import Dates

__all__ = [
    "Bootstrapped",
    "SharpeError",
    "Traded",
    "across_tickers",
    "bootstrap_difference",
    "bootstrap_sharpe",
    "break_even_cost",
    "daily",
    "deflated_sharpe",
    "expected_best",
    "mean_absolute_error",
    "net_pnl",
    "portfolio",
    "probabilistic_sharpe",
    "resampled_sharpe",
    "root_mean_squared_error",
    "sharpe_error",
    "sharpe_ratio",
    "summary",
    "traded",
    "weighted_bet",
    "weighted_pnl",
]


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
