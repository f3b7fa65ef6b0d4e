"""One network for many tickers: pooled over all, over either half, by sector with and without its ETF (5.6.2)."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from engine.decisions import forecasting
from engine.errors import MarketDataError
from engine.evaluation import trading
from engine.evaluation.comparison import ends
from engine.market.grid import Floats
from engine.market.returns import HalfDayWindows
from engine.models.fingan.networks import Asset
from engine.studies.fingan.tables import UNIVERSAL_PORTFOLIO_SR
from engine.studies.fingan.universe import Panel, Universe

EVERYTHING, LEFT_OUT = "All tickers", "The other half of the tickers"
PUBLISHED_SECTOR = "XLP"
LEAST_IN_SECTOR = 2


@dataclass(frozen=True)
class Pool:
    """Tickers whose windows train one network.

    Args:
        name: of the pool, distinct.
        model: what it belongs to in tables; the parts of a cross-fit share it.
        trained: tickers that train.
        judged: tickers it is judged on.
    """

    name: str
    model: str
    trained: tuple[str, ...]
    judged: tuple[str, ...]


def pools(universe: Universe) -> tuple[Pool, ...]:
    """The pools of a universe: all tickers; either half, judged on the other; each sector with and without its ETF.

    Tickers fall into the halves in turn, so that a sector's stocks are in both and every ticker is once unseen.
    """
    tickers = universe.tickers
    found: list[Pool] = []
    if len(tickers) > 1:
        found.append(Pool("pool all", EVERYTHING, tickers, tickers))
        halves = tickers[0::2], tickers[1::2]
        found.append(Pool("pool even", LEFT_OUT, *halves))
        found.append(Pool("pool odd", LEFT_OUT, *halves[::-1]))
    sector_of = {one.ticker: one.sector for one in universe.windows}
    for etf in [name for name in tickers if name in sector_of.values()]:
        stocks = tuple(name for name in tickers if sector_of[name] == etf)
        if len(stocks) >= LEAST_IN_SECTOR:
            found.append(Pool(f"pool {etf} with ETF", f"{etf} with ETF", (*stocks, etf), (*stocks, etf)))
            found.append(Pool(f"pool {etf} without ETF", f"{etf} without ETF", stocks, (*stocks, etf)))
    return tuple(found)


def pooled_asset(name: str, windows: Sequence[HalfDayWindows]) -> Asset:
    """Training windows of several tickers as if from one source, in time order: the first ones come from all of them.

    Raises:
        MarketDataError: if there is no ticker.
    """
    if not windows:
        raise MarketDataError(f"expected tickers to pool for {name}; found none")
    rows = [one.rows("train") for one in windows]
    condition = np.concatenate([one.condition[part] for one, part in zip(windows, rows, strict=True)])
    target = np.concatenate([one.target[part] for one, part in zip(windows, rows, strict=True)])
    when = np.concatenate(
        [2 * one.date[part].astype(np.int64) - one.overnight[part] for one, part in zip(windows, rows, strict=True)]
    )
    order = np.argsort(when, kind="stable")
    return Asset(name, condition[order], target[order])


@dataclass(frozen=True, eq=False)
class Judged:
    """Bets of a pool's network on the tickers it is judged on: part → ticker → ``(losses, n)``.

    ``recent`` is the ``(losses,)`` ratio of its portfolio on the last years of the training part, in sample.
    """

    pool: Pool
    losses: tuple[str, ...]
    validation: Mapping[str, Floats]
    test: Mapping[str, Floats]
    recent: Floats


def ticker_table(validation: Panel, test: Panel, judged: Sequence[Judged], single: Mapping[str, float]) -> pd.DataFrame:
    """Ratios of every pool, ticker and loss (Figures 5.14–5.16).

    Args:
        validation, test: the parts of all tickers.
        judged: what the pools bet.
        single: ticker → ratio of its own Fin-GAN on the test part.
    """
    rows = []
    for one in judged:
        for ticker in one.pool.judged:
            place = test.tickers.index(ticker)
            early = forecasting.sharpe_ratio(validation.daily(place, one.validation[ticker])[1])
            late = forecasting.sharpe_ratio(test.daily(place, one.test[ticker])[1])
            for loss, before, after in zip(one.losses, early, late, strict=True):
                rows.append(
                    {
                        "model": one.pool.model,
                        "ticker": ticker,
                        "label": loss,
                        "seen": ticker in one.pool.trained,
                        "validation_sr": before,
                        "test_sr": after,
                        "single_ticker_sr": single.get(ticker, np.nan),
                    }
                )
    return pd.DataFrame(rows)


def portfolio_table(
    validation: Panel, test: Panel, judged: Sequence[Judged], among: Sequence[str], counts: Floats
) -> pd.DataFrame:
    """Portfolio of every pool under the loss that was chosen for it, seen and unseen tickers apart.

    The longer choice takes the largest mean of two ratios of its tickers' portfolio, on validation and on the last
    years of the training part; the thesis's, published, the largest on validation.
    """
    rows = []
    models = list(dict.fromkeys(one.pool.model for one in judged))
    for model, longer in itertools.product(models, (True, False)):
        own = [one for one in judged if one.pool.model == model]
        groups: dict[bool, list[Floats]] = {True: [], False: []}
        plain: dict[bool, list[Floats]] = {True: [], False: []}
        words = []
        for one in own:
            known = [name for name in one.pool.trained if name in one.validation]
            chosen = max(among, key=lambda loss: _judgement(validation, one, known, loss, longer))
            words.append(chosen)
            for ticker in one.pool.judged:
                for losses, into in ((chosen, groups), ("BCE", plain)):
                    bet = one.test[ticker][one.losses.index(losses)]
                    into[ticker in one.pool.trained].append(_by_day(test, ticker, bet))
        for seen in (True, False):
            if not groups[seen]:
                continue
            pnl, forgan = (forecasting.portfolio(np.stack(of[seen])) for of in (groups, plain))
            rows.append(
                {
                    "model": model,
                    "choice": "longer" if longer else "thesis",
                    "tickers": len(groups[seen]),
                    "seen": seen,
                    "chosen": ", ".join(dict.fromkeys(words)),
                    "portfolio_sr": float(forecasting.sharpe_ratio(pnl)),
                    **ends(trading.resampled_sharpe(counts, pnl)),
                    "forgan_portfolio_sr": float(forecasting.sharpe_ratio(forgan)),
                    "published": np.nan if longer else _published(model, seen),
                }
            )
    return pd.DataFrame(rows)


def _published(model: str, seen: bool) -> float:
    sector, _, which = model.partition(" ")
    return UNIVERSAL_PORTFOLIO_SR.get(which, np.nan) if sector == PUBLISHED_SECTOR and seen else np.nan


def _by_day(panel: Panel, ticker: str, bet: Floats) -> Floats:
    """``(days,)`` PnL of one ticker on the panel's days, NaN where it does not trade."""
    pnl = np.full(len(panel.days), np.nan)
    days, sums = panel.daily(panel.tickers.index(ticker), bet)
    pnl[np.searchsorted(panel.days, days)] = sums
    return pnl


def _judgement(panel: Panel, one: Judged, tickers: Sequence[str], loss: str, longer: bool) -> float:
    """What a loss is chosen by; the ratio of one that never bets is worst."""
    rows = [_by_day(panel, name, one.validation[name][one.losses.index(loss)]) for name in tickers]
    ratio = float(forecasting.sharpe_ratio(forecasting.portfolio(np.stack(rows))))
    if longer:
        ratio = (ratio + float(one.recent[one.losses.index(loss)])) / 2
    return ratio if np.isfinite(ratio) else -np.inf
