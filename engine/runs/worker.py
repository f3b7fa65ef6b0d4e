"""The process of a job: trains in a run's directory, reports, keeps what it can resume from, and ends in a known state.

Order of a run: lock the directory, load data and check that they are the ones the run began with, write
``config.json``, train, write the checkpoint. Whatever ends it early leaves ``status.json`` saying so in one sentence
and the last kept state to resume from; a process that is killed leaves a status that its readers can tell is stale.
"""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import os
import re
import signal
import sys
import threading
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from engine import datasets, settings, tensor_file
from engine.errors import CheckpointError, JobError, MarketDataError, ScenaristError, SettingsError
from engine.market.domain import Domain
from engine.market.grid import Grid
from engine.market.price_history import PriceHistory
from engine.market.surface_history import SurfaceHistory
from engine.models import registry, tasks
from engine.models.registry import Model
from engine.models.surface_model import Tensors
from engine.runs import checkpoints, run_directory
from engine.runs.cards import Card, printable
from engine.runs.progress_log import ProgressBar, ProgressWriter
from engine.runs.run_directory import CARD, CONFIG, KEEP, PROGRESS, RESERVE, STATUS
from engine.training.progress import Progress, TrainingStopped
from engine.workspace import write_json, write_whole

CONFIG_FORMAT = 1
DEFAULT_SPLIT = "0.85"
"""Share of days, from the first on, that a model is trained on (SPEC 2)."""

RESERVED = 64 << 10
"""Bytes set aside at the start, given back when the disk is full so that the status can say so."""

MOST_KEEP_BYTES = 1 << 30


@dataclass(frozen=True)
class Order:
    """What a person asked for on the command line; None where nothing was said.

    Args:
        model: registered name.
        task: what the model is put to; its first task if not said.
        data: id of the catalogue or path of a file.
        pairs: settings as ``key=value``.
        seed: ≥ 0.
        split: share of days, or last day, of the training part.
        resume: continue the run that is in the directory.
    """

    model: str | None = None
    data: str | None = None
    pairs: Sequence[str] = ()
    seed: int | None = None
    split: str | None = None
    resume: bool = False
    task: str | None = None


@dataclass(frozen=True)
class _Plan:
    """An order that can be carried out: everything checked and loaded, nothing written."""

    model: Model
    train: SurfaceHistory | PriceHistory | None
    grid: Grid | None
    about: dict[str, Any]
    config: dict[str, Any]


class TrainingFailed(JobError):  # noqa: N818 - says what happened
    """Training began and did not go through, through no fault of what was asked; the run can be resumed."""


class FileCheckpointer:
    """Keeps the state of an interrupted fit in ``keep.safetensors``, whole or not at all."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self) -> Tensors | None:
        """The last state kept, None for a fresh start.

        Raises:
            CheckpointError: if there is one but it is damaged.
        """
        if not self._path.exists():
            return None
        return tensor_file.from_bytes(run_directory.read_bytes(self._path, MOST_KEEP_BYTES), self._path.name)

    def save(self, state: Tensors) -> None:
        """Keep a state; the one before survives a failure."""
        write_whole(self._path, tensor_file.to_bytes(state))


class StopRequest:
    """SIGTERM or Ctrl-C ask the fit to stop at its next report; a second Ctrl-C stops at once."""

    def __init__(self) -> None:
        self.asked = False

    def __enter__(self) -> StopRequest:
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._ask) for number in (signal.SIGTERM, signal.SIGINT)}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in getattr(self, "_before", {}).items():
            signal.signal(number, handler)

    def check(self) -> None:
        """Stop here if asked to.

        Raises:
            TrainingStopped: if so.
        """
        if self.asked:
            raise TrainingStopped("stopped before training began")

    def _ask(self, number: int, frame: FrameType | None) -> None:
        if self.asked and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.asked = True


def train(directory: Path, order: Order) -> Card:
    """Carry out an order in a run's directory.

    Args:
        directory: the run; made if it is not there.
        order: what to do.

    Returns:
        The card of the finished checkpoint.

    Raises:
        ScenaristError: if the order cannot be carried out; nothing was changed.
        TrainingFailed: if training began and failed; the status of the run says why too.
        TrainingStopped: if a signal stopped it; the run can be resumed.
    """
    with StopRequest() as stop, contextlib.ExitStack() as held:
        begun = _standing(directory, order.resume)
        if begun:
            held.enter_context(run_directory.locked(directory))
            begun = _standing(directory, order.resume)  # it may have ended while another process held it
        trained = False
        try:
            if begun.get("state") == "queued":
                with _disk_words("the status of the run"):
                    run_directory.write_status(directory, {**begun, "pid": os.getpid()})
            plan = _planned(directory, order)
            stop.check()
            if not begun:
                with _disk_words("the new run"):
                    directory.mkdir(parents=True, exist_ok=True)
                held.enter_context(run_directory.locked(directory))
                _standing(directory, order.resume)  # another process may have begun it meanwhile
            trained = True
            return _carried_out(directory, plan, stop)
        except ScenaristError as error:
            _end(directory, "failed", str(error))
            if isinstance(error, MarketDataError | SettingsError) or not trained:
                raise
            raise TrainingFailed(str(error)) from error
        except TrainingStopped as stopped:
            _end(directory, "cancelled", f"{stopped}; it can be resumed")
            raise
        except KeyboardInterrupt:
            _end(directory, "cancelled", "stopped at once; it can be resumed from the last state kept")
            raise TrainingStopped("stopped at once") from None
        except Exception as error:
            with contextlib.suppress(OSError):
                traceback.print_exc()
            words = " ".join(f"{type(error).__name__}: {error}".split())[:300]
            sentence = f"expected training to go through; found an error that this program did not foresee: {words}"
            _end(directory, "failed", sentence)
            raise TrainingFailed(sentence) from error


def split(history: SurfaceHistory | PriceHistory, text: str) -> SurfaceHistory | PriceHistory:
    """The training part: up to a day (``2008-01-01``), or a share of the days from the first on (``0.85``; 1 is all).

    Raises:
        MarketDataError: if either part would be empty.
        JobError: if the text is neither.
    """
    try:
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
            return history.split(after=datetime.date.fromisoformat(text))[0]
        fraction = float(text)
        if 0 < fraction <= 1:
            return history if fraction == 1 else history.split(fraction=fraction)[0]
    except ValueError as error:
        if isinstance(error, ScenaristError):
            raise
    raise JobError(f"expected --split as a share of the days (0.85) or a last day (2008-01-01); found {text[:40]!r}")


def _standing(directory: Path, resume: bool) -> dict[str, Any]:
    """The status of a run as found, empty for a new one.

    Raises:
        JobError: if the directory is not what the order takes it for.
    """
    name = directory.name
    if directory.exists() and not directory.is_dir():
        raise JobError(f"expected a run or a new directory in {name!r}; found a file")
    if not directory.exists() or all(path.name.startswith(".") for path in directory.iterdir()):
        if resume:
            raise JobError(f"expected an interrupted run to resume in {name!r}; found none")
        return {}
    status = run_directory.read_json_or_none(directory / STATUS)
    if status is None and not (directory / CONFIG).is_file():
        raise JobError(f"expected a run or a new directory in {name!r}; found other files")
    status = status or {"state": "interrupted"}
    state = status.get("state")
    nothing_kept = state == "failed" and not (directory / KEEP).exists() and not (directory / CARD).exists()
    if resume or state == "queued" or nothing_kept:
        return status
    if state == "done":
        raise JobError(
            f"the run {name!r} is finished; choose another --run, or train it further with --resume --set epochs=…"
        )
    raise JobError(f"the run {name!r} was begun before and is not finished; continue it with --resume")


def _planned(directory: Path, order: Order) -> _Plan:
    """Check an order against the run and load its data; nothing is written.

    Raises:
        ScenaristError: one sentence for whatever does not fit.
    """
    known = _known(directory) if order.resume else {}
    name = str(_agreed("model", order.model, known.get("model")))
    task = str(_agreed("task", order.task or None, known.get("task"), default=registry.spec(name).tasks[0]))
    kind = registry.model(name, task)
    config = _config(kind, order, known)
    seed = int(_agreed("seed", order.seed, known.get("seed"), default=0))
    if not 0 <= seed < 1 << 63:
        raise JobError(f"expected a seed between 0 and 2^63 - 1; found {seed}")
    part = str(_agreed("split", order.split, known.get("split"), default=DEFAULT_SPLIT))
    ref = order.data if order.data is not None else known.get("data", {}).get("ref")
    whole, data = _data(name, task, ref)
    if known and data["digest"] != known["data"].get("digest"):
        raise JobError(
            f"expected the data that this run began with (fingerprint {str(known['data'].get('digest'))[:12]}); "
            f"found others (fingerprint {data['digest'][:12]}) under {printable(str(ref))!r}"
        )
    written = {
        "format": CONFIG_FORMAT,
        "verb": "train",
        "model": name,
        "task": task,
        "data": data,
        "settings": settings.to_dict(config),
        "extending": list(settings.extending(type(config))),
        "seed": seed,
        "split": part,
        "created": known.get("created") or run_directory.now(),
    }
    train = None if whole is None else split(whole, part)
    return _Plan(kind(config), train, whole.grid if isinstance(whole, SurfaceHistory) else None, data, written)


def _data(name: str, task: str, ref: Any) -> tuple[SurfaceHistory | PriceHistory | None, dict[str, Any]]:
    """The data of a fit, and what is written of them; none for a task that reads nothing.

    Raises:
        JobError: if they are not the kind that the task reads, or missing.
    """
    reads = tasks.task_class(task).reads
    if reads == "nothing":
        if ref:
            raise JobError(f"expected no --data for the task {task}, which reads none; found {printable(str(ref))!r}")
        digest = hashlib.sha256(f"{CONFIG_FORMAT} {task}".encode()).hexdigest()
        return None, {"ref": "", "name": task, "digest": digest, "period": ["", ""], "origin": "built-in"}
    if ref is None:
        raise JobError("expected --data with the id of a dataset or the path of a file; found none")
    loaded = datasets.load(str(ref))
    if not isinstance(loaded.data, SurfaceHistory if reads == "surfaces" else PriceHistory):
        raise JobError(f"expected {reads} to train {name} on; found {loaded.entry.kind} in {printable(str(ref))!r}")
    return loaded.data, {
        "ref": loaded.entry.id,
        "name": printable(loaded.label),
        "digest": loaded.data.digest,
        "period": list(loaded.data.period),
        "origin": loaded.origin,
        "doubts": list(loaded.doubts),
    }


def _known(directory: Path) -> dict[str, Any]:
    """What an interrupted run began with; nothing if it was stopped before it got so far.

    Raises:
        CheckpointError: if its ``config.json`` is damaged.
    """
    if not (directory / CONFIG).exists():
        return {}
    config = run_directory.read_json(directory / CONFIG)
    if not isinstance(config.get("data"), dict) or not isinstance(config.get("settings"), dict):
        raise CheckpointError(f"expected the settings of a run in {CONFIG} of {directory.name!r}; found others")
    return config


def _config(kind: type[Model], order: Order, known: dict[str, Any]) -> Any:
    """Settings of the fit. A resumed one may be made longer; any other change would make it another fit.

    Raises:
        SettingsError: if a setting is unknown or out of range.
        JobError: if a resumed fit is asked to change.
    """
    if not known:
        return settings.from_strings(kind.Config, order.pairs)
    before: Any = settings.from_dict(kind.Config, known["settings"])
    config = settings.from_strings(kind.Config, order.pairs, base=before)
    old, new = settings.to_dict(before), settings.identity(config)
    for name, value in new.items():
        if value != old[name]:
            raise JobError(f"expected the settings that this run began with, {name} {old[name]}; found {value}")
    return config


def _agreed(what: str, asked: Any, known: Any, default: Any = None) -> Any:
    """What an order says, else what the run began with, else the default; the first two must not differ."""
    if asked is not None and known is not None and asked != known:
        raise JobError(f"expected the {what} that this run began with, {known!r}; found {asked!r}")
    chosen = next((value for value in (asked, known, default) if value is not None), None)
    if chosen is None:
        raise JobError(f"expected a {what}; found none")
    return chosen


def _carried_out(directory: Path, plan: _Plan, stop: StopRequest) -> Card:
    bar = ProgressBar()
    with _disk_words("the new run"):
        if not (directory / KEEP).exists():
            (directory / PROGRESS).unlink(missing_ok=True)  # it starts from nothing
        write_json(directory / CONFIG, plan.config)
        status = {"state": "running", "pid": os.getpid(), "started": run_directory.now(), "ended": None, "reason": ""}
        run_directory.write_status(directory, status)
        write_whole(directory / RESERVE, bytes(RESERVED))
    writer = ProgressWriter(directory / PROGRESS)

    def on_step(progress: Progress) -> bool:
        bar.show(writer.report(progress, last=stop.asked))
        return stop.asked

    try:
        with _disk_words("the state of the run"):
            checkpointer = FileCheckpointer(directory / KEEP)
            report = plan.model.fit(plan.train, seed=plan.config["seed"], on_step=on_step, checkpointer=checkpointer)
    finally:
        bar.close()
    data = plan.about
    domain: Domain | None = getattr(plan.model, "domain", None) or plan.grid
    assert domain is not None  # a model without one of its own is of surfaces
    card = Card(
        model=plan.model.name,
        label=plan.model.label,
        config=plan.config["settings"],
        domain=domain,
        data_name=data["name"],
        data_fingerprint=data["digest"][:12],
        data_period=tuple(data["period"]),
        data_origin=data["origin"],
        trained_on=report.trained_on,
        seed=plan.config["seed"],
        metrics=report.metrics,
        steps=report.steps,
        seconds=round(writer.elapsed, 3),
        task=plan.config["task"],
    )
    with _disk_words("the trained weights"):
        card = checkpoints.save(directory, plan.model, card)
        (directory / RESERVE).unlink(missing_ok=True)
        _end(directory, "done", "")
    return card


def _end(directory: Path, state: str, reason: str) -> None:
    """Write the final state of a run that this process has begun or was started for; others are left alone.

    The reserve is given back first: on a full disk its bytes are what the status is written into.
    """
    status = run_directory.read_json_or_none(directory / STATUS)
    if status is None or status.get("state") not in ("queued", "running") or status.get("pid") != os.getpid():
        return
    with contextlib.suppress(OSError):
        (directory / RESERVE).unlink(missing_ok=True)
    ended = {**status, "state": state, "pid": os.getpid(), "ended": run_directory.now(), "reason": reason}
    try:
        run_directory.write_status(directory, ended)
    except OSError as error:
        # readers will see that the process is gone, and say "interrupted"
        print(run_directory.disk_sentence(error, "the status of the run"), file=sys.stderr)


@contextlib.contextmanager
def _disk_words(what: str) -> Iterator[None]:
    """Turns a failed write into one sentence.

    Raises:
        JobError: for an OSError.
    """
    try:
        yield
    except OSError as error:
        raise JobError(run_directory.disk_sentence(error, what)) from error
