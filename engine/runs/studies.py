"""Studies as runs: tables as CSV in the run's directory, a card beside them, resumable step by step.

A run of a study holds ``config.json``, ``status.json``, ``progress.jsonl``, ``result/<table>.csv``,
``arrays/<name>.safetensors`` (what its steps keep) and, once done, ``result.json`` (summary, data, versions). A killed
study resumes with the step it was in; the tables of finished steps stay as they are. Finished studies can be shipped
beside the checkpoints and are then found like any other.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd

from engine import __version__, datasets, settings, tensor_file, workspace
from engine.errors import CheckpointError, JobError, ScenaristError
from engine.market.price_history import PriceHistory
from engine.market.surface_history import SurfaceHistory
from engine.runs import checkpoints, compute, run_directory
from engine.runs.cards import printable
from engine.runs.progress_log import ProgressBar, ProgressWriter
from engine.runs.run_directory import CONFIG, PROGRESS, WEIGHTS
from engine.runs.worker import MOST_KEEP_BYTES, FileCheckpointer, StopRequest
from engine.studies.base import STUDIES, Arrays, Study, Work, study
from engine.training.progress import Progress, TrainingStopped
from engine.workspace import write_json, write_whole

RESULT = "result"
ARRAYS = "arrays"
BLOCKS = "blocks"
SUMMARY = "result.json"
DONE_STEPS = "steps.json"
FORMAT = 1
MOST_TABLE_BYTES = 256 << 20
GENERATORS = ("model", "bce")
"""Inputs of studies that are trained generators; the others are finished studies."""

SEVERAL = "models"
"""The input that is several trained generators."""

PARTS = 1000
"""Parts that each step of a study counts as in its progress."""

_TABLE = re.compile(r"[a-z0-9_]{1,80}")


@dataclass(frozen=True)
class StudyOrder:
    """What a person asked for; None where nothing was said.

    Args:
        name: registered name of the study.
        data: id of the catalogue or path of a file.
        pairs: settings as ``key=value``.
        resume: continue, or repeat, the study in the directory.
        inputs: name of a further input ("model", "fingan") → the run it names.
        sectors: path of a sector map, for studies of prices.
        cluster: where blocks of work are carried out (see :func:`engine.runs.compute.opened`).
    """

    name: str
    data: str | None = None
    pairs: Sequence[str] = ()
    resume: bool = False
    inputs: Mapping[str, str] = field(default_factory=dict)
    sectors: str | None = None
    cluster: str = ""


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
        inputs: name → what is known of each further input: its run, label, fingerprint of its data.
    """

    directory: Path
    name: str
    label: str
    settings: dict[str, Any]
    data: dict[str, Any]
    summary: dict[str, float]
    created: str
    inputs: dict[str, dict[str, Any]] = field(default_factory=dict)

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

    def arrays(self, name: str) -> Arrays:
        """The named arrays of one of its checkpointers.

        Raises:
            CheckpointError: if there are none of that name, or they are damaged.
        """
        path = _arrays_path(self.directory, name)
        found = tensor_file.from_bytes(run_directory.read_bytes(path, MOST_KEEP_BYTES), path.name)
        tensor_file.check_finite(found, path.name)
        return found


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
    data, about_data = _data(module, order, known)
    inputs, about = _inputs(module, order, known)
    written = known or {
        "format": FORMAT,
        "verb": "study",
        "model": order.name,
        "data": about_data,
        "inputs": about,
        "settings": settings.to_dict(config),
        "extending": list(settings.extending(type(config))),
        "created": run_directory.now(),
    }
    directory.mkdir(parents=True, exist_ok=True)
    with StopRequest() as stop, run_directory.locked(directory):
        status = {"state": "running", "pid": os.getpid(), "started": run_directory.now(), "ended": None, "reason": ""}
        try:
            write_json(directory / CONFIG, written)
            run_directory.write_status(directory, status)
            with compute.opened(order.cluster) as run_blocks:
                _carry_out(directory, module, (data, config), (inputs, about), stop, run_blocks, bool(order.cluster))
            tables = {path.stem: pd.read_csv(path) for path in sorted((directory / RESULT).glob("*.csv"))}
            write_json(
                directory / SUMMARY,
                {
                    "format": FORMAT,
                    "study": order.name,
                    "label": module.LABEL,
                    "settings": written["settings"],
                    "data": _portable(written["data"]),
                    "inputs": {name: _portable(facts) for name, facts in about.items()},
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
        inputs={str(k): dict(v) for k, v in dict(found.get("inputs") or {}).items()},
        summary={str(k): float(v) for k, v in dict(found.get("summary") or {}).items()},
        created=str(found.get("created", "")),
    )


def find(ref: str, name: str | None = None) -> Path:
    """The directory of a finished study by its run's name (of the workspace, or shipped) or by its path.

    Args:
        ref: what it is called.
        name: of which study it must be.

    Raises:
        CheckpointError: if there is none.
    """
    directory = run_directory.named(ref)
    for candidate in (directory, workspace.shipped_checkpoints_dir() / directory.name, Path(ref).absolute()):
        if (candidate / SUMMARY).is_file() and (name is None or read(candidate).name == name):
            return candidate
    raise CheckpointError(f"expected a finished study{f' {name}' if name else ''}; found none called {ref[:80]!r}")


def catalogue(name: str) -> tuple[StudyResult, ...]:
    """Finished studies of one name: those of the workspace, newest first, then the shipped ones; no damaged one."""
    own: list[StudyResult] = []
    shipped: list[StudyResult] = []
    for folder, found in ((workspace.runs_dir(), own), (workspace.shipped_checkpoints_dir(), shipped)):
        for summary in sorted(folder.glob(f"[!.]*/{SUMMARY}")):
            with contextlib.suppress(CheckpointError):  # a damaged one
                found.append(read(summary.parent))
    own.sort(key=lambda result: result.created, reverse=True)
    return tuple(result for result in (*own, *shipped) if result.name == name)


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


def _carry_out(
    directory: Path,
    module: Study,
    asked: tuple[Any, Any],
    given: tuple[dict[str, Any], dict[str, Any]],
    stop: StopRequest,
    run_blocks: compute.Run,
    spread: bool,
) -> None:
    finished = (run_directory.read_json_or_none(directory / DONE_STEPS) or {}).get("done", [])
    writer, bar = ProgressWriter(directory / PROGRESS), ProgressBar(unit="")
    position = 0

    def within(progress: Progress) -> bool:
        share = min(1.0, progress.done / progress.total) if progress.total > 0 else 0.0
        done, total = PARTS * position + round(PARTS * share), PARTS * len(steps)
        bar.show(writer.report(Progress(progress.phase, min(done, total - 1), total, progress.losses)))
        return stop.asked

    blocks = compute.Blocks(run_blocks, directory / BLOCKS)
    checkpointers = lambda name: FileCheckpointer(_arrays_path(directory, name))  # noqa: E731
    work = Work(*given, within, checkpointers, run_blocks, spread, blocks.keeping, blocks.forget)
    try:
        steps = module.steps(*asked, work)
        for position, step in enumerate(steps):
            bar.show(writer.report(Progress(step.words, PARTS * position, PARTS * len(steps), {})))
            if step.words in finished:
                continue
            if stop.asked:
                raise TrainingStopped(f"stopped after {position} of {len(steps)} steps")
            for name, table in step.make().items():
                write_whole(directory / RESULT / f"{name}.csv", table.to_csv(index=False).encode())
            finished = [*finished, step.words]
            write_json(directory / DONE_STEPS, {"done": finished})
        bar.show(writer.report(Progress("done", PARTS * len(steps), PARTS * len(steps), {}), last=True))
    finally:
        bar.close()


def _data(module: Study, order: StudyOrder, known: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """The data of a study and what its card says of them.

    Raises:
        ScenaristError: if they are missing, of another kind, or not those that the study began with.
    """
    ref = order.data if order.data is not None else known.get("data", {}).get("ref")
    if ref is None:
        raise JobError("expected --data with the id of a dataset or the path of a file; found none")
    loaded = datasets.load(str(ref))
    data, kind = loaded.data, loaded.entry.kind
    if kind != module.DATA or not isinstance(data, SurfaceHistory | PriceHistory):
        raise JobError(f"expected {module.DATA} for this study; found {kind} in {printable(str(ref))!r}")
    sectors = order.sectors if order.sectors is not None else known.get("data", {}).get("sectors")
    if sectors is not None:
        if not isinstance(data, PriceHistory):
            raise JobError("expected no sector map for a study of surfaces; found --sectors")
        sector_map, sectors = datasets.sector_map(str(sectors))
        data = replace(data, sector_of={**data.sector_of, **sector_map})
    if known and data.digest != known["data"].get("digest"):
        raise JobError(f"expected the data that this study began with; found fingerprint {data.fingerprint}")
    about = {
        "ref": loaded.entry.id,
        "name": printable(loaded.label),
        "digest": data.digest,
        "period": list(data.period),
        "origin": loaded.origin,
        "doubts": list(loaded.doubts),
    }
    if loaded.left_out:
        about["left_out"] = printable(loaded.left_out)
    return data, about if sectors is None else {**about, "prices": loaded.data.digest, "sectors": str(sectors)}


def _inputs(module: Study, order: StudyOrder, known: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The further inputs of a study, loaded, and what is known of each.

    Raises:
        ScenaristError: if one is none that the study takes, cannot be loaded, or is not the one it began with.
    """
    before = dict(known.get("inputs") or {})
    refs = {name: about["ref"] for name, about in before.items()} | dict(order.inputs)
    loaded: dict[str, Any] = {}
    about: dict[str, Any] = {}
    for name, ref in refs.items():
        if name not in module.INPUTS:
            takes = ", ".join(f"--{one}" for one in module.INPUTS) or "none"
            raise JobError(f"expected inputs that this study takes ({takes}); found --{name[:40]}")
        loaded[name], about[name] = _input(name, ref)
        if known and about[name]["digest"] != before.get(name, {}).get("digest"):
            raise JobError(f"expected the --{name} that this study began with; found another one")
    return loaded, about


def _input(name: str, ref: str) -> tuple[Any, dict[str, Any]]:
    """One input: a restored generator for ``model`` and ``bce``, a tuple of them for ``models`` (runs separated by
    commas), a finished study of that name otherwise.
    """
    if name == SEVERAL:
        parts = [_input(GENERATORS[0], one.strip()) for one in ref.split(",") if one.strip()]
        facts = [about for _, about in parts]
        digest = hashlib.sha256("".join(about["digest"] for about in facts).encode()).hexdigest()
        return tuple(model for model, _ in parts), {"ref": ref, "digest": digest, "parts": facts}
    if name in GENERATORS:
        path = checkpoints.find(ref)
        model, card = checkpoints.load_surface_model(path)
        digest = hashlib.sha256(run_directory.read_bytes(path / WEIGHTS, checkpoints.MOST_WEIGHT_BYTES)).hexdigest()
        return model, {
            "ref": ref,
            "digest": digest,
            "model": card.model,
            "label": card.label,
            "data_name": card.data_name,
            "data_origin": card.data_origin,
            "data_fingerprint": card.data_fingerprint,
            "trained_on": list(card.trained_on),
        }
    found = read(find(ref, name))
    digest = hashlib.sha256(run_directory.read_bytes(found.directory / SUMMARY, MOST_TABLE_BYTES)).hexdigest()
    return found, {"ref": ref, "digest": digest, "label": found.label, "data_name": found.data.get("name", "")}


def _portable(facts: Mapping[str, Any]) -> dict[str, Any]:
    """What a result says of its data and inputs: names of files, not where they lie on this machine."""
    return {
        key: Path(value).name if key in ("ref", "sectors") and "/" in str(value) else value
        for key, value in facts.items()
    }


def _arrays_path(directory: Path, name: str) -> Path:
    if not _TABLE.fullmatch(name):
        raise CheckpointError(f"expected the name of arrays; found {name[:60]!r}")
    return directory / ARRAYS / f"{name}.safetensors"


def _end(directory: Path, status: dict[str, Any], state: str, reason: str) -> None:
    run_directory.write_status(directory, {**status, "state": state, "ended": run_directory.now(), "reason": reason})
