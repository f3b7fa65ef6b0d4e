"""What the VolGAN page shows: one day's scenarios under one β, and every number derived from them."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from engine.charts import theme
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
    def kl(self) -> float:
        return float(reweighting.relative_entropy(self.weights))

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
        w = self.weights if weights is None else weights
        return self.grid.unflatten(w @ self.grid.flatten(self.iv))

    def matrices(self, weights: Floats) -> dict[str, Floats]:
        """P1, P2 and P3 averaged under weights."""
        parts = (self.penalty.calendar, self.penalty.call_spread, self.penalty.butterfly)
        return {name: self.grid.unflatten(weights @ self.grid.flatten(p)) for name, p in zip(KINDS, parts, strict=True)}

    def metrics(self) -> list[tuple[str, str, str | None, str]]:
        """The answer: Φ, ATM vol, return and effective sample size, each with what to hold it against."""
        low, _, _, middle, _, _, high = 100 * self.atm_bands
        down, _, _, median, _, _, up = self.return_bands
        return [
            (
                "Φ, mean reweighted",
                theme.significant(float(self.weights @ self.phi)),
                f"raw {theme.significant(float(self.phi.mean()))} · "
                f"data {theme.significant(float(self.history_phi[self.row]))}",
                "Static arbitrage penalty, summed over the grid; zero means that no calendar "
                "spread, call spread or butterfly is free money. Data: that day's surface; the mean over all days is "
                f"{theme.significant(float(self.history_phi.mean()))}.",
            ),
            (
                f"{self.atm_label} vol, median",
                f"{middle:.1f} %",
                f"95 %: {low:.1f} to {high:.1f} %",
                "Tomorrow's at-the-money implied vol: weighted median, and 2.5 to 97.5 % weighted quantiles. "
                f"Today: {theme.percent(self.atm_history[self.row])}.",
            ),
            (
                "Index return, median",
                theme.basis_points(median),
                f"95 %: {theme.signed(1e4 * down, ',.0f')} to {theme.basis_points(up)}",
                "Log-return over the next trading day: weighted median, and 2.5 to 97.5 % weighted quantiles.",
            ),
            (
                "Effective sample size",
                theme.count(self.ess),
                f"of {theme.count(len(self.drawn))} · KL {theme.significant(self.kl)} nats",
                "How many equally weighted scenarios the reweighted ones are worth, 1/Σw²; and how far the weights "
                "are from equal.",
            ),
        ]

    def outcome(self) -> str:
        """What came about, against the bands; empty if it is not known."""
        if self.realised_return is None:
            return ""
        atm = float(self.atm_history[self.row + 1])
        return (
            f"What came about on {self.next_day}: return {theme.basis_points(self.realised_return)} "
            f"({_place(self.realised_return, self.return_bands)}), {self.atm_label} vol {theme.percent(atm)} "
            f"({_place(atm, self.atm_bands)})."
        )

    def quantile_table(self) -> pd.DataFrame:
        """Quantiles of return and ATM vol, raw and reweighted, and what came about, in words."""
        come = [self.realised_return, float(self.atm_history[self.row + 1])] if self.is_known else []
        rows = {
            "Return, raw": (band_quantiles(self.drawn.log_return), theme.basis_points, 0),
            "Return, reweighted": (self.return_bands, theme.basis_points, 0),
            f"{self.atm_label} vol, raw": (band_quantiles(self.atm), theme.percent, 1),
            f"{self.atm_label} vol, reweighted": (self.atm_bands, theme.percent, 1),
        }
        columns = ["2.5 %", "10 %", "25 %", "50 %", "75 %", "90 %", "97.5 %", *(["realised"] if come else [])]
        cells = [[words(x) for x in (*quantiles, *come[k : k + 1])] for quantiles, words, k in rows.values()]
        return pd.DataFrame(cells, index=list(rows), columns=columns)


def _place(value: float, bands: Floats) -> str:
    """Where a value lies in words: the narrowest band that holds it."""
    for coverage, k in ((50, 2), (80, 1), (95, 0)):
        if bands[k] <= value <= bands[-1 - k]:
            return f"inside the {coverage} % band"
    return f"{'below' if value < bands[0] else 'above'} the 95 % band"


def beta_options(default: float) -> list[float | str]:
    """The slider's stops in increasing order, the default where it belongs."""
    position = int(np.searchsorted(BETAS, default, side="right"))
    return [*BETAS[:position], DEFAULT_BETA, *BETAS[position:]]
