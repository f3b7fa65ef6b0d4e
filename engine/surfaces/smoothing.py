"""From option quotes to implied volatility surfaces (SPEC 1.1): one day, or a history of days, on any grid.

Clean the quotes, take the rate from put–call parity, invert the out-of-the-money prices, and put the vols on a grid by
one of ``METHODS``; the bandwidths of the kernel are those with the least arbitrage penalty. A surface comes with
everything one should know before trusting it (:class:`Construction`).

References:
    Data-driven generative models for financial markets, section 3.3.1.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from engine.errors import MarketDataError, ScenaristError, SettingsError
from engine.market.grid import Floats, Grid
from engine.market.quotes import OptionQuotes
from engine.market.surface_history import Day, SurfaceHistory
from engine.surfaces import arbitrage, arbitrage_repair, black_scholes, nadaraya_watson, parity, quote_cleaning, ssvi
from engine.surfaces.arbitrage_repair import Repair
from engine.surfaces.nadaraya_watson import Bandwidth, BandwidthSearch, ScatteredVols
from engine.surfaces.parity import ParityRates
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


METHODS = {
    "kernel": "Kernel smoothing",
    "kernel+repair": "Kernel, then repaired",
    "ssvi": "SSVI fit",
    "interpolation": "Straight lines",
    "interpolation+repair": "Straight lines, then repaired",
}
"""Ways from scattered vols to a surface, and their names for people."""

RATES = {"day": "one rate for the day", "expiry": "forward and discount rate of each expiry"}
"""Where the rate of an inversion comes from."""

FAR = 3.0
"""A grid point farther than this from every quote, in standard deviations of the kernel, is extrapolated."""

BANDWIDTH_DAYS = 100
"""The day on which bandwidths are chosen for a history is one of the first so many (SPEC 1.1)."""

RateSource = Literal["day", "expiry"]


def surface_from_quotes(
    quotes: OptionQuotes,
    grid: Grid,
    bandwidth: Bandwidth | None = None,
    method: str = "kernel",
    *,
    day: Day | None = None,
    rate: float | None = None,
    rates: RateSource = "day",
    keep_untraded: bool = False,
    previous: Day | None = None,
) -> Construction:
    """The implied volatility surface of one day of quotes.

    Args:
        quotes: quotes of one or more days.
        grid: where to.
        bandwidth: (h1, h2) of the kernel, variances in moneyness and years. If not given the kernel methods search for
            it, and the others smooth half-spreads with the published pair.
        method: one of ``METHODS``.
        day: which day; may be omitted if there is only one.
        rate: the day's rate per year, instead of the one from parity.
        rates: ``day``: invert all prices at the day's rate (SPEC 1.1); ``expiry``: at the forward and the discount rate
            of each expiry, so that puts and calls agree where dividends and the clock make rates differ.
        keep_untraded: also use quotes of no volume.
        previous: an earlier day to judge stale quotes by.

    Returns:
        The surface with rates, half-spreads, quotes used, quotes dropped and penalties.

    Raises:
        MarketDataError: if the quotes cannot carry a surface: all dropped, calls or puts only, one expiry, no pair.
        SettingsError: for an unknown method or a bandwidth that is not positive.
    """
    if method not in METHODS:
        raise SettingsError(f"expected one of {', '.join(METHODS)}; found {method!r}")
    if rates not in RATES:
        raise SettingsError(f"expected rates by day or by expiry; found {rates!r}")
    clean = quote_cleaning.clean(quotes, day, keep_untraded=keep_untraded, previous=previous)
    total = len(clean.table) + len(clean.dropped)
    _check_usable(clean, total)
    found = _parity(clean, needed=rate is None or rates == "expiry")
    day_rate = float(rate) if rate is not None else found.day  # type: ignore[union-attr]
    row_rates, forwards, notes = _rates_by_row(clean, found, day_rate, rates)
    kept, otm = quote_cleaning.with_vols(clean, row_rates, forwards)
    _check_both_sides(otm, total)
    used = otm.table
    vols = ScatteredVols(*(used[name].to_numpy() for name in ("moneyness", "maturity", "iv", "vega")))
    search = None
    if bandwidth is None and method.startswith("kernel"):
        search = nadaraya_watson.search_bandwidth(vols, grid, day_rate)
    h = nadaraya_watson.check_bandwidth(bandwidth or (search.best if search else nadaraya_watson.PUBLISHED_BANDWIDTH))
    interpolated = interpolate(vols, grid)
    model = None
    if method == "ssvi":
        # the grid's forward is S e^{rτ}, so the fit measures moneyness from it too
        model = ssvi.fit(np.log(vols.moneyness) - day_rate * vols.maturity, vols.maturity, vols.iv, vols.weight)
        iv = model.surface(grid, day_rate)
    else:
        iv = nadaraya_watson.smooth(vols, grid, h) if method.startswith("kernel") else interpolated
    half_spread = _half_spreads(kept, grid, iv, h, day_rate)
    before = arbitrage.penalty(interpolated, grid, day_rate)
    repair = None
    if method.endswith("+repair"):
        before = arbitrage.penalty(iv, grid, day_rate)
        out = np.where(grid.moneyness[:, None] >= 1, half_spread[0], half_spread[1])
        repair = arbitrage_repair.repair(iv, grid, day_rate, out)
        iv = repair.iv
        notes = (*notes, repair.words)
    extrapolated = outside_quotes(vols, grid)
    if method.startswith("kernel"):
        extrapolated |= nadaraya_watson.reach(vols, grid, h) > FAR
    return Construction(
        date=clean.date,
        spot=clean.spot,
        grid=grid,
        iv=iv,
        interpolated=interpolated,
        rate=day_rate,
        parity=found,
        method=method,
        bandwidth=h,
        search=search,
        half_spread=half_spread,
        quotes=_compared(used, grid, iv),
        dropped=otm.dropped,
        n_quotes=total,
        extrapolated=extrapolated,
        before=before,
        after=arbitrage.penalty(iv, grid, day_rate),
        repair=repair,
        model=model,
        notes=(*clean.notes, *notes, *_reach_notes(extrapolated, grid)),
    )


def history_from_quotes(
    quotes: OptionQuotes,
    grid: Grid,
    bandwidth: Bandwidth | None = None,
    method: str = "kernel",
    *,
    seed: int = 0,
    rates: RateSource = "day",
    keep_untraded: bool = False,
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
        seed: of the draw.
        rates: as in :func:`surface_from_quotes`.
        keep_untraded: also use quotes of no volume.
        name: what a person calls the history.
        on_day: called with (days done, days in all) after each day.

    Returns:
        The history, what each day gave, and the days that gave nothing with the reason.

    Raises:
        MarketDataError: if no day can carry a surface.
    """
    by_day = _by_day(quotes)
    options = {"method": method, "rates": rates, "keep_untraded": keep_untraded}
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
            built.append(surface_from_quotes(both, grid, bandwidth, day=date, previous=before, **options))  # type: ignore[arg-type]
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
    return HistoryConstruction(history, built[0].bandwidth, search, search_day, days, table)


def _check_usable(clean: quote_cleaning.CleanQuotes, total: int) -> None:
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
    if len(expiries) < 2:
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
    clean: quote_cleaning.CleanQuotes, found: parity.ParityRates | None, day_rate: float, rates: RateSource
) -> tuple[Floats, Floats | None, tuple[str, ...]]:
    """Discount rate and forward of every quote, and what to say about expiries that have none of their own."""
    table = clean.table
    if rates == "day" or found is None:
        return np.full(len(table), day_rate), None, ()
    own = table[["expiry", "root", "maturity"]].merge(found.by_expiry, on=["expiry", "root"], how="left")
    tau = table["maturity"].to_numpy()
    known = own["forward"].notna().to_numpy()
    discount_rate = np.where(known, own["discount_rate"], day_rate)
    forward = np.where(known, own["forward"], clean.spot * np.exp(day_rate * tau))
    without = table.loc[~known, "expiry"].nunique()
    if not without:
        return discount_rate, forward, ()
    who = "1 expiry has" if without == 1 else f"{without} expiries have"
    notes = (f"{who} too few call/put pairs for a forward and the day's rate is taken instead",)
    return discount_rate, forward, notes


def _half_spreads(
    kept: quote_cleaning.CleanQuotes, grid: Grid, iv: Floats, bandwidth: Bandwidth, rate: float
) -> Floats:
    """Half-spreads of calls and of puts at all strikes, smoothed like the vols; the vega is the surface's own."""
    sides = []
    for is_call in (True, False):
        side = kept.table[kept.table["is_call"] == is_call]
        m, tau = side["moneyness"].to_numpy(), side["maturity"].to_numpy()
        vol = grid.interpolate(iv, np.clip(m, *grid.moneyness[[0, -1]]), np.clip(tau, *grid.maturity[[0, -1]]))
        kappa = black_scholes.vega(1.0, m, tau, vol, rate)
        scattered = ScatteredVols(m, tau, vol, kappa)
        sides.append(nadaraya_watson.smooth(scattered, grid, bandwidth, side["half_spread"].to_numpy()))
    return np.stack(sides)


def _compared(used: pd.DataFrame, grid: Grid, iv: Floats) -> pd.DataFrame:
    """Quotes with the surface's vol at their place, where the grid covers it."""
    m, tau = used["moneyness"].to_numpy(), used["maturity"].to_numpy()
    inside = nadaraya_watson.inside(grid, m, tau)
    fitted = np.where(inside, grid.interpolate(iv, m, tau), np.nan)
    return used.assign(fitted_iv=fitted, residual=100 * (used["iv"].to_numpy() - fitted))


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
    by_day: dict[np.datetime64, OptionQuotes], grid: Grid, options: dict[str, object], seed: int
) -> tuple[BandwidthSearch, np.datetime64]:
    """The search on the first usable day of a random order of the first hundred."""
    early = list(by_day)[:BANDWIDTH_DAYS]
    reason: ScenaristError | None = None
    for position in np.random.default_rng(seed).permutation(len(early)):
        try:
            built = surface_from_quotes(by_day[early[position]], grid, **options)  # type: ignore[arg-type]
        except MarketDataError as error:
            reason = reason or error
            continue
        if built.search is not None:
            return built.search, early[position]
    raise MarketDataError(
        f"expected a day among the first {len(early)} that carries a surface; none does, one because: {reason}"
    )


def _summary(c: Construction) -> dict[str, object]:
    counts = {f"dropped_{reason}": int(c.drop_counts.get(reason, 0)) for reason in quote_cleaning.REASONS}
    return {
        "date": pd.Timestamp(c.date),
        "quotes": c.n_quotes,
        "used": len(c.quotes),
        "dropped": len(c.dropped),
        "rate": c.rate,
        "phi_before": c.phi_before,
        "phi_after": c.phi_after,
        "rmse": c.rmse,
        "extrapolated": int(c.extrapolated.sum()),
        **counts,
    }
