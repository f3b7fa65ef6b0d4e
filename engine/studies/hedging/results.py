"""Tables of the straddle experiment: the thesis's Tables 4.1–4.8 and the data of its Figures 4.3–4.14.

Intervals come from resampling months, all straddles and days of one together. VaR_q(Z) = −F⁻¹_Z(q), F⁻¹(q) the
smallest value whose share of observations at or below reaches q; a quantile of a resample is a weighted quantile of
the observations, each weighted by how often its month was drawn. The thesis printed SPX, 52 months from June 2018,
USD, hedged with VolGAN.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from engine.market.grid import Floats
from engine.market.surface_history import SurfaceHistory
from engine.studies.base import Tables, rounded
from engine.studies.hedging.months import Arrays

PUBLISHED_STATISTICS = ("mean", "median", "sd", "var_5", "var_2_5", "var_1")

PUBLISHED_POOLED = {
    ("included", "unhedged"): (0.16, 0.29, 60.58, 78.95, 102.07, 155.29),
    ("included", "delta"): (-1.23, -0.44, 32.70, 19.49, 36.33, 58.63),
    ("included", "delta-vega"): (0.98, 0.00, 29.70, 10.90, 19.70, 43.72),
    ("included", "data-driven"): (0.55, -0.16, 32.98, 12.79, 23.42, 50.79),
    ("excluded", "delta"): (-1.46, -0.36, 8.40, 13.22, 22.84, 36.66),
    ("excluded", "delta-vega"): (-0.37, 0.00, 9.34, 9.58, 16.67, 34.81),
    ("excluded", "data-driven"): (-1.05, -0.18, 8.15, 10.55, 17.32, 33.85),
}
"""Table 4.2: all m0 together."""

PUBLISHED_ALPHAS = {
    ("included", "data-driven (A1)"): (0.58, -0.13, 33.01, 13.01, 24.44, 50.45),
    ("included", "data-driven (A2)"): (0.55, -0.16, 32.98, 12.79, 23.42, 50.79),
    ("excluded", "data-driven (A1)"): (-1.02, -0.18, 8.16, 10.80, 18.08, 35.35),
    ("excluded", "data-driven (A2)"): (-1.05, -0.18, 8.15, 10.55, 17.32, 33.85),
}
"""Table 4.8: by the grid of α."""

PUBLISHED_BY_MONEYNESS = {
    ("included", 0.75, "delta"): (0.17, -0.06, 2.81, 6.10, 7.32, 12.37),
    ("included", 0.75, "delta-vega"): (1.38, 0.11, 12.89, 5.07, 6.54, 9.09),
    ("included", 0.75, "data-driven"): (1.48, 0.00, 19.23, 5.66, 7.01, 9.04),
    ("included", 0.8, "delta"): (0.39, -0.32, 27.20, 8.69, 12.23, 18.39),
    ("included", 0.8, "delta-vega"): (2.43, 0.23, 26.65, 6.31, 8.82, 17.05),
    ("included", 0.8, "data-driven"): (2.49, -0.16, 32.66, 7.78, 10.31, 15.30),
    ("included", 0.9, "delta"): (-0.35, -1.95, 70.56, 40.24, 53.71, 81.30),
    ("included", 0.9, "delta-vega"): (4.90, 0.55, 63.76, 26.88, 56.35, 81.00),
    ("included", 0.9, "data-driven"): (4.02, -0.32, 68.66, 34.48, 55.92, 80.78),
    ("included", 1.1, "delta"): (-5.17, -0.98, 17.00, 33.66, 46.66, 76.69),
    ("included", 1.1, "delta-vega"): (-1.20, -0.13, 11.88, 19.59, 31.40, 51.36),
    ("included", 1.1, "data-driven"): (-2.82, -0.74, 13.79, 19.17, 31.41, 47.58),
    ("included", 1.2, "delta"): (-1.41, 0.00, 11.90, 8.59, 13.36, 73.09),
    ("included", 1.2, "delta-vega"): (-0.87, 0.00, 10.49, 8.07, 12.79, 31.22),
    ("included", 1.2, "data-driven"): (-1.04, -0.01, 9.26, 8.45, 13.39, 56.66),
    ("included", 1.25, "delta"): (-1.02, -0.001, 9.33, 8.61, 13.88, 54.51),
    ("included", 1.25, "delta-vega"): (-0.79, 0.00, 8.47, 8.42, 13.88, 37.12),
    ("included", 1.25, "data-driven"): (-0.82, -0.01, 8.04, 8.60, 13.87, 48.52),
    ("excluded", 0.75, "delta"): (-0.23, 0.00, 2.81, 4.99, 6.27, 7.15),
    ("excluded", 0.75, "delta-vega"): (0.09, 0.04, 2.92, 4.89, 6.47, 8.57),
    ("excluded", 0.75, "data-driven"): (-0.29, 0.00, 2.87, 5.24, 6.28, 7.56),
    ("excluded", 0.8, "delta"): (-0.73, -0.17, 3.45, 6.60, 8.01, 11.09),
    ("excluded", 0.8, "delta-vega"): (0.002, 0.11, 4.34, 6.19, 8.58, 17.35),
    ("excluded", 0.8, "data-driven"): (-0.71, -0.19, 3.83, 7.01, 9.13, 13.22),
    ("excluded", 0.9, "delta"): (-4.35, -1.77, 15.58, 34.46, 42.10, 51.00),
    ("excluded", 0.9, "delta-vega"): (-0.88, 0.40, 18.52, 27.61, 56.87, 81.74),
    ("excluded", 0.9, "data-driven"): (-2.87, -0.39, 16.30, 32.88, 51.28, 73.20),
    ("excluded", 1.1, "delta"): (-3.15, -0.82, 10.09, 24.34, 32.93, 43.12),
    ("excluded", 1.1, "delta-vega"): (-1.19, -0.17, 10.47, 17.59, 27.81, 40.52),
    ("excluded", 1.1, "data-driven"): (-2.13, -0.72, 7.84, 16.40, 24.08, 33.99),
    ("excluded", 1.2, "delta"): (-0.17, -0.02, 4.49, 7.17, 9.48, 12.79),
    ("excluded", 1.2, "delta-vega"): (-0.12, -0.003, 4.50, 7.22, 9.38, 12.80),
    ("excluded", 1.2, "data-driven"): (-0.17, -0.07, 4.49, 7.14, 9.46, 12.78),
    ("excluded", 1.25, "delta"): (-0.14, -0.06, 4.67, 7.42, 9.77, 13.34),
    ("excluded", 1.25, "delta-vega"): (-0.14, -0.05, 4.67, 7.42, 9.78, 13.36),
    ("excluded", 1.25, "data-driven"): (-0.14, -0.07, 4.67, 7.41, 9.78, 13.32),
}
"""Tables 4.5 and 4.7: by initial moneyness, with and without the crisis."""

PUBLISHED_INSTRUMENTS = {
    0.75: (1058, 3, 11, 20, 0, 0, 0, 0),
    0.8: (788, 156, 46, 88, 3, 11, 0, 0),
    0.9: (193, 279, 168, 277, 93, 67, 15, 0),
    1.1: (565, 40, 72, 110, 219, 69, 17, 0),
    1.2: (1077, 2, 7, 0, 0, 1, 3, 2),
    1.25: (1087, 0, 0, 2, 3, 0, 0, 0),
}
"""Table 4.1: days of 1,092 on which 1, 2, … 8 instruments were held."""

PUBLISHED_SENSITIVITY_STATISTICS = ("mean", "median", "q95", "q5", "sd")

PUBLISHED_DELTA = {
    (0.75, "hedged"): (0.003, 0.000, 0.005, -0.001, 0.023),
    (0.8, "hedged"): (0.003, 0.000, 0.009, -0.016, 0.040),
    (0.9, "hedged"): (-0.011, -0.011, 0.051, -0.111, 0.100),
    (1.1, "hedged"): (-0.006, 0.000, 0.035, -0.049, 0.066),
    (1.2, "hedged"): (0.000, 0.000, 0.000, -0.001, 0.016),
    (1.25, "hedged"): (0.000, 0.000, 0.000, -0.001, 0.006),
    (0.75, "unhedged"): (0.994, 1.000, 1.000, 0.986, 0.067),
    (0.8, "unhedged"): (0.986, 1.000, 1.000, 0.958, 0.097),
    (0.9, "unhedged"): (0.905, 0.979, 1.000, 0.618, 0.214),
    (1.1, "unhedged"): (-0.940, -0.997, -0.760, -1.000, 0.174),
    (1.2, "unhedged"): (-0.996, -1.000, -0.998, -1.000, 0.039),
    (1.25, "unhedged"): (-0.999, -1.000, -1.000, -1.000, 0.009),
}
"""Table 4.3: delta of Z and of V under data-driven hedging."""

PUBLISHED_VEGA = {
    (0.75, "hedged"): (5.828, 0.078, 32.904, None, 21.269),
    (0.8, "hedged"): (9.546, 0.170, 66.971, None, 36.314),
    (0.9, "hedged"): (0.096, -4.397, 179.155, None, 89.315),
    (1.1, "hedged"): (26.165, 2.807, 170.733, None, 68.777),
    (1.2, "hedged"): (3.302, 0.000, 5.399, None, 23.437),
    (1.25, "hedged"): (1.076, 0.000, 0.239, None, 10.013),
    (0.75, "unhedged"): (6.889, 0.102, 35.288, None, 22.073),
    (0.8, "unhedged"): (17.136, 0.805, 91.581, None, 40.845),
    (0.9, "unhedged"): (111.500, 37.221, 452.507, None, 150.315),
    (1.1, "unhedged"): (66.529, 7.817, 326.120, None, 108.969),
    (1.2, "unhedged"): (3.637, 0.000, 5.637, None, 25.145),
    (1.25, "unhedged"): (1.079, 0.000, 0.239, None, 10.022),
}
"""Table 4.4: vega of Z and of V under data-driven hedging."""

PUBLISHED_WITHIN = {
    "delta": (0.9598, 0.8811, 0.4362, 0.5061, 0.8453, 0.8934),
    "delta-vega": (0.9449, 0.8802, 0.4904, 0.5157, 0.8505, 0.8942),
    "data-driven": (0.9537, 0.8925, 0.5192, 0.5463, 0.8453, 0.8934),
}
"""Table 4.6: share of days with |Z| within 1 % of V, for m0 = 0.75, 0.8, 0.9, 1.1, 1.2, 1.25."""

PUBLISHED_MONEYNESS = (0.75, 0.8, 0.9, 1.1, 1.2, 1.25)


STATISTICS = ("mean", "median", "sd", "var_5", "var_2_5", "var_1", "upper_5", "upper_2_5", "upper_1")
"""Of Z: VaR is its lower tail, sign turned; ``upper`` its upper tail, the loss of one who has sold V and holds Π."""

Quantiles = dict[str, tuple[float, float]]

_QUANTILES: Quantiles = {
    "median": (0.5, 1.0),
    "var_5": (0.05, -1.0),
    "var_2_5": (0.025, -1.0),
    "var_1": (0.01, -1.0),
    "upper_5": (0.95, 1.0),
    "upper_2_5": (0.975, 1.0),
    "upper_1": (0.99, 1.0),
}

ROUNDING = 1e-9
"""A figure of currency this small is none, and nothing is measured in units of it."""

INTERVAL = (0.025, 0.975)
"""Every interval holds 95 % of the resamples."""


def month_counts(months: int, draws: int, seed: int) -> NDArray[np.int64]:
    """``(draws + 1, months)`` how often each month is drawn; the first row is the sample itself, each month once."""
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(months, np.full(months, 1 / months), size=draws)
    return np.concatenate([np.ones((1, months), dtype=np.int64), drawn])


def resampled(errors: Floats, counts: NDArray[np.int64], quantiles: Quantiles = _QUANTILES) -> dict[str, Floats]:
    """Mean, sd and quantiles of Z on the sample and on each resample.

    Args:
        errors: ``(months, …)`` Z, whatever belongs to a month together.
        counts: ``(draws + 1, months)`` of :func:`month_counts`.
        quantiles: name → (q, sign it is shown with).

    Returns:
        name → ``(draws + 1,)``, the sample first.
    """
    z = errors.reshape(len(errors), -1)  # (months, observations)
    n = counts.sum(axis=1) * z.shape[1]
    mean = counts @ z.sum(axis=1) / n
    centre = z.mean()  # moments about it, so that rounding stays small
    second = counts @ np.square(z - centre).sum(axis=1) / n
    found = {"mean": mean, "sd": np.sqrt(np.maximum(second - (mean - centre) ** 2, 0.0))}
    order = np.argsort(z, axis=None, kind="stable")
    values, month = z.ravel()[order], order // z.shape[1]
    quantile = {name: np.empty(len(counts)) for name in quantiles}
    for row, weights in enumerate(counts):
        reached = np.cumsum(weights[month])
        for name, (q, sign) in quantiles.items():
            # the smallest observation whose share reaches q; the tolerance forgives q·n its rounding
            quantile[name][row] = sign * values[np.searchsorted(reached, q * reached[-1] - 1e-9)] + 0.0  # no −0
    return found | quantile


def interval(resamples: Floats) -> tuple[float, float]:
    """95 % interval of a figure from ``(draws + 1,)``; NaN if more than a few resamples have none."""
    known = np.isfinite(resamples[1:])
    if not known.mean() > 1 - 2 * INTERVAL[0]:
        return np.nan, np.nan
    low, high = np.quantile(resamples[1:][known], INTERVAL)
    return float(low), float(high)


def estimate(resamples: Floats, name: str = "value", prefix: str = "") -> dict[str, float]:
    """Columns of a figure: the sample's own under a name, its interval as ``low`` and ``high`` behind a prefix."""
    low, high = interval(resamples)
    return {name: resamples[0], f"{prefix}low": low, f"{prefix}high": high}


@dataclass(frozen=True, eq=False)
class Resamples:
    """Statistics of several methods on the same resamples: differences between methods are paired.

    Args:
        of: method → statistic → ``(draws + 1,)``.
    """

    of: dict[str, dict[str, Floats]]

    @classmethod
    def draw(cls, errors: dict[str, Floats], draws: int, seed: int) -> Resamples:
        """Resample the months of all methods together; errors are ``(months, …)``."""
        counts = month_counts(len(next(iter(errors.values()))), draws, seed)
        return cls({method: resampled(z, counts) for method, z in errors.items()})

    def table(self) -> pd.DataFrame:
        """Method, statistic, value and interval."""
        return pd.DataFrame(
            {"method": method, "statistic": name, **estimate(statistics[name])}
            for method, statistics in self.of.items()
            for name in STATISTICS
        )

    def differences(self, method: str, others: tuple[str, ...], statistics: tuple[str, ...]) -> pd.DataFrame:
        """A method's statistics less, and over, those of others, with intervals.

        ``p_value`` is two-sided, of no difference: twice the smaller share of resamples on one side of zero.
        """
        rows = []
        for other in others:
            for name in statistics:
                mine, theirs = self.of[method][name], self.of[other][name]
                gap = mine - theirs
                above = float((gap[1:] >= 0).mean())
                p_value = min(1.0, 2 * min(above, 1 - above) + 1 / len(gap))
                ratio = mine[0] / theirs[0] if theirs[0] > ROUNDING else np.nan
                row = {"method": method, "other": other, "statistic": name, **estimate(gap, "difference")}
                rows.append(row | {"p_value": p_value, "ratio": ratio})
        return pd.DataFrame(rows)


BENCHMARKS = ("delta", "delta-vega")
DATA_DRIVEN = "data-driven"
SHORTFALL = "least shortfall"
COMPARED = ("sd", "var_5", "var_2_5", "var_1", "upper_5", "upper_2_5", "upper_1")
POOLED, ON_SURFACE = "all", "on the surface"


@dataclass(frozen=True, eq=False)
class Outcome:
    """What the months came to.

    Args:
        history: the data.
        starts: rows on which the months begin.
        days: trading days of each.
        moneyness: m_0 of the straddles.
        arrays: of :func:`engine.studies.hedging.months.hedge_block`, methods along the third axis.
        methods: their labels; the first four are the main ones.
        crisis: ``(months,)`` months that overlap the crisis window.
        draws, seed: of the bootstrap.
    """

    history: SurfaceHistory
    starts: tuple[int, ...]
    days: int
    moneyness: tuple[float, ...]
    arrays: Arrays
    methods: tuple[str, ...]
    crisis: NDArray[np.bool_]
    draws: int
    seed: int

    def error(self, method: str, months: NDArray[np.bool_] | None = None) -> Floats:
        """``(months, m0, days + 1)`` Z of a method, in some months."""
        every: Floats = self.arrays["error"][:, :, self.methods.index(method)]
        return every if months is None else every[months]

    @cached_property
    def counts(self) -> NDArray[np.int64]:
        """How often each month is drawn in each resample."""
        return month_counts(len(self.starts), self.draws, self.seed)

    @cached_property
    def main(self) -> tuple[str, ...]:
        """The methods that the main tables compare."""
        return tuple(m for m in ("unhedged", *BENCHMARKS, DATA_DRIVEN, SHORTFALL) if m in self.methods)

    @cached_property
    def samples(self) -> dict[str, NDArray[np.bool_]]:
        """Months with and without the crisis."""
        found = {"included": np.ones(len(self.starts), dtype=bool)}
        if self.crisis.any() and not self.crisis.all():
            found["excluded"] = ~self.crisis
        return found

    @cached_property
    def inside(self) -> NDArray[np.bool_]:
        """``(m0,)`` straddles struck on the surface."""
        return np.asarray(self.arrays["inside"][0] > 0)


def column_name(method: str) -> str:
    """A method as part of a column's name."""
    return method.replace("-", "_").replace(" ", "_")


def largest_drawdown(history: SurfaceHistory, first: int) -> tuple[str, str]:
    """Days of the peak and of the trough of the largest fall of spot from a row on."""
    log_spot = np.log(history.spot[first:])
    depth = np.maximum.accumulate(log_spot) - log_spot
    trough = int(depth.argmax())
    peak = int(log_spot[: trough + 1].argmax())
    return str(history.dates[first + peak]), str(history.dates[first + trough])


def tables(outcome: Outcome) -> Tables:
    """Every table but the paths."""
    pooled, pooled_gaps = _pooled(outcome)
    by_moneyness, gaps = _by_moneyness(outcome)
    found = {
        "pooled": pooled,
        "differences": pd.concat([pooled_gaps, gaps], ignore_index=True),
        "by_moneyness": by_moneyness,
        "instruments": _instruments(outcome),
        "delta": _sensitivity(outcome, "delta", PUBLISHED_DELTA),
        "vega": _sensitivity(outcome, "vega", PUBLISHED_VEGA),
        "within_1_percent": _within(outcome),
        "months": _months(outcome),
    }
    variants = _variants(outcome)
    return found if variants is None else {**found, "alphas": variants}


def paths(outcome: Outcome) -> Tables:
    """Z, V and what was held on every day: the data of Figures 4.5 to 4.13."""
    months, n, steps = len(outcome.starts), len(outcome.moneyness), outcome.days + 1
    shape = (months, n, steps)
    rows = np.asarray(outcome.starts)[:, None] + np.arange(steps)
    month, m0, day = (part.ravel() for part in np.indices(shape))
    frame = {
        "date": np.broadcast_to(outcome.history.dates[rows][:, None], shape).ravel(),
        "month": month + 1,
        "m0": np.asarray(outcome.moneyness)[m0],
        "day": day,
        "value": outcome.arrays["value"].ravel(),
    }
    for method in outcome.main:
        frame[f"error_{column_name(method)}"] = outcome.error(method).ravel()
    found = {"paths": rounded(pd.DataFrame(frame)), **_variant_paths(outcome, frame)}
    if DATA_DRIVEN not in outcome.methods:
        return found
    k = outcome.methods.index(DATA_DRIVEN)
    before = day < outcome.days
    hedges = {
        name: values[before]
        for name, values in (("date", frame["date"]), ("month", month + 1), ("m0", frame["m0"]), ("day", day))
    }
    hedges["instruments"] = outcome.arrays["instruments"][:, :, k].astype(int).ravel()
    for name in ("delta", "vega"):
        hedges[f"value_{name}"] = outcome.arrays[f"value_{name}"].ravel()
        hedges[f"net_{name}"] = outcome.arrays[f"net_{name}"][:, :, k].ravel()
    hedges["cost"] = outcome.arrays["cost"][:, :, k, :-1].ravel()
    found["hedges"] = rounded(pd.DataFrame(hedges))
    return found


def _variant_paths(outcome: Outcome, frame: Mapping[str, Any]) -> Tables:
    """Z of the lowest straddle by choice of α: the data of Figure 4.14."""
    variants = [m for m in outcome.methods if m.startswith(f"{DATA_DRIVEN} (")]
    if not variants:
        return {}
    lowest = int(np.argmin(outcome.moneyness))
    chosen = np.asarray(frame["m0"]) == outcome.moneyness[lowest]
    columns = {name: np.asarray(frame[name])[chosen] for name in ("date", "month", "m0", "day", "value")}
    columns |= {method: outcome.error(method)[:, lowest].ravel() for method in variants}
    return {"alpha_paths": rounded(pd.DataFrame(columns))}


def gain_table(outcome: Outcome, sources: Mapping[str, str]) -> pd.DataFrame:
    """How much of the gain over the better benchmark each source of scenarios reaches.

    gain = 1 − s/min(s of delta, s of delta–vega) for s = sd or a VaR; share = gain/gain of the true law, where that was
    among the sources and gains anything. NaN where a ratio means nothing.

    Args:
        outcome: the months.
        sources: label of a data-driven method → label of its source.
    """
    resamples = Resamples.draw({m: outcome.error(m) for m in (*BENCHMARKS, *sources)}, outcome.draws, outcome.seed)
    rows = []
    for statistic in COMPARED:
        better = np.minimum(*(resamples.of[b][statistic] for b in BENCHMARKS))
        gains = {method: 1 - _ratio(resamples.of[method][statistic], better) for method in sources}
        best = next((gains[m] for m, source in sources.items() if source == "true_law"), np.full(len(better), np.nan))
        for method, gain in gains.items():
            row = {"source": sources[method], "statistic": statistic, "value": resamples.of[method][statistic][0]}
            row |= {"better_benchmark": better[0], **estimate(gain, "gain", "gain_")}
            rows.append(row | estimate(_ratio(gain, best), "share_of_true_law", "share_"))
    return pd.DataFrame(rows)


def _ratio(above: Floats, below: Floats) -> Floats:
    """Ratios; NaN where what is below is not positive, or only rounding."""
    found: Floats = np.divide(above, below, out=np.full(len(above), np.nan), where=below > ROUNDING)
    return found


def _pooled(outcome: Outcome) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Table 4.2, and the differences between the data-driven hedge and each benchmark on the same resamples."""
    groups: dict[str | float, Any] = {POOLED: np.ones(len(outcome.moneyness), dtype=bool)}
    if outcome.inside.any() and not outcome.inside.all():
        groups[ON_SURFACE] = outcome.inside
    return _compared(outcome, groups, {(c, POOLED, m): row for (c, m), row in PUBLISHED_POOLED.items()})


def _by_moneyness(outcome: Outcome) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Tables 4.5 and 4.7, and the differences at each moneyness."""
    return _compared(outcome, {m0: i for i, m0 in enumerate(outcome.moneyness)}, PUBLISHED_BY_MONEYNESS)


def _compared(
    outcome: Outcome, groups: Mapping[Any, Any], published: Mapping[tuple[str, Any, str], tuple[float, ...]]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Statistics of groups of straddles (name → their positions), and the gaps to the data-driven hedge, if any."""
    parts, gaps = [], []
    for crisis, months in outcome.samples.items():
        for m0, chosen in groups.items():
            errors = {m: outcome.error(m, months)[:, chosen] for m in outcome.main}
            resamples = Resamples.draw(errors, outcome.draws, outcome.seed)
            printed = {m: row for (c, k, m), row in published.items() if (c, k) == (crisis, m0)}
            parts.append(_with_published(resamples.table(), crisis, m0, printed))
            if DATA_DRIVEN in outcome.main:
                gap = resamples.differences(DATA_DRIVEN, ("unhedged", *BENCHMARKS), COMPARED)
                gap.insert(0, "m0", m0)
                gap.insert(0, "crisis", crisis)
                gaps.append(gap)
    return pd.concat(parts, ignore_index=True), pd.concat(gaps, ignore_index=True) if gaps else pd.DataFrame()


def _variants(outcome: Outcome) -> pd.DataFrame | None:
    """Table 4.8: the data-driven hedge by choice of α."""
    chosen = tuple(m for m in outcome.methods if m == DATA_DRIVEN or m.startswith(f"{DATA_DRIVEN} ("))
    if len(chosen) < 2:
        return None
    parts = []
    for crisis, months in outcome.samples.items():
        errors = {m: outcome.error(m, months) for m in (*BENCHMARKS, *chosen)}
        table = Resamples.draw(errors, outcome.draws, outcome.seed).table()
        printed = _of(PUBLISHED_POOLED, crisis) | _of(PUBLISHED_ALPHAS, crisis)
        printed.pop(DATA_DRIVEN, None)  # that row is A2's
        parts.append(_with_published(table, crisis, POOLED, printed))
    return pd.concat(parts, ignore_index=True)


def _of(printed: Mapping[tuple[str, str], tuple[float, ...]], crisis: str) -> dict[str, tuple[float, ...]]:
    """Printed rows with or without the crisis, by method."""
    return {method: row for (which, method), row in printed.items() if which == crisis}


def _with_published(
    table: pd.DataFrame, crisis: str, m0: str | float, printed: Mapping[str, tuple[float, ...]]
) -> pd.DataFrame:
    """A table of statistics with the thesis's figures beside ours, NaN where it printed none."""
    known = {(m, s): figure for m, row in printed.items() for s, figure in zip(PUBLISHED_STATISTICS, row, strict=True)}
    pairs = zip(table["method"], table["statistic"], strict=True)
    table = table.assign(published=[known.get(pair, np.nan) for pair in pairs])
    table.insert(0, "m0", m0)
    table.insert(0, "crisis", crisis)
    return table


def _instruments(outcome: Outcome) -> pd.DataFrame:
    """Table 4.1: on how many days how many instruments were held."""
    if DATA_DRIVEN not in outcome.methods:
        return pd.DataFrame()
    held = outcome.arrays["instruments"][:, :, outcome.methods.index(DATA_DRIVEN)].astype(int)
    counts = outcome.counts
    rows = []
    for i, m0 in enumerate(outcome.moneyness):
        printed = PUBLISHED_INSTRUMENTS.get(m0)
        for number in range(max(9, held.max() + 1)):
            on = held[:, i] == number
            share = resampled(on.astype(np.float64), counts, {})["mean"]
            theirs = printed[number - 1] / sum(printed) if printed and 1 <= number <= len(printed) else np.nan
            row = {"m0": m0, "instruments": number, "days": int(on.sum()), **estimate(share, "share")}
            rows.append(row | {"published_share": theirs})
    return pd.DataFrame(rows)


def _sensitivity(
    outcome: Outcome, name: str, printed: Mapping[tuple[float, str], tuple[float | None, ...]]
) -> pd.DataFrame:
    """Tables 4.3 and 4.4: delta or vega of V and of Z after trading."""
    if DATA_DRIVEN not in outcome.methods:
        return pd.DataFrame()
    k = outcome.methods.index(DATA_DRIVEN)
    rows = []
    for i, m0 in enumerate(outcome.moneyness):
        hedged, unhedged = outcome.arrays[f"net_{name}"][:, i, k], outcome.arrays[f"value_{name}"][:, i]
        for position, values in (("hedged", hedged), ("unhedged", unhedged)):
            figures = resampled(values, outcome.counts, {"median": (0.5, 1.0), "q95": (0.95, 1.0), "q5": (0.05, 1.0)})
            theirs = printed.get((m0, position), (None,) * len(figures))
            for statistic, their in zip(PUBLISHED_SENSITIVITY_STATISTICS, theirs, strict=True):
                row = {"m0": m0, "position": position, "statistic": statistic, **estimate(figures[statistic])}
                rows.append(row | {"published": np.nan if their is None else their})
    return pd.DataFrame(rows)


def _within(outcome: Outcome) -> pd.DataFrame:
    """Table 4.6: share of days on which |Z| is at most 1 % of V."""
    rows = []
    value = outcome.arrays["value"]
    for method in outcome.main:
        near = np.abs(outcome.error(method)) <= 0.01 * value
        printed = dict(zip(PUBLISHED_MONEYNESS, PUBLISHED_WITHIN.get(method, ()), strict=False))
        for i, m0 in enumerate(outcome.moneyness):
            share = resampled(near[:, i].astype(np.float64), outcome.counts, {})["mean"]
            row = {"method": method, "m0": m0, **estimate(share, "share")}
            rows.append(row | {"published": printed.get(m0, np.nan)})
    return pd.DataFrame(rows)


def _months(outcome: Outcome) -> pd.DataFrame:
    """One row a straddle: what was chosen, what it was worth, what was left and what it cost (Figures 4.3, 4.4)."""
    rows = []
    dates = outcome.history.dates
    for j, start in enumerate(outcome.starts):
        for i, m0 in enumerate(outcome.moneyness):
            row = {
                "month": j + 1,
                "from": str(dates[start]),
                "to": str(dates[start + outcome.days]),
                "crisis": bool(outcome.crisis[j]),
                "m0": m0,
                "on_surface": bool(outcome.arrays["inside"][j, i] > 0),
                "spot": outcome.arrays["spot"][j],
                "value": outcome.arrays["value"][j, i, 0],
            }
            for method in outcome.main:
                k, name = outcome.methods.index(method), column_name(method)
                row[f"error_{name}"] = outcome.arrays["error"][j, i, k, -1]
                row[f"cost_{name}"] = outcome.arrays["cost"][j, i, k].sum()
            if DATA_DRIVEN in outcome.methods:
                row["alpha"] = outcome.arrays["alpha"][j, i, outcome.methods.index(DATA_DRIVEN)]
            rows.append(row)
    return rounded(pd.DataFrame(rows))
