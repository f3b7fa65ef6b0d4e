"""The quantities whose forecasts the validation of VolGAN follows: index, volatility index, and named vols.

The thesis names vols at τ ∈ {1/252, 1/52, 1/12, 0.25} × m ∈ {0.75, 1, 1.25}. Inside a grid they are interpolated;
a point outside is moved to the nearest one on the edge of the grid, and where several land on the same point it is
followed once and compared with the published figures of the closest.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from engine.market.grid import Floats, Grid, maturity_label
from engine.market.surface_history import SurfaceHistory
from engine.surfaces import vix

MATURITIES = (1 / 252, 1 / 52, 1 / 12, 0.25)
MONEYNESS = (0.75, 1.0, 1.25)
"""Points of the thesis's Figure 3.7 and Tables 3.2–3.3, years and K/S."""

INDEX, VIX = "S", "VIX"
"""Names of the two series that are no vol: the index, followed by its log-return, and the volatility index."""


@dataclass(frozen=True)
class Point:
    """A vol that is followed.

    Args:
        label: where it is read off, in market words: ``2M 90 %``.
        moneyness, maturity: the same as numbers, inside the grid.
        wanted: the thesis's vol closest to it: ``1M 75 %``; the label itself if the grid reaches it.
    """

    label: str
    moneyness: float
    maturity: float
    wanted: str


@dataclass(frozen=True)
class FollowedSeries:
    """The series of a grid: first the index, then the volatility index, then vols.

    Args:
        grid: the grid.
        points: distinct vols, in the thesis's order.
        stands_for: each of the thesis's vols → label of the point that stands for it.
    """

    grid: Grid
    points: tuple[Point, ...]
    stands_for: dict[str, str]

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of all series."""
        return (INDEX, VIX, *(point.label for point in self.points))

    @property
    def atm(self) -> int:
        """Position among ``points`` of the one-month at-the-money vol, or of what stands for it."""
        label = self.stands_for[_label(1.0, 1 / 12)]
        return [point.label for point in self.points].index(label)

    @property
    def published(self) -> tuple[str, ...]:
        """The thesis's name of each series."""
        return (INDEX, VIX, *(point.wanted for point in self.points))

    def vols(self, iv: NDArray[Any]) -> Floats:
        """``(..., n_moneyness, n_maturity)`` surfaces → ``(..., points)`` vols."""
        moneyness = np.array([point.moneyness for point in self.points])
        maturity = np.array([point.maturity for point in self.points])
        return self.grid.interpolate(iv, moneyness, maturity)

    def table(self) -> pd.DataFrame:
        """The thesis's vols, the point at which each is followed, and whether that is where the thesis has it."""
        compared = {point.wanted for point in self.points}
        rows = [
            {"wanted": wanted, "followed_at": label, "exact": wanted == label, "published_beside": wanted in compared}
            for wanted, label in self.stands_for.items()
        ]
        return pd.DataFrame(rows)


def followed(grid: Grid) -> FollowedSeries:
    """The series that can be followed on a grid."""
    candidates: dict[str, list[tuple[float, float, float, str]]] = {}
    for maturity in MATURITIES:
        for m in MONEYNESS:
            inside = (
                float(np.clip(m, grid.moneyness[0], grid.moneyness[-1])),
                float(np.clip(maturity, grid.maturity[0], grid.maturity[-1])),
            )
            moved = abs(np.log(inside[0] / m)) + abs(np.log(inside[1] / maturity))
            candidates.setdefault(_label(*inside), []).append((float(moved), *inside, _label(m, maturity)))
    points, stands_for = [], {}
    for label, there in candidates.items():
        _, m, maturity, wanted = min(there)
        points.append(Point(label, m, maturity, wanted))
        stands_for.update({name: label for *_, name in there})
    return FollowedSeries(grid, tuple(points), stands_for)


def observed(history: SurfaceHistory, series: FollowedSeries) -> tuple[Floats, Floats]:
    """What came, and the volatility index of the surfaces.

    Returns:
        ``(n, S)`` the series at every row, the return (over the step after the row; NaN in the last) in place of the
        index; and ``(n,)`` the volatility index by the sum over each surface. The series has the index that came with
        the data, if one did.
    """
    own = vix.from_surface(history.iv, history.grid, history.rate)
    quoted = own if history.vix is None else history.vix
    after = np.append(history.log_return, np.nan)
    return np.column_stack([after, quoted, series.vols(history.iv)]), own


def _label(moneyness: float, maturity: float) -> str:
    return f"{maturity_label(maturity)} {100 * moneyness:.4g} %"
