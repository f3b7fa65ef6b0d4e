"""The process of a job, run here: what it writes, what it refuses, and how it ends when things go wrong."""

import errno
import json
import os
import signal
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from run_samples import GRID, write_surfaces

from engine import tensor_file, workspace
from engine.errors import CheckpointError, JobError, MarketDataError, ScenaristError, SettingsError
from engine.market.surface_history import SurfaceHistory
from engine.runs import checkpoints, jobs, run_directory, worker
from engine.runs.worker import Order, TrainingFailed
from engine.training.progress import TrainingStopped


@pytest.fixture
def order(surfaces_csv: Path) -> Callable[..., Order]:
    def make(*pairs: str, **changes: object) -> Order:
        values = {"model": "slow_walk", "data": str(surfaces_csv), "pairs": pairs, **changes}
        return Order(**values)  # type: ignore[arg-type]

    return make


@pytest.fixture
def run_dir(scenarist_home: Path) -> Path:
    return scenarist_home / "runs" / "walk"


def weights(directory: Path) -> np.ndarray:
    return checkpoints.load(directory)[0].state()["weights"]


def status(directory: Path) -> dict[str, object]:
    return json.loads((directory / run_directory.STATUS).read_text())


def stop_at(monkeypatch: pytest.MonkeyPatch, epoch: int, number: signal.Signals = signal.SIGTERM) -> None:
    """A signal arrives while an epoch is reported."""
    real = worker.ProgressWriter.report

    def reporting(self: worker.ProgressWriter, progress: worker.Progress, *, last: bool = False) -> object:
        if progress.done == epoch:
            os.kill(os.getpid(), number)
        return real(self, progress, last=last)

    monkeypatch.setattr(worker.ProgressWriter, "report", reporting)


def test_a_run_leaves_its_files(run_dir: Path, order: Callable[..., Order], surfaces_csv: Path) -> None:
    card = worker.train(run_dir, order("epochs=5", seed=3))
    config = json.loads((run_dir / "config.json").read_text())
    assert config["verb"] == "train" and config["model"] == "slow_walk" and config["seed"] == 3
    assert config["settings"]["epochs"] == 5 and config["split"] == "0.85"
    assert config["data"]["ref"] == str(surfaces_csv) and config["data"]["name"] == "surfaces.csv"
    assert status(run_dir)["state"] == "done" and status(run_dir)["reason"] == ""
    assert {path.name for path in run_dir.iterdir()} == {
        ".lock",
        "card.json",
        "config.json",
        "keep.safetensors",
        "progress.jsonl",
        "status.json",
        "weights.safetensors",
    }
    _, loaded = checkpoints.load(run_dir)
    assert loaded == card
    assert (card.model, card.label, card.seed, card.grid) == ("slow_walk", "Slow walk", 3, GRID)
    assert card.data_origin == "file" and card.data_name == "surfaces.csv"
    assert card.data_fingerprint == config["data"]["digest"][:12]
    assert card.data_period == ("2020-01-01", "2020-03-24") and card.trained_on == ("2020-01-01", "2020-03-11")
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


@pytest.mark.parametrize(
    ("text", "days"), [("0.85", 51), ("0.5", 30), ("1", 60), ("1.0", 60), ("2020-01-31", 23), ("2020-02-01", 23)]
)
def test_the_training_part(surfaces_csv: Path, text: str, days: int) -> None:
    from engine import datasets

    history = datasets.load(str(surfaces_csv)).data
    assert isinstance(history, SurfaceHistory) and len(worker.split(history, text)) == days


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "nan", "half", "2019-01-01", "2020-13-01", "0.0001", ""])
def test_impossible_training_parts(run_dir: Path, order: Callable[..., Order], text: str) -> None:
    with pytest.raises((JobError, MarketDataError), match="expected"):
        worker.train(run_dir, order(split=text))
    assert not run_dir.exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_at_the_next_report_and_the_run_resumes_to_the_same_weights(
    run_dir: Path, order: Callable[..., Order], monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    worker.train(run_dir.with_name("undisturbed"), order("epochs=12"))
    with monkeypatch.context() as patch:
        stop_at(patch, 5, number)
        with pytest.raises(TrainingStopped, match="after 5 of 12"):
            worker.train(run_dir, order("epochs=12"))
    assert status(run_dir)["state"] == "cancelled" and "resumed" in str(status(run_dir)["reason"])
    assert jobs.read(run_dir).resumable and not jobs.read(run_dir).has_checkpoint
    with pytest.raises(JobError, match="--resume"):
        worker.train(run_dir, order("epochs=12"))
    worker.train(run_dir, Order(resume=True))
    np.testing.assert_array_equal(weights(run_dir), weights(run_dir.with_name("undisturbed")))
    assert status(run_dir)["state"] == "done"
    assert jobs.progress(run_dir).losses.epochs[-1] == 12


def test_a_finished_run_is_not_overwritten_but_can_be_made_longer(run_dir: Path, order: Callable[..., Order]) -> None:
    worker.train(run_dir, order("epochs=4"))
    with pytest.raises(JobError, match="finished"):
        worker.train(run_dir, order("epochs=4"))
    worker.train(run_dir.with_name("longer"), order("epochs=9"))
    worker.train(run_dir, Order(pairs=("epochs=9",), resume=True))
    np.testing.assert_array_equal(weights(run_dir), weights(run_dir.with_name("longer")))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"pairs": ("pause=1",)}, "pause"),
        ({"seed": 1}, "seed"),
        ({"split": "0.5"}, "split"),
        ({"model": "volgan"}, "model"),
        ({"pairs": ("nothing=1",)}, "nothing"),
    ],
)
def test_a_resumed_run_cannot_become_another(
    run_dir: Path, order: Callable[..., Order], changes: dict[str, object], words: str
) -> None:
    worker.train(run_dir, order("epochs=4"))
    before = {path.name: path.read_bytes() for path in run_dir.iterdir()}
    with pytest.raises(ScenaristError, match=words):
        worker.train(run_dir, Order(resume=True, **changes))  # type: ignore[arg-type]
    assert {path.name: path.read_bytes() for path in run_dir.iterdir()} == before


def test_other_data_under_the_same_name_are_refused(
    run_dir: Path, order: Callable[..., Order], surfaces_csv: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop_at(monkeypatch, 2)
    with pytest.raises(TrainingStopped):
        worker.train(run_dir, order())
    write_surfaces(surfaces_csv, seed=2)
    with pytest.raises(JobError, match="fingerprint"):
        worker.train(run_dir, Order(resume=True))
    assert status(run_dir)["state"] == "cancelled"


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"model": "no_such"}, SettingsError),
        ({"model": None}, JobError),
        ({"data": "no_such"}, MarketDataError),
        ({"data": None}, JobError),
        ({"data": "indices"}, JobError),
        ({"pairs": ("epochs",)}, SettingsError),
        ({"pairs": ("epochs=0",)}, SettingsError),
        ({"seed": -1}, JobError),
        ({"seed": 1 << 63}, JobError),
        ({"resume": True}, JobError),
    ],
)
def test_an_order_that_cannot_be_carried_out_changes_nothing(
    run_dir: Path, order: Callable[..., Order], changes: dict[str, object], error: type[Exception]
) -> None:
    with pytest.raises(error, match="expected"):
        worker.train(run_dir, order(**changes))
    assert not run_dir.exists()


def test_a_folder_with_other_files_is_left_alone(run_dir: Path, order: Callable[..., Order]) -> None:
    run_dir.mkdir(parents=True)
    (run_dir / "thesis.tex").write_text("precious")
    for resume in (False, True):
        with pytest.raises(JobError, match="other files"):
            worker.train(run_dir, order(resume=resume))
    assert [path.name for path in run_dir.iterdir()] == ["thesis.tex"]
    with pytest.raises(JobError, match="found a file"):
        worker.train(run_dir / "thesis.tex", order())


def test_diverged_training_says_so_and_may_be_begun_again(run_dir: Path, order: Callable[..., Order]) -> None:
    with pytest.raises(TrainingFailed, match="learning rate"):
        worker.train(run_dir, order("fail_at=1"))
    assert status(run_dir)["state"] == "failed" and "learning rate" in str(status(run_dir)["reason"])
    worker.train(run_dir, order("epochs=2"))  # nothing was kept, so the name is free
    assert status(run_dir)["state"] == "done"


def test_an_unforeseen_error_is_one_sentence_and_a_traceback_in_the_log(
    run_dir: Path, order: Callable[..., Order], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(TrainingFailed, match="ZeroDivisionError: a bug"):
        worker.train(run_dir, order("fail_at=3", "how=bug"))
    assert "Traceback" in capsys.readouterr().err
    assert "Traceback" not in str(status(run_dir)["reason"])


def test_a_full_disk_while_keeping_leaves_the_state_before_and_the_run_resumes(
    run_dir: Path, order: Callable[..., Order], monkeypatch: pytest.MonkeyPatch
) -> None:
    worker.train(run_dir.with_name("undisturbed"), order("epochs=8"))
    real, calls = worker.write_whole, {"n": 0}

    def filling(path: Path, data: bytes) -> None:
        if path.name == run_directory.KEEP:
            calls["n"] += 1
            if calls["n"] == 5:
                with monkeypatch.context() as patch:
                    patch.setattr(os, "fsync", no_space)
                    real(path, data)
        real(path, data)

    with monkeypatch.context() as patch:
        patch.setattr(worker, "write_whole", filling)
        with pytest.raises(TrainingFailed, match=r"disk .* full"):
            worker.train(run_dir, order("epochs=8"))
    found = jobs.read(run_dir)
    assert found.state == "failed" and found.resumable and "full" in found.reason
    kept = tensor_file.from_bytes((run_dir / run_directory.KEEP).read_bytes(), "kept")
    assert int(kept["epoch"]) == 4
    assert not [path for path in run_dir.iterdir() if path.name.startswith(".keep")]
    worker.train(run_dir, Order(resume=True))
    np.testing.assert_array_equal(weights(run_dir), weights(run_dir.with_name("undisturbed")))


def test_a_full_disk_at_the_end_keeps_the_old_checkpoint(
    run_dir: Path, order: Callable[..., Order], monkeypatch: pytest.MonkeyPatch
) -> None:
    worker.train(run_dir, order("epochs=3"))
    before = weights(run_dir)
    with monkeypatch.context() as patch:
        patch.setattr(run_directory, "write_together", no_space)
        with pytest.raises(TrainingFailed, match="full"):
            worker.train(run_dir, Order(pairs=("epochs=6",), resume=True))
    assert status(run_dir)["state"] == "failed"
    np.testing.assert_array_equal(weights(run_dir), before)
    worker.train(run_dir, Order(resume=True))
    assert not np.array_equal(weights(run_dir), before)


def test_on_a_really_full_disk_the_status_still_says_so(
    tmp_path: Path, order: Callable[..., Order], monkeypatch: pytest.MonkeyPatch
) -> None:
    import subprocess

    mount = tmp_path / "small"
    mount.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", str(mount)], capture_output=True)
    if mounted.returncode != 0:
        pytest.skip("mounting a small disk is not allowed here")
    try:
        run_dir = mount / "walk"
        real = worker.ProgressWriter.report

        def filling(self: worker.ProgressWriter, progress: worker.Progress, *, last: bool = False) -> object:
            if progress.done == 3:
                with (mount / "filler").open("wb") as file, pytest.raises(OSError):
                    while True:
                        file.write(bytes(4096))
                        file.flush()
            return real(self, progress, last=last)

        with monkeypatch.context() as patch:
            patch.setattr(worker.ProgressWriter, "report", filling)
            with pytest.raises(TrainingFailed, match="full"):
                worker.train(run_dir, order("epochs=6"))
        assert status(run_dir)["state"] == "failed" and "full" in str(status(run_dir)["reason"])
        (mount / "filler").unlink()
        worker.train(run_dir, Order(resume=True))
        worker.train(tmp_path / "undisturbed", order("epochs=6"))
        np.testing.assert_array_equal(weights(run_dir), weights(tmp_path / "undisturbed"))
    finally:
        subprocess.run(["umount", str(mount)], check=True)


def no_space(*_: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_damaged_kept_state_or_config_is_one_sentence(
    run_dir: Path, order: Callable[..., Order], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        stop_at(patch, 2)
        with pytest.raises(TrainingStopped):
            worker.train(run_dir, order())
    kept = (run_dir / run_directory.KEEP).read_bytes()
    (run_dir / run_directory.KEEP).write_bytes(kept[:-7])
    with pytest.raises(ScenaristError, match="truncated"):
        worker.train(run_dir, Order(resume=True))
    (run_dir / "config.json").write_text("{}")
    with pytest.raises(CheckpointError, match=r"config\.json"):
        worker.train(run_dir, Order(resume=True))


def test_one_writer_at_a_time(run_dir: Path, order: Callable[..., Order]) -> None:
    worker.train(run_dir, order("epochs=2"))
    with (
        run_directory.locked(run_dir),
        pytest.raises(JobError, match="only process"),
    ):
        worker.train(run_dir, Order(pairs=("epochs=3",), resume=True))
    assert status(run_dir)["state"] == "done"


def test_names_are_runs_of_the_workspace_and_paths_are_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run_directory.named("my_run") == workspace.runs_dir() / "my_run"
    monkeypatch.chdir(tmp_path)
    assert run_directory.named("./my_run") == tmp_path / "my_run"
    assert run_directory.named(str(tmp_path / "x")) == tmp_path / "x"
    for text in ("", "..", ".hidden", "a b", "-x", "a\\b", "x" * 81, "é"):
        with pytest.raises(JobError, match="name"):
            run_directory.named(text)
