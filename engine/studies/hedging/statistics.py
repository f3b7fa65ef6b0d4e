"""Statistics of tracking errors with intervals: months are resampled, all straddles and days of one together.

VaR_q(Z) = −F⁻¹_Z(q), F⁻¹(q) the smallest value whose share of observations at or below reaches q. A quantile of a
resample is a weighted quantile of the observations, each weighted by how often its month was drawn.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from engine.market.grid import Floats

STATISTICS = ("mean", "median", "sd", "var_5", "var_2_5", "var_1", "upper_5", "upper_2_5", "upper_1")
"""Of Z: VaR is its lower tail, sign turned; ``upper`` its upper tail, the loss of one who has sold V and holds Π."""

Quantiles = dict[str, tuple[float, float]]

_QUANTILES: Quantiles = {
    "median": (0.5, 1.0),
    "var_5": (0.05, -1.0),
    "var_2_5": (0.025, -1.0),
    "var_1": (0.01, -1.0),
    "upper_5": (0.95, 1.0),
    "upper_2_5": (0.975, 1.0),
    "upper_1": (0.99, 1.0),
}

ROUNDING = 1e-9
"""A figure of currency this small is none, and nothing is measured in units of it."""

INTERVAL = (0.025, 0.975)
"""Every interval holds 95 % of the resamples."""


def month_counts(months: int, draws: int, seed: int) -> NDArray[np.int64]:
    """``(draws + 1, months)`` how often each month is drawn; the first row is the sample itself, each month once."""
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(months, np.full(months, 1 / months), size=draws)
    return np.concatenate([np.ones((1, months), dtype=np.int64), drawn])


def resampled(errors: Floats, counts: NDArray[np.int64], quantiles: Quantiles = _QUANTILES) -> dict[str, Floats]:
    """Mean, sd and quantiles of Z on the sample and on each resample.

    Args:
        errors: ``(months, …)`` Z, whatever belongs to a month together.
        counts: ``(draws + 1, months)`` of :func:`month_counts`.
        quantiles: name → (q, sign it is shown with).

    Returns:
        name → ``(draws + 1,)``, the sample first.
    """
    z = errors.reshape(len(errors), -1)  # (months, observations)
    n = counts.sum(axis=1) * z.shape[1]
    mean = counts @ z.sum(axis=1) / n
    centre = z.mean()  # moments about it, so that rounding stays small
    second = counts @ np.square(z - centre).sum(axis=1) / n
    found = {"mean": mean, "sd": np.sqrt(np.maximum(second - (mean - centre) ** 2, 0.0))}
    order = np.argsort(z, axis=None, kind="stable")
    values, month = z.ravel()[order], order // z.shape[1]
    quantile = {name: np.empty(len(counts)) for name in quantiles}
    for row, weights in enumerate(counts):
        reached = np.cumsum(weights[month])
        for name, (q, sign) in quantiles.items():
            # the smallest observation whose share reaches q; the tolerance forgives q·n its rounding
            quantile[name][row] = sign * values[np.searchsorted(reached, q * reached[-1] - 1e-9)] + 0.0  # no −0
    return found | quantile


def interval(resamples: Floats) -> tuple[float, float]:
    """95 % interval of a figure from ``(draws + 1,)``; NaN if more than a few resamples have none."""
    known = np.isfinite(resamples[1:])
    if not known.mean() > 1 - 2 * INTERVAL[0]:
        return np.nan, np.nan
    low, high = np.quantile(resamples[1:][known], INTERVAL)
    return float(low), float(high)


@dataclass(frozen=True, eq=False)
class Resamples:
    """Statistics of several methods on the same resamples: differences between methods are paired.

    Args:
        of: method → statistic → ``(draws + 1,)``.
    """

    of: dict[str, dict[str, Floats]]

    @classmethod
    def draw(cls, errors: dict[str, Floats], draws: int, seed: int) -> Resamples:
        """Resample the months of all methods together; errors are ``(months, …)``."""
        counts = month_counts(len(next(iter(errors.values()))), draws, seed)
        return cls({method: resampled(z, counts) for method, z in errors.items()})

    def table(self) -> pd.DataFrame:
        """Method, statistic, value and interval."""
        rows = []
        for method, statistics in self.of.items():
            for name in STATISTICS:
                values = statistics[name]
                low, high = interval(values)
                rows.append({"method": method, "statistic": name, "value": values[0], "low": low, "high": high})
        return pd.DataFrame(rows)

    def differences(self, method: str, others: tuple[str, ...], statistics: tuple[str, ...]) -> pd.DataFrame:
        """A method's statistics less, and over, those of others, with intervals.

        ``p_value`` is two-sided, of no difference: twice the smaller share of resamples on one side of zero.
        """
        rows = []
        for other in others:
            for name in statistics:
                mine, theirs = self.of[method][name], self.of[other][name]
                gap = mine - theirs
                low, high = interval(gap)
                above = float((gap[1:] >= 0).mean())
                rows.append(
                    {
                        "method": method,
                        "other": other,
                        "statistic": name,
                        "difference": gap[0],
                        "low": low,
                        "high": high,
                        "p_value": min(1.0, 2 * min(above, 1 - above) + 1 / len(gap)),
                        "ratio": mine[0] / theirs[0] if theirs[0] > ROUNDING else np.nan,
                    }
                )
        return pd.DataFrame(rows)
