"""Algorithm 2 for a stack of members: gradient-norm matching, branching, training (SPEC 4, thesis 5.4.3).

Matching: one pair of networks for each asset and seed learns on the adversarial loss alone while the gradient norms of
all five terms are measured. Then every loss branches from a copy of its asset's pair, optimiser state included, so that
the BCE branch is the undisturbed run; and all branches are trained side by side.

The loop is ``engine.training.loop``; its step is one epoch of all members, carried out by a backend: compiled code on
all cores, or torch on any device.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from engine.errors import CheckpointError, SettingsError
from engine.market.grid import Floats
from engine.models.fingan import (
    LOSSES,
    TERMS,
    Asset,
    FinGANConfig,
    Member,
    Singles,
    coefficients,
    discriminator_shapes,
    generator_shapes,
    initial_weights,
    members,
    rates,
    size,
)
from engine.models.fingan_kernel import train_epoch, updates_in_epoch
from engine.models.fingan_sampling import GeneratorStack
from engine.settings import to_dict
from engine.training import loop
from engine.training.gradient_matching import GradientNorms
from engine.training.progress import Keeper, OnStep, TrainingDiverged, check_arrays
from engine.training.streams import Streams
from engine.training.threefry import Words

MATCHING, TRAINING = "gradient matching", "training"
REPORTED = ("discriminator", "generator", "PnL*", "MSE", "SR*", "STD")
DECAY, EPSILON = 0.99, 1e-8
"""RMSProp's ρ and ε, PyTorch's defaults."""

BLOCK = 8
"""Members in one call of the compiled epoch: long enough that calling it costs nothing."""

NETWORKS = ("generator", "generator_squares", "discriminator", "discriminator_squares")
NORMS, COEFFICIENTS = "matching.norms", "coefficients"

Backend = Literal["compiled", "torch"]


@dataclass
class Stack:
    """Networks of some members with their optimiser state, changed in place.

    Args:
        generator, discriminator: ``(members, parameters)``.
        generator_squares, discriminator_squares: the same, RMSProp's running squares.
        coefficients: ``(members, 5)`` of the terms, signs included.
        first, count: ``(members,)`` where their training rows lie in the table.
        scale: ``(members, 2)`` mean and sd of their reference batches.
        key: ``(members, 4)`` their random streams.
        report: ``(members, 6)`` losses of the latest epoch.
    """

    generator: NDArray[Any]
    generator_squares: NDArray[Any]
    discriminator: NDArray[Any]
    discriminator_squares: NDArray[Any]
    coefficients: NDArray[Any]
    first: NDArray[np.int64]
    count: NDArray[np.int64]
    scale: NDArray[Any]
    key: Words
    report: Floats

    def __len__(self) -> int:
        return len(self.generator)

    def rows(self, rows: slice | NDArray[np.intp]) -> Stack:
        """Some of the members: views if ``rows`` is a slice."""
        return Stack(*(getattr(self, name)[rows] for name in self.__dataclass_fields__))


@dataclass(frozen=True, eq=False)
class Rules:
    """What all members share: the table of training rows and the settings of an update."""

    table: NDArray[Any]
    config: FinGANConfig

    @property
    def length(self) -> int:
        """L."""
        return int(self.table.shape[1]) - 1


class EpochRunner(Protocol):
    """A backend: trains a stack through one epoch, in place."""

    def __call__(self, rules: Rules, stack: Stack, epoch: int, norms: NDArray[Any]) -> None:
        """``norms`` ``(members, updates, 5)`` receives the gradient norms; ``(members, 0, 5)`` if they are unwanted."""


class CompiledEpochs:
    """The compiled backend: blocks of members on a pool of threads. The split changes no bit of any result.

    Args:
        threads: of the pool; all cores this process may use if None.
    """

    def __init__(self, threads: int | None = None) -> None:
        count = threads or len(os.sched_getaffinity(0))
        # denormal numbers are zero, as in the loop's own thread: gradients of saturated networks are slow in them
        self.pool = ThreadPoolExecutor(count, initializer=torch.set_flush_denormal, initargs=(True,))

    def __call__(self, rules: Rules, stack: Stack, epoch: int, norms: NDArray[Any]) -> None:
        """See :class:`EpochRunner`."""
        kind = rules.table.dtype
        generator_rate = rates(generator_shapes(rules.length), rules.config.learning_rate).astype(kind)
        discriminator_rate = rates(discriminator_shapes(rules.length), rules.config.learning_rate).astype(kind)
        constants = np.array([rules.config.steepness, DECAY, EPSILON], kind)

        def block(rows: slice) -> None:
            part = stack.rows(rows)
            train_epoch(
                rules.table,
                part.first,
                part.count,
                rules.config.batch_size,
                part.generator,
                part.generator_squares,
                part.discriminator,
                part.discriminator_squares,
                generator_rate,
                discriminator_rate,
                part.coefficients,
                part.scale,
                constants,
                part.key,
                epoch,
                norms[rows],
                part.report,
            )

        list(self.pool.map(block, [slice(k, k + BLOCK) for k in range(0, len(stack), BLOCK)]))


@dataclass(frozen=True, eq=False)
class Trained:
    """What a fit gives.

    Args:
        generators: one for each member, ready to be sampled.
        discriminators: ``(members, parameters)``.
        coefficients: ``(members, 5)`` signed, as used.
        norms: (asset, seed) → ``(updates, 5)`` gradient norms during matching, in the order of ``TERMS``.
        report: ``(members, 6)`` losses of the last epoch, see ``REPORTED``.
        epochs: made over both phases, those before a resume included.
        seconds: of this process.
    """

    generators: GeneratorStack
    discriminators: Singles
    coefficients: Floats
    norms: dict[tuple[str, int], Singles]
    report: Floats
    epochs: int
    seconds: float


def train(
    assets: Sequence[Asset],
    config: FinGANConfig | None = None,
    *,
    seeds: Sequence[int] = (0,),
    losses: Sequence[str] = tuple(LOSSES),
    backend: Backend = "compiled",
    device: str = "cpu",
    threads: int | None = None,
    on_step: OnStep | None = None,
    keeper: Keeper | None = None,
    report_every: float = 0.5,
    keep_every: float = 30.0,
) -> Trained:
    """Train every asset with every loss and seed, side by side.

    Args:
        assets: training parts, names distinct, windows of one length.
        config: settings.
        seeds: one pair of initial networks an asset for each.
        losses: names from ``LOSSES``.
        backend: "compiled" (numba, all cores) or "torch" (autograd, any device).
        device: of the torch backend, for example "cuda".
        threads: of the compiled backend; all cores if None.
        on_step: see :func:`engine.training.loop.run`; losses are averaged over members.
        keeper: see there.
        report_every: see there.
        keep_every: see there.

    Raises:
        SettingsError: for an unknown loss, names or seeds that repeat, or windows of different lengths.
        TrainingStopped, TrainingDiverged, CheckpointError: from the loop.
    """
    began = time.monotonic()
    config = config or FinGANConfig()
    runner = _runner(backend, device, threads)
    learner = FinGANLearner(assets, config, seeds=seeds, losses=losses, runner=runner)
    # more epochs may be asked of an interrupted or finished fit; anything else would be another fit
    settings = sorted((name, value) for name, value in to_dict(config).items() if name != "epochs")
    content = hashlib.sha256(learner.rules.table.tobytes()).hexdigest()
    try:
        epochs = loop.run(
            learner,
            [loop.Phase(MATCHING, config.matching_epochs), loop.Phase(TRAINING, config.epochs)],
            rows=1,  # the loop's row is an epoch here: the backend draws order and batches for each member
            batch_size=1,
            identity=f"fingan {content} {[a.name for a in assets]} {list(losses)} {list(seeds)} {backend} {settings}",
            on_step=on_step,
            keeper=keeper,
            report_every=report_every,
            keep_every=keep_every,
        )
    finally:
        if isinstance(runner, CompiledEpochs):
            runner.pool.shutdown()
    stack = learner.stack
    if not all(np.isfinite(getattr(stack, name)).all() for name in NETWORKS):
        raise TrainingDiverged("expected finite weights after training; found others: lower the learning rate")
    return Trained(
        generators=GeneratorStack(
            stack.generator, stack.scale.astype(np.float64), learner.members, learner.rules.length
        ),
        discriminators=stack.discriminator,
        coefficients=stack.coefficients.astype(np.float64),
        norms=learner.norms_by_pair(),
        report=stack.report,
        epochs=epochs,
        seconds=time.monotonic() - began,
    )


class FinGANLearner:
    """The loop's view of a stack: one step is one epoch of all members.

    Args:
        assets: see :func:`train`.
        config: see there.
        seeds: see there.
        losses: see there.
        runner: the backend.
        dtype: float32 to train; float64 to test.
    """

    def __init__(
        self,
        assets: Sequence[Asset],
        config: FinGANConfig,
        *,
        seeds: Sequence[int],
        losses: Sequence[str],
        runner: EpochRunner,
        dtype: type[np.floating[Any]] = np.float32,
    ) -> None:
        unknown = [name for name in losses if name not in LOSSES]
        if unknown:
            raise SettingsError(f"expected losses among {', '.join(LOSSES)}; found {unknown[0]!r}")
        names = [asset.name for asset in assets]
        self.members = members(names, losses, seeds)
        self.pairs = members(names, [MATCHING], seeds)
        if len({asset.condition.shape[1] for asset in assets}) > 1:
            raise SettingsError("expected windows of one length for all assets; found different ones")
        self.config, self.runner, self.dtype = config, runner, dtype
        tables = [asset.table() for asset in assets]
        self.rules = Rules(np.concatenate(tables).astype(dtype), config)
        self._count = {asset.name: len(asset.target) for asset in assets}
        starts = np.cumsum([0, *self._count.values()])
        self._first = dict(zip(names, starts.tolist(), strict=False))
        self._scale = {asset.name: asset.scale for asset in assets}
        updates = max(updates_in_epoch(count, config.batch_size) for count in self._count.values())
        self.norms = np.zeros((config.matching_epochs, len(self.pairs), updates, len(TERMS)), np.float32)
        self.matching = True
        self.epoch = 0
        self.stack = self._initial()
        self.streams = Streams(0, [0], "unused: order and noise are functions of key and epoch")

    def begin_phase(self, phase: str) -> None:
        """Initial networks for matching; branches of them, with matched coefficients, for training."""
        self.matching = phase == MATCHING
        if self.matching:
            return
        pair_of = {(pair.asset, pair.seed): k for k, pair in enumerate(self.pairs)}
        source = np.array([pair_of[member.asset, member.seed] for member in self.members])
        branch = self.stack.rows(source)  # copies, because rows are picked by an array
        matched = self.matched_coefficients()
        branch.coefficients[...] = [
            coefficients(LOSSES[member.loss], matched[member.asset, member.seed]) for member in self.members
        ]
        branch.key[...] = [member.key("training") for member in self.members]
        self.stack = branch

    def step(self, rows: torch.Tensor) -> None:
        """One epoch of all members."""
        if self.matching:
            self.runner(self.rules, self.stack, self.epoch, self.norms[self.epoch])
        else:
            self.runner(self.rules, self.stack, self.epoch, np.zeros((len(self.stack), 0, len(TERMS)), np.float32))
        self.epoch += 1

    def losses(self) -> dict[str, float]:
        """Averages over members: either network's loss in the epoch's last batch, the other terms over the epoch."""
        return dict(zip(REPORTED, self.stack.report.mean(axis=0).tolist(), strict=True))

    def matched_coefficients(self) -> dict[tuple[str, int], dict[str, float]]:
        """(asset, seed) → α, β, γ, δ by term: the mean ratio of ‖∇BCE‖ to the term's norm."""
        found = {}
        for pair, norms in self.norms_by_pair().items():
            matching = GradientNorms(TERMS, 1)
            for update in norms:
                matching.record(update[:, None])
            found[pair] = dict(zip(TERMS[1:], matching.coefficients()[:, 0].tolist(), strict=True))
        return found

    def norms_by_pair(self) -> dict[tuple[str, int], Singles]:
        """(asset, seed) → ``(updates, 5)``."""
        found = {}
        for k, pair in enumerate(self.pairs):
            updates = updates_in_epoch(self._count[pair.asset], self.config.batch_size)
            found[pair.asset, pair.seed] = self.norms[:, k, :updates].reshape(-1, len(TERMS))
        return found

    def state(self) -> dict[str, NDArray[Any]]:
        """All that the next epoch depends on."""
        return {
            **{name: getattr(self.stack, name).copy() for name in NETWORKS},
            COEFFICIENTS: self.stack.coefficients.copy(),
            NORMS: self.norms.copy(),
            "report": self.stack.report.copy(),
            "position": np.array([float(self.matching), float(self.epoch)]),
        }

    def restore(self, state: dict[str, NDArray[Any]]) -> None:
        """The inverse of :meth:`state`."""
        check_arrays(state, {"position": (2,), NORMS: self.norms.shape}, "a Fin-GAN training state")
        self.matching, self.epoch = bool(state["position"][0]), int(state["position"][1])
        self.norms = state[NORMS].astype(np.float32)
        who = self.pairs if self.matching else self.members
        self.stack = self._empty(who)
        expected = {name: getattr(self.stack, name).shape for name in (*NETWORKS, COEFFICIENTS, "report")}
        check_arrays(state, expected, "a Fin-GAN training state")
        for name in expected:
            getattr(self.stack, name)[...] = state[name]
        if not 0 <= self.epoch <= self.config.matching_epochs + self.config.epochs:
            raise CheckpointError(f"expected a Fin-GAN training state within its epochs; found epoch {self.epoch}")

    def _empty(self, who: Sequence[Member]) -> Stack:
        purpose = MATCHING if who is self.pairs else "training"
        n, length = len(who), self.rules.length
        g, d = size(generator_shapes(length)), size(discriminator_shapes(length))
        return Stack(
            generator=np.zeros((n, g), self.dtype),
            generator_squares=np.zeros((n, g), self.dtype),
            discriminator=np.zeros((n, d), self.dtype),
            discriminator_squares=np.zeros((n, d), self.dtype),
            coefficients=np.zeros((n, len(TERMS)), self.dtype),
            first=np.array([self._first[member.asset] for member in who], np.int64),
            count=np.array([self._count[member.asset] for member in who], np.int64),
            scale=np.array([self._scale[member.asset] for member in who], self.dtype),
            key=np.stack([member.key(purpose) for member in who]),
            report=np.zeros((n, len(REPORTED))),
        )

    def _initial(self) -> Stack:
        stack = self._empty(self.pairs)
        stack.coefficients[:, 0] = 1.0
        for k, pair in enumerate(self.pairs):
            rng = np.random.default_rng(pair.key("initial weights").tolist())
            stack.generator[k] = initial_weights(generator_shapes(self.rules.length), rng)
            stack.discriminator[k] = initial_weights(discriminator_shapes(self.rules.length), rng)
        return stack


def _runner(backend: str, device: str, threads: int | None) -> EpochRunner:
    if backend == "compiled":
        return CompiledEpochs(threads)
    if backend == "torch":
        from engine.models.fingan_torch import TorchEpochs

        return TorchEpochs(device)
    raise SettingsError(f"expected the backend compiled or torch; found {backend[:40]!r}")
