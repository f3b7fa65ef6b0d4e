"""The linear anchor walked day by day, and the level features that it and the hybrid carry along their paths."""

from __future__ import annotations

import numpy as np

from engine.market.grid import Floats
from engine.market.surface_history import SurfaceHistory
from engine.models.chains import MoveChain, Pool, RealisedVol, RunningVariance
from engine.models.conditional_fhs.anchor import LinearAnchor, level_points
from engine.models.conditional_fhs.innovations import Rows, pick, running_mean

PATHS_AT_ONCE = 128
"""Paths whose pools are weighted together: 6 MB of weights for 22 years of past."""


class RunningMean:
    """:func:`engine.models.conditional_fhs.innovations.running_mean` one step at a time.

    Args:
        series: ``(t, …)`` the real past.
        decay: λ.
        n: number of paths.
    """

    def __init__(self, series: Floats, decay: float, n: int) -> None:
        self._decay = decay
        self.value: Floats = np.repeat(running_mean(series, decay)[-1:], n, axis=0)  # (n, …)

    def update(self, latest: Floats) -> Floats:
        """m ← λ m + (1 − λ) x; returns m."""
        self.value = self._decay * self.value + (1 - self._decay) * latest
        return self.value


class LevelFeatures:
    """:func:`engine.models.conditional_fhs.anchor.level_features` of the day that every path has reached.

    Args:
        condition: the real past.
        n: number of paths.
        slow, fast: decays of the averages.
    """

    def __init__(self, condition: SurfaceHistory, n: int, *, slow: float, fast: float) -> None:
        self._grid = condition.grid
        atm, _, skew = self._quotes(condition.iv)
        self._slow, self._fast = RunningMean(atm, slow, n), RunningMean(atm, fast, n)
        self._skew = RunningMean(skew, slow, n)
        self._realised = RealisedVol(condition.log_return, n)

    def update(self, iv: Floats, log_return: Floats) -> Floats:
        """``(n, 5)`` features of a new day, from its surfaces ``(n, M, T)`` and the returns ``(n,)`` to it."""
        atm, far, skew = self._quotes(iv)
        self._realised.update(log_return)
        columns = [
            atm - self._slow.update(atm),
            atm - self._fast.update(atm),
            far - atm,
            np.log(np.maximum(self._realised.value, 1e-4)) - atm,
            skew - self._skew.update(skew),
        ]
        return np.stack(columns, axis=1)

    def _quotes(self, iv: Floats) -> tuple[Floats, Floats, Floats]:
        atm, far, put, call = np.log(self._grid.interpolate(iv, *level_points(self._grid))).T
        return atm, far, put - call


class LinearAnchorChain(MoveChain):
    """Paths that carry variances, level features, and which residuals they drew on days with which features.

    Args:
        model: fitted or restored.
        condition: the history known today.
        n: number of paths.
    """

    def __init__(self, model: LinearAnchor, condition: SurfaceHistory, n: int) -> None:
        super().__init__(condition, n)
        known = model.known(condition)
        s, c = model.state(), model.config
        self._coefficients, self._components, self._centre, self._level = (
            s[name] for name in ("coefficients", "components", "centre", "level")
        )
        self._spread = np.maximum(s["spread"], 1e-12)
        self._bandwidth = float(c.bandwidth)
        self._residuals = known.residuals
        self._variance = RunningVariance(np.square(known.volatility[-1]), c.decay, n, tilt=c.tilt)
        self._levels = LevelFeatures(condition, n, slow=c.slow, fast=c.fast)
        self._mean = np.tile(known.mean[-1], (n, 1))
        self._past = known.kernel[:-1]  # (past, 3) features of the days whose residuals are known
        self._today = np.tile(known.kernel[-1], (n, 1))
        self._own = np.empty((n, 0, self._today.shape[1]))
        self._pool = Pool(len(self._residuals), n)

    def _moves(self, rng: np.random.Generator) -> Floats:
        chosen = self._chosen(rng.random(len(self._today)))
        drawn: Floats = (self._residuals[self._pool.take(chosen)] + self._mean) * self._variance.volatility
        return drawn

    def _moved(self, moves: Floats) -> None:
        innovations = moves / self._variance.volatility
        self._variance.update(moves)
        levels = self._levels.update(np.exp(self.grid.unflatten(self.log_iv)), moves[:, 0])
        features = np.concatenate([innovations @ self._components.T, levels], axis=1)
        self._mean = self._level + (features - self._centre) @ self._coefficients
        self._own = np.concatenate([self._own, self._today[:, None]], axis=1)
        self._today = (features / self._spread)[:, -self._today.shape[1] :]

    def _chosen(self, uniforms: Floats) -> Rows:
        """Places in the pool, with the kernel's weights around today's features."""
        if self._bandwidth == 0:
            return pick(uniforms, len(self._pool))
        past, h = self._past / self._bandwidth, self._bandwidth
        lengths = np.square(past).sum(axis=1)
        chosen = np.empty(len(uniforms), dtype=np.intp)
        for start in range(0, len(uniforms), PATHS_AT_ONCE):
            rows = slice(start, start + PATHS_AT_ONCE)
            today = self._today[rows] / h
            gaps = lengths - 2 * today @ past.T + np.square(today).sum(axis=1, keepdims=True)  # (paths, past)
            own = np.square(self._own[rows] / h - today[:, None]).sum(axis=2)  # (paths, own)
            weights = np.exp(-0.5 * np.concatenate([gaps, own], axis=1))
            reached = np.cumsum(weights, axis=1, out=weights)
            below = reached <= uniforms[rows, None] * reached[:, -1:]  # as pick_weighted, for many paths at once
            chosen[rows] = np.minimum(below.sum(axis=1), reached.shape[1] - 1)
        return chosen
