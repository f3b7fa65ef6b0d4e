"""Static arbitrage and factor models as a visitor finds them, and the commands that give the figures of pages again."""

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from engine.market.grid import CH2_GRID
from engine.surfaces import arbitrage_report
from pages.surfaces.arbitrage_page import shift_words


def page(name: str) -> AppTest:
    return AppTest.from_file(f"../../pages/surfaces/{name}.py", default_timeout=60)


def test_static_arbitrage_answers_at_first_sight_and_follows_the_day() -> None:
    app = page("arbitrage").run()
    assert not app.exception and not app.error
    labels = [metric.label for metric in app.metric]
    assert labels[:3] == ["Days free of arbitrage", "Φ, mean", "Φ, 99 % quantile"]
    assert not app.slider  # closed tabs draw nothing
    app.session_state["arbitrage_tab"] = "One day"
    app.run()
    assert any("worst is" in m.value for m in app.markdown)
    day = app.sidebar.date_input[0]
    assert str(day.value) == app.metric[3].value  # the day with the largest Φ, at first
    day.set_value(day.min).run()
    assert not app.exception
    assert any("No static arbitrage" in s.value for s in app.success) or any(
        "worst is" in m.value for m in app.markdown
    )


def test_more_noise_breaks_more_surfaces() -> None:
    app = page("arbitrage")
    app.session_state["arbitrage_tab"] = "Noise"
    app.run()
    few = float(app.metric[4].value.split()[0])
    app.slider(key="noise_sd").set_value(1.0).run()
    assert float(app.metric[4].value.split()[0]) > few


def test_factor_models_show_tables_beside_the_thesis_and_beta_does_not_simulate_again() -> None:
    app = page("factor_model").run()
    assert not app.exception and not app.error
    assert app.metric[0].label == "Paths with arbitrage" and "thesis 62.8 %" in app.metric[0].delta
    first = app.metric[0].value
    app.sidebar.select_slider[0].set_value("1e15").run()
    assert app.metric[0].value == first and not app.exception
    assert "β = 0" in app.metric[2].delta
    assert not app.code  # nor does what is folded
    app.session_state["command"] = True
    app.run()
    assert any("factor_models.run(history" in code.value for code in app.code)


def test_shifts_are_told_in_words() -> None:
    falling = np.full(CH2_GRID.shape, 0.3) * np.linspace(1.1, 0.9, 8)  # total variance rises, less and less
    words = shift_words(*arbitrage_report.shift_experiment(falling, CH2_GRID, highest=0.2, steps=50))
    assert words.startswith("No shift up to +20 vol points violates anything. Shifted down, violations begin at −")
    assert "vol points: Calendar P1." in words
    words = shift_words(*arbitrage_report.shift_experiment(np.full(CH2_GRID.shape, 0.2), CH2_GRID, steps=9))
    assert "No shift down to −20 vol points violates anything." in words


@pytest.mark.parametrize("name", ["arbitrage", "dynamics", "factor_model", "quotes"])
def test_the_command_under_the_page_runs(name: str) -> None:
    app = page(name)
    app.session_state["command"] = True
    app.run()
    exec(app.code[0].value, {})
