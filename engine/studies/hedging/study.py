"""Data-driven hedging of straddles over every month of the test part, against delta and delta–vega (chapter 4).

``python -m engine study hedging --data FILE --model RUN --run DIR``; without ``--model``, ``--set source=…`` says
where scenarios come from.

α of the headline hedge is chosen by what it would have done in the months before (costs included), by Akaike's
criterion as in the thesis, or given. Akaike's criterion judges the fit of one day and knows no costs; what α costs
shows over months.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from engine.decisions import hedging
from engine.decisions.hedging import CostModel, DataDriven, DeltaHedge, DeltaVegaHedge, ShortfallHedge, Unhedged
from engine.errors import SettingsError
from engine.market.grid import DT
from engine.market.surface_history import FIRST_CONDITION_ROW, SurfaceHistory
from engine.models import registry
from engine.models.registry import surface_model
from engine.models.surface_model import SurfaceModel
from engine.settings import configuration, setting
from engine.studies.base import Step, Tables, Work, day_or_none
from engine.studies.hedging import months, results
from engine.studies.hedging.months import Arrays, Block, Method, Plan
from engine.studies.hedging.results import DATA_DRIVEN, ROUNDING, SHORTFALL, Outcome
from engine.training.progress import Progress, TrainingStopped

GIVEN, TRUE_LAW = "model", "true_law"
SOURCES = (
    GIVEN,
    TRUE_LAW,
    *registry.on_the_spot(),
)
"""A run given with ``--model``; the law of the simulated market; or a family fitted here to the days before."""

PAST, FINE, COARSE = "past", "aic", "aic_coarse"
CANDIDATES = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25)
"""α tried over the past months."""

FIXED = (0.001, 0.25, 5.0)
"""α of section 4.4.2."""

LEAST_PAST, UNTIL_THEN = 6, 0.01
"""Months known before the past may choose, and α until then: the least of the thesis's grids."""


@configuration
class HedgingConfig:
    """The straddle experiment."""

    source: str = setting(
        "model",
        label="Scenarios from",
        help="model: the run given with --model (filtered historical simulation if none is); true_law: the law of the "
        "built-in market; or a family fitted to the days before the test.",
        choices=SOURCES,
    )
    compare: str = setting(
        "",
        label="Compare with",
        help="Further sources for the data-driven hedge on the same days, separated by spaces (true_law fhs …).",
    )
    test_from: str = setting(
        "",
        label="Test from",
        help="First day of the first month (YYYY-MM-DD); empty: after the generator's training, else the share; "
        "for the true law, which has none, all months.",
    )
    train_share: float = setting(
        0.8, label="Training share", help="Share of days before the test.", low=0.0, high=0.95, advanced=True
    )
    moneyness: str = setting(
        "0.75 0.8 0.9 1.1 1.2 1.25", label="Straddles", help="Initial K/S of the straddles, separated by spaces."
    )
    days: int = setting(21, label="Held", help="Trading days until unwinding.", low=2, high=63, unit="days")
    life: int = setting(
        0,
        label="Options live",
        help="Trading days that the options live; 0: as long as they are held, doubled where the surface begins later.",
        low=0,
        high=252,
        unit="days",
    )
    alpha: str = setting(
        "past",
        label="Choice of α",
        help="past: least squared error, costs included, over the months before; aic: Akaike's criterion on 0.01 … "
        "0.20 when the position is entered; aic_coarse: on 0.01, 0.05, 0.1, 0.5, 1; or a number.",
    )
    past_months: int = setting(
        24, label="Past months", help="Months before the test that choose α first.", low=0, high=240, advanced=True
    )
    variants: bool = setting(
        True, label="Other choices of α", help="Also the hedges of Table 4.8: both grids, and α of 0.001, 0.25 and 5."
    )
    impact: float = setting(
        0.0,
        label="Market impact",
        help="Weight of the price impact of trades, in units of their costs (4.22, 4.23); 0: none.",
        low=0.0,
        high=100.0,
        advanced=True,
    )
    impact_exponent: float = setting(
        1.0,
        label="Exponent of the impact",
        help="Price impact is proportional to this power of the trade; 1: in proportion to it.",
        low=0.1,
        high=1.0,
        advanced=True,
    )
    shortfall: bool = setting(
        False,
        label="Least shortfall",
        help="Also the hedge of least 5 % expected shortfall over the same scenarios: some 8 seconds a month.",
    )
    costs: str = setting(
        "auto",
        label="Costs",
        help="quoted: the data's half-spreads; parametric: vol points times vega; auto: quoted where there are any.",
        choices=("auto", "quoted", "parametric"),
    )
    vol_points: float = setting(
        0.1, label="Half-spread", help="Of the parametric costs.", low=0.0, high=20.0, unit="vol points"
    )
    cost_scale: float = setting(1.0, label="Costs times", help="Multiplies all costs.", low=0.0, high=1000.0)
    underlying_cost: float = setting(
        0.0, label="Underlying", help="Half-spread of the underlying.", low=0.0, high=100.0, unit="bp"
    )
    crisis_from: str = setting("", label="Crisis from", help="YYYY-MM-DD; empty: the peak before the largest fall.")
    crisis_to: str = setting("", label="Crisis to", help="YYYY-MM-DD; empty: the trough of the largest fall.")
    scenarios: int = setting(1000, label="Scenarios", help="A day, to fit hedge ratios.", low=50, high=10_000)
    fresh: int = setting(100, label="Fresh scenarios", help="To choose α by Akaike's criterion.", low=20, high=10_000)
    draws: int = setting(1000, label="Resamples", help="Of the months, for intervals.", low=100, high=20_000)
    seed: int = setting(1, label="Seed", help="Same seed, same figures.", low=0, high=2**31 - 1)


def alphas_of(alpha: str) -> dict[str, tuple[float, ...]]:
    """The hedge that a choice of α other than the past asks for."""
    if alpha == FINE:
        return {FINE: hedging.FINE_ALPHAS}
    if alpha == COARSE:
        return {COARSE: hedging.COARSE_ALPHAS}
    try:
        value = float(alpha)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value >= 0):
        raise SettingsError(f"expected alpha as past, aic, aic_coarse or a number >= 0; found {alpha[:40]!r}")
    return {f"{value:g}": (value,)}


LABEL = "Hedging: straddles month by month, data-driven against delta and delta–vega"
DATA = "surfaces"
INPUTS: tuple[str, ...] = ("model",)

Config = HedgingConfig


def steps(data: SurfaceHistory, config: HedgingConfig, work: Work) -> tuple[Step, ...]:
    """The parts of the study.

    Raises:
        SettingsError: for a source, moneyness, day or α that is none.
        MarketDataError: if the test part has no whole month, or a source refuses the data.
    """
    study = _Study(data, config, work)
    study.check()
    return (
        Step("hedging every month", study.hedge),
        Step("statistics and intervals", lambda: results.tables(study.outcome)),
        Step("paths", lambda: results.paths(study.outcome)),
        Step("sources of scenarios", study.sources),
    )


def summary(tables: Mapping[str, pd.DataFrame]) -> dict[str, float]:
    """sd and 1 % VaR of each method, all months and straddles together, and the ratio to the better benchmark."""
    pooled = tables["pooled"]
    chosen = pooled[(pooled["crisis"] == "included") & (pooled["m0"].astype(str) == results.POOLED)]
    figures = chosen.set_index(["method", "statistic"])["value"]
    found: dict[str, float] = {"months": float(tables["months"]["month"].nunique())}
    for method in chosen["method"].unique():
        for statistic in ("sd", "var_1"):
            found[f"{statistic}_{results.column_name(method)}"] = float(figures[method, statistic])
    for statistic in ("sd", "var_5", "var_2_5", "var_1"):
        better = min(float(figures[name, statistic]) for name in results.BENCHMARKS)
        if better > ROUNDING:
            found[f"{statistic}_over_better_benchmark"] = float(figures[DATA_DRIVEN, statistic]) / better
    return found


class _Study:
    """What the steps share; computed when first asked for, so that a resumed study repeats no finished month."""

    def __init__(self, data: SurfaceHistory, config: HedgingConfig, work: Work) -> None:
        self.data, self.config, self.work = data, config, work

    def check(self) -> None:
        """Find what is wrong with the settings before anything is computed."""
        _ = (self.moneyness, self.methods, self.life, self.costs, self.starts, self.crisis_days)

    @cached_property
    def source(self) -> str:
        """The main source; filtered historical simulation where a run was wanted and none given."""
        if self.config.source == GIVEN and "model" not in self.work.inputs:
            return "fhs"
        return self.config.source

    @cached_property
    def compared(self) -> tuple[str, ...]:
        """Further sources."""
        names = tuple(dict.fromkeys(self.config.compare.split()))
        for name in names:
            if name not in SOURCES or name == self.source or (name == GIVEN and "model" not in self.work.inputs):
                raise SettingsError(
                    f"expected sources to compare with among {', '.join(SOURCES)}, other than the main one; "
                    f"found {name[:40]!r}"
                )
        return names

    @cached_property
    def first(self) -> int:
        """Row on which the first month of the test begins."""
        day = day_or_none(self.config.test_from, "test_from")
        if day is not None:
            return int(np.searchsorted(self.data.dates, np.datetime64(day)))
        if self.source == TRUE_LAW and "model" not in self.work.inputs:
            # a law that is known needs no training: every month that a choice of α has a past for
            step = self.config.days
            past = min(self.config.past_months, (len(self.data) - FIRST_CONDITION_ROW) // step // 2)
            return FIRST_CONDITION_ROW + (step * past if self.config.alpha == PAST else 0)
        share = max(FIRST_CONDITION_ROW, round(self.config.train_share * len(self.data)))
        about = self.work.about.get("model", {})
        if "model" not in self.work.inputs or not about.get("trained_on"):
            return share
        after = int(np.searchsorted(self.data.dates, np.datetime64(about["trained_on"][1]), side="right")) + 1
        # trained on other data of the same years a generator may still have seen this market; where no two months
        # are left after its training, it was trained on something else
        trained_here = about.get("data_fingerprint") == self.data.fingerprint
        return max(share, after) if trained_here or after + 2 * self.config.days < len(self.data) else share

    @cached_property
    def starts(self) -> tuple[int, ...]:
        """Rows on which the months of the test begin."""
        found = months.month_starts(self.data, self.first, self.config.days)
        if len(found) < 2:
            raise SettingsError(f"expected at least 2 months in the test part; found {len(found)}")
        return found

    @cached_property
    def before(self) -> tuple[int, ...]:
        """Rows on which the months before the test begin, in the order of days."""
        if self.config.alpha != PAST:
            return ()
        step = self.config.days
        # families that keep running averages need more days behind them than others
        least = max(getattr(model, "least_rows", FIRST_CONDITION_ROW + 1) - 1 for model in self.models.values())
        most = max(0, min(self.config.past_months, (self.first - least) // step))
        return tuple(self.first - step * k for k in range(most, 0, -1))

    @cached_property
    def moneyness(self) -> tuple[float, ...]:
        try:
            found = tuple(float(text) for text in self.config.moneyness.replace(",", " ").split())
        except ValueError:
            found = ()
        if not found or len(set(found)) < len(found) or not all(0.2 <= m <= 5 for m in found):
            raise SettingsError(
                f"expected distinct moneyness values between 0.2 and 5; found {self.config.moneyness[:60]!r}"
            )
        return found

    @cached_property
    def life(self) -> int:
        """Trading days that the options live."""
        held = self.config.days
        if self.config.life == 0:
            # a surface that begins at two months says nothing of one-month options
            return held if self.data.grid.maturity[0] <= 1.5 * held * DT else 2 * held
        if self.config.life < held:
            raise SettingsError(
                f"expected options that live for at least {held} trading days; found {self.config.life}"
            )
        return self.config.life

    @cached_property
    def costs(self) -> CostModel:
        config = self.config
        known = "quoted" if self.data.half_spread is not None else "parametric"
        return CostModel(
            source=known if config.costs == "auto" else config.costs,
            vol_points=config.vol_points,
            underlying=config.underlying_cost,
            scale=config.cost_scale,
        )

    @cached_property
    def methods(self) -> tuple[Method, ...]:
        """Everything that is hedged: benchmarks, then for each source the hedges that its choice of α needs."""
        found = [Method("unhedged", Unhedged()), Method("delta", DeltaHedge()), Method("delta-vega", DeltaVegaHedge())]
        for source in (self.source, *self.compared):
            alphas: dict[str, tuple[float, ...]] = {}
            if self.config.variants and source == self.source:
                alphas |= {FINE: hedging.FINE_ALPHAS, COARSE: hedging.COARSE_ALPHAS} | {f"{a:g}": (a,) for a in FIXED}
            if self.config.alpha == PAST:
                alphas |= {f"{a:g}": (a,) for a in CANDIDATES}
            else:
                alphas |= alphas_of(self.config.alpha)
            hedge = DataDriven(impact=self.config.impact, impact_exponent=self.config.impact_exponent)
            found += [Method(_key(source, k), replace(hedge, alphas=a), source) for k, a in alphas.items()]
        if self.config.shortfall:
            found.append(Method(SHORTFALL, ShortfallHedge(), self.source))
        return tuple(found)

    @cached_property
    def plan(self) -> Plan:
        return Plan(
            methods=self.methods,
            models=self.models,
            moneyness=self.moneyness,
            days=self.config.days,
            life=self.life,
            costs=self.costs,
            scenarios=self.config.scenarios,
            fresh=self.config.fresh,
            seed=self.config.seed,
        )

    @cached_property
    def models(self) -> dict[str, SurfaceModel]:
        """Every source ready to draw."""
        return {source: self._model(source) for source in (self.source, *self.compared)}

    def _model(self, source: str) -> SurfaceModel:
        """A source ready to draw, and its scenarios of a day the same without the days that follow."""
        if source == GIVEN:
            found: SurfaceModel = self.work.inputs["model"]
        else:
            found = surface_model("simulated_market" if source == TRUE_LAW else source)()
            # what is fitted here sees the days before the test only, the law is only recognised
            last = self.starts[0] if source != TRUE_LAW else len(self.data) - 1
            found.fit(self.data.until(last), seed=self.config.seed)
        months.check_scenarios_differ(source, found, self.data, self.starts[0])
        months.check_no_look_ahead(source, found, self.data, self.starts[0], self.config.days)
        return found

    def hedge(self) -> Tables:
        """Hedge the months block by block, keeping what is done."""
        self.hedged  # noqa: B018 - kept by the checkpointer
        return {}

    @cached_property
    def hedged(self) -> Arrays:
        """Arrays of all months, those before the test first."""
        every = (*self.before, *self.starts)
        checkpointer = self.work.checkpointer("months")
        state = checkpointer.load() or {name: np.zeros(shape) for name, shape in self.plan.shapes(len(every)).items()}
        done = state.pop("done", np.zeros(len(every)))
        waiting = [int(s) for s, ready in zip(every, done, strict=True) if not ready]
        work = months.blocks(self.data, waiting, self.plan) if waiting else ()
        run = self.work.run or (lambda task, parts: ((k, task(part)) for k, part in enumerate(parts)))
        position = {start: k for k, start in enumerate(every)}
        for k, found in run(months.hedge_block, work):
            block: Block = work[k]
            rows = [position[start] for start in block.starts]
            for name, values in found.items():
                state[name][rows] = values
            done[rows] = 1.0
            checkpointer.save({**state, "done": done})
            progress = Progress("hedging every month", int(done.sum()), len(every), {})
            if self.work.report(progress) and not done.all():
                raise TrainingStopped(f"stopped after {int(done.sum())} of {len(every)} months")
        return state

    @cached_property
    def outcome(self) -> Outcome:
        """The months of the test, with the headline hedge of each source put together."""
        arrays, labels = dict(self.hedged), [m.label for m in self.methods]
        for source in (self.source, *self.compared):
            chosen = self._chosen(source)  # (months, m0) which method's path is the headline's
            for name in ("error", "cost", "instruments", "net_delta", "net_vega", "alpha"):
                values = arrays[name]
                picked = np.take_along_axis(values, chosen.reshape(*chosen.shape, *(1,) * (values.ndim - 3)), axis=2)
                arrays[name] = np.concatenate([values, picked], axis=2)
            labels.append(DATA_DRIVEN if source == self.source else f"{DATA_DRIVEN}, scenarios from {source}")
        tested = slice(len(self.before), None)
        shown = {_key(self.source, name): f"{DATA_DRIVEN} ({words})" for name, words in VARIANTS.items()}
        first, last = self.crisis_days
        begins, ends = (self.data.dates[np.asarray(self.starts) + k] for k in (0, self.config.days))
        return Outcome(
            history=self.data,
            starts=self.starts,
            days=self.config.days,
            moneyness=self.moneyness,
            arrays={name: values[tested] for name, values in arrays.items()},
            methods=tuple(shown.get(label, label) if self.config.variants else label for label in labels),
            crisis=(ends >= np.datetime64(first)) & (begins <= np.datetime64(last)),
            draws=self.config.draws,
            seed=self.config.seed,
        )

    def _chosen(self, source: str) -> np.ndarray[Any, Any]:
        """``(months, m0, 1)`` position of the method that the headline follows: known before each month begins."""
        labels = [m.label for m in self.methods]
        n_months, n = self.hedged["value"].shape[:2]
        if self.config.alpha != PAST:
            name = next(iter(alphas_of(self.config.alpha)))
            return np.full((n_months, n, 1), labels.index(_key(source, name)))
        tried = np.array([labels.index(_key(source, f"{a:g}")) for a in CANDIDATES])
        loss = np.square(self.hedged["error"][:, :, tried] / self.hedged["spot"][:, None, None, None])
        past = np.cumsum(loss.mean(axis=(1, 3)), axis=0)  # (months, candidates), each month included
        best = np.full(n_months, labels.index(_key(source, f"{UNTIL_THEN:g}")))
        best[LEAST_PAST:] = tried[past[LEAST_PAST - 1 : -1].argmin(axis=1)]
        return np.broadcast_to(best[:, None, None], (n_months, n, 1))

    @cached_property
    def crisis_days(self) -> tuple[str, str]:
        """First and last day of the crisis window."""
        given = [day_or_none(getattr(self.config, name), name) for name in ("crisis_from", "crisis_to")]
        peak, trough = results.largest_drawdown(self.data, self.first)
        first, last = given[0] or peak, given[1] or trough
        if first > last:
            raise SettingsError(f"expected a crisis that begins before it ends; found {first} to {last}")
        return first, last

    def sources(self) -> Tables:
        """What each source of scenarios gains over the better benchmark, and the facts of the experiment."""
        named = {DATA_DRIVEN: self.source} | {f"{DATA_DRIVEN}, scenarios from {s}": s for s in self.compared}
        first, last = self.crisis_days
        facts = {
            "source": self.source,
            "costs": self.costs.in_words(),
            "alpha": self.config.alpha,
            "months": len(self.starts),
            "months_in_crisis": int(self.outcome.crisis.sum()),
            "first_day": str(self.data.dates[self.starts[0]]),
            "last_day": str(self.data.dates[self.starts[-1] + self.config.days]),
            "options_live_days": self.life,
            "held_days": self.config.days,
            "crisis_from": first,
            "crisis_to": last,
            "months_before_test": len(self.before),
        }
        about = pd.DataFrame({"fact": list(facts), "value": [str(v) for v in facts.values()]})
        return {"gain": results.gain_table(self.outcome, named), "facts": about}


VARIANTS = {COARSE: "A1", FINE: "A2", "0.001": "alpha 0.001", "0.25": "alpha 0.25", "5": "alpha 5"}
"""Rows of Table 4.8."""


def _key(source: str, name: str) -> str:
    return f"{source}: {name}"
