"""A hybrid factor–generative model: filtered historical simulation with a learned mean and scale of its factors.

It starts as filtered historical simulation and learns only what the likelihood pays for: where tomorrow's factors
centre and how widely they spread, given the state of the market, under shrinkage towards no correction at all.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from engine.market.grid import Floats, Grid
from engine.market.surface_history import FIRST_CONDITION_ROW, SurfaceHistory
from engine.models.conditional_fhs.features import (
    ACTIVITY_DECAYS,
    ATM_MATURITY,
    PREMIUM,
    STATE_FEATURES,
    WEEKDAYS,
    Factors,
    Panel,
    activity_features,
    against_average,
    basis_shapes,
    fit_basis,
    premium_feature,
    state_features,
    weekday_features,
)
from engine.models.conditional_fhs.filter import Filter, HistoryFilter
from engine.models.conditional_fhs.model import ExactMoveModel, Known, Learned, Pool, Run
from engine.models.conditional_fhs.training import (
    ARRAYS,
    LEAST_SD,
    Coefficients,
    Objective,
    StudentConfig,
    descend,
    factors_of,
    standardised,
)
from engine.models.surface_model import Tensors
from engine.settings import configuration, setting, to_dict

LEAST_POOL = 30
"""Residuals to draw from that a condition must leave."""

HALF_LIVES = (5, 60)
"""Days over which the two averages forget half: those that returns, vols and implied-to-realised vol deviate from."""

DEVIATIONS = tuple(f"{what} against its {days}-day average" for days in HALF_LIVES for what in ("return", "level"))

MEAN_FEATURES = (*STATE_FEATURES, *DEVIATIONS, *WEEKDAYS)
"""Inputs of the conditional mean."""

SCALE_FEATURES = (*DEVIATIONS, "last return", *ACTIVITY_DECAYS, PREMIUM)
"""Inputs of the log-scale correction."""

NAMES = tuple(dict.fromkeys(MEAN_FEATURES + SCALE_FEATURES))
MEAN_COLUMNS = [NAMES.index(name) for name in MEAN_FEATURES]
SCALE_COLUMNS = [NAMES.index(name) for name in SCALE_FEATURES]
STATE_COLUMNS = [NAMES.index(name) for name in STATE_FEATURES]


@configuration
class HybridConfig(StudentConfig):
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


class Hybrid(ExactMoveModel):
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
    Config: ClassVar[type] = HybridConfig
    first = FIRST_CONDITION_ROW
    least_rows = FIRST_CONDITION_ROW + LEAST_POOL
    least_days = 120  # fewer say nothing about its corrections
    positive = ("unit", "factor_sd")
    nonnegative = ("start", "level_start", "feature_spread")

    def _learn(self, history: SurfaceHistory, run: Run) -> Learned:
        """The corrections from every row from 22 on.

        Metrics: ``loss`` per day and factor, ``loss_without`` the same without corrections, ``mean_share`` the share of
        the level's variance that its mean explains in training, ``scale_sd`` the standard deviation of the level's
        log-scale correction, ``factors`` and ``explained``, the share of the surface's variance that they hold.
        """
        c = self.config
        basis = self._basis(history)
        seen = self._panel(HistoryFilter(history), basis)
        rows = slice(self.first, len(history) - 1)
        centre, spread = seen.features[rows].mean(axis=0), seen.features[rows].std(axis=0)
        x = standardised(seen.features[rows], centre, spread, c.clip, unclipped=STATE_COLUMNS)
        factors = seen.factors[rows]
        penalty = np.full((len(MEAN_FEATURES), factors.shape[1]), c.mean_shrinkage)
        penalty[:, 0] = c.return_shrinkage
        raw = spread[STATE_COLUMNS]  # the anchor's ridge is on features in their own units
        penalty[: len(STATE_FEATURES)] = (c.anchor_penalty / np.maximum(raw, LEAST_SD) ** 2)[:, None]
        objective = Objective(
            x[:, MEAN_COLUMNS],
            x[:, SCALE_COLUMNS],
            factors,
            mean_penalty=penalty,
            common_penalty=c.scale_shrinkage,
            own_penalty=c.scale_shrinkage,
            tail=c.tail,
        )
        identity = f"hybrid {history.digest} {run.seed} {sorted(to_dict(c).items())}"
        found, steps, loss = descend(objective, identity=identity, on_step=run.on_step, checkpointer=run.checkpointer)
        m, h = found.corrections(x[:, MEAN_COLUMNS], x[:, SCALE_COLUMNS])
        learned = {name: getattr(found, name) for name in ARRAYS}
        return Learned(
            {**basis, "feature_centre": centre, "feature_spread": spread, **learned},
            steps=steps,
            metrics={
                "loss": loss,
                "loss_without": objective(np.zeros(objective.size))[0] / factors.size,
                "mean_share": float(m[:, 1].var() / factors[:, 1].var()),
                "scale_sd": float(h[:, 1].std()),
                "factors": float(factors.shape[1] - 1),
                "explained": Factors.of(basis).explained(seen.innovations[rows]),
            },
        )

    def _shapes(self, grid: Grid, state: Tensors) -> dict[str, tuple[int, ...]]:
        """Units, axes, the features' standardisation, and the coefficients."""
        k = factors_of(state, self.config.factors)
        return {
            **basis_shapes(grid, k, len(NAMES)),
            "level_start": (2,),
            "mean_intercept": (1 + k,),
            "mean": (len(MEAN_FEATURES), 1 + k),
            "scale_intercept": (1 + k,),
            "scale_common": (len(SCALE_FEATURES),),
            "scale_own": (len(SCALE_FEATURES), 1 + k),
        }

    def known(self, days: Filter) -> Known:
        """Volatility, and mean and log scale of the factors, by the features of the day."""
        s, seen = self._state, self._panel(days, self._state)
        centre, spread = s["feature_centre"], s["feature_spread"]
        x = standardised(seen.features, centre, spread, self.config.clip, unclipped=STATE_COLUMNS)
        found = Coefficients(*(s[name] for name in ARRAYS))
        mean, log_scale = found.corrections(x[:, MEAN_COLUMNS], x[:, SCALE_COLUMNS])
        return {"volatility": seen.volatility * s["unit"], "mean": mean, "log_scale": log_scale}

    def past(self, days: HistoryFilter, known: Known) -> Known:
        """Residuals of the factors, and what the factors leave."""
        innovations = days.moves / known["volatility"][:-1]
        factors, rest = Factors.of(self._state).split(innovations)
        return {"residuals": (factors - known["mean"][:-1]) * np.exp(-known["log_scale"][:-1]), "rest": rest}

    def draw(self, today: Known, past: Known, pool: Pool, numbers: Floats) -> Floats:
        """One past day's residuals and rest, about today's mean and on today's scale and volatility."""
        chosen = pool.draw(numbers)
        factors = today["mean"] + np.exp(today["log_scale"]) * past["residuals"][chosen]
        return Factors.of(self._state).join(factors, past["rest"][chosen]) * today["volatility"]

    def _basis(self, history: SurfaceHistory) -> Tensors:
        """How moves become factors; ``level_start`` ``(2,)`` is where the variance of :func:`_levels` starts."""
        days, c = HistoryFilter(history), self.config

        def volatility(scaled: Floats, start: Floats) -> Floats:
            return np.sqrt(days.variance("variance", scaled, c.decay, start, tilt=c.tilt))

        basis = fit_basis(days, volatility, c.factors)
        steps = _levels(days.moves[:, 0], days.moves[:, 1:], basis)
        return {**basis, "level_start": np.square(steps).mean(axis=0)}

    def _panel(self, days: Filter, basis: Tensors) -> Panel:
        """Volatilities, factors and features of the days of a history or of paths."""
        unit, tilt, decay = basis["unit"], self.config.tilt, self.config.decay
        axes = Factors.of(basis)
        scaled = days.moves / unit
        volatility = np.sqrt(days.variance("variance", scaled, decay, basis["start"], tilt=tilt))
        innovations = scaled / days.previous("volatility", volatility)
        factors = axes.project(innovations)
        levels = _levels(days.log_spot, days.log_iv, basis)  # (rows, 2)
        steps = _levels(days.moves[:, 0], days.moves[:, 1:], basis)  # (moves, 2)
        step_sd = np.sqrt(days.variance("level variance", steps, decay, basis["level_start"], tilt=tilt))
        last = days.last(factors)
        found = {"last return": last[:, 0]}
        for half_life in HALF_LIVES:
            name = f"against its {half_life}-day average"
            away = against_average(days, name, levels, half_life) / step_sd
            found[f"return {name}"], found[f"level {name}"] = away.T
        found |= premium_feature(days, days.quote(1.0, ATM_MATURITY), step_sd[:, 0])
        found |= activity_features(days, factors)
        found |= weekday_features(days, step_sd[:, 1])
        found |= state_features(days, last, axes)
        return Panel(volatility, innovations, factors, np.stack([found[name] for name in NAMES], axis=1))


def _levels(spot: Floats, surface: Floats, basis: Tensors) -> Floats:
    """``(…, 2)`` log spot and the surface's first score over their units, or the moves of both."""
    unit: Floats = basis["unit"]
    return np.stack([spot / unit[0], surface @ (basis["axes"][:, 0] / unit[1:])], axis=1)
