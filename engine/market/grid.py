"""The moneyness × maturity grid on which surfaces live. Nobody else slices surfaces by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine.errors import MarketDataError

TRADING_DAYS = 252
"""Trading days in a year."""

DT = 1.0 / TRADING_DAYS
"""One trading day in years (SPEC 0)."""

LOWEST_IV = 1e-3
"""Floor of an extrapolated implied volatility (0.1 %), so that σ > 0."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Grid:
    """A rectangular grid of moneyness m = K/S and time to maturity τ in years.

    Surfaces on it are arrays ``(..., n_moneyness, n_maturity)``.

    Args:
        moneyness: strictly increasing, positive, at least 3 values (a butterfly needs three strikes).
        maturity: strictly increasing, positive, years, at least 2 values (a calendar spread needs two).

    Raises:
        MarketDataError: if either axis is too short, unsorted, duplicated, not finite or not positive.
    """

    moneyness: Floats
    maturity: Floats

    def __init__(self, moneyness: ArrayLike, maturity: ArrayLike) -> None:
        object.__setattr__(self, "moneyness", _axis("moneyness", moneyness, least=3))
        object.__setattr__(self, "maturity", _axis("maturity", maturity, least=2))

    @property
    def shape(self) -> tuple[int, int]:
        """(n_moneyness, n_maturity)."""
        return len(self.moneyness), len(self.maturity)

    @property
    def size(self) -> int:
        """Number of grid points N."""
        return len(self.moneyness) * len(self.maturity)

    def flatten(self, surfaces: NDArray[Any]) -> NDArray[Any]:
        """``(..., n_moneyness, n_maturity)`` → ``(..., N)``, maturity running fastest."""
        if surfaces.shape[-2:] != self.shape:
            raise MarketDataError(f"expected surfaces of shape (..., {self.shape}); found {surfaces.shape}")
        return surfaces.reshape(*surfaces.shape[:-2], self.size)

    def unflatten(self, vectors: NDArray[Any]) -> NDArray[Any]:
        """``(..., N)`` → ``(..., n_moneyness, n_maturity)``; the inverse of :meth:`flatten`."""
        if vectors.shape[-1:] != (self.size,):
            raise MarketDataError(f"expected vectors of length {self.size}; found shape {vectors.shape}")
        return vectors.reshape(*vectors.shape[:-1], *self.shape)

    def interpolate(self, surfaces: ArrayLike, moneyness: ArrayLike, maturity: ArrayLike) -> Floats:
        """Values off the grid: linear in moneyness first, then in maturity (SPEC 0).

        Outside the grid both directions extrapolate linearly; the result is floored at ``LOWEST_IV``.

        Args:
            surfaces: ``(..., n_moneyness, n_maturity)`` implied vols, annualised.
            moneyness, maturity: broadcast against each other to a query shape ``q``.

        Returns:
            ``(..., *q)`` implied vols.
        """
        surfaces = np.asarray(surfaces, dtype=np.float64)
        m, tau = np.broadcast_arrays(np.asarray(moneyness, dtype=np.float64), np.asarray(maturity, dtype=np.float64))
        i, u = bracket(self.moneyness, m)
        j, v = bracket(self.maturity, tau)
        early = (1 - u) * surfaces[..., i, j] + u * surfaces[..., i + 1, j]  # (..., *q)
        late = (1 - u) * surfaces[..., i, j + 1] + u * surfaces[..., i + 1, j + 1]
        values: Floats = np.maximum((1 - v) * early + v * late, LOWEST_IV)
        return values

    def nearest(self, moneyness: float, maturity: float) -> tuple[int, int]:
        """Index of the grid point nearest to a moneyness and a maturity (years)."""
        return int(np.abs(self.moneyness - moneyness).argmin()), int(np.abs(self.maturity - maturity).argmin())

    @property
    def moneyness_labels(self) -> tuple[str, ...]:
        """Market words for strikes: ``90 %``, ``102.5 %``."""
        return tuple(f"{100 * m:.4g} %" for m in self.moneyness)

    @property
    def maturity_labels(self) -> tuple[str, ...]:
        """Market words for maturities: ``1D``, ``2W``, ``3M``, ``1Y``."""
        return tuple(maturity_label(tau) for tau in self.maturity)

    def to_dict(self) -> dict[str, list[float]]:
        """Plain lists, for cards and JSON."""
        return {"moneyness": self.moneyness.tolist(), "maturity": self.maturity.tolist()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Sequence[float]]) -> Grid:
        """The inverse of :meth:`to_dict`."""
        return cls(values["moneyness"], values["maturity"])

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Grid)
            and np.array_equal(self.moneyness, other.moneyness)
            and np.array_equal(self.maturity, other.maturity)
        )

    def __hash__(self) -> int:
        return hash((self.moneyness.tobytes(), self.maturity.tobytes()))

    def __repr__(self) -> str:
        return f"Grid({self.shape[0]} moneyness x {self.shape[1]} maturities)"


def maturity_label(years: float) -> str:
    """A maturity in market words: days below a week, weeks below a month, months below a year, else years."""
    months = years * 12
    if years < 6.5 / 365:
        days = years * 252 if abs(years * 252 - round(years * 252)) < 0.02 else years * 365
        return f"{max(1, round(days))}D"
    if months < 0.9:
        return f"{round(years * 52)}W"
    if abs(months - round(months)) < 0.12:
        whole = round(months)
        return f"{whole // 12}Y" if whole % 12 == 0 else f"{whole}M"
    return f"{round(years * 365)}D"


def _axis(name: str, values: ArrayLike, least: int) -> Floats:
    axis = np.array(values, dtype=np.float64)
    if axis.ndim != 1 or len(axis) < least:
        raise MarketDataError(f"expected at least {least} {name} values; found {axis.size}")
    if not np.all(np.isfinite(axis)) or axis[0] <= 0:
        raise MarketDataError(f"expected {name} values that are finite and > 0; found {axis.min():g}")
    if not np.all(np.diff(axis) > 0):
        raise MarketDataError(f"expected strictly increasing {name} values; found {axis.tolist()}")
    axis.flags.writeable = False
    return axis


def bracket(axis: Floats, x: Floats) -> tuple[NDArray[np.intp], Floats]:
    """Lower index of the cell used for each x, and the weight of its upper end (outside [0, 1]: extrapolation)."""
    low = np.clip(np.searchsorted(axis, x, side="right") - 1, 0, len(axis) - 2)
    return low, (x - axis[low]) / (axis[low + 1] - axis[low])


CH2_GRID = Grid(np.linspace(0.6, 1.4, 10), np.array([30, 60, 91, 122, 152, 182, 273, 365]) / 365)
"""The 10×8 grid of the thesis's chapter 2."""

VOLGAN_GRID = Grid(
    [0.6, 0.7, 0.8, 0.9, 0.95, 1.0, 1.05, 1.1, 1.2, 1.3, 1.4],
    [1 / 252, 1 / 52, 2 / 52, 1 / 12, 1 / 6, 1 / 4, 1 / 2, 3 / 4, 1.0],
)
"""The 11×9 grid of the thesis's chapter 3."""
