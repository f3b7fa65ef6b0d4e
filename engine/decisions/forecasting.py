"""From forecasts to bets and from bets to PnL: the weighted strategy, days, costs and no-trade rules (SPEC 4).

Bets are fractions of a fixed notional in [-1, 1]; of a stock they are long the stock and short its sector ETF.
Half-days follow one another without a gap, so a bet that does not change costs nothing. PnL is in basis points of the
notional.

References:
    M. Vuletić, F. Prenzel and M. Cucuringu (2024), Fin-GAN: forecasting and classifying financial time series via
    generative adversarial networks, Quantitative Finance 24.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from engine.errors import MarketDataError, SettingsError
from engine.market.grid import TRADING_DAYS, Floats
from engine.market.surface_history import Dates

BASIS_POINTS = 10_000


def weighted_bet(samples: ArrayLike) -> Floats:
    """Bet of the weighted strategy, p_u − p_d (5.4): the expected sign of what was generated.

    Args:
        samples: ``(…, n, B)`` generated returns, B of them for each condition.

    Returns:
        ``(…, n)`` bets in [-1, 1].
    """
    drawn = np.asarray(samples)
    if drawn.ndim == 0 or drawn.shape[-1] == 0:
        raise MarketDataError(f"expected at least one generated return a condition; found shape {drawn.shape}")
    bet: Floats = np.sign(drawn).mean(axis=-1, dtype=np.float64)
    return bet


def weighted_pnl(bet: ArrayLike, realised: ArrayLike) -> Floats:
    """PnL of each half-day in basis points, 10,000 (p_u − p_d) x (5.5).

    Args:
        bet: ``(…, n)`` bets in [-1, 1].
        realised: ``(…, n)`` log-returns that followed.

    Raises:
        MarketDataError: if a bet lies outside [-1, 1].
    """
    placed = np.asarray(bet, dtype=np.float64)
    worst = float(np.nanmax(np.abs(placed), initial=0.0))
    if worst > 1 + 1e-9:
        raise MarketDataError(f"expected bets between -1 and 1; found one of size {worst:g}")
    pnl: Floats = BASIS_POINTS * placed * np.asarray(realised, dtype=np.float64)
    return pnl


def daily(pnl: ArrayLike, date: Dates) -> tuple[Dates, Floats]:
    """Sum the half-days of each day (5.6).

    Args:
        pnl: ``(…, n)`` PnL by half-day.
        date: ``(n,)`` the day each half-day ends in, never falling.

    Returns:
        ``(days,)`` distinct days and ``(…, days)`` their PnL.

    Raises:
        MarketDataError: if lengths disagree, there is none, or days go back.
    """
    values, days = np.asarray(pnl, dtype=np.float64), np.asarray(date, dtype="datetime64[D]")
    if days.ndim != 1 or len(days) == 0 or values.shape[-1:] != days.shape:
        raise MarketDataError(f"expected a date for each half-day; found {values.shape} and {days.shape}")
    back = np.flatnonzero(np.diff(days) < np.timedelta64(0, "D"))
    if len(back):
        raise MarketDataError(f"expected days in order; found {days[back[0] + 1]} after {days[back[0]]}")
    starts = np.flatnonzero(np.concatenate([[True], days[1:] != days[:-1]]))
    return days[starts], np.add.reduceat(values, starts, axis=-1)


def sharpe_ratio(daily_pnl: ArrayLike) -> Floats:
    """Annualised Sharpe ratio, √252 · mean / sd with the sd of the population (5.7).

    Args:
        daily_pnl: ``(…, days)`` PnL by day, in any unit.

    Returns:
        ``(…,)``; NaN where PnL does not vary: without risk there is no ratio.
    """
    pnl = np.asarray(daily_pnl, dtype=np.float64)
    mean, sd = pnl.mean(axis=-1), pnl.std(axis=-1)
    varies = sd > 1e-12 * np.maximum(np.abs(mean), np.finfo(np.float64).tiny)
    ratio: Floats = np.where(varies, np.sqrt(TRADING_DAYS) * mean / np.where(varies, sd, 1.0), np.nan)
    return ratio


def portfolio(daily_pnl: ArrayLike) -> Floats:
    """Daily PnL of the equally weighted portfolio: the mean over tickers, one share of the notional each.

    Its Sharpe ratio is that of the sum over tickers, which the thesis uses.

    Args:
        daily_pnl: ``(…, tickers, days)``; NaN on a day on which a ticker does not trade, which then earns nothing.
    """
    pnl = np.asarray(daily_pnl, dtype=np.float64)
    mean: Floats = np.nan_to_num(pnl, nan=0.0).mean(axis=-2)
    return mean


def traded(bet: ArrayLike) -> Floats:
    """``(…, n)`` share of the notional traded before each half-day, |h_t − h_{t−1}|, from no position at the start."""
    placed = np.asarray(bet, dtype=np.float64)
    change: Floats = np.abs(np.diff(placed, axis=-1, prepend=0.0))
    return change


@dataclass(frozen=True)
class NoTrade:
    """A rule that leaves trades out.

    Args:
        least_bet: a smaller bet is none.
        band: the position stays as it is while the bet lies within this distance of it.
        least_forecast: no position while the expected return is smaller, basis points.
    """

    least_bet: float = 0.0
    band: float = 0.0
    least_forecast: float = 0.0

    def __post_init__(self) -> None:
        for name, value, high in (
            ("least_bet", self.least_bet, 1.0),
            ("band", self.band, 2.0),
            ("least_forecast", self.least_forecast, BASIS_POINTS),
        ):
            if not 0 <= value <= high:
                raise SettingsError(f"expected {name} between 0 and {high:g}; found {value:g}")

    def positions(self, bet: ArrayLike, expected: ArrayLike | None = None) -> Floats:
        """Positions held when bets are followed under this rule; each uses bets up to its own time only.

        Args:
            bet: ``(…, n)`` bets.
            expected: ``(…, n)`` forecast returns, needed for ``least_forecast``.

        Raises:
            SettingsError: if ``least_forecast`` is set and there is no forecast.
        """
        held = np.array(bet, dtype=np.float64)
        held[np.abs(held) < self.least_bet] = 0.0
        if self.least_forecast > 0:
            if expected is None:
                raise SettingsError("expected forecast returns for a least forecast; found bets alone")
            held[np.abs(np.asarray(expected)) * BASIS_POINTS < self.least_forecast] = 0.0
        if self.band > 0:
            before = np.zeros(held.shape[:-1])
            for time in range(held.shape[-1]):
                stays = np.abs(held[..., time] - before) <= self.band
                before = np.where(stays, before, held[..., time])
                held[..., time] = before
        return held


def net_pnl(position: ArrayLike, realised: ArrayLike, cost: float) -> Floats:
    """PnL of each half-day after costs, wPnL_t − c |h_t − h_{t−1}|, in basis points.

    Args:
        position: ``(…, n)`` positions held.
        realised: ``(…, n)`` log-returns that followed.
        cost: c, basis points of what is traded, one way; for a stock less its ETF both legs together.

    Raises:
        SettingsError: for a cost below zero.
    """
    if not 0 <= cost < np.inf:
        raise SettingsError(f"expected a cost >= 0 basis points; found {cost:g}")
    net: Floats = weighted_pnl(position, realised) - cost * traded(position)
    return net


def break_even_cost(position: ArrayLike, realised: ArrayLike) -> Floats:
    """Cost at which the mean PnL is nothing, Σ wPnL / Σ |h_t − h_{t−1}|, basis points of what is traded.

    Returns:
        ``(…,)``; negative for a strategy that loses before costs, NaN for one that never trades.
    """
    turned = traded(position).sum(axis=-1)
    gross = weighted_pnl(position, realised).sum(axis=-1)
    cost: Floats = np.where(turned > 0, gross / np.where(turned > 0, turned, 1.0), np.nan)
    return cost
