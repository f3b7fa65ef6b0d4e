"""Tabs of the page on static arbitrage; each is drawn when it is open."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import streamlit as st

from engine.charts import penalties, theme
from engine.charts import penalties as draw
from engine.market.surface_history import SurfaceHistory
from engine.surfaces import arbitrage
from engine.surfaces import arbitrage_report as report
from pages.surfaces import _arbitrage_tables as tables
from pages.surfaces import _arbitrage_text as text
from pages.ui import cache, downloads, frame, pictures

LOTS = 100
NOISE_DRAWS = 10_000
SD, HIGHEST = "noise_sd", "shift_highest"
"""Session-state keys of the sliders, in vol points; a tab that was never open has their defaults."""

DEFAULTS = {SD: 0.1, HIGHEST: 100}


@dataclass(frozen=True)
class View:
    """The surfaces, their penalties, the row of the chosen day, and of the day that noise and shifts start from."""

    history: SurfaceHistory
    found: report.Decomposition
    row: int
    base: int


def setting(name: str) -> float:
    """What a slider stands at, as a vol."""
    return float(st.session_state.get(name, DEFAULTS[name])) / 100


def through_time(view: View) -> None:
    """Φ of every day."""
    history, found = view.history, view.found
    figure = pictures.of(draw.phi_history, history.dates, found, row=view.row, dark=frame.is_dark())
    frame.chart(figure, key="phi_history")
    st.dataframe(tables.quantile_table(found), width="stretch")
    table = pd.DataFrame(found.by_kind, columns=list(report.KINDS)).assign(total=found.total)
    table.insert(0, "date", history.dates)
    downloads.table_buttons(lambda: table, "arbitrage_penalties", key="penalties", figure=figure)


def one_day(view: View) -> None:
    """Where one day could be arbitraged, and for how much."""
    history, row, grid = view.history, view.row, view.history.grid
    matrices = arbitrage.penalty(history.iv[row], grid, float(history.rate[row]))
    cells = {kind: arbitrage.worst_cell(getattr(matrices, kind), grid, kind) for kind in report.KINDS}
    if not any(cell.value > 0 for cell in cells.values()):
        st.success(f"No static arbitrage on the grid on {history.dates[row]}.", icon=":material/check:")
    for kind, cell in cells.items():
        if cell.value > 0:
            cash = report.credit(cell, grid, float(history.spot[row]), LOTS)
            st.markdown(
                f"**{draw.NAMES[kind]}**: worst is {cell.description}; {text.trade(kind)} pays {cash:,.0f} today."
            )
    panels = {draw.NAMES[kind]: getattr(matrices, kind) for kind in report.KINDS}
    words = {draw.NAMES[kind]: cell.description for kind, cell in cells.items()}
    figure = pictures.of(penalties.penalty_panels, panels, grid, words, dark=frame.is_dark())
    frame.chart(figure, key="matrices")
    rows = [(kind, *np.unravel_index(k, grid.shape)) for kind in report.KINDS for k in range(grid.size)]
    downloads.table_buttons(
        lambda: tables.matrix_table(rows, matrices, grid), f"penalties_{history.dates[row]}", key="day", figure=figure
    )


def noise(view: View) -> None:
    """How much noise it takes."""
    history, found, row, base = view.history, view.found, view.row, view.base
    st.markdown(text.NOISE)
    st.slider("Noise, standard deviation (vol points)", 0.01, 1.0, DEFAULTS[SD], 0.01, key=SD, persist_state="session")
    sd = setting(SD)
    drawn = cache.noise_experiment(history, base, NOISE_DRAWS, sd, seed=1)
    shares = {k: 1 - v for k, v in drawn.free_share().items()}
    label = f"of {NOISE_DRAWS:,} noisy surfaces"
    frame.metrics(
        [("With arbitrage", theme.percent(shares["total"]), label, text.FREE)]
        + [
            (draw.NAMES[kind], theme.percent(shares[kind]), text.NOISE_THESIS.get(kind), text.PHI)
            for kind in report.KINDS
        ]
    )
    error = np.sqrt(shares["total"] * (1 - shares["total"]) / NOISE_DRAWS)
    frame.provenance(f"standard error {theme.percent(error, 2)}", "seed 1", text.base_words(history, found, base, row))
    panels = {draw.NAMES[kind]: drawn.mean[kind] for kind in report.KINDS}
    frame.chart(pictures.of(penalties.penalty_panels, panels, view.history.grid, dark=frame.is_dark()), key="noise")


def shift(view: View) -> None:
    """How large a parallel shift it takes."""
    history, found, row, base = view.history, view.found, view.row, view.base
    st.markdown(text.SHIFT)
    st.slider("Largest shift (vol points)", 5, 300, int(DEFAULTS[HIGHEST]), 5, key=HIGHEST, persist_state="session")
    highest = setting(HIGHEST)
    shifts, shifted = report.shift_experiment(
        history.iv[base], view.history.grid, highest=highest, rate=float(history.rate[base])
    )
    st.markdown(text.shift_words(shifts, shifted))
    figure = pictures.of(draw.shift_curve, shifts, shifted)
    frame.chart(figure, key="shift")
    frame.provenance(text.base_words(history, found, base, row))
    downloads.table_buttons(
        lambda: pd.DataFrame(shifted.by_kind, columns=list(report.KINDS)).assign(shift=shifts),
        "shifts",
        key="shift",
        figure=figure,
    )


TABS = {"Through time": through_time, "One day": one_day, "Noise": noise, "Parallel shifts": shift}
"""Name of a tab → what draws it."""
