"""What a finished study of graphs keeps so that a page can learn its graphs again with another η, without prices.

For every asset the moments of its regression on the validation part. For every pair (asset, generator) its PnL on the
test part, of which a graph's portfolio is a weighted sum: up to 64 assets as means, deviations and correlations, which
give every Sharpe ratio and no day's return; beyond, where correlations of all pairs would not fit, as daily series.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from engine.decisions import forecasting, graph
from engine.decisions.graph import regression
from engine.decisions.graph.regression import Moments
from engine.errors import CheckpointError, SettingsError
from engine.market.grid import TRADING_DAYS, Floats
from engine.studies.graph.inputs import Part
from engine.training.progress import check_arrays

MOST_ASSETS = 64
"""Assets up to which correlations of all pairs are kept: 8 million of them."""

_STEPS = 32_767  # correlations are kept as whole numbers of 1/32767


class Pairs(Protocol):
    """PnL of every pair on the test part; a graph's figures follow from its weights."""

    @property
    def days(self) -> int:
        """Of the test part."""

    def sharpe(self, w: Floats) -> tuple[float, Floats]:
        """Ratio of the portfolio, and ``(assets,)`` of each asset."""

    def mean_pnl(self, w: Floats) -> Floats:
        """``(assets,)`` basis points a day."""


@dataclass(frozen=True, eq=False)
class PairSeries:
    """Daily PnL of every pair.

    Args:
        pnl: ``(assets, generators, days)`` basis points.
    """

    pnl: NDArray[Any]

    @property
    def days(self) -> int:
        """Of the test part."""
        return int(self.pnl.shape[-1])

    def daily(self, w: Floats) -> Floats:
        """``(assets, days)``."""
        return np.stack([row @ pnl.astype(np.float64) for row, pnl in zip(w, self.pnl, strict=True)])

    def sharpe(self, w: Floats) -> tuple[float, Floats]:
        """See :class:`Pairs`."""
        pnl = self.daily(w)
        return float(forecasting.sharpe_ratio(forecasting.portfolio(pnl))), forecasting.sharpe_ratio(pnl)

    def mean_pnl(self, w: Floats) -> Floats:
        """See :class:`Pairs`."""
        mean: Floats = self.daily(w).mean(axis=1)
        return mean


@dataclass(frozen=True, eq=False)
class PairMoments:
    """Means, deviations and correlations of the daily PnL of all pairs.

    Args:
        mean, sd: ``(assets, generators)`` basis points.
        correlation: ``(pairs, pairs)``, pairs asset by asset.
        days: of the test part.
    """

    mean: Floats
    sd: Floats
    correlation: NDArray[np.float32]
    days: int

    def sharpe(self, w: Floats) -> tuple[float, Floats]:
        """See :class:`Pairs`."""
        n = w.shape[1]
        scaled = w * self.sd
        blocks = [self.correlation[i * n : (i + 1) * n, i * n : (i + 1) * n] for i in range(len(w))]
        variance = np.array([row @ block @ row for row, block in zip(scaled, blocks, strict=True)])
        whole = float(scaled.ravel() @ self.correlation @ scaled.ravel())
        mean = (w * self.mean).sum(axis=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            ratios: Floats = np.sqrt(TRADING_DAYS) * mean / np.sqrt(np.where(variance > 0, variance, np.nan))
        return float(np.sqrt(TRADING_DAYS) * mean.sum() / np.sqrt(whole)) if whole > 0 else float("nan"), ratios

    def mean_pnl(self, w: Floats) -> Floats:
        """See :class:`Pairs`."""
        mean: Floats = (w * self.mean).sum(axis=1)
        return mean


@dataclass(frozen=True, eq=False)
class Live:
    """Learns and scores graphs from what was kept.

    Args:
        moments: of the validation part.
        pairs: of the test part.
    """

    moments: Moments
    pairs: Pairs

    def weights(self, method: str, eta: float) -> Floats:
        """The graph of LASSO, Ridge or PnL-threshold with any η.

        Raises:
            SettingsError: for another method, or η ≤ 0.
        """
        if method not in graph.GRIDS or not 0 < eta < np.inf:
            raise SettingsError(f"expected one of {', '.join(graph.GRIDS)} with η > 0; found {method[:40]!r}, {eta:g}")
        if method == "lasso":
            raw = regression.lasso_from_moments(self.moments, (eta,))[0]
        elif method == "ridge":
            raw = regression.ridge_from_moments(self.moments, (eta,))[0]
        else:
            raw = np.where(np.abs(self.moments.pnl) > eta, self.moments.pnl, 0.0)
        return graph.normalised(raw)

    def sharpe(self, w: Floats) -> tuple[float, Floats]:
        """Portfolio ratio on the test part, and ``(assets,)`` each asset's."""
        return self.pairs.sharpe(w)


def arrays(validation: tuple[Floats, Part], test: tuple[Floats, Part]) -> dict[str, NDArray[Any]]:
    """What to keep, from the signs and the two parts."""
    found = regression.moments(validation[0], validation[1].returns)
    signs, part = test
    earned = [forecasting.daily(10_000 * row * x, part.date)[1] for row, x in zip(signs, part.returns, strict=True)]
    pnl = np.stack(earned)  # (assets, generators, days)
    kept: dict[str, NDArray[Any]] = {"gram": found.gram.astype(np.float32), "target": found.target, "pnl": found.pnl}
    if len(pnl) > MOST_ASSETS:
        return {**kept, "pair_pnl": pnl.astype(np.float16)}
    mean, sd = pnl.mean(axis=-1), pnl.std(axis=-1)
    unit = ((pnl - mean[..., None]) / np.where(sd > 0, sd, 1.0)[..., None]).reshape(-1, pnl.shape[-1])
    correlation = unit @ unit.T / pnl.shape[-1]
    upper = np.round(_STEPS * correlation[np.triu_indices(len(unit))]).astype(np.int16)
    return {**kept, "mean": mean, "sd": sd, "correlation": upper, "days": np.array([float(pnl.shape[-1])])}


def restore(kept: Mapping[str, NDArray[Any]]) -> Live:
    """The inverse of :func:`arrays`.

    Raises:
        CheckpointError: if an array is missing or shapes do not fit.
    """
    if "pnl" not in kept or kept["pnl"].ndim != 2:
        raise CheckpointError("expected the PnL of every pair of a graph study; found none")
    n, generators = kept["pnl"].shape
    pair = (n, generators)
    check_arrays(kept, {"gram": (*pair, generators), "target": pair, "pnl": pair}, "what a graph study keeps")
    gram, target, pnl = (np.ascontiguousarray(kept[name], dtype=np.float64) for name in ("gram", "target", "pnl"))
    return Live(Moments(gram, target, pnl), _pairs(kept, pair))


def _pairs(kept: Mapping[str, NDArray[Any]], pair: tuple[int, int]) -> Pairs:
    if "pair_pnl" in kept:
        series = kept["pair_pnl"]
        check_arrays(kept, {"pair_pnl": (*pair, series.shape[-1])}, "what a graph study keeps")
        return PairSeries(series)
    check_arrays(kept, {"mean": pair, "sd": pair, "days": (1,)}, "what a graph study keeps")
    count = pair[0] * pair[1]
    upper = kept.get("correlation")
    if upper is None or upper.dtype != np.int16 or upper.shape != (count * (count + 1) // 2,):
        raise CheckpointError(f"expected the correlations of {count} pairs of a graph study; found other content")
    correlation = np.zeros((count, count), dtype=np.float32)
    rows, columns = np.triu_indices(count)
    correlation[rows, columns] = upper / np.float32(_STEPS)
    correlation[columns, rows] = correlation[rows, columns]
    return PairMoments(kept["mean"], kept["sd"], correlation, int(kept["days"][0]))
