"""What pages share: plain text stays plain, downloads are harmless, forms come from configurations."""

import io
from dataclasses import dataclass

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from engine.settings import setting
from pages.ui import downloads, frame


@pytest.mark.parametrize("text", ["=HYPERLINK(1)", "+1", "-1", "@SUM(A1)", "\tx", "\rx"])
def test_text_cells_that_a_spreadsheet_would_run_are_prefixed(text: str) -> None:
    table = pd.DataFrame({"note": [text, "plain"], "value": [-1.5, 2.0]})
    back = pd.read_csv(io.BytesIO(downloads.csv_bytes(table)), keep_default_na=False)
    assert back["note"][0].startswith("'")
    assert back["note"][1] == "plain"
    assert back["value"].tolist() == [-1.5, 2.0]


def test_formula_headings_are_prefixed() -> None:
    assert downloads.csv_bytes(pd.DataFrame({"=1+1": [1]})).startswith(b"\"'=1+1")


def test_duplicate_headings_survive_a_download() -> None:
    table = pd.DataFrame([["=a", "=b"]], columns=["x", "x"])
    assert downloads.csv_bytes(table).decode().splitlines() == ['"x","x"', '"\'=a","\'=b"']


def test_parquet_download_reads_back() -> None:
    table = pd.DataFrame({"weight": [0.25, 0.75]})
    pd.testing.assert_frame_equal(pd.read_parquet(io.BytesIO(downloads.parquet_bytes(table))), table)


def test_plain_text_shows_markup_as_it_is() -> None:
    nasty = "![x](http://a/b.png) <script>alert(1)</script> **bold** $x$ :red[y]"

    def script(text: str) -> None:
        import streamlit as st

        from pages.ui import frame

        st.markdown(frame.plain(text))

    shown = AppTest.from_function(script, args=(nasty,)).run().markdown[0].value
    for mark in "![<*$:":
        assert f"\\{mark}" in shown and shown.count(mark) == shown.count(f"\\{mark}")
    assert frame.plain("a\n# b") == "a \\# b"


@dataclass(frozen=True)
class Example:
    epochs: int = setting(10, label="Epochs", help="Passes.", low=1, high=100)
    rate: float = setting(1e-4, label="Rate", help="Step.", low=0.0, high=1.0)
    loss: str = setting("bce", label="Loss", help="Which.", choices=("bce", "volgan"))
    deep: bool = setting(False, label="Deep", help="Or not.", advanced=True)


def test_a_form_has_one_widget_a_setting_with_its_range() -> None:
    def script() -> None:
        import streamlit as st
        from test_ui import Example

        from pages.ui import forms

        st.session_state["values"] = forms.config_fields(Example, key="k")

    app = AppTest.from_function(script).run()
    assert not app.exception
    assert app.session_state["values"] == {"epochs": 10, "rate": 1e-4, "loss": "bce", "deep": False}
    assert (app.number_input(key="k_epochs").min, app.number_input(key="k_epochs").max) == (1, 100)
