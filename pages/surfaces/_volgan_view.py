"""What the page shows: one day's scenarios of one generator under one β, and every number derived from them."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from engine.charts.scenarios import band_quantiles
from engine.market.grid import Floats, Grid, maturity_label
from engine.market.surface_history import SurfaceHistory
from engine.scenarios import reweighting
from engine.scenarios.scenario_set import ScenarioSet
from engine.surfaces import arbitrage

BETAS = (0.0, *(10.0 ** (k / 2) for k in range(31)))
"""β from 0 over 1 to 10¹⁵, two steps a decade."""

DEFAULT_BETA = "default"
MONTH = 1 / 12
KINDS: dict[str, arbitrage.Kind] = {"Calendar": "calendar", "Call spread": "call_spread", "Butterfly": "butterfly"}
TITLES = {"Calendar": "Calendar P1", "Call spread": "Call spread P2", "Butterfly": "Butterfly P3"}


@dataclass(frozen=True)
class View:
    """Scenarios of the day after ``row``, their penalties, and the β they are weighted with."""

    history: SurfaceHistory
    row: int
    drawn: ScenarioSet
    penalty: arbitrage.Penalty
    history_phi: Floats
    beta: float
    model: str
    seed: int

    @property
    def grid(self) -> Grid:
        return self.history.grid

    @property
    def phi(self) -> Floats:
        return self.penalty.total

    @cached_property
    def weights(self) -> Floats:
        return reweighting.weights(self.phi, self.beta)

    @cached_property
    def ess(self) -> float:
        return float(reweighting.effective_sample_size(self.weights))

    @cached_property
    def iv(self) -> np.ndarray:
        return self.drawn.iv

    @property
    def day(self) -> np.datetime64:
        return self.history.dates[self.row]

    @property
    def next_day(self) -> np.datetime64:
        """The day forecast: the next one in the data, or the next weekday."""
        if self.is_known:
            return self.history.dates[self.row + 1]
        return np.busday_offset(self.day, 1, roll="backward")

    @property
    def is_known(self) -> bool:
        """Whether the data hold what came about."""
        return self.row + 1 < len(self.history)

    @property
    def realised_return(self) -> float | None:
        return float(self.history.log_return[self.row]) if self.is_known else None

    @property
    def realised_iv(self) -> Floats | None:
        return self.history.iv[self.row + 1] if self.is_known else None

    @cached_property
    def atm_maturity(self) -> float:
        """One month where the grid has it, else the nearest maturity it has."""
        return float(np.clip(MONTH, self.grid.maturity[0], self.grid.maturity[-1]))

    @property
    def atm_label(self) -> str:
        return f"ATM {maturity_label(self.atm_maturity)}"

    @cached_property
    def atm(self) -> Floats:
        """``(n,)`` at-the-money vols of the scenarios."""
        return self.grid.interpolate(self.iv, 1.0, self.atm_maturity)

    @cached_property
    def atm_history(self) -> Floats:
        return self.history.atm(self.atm_maturity)

    @cached_property
    def return_bands(self) -> Floats:
        return band_quantiles(self.drawn.log_return, self.weights)

    @cached_property
    def atm_bands(self) -> Floats:
        return band_quantiles(self.atm, self.weights)

    def mean_surface(self, weights: Floats | None = None) -> Floats:
        """Mean scenario of tomorrow's surface, vols."""
        return self.grid.unflatten((self.weights if weights is None else weights) @ self.grid.flatten(self.iv))

    def matrices(self, weights: Floats) -> dict[str, Floats]:
        """P1, P2 and P3 averaged under weights."""
        parts = (self.penalty.calendar, self.penalty.call_spread, self.penalty.butterfly)
        return {name: self.grid.unflatten(weights @ self.grid.flatten(p)) for name, p in zip(KINDS, parts, strict=True)}


def beta_options(default: float) -> list[float | str]:
    """The slider's stops in increasing order, the default where it belongs."""
    position = int(np.searchsorted(BETAS, default, side="right"))
    return [*BETAS[:position], DEFAULT_BETA, *BETAS[position:]]
