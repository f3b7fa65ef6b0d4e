"""Tables of implied volatility surfaces, wide or long, to a history on one grid."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.errors import MarketDataError
from engine.market.grid import CH2_GRID, LOWEST_IV, VOLGAN_GRID, Floats, Grid
from engine.market.intake.column_checks import (
    iv_fault,
    iv_scale,
    read_positive,
    read_rate,
    read_vix,
    reject_bad,
    reject_dates,
    rows_mask,
)
from engine.market.intake.column_roles import assign, half_spread_points, require, surface_points
from engine.market.intake.date_parsing import parse_dates
from engine.market.intake.import_result import Imported, Mask, Reading, RowCheck
from engine.market.intake.number_parsing import decimal_mark, parse_numbers
from engine.market.intake.raw_table import RawTable
from engine.market.surface_history import HIGHEST_IV, Dates, SurfaceHistory

UNLIKE = 20.0
"""A day whose vols are all so many times above or below the file's median is in other units."""


@dataclass(frozen=True, eq=False)
class DailyRows:
    """One row a day, checked, in any order.

    Args:
        days, spot, rate, vix: ``(n,)``; rate and VIX may be missing.
        iv: ``(n, N)`` decimals, flattened with maturity running fastest.
        half_spread: ``(n, 2, N)`` fractions of spot, or None.
    """

    days: Dates
    spot: Floats
    iv: Floats
    rate: Floats | None
    vix: Floats | None
    half_spread: Floats | None = None

    def take(self, rows: NDArray[np.intp]) -> DailyRows:
        """Some of the days."""
        arrays = (self.days, self.spot, self.iv, self.rate, self.vix, self.half_spread)
        return DailyRows(*(None if a is None else a[rows] for a in arrays))  # type: ignore[arg-type]


def read_wide(table: RawTable, reading: Reading) -> Imported[SurfaceHistory]:
    """One row a day, one column a point of the grid: ``date, spot, iv_<days>d_<moneyness>…``.

    Raises:
        AmbiguousColumns: if a column or a unit has to be asked for.
        MarketDataError: if nothing in it can be used.
    """
    points = surface_points(table.headings)
    spreads = half_spread_points(table.headings)
    others = [h for h in table.headings if h not in points and h not in spreads]
    roles = assign(table.only(others), "surfaces", ("date", "spot", "rate", "vix"))
    require(table.only(others), "surfaces", roles, ("date", "spot"))
    check = RowCheck(table)
    notes: list[str] = list(table.notes)
    scale = moneyness_scale([m for _, m in points.values()], notes)
    points = {h: (tau, m / scale) for h, (tau, m) in points.items()}
    grid, order = wide_grid(points, table.file)
    numeric = [*points, *spreads, *(roles[r] for r in ("spot", "rate", "vix") if r in roles)]
    decimal, note = decimal_mark(table, numeric, reading.decimal)
    notes += [note] if note else []

    dates, date_notes = parse_dates(table, [roles["date"]], reading.date_order)
    notes += date_notes
    reject_dates(check, roles["date"], dates[0].faults)
    spot = read_positive(check, roles["spot"], "spot", decimal)
    iv = _vols(check, [order[i] for i in range(grid.size)], decimal, reading.iv_unit, notes)
    rate = read_rate(check, roles.get("rate"), decimal, reading.rate_unit, notes)
    vix = read_vix(check, roles.get("vix"), decimal, notes)
    half_spread = _half_spreads(check, spreads, scale, grid, decimal, notes)
    unused = [h for h in others if h not in roles.values()]
    if unused:
        notes.append(f"columns not used: {', '.join(unused)[:200]}")
    rows = DailyRows(dates[0].days, spot, iv, rate, vix, half_spread)
    _reject_repeats(check, roles["date"], rows)
    check.require_some()
    return as_history(rows.take(np.flatnonzero(check.kept)), grid, check, notes)


def as_history(rows: DailyRows, grid: Grid, check: RowCheck, notes: Sequence[str]) -> Imported[SurfaceHistory]:
    """Sort the days and check once more at the door of :class:`SurfaceHistory`."""
    said = list(notes)
    if (np.diff(rows.days) < np.timedelta64(0)).any():
        said.append(f"the days of {check.table.file} were not in time order; they have been sorted")
        rows = rows.take(np.argsort(rows.days, kind="stable"))
    history = SurfaceHistory(
        dates=rows.days,
        spot=rows.spot,
        iv=grid.unflatten(rows.iv),
        grid=grid,
        rate=0.0 if rows.rate is None else rows.rate,  # type: ignore[arg-type]
        vix=rows.vix,
        half_spread=None if rows.half_spread is None else grid.unflatten(rows.half_spread),
    )
    if rows.rate is None:
        said.append("no interest rate given: 0 is used")
    days = f"{len(history):,} {'day' if len(history) == 1 else 'days'}"
    said.append(f"{days} of {grid.shape[0]} moneyness levels × {grid.shape[1]} maturities")
    weekend = int((~np.is_busday(history.dates)).sum())
    if weekend:
        said.append(f"days that fall on a weekend: {weekend:,} of {len(history):,}")
    return Imported(history, check.frame(), (*said, check.count_note()), "surfaces")


def wide_grid(points: dict[str, tuple[float, float]], file: str) -> tuple[Grid, dict[int, str]]:
    """The grid that the headings of a wide table span, and flat position → heading.

    Raises:
        MarketDataError: if a point is missing, there twice, or an axis is too short.
    """
    maturities = np.unique([tau for tau, _ in points.values()])
    moneyness = np.unique([m for _, m in points.values()])
    grid = standard_grid(moneyness, maturities, file)
    heading_of: dict[int, str] = {}
    for heading, (tau, m) in points.items():
        flat = int(np.searchsorted(moneyness, m)) * len(maturities) + int(np.searchsorted(maturities, tau))
        if flat in heading_of:
            raise MarketDataError(
                f"expected one column for each point of the grid; found {heading_of[flat]!r} and {heading!r} in {file}"
            )
        heading_of[flat] = heading
    if len(heading_of) < grid.size:
        missing = next(i for i in range(grid.size) if i not in heading_of)
        i, j = divmod(missing, len(maturities))
        raise MarketDataError(
            f"expected a column for each of {len(moneyness)} moneyness levels × {len(maturities)} maturities; found "
            f"{len(heading_of)} of {grid.size} in {file}, the first missing at {365 * maturities[j]:.4g} days, "
            f"moneyness {moneyness[i]:.4g}"
        )
    return grid, heading_of


def standard_grid(moneyness: Floats, maturities: Floats, file: str) -> Grid:
    """A grid; headings rounded to six digits of a standard grid give that grid exactly.

    Raises:
        MarketDataError: if an axis is too short.
    """
    if len(maturities) < 2:
        raise MarketDataError(
            f"expected at least two maturities (a calendar spread needs two); found only "
            f"{365 * maturities[0]:.4g} days in {file}"
        )
    if len(moneyness) < 3:
        raise MarketDataError(
            f"expected at least three moneyness levels (a butterfly needs three); found {len(moneyness)} in {file}"
        )
    for known in (CH2_GRID, VOLGAN_GRID):
        if known.shape == (len(moneyness), len(maturities)) and (
            np.allclose(moneyness, known.moneyness, rtol=5e-6, atol=0)
            and np.allclose(maturities, known.maturity, rtol=5e-6, atol=0)
        ):
            return known
    return Grid(moneyness, maturities)


def unlike_days(iv: Floats, usable: Mask) -> list[tuple[Mask, str]]:
    """Days whose vols are all far above, or all far below, the median of the usable ones, with the reason.

    Args:
        iv: ``(n, N)`` decimals.
        usable: ``(n,)`` which days to compare.
    """
    if not usable.any():
        return []
    median = float(np.median(iv[usable]))
    found = []
    for unlike, word in (
        ((iv > UNLIKE * median).all(axis=1), "above"),
        ((iv < median / UNLIKE).all(axis=1), "below"),
    ):
        reason = (
            f"all vols of the day are more than {UNLIKE:g} times {word} the file's median of {100 * median:.3g} %: "
            "in other units than the rest?"
        )
        found.append((unlike & usable, reason))
    return found


def _vols(check: RowCheck, headings: Sequence[str], decimal: str, unit: str | None, notes: list[str]) -> Floats:
    columns = [parse_numbers(check.table.column(h), decimal, allow_percent=True) for h in headings]
    bad = np.stack([c.bad for c in columns], axis=1)  # (n, N)
    for position in np.flatnonzero(bad.any(axis=0)).tolist():
        reject_bad(check, headings[position], columns[position])
    missing = np.stack([c.missing for c in columns], axis=1)
    holes = missing.sum(axis=1)
    _by_first(check, missing, headings, lambda row, _: f"{holes[row]} of {len(headings)} vols of the day are missing")
    values = np.stack([c.values for c in columns], axis=1)
    percent = any(c.percent for c in columns)
    values = values / iv_scale(check, values[check.kept], percent, unit, notes)
    outside = ~((values >= LOWEST_IV) & (values <= HIGHEST_IV))
    _by_first(check, outside, headings, lambda row, column: iv_fault(values[row, column]))
    for unlike, reason in unlike_days(values, check.kept.copy()):
        check.reject(unlike, headings[0], reason)
    return values


def _by_first(check: RowCheck, wrong: Mask, headings: Sequence[str], reason: Callable[[int, int], str]) -> None:
    """Reject each row that has a fault, listing the first column at fault."""
    rows = wrong.any(axis=1) & check.kept
    first = wrong.argmax(axis=1)
    for column in np.unique(first[rows]).tolist():
        check.reject(rows & (first == column), headings[column], lambda row: reason(row, int(first[row])))


def _half_spreads(
    check: RowCheck,
    points: dict[str, tuple[str, float, float]],
    scale: float,
    grid: Grid,
    decimal: str,
    notes: list[str],
) -> Floats | None:
    if not points:
        return None
    place: dict[tuple[int, int], str] = {}
    for heading, (side, tau, m) in points.items():
        i, j = grid.nearest(m / scale, tau)
        near = abs(grid.moneyness[i] * scale / m - 1) < 1e-4 and abs(grid.maturity[j] / tau - 1) < 1e-4
        if near:
            place[(0 if side == "call" else 1, i * grid.shape[1] + j)] = heading
    if len(place) != 2 * grid.size or len(points) != 2 * grid.size:
        notes.append(f"half-spreads left out: {len(place)} of the {2 * grid.size} columns of the grid are there")
        return None
    spreads = np.empty((len(check.table), 2, grid.size))
    for (which, flat), heading in place.items():
        numbers = parse_numbers(check.table.column(heading), decimal)
        reject_bad(check, heading, numbers)
        check.reject(numbers.missing, heading, "half-spread is missing")
        check.reject(numbers.values < 0, heading, "half-spread must be >= 0")
        spreads[:, which, flat] = numbers.values
    notes.append("half-spreads of calls and puts read as fractions of spot")
    return spreads


def moneyness_scale(levels: Sequence[float] | Floats, notes: list[str]) -> float:
    """1 for moneyness as a ratio, 100 for percent of spot."""
    if np.median(levels) <= 5:
        return 1.0
    notes.append(f"moneyness {min(levels):g} … {max(levels):g} read as percent of spot")
    return 100.0


def _reject_repeats(check: RowCheck, heading: str, rows: DailyRows) -> None:
    """Of several rows for one day the first is kept; the others are listed as the same or as different."""
    kept = np.flatnonzero(check.kept)
    _, first, group = np.unique(rows.days[kept], return_index=True, return_inverse=True)
    original = kept[first[group]]
    again = kept != original
    if not again.any():
        return
    arrays = (rows.spot, rows.iv, rows.rate, rows.vix, rows.half_spread)
    parts = [a.reshape(len(a), -1) for a in arrays if a is not None]
    first_of = dict(zip(kept[again].tolist(), original[again].tolist(), strict=True))

    def reason(row: int) -> str:
        line = check.table.lines[first_of[row]]
        same = all(np.array_equal(p[row], p[first_of[row]]) for p in parts)
        return f"the same as line {line}" if same else f"a second, different row for the day of line {line}"

    check.reject(rows_mask(check, kept[again]), heading, reason)
