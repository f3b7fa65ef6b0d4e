"""Small histories for the tests of market data."""

import numpy as np
from hypothesis import strategies as st

from engine.market.grid import CH2_GRID, VOLGAN_GRID, Grid
from engine.market.surface_history import SurfaceHistory

SMALL = Grid([0.9, 0.95, 1.0, 1.1], np.array([30, 91, 365]) / 365)


def history(n=40, grid=SMALL, seed=0, **extra):
    """Random but plausible surfaces on consecutive weekdays."""
    rng = np.random.default_rng(seed)
    dates = np.busday_offset("2019-01-02", np.arange(n), roll="forward")
    spot = 100 * np.exp(np.cumsum(0.01 * rng.standard_normal(n)))
    iv = 0.2 * np.exp(0.2 * rng.standard_normal((n, *grid.shape)))
    return SurfaceHistory(dates, spot, iv, grid, **extra)


@st.composite
def histories(draw):
    """Histories on several grids with or without rate, VIX and half-spreads, their numbers written exactly."""
    grid = draw(st.sampled_from([SMALL, CH2_GRID, VOLGAN_GRID, Grid([0.5, 1.0, 2.0], [0.5, 1.0])]))
    n = draw(st.integers(1, 6))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    start = draw(st.integers(-9_000, 20_000))
    dates = np.datetime64("2000-01-01") + start + np.cumsum(rng.integers(1, 5, size=n))
    spot = np.exp(rng.uniform(-3, 9, size=n))
    iv = rng.uniform(0.04, 0.9, size=(n, *grid.shape))
    rate = rng.uniform(0.0, 0.09, size=n) if draw(st.booleans()) else 0.0
    vix = rng.uniform(9, 90, size=n) if draw(st.booleans()) else None
    spread = rng.uniform(0, 0.02, size=(n, 2, *grid.shape)) if draw(st.booleans()) else None
    return SurfaceHistory(dates, spot, iv, grid, rate, vix, spread)
