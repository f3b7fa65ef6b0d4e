"""What a finished study of graphs keeps so that a page can learn its graphs again with another η, without prices.

For every asset the moments of its regression on the validation part, and for every pair the daily PnL on the test part:
a graph's portfolio is a weighted sum of them. No return of any asset is among them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.decisions import forecasting, graph, graph_regression
from engine.decisions.graph_regression import Moments
from engine.errors import CheckpointError, SettingsError
from engine.market.grid import Floats
from engine.studies.graph_panel import Part
from engine.training.progress import check_arrays

_NAMES = ("gram", "target", "pnl", "pair_pnl")


@dataclass(frozen=True, eq=False)
class Live:
    """Learns and scores graphs from what was kept.

    Args:
        moments: of the validation part.
        pair_pnl: ``(assets, generators, days)`` PnL of each generator on each asset on the test part, basis points.
    """

    moments: Moments
    pair_pnl: NDArray[np.float16]

    def weights(self, method: str, eta: float) -> Floats:
        """The graph of LASSO, Ridge or PnL-threshold with any η.

        Raises:
            SettingsError: for another method, or η ≤ 0.
        """
        if method not in graph.GRIDS or not 0 < eta < np.inf:
            raise SettingsError(f"expected one of {', '.join(graph.GRIDS)} with η > 0; found {method[:40]!r}, {eta:g}")
        if method == "lasso":
            raw = graph_regression.lasso_from_moments(self.moments, (eta,))[0]
        elif method == "ridge":
            raw = graph_regression.ridge_from_moments(self.moments, (eta,))[0]
        else:
            raw = np.where(np.abs(self.moments.pnl) > eta, self.moments.pnl, 0.0)
        return graph.normalised(raw)

    def daily_pnl(self, w: Floats) -> Floats:
        """``(assets, days)`` PnL of a graph's bets on the test part, basis points."""
        return np.stack([row @ pnl.astype(np.float64) for row, pnl in zip(w, self.pair_pnl, strict=True)])

    def sharpe(self, w: Floats) -> tuple[float, Floats]:
        """Portfolio ratio on the test part, and ``(assets,)`` each asset's."""
        pnl = self.daily_pnl(w)
        return float(forecasting.sharpe_ratio(forecasting.portfolio(pnl))), forecasting.sharpe_ratio(pnl)


def arrays(validation: tuple[Floats, Part], test: tuple[Floats, Part]) -> dict[str, NDArray[Any]]:
    """What to keep, from the signs and the two parts."""
    found = graph_regression.moments(validation[0], validation[1].returns)
    signs, part = test
    earned = [forecasting.daily(10_000 * row * x, part.date)[1] for row, x in zip(signs, part.returns, strict=True)]
    return {
        "gram": found.gram.astype(np.float32),
        "target": found.target,
        "pnl": found.pnl,
        "pair_pnl": np.stack(earned).astype(np.float16),
    }


def restore(kept: Mapping[str, NDArray[Any]]) -> Live:
    """The inverse of :func:`arrays`.

    Raises:
        CheckpointError: if an array is missing or shapes do not fit.
    """
    if "pair_pnl" not in kept or kept["pair_pnl"].ndim != 3:
        raise CheckpointError("expected the daily PnL of every pair of a graph study; found none")
    n, generators, days = kept["pair_pnl"].shape
    shapes = ((n, generators, generators), (n, generators), (n, generators), (n, generators, days))
    check_arrays(kept, dict(zip(_NAMES, shapes, strict=True)), "what a graph study keeps")
    gram, target, pnl = (np.ascontiguousarray(kept[name], dtype=np.float64) for name in _NAMES[:3])
    return Live(Moments(gram, target, pnl), kept["pair_pnl"])
