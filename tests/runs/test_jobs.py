"""Jobs as real processes: started, watched, cancelled, killed, resumed to the same weights, deleted."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest
from run_samples import write_surfaces

from engine import workspace
from engine.errors import JobError
from engine.runs import checkpoints, jobs, run_directory, worker


@pytest.fixture
def walk(surfaces_csv: Path) -> Iterator[Callable[..., jobs.Run]]:
    """Starts a walk; whatever still runs at the end of the test is killed."""
    started = []

    def begin(label: str = "walk", epochs: int = 25, pause: float = 0.0, **settings: object) -> jobs.Run:
        values = {"epochs": epochs, "pause": pause, **settings}
        run = jobs.train("slow_walk", str(surfaces_csv), values, seed=5, split="0.85", label=label)
        started.append(run.directory)
        return run

    yield begin
    for directory in started:
        child = jobs._children.get(directory)
        if child is not None and child.poll() is None:
            child.kill()
            child.wait()


def until(directory: Path, condition: Callable[[jobs.Run], bool], seconds: float = 60) -> jobs.Run:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        run = jobs.read(directory)
        if condition(run):
            return run
        time.sleep(0.05)
    raise AssertionError(f"still {jobs.read(directory)}:\n{jobs.log(directory)}")


def ended(run: jobs.Run) -> bool:
    return not run.active


def under_way(run: jobs.Run) -> bool:
    latest = jobs.progress(run.directory).latest
    return run.state == "running" and latest is not None and latest.done >= 3


def weights(directory: Path) -> np.ndarray:
    return checkpoints.load(directory)[0].state()["weights"]


@pytest.fixture
def undisturbed(tmp_path: Path, surfaces_csv: Path) -> np.ndarray:
    """The weights of a walk of 25 epochs that nobody disturbed."""
    order = worker.Order(model="slow_walk", data=str(surfaces_csv), pairs=("epochs=25",), seed=5)
    worker.train(tmp_path / "undisturbed", order)
    return weights(tmp_path / "undisturbed")


def test_a_job_runs_by_itself_and_is_found_by_its_files(walk: Callable[..., jobs.Run], undisturbed: np.ndarray) -> None:
    run = walk(label="My walk / ../x", pause=0.15)
    assert run.directory.parent == workspace.runs_dir() and run.name == "my-walk-.-x"
    assert run.state in ("queued", "running") and run.active and not run.resumable and run.model == "slow_walk"
    run = until(run.directory, under_way)
    assert run.pid is not None
    process = psutil.Process(run.pid)
    assert os.getsid(run.pid) == run.pid  # the server's end is not its end
    assert process.nice() == jobs.NICENESS
    assert process.environ()["OMP_NUM_THREADS"] == "1"
    assert [found.name for found in jobs.list_runs()] == [run.name]
    found = jobs.progress(run.directory)
    assert found.remaining is None or 0 <= found.remaining < 60
    with pytest.raises(JobError, match="nothing works on"):
        jobs.start(["train", "--resume"], run.directory)
    with pytest.raises(JobError, match="cancel it first"):
        jobs.delete(run.directory)
    second = subprocess.run(
        [*jobs.COMMAND, "train", "--run", str(run.directory), "--resume"], capture_output=True, text=True
    )
    assert second.returncode == 2 and "only process" in second.stderr and len(second.stderr.splitlines()) == 1
    run = until(run.directory, ended)
    assert (run.state, run.reason, run.has_checkpoint, run.pid) == ("done", "", True, None)
    assert run.settings["epochs"] == 25 and run.seed == 5 and run.data_name == "surfaces.csv"
    np.testing.assert_array_equal(weights(run.directory), undisturbed)
    log = jobs.log(run.directory)
    assert log.startswith("$ python -m engine train slow_walk") and "epoch 25 of 25" in log and "\r" not in log
    assert "--set epochs=25" in jobs.command_of(run) and "--seed 5" in jobs.command_of(run)
    losses = jobs.progress(run.directory).losses
    assert losses.epochs[-1] == 25 and np.isfinite(losses.losses["size"]).all()
    for refused in (jobs.cancel, jobs.resume):
        with pytest.raises(JobError):
            refused(run.directory)
    jobs.delete(run.directory)
    assert list(workspace.runs_dir().iterdir()) == [] and jobs.list_runs() == ()


def test_a_killed_job_resumes_to_the_weights_of_an_undisturbed_one(
    walk: Callable[..., jobs.Run], undisturbed: np.ndarray
) -> None:
    run = until(walk(pause=0.05).directory, under_way)
    assert run.pid is not None
    os.kill(run.pid, signal.SIGKILL)
    run = until(run.directory, ended)
    assert run.state == "interrupted" and run.resumable and "resumed" in run.reason and not run.has_checkpoint
    done = jobs.progress(run.directory).latest
    assert done is not None and 3 <= done.done < 25
    assert jobs.resume(run.directory).active
    run = until(run.directory, ended)
    assert run.state == "done"
    np.testing.assert_array_equal(weights(run.directory), undisturbed)
    epochs = jobs.progress(run.directory).losses.epochs
    assert (np.diff(epochs) > 0).all() and epochs[-1] == 25


def test_a_cancelled_job_keeps_its_state_and_resumes_on_the_same_data_only(
    walk: Callable[..., jobs.Run], undisturbed: np.ndarray, surfaces_csv: Path
) -> None:
    run = until(walk(pause=0.05).directory, under_way)
    jobs.cancel(run.directory)
    run = until(run.directory, ended)
    assert run.state == "cancelled" and "resumed" in run.reason and run.resumable
    assert (run.directory / run_directory.KEEP).exists()
    original = surfaces_csv.read_bytes()
    write_surfaces(surfaces_csv, seed=9)
    jobs.resume(run.directory)
    run = until(run.directory, ended)
    assert run.state == "failed" and "fingerprint" in run.reason and run.reason in jobs.log(run.directory)
    surfaces_csv.write_bytes(original)
    jobs.resume(run.directory)
    run = until(run.directory, ended)
    assert run.state == "done" and jobs.log(run.directory).count("$ python") == 3
    np.testing.assert_array_equal(weights(run.directory), undisturbed)


def test_a_job_cancelled_before_it_began(walk: Callable[..., jobs.Run]) -> None:
    run = walk(pause=0.05)
    jobs.cancel(run.directory)
    run = until(run.directory, ended)
    assert run.state == "cancelled" and run.resumable


def test_a_job_whose_process_cannot_even_begin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "COMMAND", (sys.executable, "-c", "raise SystemExit('no room in memory')"))
    run = until(jobs.start(["train", "volgan"], workspace.runs_dir() / "x").directory, ended)
    assert run.state == "interrupted" and "no room in memory" in run.reason and run.resumable
    monkeypatch.setattr(jobs, "COMMAND", ("/no/such/program",))
    with pytest.raises(JobError, match="expected"):
        jobs.start(["train", "volgan"], workspace.runs_dir() / "y")
    assert jobs.read(workspace.runs_dir() / "y").state == "failed"


def claim(name: str, pid: int, **changes: object) -> Path:
    directory = workspace.runs_dir() / name
    directory.mkdir(parents=True)
    status = {"state": "running", "pid": pid, "started": "2026-01-01T00:00:00+00:00", "reason": "", **changes}
    (directory / "status.json").write_text(json.dumps(status))
    return directory


def test_a_process_number_that_is_someone_elses_is_never_signalled() -> None:
    other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)", "--run", "another"])
    try:
        directory = claim("mine", other.pid)
        assert jobs.read(directory).state == "interrupted"
        with pytest.raises(JobError, match="running job"):
            jobs.cancel(directory)
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


@pytest.mark.parametrize("pid", [0, 1, -1, True, 1 << 70, "12", None, 4_194_999])
def test_impossible_process_numbers(pid: object) -> None:
    directory = claim("mine", pid)  # type: ignore[arg-type]
    assert jobs.read(directory).state == "interrupted"
    with pytest.raises(JobError):
        jobs.cancel(directory)


@pytest.mark.parametrize(
    ("status", "config"),
    [
        ("", ""),
        ("[]", "[]"),
        ("{", "null"),
        ('{"state": "dancing"}', '{"data": 3, "settings": [], "seed": "x"}'),
        ('{"state": ["running"]}', "{}"),
        ('{"state": "queued", "started": 7}', "{}"),
        ("[" * 100_000, "{}"),
    ],
)
def test_damaged_files_are_listed_not_raised(status: str, config: str) -> None:
    directory = workspace.runs_dir() / "damaged"
    directory.mkdir(parents=True)
    (directory / "status.json").write_text(status)
    (directory / "config.json").write_text(config)
    (run,) = jobs.list_runs()
    assert run.state == "interrupted" and jobs.command_of(run) == ""
    jobs.progress(directory)
    jobs.delete(directory)
    assert jobs.list_runs() == ()


def test_only_what_lies_in_the_workspace_is_deleted(tmp_path: Path, checkpoint: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "status.json").write_text("{}")
    link = workspace.runs_dir() / "link"
    link.symlink_to(outside)
    refused = [outside, link, workspace.runs_dir(), workspace.runs_dir() / "..", workspace.shipped_checkpoints_dir()]
    refused += [checkpoint / "..", checkpoint / "x", workspace.runs_dir() / "none", Path("/")]
    for directory in refused:
        with pytest.raises(JobError):
            jobs.delete(directory)
    assert (outside / "status.json").exists() and checkpoint.exists()
    jobs.delete(checkpoint)
    assert not checkpoint.exists()


def test_imported_checkpoints_are_no_jobs(checkpoint: Path) -> None:
    assert jobs.list_runs() == ()
    assert [listed.name for listed in checkpoints.catalogue() if not listed.shipped] == ["walk"]


def test_a_log_is_cut_and_cleaned(checkpoint: Path) -> None:
    assert jobs.log(checkpoint) == ""
    (checkpoint / "log.txt").write_bytes(b"x" * 50_000 + b"\x1b[31mred\xff\n")
    text = jobs.log(checkpoint, most=100)
    assert len(text) <= 100 and "\x1b" not in text and text.endswith("[31mred\ufffd\n")


def test_many_runs_are_listed(scenarist_home: Path) -> None:
    for k in range(100):
        claim(f"run{k}", 0, state="done")
    assert len(jobs.list_runs()) == 100


def test_a_job_steps_back_behind_the_pages() -> None:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, start_new_session=True)
    try:
        jobs.step_back(process.pid)
        assert os.getpriority(os.PRIO_PROCESS, process.pid) == jobs.NICENESS
        group = Path(f"/proc/{process.pid}/autogroup")
        if group.exists() and Path("/proc/sys/kernel/sched_autogroup_enabled").read_text().strip() == "1":
            assert group.read_text().split()[-1] == str(jobs.NICENESS)
    finally:
        process.kill()
        process.wait()
    jobs.step_back(process.pid)  # one that has ended is no error
