"""Trained generators side by side: the days after training, the baseline beside them, and what is refused."""

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from engine import datasets, settings, workspace
from engine.errors import CheckpointError, JobError, SettingsError
from engine.market import export
from engine.market.grid import Grid
from engine.models.registry import surface_model
from engine.models.simulated.market import simulate
from engine.runs import checkpoints, studies
from engine.runs.cards import Card
from engine.runs.studies import StudyOrder
from engine.studies import generators
from engine.studies.base import Work
from engine.studies.generators import BASELINE, scoring, study
from engine.studies.generators.scoring import Contestant, SurfaceScoringConfig
from engine.studies.generators.study import GeneratorsConfig, first_test_day, labels

GRID = Grid([0.9, 1.0, 1.1], [0.1, 0.5, 1.0])
HISTORY = simulate(GRID, 300, seed=4).history
CUT = 240


def trained(name: str, cut: int = CUT):
    model = surface_model(name)()
    report = model.fit(HISTORY[:cut], seed=0)
    facts = {
        "ref": f"somewhere/{name}",
        "model": name,
        "label": model.label,
        "data_name": "small",
        "data_fingerprint": HISTORY.fingerprint,
        "trained_on": list(report.trained_on),
    }
    return model, facts


def work(*names: str) -> Work:
    parts = [trained(name) for name in names]
    models = tuple(model for model, _ in parts)
    return Work({"models": models}, {"models": {"parts": [facts for _, facts in parts]}})


def test_tables_are_those_of_the_scoring_protocol_without_refits() -> None:
    given = work("historical", "linear_anchor")
    (step,) = generators.steps(HISTORY, GeneratorsConfig(scenarios=60), given)
    tables = step.make()
    models = given.inputs["models"]
    entered = [Contestant(n, m, refit=False, fitted=True) for n, m in zip(("a", "b"), models, strict=True)]
    entered.append(Contestant("fhs", surface_model("fhs")(), refit=False))
    first = str(HISTORY.dates[CUT - 1])  # the last condition of the training part is the day before
    expected = scoring.run(
        HISTORY,
        entered,
        SurfaceScoringConfig(scenarios=60, refit_every=study.STRETCH, baseline="fhs"),
        train_before=first,
    )
    scores = tables["scores"].set_index("model")
    assert list(scores.index) == ["historical", "linear_anchor", BASELINE]
    np.testing.assert_allclose(scores["energy"], [model.energy.mean() for model in expected.models], rtol=1e-12)
    assert tables["days"]["date"].iloc[0] == HISTORY.dates[CUT - 1] and len(tables["days"]) == 300 - CUT
    assert tables["generators"]["registered"].tolist() == ["historical", "linear_anchor", "fhs"]
    found = generators.summary(tables)
    assert found["smallest_ratio_to_it"] == pytest.approx(scores["energy"].iloc[:2].min() / scores["energy"].iloc[2])
    assert found["test_days"] == 60
    assert "truth" in tables  # the data are the simulated market's


def test_the_test_begins_after_the_longest_training_on_these_data() -> None:
    about = [
        {"trained_on": ["2000-01-01", "2001-01-05"], "data_fingerprint": HISTORY.fingerprint},
        {"trained_on": ["2000-01-01", "2002-02-03"], "data_fingerprint": HISTORY.fingerprint},
        {"trained_on": ["2000-01-01", "2009-09-09"], "data_fingerprint": "other"},
    ]
    assert first_test_day(HISTORY, "", about) == "2002-02-04"
    assert first_test_day(HISTORY, "", about[2:]) is None
    assert first_test_day(HISTORY, "2005-05-05", about) == "2005-05-05"
    built_in = dataclasses.replace(HISTORY, name="simulated-10x8")  # drawn on another machine, another last digit
    assert first_test_day(built_in, "", [{**about[2], "data_origin": "built-in"}, about[0]]) == "2009-09-10"
    with pytest.raises(SettingsError, match="test_from as YYYY-MM-DD"):
        first_test_day(HISTORY, "soon", about)


def test_the_same_generator_twice_and_none_at_all_are_refused() -> None:
    with pytest.raises(SettingsError, match="found 'fhs' twice"):
        labels([{"ref": "a/fhs"}, {"ref": "b/fhs/"}])
    with pytest.raises(SettingsError, match="expected trained generators"):
        generators.steps(HISTORY, GeneratorsConfig(), Work())


@pytest.fixture
def runs(scenarist_home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> datasets.Loaded:
    """Two trained generators in the workspace, and their data as an upload."""
    monkeypatch.setattr(workspace, "shipped_checkpoints_dir", lambda: tmp_path / "none")
    loaded = datasets.store_upload([("s.csv", export.surfaces_table(HISTORY).to_csv(index=False).encode())])
    for name in ("historical", "persistence"):
        model = surface_model(name)()
        report = model.fit(loaded.data[:CUT], seed=0)
        card = Card(
            model=name,
            label=model.label,
            config=settings.to_dict(model.config),
            domain=GRID,
            data_name=loaded.label,
            data_fingerprint=loaded.data.fingerprint,
            data_period=loaded.data.period,
            data_origin=loaded.origin,
            trained_on=report.trained_on,
            seed=0,
        )
        checkpoints.save(workspace.runs_dir() / name, model, card)
    return loaded


def test_the_study_runs_from_the_names_of_runs(runs: datasets.Loaded) -> None:
    directory = workspace.runs_dir() / "compared"
    order = StudyOrder("generators", runs.entry.id, ("scenarios=60",), inputs={"models": "historical, persistence"})
    result = studies.run(directory, order)
    assert list(result.table("scores")["model"]) == ["historical", "persistence", BASELINE]
    parts = result.inputs["models"]["parts"]
    assert [part["model"] for part in parts] == ["historical", "persistence"] and len(parts[0]["digest"]) == 64
    assert pd.Timestamp(result.table("days")["date"][0]) > pd.Timestamp(parts[0]["trained_on"][1])
    again = studies.run(directory, StudyOrder("generators", resume=True))
    assert again.summary == result.summary


def test_a_generator_that_is_none_is_one_sentence(runs: datasets.Loaded) -> None:
    order = StudyOrder("generators", runs.entry.id, inputs={"models": "historical,nothing"})
    with pytest.raises(CheckpointError, match="found none called 'nothing'"):
        studies.run(workspace.runs_dir() / "compared", order)
    with pytest.raises(JobError, match="takes \\(none\\); found --models"):
        studies.run(workspace.runs_dir() / "other", StudyOrder("leaderboard", runs.entry.id, inputs={"models": "x"}))
