"""Checkpoints: the weights of a trained generator (safetensors) and the card that says what they are (JSON).

A checkpoint may come from anyone, so everything about it is checked before a model sees it: sizes, JSON, the card's
fields, that the weights are the ones the card describes, that they are finite and fit the model and its grid. Nothing
is ever unpickled and nothing is written before all of that has held.
"""

from __future__ import annotations

import hashlib
import io
import shutil
import stat
import tempfile
import zipfile
import zlib
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any

from engine import settings, tensor_file, workspace
from engine.errors import CheckpointError, ScenaristError
from engine.models import registry
from engine.models.registry import Model
from engine.models.surface_model import SurfaceModel
from engine.runs import run_directory
from engine.runs.cards import Card
from engine.runs.run_directory import CARD, WEIGHTS

__all__ = [
    "CARD",
    "WEIGHTS",
    "Card",
    "Listed",
    "catalogue",
    "export_zip",
    "find",
    "import_files",
    "import_zip",
    "load",
    "load_surface_model",
    "read_card",
    "save",
]

MOST_WEIGHT_BYTES = 1 << 30
MOST_IMPORT_BYTES = 64 << 20
"""Weights taken from an upload; larger ones are copied into the folder of runs by hand."""

MOST_CARD_BYTES = 256 << 10
MOST_ZIP_ENTRIES = 32


@dataclass(frozen=True)
class Listed:
    """A checkpoint in a list: its directory, its card, and why it cannot be used if its card cannot be read."""

    directory: Path
    shipped: bool
    card: Card | None
    problem: str = ""

    @property
    def name(self) -> str:
        """The name of its directory."""
        return self.directory.name


def save(directory: Path, model: Model, card: Card) -> Card:
    """Write weights and card, both or neither; a checkpoint that was there is untouched if that fails.

    Returns:
        The card as written, with the digest of the weights.

    Raises:
        CheckpointError: if the weights are not finite: such a model is not worth keeping.
        OSError: from the file system.
    """
    state = model.state()
    tensor_file.check_finite(state, "the weights to save")
    weights = tensor_file.to_bytes(state)
    card = replace(card, weights_digest=hashlib.sha256(weights).hexdigest())
    run_directory.write_together(directory, {WEIGHTS: weights, CARD: card.to_bytes()})
    return card


def load(directory: Path) -> tuple[Any, Card]:
    """The model of a checkpoint, ready to sample, and its card.

    Raises:
        CheckpointError: one sentence for whatever is wrong with it.
    """
    card_bytes = run_directory.read_bytes(directory / CARD, MOST_CARD_BYTES)
    return _checked(card_bytes, run_directory.read_bytes(directory / WEIGHTS, MOST_WEIGHT_BYTES))


def load_surface_model(directory: Path) -> tuple[SurfaceModel, Card]:
    """As :func:`load`, for those who need a generator of tomorrow's surface.

    Raises:
        CheckpointError: if the checkpoint is of another task; and as :func:`load`.
    """
    card = read_card(directory)
    if card.task != registry.NEXT_DAY:
        raise CheckpointError(
            f"expected a generator of tomorrow's surface in {directory.name}; found {card.label} on {card.task}"
        )
    return load(directory)


def read_card(directory: Path) -> Card:
    """The card alone, without looking at the weights.

    Raises:
        CheckpointError: if it is missing or is none.
    """
    path = directory / CARD
    try:
        found = path.stat()
    except OSError:
        return Card.from_bytes(run_directory.read_bytes(path, MOST_CARD_BYTES))  # says what is wrong
    return _card(path, found.st_mtime_ns, found.st_size, found.st_ino)


@lru_cache(maxsize=512)
def _card(path: Path, written: int, size: int, inode: int) -> Card:
    """A card as it was written then: lists are drawn with every page, cards are replaced whole and seldom."""
    return Card.from_bytes(run_directory.read_bytes(path, MOST_CARD_BYTES))


def find(name: str) -> Path:
    """The directory of a checkpoint by its name (a run of the workspace or a shipped one) or by its path.

    Raises:
        CheckpointError: if there is none.
        JobError: if the name is none that a run can have.
    """
    directory = run_directory.named(name)
    for candidate in (directory, workspace.shipped_checkpoints_dir() / directory.name, Path(name).absolute()):
        if (candidate / CARD).is_file() and ("/" not in name or candidate == directory):
            return candidate
    raise CheckpointError(f"expected a finished run or a shipped checkpoint; found none called {name[:80]!r}")


def catalogue() -> tuple[Listed, ...]:
    """Every checkpoint there is: shipped ones first, then those of the workspace, newest first."""
    shipped = [_listed(path, shipped=True) for path in _with_card(workspace.shipped_checkpoints_dir())]
    own = [_listed(path, shipped=False) for path in _with_card(workspace.runs_dir())]
    own.sort(key=lambda listed: listed.card.created if listed.card else "", reverse=True)
    return (*sorted(shipped, key=lambda listed: listed.name), *own)


def export_zip(directory: Path) -> bytes:
    """Card and weights of a checkpoint as one zip file.

    Raises:
        CheckpointError: if the checkpoint cannot be used: nothing broken is handed on.
    """
    card_bytes = run_directory.read_bytes(directory / CARD, MOST_CARD_BYTES)
    weights = run_directory.read_bytes(directory / WEIGHTS, MOST_WEIGHT_BYTES)
    _checked(card_bytes, weights)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(CARD, card_bytes)
        archive.writestr(WEIGHTS, weights)
    return buffer.getvalue()


def import_zip(content: bytes, name: str = "") -> Path:
    """Take a checkpoint from a zip file into the workspace.

    Only its card and its weights are read, each up to its limit whatever size the archive claims; nothing is extracted
    by name. The checkpoint is checked in memory first, so a bad one leaves nothing behind.

    Args:
        content: the zip file.
        name: what to call it; made into a safe, free directory name.

    Returns:
        The new directory.

    Raises:
        CheckpointError: one sentence for whatever is wrong with it.
    """
    if len(content) > MOST_IMPORT_BYTES:
        raise CheckpointError(f"expected a zip file of at most {MOST_IMPORT_BYTES:,} bytes; found {len(content):,}")
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = _entries(archive)
            card_bytes = _member(archive, entries[CARD], MOST_CARD_BYTES)
            weights = _member(archive, entries[WEIGHTS], MOST_IMPORT_BYTES)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, OSError) as error:
        words = " ".join(str(error).split())[:80]
        raise CheckpointError(f"expected a zip file with {CARD} and {WEIGHTS}; found: {words}") from None
    return import_files(card_bytes, weights, name[:-4] if name.lower().endswith(".zip") else name)


def import_files(card_bytes: bytes, weights: bytes, name: str = "") -> Path:
    """Take a checkpoint from the content of its two files into the workspace; see :func:`import_zip`."""
    for what, content, most in ((CARD, card_bytes, MOST_CARD_BYTES), (WEIGHTS, weights, MOST_IMPORT_BYTES)):
        if len(content) > most:
            raise CheckpointError(f"expected {what} of at most {most:,} bytes; found {len(content):,}")
    _, card = _checked(card_bytes, weights)
    runs = workspace.runs_dir()
    runs.mkdir(parents=True, exist_ok=True)
    target = run_directory.new_directory(name or f"{card.model}-{card.data_name}")
    staged = Path(tempfile.mkdtemp(dir=runs, prefix=".import-"))
    try:
        # the card is written anew from what was understood, so nothing else of the upload is kept
        run_directory.write_together(staged, {WEIGHTS: weights, CARD: card.to_bytes()})
        staged.chmod(0o755)
        staged.rename(target)
    except OSError as error:
        shutil.rmtree(staged, ignore_errors=True)
        raise CheckpointError(run_directory.disk_sentence(error, "the imported checkpoint")) from None
    return target


def _checked(card_bytes: bytes, weights: bytes) -> tuple[Any, Card]:
    """Everything that makes two pieces of bytes a checkpoint."""
    card = Card.from_bytes(card_bytes)
    if hashlib.sha256(weights).hexdigest() != card.weights_digest:
        # say what is wrong with the file itself, if that is what it is
        tensor_file.check_finite(tensor_file.from_bytes(weights, WEIGHTS), WEIGHTS)
        raise CheckpointError(f"expected the weights that {CARD} describes; found others (their SHA-256 differs)")
    state = tensor_file.from_bytes(weights, WEIGHTS)
    tensor_file.check_finite(state, WEIGHTS)
    try:
        kind = registry.model(card.model, card.task)
        model = kind(settings.from_dict(kind.Config, card.config))
        model.restore(state, card.domain)
    except CheckpointError:
        raise
    except ScenaristError as error:
        raise CheckpointError(f"expected a checkpoint that this program can load; found: {error}") from None
    except (ValueError, TypeError, KeyError, IndexError) as error:
        words = " ".join(str(error).split())[:120]
        raise CheckpointError(f"expected weights that fit the model {card.model!r}; found: {words}") from None
    return model, card


def _with_card(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return [path for path in folder.iterdir() if not path.name.startswith(".") and (path / CARD).is_file()]


def _listed(directory: Path, shipped: bool) -> Listed:
    try:
        card = read_card(directory)
        if not (directory / WEIGHTS).is_file():
            raise CheckpointError(f"expected {WEIGHTS} beside {CARD} in {directory.name}; found none")
        return Listed(directory, shipped, card)
    except CheckpointError as error:
        return Listed(directory, shipped, None, str(error))


def _entries(archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """The two entries wanted, at the top or in one folder; an archive that plays tricks is refused as a whole."""
    infos = archive.infolist()
    if len(infos) > MOST_ZIP_ENTRIES:
        raise CheckpointError(f"expected a zip file with {CARD} and {WEIGHTS}; found {len(infos):,} entries")
    found: dict[str, zipfile.ZipInfo] = {}
    for info in infos:
        path = PurePosixPath(info.filename)
        if path.is_absolute() or ".." in path.parts or "\\" in info.orig_filename or ":" in info.filename:
            raise CheckpointError("expected plain file names in the zip file; found a path that leads out of it")
        if stat.S_ISLNK(info.external_attr >> 16):
            raise CheckpointError("expected plain files in the zip file; found a symbolic link")
        if path.name in (CARD, WEIGHTS) and len(path.parts) <= 2 and not path.parts[0].startswith("__MACOSX"):
            if path.name in found:
                raise CheckpointError(f"expected one {path.name} in the zip file; found several")
            found[path.name] = info
    for name in (CARD, WEIGHTS):
        if name not in found:
            raise CheckpointError(f"expected {name} in the zip file; found none")
    return found


def _member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, most: int) -> bytes:
    name = PurePosixPath(info.filename).name
    if info.flag_bits & 0x1:
        raise CheckpointError(f"expected {name} in the zip file to be readable; found it encrypted")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise CheckpointError(f"expected {name} in the zip file stored or deflated; found another compression")
    with archive.open(info) as file:
        content = file.read(most + 1)  # never more, whatever the directory of the archive claims
    if len(content) > most:
        raise CheckpointError(f"expected {name} of at most {most:,} bytes in the zip file; found more")
    return content
