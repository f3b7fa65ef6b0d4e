"""Loss combinations: chosen on the validation part, compared on the test part (Table 5.3, Figures 5.12 and 5.13)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from engine.decisions import forecasting
from engine.evaluation import trading
from engine.market.grid import Floats
from engine.models.fingan.networks import COLLAPSE
from engine.studies.fingan.tables import PUBLISHED_CORRELATIONS, TABLE_5_3, Bets, Played, over
from engine.studies.fingan.universe import Panel

Choice = NDArray[np.intp]
"""``(seeds, tickers)`` position of the chosen loss."""


@dataclass(frozen=True, eq=False)
class Trials:
    """What every loss of every seed said of one part.

    Args:
        losses: names of the losses.
        seeds: their numbers.
        bets: seed → ticker → ``(losses, n)`` bets.
        expected: seed → ticker → ``(losses, n)`` mean of the generated returns.
        spread: ``(seeds, tickers, losses)`` standard deviation of the samples of the part's first condition.
    """

    losses: tuple[str, ...]
    seeds: tuple[int, ...]
    bets: tuple[Bets, ...]
    expected: tuple[Bets, ...]
    spread: Floats

    def pick(self, choice: Choice, name: str, label: str) -> Played:
        """The chosen losses, played."""
        pairs = list(zip(self.bets, self.expected, choice, strict=True))
        return Played(
            name,
            label,
            tuple(tuple(one[k] for one, k in zip(bets, row, strict=True)) for bets, _, row in pairs),
            tuple(tuple(one[k] for one, k in zip(means, row, strict=True)) for _, means, row in pairs),
            self.seeds,
        )

    def only(self, loss: str, name: str, label: str) -> Played:
        """One loss for all tickers and seeds, played."""
        shape = (len(self.seeds), len(self.bets[0]))
        return self.pick(np.full(shape, self.losses.index(loss), dtype=np.intp), name, label)

    def averaged(self, losses: Sequence[str], name: str, label: str) -> Played:
        """Bets averaged over losses, nothing chosen, played."""
        rows = [self.losses.index(loss) for loss in losses]
        return Played(
            name,
            label,
            tuple(tuple(one[rows].mean(axis=0) for one in bets) for bets in self.bets),
            tuple(tuple(one[rows].mean(axis=0) for one in means) for means in self.expected),
            self.seeds,
        )


def ratios(panel: Panel, trials: Trials) -> Floats:
    """``(seeds, tickers, losses)`` Sharpe ratio of every loss; NaN for one that never bets."""
    found = np.empty((len(trials.seeds), len(panel.tickers), len(trials.losses)))
    for seed, bets in enumerate(trials.bets):
        for ticker, bet in enumerate(bets):
            found[seed, ticker] = forecasting.sharpe_ratio(panel.daily(ticker, bet)[1])
    return found


def choose(validation_ratios: Floats, losses: Sequence[str], among: Sequence[str]) -> Choice:
    """The loss with the largest validation ratio of each ticker and seed, among those that may be chosen."""
    rows = np.array([list(losses).index(loss) for loss in among])
    best = np.where(np.isnan(validation_ratios[..., rows]), -np.inf, validation_ratios[..., rows]).argmax(axis=-1)
    chosen: Choice = rows[best].astype(np.intp)
    return chosen


def longer(validation_ratios: Floats, recent_ratios: Floats) -> Floats:
    """Mean of the ratios on the validation part and on the last years of the training part: what looks back longer.

    The networks have seen the latter, which flatters all losses alike; NaN where either part has none.
    """
    both: Floats = (validation_ratios + recent_ratios) / 2
    return both


def combination_table(
    panel: Panel,
    trials: Trials,
    validation_ratios: Floats,
    recent_ratios: Floats,
    choice: Choice,
    longer_choice: Choice,
    labels: Mapping[str, str],
) -> pd.DataFrame:
    """Every ticker, seed and loss: ratios on all parts, PnL, errors, whether it collapsed, whether it was chosen."""
    rows = []
    for s, seed in enumerate(trials.seeds):
        for t, ticker in enumerate(panel.tickers):
            for k, loss in enumerate(trials.losses):
                expected = trials.expected[s][t][k]
                found = trading.summary(panel.traded(t, trials.bets[s][t][k], expected))
                rows.append(
                    {
                        "ticker": ticker,
                        "seed": seed,
                        "combination": loss,
                        "label": labels[loss],
                        "recent_sr": recent_ratios[s, t, k],
                        "validation_sr": validation_ratios[s, t, k],
                        "test_sr": found["sharpe"],
                        **{name: found[name] for name in ("mean_pnl", "mae", "rmse", "mean_bet")},
                        "collapsed": bool(trials.spread[s, t, k] < COLLAPSE or expected.std() < COLLAPSE),
                        "chosen": bool(choice[s, t] == k),
                        "chosen_longer": bool(longer_choice[s, t] == k),
                    }
                )
    return pd.DataFrame(rows)


def chosen_table(combinations: pd.DataFrame, among: Sequence[str]) -> pd.DataFrame:
    """Table 5.3: how many tickers chose each combination, mean and standard deviation over seeds."""
    counts = combinations[combinations["chosen"]].groupby(["seed", "combination"]).size().unstack(fill_value=0)
    rows = []
    for loss in among:
        of_loss = combinations.loc[combinations["combination"] == loss, "label"].iloc[0]
        per_seed = counts[loss].to_numpy(float) if loss in counts else np.zeros(len(counts))
        row = {"combination": loss, "label": of_loss, **over(per_seed, "tickers")}
        rows.append(row | {"published": TABLE_5_3.get(loss, np.nan)})
    return pd.DataFrame(rows)


def correlation_table(panel: Panel, trials: Trials) -> pd.DataFrame:
    """Figure 5.13: correlation of the losses' half-day PnL on the test part, averaged over tickers and seeds."""
    total, number = np.zeros((len(trials.losses), len(trials.losses))), np.zeros((len(trials.losses),) * 2)
    for bets in trials.bets:
        for ticker, bet in enumerate(bets):
            pnl = forecasting.weighted_pnl(bet, panel.realised[ticker])
            moves = pnl.std(axis=1) > 0
            with np.errstate(invalid="ignore", divide="ignore"):
                found = np.corrcoef(pnl)
            known = np.outer(moves, moves)
            total += np.where(known, found, 0.0)
            number += known
    return pd.DataFrame(
        [
            {
                "row": row,
                "column": column,
                "correlation": total[i, j] / number[i, j] if number[i, j] else np.nan,
                "published": PUBLISHED_CORRELATIONS.get(
                    (row, column), PUBLISHED_CORRELATIONS.get((column, row), np.nan)
                ),
            }
            for i, row in enumerate(trials.losses)
            for j, column in enumerate(trials.losses)
        ]
    )


def selection_table(
    validation: Panel, test: Panel, before: Trials, after: Trials, choice: Choice, among: Sequence[str]
) -> pd.DataFrame:
    """Was the choice skill or luck? Per ticker and seed, and for the portfolio of each seed.

    Returns:
        Chosen combination, its validation and test ratio, the validation ratio that the best of as many skill-less
        trials would have shown, the deflated ratio (probability that the chosen one's truth exceeds that), and the
        probability that the test ratio's truth exceeds zero.
    """
    rows = [before.losses.index(loss) for loss in among]
    found = []
    for s, seed in enumerate(before.seeds):
        for t, ticker in enumerate(validation.tickers):
            seen = validation.daily(t, before.bets[s][t])[1]  # (losses, days)
            tried = forecasting.sharpe_ratio(seen[rows])
            chosen = seen[choice[s, t]]
            later = test.daily(t, after.bets[s][t])[1][choice[s, t]]
            known = tried[np.isfinite(tried)]
            luck = trading.expected_best(float(known.var(ddof=1)), len(known)) if len(known) > 1 else 0.0
            moves = chosen.std() > 0 and later.std() > 0
            found.append(
                {
                    "ticker": ticker,
                    "seed": seed,
                    "combination": before.losses[choice[s, t]],
                    "validation_sr": float(forecasting.sharpe_ratio(chosen)),
                    "luck_alone": luck,
                    "deflated": trading.deflated_sharpe(chosen, tried) if moves else np.nan,
                    "test_sr": float(forecasting.sharpe_ratio(later)),
                    "above_zero": trading.probabilistic_sharpe(later) if moves else np.nan,
                }
            )
    return pd.DataFrame(found)
