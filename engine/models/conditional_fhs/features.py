"""Factors of standardised innovations, and features of the state of the market by name.

Both are functions of a filter, so the same over a history and on paths. Features have no unit (they are innovations,
distances in daily standard deviations, log ratios, weekdays), so that one shrinkage suits every market.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from engine.errors import MarketDataError
from engine.market.grid import Floats, Grid
from engine.market.surface_history import FIRST_CONDITION_ROW
from engine.models.conditional_fhs.filter import Filter, HistoryFilter

ATM_MATURITY = 1 / 6
"""Maturity, in years, of the at-the-money vol that stands for the level of implied vol."""

SLOW, FAST = 0.98, 0.9
"""Decays of the averages behind the level features."""

COMPONENTS = 3
"""Yesterday's principal components among the features of the state."""

LEVEL_FEATURES = (
    "log vol less its slow average",
    "log vol less its fast average",
    "term slope",
    "log realised to implied vol",
    "skew less its slow average",
)

STATE_FEATURES = (*LEVEL_FEATURES, "last first component", "last second component", "last third component")
"""Inputs of the linear anchor's conditional mean, in their own units: they count most in extreme states."""

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday")

ACTIVITY_DECAYS = {"activity, days": 0.8, "activity, month": 0.95}
"""Decays of the running mean square of all factors together."""

PREMIUM_HALF_LIFE = 60
PREMIUM = f"implied to realised vol against its {PREMIUM_HALF_LIFE}-day average"


LEAST_SHARE = 1e-9
"""Principal components with a smaller share of the variance are rounding, not factors."""


@dataclass(frozen=True, eq=False)
class Factors:
    """z ↔ (f, r): f the return's innovation and K principal scores over their standard deviations, r what they leave.

    Args:
        axes: ``(N, K)`` orthonormal principal axes of the innovations of the surface.
        factor_sd: ``(1 + K,)`` standard deviation of the return's innovation and of the K scores.
    """

    axes: Floats
    factor_sd: Floats

    @classmethod
    def fit(cls, innovations: Floats, most: int) -> Factors:
        """The axes of innovations ``(n, 1 + N)``; at most so many, fewer where the surface has fewer."""
        _, values, rows = np.linalg.svd(innovations[:, 1:], full_matrices=False)
        kept = int((values**2 > LEAST_SHARE * (values**2).sum()).sum())
        axes = rows[: min(most, kept)].T
        axes = axes * np.where(axes.sum(axis=0) < 0, -1.0, 1.0)  # a sign of its own is as good as another: take up = up
        factor_sd = np.concatenate([innovations[:, :1], innovations[:, 1:] @ axes], axis=1).std(axis=0)
        return cls(np.ascontiguousarray(axes), factor_sd)

    @classmethod
    def of(cls, state: Mapping[str, Floats]) -> Factors:
        """Those of a fitted state."""
        return cls(state["axes"], state["factor_sd"])

    def project(self, innovations: Floats) -> Floats:
        """Factors ``(…, 1 + K)`` of innovations ``(…, 1 + N)``."""
        factors: Floats = np.concatenate([innovations[..., :1], innovations[..., 1:] @ self.axes], axis=-1)
        return factors / self.factor_sd

    def split(self, innovations: Floats) -> tuple[Floats, Floats]:
        """Factors ``(…, 1 + K)`` and rest ``(…, N)`` of innovations ``(…, 1 + N)``."""
        scores = innovations[..., 1:] @ self.axes
        return self.project(innovations), innovations[..., 1:] - scores @ self.axes.T

    def join(self, factors: Floats, rest: Floats) -> Floats:
        """The inverse of :meth:`split`."""
        scores = factors * self.factor_sd
        joined: Floats = np.concatenate([scores[..., :1], scores[..., 1:] @ self.axes.T + rest], axis=-1)
        return joined

    def explained(self, innovations: Floats) -> float:
        """The share of the surface's variance that the factors hold in innovations ``(n, 1 + N)``."""
        factors, rest = self.split(innovations)
        held = float(np.square(factors[:, 1:] * self.factor_sd[1:]).sum())
        return held / (held + float(np.square(rest).sum()))


class Panel(NamedTuple):
    """Days in factors and features.

    Args:
        volatility: ``(rows, 1 + N)`` of the move after each day, over its ``unit``.
        innovations: ``(moves, 1 + N)`` moves over their volatility.
        factors: ``(moves, 1 + K)`` of the innovations.
        features: ``(rows, f)`` known at the close of each day, in their own units.
    """

    volatility: Floats
    innovations: Floats
    factors: Floats
    features: Floats


def fit_basis(days: HistoryFilter, volatility: Callable[[Floats, Floats], Floats], most: int) -> dict[str, Floats]:
    """How a training history's moves become factors.

    Args:
        days: the training history.
        volatility: from moves over their units ``(n − 1, 1 + N)`` and its start, ``(n, 1 + N)`` of the move after each
            day.
        most: K at most; fewer where the surface has fewer.

    Returns:
        ``unit`` ``(1 + N,)`` standard deviation of the moves, ``start`` ``(1 + N,)`` their mean square over ``unit``²,
        where running variances start, and ``axes`` and ``factor_sd`` of :class:`Factors`.

    Raises:
        MarketDataError: if spot or a point of the surface never moves.
    """
    unit = days.moves.std(axis=0)
    if not unit.min() > 0:
        raise MarketDataError("expected spot and every point of the surface to move in training; found one that stays")
    scaled = days.moves / unit
    start = np.square(scaled).mean(axis=0)
    factors = Factors.fit((scaled / volatility(scaled, start)[:-1])[FIRST_CONDITION_ROW:], most)
    return {"unit": unit, "start": start, "axes": factors.axes, "factor_sd": factors.factor_sd}


def basis_shapes(grid: Grid, k: int, features: int) -> dict[str, tuple[int, ...]]:
    """Name → shape of :func:`fit_basis` with k factors of the surface, and of the features' standardisation."""
    d = 1 + grid.size
    standardisation = {"feature_centre": (features,), "feature_spread": (features,)}
    return {"unit": (d,), "start": (d,), "axes": (grid.size, k), "factor_sd": (1 + k,), **standardisation}


def level_points(grid: Grid) -> Floats:
    """``(2, 4)`` moneyness and maturity of the vols behind the features: short and long ATM, short put and call."""
    short, long = max(1 / 12, float(grid.maturity[0])), min(1.0, float(grid.maturity[-1]))
    return np.array([(1.0, short), (1.0, long), (0.9, short), (1.1, short)]).T


def level_features(known: Filter, *, slow: float = SLOW, fast: float = FAST) -> Floats:
    """``(rows, 5)`` where the surface stands, ``LEVEL_FEATURES``; NaN before row 21, where realised vol is unknown.

    1. log ATM less its slow average, 2. log ATM less its fast average, 3. term slope, log ATM of 1 year less log ATM,
    4. log(realised/ATM), 5. skew, log σ(0.9) − log σ(1.1), less its slow average. ATM is one month at the money, or
    the grid's shortest maturity if that is longer; one year likewise the longest if that is shorter.

    Args:
        known: days of a history or of paths.
        slow, fast: decays of the exponential averages.
    """
    atm, far, put, call = np.log(known.quote(*level_points(known.grid))).T
    skew = put - call
    columns = [
        atm - known.mean("slow log vol", atm, slow),
        atm - known.mean("fast log vol", atm, fast),
        far - atm,
        np.log(np.maximum(known.realised_vol, 1e-4)) - atm,
        skew - known.mean("slow skew", skew, slow),
    ]
    return np.stack(columns, axis=1)


def state_features(known: Filter, last: Floats, factors: Factors) -> dict[str, Floats]:
    """``STATE_FEATURES`` by name; those of the level are zero where they are unknown.

    Args:
        known: days of a history or of paths.
        last: ``(rows, 1 + K)`` the factors of the move that ended on the day.
        factors: whose units they are in.
    """
    scores = last[:, 1:] * factors.factor_sd[1:] / np.sqrt(1 + known.grid.size)
    scores = np.pad(scores, ((0, 0), (0, COMPONENTS)))[:, :COMPONENTS]  # a small grid may have fewer
    columns = np.concatenate([np.nan_to_num(level_features(known)), scores], axis=1)
    return dict(zip(STATE_FEATURES, columns.T, strict=True))


def activity_features(known: Filter, factors: Floats) -> dict[str, Floats]:
    """Log root mean square of all factors ``(moves, 1 + K)`` together, over days and over a month."""
    together = np.sqrt(np.square(factors).mean(axis=1, keepdims=True))  # (moves, 1)
    squares = {name: known.variance(name, together, decay, np.ones(1)) for name, decay in ACTIVITY_DECAYS.items()}
    return {name: np.log(square)[:, 0] / 2 for name, square in squares.items()}


def weekday_features(known: Filter, level_sd: Floats) -> dict[str, Floats]:
    """Indicators of the weekday, less ⅕, over the level's daily standard deviation ``(rows,)``.

    A weekday moves log vols by the same amount in calm and in crisis, so that in standard deviations it moves them
    less in a crisis.
    """
    weekday = (known.dates.astype("datetime64[D]").astype(np.int64) + 3) % 7  # 1970-01-01 was a Thursday
    return {name: ((weekday == k) - 1 / len(WEEKDAYS)) / level_sd for k, name in enumerate(WEEKDAYS)}


def against_average(known: Filter, name: str, series: Floats, half_life: float) -> Floats:
    """A series less its exponential average, whose weight halves in so many days."""
    return series - known.mean(name, series, 0.5 ** (1 / half_life))


def premium_feature(known: Filter, implied: Floats, index_sd: Floats) -> dict[str, Floats]:
    """Log implied vol less log volatility of the index, both ``(rows,)``, against its 60-day average."""
    return {PREMIUM: against_average(known, PREMIUM, np.log(implied) - np.log(index_sd), PREMIUM_HALF_LIFE)}
