"""Surfaces built from quotes, of one day or of many, and everything one should know before trusting them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from engine.market.grid import Floats, Grid
from engine.market.surface_history import SurfaceHistory
from engine.surfaces import arbitrage
from engine.surfaces.arbitrage_repair import Repair
from engine.surfaces.nadaraya_watson import Bandwidth, BandwidthSearch
from engine.surfaces.parity import ParityRates
from engine.surfaces.quote_cleaning import drop_counts, drop_words, prices_at, vols_at
from engine.surfaces.ssvi import SSVI


@dataclass(frozen=True, eq=False)
class Construction:
    """One day's surface.

    Args:
        date, spot: the day and the price of the underlying.
        grid: the grid of the surface.
        iv: ``(n_moneyness, n_maturity)`` implied vols, annualised, finite and > 0.
        interpolated: the same shape, the quotes joined by straight lines and no more: what smoothing started from.
        rate: the day's rate, per year.
        parity: rates by expiry and the pairs behind them; None if the rate was given and no pair was there.
        method: one of ``smoothing.METHODS``.
        bandwidth: (h1, h2) of the kernel that smoothed the surface and the half-spreads.
        search: the bandwidth search, if there was one.
        half_spread: ``(2, n_moneyness, n_maturity)`` smoothed half-spreads of calls and puts, fractions of spot.
        quotes: the quotes used, one row each: ``row, expiry, root, strike, is_call, bid, ask, volume, mid, moneyness,
            maturity, half_spread, discount_rate, prepaid, iv, vega, fitted_iv, residual`` (iv less fitted, vol points;
            NaN outside the grid).
        dropped: the quotes dropped, with ``reason``.
        n_quotes: how many the day had.
        extrapolated: ``(n_moneyness, n_maturity)`` grid points outside the quotes, or far from all of them.
        before, after: penalties of ``interpolated`` and of ``iv``; with a repair the first is that of what it repaired.
        repair: what the repair changed, if there was one.
        model: the fitted SSVI, if that is the method.
        notes: what else a person should know, a sentence each.
    """

    date: np.datetime64
    spot: float
    grid: Grid
    iv: Floats
    interpolated: Floats
    rate: float
    parity: ParityRates | None
    method: str
    bandwidth: Bandwidth
    search: BandwidthSearch | None
    half_spread: Floats
    quotes: pd.DataFrame
    dropped: pd.DataFrame
    n_quotes: int
    extrapolated: NDArray[np.bool_]
    before: arbitrage.Penalty
    after: arbitrage.Penalty
    repair: Repair | None
    model: SSVI | None
    notes: tuple[str, ...] = ()

    @property
    def surface(self) -> Floats:
        """The surface, ``iv`` by another name."""
        return self.iv

    @property
    def rates(self) -> pd.DataFrame:
        """Parity rates by expiry and root (empty if the rate was given and no pair was there)."""
        return pd.DataFrame() if self.parity is None else self.parity.by_expiry

    @property
    def drop_counts(self) -> pd.Series:
        """Reason → how many quotes were dropped for it."""
        return drop_counts(self.dropped)

    @property
    def phi_before(self) -> float:
        """Φ of what smoothing, or the repair, started from."""
        return float(self.before.total)

    @property
    def phi_after(self) -> float:
        """Φ of the surface."""
        return float(self.after.total)

    @cached_property
    def rmse(self) -> float:
        """Vega-weighted root mean square of quote less surface, in vol points; NaN if no quote lies inside the grid."""
        known = self.quotes[np.isfinite(self.quotes["residual"])]
        weight = known["vega"].to_numpy()
        if not weight.sum() > 0:
            return float("nan")
        return float(np.sqrt(weight @ known["residual"].to_numpy() ** 2 / weight.sum()))

    @cached_property
    def within_spread(self) -> float:
        """Share of the quotes inside the grid whose bid and ask enclose the surface's price; NaN if there are none."""
        known = self.quotes[np.isfinite(self.quotes["residual"])]
        price = prices_at(known, known["fitted_iv"])
        inside = (price >= known["bid"].to_numpy()) & (price <= known["ask"].to_numpy())
        return float(inside.mean()) if len(known) else float("nan")

    def smile(self, expiry: pd.Timestamp) -> pd.DataFrame:
        """The quotes of one expiry with ``iv_bid`` and ``iv_ask`` (0 where a bid is worth less than no vol)."""
        rows = self.quotes[self.quotes["expiry"] == expiry].sort_values("moneyness", ignore_index=True)
        low, high = (vols_at(rows, rows[name]) for name in ("bid", "ask"))
        return rows.assign(iv_bid=np.nan_to_num(low), iv_ask=high)

    @property
    def words(self) -> str:
        """What was dropped and why, what was used, and what else there is to know."""
        in_the_money = self.n_quotes - len(self.dropped) - len(self.quotes)
        sentences = [
            drop_words(self.dropped, self.n_quotes),
            f"{len(self.quotes):,} out-of-the-money vols make the surface; {in_the_money:,} in-the-money quotes serve "
            "parity and half-spreads only",
            *self.notes,
        ]
        return ". ".join(sentences) + "."

    def history(self, name: str = "") -> SurfaceHistory:
        """The surface as a history of one day."""
        return SurfaceHistory(
            dates=np.array([self.date]),
            spot=np.array([self.spot]),
            iv=self.iv[None],
            grid=self.grid,
            rate=np.array([self.rate]),
            half_spread=self.half_spread[None],
            name=name,
        )


@dataclass(frozen=True, eq=False)
class HistoryConstruction:
    """Surfaces of many days.

    Args:
        history: the days that could be built, with rates and half-spreads.
        bandwidth: (h1, h2) used on all of them.
        search: the search that chose it, if there was one.
        search_day: the day of the search.
        days: one row a day built: ``date, quotes, used, dropped, rate, phi_before, phi_after, rmse, extrapolated`` and
            one column a reason with its count.
        skipped: one row a day that could not be built: ``date, reason``, the reason a sentence.
    """

    history: SurfaceHistory
    bandwidth: Bandwidth
    search: BandwidthSearch | None
    search_day: np.datetime64 | None
    days: pd.DataFrame
    skipped: pd.DataFrame

    @property
    def words(self) -> str:
        """What was built and what was not."""
        built = f"{len(self.days):,} surface{'s' if len(self.days) != 1 else ''} built"
        if not len(self.skipped):
            return f"{built}, no day skipped."
        return f"{built}, {len(self.skipped):,} day{'s' if len(self.skipped) != 1 else ''} skipped."
