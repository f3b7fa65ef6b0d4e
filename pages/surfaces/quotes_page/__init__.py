"""The page that makes surfaces of quotes: what its tabs draw, and the words beside its figures."""

from dataclasses import dataclass

from engine.datasets import Loaded
from engine.market.grid import Floats
from engine.surfaces.smoothing import Construction
from pages.surfaces.quotes_page.controls import Choice


@dataclass(frozen=True)
class View:
    """What is shown: the quotes, the choices, the surface, and the true one where it is known."""

    loaded: Loaded
    choice: Choice
    built: Construction
    truth: Floats | None

    @property
    def name(self) -> str:
        """Stem of downloads."""
        return f"quotes_{self.built.date}"


USED = "Out-of-the-money quotes that survived cleaning and have a vol; they alone make the surface."

PHI = "Total static-arbitrage penalty on the grid; before: that of the quotes joined by straight lines."

REPAIRED = "Total static-arbitrage penalty on the grid before the repair and after it."

DISTANCE = "Below it the vega-weighted root mean square of mid vol less surface vol, in vol points."

WITHIN = "Share of the quotes used whose bid and ask enclose the surface's price."

RATE = "Median over call/put pairs of log(K/(S − C + P))/τ: interest less what dividends cost."

VIX = "Computed from the quotes by the Cboe's own steps; beside it the same index taken from the surface."

TRUTH = "Mean distance in vol points of the surface to the one the quotes were made from, where there are quotes."
