"""The two-speed model: several learned corrections of filtered historical simulation, mixed by what they have earned.

Its volatility answers to the last days and to the last year at once; its members differ in what their conditional
mean looks at and in whether their scale is learned. None is trusted alone: tomorrow's law is their mixture.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from engine.errors import CheckpointError, MarketDataError
from engine.market.grid import Floats, Grid
from engine.market.surface_history import FIRST_CONDITION_ROW, SurfaceHistory
from engine.models.conditional_fhs.aggregation import Aggregation, energy_gradient
from engine.models.conditional_fhs.innovations import MoveModel, Rows
from engine.models.conditional_fhs.two_speed_features import KERNEL_FEATURES, NAMES, Basis, fit_basis, panel
from engine.models.conditional_fhs.two_speed_law import LEAST_POOL, Known
from engine.models.conditional_fhs.two_speed_training import (
    ARRAYS,
    LEAST_SD,
    MEMBERS,
    Corrections,
    Shrinkage,
    learn,
    standardised,
)
from engine.models.surface_model import FitReport, Tensors
from engine.scenarios.scenario_set import ScenarioSet
from engine.settings import configuration, setting, to_dict
from engine.training.progress import Checkpointer, OnStep, check_arrays

if TYPE_CHECKING:
    from engine.models.chains import Chain

LEAST_DAYS = 120
"""A fit needs this many days: fewer say nothing about its corrections."""

MOST_DAYS = 1_000_000
"""Days from 1970 that the last fit may lie away; further ones are damage."""

BASIS = ("unit", "start", "implied_start", "axes", "factor_sd")
LEARNED = ("regret", "squares", "largest")


@configuration
class TwoSpeedConfig:
    """Shrinkages are in days of data: a correction is halved when the data weigh as much as its penalty."""

    factors: int = setting(
        4, label="Factors", help="Principal components of the surface that get a mean and a scale.", low=1, high=10
    )
    fast: float = setting(0.8, label="Fast decay", help="Of the quick half of the variance.", low=0.1, high=0.999)
    slow: float = setting(0.99, label="Slow decay", help="Of the lasting half of the variance.", low=0.5, high=0.9999)
    tilt: float = setting(
        0.5,
        label="Tilt",
        help="How much more a fall of the index moves the variance than a rise.",
        low=0.0,
        high=0.9,
    )
    implied_share: float = setting(
        0.8,
        label="Implied share",
        help="Share of the return's variance that follows at-the-money implied vol; the rest follows past returns.",
        low=0.0,
        high=1.0,
    )
    mean_shrinkage: float = setting(
        400.0, label="Shrinkage of the mean", help="Of the factors' conditional means.", low=0, high=1e12, unit="days"
    )
    state_penalty: float = setting(
        100.0,
        label="State's ridge penalty",
        help="Of coefficients on the linear anchor's features, in those features' own units.",
        low=0,
        high=1e15,
        advanced=True,
    )
    return_factor: float = setting(
        10.0,
        label="Return's factor",
        help="The index return's mean is shrunk this much more: little is known of it.",
        low=1.0,
        high=1e12,
        advanced=True,
    )
    scale_shrinkage: float = setting(
        1000.0, label="Shrinkage of the scale", help="Of the log-scale corrections.", low=0, high=1e12, unit="days"
    )
    bandwidth: float = setting(
        2.0,
        label="Bandwidth",
        help="Members that look at the state draw days like today more often: a Gaussian kernel of this many standard "
        "deviations of slope, realised to implied vol and skew. 0: all count the same.",
        low=0.0,
        high=100.0,
        unit="sd",
        advanced=True,
    )
    smoothing: float = setting(
        0.3,
        label="Smoothing",
        help="Each residual is mixed with this much of another day's, at unchanged variance. 0: days as they were.",
        low=0.0,
        high=0.7,
    )
    rate: float = setting(
        0.1,
        label="Learning rate",
        help="How fast the members' weights follow what they earn. 0: equal weights for good.",
        low=0.0,
        high=1.0,
    )
    clip: float = setting(
        3.0,
        label="Clip",
        help="Features further from their training mean than this count as this far (the state's excepted).",
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


class TwoSpeed(MoveModel):
    """A mixture of members, each with a learned mean and log scale of factors, on one volatility and one pool of days.

    With y the moves (R, Δg), σ_t their two-speed volatility and z = y/σ: factors f are z's first coordinate and its K
    principal scores over their standard deviations, r what they leave. Member i has, given features x_t,

        f_{t+1} = m_i(x_t) + e^{h_i(x_t)} ε_{t+1},   z_{t+1} = V f_{t+1} + r_{t+1},   y_{t+1} = σ_t z_{t+1},

    m_i and h_i linear, by a Student likelihood under quadratic shrinkage to zero. A scenario takes a member with
    probability w_i and (ε, r) of a day s up to the last fit, smoothed with another day's: √(1 − b²) ε_s + b ε_s', about
    the mean, at unchanged covariance. Days are drawn equally or, by the members that look at the state, with weights
    exp(−½ Σ (x_s − x_t)²/bandwidth²) over three of its features. (Of a history that holds fewer than 30 days up to the
    last fit, all days are drawn.)

    Weights start equal. Each refit first looks at the days since the last fit, of which the members then knew nothing,
    and moves the weights by Bernstein online aggregation of the energy score; then the members learn again. At infinite
    shrinkage, equal decays, no tilt, implied share or smoothing, it is filtered historical simulation.

    The state holds coefficients, units and what the weights were learned from, no day of the training data.

    References:
        Barone-Adesi, Giannopoulos and Vosper (1999), VaR without correlations.
        Wintenberger (2017), Optimal learning with Bernstein online aggregation.
        Silverman and Young (1987), The bootstrap: to smooth or not to smooth?, Biometrika 74.
    """

    name: ClassVar[str] = "two_speed"
    label: ClassVar[str] = "Two-speed mixture"
    Config: ClassVar[type] = TwoSpeedConfig
    least_rows = FIRST_CONDITION_ROW + LEAST_POOL

    def __init__(self, config: TwoSpeedConfig | None = None) -> None:
        super().__init__(config)
        self._basis: Basis | None = None
        self._centre: Floats = np.zeros(len(NAMES))
        self._spread: Floats = np.zeros(len(NAMES))
        self._corrections: Corrections | None = None
        self._earned = Aggregation.equal(len(MEMBERS))
        self._since: np.datetime64 = np.datetime64("NaT", "D")

    def fit(
        self,
        history: SurfaceHistory,
        *,
        seed: int,
        on_step: OnStep | None = None,
        checkpointer: Checkpointer | None = None,
    ) -> FitReport:
        """Learn every member's corrections from every row from 22 on; weights are equal.

        The fit is exact: the seed changes nothing. The report's metrics: ``loss`` per day and factor, the least of the
        members', ``loss_without`` corrections, ``factors`` and ``explained``, the share of the surface's variance that
        they hold, and ``largest_weight`` of a member.

        Raises:
            MarketDataError: if the history is shorter than 120 days, or a coordinate never moves.
            TrainingStopped: if ``on_step`` asked to stop; the checkpointer then holds the state to resume from.
        """
        return self._learn(history, Aggregation.equal(len(MEMBERS)), seed, on_step, checkpointer)

    def refit(self, history: SurfaceHistory, *, seed: int) -> FitReport:
        """Judge the members on the days since the last fit, then let them learn from all days.

        A history that does not go on from the last fit starts anew, as :meth:`fit` does.
        """
        earned = Aggregation.equal(len(MEMBERS))
        if self._grid == history.grid and self._since in history.dates:
            earned = self._judged(history)
        return self._learn(history, earned, seed, None, None)

    def days(
        self, history: SurfaceHistory, rows: Sequence[int], n: int, *, rng: np.random.Generator
    ) -> Iterator[ScenarioSet]:
        """As the base class's, with one pass over the history for all rows: it runs forward, no row sees a later."""
        grid, days = self._checked(history, n), self._rows(history, rows)
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

    def chain(self, condition: SurfaceHistory, n: int) -> Chain:
        """Paths that carry volatilities, features and the residuals they drew."""
        from engine.models.chains import HistoryChain
        from engine.models.conditional_fhs.two_speed_chain import TwoSpeedChain

        self._checked(condition, n)
        self._rows(condition, [-1])
        known = Known(self, condition)
        if known.draws_from_all(len(condition) - 1):
            return HistoryChain(self, condition, n)  # paths then draw their own days too
        return TwoSpeedChain(self, known, condition, n)

    @property
    def weights(self) -> Floats:
        """``(E,)`` of the members, in the order of ``MEMBERS``."""
        return self._earned.weights(self.config.rate)

    @property
    def basis(self) -> Basis:
        """How moves become factors."""
        self._fitted()
        assert self._basis is not None
        return self._basis

    @property
    def since(self) -> np.datetime64:
        """Last day of the last fit."""
        return self._since

    def kernel_of(self, features: Floats) -> Floats:
        """``(n, 3)`` the features by which days are alike, over their training spread."""
        columns = [NAMES.index(name) for name in KERNEL_FEATURES]
        kernel: Floats = features[:, columns] / np.maximum(self._spread[columns], LEAST_SD)
        return kernel

    def corrections_of(self, features: Floats) -> tuple[Floats, Floats]:
        """``(E, n, 1 + K)`` mean and log scale of each member given features ``(n, len(NAMES))`` in their own units."""
        self._fitted()
        assert self._corrections is not None
        return self._corrections.of(standardised(features, self._centre, self._spread, self.config.clip))

    def state(self) -> Tensors:
        """Units, axes, the features' standardisation, the members' coefficients, and what their weights rest on."""
        basis, found = self.basis, self._corrections
        assert found is not None
        return {
            **{name: getattr(basis, name) for name in BASIS},
            "feature_centre": self._centre,
            "feature_spread": self._spread,
            **{name: getattr(found, name) for name in ARRAYS},
            **{name: getattr(self._earned, name) for name in LEARNED},
            "since": np.array([self._since.astype(np.int64)], dtype=np.float64),  # days since 1970-01-01
        }

    def restore(self, state: Tensors, grid: Grid) -> None:
        """Take over a state; an error leaves the model as it was."""
        axes = state.get("axes")
        k = axes.shape[1] if axes is not None and axes.ndim == 2 else self.config.factors
        if not 1 <= k <= self.config.factors:
            raise CheckpointError(f"expected between 1 and {self.config.factors} factors; found {k}")
        members, features = len(MEMBERS), len(NAMES)
        expected: dict[str, tuple[int, ...]] = {
            "unit": (1 + grid.size,),
            "start": (1 + grid.size,),
            "implied_start": (1,),
            "axes": (grid.size, k),
            "factor_sd": (1 + k,),
            "feature_centre": (features,),
            "feature_spread": (features,),
            "mean_intercept": (members, 1 + k),
            "mean": (members, features, 1 + k),
            "scale_intercept": (members, 1 + k),
            "scale": (members, features, 1 + k),
            **dict.fromkeys(LEARNED, (members,)),
            "since": (1,),
        }
        check_arrays(state, expected, kind=f"two-speed coefficients for {grid!r}")
        unknown = sorted(set(state) - set(expected))
        if unknown:
            raise CheckpointError(f"expected two-speed coefficients only; found the array {unknown[0][:60]!r}")
        own = {name: np.array(state[name], dtype=np.float64) for name in expected}
        for name in ("unit", "factor_sd"):
            if own[name].min() <= 0:
                raise CheckpointError(f"expected {name!r} > 0; found {own[name].min():g}")
        for name in ("start", "implied_start", "feature_spread", "squares", "largest"):
            if own[name].min() < 0:
                raise CheckpointError(f"expected {name!r} >= 0; found {own[name].min():g}")
        if abs(own["since"][0]) > MOST_DAYS:
            raise CheckpointError(f"expected the last fit's day within {MOST_DAYS:,} days; found {own['since'][0]:g}")
        self._grid = grid
        self._basis = Basis(**{name: own[name] for name in BASIS})
        self._centre, self._spread = own["feature_centre"], own["feature_spread"]
        self._corrections = Corrections(**{name: own[name] for name in ARRAYS})
        self._earned = Aggregation(**{name: own[name] for name in LEARNED})
        self._since = np.datetime64(int(own["since"][0]), "D")

    def _learn(
        self,
        history: SurfaceHistory,
        earned: Aggregation,
        seed: int,
        on_step: OnStep | None,
        checkpointer: Checkpointer | None,
    ) -> FitReport:
        began = time.perf_counter()
        if len(history) < LEAST_DAYS:
            raise MarketDataError(f"expected at least {LEAST_DAYS} days of surfaces; found {len(history)}")
        c = self.config
        basis = fit_basis(history, c, c.factors)
        seen = panel(history, basis, c)
        rows = slice(FIRST_CONDITION_ROW, len(history) - 1)
        centre, spread = seen.features[rows].mean(axis=0), seen.features[rows].std(axis=0)
        factors = seen.factors[rows]
        found, steps, losses = learn(
            standardised(seen.features[rows], centre, spread, c.clip),
            factors,
            spread,
            Shrinkage(c.mean_shrinkage, c.state_penalty, c.return_factor, c.scale_shrinkage, c.tail),
            identity=f"two_speed {history.digest} {seed} {sorted(to_dict(c).items())}",
            on_step=on_step,
            checkpointer=checkpointer,
        )
        self._grid, self._basis, self._corrections = history.grid, basis, found
        self._centre, self._spread = centre, spread
        self._earned, self._since = earned, history.dates[-1]
        rest = float(np.square(seen.rest[rows]).sum())
        scores = float(np.square(factors[:, 1:] * basis.factor_sd[1:]).sum())
        return FitReport(
            steps=steps,
            seconds=time.perf_counter() - began,
            trained_on=(str(history.dates[FIRST_CONDITION_ROW]), str(history.dates[-2])),
            metrics={
                "loss": float(losses.min()),
                "loss_without": float((c.tail + 1) / 2 * np.log1p(np.square(factors) / c.tail).mean()),
                "factors": float(factors.shape[1] - 1),
                "explained": scores / (scores + rest),
                "largest_weight": float(self.weights.max()),
            },
        )

    def _judged(self, history: SurfaceHistory) -> Aggregation:
        """What the members have earned after the days since the last fit."""
        known, earned, rate = Known(self, history), self._earned, self.config.rate
        for row in range(max(history.row_of(self._since), self.least_rows - 1), len(history) - 1):
            weights = earned.weights(rate)
            gradient = energy_gradient(known.thinned(row), known.scaled[row], weights)
            earned = earned.step(weights, gradient, rate)
        return earned

    def _draw(self, history: SurfaceHistory, rows: Rows, n: int, rng: np.random.Generator) -> Floats:
        known = Known(self, history)
        drawn = np.empty((len(rows), n, 1 + history.grid.size))
        for day, row in enumerate(rows.tolist()):
            drawn[day] = known.draw(row, n, rng)
        return drawn
