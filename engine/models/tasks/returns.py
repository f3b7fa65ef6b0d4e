"""The tasks of daily returns of one or several assets: tomorrow's vector, or a path of 21 days.

As with surfaces, a family learns what the scale does not know: returns r over their exponentially weighted volatility s
of the day before, x = r/s; paths are scaled by the volatility on the day they begin.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from engine.errors import CheckpointError, MarketDataError
from engine.market.domain import Domain, Tickers
from engine.market.grid import Floats
from engine.market.price_history import PriceHistory
from engine.models.conditional_fhs.filter import linear_recursion
from engine.models.tasks.task import Examples, Returns, Tensors, UnconditionalTask
from engine.settings import configuration, setting
from engine.training.progress import check_arrays

DECAY = 0.94
"""Of the running variance (RiskMetrics)."""

PATH_DAYS = 21
"""Days of a return path: a month."""

MEMORY = 5
"""Days whose mean innovation is among what is known."""

FIRST = MEMORY
LEAST_DAYS = 100
MOST_TICKERS = 100


@configuration
class ReturnsConfig:
    """Which returns, and how they are seen."""

    tickers: str = setting(
        "", label="Tickers", help="Separated by commas; empty: all of the data, 100 at most.", advanced=True
    )
    space: str = setting(
        "innovations",
        label="Space",
        help="innovations: returns over their running volatility. raw: returns as they are.",
        choices=("innovations", "raw"),
    )
    given: str = setting(
        "nothing",
        label="Given",
        help="state: the last innovation, their mean over five days and the log volatility of every ticker.",
        choices=("nothing", "state"),
    )


class DailyReturns(UnconditionalTask):
    """Tomorrow's log-returns of the tickers."""

    name: ClassVar[str] = "daily_returns"
    label: ClassVar[str] = "Daily returns"
    reads = "prices"
    Config: ClassVar[type] = ReturnsConfig
    days: ClassVar[int] = 1

    def __init__(self, config: Any = None) -> None:
        super().__init__(config)
        self.tickers: tuple[str, ...] = ()
        self._start: Floats = np.zeros(0)

    def prepare(self, data: PriceHistory) -> Tickers:
        """Mean square returns of the training part.

        Raises:
            MarketDataError: if a ticker is unknown or never moves, or the days with all prices are too few.
        """
        asked = tuple(name.strip() for name in self.config.tickers.split(",") if name.strip()) or data.tickers
        if len(asked) > MOST_TICKERS:
            raise MarketDataError(f"expected at most {MOST_TICKERS} tickers; found {len(asked)}")
        self.tickers = Tickers(asked).names
        log_return, _ = self._returns(data)
        if len(log_return) < LEAST_DAYS:
            raise MarketDataError(
                f"expected at least {LEAST_DAYS} days with prices of all of {Tickers(asked)!r}; found {len(log_return)}"
            )
        self._start = np.square(log_return).mean(axis=0)
        if not self._start.min() > 0:
            still = self.tickers[int(self._start.argmin())]
            raise MarketDataError(f"expected prices that move; found {still} unchanged on every day")
        return Tickers(self.tickers)

    def examples(self, data: PriceHistory) -> Examples:
        """``(n, k)`` or ``(n, 21, k)`` from the sixth return on; windows begin every day."""
        log_return, dates = self._returns(data)
        scale, known = self._known(log_return)
        if len(log_return) < FIRST + self.days:
            raise MarketDataError(f"expected at least {FIRST + self.days + 1} days of prices; found {len(log_return)}")
        windows = sliding_window_view(log_return, self.days, axis=0).swapaxes(1, 2)[FIRST:]  # (n, days, k)
        x = windows / scale[FIRST : FIRST + len(windows), None]
        condition = known[FIRST : FIRST + len(windows)] if self.config.given == "state" else None
        spoken = (str(dates[FIRST]), str(dates[FIRST + len(windows) - 1]))
        return Examples(x[:, 0] if self.days == 1 else x, condition, spoken)

    def state(self) -> Tensors:
        """Where the variances start."""
        return {"start": self._start}

    def restore(self, state: Mapping[str, NDArray[Any]], domain: Domain) -> None:
        """The inverse of :meth:`state`."""
        if not isinstance(domain, Tickers):
            raise CheckpointError(f"expected a model of returns; found one of {domain!r}")
        check_arrays(dict(state), {"start": (len(domain.names),)}, kind="returns")
        if not state["start"].min() > 0:
            raise CheckpointError("expected mean squares of returns > 0; found others")
        self.tickers, self._start = domain.names, state["start"].astype(np.float64)

    def shapes(self) -> tuple[tuple[int, ...], tuple[int, ...] | None]:
        """(tickers) or (21, tickers); three figures a ticker."""
        k = len(self.tickers)
        return ((k,) if self.days == 1 else (self.days, k)), ((3 * k,) if self.config.given == "state" else None)

    def condition(self, data: PriceHistory) -> Floats | None:
        """Of the last day."""
        return self._known(self._returns(data)[0])[1][-1] if self.config.given == "state" else None

    def result(self, x: Floats, data: PriceHistory) -> Returns:
        """Draws times the volatility after the last day."""
        scale = self._known(self._returns(data)[0])[0][-1]
        return Returns((x[:, None] if self.days == 1 else x) * scale, self.tickers)

    def _returns(self, data: PriceHistory) -> tuple[Floats, NDArray[np.datetime64]]:
        """``(n, k)`` log-returns between days on which all tickers have prices, and the day each begins."""
        close = data.close[:, [data.column(ticker) for ticker in self.tickers]]
        quoted = np.isfinite(close).all(axis=1)
        return np.diff(np.log(close[quoted]), axis=0), data.dates[quoted][:-1]

    def _known(self, log_return: Floats) -> tuple[Floats, Floats]:
        """``(n + 1, k)`` scale and ``(n + 1, 3 k)`` state before each return, and after the last."""
        if len(log_return) < 1:
            raise MarketDataError("expected at least two days with prices of all tickers; found fewer")
        news = (1 - DECAY) * log_return**2
        variance = np.concatenate([self._start[None], linear_recursion(news, DECAY, self._start[None])])
        scale = np.sqrt(variance) if self.config.space == "innovations" else np.ones_like(variance)
        innovations = log_return / np.sqrt(variance[:-1])
        past = np.concatenate([np.zeros((MEMORY, innovations.shape[1])), innovations])
        mean = sliding_window_view(past, MEMORY, axis=0).mean(axis=-1)  # (n + 1, k), of the last five
        last = past[MEMORY - 1 :]
        return scale, np.concatenate([last, mean, np.log(variance / self._start) / 2], axis=1)


class ReturnPaths(DailyReturns):
    """The next 21 days' log-returns of the tickers."""

    name: ClassVar[str] = "return_paths"
    label: ClassVar[str] = "21-day return paths"
    days: ClassVar[int] = PATH_DAYS
