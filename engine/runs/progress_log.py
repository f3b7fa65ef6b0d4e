"""What a run reported: appended by its process, followed cheaply by everyone else, shown in a terminal; its pace."""

from __future__ import annotations

import contextlib
import json
import math
import os
import shutil
import sys
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

import numpy as np
from numpy.typing import NDArray

from engine.training.progress import Progress

MOST_POINTS = 2_000
"""Reports kept in memory of a run; beyond that every second one is dropped, the newest always stays."""

MOST_UNREAD = 16 << 20
"""Bytes read at one look; of more, only the last are (a run would have to report for a month)."""

MOST_LINE = 64 << 10
RECENT = 30.0
"""Seconds of reports from which the rate, and so the remaining time, is taken."""

SPARSEST = 5.0
"""Longest time in seconds between two reports of a long run."""


@dataclass(frozen=True)
class Report:
    """One line of ``progress.jsonl``.

    Args:
        time: seconds since the epoch.
        elapsed: seconds of training so far, interruptions not counted.
        phase: what is being done, in words.
        done, total: epochs finished and to do, over all phases.
        losses: named losses; NaN where one was not finite.
        part: share of the epoch under way that is done.
        left: seconds that the rest will take, as the loop says; None where it does not.
    """

    time: float
    elapsed: float
    phase: str
    done: int
    total: int
    losses: Mapping[str, float]
    part: float = 0.0
    left: float | None = None

    @property
    def fraction(self) -> float:
        """Share of the work done, between 0 and 1."""
        return min(1.0, (self.done + self.part) / self.total) if self.total > 0 else 0.0


@dataclass(frozen=True)
class LossHistory:
    """Loss curves of a run.

    Args:
        epochs: ``(n,)`` epochs done at each report, over all phases, strictly increasing.
        phases: the phase of each report.
        losses: name → ``(n,)`` values, NaN where a report has none.
    """

    epochs: NDArray[np.int64]
    phases: tuple[str, ...]
    losses: Mapping[str, NDArray[np.float64]]

    def __len__(self) -> int:
        return len(self.epochs)


class Pace:
    """Remaining time from the recent rate: what the current phase and process did in the last 30 seconds.

    Only reports that found more epochs done are counted, so that slow epochs give no saw-tooth.
    """

    def __init__(self) -> None:
        self._gains: deque[Report] = deque(maxlen=200)
        self._last: Report | None = None

    def add(self, report: Report) -> None:
        """Take note of a report."""
        last = self._last
        self._last = report
        if last is None or report.phase != last.phase or report.done < last.done or report.time < last.time:
            self._gains.clear()
        if not self._gains or report.done > self._gains[-1].done:
            self._gains.append(report)
        while len(self._gains) > 2 and report.time - self._gains[1].time > RECENT:
            self._gains.popleft()

    def remaining(self) -> float | None:
        """Seconds until all is done, at the recent rate, before that as the loop says; None if neither is known."""
        if self._last is None:
            return None
        if len(self._gains) < 2:
            return self._last.left
        first, last = self._gains[0], self._gains[-1]
        seconds = last.time - first.time
        if seconds <= 0:
            return None
        to_do = (last.total - last.done) * seconds / (last.done - first.done)
        return max(0.0, to_do - (self._last.time - last.time))


class ProgressWriter:
    """Appends reports to ``progress.jsonl``, at most one every 0.5 s at first and every 5 s in a long run.

    Reports are for watching: one that cannot be written (a full disk) is lost and training goes on; what must not be
    lost is the checkpointer's.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._before = last_elapsed(path)
        self._began = time.monotonic()
        self._next = 0.0
        self._torn = path.exists()  # an earlier process may have died within a line

    @property
    def elapsed(self) -> float:
        """Seconds of training so far, those of earlier processes of this run included."""
        return self._before + time.monotonic() - self._began

    def report(self, progress: Progress, *, last: bool = False) -> Report:
        """The report of this moment, written unless the one before is too recent; the last one always is."""
        losses = {name: float(value) for name, value in progress.losses.items()}
        report = Report(
            time.time(),
            self.elapsed,
            progress.phase,
            progress.done,
            progress.total,
            losses,
            progress.part,
            progress.left,
        )
        here = time.monotonic() - self._began
        if last or here >= self._next or progress.done >= progress.total:
            self._next = here + min(SPARSEST, max(0.5, here / 2_000)) * 0.9
            self._write(report)
        return report

    def _write(self, report: Report) -> None:
        losses = {name: value if math.isfinite(value) else None for name, value in report.losses.items()}
        record = {
            "time": round(report.time, 3),
            "elapsed": round(report.elapsed, 3),
            "phase": report.phase,
            "done": report.done,
            "total": report.total,
            "losses": losses,
        }
        if report.part > 0:
            record["part"] = round(report.part, 4)
        if report.left is not None:
            record["left"] = round(report.left, 1)
        line = ("\n" if self._torn else "") + json.dumps(record) + "\n"
        try:
            with self._path.open("ab") as file:
                file.write(line.encode())
            self._torn = False
        except OSError:
            self._torn = True


@dataclass
class ProgressReader:
    """Follows one ``progress.jsonl``: every look reads only what was added; a half-written last line waits.

    Kept points are thinned evenly, so that a run of any length costs the same to hold and to draw.
    """

    path: Path
    latest: Report | None = None
    _offset: int = 0
    _file: tuple[int, int] = (0, 0)
    _stride: int = 1
    _skipped: int = 0
    _points: list[Report] = field(default_factory=list)
    _pace: Pace = field(default_factory=Pace)

    def refresh(self) -> None:
        """Read what was added since the last look."""
        try:
            with self.path.open("rb") as file:
                found = os.fstat(file.fileno())
                if self._file != (found.st_dev, found.st_ino) or found.st_size < self._offset:
                    self._restart((found.st_dev, found.st_ino))
                if found.st_size - self._offset > MOST_UNREAD:
                    self._offset = found.st_size - MOST_UNREAD
                file.seek(self._offset)
                added = file.read(found.st_size - self._offset)
        except OSError:
            self._restart((0, 0))
            return
        whole = added.rfind(b"\n") + 1
        self._offset += whole
        for line in added[:whole].splitlines():
            report = _parsed(line)
            if report is not None:
                self._add(report)

    def remaining(self) -> float | None:
        """Seconds still to go at the recent rate, if there is one."""
        return self._pace.remaining()

    def history(self) -> LossHistory:
        """The loss curves so far; what an interrupted run did twice is there once, as done last."""
        points = list(self._points)
        if self.latest is not None and (not points or points[-1] is not self.latest):
            points.append(self.latest)
        names = list(dict.fromkeys(name for point in points for name in point.losses))
        return LossHistory(
            epochs=np.array([point.done for point in points], dtype=np.int64),
            phases=tuple(point.phase for point in points),
            losses={name: np.array([point.losses.get(name, np.nan) for point in points]) for name in names},
        )

    def _restart(self, file: tuple[int, int]) -> None:
        self.latest, self._offset, self._file, self._stride, self._skipped = None, 0, file, 1, 0
        self._points, self._pace = [], Pace()

    def _add(self, report: Report) -> None:
        self._pace.add(report)
        self.latest = report
        while self._points and self._points[-1].done >= report.done:  # resumed from an earlier epoch
            self._points.pop()
        self._skipped += 1
        if self._skipped >= self._stride:
            self._skipped = 0
            self._points.append(report)
        if len(self._points) > MOST_POINTS:
            self._points = self._points[::2]
            self._stride *= 2


def last_elapsed(path: Path) -> float:
    """Seconds of training that an earlier process of a run reported last; 0 if there is none."""
    reader = ProgressReader(path)
    reader.refresh()
    return reader.latest.elapsed if reader.latest is not None else 0.0


def duration(seconds: float) -> str:
    """A duration in words: ``40 s``, ``3 min 20 s``, ``2 h 5 min``, ``3 d 4 h``."""
    whole = max(0, round(seconds))
    for size, unit, part, small in ((86_400, "d", 3_600, "h"), (3_600, "h", 60, "min"), (60, "min", 1, "s")):
        if whole >= size:
            rest = (whole % size) // part
            return f"{whole // size} {unit} {rest} {small}" if rest else f"{whole // size} {unit}"
    return f"{whole} s"


def _parsed(line: bytes) -> Report | None:
    """A report, or None for a line that is none (torn by a crash, or not ours)."""
    if not line or len(line) > MOST_LINE:
        return None
    try:
        record: Any = json.loads(line)
        losses = {
            str(name)[:60]: math.nan if value is None else float(value) for name, value in record["losses"].items()
        }
        report = Report(
            time=float(record["time"]),
            elapsed=float(record.get("elapsed", 0.0)),
            phase=str(record["phase"])[:80],
            done=int(record["done"]),
            total=int(record["total"]),
            losses=losses,
            part=float(record.get("part", 0.0)),
            left=float(record["left"]) if "left" in record else None,
        )
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError):
        return None
    usable = 0 <= report.part < 1 and math.isfinite(report.left or 0.0)
    usable = (
        usable and 0 <= report.done < 1 << 53 and report.total < 1 << 53 and math.isfinite(report.time + report.elapsed)
    )
    return report if usable else None


LINE_EVERY = 10.0
"""Seconds between plain lines."""


class ProgressBar:
    """Shows reports on a stream; what cannot be shown (a closed pipe, a full disk) never stops the work.

    Args:
        stream: where to; the standard output if not given.
        unit: what is counted; if empty only the share is said.
    """

    def __init__(self, stream: TextIO | None = None, unit: str = "epoch") -> None:
        self._unit = unit
        self._stream = stream if stream is not None else sys.stdout
        self._live = self._stream.isatty()
        self._full, self._empty = _blocks(self._stream)
        self._pace = Pace()
        self._phase = ""
        self._next = 0.0

    def show(self, report: Report) -> None:
        """Draw a report."""
        self._pace.add(report)
        if self._live:
            width = max(20, shutil.get_terminal_size().columns - 1)
            self._write("\r" + self._words(report, bar=True)[:width].ljust(width))
        elif report.phase != self._phase or time.monotonic() >= self._next or report.done >= report.total:
            self._write(self._words(report, bar=False) + "\n")
            self._next = time.monotonic() + LINE_EVERY
        self._phase = report.phase

    def close(self) -> None:
        """Leave the bar's line, so that what follows starts on its own."""
        if self._live and self._phase:
            self._write("\n")

    def _words(self, report: Report, *, bar: bool) -> str:
        blocks = round(24 * report.fraction)
        parts = [self._full * blocks + self._empty * (24 - blocks)] if bar else []
        counted = f", {self._unit} {report.done:,} of {report.total:,}" if self._unit else ""
        parts += [f"{100 * report.fraction:3.0f} %", f"{report.phase}{counted}"]
        remaining = self._pace.remaining()
        if report.done < report.total:
            parts.append("ETA ?" if remaining is None else f"ETA {duration(remaining)}")
        else:
            parts.append(f"took {duration(report.elapsed)}")
        parts += [f"{name} {value:.3g}" for name, value in report.losses.items()]
        return "  ".join(parts)

    def _write(self, text: str) -> None:
        with contextlib.suppress(OSError, ValueError, UnicodeEncodeError):
            self._stream.write(text)
            self._stream.flush()


def counter(unit: str) -> Callable[[int, int], None]:
    """Says on the standard error, at most every few seconds, how many of how many are done."""
    said = time.monotonic()

    def say(done: int, total: int) -> None:
        nonlocal said
        if time.monotonic() - said >= LINE_EVERY:
            said = time.monotonic()
            with contextlib.suppress(OSError, ValueError):
                print(f"{done:,} of {total:,} {unit}", file=sys.stderr, flush=True)

    return say


def _blocks(stream: TextIO) -> tuple[str, str]:
    """Marks of a bar that the stream can show."""
    try:
        "█·…".encode(stream.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return "#", "."
    return "█", "·"
