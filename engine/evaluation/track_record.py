"""Was a generator right lately? How often its one-day bands held on the days before, and its score on them.

A band of level ℓ is [q_{(1−ℓ)/2}, q_{(1+ℓ)/2}] of the scenarios of a day; it held if what came lies in it. Over n days
what comes lies below the band, in it or above it with probabilities (1−ℓ)/2, ℓ and (1−ℓ)/2: Kupiec's likelihood ratio,
with the misses of the two sides told apart, says whether the counts found can be chance, so that a band that is missed
on one side only fails too. A generator is looked at on days that it was not fitted to, and on nothing later than each.

References:
    P. Kupiec (1995), Techniques for verifying the accuracy of risk measurement models, J. of Derivatives 3.
    T. Gneiting and A. Raftery (2007), Strictly proper scoring rules, JASA 102 (the energy score).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import xlogy

from engine.errors import ScenaristError
from engine.evaluation import calibration, scores
from engine.evaluation.targets import Rows, scenario_targets, standard_targets
from engine.market.grid import Floats
from engine.market.surface_history import FIRST_CONDITION_ROW, SurfaceHistory
from engine.models.registry import surface_model
from engine.models.surface_model import SurfaceModel

DAYS = 250
"""Most days looked back on: about a year."""

LEAST = 40
"""Fewest days that say anything about a band of 95 %: two are expected outside."""

LEVEL = 0.95

REFUSED = 0.005
"""Misses less likely than this are a failure; two bands are looked at, so a true law fails once in a hundred."""

SCENARIOS = 500
"""Scenarios of each day."""

CHUNK = 50
"""Days drawn at once."""

QUICK = ("two_speed", "hybrid", "linear_anchor", "fhs")
"""Generators that are fitted and looked at within seconds, whatever the data."""

MONTH = 1 / 12


@dataclass(frozen=True)
class TrackRecord:
    """How a generator did on the days before one.

    Args:
        first, last: days forecast, ISO.
        days: how many.
        return_share: share of days on which the band of the return held.
        vol_share: the same of the at-the-money vol of one month, or of the nearest maturity.
        return_p, vol_p: p-values of these bands (:func:`chance`).
        energy: mean energy score of (√252·R, Δg), each coordinate by its standard deviation before those days; the
            estimate is unbiased.
        seen: whether the generator was fitted to these days, so that the shares flatter it.
    """

    first: str
    last: str
    days: int
    return_share: float
    vol_share: float
    return_p: float
    vol_p: float
    energy: float
    seen: bool = False

    @property
    def failed(self) -> bool:
        """Whether the bands of return or vol held too seldom, too often or on one side only."""
        return min(self.return_p, self.vol_p) < REFUSED

    @property
    def words(self) -> str:
        """``95 % bands held 94 % of the last 250 days (vol: 95 %), out of sample``."""
        return (
            f"95 % bands held {100 * self.return_share:.0f} % of the last {self.days} days "
            f"(vol: {100 * self.vol_share:.0f} %), {'in' if self.seen else 'out of'} sample"
        )

    @property
    def warning(self) -> str:
        """What is said wherever a generator whose bands failed is used; empty if they did not."""
        if not self.failed:
            return ""
        return_worse = self.return_p <= self.vol_p
        what, share = ("return", self.return_share) if return_worse else ("at-the-money vol", self.vol_share)
        return (
            f"Do not rely on these bands: of the last {self.days} days ({self.first} to {self.last}) the 95 % band of "
            f"the {what} held on {100 * share:.0f} %, where 95 % should{', in sample' if self.seen else ''}."
        )


def window(row: int) -> Rows:
    """The condition days that a look back from a day takes: up to 250, and no more than half of those there are.

    Empty if they are too few to say anything.
    """
    days = min(DAYS, (row - FIRST_CONDITION_ROW) // 2)
    return np.arange(row - days, row, dtype=np.intp) if days >= LEAST else np.arange(0, dtype=np.intp)


def of_model(model: SurfaceModel, history: SurfaceHistory, rows: Rows, *, seed: int = 1) -> TrackRecord:
    """The record of a fitted generator on the days after each of some rows.

    Args:
        model: fitted to days before the first row, if the record is to be out of sample.
        history: the data; the forecast from a row sees nothing after it.
        rows: consecutive condition rows, each with a day after it.
        seed: of the scenarios.

    Raises:
        ScenaristError: as the model does.
    """
    grid = history.grid
    month = float(np.clip(MONTH, grid.maturity[0], grid.maturity[-1]))
    scale = standard_targets(history, np.arange(FIRST_CONDITION_ROW, rows[0], dtype=np.intp)).std(axis=0)
    scale = np.where(scale > 0, scale, 1.0)
    tails = [(1 - LEVEL) / 2, (1 + LEVEL) / 2]
    below: list[Floats] = []
    above: list[Floats] = []
    energy: list[Floats] = []
    for start in range(0, len(rows), CHUNK):
        part = rows[start : start + CHUNK]
        rng = np.random.default_rng([seed, int(part[0])])
        drawn = model.sample_days(history.until(int(part[-1])), part.tolist(), SCENARIOS, rng=rng)
        came = np.stack([history.log_return[part], grid.interpolate(history.iv[part + 1], 1.0, month)])
        shown = np.stack([drawn.log_return, grid.interpolate(drawn.iv, 1.0, month)])  # (2, days, n)
        low, high = calibration.quantiles(shown, tails)
        below.append(came < low)
        above.append(came > high)
        x, y = scenario_targets(drawn, history, part) / scale, standard_targets(history, part) / scale
        energy.append(scores.energy_score(x, y, unbiased=True))
    under, over = (np.concatenate(missed, axis=1).sum(axis=1).tolist() for missed in (below, above))
    shares = [1 - (u + o) / len(rows) for u, o in zip(under, over, strict=True)]
    p = [chance(u, o, len(rows)) for u, o in zip(under, over, strict=True)]
    return TrackRecord(
        first=str(history.dates[rows[0] + 1]),
        last=str(history.dates[rows[-1] + 1]),
        days=len(rows),
        return_share=shares[0],
        vol_share=shares[1],
        return_p=p[0],
        vol_p=p[1],
        energy=float(np.concatenate(energy).mean()),
    )


def chance(below: int, above: int, days: int, level: float = LEVEL) -> float:
    """p-value of a band's misses: 2 Σ k log(k/(n q)) over what came below, in and above it, χ² with two degrees.

    Args:
        below, above: days on which what came lay below or above the band.
        days: n, days in all.
        level: ℓ; q is (1−ℓ)/2 on either side and ℓ inside.

    References:
        Kupiec (1995), whose ratio this is with the two sides told apart.
    """
    counts = np.array([below, days - below - above, above], dtype=np.float64)
    expected = days * np.array([(1 - level) / 2, level, (1 - level) / 2])
    return float(np.exp(-xlogy(counts, counts / expected).sum()))


def of_name(name: str, history: SurfaceHistory, row: int) -> TrackRecord | None:
    """The record before a day of a registered generator, fitted once to what was known before the days looked at.

    Returns:
        None if there are too few days to say anything.

    Raises:
        ScenaristError: as the model does.
    """
    rows = window(row)
    if not len(rows):
        return None
    model = surface_model(name)()
    model.fit(history.until(int(rows[0])), seed=0)
    return of_model(model, history, rows)


def compare(history: SurfaceHistory, row: int, names: Sequence[str] = QUICK) -> dict[str, TrackRecord]:
    """Records of several generators before a day, the most credible first: bands that held, then least energy score.

    Returns:
        Name → record, of those that can be fitted; empty if there are too few days to say anything.
    """
    found = {}
    for name in names:
        try:
            record = of_name(name, history, row)
        except ScenaristError:  # these data are not for it
            continue
        if record is not None:
            found[name] = record
    return dict(sorted(found.items(), key=lambda item: (item[1].failed, item[1].energy)))
