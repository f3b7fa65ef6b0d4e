"""Studies as runs: tables as CSV in the run's directory, a card beside them, resumable step by step.

A run of a study holds ``config.json``, ``status.json``, ``progress.jsonl``, ``result/<table>.csv`` and, once done,
``result.json`` (summary, data, versions). A killed study resumes with the step it was in; the tables of finished steps
stay as they are.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from engine import __version__, datasets, settings
from engine.errors import CheckpointError, JobError, ScenaristError
from engine.market.surface_history import SurfaceHistory
from engine.runs import run_directory
from engine.runs.cards import printable
from engine.runs.console import ProgressBar
from engine.runs.progress_log import ProgressWriter
from engine.runs.run_directory import CONFIG, PROGRESS
from engine.runs.worker import StopRequest
from engine.studies.base import STUDIES, Tables, study
from engine.training.progress import Progress, TrainingStopped
from engine.workspace import write_json, write_whole

RESULT = "result"
SUMMARY = "result.json"
DONE_STEPS = "steps.json"
FORMAT = 1
MOST_TABLE_BYTES = 256 << 20
_TABLE = re.compile(r"[a-z0-9_]{1,80}")


@dataclass(frozen=True)
class StudyOrder:
    """What a person asked for; None where nothing was said.

    Args:
        name: registered name of the study.
        data: id of the catalogue or path of a file.
        pairs: settings as ``key=value``.
        resume: continue, or repeat, the study in the directory.
    """

    name: str
    data: str | None = None
    pairs: Sequence[str] = ()
    resume: bool = False


@dataclass(frozen=True)
class StudyResult:
    """A finished study as its directory holds it.

    Args:
        directory: where it is.
        name: registered name.
        label: for people.
        settings: of the study.
        data: name, fingerprint, period and origin of the data.
        summary: headline figures.
        created: ISO time.
    """

    directory: Path
    name: str
    label: str
    settings: dict[str, Any]
    data: dict[str, Any]
    summary: dict[str, float]
    created: str

    def table_names(self) -> tuple[str, ...]:
        """Names of the tables, in the order of the alphabet."""
        return tuple(sorted(p.stem for p in (self.directory / RESULT).glob("*.csv") if _TABLE.fullmatch(p.stem)))

    def table(self, name: str) -> pd.DataFrame:
        """One table.

        Raises:
            CheckpointError: if there is none of that name, or it is damaged.
        """
        if not _TABLE.fullmatch(name):
            raise CheckpointError(f"expected the name of a table; found {name[:60]!r}")
        path = self.directory / RESULT / f"{name}.csv"
        run_directory.read_bytes(path, MOST_TABLE_BYTES)
        try:
            return pd.read_csv(path)
        except (ValueError, OSError) as error:
            raise CheckpointError(f"expected the table {name} as CSV; found {type(error).__name__}") from None


def run(directory: Path, order: StudyOrder) -> StudyResult:
    """Carry out a study in a run's directory.

    Raises:
        ScenaristError: if it cannot be carried out; the status of the run says why.
        TrainingStopped: if a signal stopped it; it can be resumed.
    """
    module = study(order.name)
    known = _known(directory, order)
    if known:
        before: Any = settings.from_dict(module.Config, known["settings"])
        config: Any = settings.from_strings(module.Config, order.pairs, base=before)
        if config != before:
            raise JobError("expected the settings that this study began with; found others: choose another --run")
    else:
        config = settings.from_strings(module.Config, order.pairs)
    ref = order.data if order.data is not None else known.get("data", {}).get("ref")
    if ref is None:
        raise JobError("expected --data with the id of a dataset or the path of a file; found none")
    loaded = datasets.load(str(ref))
    if not isinstance(loaded.data, SurfaceHistory):
        raise JobError(f"expected surfaces for this study; found {loaded.entry.kind} in {printable(str(ref))!r}")
    history = loaded.data
    if known and history.digest != known["data"].get("digest"):
        raise JobError(f"expected the data that this study began with; found fingerprint {history.fingerprint}")
    written = known or {
        "format": FORMAT,
        "verb": "study",
        "model": order.name,
        "data": {
            "ref": loaded.entry.id,
            "name": printable(loaded.label),
            "digest": history.digest,
            "period": list(history.period),
            "origin": loaded.origin,
        },
        "settings": settings.to_dict(config),
        "created": run_directory.now(),
    }
    directory.mkdir(parents=True, exist_ok=True)
    with StopRequest() as stop, run_directory.locked(directory):
        status = {"state": "running", "pid": os.getpid(), "started": run_directory.now(), "ended": None, "reason": ""}
        try:
            write_json(directory / CONFIG, written)
            run_directory.write_status(directory, status)
            _carry_out(directory, module.steps(history, config), stop)
            tables = _tables(directory)
            write_json(
                directory / SUMMARY,
                {
                    "format": FORMAT,
                    "study": order.name,
                    "label": module.LABEL,
                    "settings": written["settings"],
                    "data": written["data"],
                    "summary": module.summary(tables),
                    "version": __version__,
                    "created": run_directory.now(),
                },
            )
            run_directory.write_status(directory, {**status, "state": "done", "ended": run_directory.now()})
        except TrainingStopped as stopped:
            _end(directory, status, "cancelled", f"{stopped}; it can be resumed")
            raise
        except ScenaristError as error:
            _end(directory, status, "failed", str(error))
            raise
        except OSError as error:
            sentence = run_directory.disk_sentence(error, "the study")
            _end(directory, status, "failed", sentence)
            raise JobError(sentence) from error
    return read(directory)


def read(directory: Path) -> StudyResult:
    """A finished study.

    Raises:
        CheckpointError: if it is not finished or damaged.
    """
    found = run_directory.read_json(directory / SUMMARY)
    if found.get("format") != FORMAT or not isinstance(found.get("data"), dict) or found.get("study") not in STUDIES:
        raise CheckpointError(f"expected a finished study in {directory.name!r}; found other content in {SUMMARY}")
    return StudyResult(
        directory=directory,
        name=str(found["study"]),
        label=str(found.get("label", "")),
        settings=dict(found.get("settings") or {}),
        data=dict(found["data"]),
        summary={str(k): float(v) for k, v in dict(found.get("summary") or {}).items()},
        created=str(found.get("created", "")),
    )


def _known(directory: Path, order: StudyOrder) -> dict[str, Any]:
    """What an unfinished study began with; nothing for a new one."""
    config = run_directory.read_json_or_none(directory / CONFIG)
    if config is None:
        if directory.is_dir() and any(p.name not in ("status.json", "log.txt", ".lock") for p in directory.iterdir()):
            raise JobError(f"expected a study or a new directory in {directory.name!r}; found other files")
        return {}
    if config.get("verb") != "study" or config.get("model") != order.name:
        raise JobError(f"expected a run of the study {order.name!r} in {directory.name!r}; found another run")
    if not order.resume:
        raise JobError(f"the study in {directory.name!r} was begun before; continue or repeat it with --resume")
    return config


def _carry_out(directory: Path, steps: Sequence[Any], stop: StopRequest) -> None:
    finished = (run_directory.read_json_or_none(directory / DONE_STEPS) or {}).get("done", [])
    writer, bar = ProgressWriter(directory / PROGRESS), ProgressBar()
    try:
        for position, step in enumerate(steps):
            bar.show(writer.report(Progress(step.words, position, len(steps), {})))
            if step.words in finished:
                continue
            if stop.asked:
                raise TrainingStopped(f"stopped after {position} of {len(steps)} steps")
            for name, table in step.make().items():
                write_whole(directory / RESULT / f"{name}.csv", table.to_csv(index=False).encode())
            finished = [*finished, step.words]
            write_json(directory / DONE_STEPS, {"done": finished})
        bar.show(writer.report(Progress("done", len(steps), len(steps), {}), last=True))
    finally:
        bar.close()


def _tables(directory: Path) -> Tables:
    return {path.stem: pd.read_csv(path) for path in sorted((directory / RESULT).glob("*.csv"))}


def _end(directory: Path, status: dict[str, Any], state: str, reason: str) -> None:
    run_directory.write_status(directory, {**status, "state": state, "ended": run_directory.now(), "reason": reason})
