"""Filtered historical simulation with GARCH volatilities of the return and of the leading components of the surface."""

from __future__ import annotations

import time
import warnings
from typing import ClassVar

import numpy as np
from scipy.signal import lfilter

from engine.errors import CheckpointError, MarketDataError
from engine.market.grid import Floats, Grid
from engine.market.surface_history import SurfaceHistory
from engine.models.chains import Chain, MoveChain, Pool, RunningVariance
from engine.models.conditional_fhs.innovations import LEAST_VARIANCE, MoveModel, Rows, moves, pick, running_variance
from engine.models.surface_model import FitReport, Tensors
from engine.settings import configuration, setting
from engine.training.progress import Checkpointer, OnStep, check_arrays

LEAST_DAYS = 150
"""A GARCH model of fewer days has no meaningful likelihood."""

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


class GarchFilteredHistoricalSimulation(MoveModel):
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
    label: ClassVar[str] = "Filtered historical simulation (GARCH)"
    Config: ClassVar[type] = GarchFilteredHistoricalConfig

    def __init__(self, config: GarchFilteredHistoricalConfig | None = None) -> None:
        super().__init__(config)
        self._state: Tensors = {}

    def fit(
        self,
        history: SurfaceHistory,
        *,
        seed: int,
        on_step: OnStep | None = None,
        checkpointer: Checkpointer | None = None,
    ) -> FitReport:
        """Components of the daily changes and one GARCH likelihood for the return and each leading component.

        Raises:
            MarketDataError: if there are fewer than 150 days or no vol ever changes.
        """
        started = time.perf_counter()
        if len(history) < LEAST_DAYS:
            raise MarketDataError(f"expected at least {LEAST_DAYS} days of surfaces; found {len(history)}")
        observed = moves(history)
        values, columns = np.linalg.eigh(np.cov(observed[:, 1:].T))
        if not values[-1] > 0:
            raise MarketDataError("expected surfaces that change from day to day; found the same surface every day")
        vectors = np.ascontiguousarray(columns.T[::-1])
        coordinates = _rotated(observed, vectors)
        k = self._fitted_series(history.grid)
        self._state = {
            "vectors": vectors,
            "mean_square": np.square(coordinates).mean(axis=0),
            "garch": np.stack([fit_garch(series) for series in coordinates[:, :k].T]),
        }
        self._grid = history.grid
        persistence = self._state["garch"] @ np.array([0, 1, 0.5, 1])
        return FitReport(
            steps=0,
            seconds=time.perf_counter() - started,
            trained_on=(str(history.dates[0]), str(history.dates[-2])),
            metrics={"return_persistence": float(persistence[0]), "largest_persistence": float(persistence.max())},
        )

    def state(self) -> Tensors:
        """Components ``(N, N)``, start of the variances, and (ω, α, γ, β) of each fitted series."""
        self._fitted()
        return dict(self._state)

    def restore(self, state: Tensors, grid: Grid) -> None:
        """Take over a state; an error leaves the model as it was."""
        shapes = {
            "vectors": (grid.size, grid.size),
            "mean_square": (1 + grid.size,),
            "garch": (self._fitted_series(grid), 4),
        }
        check_arrays(state, shapes, kind=f"GARCH state for {grid!r}")
        garch = state["garch"]
        if garch[:, [0, 1, 3]].min() < 0 or (garch[:, 1] + garch[:, 2]).min() < 0 or state["mean_square"].min() < 0:
            raise CheckpointError("expected GARCH parameters whose variances stay positive; found others")
        self._state = {name: np.asarray(state[name], dtype=np.float64) for name in shapes}
        self._grid = grid

    def _draw(self, history: SurfaceHistory, rows: Rows, n: int, rng: np.random.Generator) -> Floats:
        s = self._state
        innovations, volatility = self._filtered(history)
        drawn = np.empty((len(rows), n, innovations.shape[1]))
        for day, row in enumerate(rows):
            scaled = innovations[: int(row)] * volatility[row]
            scaled[:, 1:] = scaled[:, 1:] @ s["vectors"]
            drawn[day] = scaled[pick(rng.random(n), int(row))]
        return drawn

    def chain(self, condition: SurfaceHistory, n: int) -> Chain:
        """Paths that carry the variances of their coordinates, and which innovations they drew."""
        self._checked(condition, n)
        self._rows(condition, [-1])
        innovations, volatility = self._filtered(condition)
        return _GarchChain(innovations, volatility[-1], self._state, self.config.decay, condition, n)

    def _filtered(self, history: SurfaceHistory) -> tuple[Floats, Floats]:
        """Innovations ``(n − 1, 1 + N)`` and volatilities ``(n, 1 + N)`` in the coordinates of the components."""
        s = self._state
        coordinates = _rotated(moves(history), s["vectors"])
        variance = running_variance(coordinates, self.config.decay, s["mean_square"])
        for i, parameters in enumerate(s["garch"]):
            variance[:, i] = garch_variance(coordinates[:, i], parameters, float(s["mean_square"][i]))
        volatility = np.sqrt(variance)
        return coordinates / volatility[:-1], volatility

    def _fitted_series(self, grid: Grid) -> int:
        return 1 + min(int(self.config.components), grid.size)


class _GarchChain(MoveChain):
    def __init__(
        self,
        innovations: Floats,
        volatility: Floats,
        state: Tensors,
        decay: float,
        condition: SurfaceHistory,
        n: int,
    ) -> None:
        super().__init__(condition, n)
        self._innovations, self._pool = innovations, Pool(len(innovations), n)
        self._vectors, self._garch = state["vectors"], state["garch"]
        self._fitted = slice(0, len(self._garch))
        self._variance = np.tile(np.square(volatility[self._fitted]), (n, 1))  # (n, 1 + components)
        self._rest = RunningVariance(np.square(volatility[len(self._garch) :]), decay, n)

    def _moves(self, rng: np.random.Generator) -> Floats:
        volatility = np.column_stack([np.sqrt(self._variance), self._rest.volatility])
        coordinates = self._innovations[self._pool.draw(rng.random(len(self.log_iv)))] * volatility
        omega, alpha, gamma, beta = self._garch.T
        e = coordinates[:, self._fitted]
        self._variance = omega + (alpha + gamma * (e < 0)) * e**2 + beta * self._variance
        np.maximum(self._variance, LEAST_VARIANCE, out=self._variance)
        self._rest.update(coordinates[:, len(self._garch) :])
        return np.column_stack([coordinates[:, 0], coordinates[:, 1:] @ self._vectors])


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


def garch_variance(series: Floats, parameters: Floats, start: float) -> Floats:
    """``(n + 1,)`` v_0 = start, v_{t+1} = ω + (α + γ 1{e_t < 0}) e_t² + β v_t; row t uses values before t."""
    omega, alpha, gamma, beta = parameters
    news = omega + (alpha + gamma * (series < 0)) * series**2
    later = lfilter([1.0], [1.0, -beta], news, zi=np.array([beta * start]))[0]
    variance: Floats = np.maximum(np.concatenate([[start], later]), LEAST_VARIANCE)
    return variance


def _rotated(observed: Floats, vectors: Floats) -> Floats:
    """Moves with their surface part in the coordinates of the components."""
    return np.concatenate([observed[:, :1], observed[:, 1:] @ vectors.T], axis=1)
