"""What the lines above the headings, and the file's name, say about all rows: the day of a snapshot, the spot."""

from __future__ import annotations

import re

import numpy as np

from engine.market.intake.cells import day_of, parse_number
from engine.market.intake.tables import RawTable
from engine.market.intake.vocabulary import ROLES, squashed

_DAYS = {*next(role.squashed for role in ROLES["quotes"] if role.name == "date"), "updated", "lastupdate", "time"}
_SPOTS = {
    *next(role.squashed for role in ROLES["quotes"] if role.name == "spot"),
    "last",
    "lastprice",
    "price",
    "close",
}


def remarks(table: RawTable) -> dict[str, str]:
    """Squashed key → value of the lines above: ``Last: 4000.00`` in one cell, or ``Last,4000.00`` in two."""
    found: dict[str, str] = {}
    for row in table.above:
        for cell, after in zip(row, (*row[1:], ""), strict=True):
            key, colon, value = cell.partition(":")
            if colon and value.strip() and re.search(r"[A-Za-z]", key):
                found.setdefault(squashed(key), value.strip())
            elif re.search(r"[A-Za-z]", key) and after and ":" not in after.split(" ")[0]:
                found.setdefault(squashed(key), after)
    return found


def day_above(table: RawTable) -> np.datetime64 | None:
    """The day that the lines above the headings name: under a key that means a date, or the only one there."""
    told = remarks(table)
    named = [day for key in told if key in _DAYS and (day := day_of(told[key])) is not None]
    cells = [day for row in table.above for cell in row if (day := day_of(cell)) is not None]
    days = set(named or cells)
    return days.pop() if len(days) == 1 else None


def spot_above(table: RawTable) -> float | None:
    """The underlying price that the lines above the headings name; else the middle of its bid and ask."""
    told = remarks(table)
    for key in told:
        if key in _SPOTS and (price := parse_number(told[key])) is not None and price > 0:
            return price
    bid, ask = (parse_number(told.get(side, "")) for side in ("bid", "ask"))
    return (bid + ask) / 2 if bid is not None and ask is not None and 0 < bid <= ask else None


def days_in_name(file: str) -> tuple[str, ...]:
    """Days written in a file's name, ISO: worth suggesting, never taken unasked."""
    found = [day_of("-".join(parts)) for parts in re.findall(r"(?<!\d)(20\d\d)[-_]?(\d\d)[-_]?(\d\d)(?!\d)", file)]
    return tuple(str(day) for day in found if day is not None)
