"""What the two-speed model knows at the close of a day: volatilities, factors of innovations, features of the state.

Everything here runs forward in time: row t of every array uses days up to t only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from engine.errors import MarketDataError
from engine.market.grid import Floats
from engine.market.surface_history import FIRST_CONDITION_ROW, SurfaceHistory
from engine.models.conditional_fhs.anchor import level_features
from engine.models.conditional_fhs.hybrid_features import (
    ACTIVITY_DECAYS,
    ANCHOR_FEATURES,
    ATM_MATURITY,
    COMPONENTS,
    FAST,
    LEAST_SHARE,
    SLOW,
    WEEKDAYS,
    decay_of,
)
from engine.models.conditional_fhs.innovations import moves, running_mean, running_variance

INDEX_HALF_LIVES = (2, 5, 10, 20)
"""Days over which the averages forget half that the index is held against."""

LEVEL_HALF_LIFE = 20
"""The same of the level of implied vol."""

PREMIUM_HALF_LIFE, YEAR_HALF_LIFE = 60, 250
"""The same of implied to realised vol, and of the level's volatility."""


def index_against(days: int) -> str:
    """Name of the feature log S less its average, in daily standard deviations."""
    return f"index against its {days}-day average"


LEVEL = f"level against its {LEVEL_HALF_LIFE}-day average"
PREMIUM = f"implied to realised vol against its {PREMIUM_HALF_LIFE}-day average"
ACTIVITY = ("activity, days", "activity, month")
YEAR = "volatility of the level against its year"

TREND_FEATURES = (*(index_against(days) for days in INDEX_HALF_LIVES), *WEEKDAYS)
"""Where the index has gone of late. Nothing slow: averages of months mislead when a crisis begins."""

STATE_FEATURES = ANCHOR_FEATURES
"""The linear anchor's, in their own units, so that extreme states count most."""

KERNEL_FEATURES = ("term slope", "log realised to implied vol", "skew less its slow average")
"""Those of the state by which days are like today."""

SCALE_FEATURES = (index_against(5), LEVEL, PREMIUM, *ACTIVITY, YEAR)
"""Inputs of the log scale."""

NAMES = tuple(dict.fromkeys(TREND_FEATURES + STATE_FEATURES + SCALE_FEATURES))


class Speeds(Protocol):
    """The settings that volatilities depend on."""

    fast: float
    slow: float
    tilt: float
    implied_share: float


@dataclass(frozen=True, eq=False)
class Basis:
    """How moves become factors; fixed by a fit.

    Args:
        unit: ``(1 + N,)`` standard deviation of the training moves, return first.
        start: ``(1 + N,)`` mean square of the training moves over ``unit``², where running variances start.
        implied_start: ``(1,)`` the same of the return over at-the-money vol.
        axes: ``(N, K)`` orthonormal principal axes of the innovations of the surface.
        factor_sd: ``(1 + K,)`` standard deviation of the return's innovation and of the K scores.
    """

    unit: Floats
    start: Floats
    implied_start: Floats
    axes: Floats
    factor_sd: Floats


@dataclass(frozen=True, eq=False)
class Panel:
    """A history in the model's terms; n days make n − 1 moves.

    Args:
        scaled: ``(n − 1, 1 + N)`` moves over ``unit``.
        volatility: ``(n, 1 + N)`` of the scaled moves; row t is for the move after day t.
        factors: ``(n − 1, 1 + K)`` the return's innovation and K scores, over their standard deviations.
        rest: ``(n − 1, N)`` what the factors leave of the surface's innovations.
        features: ``(n, len(NAMES))`` known at the close of each day.
    """

    scaled: Floats
    volatility: Floats
    factors: Floats
    rest: Floats
    features: Floats


def two_speed_volatility(scaled: Floats, implied: Floats, start: Floats, implied_start: Floats, c: Speeds) -> Floats:
    """Volatility of every move, known before it.

    v_t = ½ (fast + slow exponentially weighted variance), for the return (1 − s) v_t + s σ²_t u_t, where σ_t is
    at-the-money vol and u_t the slow exponentially weighted mean of (R/σ)². Shocks die out over days and over a year
    at once, as no single decay does; and tomorrow's index moves are what options say, corrected for their usual excess.

    Args:
        scaled: ``(n, d)`` moves, the return first.
        implied: ``(n + 1,)`` at-the-money vol on each day.
        start: ``(d,)`` variances before the first move.
        implied_start: ``(1,)`` mean of (R/σ)² before the first move.
        c: the two decays, the tilt and the share s.

    Returns:
        ``(n + 1, d)``; row t uses moves before t and the vol of day t.

    References:
        Corsi (2009), A simple approximate long-memory model of realized volatility, J. of Financial Econometrics 7
        (several horizons); Christensen and Prabhala (1998), The relation between implied and realized volatility,
        J. of Financial Economics 50.
    """
    fast, slow = (running_variance(scaled, decay, start, tilt=c.tilt) for decay in (c.fast, c.slow))
    variance = (fast + slow) / 2
    ratio = running_variance(scaled[:, :1] / implied[:-1, None], c.slow, implied_start)[:, 0]
    variance[:, 0] = (1 - c.implied_share) * variance[:, 0] + c.implied_share * ratio * implied**2
    volatility: Floats = np.sqrt(variance)
    return volatility


def fit_basis(history: SurfaceHistory, c: Speeds, n_factors: int) -> Basis:
    """Units and principal axes of a training history.

    Args:
        history: the training part.
        c: what volatilities depend on.
        n_factors: K at most; fewer where the surface has fewer.

    Raises:
        MarketDataError: if spot or a point of the surface never moves.
    """
    observed = moves(history)
    unit = observed.std(axis=0)
    if not unit.min() > 0:
        raise MarketDataError("expected spot and every point of the surface to move in training; found one that stays")
    scaled, implied = observed / unit, history.atm(ATM_MATURITY)
    start = np.square(scaled).mean(axis=0)
    implied_start = np.square(scaled[:, :1] / implied[:-1, None]).mean(axis=0)
    volatility = two_speed_volatility(scaled, implied, start, implied_start, c)
    innovations = (scaled / volatility[:-1])[FIRST_CONDITION_ROW:]
    _, values, rows = np.linalg.svd(innovations[:, 1:], full_matrices=False)
    kept = int((values**2 > LEAST_SHARE * (values**2).sum()).sum())
    axes = rows[: min(n_factors, kept)].T
    axes = axes * np.where(axes.sum(axis=0) < 0, -1.0, 1.0)  # a sign of its own is as good as another: take up = up
    factor_sd = np.concatenate([innovations[:, :1], innovations[:, 1:] @ axes], axis=1).std(axis=0)
    return Basis(unit, start, implied_start, np.ascontiguousarray(axes), factor_sd)


def panel(history: SurfaceHistory, basis: Basis, c: Speeds) -> Panel:
    """A history's volatilities, factors and features."""
    scaled, implied = moves(history) / basis.unit, history.atm(ATM_MATURITY)
    volatility = two_speed_volatility(scaled, implied, basis.start, basis.implied_start, c)
    innovations = scaled / volatility[:-1]
    scores = innovations[:, 1:] @ basis.axes
    factors = np.concatenate([innovations[:, :1], scores], axis=1) / basis.factor_sd
    rest = innovations[:, 1:] - scores @ basis.axes.T
    return Panel(scaled, volatility, factors, rest, _features(history, basis, volatility, factors, np.log(implied)))


def _features(
    history: SurfaceHistory, basis: Basis, volatility: Floats, factors: Floats, log_implied: Floats
) -> Floats:
    n = len(history)
    index_sd, level_sd = volatility[:, 0], volatility[:, 1:].mean(axis=1)
    index = np.log(history.spot) / basis.unit[0]
    level = (history.grid.flatten(history.log_iv) / basis.unit[1:]).mean(axis=1)
    known: dict[str, Floats] = {}
    for days in INDEX_HALF_LIVES:
        known[index_against(days)] = _away(index, days) / index_sd
    known[LEVEL] = _away(level, LEVEL_HALF_LIFE) / level_sd
    known[PREMIUM] = _away(log_implied - np.log(index_sd), PREMIUM_HALF_LIFE)
    known[YEAR] = _away(np.log(level_sd), YEAR_HALF_LIFE)
    together = np.sqrt(np.square(factors).mean(axis=1, keepdims=True))  # (n − 1, 1)
    for name, forget in zip(ACTIVITY, ACTIVITY_DECAYS, strict=True):
        known[name] = np.log(running_variance(together, forget, np.ones(1)))[:, 0] / 2
    known |= weekday_features(history.dates.astype("datetime64[D]").astype(np.int64), level_sd)
    last = np.concatenate([np.zeros((1, factors.shape[1])), factors])
    known |= state_features(np.nan_to_num(level_features(history, slow=SLOW, fast=FAST)), last, basis)
    return np.stack([known[name] for name in NAMES], axis=1).reshape(n, len(NAMES))


def weekday_features(day: np.ndarray[tuple[int], np.dtype[np.int64]], level_sd: Floats) -> dict[str, Floats]:
    """Indicators of the weekday, less ⅕, over the level's daily standard deviation.

    A weekday moves log vols by the same amount in calm and in crisis, so that in standard deviations it moves them
    less in a crisis.

    Args:
        day: ``(n,)`` or ``(1,)`` days since 1970-01-01, a Thursday.
        level_sd: ``(n,)``.
    """
    weekday = (day + 3) % 7
    return {name: ((weekday == k) - 1 / len(WEEKDAYS)) / level_sd for k, name in enumerate(WEEKDAYS)}


def state_features(levels: Floats, last: Floats, basis: Basis) -> dict[str, Floats]:
    """The linear anchor's features by name.

    Args:
        levels: ``(n, 5)`` :func:`engine.models.conditional_fhs.anchor.level_features`.
        last: ``(n, 1 + K)`` the factors of the move that ended that day.
        basis: units of the scores.
    """
    scores = last[:, 1:] * basis.factor_sd[1:] / np.sqrt(len(basis.unit))
    scores = np.pad(scores, ((0, 0), (0, COMPONENTS)))[:, :COMPONENTS]  # a small grid may have fewer
    return dict(zip(STATE_FEATURES, np.concatenate([levels, scores], axis=1).T, strict=True))


def _away(series: Floats, half_life: int) -> Floats:
    return series - running_mean(series, decay_of(half_life))
