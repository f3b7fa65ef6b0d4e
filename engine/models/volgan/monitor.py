"""VolGAN watched while it trains: arbitrage in what it generates, and whether it still spreads.

Only looked at when progress is reported, on a small fixed batch with noise of its own, so that watching costs next to
nothing and changes no weight.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.market.surface_history import SurfaceHistory
from engine.models.volgan.model import ANNUAL, VolGAN, VolGANConfig, condition_rows, conditions, targets
from engine.surfaces import arbitrage
from engine.training.alarms import DATA_PENALTY, PENALTY, SPREAD

DRAWS = 16
"""Scenarios of each watched day and network."""

SURFACES = 512
"""Surfaces generated at one look, at least four days of each network."""

LEAST_DAYS, MOST_DAYS = 4, 32
FLOOR, CEILING = -10.0, 5.0
"""Log vols beyond these (0.005 % and 15,000 % a year) are taken as these: Φ says nothing more about them."""


class TrainingMonitor:
    """Looks at the generators of a stack from outside.

    Args:
        history: the training part.
        config: settings of the fit.
        members: number of networks.
        seed: of the noise, which is the same at every look, so that a curve moves only when the weights do.
    """

    def __init__(self, history: SurfaceHistory, config: VolGANConfig, members: int, *, seed: int) -> None:
        rows = condition_rows(history)
        days = int(np.clip(SURFACES // (DRAWS * members), LEAST_DAYS, MOST_DAYS))
        self.rows = rows[np.linspace(0, len(rows) - 1, min(days, len(rows))).astype(int)]
        self._condition = conditions(history, self.rows)
        self._rate = np.repeat(history.rate[self.rows], DRAWS * members)
        self._data_sd = float(targets(history, rows)[:, 0].std() / ANNUAL)
        self._data_penalty = float(arbitrage.total_penalty(history.iv[rows], history.grid, history.rate[rows]).mean())
        self._model, self._grid = VolGAN(dataclasses.replace(config, members=members)), history.grid
        self._members, self._seed = members, seed

    def figures(self, weights: Mapping[str, NDArray[Any]]) -> dict[str, float]:
        """Mean Φ of generated surfaces beside the data's, and the spread of returns within a day over the data's.

        The spread is the standard deviation of one network's returns on one day, averaged over days and networks, over
        that of the training returns; it is left out where these never move. All are NaN for weights that are.

        Args:
            weights: as ``VolGAN.state`` names them.
        """
        if not all(np.isfinite(array).all() for array in weights.values()):
            return {PENALTY: float("nan"), DATA_PENALTY: self._data_penalty}
        self._model.restore(dict(weights), self._grid)
        rng = np.random.default_rng([self._seed, 7])
        log_return, log_iv = self._model.scenarios_of(self._condition, DRAWS * self._members, rng)
        surfaces = np.exp(np.clip(log_iv, FLOOR, CEILING)).reshape(-1, *self._grid.shape)
        found = {
            PENALTY: float(arbitrage.total_penalty(surfaces, self._grid, self._rate).mean()),
            DATA_PENALTY: self._data_penalty,
        }
        if self._data_sd > 0:
            by_member = log_return.reshape(len(self.rows), DRAWS, self._members)  # (days, draws, members)
            found[SPREAD] = float(by_member.std(axis=1, ddof=1, dtype=np.float64).mean() / self._data_sd)
        return found
