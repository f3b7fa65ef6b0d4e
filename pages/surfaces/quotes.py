"""Quotes to surface: what surface option quotes imply, and what was done to get it."""

import numpy as np
import streamlit as st

from engine import datasets as catalogue
from engine.charts import theme
from engine.market.intake.templates import templates
from engine.surfaces import vix
from pages.surfaces import quotes_page as page
from pages.surfaces.quotes_page import controls, quotes, surface
from pages.ui import cache, datasets, frame

SIMULATED, SOURCE = "simulated-quotes", "simulated-11x9"

frame.header("Quotes to surface", "What surface do these option quotes imply, and how closely does it follow them?")
loaded = datasets.pick("quotes")
frame.strip(loaded)
if loaded.entry.id == SIMULATED:
    note = "Simulated quotes, so that the true surface is known. Add your own option quotes under Market data."
    left, right = st.columns([4, 1], vertical_alignment="center")
    left.info(note, icon=":material/info:")
    example = next(t for t in templates() if t.kind == "quotes")
    right.download_button("Template", example.content, example.file, "text/csv", icon=":material/download:")
choice = controls.choose(loaded)
with frame.errors("Choose another day or dataset in the sidebar, or keep untraded quotes."):
    built = cache.quote_surface(
        loaded,
        choice.levels.grid,
        choice.bandwidth,
        choice.method,
        forward_moneyness=choice.levels.forward,
        day=choice.day,
        previous=choice.previous,
        rates=choice.rates,
        keep_untraded=choice.keep_untraded,
    )
controls.show_shares(loaded, choice, {choice.method: built.fit.share_inside})
truth = None
if loaded.entry.id == SIMULATED:
    source = catalogue.find(SOURCE).entry
    history = cache.dataset(source).data
    grid = choice.levels.grid
    at = grid.moneyness[:, None] * (built.fit.forward(grid.maturity) / built.spot if choice.levels.forward else 1.0)
    truth = history.grid.interpolate(history.iv[-1], at, grid.maturity)

quoted = cache.quoted_vix(loaded, choice.day)
of_surface = f"surface: {float(vix.from_surface(built.iv, built.grid, built.rate)):.2f}"
items = [
    ("Quotes used", theme.count(len(built.quotes)), f"of {built.fit.n_quotes:,}", page.USED),
    (
        "Φ of the surface",
        theme.significant(built.phi_after),
        f"{theme.significant(built.phi_before)} before",
        page.REPAIRED if built.fit.repair is not None else page.PHI,
    ),
    (
        "Inside bid–ask",
        theme.percent(built.fit.share_inside, 1),
        f"{built.rmse:.2f} pts from mids",
        f"{page.WITHIN} {page.DISTANCE}",
    ),
    ("VIX", "n/a" if isinstance(quoted, str) else f"{quoted.value:.2f}", of_surface, page.VIX),
]
if truth is not None:
    apart = 100 * np.abs(built.iv - truth)[~built.extrapolated]
    mean, largest = (f"{apart.mean():.2f} pts", f"largest {apart.max():.1f}") if apart.size else ("n/a", None)
    items.append(("Distance to truth", mean, largest, page.TRUTH))
else:
    items.append(("Carry", theme.percent(built.fit.rate, 2), f"{built.rates['expiry'].nunique()} expiries", page.RATE))
frame.metrics(items)
frame.provenance(
    f"one day, {choice.day}",
    f"{len(built.dropped):,} quotes dropped",
    "in sample: compared with the quotes it was made from",
    "simulated quotes, built in" if loaded.entry.id == SIMULATED else frame.origin_words(loaded),
)
view = page.View(loaded, choice, built, truth)
TABS = {
    "Smiles": quotes.smiles,
    "Surface": surface.surface,
    "Methods": quotes.methods,
    "Residuals": quotes.residuals,
    "Dropped": quotes.dropped,
    "Arbitrage": surface.penalty,
    "Bandwidth": surface.bandwidth,
    "Rates and spreads": quotes.rates_and_spreads,
    "VIX": quotes.volatility_index,
}
if len(loaded.data.dates) > 1:
    TABS["All days"] = surface.all_days
frame.tabs(TABS, view, key="quotes_tab")
frame.command(controls.command(loaded, choice))
frame.method(frame.prose("surfaces/quotes_page/method"))
