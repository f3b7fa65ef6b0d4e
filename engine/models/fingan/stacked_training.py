"""Training of many small forecasters side by side: matching, branching, and one epoch of all members a step.

What Fin-GAN and the LSTM benchmarks have in common. First one set of networks for each asset and seed learns on the
first term of the loss alone, while the gradient norms of all terms are measured. Then every loss branches from a copy
of its asset's networks, optimiser state included, so that the branch on the first term alone is the undisturbed run;
and all branches are trained side by side.

The loop is ``engine.training.loop``; its step is one epoch of all members, carried out by a backend.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from engine.errors import CheckpointError, SettingsError
from engine.market.grid import Floats
from engine.models.fingan.networks import (
    Asset,
    FinGANConfig,
    Loss,
    Member,
    Shapes,
    Singles,
    coefficients,
    initial_weights,
    members,
    size,
    updates_in_epoch,
)
from engine.settings import identity
from engine.tensor_file import digest
from engine.training import loop
from engine.training.compiled import available_cores
from engine.training.gradient_matching import GradientNorms
from engine.training.progress import Checkpointer, OnStep, TrainingDiverged, check_arrays
from engine.training.threefry import Words

MATCHING, TRAINING = "gradient matching", "training"
DECAY, EPSILON = 0.99, 1e-8
"""RMSProp's ρ and ε, PyTorch's defaults."""

BLOCK = 8
"""Members in one call of a compiled epoch: long enough that calling it costs nothing."""

NORMS, COEFFICIENTS, REPORT, POSITION = "matching.norms", "coefficients", "report", "position"

Arrays = dict[str, NDArray[Any]]


@dataclass
class Stack:
    """Networks of some members with their optimiser state, changed in place.

    Args:
        values: network → ``(members, parameters)``.
        squares: network → the same, RMSProp's running squares.
        coefficients: ``(members, terms)`` signs included.
        first, count: ``(members,)`` where their training rows lie in the table.
        scale: ``(members, 2)`` mean and sd of their reference batches.
        key: ``(members, 4)`` their random streams.
        report: ``(members, figures)`` of the latest epoch.
    """

    values: Arrays
    squares: Arrays
    coefficients: NDArray[Any]
    first: NDArray[np.int64]
    count: NDArray[np.int64]
    scale: NDArray[Any]
    key: Words
    report: Floats

    def __len__(self) -> int:
        return len(self.key)

    def rows(self, rows: slice | NDArray[np.intp]) -> Stack:
        """Some of the members: views if ``rows`` is a slice, copies if it is an array."""
        return Stack(
            {name: array[rows] for name, array in self.values.items()},
            {name: array[rows] for name, array in self.squares.items()},
            *(getattr(self, field.name)[rows] for field in fields(self)[2:]),
        )


@dataclass(frozen=True, eq=False)
class Rules:
    """What all members share: the table of training rows and the settings of an update."""

    table: NDArray[Any]
    config: FinGANConfig

    @property
    def length(self) -> int:
        """L of the windows."""
        return int(self.table.shape[1]) - 1

    @property
    def constants(self) -> NDArray[Any]:
        """``(3,)`` k of tanh(k x̂), RMSProp's ρ and ε."""
        return np.array([self.config.steepness, DECAY, EPSILON], self.table.dtype)


@dataclass(frozen=True)
class Kind:
    """What distinguishes one kind of forecaster from another.

    Args:
        name: enters random streams and the identity of a kept state.
        losses: name → terms, the first of each being the reference of gradient-norm matching.
        terms: all terms, the reference first.
        reported: names of the figures reported an epoch.
        shapes: L → network → shapes of its tensors.
    """

    name: str
    losses: Mapping[str, Loss]
    terms: tuple[str, ...]
    reported: tuple[str, ...]
    shapes: Callable[[int], dict[str, Shapes]]


class EpochRunner(Protocol):
    """A backend: trains a stack through one epoch, in place."""

    def __call__(self, rules: Rules, stack: Stack, epoch: int, norms: NDArray[Any]) -> None:
        """``norms`` ``(members, updates, terms)`` receives gradient norms; ``(members, 0, terms)`` if unwanted."""

    def close(self) -> None:
        """Let go of threads."""


class BlockRunner:
    """A compiled backend: blocks of members on a pool of threads. The split changes no bit of any result.

    Args:
        epoch: trains a block of members, compiled, releasing the interpreter lock.
        threads: of the pool; all cores this process may use if None.
    """

    def __init__(self, epoch: Callable[[Rules, Stack, int, NDArray[Any]], None], threads: int | None = None) -> None:
        self.epoch = epoch
        # denormal numbers are zero, as in the loop's own thread: gradients of saturated networks are slow in them
        self.pool = ThreadPoolExecutor(
            threads or available_cores(), initializer=torch.set_flush_denormal, initargs=(True,)
        )

    def __call__(self, rules: Rules, stack: Stack, epoch: int, norms: NDArray[Any]) -> None:
        """See :class:`EpochRunner`."""

        def block(rows: slice) -> None:
            self.epoch(rules, stack.rows(rows), epoch, norms[rows])

        list(self.pool.map(block, [slice(k, k + BLOCK) for k in range(0, len(stack), BLOCK)]))

    def close(self) -> None:
        """Let go of the threads."""
        self.pool.shutdown()


class StackLearner(loop.Learner[None]):
    """The loop's view of a stack: one step is one epoch of all members.

    Args:
        kind: of forecaster.
        assets: training parts, names distinct, windows of one length.
        config: settings.
        seeds: one set of initial networks an asset for each.
        losses: names from the kind's losses.
        runner: the backend.
        dtype: float32 to train; float64 to test.

    Raises:
        SettingsError: for an unknown loss, names or seeds that repeat, or windows of different lengths.
    """

    def __init__(
        self,
        kind: Kind,
        assets: Sequence[Asset],
        config: FinGANConfig,
        *,
        seeds: Sequence[int],
        losses: Sequence[str],
        runner: EpochRunner,
        dtype: type[np.floating[Any]] = np.float32,
    ) -> None:
        unknown = [name for name in losses if name not in kind.losses]
        if unknown:
            raise SettingsError(f"expected losses among {', '.join(kind.losses)}; found {unknown[0]!r}")
        names = [asset.name for asset in assets]
        self.members = members(names, losses, seeds)
        self.pairs = members(names, [MATCHING], seeds)
        if len({asset.condition.shape[1] for asset in assets}) > 1:
            raise SettingsError("expected windows of one length for all assets; found different ones")
        self.kind, self.config, self.runner, self.dtype = kind, config, runner, dtype
        self.rules = Rules(np.concatenate([asset.table() for asset in assets]).astype(dtype), config)
        self.shapes = kind.shapes(self.rules.length)
        self._count = {asset.name: len(asset.target) for asset in assets}
        self._first = dict(zip(names, np.cumsum([0, *self._count.values()]).tolist(), strict=False))
        self._scale = {asset.name: asset.scale for asset in assets}
        updates = max(updates_in_epoch(count, config.batch_size) for count in self._count.values())
        self.norms = np.zeros((config.matching_epochs, len(self.pairs), updates, len(kind.terms)), np.float32)
        self.matching, self.epoch = True, 0
        self.stack = self._initial()

    def begin_phase(self, phase: str) -> None:
        """Initial networks for matching; branches of them, with matched coefficients, for training."""
        self.matching = phase == MATCHING
        if self.matching:
            return
        pair_of = {(pair.asset, pair.seed): k for k, pair in enumerate(self.pairs)}
        branch = self.stack.rows(np.array([pair_of[member.asset, member.seed] for member in self.members]))
        matched = self.matched_coefficients()
        branch.coefficients[...] = [
            coefficients(self.kind.losses[member.loss], matched[member.asset, member.seed], self.kind.terms)
            for member in self.members
        ]
        branch.key[...] = self._keys(self.members)
        self.stack = branch

    def batches(self) -> tuple[None]:
        """One step: the backend draws order, batches and noise of every member from its key and the epoch."""
        return (None,)

    def step(self, batch: None = None) -> None:
        """One epoch of all members."""
        unwanted = np.zeros((len(self.stack), 0, len(self.kind.terms)), np.float32)
        self.runner(self.rules, self.stack, self.epoch, self.norms[self.epoch] if self.matching else unwanted)
        self.epoch += 1

    def losses(self) -> dict[str, float]:
        """The latest epoch's figures, averaged over members."""
        return dict(zip(self.kind.reported, self.stack.report.mean(axis=0).tolist(), strict=True))

    def norms_by_pair(self) -> dict[tuple[str, int], Singles]:
        """(asset, seed) → ``(updates, terms)`` gradient norms."""
        found = {}
        for k, pair in enumerate(self.pairs):
            updates = updates_in_epoch(self._count[pair.asset], self.config.batch_size)
            found[pair.asset, pair.seed] = self.norms[:, k, :updates].reshape(-1, len(self.kind.terms))
        return found

    def matched_coefficients(self) -> dict[tuple[str, int], dict[str, float]]:
        """(asset, seed) → coefficient by term: the mean ratio of the reference's gradient norm to the term's."""
        found = {}
        for pair, norms in self.norms_by_pair().items():
            matching = GradientNorms(self.kind.terms, 1)
            for update in norms:
                matching.record(update[:, None])
            found[pair] = dict(zip(self.kind.terms[1:], matching.coefficients()[:, 0].tolist(), strict=True))
        return found

    def state(self) -> Arrays:
        """All that the next epoch depends on."""
        own = {NORMS: self.norms, COEFFICIENTS: self.stack.coefficients, REPORT: self.stack.report}
        networks = {**self.stack.values, **{f"{name}_squares": array for name, array in self.stack.squares.items()}}
        position = np.array([float(self.matching), float(self.epoch)])
        return {POSITION: position, **{name: array.copy() for name, array in {**own, **networks}.items()}}

    def restore(self, state: Arrays) -> None:
        """The inverse of :meth:`state`."""
        what = "a state of stacked training"
        check_arrays(state, {POSITION: (2,), NORMS: self.norms.shape}, what)
        self.matching, self.epoch = bool(state[POSITION][0]), int(state[POSITION][1])
        if not 0 <= self.epoch <= self.config.matching_epochs + self.config.epochs:
            raise CheckpointError(f"expected {what} within its epochs; found epoch {self.epoch}")
        self.norms = state[NORMS].astype(np.float32)
        self.stack = self._empty(self.pairs if self.matching else self.members)
        targets = {COEFFICIENTS: self.stack.coefficients, REPORT: self.stack.report, **self.stack.values}
        targets |= {f"{name}_squares": array for name, array in self.stack.squares.items()}
        check_arrays(state, {name: array.shape for name, array in targets.items()}, what)
        for name, array in targets.items():
            array[...] = state[name]

    def _keys(self, who: Sequence[Member]) -> Words:
        purpose = MATCHING if who is self.pairs else TRAINING
        return np.stack([member.key(f"{self.kind.name} {purpose}") for member in who])

    def _empty(self, who: Sequence[Member]) -> Stack:
        def networks() -> Arrays:
            return {name: np.zeros((len(who), size(shapes)), self.dtype) for name, shapes in self.shapes.items()}

        return Stack(
            values=networks(),
            squares=networks(),
            coefficients=np.zeros((len(who), len(self.kind.terms)), self.dtype),
            first=np.array([self._first[member.asset] for member in who], np.int64),
            count=np.array([self._count[member.asset] for member in who], np.int64),
            scale=np.array([self._scale[member.asset] for member in who], self.dtype),
            key=self._keys(who),
            report=np.zeros((len(who), len(self.kind.reported))),
        )

    def _initial(self) -> Stack:
        stack = self._empty(self.pairs)
        stack.coefficients[:, 0] = 1.0
        for k, pair in enumerate(self.pairs):
            rng = np.random.default_rng(pair.key(f"{self.kind.name} initial weights").tolist())
            for name, shapes in self.shapes.items():
                stack.values[name][k] = initial_weights(shapes, rng)
        return stack


def fit(
    learner: StackLearner,
    *,
    on_step: OnStep | None = None,
    checkpointer: Checkpointer | None = None,
    report_every: float = 0.5,
    keep_every: float = 30.0,
) -> int:
    """Run a learner through matching and training; see :func:`engine.training.loop.run`.

    Returns:
        Epochs made over both phases, those before a resume included.

    Raises:
        TrainingStopped, TrainingDiverged, CheckpointError: from the loop, or if a weight is not finite at the end.
    """
    config = learner.config
    # more epochs may be asked of an interrupted or finished fit; anything else would be another fit
    settings = sorted(identity(config).items())
    content = digest(learner.rules.table.tobytes())
    who = [(member.asset, member.loss, member.seed) for member in learner.members]
    try:
        epochs = loop.run(
            learner,
            [loop.Phase(MATCHING, config.matching_epochs), loop.Phase(TRAINING, config.epochs)],
            identity=f"{learner.kind.name} {type(learner.runner).__name__} {content} {who} {settings}",
            on_step=on_step,
            checkpointer=checkpointer,
            report_every=report_every,
            keep_every=keep_every,
        )
    finally:
        learner.runner.close()
    if not all(np.isfinite(array).all() for array in learner.stack.values.values()):
        raise TrainingDiverged("expected finite weights after training; found others: lower the learning rate")
    return epochs
