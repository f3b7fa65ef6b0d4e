"""Words and tables of the static arbitrage page."""

import numpy as np

from engine.charts import theme
from engine.charts.penalties import NAMES
from engine.market.grid import Floats
from engine.market.surface_history import SurfaceHistory
from engine.surfaces.arbitrage import Kind
from engine.surfaces.arbitrage_report import KINDS, Decomposition

DAY = "The day whose matrices, noise and shifts are shown; the day with the largest Φ at first."

FREE = "Share without any calendar, call-spread or butterfly violation on the grid."

PHI = "Φ sums all violations, in fractions of spot a unit of moneyness; zero means no static arbitrage on the grid."

QUANTILE = "Φ stayed below this on 99 % of days."

WORST = "The day with the largest Φ."

NOISE = (
    "Vendors smooth and round. How much independent noise on every vol turns a day's surface into one "
    "that can be arbitraged? The matrices are averages over the noisy surfaces."
)

NOISE_THESIS = {"butterfly": "SPX, sd 0.1: 23 %"}

SHIFT = "The chosen day's surface moved up and down in parallel, from just above zero vol."

METHOD = r"""
With the relative call price $c(m,\tau)=N(d_1)-m e^{-r\tau}N(d_2)$ and $[x]^+=\max(x,0)$:

$$
P^1_{ij}=\Big[\tau_j\frac{c(m_i,\tau_j)-c(m_i,\tau_{j+1})}{\tau_{j+1}-\tau_j}\Big]^+\qquad
P^2_{ij}=\Big[\frac{c(m_{i+1},\tau_j)-c(m_i,\tau_j)}{m_{i+1}-m_i}\Big]^+
$$
$$
P^3_{ij}=\Big[\frac{c(m_i,\tau_j)-c(m_{i-1},\tau_j)}{m_i-m_{i-1}}-\frac{c(m_{i+1},\tau_j)-c(m_i,\tau_j)}{m_{i+1}-m_i}\Big]^+
\qquad \Phi=\sum_{ij}\big(P^1_{ij}+P^2_{ij}+P^3_{ij}\big)
$$

$\Phi=0$ exactly when no calendar spread, call spread or butterfly between neighbouring grid points is free money
(Cont and Vuletić 2023, 2.6–2.12). Differences of at most 2e-15 of spot are rounding and count as zero.

**In money**: the worst violation of each kind as a trade of 100 lots of 100 options each, at the surface's own vols and
without costs. A surface is an interpolation of quotes; a violation inside the bid–ask spread cannot be traded.

**What can go wrong**: Φ depends on the grid. A finer grid sees violations that a coarser one steps over, so compare Φ
on one grid only.
"""


def free_row(found: Decomposition, row: int) -> int:
    """The day that noise and shifts start from: the chosen one, or the last before it without arbitrage."""
    free = np.flatnonzero(found.total == 0)
    if len(free) == 0:
        return row
    return int(free[max(0, np.searchsorted(free, row, side="right") - 1)])


def base_words(history: SurfaceHistory, found: Decomposition, base: int, row: int) -> str:
    """Which surface noise and shifts start from, and why."""
    day = history.dates[base]
    if found.total[base] > 0:
        return f"surface of {day}, which has arbitrage of its own (Φ {theme.significant(found.total[base])})"
    return f"surface of {day}" + ("" if base == row else ", the nearest earlier day without arbitrage")


def shift_words(shifts: Floats, found: Decomposition) -> str:
    """Where violations begin, in vol points, and of which kind, upwards and downwards."""
    sentences = []
    for broken, way, end in (
        (np.flatnonzero((found.total > 0) & (shifts > 0)), "up", shifts[-1]),
        (np.flatnonzero((found.total > 0) & (shifts < 0))[::-1], "down", shifts[0]),
    ):
        if len(broken) == 0:
            sentences.append(f"No shift {way} to {theme.signed(100 * end, '+.0f')} vol points violates anything.")
            continue
        kinds = [NAMES[kind] for k, kind in enumerate(KINDS) if found.by_kind[broken, k].any()]
        first = theme.signed(100 * shifts[broken[0]], "+.1f")
        sentences.append(f"Shifted {way}, violations begin at {first} vol points: {', '.join(kinds)}.")
    return (
        " ".join(sentences) + " The thesis finds SPX of 31/12/2021 violated past a positive shift, by butterflies only."
    )


def command(ref: str, day: str, base: str, sd: float, highest: float) -> str:
    """The lines that give the page's figures again."""
    return f"""import numpy as np
from engine import datasets
from engine.surfaces import arbitrage, arbitrage_report

history = datasets.load({ref!r}).data
found = arbitrage_report.decompose_history(history)
print(found.quantile_table(), found.free_share())
row = int(np.flatnonzero(history.dates == np.datetime64({day!r}))[0])
print(arbitrage.penalty(history.iv[row], history.grid, history.rate[row]))
base = int(np.flatnonzero(history.dates == np.datetime64({base!r}))[0])
surface, rate = history.iv[base], float(history.rate[base])
rng = np.random.default_rng(1)
print(arbitrage_report.noise_experiment(surface, history.grid, sd={sd:g}, rate=rate, rng=rng).free_share())
shifts, shifted = arbitrage_report.shift_experiment(surface, history.grid, highest={highest:g}, rate=rate)
"""


def trade(kind: Kind) -> str:
    """The trade that collects a violation, in words."""
    return {
        "calendar": "selling 100 lots of the near call and buying the far one",
        "call_spread": "buying 100 lots of the lower call and selling the upper one",
        "butterfly": "selling 100 lots of the body and buying the wings",
    }[kind]
