"""The hedges that the page compares, as planned."""

from engine.decisions import hedging
from pages.decisions._hedging_plan import Plan


def data_driven(plan: Plan) -> hedging.DataDriven:
    """The data-driven hedge as planned."""
    return hedging.DataDriven(
        alphas=plan.alphas,
        every_day=plan.every_day,
        impact=plan.impact,
        impact_exponent=plan.exponent,
        limits=plan.limits,
    )


def strategies(plan: Plan) -> tuple[hedging.DataDriven, hedging.ShortfallHedge, hedging.Strategy, hedging.Strategy]:
    """Data-driven first, then what it is held against."""
    return (
        data_driven(plan),
        hedging.ShortfallHedge(),
        hedging.DeltaHedge(),
        hedging.DeltaVegaHedge(),
    )
