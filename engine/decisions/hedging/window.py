"""A stretch of days on which positions are entered, hedged and unwound: prices, costs, and scenarios of each day.

Everything is priced once for all portfolios and strategies that share the days: the underlying and every option as it
was quoted on each day, and as it would be in each scenario of the next. The scenarios of a day are compressed once
(``penalised_regression``), whatever is hedged with whatever.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from engine.decisions.hedging.options import Book, Option, Portfolio, Quotes
from engine.decisions.hedging.penalised_regression import Compressed, compress
from engine.decisions.hedging.transaction_costs import CostModel
from engine.errors import MarketDataError, SettingsError
from engine.market.grid import DT, Floats
from engine.market.surface_history import SurfaceHistory
from engine.models.surface_model import SurfaceModel
from engine.scenarios.scenario_set import ScenarioSet

SCENARIOS, FRESH = 1000, 100
"""N scenarios to fit and M fresh ones to choose α on (section 4.3.2)."""


@dataclass(frozen=True, eq=False)
class Window:
    """Prices, sensitivities and costs of the underlying (first) and of options, on consecutive days.

    Args:
        history: the data.
        start: row of the first day.
        book: the options; their maturities count from the first day.
        price, delta, vega, cost: ``(days + 1, 1 + n)`` of each asset on each day, currency.
        inside: ``(days + 1, 1 + n)`` whether it lies on the surface.
        costs: what made ``cost``.
    """

    history: SurfaceHistory
    start: int
    book: Book
    price: Floats
    delta: Floats
    vega: Floats
    cost: Floats
    inside: Floats
    costs: CostModel

    @classmethod
    def of(
        cls,
        history: SurfaceHistory,
        options: Sequence[Option],
        *,
        start: int,
        days: int,
        costs: CostModel | None = None,
    ) -> Window:
        """Price options from a day on.

        Args:
            history: the data.
            options: contracts, repeated ones once.
            start: row of the first day; negative rows count from the end.
            days: trading days until everything is unwound; 0 for today only.
            costs: what trading costs; quoted half-spreads if the data have them, else the parametric model.

        Raises:
            MarketDataError: if the data end before the last day, or an option expires before it.
        """
        start = day_row(history, start)
        if days < 0 or start + days >= len(history):
            raise MarketDataError(
                f"expected {days} trading days after {history.dates[start]}; found {len(history) - 1 - start}: "
                "the data end there"
            )
        book = Book.union([options])
        for option in book.options:
            if option.maturity < days * DT - 1e-6:
                raise MarketDataError(
                    f"expected options that live until the last of {days} trading days; found {option.label}, "
                    f"which expires after {option.maturity / DT:.3g}"
                )
        costs = costs or CostModel.for_history(history)
        rows = range(start, start + days + 1)
        quotes = [
            book.quote(float(history.spot[row]), history.iv[row], history.grid, k * DT, float(history.rate[row]))
            for k, row in enumerate(rows)
        ]
        spot = history.spot[start : start + days + 1, None]
        return cls(
            history=history,
            start=start,
            book=book,
            price=np.concatenate([spot, _stacked(quotes, "price")], axis=1),
            delta=np.concatenate([np.ones_like(spot), _stacked(quotes, "delta")], axis=1),
            vega=np.concatenate([np.zeros_like(spot), _stacked(quotes, "vega")], axis=1),
            cost=np.stack(
                [costs.per_unit(book, q, history, r, k * DT) for k, (r, q) in enumerate(zip(rows, quotes, strict=True))]
            ),
            inside=np.concatenate([np.ones_like(spot), _stacked(quotes, "inside")], axis=1),
            costs=costs,
        )

    @property
    def days(self) -> int:
        """Trading days from the first to the last."""
        return len(self.price) - 1

    @property
    def rows(self) -> range:
        """Rows of the history on which positions are chosen: all days but the last."""
        return range(self.start, self.start + max(self.days, 1))

    @cached_property
    def rate(self) -> Floats:
        """``(days + 1,)`` interest rate per year."""
        return self.history.rate[self.start : self.start + self.days + 1]

    @cached_property
    def time_value(self) -> Floats:
        """``(days + 1, 1 + n)`` price less discounted intrinsic value; infinite for the underlying."""
        left = np.stack([self.book.remaining(k * DT) for k in range(self.days + 1)])
        sign = np.where(self.book.is_call, 1.0, -1.0)
        strike = self.book.strike * np.exp(-self.rate[:, None] * left)
        intrinsic = np.maximum(sign * (self.price[:, :1] - strike), 0.0)
        return np.concatenate([np.full((self.days + 1, 1), np.inf), self.price[:, 1:] - intrinsic], axis=1)

    def holding(self, portfolio: Portfolio) -> Floats:
        """``(1 + n,)`` a portfolio as quantities of the assets."""
        quantities = np.zeros(1 + len(self.book))
        quantities[0] = portfolio.underlying
        quantities[1 + self.book.columns(portfolio.options)] = portfolio.quantities
        return quantities

    def instruments(self, options: Sequence[Option]) -> NDArray[np.intp]:
        """Columns of the hedging instruments: the underlying, then the options."""
        return np.concatenate([np.zeros(1, dtype=np.intp), 1 + self.book.columns(options)])


@dataclass(frozen=True, eq=False)
class Moves:
    """Changes of every asset of a window in scenarios of the next day.

    Args:
        fit: ``(days, N, 1 + n)`` to choose hedges on.
        fresh: ``(days, M, 1 + n)`` to choose α on.
    """

    fit: Floats
    fresh: Floats

    @cached_property
    def compressed(self) -> tuple[Compressed, ...]:
        """The scenarios of each day, reduced to their triangular factor."""
        return tuple(compress(day) for day in self.fit)


def draw_moves(
    window: Window,
    model: SurfaceModel,
    *,
    scenarios: int = SCENARIOS,
    fresh: int = FRESH,
    seed: int | Sequence[int] = 1,
) -> Moves:
    """Scenarios of each day of a window, repriced.

    The draws of a day depend on the history up to that day only, and those of the first day are the same whether one
    day is asked for or many.

    Args:
        window: the days and the assets.
        model: a fitted generator.
        scenarios: N.
        fresh: M.
        seed: the same seed draws the same scenarios of the same first day.

    Raises:
        SettingsError: for fewer than 2 scenarios, or fewer than 1 fresh one.
    """
    if scenarios < 2 or fresh < 1:
        raise SettingsError(f"expected at least 2 scenarios and 1 fresh one; found {scenarios} and {fresh}")
    history, rows = window.history, list(window.rows)
    seeds = [seed] if isinstance(seed, int) else list(seed)
    rng = np.random.default_rng([*seeds, window.start])
    drawn = model.sample_days(history.until(rows[-1]), rows, scenarios + fresh, rng=rng)
    changes = np.stack([_changes(window, drawn, k) for k in range(len(rows))])
    return Moves(changes[:, :scenarios], changes[:, scenarios:])


def _changes(window: Window, drawn: ScenarioSet, k: int) -> Floats:
    """``(scenarios, 1 + n)`` changes of the assets over the step after day k."""
    history, row = window.history, window.start + k
    grid, left = drawn.grid, window.book.remaining((k + 1) * DT)
    spot = history.spot[row] * np.exp(np.asarray(drawn.log_return[k], dtype=np.float64))
    # only the maturities around the remaining ones are needed, and they are few
    j = np.searchsorted(grid.maturity, left, side="right") - 1
    first = int(np.clip(j.min(initial=0), 0, grid.shape[1] - 2)) if len(left) else 0
    last = int(np.clip(j.max(initial=0), 0, grid.shape[1] - 2)) + 2 if len(left) else 2
    part = type(grid)(grid.moneyness, grid.maturity[first:last])
    iv = np.exp(np.asarray(drawn.log_iv[k][..., first:last], dtype=np.float64))
    price = window.book.prices(spot, iv, part, (k + 1) * DT, float(history.rate[row]))  # (scenarios, n)
    now = window.price[k]
    return np.concatenate([spot[:, None] - now[0], price - now[1:]], axis=1)


def _stacked(quotes: Sequence[Quotes], name: str) -> Floats:
    return np.stack([np.asarray(getattr(q, name), dtype=np.float64) for q in quotes])


def day_row(history: SurfaceHistory, row: int) -> int:
    """The row of a day; negative ones count from the end.

    Raises:
        MarketDataError: if the history has none.
    """
    if not -len(history) <= row < len(history):
        raise MarketDataError(f"expected a day among {len(history)}; found row {row}")
    return range(len(history))[row]
