"""Quotes to surface as a visitor finds it."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from engine import datasets
from engine.models.simulated.market import built_in
from engine.surfaces import levels, smoothing, synthetic_quotes

TABS = ["Smiles", "Surface", "Methods", "Residuals", "Dropped", "Arbitrage", "Bandwidth", "Rates and spreads", "VIX"]


def page() -> AppTest:
    return AppTest.from_file("../../pages/surfaces/quotes.py", default_timeout=60)


def metric(app: AppTest, label: str) -> tuple[str, str]:
    found = next(m for m in app.metric if m.label == label)
    return found.value, found.delta


def bandwidth(app: AppTest) -> Any:
    return next(c for c in app.sidebar if getattr(c, "key", None) == "quotes_bandwidth")


def test_the_first_visit_shows_a_surface_and_its_truth() -> None:
    app = page().run()
    assert not app.exception and not app.error
    assert [m.label for m in app.metric] == [
        "Quotes used",
        "Φ of the surface",
        "Inside bid–ask",
        "VIX",
        "Distance to truth",
    ]
    assert metric(app, "Φ of the surface")[0] == "0"
    assert "true surface is known" in app.info[0].value
    assert any("quotes dropped" in c.value for c in app.caption)


def test_every_tab_draws() -> None:
    app = page()
    for tab in TABS:
        app.session_state["quotes_tab"] = tab
        app.run()
        assert not app.exception and not app.error, tab


def test_every_method_answers() -> None:
    app = page().run()
    for method in ("kernel", "kernel+repair", "ssvi", "interpolation", "interpolation+repair"):
        app.sidebar.selectbox(key="quotes_method").set_value(method).run()
        assert not app.exception and not app.error, method
        assert method in ("kernel", "interpolation") or metric(app, "Φ of the surface")[0] == "0"
    for tab in ("Arbitrage", "Bandwidth", "Surface"):
        app.session_state["quotes_tab"] = tab
        app.run()
        assert not app.exception and not app.error, tab


def test_traded_quotes_alone_and_one_carry_are_fewer() -> None:
    app = page().run()
    before = metric(app, "Quotes used")[0]
    app.sidebar.toggle(key="quotes_untraded").set_value(False).run()
    app.sidebar.radio(key="quotes_rates").set_value("day").run()
    assert not app.exception
    assert int(metric(app, "Quotes used")[0].replace(",", "")) < int(before.replace(",", ""))


def test_each_method_shows_its_share_beside_it() -> None:
    app = page()
    app.session_state["quotes_tab"] = "Methods"
    app.run()
    said = next(c.value for c in app.sidebar.caption if "Inside bid" in c.value).replace("\\", "")
    assert all(name in said for name in smoothing.METHODS.values())
    assert len(app.dataframe[0].value) == len(smoothing.METHODS)


def test_bandwidths_can_be_published_or_ones_own() -> None:
    app = page()
    app.session_state["command"] = True
    app.run()
    app.sidebar.selectbox(key="quotes_method").set_value("kernel").run()
    bandwidth(app).set_value("Thesis").run()
    assert "bandwidth=(0.002, 0.046)" in app.code[0].value
    bandwidth(app).set_value("Own").run()
    app.sidebar.number_input(key="quotes_h1").set_value(0.01).run()
    assert "bandwidth=(0.01, 0.046)" in app.code[0].value
    assert not app.exception


def test_any_grid_can_be_typed_and_a_wrong_one_is_explained() -> None:
    app = page().run()
    app.sidebar.selectbox(key="quotes_grid").set_value("Own").run()
    assert not app.exception and not app.error
    box = next(a for a in app.sidebar.text_area if a.key.startswith("quotes_levels"))
    box.set_value("log: -0.1, 0, 0.1 x 21d, 45d").run()
    assert not app.exception and not app.error
    for text, sentence in (("0.9,1,0.95 x 21d,45d", "strictly increasing"), ("0.9,ten x 21d", "levels as numbers")):
        next(a for a in app.sidebar.text_area if a.key.startswith("quotes_levels")).set_value(text).run()
        assert sentence in app.error[0].value.replace("\\", "")


def upload(table: pd.DataFrame, name: str = "quotes.csv") -> None:
    frame = table.assign(type=table["is_call"].map({True: "C", False: "P"}))
    datasets.store_upload([(name, frame.drop(columns=["is_call", "iv"]).to_csv(index=False).encode())], kind="quotes")


def several_days() -> pd.DataFrame:
    history = built_in("simulated-11x9").history
    return pd.concat([synthetic_quotes.from_history(history, row).table for row in (-3, -2, -1)])


def test_uploaded_days_become_a_dataset_of_surfaces() -> None:
    upload(several_days())
    app = page().run()
    app.sidebar.selectbox(key="quotes_dataset").set_value(datasets.catalogue("quotes")[1].id).run()
    assert not app.exception and not app.error
    assert app.info == [] or "true surface" not in app.info[0].value
    app.session_state["quotes_tab"] = "All days"
    app.run()
    app.button(key="quotes_build").click().run()
    assert not app.exception and not app.error
    assert "3 surfaces built, no day skipped" in app.success[0].value.replace("\\", "")
    made = next(e for e in datasets.catalogue("surfaces") if e.origin == "upload")
    assert app.session_state["surfaces_dataset"] == made.id
    surfaces = datasets.load(made.id).data
    assert len(surfaces) == 3 and surfaces.grid == levels.proposed_for(
        datasets.load(datasets.catalogue("quotes")[1].id).data
    )


def test_a_bad_day_says_why() -> None:
    table = several_days()
    upload(table[(table["date"] == table["date"].max()) & table["is_call"]])
    app = page().run()
    app.sidebar.selectbox(key="quotes_dataset").set_value(datasets.catalogue("quotes")[1].id).run()
    assert not app.exception
    assert "no puts" in app.error[0].value


@pytest.mark.market_data
def test_the_spx_day_on_the_page(market_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCENARIST_DATA", str(market_data))
    app = page().run()
    entry = next(e for e in datasets.catalogue("quotes") if e.origin == "local")
    app.sidebar.selectbox(key="quotes_dataset").set_value(entry.id).run()
    assert not app.exception and not app.error
    assert metric(app, "Quotes used") == ("5,677", "of 12,626")
    assert 15.90 < float(metric(app, "VIX")[0]) < 16.05
