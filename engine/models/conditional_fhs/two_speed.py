"""The two-speed model: several learned corrections of filtered historical simulation, mixed by what they have earned.

Its volatility answers to the last days and to the last year at once; its members differ in what their conditional
mean looks at and in whether their scale is learned. None is trusted alone: tomorrow's law is their mixture.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from engine.errors import CheckpointError
from engine.market.grid import Floats, Grid
from engine.market.surface_history import FIRST_CONDITION_ROW, Dates, SurfaceHistory
from engine.models.conditional_fhs.aggregation import Aggregation, energy_gradient
from engine.models.conditional_fhs.features import STATE_FEATURES, Factors, basis_shapes
from engine.models.conditional_fhs.filter import Filter, HistoryFilter
from engine.models.conditional_fhs.model import (
    ExactMoveModel,
    Known,
    Learned,
    Pool,
    Rows,
    Run,
    Seen,
    blocks,
    pick_weighted,
)
from engine.models.conditional_fhs.moments import (
    NAMES,
    SCALE_FEATURES,
    STATE_COLUMNS,
    TREND_FEATURES,
    Speeds,
    two_speed_basis,
    two_speed_panel,
)
from engine.models.conditional_fhs.training import LEAST_SD, Objective, StudentConfig, descend, factors_of, standardised
from engine.models.rollout import Chain, HistoryChain
from engine.models.surface_model import FitReport, Tensors
from engine.settings import configuration, setting, to_dict
from engine.training.progress import Checkpointer, OnStep, Progress, TrainingStopped, check_arrays

LEAST_POOL = 30
"""Residuals to draw from that a condition must leave."""

JUDGES = 48
"""Past days, evenly spread, that stand for a member's law when the members' weights are learned."""

MOST_DAYS = 1_000_000
"""Days from 1970 that the last fit may lie away; further ones are damage."""

KERNEL_FEATURES = ("term slope", "log realised to implied vol", "skew less its slow average")
"""Features by which days are like today."""

KERNEL_COLUMNS = [NAMES.index(name) for name in KERNEL_FEATURES]

LEARNED = ("regret", "squares", "largest")


@configuration
class TwoSpeedConfig(StudentConfig, Speeds):
    """Shrinkages are in days of data: a correction is halved when the data weigh as much as its penalty."""

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


@dataclass(frozen=True)
class Member:
    """One expert.

    Args:
        label: what it is called.
        features: of its conditional mean.
        scaled: whether its scale is learned too.
        alike: whether residuals of days like today count more.
    """

    label: str
    features: tuple[str, ...]
    scaled: bool
    alike: bool


MEMBERS = tuple(
    Member(f"{label}, {'learned' if scaled else 'plain'} scale", features, scaled, alike)
    for label, features, alike in (("trend", TREND_FEATURES, False), ("state", STATE_FEATURES, True))
    for scaled in (False, True)
)
"""Two means, each with and without a learned scale."""

ALIKE = np.array([member.alike for member in MEMBERS])


class TwoSpeed(ExactMoveModel):
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
    Config: ClassVar[type] = TwoSpeedConfig
    first = FIRST_CONDITION_ROW
    least_rows = FIRST_CONDITION_ROW + LEAST_POOL
    least_days = 120  # fewer say nothing about its corrections
    positive = ("unit", "factor_sd")
    nonnegative = ("start", "implied_start", "feature_spread", "squares", "largest")

    def _learn(self, history: SurfaceHistory, run: Run) -> Learned:
        """Every member's corrections from every row from 22 on; weights are equal.

        Metrics: ``loss`` per day and factor, the least of the members', ``loss_without`` corrections, ``factors`` and
        ``explained``, the share of the surface's variance that they hold, and ``largest_weight`` of a member.
        """
        c = self.config
        basis = two_speed_basis(history, c)
        seen = two_speed_panel(HistoryFilter(history), basis, c)
        rows = slice(self.first, len(history) - 1)
        centre, spread = seen.features[rows].mean(axis=0), seen.features[rows].std(axis=0)
        factors = seen.factors[rows]
        found, steps, losses = learn(
            standardised(seen.features[rows], centre, spread, c.clip, unclipped=STATE_COLUMNS),
            factors,
            spread,
            c,
            identity=f"two_speed {history.digest} {run.seed} {sorted(to_dict(c).items())}",
            on_step=run.on_step,
            checkpointer=run.checkpointer,
        )
        earned = Aggregation.equal(len(MEMBERS))
        return Learned(
            {
                **basis,
                "feature_centre": centre,
                "feature_spread": spread,
                **found,
                **{name: getattr(earned, name) for name in LEARNED},
                "since": np.array([history.dates[-1].astype(np.int64)], dtype=np.float64),  # days since 1970-01-01
            },
            steps=steps,
            metrics={
                "loss": float(losses.min()),
                "loss_without": float((c.tail + 1) / 2 * np.log1p(np.square(factors) / c.tail).mean()),
                "factors": float(factors.shape[1] - 1),
                "explained": Factors.of(basis).explained(seen.innovations[rows]),
                "largest_weight": float(earned.weights(c.rate).max()),
            },
        )

    def refit(self, history: SurfaceHistory, *, seed: int) -> FitReport:
        """Judge the members on the days since the last fit, then let them learn from all days.

        A history that does not go on from the last fit starts anew, as :meth:`fit` does.
        """
        goes_on = self._grid == history.grid and self.since in history.dates
        earned = self._judged(history) if goes_on else Aggregation.equal(len(MEMBERS))
        report = self.fit(history, seed=seed)
        self._state |= {name: getattr(earned, name) for name in LEARNED}
        return dataclasses.replace(report, metrics={**report.metrics, "largest_weight": float(self.weights.max())})

    def _shapes(self, grid: Grid, state: Tensors) -> dict[str, tuple[int, ...]]:
        """Units, axes, the features' standardisation, the members' coefficients, and what their weights rest on."""
        k, members, features = factors_of(state, self.config.factors), len(MEMBERS), len(NAMES)
        return {
            **basis_shapes(grid, k, features),
            "implied_start": (1,),
            "mean_intercept": (members, 1 + k),
            "mean": (members, features, 1 + k),
            "scale_intercept": (members, 1 + k),
            "scale": (members, features, 1 + k),
            **dict.fromkeys(LEARNED, (members,)),
            "since": (1,),
        }

    def _check(self, state: Tensors) -> None:
        since = float(state["since"][0])
        if abs(since) > MOST_DAYS:
            raise CheckpointError(f"expected the last fit's day within {MOST_DAYS:,} days; found {since:g}")

    @property
    def weights(self) -> Floats:
        """``(E,)`` of the members, in the order of ``MEMBERS``."""
        return self._earned.weights(self.config.rate)

    @property
    def since(self) -> np.datetime64:
        """Last day of the last fit."""
        self._fitted()
        return np.datetime64(int(self._state["since"][0]), "D")

    @property
    def factors(self) -> Factors:
        """Of the innovations."""
        self._fitted()
        return Factors.of(self._state)

    def known(self, days: Filter) -> Known:
        """Volatility, members' mean and log scale of the factors ``(rows, E, 1 + K)``, and which days are alike."""
        s, c = self._state, self.config
        seen = two_speed_panel(days, s, c)
        x = standardised(seen.features, s["feature_centre"], s["feature_spread"], c.clip, unclipped=STATE_COLUMNS)
        mean, log_scale = x @ s["mean"], x @ s["scale"]  # (E, rows, 1 + K)
        known = {
            "volatility": seen.volatility * s["unit"],
            "mean": mean.swapaxes(0, 1) + s["mean_intercept"],
            "log_scale": log_scale.swapaxes(0, 1) + s["scale_intercept"],
        }
        if c.bandwidth > 0:
            spread = np.maximum(s["feature_spread"][KERNEL_COLUMNS], LEAST_SD)
            known["likeness"] = seen.features[:, KERNEL_COLUMNS] / spread / c.bandwidth
        return known

    def past(self, days: HistoryFilter, known: Known) -> Known:
        """Each member's residuals of the factors ``(n − 1, E, 1 + K)``, and what the factors leave."""
        factors, rest = self.factors.split(days.moves / known["volatility"][:-1])
        residuals = (factors[:, None] - known["mean"][:-1]) * np.exp(-known["log_scale"][:-1])
        return {"residuals": np.ascontiguousarray(residuals), "rest": rest}

    def pool(self, seen: Seen, row: int, paths: int = 1) -> Pool:
        """The days up to the last fit; all days, if too few of those known at the row are from before it."""
        last = row if self._draws_from_all(seen.days.dates, row) else min(row, self._last_fit(seen.days.dates))
        return Pool(self.first, last, likeness=seen.known.get("likeness"), paths=paths)

    def numbers(self, rng: np.random.Generator, n: int) -> Floats:
        """``(n, 3)`` uniforms: of a past day, a member, and a second day."""
        return rng.random((n, 3))

    def draw(self, today: Known, past: Known, pool: Pool, numbers: Floats) -> Floats:
        """A member's mean, and its smoothed residual of a past day on its scale, on today's volatility."""
        n, (day, member, partner), b = len(numbers), numbers.T, self.config.smoothing
        which = pick_weighted(member, self.weights)
        residuals, others = past["residuals"][pool.real], past["rest"][pool.real]
        factors, rest = np.empty((n, residuals.shape[2])), np.empty((n, others.shape[1]))
        for rows, chances in _chances(ALIKE[which], today.get("likeness"), pool):
            members, one_for_all = which[rows], len(chances) == 1
            weights = chances[0] if one_for_all else chances
            first, second = pick_weighted(day[rows], weights), pick_weighted(partner[rows], weights)
            centres = np.tensordot(chances, residuals, axes=1)  # (1 or rows, E, 1 + K)
            centre = centres[np.zeros_like(rows) if one_for_all else np.arange(len(rows)), members]
            factors[rows] = mixed(residuals[first, members], residuals[second, members], centre, b)
            rest[rows] = mixed(others[first], others[second], chances @ others, b)
        each = np.arange(n) if len(today["mean"]) == n else np.zeros(n, dtype=np.intp)
        factors = today["mean"][each, which] + np.exp(today["log_scale"][each, which]) * factors
        return self.factors.join(factors, rest) * today["volatility"]

    def chain(self, condition: SurfaceHistory, n: int) -> Chain:
        """Paths that carry volatilities and features; the days they draw from are those up to the last fit."""
        self._checked(condition, n)
        self._rows(condition, [-1])
        if self._draws_from_all(condition.dates, len(condition) - 1):
            return HistoryChain(self, condition, n)  # paths then draw their own days too
        return super().chain(condition, n)

    def thinned(self, seen: Seen, row: int) -> Floats:
        """``(E, at most 48, 1 + N)`` moves after a row, at evenly spread quantiles of the days drawn from."""
        pool, today = self.pool(seen, row), seen.today(row)
        count = min(JUDGES, len(pool))
        levels = (np.arange(count) + 0.5) / count
        chances = {True: pool.chances(today.get("likeness"))[0], False: pool.chances()[0]}
        picked = np.stack([pick_weighted(levels, chances[member.alike]) for member in MEMBERS])  # (E, count)
        residuals = seen.past["residuals"][pool.real][picked, np.arange(len(MEMBERS))[:, None]]
        factors = today["mean"][0][:, None] + np.exp(today["log_scale"][0][:, None]) * residuals
        return self.factors.join(factors, seen.past["rest"][pool.real][picked]) * today["volatility"]

    @property
    def _earned(self) -> Aggregation:
        self._fitted()
        return Aggregation(*(self._state[name] for name in LEARNED))

    def _judged(self, history: SurfaceHistory) -> Aggregation:
        """What the members have earned after the days since the last fit, by the energy score over ``unit``."""
        seen, earned, rate, unit = self.over(history), self._earned, self.config.rate, self._state["unit"]
        for row in range(max(history.row_of(self.since), self.least_rows - 1), len(history) - 1):
            weights = earned.weights(rate)
            gradient = energy_gradient(self.thinned(seen, row) / unit, seen.days.moves[row] / unit, weights)
            earned = earned.step(weights, gradient, rate)
        return earned

    def _last_fit(self, dates: Dates) -> int:
        """Row of the last day up to the last fit; −1 if there is none."""
        return int(np.searchsorted(dates, self.since, side="right")) - 1

    def _draws_from_all(self, dates: Dates, row: int) -> bool:
        """Whether too few of the days known at a row are from before the last fit, so that all are drawn from."""
        return min(row, self._last_fit(dates)) - self.first < LEAST_POOL


def mixed(one: Floats, other: Floats, centre: Floats, b: float) -> Floats:
    """μ + √(1 − b²)(e − μ) + b(e' − μ): another draw of the same mean and covariance if e and e' are independent."""
    smooth: Floats = centre + np.sqrt(1 - b * b) * (one - centre) + b * (other - centre)
    return smooth


def _chances(alike: NDArray[np.bool_], likeness: Floats | None, pool: Pool) -> Iterator[tuple[Rows, Floats]]:
    """Scenarios, and how likely each past day is to them: ``(1, pool)`` for all or ``(rows, pool)`` for each."""
    yield np.flatnonzero(~alike), pool.chances()
    rows = np.flatnonzero(alike)
    if likeness is None or len(likeness) == 1:
        yield rows, pool.chances(likeness)
    else:
        for block in blocks(len(rows)):
            yield rows[block], pool.chances(likeness[rows[block]])


def learn(
    x: Floats,
    factors: Floats,
    spread: Floats,
    config: TwoSpeedConfig,
    *,
    identity: str,
    on_step: OnStep | None = None,
    checkpointer: Checkpointer | None = None,
) -> tuple[Known, int, Floats]:
    """Each member's penalised Student likelihood, one after the other, from no correction.

    Args:
        x: ``(rows, len(NAMES))`` standardised features.
        factors: ``(rows, 1 + K)`` what followed.
        spread: ``(len(NAMES),)`` of the features in their own units: the state's penalty is on those.
        config: the penalties, and the tail of the likelihood.
        identity: of the fit, so that another's kept state is refused.
        on_step: told of progress after each member.
        checkpointer: keeps the members done.

    Returns:
        Means m = b + xB and log scales h = c + xU of all members: ``mean_intercept`` b and ``scale_intercept`` c
        ``(E, 1 + K)``, ``mean`` B and ``scale`` U ``(E, len(NAMES), 1 + K)``, zero at features a member does not use;
        iterations made; and ``(E,)`` losses per day and factor.

    Raises:
        TrainingStopped: if ``on_step`` asked to stop; the checkpointer then holds the members done.
        CheckpointError: if the checkpointer's state is of another fit.
    """
    scale_columns, k = _columns(SCALE_FEATURES), factors.shape[1]
    shapes = {"mean_intercept": (k,), "mean": (len(NAMES), k), "scale_intercept": (k,), "scale": (len(NAMES), k)}
    found = {name: np.zeros((len(MEMBERS), *shape)) for name, shape in shapes.items()}
    mark = np.frombuffer(hashlib.sha256(identity.encode()).digest(), dtype=np.uint8)
    kept = dict(checkpointer.load() or {}) if checkpointer is not None else {}
    if kept and not np.array_equal(kept.get("two_speed.identity", np.zeros(0)), mark):
        raise CheckpointError(
            "expected the interrupted state of this fit; found one with other data, another seed or other settings"
        )
    kept["two_speed.identity"] = mark
    steps, losses = 0, np.zeros(len(MEMBERS))
    for i, member in enumerate(MEMBERS):
        columns = _columns(member.features)
        scales = scale_columns if member.scaled else []
        penalty = np.full((len(columns), k), config.mean_shrinkage)
        state = np.isin(np.array(member.features), STATE_FEATURES)
        penalty[state] = (config.state_penalty / np.maximum(spread[columns][state], LEAST_SD) ** 2)[:, None]
        penalty[:, 0] *= config.return_factor
        objective = Objective(
            x[:, columns],
            x[:, scales],
            factors,
            mean_penalty=penalty,
            common_penalty=config.scale_shrinkage,
            own_penalty=config.scale_shrinkage,
            tail=config.tail,
        )
        name = f"two_speed.{i}"
        if name in kept:
            check_arrays({name: kept[name]}, {name: (objective.size,)}, kind="an interrupted fit")
            one = objective.coefficients(np.asarray(kept[name], dtype=np.float64))
        else:
            one, made, _ = descend(objective, identity=identity)
            steps += made
            kept[name] = one.flat()
        losses[i] = objective(one.flat())[0] / factors.size
        found["mean_intercept"][i], found["mean"][i, columns] = one.mean_intercept, one.mean
        found["scale_intercept"][i] = one.scale_intercept
        found["scale"][i, scales] = one.scale_common[:, None] + one.scale_own
        if checkpointer is not None:
            checkpointer.save(kept)
        progress = Progress("training", i + 1, len(MEMBERS), {"loss": float(losses[i])})
        if on_step is not None and on_step(progress) and i + 1 < len(MEMBERS):
            raise TrainingStopped(f"stopped after {i + 1} of {len(MEMBERS)} members")
    return found, steps, losses


def _columns(names: tuple[str, ...]) -> list[int]:
    return [NAMES.index(name) for name in names]
