"""Filtered historical simulation with GARCH volatilities of the return and of the leading components of the surface."""

from __future__ import annotations

import warnings
from typing import ClassVar

import numpy as np

from engine.errors import CheckpointError, MarketDataError
from engine.market.grid import Floats, Grid
from engine.market.surface_history import SurfaceHistory
from engine.models.conditional_fhs.filter import LEAST_VARIANCE, Filter, HistoryFilter, moves
from engine.models.conditional_fhs.model import ExactMoveModel, Known, Learned, Pool, Run
from engine.models.surface_model import Tensors
from engine.settings import configuration, setting

NO_VARIATION = 1e-12
"""A component of smaller changes than this is rounding."""


@configuration
class GarchFilteredHistoricalConfig:
    """Filtered historical simulation with GARCH volatilities."""

    components: int = setting(
        3, label="Components", help="Principal components of the surface with a GARCH volatility.", low=0, high=10
    )
    decay: float = setting(
        0.94,
        label="Decay",
        help="The other components have exponentially weighted variances: weight of yesterday's in today's.",
        low=0.5,
        high=0.999,
    )


class GarchFilteredHistoricalSimulation(ExactMoveModel):
    """Whole days of standardised moves are drawn and scaled to today's volatilities, in the basis of the components.

    Moves are taken as (R, c_1 … c_N), c the coordinates of Δg in its principal components. The return and the first
    components have variances v_{t+1} = ω + (α + γ 1{e_t < 0}) e_t² + β v_t, fitted by Gaussian quasi-likelihood, the
    others exponentially weighted ones. Fitting all 1 + N grid points instead would take one likelihood a point, their
    volatilities would no longer move together, and most of them are the same three risks.

    References:
        L. Glosten, R. Jagannathan and D. Runkle (1993), On the relation between the expected value and the volatility
        of the nominal excess return on stocks, J. of Finance 48; Barone-Adesi, Giannopoulos and Vosper (1999).
    """

    name: ClassVar[str] = "fhs_garch"
    Config: ClassVar[type] = GarchFilteredHistoricalConfig

    least_days = 150  # a GARCH model of fewer days has no meaningful likelihood
    nonnegative = ("mean_square",)

    def _learn(self, history: SurfaceHistory, run: Run) -> Learned:
        """Components of the daily changes and one GARCH likelihood for the return and each leading component."""
        observed = moves(history)
        values, columns = np.linalg.eigh(np.cov(observed[:, 1:].T))
        if not values[-1] > 0:
            raise MarketDataError("expected surfaces that change from day to day; found the same surface every day")
        vectors = np.ascontiguousarray(columns.T[::-1])
        coordinates = _rotated(observed, vectors)
        garch = np.stack([fit_garch(series) for series in coordinates[:, : self._fitted_series(history.grid)].T])
        persistence = garch @ np.array([0, 1, 0.5, 1])
        return Learned(
            {"vectors": vectors, "mean_square": np.square(coordinates).mean(axis=0), "garch": garch},
            metrics={"return_persistence": float(persistence[0]), "largest_persistence": float(persistence.max())},
        )

    def _shapes(self, grid: Grid, state: Tensors) -> dict[str, tuple[int, ...]]:
        """Components, start of the variances, and (ω, α, γ, β) of each fitted series."""
        garch = (self._fitted_series(grid), 4)
        return {"vectors": (grid.size, grid.size), "mean_square": (1 + grid.size,), "garch": garch}

    def _check(self, state: Tensors) -> None:
        garch = state["garch"]
        if garch[:, [0, 1, 3]].min() < 0 or (garch[:, 1] + garch[:, 2]).min() < 0:
            raise CheckpointError("expected GARCH parameters whose variances stay positive; found others")

    def known(self, days: Filter) -> Known:
        """Volatilities in the coordinates of the components."""
        start, garch = self._state["mean_square"], self._state["garch"]
        coordinates, k = _rotated(days.moves, self._state["vectors"]), len(garch)
        fitted = garch_variance(days, coordinates[:, :k], garch, start[:k])
        rest = days.variance("other components", coordinates[:, k:], self.config.decay, start[k:])
        return {"volatility": np.sqrt(np.concatenate([fitted, rest], axis=1))}

    def past(self, days: HistoryFilter, known: Known) -> Known:
        """Innovations in the coordinates of the components."""
        return {"innovations": _rotated(days.moves, self._state["vectors"]) / known["volatility"][:-1]}

    def draw(self, today: Known, past: Known, pool: Pool, numbers: Floats) -> Floats:
        """A past innovation on today's volatility, brought back to the grid."""
        coordinates = past["innovations"][pool.draw(numbers)] * today["volatility"]
        return np.concatenate([coordinates[:, :1], coordinates[:, 1:] @ self._state["vectors"]], axis=1)

    def _fitted_series(self, grid: Grid) -> int:
        return 1 + min(int(self.config.components), grid.size)


def fit_garch(series: Floats) -> Floats:
    """(ω, α, γ, β) of a zero-mean GJR-GARCH(1,1) by Gaussian quasi-likelihood.

    The series is brought to unit variance for the optimiser and the variance constant brought back. A series of
    rounding errors keeps the variance it starts with.

    Args:
        series: ``(n,)`` values whose variance is modelled.
    """
    from arch import arch_model

    scale = float(np.sqrt(np.square(series).mean()))
    if scale < NO_VARIATION:
        return np.array([0.0, 0.0, 0.0, 1.0])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an optimum on the boundary is an answer here
        model = arch_model(series / scale, mean="Zero", vol="GARCH", p=1, o=1, q=1, dist="normal", rescale=False)
        found = model.fit(disp="off", show_warning=False)
    omega, alpha, gamma, beta = (float(value) for value in found.params)
    alpha = max(alpha, 0.0)  # on its boundaries the optimum can miss them by 1e-11
    return np.array([max(omega, 0.0) * scale**2, alpha, max(gamma, -alpha), max(beta, 0.0)])


def garch_variance(days: Filter, series: Floats, parameters: Floats, start: Floats) -> Floats:
    """``(rows, d)`` v_0 = start, v_{t+1} = ω + (α + γ 1{e_t < 0}) e_t² + β v_t, for the move after each day.

    Args:
        days: of a history or of paths.
        series: ``(moves, d)`` e.
        parameters: ``(d, 4)`` (ω, α, γ, β) of each series.
        start: ``(d,)``.
    """
    omega, alpha, gamma, beta = parameters.T
    news = omega + (alpha + gamma * (series < 0)) * series**2
    return np.maximum(days.recursion("GARCH variance", news, beta, start), LEAST_VARIANCE)


def _rotated(observed: Floats, vectors: Floats) -> Floats:
    """Moves with their surface part in the coordinates of the components."""
    return np.concatenate([observed[:, :1], observed[:, 1:] @ vectors.T], axis=1)
