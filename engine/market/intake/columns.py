"""Which column plays which role, what kind of file this is, and the checks of single columns that the readers share."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from engine.errors import MarketDataError
from engine.market.grid import LOWEST_IV, Floats
from engine.market.intake.cells import Numbers, coded_texts, looks_like_dates, number_fault, parse_numbers
from engine.market.intake.contracts import looks_like_contracts
from engine.market.intake.result import KINDS, AmbiguousColumns, Mask, RowCheck
from engine.market.intake.tables import RawTable
from engine.market.intake.vocabulary import NOT_CLOSES, ROLES, delta_points, normal, squashed, surface_points
from engine.market.surface_history import HIGHEST_IV

_BESIDE_CLOSE = {"open", "high", "low", "volume", "adjclose"}
_RESERVED = {
    heading
    for kind in ("surfaces", "quotes")
    for role in ROLES[kind]
    if role.name not in ("date", "rate", "vix")
    for heading in role.squashed
    if len(heading) > 2
}


def with_mapping(table: RawTable, mapping: Mapping[str, str]) -> RawTable:
    """The table with a person's decisions applied: mapped columns are headed by their role.

    Raises:
        MarketDataError: if a mapped column does not exist or is given two roles.
    """
    if not mapping:
        return table
    role_of: dict[str, str] = {}
    for role, column in mapping.items():
        if column not in table.headings:
            value = {"date": " (or a day such as 2026-01-30)", "spot": " (or a price)"}.get(role, "")
            raise MarketDataError(
                f"expected the column for {role[:40]} among those of {table.file}, "
                f"{_listed(table.headings)}{value}; found {column[:60]!r}"
            )
        if column in role_of:
            raise MarketDataError(
                f"expected a different column for each role; found {column[:60]!r} for both {role_of[column][:40]} "
                f"and {role[:40]}"
            )
        role_of[column] = role
    given = {squashed(role) for role in mapping}
    renamed = [role_of.get(h, f"not used: {h}" if squashed(h) in given else h) for h in table.headings]
    return replace(table.renamed(renamed), decided=table.decided | set(mapping))


def assign(table: RawTable, kind: str, roles: Sequence[str] | None = None) -> dict[str, str]:
    """Role → heading for every role of a kind: as a person said, as the vendor's profile says, or by its heading.

    A date that no heading names is the only column left that holds days; :func:`by_elimination` says so.

    Args:
        table: the file, after :func:`with_mapping`.
        kind: one of ``KINDS``.
        roles: only these.

    Raises:
        AmbiguousColumns: if two columns match one role equally well.
    """
    wanted = [role for role in ROLES[kind] if roles is None or role.name in roles]
    found = {role.name: role.name for role in wanted if role.name in table.decided}
    profile = table.profile
    if profile is not None and profile.kind == kind:
        for role in wanted:
            heading = profile.heading(role.name, table.headings)
            if heading is not None and role.name not in found and heading not in found.values():
                found[role.name] = heading
    names = {h: squashed(h) for h in table.headings}
    for role in wanted:
        for word in role.squashed if role.name not in found else ():
            matches = [h for h in table.headings if names[h] == word and h not in found.values()]
            matches = [h for h in matches if _fits(role.name, names[h], table.column(h))]
            if len(matches) > 1 and role.name not in _SIDELINES:
                raise AmbiguousColumns(
                    f"Which column of {table.file} is {role.label}? {' and '.join(repr(m[:60]) for m in matches[:4])} "
                    "have the same name",
                    table,
                    needed=role.name,
                    options=matches,
                )
            if matches:
                found[role.name] = matches[0]
                break
    if any(role.name == "date" for role in wanted) and "date" not in found:
        taken = [table.column(h) for h in found.values()]
        dated = [
            h
            for h in table.headings
            if h not in found.values()
            and looks_like_dates(table.column(h))
            and not any(table.column(h).equals(column) for column in taken)
        ]
        if len(dated) == 1:
            found["date"] = dated[0]
    return found


_SIDELINES = {"price", "underlying", "contract", "dte", "last_trade", "spot_bid", "spot_ask", "root", "type", "delta"}
"""Roles of which the first column that fits is taken."""


def _fits(role: str, name: str, column: Any) -> bool:
    """Whether cells can be what their heading says, for headings that mean two things."""
    if role == "contract":
        return looks_like_contracts(column)
    if role == "underlying":
        return not looks_like_contracts(column) and not _is_fractional(column.slice(0, 1_000))
    if role == "spot" and name == "underlying":
        return bool((~np.isnan(parse_numbers(column.slice(0, 200)).values)).any())
    if name == "vol" and role in ("iv", "volume"):
        return _is_fractional(column) == (role == "iv")
    return True


def _is_fractional(column: Any) -> bool:
    """Whether some cells are numbers with a fraction: vols or prices, not counts or names."""
    values = parse_numbers(column.slice(0, 100_000), allow_percent=True).values
    return bool((np.floor(values) < values).any())


def by_elimination(table: RawTable, kind: str, roles: Mapping[str, str]) -> list[str]:
    """Notes on columns that were taken for what they are because nothing else was left."""
    date = roles.get("date")
    words = next(role.squashed for role in ROLES[kind] if role.name == "date")
    if date is None or "date" in table.decided or squashed(date) in words:
        return []
    profile = table.profile
    if profile is not None and profile.heading("date", table.headings) == date:
        return []
    return [f"{date[:40]} is taken for the date of {table.file}: no other column left holds days"]


def require(table: RawTable, kind: str, found: Mapping[str, str], needed: Sequence[str]) -> None:
    """Every needed role must have its column.

    Raises:
        AmbiguousColumns: naming the first that has none; if no column is left to choose from, the sentence says so.
    """
    for name in needed:
        if name in found:
            continue
        label = next(role.label for role in ROLES[kind] if role.name == name)
        left = [h for h in table.headings if h not in found.values()]
        raise AmbiguousColumns(
            f"Which column of {table.file} is {label}? Expected one named {name}; found {_listed(table.headings)}",
            table,
            needed=name,
            options=left,
            takes={"spot": "number", "date": "day"}.get(name, ""),
        )


def recognise_table(table: RawTable) -> str:
    """Which of ``KINDS`` a table is.

    Raises:
        AmbiguousColumns: if it could be anything.
    """
    profile = table.profile
    names = {squashed(h) for h in table.headings}

    def has(kind: str, *roles: str) -> bool:
        by_name = {role.name: role.squashed for role in ROLES[kind]}
        return all(names & set(by_name[role]) for role in roles)

    by_delta = delta_points(table.headings)
    if len(surface_points(table.headings)) >= 2 or is_surface_by_delta(by_delta):
        return "surfaces"
    if len(by_delta) >= 2:
        raise AmbiguousColumns(
            f"What is to be read from {table.file}? Its vols, {_listed(list(by_delta), 4)}, are no surface: a smile of "
            "three or more deltas is needed at two or more maturities",
            table,
            needed="kind",
            options=("prices", "series"),
            by="kind",
        )
    if profile is not None:
        return profile.kind
    if fields_by_ticker(table):
        return "prices"
    quoted = has("quotes", "bid") or has("quotes", "ask") or has("quotes", "type")
    if has("quotes", "expiry", "strike") and quoted:
        return "quotes"
    if sides_of(table) is not None or any(
        looks_like_contracts(table.column(h)) for h in table.headings if has("quotes", "bid", "ask")
    ):
        return "quotes"
    if has("surfaces", "iv") and any(has("surfaces", across) for across in ("moneyness", "strike", "delta")):
        return "surfaces"
    dated = [h for h in table.headings if squashed(h) in _DATES or looks_like_dates(table.column(h))]
    if has("sectors", "ticker", "sector") and not dated:
        return "sectors"
    if dated and has("prices", "close"):
        return "prices" if has("prices", "ticker") or has("prices", "open") or names & _BESIDE_CLOSE else "series"
    if dated and not names & (_RESERVED | NOT_CLOSES) and not has("prices", "ticker"):
        values = wide_columns(table, dated[0])
        if values:
            return "prices" if len(values) > 1 else "series"
    if dated and has("series", "close"):
        return "series"
    raise AmbiguousColumns(
        f"What does {table.file} hold: surfaces, option quotes, prices, an index series or a sector map? "
        f"Its columns do not say: {_listed(table.headings)}",
        table,
        needed="kind",
        options=KINDS,
        by="kind",
    )


_DATES = next(role.squashed for role in ROLES["prices"] if role.name == "date")


def is_surface_by_delta(points: Mapping[str, tuple[float, float]]) -> bool:
    """Whether columns by delta make smiles of three or more deltas at two or more maturities."""
    maturities = [maturity for maturity, _ in points.values()]
    return sum(maturities.count(maturity) >= 3 for maturity in set(maturities)) >= 2


@dataclass(frozen=True)
class Sides:
    """Calls and puts in one row.

    Args:
        calls, puts: heading of the same cell on either side.
        names: what both are called without their side.
        shared: the other headings.
    """

    calls: tuple[str, ...]
    puts: tuple[str, ...]
    names: tuple[str, ...]
    shared: tuple[str, ...]


_SIDE = re.compile(r"(calls?|c|puts?|p)_+(.+)|(.+?)_+(calls?|c|puts?|p)")
_PRICES = {word for role in ROLES["quotes"] if role.name in ("bid", "ask", "price") for word in role.squashed} | {
    "lastsale"
}


def sides_of(table: RawTable) -> Sides | None:
    """Calls and puts in one row: told by their columns' names, or by the side of the strike on which they stand."""
    words = next(role.squashed for role in ROLES["quotes"] if role.name == "strike")
    strikes = [i for i, h in enumerate(table.headings) if squashed(h) in words]
    if len(strikes) != 1:
        return None
    named: dict[str, dict[str, str]] = {"c": {}, "p": {}}
    for heading in table.headings:
        if match := _SIDE.fullmatch(normal(re.sub(r"(?<=[a-z])(?=[A-Z])", "_", heading))):
            side, rest = (match[1], match[2]) if match[1] else (match[4], match[3])
            named[side[0]].setdefault(rest, heading)
    both = [rest for rest in named["c"] if rest in named["p"]]
    if any(rest.replace("_", "") in _PRICES for rest in both):
        pairs = [(rest, named["c"][rest], named["p"][rest]) for rest in both]
    else:
        left = {squashed(h): h for h in table.headings[: strikes[0]]}
        right = {squashed(h): h for h in table.headings[strikes[0] + 1 :]}
        pairs = [(name, left[name], right[name]) for name in left if name in right and name != "ticker"]
        if "calls" in left and "puts" in right:
            pairs.append(("contract", left["calls"], right["puts"]))
        if not any(name in _PRICES for name, _, _ in pairs):
            return None
    names, calls, puts = zip(*pairs, strict=True)
    shared = tuple(h for h in table.headings if h not in calls and h not in puts)
    return Sides(calls, puts, names, shared)


def one_side_a_row(table: RawTable) -> RawTable:
    """Calls and puts of one row as two rows, the call first; the table itself if it has not both in one row."""
    sides = sides_of(table)
    if sides is None:
        return table
    n = len(table)
    order = pa.array(np.arange(2 * n).reshape(2, n).T.ravel())
    shared = [(h, table.column(h), table.column(h)) for h in sides.shared]
    own = [
        (name, table.column(call), table.column(put))
        for name, call, put in zip(sides.names, sides.calls, sides.puts, strict=True)
        if table.column(call).type == table.column(put).type
    ]
    columns = [pa.concat_arrays([first, second]).take(order) for _, first, second in (*shared, *own)]
    kind = pa.array(["C", "P"] * n, pa.string())
    headings = (*(h for h, _, _ in (*shared, *own)), "type")
    told = table.noting(f"calls and puts stand in one row of {table.file}: each row is read as two quotes")
    return replace(told, headings=headings, columns=(*columns, kind), lines=np.repeat(table.lines, 2))


_FIELDS = {"open": "open", "close": "close", "adjclose": "adj close"}
_UNUSED_FIELDS = {"high", "low", "volume", "dividends", "stocksplits", "capitalgains", "repaired"}


def fields_by_ticker(table: RawTable) -> dict[str, dict[str, str]]:
    """Ticker → what stands in a column (``open``, ``close``, ``adj close``) → heading, for headings of two lines.

    Empty if the headings are not a field and a ticker above each other, as Yahoo's of several tickers are.
    """
    found: dict[str, dict[str, str]] = {}
    for heading, level in zip(table.headings, table.levels, strict=False):
        if len(level) != 2:
            continue
        field, ticker = level if squashed(level[0]) in _FIELDS.keys() | _UNUSED_FIELDS else level[::-1]
        if squashed(field) in _FIELDS:
            found.setdefault(ticker, {})[_FIELDS[squashed(field)]] = heading
        elif squashed(field) not in _UNUSED_FIELDS:
            return {}
    return {ticker: fields for ticker, fields in found.items() if "close" in fields or "adj close" in fields}


def one_ticker_a_row(table: RawTable) -> RawTable:
    """Columns of several tickers below each other, with a column ``ticker``; the table itself if it has none such."""
    tickers = fields_by_ticker(table)
    if not tickers:
        return table
    inside = {heading for fields in tickers.values() for heading in fields.values()}
    date = next(h for h in table.headings if h not in inside)
    names = [name for name in ("open", "close", "adj close") if all(name in fields for fields in tickers.values())]
    columns = [
        pa.concat_arrays([table.column(date)] * len(tickers)),
        pa.array([ticker for ticker in tickers for _ in range(len(table))], pa.string()),
        *(pa.concat_arrays([table.column(fields[name]) for fields in tickers.values()]) for name in names),
    ]
    several = "" if len(tickers) == 1 else f" for each of {len(tickers):,} tickers"
    return replace(
        table.noting(f"columns used{several}: {', '.join(names)}"),
        headings=("date", "ticker", *names),
        columns=tuple(columns),
        lines=np.tile(table.lines, len(tickers)),
        levels=(),
    )


def wide_columns(table: RawTable, date: str) -> list[str]:
    """Columns of a wide table of closes: all besides the date, except those of text."""
    chosen = []
    for heading in table.headings:
        if heading == date or re.fullmatch(r"column \d+", heading) or delta_points([heading]):
            continue
        cells = table.column(heading).slice(0, 200)
        readings = [parse_numbers(cells, decimal) for decimal in ".,"]
        if any((~np.isnan(r.values)).any() or not r.bad.any() for r in readings):
            chosen.append(heading)
    return chosen


def _listed(headings: Sequence[str], most: int = 12) -> str:
    shown = ", ".join(h[:40] for h in headings[:most])
    return shown if len(headings) <= most else f"{shown} and {len(headings) - most:,} more"


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


_TYPES = {"c": True, "ce": True, "ca": True, "p": False, "pe": False, "pa": False}
_TYPE = re.compile(r"\b(call|put)s?\b", re.IGNORECASE)


def is_call(check: RowCheck, heading: str) -> NDArray[np.bool_]:
    """Call or put, in any of the ways it is written (C, call, CE, European Call, …)."""
    texts, codes = coded_texts(check.table.column(heading))
    words = [{word.lower() for word in _TYPE.findall(text)} for text in texts]
    known = [found == {"call"} if len(found) == 1 else _TYPES.get(text.lower()) for found, text in
             zip(words, texts, strict=True)]  # fmt: skip
    missing = np.array([text is None for text in [*known, None]])[codes]
    check.reject(missing, heading, "expected C or P (call or put)")
    calls: NDArray[np.bool_] = np.array([bool(k) for k in [*known, False]])[codes]
    return calls


def read_positive(check: RowCheck, heading: str, name: str, decimal: str) -> Floats:
    """A needed column of numbers > 0."""
    numbers = parse_numbers(check.table.column(heading), decimal)
    reject_bad(check, heading, numbers)
    check.reject(numbers.missing, heading, f"{name} is missing")
    check.reject(~(numbers.values > 0), heading, f"{name} must be > 0")
    return within_reason(check, heading, name, numbers.values)


LEAST, LARGEST = 1e-12, 1e15
"""Sizes outside of which a number is no price, strike or maturity (products of them would overflow)."""


def within_reason(check: RowCheck, heading: str, name: str, values: Floats) -> Floats:
    """The values, NaN where their size is absurd; those rows are rejected (zero is not)."""
    absurd = (np.abs(values) > LARGEST) | ((np.abs(values) < LEAST) & (values != 0))
    if not absurd.any():
        return values
    check.reject(absurd, heading, f"{name} is not between {LEAST:g} and {LARGEST:g}")
    return np.where(absurd, np.nan, values)


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
            check.table,
            needed="rate_unit",
            options=("percent", "decimal"),
            by="option",
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
    finite = values[np.abs(values) < LARGEST]
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
            check.table,
            needed="iv_unit",
            options=("percent", "decimal"),
            by="option",
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
