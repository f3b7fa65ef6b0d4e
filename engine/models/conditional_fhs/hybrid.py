"""A hybrid factor–generative model: filtered historical simulation with a learned mean and scale of its factors.

It starts as filtered historical simulation and learns only what the likelihood pays for: where tomorrow's factors
centre and how widely they spread, given the state of the market, under shrinkage towards no correction at all.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from engine.errors import CheckpointError, MarketDataError
from engine.market.grid import Floats, Grid
from engine.market.surface_history import FIRST_CONDITION_ROW, SurfaceHistory
from engine.models.conditional_fhs.hybrid_features import (
    ANCHOR_COLUMNS,
    ANCHOR_FEATURES,
    MEAN_COLUMNS,
    MEAN_FEATURES,
    NAMES,
    SCALE_COLUMNS,
    SCALE_FEATURES,
    Basis,
    fit_basis,
    panel,
)
from engine.models.conditional_fhs.hybrid_training import ARRAYS, Coefficients, Objective, descend
from engine.models.conditional_fhs.innovations import MoveModel, Rows, pick
from engine.models.surface_model import FitReport, Tensors
from engine.scenarios.scenario_set import ScenarioSet
from engine.settings import configuration, setting, to_dict
from engine.training.progress import Checkpointer, OnStep, check_arrays

if TYPE_CHECKING:
    from engine.models.chains import Chain

LEAST_DAYS = 120
"""A fit needs this many days: fewer say nothing about its corrections."""

LEAST_POOL = 30
"""Residuals to draw from that a condition must leave."""

BASIS = ("unit", "start", "level_start", "axes", "factor_sd")
LEAST_SD = 1e-9
"""A feature that never varied in training is left out (its standardised value is zero)."""


@configuration
class HybridConfig:
    """Shrinkages are in days of data: a correction is halved when the data weigh as much as its penalty."""

    factors: int = setting(
        4, label="Factors", help="Principal components of the surface that get a mean and a scale.", low=1, high=10
    )
    decay: float = setting(
        0.94, label="Decay", help="Weight of yesterday's variance in today's.", low=0.5, high=0.999, advanced=True
    )
    tilt: float = setting(
        0.25,
        label="Tilt",
        help="How much more a fall of the index moves the variance than a rise.",
        low=0.0,
        high=0.9,
        advanced=True,
    )
    mean_shrinkage: float = setting(
        600.0, label="Shrinkage of the mean", help="Of the factors' conditional mean.", low=0, high=1e12, unit="days"
    )
    return_shrinkage: float = setting(
        6000.0,
        label="Shrinkage of the return's mean",
        help="Of the index return's conditional mean, of which little is known.",
        low=0,
        high=1e12,
        unit="days",
    )
    anchor_penalty: float = setting(
        100.0,
        label="Anchor's ridge penalty",
        help="Of the mean's coefficients on the linear anchor's features, in those features' own units.",
        low=0,
        high=1e15,
        advanced=True,
    )
    scale_shrinkage: float = setting(
        1000.0, label="Shrinkage of the scale", help="Of the log-scale corrections.", low=0, high=1e12, unit="days"
    )
    clip: float = setting(
        3.0,
        label="Clip",
        help="Features further from their training mean than this count as this far.",
        low=0.5,
        high=100.0,
        unit="sd",
        advanced=True,
    )
    tail: float = setting(
        5.0,
        label="Tail",
        help="Degrees of freedom of the Student law whose likelihood is maximised.",
        low=2.1,
        high=1000.0,
        advanced=True,
    )


class Hybrid(MoveModel):
    """Factors of standardised innovations with a learned conditional mean and log-scale, residuals from history.

    With y the moves (R, Δg), σ_t their running volatility (asymmetric EWMA) and z = y/σ: factors f are z's first
    coordinate and its K principal scores over their standard deviations, r what they leave. Given features x_t,

        f_{t+1} = m(x_t) + e^{h(x_t)} ε_{t+1},   z_{t+1} = V f_{t+1} + r_{t+1},   y_{t+1} = σ_t z_{t+1}.

    A scenario takes (ε, r) of one past day drawn equally from all before today, so that dependence and tails are the
    data's. m and h are linear in standardised features; h has a part common to all factors and one of each.
    Coefficients maximise a Student likelihood under quadratic shrinkage to zero; the
    mean's inputs include the linear anchor's, under the anchor's own ridge, so the model starts from it. At infinite
    shrinkage it is filtered historical simulation with an asymmetric EWMA. The fit is exact: the seed changes nothing.

    The state holds coefficients and units, no day of the training data.

    References:
        Barone-Adesi, Giannopoulos and Vosper (1999), VaR without correlations.
        SPEC 7 (hybrid factor–generative models).
    """

    name: ClassVar[str] = "hybrid"
    label: ClassVar[str] = "Hybrid: learned factors, historical residuals"
    Config: ClassVar[type] = HybridConfig
    least_rows = FIRST_CONDITION_ROW + LEAST_POOL

    def __init__(self, config: HybridConfig | None = None) -> None:
        super().__init__(config)
        self._basis: Basis | None = None
        self._centre: Floats = np.zeros(len(NAMES))
        self._spread: Floats = np.zeros(len(NAMES))
        self._coefficients: Coefficients | None = None

    def fit(
        self,
        history: SurfaceHistory,
        *,
        seed: int,
        on_step: OnStep | None = None,
        checkpointer: Checkpointer | None = None,
    ) -> FitReport:
        """Learn the corrections from every row from 22 on.

        The report's metrics: ``loss`` per day and factor, ``loss_without`` the same without corrections,
        ``mean_share`` the share of the level's variance that its mean explains in training, ``scale_sd`` the standard
        deviation of the level's log-scale correction, ``factors`` and ``explained``, the share of the surface's
        variance that they hold.

        Raises:
            MarketDataError: if the history is shorter than 120 days, or a coordinate never moves.
            TrainingStopped: if ``on_step`` asked to stop; the checkpointer then holds the state to resume from.
        """
        began = time.perf_counter()
        if len(history) < LEAST_DAYS:
            raise MarketDataError(f"expected at least {LEAST_DAYS} days of surfaces; found {len(history)}")
        c, first = self.config, FIRST_CONDITION_ROW
        basis = fit_basis(history, c.decay, c.tilt, c.factors, first)
        seen = panel(history, basis, c.decay, c.tilt)
        rows = slice(first, len(history) - 1)
        centre, spread = seen.features[rows].mean(axis=0), seen.features[rows].std(axis=0)
        x = _standardised(seen.features[rows], centre, spread, c.clip)
        factors = seen.factors[rows]
        penalty = np.full((len(MEAN_FEATURES), factors.shape[1]), c.mean_shrinkage)
        penalty[:, 0] = c.return_shrinkage
        raw = spread[ANCHOR_COLUMNS]  # the anchor's ridge is on features in their own units
        penalty[: len(ANCHOR_FEATURES)] = (c.anchor_penalty / np.maximum(raw, LEAST_SD) ** 2)[:, None]
        objective = Objective(
            x[:, MEAN_COLUMNS],
            x[:, SCALE_COLUMNS],
            factors,
            mean_penalty=penalty,
            common_penalty=c.scale_shrinkage,
            own_penalty=c.scale_shrinkage,
            tail=c.tail,
        )
        identity = f"hybrid {history.digest} {seed} {sorted(to_dict(c).items())}"
        found, steps, loss = descend(objective, identity=identity, on_step=on_step, checkpointer=checkpointer)
        self._grid, self._basis, self._coefficients = history.grid, basis, found
        self._centre, self._spread = centre, spread
        m, h = found.corrections(x[:, MEAN_COLUMNS], x[:, SCALE_COLUMNS])
        rest = float(np.square(seen.rest[rows]).sum())
        scores = float(np.square(factors[:, 1:] * basis.factor_sd[1:]).sum())
        return FitReport(
            steps=steps,
            seconds=time.perf_counter() - began,
            trained_on=(str(history.dates[first]), str(history.dates[-2])),
            metrics={
                "loss": loss,
                "loss_without": objective(np.zeros(objective.size))[0] / factors.size,
                "mean_share": float(m[:, 1].var() / factors[:, 1].var()),
                "scale_sd": float(h[:, 1].std()),
                "factors": float(factors.shape[1] - 1),
                "explained": scores / (scores + rest),
            },
        )

    def days(
        self, history: SurfaceHistory, rows: Sequence[int], n: int, *, rng: np.random.Generator
    ) -> Iterator[ScenarioSet]:
        """As the base class's, with one pass over the history for all rows: it runs forward, no row sees a later."""
        grid, days = self._fitted(), self._rows(history, rows)
        known = Known(self, history[: int(days.max()) + 1])
        for row in days.tolist():
            drawn = known.draw(row, n, rng)
            log_iv = grid.unflatten(drawn[:, 1:]) + history.log_iv[row]
            provenance = {
                "model": self.name,
                "condition_date": str(history.dates[row]),
                "spot": float(history.spot[row]),
                "rate": float(history.rate[row]),
            }
            yield ScenarioSet(np.ascontiguousarray(drawn[:, 0]), log_iv, grid, provenance=provenance)

    def corrections(self, history: SurfaceHistory) -> tuple[Floats, Floats]:
        """``(n, 1 + K)`` mean and log-scale of the factors of the move after each day, given that day."""
        known = self.known(history)
        return known.mean, known.log_scale

    def corrections_of(self, features: Floats) -> tuple[Floats, Floats]:
        """``(n, 1 + K)`` mean and log-scale given features ``(n, len(NAMES))`` in their own units."""
        assert self._coefficients is not None
        x = _standardised(features, self._centre, self._spread, self.config.clip)
        return self._coefficients.corrections(x[:, MEAN_COLUMNS], x[:, SCALE_COLUMNS])

    def chain(self, condition: SurfaceHistory, n: int) -> Chain:
        """Paths that carry volatilities, features and the residuals they drew."""
        from engine.models.conditional_fhs.hybrid_chain import HybridChain

        self._checked(condition, n)
        self._rows(condition, [-1])
        return HybridChain(self, condition, n)

    def known(self, history: SurfaceHistory) -> Known:
        """A history seen through the fitted model."""
        return Known(self, history)

    @property
    def basis(self) -> Basis:
        """How innovations become factors."""
        self._fitted()
        assert self._basis is not None
        return self._basis

    def state(self) -> Tensors:
        """Units, axes, the features' standardisation, and the coefficients."""
        self._fitted()
        basis, found = self._basis, self._coefficients
        assert basis is not None and found is not None
        return {
            **{name: getattr(basis, name) for name in BASIS},
            "feature_centre": self._centre,
            "feature_spread": self._spread,
            **{name: getattr(found, name) for name in ARRAYS},
        }

    def restore(self, state: Tensors, grid: Grid) -> None:
        """Take over a state; an error leaves the model as it was."""
        axes = state.get("axes")
        k = axes.shape[1] if axes is not None and axes.ndim == 2 else self.config.factors
        if not 1 <= k <= self.config.factors:
            raise CheckpointError(f"expected between 1 and {self.config.factors} factors; found {k}")
        expected: dict[str, tuple[int, ...]] = {
            "unit": (1 + grid.size,),
            "start": (1 + grid.size,),
            "level_start": (2,),
            "axes": (grid.size, k),
            "factor_sd": (1 + k,),
            "feature_centre": (len(NAMES),),
            "feature_spread": (len(NAMES),),
            "mean_intercept": (1 + k,),
            "mean": (len(MEAN_FEATURES), 1 + k),
            "scale_intercept": (1 + k,),
            "scale_common": (len(SCALE_FEATURES),),
            "scale_own": (len(SCALE_FEATURES), 1 + k),
        }
        check_arrays(state, expected, kind=f"hybrid coefficients for {grid!r}")
        unknown = sorted(set(state) - set(expected))
        if unknown:
            raise CheckpointError(f"expected hybrid coefficients only; found the array {unknown[0][:60]!r}")
        own = {name: np.array(state[name], dtype=np.float64) for name in expected}
        for name in ("unit", "factor_sd"):
            if own[name].min() <= 0:
                raise CheckpointError(f"expected {name!r} > 0; found {own[name].min():g}")
        for name in ("start", "level_start", "feature_spread"):
            if own[name].min() < 0:
                raise CheckpointError(f"expected {name!r} >= 0; found {own[name].min():g}")
        self._grid = grid
        self._basis = Basis(**{name: own[name] for name in BASIS})
        self._centre, self._spread = own["feature_centre"], own["feature_spread"]
        self._coefficients = Coefficients(**{name: own[name] for name in ARRAYS})

    def _draw(self, history: SurfaceHistory, rows: Rows, n: int, rng: np.random.Generator) -> Floats:
        known = Known(self, history)
        drawn = np.empty((len(rows), n, 1 + history.grid.size))
        for day, row in enumerate(rows.tolist()):
            drawn[day] = known.draw(row, n, rng)
        return drawn


class Known:
    """A history seen through a fitted model: corrections of every day, residuals of every move."""

    def __init__(self, model: Hybrid, history: SurfaceHistory) -> None:
        basis, config = model.basis, model.config
        seen = panel(history, basis, config.decay, config.tilt)
        self.mean, self.log_scale = model.corrections_of(seen.features)
        self.residuals = (seen.factors - self.mean[:-1]) * np.exp(-self.log_scale[:-1])
        self.rest, self.volatility, self.basis = seen.rest, seen.volatility, basis

    def draw(self, row: int, n: int, rng: np.random.Generator) -> Floats:
        """``(n, 1 + N)`` moves after a row, residuals from the moves before it."""
        factors = (
            self.mean[row] + np.exp(self.log_scale[row]) * self.residuals[FIRST_CONDITION_ROW:row]
        ) * self.basis.factor_sd
        pool = np.concatenate(
            [factors[:, :1], factors[:, 1:] @ self.basis.axes.T + self.rest[FIRST_CONDITION_ROW:row]], axis=1
        )
        pool *= self.volatility[row]
        return pool[pick(rng.random(n), len(pool))]


def _standardised(features: Floats, centre: Floats, spread: Floats, clip: float) -> Floats:
    varied = spread > LEAST_SD
    x: Floats = (features - centre) / np.where(varied, spread, 1.0) * varied
    own = np.isin(np.arange(len(NAMES)), ANCHOR_COLUMNS)
    return np.where(own, x, np.clip(x, -clip, clip))
