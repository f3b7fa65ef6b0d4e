"""Checks of single columns that the readers share: dates, prices, rates, vols and their units."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from engine.market.grid import LOWEST_IV, Floats
from engine.market.intake.import_result import AmbiguousColumns, Mask, RowCheck
from engine.market.intake.number_parsing import Numbers, number_fault, parse_numbers
from engine.market.surface_history import HIGHEST_IV

RARE = 0.05
"""An optional column (rate, VIX) missing on a larger share of rows is left out as a whole."""


def rows_mask(check: RowCheck, rows: Sequence[int] | NDArray[np.intp]) -> Mask:
    """A mask over the rows of a file from their numbers."""
    mask = np.zeros(len(check.table), dtype=np.bool_)
    mask[np.asarray(rows, dtype=np.intp)] = True
    return mask


def reject_dates(check: RowCheck, heading: str, faults: dict[int, str]) -> None:
    """Reject the rows whose date could not be read."""
    check.reject(rows_mask(check, list(faults)), heading, lambda row: faults[row])


def reject_bad(check: RowCheck, heading: str, numbers: Numbers) -> None:
    """Reject the rows whose cell is not a number."""
    check.reject(numbers.bad, heading, lambda row: number_fault(check.table.texts(heading, [row])[0]))


def read_positive(check: RowCheck, heading: str, name: str, decimal: str) -> Floats:
    """A needed column of numbers > 0."""
    numbers = parse_numbers(check.table.column(heading), decimal)
    reject_bad(check, heading, numbers)
    check.reject(numbers.missing, heading, f"{name} is missing")
    check.reject(~(numbers.values > 0), heading, f"{name} must be > 0")
    return numbers.values


def read_rate(check: RowCheck, heading: str | None, decimal: str, unit: str | None, notes: list[str]) -> Floats | None:
    """The interest rate as a decimal, if there is one."""
    numbers = _optional(check, heading, "the rate", decimal, notes)
    if numbers is None or heading is None:
        return None
    largest = float(np.nanmax(np.abs(numbers.values[check.kept]), initial=0.0))
    if unit is None and (numbers.percent or "%" in heading or "pct" in heading.lower() or largest > 0.5):
        unit = "percent"
        notes.append(f"rates read as percent (the largest is {largest:.3g})")
    elif unit is None and largest > 0.1:
        raise AmbiguousColumns(
            f"Are the rates of {check.table.file} percent or decimals? The largest, {largest:.3g}, could be both",
            needed="rate_unit",
            options=("percent", "decimal"),
            columns=check.table.headings,
            by="option",
            file=check.table.file,
        )
    rate: Floats = numbers.values / (100.0 if unit == "percent" else 1.0)
    check.reject(np.abs(rate) > 1.0, heading, "the rate is beyond ±100 % a year")
    return rate


def read_vix(check: RowCheck, heading: str | None, decimal: str, notes: list[str]) -> Floats | None:
    """The VIX in index points, if there is one."""
    numbers = _optional(check, heading, "the VIX", decimal, notes)
    if numbers is None or heading is None:
        return None
    check.reject(~(numbers.values > 0), heading, "the VIX must be > 0")
    values = numbers.values
    median = float(np.median(values[check.kept])) if check.kept.any() else 16.0
    if median < 2:
        notes.append(f"the VIX is read as a decimal vol (its median is {median:.3g}) and multiplied by 100")
        values = 100 * values
    return values


def iv_scale(check: RowCheck, values: Floats, percent: bool, unit: str | None, notes: list[str]) -> float:
    """1 for decimals, 100 for percent: decided over all vols of the file, and said.

    Raises:
        AmbiguousColumns: if the median vol could be either.
    """
    finite = values[np.isfinite(values)]
    median = float(np.median(finite)) if len(finite) else 0.2
    if unit is not None:
        notes.append(f"vols read as {unit if unit == 'percent' else 'decimals'}, as asked")
    elif percent:
        unit = "percent"
        notes.append("vols read as percent because they carry percent signs")
    elif median >= 3:
        unit = "percent"
        notes.append(f"vols read as percent because the median is {median:.3g}")
    elif median < 1.5:
        unit = "decimal"
        notes.append(f"vols read as decimals because the median is {median:.3g}")
    else:
        raise AmbiguousColumns(
            f"Are the vols of {check.table.file} percent or decimals? Their median, {median:.3g}, could be both",
            needed="iv_unit",
            options=("percent", "decimal"),
            columns=check.table.headings,
            by="option",
            file=check.table.file,
        )
    return 100.0 if unit == "percent" else 1.0


def iv_fault(vol: float) -> str:
    """Why an implied vol (decimal) is none."""
    if vol <= 0:
        return "implied vol must be > 0"
    if vol < LOWEST_IV:
        return f"implied vol below {100 * LOWEST_IV:g} %"
    return f"implied vol above {100 * HIGHEST_IV:g} % (in other units than the rest?)"


def _optional(check: RowCheck, heading: str | None, name: str, decimal: str, notes: list[str]) -> Numbers | None:
    if heading is None:
        return None
    numbers = parse_numbers(check.table.column(heading), decimal, allow_percent=True)
    missing = numbers.missing & check.kept
    if missing.sum() > RARE * max(1, check.kept.sum()):
        notes.append(f"{name} is missing on {missing.sum():,} of {check.kept.sum():,} rows and left out")
        return None
    reject_bad(check, heading, numbers)
    check.reject(numbers.missing, heading, f"{name} is missing")
    return numbers
