"""Static arbitrage: which days' surfaces could be arbitraged, where, for how much, and how easily it arises."""

import numpy as np
import streamlit as st

from engine.charts import theme
from pages.surfaces import _arbitrage_tabs
from pages.surfaces import _arbitrage_text as text
from pages.ui import cache, datasets, frame

frame.header("Static arbitrage", "Are these surfaces free of static arbitrage, and if not: where, and for how much?")
loaded = datasets.pick("surfaces")
history = loaded.data
frame.strip(loaded)
with frame.errors("Choose another dataset in the sidebar."):
    found = cache.decomposition(history)
worst_day = int(found.total.argmax())
row = datasets.day_row(history.dates, worst_day, key=f"arbitrage_day_{history.fingerprint}", help=text.DAY)
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
frame.provenance(
    f"{len(history):,} days, each with its own rate", frame.origin_words(loaded), f"data {history.fingerprint}"
)
tabs = st.tabs(list(_arbitrage_tabs.TABS), key="arbitrage_tab", on_change="rerun")
view = _arbitrage_tabs.View(history, found, row, base)
for tab, draw in zip(tabs, _arbitrage_tabs.TABS.values(), strict=True):
    if tab.open:
        with tab:
            draw(view)

first, start = str(history.dates[row]), str(history.dates[base])
sd, highest = (_arbitrage_tabs.setting(name) for name in (_arbitrage_tabs.SD, _arbitrage_tabs.HIGHEST))
frame.command(text.command(loaded.entry.id, first, start, sd, highest))
frame.method(text.METHOD)
