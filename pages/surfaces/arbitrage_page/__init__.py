"""The page on static arbitrage: its tabs, each drawn when it is open, their tables and their words."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import streamlit as st

from engine.charts import penalties, theme
from engine.charts.penalties import NAMES
from engine.market.grid import Floats, Grid
from engine.market.surface_history import SurfaceHistory
from engine.studies.surfaces import PUBLISHED_PENALTY
from engine.surfaces import arbitrage
from engine.surfaces import arbitrage_report as report
from engine.surfaces.arbitrage import Kind, Penalty
from engine.surfaces.arbitrage_report import KINDS, Decomposition
from pages.ui import cache, downloads, frame

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

LOTS = 100

NOISE_DRAWS = 10_000

SD, HIGHEST = "noise_sd", "shift_highest"
"""Session-state keys of the sliders, in vol points; a tab that was never open has their defaults."""

DEFAULTS = {SD: 0.1, HIGHEST: 100}


@dataclass(frozen=True)
class View:
    """The surfaces, their penalties, the row of the chosen day, and of the day that noise and shifts start from."""

    history: SurfaceHistory
    found: Decomposition
    row: int
    base: int


def setting(name: str) -> float:
    """What a slider stands at, as a vol."""
    return float(st.session_state.get(name, DEFAULTS[name])) / 100


def through_time(view: View) -> None:
    """Φ of every day."""
    history, found = view.history, view.found
    figure = frame.picture(penalties.phi_history, history.dates, found, row=view.row, key="phi_history")
    st.dataframe(quantile_table(found), width="stretch")
    table = pd.DataFrame(found.by_kind, columns=list(KINDS)).assign(total=found.total)
    table.insert(0, "date", history.dates)
    downloads.table_buttons(lambda: table, "arbitrage_penalties", key="penalties", figure=figure)


def one_day(view: View) -> None:
    """Where one day could be arbitraged, and for how much."""
    history, row, grid = view.history, view.row, view.history.grid
    matrices = arbitrage.penalty(history.iv[row], grid, float(history.rate[row]))
    cells = {kind: arbitrage.worst_cell(getattr(matrices, kind), grid, kind) for kind in KINDS}
    if not any(cell.value > 0 for cell in cells.values()):
        st.success(f"No static arbitrage on the grid on {history.dates[row]}.", icon=":material/check:")
    for kind, cell in cells.items():
        if cell.value > 0:
            cash = report.credit(cell, grid, float(history.spot[row]), LOTS)
            st.markdown(f"**{NAMES[kind]}**: worst is {cell.description}; {trade(kind)} pays {cash:,.0f} today.")
    panels = {NAMES[kind]: getattr(matrices, kind) for kind in KINDS}
    words = {NAMES[kind]: cell.description for kind, cell in cells.items()}
    figure = frame.picture(penalties.penalty_panels, panels, grid, words, key="matrices")
    rows = [(kind, *np.unravel_index(k, grid.shape)) for kind in KINDS for k in range(grid.size)]
    downloads.table_buttons(
        lambda: matrix_table(rows, matrices, grid), f"penalties_{history.dates[row]}", key="day", figure=figure
    )


def noise(view: View) -> None:
    """How much noise it takes."""
    history, found, row, base = view.history, view.found, view.row, view.base
    st.markdown(NOISE)
    st.slider("Noise, standard deviation (vol points)", 0.01, 1.0, DEFAULTS[SD], 0.01, key=SD, persist_state="session")
    sd = setting(SD)
    drawn = cache.noise_experiment(history, base, NOISE_DRAWS, sd, seed=1)
    shares = {k: 1 - v for k, v in drawn.free_share().items()}
    label = f"of {NOISE_DRAWS:,} noisy surfaces"
    frame.metrics(
        [("With arbitrage", theme.percent(shares["total"]), label, FREE)]
        + [(NAMES[kind], theme.percent(shares[kind]), NOISE_THESIS.get(kind), PHI) for kind in KINDS]
    )
    error = np.sqrt(shares["total"] * (1 - shares["total"]) / NOISE_DRAWS)
    frame.provenance(f"standard error {theme.percent(error, 2)}", "seed 1", base_words(history, found, base, row))
    panels = {NAMES[kind]: drawn.mean[kind] for kind in KINDS}
    frame.picture(penalties.penalty_panels, panels, view.history.grid, key="noise")


def shift(view: View) -> None:
    """How large a parallel shift it takes."""
    history, found, row, base = view.history, view.found, view.row, view.base
    st.markdown("The chosen day's surface moved up and down in parallel, from just above zero vol.")
    st.slider("Largest shift (vol points)", 5, 300, int(DEFAULTS[HIGHEST]), 5, key=HIGHEST, persist_state="session")
    highest = setting(HIGHEST)
    shifts, shifted = report.shift_experiment(
        history.iv[base], view.history.grid, highest=highest, rate=float(history.rate[base])
    )
    st.markdown(shift_words(shifts, shifted))
    figure = frame.picture(penalties.shift_curve, shifts, shifted, key="shift")
    frame.provenance(base_words(history, found, base, row))
    downloads.table_buttons(
        lambda: pd.DataFrame(shifted.by_kind, columns=list(KINDS)).assign(shift=shifts),
        "shifts",
        key="shift",
        figure=figure,
    )


TABS = {"Through time": through_time, "One day": one_day, "Noise": noise, "Parallel shifts": shift}
"""Name of a tab → what draws it."""


def quantile_table(found: Decomposition) -> pd.DataFrame:
    """Table 2.3's shape, with the published figures in brackets."""
    table, free = found.quantile_table(), found.free_share()
    rows = {}
    for name, published in PUBLISHED_PENALTY.items():
        values = [*(theme.significant(x) for x in table.loc[name]), theme.percent(free[name])]
        shown = [*(theme.significant(x) for x in published[:4]), theme.percent(published[4])]
        rows[NAMES.get(name, "Φ")] = [f"{ours}  [{theirs}]" for ours, theirs in zip(values, shown, strict=True)]
    columns = [*table.columns, "days free"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=[f"{c}  [SPX 2000–2021]" for c in columns])


def matrix_table(cells: Sequence[tuple[Kind, int, int]], matrices: Penalty, grid: Grid) -> pd.DataFrame:
    """One row a cell: constraint, moneyness, maturity in years, penalty."""
    return pd.DataFrame(
        [(kind, grid.moneyness[i], grid.maturity[j], getattr(matrices, kind)[i, j]) for kind, i, j in cells],
        columns=["constraint", "moneyness", "maturity_years", "penalty"],
    )


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
