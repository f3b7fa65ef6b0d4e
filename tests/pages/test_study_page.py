"""The study page: what to do first, and a finished study's tables."""

from pathlib import Path

from streamlit.testing.v1 import AppTest

from engine import workspace
from engine.runs import studies
from engine.studies.base import STUDIES
from pages.ui import frame

METHODS = {name: text for name, text in frame.parts("library/study_page/method").items() if name != "every study"}


def page() -> AppTest:
    return AppTest.from_file("../../pages/library/study.py", default_timeout=60)


def test_the_first_visit_says_what_to_do() -> None:
    app = page().run()
    assert not app.exception and "has not been run on" in app.info[0].value
    assert [button.label for button in app.button].count("Run it on these data") == len(METHODS)


def test_a_shipped_study_is_there_at_the_first_visit() -> None:
    app = page().run()
    app.sidebar.selectbox(key="study_name").set_value("leaderboard").run()
    assert not app.exception and not app.error and len(app.dataframe[0].value) > 0
    assert "None" not in " ".join(caption.value for caption in app.caption)


def test_a_finished_study_is_read_from_its_run(scenarist_home: Path) -> None:
    order = studies.StudyOrder("surfaces", "simulated-10x8", ("paths=100", "draws=50"))
    studies.run(workspace.runs_dir() / "first", order)
    app = page().run()
    assert not app.exception and not app.error
    assert app.metric[0].label == "Share of days free of arbitrage"
    for table in ("penalty_quantiles", "factor_spx_thesis_quantiles", "vix"):
        app.selectbox(key="study_table").set_value(table).run()
        assert not app.exception and len(app.dataframe[0].value) > 0


def test_every_study_has_its_form_and_its_method() -> None:
    app = page()
    app.session_state["method"] = True
    app.run()
    assert set(METHODS) <= set(STUDIES) and len(app.sidebar.selectbox(key="study_name").options) == len(METHODS)
    for name in METHODS:
        app.sidebar.selectbox(key="study_name").set_value(name).run()
        assert not app.exception and METHODS[name].strip()[:40] in app.markdown[-1].value
