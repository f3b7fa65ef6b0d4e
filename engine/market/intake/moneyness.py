"""What a column of surfaces says about moneyness: K/S, S/K, its logarithm, percent; or a delta."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from engine.market.grid import Floats
from engine.market.intake.cells import parse_numbers
from engine.market.intake.columns import reject_bad, within_reason
from engine.market.intake.result import AmbiguousColumns, Reading, RowCheck
from engine.market.intake.tables import RawTable
from engine.market.intake.vocabulary import normal

_LOG = re.compile(r"(^|_)(log|ln)")
_INVERTED = ("s_k", "s_over_k", "spot_over_strike")
_STATED = ("k_s", "k_over_s", "strike_over_spot")
LARGEST_LOG = 1.5
"""|log K/S| up to which values around zero are taken for logarithms."""

ROUNDING = 1e-4
"""Relative rounding of moneyness levels in files, within which a level is the shortest decimal."""


def read_moneyness(check: RowCheck, heading: str, decimal: str, reading: Reading, notes: list[str]) -> Floats:
    """``(n,)`` K/S as a ratio; rows that have none are rejected.

    Raises:
        AmbiguousColumns: if the levels look like S/K and the heading does not say.
    """
    numbers = parse_numbers(check.table.column(heading), decimal, allow_percent=True)
    reject_bad(check, heading, numbers)
    check.reject(numbers.missing, heading, "moneyness is missing")
    values = within_reason(check, heading, "moneyness", numbers.values)
    usable = values[check.kept]
    meaning = reading.moneyness or _meaning(check.table, heading, usable)
    if meaning == "log":
        why = "as given" if reading.moneyness else f"because it runs from {usable.min():g} to {usable.max():g}"
        notes.append(f"{heading[:40]} is read as log(K/S) {why}")
        return _shortest(np.exp(np.clip(values, -LARGEST_LOG, LARGEST_LOG)))
    check.reject(~(values > 0), heading, "moneyness must be > 0")
    levels = values / moneyness_scale(values[check.kept], notes)
    if meaning == "S/K":
        notes.append(f"{heading[:40]} is read as S/K and inverted to K/S")
        with np.errstate(divide="ignore", invalid="ignore"):
            return _shortest(1 / levels)
    return levels


def moneyness_scale(levels: Floats, notes: list[str]) -> float:
    """1 for moneyness as a ratio, 100 for percent of spot."""
    if not len(levels) or np.median(levels) <= 5:
        return 1.0
    notes.append(f"moneyness {min(levels):g} … {max(levels):g} read as percent of spot")
    return 100.0


def _meaning(table: RawTable, heading: str, levels: Floats) -> str:
    name = normal(heading)
    if not len(levels) or name in _STATED:
        return "K/S"
    if name in _INVERTED:
        return "S/K"
    around_zero = float((levels <= 0).mean()) > 0.1 and float(np.abs(levels).max()) <= LARGEST_LOG
    if around_zero or (_LOG.search(name) and float(np.abs(levels).max()) <= LARGEST_LOG):
        return "log"
    distinct = np.unique(levels)
    plain, inverted = (float(_is_short(values).mean()) for values in (distinct, 1 / distinct[distinct > 0]))
    if len(distinct) <= 100 and inverted > 0.9 and plain < 0.75:
        raise AmbiguousColumns(
            f"Is {heading[:40]} of {table.file} S/K or K/S? Its levels, such as "
            f"{', '.join(f'{level:g}' for level in distinct[:3])}, are round numbers only when inverted",
            table,
            needed="moneyness",
            options=("S/K", "K/S"),
            by="option",
        )
    return "K/S"


def _is_short(values: Floats) -> NDArray[np.bool_]:
    """Whether values are decimals of at most two digits, within the rounding of files."""
    short: NDArray[np.bool_] = np.abs(np.round(values, 2) - values) <= ROUNDING * np.abs(values)
    return short


def _shortest(values: Floats) -> Floats:
    """Each value as the decimal of fewest digits within the rounding of files."""
    result = values.copy()
    open_ = ~np.isnan(values)
    for digits in (1, 2, 3):
        rounded = np.round(values, digits)
        fits = open_ & (np.abs(rounded - values) <= ROUNDING * np.abs(values))
        result[fits] = rounded[fits]
        open_ &= ~fits
    return result


# --- by delta ---------------------------------------------------------------------------------------------------------


def read_delta(
    check: RowCheck, heading: str, is_call: NDArray[np.bool_] | None, decimal: str, notes: list[str]
) -> Floats:
    """``(n,)`` N(d1): the delta of the call in (0, 1) at each point; the sides in the money are rejected.

    Args:
        check: the file.
        heading: its column of deltas: in percent or decimals, those of puts negative or marked as puts.
        is_call: ``(n,)`` which rows are calls, or None if only the sign says it.
        decimal: the decimal mark.
        notes: what is said is added here.
    """
    numbers = parse_numbers(check.table.column(heading), decimal, allow_percent=True)
    reject_bad(check, heading, numbers)
    check.reject(numbers.missing, heading, "delta is missing")
    values = numbers.values
    usable = np.abs(values[check.kept])
    scale = 100.0 if len(usable) and np.nanmax(usable) > 1 else 1.0
    size = np.abs(values) / scale
    check.reject(~((size > 0) & (size < 1)), heading, "delta must lie between 0 and 1 (or 0 and 100)")
    calls = values > 0 if is_call is None else is_call
    if not (~calls[check.kept]).any():
        return size
    inside = np.where(calls, size > 0.5, size >= 0.5) & check.kept
    notes.append(f"of calls and puts at one delta those out of the money are used; left out: {int(inside.sum()):,}")
    check.kept &= ~inside
    return np.where(calls, size, 1 - size)


def strike_of_delta(call_delta: Floats, iv: Floats, maturity: Floats, rate: Floats | float) -> Floats:
    """K/S of a point of a grid by delta, with the point's own vol: m = exp(−d₁ σ√τ + (r + σ²/2) τ), d₁ = N⁻¹(delta).

    Args:
        call_delta: ``(n,)`` N(d1), in (0, 1).
        iv: ``(n,)`` decimals a year.
        maturity: ``(n,)`` years.
        rate: of interest, decimals a year; without dividends.
    """
    width = iv * np.sqrt(maturity)
    moneyness: Floats = np.exp(-ndtri(call_delta) * width + rate * maturity + width**2 / 2)
    return moneyness


def spot_of_strikes(day: NDArray[np.intp], maturity: Floats, strike: Floats, call_delta: Floats, iv: Floats) -> Floats:
    """``(n_days,)`` underlying price of each day, from the strikes of a grid by delta.

    At the delta nearest to ½ the forward is F = K exp(d₁σ√τ − σ²τ/2); log F of the two shortest maturities, carried on
    to maturity 0, is log S.

    Args:
        day: ``(n,)`` position of the day of each point.
        maturity, strike, call_delta, iv: ``(n,)``, as in :func:`strike_of_delta`.
    """
    width = iv * np.sqrt(maturity)
    log_forward = np.log(strike) + ndtri(call_delta) * width - width**2 / 2
    spot = np.full(int(day.max()) + 1, np.nan)
    order = np.lexsort((np.abs(call_delta - 0.5), maturity, day))
    first = np.r_[True, (np.diff(day[order]) != 0) | (np.diff(maturity[order]) != 0)]
    nearest = order[first]  # by day, then maturity
    opens = np.flatnonzero(np.r_[True, np.diff(day[nearest]) != 0])
    for start, stop in zip(opens, np.r_[opens[1:], len(nearest)], strict=True):
        points = nearest[start:stop][:2]
        tau, level = maturity[points], log_forward[points]
        slope = (level[1] - level[0]) / (tau[1] - tau[0]) if len(points) == 2 else 0.0
        spot[day[points[0]]] = np.exp(level[0] - slope * tau[0])
    return spot
