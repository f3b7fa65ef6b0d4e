"""Tables of the Fin-GAN study (5.2, 5.3): methods side by side, what costs leave, and what the generators draw.

Intervals are over days, spreads over seeds. No-trade rules are chosen on the validation part; the thesis's figures are
those of 22 stocks and 9 ETFs until 2021: on other data a yardstick and no target.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from engine.decisions import forecasting
from engine.decisions.forecasting import BASIS_POINTS, NoTrade
from engine.evaluation import trading
from engine.evaluation.comparison import ends
from engine.market.grid import Floats
from engine.models.fingan.sampling import GeneratorStack
from engine.studies.fingan.universe import Panel

RATIOS = ("mean_sr", "median_sr", "portfolio_sr")
MEANS = ("mean_pnl", "median_pnl")
ERRORS = ("mean_mae", "median_mae", "mean_rmse", "median_rmse")
PUBLISHED_STATISTICS = (*RATIOS, *MEANS, *ERRORS)
"""Rows of Table 5.2: PnL in basis points a day, errors in return units."""

TABLE_5_2: dict[str, tuple[float, ...]] = {
    "fingan": (0.540, 0.413, 2.107, 2.978, 1.890, 0.044, 0.008, 0.049, 0.012),
    "forgan": (0.033, -0.092, 0.172, 0.25, -0.673, 0.052, 0.009, 0.056, 0.014),
    "lstm": (0.467, 0.214, 2.087, 4.123, 1.959, 0.007, 0.007, 0.012, 0.011),
    "lstm_fin": (0.341, 0.170, 0.942, 2.361, 1.735, 0.007, 0.007, 0.012, 0.011),
    "arima": (0.206, 0.204, 0.612, 2.059, 2.245, 0.007, 0.007, 0.012, 0.011),
    "long_only": (0.182, 0.194, 0.618, 2.350, 1.975, float("nan"), float("nan"), float("nan"), float("nan")),
}
"""Method → its column of Table 5.2, in the order of :data:`STATISTICS`."""

PUBLISHED_SD_PNL = {"fingan": 4.85, "forgan": 4.00, "lstm": 7.48, "lstm_fin": 7.53, "arima": 6.26, "long_only": 5.97}
"""Standard deviation over tickers of the mean daily PnL, basis points (5.6.1)."""

TABLE_5_3 = {
    "PnL": 3,
    "SR": 3,
    "PnL&MSE": 5,
    "PnL&SR": 0,
    "SR&MSE": 9,
    "PnL&MSE&SR": 4,
    "PnL&STD": 5,
    "PnL&MSE&STD": 2,
}
"""Combination → how many of the 31 tickers chose it."""

PUBLISHED_CORRELATIONS = {("BCE", "MSE"): 0.997, ("SR", "PnL&STD"): 0.335}
"""Pairs of losses → mean correlation over tickers of their PnL on the test part."""

UNIVERSAL_PORTFOLIO_SR = {"with ETF": 1.43, "without ETF": 1.18}
"""Portfolio ratio of the model pooled over the Consumer Staples sector, with and without its ETF."""


def published(method: str, statistic: str) -> float:
    """A figure of Table 5.2, NaN where the thesis has none."""
    if statistic == "sd_pnl":
        return PUBLISHED_SD_PNL.get(method, float("nan"))
    if method not in TABLE_5_2 or statistic not in PUBLISHED_STATISTICS:
        return float("nan")
    return TABLE_5_2[method][PUBLISHED_STATISTICS.index(statistic)]


Bets = Sequence[Floats]
"""One array of bets (or of forecasts) a ticker."""

SHOWN = (*PUBLISHED_STATISTICS, "sd_pnl", "positive")


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
        intervals = _intervals(pnl, counts)
        for statistic in SHOWN:
            values = over_seeds[statistic].to_numpy(float)
            row = {"method": method.name, "label": method.label, "statistic": statistic, **over(values, "value")}
            row |= intervals.get(statistic, {"low": np.nan, "high": np.nan})
            row |= {"published": published(method.name, statistic), "seeds": len(method.bets) if method.seeds else 0}
            rows.append(row)
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
        row = {"method": base.label, "against": other.label, "difference": ratio - theirs, **ends(difference)}
        rows.append(row | {"p_value": float(((difference <= 0).sum() + 1) / (len(difference) + 1))})
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
            row = {"method": method.name, "label": method.label, "half": half, **over(ratios, "portfolio_sr")}
            rows.append(row | {"mean_pnl": float(np.mean(pnl))})
    return pd.DataFrame(rows)


def over(seeds: Floats, name: str) -> dict[str, float]:
    """Columns of a figure ``(seeds,)``: its mean under a name, and its standard deviation over seeds."""
    return {name: float(seeds.mean()), "sd_over_seeds": float(seeds.std(ddof=1)) if len(seeds) > 1 else np.nan}


def _figures(rows: pd.DataFrame) -> dict[str, dict[str, float]]:
    """Ticker → its figures."""
    numbers = rows.drop(columns=["method", "seed"]).set_index("ticker")
    return {str(ticker): {str(k): float(v) for k, v in row.items()} for ticker, row in numbers.iterrows()}


def _intervals(pnl: Floats, counts: Floats) -> dict[str, dict[str, float]]:
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
    return {name: ends(values) for name, values in drawn.items()}


def _portfolio_ratio(panel: Panel, method: Played, counts: Floats) -> tuple[float, Floats]:
    pnl = forecasting.portfolio(daily_pnl(panel, method))  # (seeds, days)
    resampled: Floats = trading.resampled_sharpe(counts, pnl).mean(axis=1)
    return float(forecasting.sharpe_ratio(pnl).mean()), resampled


COSTS = (0.0, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0)
"""Basis points of what is traded, one way; for a stock less its ETF both legs together."""

RULES: dict[str, NoTrade] = {
    "every bet": NoTrade(),
    "band 0.1": NoTrade(band=0.1),
    "band 0.2": NoTrade(band=0.2),
    "band 0.4": NoTrade(band=0.4),
    "least 0.1": NoTrade(least_bet=0.1),
    "least 0.2": NoTrade(least_bet=0.2),
    "least 0.4": NoTrade(least_bet=0.4),
}
"""No-trade rules: keep the position while the bet stays within a band of it, or leave small bets out."""


def played_under(panel: Panel, bets: Bets, rule: NoTrade) -> tuple[Floats, Floats]:
    """Portfolio of bets under a rule.

    Returns:
        ``(days,)`` PnL before costs in basis points, and ``(days,)`` notional traded, both a ticker.
    """
    held = [rule.positions(bet) for bet in bets]
    moved = panel.by_day([forecasting.traded(position) for position in held])
    return forecasting.portfolio(panel.pnl(held)), forecasting.portfolio(moved)


def cost_series(panel: Panel, methods: Sequence[Played]) -> pd.DataFrame:
    """PnL before costs and notional traded by day, method and rule: any cost is then one subtraction away."""
    tables = []
    for method in methods:
        for rule in RULES:
            gross, moved = played_under(panel, method.bets[0], RULES[rule])
            days = {"date": panel.days, "gross": gross.round(3), "traded": moved.round(4)}
            tables.append(pd.DataFrame({"method": method.name, "rule": rule, **days}))
    return pd.concat(tables, ignore_index=True)


def cost_table(
    validation: Panel,
    test: Panel,
    before: Sequence[Played],
    after: Sequence[Played],
    counts: Floats,
    costs: Sequence[float] = COSTS,
) -> pd.DataFrame:
    """Net portfolio ratio of every method and cost, trading every bet and under the rule that validation chose.

    Args:
        validation, test: the parts.
        before, after: the same methods on the two parts, one entry each.
        counts: ``(draws, test days)`` for the interval.
        costs: basis points of what is traded.

    Returns:
        Per method and cost: the rule, validation and test ratio net of costs under it, interval of the latter, the test
        ratio when every bet is traded, notional traded a day, and the break-even cost under the rule.
    """
    rows = []
    for early, late in zip(before, after, strict=True):
        seen = {name: played_under(validation, early.bets[0], rule) for name, rule in RULES.items()}
        tested = {name: played_under(test, late.bets[0], rule) for name, rule in RULES.items()}
        for cost in costs:
            ratios = {name: _net_ratio(*seen[name], cost) for name in RULES}
            chosen = max(RULES, key=lambda name: ratios[name])
            gross, moved = tested[chosen]
            plain, plain_moved = tested["every bet"]
            rows.append(
                {
                    "method": late.name,
                    "label": late.label,
                    "cost": cost,
                    "rule": chosen,
                    "validation_sr": ratios[chosen],
                    "portfolio_sr": float(forecasting.sharpe_ratio(gross - cost * moved)),
                    **ends(trading.resampled_sharpe(counts, gross - cost * moved)),
                    "every_bet_sr": float(forecasting.sharpe_ratio(plain - cost * plain_moved)),
                    "turnover": float(moved.mean()),
                    "break_even": float(gross.mean() / moved.mean()) if moved.mean() > 0 else np.nan,
                }
            )
    return pd.DataFrame(rows)


def _net_ratio(gross: Floats, moved: Floats, cost: float) -> float:
    ratio = float(forecasting.sharpe_ratio(gross - cost * moved))
    return ratio if np.isfinite(ratio) else -np.inf


FEATURED = "PFE"
"""The ticker the thesis draws; another one where it is missing."""

SAMPLES = 20_000
BINS = 80
DATA_LABEL = "Data"


def featured(tickers: Sequence[str]) -> int:
    """Position of the ticker whose pictures are kept."""
    return list(tickers).index(FEATURED) if FEATURED in tickers else 0


def telling_window(bets: Floats) -> int:
    """The window on which the losses' bets differ most.

    Args:
        bets: ``(losses, n)``.
    """
    return int(np.ptp(bets, axis=0).argmax())


def condition_densities(stack: GeneratorStack, condition: Floats, rng: np.random.Generator) -> pd.DataFrame:
    """Density of what each member generates for one window (Figure 5.3).

    Args:
        stack: one member a loss.
        condition: ``(L,)`` log-returns.
        rng: of the samples.

    Returns:
        Columns ``label``, ``x`` (centre of a bin, bp) and ``density`` (per bp).
    """
    drawn = BASIS_POINTS * stack.sample(condition[None], SAMPLES, rng)[:, 0]  # (losses, samples)
    return densities({member.loss: row for member, row in zip(stack.members, drawn, strict=True)})


def mean_densities(losses: Sequence[str], means: Floats, realised: Floats) -> pd.DataFrame:
    """Density of point forecasts over the test part beside that of what was realised (Figure 5.4).

    Args:
        losses: names.
        means: ``(losses, n)`` forecast returns.
        realised: ``(n,)`` returns.
    """
    series = {DATA_LABEL: BASIS_POINTS * realised}
    return densities(series | {loss: BASIS_POINTS * row for loss, row in zip(losses, means, strict=True)})


def densities(series: Mapping[str, Floats]) -> pd.DataFrame:
    """Histograms on common bins between the 0.5 and 99.5 % quantiles of everything."""
    everything = np.concatenate(list(series.values()))
    low, high = np.quantile(everything, [0.005, 0.995])
    edges = np.linspace(low, max(high, low + 1e-6), BINS + 1)
    centres, width = (edges[1:] + edges[:-1]) / 2, edges[1] - edges[0]
    tables = []
    for label, values in series.items():
        counts, _ = np.histogram(values, edges)
        density = counts / (len(values) * width)
        tables.append(pd.DataFrame({"label": label, "x": centres.round(3), "density": density.round(7)}))
    return pd.concat(tables, ignore_index=True)
