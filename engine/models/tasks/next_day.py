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
from engine.models.conditional_fhs.filter import Filter, HistoryFilter, PathFilter, moves
from engine.models.conditional_fhs.moments import NAMES, ConditionalMoments, Moments, MomentsConfig
from engine.models.tasks.task import Examples, Task, Tensors, on_grid
from engine.settings import configuration, setting

FIRST = FIRST_CONDITION_ROW
LEAST_DAYS = 120
"""A fit needs this many days of surfaces."""


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


class State(ABC):
    """What is known at the close of rows: of a history, or of the day that paths have reached."""

    condition: Floats | None
    """``(rows, c)`` what the family is told."""

    @abstractmethod
    def moves(self, x: Floats, chosen: NDArray[np.intp] | None, row: int | None = None) -> Floats:
        """``(n, 1 + N)`` moves from draws ``(n, d)``.

        Args:
            x: the family's draws.
            chosen: ``(n,)`` past days that lend what the components leave; None where nothing is left.
            row: of a history, the one day that all draws follow; None on paths, one draw each.
        """


class Space(ABC):
    """How moves become what a family sees, and back; fitted to a training history."""

    rest: ClassVar[bool]
    """Whether draws take a past day's remainder."""

    grid: Grid

    @abstractmethod
    def examples(self, history: SurfaceHistory) -> Examples:
        """Rows from 22 on, and the move after each."""

    @abstractmethod
    def over(self, history: SurfaceHistory) -> State:
        """Every row of a history."""

    @abstractmethod
    def start(self, history: SurfaceHistory, n: int) -> PathState:
        """n paths from a history's last day."""

    @abstractmethod
    def arrays(self) -> Tensors:
        """Everything fitted."""

    @abstractmethod
    def shapes(self) -> tuple[tuple[int, ...], tuple[int, ...] | None]:
        """Of one row of x and of its condition."""


class PathState(State):
    """State of paths, which moves on."""

    log_iv: Floats
    """``(n, N)`` today's log vols."""

    @abstractmethod
    def advance(self, moves: Floats) -> None:
        """Tomorrow, reached by moves ``(n, 1 + N)``, becomes today."""


class Innovations(Space):
    """Standardised, mean-free moves on their leading components."""

    rest = True

    def __init__(self, moments: ConditionalMoments, grid: Grid, given: str) -> None:
        self.moments, self.grid, self.given = moments, grid, given

    def examples(self, history: SurfaceHistory) -> Examples:
        """Factors of the innovations after rows 22, 23, …, and the features of those rows."""
        seen = self.moments.over(history)
        factors = self.moments.factors.split(seen.innovations[FIRST:])[0]
        condition = seen.features[FIRST:-1] if self.given == "state" else None
        return Examples(factors, condition, (str(history.dates[FIRST]), str(history.dates[-2])))

    def over(self, history: SurfaceHistory) -> _InnovationState:
        """Moments of every row."""
        seen = self.moments.over(history)
        return _InnovationState(self, seen, self.moments.factors.split(seen.innovations[FIRST:])[1])

    def start(self, history: SurfaceHistory, n: int) -> _InnovationPaths:
        """Moments carried along."""
        return _InnovationPaths(self, history, n)

    def arrays(self) -> Tensors:
        """Those of the moments."""
        return {f"moments.{name}": array for name, array in self.moments.state().items()}

    def shapes(self) -> tuple[tuple[int, ...], tuple[int, ...] | None]:
        """Return and components; the features."""
        return (len(self.moments.factors.factor_sd),), ((len(NAMES),) if self.given == "state" else None)


class _InnovationState(State):
    def __init__(self, space: Innovations, seen: Moments, rest: Floats) -> None:
        self._space, self._seen, self._rest = space, seen, rest
        self.condition = seen.features if space.given == "state" else None

    def moves(self, x: Floats, chosen: NDArray[np.intp] | None, row: int | None = None) -> Floats:
        """σ ⊙ (μ + e)."""
        seen = self._seen if row is None else self._seen.row(row)
        assert chosen is not None
        return seen.moves(self._space.moments.factors.join(x, self._rest[chosen]))


class _InnovationPaths(_InnovationState, PathState):
    def __init__(self, space: Innovations, history: SurfaceHistory, n: int) -> None:
        past = space.over(history)
        self._carried = space.moments.start(history, n)
        super().__init__(space, self._carried.today, past._rest)

    @property
    def log_iv(self) -> Floats:  # type: ignore[override]
        """Today's."""
        return self._carried.log_iv

    def advance(self, moves: Floats) -> None:
        """The moments of the next day."""
        self._carried.advance(moves)
        self._seen = self._carried.today
        self.condition = self._seen.features if self._space.given == "state" else None


class Raw(Space):
    """Moves as they are, returns annualised as in VolGAN."""

    rest = False

    def __init__(self, grid: Grid) -> None:
        self.grid = grid

    def examples(self, history: SurfaceHistory) -> Examples:
        """Moves after rows 22, 23, … given (R_{t−Δ}, R_{t−2Δ}, γ_{t−Δ}, g_t)."""
        x = moves(history)[FIRST:] * self._units()
        condition = self.condition(HistoryFilter(history))[FIRST:-1]
        return Examples(x, condition, (str(history.dates[FIRST]), str(history.dates[-2])))

    def over(self, history: SurfaceHistory) -> _RawState:
        """Conditions of every row."""
        return _RawState(self, self.condition(HistoryFilter(history)))

    def start(self, history: SurfaceHistory, n: int) -> _RawPaths:
        """Conditions carried along."""
        return _RawPaths(self, history, n)

    def condition(self, known: Filter) -> Floats:
        """``(rows, 3 + N)`` a_t (3.4), returns annualised."""
        last = known.last(known.moves[:, 0])
        before = known.last(known.previous("last return", last))
        annual = np.sqrt(TRADING_DAYS)
        return np.column_stack([annual * last, annual * before, known.realised_vol, known.log_iv])

    def arrays(self) -> Tensors:
        """Nothing is fitted."""
        return {}

    def shapes(self) -> tuple[tuple[int, ...], tuple[int, ...] | None]:
        """(R, Δg); a_t."""
        return (1 + self.grid.size,), (3 + self.grid.size,)

    def _units(self) -> Floats:
        units = np.ones(1 + self.grid.size)
        units[0] = np.sqrt(TRADING_DAYS)
        return units


class _RawState(State):
    def __init__(self, space: Raw, condition: Floats) -> None:
        self._space, self.condition = space, condition

    def moves(self, x: Floats, chosen: NDArray[np.intp] | None, row: int | None = None) -> Floats:
        """The draws, in daily units."""
        return x / self._space._units()


class _RawPaths(_RawState, PathState):
    def __init__(self, space: Raw, history: SurfaceHistory, n: int) -> None:
        real = HistoryFilter(history)
        today = space.condition(real)[-1]
        self._known: PathFilter = real.paths(n)
        super().__init__(space, np.repeat(today[None], n, axis=0))

    @property
    def log_iv(self) -> Floats:  # type: ignore[override]
        """Today's."""
        return self._known.log_iv

    def advance(self, moves: Floats) -> None:
        """The condition of the next day."""
        self._known.advance(moves)
        self.condition = self._space.condition(self._known)


class NextDay(Task):
    """Tomorrow's return and surface given the history known today."""

    name: ClassVar[str] = "next_day"
    label: ClassVar[str] = "Next-day return and surface"
    reads = "surfaces"
    Config: ClassVar[type] = NextDayConfig
    space: Space

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
        return data.grid

    def examples(self, data: SurfaceHistory) -> Examples:
        """Those of the space."""
        return self.space.examples(data)

    def state(self) -> Tensors:
        """Those of the space."""
        return self.space.arrays()

    def restore(self, state: Mapping[str, NDArray[Any]], domain: Domain) -> None:
        """Those of the space."""
        domain = on_grid(domain)
        if self.config.space == "raw":
            self.space = Raw(domain)
            return
        own = {name.removeprefix("moments."): array for name, array in state.items() if name.startswith("moments.")}
        moments = ConditionalMoments.from_state(own, domain, self._moments_config())
        self.space = Innovations(moments, domain, self.config.given)

    def shapes(self) -> tuple[tuple[int, ...], tuple[int, ...] | None]:
        """Those of the space."""
        return self.space.shapes()

    def _moments_config(self) -> MomentsConfig:
        return MomentsConfig(factors=self.config.components)
