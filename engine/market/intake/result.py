"""What reading a file gives back, what it may ask, and how rejected rows are kept account of."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, Generic, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from engine.errors import MarketDataError
from engine.market.intake.tables import RawTable
from engine.market.intake.vocabulary import ROLES, point_of

T = TypeVar("T")
Closes = Mapping[np.datetime64, float]
"""Day → underlying price, for files that come without one."""

Mask = NDArray[np.bool_]

REJECTED_COLUMNS = ("line", "column", "value", "reason", "file")
"""Columns of the table of rejected rows; the heading line is line 1."""

KINDS = ("surfaces", "quotes", "prices", "series", "sectors")
"""What a file can hold."""

PARITY = "parity"
"""The answer to the question for the spot that asks to estimate it from the quotes."""

_CHOICES: dict[str, tuple[str, ...]] = {
    "spot_from": (PARITY,),
    "date_order": ("ymd", "dmy", "mdy"),
    "iv_unit": ("decimal", "percent"),
    "rate_unit": ("decimal", "percent"),
    "maturity_unit": ("days", "years"),
    "decimal": (".", ","),
    "splits": ("adjust", "keep"),
    "opens": ("leave out", "keep"),
    "carry": ("keep",),
    "moneyness": ("K/S", "S/K", "log"),
    "price_unit": ("currency", "coin"),
}


class AmbiguousColumns(MarketDataError):  # noqa: N818 - the question is the point, not the failure
    """The file can be read once a question is answered; the message is the question with its reason.

    Args:
        question: one sentence for the person at the screen.
        table: the file.
        needed: the role (a key of ``mapping``) or the option that the answer goes to.
        options: the answers that make sense, most likely first: headings for a role, values for an option.
        by: "mapping" if the answer is a column, "option" if it is a keyword argument, "kind" if it is what to read.
        takes: "day", "number" or "text" if a value answers as well as (or instead of) one of ``options``; empty if not.
            Column or value, the answer is the keyword argument ``needed``.

    Attributes:
        columns: all headings of the file.
        file: its name.
    """

    def __init__(
        self,
        question: str,
        table: RawTable,
        *,
        needed: str,
        options: Sequence[str],
        by: str = "mapping",
        takes: str = "",
    ) -> None:
        self.question = " ".join(question.split())  # it may quote cells, which may hold line ends
        super().__init__(self.question)
        self.needed = needed
        self.options = tuple(options)
        self.columns = table.headings
        self.by = by
        self.takes = takes
        self.file = table.file


@dataclass(frozen=True)
class Reading:
    """What a person decides about a file; everything left out is recognised, or asked.

    Args:
        mapping: role → heading of the file ("spot" → "Underlying"); a point of a wide surface is a role as well
            ("iv_30d_0.9" → "V17").
        date_order: "ymd", "dmy" or "mdy".
        iv_unit, rate_unit: "decimal" (0.2) or "percent" (20).
        maturity_unit: "days" or "years".
        decimal: "." or ",".
        moneyness: what the moneyness of surfaces is: "K/S", "S/K" or "log" (log K/S).
        price_unit: "currency", or "coin" for options priced in units of the underlying.
        date: the day of a snapshot that names none, ISO.
        spot: the underlying price of option quotes that come without one: one number for all days.
        spot_from: "parity" to estimate that of each day from put–call parity; as an answer, ``spot=parity``.
        underlying: the one to read, of a file that holds several.
        ticker: the ticker of a file that names none.
        sheet: the sheet of a workbook.
        splits: "adjust" divides prices before a split by its ratio, "keep" leaves them.
        opens: "keep" uses opens that cannot belong to their closes, "leave out" does not.
        carry: "keep" reads option quotes whose put–call parity is implausible.

    Raises:
        MarketDataError: if an option is unknown or has a value that it cannot have.
    """

    mapping: Mapping[str, str] = field(default_factory=dict)
    date_order: str | None = None
    iv_unit: str | None = None
    rate_unit: str | None = None
    maturity_unit: str | None = None
    decimal: str | None = None
    moneyness: str | None = None
    price_unit: str | None = None
    date: str | None = None
    spot: float | None = None
    spot_from: str | None = None
    underlying: str | None = None
    ticker: str | None = None
    sheet: str | None = None
    splits: str | None = None
    opens: str | None = None
    carry: str | None = None

    def __post_init__(self) -> None:
        for option, choices in _CHOICES.items():
            value = getattr(self, option)
            if value is not None and value not in choices:
                raise MarketDataError(f"expected {option} to be one of {', '.join(choices)}; found {value!r}")
        if self.spot is not None and not 0 < float(self.spot) < np.inf:
            raise MarketDataError(f"expected a spot price > 0; found {self.spot}")

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Reading:
        """From keyword arguments; None means "not decided".

        A role is an option as well: ``close="Price"`` says that the column Price is the close, ``date="2026-01-30"``
        gives the day, ``date="Traded"`` the column that holds it.

        Raises:
            MarketDataError: if an option is unknown or has a value that it cannot have.
        """
        known = {f.name for f in fields(cls)}
        given = {name: value for name, value in options.items() if value is not None}
        mapping = dict(given.pop("mapping", {}))
        if "date" in given and _day(given["date"]) is not None:
            given["date"] = _day(given["date"])
        elif "date" in given:
            mapping["date"] = given.pop("date")
        if given.get("spot") == PARITY:
            given["spot_from"] = given.pop("spot")
        if isinstance(given.get("spot"), str):
            number = _number(given.pop("spot"))
            mapping |= {"spot": options["spot"]} if number is None else {}
            given |= {} if number is None else {"spot": number}
        if "moneyness" in given and given["moneyness"] not in _CHOICES["moneyness"]:
            mapping["moneyness"] = given.pop("moneyness")
        for name in sorted(set(given) - known):
            if name not in _ROLE_NAMES and point_of(name) is None:
                told = ", ".join(sorted(known | _ROLE_NAMES | {"kind"}))
                raise MarketDataError(f"expected reading options among {told}; found {name[:40]!r}")
            mapping[name] = given.pop(name)
        return cls(**given, mapping={role: str(heading) for role, heading in mapping.items()})

    def on(self, table: RawTable) -> Reading:
        """The same about one file: a ticker or an underlying that is one of its headings is a column."""
        columns = {
            name: value
            for name in ("underlying", "ticker")
            if (value := getattr(self, name)) in table.headings and name not in self.mapping
        }
        return replace(self, mapping={**self.mapping, **columns}, **dict.fromkeys(columns)) if columns else self

    def answer(self, name: str) -> str | None:
        """What was answered to a question about a role or an option, or None."""
        value = self.mapping.get(name, getattr(self, name, None))
        return None if value is None else str(value)


def _day(value: Any) -> str | None:
    """A day in ISO form, or None if it is none."""
    if isinstance(value, datetime.date | np.datetime64):
        return str(value)[:10]
    text = re.sub(r"^(\d{4})(\d{2})(\d{2})$", r"\1-\2-\3", str(value).strip())
    try:
        return datetime.date.fromisoformat(text).isoformat()
    except ValueError:
        return None


def _number(text: str) -> float | None:
    try:
        return float(text.replace(",", "")) if re.match(r"\s*[+-]?[\d.]", text) else None
    except ValueError:
        return None


_ROLE_NAMES = {role.name for roles in ROLES.values() for role in roles}


@dataclass(frozen=True)
class Imported(Generic[T]):
    """The outcome of reading a file.

    Args:
        data: the history, quotes, prices, or sector map.
        rejected: one row per rejected row of the file: ``line`` (the heading is line 1), ``column``, ``value``,
            ``reason``, ``file``.
        notes: plain sentences saying what was decided and what was kept; they may quote the file, so they are shown
            as text, never as markup.
        kind: one of ``KINDS``.
        doubts: those of the notes that say what is implausible in the data and what follows from it.
    """

    data: T
    rejected: pd.DataFrame
    notes: tuple[str, ...]
    kind: str
    doubts: tuple[str, ...] = ()

    def noting(self, *sentences: str) -> Imported[T]:
        """The same with more notes."""
        return replace(self, notes=(*self.notes, *sentences))

    def doubting(self, *sentences: str) -> Imported[T]:
        """The same with more doubts, which are notes as well."""
        return replace(self, doubts=(*self.doubts, *sentences)).noting(*sentences)


class RowCheck:
    """Which rows of a table are still in, and why the others are out; a row is rejected once, for its first fault."""

    def __init__(self, table: RawTable) -> None:
        self.table = table
        self.kept: Mask = np.ones(len(table), dtype=np.bool_)
        self._parts = [rejections(table.file, table.ragged_lines, "", table.ragged_values, table.ragged_reasons)]

    def reject(self, rows: Mask, column: str, reason: str | Callable[[int], str], value: str | None = None) -> None:
        """Reject the rows of a mask; rows that are already out keep their first reason.

        Args:
            rows: ``(n,)`` which rows.
            column: heading at fault; its cells are listed as the value, unless ``value`` is given.
            reason: one for all, or row number → reason.
            value: what to list as the value.
        """
        fresh = np.flatnonzero(rows & self.kept)
        if not len(fresh):
            return
        self.kept[fresh] = False
        reasons = [reason(int(row)) for row in fresh] if callable(reason) else [reason] * len(fresh)
        has_cells = value is None and column in self.table.headings
        values = self.table.texts(column, fresh) if has_cells else [value or ""] * len(fresh)
        self._parts.append(rejections(self.table.file, self.table.lines[fresh], column, values, reasons))

    def list_cells(self, rows: Mask, column: str, reason: str | Callable[[int], str]) -> None:
        """List cells that are left empty while their row is kept."""
        listed = np.flatnonzero(rows & self.kept)
        reasons = [reason(int(row)) if callable(reason) else reason for row in listed]
        values = self.table.texts(column, listed)
        self._parts.append(rejections(self.table.file, self.table.lines[listed], column, values, reasons))

    def list_column(self, column: str, reason: str) -> None:
        """List a whole column that is left out, at the heading's line."""
        self._parts.append(rejections(self.table.file, [self.table.heading_line], column, [column[:80]], [reason]))

    def frame(self) -> pd.DataFrame:
        """The table of rejected rows, in file order."""
        return joined(self._parts)

    def require_some(self) -> None:
        """At least one row must be left.

        Raises:
            MarketDataError: one sentence with the most common reason and the first line it is found on.
        """
        if self.kept.any():
            return
        rejected = self.frame()
        rows = rejected[rejected["line"] > self.table.heading_line]
        if rows.empty:
            raise MarketDataError(f"expected rows below the headings of {self.table.file}; found none")
        reason = rows["reason"].value_counts(sort=True).index[0]
        first = rows[rows["reason"] == reason].iloc[0]
        shown = f" ({first['column'][:40]}: {first['value'][:40]!r})" if first["column"] else ""
        none = f"none of the {len(rows):,} rows" if len(rows) > 1 else "not even the only row"
        raise MarketDataError(
            f"{none} of {self.table.file} can be used; most often: {reason}; first in line {first['line']}{shown}"
        )

    def count_note(self, what: str = "rows") -> str:
        """Plain words for how much was kept."""
        total = len(self.table) + len(self.table.ragged_lines)
        out = total - int(self.kept.sum())
        if out == 0:
            return f"all {total:,} {what} of {self.table.file} kept" if total > 1 else f"{self.table.file} read whole"
        return f"{total - out:,} of {total:,} {what} of {self.table.file} kept; {out:,} rejected and listed"


def rejections(
    file: str, lines: Sequence[int] | NDArray[Any], column: str, values: Sequence[str], reasons: Sequence[str]
) -> pd.DataFrame:
    """Rows of the table of rejected rows."""
    n = len(lines)
    content = {
        "line": np.asarray(lines, dtype=np.int64),
        "column": np.full(n, column, dtype=object),
        "value": np.asarray(values, dtype=object),
        "reason": np.asarray(reasons, dtype=object),
        "file": np.full(n, file, dtype=object),
    }
    return pd.DataFrame(content, columns=list(REJECTED_COLUMNS))


def joined(parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Several tables of rejected rows as one, in file and line order."""
    full = [part for part in parts if len(part)]
    if not full:
        return no_rejections()
    return pd.concat(full).sort_values(["file", "line"], kind="stable", ignore_index=True)


def no_rejections() -> pd.DataFrame:
    """The empty table of rejected rows."""
    return rejections("", [], "", [], [])
