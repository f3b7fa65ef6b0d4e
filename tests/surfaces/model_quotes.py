"""Quotes whose truth is known: Black–Scholes prices of a given smile, exact, with a given spread."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from engine.market.quotes import OptionQuotes
from engine.surfaces import black_scholes

DATE = pd.Timestamp("2020-03-02")  # a Monday
SPOT = 100.0


def flat(moneyness: np.ndarray, maturity: float) -> np.ndarray:
    return np.full(np.shape(moneyness), 0.2)


def skewed(moneyness: np.ndarray, maturity: float) -> np.ndarray:
    return 0.2 - 0.15 * np.log(moneyness) / np.sqrt(1 + 4 * maturity) + 0.02 * maturity


def model_quotes(
    vol: Callable[[np.ndarray, float], np.ndarray] = flat,
    *,
    days: tuple[int, ...] = (30, 60, 91, 182, 365),
    moneyness: np.ndarray | None = None,
    rate: float = 0.02,
    dividend: float = 0.0,
    spot: float = SPOT,
    half_spread: float = 0.0,
    date: pd.Timestamp = DATE,
    root: str = "SPXW",
    volume: float = np.nan,
) -> OptionQuotes:
    m = np.linspace(0.6, 1.4, 33) if moneyness is None else np.asarray(moneyness)
    frames = []
    for n in days:
        tau = n / 365
        for is_call in (True, False):
            prepaid = spot * np.exp(-dividend * tau)
            mid = black_scholes.price(prepaid, m * spot, tau, vol(m, tau), rate, is_call)
            frames.append(
                pd.DataFrame(
                    {
                        "date": date,
                        "expiry": date + pd.Timedelta(days=n),
                        "strike": m * spot,
                        "is_call": is_call,
                        "bid": mid - np.minimum(half_spread, 0.9 * mid),
                        "ask": mid + np.minimum(half_spread, 0.9 * mid),
                        "spot": spot,
                        "volume": volume,
                        "iv": np.nan,
                        "root": root,
                    }
                )
            )
    return OptionQuotes(pd.concat(frames, ignore_index=True), "model quotes")


def changed(quotes: OptionQuotes, rows: object, **values: object) -> OptionQuotes:
    table = quotes.table.copy()
    for name, value in values.items():
        table.loc[rows, name] = value
    return OptionQuotes(table, quotes.name)


def joined(*parts: OptionQuotes) -> OptionQuotes:
    return OptionQuotes(pd.concat([p.table for p in parts], ignore_index=True), "joined")
