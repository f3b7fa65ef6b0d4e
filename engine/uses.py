"""What a dataset can be used for: which pages can work with it, and why the others cannot.

The requirements are those of the code behind each page, asked where they stand; nothing is computed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from engine.errors import MarketDataError
from engine.market.price_history import PriceHistory
from engine.market.quotes import OptionQuotes
from engine.market.surface_history import FIRST_CONDITION_ROW, SurfaceHistory


@dataclass(frozen=True)
class Use:
    """One page and a dataset.

    Args:
        page: script of the page below ``pages/``; empty for what is done while uploading.
        title: what it is called.
        lacks: what the page needs and what was found, in words; empty if the dataset can be used.
        says: what it can be used for there, in a few words.
    """

    page: str
    title: str
    lacks: str
    says: str

    @property
    def possible(self) -> bool:
        """Whether nothing is lacking."""
        return not self.lacks


def uses(data: SurfaceHistory | PriceHistory | OptionQuotes) -> tuple[Use, ...]:
    """Every page about data of this kind, with what is lacking for it."""
    if isinstance(data, SurfaceHistory):
        return _surfaces(data)
    return _prices(data) if isinstance(data, PriceHistory) else _quotes(data)


def _surfaces(history: SurfaceHistory) -> tuple[Use, ...]:
    from engine.studies.generators.scoring import SurfaceScoringConfig, split_rows
    from engine.studies.surfaces.dynamics import LEAST_DAYS as FOR_DYNAMICS
    from engine.surfaces.principal_components import LEAST_DAYS as FOR_FACTORS

    n = len(history)

    def days(least: int, why: str) -> str:
        return "" if n >= least else f"needs at least {least:,} days ({why}); found {_days(n)}"

    month = days(FIRST_CONDITION_ROW + 1, "a generator reads the month before a day")
    return (
        Use("surfaces/arbitrage", "Static arbitrage", "", "whether the surfaces are free of it"),
        Use(
            "surfaces/dynamics",
            "Dynamics",
            days(FOR_DYNAMICS, "a quarter of a year of daily moves"),
            "how the surfaces move",
        ),
        Use("surfaces/factor_model", "Factor models", days(FOR_FACTORS, "two daily moves"), "paths of a factor model"),
        Use("generators/next_day", "Next-day generators", month, "tomorrow's surfaces"),
        Use(
            "generators/leaderboard",
            "Leaderboard",
            month or _refused(lambda: split_rows(history, SurfaceScoringConfig())),
            "which generator forecasts these data best",
        ),
        Use("decisions/hedging", "Hedging", month, "what to trade against an option book"),
    )


def _prices(prices: PriceHistory) -> tuple[Use, ...]:
    from engine.market.returns import MINIMUM_DAYS

    complete = (
        np.zeros(len(prices.tickers), dtype=np.int64)
        if prices.open is None
        else (~np.isnan(prices.open) & ~np.isnan(prices.close)).sum(axis=0)
    )
    fit = int((complete >= MINIMUM_DAYS).sum())
    needs = f"needs at least {MINIMUM_DAYS} days of opens and closes"
    if prices.open is None:
        found = f"found closes only, of {_days(len(prices))}"
    else:
        best = int(complete.argmax())
        found = f"found {_days(int(complete[best]))}" + (
            f" at most, of {prices.tickers[best]}" if len(prices.tickers) > 1 else ""
        )
    alone = "" if fit else f"{needs}; {found}"
    graph = "" if fit > 1 else f"{needs} of two tickers or more; found {fit or 'none'}"
    single = len(prices.tickers) == 1
    beside = "" if single else f"needs a file of one ticker; found {len(prices.tickers):,}"
    return (
        Use("decisions/fingan", "Fin-GAN", alone, "bets on the next half-day's return"),
        Use("decisions/ensemble_graph", "Graph ensembles", graph, "whose generators forecast whom"),
        Use("", "quotes and surfaces", beside, "uploaded with them, as closes of the underlying or as a VIX"),
    )


def _quotes(quotes: OptionQuotes) -> tuple[Use, ...]:
    table = quotes.table
    days = table.groupby("date")
    expiries = int(days["expiry"].nunique().max())
    contracts = table[["date", "expiry", "strike", "is_call"]].drop_duplicates()
    lacks = ""
    if not contracts.duplicated(["date", "expiry", "strike"]).any():
        lacks = "needs calls and puts of one strike, whose parity gives the forward; found none"
    elif expiries < 2:
        lacks = "needs at least two expiries on a day; found one"
    n, least = len(quotes.dates), FIRST_CONDITION_ROW + 1
    history = "" if n >= least else f"needs quotes of at least {least} days, to build their surfaces; found {_days(n)}"
    return (
        Use("surfaces/quotes", "Quotes to surface", lacks, "the surface of a day"),
        Use("generators/next_day", "Next-day generators", lacks or history, "from the surfaces built of every day"),
    )


def _refused(attempt: Callable[[], object]) -> str:
    """Why it is refused, as what it needs; empty if it is not."""
    try:
        attempt()
    except MarketDataError as error:
        return str(error).replace("expected", "needs", 1)
    return ""


def _days(count: int) -> str:
    return "1 day" if count == 1 else f"{count:,} days"
