"""Tables of option quotes: one row a quote, or calls and puts in one row; with bid and ask, or with one price."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from engine.errors import MarketDataError
from engine.market.grid import Floats
from engine.market.intake.cells import coded_texts, decimal_mark, looks_like_dates, parse_dates, parse_numbers
from engine.market.intake.columns import (
    LARGEST,
    assign,
    by_elimination,
    is_call,
    one_side_a_row,
    read_positive,
    reject_bad,
    reject_dates,
    require,
    rows_mask,
    within_reason,
)
from engine.market.intake.contracts import with_contract_columns
from engine.market.intake.remarks import day_above, days_in_name, spot_above
from engine.market.intake.result import PARITY, AmbiguousColumns, Closes, Imported, Reading, RowCheck
from engine.market.intake.tables import RawTable
from engine.market.parity_line import LEAST_PAIRS, parity_line
from engine.market.quotes import COLUMNS, OptionQuotes
from engine.market.surface_history import Dates


def read_quote_table(table: RawTable, reading: Reading, closes: Closes | None = None) -> Imported[OptionQuotes]:
    """``date, expiry, strike, type, bid, ask`` and optionally ``spot, volume, iv, root``.

    Crossed quotes and zero bids are kept: dropping and counting them is part of building a surface.

    Args:
        table: the file.
        reading: a person's decisions; ``spot`` serves quotes without an underlying price, ``date`` those without a day.
        closes: underlying price by day, from a price file read beside the quotes.

    Raises:
        AmbiguousColumns: if a column, the date order, the day, the underlying or its price has to be asked for.
        MarketDataError: if nothing in it can be used.
    """
    table = _with_contracts(one_side_a_row(table))
    table = _one_underlying(table, reading)
    roles = assign(table, "quotes")
    sides = ("price",) if "price" in roles and not roles.keys() & {"bid", "ask"} else ("bid", "ask")
    require(table, "quotes", roles, ("expiry", "strike", "type", *sides))
    check = RowCheck(table)
    notes = list(table.notes)
    notes += [] if table.profile is None else [table.profile.sentence(table.file)]
    notes += by_elimination(table, "quotes", roles)
    numbers = ("strike", "bid", "ask", "price", "spot", "spot_bid", "spot_ask", "volume", "iv")
    decimal, note = decimal_mark(table, [roles[r] for r in numbers if r in roles], reading.decimal)
    notes += [note] if note else []

    days, expiry = _days(check, roles, reading, decimal, notes)
    strike = read_positive(check, roles["strike"], "strike", decimal)
    factor = 1.0 if table.profile is None or "strike" in table.decided else table.profile.factors.get("strike", 1.0)
    if factor != 1:
        strike = strike / factor
        notes.append(f"strikes divided by {factor:g}, as in every such file")
    calls = is_call(check, roles["type"])
    bid, ask = _prices(check, roles, sides, decimal, notes)
    volume = _not_negative(check, roles.get("volume"), "volume", decimal, needed=False)
    iv = _vendor_iv(check, roles.get("iv"), decimal, reading.iv_unit, notes)
    if reading.spot_from == PARITY:
        spot = _parity_spot(check, days, expiry, strike, calls, (bid + ask) / 2, notes)
    else:
        spot = _spot(check, roles, decimal, reading, closes, days, notes)
    check.require_some()
    strike = _strike_units(strike, spot, check, roles["strike"], notes)
    unit = _price_unit(check, reading, strike, calls, ask, spot, notes)
    content = {
        "date": days,
        "expiry": expiry,
        "strike": strike,
        "is_call": calls,
        "bid": bid * unit,
        "ask": ask * unit,
        "spot": spot,
        "volume": volume,
        "iv": iv,
        "root": _roots(table, roles.get("root", roles.get("contract"))),
    }
    rows = pd.DataFrame(content, columns=list(COLUMNS))
    _reject_repeats(check, rows, bool((rows["root"] != "").any()), notes)
    kept = rows[check.kept].reset_index(drop=True)
    quotes = OptionQuotes(kept.sort_values("date", kind="stable", ignore_index=True))
    n_days = len(quotes.dates)
    notes.append(f"quotes of {n_days:,} {'day' if n_days == 1 else 'days'}, {kept['expiry'].nunique():,} expiries")
    return Imported(quotes, check.frame(), (*notes, check.count_note()), "quotes")


def _with_contracts(table: RawTable) -> RawTable:
    """What only the contracts' symbols say, as columns."""
    roles = assign(table, "quotes")
    if "contract" not in roles:
        return table
    lacking = [role for role in ("expiry", "type", "strike") if role not in roles]
    return with_contract_columns(table, roles["contract"], lacking)


# --- which underlying -------------------------------------------------------------------------------------------------


def _one_underlying(table: RawTable, reading: Reading) -> RawTable:
    """The rows of one underlying; several are never mixed.

    Raises:
        AmbiguousColumns: asking which, if there are several.
        MarketDataError: if the one that was asked for is not there.
    """
    names = _underlyings(table)
    there = pd.Series(names)[names != ""].value_counts()
    wanted = None if reading.underlying is None else reading.underlying.strip()
    if wanted is None and len(there) <= 1:
        return table
    shown = ", ".join(" ".join(str(name).split())[:15] for name in there.index[:10])
    if wanted is None:
        raise AmbiguousColumns(
            f"Which underlying of {table.file} is to be read? It holds {len(there):,}: {shown}",
            table,
            needed="underlying",
            options=[str(name) for name in there.index[:200]],
            by="option",
            takes="text",
        )
    if there.empty:
        return table.noting(f"no column of {table.file} names an underlying: the answer {wanted[:15]} was not needed")
    mine = np.array([name.upper() == wanted.upper() for name in names], dtype=np.bool_)
    if not mine.any():
        raise MarketDataError(
            f"expected one of {shown} as answer to underlying; found {wanted[:40]!r} for {table.file}"
        )
    if mine.all():
        return table
    kept = (
        f"{int(mine.sum()):,} of {len(mine):,} rows of {table.file} are of {wanted[:15]}; the others were not asked for"
    )
    return table.where(mine).noting(kept)


def _underlyings(table: RawTable) -> NDArray[Any]:
    """``(n,)`` names: of the column for them, else of the roots, those that continue another being the same (SPXW)."""
    roles = assign(table, "quotes")
    if "underlying" in roles:
        texts, codes = coded_texts(table.column(roles["underlying"]))
        return np.array([*texts, ""], dtype=object)[codes]
    heading = roles.get("root", roles.get("contract"))
    if heading is None:
        return np.full(len(table), "", dtype=object)
    names = _roots(table, heading)
    distinct = sorted({str(name) for name in names} - {""}, key=len)
    stem = {name: next(short for short in distinct if name.startswith(short)) for name in distinct}
    return np.array([stem.get(str(name), "") for name in names], dtype=object)


# --- which day --------------------------------------------------------------------------------------------------------


def _days(
    check: RowCheck, roles: dict[str, str], reading: Reading, decimal: str, notes: list[str]
) -> tuple[Dates, Dates]:
    """Quote day and expiry of each row; a day that no column holds is given, read above the headings, or asked for."""
    table = check.table
    headings = [roles[role] for role in ("expiry", "date") if role in roles]
    order = [roles[role] for role in ("date", "expiry") if role in roles]
    read, said = parse_dates(table, order, reading.date_order)
    notes += said
    of = dict(zip(order, read, strict=True))
    expiry = of[headings[0]]
    faults = {row: fault.replace("date is missing", "expiry is missing") for row, fault in expiry.faults.items()}
    own = of.get(roles.get("date", ""))
    if own is not None and _same_days(own.days, expiry.days):
        notes.append(f"{roles.pop('date')[:40]} is the expiry written twice, not the day of the quotes")
        own = None
    if own is None:
        reject_dates(check, headings[0], faults)
        days = np.full(len(table), _one_day(check, roles, reading, decimal, expiry.days, notes))
    else:
        days = own.days
        reject_dates(check, roles["date"], own.faults)
        reject_dates(check, headings[0], faults)
        _keep_day(check, roles["date"], days, reading)
    check.reject(expiry.days < days, headings[0], "expiry lies before the quote date")
    return days, expiry.days


def _same_days(one: Dates, other: Dates) -> bool:
    known = ~np.isnat(one) & ~np.isnat(other)
    return bool(known.any()) and bool((one == other)[known].all()) and len(np.unique(other[known])) > 1


def _keep_day(check: RowCheck, heading: str, days: Dates, reading: Reading) -> None:
    """Only the rows of the day that was asked for, if one was."""
    if reading.date is None:
        return
    wanted = np.datetime64(reading.date)
    if not (days[check.kept] == wanted).any():
        there = np.unique(days[check.kept])
        span = f"{there[0]} to {there[-1]}" if len(there) else "none"
        raise MarketDataError(
            f"expected a day of column {heading[:40]} of {check.table.file}, {span}, as answer to date; "
            f"found {reading.date}"
        )
    check.reject(days != wanted, heading, f"another day than {reading.date}, which was asked for")


def _one_day(
    check: RowCheck, roles: Mapping[str, str], reading: Reading, decimal: str, expiry: Dates, notes: list[str]
) -> np.datetime64:
    """The day of a snapshot whose rows do not say it.

    Raises:
        AmbiguousColumns: if nothing does.
    """
    table = check.table
    if reading.date is not None:
        notes.append(f"all quotes are of {reading.date}, as given")
        return np.datetime64(reading.date)
    above = day_above(table)
    if above is not None:
        notes.append(f"all quotes are of {above}, the day in the lines above the headings")
        return above
    if "dte" in roles:
        left = parse_numbers(table.column(roles["dte"]), decimal).values
        known = ~np.isnan(left) & ~np.isnat(expiry)
        counted = np.unique(expiry[known] - np.round(left[known]).astype("timedelta64[D]"))
        if len(counted) == 1:
            notes.append(f"all quotes are of {counted[0]}: the expiries less the days in {roles['dte'][:40]}")
            return np.datetime64(counted[0])
    if "last_trade" in roles:
        (traded,), _ = parse_dates(table, [roles["last_trade"]], reading.date_order)
        if not np.isnat(traded.days).all():
            latest = np.nanmax(traded.days)
            notes.append(
                f"all quotes are taken to be of {latest}, the latest day in {roles['last_trade'][:40]}: {table.file} "
                "does not name the day of the quotes (the answer date=… gives another)"
            )
            return np.datetime64(latest)
    taken = [table.column(heading) for heading in roles.values()]
    dated = [
        h
        for h in table.headings
        if h not in roles.values()
        and looks_like_dates(table.column(h))
        and not any(table.column(h).equals(column) for column in taken)
    ]
    raise AmbiguousColumns(
        f"Of which day are the quotes of {table.file}? No column says it: give the day, as in date=2026-01-30"
        + (", or the column that holds it" if dated else ""),
        table,
        needed="date",
        options=dated or days_in_name(table.file),
        by="mapping" if dated else "option",
        takes="day",
    )


# --- prices ----------------------------------------------------------------------------------------------------------


def _prices(
    check: RowCheck, roles: Mapping[str, str], sides: Sequence[str], decimal: str, notes: list[str]
) -> tuple[Floats, Floats]:
    if sides == ("price",):
        price = _not_negative(check, roles["price"], "price", decimal, needed=True)
        notes.append(
            f"{check.table.file} has no bid and ask: {roles['price'][:40]} is used for both, so there is no spread"
        )
        return price, price
    bid, ask = (_not_negative(check, roles[side], side, decimal, needed=True) for side in ("bid", "ask"))
    return bid, ask


def _not_negative(check: RowCheck, heading: str | None, name: str, decimal: str, *, needed: bool) -> Floats:
    """Numbers >= 0; NaN where there are none, if they are not needed."""
    if heading is None:
        return np.full(len(check.table), np.nan)
    numbers = parse_numbers(check.table.column(heading), decimal)
    reject_bad(check, heading, numbers)
    if needed:
        check.reject(numbers.missing, heading, f"{name} is missing")
    check.reject(numbers.values < 0, heading, f"{name} must be >= 0")
    return within_reason(check, heading, name, numbers.values)


def _vendor_iv(check: RowCheck, heading: str | None, decimal: str, unit: str | None, notes: list[str]) -> Floats:
    if heading is None:
        return np.full(len(check.table), np.nan)
    numbers = parse_numbers(check.table.column(heading), decimal, allow_percent=True)
    reject_bad(check, heading, numbers)
    values = np.where((numbers.values > 0) & (numbers.values < LARGEST), numbers.values, np.nan)
    unknown = int((np.isnan(values) & ~numbers.missing & check.kept).sum())
    if unknown:
        notes.append(f"vendor vols of zero or below, taken as not known: {unknown:,}")
    usable = values[check.kept & ~np.isnan(values)]
    if unit is None and len(usable):
        unit = "percent" if numbers.percent or np.median(usable) >= 3 else "decimal"
        words = "percent" if unit == "percent" else "decimals"
        notes.append(f"vendor vols in {heading[:40]} read as {words} because their median is {np.median(usable):.3g}")
    return values / 100 if unit == "percent" else values


# --- spot, and the units of strikes and prices ------------------------------------------------------------------------


def _spot(
    check: RowCheck,
    roles: Mapping[str, str],
    decimal: str,
    reading: Reading,
    closes: Closes | None,
    days: Dates,
    notes: list[str],
) -> Floats:
    table = check.table
    if reading.spot is not None:
        notes.append(f"underlying price {float(reading.spot):g} used for all quotes, as given")
        return np.full(len(days), float(reading.spot))
    if "spot" in roles:
        return read_positive(check, roles["spot"], "spot", decimal)
    if "spot_bid" in roles and "spot_ask" in roles:
        low, high = (read_positive(check, roles[side], "spot", decimal) for side in ("spot_bid", "spot_ask"))
        notes.append(f"underlying price: the middle of {roles['spot_bid'][:40]} and {roles['spot_ask'][:40]}")
        middle: Floats = (low + high) / 2
        return middle
    above = spot_above(table)
    if above is not None:
        notes.append(f"underlying price {above:g} taken from the lines above the headings")
        return np.full(len(days), above)
    wanted = np.unique(days[check.kept])
    if closes is None:
        first, last = (str(wanted[0]), str(wanted[-1])) if len(wanted) else ("?", "?")
        when = f"on {first}" if first == last else f"from {first} to {last}"
        raise AmbiguousColumns(
            f"What was the underlying price {when}? The quotes of {table.file} have no column for it: name one, give "
            "the price, say parity to estimate it from the quotes, or add a file of daily closes beside the quotes",
            table,
            needed="spot",
            options=[PARITY, *(h for h in table.headings if h not in roles.values())],
            takes="number",
        )
    values = np.array([closes.get(day, np.nan) for day in wanted])
    spot = np.full(len(days), np.nan)
    known = np.isin(days, wanted)
    spot[known] = values[np.searchsorted(wanted, days[known])]
    check.reject(np.isnan(spot), "spot", "no closing price of the underlying for this day", value="")
    notes.append("underlying prices taken from the daily closes beside the quotes")
    return spot


def _parity_spot(
    check: RowCheck, days: Dates, expiry: Dates, strike: Floats, calls: NDArray[np.bool_], mid: Floats, notes: list[str]
) -> Floats:
    """The underlying price of each day from put–call parity: C − P = D (F − K) for each expiry, D F = S e^{−qτ}.

    log(D F) is continued in a straight line through the nearest expiries to τ = 0; one expiry alone gives D F itself.

    Raises:
        MarketDataError: for a day without three strikes that have a call and a put of one expiry.
    """
    rows = pd.DataFrame({"day": days, "expiry": expiry, "strike": strike, "call": calls, "mid": mid})
    rows = rows[check.kept & np.isfinite(mid) & (expiry > days)]
    spot = np.full(len(days), np.nan)
    for day, of_day in ((pd.Timestamp(str(one)), part) for one, part in rows.groupby("day")):
        found = []
        for last, one in ((pd.Timestamp(str(end)), part) for end, part in of_day.groupby("expiry")):
            pairs = one.pivot_table(index="strike", columns="call", values="mid")
            if pairs.shape[1] == 2 and len(pairs := pairs.dropna()) >= LEAST_PAIRS:
                difference = (pairs[True] - pairs[False]).to_numpy()
                forward, discount = parity_line(pairs.index.to_numpy(dtype=float), difference)
                if np.isfinite(forward):
                    found.append((last, (last - day).days / 365, forward, discount))
        if not found:
            raise MarketDataError(
                f"expected three strikes with a call and a put of one expiry on {day:%Y-%m-%d} to estimate the spot "
                f"from put–call parity; found none in {check.table.file}"
            )
        tau, carried = np.array([one[1] for one in found]), np.log([one[2] * one[3] for one in found])
        line = np.polyfit(tau[:NEAREST], carried[:NEAREST], 1) if len(found) > 1 else np.array([0.0, carried[0]])
        value = float(np.exp(line[1]))
        how = "continued to today" if len(found) > 1 else "of one expiry, so that its dividends are still in it"
        spot[of_day.index] = value
        listed = "; ".join(f"{last:%Y-%m-%d} {f:,.2f} ({d:.4f})" for last, _, f, d in found[:12])
        more = f" and {len(found) - 12} more" if len(found) > 12 else ""
        notes.append(
            f"underlying price {value:,.2f} of {day:%Y-%m-%d} estimated from put–call parity, the discounted forward "
            f"{how}; forwards (and discounts) by expiry: {listed}{more}"
        )
    return spot


NEAREST = 4
"""Nearest expiries through which the spot of parity is found."""


def _strike_units(strike: Floats, spot: Floats, check: RowCheck, heading: str, notes: list[str]) -> Floats:
    """Strikes in units of spot: vendors scale them by powers of ten, of which the one that puts K/S near 1 is taken."""
    ratio = float(np.median(strike[check.kept] / spot[check.kept]))
    power = round(np.log10(ratio))
    if power == 0 or not 0.4 < ratio / 10.0**power < 2.5:
        return strike
    scale = 10.0 ** abs(power)
    done = f"divided by {scale:.0f}" if power > 0 else f"multiplied by {scale:.0f}"
    notes.append(f"strikes {done}: the median of {heading[:40]} is {ratio:.4g} times the underlying price")
    scaled: Floats = strike / scale if power > 0 else strike * scale
    return scaled


NEAR = 0.05
"""|K/S − 1| up to which a price shows whether it is in units of the underlying."""


def _price_unit(
    check: RowCheck,
    reading: Reading,
    strike: Floats,
    calls: NDArray[np.bool_],
    ask: Floats,
    spot: Floats,
    notes: list[str],
) -> Floats | float:
    """What prices are multiplied by: 1, or spot if they are in units of the underlying.

    An option in the money is worth about (S − K)⁺ or (K − S)⁺: S times more than its price in units of the underlying.
    """
    if reading.price_unit is not None:
        notes.append(f"prices are in {reading.price_unit}, as given")
        return spot if reading.price_unit == "coin" else 1.0
    worth = np.zeros(len(strike))
    worth[check.kept] = np.where(calls, 1.0, -1.0)[check.kept] * (1 - strike[check.kept] / spot[check.kept])
    deep = (worth > NEAR) & (ask > 0)
    if not deep.any():
        profile = check.table.profile
        if profile is None or not profile.coin:
            return 1.0
        notes.append(f"prices taken to be in units of the underlying, as {profile.name} gives them; multiplied by spot")
        return spot
    ratio = float(np.median(ask[deep] / (worth[deep] * spot[deep])))
    in_coin = float(np.median(ask[deep] / worth[deep]))
    if abs(np.log(ratio)) < abs(np.log(in_coin)):
        return 1.0
    if not 0.5 < in_coin < 2:
        return 1.0
    notes.append(
        "prices are in units of the underlying (coin), because options in the money cost "
        f"{in_coin:.2g} times (S − K)/S; multiplied by spot"
    )
    return spot


def _roots(table: RawTable, heading: str | None) -> NDArray[Any]:
    if heading is None:
        return np.full(len(table), "", dtype=object)
    texts, codes = coded_texts(table.column(heading))
    roots = [match[0] if (match := re.match(r"(?:O:)?[A-Za-z^.]+", text)) else "" for text in texts]
    return np.array([*(root.removeprefix("O:")[:15] for root in roots), ""], dtype=object)[codes]


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
