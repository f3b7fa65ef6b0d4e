"""The card of a checkpoint: what was trained, on what, when and with which seed, as JSON that may come from anyone."""

from __future__ import annotations

import datetime
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import metadata
from platform import python_version
from typing import Any

from engine import settings
from engine.errors import CheckpointError, ScenaristError
from engine.market import domain as domains
from engine.market.domain import Domain
from engine.market.grid import Grid
from engine.runs import run_directory
from engine.runs.run_directory import CARD

FORMAT = 2
"""Version of the card; a card of a newer one is refused with a sentence. Cards of format 1 are of next-day surfaces and
have a grid where later ones have a task and a domain.
"""

FIRST_TASK = "next_day"

MOST_AXIS = 1_000
MOST_TEXT = 300

_LIBRARIES = ("torch", "numpy", "safetensors")
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Card:
    """What a checkpoint says about itself.

    Args:
        model: the name it is registered under.
        label: what a person calls the model.
        config: its settings, plain values.
        domain: what it was trained on: a grid, tickers, or the plane.
        data_name: what a person called the data.
        data_fingerprint: first 12 characters of their digest.
        data_period: their first and last day, ISO, training and test part together.
        data_origin: built-in, local, upload or file.
        trained_on: first and last condition date of the training part, ISO.
        seed: of the fit.
        metrics: named figures of the fit.
        steps: parameter updates.
        seconds: wall-clock time of training, all parts of an interrupted run together.
        versions: library → version.
        created: when, ISO.
        weights_digest: SHA-256 of the weights file; filled in by :func:`save`.
        task: what the model was put to.
    """

    model: str
    label: str
    config: Mapping[str, settings.Value]
    domain: Domain
    data_name: str
    data_fingerprint: str
    data_period: tuple[str, str]
    data_origin: str
    trained_on: tuple[str, str]
    seed: int
    metrics: Mapping[str, float] = field(default_factory=dict)
    steps: int = 0
    seconds: float = 0.0
    versions: Mapping[str, str] = field(default_factory=lambda: library_versions())
    created: str = field(default_factory=run_directory.now)
    weights_digest: str = ""
    task: str = FIRST_TASK

    @property
    def grid(self) -> Grid | None:
        """The grid of a model of surfaces."""
        return self.domain if isinstance(self.domain, Grid) else None

    def to_dict(self) -> dict[str, Any]:
        """The card as JSON holds it."""
        return {
            "format": FORMAT,
            "model": self.model,
            "label": self.label,
            "config": dict(self.config),
            "task": self.task,
            "domain": domains.to_dict(self.domain),
            "data": {
                "name": self.data_name,
                "fingerprint": self.data_fingerprint,
                "period": list(self.data_period),
                "origin": self.data_origin,
            },
            "trained_on": list(self.trained_on),
            "seed": self.seed,
            "metrics": {name: float(value) for name, value in self.metrics.items() if math.isfinite(value)},
            "steps": self.steps,
            "seconds": round(self.seconds, 3),
            "versions": dict(self.versions),
            "created": self.created,
            "weights_sha256": self.weights_digest,
        }

    def to_bytes(self) -> bytes:
        """The card as ``card.json`` holds it."""
        return (json.dumps(self.to_dict(), indent=1, allow_nan=False, ensure_ascii=False) + "\n").encode()

    @classmethod
    def from_bytes(cls, content: bytes) -> Card:
        """The card in the content of a ``card.json``.

        Raises:
            CheckpointError: if it is none.
        """
        return cls.from_dict(run_directory.parse_json(content, CARD))

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Card:
        """The inverse of :meth:`to_dict`, for cards from anywhere.

        Raises:
            CheckpointError: naming the first entry that is missing or not what it should be.
        """
        version = values.get("format")
        if isinstance(version, int) and not isinstance(version, bool) and version > FORMAT:
            raise CheckpointError(
                f"expected a checkpoint card of format {FORMAT}; found format {str(version)[:20]}, written by a newer "
                "version of this program"
            )
        if version not in (1, FORMAT) or isinstance(version, bool):
            raise CheckpointError(f"expected a checkpoint card of format {FORMAT}; found {str(version)[:20]!r}")
        read = _Reader(values)
        data = _Reader(read.mapping("data"), "data.")
        return cls(
            model=read.text("model"),
            label=read.text("label"),
            config=read.values("config"),
            domain=_domain({"kind": "grid", **read.mapping("grid")} if version == 1 else read.mapping("domain")),
            task=FIRST_TASK if version == 1 else read.text("task"),
            data_name=data.text("name"),
            data_fingerprint=data.text("fingerprint"),
            data_period=data.days("period"),
            data_origin=data.text("origin"),
            trained_on=read.days("trained_on"),
            seed=read.count("seed"),
            metrics=read.numbers("metrics"),
            steps=read.count("steps"),
            seconds=read.number("seconds"),
            versions=read.texts("versions"),
            created=read.text("created"),
            weights_digest=read.digest("weights_sha256"),
        )


def library_versions() -> dict[str, str]:
    """Versions that a result may depend on, without importing the libraries."""
    found = {"python": python_version()}
    for name in _LIBRARIES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def printable(text: str) -> str:
    """Text that a card may hold: one line, no control characters, at most 200 characters."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:200]


def _domain(values: Mapping[str, Any]) -> Domain:
    for name in ("moneyness", "maturity"):
        axis = values.get(name, [])
        needed = values.get("kind") == "grid" and name not in values
        if needed or not isinstance(axis, list) or len(axis) > MOST_AXIS or not all(map(_is_number, axis)):
            raise CheckpointError(f"expected grid.{name} in {CARD} to be a list of at most {MOST_AXIS} numbers")
    try:
        return domains.from_dict(values)
    except ScenaristError as error:
        raise CheckpointError(f"expected a domain in {CARD}; {error}") from None


def _is_number(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(float(value))
    except OverflowError:
        return False


class _Reader:
    """Entries of a card, each checked as it is taken."""

    def __init__(self, values: Mapping[str, Any], prefix: str = "") -> None:
        self._values = values
        self._prefix = prefix

    def text(self, name: str) -> str:
        return self._text(name, self._values.get(name))

    def mapping(self, name: str) -> dict[str, Any]:
        value = self._values.get(name)
        if not isinstance(value, dict) or len(value) > MOST_AXIS:
            raise self._wrong(name, "an object", value)
        return value

    def texts(self, name: str) -> dict[str, str]:
        return {self._text(name, key): self._text(name, value) for key, value in self.mapping(name).items()}

    def numbers(self, name: str) -> dict[str, float]:
        return {self._text(name, key): self._number(name, value) for key, value in self.mapping(name).items()}

    def values(self, name: str) -> dict[str, settings.Value]:
        for key, value in self.mapping(name).items():
            self._text(name, key)
            if not isinstance(value, bool):
                _ = self._text(name, value) if isinstance(value, str) else self._number(name, value)
        return self.mapping(name)

    def number(self, name: str) -> float:
        return self._number(name, self._values.get(name))

    def count(self, name: str) -> int:
        value = self._values.get(name)
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 1 << 63:
            raise self._wrong(name, "a whole number >= 0", value)
        return value

    def days(self, name: str) -> tuple[str, str]:
        value = self._values.get(name)
        try:
            if value == ["", ""]:  # of what has no days
                return "", ""
            if isinstance(value, list) and len(value) == 2:
                first, last = (datetime.date.fromisoformat(day).isoformat() for day in value)
                return first, last
        except (ValueError, TypeError):
            pass
        raise self._wrong(name, "two ISO dates", value)

    def digest(self, name: str) -> str:
        value = self.text(name)
        if not _DIGEST.fullmatch(value):
            raise self._wrong(name, "a SHA-256 digest", value)
        return value

    def _text(self, name: str, value: Any) -> str:
        if not isinstance(value, str) or len(value) > MOST_TEXT or any(ord(c) < 32 or ord(c) == 127 for c in value):
            raise self._wrong(name, f"text of at most {MOST_TEXT} characters", value)
        if any(0xD800 <= ord(c) <= 0xDFFF for c in value):
            raise self._wrong(name, "text without broken characters", None)
        return value

    def _number(self, name: str, value: Any) -> float:
        if not _is_number(value):
            raise self._wrong(name, "a finite number", value)
        return float(value)

    def _wrong(self, name: str, expected: str, value: Any) -> CheckpointError:
        found = "nothing" if value is None else repr(value)[:40]
        return CheckpointError(f"expected {self._prefix}{name} in {CARD} to be {expected}; found {found}")
