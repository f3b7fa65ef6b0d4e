"""Static arbitrage: which days' surfaces could be arbitraged, where, for how much, and how easily it arises."""

import numpy as np
import pandas as pd
import streamlit as st

from engine.charts import arbitrage_history as draw
from engine.charts import penalties, theme
from engine.surfaces import arbitrage
from engine.surfaces import arbitrage_report as report
from pages.surfaces import _arbitrage_tables as tables
from pages.surfaces import _arbitrage_text as text
from pages.ui import cache, datasets, downloads, frame

LOTS = 100
NOISE_DRAWS = 10_000

frame.header("Static arbitrage", "Are these surfaces free of static arbitrage, and if not: where, and for how much?")
loaded = datasets.pick("surfaces")
history = loaded.data
grid, dark = history.grid, frame.is_dark()
frame.strip(loaded)
with frame.errors("Choose another dataset in the sidebar."):
    found = cache.decomposition(history)
days = [str(day) for day in history.dates]
worst_day = int(found.total.argmax())
day = st.sidebar.selectbox(
    "Day", days, index=worst_day, key=f"arbitrage_day_{history.fingerprint}", persist_state="session", help=text.DAY
)
row = days.index(day)
base = text.free_row(found, row)  # what noise and shifts start from

free = found.free_share()
quantiles = found.quantile_table()
median, largest = float(np.median(found.total)), f"Φ {theme.significant(found.total.max())}"
frame.metrics(
    [
        ("Days free of arbitrage", theme.percent(free["total"]), "SPX 2000–2021: 80.2 %", text.FREE),
        ("Φ, mean", theme.significant(found.total.mean()), f"median {theme.significant(median)}", text.PHI),
        ("Φ, 99 % quantile", theme.significant(quantiles.loc["total", "99%"]), "SPX 2000–2021: 0.50", text.QUANTILE),
        ("Largest on", str(history.dates[worst_day]) if found.total.max() > 0 else "no day", largest, text.WORST),
    ]
)
frame.honesty(
    f"{len(history):,} days, each with its own rate", frame.origin_words(loaded), f"data {history.fingerprint}"
)
through_time, one_day, noise, shift = st.tabs(["Through time", "One day", "Noise", "Parallel shifts"])

with through_time:
    figure = draw.phi_history(history.dates, found, row=row, dark=dark)
    frame.chart(figure, key="phi_history")
    st.dataframe(tables.quantile_table(found), width="stretch")
    table = pd.DataFrame(found.by_kind, columns=list(report.KINDS)).assign(total=found.total)
    table.insert(0, "date", history.dates)
    downloads.table_buttons(lambda: table, "arbitrage_penalties", key="penalties", figure=figure)

with one_day:
    matrices = arbitrage.penalty(history.iv[row], grid, float(history.rate[row]))
    cells = {kind: arbitrage.worst_cell(getattr(matrices, kind), grid, kind) for kind in report.KINDS}
    if not any(cell.value > 0 for cell in cells.values()):
        st.success(f"No static arbitrage on the grid on {day}.", icon=":material/check:")
    for kind, cell in cells.items():
        if cell.value > 0:
            cash = report.credit(cell, grid, float(history.spot[row]), LOTS)
            st.markdown(
                f"**{draw.NAMES[kind]}**: worst is {cell.description}; {text.trade(kind)} pays {cash:,.0f} today."
            )
    panels = {draw.NAMES[kind]: getattr(matrices, kind) for kind in report.KINDS}
    words = {draw.NAMES[kind]: cell.description for kind, cell in cells.items()}
    figure = penalties.penalty_panels(panels, grid, words, dark=dark)
    frame.chart(figure, key="matrices")
    rows = [(kind, *np.unravel_index(k, grid.shape)) for kind in report.KINDS for k in range(grid.size)]
    downloads.table_buttons(
        lambda: tables.matrix_table(rows, matrices, grid), f"penalties_{day}", key="day", figure=figure
    )

with noise:
    st.markdown(text.NOISE)
    sd = st.slider("Noise, standard deviation (vol points)", 0.01, 1.0, 0.1, 0.01, key="noise_sd") / 100
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
    frame.honesty(f"standard error {theme.percent(error, 2)}", "seed 1", text.base_words(history, found, base, row))
    panels = {draw.NAMES[kind]: drawn.mean[kind] for kind in report.KINDS}
    frame.chart(penalties.penalty_panels(panels, grid, dark=dark), key="noise")

with shift:
    st.markdown(text.SHIFT)
    highest = st.slider("Largest shift (vol points)", 5, 300, 100, 5, key="shift_highest") / 100
    shifts, shifted = report.shift_experiment(history.iv[base], grid, highest=highest, rate=float(history.rate[base]))
    st.markdown(text.shift_words(shifts, shifted))
    figure = draw.shift_curve(shifts, shifted)
    frame.chart(figure, key="shift")
    frame.honesty(text.base_words(history, found, base, row))
    downloads.table_buttons(
        lambda: pd.DataFrame(shifted.by_kind, columns=list(report.KINDS)).assign(shift=shifts),
        "shifts",
        key="shift",
        figure=figure,
    )

frame.command(text.command(loaded.entry.id, day, days[base], sd, highest))
frame.method(text.METHOD)
