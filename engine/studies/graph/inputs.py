"""What the study of graphs works on: windows and returns on one calendar, and the generators of a Fin-GAN study.

The generators are those that the study chose, one for each ticker and seed: by the longer choice, or by the thesis's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from engine.decisions import forecasting
from engine.errors import CheckpointError, MarketDataError
from engine.market.grid import Floats
from engine.market.returns import HalfDayWindows
from engine.market.surface_history import Dates
from engine.models.fingan.sampling import GeneratorStack, Networks
from engine.studies.base import Finished
from engine.studies.fingan.arrays import KEPT

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


@dataclass(frozen=True, eq=False)
class Trained:
    """Chosen generators.

    Args:
        stack: every ticker with every seed, once.
        bad_opens: what the study did with bad opens; windows must be the same here.
        period: first and last day of its prices, from which its parts follow.
    """

    stack: GeneratorStack
    bad_opens: str = "keep"
    period: tuple[str, ...] = ()

    @property
    def tickers(self) -> tuple[str, ...]:
        """Tickers that have a generator of every seed, in the study's order."""
        found: dict[str, set[int]] = {}
        for member in self.stack.members:
            found.setdefault(member.asset, set()).add(member.seed)
        return tuple(asset for asset, seeds in found.items() if seeds == set(self.seeds))

    @property
    def seeds(self) -> tuple[int, ...]:
        """Seeds, rising."""
        return tuple(sorted({member.seed for member in self.stack.members}))

    @property
    def length(self) -> int:
        """Half-days in a window."""
        return self.stack.length

    def of_seed(self, seed: int, tickers: Sequence[str]) -> GeneratorStack:
        """One seed's generators in the order of tickers.

        Raises:
            CheckpointError: if a ticker has none.
        """
        place = {(member.asset, member.seed): k for k, member in enumerate(self.stack.members)}
        missing = [ticker for ticker in tickers if (ticker, seed) not in place]
        if missing:
            raise CheckpointError(f"expected a generator of {missing[0]} with seed {seed}; found none")
        return self.stack.take([place[ticker, seed] for ticker in tickers])

    def networks(self, seed: int, tickers: Sequence[str]) -> Networks:
        """Their weights."""
        return self.of_seed(seed, tickers).networks()


def trained(study: Finished, choice: str = "longer") -> Trained:
    """The chosen generators of a finished Fin-GAN study.

    Args:
        study: finished.
        choice: by which its losses were chosen, ``longer`` or ``thesis``.

    Raises:
        CheckpointError: if it keeps none by this choice, or two for one ticker and seed.
    """
    try:
        kept = study.arrays(KEPT[choice])
    except CheckpointError as error:
        if choice == "thesis":
            raise
        raise CheckpointError(
            "expected a Fin-GAN study that keeps the generators of the longer choice; found one of an earlier version: "
            "repeat it, or take the thesis's with the setting choice=thesis"
        ) from error
    stack = GeneratorStack.restore(kept)
    keys = [(member.asset, member.seed) for member in stack.members]
    if len(set(keys)) != len(keys):
        twice = next(key for key in keys if keys.count(key) > 1)
        raise CheckpointError(f"expected one chosen generator of each ticker and seed; found two of {twice}")
    period = tuple(str(day) for day in study.data.get("period", ()))
    return Trained(stack, str(study.settings.get("bad_opens", "keep")), period)
