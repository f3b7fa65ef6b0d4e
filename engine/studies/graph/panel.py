"""What the study of graphs works on: every asset's windows and returns on one calendar, and the signs of generators."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from engine.decisions import forecasting
from engine.errors import MarketDataError
from engine.market.grid import Floats
from engine.market.returns import HalfDayWindows
from engine.market.surface_history import Dates

PARTS = ("validation", "test")
UNKNOWN_SECTOR = "none"
"""Sector of an asset without an ETF; an ETF belongs to its own sector."""


@dataclass(frozen=True, eq=False)
class Part:
    """One part of the data, all assets on the same half-days.

    Args:
        date: ``(times,)`` day in which each half-day ends.
        condition: ``(assets, times, L)`` windows.
        returns: ``(assets, times)`` what followed.
    """

    date: Dates
    condition: Floats
    returns: Floats

    def __len__(self) -> int:
        return len(self.date)

    def first(self, times: int) -> Part:
        """The first half-days."""
        return Part(self.date[:times], self.condition[:, :times], self.returns[:, :times])


@dataclass(frozen=True, eq=False)
class Panel:
    """All assets side by side.

    Args:
        tickers: the assets, sorted by sector, then by name, as the thesis's figures are.
        sectors: of each.
        train, validation, test: the parts.
    """

    tickers: tuple[str, ...]
    sectors: tuple[str, ...]
    train: Part
    validation: Part
    test: Part

    @property
    def past(self) -> Part:
        """Training and validation part in one."""
        first, second = self.train, self.validation
        return Part(
            np.concatenate([first.date, second.date]),
            np.concatenate([first.condition, second.condition], axis=1),
            np.concatenate([first.returns, second.returns], axis=1),
        )


def panel(windows: Mapping[str, HalfDayWindows]) -> Panel:
    """Put tickers' windows on the half-days that all of them have.

    Args:
        windows: ticker → its windows.

    Raises:
        MarketDataError: if there are fewer than two tickers, or they share too few half-days.
    """
    if len(windows) < 2:
        raise MarketDataError(f"expected at least two tickers for a graph; found {len(windows)}")
    etfs = {w.sector for w in windows.values()}
    sector = {t: w.sector or (t if t in etfs else UNKNOWN_SECTOR) for t, w in windows.items()}
    tickers = tuple(sorted(windows, key=lambda t: (sector[t], t)))
    found = [windows[ticker] for ticker in tickers]
    parts = {name: _common(found, name) for name in ("train", *PARTS)}
    for name in PARTS:
        if len(parts[name]) < 50:
            raise MarketDataError(
                f"expected at least 50 half-days of the {name} part on which every ticker has a window; "
                f"found {len(parts[name])}: leave out the ticker with the shortest history"
            )
    return Panel(tickers, tuple(sector[t] for t in tickers), parts["train"], parts["validation"], parts["test"])


def daily_pnl(bets: Floats, part: Part) -> tuple[Dates, Floats]:
    """``(days,)`` days and ``(assets, days)`` PnL in basis points, both half-days of a day together."""
    return forecasting.daily(forecasting.weighted_pnl(bets, part.returns), part.date)


def ticker_sharpe(bets: Floats, part: Part) -> Floats:
    """``(assets,)`` annualised Sharpe ratio of each asset's bets; NaN where it never bets."""
    return forecasting.sharpe_ratio(daily_pnl(bets, part)[1])


def portfolio_pnl(bets: Floats, part: Part) -> Floats:
    """``(days,)`` PnL of the equally weighted portfolio in basis points."""
    return forecasting.portfolio(daily_pnl(bets, part)[1])


def _common(found: Sequence[HalfDayWindows], name: str) -> Part:
    """The half-days that every ticker has in a part."""
    keys = []
    for windows in found:
        mine = windows.part == name
        keys.append(2 * windows.date[mine].astype(np.int64) + ~windows.overnight[mine])  # the night comes first
    shared = keys[0]
    for other in keys[1:]:
        shared = np.intersect1d(shared, other, assume_unique=True)
    condition, returns = [], []
    for windows, key in zip(found, keys, strict=True):
        rows = np.flatnonzero(windows.part == name)[np.searchsorted(key, shared)]
        condition.append(windows.condition[rows])
        returns.append(windows.target[rows])
    date = (shared // 2).astype("datetime64[D]")
    return Part(date, np.stack(condition), np.stack(returns))
