"""Market data: what was read from a file, what was rejected and why, and what the data look like."""

import streamlit as st

from engine import datasets as catalogue
from pages.data.market_data_page import KIND, KINDS, TAB, TABS, next_steps, panel, preview, what_was_read
from pages.ui import datasets, forms, frame

frame.header("Market data", "Is my file read the way I mean it? What was rejected, and why?")
datasets.asked_kind(KIND)
panel()
st.session_state.setdefault(KIND, "surfaces")
kind: catalogue.Kind = forms.Remembered(st.sidebar).segmented_control(
    "Kind",
    list(KINDS),
    required=True,
    format_func=KINDS.__getitem__,
    key=KIND,
    width="stretch",
    help="What to look at. Each kind remembers its own dataset, here and on the other pages.",
)
loaded = datasets.pick(kind)
frame.strip(loaded)
next_steps(loaded)
frame.metrics(preview.metrics(loaded))
frame.provenance(frame.origin_words(loaded))
drawn = (preview.show, what_was_read.show, lambda loaded: what_was_read.templates_of_formats())
frame.tabs(dict(zip(TABS, drawn, strict=True)), loaded, key=TAB)
frame.method(frame.prose("data/market_data_page/method"))
