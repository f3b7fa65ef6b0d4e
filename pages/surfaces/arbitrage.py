"""Static arbitrage: which days' surfaces could be arbitraged, where, for how much, and how easily it arises."""

import numpy as np

from engine.charts import theme
from pages.surfaces import arbitrage_page as page
from pages.ui import cache, datasets, frame

frame.header("Static arbitrage", "Are these surfaces free of static arbitrage, and if not: where, and for how much?")
loaded = datasets.pick("surfaces")
history = loaded.data
frame.strip(loaded)
with frame.errors("Choose another dataset in the sidebar."):
    found = cache.decomposition(history)
worst_day = int(found.total.argmax())
row = datasets.date(history, worst_day, key=f"arbitrage_day_{history.fingerprint}", help=page.DAY)
base = page.free_row(found, row)  # what noise and shifts start from

free = found.free_share()
quantiles = found.quantile_table()
median, largest = float(np.median(found.total)), f"Φ {theme.significant(found.total.max())}"
frame.metrics(
    [
        ("Days free of arbitrage", theme.percent(free["total"]), "SPX 2000–2021: 80.2 %", page.FREE),
        ("Φ, mean", theme.significant(found.total.mean()), f"median {theme.significant(median)}", page.PHI),
        ("Φ, 99 % quantile", theme.significant(quantiles.loc["total", "99%"]), "SPX 2000–2021: 0.50", page.QUANTILE),
        ("Largest on", str(history.dates[worst_day]) if found.total.max() > 0 else "no day", largest, page.WORST),
    ]
)
frame.provenance(f"{len(history):,} days, each with its own rate", frame.origin_words(loaded))
view = page.View(history, found, row, base)
frame.tabs(page.TABS, view, key="arbitrage_tab")

first, start = str(history.dates[row]), str(history.dates[base])
sd, highest = (page.setting(name) for name in (page.SD, page.HIGHEST))
frame.command(page.command(loaded.entry.id, first, start, sd, highest))
frame.method(frame.prose("surfaces/arbitrage_page/method"))
