"""Do chained surfaces stay like a market? A year of paths against years of the data, statistic by statistic.

Like is compared with like: a path of T days is held against windows of T days of the history, by the same formulas, so
that what a short sample does to an autocorrelation it does to both. A statistic passes if the median path lies between
the 5 % and the 95 % window.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from engine.errors import MarketDataError
from engine.market.grid import DT, TRADING_DAYS, Floats
from engine.market.surface_history import SurfaceHistory
from engine.models.rollout import SurfacePaths
from engine.surfaces import arbitrage, ornstein_uhlenbeck, principal_components

LEAST_DAYS = 42
"""Shorter paths say nothing about autocorrelations at a month."""

LAGS = (1, 5, 21)
"""Of the autocorrelations: a day, a week, a month."""

REVERSION_LAG = 5
"""Days over which mean reversion is measured: long enough that a day's noise does not pass for it."""

WINDOWS_A_LENGTH = 4
"""Windows of the data overlap by three quarters."""

FEWEST_WINDOWS = 5
"""With fewer windows of data nothing is judged."""

WANDERED = 0.05
"""Share of grid points outside the history's range on the last day from which surfaces have wandered off."""

LEFT = 0.01
"""Share of paths that left what surfaces can be from which the model explodes."""

LIKE, LOWER, HIGHER, OPEN = "like the data", "lower than the data", "higher than the data", "too little data to judge"


_SAID = ("statistic", "verdict", "paths", "data", "unit")


@dataclass(frozen=True, eq=False)
class Stability:
    """The comparison.

    Args:
        table: columns ``statistic``, ``unit``, ``paths``, ``paths_low``, ``paths_high`` (median, 5 and 95 % path),
            ``data``, ``data_low``, ``data_high`` (the same over windows of the data), ``verdict``.
        reversion: see :func:`reversion_table`.
        left: share of paths that left what surfaces can be.
        inside: share of grid points within the history's range on the last day, over the paths that stayed.
        surfaces_with_arbitrage: share of the paths' surfaces, and of the data's.
        windows: windows of the data.
        days: T.
    """

    table: pd.DataFrame
    reversion: pd.DataFrame
    left: float
    inside: float
    surfaces_with_arbitrage: tuple[float, float]
    windows: int
    days: int

    @property
    def alarm(self) -> str:
        """One sentence if the paths explode or wander off, else empty."""
        if self.left >= LEFT:
            return f"{100 * self.left:.0f} % of the paths explode: their vols leave 0.1 % to 500 % in {self.days} days."
        if 1 - self.inside >= WANDERED:
            return (
                f"The paths wander off: after {self.days} days {100 * (1 - self.inside):.0f} % of the grid points lie "
                "outside what the data have shown."
            )
        return ""

    @property
    def words(self) -> tuple[str, ...]:
        """What the table says, a sentence each."""
        judged = self.table[self.table["verdict"].isin((LIKE, LOWER, HIGHER))]
        said = [
            f"After {self.days} days {100 * self.inside:.1f} % of the grid points lie inside what the data have shown.",
            f"{100 * self.surfaces_with_arbitrage[0]:.1f} % of the chained surfaces have static arbitrage, "
            f"{100 * self.surfaces_with_arbitrage[1]:.1f} % of the data's.",
        ]
        if len(judged) == 0:
            return (*said, f"The data hold {self.windows} windows of that length: too few to judge the rest.")
        apart = judged[judged["verdict"] != LIKE]
        said.append(f"{len(judged) - len(apart)} of {len(judged)} statistics lie where those of the data's windows do.")
        said += [
            f"{name}: {verdict} ({_number(ours)} against {_number(theirs)}{_unit(unit)})."
            for name, verdict, ours, theirs, unit in zip(*(apart[c] for c in _SAID), strict=True)
        ]
        return (*said, *self._reversion_words())

    def _reversion_words(self) -> list[str]:
        """A sentence for each component whose speed of reversion differs by more than both intervals allow."""
        said = []
        for factor, pair in self.reversion.groupby("factor"):
            ours, theirs = (pair[pair["source"] == source].iloc[0] for source in ("paths", "data"))
            if ours["high"] < theirs["low"] or ours["low"] > theirs["high"]:
                slower = ours["high"] < theirs["low"]
                said.append(
                    f"{factor} reverts {'more slowly' if slower else 'faster'} than in the data: λ "
                    f"{_number(ours['mean_reversion'])} a year ({_number(ours['low'])} to {_number(ours['high'])}) "
                    f"against {_number(theirs['mean_reversion'])} "
                    f"({_number(theirs['low'])} to {_number(theirs['high'])})."
                )
        return said


def compare(paths: SurfacePaths, history: SurfaceHistory) -> Stability:
    """Paths against the history they started from.

    Statistics of every path and of every window of the data: return and volatility of the index, lowest, mean and
    highest at-the-money vol, sd of its daily log-changes, share of days with arbitrage and mean Φ, and of each kept
    component X the autocorrelations at a day, a week and a month and the speed of mean reversion

        λ = −log b / (kΔ),   b the least-squares slope of X_{t+k} on X_t, k = 5 days, b held above 0.01.

    Args:
        paths: of at least 42 days.
        history: the condition they were simulated from.

    Raises:
        MarketDataError: if paths are too short, all left, or the history is shorter than they are.
    """
    if paths.days < LEAST_DAYS:
        raise MarketDataError(f"expected paths of at least {LEAST_DAYS} days to judge; found {paths.days}")
    if len(history) <= paths.days:
        raise MarketDataError(
            f"expected a history longer than the paths, {paths.days} days; found one of {len(history)}"
        )
    stayed = paths.complete
    if not stayed.any():
        raise MarketDataError(f"expected paths that stay what surfaces can be; found that all {len(paths)} left")
    components = principal_components.fit(history, paths.factors.shape[2])
    phi = arbitrage.total_penalty(history.iv, history.grid, history.rate)
    real = _Sample(
        np.log(history.spot)[None], history.atm(paths.atm_maturity)[None], phi[None], components.factors[None]
    ).windows(paths.days + 1)
    drawn = _Sample(paths.log_spot[stayed], paths.atm[stayed], paths.penalty[stayed], paths.factors[stayed])
    rows = []
    for (name, unit), measure in _statistics(paths.factors.shape[2]).items():
        scale = 100 if unit.startswith("%") else 1
        ours, theirs = _spread(scale * measure(drawn)), _spread(scale * measure(real))
        rows.append((name, unit, *ours, *theirs, _verdict(ours[0], theirs, len(real.atm))))
    columns = ["statistic", "unit", "paths", "paths_low", "paths_high", "data", "data_low", "data_high", "verdict"]
    return Stability(
        table=pd.DataFrame(rows, columns=columns),
        reversion=reversion_table(paths, history),
        left=float(1 - stayed.mean()),
        inside=float(paths.inside[stayed, -1].mean()),
        surfaces_with_arbitrage=(float((paths.penalty[stayed, 1:] > 0).mean()), float((phi > 0).mean())),
        windows=len(real.atm),
        days=paths.days,
    )


def reversion_table(paths: SurfacePaths, history: SurfaceHistory) -> pd.DataFrame:
    """Ornstein–Uhlenbeck parameters of each component: all paths together beside the whole history.

    Paths: b of X_{t+k} on X_t over all paths and days, λ = −log b/(kΔ) and α the level it reverts to, with intervals
    from 200 redraws of whole paths. A b of one or more has no λ: such a factor does not revert. Data: the moment fit of
    :mod:`engine.surfaces.ornstein_uhlenbeck` with 1.96 standard errors.

    Returns:
        Columns ``factor``, ``source``, ``mean_reversion``, ``low``, ``high`` (per year), ``half_life`` (days),
        ``mean`` (α).
    """
    x = paths.factors[paths.complete]
    components = principal_components.fit(history, x.shape[2])
    rng = np.random.default_rng(0)
    rows = []
    for k in range(x.shape[2]):
        sums = _regression_sums(x[..., k])  # (paths, 5)
        rate, mean = _reversion(sums.sum(axis=0))
        redrawn = [_reversion(sums[rng.integers(len(sums), size=len(sums))].sum(axis=0))[0] for _ in range(200)]
        low, high = np.quantile(redrawn, [0.025, 0.975])
        rows.append((f"X{k + 1}", "paths", rate, low, high, _half_life(rate), mean))
        try:
            fit = ornstein_uhlenbeck.fit(components.factors[:, k])
        except MarketDataError:  # no persistence, or too few days: the data have no λ to show
            mean = float(components.factors[:, k].mean())
            rows.append((f"X{k + 1}", "data", np.nan, np.nan, np.nan, np.nan, mean))
            continue
        rate, margin = fit.mean_reversion, 1.96 * fit.mean_reversion_se
        low, high = max(0.0, rate - margin), rate + margin
        rows.append((f"X{k + 1}", "data", rate, low, high, _half_life(rate), fit.mean))
    columns = ["factor", "source", "mean_reversion", "low", "high", "half_life", "mean"]
    return pd.DataFrame(rows, columns=columns)


def autocorrelations(x: Floats, lags: tuple[int, ...]) -> Floats:
    """``(len(lags), n)`` sample autocorrelations of n series ``(n, t)``, about their own means; NaN for still ones."""
    deviation = x - x.mean(axis=1, keepdims=True)
    variance = np.square(deviation).sum(axis=1)
    still = variance <= 1e-20 * np.maximum(np.square(x).sum(axis=1), 1e-300)
    products = np.stack([(deviation[:, lag:] * deviation[:, :-lag]).sum(axis=1) for lag in lags])
    found: Floats = np.where(still, np.nan, products / np.where(still, 1.0, variance))
    return found


@dataclass(frozen=True, eq=False)
class _Sample:
    """n stretches of t days: log spot, at-the-money vol and Φ ``(n, t)``, components ``(n, t, k)``."""

    log_spot: Floats
    atm: Floats
    phi: Floats
    factors: Floats

    def windows(self, length: int) -> _Sample:
        """One long stretch cut into overlapping ones."""
        step = max(1, (length - 1) // WINDOWS_A_LENGTH)
        starts = np.arange(self.atm.shape[1] - length, -1, -step)[::-1]  # the last window ends today
        rows = starts[:, None] + np.arange(length)
        return _Sample(self.log_spot[0][rows], self.atm[0][rows], self.phi[0][rows], self.factors[0][rows])


Measure = Callable[[_Sample], Floats]


def _statistics(n_factors: int) -> dict[tuple[str, str], Measure]:
    """(Name, unit) → statistic of each stretch; fractions are shown as percent."""
    found: dict[tuple[str, str], Measure] = {
        ("Index return over the stretch", "%"): lambda s: s.log_spot[:, -1] - s.log_spot[:, 0],
        ("Index volatility", "% a year"): lambda s: np.diff(s.log_spot).std(axis=1) * np.sqrt(TRADING_DAYS),
        ("Lowest ATM vol", "%"): lambda s: s.atm.min(axis=1),
        ("Mean ATM vol", "%"): lambda s: s.atm.mean(axis=1),
        ("Highest ATM vol", "%"): lambda s: s.atm.max(axis=1),
        ("Daily change of log ATM vol, sd", "%"): lambda s: np.diff(np.log(s.atm)).std(axis=1),
        ("Days with arbitrage", "%"): lambda s: (s.phi[:, 1:] > 0).mean(axis=1),
        ("Φ a day, mean", ""): lambda s: s.phi[:, 1:].mean(axis=1),
    }
    for k in range(n_factors):
        for lag in LAGS:
            found[f"Autocorrelation of X{k + 1}, {lag} day{'s' if lag > 1 else ''}", ""] = _autocorrelation(k, lag)
        found[f"Mean reversion λ of X{k + 1}", "a year"] = _mean_reversion(k)
    return found


def _autocorrelation(k: int, lag: int) -> Measure:
    return lambda s: autocorrelations(s.factors[..., k], (lag,))[0]


def _mean_reversion(k: int) -> Measure:
    def measure(s: _Sample) -> Floats:
        count, x, y, xx, xy = np.moveaxis(_regression_sums(s.factors[..., k]), -1, 0)
        spread = count * xx - x * x
        slope = (count * xy - x * y) / np.where(spread > 0, spread, np.nan)
        rate: Floats = -np.log(np.maximum(slope, 0.01)) / (REVERSION_LAG * DT)
        return rate

    return measure


def _regression_sums(x: Floats) -> Floats:
    """``(n, 5)`` count, Σx, Σy, Σx², Σxy of y = X_{t+k} on x = X_t in each series ``(n, t)``."""
    now, later = x[:, :-REVERSION_LAG], x[:, REVERSION_LAG:]
    count = np.full(len(x), now.shape[1], dtype=np.float64)
    sums: Floats = np.stack(
        [count, now.sum(axis=1), later.sum(axis=1), (now * now).sum(axis=1), (now * later).sum(axis=1)], axis=1
    )
    return sums


def _reversion(sums: Floats) -> tuple[float, float]:
    """λ and α from the sums of a regression; λ ≤ 0 says that nothing reverts, and α is then not defined."""
    count, x, y, xx, xy = sums.tolist()
    spread = count * xx - x * x
    slope = (count * xy - x * y) / spread if spread > 0 else np.nan
    intercept = (y - slope * x) / count
    rate = float(-np.log(max(slope, 0.01)) / (REVERSION_LAG * DT))
    return rate, float(intercept / (1 - slope)) if rate > 0 else float("nan")


def _half_life(rate: float) -> float:
    return float(np.log(2) / rate / DT) if rate > 0 else float("inf")


def _spread(values: Floats) -> tuple[float, float, float]:
    """Median, 5 and 95 % of what is known."""
    known = values[np.isfinite(values)]
    if len(known) == 0:
        return (float("nan"),) * 3
    middle, low, high = np.quantile(known, [0.5, 0.05, 0.95])
    return float(middle), float(low), float(high)


def _verdict(ours: float, theirs: tuple[float, float, float], windows: int) -> str:
    _, low, high = theirs
    if windows < FEWEST_WINDOWS or not np.isfinite([ours, low, high]).all():
        return OPEN
    rounding = 1e-9 * max(abs(low), abs(high))
    if ours < low - rounding:
        return LOWER
    return HIGHER if ours > high + rounding else LIKE


def _number(value: float) -> str:
    return f"{value:.3g}".replace("-", "−")


def _unit(unit: str) -> str:
    return f" {unit}" if unit else ""
