"""The linear anchor: filtered historical simulation with a shrunk conditional mean and a weighted pool of residuals.

A hand-made model with 100-odd numbers and no training loop. What a learned generator adds is what it scores below this.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, ClassVar, NamedTuple

import numpy as np

from engine.errors import MarketDataError
from engine.market.grid import Floats, Grid
from engine.market.surface_history import FIRST_CONDITION_ROW, SurfaceHistory
from engine.models.conditional_fhs.innovations import (
    MoveModel,
    Rows,
    moves,
    pick,
    pick_weighted,
    running_mean,
    running_variance,
)
from engine.models.surface_model import FitReport, Tensors
from engine.settings import configuration, setting
from engine.training.progress import Checkpointer, OnStep, check_arrays

if TYPE_CHECKING:
    from engine.models.chains import Chain

FIRST = FIRST_CONDITION_ROW
"""First row whose features are known: realised vol needs 21 returns, an innovation of yesterday one more."""

LEAST_PAST = 30
"""Fewest days with features, and what followed, that coefficients are fitted to."""

LEVELS = 5
"""Features besides the principal components: see :func:`level_features`."""

KERNEL = 3
"""The last three features also weight the residuals."""


class Known(NamedTuple):
    """What a fitted anchor makes of a history of n days.

    Args:
        volatility: ``(n, d)`` for the move after each row.
        mean: ``(n − FIRST, d)`` of the innovation after rows FIRST, FIRST + 1, …
        residuals: ``(n − FIRST − 1, d)`` what came about less that mean.
        kernel: ``(n − FIRST, 3)`` features that weight the residuals, over their spread.
    """

    volatility: Floats
    mean: Floats
    residuals: Floats
    kernel: Floats


@configuration
class LinearAnchorConfig:
    """The anchor; the defaults are those of the reference table, with the two averages it leaves open chosen here."""

    decay: float = setting(0.94, label="Decay", help="Weight of yesterday's variance in today's.", low=0.5, high=0.999)
    tilt: float = setting(
        0.25,
        label="Tilt",
        help="Yesterday's squares count this much more after a fall of the index and less after a rise.",
        low=0.0,
        high=0.9,
    )
    components: int = setting(
        4,
        label="Components",
        help="Principal components of yesterday's innovations among the features.",
        low=1,
        high=20,
    )
    penalty: float = setting(
        100.0, label="Ridge penalty", help="Shrinks the conditional mean towards none.", low=0.0, high=1e9
    )
    bandwidth: float = setting(
        2.0,
        label="Bandwidth",
        help="Residuals of days like today count more: a Gaussian kernel of this many standard deviations of the "
        "features. 0: all count the same.",
        low=0.0,
        high=100.0,
        unit="sd",
    )
    slow: float = setting(
        0.98, label="Slow average", help="Decay of the slow average of log vol.", low=0.5, high=0.9999, advanced=True
    )
    fast: float = setting(
        0.9, label="Fast average", help="Decay of the fast average of log vol.", low=0.1, high=0.9999, advanced=True
    )


class LinearAnchor(MoveModel):
    """Tomorrow's move is volatility × (conditional mean + residual), the mean linear in nine features of today.

    Innovations z_t are moves over exponentially weighted volatilities whose update counts falls more. Their mean is
    b + B'(f_t − f̄), by ridge: Σ_t ‖z_t − z̄ − B'(f_t − f̄)‖² + penalty ‖B‖². The features are the leading principal
    components of yesterday's innovations (divided by √(1+N), so that the penalty means the same on every grid) and the
    five of :func:`level_features`, all in their own units. Residuals z_s − b − B'(f_s − f̄) of all days s before today
    are drawn, whole days together, with weights exp(−½ Σ (f_s − f_t)²/(h sd)²) over the last three features.

    References:
        A. Hoerl and R. Kennard (1970), Ridge regression, Technometrics 12.
    """

    name: ClassVar[str] = "linear_anchor"
    label: ClassVar[str] = "Linear anchor"
    Config: ClassVar[type] = LinearAnchorConfig
    least_rows = FIRST + LEAST_PAST

    def __init__(self, config: LinearAnchorConfig | None = None) -> None:
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
        """Components and ridge coefficients from all days but the last, which is the last target's.

        Raises:
            MarketDataError: if there are fewer than 53 days or no vol ever changes.
        """
        started = time.perf_counter()
        last = len(history) - 1
        if last < FIRST + LEAST_PAST:
            raise MarketDataError(f"expected at least {FIRST + LEAST_PAST + 1} days of surfaces; found {len(history)}")
        observed = moves(history)
        mean_square = np.square(observed).mean(axis=0)
        if not mean_square.max() > 0:
            raise MarketDataError("expected surfaces that change from day to day; found the same surface every day")
        innovations = self._innovations(observed, mean_square)[0]
        spectrum = np.linalg.eigh(np.cov(innovations[FIRST - 1 :].T))[1]
        k = min(self.config.components, observed.shape[1])
        components = np.ascontiguousarray(spectrum.T[::-1][:k]) / np.sqrt(observed.shape[1])
        features = self._features(history, innovations, components)[:-1]
        target = innovations[FIRST:]
        centre, level = features.mean(axis=0), target.mean(axis=0)
        deviation = features - centre
        ridge = deviation.T @ deviation + self.config.penalty * np.eye(features.shape[1])
        self._state = {
            "mean_square": mean_square,
            "components": components,
            "centre": centre,
            "spread": features.std(axis=0),
            "level": level,
            "coefficients": np.linalg.lstsq(ridge, deviation.T @ (target - level), rcond=None)[0],
        }
        self._grid = history.grid
        explained = (
            1
            - np.square(target - level - deviation @ self._state["coefficients"]).sum()
            / np.square(target - level).sum()
        )
        return FitReport(
            steps=0,
            seconds=time.perf_counter() - started,
            trained_on=(str(history.dates[FIRST]), str(history.dates[-2])),
            metrics={"explained_share": float(explained)},
        )

    def state(self) -> Tensors:
        """Start of the variances, components, centre and spread of the features, level and coefficients."""
        self._fitted()
        return dict(self._state)

    def restore(self, state: Tensors, grid: Grid) -> None:
        """Take over a state; an error leaves the model as it was."""
        d = 1 + grid.size
        k = min(self.config.components, d)
        shapes = {
            "mean_square": (d,),
            "components": (k, d),
            "centre": (k + LEVELS,),
            "spread": (k + LEVELS,),
            "level": (d,),
            "coefficients": (k + LEVELS, d),
        }
        check_arrays(state, shapes, kind=f"linear anchor state for {grid!r}")
        self._state = {name: np.asarray(state[name], dtype=np.float64) for name in shapes}
        self._grid = grid

    def _draw(self, history: SurfaceHistory, rows: Rows, n: int, rng: np.random.Generator) -> Floats:
        volatility, mean, residuals, features = self.known(history)
        h = self.config.bandwidth
        drawn = np.empty((len(rows), n, mean.shape[1]))
        for day, row in enumerate(rows):
            past = int(row) - FIRST  # residuals of rows FIRST … row − 1
            if h > 0:
                gap = (features[:past] - features[past]) / h
                chosen = pick_weighted(rng.random(n), np.exp(-0.5 * np.square(gap).sum(axis=1)))
            else:
                chosen = pick(rng.random(n), past)
            drawn[day] = residuals[chosen]
            drawn[day] += mean[past]
            drawn[day] *= volatility[row]
        return drawn

    def chain(self, condition: SurfaceHistory, n: int) -> Chain:
        """Paths that carry variances, averages and the residuals they drew."""
        from engine.models.conditional_fhs.anchor_chain import LinearAnchorChain

        self._checked(condition, n)
        self._rows(condition, [-1])
        return LinearAnchorChain(self, condition, n)

    def known(self, history: SurfaceHistory) -> Known:
        """A history in the fitted model's terms."""
        s = self._state
        innovations, volatility = self._innovations(moves(history), s["mean_square"])
        features = self._features(history, innovations, s["components"])
        mean = s["level"] + (features - s["centre"]) @ s["coefficients"]
        spread = np.maximum(s["spread"], 1e-12)
        return Known(volatility, mean, innovations[FIRST:] - mean[:-1], (features / spread)[:, -KERNEL:])

    def _innovations(self, observed: Floats, start: Floats) -> tuple[Floats, Floats]:
        """Innovations ``(n − 1, d)`` and the volatilities ``(n, d)``, each known before the move it is for."""
        volatility = np.sqrt(running_variance(observed, self.config.decay, start, tilt=self.config.tilt))
        return observed / volatility[:-1], volatility

    def _features(self, history: SurfaceHistory, innovations: Floats, components: Floats) -> Floats:
        """``(n − FIRST, k + 5)`` features of rows FIRST, FIRST + 1, …"""
        levels = level_features(history, slow=self.config.slow, fast=self.config.fast)
        return np.concatenate([innovations[FIRST - 1 :] @ components.T, levels[FIRST:]], axis=1)


def level_points(grid: Grid) -> Floats:
    """``(2, 4)`` moneyness and maturity of the vols behind the features: short and long ATM, short put and call."""
    short, long = max(1 / 12, float(grid.maturity[0])), min(1.0, float(grid.maturity[-1]))
    return np.array([(1.0, short), (1.0, long), (0.9, short), (1.1, short)]).T


def level_features(history: SurfaceHistory, *, slow: float, fast: float) -> Floats:
    """``(n, 5)`` where the surface stands at each row, NaN before row 21; none uses a later row.

    1. log ATM less its slow average, 2. log ATM less its fast average, 3. term slope, log ATM of 1 year less log ATM,
    4. log(realised/ATM), 5. skew, log σ(0.9) − log σ(1.1), less its slow average. ATM is one month at the money, or
    the grid's shortest maturity if that is longer; one year likewise the longest if that is shorter.

    Args:
        history: surfaces.
        slow, fast: decays of the exponential averages.
    """
    atm, far, put, call = np.log(history.grid.interpolate(history.iv, *level_points(history.grid))).T
    skew = put - call
    columns = [
        atm - running_mean(atm, slow),
        atm - running_mean(atm, fast),
        far - atm,
        np.log(np.maximum(history.realised_vol, 1e-4)) - atm,
        skew - running_mean(skew, slow),
    ]
    return np.stack(columns, axis=1)
