"""Jobs: ``python -m engine … --run DIR`` as processes of their own, found again by the files they write.

A job belongs to nobody's browser and to no server: it is started, then only its directory is read. It is signalled only
after its process has been seen to carry the run's name on its command line, so that a process number that the system
has given to something else is never touched.
"""

from __future__ import annotations

import contextlib
import datetime
import os
import secrets
import shlex
import shutil
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal, cast, get_args

import psutil

from engine import workspace
from engine.errors import JobError
from engine.runs import run_directory
from engine.runs.progress_log import LossHistory, ProgressReader, Report
from engine.runs.run_directory import CARD, CONFIG, LOG, PROGRESS, STATUS, STOPPING, WEIGHTS

NICENESS = 19
"""Jobs leave the processor to the pages whenever these want it."""


def step_back(pid: int) -> None:
    """Let a job's process, and those it starts, run only when pages leave the processor free.

    Linux groups processes by session where ``sched_autogroup_enabled`` is on; niceness then only counts within a
    session, and a job is a session of its own, so the group is made nice as well.
    """
    with contextlib.suppress(OSError):  # already gone, or not allowed: only slower pages
        os.setpriority(os.PRIO_PROCESS, pid, NICENESS)
    with contextlib.suppress(OSError):  # not Linux, or no such groups
        Path(f"/proc/{pid}/autogroup").write_text(str(NICENESS))


COMMAND: tuple[str, ...] = (sys.executable, "-m", "engine")
"""What starts a job; the verb and its arguments follow."""

STARTING = 60.0
"""Seconds within which a started process must have taken over its run."""

MOST_FOLLOWED = 64
"""Progress files whose position is remembered between looks."""

State = Literal["queued", "running", "done", "failed", "cancelled", "interrupted"]

_children: dict[Path, subprocess.Popen[bytes]] = {}
_readers: dict[Path, ProgressReader] = {}
_starting = threading.Lock()
_reading = threading.Lock()


@dataclass(frozen=True)
class Run:
    """A run as its directory shows it now.

    Args:
        directory: where it is.
        state: queued, running, done, failed, cancelled, or interrupted (its process is gone without a word).
        reason: one sentence, for failed, cancelled and interrupted ones.
        model, data_name: what is trained, on what; empty if not known yet.
        settings: of the fit.
        seed, split: of the fit.
        started, ended: ISO times, empty if not known.
        pid: of its process, if it is alive.
        has_checkpoint: whether there is something to load.
        config: all of ``config.json``.
        stopping: whether it is at work but has been asked to stop.
    """

    directory: Path
    state: State
    reason: str = ""
    model: str = ""
    data_name: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0
    split: str = ""
    started: str = ""
    ended: str = ""
    pid: int | None = None
    has_checkpoint: bool = False
    config: Mapping[str, Any] = field(default_factory=dict)
    stopping: bool = False

    @property
    def name(self) -> str:
        """The name of its directory."""
        return self.directory.name

    @property
    def active(self) -> bool:
        """Whether a process works on it."""
        return self.state in ("queued", "running")

    @property
    def resumable(self) -> bool:
        """Whether :func:`resume` would continue it."""
        return self.state in ("failed", "cancelled", "interrupted")

    @property
    def age(self) -> float:
        """Seconds since it was started; 0 if that is not known."""
        try:
            began = datetime.datetime.fromisoformat(self.started)
            return max(0.0, (datetime.datetime.now(datetime.UTC) - began).total_seconds())
        except (ValueError, TypeError):
            return 0.0


@dataclass(frozen=True)
class RunProgress:
    """The latest report of a run, seconds still to go at the recent rate, and its loss curves."""

    latest: Report | None
    remaining: float | None
    losses: LossHistory


def start(verb_args: Sequence[str], run_dir: Path) -> Run:
    """Start ``python -m engine <verb_args> --run run_dir`` in the background.

    The process has its own session (closing the server does not end it), low priority, one thread, and writes what it
    prints to ``log.txt``.

    Args:
        verb_args: the verb and its arguments, without ``--run``.
        run_dir: a new directory, or the run to resume.

    Raises:
        JobError: if a process already works on it, or none can be started.
    """
    run_dir = run_dir.absolute()
    begun: dict[str, Any] = {
        "state": "queued",
        "pid": None,
        "started": run_directory.now(),
        "ended": None,
        "reason": "",
    }
    begun["args"] = list(verb_args)
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": "1",
        "SCENARIST_HOME": str(workspace.home().absolute()),
        "PYTHONUNBUFFERED": "1",
    }
    with _starting:
        if (run_dir / STATUS).exists() and read(run_dir).active:
            raise JobError(f"expected a run that nothing works on; found a process on {run_dir.name!r}")
        try:
            run_dir.mkdir(parents=True, exist_ok=True)
            with run_directory.locked(run_dir):
                (run_dir / STOPPING).unlink(missing_ok=True)
                run_directory.write_status(run_dir, begun)
            with (run_dir / LOG).open("ab") as log:
                log.write(f"$ python -m engine {shlex.join(verb_args)} --run {run_dir.name}\n".encode())
                log.flush()
                child = subprocess.Popen(
                    [*COMMAND, *verb_args, "--run", str(run_dir)],
                    cwd=workspace.PROJECT,
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
        except OSError as error:
            sentence = run_directory.disk_sentence(error, "the new run")
            with contextlib.suppress(OSError):
                run_directory.write_status(run_dir, {**begun, "state": "failed", "reason": sentence})
            raise JobError(sentence) from None
        _children[run_dir] = child
    step_back(child.pid)
    return read(run_dir)


def train(model: str, data: str, settings: Mapping[str, Any], *, seed: int, split: str, label: str = "") -> Run:
    """Start a training run of the workspace.

    Args:
        model: registered name.
        data: id of a dataset or path of a file.
        settings: every setting by name.
        seed: of the fit.
        split: share of days, or last day, of the training part.
        label: what to call the run; made into a free directory name.

    Raises:
        JobError: if it cannot be started.
    """
    pairs = [part for name, value in settings.items() for part in ("--set", f"{name}={value}")]
    arguments = ["train", model, f"--data={data}", f"--seed={seed}", f"--split={split}", *pairs]
    return start(arguments, run_directory.new_directory(label or model))


def list_runs() -> tuple[Run, ...]:
    """Every run of the workspace, newest first; imported checkpoints are none."""
    folder = workspace.runs_dir()
    if not folder.is_dir():
        return ()
    found = [
        read(path)
        for path in folder.iterdir()
        if not path.name.startswith(".") and ((path / STATUS).is_file() or (path / CONFIG).is_file())
    ]
    return tuple(sorted(found, key=lambda run: (run.started, run.name), reverse=True))


def read(run_dir: Path) -> Run:
    """A run as its files and its process show it now; damaged files make it an interrupted one, never an error."""
    run_dir = run_dir.absolute()
    status = run_directory.read_json_or_none(run_dir / STATUS) or {"state": "interrupted"}
    config = run_directory.read_json_or_none(run_dir / CONFIG) or {}
    state = cast(State, status.get("state") if status.get("state") in get_args(State) else "interrupted")
    pid = status.get("pid") if isinstance(status.get("pid"), int) else None
    reason = str(status.get("reason") or "")
    _reap(run_dir)
    alive = None
    if state in ("queued", "running"):
        alive = _process(run_dir, pid)
        if alive is None and not (state == "queued" and _age(status) < STARTING and run_dir not in _children):
            status = run_directory.read_json_or_none(run_dir / STATUS) or status  # it may have ended just now
            if status.get("state") in ("queued", "running"):
                if state == "queued" and (run_dir / STOPPING).exists():
                    state, reason = "cancelled", "stopped before it began"
                else:
                    state, reason = "interrupted", _last_words(run_dir, state)
            else:
                state, reason = cast(State, status["state"]), str(status.get("reason") or "")
    data = config.get("data")
    settings = config.get("settings")
    seed = config.get("seed")
    return Run(
        directory=run_dir,
        state=state,
        reason=reason,
        model=str(config.get("model") or _asked(status)),
        data_name=str(data.get("name", "")) if isinstance(data, dict) else "",
        settings=settings if isinstance(settings, dict) else {},
        seed=seed if isinstance(seed, int) else 0,
        split=str(config.get("split", "")),
        started=str(status.get("started") or ""),
        ended=str(status.get("ended") or ""),
        pid=alive.pid if alive is not None else None,
        has_checkpoint=(run_dir / CARD).is_file() and (run_dir / WEIGHTS).is_file(),
        config=config,
        stopping=state in ("queued", "running") and (run_dir / STOPPING).exists(),
    )


def progress(run_dir: Path) -> RunProgress:
    """What a run reported so far; only what was added since the last look is read."""
    path = run_dir.absolute() / PROGRESS
    with _reading:
        reader = _readers.pop(path, None) or ProgressReader(path)
        _readers[path] = reader  # most recently used last
        while len(_readers) > MOST_FOLLOWED:
            _readers.pop(next(iter(_readers)))
        reader.refresh()
        return RunProgress(reader.latest, reader.remaining(), reader.history())


def cancel(run_dir: Path) -> None:
    """Ask a job to stop and return at once: it keeps its state at the next report and ends as cancelled.

    That it was asked is a file of the run, so that every page says so until it has ended.

    Raises:
        JobError: if no process works on the run.
    """
    run_dir = run_dir.absolute()
    run = read(run_dir)
    process = _process(run_dir, run.pid) if run.active else None
    if process is None:
        raise JobError(f"expected a running job to cancel; found {run.name!r} {run.state}")
    with contextlib.suppress(OSError):
        (run_dir / STOPPING).touch()
    with contextlib.suppress(psutil.NoSuchProcess):
        process.terminate()
    _reap(run_dir)


def resume(run_dir: Path) -> Run:
    """Continue a run from the last state it kept, with the settings and data it began with.

    Raises:
        JobError: if it is not one that was interrupted, cancelled or failed.
    """
    run = read(run_dir)
    if not run.resumable:
        raise JobError(f"expected an interrupted, cancelled or failed run to resume; found {run.name!r} {run.state}")
    if run.config:
        verb = ["study", run.model] if run.config.get("verb") == "study" else ["train"]
        return start([*verb, "--resume"], run.directory)
    status = run_directory.read_json_or_none(run.directory / STATUS) or {}
    asked = status.get("args")
    if not isinstance(asked, list) or not all(isinstance(part, str) for part in asked):
        raise JobError(f"expected a run that had begun; found {run.name!r} without its settings: start a new one")
    return start([part for part in asked if part != "--resume"], run.directory)


def delete(run_dir: Path) -> None:
    """Remove a run or an imported checkpoint of the workspace, with everything in it.

    Raises:
        JobError: if it is not in the workspace, or a process works on it.
    """
    run_dir = run_dir.absolute()
    if not run_directory.inside_workspace(run_dir) or not run_dir.is_dir():
        raise JobError(f"expected a run of the workspace to delete; found {run_dir.name[:80]!r}")
    if read(run_dir).active:
        raise JobError(f"expected a run that nothing works on; found {run_dir.name!r} running: cancel it first")
    condemned = run_dir.with_name(f".deleted-{secrets.token_hex(6)}")
    try:
        with run_directory.locked(run_dir):
            run_dir.rename(condemned)  # gone at once for everyone, however long the rest takes
    except OSError as error:
        raise JobError(f"expected to delete {run_dir.name!r}; found: {error.strerror or error}") from None
    shutil.rmtree(condemned, ignore_errors=True)
    with _reading:
        _readers.pop(run_dir / PROGRESS, None)
    _children.pop(run_dir, None)


def log(run_dir: Path, most: int = 20_000) -> str:
    """The end of what a run printed, at most ``most`` bytes of it; terminal control characters are left out."""
    try:
        with (run_dir / LOG).open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - most))
            text = file.read(most).decode("utf-8", errors="replace")
    except OSError:
        return ""
    return "".join(c for c in text if c.isprintable() or c in "\n\t")


def command_of(run: Run) -> str:
    """The command that reproduces a run; empty if its settings are not known."""
    config = run.config
    if not isinstance(config.get("data"), dict):
        return ""
    pairs = [part for name, value in run.settings.items() for part in ("--set", f"{name}={value}")]
    if config.get("verb") == "study":
        words = ["python", "-m", "engine", "study", run.model, "--data", str(config["data"].get("ref", ""))]
        inputs = config.get("inputs")
        named = inputs.items() if isinstance(inputs, dict) else ()
        words += [part for name, about in named for part in (f"--{name}", str(about.get("ref", "")))]
        if config["data"].get("sectors"):
            words += ["--sectors", str(config["data"]["sectors"])]
        return shlex.join([*words, "--run", f"{run.name}-again", *pairs])
    words = ["python", "-m", "engine", "train", run.model, "--data", str(config["data"].get("ref", ""))]
    words += ["--run", f"{run.name}-again", "--seed", str(run.seed), "--split", run.split, *pairs]
    return shlex.join(words)


def _process(run_dir: Path, pid: Any) -> psutil.Process | None:
    """The process of a run: its number is alive and its command line says ``--run`` and the run's name."""
    child = _children.get(run_dir)
    if not isinstance(pid, int) or isinstance(pid, bool) or pid <= 1:
        pid = child.pid if child is not None else None
    if pid is None:
        return None
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        if child is not None and child.pid == pid:
            return process  # its number is not given away before it is reaped; its command line is empty at first
        words = process.cmdline()
    except (psutil.Error, OverflowError, ValueError):
        return None
    named = {b for a, b in pairwise(words) if a == "--run"}
    named |= {word.removeprefix("--run=") for word in words if word.startswith("--run=")}
    return process if any(Path(name).name == run_dir.name for name in named) else None


def _reap(run_dir: Path) -> None:
    """Let the system forget an ended child of this process, which would otherwise linger as a zombie."""
    child = _children.get(run_dir)
    if child is not None:
        child.poll()


def _age(status: Mapping[str, Any]) -> float:
    try:
        began = datetime.datetime.fromisoformat(str(status.get("started")))
        return (datetime.datetime.now(datetime.UTC) - began).total_seconds()
    except (ValueError, TypeError):
        return STARTING


def _last_words(run_dir: Path, state: str) -> str:
    """Why a run stands still that says it is at work."""
    if state == "queued":
        lines = [line for line in log(run_dir, 4_000).splitlines() if line.strip()]
        said = f"; its last words: {lines[-1].strip()[:200]}" if lines and not lines[-1].startswith("$ ") else ""
        return f"its process ended before training began{said}"
    return "its process is gone without a word (killed, or the machine was restarted); it can be resumed"


def _asked(status: Mapping[str, Any]) -> str:
    """The model or study that a run was started for, before its settings are written."""
    arguments = status.get("args")
    known = isinstance(arguments, list) and len(arguments) > 1 and arguments[0] in ("train", "study")
    return str(arguments[1]) if known and arguments is not None and not str(arguments[1]).startswith("-") else ""
