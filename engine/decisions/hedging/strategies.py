"""Ways to choose hedge ratios on one day: none, delta, delta–vega, data-driven, least expected shortfall.

A strategy sees a :class:`Day`: today's prices, sensitivities, costs and positions, and the scenarios of tomorrow.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from engine.decisions.hedging import optimisation
from engine.decisions.hedging.optimisation import FINE_ALPHAS, AlphaChoice, HedgeRatios, shortfall_ratios
from engine.decisions.hedging.options import WORTHLESS
from engine.decisions.hedging.penalised_regression import Compressed, Limits
from engine.decisions.hedging.window import Moves, Window
from engine.errors import SettingsError
from engine.market.grid import DT, Floats

Bools = NDArray[np.bool_]
Columns = NDArray[np.intp]

VEGA_GUARD = 0.1
"""An option with less than this share of the at-the-money vega of its maturity is no vega hedge."""


@dataclass(frozen=True, eq=False)
class Day:
    """What a strategy knows when it trades.

    Args:
        window: prices of all assets.
        k: the day, counted from the first of the window.
        holding: ``(1 + n,)`` the portfolio to hedge, as quantities of the assets.
        columns: ``(n_instruments,)`` where the hedging instruments stand among the assets, the underlying first.
        previous: ``(n_instruments,)`` positions held.
        gross: g_0, the initial gross position.
        moves: scenarios of the window; None where no strategy needs any.
    """

    window: Window
    k: int
    holding: Floats
    columns: Columns
    previous: Floats
    gross: float
    moves: Moves | None

    @property
    def cost(self) -> Floats:
        """``(n_instruments,)`` cost of one unit."""
        return np.asarray(self.window.cost[self.k, self.columns])

    @property
    def delta(self) -> Floats:
        """``(n_instruments,)``."""
        return np.asarray(self.window.delta[self.k, self.columns])

    @property
    def vega(self) -> Floats:
        """``(n_instruments,)``."""
        return np.asarray(self.window.vega[self.k, self.columns])

    @property
    def worth_trading(self) -> Bools:
        """``(n_instruments,)`` whether an instrument's time value exceeds its half-spread, and ``WORTHLESS``.

        An option with less is worthless, nobody bids for it, or deep in the money, the underlying in disguise. A
        regression would still buy hundreds of them for what they do in one scenario of a thousand.
        """
        least = np.maximum(self.cost, WORTHLESS * self.window.price[self.k, 0])
        return np.asarray(self.window.time_value[self.k, self.columns] > least)

    @property
    def value_delta(self) -> float:
        """Delta of the portfolio."""
        return float(self.window.delta[self.k] @ self.holding)

    @property
    def value_vega(self) -> float:
        """Vega of the portfolio."""
        return float(self.window.vega[self.k] @ self.holding)

    @cached_property
    def problem(self) -> Compressed:
        """ΔV on ΔH over the day's scenarios."""
        return self._moves.compressed[self.k].of(self.columns, self.holding)

    def changes(self, fresh: bool = False) -> tuple[Floats, Floats]:
        """``(N,)`` ΔV and ``(N, n_instruments)`` ΔH in the scenarios, or in the fresh ones."""
        drawn = (self._moves.fresh if fresh else self._moves.fit)[self.k]
        return drawn @ self.holding, drawn[:, self.columns]

    @property
    def _moves(self) -> Moves:
        if self.moves is None:
            raise SettingsError("expected scenarios for a strategy that looks ahead; found none: give it a generator")
        return self.moves


class Strategy(Protocol):
    """A rule for hedge ratios."""

    @property
    def label(self) -> str:
        """For people."""

    @property
    def needs_scenarios(self) -> bool:
        """Whether days must come with scenarios."""

    def opened(self, first: Day) -> Strategy:
        """The rule for one position, with whatever is chosen once when it is entered."""

    def positions(self, day: Day) -> Floats:
        """``(n_instruments,)`` φ, positions after trading."""


@dataclass(frozen=True)
class _Rule:
    """A rule without scenarios and without anything to choose at the start."""

    needs_scenarios: ClassVar[bool] = False

    def opened(self, first: Day) -> Strategy:
        return self  # type: ignore[return-value]


@dataclass(frozen=True)
class Unhedged(_Rule):
    """No hedge: Π earns interest."""

    label: str = "unhedged"

    def positions(self, day: Day) -> Floats:
        """None."""
        return np.zeros(len(day.columns))


@dataclass(frozen=True)
class DeltaHedge(_Rule):
    """φ_0 = Δ^V: the portfolio's Black–Scholes delta in the underlying."""

    label: str = "delta"

    def positions(self, day: Day) -> Floats:
        """The underlying only."""
        found = np.zeros(len(day.columns))
        found[0] = day.value_delta
        return found


@dataclass(frozen=True)
class DeltaVegaHedge(_Rule):
    """φ_1 = κ^V/κ^H in one option and φ_0 = Δ^V − φ_1 Δ^H in the underlying.

    Where the option's vega is below a share of the at-the-money vega S√τ/√(2π) of its maturity the ratio would be
    unstable: its position is then left as it is, and only delta is hedged.

    Args:
        moneyness: initial K/S of the option; the hedging option nearest to it is used.
        guard: the share.
    """

    label: str = "delta-vega"
    moneyness: float = 1.0
    guard: float = VEGA_GUARD

    def positions(self, day: Day) -> Floats:
        """The underlying and one option."""
        window = day.window
        if len(day.columns) < 2:
            raise SettingsError("expected a hedging option for a delta–vega hedge; found the underlying only")
        options = [window.book.options[column - 1] for column in day.columns[1:]]
        wanted = self.moneyness * window.price[0, 0]
        which = 1 + int(np.argmin([abs(option.strike - wanted) for option in options]))
        tau = window.book.remaining(day.k * DT)[day.columns[which] - 1]
        at_the_money = window.price[day.k, 0] * np.sqrt(tau / (2 * np.pi))
        found = np.zeros(len(day.columns))
        found[which] = day.previous[which]
        if day.vega[which] > self.guard * at_the_money and day.worth_trading[which]:
            found[which] = day.value_vega / day.vega[which]
        found[0] = day.value_delta - found[which] * day.delta[which]
        return found


@dataclass(frozen=True)
class HedgeLimits:
    """Bounds on the hedge; None where there is none.

    On a day on which no instrument worth trading changes what is bounded, as net vega at the end, that bound is open.

    Args:
        position: largest |φ_i| of each option.
        net_delta: largest |Δ^V − Σ φ_i Δ_i|.
        net_vega: largest |κ^V − Σ φ_i κ_i|, currency per 1.00 of vol.
    """

    position: float | None = None
    net_delta: float | None = None
    net_vega: float | None = None

    def __post_init__(self) -> None:
        for name in ("position", "net_delta", "net_vega"):
            value = getattr(self, name)
            if value is not None and not value >= 0:
                raise SettingsError(f"expected a bound >= 0 on {name.replace('_', ' ')}; found {value:g}")

    def of(self, day: Day) -> Limits | None:
        """The bounds as C φ ≤ h; None if there are none."""
        n = len(day.columns)
        rows, bounds = [np.zeros((0, n))], [np.zeros(0)]
        if self.position is not None:
            options = np.eye(n)[1:]
            rows += [options, -options]
            bounds += [np.full(2 * (n - 1), self.position)]
        for most, own, each in (
            (self.net_delta, day.value_delta, day.delta),
            (self.net_vega, day.value_vega, day.vega),
        ):
            if most is not None:
                rows += [each[None], -each[None]]
                bounds += [np.array([own + most, most - own])]
        joined = np.concatenate(bounds)
        return Limits(np.concatenate(rows), joined) if len(joined) else None


@dataclass(frozen=True)
class DataDriven:
    """Hedge ratios of the penalised regression on scenarios (4.20, Algorithm 1).

    α is chosen by Akaike's criterion when the position is entered and kept (section 4.3.2), or every day anew; with
    one candidate it is fixed. Instruments that move in no scenario, and free ones that repeat other free ones, are
    left as they are.

    Args:
        alphas: candidates for α.
        every_day: choose anew every day.
        impact: λ s_i/c_i, the weight of market impact relative to the costs (4.22, 4.23); 0 for none.
        impact_exponent: δ in (0, 1], the power of a trade to which its price impact is proportional.
        limits: bounds.
        alpha: the one in use, once chosen.
    """

    label: str = "data-driven"
    alphas: Sequence[float] = FINE_ALPHAS
    every_day: bool = False
    impact: float = 0.0
    impact_exponent: float = 1.0
    limits: HedgeLimits | None = None
    alpha: float | None = None
    needs_scenarios: ClassVar[bool] = True

    def opened(self, first: Day) -> DataDriven:
        """With α chosen on the first day."""
        return replace(self, alpha=self.alphas[0] if len(self.alphas) == 1 else self.choice(first).alpha)

    def choice(self, day: Day) -> AlphaChoice:
        """The path of hedge ratios over α, and the choice from it."""
        usable = self._usable(day, min(self.alphas, default=1.0))
        fresh_y, fresh_x = day.changes(fresh=True)
        rest, kept = self._part(day, usable)
        held_y = fresh_y - fresh_x[:, ~usable] @ day.previous[~usable]
        found = optimisation.alpha_of(
            rest, day.cost[usable], kept, day.gross, held_y, fresh_x[:, usable], tuple(self.alphas)
        )
        ratios = np.tile(day.previous, (len(found.alphas), 1))
        ratios[:, usable] = found.ratios
        return replace(found, ratios=ratios)

    def solution(self, day: Day) -> HedgeRatios:
        """The day's optimum."""
        alpha = self.choice(day).alpha if self.every_day or self.alpha is None else self.alpha
        usable = self._usable(day, alpha)
        rest, kept = self._part(day, usable)
        cost = day.cost[usable]
        ridge = day.gross * self.impact * cost if self.impact > 0 else None
        limits = self.limits.of(day) if self.limits is not None else None
        if limits is not None:
            fixed = limits.rows[:, ~usable] @ day.previous[~usable]
            binding = np.abs(limits.rows[:, usable]).max(axis=1, initial=0.0) > 0
            limits = Limits(limits.rows[binding][:, usable], (limits.bounds - fixed)[binding])
        found = optimisation.ratios_of(
            rest, cost, kept, alpha, day.gross, ridge=ridge, exponent=self.impact_exponent, limits=limits
        )
        ratios = day.previous.copy()
        ratios[usable] = found.ratios
        return replace(found, ratios=ratios)

    def positions(self, day: Day) -> Floats:
        """The optimum's positions."""
        return self.solution(day).ratios

    def _usable(self, day: Day, alpha: float) -> Bools:
        free = (day.cost == 0) | ((alpha == 0) & (self.impact == 0))
        return day.worth_trading & ~optimisation.untradable(day.problem, free)

    @staticmethod
    def _part(day: Day, usable: Bools) -> tuple[Compressed, Floats]:
        """The problem in the usable instruments, the others held."""
        if usable.all():
            return day.problem, day.previous
        return day.problem.given(np.where(usable, 0.0, day.previous)).part(usable), day.previous[usable]


@dataclass(frozen=True)
class ShortfallHedge:
    """Hedge ratios of least expected shortfall (Rockafellar–Uryasev) over the same scenarios.

    Args:
        level: share of worst outcomes.
        cost_weight: 1 charges costs their own amount.
    """

    label: str = "least shortfall"
    level: float = 0.05
    cost_weight: float = 1.0
    needs_scenarios: ClassVar[bool] = True

    def opened(self, first: Day) -> ShortfallHedge:
        """Nothing to choose."""
        return self

    def positions(self, day: Day) -> Floats:
        """Instruments that move in no scenario are left as they are."""
        y, x = day.changes()
        usable = day.worth_trading & (np.ptp(x, axis=0) > 0)
        if not usable.any():
            return day.previous
        found = shortfall_ratios(
            y - x[:, ~usable] @ day.previous[~usable],
            x[:, usable],
            day.cost[usable],
            day.previous[usable],
            self.level,
            self.cost_weight,
        )
        ratios = day.previous.copy()
        ratios[usable] = found.ratios
        return ratios
