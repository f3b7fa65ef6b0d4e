"""Python that gives the hedging page's figures again, run from the project's folder."""

from engine.datasets import Loaded
from engine.market.surface_history import SurfaceHistory
from pages.decisions._hedging_plan import Plan, Recipe, instruments
from pages.decisions._hedging_source import Source


def ticket_command(
    loaded: Loaded,
    source: Source,
    history: SurfaceHistory,
    row: int,
    recipe: Recipe,
    plan: Plan,
    label: str,
    held: tuple[float, ...],
) -> str:
    """Python that gives the ticket again."""
    return _command(loaded, source, history, row, recipe, plan, label) + (
        "ticket = hedging.hedge_today(known, portfolio, strategy, instruments=instruments, model=model,\n"
        f"                             previous={held!r}, costs=costs,\n"
        f"                             scenarios={plan.scenarios}, seed={plan.seed})\n"
        "print(ticket.to_frame())"
    )


def month_command(
    loaded: Loaded, source: Source, history: SurfaceHistory, row: int, recipe: Recipe, plan: Plan, label: str
) -> str:
    """Python that gives the month again."""
    return _command(loaded, source, history, row, recipe, plan, label) + (
        "path = hedging.track(history, portfolio, strategy, instruments=instruments, start=row, model=model,\n"
        f"                     costs=costs, scenarios={plan.scenarios}, seed={plan.seed})\n"
        "print(path.to_frame())"
    )


def _arguments(plan: Plan) -> str:
    """Of the data-driven hedge; what is left as it comes is left out."""
    words = [f"alphas={plan.alphas!r}", f"every_day={plan.every_day}"]
    if plan.impact > 0:
        words += [f"impact={plan.impact}", f"impact_exponent={plan.exponent}"]
    if plan.limits is not None:
        words.append(f"limits=hedging.{plan.limits!r}")
    return ", ".join(words)


def _command(
    loaded: Loaded, source: Source, history: SurfaceHistory, row: int, recipe: Recipe, plan: Plan, label: str
) -> str:
    spot = float(history.spot[row])
    usable, _ = instruments(history.until(row), recipe.at(spot), plan)
    kept = tuple(round(option.strike / spot, 10) for option in usable)
    lines = ", ".join(repr((line.kind, line.strike, line.days, line.quantity)) for line in recipe.lines)
    rules = {
        "data-driven": f"hedging.DataDriven({_arguments(plan)})",
        "least shortfall": "hedging.ShortfallHedge()",
        "delta": "hedging.DeltaHedge()",
        "delta-vega": "hedging.DeltaVegaHedge()",
    }
    model = (
        f"checkpoints.load(checkpoints.find({source.reference!r}))[0]"
        if source.reference
        else f"surface_model({source.name!r})()"
    )
    fit = "" if source.reference else "model.fit(known, seed=0)\n"
    return (
        "from engine import datasets\nfrom engine.decisions import hedging\nfrom engine.market.grid import DT\n"
        "from engine.models.registry import surface_model\nfrom engine.runs import checkpoints\n\n"
        f"history = datasets.load({loaded.entry.id!r}).data\n"
        f"row = history.row_of({str(history.dates[row])!r})\n"
        "known, spot = history.until(row), history.spot[row]\n"
        f"model = {model}\n{fit}"
        f"lines = [{lines}]\n"
        "options = [hedging.Option(k / 100 * spot, days * DT, kind == 'call') for kind, k, days, _ in lines]\n"
        "portfolio = hedging.Portfolio(options, [quantity for *_, quantity in lines])\n"
        f"costs = {plan.costs!r}\n".replace("CostModel", "hedging.CostModel")
        + f"instruments = hedging.hedging_set(spot, portfolio, moneyness={kept!r}, maturity={plan.maturity!r})\n"
        f"strategy = {rules[label]}\n"
    )
