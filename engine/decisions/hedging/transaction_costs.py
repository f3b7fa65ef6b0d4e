"""What it costs to trade one unit: half the bid–ask spread, from the data or from a stated model."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.decisions.hedging.options import Book, Quotes, vols
from engine.errors import MarketDataError, SettingsError
from engine.market.grid import Floats
from engine.market.surface_history import SurfaceHistory

SOURCES = ("quoted", "parametric")
"""Half-spreads of the data, or the model."""


@dataclass(frozen=True)
class CostModel:
    """c_i, the cost of trading one unit of an instrument, in currency.

    * quoted: c = S·h(K/S, τ), with h the half-spread surface of the data, a fraction of spot, for calls or for puts;
      beyond the surface the nearest half-spread holds, since a straight line soon makes trading free;
    * parametric: c = max(κ·s, S·h_min), with κ the option's vega and s a half-spread in vol.

    The underlying costs S·10⁻⁴·b. Options that have expired are settled, which costs nothing.

    Args:
        source: ``quoted`` or ``parametric``.
        vol_points: s of the parametric model, in vol points (0.1 = 0.1 % of vol).
        least: h_min of the parametric model, fraction of spot.
        underlying: b, half-spread of the underlying in basis points.
        scale: multiplies all of it, to ask what wider or narrower markets would do.

    Raises:
        SettingsError: if a figure is negative or not finite, or the source is unknown.
    """

    source: str = "quoted"
    vol_points: float = 0.1
    least: float = 2.5e-5
    underlying: float = 0.0
    scale: float = 1.0

    def __post_init__(self) -> None:
        if self.source not in SOURCES:
            raise SettingsError(f"expected costs that are {' or '.join(SOURCES)}; found {self.source[:40]!r}")
        for name in ("vol_points", "least", "underlying", "scale"):
            value = getattr(self, name)
            if not (np.isfinite(value) and value >= 0):
                raise SettingsError(f"expected costs >= 0; found {value:g} for {name.replace('_', ' ')}")

    @classmethod
    def for_history(cls, history: SurfaceHistory, **figures: float) -> CostModel:
        """Quoted costs where the data have them, else the parametric model."""
        return cls("parametric" if history.half_spread is None else "quoted", **figures)

    def per_unit(self, book: Book, quotes: Quotes, history: SurfaceHistory, row: int, elapsed: float) -> Floats:
        """``(1 + n,)`` cost of one unit of the underlying and of each option on one day.

        Args:
            book: the options.
            quotes: of the book on that day.
            history: the data; the quoted model reads its half-spreads of that day.
            row: the day.
            elapsed: years since the options were entered.

        Raises:
            MarketDataError: if the data have no half-spreads and the quoted model is asked for.
        """
        spot = float(history.spot[row])
        left = book.remaining(elapsed)
        if self.source == "quoted":
            if history.half_spread is None:
                raise MarketDataError(
                    "expected data with half-spreads for quoted costs; found none: choose the parametric model"
                )
            grid = history.grid
            m = np.clip(book.strike / spot, grid.moneyness[0], grid.moneyness[-1])
            tau = np.clip(left, grid.maturity[0], grid.maturity[-1])
            calls, puts = (vols(side, grid, m, tau, floor=0.0) for side in history.half_spread[row])
            options = spot * np.where(book.is_call, calls, puts)
        else:
            options = np.maximum(quotes.vega * self.vol_points / 100, self.least * spot)
        options = np.where(left > 0, options, 0.0)
        return self.scale * np.concatenate([[spot * 1e-4 * self.underlying], options])

    def in_words(self) -> str:
        """One sentence for captions."""
        underlying = f", underlying {self.underlying:g} bp" if self.underlying else ", underlying free"
        times = f" times {self.scale:g}" if self.scale != 1 else ""
        if self.source == "quoted":
            return f"half-spreads of the data{times}{underlying}"
        least = f"at least {1e4 * self.least:g} bp of spot"
        return f"half-spread of {self.vol_points:g} vol points, {least}{times}{underlying}"
