"""What the hybrid model knows at the close of a day: factors of standardised innovations, and features of the state.

Everything here runs forward in time: row t of every array uses days up to t only. Features have no unit (they are
innovations, distances in daily standard deviations, log ratios, weekdays), so that one shrinkage suits every market.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.errors import MarketDataError
from engine.market.grid import Floats
from engine.market.surface_history import SurfaceHistory
from engine.models.conditional_fhs.anchor import level_features
from engine.models.conditional_fhs.innovations import moves, running_mean, running_variance

HALF_LIVES = (5, 60)
"""Days over which the two averages forget half: those that returns, vols and implied-to-realised vol deviate from."""

ACTIVITY_DECAYS = (0.8, 0.95)
"""Decays of the running mean square of all factors together: days, and a month."""

ATM_MATURITY = 1 / 6
"""Maturity, in years, of the at-the-money vol that stands for the level of implied vol."""

DEVIATIONS = tuple(f"{what} against its {days}-day average" for days in HALF_LIVES for what in ("return", "level"))
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday")

ANCHOR_FEATURES = (
    "log vol less its slow average",
    "log vol less its fast average",
    "term slope",
    "log realised to implied vol",
    "skew less its slow average",
    "last first component",
    "last second component",
    "last third component",
)
"""Inputs of the linear anchor's conditional mean, in their own units: they count most in extreme states."""

MEAN_FEATURES = (*ANCHOR_FEATURES, *DEVIATIONS, *WEEKDAYS)
"""Inputs of the conditional mean; a weekday moves log vols by the same amount in calm and in crisis, so its indicator
is divided by the level's daily standard deviation."""

SCALE_FEATURES = (
    *DEVIATIONS,
    "last return",
    "activity, days",
    "activity, month",
    "implied to realised vol against its 60-day average",
)
"""Inputs of the log-scale correction."""

NAMES = tuple(dict.fromkeys(MEAN_FEATURES + SCALE_FEATURES))
MEAN_COLUMNS = [NAMES.index(name) for name in MEAN_FEATURES]
SCALE_COLUMNS = [NAMES.index(name) for name in SCALE_FEATURES]
ANCHOR_COLUMNS = [NAMES.index(name) for name in ANCHOR_FEATURES]

SLOW, FAST = 0.98, 0.9
"""Decays of the averages behind the anchor's features."""

COMPONENTS = 3
"""Yesterday's principal components among the anchor's features."""

LEAST_SHARE = 1e-9
"""Principal components with a smaller share of the variance are rounding, not factors."""


@dataclass(frozen=True, eq=False)
class Basis:
    """How innovations become factors; fixed by a fit.

    Args:
        unit: ``(1 + N,)`` standard deviation of the training moves, return first.
        start: ``(1 + N,)`` mean square of the training moves over ``unit``², where running variances start.
        level_start: ``(2,)`` the same for the return and the level of the surface.
        axes: ``(N, K)`` orthonormal principal axes of the standardised innovations of the surface.
        factor_sd: ``(1 + K,)`` standard deviation of the return's innovation and of the K scores.
    """

    unit: Floats
    start: Floats
    level_start: Floats
    axes: Floats
    factor_sd: Floats


@dataclass(frozen=True, eq=False)
class Panel:
    """A history in the model's terms; n days make n − 1 moves.

    Args:
        volatility: ``(n, 1 + N)`` √ of the running variance of moves; row t is for the move after day t.
        factors: ``(n − 1, 1 + K)`` the return's innovation and K scores, over their standard deviations.
        rest: ``(n − 1, N)`` what the factors leave of the surface's innovations.
        features: ``(n, len(NAMES))`` known at the close of each day.
    """

    volatility: Floats
    factors: Floats
    rest: Floats
    features: Floats


def fit_basis(history: SurfaceHistory, decay: float, tilt: float, n_factors: int, first: int) -> Basis:
    """Units and principal axes of a training history.

    Args:
        history: the training part.
        decay, tilt: of the running variance.
        n_factors: K at most; fewer where the surface has fewer.
        first: first row whose innovation counts (the running variance settles before it).

    Raises:
        MarketDataError: if spot or surface never move.
    """
    observed = moves(history)
    unit = observed.std(axis=0)
    if not unit.min() > 0:
        raise MarketDataError("expected spot and every point of the surface to move in training; found one that stays")
    scaled = observed / unit
    start = np.square(scaled).mean(axis=0)
    innovations = (scaled / np.sqrt(running_variance(scaled, decay, start, tilt=tilt)[:-1]))[first:]
    _, values, rows = np.linalg.svd(innovations[:, 1:], full_matrices=False)
    kept = int((values**2 > LEAST_SHARE * (values**2).sum()).sum())
    axes = rows[: min(n_factors, kept)].T
    axes = axes * np.where(axes.sum(axis=0) < 0, -1.0, 1.0)  # a sign of its own is as good as another: take up = up
    factor_sd = np.concatenate([innovations[:, :1], innovations[:, 1:] @ axes], axis=1).std(axis=0)
    steps = np.stack([scaled[:, 0], scaled[:, 1:] @ axes[:, 0]], axis=1)
    return Basis(unit, start, np.square(steps).mean(axis=0), np.ascontiguousarray(axes), factor_sd)


def panel(history: SurfaceHistory, basis: Basis, decay: float, tilt: float) -> Panel:
    """A history's volatilities, factors and features."""
    scaled = moves(history) / basis.unit
    volatility = np.sqrt(running_variance(scaled, decay, basis.start, tilt=tilt))
    innovations = scaled / volatility[:-1]
    scores = innovations[:, 1:] @ basis.axes
    factors = np.concatenate([innovations[:, :1], scores], axis=1) / basis.factor_sd
    rest = innovations[:, 1:] - scores @ basis.axes.T
    return Panel(volatility * basis.unit, factors, rest, _features(history, basis, factors, decay, tilt))


def _features(history: SurfaceHistory, basis: Basis, factors: Floats, decay: float, tilt: float) -> Floats:
    n = len(history)
    surface = history.grid.flatten(history.log_iv) / basis.unit[1:]
    levels = np.stack([np.log(history.spot) / basis.unit[0], surface @ basis.axes[:, 0]], axis=1)  # (n, 2)
    step_sd = np.sqrt(running_variance(np.diff(levels, axis=0), decay, basis.level_start, tilt=tilt))
    known: dict[str, Floats] = {}
    for days in HALF_LIVES:
        away = (levels - running_mean(levels, decay_of(days))) / step_sd
        known[f"return against its {days}-day average"], known[f"level against its {days}-day average"] = away.T
    last = np.concatenate([np.zeros((1, factors.shape[1])), factors])
    known["last return"] = last[:, 0]
    scores = last[:, 1:] * basis.factor_sd[1:] / np.sqrt(len(basis.unit))
    scores = np.pad(scores, ((0, 0), (0, COMPONENTS)))[:, :COMPONENTS]  # a small grid may have fewer
    anchor = np.concatenate([np.nan_to_num(level_features(history, slow=SLOW, fast=FAST)), scores], axis=1)
    known |= dict(zip(ANCHOR_FEATURES, anchor.T, strict=True))
    together = np.sqrt(np.square(factors).mean(axis=1, keepdims=True))  # (n − 1, 1)
    for name, forget in zip(("activity, days", "activity, month"), ACTIVITY_DECAYS, strict=True):
        known[name] = np.log(running_variance(together, forget, np.ones(1)))[:, 0] / 2
    premium = np.log(history.atm(ATM_MATURITY)) - np.log(step_sd[:, 0])
    known["implied to realised vol against its 60-day average"] = premium - running_mean(premium, decay_of(60))
    weekday = (history.dates.astype("datetime64[D]").astype(np.int64) + 3) % 7  # 1970-01-01 was a Thursday
    for k, name in enumerate(WEEKDAYS):
        known[name] = ((weekday == k) - 1 / len(WEEKDAYS)) / step_sd[:, 1]
    return np.stack([known[name] for name in NAMES], axis=1).reshape(n, len(NAMES))


def decay_of(half_life: int) -> float:
    """The decay whose weight halves in so many days."""
    return float(0.5 ** (1 / half_life))
