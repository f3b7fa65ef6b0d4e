"""The two-speed model walked day by day: its volatilities and features as small states of each path."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from engine.market.grid import Floats
from engine.market.surface_history import SurfaceHistory
from engine.models.chains import MoveChain, RunningVariance, next_weekdays
from engine.models.conditional_fhs.anchor_chain import LevelFeatures, RunningMean
from engine.models.conditional_fhs.hybrid_features import ACTIVITY_DECAYS, ATM_MATURITY, FAST, SLOW, decay_of
from engine.models.conditional_fhs.innovations import Rows, pick_weighted, running_variance
from engine.models.conditional_fhs.two_speed_features import (
    ACTIVITY,
    INDEX_HALF_LIVES,
    LEVEL,
    LEVEL_HALF_LIFE,
    NAMES,
    PREMIUM,
    PREMIUM_HALF_LIFE,
    YEAR,
    YEAR_HALF_LIFE,
    index_against,
    panel,
    state_features,
    weekday_features,
)
from engine.models.conditional_fhs.two_speed_law import ALIKE, Known, mixed

if TYPE_CHECKING:
    from engine.models.conditional_fhs.two_speed import TwoSpeed

PATHS_AT_ONCE = 128
"""Paths whose days are weighted together: 6 MB of weights for 22 years of past."""


class TwoSpeedChain(MoveChain):
    """Paths that carry what :func:`~.two_speed_features.panel` computes from a whole history.

    Args:
        model: fitted or restored.
        known: the history known today, seen through it; it holds enough days up to the last fit to draw from.
        condition: that history.
        n: number of paths.
    """

    def __init__(self, model: TwoSpeed, known: Known, condition: SurfaceHistory, n: int) -> None:
        super().__init__(condition, n)
        self._model, self._known, self._basis = model, known, model.basis
        basis, c, row = self._basis, model.config, len(condition) - 1
        pool = known.pool(row)
        self._residuals, self._rest, self._past = known.residuals[:, :pool], known.rest[:pool], known.state[:pool]
        self._mean = np.repeat(known.mean[:, row, None], n, axis=1)  # (E, n, 1 + K)
        self._log_scale = np.repeat(known.log_scale[:, row, None], n, axis=1)
        self._today = np.tile(known.state[-1], (n, 1))
        seen, implied = panel(condition, basis, c), condition.atm(ATM_MATURITY)
        self._variances = [
            RunningVariance(running_variance(seen.scaled, decay, basis.start, tilt=c.tilt)[-1], decay, n, tilt=c.tilt)
            for decay in (c.fast, c.slow)
        ]
        ratio = running_variance(seen.scaled[:, :1] / implied[:-1, None], c.slow, basis.implied_start)[-1]
        self._ratio = RunningVariance(ratio, c.slow, n)
        self._implied = np.full(n, implied[-1])
        self._volatility = np.tile(seen.volatility[-1], (n, 1))
        index = np.log(condition.spot) / basis.unit[0]
        level = (condition.grid.flatten(condition.log_iv) / basis.unit[1:]).mean(axis=1)
        index_sd, level_sd = seen.volatility[:, 0], seen.volatility[:, 1:].mean(axis=1)
        self._index, self._level = np.full(n, index[-1]), np.full(n, level[-1])
        self._averages = {days: RunningMean(index, decay_of(days), n) for days in INDEX_HALF_LIVES}
        self._level_average = RunningMean(level, decay_of(LEVEL_HALF_LIFE), n)
        self._premium = RunningMean(np.log(implied) - np.log(index_sd), decay_of(PREMIUM_HALF_LIFE), n)
        self._year = RunningMean(np.log(level_sd), decay_of(YEAR_HALF_LIFE), n)
        together = np.sqrt(np.square(seen.factors).mean(axis=1, keepdims=True))
        self._activity = [
            RunningVariance(running_variance(together, forget, np.ones(1))[-1], forget, n) for forget in ACTIVITY_DECAYS
        ]
        self._levels = LevelFeatures(condition, n, slow=SLOW, fast=FAST)
        self._day = condition.dates[-1]

    def _moves(self, rng: np.random.Generator) -> Floats:
        n = len(self.log_iv)
        day, member, partner = rng.random((n, 3)).T
        which = pick_weighted(member, self._known.weights)
        alike = ALIKE[which] & (self._model.config.bandwidth > 0)
        factors, rest = np.empty((n, self._mean.shape[2])), np.empty((n, self._rest.shape[1]))
        equal = np.full(len(self._rest), 1 / len(self._rest))
        paths = np.flatnonzero(~alike)
        first, second = pick_weighted(day[paths], equal), pick_weighted(partner[paths], equal)
        centre = (equal @ self._residuals)[which[paths]]
        factors[paths], rest[paths] = self._mixed(which[paths], first, second, centre, equal @ self._rest)
        special = np.flatnonzero(alike)
        for start in range(0, len(special), PATHS_AT_ONCE):
            paths = special[start : start + PATHS_AT_ONCE]
            likely = self._likely(self._today[paths])  # (paths, pool)
            reached = np.cumsum(likely, axis=1)
            first, second = (_pick(reached, uniforms[paths]) for uniforms in (day, partner))
            members = which[paths]
            centre = np.empty((len(paths), factors.shape[1]))
            for i in np.unique(members):
                centre[members == i] = likely[members == i] @ self._residuals[i]
            factors[paths], rest[paths] = self._mixed(members, first, second, centre, likely @ self._rest)
        each = np.arange(n)
        factors = self._mean[which, each] + np.exp(self._log_scale[which, each]) * factors
        return self._known.moves(factors, rest, self._volatility * self._basis.unit)

    def _mixed(
        self, members: Rows, first: Rows, second: Rows, centre: Floats, rest_centre: Floats
    ) -> tuple[Floats, Floats]:
        """Smoothed residuals of factors ``(paths, 1 + K)`` and of the rest ``(paths, N)``."""
        residuals, rest, b = self._residuals, self._rest, self._model.config.smoothing
        factors = mixed(residuals[members, first], residuals[members, second], centre, b)
        return factors, mixed(rest[first], rest[second], rest_centre, b)

    def _likely(self, today: Floats) -> Floats:
        """``(paths, pool)`` probabilities of the days that paths draw from, those like today more often."""
        h = self._model.config.bandwidth
        past, now = self._past / h, today / h
        gaps = np.square(past).sum(axis=1) - 2 * now @ past.T + np.square(now).sum(axis=1, keepdims=True)
        likely: Floats = np.exp(-0.5 * gaps)
        likely /= likely.sum(axis=1, keepdims=True)
        return likely

    def _moved(self, moves: Floats) -> None:
        basis, c = self._basis, self._model.config
        scaled = moves / basis.unit
        innovations = scaled / self._volatility
        scores = innovations[:, 1:] @ basis.axes
        last = np.column_stack([innovations[:, 0], scores]) / basis.factor_sd
        self._ratio.update(scaled[:, :1] / self._implied[:, None])
        for running in self._variances:
            running.update(scaled)
        iv = np.exp(self.grid.unflatten(self.log_iv))
        self._implied = self.grid.interpolate(iv, 1.0, ATM_MATURITY)
        fast, slow = (running.volatility**2 for running in self._variances)
        variance: Floats = (fast + slow) / 2
        ratio = self._ratio.volatility[:, 0] ** 2
        variance[:, 0] = (1 - c.implied_share) * variance[:, 0] + c.implied_share * ratio * self._implied**2
        self._volatility = np.sqrt(variance)
        features = self._features(scaled, last, iv, moves[:, 0])
        self._mean, self._log_scale = self._model.corrections_of(features)
        self._today = self._model.kernel_of(features)

    def _features(self, scaled: Floats, last: Floats, iv: Floats, log_return: Floats) -> Floats:
        """``(n, len(NAMES))`` of the day that the paths have reached."""
        index_sd, level_sd = self._volatility[:, 0], self._volatility[:, 1:].mean(axis=1)
        self._index = self._index + scaled[:, 0]
        self._level = self._level + scaled[:, 1:].mean(axis=1)
        known: dict[str, Floats] = {}
        for days, average in self._averages.items():
            known[index_against(days)] = (self._index - average.update(self._index)) / index_sd
        known[LEVEL] = (self._level - self._level_average.update(self._level)) / level_sd
        premium, volatility = np.log(self._implied) - np.log(index_sd), np.log(level_sd)
        known[PREMIUM] = premium - self._premium.update(premium)
        known[YEAR] = volatility - self._year.update(volatility)
        together = np.sqrt(np.square(last).mean(axis=1, keepdims=True))
        for name, activity in zip(ACTIVITY, self._activity, strict=True):
            activity.update(together)
            known[name] = np.log(activity.volatility[:, 0])
        self._day = next_weekdays(self._day, 1)[0]
        known |= weekday_features(np.array([self._day.astype(np.int64)]), level_sd)
        known |= state_features(self._levels.update(iv, log_return), last, self._basis)
        return np.stack([known[name] for name in NAMES], axis=1)


def _pick(reached: Floats, uniforms: Floats) -> Rows:
    """:func:`engine.models.conditional_fhs.innovations.pick_weighted` of many laws at once: rows of running sums."""
    below = reached <= uniforms[:, None] * reached[:, -1:]
    chosen: Rows = np.minimum(below.sum(axis=1), reached.shape[1] - 1)
    return chosen
