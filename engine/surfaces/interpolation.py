"""Vols on another grid by straight lines: from scattered quotes, or from another grid."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from engine.market.grid import Floats, Grid
from engine.market.surface_history import SurfaceHistory
from engine.surfaces.nadaraya_watson import ScatteredVols


def to_grid(history: SurfaceHistory, grid: Grid) -> SurfaceHistory:
    """The same history on another grid: linear in moneyness, then in maturity, linear outside (SPEC 0).

    Args:
        history: surfaces on any grid.
        grid: where to.

    Returns:
        Vols interpolated; half-spreads too, floored at zero.
    """

    def moved(values: Floats) -> Floats:
        return history.grid.interpolate(values, grid.moneyness[:, None], grid.maturity)

    spread = None
    if history.half_spread is not None:
        # the interpolation floors what it returns at a positive vol; far above it, the floor is never met
        spread = np.maximum(moved(history.half_spread + 10.0) - 10.0, 0.0)
    return replace(history, iv=moved(history.iv), grid=grid, half_spread=spread)


def interpolate(vols: ScatteredVols, grid: Grid) -> Floats:
    """The quotes joined by straight lines: in moneyness at each quoted maturity, then in maturity.

    Outside the quotes the nearest is held: a line through two neighbouring noisy quotes soon leaves every market.
    Quotes of one moneyness and maturity are averaged with their weights.

    Returns:
        ``(n_moneyness, n_maturity)`` vols.
    """
    frame = pd.DataFrame({"tau": vols.maturity, "m": vols.moneyness, "w": vols.weight, "wv": vols.weight * vols.iv})
    frame["v"], frame["n"] = vols.iv, 1.0
    points = frame.groupby(["tau", "m"], sort=True)[["w", "wv", "v", "n"]].sum().reset_index()
    weighted = points["w"] > 0
    points["iv"] = np.where(weighted, points["wv"] / points["w"].where(weighted, 1.0), points["v"] / points["n"])
    knots, smiles = [], []
    for tau, smile in points.groupby("tau", sort=True):
        knots.append(float(tau))  # type: ignore[arg-type]
        smiles.append(np.interp(grid.moneyness, smile["m"], smile["iv"]))
    columns = np.stack(smiles)  # (n_knots, n_moneyness)
    return np.stack([np.interp(grid.maturity, knots, column) for column in columns.T])


def outside_quotes(vols: ScatteredVols, grid: Grid) -> NDArray[np.bool_]:
    """Grid points outside the quoted expiries, or outside the strikes quoted around their maturity."""
    knots = np.unique(vols.maturity)
    low = np.array([vols.moneyness[vols.maturity == tau].min() for tau in knots])
    high = np.array([vols.moneyness[vols.maturity == tau].max() for tau in knots])
    outside = (grid.maturity < knots[0]) | (grid.maturity > knots[-1])
    m = grid.moneyness[:, None]
    beyond = (m < np.interp(grid.maturity, knots, low)) | (m > np.interp(grid.maturity, knots, high))
    without: NDArray[np.bool_] = beyond | outside
    return without
