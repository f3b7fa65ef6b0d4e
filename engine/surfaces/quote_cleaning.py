"""From a day of raw option quotes to those a surface can be built on; every drop counted, with its reason.

A quote is dropped for the first of these reasons that applies, in this order: no price, crossed, zero bid, under a day
to expiry, untraded, stale, duplicated; and, once its vol is asked for, below intrinsic, above its bound, vol beyond
500 %. In-the-money quotes are no drop: they serve parity and half-spreads, while the vols of the others are used.

Time to maturity is calendar days over 365, whatever the hour at which the option settles (SPEC 0).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from engine.errors import MarketDataError
from engine.market.grid import Floats
from engine.market.quotes import OptionQuotes
from engine.market.surface_history import HIGHEST_IV, Day
from engine.surfaces import black_scholes

DAYS_IN_YEAR = 365.0

CERTAIN = 1e-8
"""An in-the-money ask this far below intrinsic value, in units of spot, is wrong and not rounded."""

REASONS = {
    "no_price": "without a price",
    "crossed": "crossed",
    "zero_bid": "zero bids",
    "under_a_day": "under a day to expiry",
    "untraded": "untraded",
    "stale": "stale",
    "duplicate": "duplicated",
    "below_intrinsic": "below intrinsic value",
    "above_bound": "above the highest possible price",
    "absurd_vol": f"vols above {100 * HIGHEST_IV:.0f} %",
}
"""Why a quote is dropped, in the words of a report ("636 zero bids")."""


@dataclass(frozen=True, eq=False)
class CleanQuotes:
    """The usable quotes of one day, and the others.

    Args:
        date: the day.
        spot: currency.
        table: usable quotes: ``row`` (of the original table), ``expiry, root, strike, is_call, bid, ask, volume, mid,
            moneyness, maturity`` (years) ``, half_spread`` (fraction of spot).
        dropped: the same columns and ``reason``, a key of ``REASONS``.
        notes: what a person should know that is no drop.
    """

    date: np.datetime64
    spot: float
    table: pd.DataFrame
    dropped: pd.DataFrame
    notes: tuple[str, ...] = ()

    @property
    def two_sided(self) -> pd.DataFrame:
        """The usable quotes and those dropped only because nobody traded them: a market maker stood behind both."""
        untraded = self.dropped[self.dropped["reason"] == "untraded"].drop(columns="reason")
        both = pd.concat([self.table, untraded]) if len(untraded) else self.table
        return both.drop_duplicates(["expiry", "root", "strike", "is_call"], ignore_index=True)

    def without(self, rows: NDArray[np.bool_], reason: ArrayLike) -> CleanQuotes:
        """The same with some usable quotes dropped.

        Args:
            rows: ``(n,)`` which of ``table`` to drop.
            reason: one key of ``REASONS``, or ``(n,)`` of them.
        """
        reasons = np.broadcast_to(np.asarray(reason), len(self.table))
        gone = self.table[rows].assign(reason=reasons[rows])
        dropped = pd.concat([part for part in (self.dropped, gone) if len(part)] or [gone])
        kept = self.table[~rows].reset_index(drop=True)
        return CleanQuotes(self.date, self.spot, kept, dropped.sort_values("row", ignore_index=True), self.notes)


def clean(
    quotes: OptionQuotes, day: Day | None = None, *, keep_untraded: bool = False, previous: Day | None = None
) -> CleanQuotes:
    """The usable quotes of a day.

    Args:
        quotes: quotes of one or more days.
        day: which; may be omitted if there is only one.
        keep_untraded: keep quotes of no volume (they are dropped only where volume is given).
        previous: an earlier day of ``quotes`` against which staleness is judged: a quote is stale if its bid and ask
            have not moved although the move of the spot alone, times the option's delta, exceeds the spread.

    Returns:
        Usable and dropped quotes; none may be usable.

    Raises:
        MarketDataError: if the day is not in the quotes, or its spot is not known.
    """
    date = the_day(quotes, day)
    raw = _rows_of(quotes, date)
    spot = _spot(raw, date)
    table = _priced(raw, date, spot)
    reason = np.full(len(table), "", dtype=object)
    for name, wrong in _checks(table, keep_untraded):
        reason[(reason == "") & wrong.to_numpy()] = name
    if previous is not None:
        before = _rows_of(quotes, the_day(quotes, previous))
        reason[(reason == "") & _stale(table, before, spot)] = "stale"
    good = reason == ""
    duplicate = np.zeros(len(table), dtype=bool)
    duplicate[good] = _duplicates(table[good])
    reason[duplicate] = "duplicate"
    notes = _notes(table[reason == ""])
    dropped = table[reason != ""].assign(reason=reason[reason != ""]).reset_index(drop=True)
    return CleanQuotes(date, spot, table[reason == ""].reset_index(drop=True), dropped, notes)


def with_vols(clean: CleanQuotes, rate: ArrayLike, forward: ArrayLike | None = None) -> tuple[CleanQuotes, CleanQuotes]:
    """Implied vols of the out-of-the-money quotes (puts m < 1, calls m ≥ 1).

    Args:
        clean: usable quotes.
        rate: discount rate per year: one number, or one a row of ``clean.table``.
        forward: forward price of each row, currency; S e^{rτ} if not given.

    Returns:
        The quotes less those whose price is impossible, and of these the out-of-the-money ones alone, their table with
        ``discount_rate``, ``prepaid`` (discounted forward, currency), ``iv`` (annualised) and ``vega`` (per 1.00 of
        vol, in units of spot) appended.
    """
    table, spot = clean.table, clean.spot
    rates = np.broadcast_to(np.asarray(rate, dtype=np.float64), len(table))
    discount = np.exp(-rates * table["maturity"].to_numpy())
    # a forward other than S e^{rτ} is the spot less what dividends take out of it
    prepaid = np.full(len(table), spot) if forward is None else np.asarray(forward, dtype=np.float64) * discount
    table = table.assign(discount_rate=rates, prepaid=prepaid)
    otm = (table["is_call"] == (table["moneyness"] >= 1)).to_numpy()
    found = black_scholes.invert_prices(*_contract(table[otm], table.loc[otm, "mid"]))
    iv, reason = np.full(len(table), np.nan), np.full(len(table), "", dtype=object)
    iv[otm] = found.iv
    # a price on its lower bound carries no vol either
    reason[otm] = np.select(
        [found.above, found.below | ~(found.iv > 0), found.iv > HIGHEST_IV],
        ["above_bound", "below_intrinsic", "absurd_vol"],
        "",
    )
    # in the money only an ask below intrinsic value is certainly wrong: dividends and the spread move the mid
    parity_value = prepaid - table["strike"].to_numpy() * discount
    intrinsic = np.where(table["is_call"], parity_value, -parity_value)
    reason[~otm & (table["ask"].to_numpy() < intrinsic - CERTAIN * spot)] = "below_intrinsic"
    kept = clean.without(reason != "", reason)
    used = table.assign(iv=iv)[otm & (reason == "")].reset_index(drop=True)
    kappa = black_scholes.vega(
        used["prepaid"] / spot, used["moneyness"], used["maturity"], used["iv"], used["discount_rate"]
    )
    return kept, CleanQuotes(clean.date, spot, used.assign(vega=kappa), kept.dropped, kept.notes)


def vols_at(used: pd.DataFrame, price: ArrayLike) -> Floats:
    """Implied vols of used quotes at other prices (bid, ask), with the forwards their own vols were found with.

    Args:
        used: rows of the table that :func:`with_vols` returns.
        price: ``(n,)`` currency.

    Returns:
        ``(n,)`` vols; NaN where the price has none.
    """
    return black_scholes.implied_vol(*_contract(used, price))


def prices_at(used: pd.DataFrame, iv: ArrayLike) -> Floats:
    """Prices of used quotes at other vols (a fitted surface's), currency; NaN where the vol is."""
    _, *contract = _contract(used, 0.0)
    prepaid, strike, maturity, rate, is_call = contract
    return black_scholes.price(prepaid, strike, maturity, iv, rate, is_call)


def _contract(used: pd.DataFrame, price: ArrayLike) -> tuple[ArrayLike, ...]:
    columns = ("prepaid", "strike", "maturity", "discount_rate", "is_call")
    return (np.asarray(price, dtype=np.float64), *(used[name].to_numpy() for name in columns))


def drop_counts(dropped: pd.DataFrame) -> pd.Series:
    """Reason → how many quotes, in the order of ``REASONS``; reasons that never applied are left out."""
    counts = dropped["reason"].value_counts()
    return pd.Series({name: int(counts[name]) for name in REASONS if name in counts}, dtype=int)


def drop_words(dropped: pd.DataFrame, total: int) -> str:
    """``7,978 of 12,626 quotes dropped: 636 zero bids, 7,342 untraded``."""
    parts = [f"{count:,} {REASONS[str(name)]}" for name, count in drop_counts(dropped).items()]
    if not parts:
        return f"None of {total:,} quotes dropped"
    return f"{len(dropped):,} of {total:,} quotes dropped: {', '.join(parts)}"


def the_day(quotes: OptionQuotes, day: Day | None) -> np.datetime64:
    """The day asked for, or the only one.

    Raises:
        MarketDataError: if it is not among the quotes, or several are and none is named.
    """
    days = quotes.dates
    if day is None:
        if len(days) != 1:
            raise MarketDataError(
                f"expected one day of quotes, or which of them is meant; found {len(days)} days "
                f"({days[0]} … {days[-1]})"
            )
        return np.datetime64(days[0], "D")
    wanted = np.array([day], dtype="datetime64[D]")[0]
    if wanted not in days:
        raise MarketDataError(f"expected a day of {days[0]} … {days[-1]}; found {wanted}, not in the quotes")
    return np.datetime64(wanted, "D")


def _rows_of(quotes: OptionQuotes, date: np.datetime64) -> pd.DataFrame:
    table = quotes.table
    rows = np.flatnonzero(table["date"].to_numpy().astype("datetime64[D]") == date)
    return table.iloc[rows].assign(row=rows)


def _spot(raw: pd.DataFrame, date: np.datetime64) -> float:
    """The underlying's price: the median of what the rows say."""
    spots = pd.to_numeric(raw["spot"], errors="coerce").to_numpy(dtype=np.float64)
    known = spots[np.isfinite(spots) & (spots > 0)]
    if not len(known):
        raise MarketDataError(f"expected the price of the underlying with the quotes of {date}; found none")
    return float(np.median(known))


def _priced(raw: pd.DataFrame, date: np.datetime64, spot: float) -> pd.DataFrame:
    expiry = raw["expiry"].to_numpy().astype("datetime64[D]")
    bid, ask, strike = (raw[name].to_numpy(dtype=np.float64) for name in ("bid", "ask", "strike"))
    roots = raw["root"].astype(object)
    return pd.DataFrame(
        {
            "row": raw["row"].to_numpy(),
            "expiry": pd.to_datetime(expiry),
            "root": roots.where(roots.notna(), "").astype(str).to_numpy(),
            "strike": strike,
            "is_call": raw["is_call"].to_numpy(dtype=bool),
            "bid": bid,
            "ask": ask,
            "volume": pd.to_numeric(raw["volume"], errors="coerce").to_numpy(dtype=np.float64),
            "mid": (bid + ask) / 2,
            "moneyness": strike / spot,
            "maturity": (expiry - date).astype(np.int64) / DAYS_IN_YEAR,
            "half_spread": (ask - bid) / (2 * spot),
        }
    )


def _checks(table: pd.DataFrame, keep_untraded: bool) -> list[tuple[str, pd.Series]]:
    bid, ask = table["bid"], table["ask"]
    known = np.isfinite(bid) & np.isfinite(ask) & np.isfinite(table["strike"]) & (table["strike"] > 0)
    checks = [
        ("no_price", ~known | (bid < 0) | (ask < 0)),
        ("crossed", bid > ask),
        ("zero_bid", bid == 0),
        ("under_a_day", table["maturity"] < 1 / DAYS_IN_YEAR),
    ]
    if not keep_untraded:
        checks.append(("untraded", table["volume"] == 0))
    return checks


def _stale(table: pd.DataFrame, before: pd.DataFrame, spot: float) -> NDArray[np.bool_]:
    """Quotes unchanged since an earlier day although the spot's move alone is worth more than their spread."""
    old = before.assign(root=before["root"].astype(object).where(before["root"].notna(), "").astype(str))
    old = old.assign(expiry=pd.to_datetime(old["expiry"].to_numpy().astype("datetime64[D]")))
    key = ["expiry", "root", "strike", "is_call"]
    old = old.drop_duplicates(key)[[*key, "bid", "ask", "spot"]]
    old = old.rename(columns={"bid": "bid_old", "ask": "ask_old", "spot": "spot_old"})
    both = table[[*key, "bid", "ask"]].merge(old, on=key, how="left")
    unchanged = (both["bid"] == both["bid_old"]) & (both["ask"] == both["ask_old"])
    live = (table["maturity"] > 0) & (table["mid"] > 0) & (table["strike"] > 0)
    rows = (unchanged & live).to_numpy()
    stale = np.zeros(len(table), dtype=bool)
    if rows.any():
        asked = table[rows]
        iv = black_scholes.implied_vol(asked["mid"], spot, asked["strike"], asked["maturity"], 0.0, asked["is_call"])
        delta = black_scholes.delta(spot, asked["strike"], asked["maturity"], iv, 0.0, asked["is_call"])
        # a price that the move has left without a vol, below intrinsic value, is that of an option of delta one
        delta = np.where(np.isnan(iv), 1.0, np.abs(delta))
        move = delta * np.abs(spot - both.loc[rows, "spot_old"].to_numpy(dtype=np.float64))
        stale[rows] = move > (asked["ask"] - asked["bid"]).to_numpy()
    return stale


def _duplicates(table: pd.DataFrame) -> NDArray[np.bool_]:
    """All but the tightest quote of each contract (the first of equals)."""
    order = np.argsort((table["ask"] - table["bid"]).to_numpy(), kind="stable")
    again = table.iloc[order].duplicated(["expiry", "root", "strike", "is_call"]).to_numpy()
    duplicate = np.zeros(len(table), dtype=bool)
    duplicate[order] = again
    return duplicate


def _notes(table: pd.DataFrame) -> tuple[str, ...]:
    roots = table.groupby("expiry")["root"].nunique()
    shared = roots[roots > 1].index
    if not len(shared):
        return ()
    both = table[table["expiry"].isin(shared)]
    twice = int((both.groupby(["expiry", "strike", "is_call"])["root"].nunique() > 1).sum())
    names = ", ".join(sorted(both["root"].unique()))
    return (
        f"{len(shared)} expiries are listed under several roots ({names}); the {twice:,} options quoted twice are "
        "different contracts (settled in the morning and in the afternoon), so both quotes are used and parity is "
        "taken by root",
    )
