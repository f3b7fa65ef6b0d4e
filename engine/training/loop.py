"""The only epoch loop: reporting, stopping, keeping, resuming. Learners supply the batches and the step.

A learner is a model's side of training: stacked kernels (VolGAN, Fin-GAN) write their own; every torch family is
trained by :class:`engine.training.learner.TorchLearner`.
"""

from __future__ import annotations

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from engine.errors import CheckpointError, SettingsError
from engine.tensor_file import digest
from engine.training.progress import Checkpointer, OnStep, Progress, TrainingDiverged, TrainingStopped
from engine.training.streams import Streams

Arrays = dict[str, NDArray[Any]]
B = TypeVar("B")

POSITION = "loop.position"
IDENTITY = "loop.identity"
STREAMS = "loop.streams"
STREAMS_AT_EPOCH = "loop.streams_at_epoch"


@dataclass(frozen=True)
class Phase:
    """A stretch of training: its name in words, unlike its neighbours', and how many epochs it lasts."""

    name: str
    epochs: int


class Learner(ABC, Generic[B]):
    """What a model gives the loop. ``B`` is what an update is made from: row numbers, or nothing (None)."""

    streams: Streams | None = None
    """Source of everything random in batches and steps; None if that is a function of the learner's own state."""

    finished: bool = False
    """Whether the learner has stopped early: the epoch that ended last was the last one."""

    @abstractmethod
    def begin_phase(self, phase: str) -> None:
        """A phase starts (the first one too): restart weights, fix loss coefficients, whatever it needs."""

    @abstractmethod
    def batches(self) -> Sequence[B]:
        """What the updates of the coming epoch are made from. A function of the streams: after a resume it is asked
        again with the streams as they were. ``(None,)`` where an epoch is one step.
        """

    @abstractmethod
    def step(self, batch: B) -> None:
        """One update."""

    def end_epoch(self) -> None:
        """All batches of an epoch were seen: validate, decide whether it was the last."""

    @abstractmethod
    def losses(self) -> Mapping[str, float]:
        """Named losses of the latest updates, averaged over members."""

    @abstractmethod
    def state(self) -> Arrays:
        """Everything the next step depends on, except the streams: weights, optimiser, records."""

    @abstractmethod
    def restore(self, state: Arrays) -> None:
        """The inverse of :meth:`state`; a CheckpointError if names or shapes do not fit."""


def shuffled(streams: Streams, rows: int, batch_size: int) -> Sequence[torch.Tensor]:
    """Batches ``(members, batch)`` int64 in which each member sees all rows once, in its own random order.

    The last batch may be smaller, none is empty.

    Raises:
        SettingsError: if there is no row, or no row in a batch.
    """
    if rows < 1 or batch_size < 1:
        raise SettingsError(f"expected at least one training row, and one in a batch; found {rows} and {batch_size}")
    return torch.split(streams.permutations(rows), batch_size, dim=1)


@dataclass
class _Position:
    """Where a fit stands: ``batch`` batches of epoch ``epoch`` (counted over all phases) are done."""

    epoch: int = 0
    batch: int = 0
    steps: int = 0


def run(
    learner: Learner[B],
    phases: Sequence[Phase],
    *,
    identity: str,
    on_step: OnStep | None = None,
    checkpointer: Checkpointer | None = None,
    report_every: float = 0.5,
    keep_every: float = 30.0,
) -> int:
    """Train through all phases, from the checkpointer's state if it has one, to the weights of an undisturbed run.

    On one thread: two made networks of this size 2 to 20 times slower.

    A state can be kept between any two updates. It holds the streams as they were when the epoch began, from which
    the epoch's batches are drawn again, and as they are now, from which everything else continues.

    Args:
        learner: the model's side.
        phases: in order; progress counts the epochs of all of them.
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
        SettingsError: from the learner's batches.
    """
    phase_of = [phase.name for phase in phases for _ in range(phase.epochs)]
    mark = np.frombuffer(bytes.fromhex(digest(identity)), dtype=np.uint8)
    at, streams = _Position(), learner.streams
    at_epoch = streams.state() if streams is not None else None

    def more() -> bool:
        return at.epoch < len(phase_of) and not learner.finished

    def report(phase: str, part: float) -> None:
        losses = learner.losses()
        if not all(math.isfinite(value) for value in losses.values()):
            raise TrainingDiverged(
                f"expected finite losses; found {dict(losses)} in epoch {at.epoch} of {phase}: lower the learning rate"
            )
        total = len(phase_of) if more() else at.epoch
        made = at.epoch + part - began_at
        left = (total - at.epoch - part) * (time.monotonic() - began) / made if made > 0 else None
        stop = on_step is not None and on_step(Progress(phase, at.epoch, total, losses, part, left))
        if stop and more():
            keep()
            raise TrainingStopped(f"stopped after {at.epoch} of {len(phase_of)} epochs")

    def keep() -> None:
        if checkpointer is not None:
            own: Arrays = {POSITION: np.array([at.epoch, at.batch, at.steps], dtype=np.int64), IDENTITY: mark}
            if streams is not None and at_epoch is not None:
                own |= {STREAMS: streams.state(), STREAMS_AT_EPOCH: at_epoch}
            checkpointer.save({**learner.state(), **own})

    kept = checkpointer.load() if checkpointer is not None else None
    if kept is not None:
        at, at_epoch = _resume(learner, kept, mark)
    with one_thread():
        began, began_at = time.monotonic(), float(at.epoch)
        next_report, next_keep = began + report_every, began + keep_every
        while more():
            phase = phase_of[at.epoch]
            if at.batch == 0:
                if at.epoch == 0 or phase != phase_of[at.epoch - 1]:
                    learner.begin_phase(phase)
                at_epoch = streams.state() if streams is not None else None
                batches = learner.batches()
            else:
                batches = _batches_again(learner, at_epoch)
                began_at += at.batch / len(batches)
            if at.batch >= len(batches):
                raise CheckpointError(f"expected a position within {len(batches)} batches; found batch {at.batch}")
            for batch in batches[at.batch :]:
                learner.step(batch)
                at.steps += 1
                at.batch += 1
                if at.batch == len(batches):
                    at.epoch, at.batch = at.epoch + 1, 0
                    learner.end_epoch()
                ends = at.batch == 0 and (not more() or phase_of[at.epoch] != phase)
                now = time.monotonic()
                if ends or now >= next_report:
                    report(phase, at.batch / len(batches))
                    next_report = now + report_every
                if now >= next_keep and not ends:
                    keep()
                    next_keep = now + keep_every
    keep()
    return at.steps


def _resume(learner: Learner[B], kept: Arrays, mark: NDArray[np.uint8]) -> tuple[_Position, NDArray[np.uint8] | None]:
    needed = (POSITION, IDENTITY) if learner.streams is None else (POSITION, IDENTITY, STREAMS, STREAMS_AT_EPOCH)
    missing = [name for name in needed if name not in kept]
    if missing or kept[POSITION].shape != (3,) or kept[POSITION].min() < 0:
        raise CheckpointError("expected the state of an interrupted fit; found arrays that are none")
    if not np.array_equal(kept[IDENTITY], mark):
        raise CheckpointError(
            "expected the interrupted state of this fit; found one with other data, another seed or other settings"
        )
    learner.restore({name: array for name, array in kept.items() if not name.startswith("loop.")})
    at = _Position(*(int(count) for count in kept[POSITION]))
    if learner.streams is None:
        return at, None
    learner.streams.restore(kept[STREAMS])
    return at, kept[STREAMS_AT_EPOCH]


def _batches_again(learner: Learner[B], at_epoch: NDArray[np.uint8] | None) -> Sequence[B]:
    """The batches of the epoch under way, drawn again; the streams are left where they were."""
    if learner.streams is None or at_epoch is None:
        return learner.batches()
    now = learner.streams.state()
    learner.streams.restore(at_epoch)
    batches = learner.batches()
    learner.streams.restore(now)
    return batches


@contextmanager
def one_thread() -> Iterator[None]:
    """One thread, and denormal numbers are zero: gradients of a saturated network cost 80 times as much in them."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)
        torch.set_num_threads(threads)
