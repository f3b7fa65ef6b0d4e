"""Which column plays which role, what kind of file this is, and the checks of single columns that the readers share."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.errors import MarketDataError
from engine.market.grid import LOWEST_IV, Floats
from engine.market.intake.cells import Numbers, looks_like_dates, number_fault, parse_numbers
from engine.market.intake.result import KINDS, AmbiguousColumns, Mask, RowCheck
from engine.market.intake.tables import RawTable
from engine.market.surface_history import HIGHEST_IV


@dataclass(frozen=True)
class Role:
    """What a column can be in one kind of file.

    Args:
        name: key of ``mapping``.
        label: words for people.
        headings: headings that mean this role (lower case, words joined by ``_``), the surest first.
        needed: whether the file is useless without it.
    """

    name: str
    label: str
    headings: tuple[str, ...]
    needed: bool = False


def _role(name: str, label: str, headings: str, needed: bool = False) -> Role:
    return Role(name, label, (name, *headings.split()), needed)


_DATE = _role("date", "the date", "quote_date trade_date trading_date data_date quotedate day datum as_of asof", True)
_SPOT = _role(
    "spot",
    "the underlying price",
    "underlying_price underlying_last underlying_close underlying spot_price spotprice stock_price index_level s s0",
)
_IV = "impl_volatility implied_volatility implied_vol impliedvol impvol imp_vol iv_pct iv_percent iv_% vol sigma"
_TICKER = _role("ticker", "the ticker", "symbol tic ric")
_CLOSE = _role(
    "close", "the closing price", "close_price closing_price px_last last_price prc adj_close adjusted_close"
)

ROLES: dict[str, tuple[Role, ...]] = {
    "surfaces": (
        _DATE,
        Role("spot", _SPOT.label, (*_SPOT.headings, "close"), True),
        _role("maturity", "the time to maturity", "maturity_days maturity_years days_to_maturity days_to_expiry days "
              "days_to_expiration dte tenor time_to_maturity ttm time_to_expiry tte tau expiry_days years t"),
        _role("moneyness", "the moneyness K/S", "k_s k_over_s strike_over_spot mny m moneyness_pct moneyness_%"),
        _role("strike", "the strike", "strike_price k"),
        _role("iv", "the implied vol", _IV),
        _role("rate", "the interest rate", "r interest_rate risk_free risk_free_rate rf rate_pct rate_%"),
        _role("vix", "the VIX", "vix_close vix_index"),
    ),
    "quotes": (
        _DATE,
        _role("expiry", "the expiry date", "exdate expiration expiration_date expiry_date expire_date exp_date "
              "maturity_date", True),
        _role("strike", "the strike", "strike_price strk k", True),
        _role("type", "call or put", "cp_flag option_type call_put callput put_call cp right optiontype c_p", True),
        _role("bid", "the bid", "best_bid bid_price bid_eod bid_1545", True),
        _role("ask", "the ask", "best_offer offer best_ask ask_price ask_eod ask_1545", True),
        _SPOT,
        _role("volume", "the volume", "trade_volume vol contracts"),
        _role("iv", "the vendor's implied vol", _IV.split(" iv_pct")[0]),
        _role("root", "the option root", "option_root symbol"),
    ),
    "prices": (
        _DATE,
        _TICKER,
        _role("open", "the opening price", "open_price openprc px_open"),
        _CLOSE,
    ),
    "series": (
        _DATE,
        _TICKER,
        Role("close", "the value", (*_CLOSE.headings, "value", "level", "index", "vix", "price", "last"), True),
    ),
    "sectors": (
        Role("ticker", "the ticker", _TICKER.headings, True),
        _role("sector", "the ticker of the sector ETF", "sector_etf etf benchmark sector_ticker", True),
    ),
}  # fmt: skip
"""What columns each kind of file can have."""

_BESIDE_CLOSE = {"open", "high", "low", "volume", "adj_close"}
_RESERVED = {
    heading
    for kind in ("surfaces", "quotes")
    for role in ROLES[kind]
    if role.name not in ("date", "rate", "vix")
    for heading in role.headings
    if len(heading) > 2
}
_NUMBER = r"(\d+(?:\.\d+)?)"
_UNIT = r"(d|days?|w|wk|wks|weeks?|m|mo|mon|mths?|months?|y|yr|yrs|years?)"
_PREFIX = r"(?:implied_volatility|impl_volatility|implied_vol|impvol|imp_vol|vol|sigma|iv)?_*"
_MATURITY_FIRST = re.compile(_PREFIX + _NUMBER + _UNIT + r"_*(?:m|k|mny|moneyness)?_*" + _NUMBER + r"_*(%|pct)?")
_MONEYNESS_FIRST = re.compile(_PREFIX + r"(?:m|k|mny|moneyness)?_*" + _NUMBER + r"_*(%|pct)?_+" + _NUMBER + _UNIT)
_HALF_SPREAD = re.compile(r"half_spread_(call|put)_(.*)")
_PER_YEAR = {"d": 365.0, "w": 52.0, "m": 12.0, "y": 1.0}


def normal(heading: str) -> str:
    """A heading in lower case, words joined by ``_``, units in brackets dropped (a percent sign is kept as ``%``)."""
    text = heading.strip().lower()
    text = re.sub(r"[(\[]\s*(%|pct|percent)\s*[)\]]", "_%", text)
    text = re.sub(r"\s*[(\[](?!column \d).*?[)\]]\s*$", "", text)
    return re.sub(r"[\s\-./\\_]+", "_", text).strip("_")


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
            raise MarketDataError(
                f"expected the column for {role[:40]} among those of {table.file}, "
                f"{_listed(table.headings)}; found {column[:60]!r}"
            )
        if column in role_of:
            raise MarketDataError(
                f"expected a different column for each role; found {column[:60]!r} for both {role_of[column][:40]} "
                f"and {role[:40]}"
            )
        role_of[column] = role
    given = {normal(role) for role in mapping}
    base = {h: normal(h.split(" (column ")[0]) for h in table.headings}  # a heading that is there twice
    renamed = [role_of.get(h, f"not used: {h}" if base[h] in given else h) for h in table.headings]
    return table.renamed(renamed)


def assign(table: RawTable, kind: str, roles: Sequence[str] | None = None) -> dict[str, str]:
    """Role → heading for every role of a kind that a heading matches; a missing date is looked for in the cells.

    Args:
        table: the file, after :func:`with_mapping`.
        kind: one of ``KINDS``.
        roles: only these.

    Raises:
        AmbiguousColumns: if two columns match one role equally well.
    """
    found: dict[str, str] = {}
    names = {h: normal(h.split(" (column ")[0]) for h in table.headings}
    for role in ROLES[kind]:
        if roles is not None and role.name not in roles:
            continue
        for wanted in role.headings:
            matches = [h for h in table.headings if names[h] == wanted and h not in found.values()]
            if len(matches) > 1:
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
    wants_date = any(role.name == "date" for role in ROLES[kind]) and (roles is None or "date" in roles)
    if wants_date and "date" not in found:
        dated = [h for h in table.headings if h not in found.values() and looks_like_dates(table.column(h))]
        if len(dated) == 1:
            found["date"] = dated[0]
    return found


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
        )


def point_of(heading: str) -> tuple[float, float] | None:
    """(maturity in years, moneyness as written) of a wide heading like ``iv_30d_0.9`` or ``1M 90%``, or None."""
    text = re.sub(r"[\s\-]+", "_", heading.strip().lower())
    text = re.sub(r"(?<=\d)[,p](?=\d)", ".", text)
    if match := _MATURITY_FIRST.fullmatch(text):
        length, unit, moneyness = float(match[1]), match[2][0], float(match[3])
        percent = bool(match[4])
    elif match := _MONEYNESS_FIRST.fullmatch(text):
        length, unit, moneyness = float(match[3]), match[4][0], float(match[1])
        percent = bool(match[2])
    else:
        return None
    return length / _PER_YEAR[unit], moneyness / 100 if percent and moneyness > 5 else moneyness


def surface_points(headings: Sequence[str]) -> dict[str, tuple[float, float]]:
    """Heading → (maturity, moneyness) for the columns of vols of a wide surface."""
    return {h: point for h in headings if (point := point_of(h.split(" (column ")[0])) is not None}


def half_spread_points(headings: Sequence[str]) -> dict[str, tuple[str, float, float]]:
    """Heading → ("call" or "put", maturity, moneyness) for the columns of half-spreads of a wide surface."""
    points = {}
    for heading in headings:
        match = _HALF_SPREAD.fullmatch(re.sub(r"[\s\-]+", "_", heading.strip().lower()))
        point = point_of(match[2]) if match else None
        if match and point:
            points[heading] = (match[1], *point)
    return points


def recognise_table(table: RawTable) -> str:
    """Which of ``KINDS`` a table is.

    Raises:
        AmbiguousColumns: if it could be anything.
    """
    names = {normal(h) for h in table.headings}

    def has(kind: str, *roles: str) -> bool:
        by_name = {role.name: role.headings for role in ROLES[kind]}
        return all(names & set(by_name[role]) for role in roles)

    if len(surface_points(table.headings)) >= 2:
        return "surfaces"
    if has("quotes", "expiry", "strike") and (has("quotes", "bid") or has("quotes", "ask") or has("quotes", "type")):
        return "quotes"
    if has("surfaces", "iv") and (has("surfaces", "moneyness") or has("surfaces", "strike")):
        return "surfaces"
    dated = [h for h in table.headings if normal(h) in _DATE.headings or looks_like_dates(table.column(h))]
    if has("sectors", "ticker", "sector") and not dated:
        return "sectors"
    if dated and has("prices", "close"):
        return "prices" if has("prices", "ticker") or names & _BESIDE_CLOSE else "series"
    if dated and not names & _RESERVED:
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


def wide_columns(table: RawTable, date: str) -> list[str]:
    """Columns of a wide table of closes: all besides the date, except those of text."""
    chosen = []
    for heading in table.headings:
        if heading == date or re.fullmatch(r"column \d+", heading):
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
