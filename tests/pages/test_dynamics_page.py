"""The dynamics page as a visitor finds it."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from engine.market import export
from engine.models.simulated import market as simulated_market

PAGE = Path(__file__).resolve().parents[2] / "pages" / "surfaces" / "dynamics.py"
TABS = ("Average surface", "Components", "Factors", "Mean reversion", "Returns", "Realised and implied")


def opened(tab: str = TABS[0]) -> AppTest:
    app = AppTest.from_file(str(PAGE), default_timeout=60)
    app.session_state["dynamics_tab"] = tab
    return app.run()


def test_the_first_visit_answers_with_published_figures_beside() -> None:
    app = opened()
    assert not app.exception and not app.error
    labels = [metric.label for metric in app.metric]
    assert labels == ["Level explains", "First 4 explain", "More than noise", "Returns and ΔX¹", "Realised / 1M ATM"]
    deltas = " ".join(metric.delta for metric in app.metric)
    for published in ("68.9 %", "90.6 %", "4 of 80", "−38.2 %", "0.59"):
        assert published in deltas
    assert "5,740 days, in sample" in app.caption[0].value and "simulated market" in app.caption[0].value


@pytest.mark.parametrize("tab", TABS)
def test_every_tab_draws(tab: str) -> None:
    app = opened(tab)
    assert not app.exception and not app.error
    assert len(app.get("plotly_chart")) >= 1
    assert len(app.get("download_button")) >= 2


def test_the_truth_of_the_simulated_market_is_shown_beside_the_estimates() -> None:
    app = opened("Mean reversion")
    estimates, truth = (frame.value for frame in app.dataframe)
    assert "[4.414]" in estimates["γ per √year [SPX]"][0]
    assert np.all(truth["Cosine with the true shape"].astype(float) >= 0.99)


def test_settings_change_the_answer() -> None:
    app = opened("Components")
    app.sidebar.number_input(key="dynamics_components").set_value(2)
    app.sidebar.button[0].click().run()
    assert app.metric[1].label == "First 2 explain" and len(app.dataframe[0].value) == 2
    assert not app.exception


def test_short_data_say_what_is_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    table = export.surfaces_table(simulated_market.built_in("simulated-10x8").history[:70])
    table.to_csv(tmp_path / "short.csv", index=False)
    monkeypatch.setenv("SCENARIST_DATA", str(tmp_path))
    app = AppTest.from_file(str(PAGE), default_timeout=60)
    app.session_state["surfaces_dataset"] = "local-short.csv"
    app.session_state["dynamics_tab"] = "Returns"
    app.run()
    assert not app.exception
    notes = " ".join(note.value for note in app.info)
    assert "too few" in notes and "longer than the 69" in notes


def test_the_page_never_imports_torch() -> None:
    code = (
        "import sys; from streamlit.testing.v1 import AppTest; "
        f"app = AppTest.from_file({str(PAGE)!r}, default_timeout=60).run(); assert not app.exception; "
        "print([m for m in ('torch', 'sklearn', 'statsmodels') if m in sys.modules])"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], cwd=PAGE.parents[2], capture_output=True, text=True, timeout=120
    )
    assert found.stdout.strip().splitlines()[-1] == "[]", found.stderr[-500:]
