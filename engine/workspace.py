"""Where files live, and the one way they are written: whole or not at all."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parent.parent


def home() -> Path:
    """The writable folder: ``SCENARIST_HOME``, or ``.scenarist`` in the project."""
    return Path(os.environ.get("SCENARIST_HOME") or PROJECT / ".scenarist")


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
