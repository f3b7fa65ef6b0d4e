"""From option quotes to implied volatility surfaces: one day continuous in strike and maturity, or days on any grid.

Clean the quotes, take forward and discount factor of each expiry from put–call parity, invert the out-of-the-money
prices, and lay a surface through them by one of ``METHODS`` (:func:`fit_quotes`); then put it on a grid. The default is
the smoothest surface without static arbitrage that keeps inside bid and ask. The thesis's way (SPEC 1.1) is
``method="kernel", rates="day", keep_untraded=False``. A surface comes with everything one should know before trusting
it (:class:`QuoteFit`, :class:`Construction`).

References:
    Data-driven generative models for financial markets, section 3.3.1.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from engine.errors import MarketDataError, ScenaristError, SettingsError
from engine.market.grid import Floats, Grid
from engine.market.intake import Imported
from engine.market.quotes import OptionQuotes
from engine.market.surface_history import Day, SurfaceHistory
from engine.surfaces import (
    arbitrage,
    arbitrage_free,
    arbitrage_repair,
    black_scholes,
    levels,
    nadaraya_watson,
    parity,
    quote_cleaning,
    ssvi,
)
from engine.surfaces.arbitrage_free import CallSurface
from engine.surfaces.arbitrage_repair import Repair
from engine.surfaces.nadaraya_watson import Bandwidth, BandwidthSearch, ScatteredVols
from engine.surfaces.parity import ForwardCurve, ParityRates
from engine.surfaces.quote_cleaning import drop_counts, drop_words, prices_at, vols_at
from engine.surfaces.ssvi import SSVI


def to_grid(history: SurfaceHistory, grid: Grid) -> SurfaceHistory:
    """The same history on another grid: linear in moneyness, then in maturity, linear outside (SPEC 0).

    Args:
        history: surfaces on any grid.
        grid: where to.

    Returns:
        Vols interpolated; half-spreads too, floored at zero.
    """

    def moved(values: Floats) -> Floats:
        return history.grid.interpolate(values, grid.moneyness[:, None], grid.maturity)

    spread = None
    if history.half_spread is not None:
        # the interpolation floors what it returns at a positive vol; far above it, the floor is never met
        spread = np.maximum(moved(history.half_spread + 10.0) - 10.0, 0.0)
    return replace(history, iv=moved(history.iv), grid=grid, half_spread=spread)


def interpolate(vols: ScatteredVols, grid: Grid) -> Floats:
    """The quotes joined by straight lines: in moneyness at each quoted maturity, then in maturity.

    Outside the quotes the nearest is held: a line through two neighbouring noisy quotes soon leaves every market.
    Quotes of one moneyness and maturity are averaged with their weights.

    Returns:
        ``(n_moneyness, n_maturity)`` vols.
    """
    frame = pd.DataFrame({"tau": vols.maturity, "m": vols.moneyness, "w": vols.weight, "wv": vols.weight * vols.iv})
    frame["v"], frame["n"] = vols.iv, 1.0
    points = frame.groupby(["tau", "m"], sort=True)[["w", "wv", "v", "n"]].sum().reset_index()
    weighted = points["w"] > 0
    points["iv"] = np.where(weighted, points["wv"] / points["w"].where(weighted, 1.0), points["v"] / points["n"])
    knots, smiles = [], []
    for tau, smile in points.groupby("tau", sort=True):
        knots.append(float(tau))  # type: ignore[arg-type]
        smiles.append(np.interp(grid.moneyness, smile["m"], smile["iv"]))
    columns = np.stack(smiles)  # (n_knots, n_moneyness)
    return np.stack([np.interp(grid.maturity, knots, column) for column in columns.T])


def outside_quotes(vols: ScatteredVols, grid: Grid) -> NDArray[np.bool_]:
    """Grid points outside the quoted expiries, or outside the strikes quoted around their maturity."""
    knots = np.unique(vols.maturity)
    low = np.array([vols.moneyness[vols.maturity == tau].min() for tau in knots])
    high = np.array([vols.moneyness[vols.maturity == tau].max() for tau in knots])
    outside = (grid.maturity < knots[0]) | (grid.maturity > knots[-1])
    m = grid.moneyness[:, None]
    beyond = (m < np.interp(grid.maturity, knots, low)) | (m > np.interp(grid.maturity, knots, high))
    without: NDArray[np.bool_] = beyond | outside
    return without


@dataclass(frozen=True, eq=False)
class QuoteFit:
    """A surface through one day of quotes, at any strike and maturity.

    Args:
        date, spot: the day and the price of the underlying.
        method: one of ``METHODS``.
        rate: the day's carry, per year.
        parity: what parity says by expiry; None if the rate was given and no pair was there.
        curve: forwards and discount factors at any maturity.
        vol: (moneyness K/S, maturity in years) → implied vol; arrays of one shape.
        quotes: the quotes used, one row each: ``row, expiry, root, strike, is_call, bid, ask, volume, mid, moneyness,
            maturity, half_spread, discount_rate, prepaid, iv, vega, fitted_iv, residual`` (iv less fitted, vol points)
            and ``inside`` (bid and ask enclose the surface's price; NaN and False outside the grid of a method that
            needs one).
        kept: all usable quotes, those in the money as well.
        dropped: the quotes dropped, with ``reason``.
        n_quotes: how many the day had.
        bandwidth, search: of the kernel that smoothed the surface and the half-spreads.
        repair: what the repair changed, if there was one.
        model: the fitted SSVI or arbitrage-free prices, if that is the method.
        notes: what else a person should know, a sentence each.
    """

    date: np.datetime64
    spot: float
    method: str
    rate: float
    parity: ParityRates | None
    curve: ForwardCurve
    vol: Callable[[Floats, Floats], Floats]
    quotes: pd.DataFrame
    kept: pd.DataFrame
    dropped: pd.DataFrame
    n_quotes: int
    bandwidth: Bandwidth
    search: BandwidthSearch | None
    repair: Repair | None
    model: SSVI | CallSurface | None
    notes: tuple[str, ...] = ()

    def iv(self, moneyness: ArrayLike, maturity: ArrayLike) -> Floats:
        """Implied vols, annualised, of the broadcast shape.

        Args:
            moneyness: K/S, > 0.
            maturity: years, > 0.

        Raises:
            MarketDataError: if an argument is outside its range.
        """
        m, tau = np.broadcast_arrays(np.asarray(moneyness, dtype=np.float64), np.asarray(maturity, dtype=np.float64))
        for name, values in (("moneyness", m), ("maturity", tau)):
            if not (np.isfinite(values) & (values > 0)).all():
                wrong = values[~(np.isfinite(values) & (values > 0))].flat[0]
                raise MarketDataError(f"expected {name} that is finite and > 0; found {wrong:g}")
        return self.vol(m, tau)

    def forward(self, maturity: ArrayLike) -> Floats:
        """Forward price of the underlying at a maturity in years, currency."""
        return self.curve.forward(maturity)

    def discount(self, maturity: ArrayLike) -> Floats:
        """Discount factor at a maturity in years."""
        return self.curve.discount(maturity)

    @cached_property
    def share_inside(self) -> float:
        """Share of the quotes whose bid and ask enclose the surface's price; NaN if the surface covers none."""
        known = np.isfinite(self.quotes["fitted_iv"])
        return float(self.quotes.loc[known, "inside"].mean()) if known.any() else float("nan")

    @cached_property
    def violated(self) -> pd.DataFrame:
        """The quotes that the surface's price leaves, farthest first: ``row, expiry, root, strike, is_call, bid, ask,
        volume, price`` (the surface's), ``outside`` (how far, currency) and ``vol_points`` (the same over vega)."""
        known = self.quotes[np.isfinite(self.quotes["fitted_iv"]) & ~self.quotes["inside"]]
        price = prices_at(known, known["fitted_iv"])
        outside = np.maximum(known["bid"] - price, price - known["ask"])
        columns = ["row", "expiry", "root", "strike", "is_call", "bid", "ask", "volume"]
        vol_points = 100 * outside / (self.spot * known["vega"])
        table: pd.DataFrame = known[columns].assign(price=price, outside=outside, vol_points=vol_points)
        return table.sort_values("outside", ascending=False, ignore_index=True)


@dataclass(frozen=True, eq=False)
class Construction:
    """One day's surface on a grid.

    Args:
        fit: the surface it was taken from, and its quotes.
        grid: the grid of the surface; moneyness is K/S, or K/F if ``forward_moneyness``.
        forward_moneyness: whether it is.
        iv: ``(n_moneyness, n_maturity)`` implied vols, annualised, finite and > 0.
        interpolated: the same shape, the quotes joined by straight lines and no more.
        half_spread: ``(2, n_moneyness, n_maturity)`` smoothed half-spreads of calls and puts, fractions of spot.
        extrapolated: ``(n_moneyness, n_maturity)`` grid points outside the quotes, or far from all of them.
        before, after: penalties of ``interpolated`` and of ``iv``; with a repair the first is that of what it repaired.
        notes: what else a person should know, a sentence each.
    """

    fit: QuoteFit
    grid: Grid
    forward_moneyness: bool
    iv: Floats
    interpolated: Floats
    half_spread: Floats
    extrapolated: NDArray[np.bool_]
    before: arbitrage.Penalty
    after: arbitrage.Penalty
    notes: tuple[str, ...] = ()

    @property
    def date(self) -> np.datetime64:
        """The day."""
        return self.fit.date

    @property
    def spot(self) -> float:
        """Price of the underlying."""
        return self.fit.spot

    @property
    def rate(self) -> float:
        """The carry with which the grid's vols give prices: the day's; 0 where moneyness is measured from forwards."""
        return 0.0 if self.forward_moneyness else self.fit.rate

    @property
    def quotes(self) -> pd.DataFrame:
        """The quotes used, see :class:`QuoteFit`."""
        return self.fit.quotes

    @property
    def dropped(self) -> pd.DataFrame:
        """The quotes dropped, with ``reason``."""
        return self.fit.dropped

    @property
    def surface(self) -> Floats:
        """The surface, ``iv`` by another name."""
        return self.iv

    @property
    def rates(self) -> pd.DataFrame:
        """Forwards and rates by expiry and root (empty if the rate was given and no pair was there)."""
        return pd.DataFrame() if self.fit.parity is None else self.fit.parity.by_expiry

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

    def smile(self, expiry: pd.Timestamp) -> pd.DataFrame:
        """The quotes of one expiry with ``iv_bid`` and ``iv_ask`` (0 where a bid is worth less than no vol)."""
        rows = self.quotes[self.quotes["expiry"] == expiry].sort_values("moneyness", ignore_index=True)
        low, high = (vols_at(rows, rows[name]) for name in ("bid", "ask"))
        return rows.assign(iv_bid=np.nan_to_num(low), iv_ask=high)

    @property
    def words(self) -> str:
        """What was dropped and why, what was used, and what else there is to know."""
        in_the_money = self.fit.n_quotes - len(self.dropped) - len(self.quotes)
        sentences = [
            drop_words(self.dropped, self.fit.n_quotes),
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
        days: one row a day built: ``date, quotes, used, dropped, rate, phi_before, phi_after, rmse, share_inside,
            extrapolated`` and one column a reason with its count.
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


DEFAULT_METHOD = "arbitrage_free"

METHODS = {
    DEFAULT_METHOD: "Arbitrage-free through the quotes",
    "kernel": "Kernel smoothing",
    "kernel+repair": "Kernel, then repaired",
    "ssvi": "SSVI fit",
    "interpolation": "Straight lines",
    "interpolation+repair": "Straight lines, then repaired",
}
"""Ways from scattered vols to a surface, and their names for people."""

RATES = {"expiry": "forward and discount rate of each expiry", "day": "one carry for the day"}
"""Where the forward and the discount factor of an inversion come from."""

UNTRADED_WEIGHT = 0.2
"""What the quote of an option that nobody traded weighs, beside that of a traded one."""

_ROUNDING = 1e-7  # of spot, to which the programme is exact: a price on a bid or an ask is inside

_SESSION = 6.5 / 24 / 365  # years from the opening, where morning-settled options end, to the close

FAR = 3.0
"""A grid point farther than this from every quote, in standard deviations of the kernel, is extrapolated."""

BANDWIDTH_DAYS = 100
"""The day on which bandwidths are chosen for a history is one of the first so many (SPEC 1.1)."""

RateSource = Literal["day", "expiry"]


def fit_quotes(
    quotes: OptionQuotes | Imported[OptionQuotes],
    day: Day | None = None,
    method: str = DEFAULT_METHOD,
    *,
    grid: Grid | None = None,
    bandwidth: Bandwidth | None = None,
    rate: float | None = None,
    rates: RateSource = "expiry",
    keep_untraded: bool = True,
    previous: Day | None = None,
) -> QuoteFit:
    """The surface through one day of quotes, at any strike and maturity.

    Args:
        quotes: quotes of one or more days, or what :func:`engine.market.intake.read_quotes` gives.
        day: which day; may be omitted if there is only one.
        method: one of ``METHODS``.
        grid: where the kernel smooths and a repair works; between its points the surface is linear, beyond them held.
            What :func:`engine.surfaces.levels.proposed` proposes if not given.
        bandwidth: (h1, h2) of the kernel, variances in moneyness and years. If not given the kernel methods search for
            it, and the others smooth half-spreads with the published pair.
        rate: the day's rate per year, instead of the one from parity.
        rates: ``expiry``: invert prices at the forward and the discount rate of each expiry, so that puts and calls
            agree where dividends and the clock make rates differ; ``day``: at the day's carry (SPEC 1.1).
        keep_untraded: use quotes of no volume too, with ``UNTRADED_WEIGHT``.
        previous: an earlier day to judge stale quotes by.

    Raises:
        MarketDataError: if the quotes cannot carry a surface: all dropped, calls or puts only, no forward, or one
            expiry with a method that needs two.
        SettingsError: for an unknown method or a bandwidth that is not positive.
    """
    if method not in METHODS:
        raise SettingsError(f"expected one of {', '.join(METHODS)}; found {method!r}")
    if rates not in RATES:
        raise SettingsError(f"expected rates by day or by expiry; found {rates!r}")
    h = None if bandwidth is None else nadaraya_watson.check_bandwidth(bandwidth)
    table = quotes.data if isinstance(quotes, Imported) else quotes
    clean = quote_cleaning.clean(table, day, keep_untraded=keep_untraded, previous=previous)
    total = len(clean.table) + len(clean.dropped)
    _check_usable(clean, total, least=1 if method == DEFAULT_METHOD else 2)
    found = _parity(clean, needed=rate is None)
    carry = float(rate) if rate is not None else found.day  # type: ignore[union-attr]
    by_expiry = None if found is None or rates == "day" else found.by_expiry
    curve = parity.forward_curve(clean.spot, carry, by_expiry)
    row_rates, forwards, notes = _rates_by_row(clean, by_expiry, curve)
    kept, otm = quote_cleaning.with_vols(clean, row_rates, forwards)
    _check_both_sides(otm, total)
    used = otm.table
    weight = used["vega"].to_numpy() * np.where(used["volume"] == 0, UNTRADED_WEIGHT, 1.0)
    vols = ScatteredVols(used["moneyness"].to_numpy(), used["maturity"].to_numpy(), used["iv"].to_numpy(), weight)
    search = repair = None
    model: SSVI | CallSurface | None = None
    at_quotes = None
    if method == DEFAULT_METHOD:
        model, time = _arbitrage_free(used)
        vol = _of_calls(model, curve)
        at_quotes = _calls_at(model, used, time)
    elif method == "ssvi":
        k = np.log(used["strike"].to_numpy() / curve.forward(vols.maturity))
        model = ssvi.fit(k, vols.maturity, vols.iv, vols.weight)
        vol = _of_ssvi(model, curve)
    else:
        on = grid or levels.proposed(used)
        if h is None and method.startswith("kernel"):
            search = nadaraya_watson.search_bandwidth(vols, on, carry)
            h = search.best
        iv = (
            interpolate(vols, on)
            if h is None or not method.startswith("kernel")
            else nadaraya_watson.smooth(vols, on, h)
        )
        if method.endswith("+repair"):
            half = _half_spreads(kept.table, on, iv, h or nadaraya_watson.PUBLISHED_BANDWIDTH, carry)
            repair = arbitrage_repair.repair(iv, on, carry, np.where(on.moneyness[:, None] >= 1, half[0], half[1]))
            iv = repair.iv
            notes = (*notes, repair.words)
        vol = _of_grid(iv, on)
        inside = nadaraya_watson.inside(on, vols.moneyness, vols.maturity)
        at_quotes = np.where(inside, vol(vols.moneyness, vols.maturity), np.nan)
    if at_quotes is None:
        at_quotes = vol(vols.moneyness, vols.maturity)
    return QuoteFit(
        date=clean.date,
        spot=clean.spot,
        method=method,
        rate=carry,
        parity=found,
        curve=curve,
        vol=vol,
        quotes=_compared(used, at_quotes, clean.spot),
        kept=kept.table,
        dropped=otm.dropped,
        n_quotes=total,
        bandwidth=h or nadaraya_watson.PUBLISHED_BANDWIDTH,
        search=search,
        repair=repair,
        model=model,
        notes=(*clean.notes, *notes),
    )


def surface_from_quotes(
    quotes: OptionQuotes | Imported[OptionQuotes],
    grid: Grid,
    bandwidth: Bandwidth | None = None,
    method: str = DEFAULT_METHOD,
    *,
    forward_moneyness: bool = False,
    **options: Any,
) -> Construction:
    """The implied volatility surface of one day of quotes on a grid.

    Args:
        quotes: quotes of one or more days.
        grid: where to.
        bandwidth: as in :func:`fit_quotes`.
        method: one of ``METHODS``.
        forward_moneyness: the grid's moneyness is K/F, not K/S; prices on it have no carry.
        **options: as in :func:`fit_quotes`.

    Returns:
        The surface with forwards, half-spreads, quotes used, quotes dropped and penalties.

    Raises:
        MarketDataError, SettingsError: as :func:`fit_quotes`.
    """
    own = None if forward_moneyness else grid
    fit = fit_quotes(quotes, method=method, grid=own, bandwidth=bandwidth, **options)
    used = fit.quotes
    at = grid.moneyness[:, None] * (fit.forward(grid.maturity) / fit.spot if forward_moneyness else 1.0)
    iv = fit.iv(at, grid.maturity)
    scale = fit.forward(used["maturity"]) / fit.spot if forward_moneyness else 1.0
    moneyness = used["moneyness"].to_numpy() / scale
    vols = ScatteredVols(moneyness, *(used[name].to_numpy() for name in ("maturity", "iv", "vega")))
    interpolated = interpolate(vols, grid)
    rate = 0.0 if forward_moneyness else fit.rate
    start = interpolated if fit.repair is None or forward_moneyness else iv - fit.repair.iv_change
    extrapolated = outside_quotes(vols, grid)
    if method.startswith("kernel"):
        extrapolated |= nadaraya_watson.reach(vols, grid, fit.bandwidth) > FAR
    return Construction(
        fit=fit,
        grid=grid,
        forward_moneyness=forward_moneyness,
        iv=iv,
        interpolated=interpolated,
        half_spread=_half_spreads(fit.kept, grid, iv, fit.bandwidth, rate),
        extrapolated=extrapolated,
        before=arbitrage.penalty(start, grid, rate),
        after=arbitrage.penalty(iv, grid, rate),
        notes=(*fit.notes, *_reach_notes(extrapolated, grid)),
    )


def history_from_quotes(
    quotes: OptionQuotes,
    grid: Grid,
    bandwidth: Bandwidth | None = None,
    method: str = DEFAULT_METHOD,
    *,
    forward_moneyness: bool = False,
    seed: int = 0,
    rates: RateSource = "expiry",
    keep_untraded: bool = True,
    name: str = "",
    on_day: Callable[[int, int], None] | None = None,
) -> HistoryConstruction:
    """Surfaces of every day of quotes.

    The bandwidths are chosen once, on a day drawn at random among the first hundred, and used on all days; if that day
    cannot carry a surface the next drawn one is tried. Stale quotes are judged by the day before.

    Args:
        quotes: quotes of one or more days.
        grid: where to.
        bandwidth: (h1, h2); searched for if not given and the method smooths.
        method: one of ``METHODS``.
        forward_moneyness: as in :func:`surface_from_quotes`.
        seed: of the draw.
        rates, keep_untraded: as in :func:`fit_quotes`.
        name: what a person calls the history.
        on_day: called with (days done, days in all) after each day.

    Returns:
        The history, what each day gave, and the days that gave nothing with the reason.

    Raises:
        MarketDataError: if no day can carry a surface.
    """
    by_day = _by_day(quotes)
    options: dict[str, Any] = {"method": method, "rates": rates, "keep_untraded": keep_untraded}
    options["forward_moneyness"] = forward_moneyness
    search = search_day = None
    if bandwidth is None and method.startswith("kernel"):
        search, search_day = _search_on_a_day(by_day, grid, options, seed)
        bandwidth = search.best
    previous = dict(pairwise(reversed(by_day)))
    built: list[Construction] = []
    skipped: list[dict[str, object]] = []
    for done, (date, rows) in enumerate(by_day.items(), start=1):
        before = previous.get(date)
        both = rows if before is None else OptionQuotes(pd.concat([by_day[before].table, rows.table]), quotes.name)
        try:
            built.append(surface_from_quotes(both, grid, bandwidth, day=date, previous=before, **options))
        except MarketDataError as error:
            skipped.append({"date": pd.Timestamp(date), "reason": str(error)})
        if on_day is not None:
            on_day(done, len(by_day))
    if not built:
        raise MarketDataError(
            f"expected a day of quotes that carries a surface; none of {len(by_day):,} does, the first because: "
            f"{skipped[0]['reason']}"
        )
    history = SurfaceHistory(
        dates=np.array([c.date for c in built]),
        spot=np.array([c.spot for c in built]),
        iv=np.stack([c.iv for c in built]),
        grid=grid,
        rate=np.array([c.rate for c in built]),
        half_spread=np.stack([c.half_spread for c in built]),
        name=name or quotes.name,
    )
    days = pd.DataFrame([_summary(c) for c in built])
    table = pd.DataFrame(skipped, columns=["date", "reason"])
    return HistoryConstruction(history, built[0].fit.bandwidth, search, search_day, days, table)


def _check_usable(clean: quote_cleaning.CleanQuotes, total: int, least: int) -> None:
    table = clean.table
    if table.empty:
        words = quote_cleaning.drop_words(clean.dropped, total)
        raise MarketDataError(f"expected usable quotes on {clean.date}; found none: {words}")
    for name, there in (("calls", table["is_call"]), ("puts", ~table["is_call"])):
        if not there.any():
            other = "puts" if name == "calls" else "calls"
            raise MarketDataError(
                f"expected calls and puts on {clean.date}; found {len(table):,} usable {other} and no {name}"
            )
    expiries = table["expiry"].unique()
    if len(expiries) < least:
        raise MarketDataError(
            f"expected quotes of at least two expiries on {clean.date}, to tell one maturity from another; "
            f"found one, {expiries[0]:%Y-%m-%d}"
        )


def _check_both_sides(otm: quote_cleaning.CleanQuotes, total: int) -> None:
    calls = otm.table["is_call"]
    for name, there in (("puts below", ~calls), ("calls above", calls)):
        if not there.any():
            words = quote_cleaning.drop_words(otm.dropped, total)
            raise MarketDataError(
                f"expected out-of-the-money puts and calls on {otm.date}; found no {name} the spot of {otm.spot:g} "
                f"({words})"
            )


def _parity(clean: quote_cleaning.CleanQuotes, needed: bool) -> parity.ParityRates | None:
    try:
        return parity.parity_rates(clean.table, clean.spot, clean.two_sided)
    except MarketDataError as error:
        if needed:
            raise MarketDataError(f"{error} (on {clean.date})") from None
        return None


def _rates_by_row(
    clean: quote_cleaning.CleanQuotes, by_expiry: pd.DataFrame | None, curve: ForwardCurve
) -> tuple[Floats, Floats, tuple[str, ...]]:
    """Discount rate and forward of every quote, and what to say about expiries that have none of their own."""
    table = clean.table
    tau = table["maturity"].to_numpy()
    discount_rate, forward = -np.log(curve.discount(tau)) / tau, curve.forward(tau)
    if by_expiry is None:
        return discount_rate, forward, ()
    own = table[["expiry", "root"]].merge(by_expiry, on=["expiry", "root"], how="left")
    known = own["forward"].notna().to_numpy()
    discount_rate = np.where(known, own["discount_rate"], discount_rate)
    forward = np.where(known, own["forward"], forward)
    notes = []
    if not by_expiry["pairs"].any():
        notes.append(
            "no call and put share a strike: forwards are where out-of-the-money puts and calls meet, and interest is "
            "taken as the carry"
        )
    without = table.loc[~known, "expiry"].nunique()
    if without:
        who = "1 expiry has" if without == 1 else f"{without} expiries have"
        notes.append(f"{who} too few call/put pairs for a forward and take that of the neighbouring expiries")
    return discount_rate, forward, tuple(notes)


def _arbitrage_free(used: pd.DataFrame) -> tuple[CallSurface, Floats]:
    """The arbitrage-free prices through used quotes, and the time of each quote's expiry.

    Where roots share an expiry, the one worth less at the money settles in the morning and ends a session earlier.
    """
    parts = []
    for (expiry, _), rows in used.groupby(["expiry", "root"], sort=True):
        tau = rows["maturity"].to_numpy()
        forward = (rows["prepaid"] * np.exp(rows["discount_rate"] * rows["maturity"])).to_numpy()
        k, calls = rows["strike"].to_numpy() / forward, rows["is_call"].to_numpy()
        low, high = (rows[side].to_numpy() / rows["prepaid"].to_numpy() for side in ("bid", "ask"))
        intrinsic = np.where(calls, 0.0, 1 - k)
        weight = np.where(rows["volume"] == 0, UNTRADED_WEIGHT, 1.0)
        piece = arbitrage_free.Slice(float(tau[0]), k, low + intrinsic, high + intrinsic, weight)
        order = np.argsort(k)
        nearest = float(np.interp(0.0, np.log(k[order]), rows["iv"].to_numpy()[order]))
        parts.append((expiry, nearest, piece, rows.index))
    parts.sort(key=lambda part: (part[0], part[1]))
    times = np.array([part[2].maturity for part in parts])
    for i in range(len(parts) - 2, -1, -1):
        if parts[i][0] == parts[i + 1][0]:
            times[i] = times[i + 1] - min(_SESSION, times[i + 1] / 10)
    time = np.empty(len(used))
    for at, part in zip(times, parts, strict=True):
        time[part[3]] = at
    slices = [replace(part[2], maturity=float(at)) for at, part in zip(times, parts, strict=True)]
    return arbitrage_free.fit(slices), time


def _of_calls(model: CallSurface, curve: ForwardCurve) -> Callable[[Floats, Floats], Floats]:
    return lambda m, tau: model.iv(m * curve.spot / curve.forward(tau), tau)


def _calls_at(model: CallSurface, used: pd.DataFrame, time: Floats) -> Floats:
    """Vols at the quotes, each with the forward and the law of its own expiry and root, in the time of its quote."""
    tau = used["maturity"].to_numpy()
    k = used["strike"].to_numpy() / (used["prepaid"].to_numpy() * np.exp(used["discount_rate"].to_numpy() * tau))
    return black_scholes.implied_vol(model.out_of_the_money(k, time), 1.0, k, tau, 0.0, k >= 1)


def _of_ssvi(model: SSVI, curve: ForwardCurve) -> Callable[[Floats, Floats], Floats]:
    return lambda m, tau: model.iv(m * curve.spot / curve.forward(tau), tau)


def _of_grid(iv: Floats, grid: Grid) -> Callable[[Floats, Floats], Floats]:
    """Linear between the points of a grid, held beyond them."""
    return lambda m, tau: grid.interpolate(
        iv, np.clip(m, *grid.moneyness[[0, -1]]), np.clip(tau, *grid.maturity[[0, -1]])
    )


def _half_spreads(kept: pd.DataFrame, grid: Grid, iv: Floats, bandwidth: Bandwidth, rate: float) -> Floats:
    """Half-spreads of calls and of puts at all strikes, smoothed like the vols; the vega is the surface's own."""
    sides = []
    for is_call in (True, False):
        side = kept[kept["is_call"] == is_call]
        m, tau = side["moneyness"].to_numpy(), side["maturity"].to_numpy()
        vol = grid.interpolate(iv, np.clip(m, *grid.moneyness[[0, -1]]), np.clip(tau, *grid.maturity[[0, -1]]))
        kappa = black_scholes.vega(1.0, m, tau, vol, rate)
        scattered = ScatteredVols(m, tau, vol, kappa)
        sides.append(nadaraya_watson.smooth(scattered, grid, bandwidth, side["half_spread"].to_numpy()))
    return np.stack(sides)


def _compared(used: pd.DataFrame, fitted: Floats, spot: float) -> pd.DataFrame:
    """Quotes with the surface's vol at their place, and whether bid and ask enclose its price."""
    price = prices_at(used, fitted)
    free = _ROUNDING * spot
    inside = (price >= used["bid"].to_numpy() - free) & (price <= used["ask"].to_numpy() + free)
    return used.assign(fitted_iv=fitted, residual=100 * (used["iv"].to_numpy() - fitted), inside=inside)


def _reach_notes(extrapolated: NDArray[np.bool_], grid: Grid) -> tuple[str, ...]:
    n = int(extrapolated.sum())
    if not n:
        return ()
    i, j = np.argwhere(extrapolated)[0]
    return (
        f"{n} of {grid.size} grid points lie outside the quoted strikes and expiries, or in a hole between them, and "
        f"rest on the nearest quotes (the first at {grid.moneyness_labels[i]}, {grid.maturity_labels[j]})",
    )


def _by_day(quotes: OptionQuotes) -> dict[np.datetime64, OptionQuotes]:
    days = quotes.table["date"].to_numpy().astype("datetime64[D]")
    order = np.argsort(days, kind="stable")
    dates, starts = np.unique(days[order], return_index=True)
    parts = np.split(order, starts[1:])
    return {date: OptionQuotes(quotes.table.iloc[rows], quotes.name) for date, rows in zip(dates, parts, strict=True)}


def _search_on_a_day(
    by_day: dict[np.datetime64, OptionQuotes], grid: Grid, options: dict[str, Any], seed: int
) -> tuple[BandwidthSearch, np.datetime64]:
    """The search on the first usable day of a random order of the first hundred."""
    early = list(by_day)[:BANDWIDTH_DAYS]
    reason: ScenaristError | None = None
    for position in np.random.default_rng(seed).permutation(len(early)):
        try:
            built = surface_from_quotes(by_day[early[position]], grid, **options)
        except MarketDataError as error:
            reason = reason or error
            continue
        if built.fit.search is not None:
            return built.fit.search, early[position]
    raise MarketDataError(
        f"expected a day among the first {len(early)} that carries a surface; none does, one because: {reason}"
    )


def _summary(c: Construction) -> dict[str, object]:
    counts = {f"dropped_{reason}": int(c.drop_counts.get(reason, 0)) for reason in quote_cleaning.REASONS}
    return {
        "date": pd.Timestamp(c.date),
        "quotes": c.fit.n_quotes,
        "used": len(c.quotes),
        "dropped": len(c.dropped),
        "rate": c.rate,
        "phi_before": c.phi_before,
        "phi_after": c.phi_after,
        "rmse": c.rmse,
        "share_inside": c.fit.share_inside,
        "extrapolated": int(c.extrapolated.sum()),
        **counts,
    }
