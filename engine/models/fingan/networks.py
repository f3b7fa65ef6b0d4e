"""Fin-GAN: a conditional GAN of the next half-day's return whose loss knows what a forecast earns (SPEC 4, chapter 5).

What a loss is, what a network is made of and where its random numbers come from; free of torch. Training is in
``fingan_training`` (compiled, or torch on any device), sampling in ``fingan_sampling``.

A *member* is one network pair: an asset, a loss and a seed. Members are trained side by side in one stack, each on its
own rows with its own weights, coefficients, optimiser state and random stream, which is a function of (seed, asset,
loss): who trains beside it changes nothing.
"""

from __future__ import annotations

import json
import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine.errors import CheckpointError, MarketDataError, SettingsError
from engine.market.grid import Floats
from engine.settings import configuration, setting
from engine.training.progress import check_arrays
from engine.training.threefry import Words, key

GENERATOR, DISCRIMINATOR = "generator", "discriminator"

WIDTH = 8
"""Hidden state of either LSTM, and number of noise inputs: all of ForGAN's widths."""

HIDDEN = 2 * WIDTH
"""The generator's second layer: hidden state and noise in, as many out."""

REFERENCE_ROWS = 100
"""Training samples whose mean and standard deviation scale a member's data."""

COLLAPSE = 2e-4
"""ε of Algorithm 2: a spread of samples or of point estimates below it, in return units, is a collapse."""

TERMS = ("bce", "pnl", "mse", "sr", "std")
"""J_G = −½E log D(fake), PnL*, MSE, SR*, STD: the order of coefficients and gradient norms."""

SMALLEST = 12
"""A last batch of fewer rows joins the one before: SR* of a handful of rows is noise."""

Singles = NDArray[np.float32]
Shapes = dict[str, tuple[int, ...]]


@dataclass(frozen=True)
class Term:
    """One term of a generator's loss: which, and whether the loss grows (+1) or falls (−1) with it."""

    name: str
    sign: float = 1.0


BCE, PNL, MSE, SR, STD = Term("bce"), Term("pnl", -1.0), Term("mse"), Term("sr", -1.0), Term("std")

Loss = tuple[Term, ...]

COMBINATIONS: dict[str, Loss] = {
    "PnL": (BCE, PNL),
    "PnL&STD": (BCE, PNL, STD),
    "PnL&MSE": (BCE, PNL, MSE),
    "PnL&SR": (BCE, PNL, SR),
    "PnL&MSE&STD": (BCE, PNL, MSE, STD),
    "PnL&MSE&SR": (BCE, PNL, MSE, SR),
    "SR": (BCE, SR),
    "SR&MSE": (BCE, SR, MSE),
}
"""The eight of Fin-GAN (5.13), in Algorithm 2's order."""

LOSSES: dict[str, Loss] = {**COMBINATIONS, "MSE": (BCE, MSE), "BCE": (BCE,)}
"""All ten: BCE alone is ForGAN, BCE and MSE the other benchmark."""


LSTM_TERMS = ("mse", "pnl", "sr", "std")
"""The reference of gradient-norm matching first."""

FIN_COMBINATIONS: dict[str, Loss] = {
    "MSE&PnL": (MSE, PNL),
    "MSE&PnL&STD": (MSE, PNL, STD),
    "MSE&PnL&SR": (MSE, PNL, SR),
    "MSE&SR": (MSE, SR),
}
"""LSTM-Fin's losses (5.17): Fin-GAN's rules with MSE always there."""

LSTM_LOSSES: dict[str, Loss] = {**FIN_COMBINATIONS, "MSE": (MSE,)}
"""All five; MSE alone is the LSTM."""


@configuration
class FinGANConfig:
    """Fin-GAN as published (SPEC 4)."""

    epochs: int = setting(
        100,
        label="Epochs",
        help="Passes over the training part, after gradient matching.",
        low=1,
        high=100_000,
        extends=True,
    )
    matching_epochs: int = setting(
        25,
        label="Matching epochs",
        help="Passes on the adversarial loss alone, in which the gradient norms are measured; every loss then "
        "branches from a copy of those networks.",
        low=1,
        high=10_000,
        advanced=True,
    )
    batch_size: int = setting(
        100, label="Batch size", help="Windows in one update.", low=12, high=10_000, unit="windows", advanced=True
    )
    learning_rate: float = setting(
        1e-4,
        label="Learning rate",
        help="RMSProp step of generator and discriminator.",
        low=1e-7,
        high=0.1,
        advanced=True,
    )
    steepness: float = setting(
        100.0,
        label="Steepness k",
        help="PnL* = tanh(k x̂) x stands in for sign(x̂) x; returns are around 0.01, so k around 100 (5.9).",
        low=1.0,
        high=100_000.0,
        advanced=True,
    )


@dataclass(frozen=True, eq=False)
class Asset:
    """What members of one asset learn from.

    Args:
        name: of the asset, or of the pool of assets.
        condition: ``(n, L)`` training windows, log-returns, the oldest first.
        target: ``(n,)`` log-return that follows.

    Raises:
        MarketDataError: if shapes do not fit, a value is not finite, there are fewer rows than a reference batch, or
            the reference batch is constant.
    """

    name: str
    condition: Floats
    target: Floats

    def __post_init__(self) -> None:
        condition, target = np.asarray(self.condition, np.float64), np.asarray(self.target, np.float64)
        if condition.ndim != 2 or target.shape != condition.shape[:1]:
            raise MarketDataError(
                f"expected windows (n, L) and n targets of {self.name}; found {condition.shape} and {target.shape}"
            )
        if len(target) < REFERENCE_ROWS:
            raise MarketDataError(
                f"expected at least {REFERENCE_ROWS} training windows of {self.name}; found {len(target)}"
            )
        if not (np.isfinite(condition).all() and np.isfinite(target).all()):
            raise MarketDataError(f"expected finite returns of {self.name}; found NaN or infinite ones")
        object.__setattr__(self, "condition", condition)
        object.__setattr__(self, "target", target)
        if not self.scale[1] > 0:
            raise MarketDataError(f"expected returns of {self.name} that vary; found {REFERENCE_ROWS} equal windows")

    @property
    def scale(self) -> Floats:
        """``(2,)`` mean and standard deviation of the first 100 samples, windows and targets together."""
        reference = np.column_stack([self.condition[:REFERENCE_ROWS], self.target[:REFERENCE_ROWS]])
        return np.array([reference.mean(), reference.std()])

    def table(self) -> Singles:
        """``(n, L + 1)`` windows and targets in units of the reference batch."""
        mean, sd = self.scale
        scaled: Floats = (np.column_stack([self.condition, self.target]) - mean) / sd
        return scaled.astype(np.float32)


@dataclass(frozen=True)
class Member:
    """One network pair of a stack."""

    asset: str
    loss: str
    seed: int

    def key(self, purpose: str) -> Words:
        """``(4,)`` its random stream for one purpose."""
        return key(self.seed, self.asset, self.loss, purpose)


def members(assets: Sequence[str], losses: Sequence[str], seeds: Sequence[int]) -> tuple[Member, ...]:
    """Every asset with every seed and every loss, losses fastest.

    Raises:
        SettingsError: if there is none of a kind, or one appears twice.
    """
    for kind, names in (("assets", assets), ("losses", losses), ("seeds", seeds)):
        if len(names) == 0 or len(set(names)) != len(names):
            raise SettingsError(f"expected distinct {kind}, at least one; found {', '.join(map(str, names)) or 'none'}")
    return tuple(Member(asset, loss, seed) for seed in seeds for asset in assets for loss in losses)


def pack_members(who: Sequence[Member]) -> NDArray[np.uint8]:
    """Names of members as bytes, so that they fit beside their weights."""
    return np.frombuffer(json.dumps([[m.asset, m.loss, m.seed] for m in who]).encode(), np.uint8).copy()


def unpack_members(packed: NDArray[Any]) -> tuple[Member, ...]:
    """The inverse of :func:`pack_members`.

    Raises:
        CheckpointError: if the bytes are no list of members.
    """
    try:
        rows = json.loads(packed.astype(np.uint8).tobytes().decode())
        return tuple(Member(str(asset), str(loss), int(seed)) for asset, loss, seed in rows)
    except (ValueError, TypeError):
        raise CheckpointError("expected the list of a stack's members; found bytes that are none") from None


def matching_members(who: Sequence[Member], asset: str | None, loss: str | None, seed: int | None) -> list[int]:
    """Positions of the members of an asset, a loss and a seed; None is any.

    Raises:
        SettingsError: if there is none.
    """
    wanted = [(name, value) for name, value in (("asset", asset), ("loss", loss), ("seed", seed)) if value is not None]
    rows = [k for k, member in enumerate(who) if all(getattr(member, name) == value for name, value in wanted)]
    if not rows:
        raise SettingsError(
            f"expected a trained network of {', '.join(f'{name} {value}' for name, value in wanted)}; found none"
        )
    return rows


def coefficients(loss: Loss, matched: Mapping[str, float], terms: Sequence[str] = TERMS) -> Floats:
    """``(terms,)`` signed coefficients of all terms in a loss (5.13); 0 for those it lacks.

    Args:
        loss: its terms.
        matched: α, β, γ, δ by the term's name; the first term of every loss has 1.
        terms: names in the order asked for.
    """
    found = np.zeros(len(terms))
    for place, term in enumerate(loss):
        found[terms.index(term.name)] = term.sign * (1.0 if place == 0 else matched[term.name])
    return found


def updates_in_epoch(rows: int, batch: int) -> int:
    """Batches that ``rows`` make: all of ``batch`` rows, but for the last one."""
    whole, rest = divmod(rows, batch)
    return max(1, whole + (1 if rest >= SMALLEST else 0))


def generator_shapes(length: int) -> Shapes:
    """Tensors of one generator in the order of its flat vector.

    ``cell``: rows input gate, candidate, output gate; ``hidden``: columns hidden state, then noise.
    """
    return {
        "cell": (3 * WIDTH, length),
        "cell_bias": (3 * WIDTH,),
        "hidden": (HIDDEN, HIDDEN),
        "hidden_bias": (HIDDEN,),
        "out": (HIDDEN,),
        "out_bias": (1,),
    }


def discriminator_shapes(length: int) -> Shapes:
    """Tensors of one discriminator in the order of its flat vector; ``cell_target`` is the judged value's column."""
    return {
        "cell": (3 * WIDTH, length),
        "cell_target": (3 * WIDTH,),
        "cell_bias": (3 * WIDTH,),
        "out": (WIDTH,),
        "out_bias": (1,),
    }


def network_shapes(length: int) -> dict[str, Shapes]:
    """The two networks of a member."""
    return {GENERATOR: generator_shapes(length), DISCRIMINATOR: discriminator_shapes(length)}


def size(shapes: Mapping[str, tuple[int, ...]]) -> int:
    """Numbers in a flat vector."""
    return sum(map(math.prod, shapes.values()))


def views(flat: NDArray[Any], shapes: Mapping[str, tuple[int, ...]]) -> dict[str, NDArray[Any]]:
    """Named views ``(…, *shape)`` of flat vectors ``(…, parameters)``."""
    found, start = {}, 0
    for name, shape in shapes.items():
        part = flat[..., start : start + math.prod(shape)]
        found[name] = part.reshape(*flat.shape[:-1], *shape)
        start += math.prod(shape)
    return found


def rates(shapes: Mapping[str, tuple[int, ...]], learning_rate: float) -> Floats:
    """``(parameters,)`` step of each parameter: the cell's bias stands for two and moves twice as far.

    PyTorch's LSTM has an input and a recurrent bias. They only ever appear as a sum, have the same gradient and the
    same RMSProp state, so the sum moves by two steps.
    """
    rate = np.full(size(shapes), learning_rate)
    views(rate, shapes)["cell_bias"][...] *= 2
    return rate


def initial_weights(shapes: Mapping[str, tuple[int, ...]], rng: np.random.Generator) -> Singles:
    """``(parameters,)`` Xavier-normal weights; biases as PyTorch draws them, uniform on ±1/√(width or inputs).

    Xavier: N(0, 2/(inputs + outputs)), the cell counted with the four gates that PyTorch's matrix has.

    References:
        Glorot and Bengio (2010).
    """
    flat = np.zeros(size(shapes))
    parts = views(flat, shapes)
    inputs = parts["cell"].shape[1] + ("cell_target" in parts)
    for name in ("cell", "cell_target"):
        if name in parts:
            parts[name][...] = rng.normal(0.0, math.sqrt(2 / (inputs + 4 * WIDTH)), parts[name].shape)
    bound = 1 / math.sqrt(WIDTH)
    parts["cell_bias"][...] = rng.uniform(-bound, bound, (2, 3 * WIDTH)).sum(axis=0)
    if "hidden" in parts:
        parts["hidden"][...] = rng.normal(0.0, math.sqrt(2 / (2 * HIDDEN)), parts["hidden"].shape)
        parts["hidden_bias"][...] = rng.uniform(-1, 1, HIDDEN) / math.sqrt(HIDDEN)
    last = len(parts["out"])
    parts["out"][...] = rng.normal(0.0, math.sqrt(2 / (last + 1)), last)
    parts["out_bias"][...] = rng.uniform(-1, 1, 1) / math.sqrt(last)
    return flat.astype(np.float32)


SCALE, MEMBERS = "scale", "members"
"""Names of the arrays that every stack keeps besides its weights."""


@dataclass(frozen=True, eq=False)
class MemberStack(ABC):
    """Trained networks of several assets, losses and seeds. A family names its weights and their shapes.

    Args:
        weights: ``(members, parameters)`` flat vectors, in the order of :meth:`shapes`.
        scale: ``(members, 2)`` mean and sd of each member's reference batch.
        members: who they are.
        length: L of the windows they read.

    Raises:
        CheckpointError: if shapes do not fit or a value is not finite.
    """

    weights: Singles
    scale: Floats
    members: tuple[Member, ...]
    length: int = 10

    kind: ClassVar[str]
    """What the networks are called in errors."""

    weights_name: ClassVar[str]
    """Name of the array of weights."""

    @staticmethod
    @abstractmethod
    def shapes(length: int) -> Shapes:
        """Tensors of one network in the order of its flat vector."""

    def __post_init__(self) -> None:
        shapes = {
            self.weights_name: (len(self.members), size(self.shapes(self.length))),
            SCALE: (len(self.members), 2),
        }
        check_arrays({self.weights_name: self.weights, SCALE: self.scale}, shapes, self.kind)

    def __len__(self) -> int:
        return len(self.members)

    @classmethod
    def restore(cls, arrays: Mapping[str, NDArray[Any]], length: int = 10) -> Self:
        """The inverse of :meth:`arrays`.

        Raises:
            CheckpointError: if an array is missing or damaged.
        """
        missing = [name for name in (cls.weights_name, SCALE, MEMBERS) if name not in arrays]
        if missing:
            raise CheckpointError(f"expected {cls.kind} with the array {missing[0]!r}; found none of that name")
        weights = np.ascontiguousarray(arrays[cls.weights_name], np.float32)
        return cls(weights, np.asarray(arrays[SCALE], np.float64), unpack_members(arrays[MEMBERS]), length)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Flat named arrays, for a checkpointer or a checkpoint."""
        return {self.weights_name: self.weights, SCALE: self.scale, MEMBERS: pack_members(self.members)}

    def take(self, rows: Sequence[int] | NDArray[Any]) -> Self:
        """Some of the members, in the order asked for."""
        chosen = [int(row) for row in rows]
        return type(self)(
            self.weights[chosen], self.scale[chosen], tuple(self.members[row] for row in chosen), self.length
        )

    def of(self, asset: str | None = None, loss: str | None = None, seed: int | None = None) -> Self:
        """The members of an asset, a loss and a seed; None is any.

        Raises:
            SettingsError: if there is none.
        """
        return self.take(matching_members(self.members, asset, loss, seed))

    def windows(self, condition: ArrayLike) -> Floats:
        """Windows ``(n, L)`` as checked numbers.

        Raises:
            MarketDataError: for windows of another length, or not finite.
        """
        x = np.asarray(condition, np.float64)
        if x.ndim != 2 or x.shape[1] != self.length or not np.isfinite(x).all():
            raise MarketDataError(f"expected finite windows (n, {self.length}); found shape {x.shape}")
        return x
