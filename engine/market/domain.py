"""What a trained model lives on: a grid of surfaces, the tickers of returns, or a plane. Its card names it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.errors import MarketDataError
from engine.market.grid import Grid
from engine.market.price_history import check_ticker

MOST_TICKERS = 1_000


@dataclass(frozen=True)
class Tickers:
    """Assets in a fixed order.

    Args:
        names: distinct tickers.

    Raises:
        MarketDataError: if there is none, or one twice.
    """

    names: tuple[str, ...]

    def __post_init__(self) -> None:
        for name in self.names:
            check_ticker(name)
        if not self.names or len(set(self.names)) != len(self.names):
            raise MarketDataError(f"expected distinct tickers, at least one; found {len(self.names)} names")

    def __repr__(self) -> str:
        return ", ".join(self.names[:6]) + (f" and {len(self.names) - 6} more" if len(self.names) > 6 else "")


@dataclass(frozen=True)
class Plane:
    """Two coordinates without a unit, for teaching."""

    def __repr__(self) -> str:
        return "the plane"


Domain = Grid | Tickers | Plane


def to_dict(domain: Domain) -> dict[str, Any]:
    """Plain values, for cards and JSON."""
    if isinstance(domain, Grid):
        return {"kind": "grid", **domain.to_dict()}
    return {"kind": "tickers", "names": list(domain.names)} if isinstance(domain, Tickers) else {"kind": "plane"}


def from_dict(values: Mapping[str, Any]) -> Domain:
    """The inverse of :func:`to_dict`.

    Raises:
        MarketDataError: if it is none.
    """
    kind = values.get("kind")
    if kind == "grid":
        return Grid.from_dict(values)
    names = values.get("names")
    if kind == "tickers" and isinstance(names, list) and 0 < len(names) <= MOST_TICKERS:
        if not all(isinstance(name, str) for name in names):
            raise MarketDataError("expected the names of tickers to be text; found others")
        return Tickers(tuple(names))
    if kind == "plane":
        return Plane()
    raise MarketDataError(f"expected a grid, tickers or the plane; found {str(kind)[:40]!r}")
