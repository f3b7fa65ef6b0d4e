"""The straddle experiment month by month: every strategy on every straddle, scenarios of a day drawn once for all.

A block is some months and everything that hedging them needs, so it can be carried out anywhere and in any order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.decisions import hedging
from engine.decisions.hedging import CostModel, HedgePath, Portfolio, Strategy
from engine.errors import MarketDataError, SettingsError
from engine.market.grid import DT
from engine.market.surface_history import FIRST_CONDITION_ROW, SurfaceHistory
from engine.models.surface_model import SurfaceModel
from engine.studies.generators.scoring import first_day_is

Arrays = dict[str, NDArray[Any]]

BLOCKS = 12
"""Blocks that the months are dealt into: enough to keep a few processes busy and to lose little when killed."""


@dataclass(frozen=True)
class Method:
    """One row of the comparison.

    Args:
        label: what tables call it.
        strategy: the rule.
        source: whose scenarios it sees; empty if it needs none.
    """

    label: str
    strategy: Strategy
    source: str = ""


@dataclass(frozen=True, eq=False)
class Plan:
    """The experiment.

    Args:
        methods: what is compared.
        models: source → fitted generator.
        moneyness: m_0 = K/S_0 of the straddles.
        days: trading days until everything is unwound.
        life: trading days that the options live.
        costs: of trading.
        scenarios, fresh, seed: of the draws.
    """

    methods: tuple[Method, ...]
    models: Mapping[str, SurfaceModel]
    moneyness: tuple[float, ...]
    days: int
    life: int
    costs: CostModel
    scenarios: int
    fresh: int
    seed: int

    def shapes(self, months: int) -> dict[str, tuple[int, ...]]:
        """Shapes of what :func:`hedge_block` returns."""
        straddles = (months, len(self.moneyness))
        each = (*straddles, len(self.methods))
        return {
            "value": (*straddles, self.days + 1),
            "value_delta": (*straddles, self.days),
            "value_vega": (*straddles, self.days),
            "inside": straddles,
            "spot": (months,),
            "error": (*each, self.days + 1),
            "cost": (*each, self.days + 1),
            "instruments": (*each, self.days),
            "net_delta": (*each, self.days),
            "net_vega": (*each, self.days),
            "alpha": each,
        }


@dataclass(frozen=True, eq=False)
class Block:
    """Some months: rows on which straddles are entered, the history up to the last unwinding, and the plan."""

    history: SurfaceHistory
    starts: tuple[int, ...]
    plan: Plan


def month_starts(history: SurfaceHistory, first: int, days: int) -> tuple[int, ...]:
    """Rows on which non-overlapping months begin; one cut short by the end of the data is left out.

    Raises:
        MarketDataError: if there is no whole month, or no room for a condition before the first.
    """
    if first < FIRST_CONDITION_ROW:
        raise MarketDataError(
            f"expected {FIRST_CONDITION_ROW} days before the first month, which generators read; found {first}"
        )
    starts = tuple(range(first, len(history) - days, days))
    if not starts:
        raise MarketDataError(
            f"expected at least {days} trading days after {history.dates[min(first, len(history) - 1)]}; found "
            f"{max(0, len(history) - 1 - first)}: the data end in the middle of a month"
        )
    return starts


def blocks(history: SurfaceHistory, starts: Sequence[int], plan: Plan) -> tuple[Block, ...]:
    """The months in consecutive blocks, each with no more history than it needs."""
    parts = [part for part in np.array_split(np.asarray(starts), min(BLOCKS, len(starts))) if len(part)]
    return tuple(Block(history[: int(p[-1]) + plan.days + 1], tuple(int(s) for s in p), plan) for p in parts)


def hedge_block(block: Block) -> Arrays:
    """Hedge every straddle of a block with every method; months along the first axis, alpha −1 where there is none."""
    months = [_month(block.history, start, block.plan) for start in block.starts]
    return {name: np.stack([month[name] for month in months]) for name in months[0]}


def check_no_look_ahead(label: str, model: SurfaceModel, history: SurfaceHistory, row: int, days: int) -> None:
    """Scenarios of a day must be the same whether later days are there or not.

    Raises:
        SettingsError: if they are not.
    """
    rows = list(range(row, row + days))
    together = model.sample_days(history.until(rows[-1]), rows, 20, rng=np.random.default_rng(row))
    if not first_day_is(together, model.sample(history.until(row), 20, rng=np.random.default_rng(row))):
        raise SettingsError(
            f"expected scenarios of {label} that depend on days up to {history.dates[row]} only; found others"
        )


def check_scenarios_differ(label: str, model: SurfaceModel, history: SurfaceHistory, row: int) -> None:
    """Tomorrow must have more than one outcome.

    Raises:
        SettingsError: if a generator draws the same one every time.
    """
    drawn = model.sample(history.until(row), 20, rng=np.random.default_rng(row))
    if not np.ptp(np.asarray(drawn.log_return)) > 0:
        raise SettingsError(
            f"expected scenarios of {label} that differ, so that there is a risk to hedge; found one repeated"
        )


def _month(history: SurfaceHistory, start: int, plan: Plan) -> Arrays:
    spot, maturity = float(history.spot[start]), plan.life * DT
    straddles = [hedging.straddle(m * spot, maturity) for m in plan.moneyness]
    everything = hedging.hedging_set(spot, maturity=maturity, moneyness=_on_surface(history))
    options = [*everything, *(option for straddle in straddles for option in straddle.options)]
    window = hedging.Window.of(history, options, start=start, days=plan.days, costs=plan.costs)
    moves = {
        name: hedging.draw_moves(window, model, scenarios=plan.scenarios, fresh=plan.fresh, seed=plan.seed)
        for name, model in plan.models.items()
    }
    found = {name: np.zeros(shape[1:]) for name, shape in plan.shapes(1).items()}
    found["spot"][...] = spot
    for i, straddle in enumerate(straddles):
        instruments = hedging.hedging_set(spot, straddle, maturity=maturity, moneyness=_on_surface(history))
        paths = [
            hedging.follow(window, straddle, m.strategy, instruments=instruments, moves=moves.get(m.source))
            for m in plan.methods
        ]
        _enter(found, i, straddle, paths, history)
    return found


def _enter(found: Arrays, i: int, straddle: Portfolio, paths: Sequence[HedgePath], history: SurfaceHistory) -> None:
    m = straddle.options[0].strike / float(found["spot"])
    for name in ("value", "value_delta", "value_vega"):
        found[name][i] = getattr(paths[0], name)
    found["inside"][i] = history.grid.moneyness[0] - 1e-9 <= m <= history.grid.moneyness[-1] + 1e-9
    for j, path in enumerate(paths):
        for name in ("error", "cost", "net_delta", "net_vega"):
            found[name][i, j] = getattr(path, name)
        found["instruments"][i, j], found["alpha"][i, j] = path.n_instruments, np.nan_to_num(path.alpha, nan=-1.0)


def _on_surface(history: SurfaceHistory) -> tuple[float, ...]:
    """Moneyness of the hedging options that the surface covers."""
    low, high = history.grid.moneyness[0] - 1e-9, history.grid.moneyness[-1] + 1e-9
    return tuple(m for m in hedging.HEDGING_MONEYNESS if low <= m <= high)
