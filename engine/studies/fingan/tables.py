"""Methods side by side, over seeds, with intervals: Table 5.2 and Figures 5.6–5.11 of the Fin-GAN study."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from engine.decisions import forecasting
from engine.evaluation import trading
from engine.evaluation.comparison import interval
from engine.market.grid import Floats
from engine.studies.fingan.published import published
from engine.studies.fingan.universe import Panel

Bets = Sequence[Floats]
"""One array of bets (or of forecasts) a ticker."""

RATIOS = ("mean_sr", "median_sr", "portfolio_sr")
MEANS = ("mean_pnl", "median_pnl")
ERRORS = ("mean_mae", "median_mae", "mean_rmse", "median_rmse")
SHOWN = (*RATIOS, *MEANS, *ERRORS, "sd_pnl", "positive")


@dataclass(frozen=True, eq=False)
class Played:
    """Bets of one method on one part of every ticker.

    Args:
        name: of the method.
        label: for people.
        bets: seed → ticker → ``(n,)``; a method without seeds has one entry.
        expected: forecast returns in the same order, where the method gives any.
        seeds: their numbers; empty for a method without.
    """

    name: str
    label: str
    bets: tuple[Bets, ...]
    expected: tuple[Bets, ...] | None = None
    seeds: tuple[int, ...] = ()

    def seed_label(self, position: int) -> str:
        """The seed of an entry, or what stands for it."""
        return str(self.seeds[position]) if self.seeds else "none"

    def averaged(self, name: str, label: str) -> Played:
        """The seed-ensemble: bets (and forecasts) averaged over the seeds, as a method of its own."""
        mean = tuple(np.mean(one, axis=0) for one in zip(*self.bets, strict=True))
        if self.expected is None:
            return Played(name, label, (mean,))
        return Played(name, label, (mean,), (tuple(np.mean(one, axis=0) for one in zip(*self.expected, strict=True)),))


def daily_pnl(panel: Panel, method: Played) -> Floats:
    """``(seeds, tickers, days)`` PnL by day, basis points; NaN where a ticker does not trade."""
    return np.stack([panel.pnl(bets) for bets in method.bets])


def by_ticker(panel: Panel, methods: Sequence[Played]) -> pd.DataFrame:
    """Every figure of every ticker, method and seed (Figures 5.6, 5.7, 5.10, 5.11; halves of the day; turnover)."""
    rows = []
    for method in methods:
        for position, bets in enumerate(method.bets):
            for ticker, name in enumerate(panel.tickers):
                expected = None if method.expected is None else method.expected[position][ticker]
                found = trading.summary(panel.traded(ticker, bets[ticker], expected))
                rows.append({"ticker": name, "method": method.name, "seed": method.seed_label(position), **found})
    return pd.DataFrame(rows)


def overview(panel: Panel, methods: Sequence[Played], tickers: pd.DataFrame, counts: Floats) -> pd.DataFrame:
    """Table 5.2: every method's figures, mean and standard deviation over seeds, interval, and the published figure.

    The interval is that of the days: blocks of days are drawn anew, the same for all methods, tickers and seeds.

    Args:
        panel: the part.
        methods: what was played.
        tickers: :func:`by_ticker` of the same.
        counts: ``(draws, days)`` from ``comparison.block_counts``.
    """
    rows = []
    for method in methods:
        pnl = daily_pnl(panel, method)  # (seeds, tickers, days)
        own = tickers[tickers["method"] == method.name]
        over_seeds = pd.DataFrame(
            [
                trading.across_tickers(
                    _figures(own[own["seed"] == method.seed_label(k)]),
                    forecasting.portfolio(pnl[k]),
                )
                for k in range(len(method.bets))
            ]
        )
        ends = _intervals(pnl, counts)
        for statistic in SHOWN:
            values = over_seeds[statistic].to_numpy(float)
            low, high = ends.get(statistic, (np.nan, np.nan))
            rows.append(
                {
                    "method": method.name,
                    "label": method.label,
                    "statistic": statistic,
                    "value": float(values.mean()),
                    "sd_over_seeds": float(values.std(ddof=1)) if len(values) > 1 else np.nan,
                    "low": low,
                    "high": high,
                    "published": published(method.name, statistic),
                    "seeds": len(method.bets) if method.seeds else 0,
                }
            )
    return pd.DataFrame(rows)


def seeds_table(panel: Panel, methods: Sequence[Played]) -> pd.DataFrame:
    """Mean, median and portfolio ratio of every method and seed."""
    rows = []
    for method in methods:
        for position, pnl in enumerate(daily_pnl(panel, method)):
            ratios = np.array([float(forecasting.sharpe_ratio(one[np.isfinite(one)])) for one in pnl])
            known = ratios[np.isfinite(ratios)]
            rows.append(
                {
                    "method": method.name,
                    "label": method.label,
                    "seed": method.seed_label(position),
                    "mean_sr": float(known.mean()) if len(known) else np.nan,
                    "median_sr": float(np.median(known)) if len(known) else np.nan,
                    "portfolio_sr": float(forecasting.sharpe_ratio(forecasting.portfolio(pnl))),
                }
            )
    return pd.DataFrame(rows)


def paired(panel: Panel, base: Played, others: Sequence[Played], counts: Floats) -> pd.DataFrame:
    """Portfolio ratio of one method less that of each other, both on the same resampled days.

    A method of several seeds enters with the mean of its seeds' ratios. ``p_value`` is one-sided: the share of
    resamples in which the base is not ahead.
    """
    ratio, resampled = _portfolio_ratio(panel, base, counts)
    rows = []
    for other in others:
        theirs, drawn = _portfolio_ratio(panel, other, counts)
        difference = resampled - drawn
        low, high = interval(difference)
        rows.append(
            {
                "method": base.label,
                "against": other.label,
                "difference": ratio - theirs,
                "low": float(low),
                "high": float(high),
                "p_value": float(((difference <= 0).sum() + 1) / (len(difference) + 1)),
            }
        )
    return pd.DataFrame(rows)


def portfolio_series(panel: Panel, methods: Sequence[Played]) -> pd.DataFrame:
    """Daily portfolio PnL of every method, averaged over seeds (Figures 5.8 and 5.9), basis points."""
    series: dict[str, object] = {"date": panel.days}
    for method in methods:
        series[method.name] = np.round(forecasting.portfolio(daily_pnl(panel, method)).mean(axis=0), 4)
    return pd.DataFrame(series)


def errors(panel: Panel, methods: Sequence[Played]) -> pd.DataFrame:
    """Portfolio ratio of every method that plays one set of bets, with Lo's interval and the probability of skill.

    ``probabilistic`` is the probability that the true ratio exceeds zero (Bailey and López de Prado 2012).
    """
    rows = []
    for method in methods:
        pnl = forecasting.portfolio(daily_pnl(panel, method))
        if len(pnl) > 1 or not np.isfinite(forecasting.sharpe_ratio(pnl[0])):
            continue
        found = trading.sharpe_error(pnl[0])
        rows.append(
            {
                "method": method.name,
                "label": method.label,
                "portfolio_sr": found.ratio,
                "standard_error": found.standard_error,
                "low": found.low,
                "high": found.high,
                "probabilistic": trading.probabilistic_sharpe(pnl[0]),
            }
        )
    return pd.DataFrame(rows)


def halves(panel: Panel, methods: Sequence[Played]) -> pd.DataFrame:
    """Portfolio ratio and mean PnL of the nights alone and of the days alone, averaged over seeds."""
    rows = []
    nights = [one.overnight[rows] for one, rows in zip(panel.windows, panel.rows, strict=True)]
    for method in methods:
        for half, want in (("overnight", True), ("intraday", False)):
            pnl = [
                forecasting.portfolio(
                    panel.pnl([np.where(night == want, bet, 0.0) for night, bet in zip(nights, bets, strict=True)])
                )
                for bets in method.bets
            ]
            ratios = forecasting.sharpe_ratio(np.stack(pnl))
            rows.append(
                {
                    "method": method.name,
                    "label": method.label,
                    "half": half,
                    "portfolio_sr": float(ratios.mean()),
                    "sd_over_seeds": float(ratios.std(ddof=1)) if len(ratios) > 1 else np.nan,
                    "mean_pnl": float(np.mean(pnl)),
                }
            )
    return pd.DataFrame(rows)


def _figures(rows: pd.DataFrame) -> dict[str, dict[str, float]]:
    """Ticker → its figures."""
    numbers = rows.drop(columns=["method", "seed"]).set_index("ticker")
    return {str(ticker): {str(k): float(v) for k, v in row.items()} for ticker, row in numbers.iterrows()}


def _intervals(pnl: Floats, counts: Floats) -> dict[str, tuple[float, float]]:
    """95 % intervals of ratios and mean PnL; a seed's figure is resampled, then averaged over seeds."""
    n = pnl.shape[-1]
    flat = np.nan_to_num(pnl, nan=0.0)
    ratios = trading.resampled_sharpe(counts, flat)  # (draws, seeds, tickers)
    means = np.tensordot(counts, np.moveaxis(flat, -1, 0), axes=1) / n  # (draws, seeds, tickers)
    pooled = trading.resampled_sharpe(counts, forecasting.portfolio(pnl))  # (draws, seeds)
    drawn = {
        "mean_sr": ratios.mean(axis=2).mean(axis=1),
        "median_sr": np.median(ratios, axis=2).mean(axis=1),
        "portfolio_sr": pooled.mean(axis=1),
        "mean_pnl": means.mean(axis=2).mean(axis=1),
        "median_pnl": np.median(means, axis=2).mean(axis=1),
    }
    ends = {name: interval(values) for name, values in drawn.items()}
    return {name: (float(low), float(high)) for name, (low, high) in ends.items()}


def _portfolio_ratio(panel: Panel, method: Played, counts: Floats) -> tuple[float, Floats]:
    pnl = forecasting.portfolio(daily_pnl(panel, method))  # (seeds, days)
    resampled: Floats = trading.resampled_sharpe(counts, pnl).mean(axis=1)
    return float(forecasting.sharpe_ratio(pnl).mean()), resampled
