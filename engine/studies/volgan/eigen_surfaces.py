"""Eigen-surfaces of simulated log-vol changes beside the data's (Figures 3.13 to 3.15), as a table."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from engine.evaluation import comparison
from engine.market.grid import Floats, Grid
from engine.studies.base import rounded
from engine.studies.volgan.paths import COMPONENTS, Reference


def eigen_surface_table(reference: Reference, laws: Mapping[str, Floats]) -> pd.DataFrame:
    """The first three eigen-surfaces of the data and of each law, point by point.

    Args:
        reference: the test part; its components are the data's.
        laws: name → ``(K, 3, N)`` mean eigenvectors of the histories of each network, as ``PathStatistics.vectors``.

    Returns:
        ``rank, model, moneyness, maturity, value`` and the interval of the mean over networks.
    """
    grid: Grid = reference.components.grid
    place = {
        "moneyness": np.repeat(grid.moneyness, grid.shape[1]),
        "maturity": np.tile(grid.maturity, grid.shape[0]),
    }
    parts = []
    for rank in range(COMPONENTS):
        about = {"rank": rank + 1, "model": "data"}
        parts.append(pd.DataFrame({**about, **place, "value": reference.vectors[rank]}))
        for name, vectors in laws.items():
            of_networks = vectors[:, rank]  # (K, N)
            low, high = np.transpose([comparison.seeds_interval(point) for point in of_networks.T])
            about = {"rank": rank + 1, "model": name}
            interval = {"seeds_low": low, "seeds_high": high, "seeds": float(len(of_networks))}
            parts.append(pd.DataFrame({**about, **place, "value": of_networks.mean(axis=0), **interval}))
    return rounded(pd.concat(parts, ignore_index=True), 5)
