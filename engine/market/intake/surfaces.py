"""Tables of implied volatility surfaces, wide or long (one row for each day and point), to a history on one grid."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from engine.errors import MarketDataError
from engine.market.grid import CH2_GRID, LOWEST_IV, VOLGAN_GRID, Floats, Grid
from engine.market.intake.cells import Numbers, coded_texts, decimal_mark, parse_dates, parse_numbers
from engine.market.intake.columns import (
    assign,
    by_elimination,
    is_call,
    is_surface_by_delta,
    iv_fault,
    iv_scale,
    read_positive,
    read_rate,
    read_vix,
    reject_bad,
    reject_dates,
    require,
    rows_mask,
)
from engine.market.intake.moneyness import (
    moneyness_scale,
    read_delta,
    read_moneyness,
    spot_of_strikes,
    strike_of_delta,
)
from engine.market.intake.remarks import day_above
from engine.market.intake.result import AmbiguousColumns, Closes, Imported, Mask, Reading, RowCheck
from engine.market.intake.tables import RawTable
from engine.market.intake.vocabulary import PER_YEAR, delta_points, half_spread_points, normal, surface_points
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
    notes += by_elimination(table.only(others), "surfaces", roles)
    scale = moneyness_scale(np.array([m for _, m in points.values()]), notes)
    points = {h: (tau, _of_heading(m / scale, reading)) for h, (tau, m) in points.items()}
    grid, order = wide_grid(points, table.file)
    numeric = [*points, *spreads, *(roles[r] for r in ("spot", "rate", "vix") if r in roles)]
    decimal, note = decimal_mark(table, numeric, reading.decimal)
    notes += [note] if note else []

    dates, date_notes = parse_dates(table, [roles["date"]], reading.date_order)
    notes += date_notes
    reject_dates(check, roles["date"], dates[0].faults)
    spot = read_positive(check, roles["spot"], "spot", decimal)
    iv = _wide_vols(check, [order[i] for i in range(grid.size)], decimal, reading.iv_unit, notes)
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


def _of_heading(moneyness: float, reading: Reading) -> float:
    """K/S of a heading's number, which is K/S unless a person said otherwise."""
    if reading.moneyness == "log":
        return float(np.exp(moneyness))
    return round(1 / moneyness, 4) if reading.moneyness == "S/K" and moneyness else moneyness


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


def _wide_vols(check: RowCheck, headings: Sequence[str], decimal: str, unit: str | None, notes: list[str]) -> Floats:
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


MOST_DAYS = 0.5
"""A moneyness or maturity belongs to the grid if it occurs on at least this share of the days."""

STRIKE_NOISE = 1e-3
"""Strikes divided by spot that differ by less are one moneyness level (strikes are rounded to ticks)."""

_STEPS = (0.005, 0.01, 0.02, 0.025, 0.05, 0.1, 0.2)
_TENOR = re.compile(r"(\d+(?:\.\d+)?)\s*(d|w|m|y)[a-z]*", re.IGNORECASE)


@dataclass(frozen=True, eq=False)
class _Points:
    """The usable rows of the file, as points of surfaces.

    Args:
        row: their row in the file.
        day: their position in ``days``.
        days: the distinct days, increasing.
        moneyness, maturity, iv: their content.
    """

    row: NDArray[np.intp]
    day: NDArray[np.intp]
    days: Dates
    moneyness: Floats
    maturity: Floats
    iv: Floats

    def where(self, mask: Mask) -> _Points:
        cut = {key: getattr(self, key)[mask] for key in ("row", "day", "moneyness", "maturity", "iv")}
        return replace(self, **cut)


def read_long(table: RawTable, reading: Reading, closes: Closes | None = None) -> Imported[SurfaceHistory]:
    """``date, spot, maturity, moneyness, strike or delta, iv``, optionally ``rate`` and ``vix``.

    Maturities in days or years, vols in decimals or percent: decided over the whole column, said in the notes. Only
    days that have the whole grid are kept. Strikes that are no fixed share of spot, and grids by delta, are
    interpolated linearly in moneyness (SPEC 0) to levels that most smiles cover.

    Args:
        table: the file.
        reading: a person's decisions.
        closes: underlying price by day, from a price file read beside surfaces that come without one.

    Raises:
        AmbiguousColumns: if a column, a unit or the underlying price has to be asked for.
        MarketDataError: if nothing in it can be used.
    """
    if is_surface_by_delta(delta_points(table.headings)):
        table = _one_delta_a_row(table)
    roles = _roles(table, reading)
    across = next(level for level in ("moneyness", "delta", "strike") if level in roles)
    check = RowCheck(table)
    notes = [*table.notes, *by_elimination(table, "surfaces", roles)]
    if table.profile is not None:
        notes.append(f"{table.file} has the headings of {table.profile.name}")
    numeric = ("spot", "maturity", "moneyness", "strike", "delta", "iv", "rate", "vix")
    decimal, note = decimal_mark(table, [roles[role] for role in numeric if role in roles], reading.decimal)
    notes += [note] if note else []

    day_of = _days(check, roles.get("date"), reading, notes)
    _one_underlying(check, roles.get("underlying"), reading, notes)
    spot = read_positive(check, roles["spot"], "spot", decimal) if "spot" in roles else None
    maturity = _maturities(check, roles["maturity"], decimal, reading.maturity_unit, notes)
    if across == "moneyness":
        level = read_moneyness(check, roles["moneyness"], decimal, reading, notes)
    elif across == "strike" or "strike" in roles:
        level = read_positive(check, roles["strike"], "strike", decimal)
    iv = _long_vols(check, roles["iv"], decimal, reading.iv_unit, notes)
    rate = read_rate(check, roles.get("rate"), decimal, reading.rate_unit, notes)
    vix = read_vix(check, roles.get("vix"), decimal, notes)
    if across == "delta":
        calls = None if "type" not in roles else is_call(check, roles["type"])
        delta = read_delta(check, roles["delta"], calls, decimal, notes)
    if spot is None:
        implied = None
        if across == "delta" and "strike" in roles and check.kept.any():
            implied = _implied_spot(check, day_of, maturity, level, delta, iv)
        spot = _given_spot(check, roles, reading, closes, day_of, implied, notes)
    elif "spot" in roles:
        _reject_second_spots(check, roles["spot"], day_of, spot)
    check.require_some()

    if across == "moneyness":
        moneyness = level
    elif "strike" in roles:
        moneyness = level / spot
    else:
        kept = check.kept
        moneyness = np.full(len(table), np.nan)
        moneyness[kept] = strike_of_delta(delta[kept], iv[kept], maturity[kept], 0.0 if rate is None else rate[kept])
    if across == "delta":
        how = "strikes given with them" if "strike" in roles else "strikes of each point's own delta, vol and rate"
        notes.append(f"vols by delta of {table.file} are put on K/S by the {how}")
    row = np.flatnonzero(check.kept)
    days, first, day = np.unique(day_of[row], return_index=True, return_inverse=True)
    points = _Points(row, day, days, moneyness[row], maturity[row], iv[row])
    levels, maturities, surfaces = _gridded(check, points, roles, across != "moneyness", notes)
    grid = standard_grid(levels, maturities, table.file)
    surfaces = surfaces.reshape(len(days), grid.size)
    full = _reject_incomplete_days(check, points, surfaces, (levels, maturities), roles["iv"])
    for unlike, reason in unlike_days(surfaces, full):
        check.reject(rows_mask(check, row[unlike[day]]), roles["iv"], reason)
        full &= ~unlike
    check.require_some()

    if (np.diff(day_of[row]) < np.timedelta64(0)).any():
        notes.append(f"the rows of {table.file} were not in time order; they have been sorted")
    daily = DailyRows(
        days=days,
        spot=spot[row[first]],
        iv=surfaces,
        rate=None if rate is None else _rate_of_days(rate[row], day, notes),
        vix=None if vix is None else vix[row[first]],
    )
    return as_history(daily.take(np.flatnonzero(full)), grid, check, notes)


def _roles(table: RawTable, reading: Reading) -> dict[str, str]:
    roles = assign(table, "surfaces")
    by_delta = ", ".join(delta_points(table.headings))
    if by_delta and "iv" not in roles:
        raise MarketDataError(
            f"expected vols at three or more deltas for two or more maturities in {table.file}; found {by_delta[:200]}"
        )
    if not {"iv", "maturity", "moneyness", "strike", "delta"} & set(roles):
        raise AmbiguousColumns(
            f"Which column of {table.file} is the implied vol? Expected columns named iv_<days>d_<moneyness> (a row "
            f"a day), or one column each for maturity, moneyness and iv; found {', '.join(table.headings)[:200]}",
            table,
            needed="iv",
            options=[h for h in table.headings if h not in roles.values()],
        )
    told = reading.date is not None or day_above(table) is not None
    level = next((level for level in ("moneyness", "delta", "strike") if level in roles), "moneyness")
    require(table, "surfaces", roles, (*(() if told else ("date",)), "maturity", level, "iv"))
    return roles


def _days(check: RowCheck, heading: str | None, reading: Reading, notes: list[str]) -> Dates:
    """The day of each row; that of a snapshot is given, or stands above the headings."""
    if heading is not None:
        dates, said = parse_dates(check.table, [heading], reading.date_order)
        notes += said
        reject_dates(check, heading, dates[0].faults)
        return dates[0].days
    day = day_above(check.table) if reading.date is None else np.datetime64(reading.date)
    notes.append(
        f"all points are of {day}, {'as given' if reading.date else 'the day in the lines above the headings'}"
    )
    return np.full(len(check.table), day)


def _one_delta_a_row(table: RawTable) -> RawTable:
    """A table with a column for each maturity and delta as one with a row for each; maturities of one delta go."""
    points = delta_points(table.headings)
    many = [maturity for maturity, _ in points.values()]
    used = {h: point for h, point in points.items() if many.count(point[0]) >= 3}
    shared = [h for h in table.headings if h not in points]
    n, k = len(table), len(used)
    order = pa.array(np.arange(n * k).reshape(k, n).T.ravel())
    iv = pa.concat_arrays([table.column(h) for h in used]).take(order)
    repeat = pa.array(np.repeat(np.arange(n), k))
    columns = [table.column(h).take(repeat) for h in shared]
    maturity = pa.array(np.tile([365 * maturity for maturity, _ in used.values()], n))
    delta = pa.array(np.tile([delta for _, delta in used.values()], n))
    told = table.noting(f"each of {k} columns of vols by delta is read as a point of the surface")
    return replace(
        told,
        headings=(*shared, "maturity_days", "delta", "iv"),
        columns=(*columns, maturity, delta, iv),
        lines=np.repeat(table.lines, k),
    )


def _one_underlying(check: RowCheck, heading: str | None, reading: Reading, notes: list[str]) -> None:
    """Only the rows of one underlying: the one asked for, else the first; the others are listed."""
    if heading is None:
        return
    texts, codes = coded_texts(check.table.column(heading))
    if len(texts) < 2 and reading.underlying is None:
        return
    wanted = texts[0] if reading.underlying is None else reading.underlying.strip()
    mine = np.array([*(text.upper() == wanted.upper() for text in texts), False])[codes]
    shown = ", ".join(" ".join(text.split())[:15] for text in texts[:10])
    if not mine.any():
        raise MarketDataError(
            f"expected one of {shown} as answer to underlying; found {wanted[:40]!r} for {check.table.file}"
        )
    if mine.all():
        return
    notes.append(
        f"{check.table.file} holds surfaces of {len(texts):,} underlyings ({shown}): those of {wanted[:15]} are read "
        "(the answer underlying=… takes another)"
    )
    check.reject(~mine, heading, f"another underlying than {wanted[:15]}")


def _implied_spot(
    check: RowCheck, day_of: Dates, maturity: Floats, strike: Floats, delta: Floats, iv: Floats
) -> Floats:
    """``(n,)`` underlying price of each row's day, from the strikes at the delta nearest to one half."""
    row = np.flatnonzero(check.kept)
    _, day = np.unique(day_of[row], return_inverse=True)
    spot = np.full(len(check.table), np.nan)
    spot[row] = spot_of_strikes(day, maturity[row], strike[row], delta[row], iv[row])[day]
    return spot


def _given_spot(
    check: RowCheck,
    roles: dict[str, str],
    reading: Reading,
    closes: Closes | None,
    days: Dates,
    implied: Floats | None,
    notes: list[str],
) -> Floats:
    """Underlying prices that no column holds: closes beside the file, the strikes' own, or a person's answer."""
    wanted = np.unique(days[check.kept])
    if closes is not None:
        known = np.array([closes.get(day, np.nan) for day in days])
        check.reject(np.isnan(known), "spot", "no closing price of the underlying for this day", value="")
        notes.append("underlying prices taken from the daily closes beside the surfaces")
        return known
    if reading.spot is not None and len(wanted) <= 1:
        notes.append(f"underlying price {float(reading.spot):g}, as given")
        return np.full(len(days), float(reading.spot))
    if implied is not None:
        low, high = float(np.nanmin(implied)), float(np.nanmax(implied))
        told = f"the underlying price of each day, {low:.6g} to {high:.6g}, is that of the strikes at delta ½"
        if reading.spot is not None:
            told += f": one price, {float(reading.spot):g}, cannot be that of {len(wanted):,} days"
        notes.append(told)
        return implied
    if reading.spot is not None:
        raise MarketDataError(
            f"expected a column or a file of daily closes for the underlying price of {len(wanted):,} days of "
            f"{check.table.file}; found one number, {float(reading.spot):g}, as answer to spot"
        )
    raise AmbiguousColumns(
        f"What was the underlying price? {check.table.file} has no column for it: name one, or add a file of daily "
        "closes beside the surfaces" + (", or give the price of the day" if len(wanted) == 1 else ""),
        check.table,
        needed="spot",
        options=[h for h in check.table.headings if h not in roles.values()],
        takes="number" if len(wanted) == 1 else "",
    )


def _maturities(check: RowCheck, heading: str, decimal: str, unit: str | None, notes: list[str]) -> Floats:
    """Maturities in years; the unit from tenors like 3M, from the values, from the heading, or asked."""
    column = check.table.column(heading)
    tenors = _tenors(column)
    if tenors is not None:
        notes.append("maturities read as tenors such as 30D, 3M, 1Y (365 days, 12 months a year)")
        check.reject(np.isnan(tenors), heading, "maturity is missing")
        check.reject(~(tenors > 0), heading, "maturity must be > 0")
        return tenors
    values = read_positive(check, heading, "maturity", decimal)
    usable = values[check.kept]
    if unit is None and len(usable):
        unit = _maturity_unit(check.table, heading, usable, notes)
    elif unit is not None:
        notes.append(f"maturities read as {unit}, as asked")
    years: Floats = values / (365.0 if unit == "days" else 1.0)
    check.reject(years > 50, heading, "maturity above 50 years")
    return years


def _maturity_unit(table: RawTable, heading: str, values: Floats, notes: list[str]) -> str:
    name, shortest, longest = normal(heading), float(values.min()), float(values.max())
    if shortest == longest:
        raise MarketDataError(
            f"expected at least two maturities (a calendar spread needs two); found only {longest:g} in {table.file}"
        )
    if longest > 30:
        notes.append(f"maturities read as days because the longest is {longest:g}")
        return "days"
    if shortest < 1:
        notes.append(f"maturities read as years because the shortest is {shortest:.4g}")
        return "years"
    for unit, words in (("days", "day|dte"), ("years", "year")):
        if re.search(words, name):
            notes.append(f"maturities read as {unit} because their column is named {heading[:40]}")
            return unit
    raise AmbiguousColumns(
        f"Are the maturities of {table.file}, {shortest:g} to {longest:g}, days or years? Both are possible",
        table,
        needed="maturity_unit",
        options=("days", "years"),
        by="option",
    )


def _tenors(column: Any) -> Floats | None:
    """``(n,)`` years if the cells are tenors (NaN where missing), else None."""
    if not pa.types.is_string(column.type):
        return None
    texts, codes = coded_texts(column)
    matches = [_TENOR.fullmatch(text) for text in texts]
    if 2 * sum(m is not None for m in matches) <= len(matches):
        return None
    years = [float(m[1]) / PER_YEAR[m[2].lower()] if m else np.nan for m in matches]
    values: Floats = np.array([*years, np.nan])[codes]
    return values


def _long_vols(check: RowCheck, heading: str, decimal: str, unit: str | None, notes: list[str]) -> Floats:
    numbers: Numbers = parse_numbers(check.table.column(heading), decimal, allow_percent=True)
    reject_bad(check, heading, numbers)
    check.reject(numbers.missing, heading, "implied vol is missing")
    said_percent = numbers.percent or re.search(r"%|pct|percent", normal(heading)) is not None
    iv: Floats = numbers.values / iv_scale(check, numbers.values[check.kept], said_percent, unit, notes)
    check.reject(~((iv >= LOWEST_IV) & (iv <= HIGHEST_IV)), heading, lambda row: iv_fault(float(iv[row])))
    return iv


def _reject_second_spots(check: RowCheck, heading: str, day_of: Dates, spot: Floats) -> None:
    row = np.flatnonzero(check.kept)
    _, first, day = np.unique(day_of[row], return_index=True, return_inverse=True)
    other = row[spot[row] != spot[row[first[day]]]]
    first_line = dict(zip(row.tolist(), check.table.lines[row[first[day]]].tolist(), strict=True)) if len(other) else {}
    check.reject(rows_mask(check, other), heading, lambda r: f"spot differs from line {first_line[r]} of the same day")


def _gridded(
    check: RowCheck, points: _Points, roles: dict[str, str], by_strike: bool, notes: list[str]
) -> tuple[Floats, Floats, NDArray[np.float64]]:
    """Moneyness levels, maturities, and ``(n_days, n_moneyness, n_maturity)`` vols with NaN holes."""
    maturities, place = _levels(points.maturity, 1e-6)
    if maturities is None or place is None:
        maturities, place = np.unique(points.maturity, return_inverse=True)
    often = _often(place, points.day, len(maturities), len(points.days))
    if not often.any():
        raise MarketDataError(
            f"expected the same maturities on every day; found {len(maturities):,} different ones in "
            f"{check.table.file}, none on half of the {len(points.days):,} days: give surfaces at fixed maturities, or "
            "the option quotes themselves"
        )
    odd = ~often[place]
    check.reject(rows_mask(check, points.row[odd]), roles["maturity"], "a maturity that most days do not have")
    points, column = points.where(~odd), (np.cumsum(often) - 1)[place[~odd]]
    maturities = maturities[often]

    levels, place = _levels(points.moneyness, STRIKE_NOISE if by_strike else 1e-6)
    if levels is not None and place is not None:
        often = _often(place, points.day, len(levels), len(points.days))
        odd = ~often[place]
        snapped, line = points.where(~odd), (np.cumsum(often) - 1)[place[~odd]]
        cells = snapped.day * int(often.sum()) * len(maturities) + line * len(maturities) + column[~odd]
        whole = np.bincount(np.unique(cells) // (int(often.sum()) * len(maturities))) if len(cells) else np.zeros(1)
        full_days = int((whole == often.sum() * len(maturities)).sum())
        if often.any() and (not by_strike or full_days >= MOST_DAYS * len(points.days)):
            heading = next(roles[level] for level in ("moneyness", "strike", "delta") if level in roles)
            check.reject(rows_mask(check, points.row[odd]), heading, "a moneyness that most days do not have")
            levels = _standard_levels(levels[often]) if by_strike else levels[often]
            return levels, maturities, _placed(check, snapped, line, column[~odd], roles["iv"])
    if not by_strike:
        raise MarketDataError(
            f"expected the same moneyness levels on every day; found {len(np.unique(points.moneyness)):,} different "
            f"ones in {check.table.file}, none on half of the {len(points.days):,} days"
        )
    return _interpolated(check, points, column, maturities, notes)


def _placed(
    check: RowCheck, points: _Points, line: NDArray[np.intp], column: NDArray[np.intp], heading: str
) -> NDArray[np.float64]:
    """Points set into their surfaces; of several for one place the first is kept and the others are rejected."""
    shape = (len(points.days), int(line.max()) + 1, int(column.max()) + 1)
    cell = np.ravel_multi_index((points.day, line, column), shape)
    _, first, group = np.unique(cell, return_index=True, return_inverse=True)
    again = np.flatnonzero(first[group] != np.arange(len(cell)))
    original = {int(points.row[k]): int(first[group[k]]) for k in again}
    value = dict(zip(points.row[again].tolist(), points.iv[again].tolist(), strict=True))

    def reason(row: int) -> str:
        twin = original[row]
        where = f"line {check.table.lines[points.row[twin]]}"
        same = points.iv[twin] == value[row]
        return f"the same as {where}" if same else f"a second, different vol for the point of {where}"

    check.reject(rows_mask(check, points.row[again]), heading, reason)
    surfaces = np.full(shape, np.nan)
    surfaces.flat[cell[first]] = points.iv[first]
    return surfaces


def _interpolated(
    check: RowCheck, points: _Points, column: NDArray[np.intp], maturities: Floats, notes: list[str]
) -> tuple[Floats, Floats, NDArray[np.float64]]:
    """Smiles at floating moneyness, linearly interpolated to fixed levels; NaN where a smile does not reach."""
    order = np.lexsort((points.moneyness, column, points.day))
    smile = points.day[order] * len(maturities) + column[order]
    start = np.flatnonzero(np.r_[True, np.diff(smile) > 0])
    stop = np.r_[start[1:], len(smile)]
    m, iv = points.moneyness[order], points.iv[order]
    of = smile[start] % len(maturities)
    low = max(float(np.quantile(m[start[of == j]], 0.95)) for j in np.unique(of))
    high = min(float(np.quantile(m[stop[of == j] - 1], 0.05)) for j in np.unique(of))
    typical = int(np.median(stop - start))
    levels = next((lv for step in _STEPS if 3 <= len(lv := _multiples(step, low, high)) <= max(typical, 3)), None)
    if levels is None:
        raise MarketDataError(
            f"expected smiles that reach over a common range of strikes; found {typical} strikes a smile and a common "
            f"range of K/S {low:.3f} … {high:.3f} in {check.table.file}"
        )
    surfaces = np.full((len(points.days), len(levels), len(maturities)), np.nan)
    for a, b in zip(start, stop, strict=True):
        day, tau = divmod(int(smile[a]), len(maturities))
        surfaces[day, :, tau] = np.interp(levels, m[a:b], iv[a:b], left=np.nan, right=np.nan)
    notes.append(
        f"strikes are no fixed share of spot: vols interpolated linearly in K/S to {len(levels)} levels, "
        f"{levels[0]:g} to {levels[-1]:g}"
    )
    return levels, maturities, surfaces


def _multiples(step: float, low: float, high: float) -> Floats:
    first, last = int(np.ceil(low / step - 1e-9)), int(np.floor(high / step + 1e-9))
    multiples: Floats = np.round(step * np.arange(first, last + 1), 6)
    return multiples


def _levels(values: Floats, noise: float) -> tuple[Floats, NDArray[np.intp]] | tuple[None, None]:
    """Distinct levels of values that differ by no more than noise; (None, None) if they form a continuum."""
    distinct, place = np.unique(values, return_inverse=True)
    opens = np.r_[True, np.diff(distinct) > noise]
    group = np.cumsum(opens) - 1
    first, last = distinct[opens], distinct[np.r_[opens[1:], True]]
    if ((last - first) > 2 * noise).any():
        return None, None
    level = group[place]
    levels = first.copy()
    for g in np.flatnonzero(last > first):
        levels[g] = _rounded(float(np.median(values[level == g])), float(last[g] - first[g]))
    return levels, level


def _standard_levels(levels: Floats) -> Floats:
    """The moneyness of a standard grid if rounded strikes can mean nothing else."""
    for known in (CH2_GRID.moneyness, VOLGAN_GRID.moneyness):
        if len(known) == len(levels) and np.allclose(known, levels, rtol=0, atol=STRIKE_NOISE / 2):
            return known
    return levels


def _rounded(value: float, width: float) -> float:
    """The shortest decimal that lies within the noise."""
    if width == 0:
        return value
    return next((r for digits in range(1, 9) if abs((r := round(value, digits)) - value) <= width / 2), value)


def _often(place: NDArray[np.intp], day: NDArray[np.intp], n_levels: int, n_days: int) -> Mask:
    """``(n_levels,)`` whether a level occurs on enough days."""
    pairs = np.unique(place.astype(np.int64) * n_days + day)
    often: Mask = np.bincount(pairs // n_days, minlength=n_levels) >= MOST_DAYS * n_days
    return often


def _reject_incomplete_days(
    check: RowCheck, points: _Points, surfaces: NDArray[np.float64], axes: tuple[Floats, Floats], heading: str
) -> Mask:
    """Reject every row of a day with holes; returns which days are whole."""
    holes = np.isnan(surfaces)
    missing = holes.sum(axis=1)
    day_of = dict(zip(points.row.tolist(), points.day.tolist(), strict=True)) if missing.any() else {}

    def reason(row: int) -> str:
        day = day_of[row]
        i, j = divmod(int(holes[day].argmax()), len(axes[1]))
        return (
            f"{missing[day]} of {surfaces.shape[1]} vols of {points.days[day]} are missing, the first at moneyness "
            f"{axes[0][i]:.4g}, {365 * axes[1][j]:.4g} days"
        )

    check.reject(rows_mask(check, points.row[missing[points.day] > 0]), heading, reason)
    full: Mask = missing == 0
    return full


def _rate_of_days(rate: Floats, day: NDArray[np.intp], notes: list[str]) -> Floats:
    grouped = pd.Series(rate).groupby(day)
    if (grouped.max() != grouped.min()).any():
        notes.append("the rate differs within a day: the median of each day is used")
    return np.asarray(grouped.median(), dtype=np.float64)
