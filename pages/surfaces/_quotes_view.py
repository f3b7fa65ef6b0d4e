"""What the tabs of the quotes page draw."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from engine.datasets import Loaded
from engine.market.grid import Floats
from engine.surfaces.smoothing import Construction
from pages.surfaces._quotes_controls import Choice


@dataclass(frozen=True)
class View:
    """What is shown: the quotes, the choices, the surface, and the true one where it is known."""

    loaded: Loaded
    choice: Choice
    built: Construction
    truth: Floats | None
    dark: bool

    @property
    def name(self) -> str:
        """Stem of downloads."""
        return f"quotes_{self.built.date}"


def built_day(view: View) -> str:
    """The day, for names of files."""
    return str(view.built.date)


def points(view: View) -> pd.DataFrame:
    """One row a grid point: vol, whether it is extrapolated, half-spreads, and the truth where it is known."""
    built = view.built
    m, tau = np.meshgrid(built.grid.moneyness, built.grid.maturity, indexing="ij")
    table = pd.DataFrame(
        {
            "date": pd.Timestamp(built.date),
            "spot": built.spot,
            "moneyness": m.ravel(),
            "maturity_years": tau.ravel(),
            "iv": built.iv.ravel(),
            "extrapolated": built.extrapolated.ravel(),
            "half_spread_call": built.half_spread[0].ravel(),
            "half_spread_put": built.half_spread[1].ravel(),
        }
    )
    return table if view.truth is None else table.assign(true_iv=view.truth.ravel())
