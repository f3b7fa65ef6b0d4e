"""What put–call parity says about a day of quotes: interest rates, forwards and dividend yields.

A call and a put of one strike and expiry fix a rate, r = log(K/(S − C + P))/τ (SPEC 1.1), exactly when the underlying
pays nothing until then. With dividends the same formula gives r less what they cost, and depends a little on the
strike; the median over pairs is then a carry rate. The straight line C − P = D (F − K) through the pairs of an expiry
separates the two: its slope gives the discount rate, its root the forward.

Options on one expiry that settle in the morning and in the afternoon are different contracts; they are kept apart by
their root. Time to maturity is calendar days over 365 for both.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from engine.errors import MarketDataError
from engine.market.grid import Floats
from engine.market.parity_line import LEAST_PAIRS
from engine.market.parity_line import parity_line as parity_line  # part of this module for its callers

NEAR_THE_MONEY = (0.8, 1.2)
"""Moneyness of the pairs through which the line is drawn, where an expiry has at least three of them."""


@dataclass(frozen=True, eq=False)
class ParityRates:
    """Rates implied by put–call parity on one day.

    Args:
        day: median over all pairs of the day, per year, continuously compounded.
        pairs: one row a pair: ``expiry, root, strike, maturity, call, put, rate``.
        by_expiry: one row an expiry and root: ``expiry, root, maturity, pairs, rate`` (median over its pairs),
            ``forward, discount_rate, dividend_yield`` (from the line; NaN where there is none) and ``line_pairs``.
    """

    day: float
    pairs: pd.DataFrame
    by_expiry: pd.DataFrame


def implied_rate(spot: ArrayLike, strike: ArrayLike, call: ArrayLike, put: ArrayLike, maturity: ArrayLike) -> Floats:
    """r = log(K/(S − C + P))/τ.

    Args:
        spot, strike, call, put: currency.
        maturity: years, > 0.

    Returns:
        Rates per year of the broadcast shape; NaN where S − C + P ≤ 0, which no rate explains.

    References:
        Stoll, H. (1969), The relationship between put and call option prices, Journal of Finance 24(5).
    """
    s, k, c, p, tau = np.broadcast_arrays(
        *(np.asarray(x, dtype=np.float64) for x in (spot, strike, call, put, maturity))
    )
    paid = s - c + p
    usable = (paid > 0) & (k > 0) & (tau > 0)
    rate = np.full(paid.shape, np.nan)
    rate[usable] = np.log(k[usable] / paid[usable]) / tau[usable]
    return rate


def parity_rates(quotes: pd.DataFrame, spot: float, quoted: pd.DataFrame | None = None) -> ParityRates:
    """Rates of a day from its call/put pairs.

    Args:
        quotes: cleaned quotes of one day: ``expiry, root, strike, is_call, maturity, mid``, at most one row a contract.
        spot: currency.
        quoted: more quotes for the lines through the pairs of each expiry (untraded ones, say): a line needs many
            strikes, and a quote that a market maker stands behind will do. ``quotes`` if not given.

    Returns:
        The day's rate and those by expiry and root.

    Raises:
        MarketDataError: if no strike has both a call and a put that imply a rate.
    """
    pairs = call_put_pairs(quotes)
    pairs["rate"] = implied_rate(spot, pairs["strike"], pairs["call"], pairs["put"], pairs["maturity"])
    usable = pairs[np.isfinite(pairs["rate"])].reset_index(drop=True)
    if usable.empty:
        calls, puts = int(quotes["is_call"].sum()), int((~quotes["is_call"]).sum())
        raise MarketDataError(
            "expected a strike with both a call and a put, from which put–call parity gives the rate; "
            f"found {calls} calls and {puts} puts without one. Give the rate"
        )
    more = pairs if quoted is None else call_put_pairs(quoted)
    by_expiry = usable.groupby(["expiry", "root"])
    rates, counts = by_expiry["rate"].median(), by_expiry.size()
    rows = [
        {
            "expiry": key[0],
            "root": key[1],
            "maturity": float(group["maturity"].iloc[0]),
            "pairs": int(counts.get(key, 0)),
            "rate": float(rates.get(key, np.nan)),
            **_line(group, spot),
        }
        for key, group in more.groupby(["expiry", "root"], sort=True)
    ]
    return ParityRates(float(usable["rate"].median()), usable, pd.DataFrame(rows))


def call_put_pairs(quotes: pd.DataFrame) -> pd.DataFrame:
    """Calls beside puts of the same expiry, root and strike: ``expiry, root, strike, maturity, call, put``."""
    key = ["expiry", "root", "strike", "maturity"]
    calls = quotes.loc[quotes["is_call"], [*key, "mid"]].rename(columns={"mid": "call"})
    puts = quotes.loc[~quotes["is_call"], [*key, "mid"]].rename(columns={"mid": "put"})
    return calls.merge(puts, on=key, how="inner").sort_values(key, ignore_index=True)


def near_the_money(pairs: pd.DataFrame, spot: float) -> pd.DataFrame:
    """The pairs struck within ``NEAR_THE_MONEY`` of the spot, or all if those are too few for a line."""
    near = pairs[pairs["strike"].between(NEAR_THE_MONEY[0] * spot, NEAR_THE_MONEY[1] * spot)]
    return near if len(near) >= LEAST_PAIRS else pairs


def _line(pairs: pd.DataFrame, spot: float) -> dict[str, float]:
    """Forward, discount rate and dividend yield of one expiry."""
    tau = float(pairs["maturity"].iloc[0])
    line = near_the_money(pairs, spot)
    forward, discount = parity_line(line["strike"].to_numpy(), (line["call"] - line["put"]).to_numpy())
    discount_rate = -np.log(discount) / tau
    carry = np.log(forward / spot) / tau if forward > 0 else np.nan
    return {
        "forward": forward,
        "discount_rate": float(discount_rate),
        "dividend_yield": float(discount_rate - carry),
        "line_pairs": len(line),
    }
