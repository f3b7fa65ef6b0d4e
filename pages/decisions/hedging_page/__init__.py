"""Hedging: what is hedged and how, as values, and how the page writes numbers.

One module a tab, and one for what the page asks before any of them.
"""

from dataclasses import dataclass

import pandas as pd

from engine.charts import theme
from engine.decisions import hedging
from engine.errors import MarketDataError
from engine.market.grid import DT
from engine.market.surface_history import SurfaceHistory

MONTH = 21
"""Trading days of the month that is followed."""


@dataclass(frozen=True)
class Plan:
    """Everything but the portfolio and the generator.

    Args:
        moneyness: K/S of the hedging options, in increasing order.
        maturity: of the hedging options, years.
        costs: of trading.
        alphas: candidates for α; one fixes it.
        every_day: whether α is chosen every day anew.
        scenarios, seed: of each day.
        impact, exponent: market impact of the data-driven hedge, relative to its costs; the power of a trade.
        limits: bounds on it; None without any.
    """

    moneyness: tuple[float, ...]
    maturity: float
    costs: hedging.CostModel
    alphas: tuple[float, ...]
    every_day: bool
    scenarios: int
    seed: int
    impact: float = 0.0
    exponent: float = 1.0
    limits: hedging.HedgeLimits | None = None

    @property
    def days(self) -> int:
        """Trading days to the expiry of the hedging options."""
        return round(self.maturity / DT)

    @property
    def strategies(self) -> tuple[hedging.Strategy, ...]:
        """The hedges that are compared: data-driven first, then what it is held against."""
        data_driven = hedging.DataDriven(
            alphas=self.alphas,
            every_day=self.every_day,
            impact=self.impact,
            impact_exponent=self.exponent,
            limits=self.limits,
        )
        return data_driven, hedging.ShortfallHedge(), hedging.DeltaHedge(), hedging.DeltaVegaHedge()


@dataclass(frozen=True)
class Line:
    """One option of the portfolio: strike in percent of spot, expiry in trading days."""

    kind: str
    strike: float
    days: int
    quantity: float


@dataclass(frozen=True)
class Recipe:
    """A portfolio whose strikes are set when it is entered."""

    lines: tuple[Line, ...]

    def at(self, spot: float) -> hedging.Portfolio:
        """Entered at a spot.

        Raises:
            MarketDataError: for a contract twice, or no position at all.
        """
        options = [hedging.Option(line.strike / 100 * spot, line.days * DT, line.kind == "call") for line in self.lines]
        return hedging.Portfolio(tuple(options), tuple(line.quantity for line in self.lines))

    @property
    def words(self) -> str:
        """``1 call 90 % 21d, 1 put 90 % 21d``: at most four contracts, then how many more."""
        parts = [f"{line.quantity:g} {line.kind} {line.strike:g} % {line.days}d" for line in self.lines]
        return ", ".join(parts[:4]) + (f" and {len(parts) - 4} more" if len(parts) > 4 else "")


def instruments(
    known: SurfaceHistory, portfolio: hedging.Portfolio, plan: Plan
) -> tuple[tuple[hedging.Option, ...], tuple[str, ...]]:
    """The hedging options that can be entered on the last day of a history, and in words those that cannot.

    Raises:
        MarketDataError: if none can.
    """
    kept, left_out = hedging.tradable_instruments(
        known, -1, portfolio, moneyness=plan.moneyness, maturity=plan.maturity
    )
    said = tuple(f"{option_words(option, float(known.spot[-1]))}, {reason}" for option, reason in left_out)
    if not kept:
        why = f" ({said[0]})" if said else ""
        raise MarketDataError(f"expected a hedging option that can be traded on {known.dates[-1]}; found none{why}")
    return kept, said


def option_words(option: hedging.Option, spot: float) -> str:
    """``110 % call``."""
    return f"{100 * option.strike / spot:.4g} % {'call' if option.is_call else 'put'}"


def money(value: float) -> str:
    """Currency with three significant digits, or whole from 1,000 on."""
    return theme.signed(value, ",.0f") if abs(value) >= 1_000 else number(value)


def number(value: float, digits: int = 3) -> str:
    """Significant digits, a true minus; what is below a billionth is zero."""
    return "0" if abs(value) < 1e-9 else f"{value:.{digits}g}".replace("-", "−")


def in_percent(name: str, spot: float) -> str:
    """``call 3687.25`` → ``call 110 %``."""
    kind, _, strike = name.partition(" ")
    return f"{kind} {100 * float(strike) / spot:.4g} %"


def rounded(table: pd.DataFrame) -> pd.DataFrame:
    """Numbers to four significant digits for the eye; downloads keep all."""
    shown = table.map(lambda v: float(f"{v:.4g}") if isinstance(v, float) else v)
    days = shown.select_dtypes("datetime").columns
    return shown.assign(**{day: shown[day].dt.strftime("%Y-%m-%d") for day in days})
