"""The only epoch loop: shuffling, reporting, stopping, keeping and resuming. Models supply the step."""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from engine.errors import CheckpointError, SettingsError
from engine.training.progress import Checkpointer, OnStep, Progress, TrainingDiverged, TrainingStopped
from engine.training.streams import Streams

Arrays = dict[str, NDArray[Any]]

POSITION = "loop.position"
IDENTITY = "loop.identity"
STREAMS = "loop.streams"
STREAMS_AT_EPOCH = "loop.streams_at_epoch"


@dataclass(frozen=True)
class Phase:
    """A stretch of training: its name in words, unlike its neighbours', and how many epochs it lasts."""

    name: str
    epochs: int


class Learner(Protocol):
    """What a model gives the loop. Everything random must come from ``streams``."""

    streams: Streams

    def begin_phase(self, phase: str) -> None:
        """A phase starts (the first one too): restart weights, fix loss coefficients, whatever it needs."""

    def step(self, rows: torch.Tensor) -> None:
        """One update of every member on its own training rows ``(members, batch)``, int64."""

    def losses(self) -> Mapping[str, float]:
        """Named losses of the latest updates, averaged over members."""

    def state(self) -> Arrays:
        """Everything the next step depends on, except the streams: weights, optimiser, records."""

    def restore(self, state: Arrays) -> None:
        """The inverse of :meth:`state`; a CheckpointError if names or shapes do not fit."""


@dataclass
class _Position:
    """Where a fit stands: ``batch`` batches of epoch ``epoch`` (counted over all phases) are done."""

    epoch: int = 0
    batch: int = 0
    steps: int = 0


def run(
    learner: Learner,
    phases: Sequence[Phase],
    *,
    rows: int,
    batch_size: int,
    identity: str,
    on_step: OnStep | None = None,
    checkpointer: Checkpointer | None = None,
    report_every: float = 0.5,
    keep_every: float = 30.0,
) -> int:
    """Train through all phases, from the checkpointer's state if it has one, to the weights of an undisturbed run.

    Every epoch each member sees all training rows once, in its own random order, in batches of ``batch_size``
    (the last one may be smaller, never empty). On one thread: two made networks of this size 2 to 20 times slower.

    A state can be kept between any two updates. It holds the streams as they were when the epoch began, from which
    the epoch's order is drawn again, and as they are now, from which everything else continues.

    Args:
        learner: the model's side.
        phases: in order; progress counts the epochs of all of them.
        rows: number of training rows.
        batch_size: rows in an update.
        identity: what a kept state must share with this run to be resumed: data, seed, settings.
        on_step: called every ``report_every`` seconds and at the end of every phase.
        checkpointer: where the state is kept: every ``keep_every`` seconds, on a stop, and at the end.
        report_every: seconds.
        keep_every: seconds.

    Returns:
        Updates made over all phases, those before a resume included.

    Raises:
        TrainingStopped: if ``on_step`` asked to stop before the end.
        TrainingDiverged: if a loss is not finite.
        CheckpointError: if the kept state is of another run.
        SettingsError: if there is no row, or no row in a batch.
    """
    if rows < 1 or batch_size < 1:
        raise SettingsError(f"expected at least one training row, and one in a batch; found {rows} and {batch_size}")
    phase_of = [phase.name for phase in phases for _ in range(phase.epochs)]
    mark = np.frombuffer(hashlib.sha256(identity.encode()).digest(), dtype=np.uint8)
    at, streams = _Position(), learner.streams
    at_epoch = streams.state()

    def report(phase: str) -> None:
        losses = learner.losses()
        if not all(math.isfinite(value) for value in losses.values()):
            raise TrainingDiverged(
                f"expected finite losses; found {dict(losses)} in epoch {at.epoch} of {phase}: lower the learning rate"
            )
        stop = on_step is not None and on_step(Progress(phase, at.epoch, len(phase_of), losses))
        if stop and at.epoch < len(phase_of):
            keep()
            raise TrainingStopped(f"stopped after {at.epoch} of {len(phase_of)} epochs")

    def keep() -> None:
        if checkpointer is not None:
            position = np.array([at.epoch, at.batch, at.steps], dtype=np.int64)
            own: Arrays = {POSITION: position, IDENTITY: mark, STREAMS: streams.state(), STREAMS_AT_EPOCH: at_epoch}
            checkpointer.save({**learner.state(), **own})

    kept = checkpointer.load() if checkpointer is not None else None
    if kept is not None:
        at, at_epoch = _resume(learner, kept, mark)
    with _one_thread():
        next_report, next_keep = time.monotonic() + report_every, time.monotonic() + keep_every
        while at.epoch < len(phase_of):
            phase = phase_of[at.epoch]
            if at.batch == 0:
                if at.epoch == 0 or phase != phase_of[at.epoch - 1]:
                    learner.begin_phase(phase)
                at_epoch = streams.state()
                order = streams.permutations(rows)
            else:
                order = _order_again(streams, at_epoch, rows)
            batches = torch.split(order, batch_size, dim=1)
            if at.batch >= len(batches):
                raise CheckpointError(f"expected a position within {len(batches)} batches; found batch {at.batch}")
            for batch in batches[at.batch :]:
                learner.step(batch)
                at.steps += 1
                at.batch += 1
                if at.batch == len(batches):
                    at.epoch, at.batch = at.epoch + 1, 0
                ends = at.batch == 0 and (at.epoch == len(phase_of) or phase_of[at.epoch] != phase)
                now = time.monotonic()
                if ends or now >= next_report:
                    report(phase)
                    next_report = now + report_every
                if now >= next_keep and not ends:
                    keep()
                    next_keep = now + keep_every
    keep()
    return at.steps


def _resume(learner: Learner, kept: Arrays, mark: NDArray[np.uint8]) -> tuple[_Position, NDArray[np.uint8]]:
    missing = [name for name in (POSITION, IDENTITY, STREAMS, STREAMS_AT_EPOCH) if name not in kept]
    if missing or kept[POSITION].shape != (3,) or kept[POSITION].min() < 0:
        raise CheckpointError("expected the state of an interrupted fit; found arrays that are none")
    if not np.array_equal(kept[IDENTITY], mark):
        raise CheckpointError(
            "expected the interrupted state of this fit; found one with other data, another seed or other settings"
        )
    learner.restore({name: array for name, array in kept.items() if not name.startswith("loop.")})
    learner.streams.restore(kept[STREAMS])
    return _Position(*(int(count) for count in kept[POSITION])), kept[STREAMS_AT_EPOCH]


def _order_again(streams: Streams, at_epoch: NDArray[np.uint8], rows: int) -> torch.Tensor:
    """The order of the epoch under way, drawn again; the streams are left where they were."""
    now = streams.state()
    streams.restore(at_epoch)
    order = streams.permutations(rows)
    streams.restore(now)
    return order


@contextmanager
def _one_thread() -> Iterator[None]:
    """One thread, and denormal numbers are zero: gradients of a saturated network cost 80 times as much in them."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)
        torch.set_num_threads(threads)
