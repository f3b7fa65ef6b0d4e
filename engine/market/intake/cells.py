"""Cells to numbers and days, vectorised, with a reason for every cell that is neither.

Numbers are exact. Days may be ISO, in European or US order, compact or with month names; the order is decided over
columns, or asked.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from engine.errors import MarketDataError
from engine.market.grid import Floats
from engine.market.intake.result import AmbiguousColumns, Mask
from engine.market.intake.tables import RawTable

MISSING = frozenset({"", "na", "n/a", "#n/a", "#na", "nan", "null", "none", "missing", "-", "--", ".", "?"})
"""Cells that mean "no value" (compared without case and surrounding spaces)."""

NOT_A_NUMBER = "not a number"
FORMULA = "a formula, not a number: export the values"

_PLAIN = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
_PLAIN_COMMA = re.compile(r"[+-]?(\d{1,3}(\.\d{3})+|\d+)?(,\d*)?([eE][+-]?\d+)?")
_THOUSANDS = re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d*)?")
_COMMA_DECIMALS = re.compile(r"[+-]?(\d*,(\d{0,2}|\d{4,})|0,\d+|\d{1,3}(\.\d{3})+,\d+)([eE][+-]?\d+)?%?")
_POINT_DECIMALS = re.compile(r"[+-]?\d{1,3}((,\d{3})+\.\d*|(,\d{3}){2,})%?")


@dataclass(frozen=True, eq=False)
class Numbers:
    """A column read as numbers.

    Args:
        values: ``(n,)``; NaN where missing or bad.
        missing: ``(n,)`` cells that mean "no value".
        bad: ``(n,)`` cells that are neither a number nor missing.
        percent: whether the cells carry percent signs (18.2% is read as 18.2).
    """

    values: Floats
    missing: Mask
    bad: Mask
    percent: bool = False


def parse_numbers(column: Any, decimal: str = ".", allow_percent: bool = False) -> Numbers:
    """Read an Arrow column as numbers; text is parsed exactly (correctly rounded), infinities are bad.

    Args:
        column: text or numbers.
        decimal: "." or ",".
        allow_percent: whether cells may end in a percent sign (all of them, or none).
    """
    if not pa.types.is_string(column.type):
        return _typed(column)
    trimmed = pc.utf8_trim_whitespace(column)
    if decimal == "." and trimmed.null_count == 0:
        try:
            values = pc.cast(trimmed, pa.float64()).to_numpy(zero_copy_only=False)
        except pa.ArrowInvalid:
            pass
        else:
            return _of_floats(values)
    coded = trimmed.dictionary_encode()
    texts = ["" if text is None else text for text in coded.dictionary.to_pylist()]
    percent = allow_percent and sum(text.endswith("%") for text in texts) * 2 > len(texts)
    parsed = [_number(text, decimal, percent) for text in texts]
    table = np.array([*(p if p is not None else np.inf for p in parsed), np.nan])  # the last stands for null
    codes = coded.indices.fill_null(len(texts)).to_numpy(zero_copy_only=False)
    numbers = _of_floats(table[codes])
    return Numbers(numbers.values, numbers.missing, numbers.bad, percent)


def parse_number(text: str) -> float | None:
    """The number of a single cell with a decimal point, or None."""
    value = _number(text.strip(), ".", False)
    return None if value is None or not np.isfinite(value) else value


def number_fault(text: str) -> str:
    """Why a cell is not a number, in words."""
    text = text.strip()
    if re.fullmatch(r"[+-]?inf(inity)?", text, re.IGNORECASE):
        return "not a finite number"
    if text.startswith(("=", "@")) or re.match(r"[+-]\s*[A-Za-z(]", text):
        return FORMULA
    if text.endswith("%"):
        return "a percent sign where the other cells have none"
    return NOT_A_NUMBER


def decimal_mark(table: RawTable, headings: Sequence[str], given: str | None) -> tuple[str, str | None]:
    """Whether decimals are marked by a point or a comma, decided over all columns of numbers.

    Args:
        table: the file.
        headings: its columns of numbers.
        given: what a person decided, if so.

    Returns:
        The mark, and a note if it is not the point.

    Raises:
        AmbiguousColumns: if every number could be read both ways.
    """
    if given is not None:
        return given, None if given == "." else "decimals are marked by a comma, as asked"
    cells = [table.column(h) for h in headings if pa.types.is_string(table.column(h).type)]
    with_comma = [pc.unique(c.filter(pc.match_substring(c, ",").fill_null(False))).to_pylist() for c in cells]
    texts = [_bare(text) for column in with_comma for text in column]
    if not texts:
        return ".", None
    comma = next((text for text in texts if _COMMA_DECIMALS.fullmatch(text)), None)
    point = any(_POINT_DECIMALS.fullmatch(text) for text in texts) or any(
        pc.any(pc.match_substring_regex(c, r"^\s*[+-]?[$€£¥]?\s*\d*\.(\d{1,2}|\d{4,})\s*%?\s*$")).as_py() for c in cells
    )
    if comma is not None and not point:
        return ",", f"decimals are marked by a comma, as in {comma[:20]}"
    either = next((text for text in texts if re.fullmatch(r"[+-]?\d{1,3},\d{3}%?", text)), None)
    if comma is not None or point or either is None:
        return ".", None
    raise AmbiguousColumns(
        f"Is the comma in numbers like {either} of {table.file} the decimal mark, or does it separate "
        "thousands? Both readings fit the whole file",
        table,
        needed="decimal",
        options=(",", "."),
        by="option",
    )


def _number(text: str, decimal: str, percent: bool) -> float | None:
    """The number; NaN if the cell means "no value", None if it is not a number."""
    text = _bare(text)
    if text.lower() in MISSING:
        return np.nan
    if percent:
        if not text.endswith("%"):
            return None
        text = text[:-1].rstrip()
    if decimal == ",":
        if not any(c.isdigit() for c in text) or not _PLAIN_COMMA.fullmatch(text):
            return float(text) if re.match(_PLAIN, text) else None
        return float(text.replace(".", "").replace(",", "."))
    if "," in text:
        return float(text.replace(",", "")) if _THOUSANDS.fullmatch(text) else None
    return float(text) if re.match(_PLAIN, text) else None


_CURRENCY = re.compile(r"[$€£¥₹]|\b(?:USD|EUR|GBP|CHF|INR)\b")
_GROUPED = re.compile(r"([+-]?\d{1,3})((?:[ '’]\d{3})+)((?:[.,]\d*)?\s*%?)")


def _bare(text: str) -> str:
    """A cell without what people put around numbers: currency, thousands marks, brackets for a minus, odd spaces."""
    if text.isascii() and text.replace(".", "", 1).isdigit():
        return text
    text = re.sub(r"[\u00a0\u2007\u2009\u202f]", " ", text).replace("−", "-").strip().removeprefix("'")
    text = _CURRENCY.sub("", text).strip()
    if text.startswith("(") and text.endswith(")"):
        text = f"-{text[1:-1].strip()}"
    text = re.sub(r"^([+-])\s+(?=[\d.])", r"\1", text)
    if match := _GROUPED.fullmatch(text):
        return match[1] + re.sub(r"\D", "", match[2]) + match[3]
    return text


def _typed(column: Any) -> Numbers:
    n = len(column)
    if pa.types.is_null(column.type):
        return Numbers(np.full(n, np.nan), np.ones(n, np.bool_), np.zeros(n, np.bool_))
    if pa.types.is_boolean(column.type) or pa.types.is_date(column.type):
        return Numbers(np.full(n, np.nan), np.zeros(n, np.bool_), np.ones(n, np.bool_))
    return _of_floats(column.cast(pa.float64()).fill_null(np.nan).to_numpy(zero_copy_only=False))


def _of_floats(values: NDArray[np.float64]) -> Numbers:
    bad = np.isinf(values)
    missing = np.isnan(values)
    return Numbers(np.where(bad, np.nan, values) if bad.any() else values, missing, bad)


ORDER_WORDS = {"dmy": "day/month/year", "mdy": "month/day/year", "ymd": "year-month-day"}
"""How date orders are said."""

FIRST_YEAR, LAST_YEAR = 1900, 2100
"""Years outside are taken for errors."""

_NAMES = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTHS = {name: number for number, name in enumerate(_NAMES, start=1)}
_MONTHS |= {"mär": 3, "mrz": 3, "mai": 5, "okt": 10, "dez": 12}
_TIME = r"(?:(?:[T ,@]|,? at|,? @)\s*\d{1,2}:\d{2}.*)?"
_WORD = r"([^\W\d_]{3})[^\W\d_]*"
_WEEKDAY = re.compile(r"(mon|tue|wed|thu|fri|sat|sun)[a-z]*[,.]?\s+", re.IGNORECASE)
_YEAR_FIRST = re.compile(r"(\d{4})[-/. ](\d{1,2})[-/. ](\d{1,2})" + _TIME)
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})" + _TIME)
_EPOCH = re.compile(r"(\d{9,10})(\d{3})?(\d{3})?(\d{3})?(\.\d+)?")
_YEAR_LAST = re.compile(r"(\d{1,2})([-/. ])(\d{1,2})\2(\d{4})" + _TIME)
_NAMED_DAY_FIRST = re.compile(r"(\d{1,2})[-/., ]*" + _WORD + r"[-/., ]*(\d{4})" + _TIME)
_NAMED_MONTH_FIRST = re.compile(_WORD + r"[-/. ]*(\d{1,2}),?[-/ ]+(\d{4})" + _TIME)
_SHORT_YEAR = re.compile(r"(\d{1,2})([-/. ])(\d{1,2}|[^\W\d_]{3,9})([-/. ])(\d{2})(" + _TIME + ")")

NOT_A_DATE = "not a date"
NO_DATE = "date is missing"
SHORT_YEAR = "the year has two digits: write it with four"
SERIAL = "a spreadsheet's day number: format the column as dates"
NO_SUCH_DAY = "no such day in the calendar"


@dataclass(frozen=True, eq=False)
class Days:
    """A column read as days.

    Args:
        days: ``(n,)``; NaT where there is none.
        faults: row → why it has none.
    """

    days: NDArray[np.datetime64]
    faults: dict[int, str]


@dataclass(frozen=True)
class _Parts:
    """A cell taken apart: either year, month and day are known, or two numbers wait for the order."""

    day: datetime.date | None = None
    fault: str = ""
    first: int = 0
    second: int = 0
    year: int = 0
    dotted: bool = False
    text: str = ""
    epoch: bool = False

    @property
    def open(self) -> bool:
        return self.year > 0

    def in_order(self, order: str) -> datetime.date | None:
        day, month = (self.first, self.second) if order == "dmy" else (self.second, self.first)
        return _date(self.year, month, day)


def parse_dates(table: RawTable, headings: Sequence[str], given: str | None = None) -> tuple[list[Days], list[str]]:
    """Read one or more columns of a file as days, all in the same order of day and month.

    Args:
        table: the file.
        headings: its date columns; the first is the one whose rows are in time order, if any is.
        given: "dmy", "mdy" or "ymd" if a person decided it.

    Returns:
        The days of each column, and notes.

    Raises:
        AmbiguousColumns: if both orders fit every date.
        MarketDataError: if the dates are written in two orders.
    """
    coded = [_coded(table.column(heading)) for heading in headings]
    parts = [_all_apart(_with_centuries(texts)) for texts, _ in coded]
    waiting = {p.text: p for column in parts for p in column if p.open}
    notes: list[str] = []
    if any(
        _SHORT_YEAR.fullmatch(text.strip())
        for (texts, _), column in zip(coded, parts, strict=True)
        for text, p in zip(texts, column, strict=True)
        if p.fault != SHORT_YEAR
    ):
        notes.append(f"two-digit years of {table.file} read as 1970 to 2069")
    if any(p.epoch for column in parts for p in column):
        notes.append(f"dates of {table.file} read from seconds since 1970 (or thousandths of them), in UTC")
    order = "dmy"
    if waiting:
        rows = [parts[0][code] for code in dict.fromkeys(coded[0][1].tolist()) if code < len(parts[0])]
        order, why = _order(list(waiting.values()), rows, given, table)
        notes.append(f"dates of {table.file} read as {ORDER_WORDS[order]} {why}")
    read = []
    for (_, codes), column in zip(coded, parts, strict=True):
        days = [(p.in_order(order) if order != "ymd" else None) if p.open else p.day for p in column]
        faults = [p.fault or f"no such day when read as {ORDER_WORDS[order]}" for p in column]
        lookup = np.array([*days, None], dtype="datetime64[D]")
        values = lookup[codes]
        wrong = np.flatnonzero(np.isnat(values))
        why_not = [*faults, NO_DATE]
        read.append(Days(values, {int(row): why_not[codes[row]] for row in wrong}))
    return read, notes


def day_of(text: str) -> np.datetime64 | None:
    """The day that a single cell names, or None if it names none or the order of day and month is open."""
    part = _take_apart(text)
    if part.open and (part.first > 12 or part.second > 12 or part.first == part.second):
        day = part.in_order("dmy") or part.in_order("mdy")
    else:
        day = part.day
    return None if day is None or part.epoch else np.datetime64(day)


def looks_like_dates(column: Any) -> bool:
    """Whether the first cells of a column are dates (numbers only if they are yyyymmdd)."""
    texts, codes = _coded(column.slice(0, 50))
    parts = [part for text, part in zip(texts, _all_apart(texts), strict=True) if text.lower() not in MISSING]
    if not len(codes) or not parts or not all(p.open or p.day is not None for p in parts):
        return False
    return all(
        not p.epoch or int(re.split(r"\D", p.text)[0][:10]) % 60 == 0 for p in parts
    )  # volumes have ten digits too


def _order(waiting: list[_Parts], in_rows: list[_Parts], given: str | None, table: RawTable) -> tuple[str, str]:
    if given is not None:
        return given, "as asked"
    valid = {order: [p for p in waiting if p.in_order(order) is not None] for order in ("dmy", "mdy")}
    only = {"dmy": [p for p in valid["dmy"] if p.first > 12], "mdy": [p for p in valid["mdy"] if p.second > 12]}
    if only["dmy"] and only["mdy"]:
        order = max(only, key=lambda o: len(only[o]))
        other = "mdy" if order == "dmy" else "dmy"
        if len(only[other]) > 0.1 * len(only[order]):
            raise MarketDataError(
                f"expected one order of day and month in {table.file}; found {only['dmy'][0].text[:20]} (day first) "
                f"and {only['mdy'][0].text[:20]} (month first)"
            )
        return (
            order,
            f"because {len(only[order]):,} different dates such as {only[order][0].text[:20]} allow nothing else",
        )
    for order, first in (("dmy", "month"), ("mdy", "day")):
        if only[order]:
            return order, f"because {only[order][0].text[:20]} cannot have the {first} first"
    if all(p.first == p.second for p in waiting):
        return "dmy", "(day and month are the same number in all of them)"
    if all(p.dotted for p in waiting):
        return "dmy", f"because dates with points, such as {waiting[0].text[:20]}, are written that way"
    order_or_none = _by_calendar([p for p in in_rows if p.open])
    if order_or_none is not None:
        return order_or_none, "because only so they are consecutive trading days without weekends"
    if table.profile is not None and table.profile.date_order:
        return table.profile.date_order, f"as {table.profile.name} writes them"
    example = next(p for p in waiting if p.first != p.second)
    raise AmbiguousColumns(
        f"Is {example.text[:20]} in {table.file} day/month/year or month/day/year? Every date of the file fits both",
        table,
        needed="date_order",
        options=("dmy", "mdy"),
        by="option",
    )


def _by_calendar(rows: list[_Parts]) -> str | None:
    """The order under which distinct dates are daily and free of weekends, if under the other one they are not."""
    fits = {}
    for order in ("dmy", "mdy"):
        days = np.array([p.in_order(order) for p in rows], dtype="datetime64[D]")
        if len(days) < 5 or np.isnat(days).any():
            return None
        gaps = np.diff(np.sort(days)).astype(np.int64)
        fits[order] = bool(np.median(gaps) <= 3 and np.is_busday(days).all())
    if fits["dmy"] == fits["mdy"]:
        return None
    return "dmy" if fits["dmy"] else "mdy"


def _coded(column: Any) -> tuple[list[str], NDArray[np.int64]]:
    """Distinct texts, and for each row the position of its text (one past the end if the cell is null)."""
    kind = column.type
    if pa.types.is_floating(kind):
        whole = pc.floor(column)
        column = whole.cast(pa.int64(), safe=False) if pc.all(pc.equal(whole, column)).as_py() else column
    return coded_texts(column)


def coded_texts(column: Any) -> tuple[list[str], NDArray[np.int64]]:
    """Distinct trimmed texts of a column, and for each row the position of its text (one past the end if null)."""
    coded = pc.utf8_trim_whitespace(column.cast(pa.string())).dictionary_encode()
    texts = coded.dictionary.to_pylist()
    return texts, coded.indices.fill_null(len(texts)).to_numpy(zero_copy_only=False).astype(np.int64)


def _all_apart(texts: Sequence[str]) -> list[_Parts]:
    """Every distinct cell of a column; two digits are a year where all cells have them and the year changes least."""
    parts = [_take_apart(text) for text in texts]
    short = [match for p, text in zip(parts, texts, strict=True) if (match := _SHORT_YEAR.fullmatch(text.strip()))]
    if not short or any(p.fault not in (SHORT_YEAR, NO_DATE) for p in parts):
        return parts
    many = [len({match[group] for match in short}) for group in (1, 3, 5)]
    if short[0][3].isdigit() and many[2] >= max(many[:2]):
        return parts
    return [_take_apart(_SHORT_YEAR.sub(_with_century, text.strip())) for text in texts]


def _with_centuries(texts: list[str]) -> list[str]:
    """Six digits are a year of two, month and day where every cell of a column of dates can be read so (240119)."""
    six = [text for text in texts if text.lower() not in MISSING]
    if not six or not all(re.fullmatch(r"\d{6}", text) and _take_apart(f"20{text}").day for text in six):
        return texts
    return [text if text.lower() in MISSING else f"20{text}" for text in texts]


def _with_century(match: re.Match[str]) -> str:
    century = "20" if int(match[5]) < 70 else "19"
    return f"{match[1]}{match[2]}{match[3]}{match[4]}{century}{match[5]}{match[6]}"


def _take_apart(text: str) -> _Parts:
    text = _WEEKDAY.sub("", text.strip(), count=1) if text[:1].isalpha() else text.strip()
    if match := _YEAR_FIRST.fullmatch(text) or _COMPACT.fullmatch(text):
        return _known(int(match[1]), int(match[2]), int(match[3]))
    if match := _YEAR_LAST.fullmatch(text):
        year = int(match[4])
        if not FIRST_YEAR <= year <= LAST_YEAR:
            return _Parts(fault=_year_fault(year))
        first, second = int(match[1]), int(match[3])
        if _date(year, first, second) is None and _date(year, second, first) is None:
            return _Parts(fault=NO_SUCH_DAY)
        return _Parts(first=first, second=second, year=year, dotted=match[2] == ".", text=text)
    if match := _NAMED_DAY_FIRST.fullmatch(text):
        return _known(int(match[3]), _MONTHS.get(match[2].lower(), 0), int(match[1]))
    if match := _NAMED_MONTH_FIRST.fullmatch(text):
        return _known(int(match[3]), _MONTHS.get(match[1].lower(), 0), int(match[2]))
    if text.lower() in MISSING:
        return _Parts(fault=NO_DATE)
    if match := _EPOCH.fullmatch(text):
        day = datetime.datetime.fromtimestamp(int(match[1]), datetime.UTC).date()
        return _Parts(day=day, epoch=True, text=text) if day.year <= LAST_YEAR else _Parts(fault=NOT_A_DATE)
    if _SHORT_YEAR.fullmatch(text):
        return _Parts(fault=SHORT_YEAR)
    if re.fullmatch(r"[2-6]\d{4}(\.\d+)?", text):
        return _Parts(fault=SERIAL)
    return _Parts(fault=NOT_A_DATE)


def _known(year: int, month: int, day: int) -> _Parts:
    if not FIRST_YEAR <= year <= LAST_YEAR:
        return _Parts(fault=_year_fault(year))
    date = _date(year, month, day)
    return _Parts(fault=NO_SUCH_DAY) if date is None else _Parts(day=date)


def _year_fault(year: int) -> str:
    return f"the year {year} is outside {FIRST_YEAR} to {LAST_YEAR}"


def _date(year: int, month: int, day: int) -> datetime.date | None:
    try:
        return datetime.date(year, month, day)
    except ValueError:
        return None
