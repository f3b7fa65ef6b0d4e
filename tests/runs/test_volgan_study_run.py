"""The validation as a run: trained generators named with --model and --bce, kept arrays, what they must be."""

from pathlib import Path

import numpy as np
import pytest

from engine import workspace
from engine.errors import JobError, SettingsError
from engine.market.export import surfaces_table
from engine.runs import studies, worker
from engine.runs.studies import StudyOrder
from engine.studies.volgan import BANDS
from tests.models.small_market import small_history

SMALL = ("scenarios=100", "paths=20")


@pytest.fixture
def trained(tmp_path: Path, scenarist_home: Path) -> str:
    """A file of surfaces, and both generators trained on its first 60 % as runs of the workspace."""
    path = tmp_path / "surfaces.csv"
    surfaces_table(small_history(110)).to_csv(path, index=False)
    for name, loss in (("smooth", "volgan"), ("plain", "bce")):
        pairs = (f"loss={loss}", "epochs=1", "members=2")
        worker.train(workspace.runs_dir() / name, worker.Order("volgan", str(path), pairs, seed=1, split="0.6"))
    return str(path)


def test_named_generators_are_validated_not_trained(trained: str, tmp_path: Path) -> None:
    order = StudyOrder("volgan", trained, SMALL, inputs={"model": "smooth", "bce": "plain"})
    result = studies.run(tmp_path / "run", order)
    penalty = result.table("penalty").set_index(["model", "statistic"])
    assert penalty.loc[("volgan", "mean"), "seeds"] == 2 and penalty.loc[("bce", "mean"), "seeds"] == 2
    assert result.inputs["model"]["ref"] == "smooth" and result.inputs["bce"]["ref"] == "plain"
    trained_until = np.datetime64(result.inputs["model"]["trained_on"][1])
    scores = result.table("scores")
    first = np.datetime64(scores.loc[scores["part"] == "test", "date"].iloc[0])
    assert first == trained_until + 2  # the day after training is the first condition, its target the day after that
    bands = result.arrays(BANDS)
    assert len(bands["realised"]) == (scores["part"] == "test").sum() and "fhs" in bands
    assert not list((tmp_path / "run" / "arrays").glob("*training*"))


def test_generators_of_the_wrong_kind_are_refused(trained: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="loss=bce for --bce"):
        studies.run(
            tmp_path / "swapped", StudyOrder("volgan", trained, SMALL, inputs={"model": "smooth", "bce": "smooth"})
        )
    with pytest.raises(JobError, match="takes"):
        studies.run(tmp_path / "odd", StudyOrder("volgan", trained, SMALL, inputs={"fingan": "smooth"}))
