"""The linear anchor: filtered historical simulation with a shrunk conditional mean and a weighted pool of residuals.

A hand-made model with 100-odd numbers and no training loop. What a learned generator adds is what it scores below this.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from engine.errors import MarketDataError
from engine.market.grid import Floats, Grid
from engine.market.surface_history import FIRST_CONDITION_ROW, SurfaceHistory
from engine.models.conditional_fhs.features import LEVEL_FEATURES, level_features
from engine.models.conditional_fhs.filter import Filter, HistoryFilter
from engine.models.conditional_fhs.model import ExactMoveModel, Known, Learned, Pool, Run
from engine.models.surface_model import Tensors
from engine.settings import configuration, setting

LEAST_PAST = 30
"""Fewest days with features, and what followed, that coefficients are fitted to."""

KERNEL = 3
"""The last three features also weight the residuals."""


@configuration
class LinearAnchorConfig:
    """The anchor; the defaults are those of the reference table, with the two averages it leaves open chosen here."""

    decay: float = setting(0.94, label="Decay", help="Weight of yesterday's variance in today's.", low=0.5, high=0.999)
    tilt: float = setting(
        0.25,
        label="Tilt",
        help="Yesterday's squares count this much more after a fall of the index and less after a rise.",
        low=0.0,
        high=0.9,
    )
    components: int = setting(
        4,
        label="Components",
        help="Principal components of yesterday's innovations among the features.",
        low=1,
        high=20,
    )
    penalty: float = setting(
        100.0, label="Ridge penalty", help="Shrinks the conditional mean towards none.", low=0.0, high=1e9
    )
    bandwidth: float = setting(
        2.0,
        label="Bandwidth",
        help="Residuals of days like today count more: a Gaussian kernel of this many standard deviations of the "
        "features. 0: all count the same.",
        low=0.0,
        high=100.0,
        unit="sd",
    )
    slow: float = setting(
        0.98, label="Slow average", help="Decay of the slow average of log vol.", low=0.5, high=0.9999, advanced=True
    )
    fast: float = setting(
        0.9, label="Fast average", help="Decay of the fast average of log vol.", low=0.1, high=0.9999, advanced=True
    )


class LinearAnchor(ExactMoveModel):
    """Tomorrow's move is volatility × (conditional mean + residual), the mean linear in nine features of today.

    Innovations z_t are moves over exponentially weighted volatilities whose update counts falls more. Their mean is
    b + B'(f_t − f̄), by ridge: Σ_t ‖z_t − z̄ − B'(f_t − f̄)‖² + penalty ‖B‖². The features are the leading principal
    components of yesterday's innovations (divided by √(1+N), so that the penalty means the same on every grid) and the
    five ``LEVEL_FEATURES``, all in their own units. Residuals z_s − b − B'(f_s − f̄) of all days s before today are
    drawn, whole days together, with weights exp(−½ Σ (f_s − f_t)²/(h sd)²) over the last three features.

    References:
        A. Hoerl and R. Kennard (1970), Ridge regression, Technometrics 12.
    """

    name: ClassVar[str] = "linear_anchor"
    Config: ClassVar[type] = LinearAnchorConfig
    first = FIRST_CONDITION_ROW  # realised vol needs 21 returns, an innovation of yesterday one more
    least_rows = FIRST_CONDITION_ROW + LEAST_PAST
    least_days = FIRST_CONDITION_ROW + LEAST_PAST + 1

    def _learn(self, history: SurfaceHistory, run: Run) -> Learned:
        """Components and ridge coefficients from all days but the last, which is the last target's."""
        days, first = HistoryFilter(history), self.first
        d = 1 + history.grid.size
        mean_square = np.square(days.moves).mean(axis=0)
        if not mean_square.max() > 0:
            raise MarketDataError("expected surfaces that change from day to day; found the same surface every day")
        innovations = days.moves / self._volatility(days, mean_square)[:-1]
        spectrum = np.linalg.eigh(np.cov(innovations[first - 1 :].T))[1]
        components = np.ascontiguousarray(spectrum.T[::-1][: min(self.config.components, d)]) / np.sqrt(d)
        features = self._features(days, innovations, components)[first:-1]
        target = innovations[first:]
        centre, level = features.mean(axis=0), target.mean(axis=0)
        deviation = features - centre
        ridge = deviation.T @ deviation + self.config.penalty * np.eye(features.shape[1])
        coefficients = np.linalg.lstsq(ridge, deviation.T @ (target - level), rcond=None)[0]
        unexplained = np.square(target - level - deviation @ coefficients).sum() / np.square(target - level).sum()
        state = {
            "mean_square": mean_square,
            "components": components,
            "centre": centre,
            "spread": features.std(axis=0),
            "level": level,
            "coefficients": coefficients,
        }
        return Learned(state, metrics={"explained_share": float(1 - unexplained)})

    def _shapes(self, grid: Grid, state: Tensors) -> dict[str, tuple[int, ...]]:
        """Start of the variances, components, centre and spread of the features, level and coefficients."""
        d = 1 + grid.size
        k = min(self.config.components, d)
        f = k + len(LEVEL_FEATURES)
        return {
            "mean_square": (d,),
            "components": (k, d),
            "centre": (f,),
            "spread": (f,),
            "level": (d,),
            "coefficients": (f, d),
        }

    def known(self, days: Filter) -> Known:
        """Volatility and mean of the innovation, and the features that tell which days are alike."""
        s, h = self._state, self.config.bandwidth
        volatility = self._volatility(days, s["mean_square"])
        innovations = days.moves / days.previous("volatility", volatility)
        features = self._features(days, innovations, s["components"])
        known = {"volatility": volatility, "mean": s["level"] + (features - s["centre"]) @ s["coefficients"]}
        if h > 0:
            known["likeness"] = (features / np.maximum(s["spread"], 1e-12))[:, -KERNEL:] / h
        return known

    def past(self, days: HistoryFilter, known: Known) -> Known:
        """Residuals: what came about less its mean."""
        return {"residuals": days.moves / known["volatility"][:-1] - known["mean"][:-1]}

    def draw(self, today: Known, past: Known, pool: Pool, numbers: Floats) -> Floats:
        """A residual about today's mean, on today's volatility."""
        chosen = pool.draw(numbers, today.get("likeness"))
        return (past["residuals"][chosen] + today["mean"]) * today["volatility"]

    def _volatility(self, days: Filter, start: Floats) -> Floats:
        return np.sqrt(days.variance("variance", days.moves, self.config.decay, start, tilt=self.config.tilt))

    def _features(self, days: Filter, innovations: Floats, components: Floats) -> Floats:
        """``(rows, k + 5)``."""
        levels = level_features(days, slow=self.config.slow, fast=self.config.fast)
        return np.concatenate([days.last(innovations) @ components.T, levels], axis=1)
