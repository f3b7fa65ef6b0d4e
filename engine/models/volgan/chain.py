"""VolGAN walked day by day: the condition of the next day is a small state of each path (3.4)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from engine.market.grid import Floats
from engine.market.surface_history import SurfaceHistory
from engine.models.conditional_fhs.filter import RealisedVol
from engine.models.rollout import Chain, Day
from engine.models.volgan.generator import ANNUAL, Singles, generated


class VolGANChain(Chain):
    """n paths that carry R_{t−Δ}, R_{t−2Δ}, the 21 squared returns of γ_{t−Δ}, and g_t.

    With several members each path takes one at random every day: the next day's law is their equal mixture.

    Args:
        weights: of the fitted model, a leading axis of members.
        condition: the history known today, at least 23 days.
        n: number of paths.
    """

    def __init__(self, weights: Mapping[str, Singles], condition: SurfaceHistory, n: int) -> None:
        self._members = [
            {name: array[k] for name, array in weights.items()} for k in range(len(weights["generator.0.weight"]))
        ]
        self._returns = np.tile(condition.log_return[:-3:-1], (n, 1))  # (n, 2), the latest first
        self._realised = RealisedVol(condition.log_return, n)
        self._log_iv = np.tile(condition.grid.flatten(condition.log_iv[-1]), (n, 1)).astype(np.float32)

    def step(self, rng: np.random.Generator) -> Day:
        """The generator's output on every path, from fresh noise."""
        a = np.column_stack([ANNUAL * self._returns, self._realised.value])
        condition = np.concatenate([a.astype(np.float32), self._log_iv], axis=1)  # (n, 3 + N)
        n, members = len(condition), len(self._members)
        member = rng.integers(members, size=n) if members > 1 else np.zeros(n, dtype=np.int64)
        noise_dim = self._members[0]["generator.0.weight"].shape[1] - condition.shape[1]
        y = np.empty((n, 1 + self._log_iv.shape[1]), dtype=np.float32)
        for k, w in enumerate(self._members):
            own = condition[member == k]
            y[member == k] = generated(w, own, rng.standard_normal((len(own), noise_dim), dtype=np.float32))
        log_return: Floats = (y[:, 0] / np.float32(ANNUAL)).astype(np.float64)
        self._log_iv = self._log_iv + y[:, 1:]
        self._returns = np.column_stack([log_return, self._returns[:, 0]])
        self._realised.update(log_return)
        return Day(log_return, self._log_iv.astype(np.float64))
