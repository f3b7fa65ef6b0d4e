"""Which days are missing in a history, and how they lie in the calendar."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.market.surface_history import Dates

WEEKS = 53
"""Most weeks of an ISO year."""


@dataclass(frozen=True)
class Gap:
    """The longest stretch without data.

    Args:
        days: calendar days from the last day before it to the first after it (3 over a weekend).
        before, after: those two days.
    """

    days: int
    before: np.datetime64
    after: np.datetime64


@dataclass(frozen=True, eq=False)
class WeekTable:
    """Missing weekdays by ISO week.

    Args:
        years: ``(n,)`` ISO years, increasing.
        mondays: ``(n, 53)`` the week's Monday; NaT where the year has no such week.
        missing: ``(n, 53)`` weekdays without data; NaN outside the first and the last day of the data.
    """

    years: NDArray[np.int64]
    mondays: Dates
    missing: NDArray[np.float64]


def missing_weekdays(dates: Dates) -> Dates:
    """Mondays to Fridays between the first and the last day that have no data: holidays and gaps."""
    every = np.arange(dates[0], dates[-1] + 1)
    weekdays: Dates = every[np.is_busday(every)]
    return np.setdiff1d(weekdays, dates)


def longest_gap(dates: Dates) -> Gap | None:
    """The longest stretch without data; None for a single day."""
    if len(dates) < 2:
        return None
    steps = np.diff(dates).astype(np.int64)
    row = int(steps.argmax())
    return Gap(int(steps[row]), dates[row], dates[row + 1])


def by_week(dates: Dates) -> WeekTable:
    """Missing weekdays of each ISO week from the first to the last day."""
    first, last = _monday(dates[:1])[0], _monday(dates[-1:])[0]
    mondays = np.arange(first, last + 1, 7)
    year, week = _iso(mondays)
    missing = np.zeros(len(mondays))
    np.add.at(missing, (_monday(missing_weekdays(dates)) - first).astype(np.int64) // 7, 1)
    years = np.arange(year[0], year[-1] + 1)
    table = np.full((len(years), WEEKS), np.nan)
    table[year - years[0], week - 1] = missing
    places = np.full((len(years), WEEKS), np.datetime64("NaT"), dtype="datetime64[D]")
    places[year - years[0], week - 1] = mondays
    return WeekTable(years, places, table)


def _monday(days: Dates) -> Dates:
    monday: Dates = days - (days.astype(np.int64) + 3) % 7  # 1970-01-01 was a Thursday
    return monday


def _iso(mondays: Dates) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """ISO year and week: those of the week's Thursday."""
    thursday = mondays + 3
    year = thursday.astype("datetime64[Y]")
    week = (thursday - year.astype("datetime64[D]")).astype(np.int64) // 7 + 1
    return year.astype(np.int64) + 1970, week
