"""Tables of option quotes: the generic headings and those of OptionMetrics."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from engine.market.grid import Floats
from engine.market.intake.cells import coded_texts, decimal_mark, parse_dates, parse_numbers
from engine.market.intake.columns import assign, normal, read_positive, reject_bad, reject_dates, require, rows_mask
from engine.market.intake.result import AmbiguousColumns, Imported, Reading, RowCheck
from engine.market.intake.tables import RawTable
from engine.market.quotes import COLUMNS, OptionQuotes

Closes = Mapping[np.datetime64, float]
"""Day → underlying price, for quotes that come without one."""

_TYPES = {"c": True, "call": True, "calls": True, "p": False, "put": False, "puts": False}
_THOUSANDTHS = 1000.0

_SPOT_APART = 0.01


def read_quote_table(table: RawTable, reading: Reading, closes: Closes | None = None) -> Imported[OptionQuotes]:
    """``date, expiry, strike, type, bid, ask`` and optionally ``spot, volume, iv, root``.

    Crossed quotes and zero bids are kept: dropping and counting them is part of building a surface.

    Args:
        table: the file.
        reading: a person's decisions; ``spot`` serves quotes without an underlying price.
        closes: underlying price by day, from a price file read beside the quotes.

    Raises:
        AmbiguousColumns: if a column, the date order or the underlying price has to be asked for.
        MarketDataError: if nothing in it can be used.
    """
    roles = assign(table, "quotes")
    if "root" in roles and normal(roles["root"]) != "root" and roles["root"] == roles.get("type"):
        roles.pop("root")
    require(table, "quotes", roles, ("date", "expiry", "strike", "type", "bid", "ask"))
    check = RowCheck(table)
    notes = list(table.notes)
    numeric = [roles[r] for r in ("strike", "bid", "ask", "spot", "volume", "iv") if r in roles]
    decimal, note = decimal_mark(table, numeric, reading.decimal)
    notes += [note] if note else []

    (date, expiry), date_notes = parse_dates(table, [roles["date"], roles["expiry"]], reading.date_order)
    notes += date_notes
    reject_dates(check, roles["date"], date.faults)
    faults = {row: fault.replace("date is missing", "expiry is missing") for row, fault in expiry.faults.items()}
    reject_dates(check, roles["expiry"], faults)
    check.reject(expiry.days < date.days, roles["expiry"], "expiry lies before the quote date")
    strike = read_positive(check, roles["strike"], "strike", decimal)
    is_call = _types(check, roles["type"])
    bid, ask = (_not_negative(check, roles[side], side, decimal, needed=True) for side in ("bid", "ask"))
    volume = _not_negative(check, roles.get("volume"), "volume", decimal, needed=False)
    iv = _vendor_iv(check, roles.get("iv"), decimal, reading.iv_unit, notes)
    spot = _spot(check, roles.get("spot"), decimal, reading, closes, date.days, notes)
    check.require_some()
    strike = _strike_units(strike, spot, check, roles["strike"], notes)
    content = {
        "date": date.days,
        "expiry": expiry.days,
        "strike": strike,
        "is_call": is_call,
        "bid": bid,
        "ask": ask,
        "spot": spot,
        "volume": volume,
        "iv": iv,
        "root": _roots(table, roles.get("root")),
    }
    rows = pd.DataFrame(content, columns=list(COLUMNS))
    if "spot" not in roles and closes is not None and reading.spot is None:
        notes += _spot_warnings(rows[check.kept])
    _reject_repeats(check, rows, "root" in roles, notes)
    kept = rows[check.kept].reset_index(drop=True)
    quotes = OptionQuotes(kept.sort_values("date", kind="stable", ignore_index=True))
    n_days = len(quotes.dates)
    notes.append(f"quotes of {n_days:,} {'day' if n_days == 1 else 'days'}, {kept['expiry'].nunique():,} expiries")
    return Imported(quotes, check.frame(), (*notes, check.count_note()), "quotes")


def _types(check: RowCheck, heading: str) -> NDArray[np.bool_]:
    texts, codes = coded_texts(check.table.column(heading))
    known = [_TYPES.get(text.lower()) for text in texts]
    missing = np.array([text is None for text in [*known, None]])[codes]
    check.reject(missing, heading, "expected C or P (call or put)")
    is_call: NDArray[np.bool_] = np.array([bool(k) for k in [*known, False]])[codes]
    return is_call


def _not_negative(check: RowCheck, heading: str | None, name: str, decimal: str, *, needed: bool) -> Floats:
    """Numbers >= 0; NaN where there are none, if they are not needed."""
    if heading is None:
        return np.full(len(check.table), np.nan)
    numbers = parse_numbers(check.table.column(heading), decimal)
    reject_bad(check, heading, numbers)
    if needed:
        check.reject(numbers.missing, heading, f"{name} is missing")
    check.reject(numbers.values < 0, heading, f"{name} must be >= 0")
    return numbers.values


def _vendor_iv(check: RowCheck, heading: str | None, decimal: str, unit: str | None, notes: list[str]) -> Floats:
    if heading is None:
        return np.full(len(check.table), np.nan)
    numbers = parse_numbers(check.table.column(heading), decimal, allow_percent=True)
    reject_bad(check, heading, numbers)
    values = np.where(numbers.values > 0, numbers.values, np.nan)
    unknown = int((np.isnan(values) & ~numbers.missing & check.kept).sum())
    if unknown:
        notes.append(f"vendor vols of zero or below, taken as not known: {unknown:,}")
    usable = values[check.kept & ~np.isnan(values)]
    if unit is None and len(usable):
        unit = "percent" if numbers.percent or np.median(usable) >= 3 else "decimal"
        words = "percent" if unit == "percent" else "decimals"
        notes.append(f"vendor vols read as {words} because their median is {np.median(usable):.3g}")
    return values / 100 if unit == "percent" else values


def _spot(
    check: RowCheck,
    heading: str | None,
    decimal: str,
    reading: Reading,
    closes: Closes | None,
    days: NDArray[np.datetime64],
    notes: list[str],
) -> Floats:
    if heading is not None:
        return read_positive(check, heading, "spot", decimal)
    wanted = np.unique(days[check.kept])
    if reading.spot is not None:
        notes.append(f"underlying price {float(reading.spot):g} used for all quotes, as given")
        return np.full(len(days), float(reading.spot))
    if closes is None:
        table = check.table
        first, last = (str(wanted[0]), str(wanted[-1])) if len(wanted) else ("?", "?")
        when = f"on {first}" if first == last else f"from {first} to {last}"
        raise AmbiguousColumns(
            f"What was the underlying price {when}? The quotes of {table.file} have no column for it: name one, give "
            "the price, or add a file of daily closes beside the quotes",
            table,
            needed="spot",
            options=[h for h in table.headings if h not in assign(table, "quotes").values()],
        )
    values = np.array([closes.get(day, np.nan) for day in wanted])
    spot = np.full(len(days), np.nan)
    known = np.isin(days, wanted)
    spot[known] = values[np.searchsorted(wanted, days[known])]
    check.reject(np.isnan(spot), "spot", "no closing price of the underlying for this day", value="")
    notes.append("underlying prices taken from the daily closes beside the quotes")
    return spot


def parity_spot(day: pd.DataFrame) -> tuple[float, pd.Series]:
    """What put–call parity says the underlying cost on a day of quotes.

    The forward of an expiry is K + C − P where call and put are closest (there interest hardly matters); log forwards,
    taken to no time by a straight line, give the spot.

    Returns:
        The spot (NaN without a pair) and the forward of each expiry, currency.
    """
    mid = day.assign(mid=(day["bid"] + day["ask"]) / 2, days=(day["expiry"] - day["date"]).dt.days)
    key = ["expiry", "days", "root", "strike"]
    call, put = (mid[mid["is_call"] == side].groupby(key)["mid"].first() for side in (True, False))
    pairs = (call - put).dropna().rename("gap").reset_index()
    pairs = pairs[pairs["days"] > 0]
    if pairs.empty:
        return float("nan"), pd.Series(dtype=float)
    nearest = pairs.loc[pairs.groupby("expiry")["gap"].apply(lambda gap: gap.abs().idxmin())].set_index("expiry")
    forward = nearest["strike"] + nearest["gap"]
    line = np.polyfit(nearest["days"], np.log(forward), 1 if len(forward) > 1 else 0)
    return float(np.exp(line[-1])), forward


def _spot_warnings(rows: pd.DataFrame) -> list[str]:
    """A sentence on the day whose close lies farthest from what its own quotes say, if that is beyond a percent."""
    apart = {}
    for date, day in rows.groupby("date"):
        spot, _ = parity_spot(day)
        close = float(day["spot"].iloc[0])
        if abs(close / spot - 1) > _SPOT_APART:
            apart[date] = (close, spot)
    if not apart:
        return []
    date = max(apart, key=lambda d: abs(apart[d][0] / apart[d][1] - 1))
    close, spot = apart[date]
    return [
        f"warning: the close of {pd.Timestamp(date):%Y-%m-%d} is {close:.6g}, and put–call parity of that day's quotes "
        f"says {spot:.6g}, {100 * (close / spot - 1):+.1f} %; they differ by more than 1 % on {len(apart):,} of "
        f"{rows['date'].nunique():,} days (are the closes adjusted for dividends or splits?)"
    ]


def _strike_units(strike: Floats, spot: Floats, check: RowCheck, heading: str, notes: list[str]) -> Floats:
    """OptionMetrics gives strikes × 1000; decided by the median of K/S over the whole file, and said."""
    ratio = float(np.median(strike[check.kept] / spot[check.kept]))
    if not 30 < ratio < 30_000:
        return strike
    notes.append(f"strikes divided by 1000: the median of {heading[:40]} is {ratio:.4g} times the underlying price")
    return strike / _THOUSANDTHS


def _roots(table: RawTable, heading: str | None) -> Any:
    if heading is None:
        return np.full(len(table), "", dtype=object)
    texts, codes = coded_texts(table.column(heading))
    roots = [match[0] if (match := re.match(r"[A-Za-z^.]+", text)) else "" for text in texts]
    return np.array([*(root[:15] for root in roots), ""], dtype=object)[codes]


def _reject_repeats(check: RowCheck, rows: pd.DataFrame, has_root: bool, notes: list[str]) -> None:
    """Identical rows are kept once; a second, different quote of one contract is rejected where the root is known."""
    kept = rows[check.kept]
    same = kept.duplicated(keep="first").to_numpy()
    check.reject(rows_mask(check, kept.index[same].to_numpy()), "", "the same as a line before", value="")
    contract = ["date", "expiry", "strike", "is_call", "root"]
    again = kept.duplicated(contract, keep="first").to_numpy() & ~same
    if not again.any():
        return
    if has_root:
        reason = "a second, different quote of a contract of a line before"
        check.reject(rows_mask(check, kept.index[again].to_numpy()), "", reason, value="")
    else:
        notes.append(
            f"quotes that share date, expiry, strike and type with another and differ from it: {int(again.sum()):,} "
            "(there is no root to tell AM- from PM-settled contracts): all kept"
        )
