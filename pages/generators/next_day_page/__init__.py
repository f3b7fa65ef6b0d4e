"""The page of surface generators: the day's scenarios that its tabs draw, and its answer in words."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from engine.charts import theme
from engine.charts.scenarios import band_quantiles
from engine.market.grid import Floats, Grid, maturity_label
from engine.market.surface_history import SurfaceHistory
from engine.models import registry
from engine.scenarios import reweighting
from engine.scenarios.scenario_set import ScenarioSet
from engine.surfaces.arbitrage import Kind, Penalty
from pages.ui import frame

MONTH = 1 / 12

KINDS: dict[str, Kind] = {"Calendar": "calendar", "Call spread": "call_spread", "Butterfly": "butterfly"}


@dataclass(frozen=True)
class View:
    """Scenarios of the day after ``row``, their penalties, and the β they are weighted with."""

    history: SurfaceHistory
    row: int
    drawn: ScenarioSet
    penalty: Penalty
    history_phi: Floats
    beta: float
    model: str
    seed: int

    @property
    def grid(self) -> Grid:
        """Of the surfaces."""
        return self.history.grid

    @property
    def phi(self) -> Floats:
        """``(n,)`` static-arbitrage penalty of each scenario."""
        return self.penalty.total

    @cached_property
    def weights(self) -> Floats:
        """``(n,)`` weights under β."""
        return reweighting.weights(self.phi, self.beta)

    @cached_property
    def ess(self) -> float:
        """Effective sample size under β."""
        return float(reweighting.effective_sample_size(self.weights))

    @cached_property
    def iv(self) -> np.ndarray:
        """``(n, n_moneyness, n_maturity)`` vols of the scenarios."""
        return self.drawn.iv

    @property
    def day(self) -> np.datetime64:
        """The day whose close the scenarios start from."""
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
        """The log-return that came about."""
        return float(self.history.log_return[self.row]) if self.is_known else None

    @property
    def realised_iv(self) -> Floats | None:
        """The surface that came about."""
        return self.history.iv[self.row + 1] if self.is_known else None

    @property
    def realised_atm(self) -> float | None:
        """The at-the-money vol that came about."""
        return float(self.atm_history[self.row + 1]) if self.is_known else None

    @cached_property
    def atm_maturity(self) -> float:
        """One month where the grid has it, else the nearest maturity it has."""
        return float(np.clip(MONTH, self.grid.maturity[0], self.grid.maturity[-1]))

    @property
    def atm_label(self) -> str:
        """``ATM 1M``."""
        return f"ATM {maturity_label(self.atm_maturity)}"

    @cached_property
    def atm(self) -> Floats:
        """``(n,)`` at-the-money vols of the scenarios."""
        return self.grid.interpolate(self.iv, 1.0, self.atm_maturity)

    @cached_property
    def atm_history(self) -> Floats:
        """``(n_days,)`` at-the-money vols of the data."""
        return self.history.atm(self.atm_maturity)

    @cached_property
    def return_bands(self) -> Floats:
        """Quantiles of tomorrow's return under β."""
        return band_quantiles(self.drawn.log_return, self.weights)

    @cached_property
    def atm_bands(self) -> Floats:
        """Quantiles of tomorrow's at-the-money vol under β."""
        return band_quantiles(self.atm, self.weights)

    def mean_surface(self, weights: Floats | None = None) -> Floats:
        """Mean scenario of tomorrow's surface, vols."""
        return self.grid.unflatten((self.weights if weights is None else weights) @ self.grid.flatten(self.iv))

    def matrices(self, weights: Floats) -> dict[str, Floats]:
        """P1, P2 and P3 averaged under weights."""
        parts = (self.penalty.calendar, self.penalty.call_spread, self.penalty.butterfly)
        return {name: self.grid.unflatten(weights @ self.grid.flatten(p)) for name, p in zip(KINDS, parts, strict=True)}


def metrics(view: View) -> list[tuple[str, str, str | None, str]]:
    """The answer: Φ, ATM vol, return and effective sample size, each with what to hold it against."""
    low, _, _, middle, _, _, high = 100 * view.atm_bands
    divergence = float(reweighting.relative_entropy(view.weights))
    down, _, _, median, _, _, up = view.return_bands
    return [
        (
            "Φ, mean reweighted",
            theme.significant(float(view.weights @ view.phi)),
            f"raw {theme.significant(float(view.phi.mean()))} · "
            f"today {theme.significant(float(view.history_phi[view.row]))}",
            "Static arbitrage penalty, summed over the grid; zero means that no calendar "
            "spread, call spread or butterfly is free money. Today: the surface of this day; the mean over all days is "
            f"{theme.significant(float(view.history_phi.mean()))}.",
        ),
        (
            f"{view.atm_label} vol, median",
            f"{middle:.1f} %",
            f"95 %: {low:.1f} to {high:.1f} %",
            "Tomorrow's at-the-money implied vol: weighted median, and 2.5 to 97.5 % weighted quantiles. "
            f"Today: {theme.percent(view.atm_history[view.row])}.",
        ),
        (
            "Index return, median",
            theme.basis_points(median),
            f"95 %: {theme.signed(1e4 * down, ',.0f')} to {theme.basis_points(up)}",
            "Log-return over the next trading day: weighted median, and 2.5 to 97.5 % weighted quantiles.",
        ),
        (
            "Effective sample size",
            theme.count(view.ess),
            f"of {theme.count(len(view.drawn))} · KL {theme.significant(divergence)} nats",
            "How many equally weighted scenarios the reweighted ones are worth, 1/Σw²; and how far the weights "
            "are from equal.",
        ),
    ]


def outcome(view: View) -> str:
    """What came about, against the bands; empty if it is not known."""
    atm = view.realised_atm
    if view.realised_return is None or atm is None:
        return ""
    return (
        f"What came about on {view.next_day}: return {theme.basis_points(view.realised_return)} "
        f"({place(view.realised_return, view.return_bands)}), {view.atm_label} vol {theme.percent(atm)} "
        f"({place(atm, view.atm_bands)})."
    )


def quantile_table(view: View) -> pd.DataFrame:
    """Quantiles of return and ATM vol, raw and reweighted, and what came about, in words."""
    come = [view.realised_return, view.realised_atm] if view.is_known else []
    rows = {
        "Return, raw": (band_quantiles(view.drawn.log_return), theme.basis_points, 0),
        "Return, reweighted": (view.return_bands, theme.basis_points, 0),
        f"{view.atm_label} vol, raw": (band_quantiles(view.atm), theme.percent, 1),
        f"{view.atm_label} vol, reweighted": (view.atm_bands, theme.percent, 1),
    }
    columns = ["2.5 %", "10 %", "25 %", "50 %", "75 %", "90 %", "97.5 %", *(["realised"] if come else [])]
    cells = [[words(x) for x in (*quantiles, *come[k : k + 1])] for quantiles, words, k in rows.values()]
    return pd.DataFrame(cells, index=list(rows), columns=columns)


def place(value: float, bands: Floats) -> str:
    """Where a value lies in words: the narrowest band that holds it."""
    for coverage, k in ((50, 2), (80, 1), (95, 0)):
        if bands[k] <= value <= bands[-1 - k]:
            return f"inside the {coverage} % band"
    return f"{'below' if value < bands[0] else 'above'} the 95 % band"


def method(model: str, tab: str = "") -> str:
    """What the method expander says: of the open tab, of the model, of arbitrage and of what can go wrong."""
    about = frame.parts("generators/next_day_page/method")
    return "\n".join(
        (about.get(tab, ""), registry.spec(model).method, about["static arbitrage"], about["what can go wrong"])
    )
