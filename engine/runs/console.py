"""Progress for a person at a terminal: a bar that redraws itself, or plain lines where there is no terminal."""

from __future__ import annotations

import contextlib
import shutil
import sys
import time
from collections.abc import Callable
from typing import TextIO

from engine.runs.progress_log import Pace, Report, duration

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
