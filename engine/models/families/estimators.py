"""A family fitted to arrays, in scikit-learn's manners: fit, sample, score_samples, encode, reconstruct, impute, save.

Rows are examples in order of time. X and condition are standardised coordinate by coordinate with mean and standard
deviation of the training rows, x = μ + σ x̃, so log p(x) = log p̃(x̃) − Σ log σ; all that goes in or comes out is in the
units of X.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

from engine import settings, tensor_file, workspace
from engine.errors import CheckpointError, MarketDataError, ScenaristError, SettingsError
from engine.models.families.family import Batch, Family, Shape
from engine.models.registry import family_class
from engine.training import loop
from engine.training.learner import TorchLearner, load_tensors, training_rows
from engine.training.loop import Arrays
from engine.training.progress import Checkpointer, OnStep, TrainingDiverged, check_arrays
from engine.training.streams import Streams

FORMAT = 1
CARD, WEIGHTS = "family.json", "weights.safetensors"
MOST_WEIGHT_BYTES = 1 << 30
MOST_SIZE = 1 << 24
"""Largest number of coordinates of a row that a file may claim."""

LEAST_ROWS = 10
BLOCK = 16_384
"""Rows of draws, densities and codes computed at once."""

DIAGNOSED = 4_096
"""Rows, the last of the training part, that a family's diagnostics look at."""

Floats = NDArray[np.float64]


class Estimator:
    """A law p(x | c) of a family, fitted to rows of X.

    Args:
        family: with its configuration.

    Attributes:
        shape, condition_shape: of one row, once fitted or restored.
        metrics: last losses and the family's diagnostics.
        steps, seconds: updates of the fit, and the wall-clock time of this process.
    """

    def __init__(self, family: Family[Any]) -> None:
        self.family = family
        self.shape: Shape | None = None
        self.condition_shape: Shape | None = None
        self.metrics: dict[str, float] = {}
        self.steps, self.seconds = 0, 0.0
        self._net: nn.Module | None = None
        self._scales: dict[str, Floats] = {}
        self._device = "cpu"

    def fit(
        self,
        X: ArrayLike,  # noqa: N803 - scikit-learn's name
        condition: ArrayLike | None = None,
        *,
        seed: int = 0,
        on_step: OnStep | None = None,
        checkpointer: Checkpointer | None = None,
        device: str | None = None,
        report_every: float = 0.5,
        keep_every: float = 30.0,
    ) -> Self:
        """Fit to rows; the same seed on the same device gives the same bits, interrupted or not.

        Args:
            X: ``(n, d)`` or ``(n, *shape)``, in order of time.
            condition: ``(n, c)`` or ``(n, *shape)``, what is known with each row; None for an unconditional law.
            seed: of initial weights, order and noise.
            on_step: see :func:`engine.training.loop.run`.
            checkpointer: see there.
            device: "cpu", or "cuda" where there is one; that of the settings if not given.
            report_every: see there.
            keep_every: see there.

        Raises:
            MarketDataError: if X or condition has a NaN, a constant column, too few rows, or another number of rows.
            SettingsError: if the family takes no condition, or there is no such device.
            TrainingStopped, TrainingDiverged, CheckpointError: from the loop.
        """
        began = time.monotonic()
        config = self.family.config
        device = device or config.device
        rows = _rows(X, "X")
        known = _rows(condition, "condition") if condition is not None else None
        if known is not None and not self.family.conditional:
            raise SettingsError(f"expected no condition for {self.family.label}; found one")
        if known is not None and len(known) != len(rows):
            raise MarketDataError(f"expected as many rows of condition as of X, {len(rows)}; found {len(known)}")
        _check_device(device)
        used = training_rows(len(rows), config)
        self._begin(rows.shape[1:], known.shape[1:] if known is not None else None, seed, device)
        assert self._net is not None
        self._scales = _scales("x", rows[:used])
        if known is not None:
            self._scales |= _scales("condition", known[:used])
        x = self._inward("x", rows)
        c = self._inward("condition", known) if known is not None else None
        learner = TorchLearner(self._net, self.family.players(self._net), x, c, config, seed=seed)
        content = tensor_file.digest(rows, known)
        self.steps = loop.run(
            learner,
            [loop.Phase("training", config.epochs)],
            identity=f"{self.family.name} {device} {content} {seed} {sorted(settings.identity(config).items())}",
            on_step=on_step,
            checkpointer=checkpointer,
            report_every=report_every,
            keep_every=keep_every,
        )
        self._net.load_state_dict(learner.weights())
        self._net.eval()
        if not all(bool(torch.isfinite(tensor).all()) for tensor in self._net.state_dict().values()):
            raise TrainingDiverged("expected finite weights after training; found others: lower the learning rate")
        self.metrics = {f"final {name}": value for name, value in learner.losses().items()}
        last = slice(max(0, used - DIAGNOSED), used)
        with torch.no_grad():
            batch = Batch(x[last], c[last] if c is not None else None)
            self.metrics |= self.family.diagnostics(self._net, batch, self._generator(seed, "diagnostics"))
        self.seconds = time.monotonic() - began
        return self

    def sample(self, n: int, condition: ArrayLike | None = None, *, seed: int = 0) -> Floats:
        """``(n, *shape)`` draws.

        Args:
            n: how many.
            condition: one row, ``(c,)`` or ``(1, c)``, that holds for all draws, or ``(n, c)``, one for each.
            seed: the same draws for the same seed.

        Raises:
            SettingsError: if n is negative, the estimator is not fitted, or a condition is missing or unwanted.
            MarketDataError: if the condition is of another shape or not finite.
        """
        if n < 0:
            raise SettingsError(f"expected n >= 0 draws; found {n}")
        net, rng = self._fitted(), self._generator(seed, "draws")
        c = self._condition(condition, n)
        parts = [self.family.draw(net, _part(c, block), block.stop - block.start, rng) for block in _blocks(n)]
        return self._outward(parts, n)

    def score_samples(self, X: ArrayLike, condition: ArrayLike | None = None) -> Floats:  # noqa: N803
        """``(n,)`` log density of each row of X, in the units of X.

        Raises:
            SettingsError: if the family has no densities; and as :meth:`sample`.
            MarketDataError: if X is of another shape or not finite.
        """
        net, x, c = self._given("log_prob", X, condition)
        parts = [self.family.log_prob(net, x[block], _part(c, block)) for block in _blocks(len(x))]
        found = torch.cat([torch.zeros(0, device=x.device), *parts]).double().cpu().numpy()
        jacobian = float(np.log(self._scales["x_sd"]).sum())
        return np.asarray(found - jacobian, dtype=np.float64)

    def encode(self, X: ArrayLike, condition: ArrayLike | None = None) -> Floats:  # noqa: N803
        """``(n, latent)`` codes of each row of X; Raises as :meth:`score_samples`."""
        net, x, c = self._given("encode", X, condition)
        parts = [self.family.encode(net, x[block], _part(c, block)) for block in _blocks(len(x))]
        return torch.cat(parts).double().cpu().numpy() if parts else np.zeros((0, 0))

    def reconstruct(self, X: ArrayLike, condition: ArrayLike | None = None) -> Floats:  # noqa: N803
        """``(n, *shape)`` what the codes of each row of X say that it was; Raises as :meth:`score_samples`."""
        net, x, c = self._given("reconstruct", X, condition)
        parts = [self.family.reconstruct(net, x[block], _part(c, block)) for block in _blocks(len(x))]
        return self._outward(parts, len(x))

    def impute(
        self,
        X: ArrayLike,  # noqa: N803
        mask: ArrayLike,
        n: int,
        seed: int = 0,
        condition: ArrayLike | None = None,
    ) -> Floats:
        """n draws of the hidden entries of each row of X given its observed ones.

        Args:
            X: ``(rows, *shape)``; hidden entries may be NaN.
            mask: like X, or one row of it; True where observed.
            n: draws.
            seed: the same draws for the same seed.
            condition: as for :meth:`sample`.

        Returns:
            ``(n, rows, *shape)``; observed entries exactly as they were given.

        Raises:
            SettingsError: if the family cannot; and as :meth:`sample`.
            MarketDataError: if X, mask or condition is of another shape, or an observed entry is not finite.
        """
        if n < 0:
            raise SettingsError(f"expected n >= 0 draws; found {n}")
        net, rng = self._able("impute"), self._generator(seed, "imputation")
        values = self._shaped(X)
        seen = np.asarray(mask)
        if seen.dtype != np.bool_ or seen.shape not in (values.shape, values.shape[1:]):
            raise MarketDataError(f"expected a mask of truth values {values.shape}; found {seen.dtype} {seen.shape}")
        seen = np.broadcast_to(seen, values.shape)
        if not np.isfinite(values[seen]).all():
            raise MarketDataError("expected finite values where the mask says observed; found NaN or infinity")
        x_mean = np.broadcast_to(self._scales["x_mean"], values.shape)
        x = self._inward("x", np.where(seen, values, x_mean))
        observed = torch.from_numpy(seen.reshape(x.shape).copy()).to(x.device)
        c = self._condition(condition, len(values))
        rows = max(1, BLOCK // max(1, n))
        parts = []
        for start in range(0, len(values), rows):
            block = slice(start, start + rows)
            drawn = self.family.impute(net, x[block], observed[block], _part(c, block), n, rng)
            parts.append(self._outward([drawn.flatten(0, 1)], -1).reshape(n, -1, *values.shape[1:]))
        found = np.concatenate(parts, axis=1) if parts else np.zeros((n, *values.shape))
        return np.where(seen, values, found)

    def state(self) -> Arrays:
        """Everything learned, as named arrays: weights (integers among them) and the standardisation."""
        tensors = self._fitted().state_dict()
        found: Arrays = {f"net.{name}": tensor.cpu().numpy().copy() for name, tensor in tensors.items()}
        return found | {f"scale.{name}": array.copy() for name, array in self._scales.items()}

    def restore(self, state: Arrays, shape: Shape, condition_shape: Shape | None = None) -> Self:
        """The inverse of :meth:`state`.

        Raises:
            CheckpointError: if names, shapes or values do not fit the family's configuration and these shapes.
        """
        what = f"a state of {self.family.label}"
        shapes = {"x": shape} if condition_shape is None else {"x": shape, "condition": condition_shape}
        expected = {f"scale.{name}_{part}": size for name, size in shapes.items() for part in ("mean", "sd")}
        check_arrays(state, expected, what)
        scales = {name.removeprefix("scale."): state[name].astype(np.float64) for name in expected}
        if not all((scales[f"{name}_sd"] > 0).all() for name in shapes):
            raise CheckpointError(f"expected {what} with standard deviations > 0; found others")
        self._begin(shape, condition_shape, 0, "cpu")
        assert self._net is not None
        load_tensors(self._net, state, "net.", what)
        self._net.eval()
        self._scales = scales
        return self

    def save(self, directory: str | Path) -> None:
        """Write ``family.json`` and ``weights.safetensors``, both whole or neither.

        Raises:
            SettingsError: if it is not fitted.
            OSError: from the file system.
        """
        weights = tensor_file.to_bytes(self.state())
        assert self.shape is not None
        card = {
            "format": FORMAT,
            "family": self.family.name,
            "config": settings.to_dict(self.family.config),
            "shape": list(self.shape),
            "condition_shape": list(self.condition_shape) if self.condition_shape is not None else None,
            "steps": self.steps,
            "seconds": round(self.seconds, 3),
            "metrics": {name: value for name, value in self.metrics.items() if math.isfinite(value)},
            "weights_sha256": tensor_file.digest(weights),
        }
        text = json.dumps(card, indent=1, allow_nan=False, ensure_ascii=False) + "\n"
        workspace.write_together(Path(directory), {WEIGHTS: weights, CARD: text.encode()})

    @classmethod
    def load(cls, directory: Path) -> Self:
        """The inverse of :meth:`save`; nothing in the files is trusted.

        Raises:
            CheckpointError: one sentence for whatever is wrong with them.
        """
        card = workspace.parse_json(workspace.read_bytes(directory / CARD, workspace.MOST_JSON_BYTES), CARD)
        weights = workspace.read_bytes(directory / WEIGHTS, MOST_WEIGHT_BYTES)
        if card.get("format") != FORMAT or isinstance(card.get("format"), bool):
            raise CheckpointError(f"expected {CARD} of format {FORMAT}; found {str(card.get('format'))[:20]!r}")
        name, config, condition = card.get("family"), card.get("config"), card.get("condition_shape")
        if not isinstance(name, str) or not isinstance(config, dict):
            raise CheckpointError(f"expected a family and its settings in {CARD}; found others")
        shape = _shape(card.get("shape"), "shape")
        condition_shape = _shape(condition, "condition_shape") if condition is not None else None
        if tensor_file.digest(weights) != card.get("weights_sha256"):
            raise CheckpointError(f"expected the weights that {CARD} describes; found others, or a damaged file")
        state = tensor_file.from_bytes(weights, WEIGHTS)
        tensor_file.check_finite(state, WEIGHTS)
        try:
            kind = family_class(name)
            found = cls(kind(settings.from_dict(kind.Config, config))).restore(state, shape, condition_shape)
        except CheckpointError:
            raise
        except ScenaristError as error:
            raise CheckpointError(f"expected a family that this program knows in {CARD}; {error}") from None
        metrics = card.get("metrics")
        if isinstance(metrics, dict):
            found.metrics = {str(k): float(v) for k, v in metrics.items() if isinstance(v, int | float)}
        found.steps = card["steps"] if isinstance(card.get("steps"), int) else 0
        return found

    def to(self, device: str) -> Self:
        """The same law, computed on another device.

        Raises:
            SettingsError: if there is no such device.
        """
        _check_device(device)
        self._fitted().to(device)
        self._device = device
        return self

    def _begin(self, shape: Shape, condition_shape: Shape | None, seed: int, device: str) -> None:
        """Networks with the initial weights of a seed, whoever has drawn random numbers before."""
        if math.prod(shape) < 1 or (condition_shape is not None and math.prod(condition_shape) < 1):
            raise MarketDataError(f"expected at least one column; found rows of shape {shape} and {condition_shape}")
        inner = (math.prod(shape),) if self.family.flat else shape
        known = condition_shape
        if self.family.flat and condition_shape is not None:
            known = (math.prod(condition_shape),)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self._generator(seed, "initial weights", "cpu").initial_seed())
            self._net = self.family.networks(inner, known).to(device)
        self.shape, self.condition_shape, self._device = shape, condition_shape, device

    def _generator(self, seed: int, purpose: str, device: str | None = None) -> torch.Generator:
        return Streams(seed, [0], purpose, device or self._device).generators[0]

    def _fitted(self) -> nn.Module:
        if self._net is None or not self._scales:
            raise SettingsError(f"expected a fitted {self.family.label}; found one that is not: call fit first")
        return self._net

    def _able(self, capability: str) -> nn.Module:
        if not self.family.can(capability):
            getattr(self.family, capability)(*[None] * (6 if capability == "impute" else 3))
        return self._fitted()

    def _given(
        self,
        capability: str,
        X: ArrayLike,  # noqa: N803
        condition: ArrayLike | None,
    ) -> tuple[nn.Module, Tensor, Tensor | None]:
        net = self._able(capability)
        values = self._shaped(X)
        if not np.isfinite(values).all():
            raise MarketDataError("expected finite numbers in X; found NaN or infinity")
        return net, self._inward("x", values), self._condition(condition, len(values))

    def _shaped(self, X: ArrayLike) -> Floats:  # noqa: N803
        values = _numbers(X, "X")
        assert self.shape is not None
        if values.shape[1:] != self.shape or values.ndim == 0:
            raise MarketDataError(f"expected X of shape (n, {_words(self.shape)}); found {values.shape}")
        return values

    def _condition(self, condition: ArrayLike | None, n: int) -> Tensor | None:
        """Standardised condition ``(n, *c)``; one row is repeated."""
        shape = self.condition_shape
        if shape is None and condition is not None:
            raise SettingsError("expected no condition, as in the fit; found one")
        if shape is None:
            return None
        if condition is None:
            raise SettingsError(f"expected a condition of shape ({_words(shape)}), as in the fit; found none")
        values = _numbers(condition, "condition")
        if values.shape == shape:
            values = values[None]
        if values.shape[1:] != shape or len(values) not in (1, n):
            raise MarketDataError(
                f"expected a condition of shape ({_words(shape)}) for all rows, or ({n}, {_words(shape)}), one for "
                f"each; found {np.shape(condition)}"
            )
        if not np.isfinite(values).all():
            raise MarketDataError("expected finite numbers in the condition; found NaN or infinity")
        c = self._inward("condition", values)
        return c.expand(n, *c.shape[1:])

    def _inward(self, name: str, values: Floats) -> Tensor:
        """Standardised float32, flat if the family wants it so."""
        scaled = ((values - self._scales[f"{name}_mean"]) / self._scales[f"{name}_sd"]).astype(np.float32)
        tensor = torch.from_numpy(scaled).to(self._device)
        return tensor.flatten(1) if self.family.flat else tensor

    def _outward(self, parts: list[Tensor], n: int) -> Floats:
        """Draws in the units and the shape of X."""
        assert self.shape is not None
        values = torch.cat(parts).double().cpu().numpy() if parts else np.zeros(0)
        values = values.reshape(n, *self.shape)
        return np.asarray(values * self._scales["x_sd"] + self._scales["x_mean"], dtype=np.float64)


def _numbers(values: ArrayLike, what: str) -> Floats:
    try:
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise MarketDataError(f"expected an array of numbers for {what}; found something else") from None


def _rows(values: ArrayLike, what: str) -> Floats:
    """Rows fit to be trained on.

    Raises:
        MarketDataError: if they are too few, not finite, or a column never changes.
    """
    array = _numbers(values, what)
    if array.ndim < 2:
        raise MarketDataError(f"expected {what} of shape (n, d); found {array.shape}")
    if len(array) < LEAST_ROWS:
        raise MarketDataError(f"expected at least {LEAST_ROWS} rows of {what}; found {len(array)}")
    bad = ~np.isfinite(array)
    if bad.any():
        row = int(np.argwhere(bad)[0][0])
        raise MarketDataError(f"expected finite numbers in {what}; found NaN or infinity in row {row}")
    return array


def _scales(name: str, rows: Floats) -> dict[str, Floats]:
    what = {"x": "X"}.get(name, name)
    mean, sd = rows.mean(axis=0), rows.std(axis=0)
    constant = sd <= 1e-12 * np.maximum(1e-300, np.abs(mean))
    if constant.any():
        where = ", ".join(str(k) for k in np.argwhere(constant)[0])
        raise MarketDataError(
            f"expected columns of {what} that vary over the training rows; found column {where} constant"
        )
    return {f"{name}_mean": mean, f"{name}_sd": sd}


def _shape(value: Any, name: str) -> Shape:
    whole = isinstance(value, list) and all(isinstance(k, int) and not isinstance(k, bool) and k > 0 for k in value)
    if not whole or not 0 < len(value) <= 4 or math.prod(value) > MOST_SIZE:
        raise CheckpointError(f"expected {name} in {CARD} to be a list of at most four whole numbers > 0")
    return tuple(value)


def _check_device(device: str) -> None:
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError):
        raise SettingsError(f"expected a device that is there (cpu, cuda); found {device[:40]!r}") from None


def _blocks(n: int) -> Iterator[slice]:
    for start in range(0, n, BLOCK):
        yield slice(start, min(n, start + BLOCK))


def _part(condition: Tensor | None, block: slice) -> Tensor | None:
    return condition[block] if condition is not None else None


def _words(shape: Shape) -> str:
    return ", ".join(str(k) for k in shape)
