"""The files of a run, and the one way each is read: names, locks, bounded reads of what may be hostile.

A run is a directory. ``config.json`` says what was asked for, ``status.json`` how it stands, ``progress.jsonl`` what
was reported, ``log.txt`` what the process printed, ``keep.safetensors`` what it resumes from; ``weights.safetensors``
and ``card.json`` are its result, the checkpoint.
"""

from __future__ import annotations

import contextlib
import datetime
import errno
import fcntl
import os
import re
import secrets
import time
import unicodedata
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from engine import workspace
from engine.errors import CheckpointError, JobError
from engine.workspace import MOST_JSON_BYTES as MOST_JSON_BYTES
from engine.workspace import parse_json as parse_json
from engine.workspace import read_bytes as read_bytes
from engine.workspace import write_together as write_together

CONFIG = "config.json"
STATUS = "status.json"
PROGRESS = "progress.jsonl"
LOG = "log.txt"
KEEP = "keep.safetensors"
WEIGHTS = "weights.safetensors"
CARD = "card.json"
LOCK = ".lock"
RESERVE = ".reserve"
STOPPING = ".stopping"

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")
"""What a run may be called: one path component, never hidden, never ``..``."""


def slug(text: str) -> str:
    """A safe directory name from anything a person typed or a file was called; never a path.

    Accents are dropped, everything outside ``a-z 0-9 . _ -`` becomes a hyphen, at most 60 characters.
    """
    ascii_text = unicodedata.normalize("NFKD", text[:400]).encode("ascii", "ignore").decode().lower()
    words = re.sub(r"[^a-z0-9._-]+", "-", ascii_text)
    return re.sub(r"\.{2,}", ".", words).strip("-._")[:60].rstrip("-._") or "run"


def new_directory(label: str) -> Path:
    """A free directory in the workspace for a run called ``label``; it is not created."""
    base = slug(label)
    candidate = workspace.runs_dir() / base
    while candidate.exists():
        candidate = workspace.runs_dir() / f"{base}-{secrets.token_hex(3)}"
    return candidate


def named(text: str) -> Path:
    """The directory that ``--run`` means: a bare name is a run of the workspace, anything with a slash is a path.

    Raises:
        JobError: if a bare name is none that a run can have.
    """
    if "/" in text or text.startswith("~"):
        return Path(text).expanduser().absolute()
    if not NAME.fullmatch(text):
        raise JobError(
            f"expected a run's name of letters, digits, dots, hyphens and underscores, or a path; found {text[:80]!r}"
        )
    return workspace.runs_dir().absolute() / text


def inside_workspace(directory: Path) -> bool:
    """Whether a directory lies directly below the folder of runs and is no link to somewhere else."""
    runs = workspace.runs_dir().resolve()
    return (
        directory.parent.resolve() == runs and NAME.fullmatch(directory.name) is not None and not directory.is_symlink()
    )


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object of a run's directory.

    Raises:
        CheckpointError: if the file is missing, too long, no regular file or no JSON object.
    """
    return parse_json(read_bytes(path, MOST_JSON_BYTES), path.name)


def read_json_or_none(path: Path) -> dict[str, Any] | None:
    """The same, None for anything that cannot be read: what a list shows must not fail on one broken line."""
    try:
        return read_json(path)
    except CheckpointError:
        return None


def write_status(directory: Path, status: Mapping[str, Any]) -> None:
    """Write how a run stands, whole or not at all."""
    workspace.write_json(directory / STATUS, dict(status))


@contextlib.contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Hold a run for writing; the kernel lets go when the process ends, however it ends.

    A process that was just killed may hold it for a moment more, so the lock is tried for up to a second.

    Raises:
        JobError: if another process holds it.
    """
    handle = os.open(directory / LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
    give_up = time.monotonic() + 1
    try:
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError:
                if time.monotonic() > give_up:
                    raise JobError(
                        f"expected to be the only process writing the run {directory.name!r}; found another"
                    ) from None
                time.sleep(0.02)
        yield
    finally:
        os.close(handle)


def now() -> str:
    """The time, ISO, UTC, to the second."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def disk_sentence(error: OSError, what: str) -> str:
    """One sentence for a failed write."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"expected room on the disk for {what}; found it full: free some space, then resume"
    return f"expected to write {what}; found: {error.strerror or error}"
