"""Where files live, how they are written (whole or not at all), and how files that may be hostile are read."""

from __future__ import annotations

import errno
import json
import os
import stat
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engine.errors import CheckpointError

MOST_JSON_BYTES = 1 << 20
"""No JSON file of a run or a model is longer; a card has a few kilobytes."""

PROJECT = Path(__file__).resolve().parent.parent


def home() -> Path:
    """The writable folder: ``SCENARIST_HOME``, else ``.scenarist`` in the project, or in the person's home directory if
    the engine is installed without the project.
    """
    base = PROJECT if (PROJECT / "pyproject.toml").exists() else Path.home()
    return Path(os.environ.get("SCENARIST_HOME") or base / ".scenarist")


def runs_dir() -> Path:
    """Where runs are kept, one directory each."""
    return home() / "runs"


def uploads_dir() -> Path:
    """Where uploaded files are kept, named by their digest."""
    return home() / "uploads"


def shipped_checkpoints_dir() -> Path:
    """Trained weights that come with the app."""
    return PROJECT / "checkpoints"


def local_data_dir() -> Path | None:
    """The folder of local files that the dataset picker lists (``SCENARIST_DATA``), if one is set."""
    folder = os.environ.get("SCENARIST_DATA")
    return Path(folder) if folder else None


def write_whole(path: Path, data: bytes) -> None:
    """Write a file whole or not at all: to a temporary name beside it, flushed, then renamed.

    Raises:
        OSError: from the file system (a full disk, say); the old file, if any, is untouched and no
            temporary file is left behind.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def write_json(path: Path, value: Any) -> None:
    """Write JSON whole or not at all; NaN and infinity are refused rather than written as invalid JSON."""
    write_whole(path, (json.dumps(value, indent=1, allow_nan=False) + "\n").encode())


def read_json(path: Path) -> Any:
    """Read a JSON file."""
    return json.loads(path.read_text(encoding="utf-8"))


def read_bytes(path: Path, most: int) -> bytes:
    """The content of a regular file of at most ``most`` bytes; links, pipes and devices are refused unread.

    Raises:
        CheckpointError: if it is missing, no regular file, or too long.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if error.errno == errno.ENOENT:
            raise CheckpointError(f"expected the file {path.name} in {path.parent.name}; found none") from None
        words = os.strerror(error.errno or 0)
        raise CheckpointError(f"expected {path.name} in {path.parent.name} as a regular file; found: {words}") from None
    try:
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode):
            raise CheckpointError(
                f"expected {path.name} in {path.parent.name} to be a regular file; found another kind"
            )
        if found.st_size > most:
            raise CheckpointError(f"expected {path.name} of at most {most:,} bytes; found {found.st_size:,}")
        with open(handle, "rb", closefd=False) as file:
            return file.read(most)
    finally:
        os.close(handle)


def parse_json(content: bytes, what: str) -> dict[str, Any]:
    """A JSON object from outside: bounded, UTF-8, no NaN, no deep nesting.

    Raises:
        CheckpointError: saying what was expected of ``what``.
    """
    if len(content) > MOST_JSON_BYTES:
        raise CheckpointError(f"expected {what} of at most {MOST_JSON_BYTES:,} bytes; found {len(content):,}")
    try:
        value = json.loads(content.decode("utf-8"), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        found = "nesting too deep" if isinstance(error, RecursionError) else _first_words(error)
        raise CheckpointError(f"expected {what} to be valid JSON; found: {found}") from None
    if not isinstance(value, dict):
        raise CheckpointError(f"expected {what} to be a JSON object; found a {type(value).__name__}")
    return value


def write_together(directory: Path, contents: Mapping[str, bytes]) -> None:
    """Write several files of a directory: all are on disk under temporary names before the first is renamed.

    A full disk therefore leaves every old file as it was.

    Raises:
        OSError: from the file system.
    """
    directory.mkdir(parents=True, exist_ok=True)
    waiting: list[tuple[str, Path]] = []
    try:
        for name, data in contents.items():
            handle, temporary = tempfile.mkstemp(dir=directory, prefix=f".{name}.")
            waiting.append((temporary, directory / name))
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
        for temporary, final in waiting:
            os.replace(temporary, final)
    except BaseException:
        for temporary, _ in waiting:
            Path(temporary).unlink(missing_ok=True)
        raise


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"the number {name}")


def _first_words(error: Exception) -> str:
    return " ".join(str(error).split())[:120]
