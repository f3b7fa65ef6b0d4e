"""Tables of the straddle experiment: the thesis's Tables 4.1–4.8 and the data of its Figures 4.3–4.14."""

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
from engine.studies.hedging import published
from engine.studies.hedging.months import Arrays
from engine.studies.hedging.statistics import ROUNDING, Resamples, interval, month_counts, resampled

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
        "delta": _sensitivity(outcome, "delta", published.DELTA),
        "vega": _sensitivity(outcome, "vega", published.VEGA),
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
            low, high = interval(gain)
            share = _ratio(gain, best)
            share_low, share_high = interval(share)
            rows.append(
                {
                    "source": sources[method],
                    "statistic": statistic,
                    "value": resamples.of[method][statistic][0],
                    "better_benchmark": better[0],
                    "gain": gain[0],
                    "gain_low": low,
                    "gain_high": high,
                    "share_of_true_law": share[0],
                    "share_low": share_low,
                    "share_high": share_high,
                }
            )
    return pd.DataFrame(rows)


def _ratio(above: Floats, below: Floats) -> Floats:
    """Ratios; NaN where what is below is not positive, or only rounding."""
    found: Floats = np.divide(above, below, out=np.full(len(above), np.nan), where=below > ROUNDING)
    return found


def _pooled(outcome: Outcome) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Table 4.2, and the differences between the data-driven hedge and each benchmark on the same resamples."""
    parts, gaps = [], []
    groups = {POOLED: np.ones(len(outcome.moneyness), dtype=bool)}
    if outcome.inside.any() and not outcome.inside.all():
        groups[ON_SURFACE] = outcome.inside
    for crisis, months in outcome.samples.items():
        for group, chosen in groups.items():
            errors = {m: outcome.error(m, months)[:, chosen] for m in outcome.main}
            resamples = Resamples.draw(errors, outcome.draws, outcome.seed)
            printed = _of(published.POOLED, crisis) if group == POOLED else {}
            parts.append(_with_published(resamples.table(), crisis, group, printed))
            gaps += _gaps(outcome, resamples, crisis, group)
    return pd.concat(parts, ignore_index=True), pd.concat(gaps, ignore_index=True) if gaps else pd.DataFrame()


def _gaps(outcome: Outcome, resamples: Resamples, crisis: str, m0: str | float) -> list[pd.DataFrame]:
    """Differences between the data-driven hedge, if there is one, and each benchmark."""
    if DATA_DRIVEN not in outcome.main:
        return []
    gap = resamples.differences(DATA_DRIVEN, ("unhedged", *BENCHMARKS), COMPARED)
    gap.insert(0, "m0", m0)
    gap.insert(0, "crisis", crisis)
    return [gap]


def _by_moneyness(outcome: Outcome) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Tables 4.5 and 4.7, and the differences at each moneyness."""
    parts, gaps = [], []
    for crisis, months in outcome.samples.items():
        for i, m0 in enumerate(outcome.moneyness):
            errors = {m: outcome.error(m, months)[:, i] for m in outcome.main}
            resamples = Resamples.draw(errors, outcome.draws, outcome.seed)
            printed = {m: row for (c, k, m), row in published.BY_MONEYNESS.items() if (c, k) == (crisis, m0)}
            parts.append(_with_published(resamples.table(), crisis, m0, printed))
            gaps += _gaps(outcome, resamples, crisis, m0)
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
        printed = _of(published.POOLED, crisis) | _of(published.ALPHAS, crisis)
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
    known = {(m, s): figure for m, row in printed.items() for s, figure in zip(published.STATISTICS, row, strict=True)}
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
        printed = published.INSTRUMENTS.get(m0)
        for number in range(max(9, held.max() + 1)):
            share = resampled((held[:, i] == number).astype(np.float64), counts, {})["mean"]
            low, high = interval(share)
            theirs = printed[number - 1] / sum(printed) if printed and 1 <= number <= len(printed) else np.nan
            rows.append(
                {
                    "m0": m0,
                    "instruments": number,
                    "days": int((held[:, i] == number).sum()),
                    "share": share[0],
                    "low": low,
                    "high": high,
                    "published_share": theirs,
                }
            )
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
            for statistic, their in zip(published.SENSITIVITY_STATISTICS, theirs, strict=True):
                low, high = interval(figures[statistic])
                rows.append(
                    {
                        "m0": m0,
                        "position": position,
                        "statistic": statistic,
                        "value": figures[statistic][0],
                        "low": low,
                        "high": high,
                        "published": np.nan if their is None else their,
                    }
                )
    return pd.DataFrame(rows)


def _within(outcome: Outcome) -> pd.DataFrame:
    """Table 4.6: share of days on which |Z| is at most 1 % of V."""
    rows = []
    value = outcome.arrays["value"]
    for method in outcome.main:
        near = np.abs(outcome.error(method)) <= 0.01 * value
        printed = dict(zip(published.MONEYNESS, published.WITHIN.get(method, ()), strict=False))
        for i, m0 in enumerate(outcome.moneyness):
            share = resampled(near[:, i].astype(np.float64), outcome.counts, {})["mean"]
            low, high = interval(share)
            rows.append(
                {
                    "method": method,
                    "m0": m0,
                    "share": share[0],
                    "low": low,
                    "high": high,
                    "published": printed.get(m0, np.nan),
                }
            )
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
