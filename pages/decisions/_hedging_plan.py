"""What is hedged and how, as values: the portfolio, instruments, costs, α; and the strategies that are compared."""

from dataclasses import dataclass

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

    @property
    def days(self) -> int:
        """Trading days to the first expiry."""
        return min(line.days for line in self.lines)

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
    spot, iv, rate = float(known.spot[-1]), known.iv[-1], float(known.rate[-1])
    kept, left_out = [], []
    for option in hedging.hedging_set(spot, portfolio, moneyness=plan.moneyness, maturity=plan.maturity):
        try:
            hedging.check_instruments((option,), spot, iv, known.grid, rate)
        except MarketDataError as reason:
            left_out.append(f"{name(option, spot)}, {reason}")
        else:
            kept.append(option)
    if not kept:
        why = f" ({left_out[0]})" if left_out else ""
        raise MarketDataError(f"expected a hedging option that can be traded on {known.dates[-1]}; found none{why}")
    return tuple(kept), tuple(left_out)


def name(option: hedging.Option, spot: float) -> str:
    """``110 % call``."""
    return f"{100 * option.strike / spot:.4g} % {'call' if option.is_call else 'put'}"
