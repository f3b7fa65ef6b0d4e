"""A study as a run: tables and card written whole, resumed by step, refused for other data or settings."""

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from engine import workspace
from engine.errors import CheckpointError, JobError, MarketDataError, SettingsError
from engine.market import export
from engine.market.export import surfaces_table
from engine.market.grid import Grid
from engine.market.surface_history import SurfaceHistory
from engine.models.simulated.market import simulate
from engine.runs import jobs, studies
from engine.runs.studies import StudyOrder
from engine.settings import configuration, setting
from engine.studies import base
from engine.studies.base import Step
from engine.training.progress import Progress, TrainingStopped
from tests.models.small_market import SMALL_GRID


def tiny_study(calls: list[str], broken: set[str]) -> SimpleNamespace:
    """Two steps that note when they run; a step named in ``broken`` fails."""

    @configuration
    class Config:
        size: int = setting(3, label="Size", help="Rows.", low=1, high=9)

    def make(name: str, size: int) -> dict[str, pd.DataFrame]:
        calls.append(name)
        if name in broken:
            raise MarketDataError(f"expected a step that works; found {name}")
        return {f"table_{name}": pd.DataFrame({"x": range(size)})}

    def steps(history: object, config: Config, work: base.Work) -> tuple[Step, ...]:
        return tuple(Step(name, lambda name=name: make(name, config.size)) for name in ("one", "two"))

    def summary(tables: Mapping[str, pd.DataFrame]) -> dict[str, float]:
        return {"rows": float(sum(len(t) for t in tables.values()))}

    return SimpleNamespace(
        LABEL="Tiny", Config=Config, DATA="surfaces", INPUTS=("model",), steps=steps, summary=summary
    )


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> tuple[list[str], set[str]]:
    calls: list[str] = []
    broken: set[str] = set()
    module = tiny_study(calls, broken)
    monkeypatch.setitem(base.STUDIES, "tiny", "tiny")
    monkeypatch.setattr(studies, "study", lambda name: module if name == "tiny" else base.study(name))
    return calls, broken


def order(**changes: object) -> StudyOrder:
    return StudyOrder(**({"name": "tiny", "data": "simulated-10x8"} | changes))  # type: ignore[arg-type]


def test_tables_and_card_are_written_and_read_back(tmp_path: Path, tiny: object) -> None:
    result = studies.run(tmp_path / "run", order(pairs=("size=4",)))
    assert result.table_names() == ("table_one", "table_two") and result.summary == {"rows": 8.0}
    pd.testing.assert_frame_equal(result.table("table_two"), pd.DataFrame({"x": range(4)}))
    again = studies.read(tmp_path / "run")
    assert again == result and again.settings == {"size": 4} and again.label == "Tiny"
    run = jobs.read(tmp_path / "run")
    assert run.state == "done" and run.model == "tiny" and not run.has_checkpoint
    assert "engine study tiny --data simulated-10x8" in jobs.command_of(run)


def test_a_study_that_failed_resumes_with_the_step_it_was_in(tmp_path: Path, tiny: tuple[list[str], set[str]]) -> None:
    calls, broken = tiny
    broken.add("two")
    with pytest.raises(MarketDataError, match="found two"):
        studies.run(tmp_path / "run", order())
    assert jobs.read(tmp_path / "run").state == "failed" and "found two" in jobs.read(tmp_path / "run").reason
    with pytest.raises(CheckpointError):
        studies.read(tmp_path / "run")
    broken.clear()
    result = studies.run(tmp_path / "run", order(data=None, resume=True))
    assert calls == ["one", "two", "two"] and result.summary == {"rows": 6.0}


def test_what_is_doubtful_about_its_data_stays_with_a_study(tmp_path: Path, tiny: object) -> None:
    history = simulate(SMALL_GRID, 60, 4).history
    halved = np.where(np.arange(60) < 30, history.spot, history.spot / 2)
    table = surfaces_table(SurfaceHistory(history.dates, halved, history.iv, history.grid))
    table.to_csv(tmp_path / "split.csv", index=False)
    result = studies.run(tmp_path / "run", order(data=str(tmp_path / "split.csv")))
    assert any("2:1" in doubt for doubt in result.data["doubts"])


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({}, "begun before"),
        ({"resume": True, "pairs": ("size=5",)}, "settings that this study began with"),
        ({"resume": True, "data": "simulated-11x9"}, "data that this study began with"),
        ({"resume": True, "name": "surfaces"}, "found another run"),
    ],
)
def test_a_begun_study_is_not_another_one(tmp_path: Path, tiny: object, changes: dict, sentence: str) -> None:
    studies.run(tmp_path / "run", order())
    with pytest.raises(JobError, match=sentence):
        studies.run(tmp_path / "run", order(**changes))


def test_what_is_no_study_is_said_in_one_sentence(tmp_path: Path, tiny: object) -> None:
    with pytest.raises(SettingsError, match="expected a study among"):
        studies.run(tmp_path / "a", order(name="volcano"))
    with pytest.raises(JobError, match="expected --data"):
        studies.run(tmp_path / "b", order(data=None))
    with pytest.raises(JobError, match="expected surfaces"):
        studies.run(tmp_path / "c", order(data="indices"))
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "letter.txt").write_text("mine")
    with pytest.raises(JobError, match="other files"):
        studies.run(tmp_path / "d", order())
    assert [p.name for p in (tmp_path / "d").iterdir()] == ["letter.txt"]


def test_steps_report_keep_arrays_and_stop_within(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    reports: list[bool] = []

    def steps(history: object, config: object, work: base.Work) -> tuple[Step, ...]:
        def make() -> dict[str, pd.DataFrame]:
            kept = work.checkpointer("weights").load()
            done = 0 if kept is None else int(kept["done"][0])
            work.checkpointer("weights").save({"done": np.array([done + 1]), "w": np.arange(3.0)})
            reports.append(work.report(Progress("halfway", 1, 2, {"loss": 1.5})))
            if done == 0:
                raise TrainingStopped("stopped within")
            return {"done": pd.DataFrame({"x": [done + 1]})}

        return (Step("first", lambda: {"early": pd.DataFrame({"x": [0]})}), Step("long", make))

    module = SimpleNamespace(**{**vars(tiny_study([], set())), "steps": steps})
    monkeypatch.setitem(base.STUDIES, "tiny", "tiny")
    monkeypatch.setattr(studies, "study", lambda name: module)
    with pytest.raises(TrainingStopped):
        studies.run(tmp_path / "run", order())
    assert " 75 %  halfway  ETA ?  loss 1.5" in capsys.readouterr().out
    result = studies.run(tmp_path / "run", order(data=None, resume=True))
    assert result.table("done")["x"].tolist() == [2] and reports == [False, False]
    np.testing.assert_array_equal(result.arrays("weights")["w"], np.arange(3.0))
    for name in ("../weights", "absent"):
        with pytest.raises(CheckpointError):
            result.arrays(name)


def test_a_generator_can_be_named_and_is_held_to_when_resumed(tmp_path: Path, tiny: object) -> None:
    named = {"model": "volgan-simulated-10x8"}
    result = studies.run(tmp_path / "run", order(inputs=named))
    assert result.inputs["model"]["model"] == "volgan" and result.inputs["model"]["ref"] == "volgan-simulated-10x8"
    assert "--model volgan-simulated-10x8" in jobs.command_of(jobs.read(tmp_path / "run"))
    with pytest.raises(JobError, match="another one"):
        studies.run(tmp_path / "run", order(inputs={"model": "volgan-simulated-11x9"}, resume=True))
    with pytest.raises(JobError, match="found --fingan"):
        studies.run(tmp_path / "b", order(inputs={"fingan": "x"}))
    with pytest.raises(JobError, match="found --sectors"):
        studies.run(tmp_path / "c", order(sectors="map.csv"))


def test_finished_studies_are_found_by_name_and_damaged_ones_hide_nothing(scenarist_home: Path, tiny: object) -> None:
    studies.run(workspace.runs_dir() / "good", order())
    studies.run(workspace.runs_dir() / "bad", order())
    (workspace.runs_dir() / "bad" / "result.json").write_text("{")
    assert [result.directory.name for result in studies.catalogue("tiny")] == ["good"]
    assert studies.find("good", "tiny").name == "good"
    for ref, name in (("absent", None), ("good", "surfaces")):
        with pytest.raises(CheckpointError, match="expected a finished study"):
            studies.find(ref, name)


def test_results_name_files_without_saying_where_they_lie(tmp_path: Path, tiny: object) -> None:
    history = simulate(Grid([0.9, 1.0, 1.1], [0.1, 0.5]), 30, seed=1).history
    file = tmp_path / "mine.csv"
    file.write_text(export.surfaces_table(history).to_csv(index=False))
    studies.run(tmp_path / "run", order(data=str(file)))
    text = (tmp_path / "run" / "result.json").read_text()
    assert "mine.csv" in text and str(tmp_path) not in text


def test_table_names_are_no_paths(tmp_path: Path, tiny: object) -> None:
    result = studies.run(tmp_path / "run", order())
    with pytest.raises(CheckpointError, match="name of a table"):
        result.table("../config")
    with pytest.raises(CheckpointError, match="found none"):
        result.table("absent")
