"""A small made-up history of surfaces for tests of models: M ≠ T, non-uniform axes, one mean-reverting factor."""

import numpy as np

from engine.market.grid import Grid
from engine.market.surface_history import SurfaceHistory

SMALL_GRID = Grid([0.8, 0.9, 1.0, 1.15], [0.1, 0.25, 1.0])


def small_history(days: int = 90, seed: int = 0, grid: Grid = SMALL_GRID) -> SurfaceHistory:
    rng = np.random.default_rng(seed)
    level = np.zeros(days)
    shocks = rng.standard_normal((days, 2))
    for t in range(1, days):
        level[t] = 0.95 * level[t - 1] + 0.05 * shocks[t, 0]
    vol = 0.2 * np.exp(level)
    log_return = vol[:-1] / np.sqrt(252) * (-0.6 * shocks[1:, 0] + 0.8 * shocks[1:, 1])
    skew, decay = np.meshgrid(np.log(grid.moneyness), np.exp(-grid.maturity), indexing="ij")
    log_iv = np.log(0.2) + level[:, None, None] * decay - 0.3 * skew * decay
    return SurfaceHistory(
        dates=np.datetime64("2020-01-01") + np.arange(days),
        spot=100 * np.exp(np.concatenate([[0], np.cumsum(log_return)])),
        iv=np.exp(log_iv),
        grid=grid,
        rate=0.01,
    )
