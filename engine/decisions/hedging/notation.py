"""A book as a person types it: ``straddle 95% 21d 1; put 2700 3m -2; underlying -0.5``."""

from __future__ import annotations

import re

from engine.decisions.hedging.options import Option, Portfolio
from engine.errors import MarketDataError
from engine.market.grid import DT, Grid

MEMBERS: dict[str, tuple[tuple[bool, int, int], ...]] = {
    "call": ((True, 0, 1),),
    "put": ((False, 0, 1),),
    "straddle": ((True, 0, 1), (False, 0, 1)),
    "strangle": ((False, 0, 1), (True, 1, 1)),
    "call-spread": ((True, 0, 1), (True, 1, -1)),
    "put-spread": ((False, 1, 1), (False, 0, -1)),
    "risk-reversal": ((True, 1, 1), (False, 0, -1)),
}
"""Name → its options: whether a call, which of the strikes as typed (the lower first), how many."""

TRADING_DAYS = {"d": 1, "w": 5, "m": 21, "y": 252}
"""Unit of an expiry → trading days."""

_ITEM = re.compile(
    r"(?P<kind>[a-z]+(?:[- ]spread|[- ]reversal)?)\s+(?P<strikes>\d[\d.]*%?(?:\s*/\s*\d[\d.]*%?)?)\s+"
    r"(?P<count>\d+)\s*(?P<unit>[dwmy])(?:\s+(?P<quantity>[-+−]?\d*\.?\d+(?:e[-+]?\d+)?))?",
    re.IGNORECASE,
)
_STOCK = re.compile(r"(?:underlying|stock|index)\s+(?P<quantity>[-+−]?\d*\.?\d+)", re.IGNORECASE)
_FORM = "'<kind> <strike> <expiry> <quantity>' such as 'straddle 95% 21d 1' or 'put 2700 3m -2'"


def parse_book(text: str, spot: float) -> Portfolio:
    """The portfolio that a line of text names; one contract named twice is netted.

    Args:
        text: items divided by ``;``, ``,`` or line ends. An item is a kind (``call``, ``put``, ``straddle``, or with
            two strikes ``strangle 90%/110%``, ``call-spread``, ``put-spread``, ``risk-reversal``), a strike (percent of
            spot with ``%``, else currency), an expiry (``21d`` trading days, ``w``, ``m``, ``y``) and a quantity,
            negative if sold, 1 if left out; or ``underlying`` and a quantity.
        spot: S > 0 of the day, currency.

    Returns:
        Options in the order in which they are named.

    Raises:
        MarketDataError: for an item that cannot be read, an unknown kind, an expired option or a quantity of zero.
    """
    held: list[tuple[Option, float]] = []
    underlying = 0.0
    items = [item.strip() for item in re.split(r"[;,\n]", text) if item.strip()]
    if not items:
        raise MarketDataError(f"expected a book as {_FORM}; found nothing")
    for item in items:
        stock = _STOCK.fullmatch(item)
        if stock is not None:
            underlying += _quantity(stock["quantity"], item)
            continue
        for option, quantity in _options(item, spot):
            same = next((k for k, (other, _) in enumerate(held) if other.same_as(option)), None)
            if same is None:
                held.append((option, quantity))
            else:
                held[same] = (option, held[same][1] + quantity)
    kept = [(option, quantity) for option, quantity in held if quantity]
    return Portfolio(tuple(option for option, _ in kept), tuple(quantity for _, quantity in kept), underlying)


def off_the_surface(portfolio: Portfolio, spot: float, grid: Grid) -> tuple[str, ...]:
    """A sentence for each option that lies outside the grid, whose vol is the nearest one there is."""
    low, high = grid.moneyness[[0, -1]]
    shortest, longest = grid.maturity[[0, -1]]
    said = []
    for option in portfolio.options:
        m, days = option.strike / spot, option.maturity / DT
        if not low <= m <= high or not shortest <= option.maturity <= longest:
            said.append(
                f"{option.label} at {100 * m:.4g} % of spot with {days:.0f} trading days is extrapolated: the surface "
                f"reaches from {100 * low:.4g} to {100 * high:.4g} % and from {shortest / DT:.0f} to "
                f"{longest / DT:.0f} days"
            )
    return tuple(said)


def _options(item: str, spot: float) -> list[tuple[Option, float]]:
    found = _ITEM.fullmatch(item)
    if found is None:
        raise MarketDataError(f"expected {_FORM} in the book; found {item[:60]!r}")
    kind = found["kind"].lower().replace(" ", "-")
    members = MEMBERS.get(kind)
    if members is None:
        raise MarketDataError(f"expected one of {', '.join(MEMBERS)}, underlying in the book; found {kind[:40]!r}")
    strikes = sorted(_strike(one.strip(), spot, item) for one in found["strikes"].split("/"))
    needed = 1 + max(which for _, which, _ in members)
    if len(strikes) != needed or len(set(strikes)) != needed:
        raise MarketDataError(
            f"expected {'one strike' if needed == 1 else 'two strikes'} of a {kind}; found {found['strikes']!r}"
        )
    days = int(found["count"]) * TRADING_DAYS[found["unit"].lower()]
    if days < 1:
        raise MarketDataError(f"expected an option that has not expired; found {item[:60]!r}")
    quantity = _quantity(found["quantity"] or "1", item)
    return [(Option(strikes[which], days * DT, is_call), many * quantity) for is_call, which, many in members]


def _strike(text: str, spot: float, item: str) -> float:
    percent = text.endswith("%")
    try:
        value = float(text.rstrip("%"))
    except ValueError:
        value = 0.0
    if not value > 0:
        raise MarketDataError(f"expected a strike > 0; found {text!r} in {item[:60]!r}")
    return value / 100 * spot if percent else value


def _quantity(text: str, item: str) -> float:
    value = float(text.replace("−", "-"))
    if value == 0:
        raise MarketDataError(f"expected a quantity above or below zero; found 0 in {item[:60]!r}")
    return value
