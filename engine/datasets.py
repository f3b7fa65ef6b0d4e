"""What the dataset picker lists: built-in data, the local folder, and uploads; and how each is loaded.

An upload is stored under the digest of its content; the name a person gave it is kept beside it and is only ever
displayed. Whatever decisions reading it needed (a column mapping, a date order) are kept too, so that a job or another
day reads the same file the same way.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, get_args
from urllib.parse import parse_qsl, urlencode

import pandas as pd

from engine import workspace
from engine.errors import MarketDataError
from engine.market import intake
from engine.market.builtin_prices import builtin_prices
from engine.market.price_history import PriceHistory
from engine.market.quotes import OptionQuotes
from engine.market.surface_history import SurfaceHistory

Kind = Literal["surfaces", "prices", "quotes"]
Origin = Literal["built-in", "local", "upload", "file"]
Data = SurfaceHistory | PriceHistory | OptionQuotes

SUFFIXES = (".csv", ".tsv", ".txt", ".parquet", ".xlsx", ".xlsm")
"""Files that the local folder lists and that an upload may be."""


@dataclass(frozen=True)
class Entry:
    """One line of the picker.

    Args:
        id: what ``load`` and ``--data`` take.
        label: what a person reads; may hold text from a file's name, so it is never shown as markup.
        kind: surfaces, prices or quotes.
        origin: built-in, local, upload or file.
        version: changes when the content behind the id changes (the key under which pages cache it).
    """

    id: str
    label: str
    kind: Kind
    origin: Origin
    version: str


@dataclass(frozen=True)
class Loaded:
    """A dataset in memory: the data, where they come from, what reading them rejected and decided, and doubts."""

    data: Data
    entry: Entry
    rejected: pd.DataFrame
    notes: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """What a person calls it."""
        return self.entry.label

    @property
    def origin(self) -> Origin:
        """Built-in, local, upload or file."""
        return self.entry.origin

    @property
    def left_out(self) -> str:
        """How many rows could not be used and why the first could not, in words; empty if all could."""
        many = len(self.rejected)
        rows = "1 row" if many == 1 else f"{many:,} rows"
        return f"{rows} left out, the first: {self.rejected.iloc[0]['reason']}" if many else ""

    def is_that(self, *, origin: str, fingerprint: str, name: str = "", ref: str = "") -> bool:
        """Whether a card or a study speaks of these data.

        Built-in ones go by their name or id: they are drawn anew on every machine, and processors differ in the last
        digit, hence in the fingerprint.

        Args:
            origin: of the data it speaks of.
            fingerprint: of them, the first 12 characters or all.
            name, ref: what they are called, and their id; one of them is enough.
        """
        if "built-in" in (self.origin, origin):
            return self.origin == origin and (name == self.label or ref == self.entry.id)
        return bool(fingerprint) and fingerprint[:12] == self.data.fingerprint


@dataclass(frozen=True)
class _Source:
    """Where an entry's files are and how they are read."""

    entry: Entry
    files: tuple[tuple[Path, str], ...] = ()  # path on disk, name for people
    reading: Mapping[str, Any] = field(default_factory=dict)
    built: Callable[[], Data] | None = None


def catalogue(kind: Kind | None = None) -> tuple[Entry, ...]:
    """Everything that can be picked, built-in first, then uploads (newest first), then the local folder."""
    sources = (*_built_in().values(), *_uploads().values(), *_local().values())
    return tuple(source.entry for source in sources if kind is None or source.entry.kind == kind)


def answered(ref: str, pairs: Sequence[str]) -> str:
    """The name of a dataset read with answers to the questions that reading it asks.

    Answers become part of the name, so that whatever keeps the name (a run, a study, an address) reads the same again.

    Args:
        ref: catalogue id or path.
        pairs: answers as ``key=value``: a reading option (see :class:`engine.market.intake.result.Reading`), a role
            with the column that has it, or ``kind`` with what the file holds.

    Raises:
        MarketDataError: if a pair is none.
    """
    answers = []
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key.strip() or not value.strip():
            raise MarketDataError(f"expected --answer as key=value, such as spot=4000; found {pair[:60]!r}")
        answers.append((key.strip(), value.strip()))
    return _name(ref, dict(answers))


def load(ref: str) -> Loaded:
    """Load a dataset by its catalogue id or by a file's path, with the answers that :func:`answered` put to it.

    Raises:
        AmbiguousColumns: if a question has to be answered first.
        MarketDataError: if there is no such dataset, or its content cannot be used.
    """
    source = find(ref)
    if source.built is not None:
        return Loaded(source.built(), source.entry, intake.no_rejections())
    return _read(source)


def find(ref: str) -> _Source:
    """The source behind a catalogue id or a path.

    Raises:
        MarketDataError: if there is none.
    """
    plain, mark, query = ref.rpartition("?")
    answers = dict(parse_qsl(query)) if mark and not Path(ref).expanduser().is_file() else {}
    return _answered(plain, answers) if answers else _plain(ref)


def _answered(ref: str, answers: Mapping[str, str]) -> _Source:
    """The source behind a name, read with answers."""
    folder = workspace.local_data_dir()
    places = [Path(ref).expanduser(), *([] if folder is None else [folder / Path(ref).name.removeprefix("local-")])]
    path = next((place for place in places if place.is_file()), None)
    if path is not None:
        return _file_source(path, id=str(path.resolve()), origin="file", answers=answers)
    source = _plain(ref)
    if source.built is not None:
        raise MarketDataError(f"expected no answers for the built-in data {ref}; found {', '.join(answers)}")
    reading = {**source.reading, **{key: value for key, value in answers.items() if key != "kind"}}
    kind = _as_kind(answers.get("kind", source.entry.kind))
    entry = replace(source.entry, id=_name(ref, answers), kind=kind, version=_name(source.entry.version, answers))
    return replace(source, entry=entry, reading=reading)


def _name(ref: str, answers: Mapping[str, str]) -> str:
    return f"{ref}?{urlencode(answers)}" if answers else ref


def _plain(ref: str) -> _Source:
    for listing in (_built_in, _uploads, _local):
        known = listing()
        if ref in known:
            return known[ref]
    path = Path(ref).expanduser()
    if path.is_file():
        return _file_source(path, id=str(path.resolve()), origin="file")
    if f"local-{ref}" in known:  # a result says a file's name, not where it lay
        return known[f"local-{ref}"]
    names = ", ".join(_built_in())
    raise MarketDataError(f"expected a dataset id ({names}, …) or the path of a file; found {ref[:200]!r}")


def sector_map(ref: str) -> tuple[dict[str, str], Path]:
    """A sector map by its path, or by the name of a file among the local data or the uploads; and where it is.

    Raises:
        MarketDataError: if there is none, or it cannot be used.
    """
    path = Path(ref).expanduser()
    folders = [folder for folder in (workspace.local_data_dir(), workspace.uploads_dir()) if folder is not None]
    known = [path, *(folder / path.name for folder in folders if path.name == ref)]
    found = next((one for one in known if one.is_file()), path)
    return intake.read_sectors(found).data, found.absolute()


def store_upload(
    files: Sequence[tuple[str, bytes]], *, kind: Kind | None = None, reading: Mapping[str, Any] | None = None
) -> Loaded:
    """Store uploaded files and read them as one dataset.

    Nothing is kept unless it can be read.

    Args:
        files: (name, content) of each; several are read together (one price file per ticker, a sector map).
        kind: what they hold; recognised if not given.
        reading: decisions for the reader: ``mapping`` (role → column), ``date_order``, ``iv_unit``, ….

    Raises:
        MarketDataError: if a file is of no readable type or its content cannot be used.
        AmbiguousColumns: if a decision is needed; the question is in the exception.
    """
    if not files:
        raise MarketDataError("expected at least one file; found none")
    reading = dict(reading or {})
    stored: list[dict[str, str]] = []
    fresh: list[Path] = []
    for name, content in files:
        suffix = Path(name).suffix.lower()
        if suffix not in SUFFIXES:
            raise MarketDataError(f"expected a file ending in {', '.join(SUFFIXES)}; found {name[-60:]!r}")
        path = workspace.uploads_dir() / f"{hashlib.sha256(content).hexdigest()}{suffix}"
        if not path.exists():
            workspace.write_whole(path, content)
            fresh.append(path)
        stored.append({"file": path.name, "name": name})
    paths = tuple((workspace.uploads_dir() / item["file"], item["name"]) for item in stored)
    try:
        kind = kind or _kind_of(paths, reading)
        digest = hashlib.sha256(repr((sorted(item["file"] for item in stored), sorted(reading.items()))).encode())
        label = files[0][0] if len(files) == 1 else f"{files[0][0]} and {len(files) - 1} more"
        entry = Entry(f"upload-{digest.hexdigest()[:16]}", label, kind, "upload", digest.hexdigest())
        loaded = _read(_Source(entry, paths, reading))
    except BaseException:
        for path in fresh:
            path.unlink(missing_ok=True)
        raise
    workspace.write_json(
        workspace.uploads_dir() / f"{entry.id}.json",
        {"label": label, "kind": kind, "version": entry.version, "files": stored, "reading": reading},
    )
    return loaded


def forget_upload(ref: str) -> None:
    """Remove an upload; files shared with another upload stay.

    Raises:
        MarketDataError: if it is no upload.
    """
    uploads = _uploads()
    if ref not in uploads:
        raise MarketDataError(f"expected the id of an upload; found {ref[:60]!r}")
    gone = uploads.pop(ref)
    kept = {path for source in uploads.values() for path, _ in source.files}
    (workspace.uploads_dir() / f"{ref}.json").unlink(missing_ok=True)
    for path, _ in gone.files:
        if path not in kept:
            path.unlink(missing_ok=True)


def _read(source: _Source) -> Loaded:
    entry = source.entry
    paths = [path for path, _ in source.files]
    names = [name for _, name in source.files]
    imported = intake.read(entry.kind, paths, names=names, **source.reading)
    data: Data = replace(imported.data, name=entry.label)
    return Loaded(data, entry, imported.rejected, imported.notes, imported.doubts)


def _kind_of(files: Sequence[tuple[Path, str]], reading: Mapping[str, Any]) -> Kind:
    kind = intake.recognise_together([path for path, _ in files], names=[name for _, name in files], **reading)
    if kind == "sectors":
        raise MarketDataError("expected surfaces, quotes or prices beside the sector map; found the sector map alone")
    return "prices" if kind == "series" else kind  # type: ignore[return-value]


def _built_in() -> dict[str, _Source]:
    def simulated(name: str) -> SurfaceHistory:
        from engine.models.simulated.market import built_in

        return built_in(name).history

    def chain() -> OptionQuotes:
        from engine.surfaces import synthetic_quotes

        return synthetic_quotes.from_history(simulated("simulated-11x9"), -1)

    entries = {
        "simulated-10x8": ("Simulated market, 10×8 grid (22 years)", "surfaces", lambda: simulated("simulated-10x8")),
        "simulated-11x9": ("Simulated market, 11×9 grid (22 years)", "surfaces", lambda: simulated("simulated-11x9")),
        "simulated-quotes": ("Simulated option chain", "quotes", chain),
        "indices": ("S&P 500 and NASDAQ, daily (1999–2018)", "prices", builtin_prices),
    }
    return {
        id: _Source(Entry(id, label, kind, "built-in", "1"), built=built)  # type: ignore[arg-type]
        for id, (label, kind, built) in entries.items()
    }


def _uploads() -> dict[str, _Source]:
    folder = workspace.uploads_dir()
    cards = sorted(folder.glob("upload-*.json"), key=_modified, reverse=True)
    sources = {}
    for card in cards:
        try:
            meta = workspace.read_json(card)
            files = tuple((folder / Path(item["file"]).name, str(item["name"])) for item in meta["files"])
            if not files or meta["kind"] not in get_args(Kind):
                continue
            entry = Entry(card.stem, str(meta["label"]), meta["kind"], "upload", str(meta["version"]))
            sources[entry.id] = _Source(entry, files, dict(meta["reading"]))
        except (OSError, ValueError, LookupError, TypeError, RecursionError):
            continue  # one damaged note must not hide the other data; the uploaded file itself stays where it is
    return sources


def _modified(path: Path) -> float:
    """When a file was last written; 0 if another process has just removed it."""
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _local() -> dict[str, _Source]:
    folder = workspace.local_data_dir()
    if folder is None or not folder.is_dir():
        return {}
    sources = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() not in SUFFIXES or not path.is_file():
            continue
        try:
            source = _file_source(path, id=f"local-{path.name}", origin="local")
        except MarketDataError:
            continue  # a README.csv or a sector map is no dataset; opening it by path says why
        sources[source.entry.id] = source
    return sources


def _file_source(path: Path, *, id: str, origin: Origin, answers: Mapping[str, str] | None = None) -> _Source:
    stat = path.stat()
    reading = dict(answers or {})
    given = reading.pop("kind", None)
    kind = _as_kind(given) if given else _recognised(path, stat.st_mtime_ns, stat.st_size, tuple(reading.items()))
    version = f"{stat.st_mtime_ns}-{stat.st_size}"
    return _Source(
        Entry(_name(id, answers or {}), path.name, kind, origin, _name(version, reading)), ((path, path.name),), reading
    )


@functools.lru_cache(maxsize=512)
def _recognised(path: Path, mtime_ns: int, size: int, reading: tuple[tuple[str, str], ...]) -> Kind:
    return _kind_of([(path, path.name)], dict(reading))


def _as_kind(kind: str) -> Kind:
    """What a person says that a file holds.

    Raises:
        MarketDataError: if it is none of the kinds of data.
    """
    if kind not in (*get_args(Kind), "series"):
        raise MarketDataError(f"expected one of {', '.join(get_args(Kind))} as answer to kind; found {kind[:40]!r}")
    return "prices" if kind == "series" else kind  # type: ignore[return-value]
