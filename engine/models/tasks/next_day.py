"""The task of tomorrow's return and surface, in two spaces: innovations (what yesterday did not know) or raw moves.

In the space of innovations a family learns e in y = σ ⊙ (μ + e): y the move (R, Δg), σ its two-speed volatility, μ its
shrunk conditional mean (:class:`~engine.models.conditional_fhs.moments.ConditionalMoments`). e is projected on a few
principal components, which the family generates; what they leave is that of a past day, drawn equally. Scale and mean
then answer to the market from one day to the next, whatever the family has seen.

In the raw space it learns the move itself given VolGAN's condition a_t = (R_{t−Δ}, R_{t−2Δ}, γ_{t−Δ}, g_t) (3.4).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from engine.errors import MarketDataError
from engine.market.domain import Domain
from engine.market.grid import TRADING_DAYS, Floats, Grid
from engine.market.surface_history import FIRST_CONDITION_ROW, SurfaceHistory
from engine.models.conditional_fhs.filter import Filter, HistoryFilter
from engine.models.conditional_fhs.model import Known, Rows
from engine.models.conditional_fhs.moments import NAMES, ConditionalMoments, Moments, MomentsConfig
from engine.models.tasks.task import Examples, Task, Tensors, on_grid
from engine.settings import configuration, setting
from engine.training.progress import check_arrays

FIRST = FIRST_CONDITION_ROW
LEAST_DAYS = 120
"""A fit needs this many days of surfaces."""

REACH = 2.0
"""What a family draws goes at most this many times as far as the farthest training day, coordinate by coordinate: what
a network says out there is nothing that it has learned.
"""


@configuration
class NextDayConfig:
    """What of tomorrow's move a family generates, and what it is told."""

    space: str = setting(
        "innovations",
        label="Space",
        help="innovations: moves over their volatility, less their conditional mean. raw: moves as they are, given "
        "the last returns, realised vol and the surface; a published GAN works so, and fails in a crisis.",
        choices=("innovations", "raw"),
    )
    given: str = setting(
        "nothing",
        label="Innovations given",
        help="state: the family is told today's features, and can bend the law of innovations by them. nothing: that "
        "law is the same every day; volatility and mean move all the same.",
        choices=("nothing", "state"),
    )
    components: int = setting(
        5,
        label="Components",
        help="Principal components of the surface's innovations that the family generates; the rest is a past day's.",
        low=1,
        high=20,
    )


class Space(ABC):
    """How moves become what a family sees, and back; fitted to a training history."""

    grid: Grid

    @abstractmethod
    def known(self, days: Filter) -> Known:
        """What the close of each day, or of the day that paths have reached, knows of the move after it."""

    @abstractmethod
    def past(self, days: HistoryFilter, known: Known) -> Known:
        """``(n − 1, …)`` what of each day's move is drawn again."""

    @abstractmethod
    def condition(self, today: Known) -> Floats | None:
        """``(rows, c)`` what the family is told of it; None where it is told nothing."""

    @abstractmethod
    def targets(self, days: HistoryFilter, known: Known) -> Floats:
        """``(n − 1, d)`` what the family is to generate of the move after each day but the last."""

    @abstractmethod
    def moves(self, today: Known, past: Known, x: Floats, chosen: Rows) -> Floats:
        """``(n, 1 + N)`` moves from draws ``(n, d)``, after one day (arrays of length 1) or on n paths.

        Args:
            today: from :meth:`known`.
            past: from :meth:`past`.
            x: the family's draws.
            chosen: ``(n,)`` past days that lend what the components leave.
        """

    @abstractmethod
    def arrays(self) -> Tensors:
        """Everything fitted."""

    @abstractmethod
    def shapes(self) -> tuple[tuple[int, ...], tuple[int, ...] | None]:
        """Of one row of x and of its condition."""


class Innovations(Space):
    """Standardised, mean-free moves on their leading components."""

    def __init__(self, moments: ConditionalMoments, grid: Grid, given: str) -> None:
        self.moments, self.grid, self.given = moments, grid, given

    def known(self, days: Filter) -> Known:
        """Moments."""
        return self.moments.of(days)._asdict()

    def past(self, days: HistoryFilter, known: Known) -> Known:
        """What the components leave of each innovation."""
        return {"rest": self.moments.factors.split(known["innovations"])[1]}

    def condition(self, today: Known) -> Floats | None:
        """Features of the state, if the family is told them."""
        return today["features"] if self.given == "state" else None

    def targets(self, days: HistoryFilter, known: Known) -> Floats:
        """Factors of the innovations."""
        return self.moments.factors.split(known["innovations"])[0]

    def moves(self, today: Known, past: Known, x: Floats, chosen: Rows) -> Floats:
        """σ ⊙ (μ + e)."""
        return Moments(**today).moves(self.moments.factors.join(x, past["rest"][chosen]))

    def arrays(self) -> Tensors:
        """Those of the moments."""
        return dict(self.moments.state())

    def shapes(self) -> tuple[tuple[int, ...], tuple[int, ...] | None]:
        """Return and components; the features."""
        return (len(self.moments.factors.factor_sd),), ((len(NAMES),) if self.given == "state" else None)


class Raw(Space):
    """Moves as they are, returns annualised as in VolGAN."""

    def __init__(self, grid: Grid) -> None:
        self.grid = grid
        self._units = np.ones(1 + grid.size)
        self._units[0] = np.sqrt(TRADING_DAYS)

    def known(self, days: Filter) -> Known:
        """``(rows, 3 + N)`` a_t (3.4), returns annualised."""
        last = days.last(days.moves[:, 0])
        before = days.last(days.previous("last return", last))
        annual = self._units[0]
        return {"condition": np.column_stack([annual * last, annual * before, days.realised_vol, days.log_iv])}

    def past(self, days: HistoryFilter, known: Known) -> Known:
        """Nothing."""
        return {}

    def condition(self, today: Known) -> Floats | None:
        """a_t."""
        return today["condition"]

    def targets(self, days: HistoryFilter, known: Known) -> Floats:
        """The moves."""
        targets: Floats = days.moves * self._units
        return targets

    def moves(self, today: Known, past: Known, x: Floats, chosen: Rows) -> Floats:
        """The draws, in daily units."""
        moves: Floats = x / self._units
        return moves

    def arrays(self) -> Tensors:
        """Nothing is fitted."""
        return {}

    def shapes(self) -> tuple[tuple[int, ...], tuple[int, ...] | None]:
        """(R, Δg); a_t."""
        return (1 + self.grid.size,), (3 + self.grid.size,)


class NextDay(Task):
    """Tomorrow's return and surface given the history known today."""

    name: ClassVar[str] = "next_day"
    label: ClassVar[str] = "Next-day return and surface"
    reads = "surfaces"
    Config: ClassVar[type] = NextDayConfig
    space: Space
    reach: Floats
    """``(d,)`` farthest that draws go."""

    def prepare(self, data: SurfaceHistory) -> Grid:
        """Volatilities, conditional mean and components of a training history.

        Raises:
            MarketDataError: if it has fewer than 120 days, or a point never moves.
        """
        if len(data) < LEAST_DAYS:
            raise MarketDataError(f"expected at least {LEAST_DAYS} days of surfaces; found {len(data)}")
        if self.config.space == "raw":
            self.space = Raw(data.grid)
        else:
            moments = ConditionalMoments.fit(data, self._moments_config())
            self.space = Innovations(moments, data.grid, self.config.given)
        self.reach = REACH * np.abs(self.examples(data).x).max(axis=0)
        return data.grid

    def examples(self, data: SurfaceHistory) -> Examples:
        """Moves after rows 22, 23, … and what was known before them."""
        days = HistoryFilter(data)
        known = self.space.known(days)
        x, condition = self.space.targets(days, known)[FIRST:], self.space.condition(known)
        dates = str(data.dates[FIRST]), str(data.dates[-2])
        return Examples(x, None if condition is None else condition[FIRST:-1], dates)

    def state(self) -> Tensors:
        """Those of the space, and how far draws go."""
        return {**self.space.arrays(), "reach": self.reach}

    def restore(self, state: Mapping[str, NDArray[Any]], domain: Domain) -> None:
        """Those of the space."""
        domain = on_grid(domain)
        if self.config.space == "raw":
            self.space = Raw(domain)
        else:
            moments = ConditionalMoments.from_state(dict(state), domain, self._moments_config())
            self.space = Innovations(moments, domain, self.config.given)
        check_arrays(dict(state), {"reach": self.space.shapes()[0]}, kind=f"draws of surfaces on {domain!r}")
        self.reach = state["reach"].astype(np.float64)

    def shapes(self) -> tuple[tuple[int, ...], tuple[int, ...] | None]:
        """Those of the space."""
        return self.space.shapes()

    def _moments_config(self) -> MomentsConfig:
        return MomentsConfig(factors=self.config.components)
