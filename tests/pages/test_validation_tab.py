"""The validation tab: shipped at once, of one's own data after a job, and what to do when there is none."""

from itertools import pairwise
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from engine import workspace
from engine.runs import jobs, studies
from pages.generators.next_day_page.validation import SECTIONS, verdict, wrong_series
from tests.models.small_market import small_history

SMALL = ("members=1", "epochs=1", "scenarios=100", "paths=20", "train_share=0.6")


def tab() -> AppTest:
    def script() -> None:
        import streamlit as st

        from pages.generators.next_day_page import validation
        from pages.ui import datasets

        validation.draw(datasets.pick("surfaces"))
        st.text("end of page")

    return AppTest.from_function(script, default_timeout=120)


def own_file(folder: Path) -> Path:
    from engine.market.export import surfaces_table

    path = folder / "mine.csv"
    surfaces_table(small_history(110)).to_csv(path, index=False)
    return path


def test_the_first_visit_shows_the_shipped_validation() -> None:
    app = tab().run()
    assert not app.exception and not app.error and app.text[-1].value == "end of page"
    assert app.metric[0].label == "Days inside the 95 % bands" and "%" in app.metric[0].value
    words = " ".join(block.value for block in app.markdown)
    assert "Where the model is wrong" in words and "True law" in words
    assert "--model volgan-stacked-10x8" in app.code[0].value
    assert not app.info  # it is of the data that the page shows


def test_every_section_opens() -> None:
    app = tab().run()
    for section in SECTIONS:
        app.segmented_control(key="validation_section").set_value(section).run()
        assert not app.exception and not app.error, section
        assert len(app.dataframe) >= 2 and app.get("plotly_chart"), section


def test_other_data_get_the_shipped_one_with_a_word_and_then_their_own(
    tmp_path: Path, scenarist_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = own_file(tmp_path)
    monkeypatch.setenv("SCENARIST_DATA", str(tmp_path))
    app = tab().run()
    app.sidebar.selectbox[0].set_value("local-mine.csv").run()
    assert not app.exception and "No validation on mine\\.csv" in app.info[0].value
    assert not app.dataframe
    app.toggle(key="others_validation").set_value(True).run()
    assert app.dataframe and "results of other data" in app.warning[0].value
    studies.run(workspace.runs_dir() / "own", studies.StudyOrder("volgan", str(path), SMALL))
    app.run()
    assert not app.exception and not app.info
    assert "own-again" in app.code[0].value and "1 network" in " ".join(block.value for block in app.caption)


def test_the_button_starts_the_job_with_the_chosen_generators(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[list[str]] = []

    def start(arguments: list[str], directory: Path) -> jobs.Run:
        asked.append(list(arguments))
        return jobs.Run(directory, "queued")

    monkeypatch.setattr(jobs, "start", start)
    app = tab().run()
    app.number_input(key="validation_scenarios").set_value(500)
    app.button[-1].click().run()
    assert not app.exception and len(asked) == 1
    words = asked[0]
    assert words[:3] == ["study", "volgan", "--data=simulated-10x8"] and "scenarios=500" in words
    named = dict(pairwise(words))
    assert named["--model"] == "volgan-stacked-10x8" and named["--bce"] == "volgan-without-smoothness-10x8"


def test_a_failed_validation_says_why(tmp_path: Path, scenarist_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from engine.runs import run_directory

    run = workspace.runs_dir() / "broken"
    run.mkdir(parents=True)
    about = {"ref": "simulated-10x8", "origin": "built-in", "name": "x", "digest": "0" * 64, "period": ["a", "b"]}
    config = {"format": 1, "verb": "study", "model": "volgan", "data": about, "settings": {}, "inputs": {}}
    workspace.write_json(run / "config.json", config)
    run_directory.write_status(
        run, {"state": "failed", "pid": None, "started": "", "ended": "", "reason": "expected a disk; found none"}
    )
    app = tab().run()
    assert not app.exception and "expected a disk" in app.error[0].value


def test_verdicts_name_the_farthest_quantile() -> None:
    import pandas as pd

    rows = [("fhs", "S", 0.01, 0.012, 1.0), ("fhs", "S", 0.99, 0.99, 1.0)]
    rows += [("volgan", "S", 0.01, 0.2, 0.0), ("volgan", "VIX", 0.99, 0.95, 0.6), ("volgan", "S", 0.99, 0.9, 0.4)]
    table = pd.DataFrame(rows, columns=["model", "series", "level", "share", "not_rejected"])
    assert wrong_series(table, "volgan") == ["S"] and wrong_series(table, "fhs") == []
    assert "1 of 2 series" in verdict(table, "volgan")
    assert "S, 20.0 % of days below its 1 % quantile" in verdict(table, "volgan")
    assert "no quantile of the 1 series" in verdict(table, "fhs")


def test_built_in_data_are_known_by_id_and_files_by_content(tmp_path: Path) -> None:
    from engine import datasets as catalogue
    from pages.ui import datasets

    loaded = catalogue.load("simulated-10x8")
    about = {"origin": "built-in", "ref": "simulated-10x8", "digest": "of another processor"}
    assert datasets.same(about, loaded) and not datasets.same({**about, "ref": "simulated-11x9"}, loaded)
    own = catalogue.load(str(own_file(tmp_path)))
    assert datasets.same({"digest": own.data.digest, "ref": "elsewhere", "origin": "upload"}, own)
    assert not datasets.same({"digest": "0", "ref": own.entry.id, "origin": own.origin}, own)
