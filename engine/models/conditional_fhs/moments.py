"""What yesterday knows of tomorrow's move: two-speed volatility, features of the state, and a shrunk conditional mean.

:class:`ConditionalMoments` turns moves into innovations and innovations into moves, over a history and along paths. A
generator that learns the law of innovations need know nothing of volatility: its scenarios are calibrated in calm and
in crisis alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from engine.errors import CheckpointError, MarketDataError
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
from engine.models.conditional_fhs.training import factors_of, standardised
from engine.settings import configuration, setting
from engine.training.progress import check_arrays

INDEX_HALF_LIVES = (2, 5, 10, 20)
"""Days over which the averages forget half that the index is held against."""

LEVEL_HALF_LIFE, YEAR_HALF_LIFE = 20, 250
"""The same of the level of implied vol, and of its volatility."""

LEAST_DAYS = 120
"""A fit needs this many days: fewer say nothing about what is conditional."""


def index_against(days: int) -> str:
    """Name of the feature log S less its average, in daily standard deviations."""
    return f"index against its {days}-day average"


LEVEL = f"level against its {LEVEL_HALF_LIFE}-day average"
YEAR = "volatility of the level against its year"

TREND_FEATURES = (*(index_against(days) for days in INDEX_HALF_LIVES), *WEEKDAYS)
"""Where the index has gone of late. Nothing slow: averages of months mislead when a crisis begins."""

SCALE_FEATURES = (index_against(5), LEVEL, PREMIUM, *ACTIVITY_DECAYS, YEAR)
"""How wide tomorrow may be."""

NAMES = tuple(dict.fromkeys(TREND_FEATURES + STATE_FEATURES + SCALE_FEATURES))
"""All features, in the order of their columns."""

STATE_COLUMNS = [NAMES.index(name) for name in STATE_FEATURES]


@dataclass(frozen=True)
class Speeds:
    """What volatilities and factors depend on."""

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


def two_speed_volatility(
    known: Filter, scaled: Floats, implied: Floats, start: Floats, implied_start: Floats, speeds: Speeds
) -> Floats:
    """Volatility of every move, known before it.

    v_t = ½ (fast + slow exponentially weighted variance), for the return (1 − s) v_t + s σ²_t u_t, where σ_t is
    at-the-money vol and u_t the slow exponentially weighted mean of (R/σ)². Shocks die out over days and over a year
    at once, as no single decay does; and tomorrow's index moves are what options say, corrected for their usual excess.

    Args:
        known: days of a history or of paths.
        scaled: ``(moves, d)`` the return first.
        implied: ``(rows,)`` at-the-money vol on each day.
        start: ``(d,)`` variances before the first move.
        implied_start: ``(1,)`` mean of (R/σ)² before the first move.
        speeds: the two decays, the tilt and the share s.

    Returns:
        ``(rows, d)`` of the move after each day.

    References:
        Corsi (2009), A simple approximate long-memory model of realized volatility, J. of Financial Econometrics 7
        (several horizons); Christensen and Prabhala (1998), The relation between implied and realized volatility,
        J. of Financial Economics 50.
    """
    fast = known.variance("fast variance", scaled, speeds.fast, start, tilt=speeds.tilt)
    slow = known.variance("slow variance", scaled, speeds.slow, start, tilt=speeds.tilt)
    variance = (fast + slow) / 2
    over_implied = scaled[:, :1] / known.previous("implied", implied)[:, None]
    ratio = known.variance("over implied", over_implied, speeds.slow, implied_start)[:, 0]
    share = speeds.implied_share
    variance[:, 0] = (1 - share) * variance[:, 0] + share * ratio * implied**2
    volatility: Floats = np.sqrt(variance)
    return volatility


def two_speed_basis(history: SurfaceHistory, speeds: Speeds) -> dict[str, Floats]:
    """:func:`~.features.fit_basis`, and ``implied_start`` ``(1,)``, the mean of (R/σ)² over the return's unit²."""
    days = HistoryFilter(history)
    implied = days.quote(1.0, ATM_MATURITY)
    over_implied = np.square(days.moves[:, :1] / days.moves[:, 0].std() / implied[:-1, None]).mean(axis=0)

    def volatility(scaled: Floats, start: Floats) -> Floats:
        return two_speed_volatility(days, scaled, implied, start, over_implied, speeds)

    return {**fit_basis(days, volatility, speeds.factors), "implied_start": over_implied}


def two_speed_panel(known: Filter, basis: Mapping[str, Floats], speeds: Speeds) -> Panel:
    """Volatilities, factors and features ``NAMES`` of the days of a history or of paths."""
    scaled, implied = known.moves / basis["unit"], known.quote(1.0, ATM_MATURITY)
    volatility = two_speed_volatility(known, scaled, implied, basis["start"], basis["implied_start"], speeds)
    innovations = scaled / known.previous("volatility", volatility)
    axes = Factors.of(basis)
    factors = axes.project(innovations)
    index_sd, level_sd = volatility[:, 0], volatility[:, 1:].mean(axis=1)
    index, level = known.log_spot / basis["unit"][0], (known.log_iv / basis["unit"][1:]).mean(axis=1)
    found = {
        index_against(days): against_average(known, index_against(days), index, days) / index_sd
        for days in INDEX_HALF_LIVES
    }
    found[LEVEL] = against_average(known, LEVEL, level, LEVEL_HALF_LIFE) / level_sd
    found[YEAR] = against_average(known, YEAR, np.log(level_sd), YEAR_HALF_LIFE)
    found |= premium_feature(known, implied, index_sd)
    found |= activity_features(known, factors)
    found |= weekday_features(known, level_sd)
    found |= state_features(known, known.last(factors), axes)
    return Panel(volatility, innovations, factors, np.stack([found[name] for name in NAMES], axis=1))


@configuration
class MomentsConfig(Speeds):
    """Volatility, mean and features of the next move; the defaults are those of the two-speed mixture."""

    penalty: float = setting(
        100.0, label="Ridge penalty", help="Shrinks the conditional mean towards none.", low=0.0, high=1e15
    )
    return_factor: float = setting(
        10.0,
        label="Return's factor",
        help="The index return's mean is shrunk this much more: little is known of it.",
        low=1.0,
        high=1e12,
    )
    clip: float = setting(
        5.0, label="Clip", help="Features further from their training mean count as this far.", low=0.5, high=100.0
    )


class Moments(NamedTuple):
    """What the close of each day knows of tomorrow's move, and what came of the moves that ended.

    A move is y = (R, Δg) = σ (μ + e): R the log-return, Δg the change of log vols, σ the volatility, e the innovation.

    Args:
        volatility: ``(rows, 1 + N)`` σ of the move after each row, in its own units (daily return, log vol).
        mean: ``(rows, 1 + N)`` μ, the conditional mean of the standardised move.
        features: ``(rows, f)`` features of the state, standardised by their training part and clipped; the columns are
            ``NAMES``.
        innovations: ``(moves, 1 + N)`` e of the moves that ended: standardised and without their mean, fit to be
            drawn from. Over a history of n days there are n − 1, row t for the move after day t; on paths, the latest
            of each.
    """

    volatility: Floats
    mean: Floats
    features: Floats
    innovations: Floats

    def moves(self, innovations: Floats) -> Floats:
        """``(rows, 1 + N)`` moves σ (μ + e) after each row, one innovation a row; a leading axis of rows broadcasts."""
        return (self.mean + innovations) * self.volatility


@dataclass(frozen=True, eq=False)
class ConditionalMoments:
    """Conditional volatility, mean and features of the next day's move: the door to the space of innovations.

    σ_t is the two-speed volatility (:func:`two_speed_volatility`); μ_t is linear in the state of the surface and in the
    last components, by ridge in the features' own units,

        min Σ_t ‖z_{t+1} − b − B'(x_t − x̄)‖² + penalty ‖B‖²,   z = y/σ,

    the return's column under ``return_factor`` times the penalty. Everything known at a row uses days up to that row;
    rows before 22 are computed but not settled (realised vol needs 21 returns). A typical use::

        moments = ConditionalMoments.fit(train, MomentsConfig())
        seen = moments.over(history)
        x, y = seen.features[22:-1], seen.innovations[22:]        # what is known, what followed
        factors, rest = moments.factors.split(y)                   # what a network models, what is bootstrapped
        move = (seen.mean[t] + moments.factors.join(drawn, rest_of_past_days)) * seen.volatility[t]     # (n, 1 + N)

    Args:
        config: the settings.
        fitted: ``unit`` and ``start`` ``(1 + N,)``, ``implied_start`` ``(1,)``, ``axes`` ``(N, K)``, ``factor_sd``
            ``(1 + K,)``; ``feature_centre``, ``feature_spread`` ``(f,)`` of the training features in their own units;
            ``level`` ``(1 + N,)`` b, ``coefficients`` ``(8, 1 + N)`` B, one row each of ``STATE_FEATURES``.

    References:
        A. Hoerl and R. Kennard (1970), Ridge regression, Technometrics 12; Barone-Adesi, Giannopoulos and Vosper
        (1999), VaR without correlations (filtering); Corsi (2009) for the two speeds.
    """

    config: MomentsConfig
    fitted: Mapping[str, Floats]

    @classmethod
    def fit(cls, history: SurfaceHistory, config: MomentsConfig | None = None) -> ConditionalMoments:
        """Units, axes and ridge coefficients of a training history; the last row's move is the last target.

        Raises:
            MarketDataError: if there are fewer than 120 days, or spot or a point of the surface never moves.
        """
        config = config or MomentsConfig()
        if len(history) < LEAST_DAYS:
            raise MarketDataError(f"expected at least {LEAST_DAYS} days of surfaces; found {len(history)}")
        basis = two_speed_basis(history, config)
        seen = two_speed_panel(HistoryFilter(history), basis, config)
        features, target = seen.features[FIRST_CONDITION_ROW:-1], seen.innovations[FIRST_CONDITION_ROW:]
        centre, level = features.mean(axis=0), target.mean(axis=0)
        x, y = (features - centre)[:, STATE_COLUMNS], target - level
        gram, cross, identity = x.T @ x, x.T @ y, np.eye(len(STATE_COLUMNS))
        coefficients = np.linalg.lstsq(gram + config.penalty * identity, cross, rcond=None)[0]
        for_return = gram + config.penalty * config.return_factor * identity
        coefficients[:, 0] = np.linalg.lstsq(for_return, cross[:, 0], rcond=None)[0]
        own = {"feature_centre": centre, "feature_spread": features.std(axis=0), "level": level}
        return cls(config, {**basis, **own, "coefficients": coefficients})

    @property
    def factors(self) -> Factors:
        """Principal axes of the innovations, which split them into factors of about unit variance and a rest."""
        return Factors.of(self.fitted)

    def over(self, history: SurfaceHistory) -> Moments:
        """Every day of a history on the fitted grid (at least two), in one pass."""
        return self.of(HistoryFilter(history))

    def state(self) -> dict[str, Floats]:
        """Everything fitted, as named arrays: no day of the training data."""
        return dict(self.fitted)

    @staticmethod
    def shapes(grid: Grid, factors: int) -> dict[str, tuple[int, ...]]:
        """Name → shape of :meth:`state` with so many principal components."""
        d = 1 + grid.size
        own = {"implied_start": (1,), "level": (d,), "coefficients": (len(STATE_COLUMNS), d)}
        return {**basis_shapes(grid, factors, len(NAMES)), **own}

    @classmethod
    def from_state(
        cls, state: Mapping[str, Floats], grid: Grid, config: MomentsConfig | None = None
    ) -> ConditionalMoments:
        """The inverse of :meth:`state`; arrays of other names are left alone.

        Raises:
            CheckpointError: if names, shapes or values do not fit the settings and the grid.
        """
        config = config or MomentsConfig()
        shapes = cls.shapes(grid, factors_of(state, config.factors))
        check_arrays(dict(state), shapes, kind=f"conditional moments for {grid!r}")
        own = {name: np.array(state[name], dtype=np.float64) for name in shapes}
        for name in ("unit", "factor_sd"):
            if not own[name].min() > 0:
                raise CheckpointError(f"expected {name!r} > 0; found {own[name].min():g}")
        return cls(config, own)

    def of(self, known: Filter) -> Moments:
        """The days of a history, or the day that paths have reached."""
        s, seen = self.fitted, two_speed_panel(known, self.fitted, self.config)
        mean = s["level"] + (seen.features - s["feature_centre"])[:, STATE_COLUMNS] @ s["coefficients"]
        features = standardised(seen.features, s["feature_centre"], s["feature_spread"], self.config.clip)
        innovations = seen.innovations - known.previous("mean", mean)
        return Moments(seen.volatility * s["unit"], mean, features, innovations)
