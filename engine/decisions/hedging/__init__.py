"""Data-driven hedging (the thesis's chapter 4): the one door to its parts.

* what is hedged and with what: :class:`Option`, :class:`Portfolio`, :func:`straddle`, :func:`hedging_set`; as a person
  types it: :func:`parse_book`;
* what trading costs: :class:`CostModel`;
* the optimisation (4.20–4.24): :func:`hedge_ratios`, :func:`choose_alpha`, :func:`shortfall_ratios`;
* strategies: :class:`Unhedged`, :class:`DeltaHedge`, :class:`DeltaVegaHedge`, :class:`DataDriven`,
  :class:`ShortfallHedge`;
* what can be traded on a day: :func:`tradable_instruments`;
* the account (4.4–4.6) of who replicates: :func:`track` a month day by day, its error Z = V − Π;
* what the holder trades today: :func:`hedge_tickets` by several strategies on the same scenarios, :func:`hedge_today`
  by one.

Example:
    >>> position = straddle(0.9 * history.spot[row])
    >>> path = track(history, position, DataDriven(), instruments=hedging_set(history.spot[row], position),
    ...              start=row, model=model)
    >>> path.error[-1]

References:
    Generative models for financial markets (thesis), chapter 4.
"""

from engine.decisions.hedging.notation import off_the_surface, parse_book
from engine.decisions.hedging.optimisation import (
    COARSE_ALPHAS,
    FINE_ALPHAS,
    AlphaChoice,
    HedgeRatios,
    ShortfallRatios,
    choose_alpha,
    expected_shortfall,
    hedge_ratios,
    shortfall_ratios,
)
from engine.decisions.hedging.options import (
    HEDGING_MONEYNESS,
    ONE_MONTH,
    Book,
    Option,
    Portfolio,
    check_instruments,
    hedging_set,
    straddle,
)
from engine.decisions.hedging.penalised_regression import Limits
from engine.decisions.hedging.strategies import (
    DataDriven,
    Day,
    DeltaHedge,
    DeltaVegaHedge,
    HedgeLimits,
    ShortfallHedge,
    Strategy,
    Unhedged,
)
from engine.decisions.hedging.ticket import HedgeTicket, hedge_tickets, hedge_today, tail_losses
from engine.decisions.hedging.tracking import (
    UNDERLYING,
    HedgePath,
    follow,
    track,
    tradable_instruments,
    usual_instruments,
    usual_maturity,
)
from engine.decisions.hedging.transaction_costs import CostModel
from engine.decisions.hedging.window import Moves, Window, draw_moves
