"""Market data: what was read from a file, what was rejected and why, and what the data look like."""

import streamlit as st

from engine import datasets as catalogue
from pages.start import _market_intake as intake
from pages.start import _market_metrics as answer
from pages.start import _market_pending as pending
from pages.start import _market_preview as preview
from pages.start import _market_reading as reading
from pages.ui import datasets, frame

METHOD = """
**Reading.** A file is recognised by its headings and first cells. Units (percent or decimals, days or years), the order
of day and month and the decimal mark are decided over whole columns; every decision is listed under *What was read*.
Where both readings fit, the page asks. Nothing is filled in, estimated or dropped silently: each rejected row is
listed with its line and the reason.

**Surfaces.** One spot and one full grid of implied vols a day,
$\\sigma_t(m,\\tau)$ with moneyness $m=K/S$ and time to maturity $\\tau$ in years (days / 365). A day with a hole is
rejected. Off the grid, vols are linear in moneyness, then in maturity.

**Fingerprint.** The first twelve characters of the SHA-256 of the content: dates, spots, vols, grid, rates. The same
numbers have the same fingerprint whatever their file was called; a generator's card names the one it was trained on.

**What can go wrong.** Vols in percent on some days and decimals on others: such days are rejected. Closes adjusted for
dividends with opens that are not: give both adjusted alike. A calendar full of holes: returns then span several days.

All formats, units and limits are described in `docs/data_formats.md`; templates are on this page.
"""

frame.header("Market data", "Is my file read the way I mean it? What was rejected, and why?")
intake.panel()
st.session_state.setdefault(pending.KIND, "surfaces")
kind: catalogue.Kind = st.sidebar.segmented_control(  # type: ignore[assignment]
    "Kind",
    list(pending.KINDS),
    required=True,
    format_func=pending.KINDS.__getitem__,
    key=pending.KIND,
    persist_state="session",
    width="stretch",
    help="What to look at. Each kind remembers its own dataset, here and on the other pages.",
)
loaded = datasets.pick(kind)
frame.strip(loaded)
frame.metrics(answer.metrics(loaded))
frame.provenance(frame.origin_words(loaded), f"data {loaded.data.fingerprint}")
look, read, formats = st.tabs(pending.TABS, key=pending.TAB, on_change="rerun")
for tab, draw in ((look, preview.preview), (read, reading.what_was_read)):
    if tab.open:
        with tab:
            draw(loaded)
if formats.open:
    with formats:
        reading.example_files()
frame.method(METHOD)
