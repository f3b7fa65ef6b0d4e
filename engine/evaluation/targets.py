"""What a generator of tomorrow is held to: y = (√252·R_t, Δg_t), annualised return and change of the log-vols."""

import numpy as np
from numpy.typing import NDArray

from engine.market.grid import TRADING_DAYS, Floats
from engine.market.surface_history import SurfaceHistory
from engine.scenarios.scenario_set import ScenarioSet

ANNUAL = np.sqrt(TRADING_DAYS)

Rows = NDArray[np.intp]


def standard_targets(history: SurfaceHistory, rows: Rows) -> Floats:
    """``(len(rows), 1 + N)`` what followed each row: (√252·R_t, Δg_t)."""
    change = history.grid.flatten(history.log_iv[rows + 1] - history.log_iv[rows])
    return np.concatenate([ANNUAL * history.log_return[rows][:, None], change], axis=1)


def scenario_targets(drawn: ScenarioSet, history: SurfaceHistory, rows: Rows) -> Floats:
    """``(len(rows), n, 1 + N)`` the same of scenarios drawn after each row."""
    change = drawn.log_iv - history.log_iv[rows][:, None]
    return np.concatenate([ANNUAL * drawn.log_return[..., None], drawn.grid.flatten(change)], axis=-1)
