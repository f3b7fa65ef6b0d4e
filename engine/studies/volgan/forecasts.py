"""One pass through the test days for one law: what its scenarios say of the day after, against what came.

Scenarios are drawn a few days at a time and forgotten once they are counted: what stays is the mean penalty of each
day, bands, exceedances and scores of the followed series, the correlation of the day, and a few scenarios a day strung
together to simulated histories. Several networks of one stack are kept apart, so that every figure has its spread.

The thesis follows the index, the volatility index and vols at τ ∈ {1/252, 1/52, 1/12, 0.25} × m ∈ {0.75, 1, 1.25};
inside a grid they are interpolated.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from engine.errors import SettingsError
from engine.evaluation import calibration, scores
from engine.evaluation.constant_correlation import daily_correlation
from engine.market.grid import Floats, Grid, maturity_label
from engine.market.surface_history import SurfaceHistory
from engine.models.surface_model import SurfaceModel
from engine.scenarios import reweighting
from engine.scenarios.scenario_set import ScenarioSet
from engine.studies.generators.scoring import stretches
from engine.surfaces import arbitrage, vix

MATURITIES = (1 / 252, 1 / 52, 1 / 12, 0.25)
MONEYNESS = (0.75, 1.0, 1.25)
"""Points of the thesis's Figure 3.7 and Tables 3.2–3.3, years and K/S."""

INDEX, VIX = "S", "VIX"
"""Names of the two series that are no vol: the index, followed by its log-return, and the volatility index."""


@dataclass(frozen=True)
class Point:
    """A vol that is followed.

    Args:
        label: where it is read off, in market words: ``2M 90 %``.
        moneyness, maturity: the same as numbers, inside the grid.
        wanted: the thesis's vol closest to it: ``1M 75 %``; the label itself if the grid reaches it.
    """

    label: str
    moneyness: float
    maturity: float
    wanted: str


@dataclass(frozen=True)
class FollowedSeries:
    """The series of a grid: first the index, then the volatility index, then vols.

    Args:
        grid: the grid.
        points: distinct vols, in the thesis's order.
        stands_for: each of the thesis's vols → label of the point that stands for it.
    """

    grid: Grid
    points: tuple[Point, ...]
    stands_for: dict[str, str]

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of all series."""
        return (INDEX, VIX, *(point.label for point in self.points))

    @property
    def atm(self) -> int:
        """Position among ``points`` of the one-month at-the-money vol, or of what stands for it."""
        label = self.stands_for[_label(1.0, 1 / 12)]
        return [point.label for point in self.points].index(label)

    @property
    def published(self) -> tuple[str, ...]:
        """The thesis's name of each series."""
        return (INDEX, VIX, *(point.wanted for point in self.points))

    def vols(self, iv: NDArray[Any]) -> Floats:
        """``(..., n_moneyness, n_maturity)`` surfaces → ``(..., points)`` vols."""
        moneyness = np.array([point.moneyness for point in self.points])
        maturity = np.array([point.maturity for point in self.points])
        return self.grid.interpolate(iv, moneyness, maturity)

    def table(self) -> pd.DataFrame:
        """The thesis's vols, the point at which each is followed, and whether that is where the thesis has it."""
        compared = {point.wanted for point in self.points}
        rows = [
            {"wanted": wanted, "followed_at": label, "exact": wanted == label, "published_beside": wanted in compared}
            for wanted, label in self.stands_for.items()
        ]
        return pd.DataFrame(rows)


def followed(grid: Grid) -> FollowedSeries:
    """The series that can be followed on a grid."""
    candidates: dict[str, list[tuple[float, float, float, str]]] = {}
    for maturity in MATURITIES:
        for m in MONEYNESS:
            inside = (
                float(np.clip(m, grid.moneyness[0], grid.moneyness[-1])),
                float(np.clip(maturity, grid.maturity[0], grid.maturity[-1])),
            )
            moved = abs(np.log(inside[0] / m)) + abs(np.log(inside[1] / maturity))
            candidates.setdefault(_label(*inside), []).append((float(moved), *inside, _label(m, maturity)))
    points, stands_for = [], {}
    for label, there in candidates.items():
        _, m, maturity, wanted = min(there)
        points.append(Point(label, m, maturity, wanted))
        stands_for.update({name: label for *_, name in there})
    return FollowedSeries(grid, tuple(points), stands_for)


def observed(history: SurfaceHistory, series: FollowedSeries) -> tuple[Floats, Floats]:
    """What came, and the volatility index of the surfaces.

    Returns:
        ``(n, S)`` the series at every row, the return (over the step after the row; NaN in the last) in place of the
        index; and ``(n,)`` the volatility index by the sum over each surface. The series has the index that came with
        the data, if one did.
    """
    own = vix.from_surface(history.iv, history.grid, history.rate)
    quoted = own if history.vix is None else history.vix
    after = np.append(history.log_return, np.nan)
    return np.column_stack([after, quoted, series.vols(history.iv)]), own


def _label(moneyness: float, maturity: float) -> str:
    return f"{maturity_label(maturity)} {100 * moneyness:.4g} %"


Rows = NDArray[np.intp]
OnDays = Callable[[int, int], None]

MOST_NUMBERS = 8_000_000
"""Grid points of scenarios held at a time, 32 MB in single precision."""

BAND = (1, 2)
"""Positions of the 2.5 and 97.5 % quantiles among ``calibration.LEVELS``."""


@dataclass(frozen=True)
class Law:
    """A source of next-day scenarios.

    Args:
        name: what the tables call it.
        model: fitted or restored.
        members: networks that its scenarios come from in turn (scenario i from network i mod members).
        reweighted: whether the law under β = 500/max Φ is followed too, as ``<name>_reweighted``.
    """

    name: str
    model: SurfaceModel
    members: int = 1
    reweighted: bool = False

    @property
    def variants(self) -> tuple[str, ...]:
        """Names of the laws it stands for."""
        return (self.name, f"{self.name}_reweighted") if self.reweighted else (self.name,)


@dataclass(frozen=True, eq=False)
class Forecasts:
    """What a law said; V variants, K networks, T days, S series, L levels.

    Args:
        penalty: ``(V, K, T)`` mean Φ of the scenarios, under their weights.
        effective: ``(V, K, T)`` effective number of scenarios.
        bands: ``(V, 3, T, S)`` mean, 2.5 and 97.5 % quantile, averaged over networks.
        below: ``(V, K, T, S, L)`` whether what came lay below the quantile.
        crps: ``(V, K, T, S)`` continuous ranked probability score.
        correlation: ``(K, T)`` of the return with the increment of the at-the-money log vol, equal weights.
        correlation_error: ``(K, T)`` its standard error on Fisher's scale.
    """

    penalty: Floats
    effective: Floats
    bands: NDArray[np.float32]
    below: NDArray[np.bool_]
    crps: NDArray[np.float32]
    correlation: Floats
    correlation_error: Floats


@dataclass(frozen=True, eq=False)
class Paths:
    """Scenarios strung together to simulated histories: D of each of K networks, T days.

    Args:
        moves: ``(K, D, T, 1 + N)`` log-return and changes of log vol.
        atm: ``(K, D, T)`` change of the at-the-money log vol.
        vix: ``(K, D, T)`` change of the log volatility index.
    """

    moves: NDArray[np.float32]
    atm: NDArray[np.float32]
    vix: NDArray[np.float32]


def forecast(
    law: Law,
    history: SurfaceHistory,
    rows: Rows,
    series: FollowedSeries,
    *,
    scenarios: int,
    paths: int,
    seed: int,
    on_days: OnDays | None = None,
) -> tuple[Forecasts, Paths]:
    """Draw the scenarios of every day and hold them against what came.

    Args:
        law: where they come from.
        history: training and test days; a condition at t sees rows up to t only.
        rows: condition rows, consecutive.
        series: what is followed.
        scenarios: of each network and day.
        paths: simulated histories, shared out over the networks.
        seed: the same seed gives the same scenarios.
        on_days: told of progress after every few days.

    Raises:
        SettingsError: if there are more histories than scenarios of a day.
        MarketDataError: if the model refuses the data.
    """
    members, size = law.members, history.grid.size
    kept = max(1, paths // members)
    if kept > scenarios:
        raise SettingsError(f"expected at least as many scenarios a day as simulated histories; found {scenarios}")
    counted = _Counted.empty(law, len(rows), kept, history.grid.size, len(series.labels))
    came, own_vix = observed(history, series)
    stretch = max(1, MOST_NUMBERS // (scenarios * members * size))
    done = 0
    for part in stretches(rows, stretch):
        rng = np.random.default_rng([seed, int(part[0])])
        drawn = law.model.sample_days(history.until(int(part[-1])), part.tolist(), scenarios * members, rng=rng)
        for day, row in enumerate(part):
            real = np.append(came[row, 0], came[row + 1, 1:])
            counted.add(done, _Day(law, drawn, day, history, int(row), series), real, own_vix[row])
            done += 1
        if on_days is not None:
            on_days(done, len(rows))
    return counted.forecasts, counted.paths


@dataclass(frozen=True, eq=False)
class _Day:
    """The scenarios of one day, networks along the first axis."""

    law: Law
    drawn: ScenarioSet
    day: int
    history: SurfaceHistory
    row: int
    series: FollowedSeries

    def apart(self, values: NDArray[Any]) -> NDArray[Any]:
        """``(n·K, ...)`` → ``(K, n, ...)``: scenario i comes from network i mod K."""
        members = self.law.members
        return np.moveaxis(values.reshape(-1, members, *values.shape[1:]), 1, 0)


@dataclass(frozen=True, eq=False)
class _Counted:
    """Room for everything that is counted, filled day by day."""

    forecasts: Forecasts
    paths: Paths

    @classmethod
    def empty(cls, law: Law, days: int, kept: int, size: int, n_series: int) -> _Counted:
        variants, members, levels = len(law.variants), law.members, len(calibration.LEVELS)
        of_day = (variants, members, days)
        return cls(
            Forecasts(
                penalty=np.empty(of_day),
                effective=np.empty(of_day),
                bands=np.empty((variants, 3, days, n_series), dtype=np.float32),
                below=np.empty((*of_day, n_series, levels), dtype=np.bool_),
                crps=np.empty((*of_day, n_series), dtype=np.float32),
                correlation=np.empty((members, days)),
                correlation_error=np.empty((members, days)),
            ),
            Paths(
                moves=np.empty((members, kept, days, 1 + size), dtype=np.float32),
                atm=np.empty((members, kept, days), dtype=np.float32),
                vix=np.empty((members, kept, days), dtype=np.float32),
            ),
        )

    def add(self, at: int, day: _Day, real: Floats, vix_today: float) -> None:
        """Count one day: its place, its scenarios, what came, and today's volatility index of the surface."""
        history, row, grid = day.history, day.row, day.history.grid
        log_return, log_iv = day.drawn.log_return[day.day], day.drawn.log_iv[day.day]
        iv = np.exp(log_iv)
        rate = float(history.rate[row])
        penalty = day.apart(arbitrage.total_penalty(iv, grid, rate))  # (K, n)
        index = vix.from_surface(iv, grid, rate)
        vols = day.series.vols(iv)  # (n K, points)
        x = np.concatenate([log_return[:, None], index[:, None], vols], axis=1)  # (n K, S)
        x = np.ascontiguousarray(np.moveaxis(day.apart(x), 1, -1))  # (K, S, n)
        out, n = self.forecasts, penalty.shape[1]
        weights = [np.full(penalty.shape, 1 / n)]
        if day.law.reweighted:
            weights.append(reweighting.weights(penalty, reweighting.default_beta(penalty)))
        for variant, w in enumerate(weights):
            effective = reweighting.effective_sample_size(w)
            out.effective[variant, :, at] = effective
            out.penalty[variant, :, at] = (w * penalty).sum(axis=1)
            spread = None if variant == 0 else np.broadcast_to(w[:, None], x.shape)
            ends = calibration.quantiles(x, calibration.LEVELS, spread)  # (L, K, S)
            mean = np.einsum("ksn,kn->ks", x, w)
            out.bands[variant, :, at] = [mean.mean(axis=0), *(ends[k].mean(axis=0) for k in BAND)]
            out.below[variant, :, at] = np.moveaxis(real < ends, 0, -1)
            fair = bool(effective.min() >= 2)  # one scenario with all the weight has no pairs
            target = np.broadcast_to(real, x.shape[:-1])
            out.crps[variant, :, at] = scores.crps(x, target, spread, unbiased=fair)

        atm = x[:, 2 + day.series.atm]
        atm_today = day.series.vols(history.iv[row])[day.series.atm]
        increment = np.log(atm / atm_today)
        out.correlation[:, at], out.correlation_error[:, at] = daily_correlation(x[:, 0], increment)
        kept = self.paths.moves.shape[1]
        self.paths.moves[:, :, at, 0] = x[:, 0, :kept]
        change = grid.flatten(log_iv) - grid.flatten(history.log_iv[row]).astype(np.float32)
        self.paths.moves[:, :, at, 1:] = day.apart(change)[:, :kept]
        self.paths.atm[:, :, at] = increment[:, :kept]
        self.paths.vix[:, :, at] = np.log(x[:, 1, :kept] / vix_today)
