"""The hybrid generator walked day by day: its features and volatilities as small states of each path."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from engine.market.grid import Floats
from engine.market.surface_history import FIRST_CONDITION_ROW, SurfaceHistory
from engine.models.chains import MoveChain, Pool, RunningVariance, next_weekdays
from engine.models.conditional_fhs.anchor_chain import LevelFeatures, RunningMean
from engine.models.conditional_fhs.hybrid_features import (
    ACTIVITY_DECAYS,
    ANCHOR_FEATURES,
    ATM_MATURITY,
    COMPONENTS,
    FAST,
    HALF_LIVES,
    NAMES,
    SLOW,
    WEEKDAYS,
    decay_of,
    panel,
)
from engine.models.conditional_fhs.innovations import running_variance

if TYPE_CHECKING:
    from engine.models.conditional_fhs.hybrid import Hybrid


class HybridChain(MoveChain):
    """Paths that carry what :func:`engine.models.conditional_fhs.hybrid_features.panel` computes from a whole history.

    Args:
        model: fitted or restored.
        condition: the history known today.
        n: number of paths.
    """

    def __init__(self, model: Hybrid, condition: SurfaceHistory, n: int) -> None:
        super().__init__(condition, n)
        self._model, self._basis = model, model.basis
        basis, c = self._basis, model.config
        seen, known = panel(condition, basis, c.decay, c.tilt), model.known(condition)
        pool = slice(FIRST_CONDITION_ROW, None)
        self._residuals, self._rest = known.residuals[pool], known.rest[pool]
        self._pool = Pool(len(self._residuals), n)
        self._mean, self._log_scale = np.tile(known.mean[-1], (n, 1)), np.tile(known.log_scale[-1], (n, 1))
        self._variance = RunningVariance(np.square(seen.volatility[-1] / basis.unit), c.decay, n, tilt=c.tilt)
        levels = self._level(np.log(condition.spot), condition.grid.flatten(condition.log_iv))  # (t, 2)
        step = running_variance(np.diff(levels, axis=0), c.decay, basis.level_start, tilt=c.tilt)
        self._step = RunningVariance(step[-1], c.decay, n, tilt=c.tilt)
        self._levels = np.tile(levels[-1], (n, 1))
        self._averages = {days: RunningMean(levels, decay_of(days), n) for days in HALF_LIVES}
        self._anchor = LevelFeatures(condition, n, slow=SLOW, fast=FAST)
        together = np.sqrt(np.square(seen.factors).mean(axis=1, keepdims=True))
        self._activity = [
            RunningVariance(running_variance(together, forget, np.ones(1))[-1], forget, n) for forget in ACTIVITY_DECAYS
        ]
        premium = np.log(condition.atm(ATM_MATURITY)) - np.log(np.sqrt(step[:, 0]))
        self._premium = RunningMean(premium, decay_of(60), n)
        self._day = condition.dates[-1]
        self._last = seen.factors[-1:]  # set anew by each step

    def _moves(self, rng: np.random.Generator) -> Floats:
        drawn = self._pool.draw(rng.random(len(self.log_iv)))
        factors = (self._mean + np.exp(self._log_scale) * self._residuals[drawn]) * self._basis.factor_sd
        surface = factors[:, 1:] @ self._basis.axes.T + self._rest[drawn]
        moves: Floats = np.column_stack([factors[:, 0], surface])
        moves *= self._variance.volatility * self._basis.unit
        return moves

    def _moved(self, moves: Floats) -> None:
        basis = self._basis
        scaled = moves / basis.unit
        innovations = scaled / self._variance.volatility
        self._variance.update(scaled)
        self._last = np.column_stack([innovations[:, 0], innovations[:, 1:] @ basis.axes]) / basis.factor_sd
        features = self._features(moves)
        self._mean, self._log_scale = self._model.corrections_of(features)

    def _features(self, moves: Floats) -> Floats:
        """``(n, len(NAMES))`` of the day that the paths have reached."""
        basis, n, last = self._basis, len(moves), self._last
        change = self._level(moves[:, 0], moves[:, 1:])
        self._levels = self._levels + change
        self._step.update(change)
        step_sd = self._step.volatility
        known: dict[str, Floats] = {"last return": last[:, 0]}
        for days, average in self._averages.items():
            away = (self._levels - average.update(self._levels)) / step_sd
            known[f"return against its {days}-day average"], known[f"level against its {days}-day average"] = away.T
        scores = np.zeros((n, COMPONENTS))
        k = min(COMPONENTS, last.shape[1] - 1)  # a small grid may have fewer
        scores[:, :k] = (last[:, 1:] * basis.factor_sd[1:] / np.sqrt(len(basis.unit)))[:, :k]
        iv = np.exp(self.grid.unflatten(self.log_iv))
        anchor = np.concatenate([self._anchor.update(iv, moves[:, 0]), scores], axis=1)
        known |= dict(zip(ANCHOR_FEATURES, anchor.T, strict=True))
        together = np.sqrt(np.square(last).mean(axis=1, keepdims=True))
        for name, activity in zip(("activity, days", "activity, month"), self._activity, strict=True):
            activity.update(together)
            known[name] = np.log(activity.volatility[:, 0])
        premium = np.log(self.grid.interpolate(iv, 1.0, ATM_MATURITY)) - np.log(step_sd[:, 0])
        known["implied to realised vol against its 60-day average"] = premium - self._premium.update(premium)
        self._day = next_weekdays(self._day, 1)[0]
        weekday = (int(self._day.astype(np.int64)) + 3) % 7  # 1970-01-01 was a Thursday
        for k, name in enumerate(WEEKDAYS):
            known[name] = ((weekday == k) - 1 / len(WEEKDAYS)) / step_sd[:, 1]
        return np.stack([known[name] for name in NAMES], axis=1)

    def _level(self, log_spot: Floats, log_iv: Floats) -> Floats:
        """Log spot and the surface's first score, over their units: levels ``(…, 2)``, or changes of them."""
        basis = self._basis
        return np.stack([log_spot / basis.unit[0], log_iv / basis.unit[1:] @ basis.axes[:, 0]], axis=-1)
