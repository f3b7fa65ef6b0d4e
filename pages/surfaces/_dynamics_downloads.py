"""Tables of the dynamics page for download."""

import numpy as np
import pandas as pd

from engine.market.grid import Floats, Grid
from engine.studies.surfaces.dynamics import (
    SurfaceDynamicsResult,
)


def factor_table(result: SurfaceDynamicsResult) -> pd.DataFrame:
    """One row a day: the factor processes."""
    table = pd.DataFrame(result.components.factors, columns=[f"X{k + 1}" for k in range(len(result.fits))])
    table.insert(0, "date", result.dates)
    return table


def long_surface(values: Floats, grid: Grid, column: str) -> pd.DataFrame:
    """One row a cell of a surface: moneyness, maturity in years, value."""
    moneyness, maturity = np.meshgrid(grid.moneyness, grid.maturity, indexing="ij")
    return pd.DataFrame({"moneyness": moneyness.ravel(), "maturity_years": maturity.ravel(), column: values.ravel()})


def long_vectors(result: SurfaceDynamicsResult) -> pd.DataFrame:
    """One row a cell: every eigen-surface."""
    found = result.components
    table = long_surface(found.vectors[0], found.grid, "f1")
    for k, vector in enumerate(found.vectors[1:], start=2):
        table[f"f{k}"] = vector.ravel()
    return table
