"""Many small networks trained as one: their parameters in one buffer with a leading member axis, one optimiser.

A small network's update is a few dozen operations on a few thousand numbers, where calling an operation costs as much
as computing it. Stacked, a call serves all members; flat, the optimiser needs five calls whatever the network.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from engine.training.progress import check_arrays
from engine.training.streams import Streams

Shapes = Mapping[str, tuple[int, ...]]


class StackedParameters:
    """The parameters of a stack: one flat buffer, and a named view ``(members, *shape)`` of every tensor.

    The buffer holds tensor after tensor, so that each view is contiguous over all members and can be the ``out=``
    of a batched matrix product. A second buffer of the same layout holds the gradient.

    Args:
        shapes: name → shape of one member's tensor.
        members: number of networks.
        dtype: float32 to train; float64 to test.
    """

    def __init__(self, shapes: Shapes, members: int, dtype: torch.dtype = torch.float32) -> None:
        self.shapes, self.members = dict(shapes), members
        self.flat = torch.zeros(members * sum(map(math.prod, shapes.values())), dtype=dtype)
        self.flat_gradient = torch.zeros_like(self.flat)
        self.values = self.views(self.flat)
        self.gradients = self.views(self.flat_gradient)

    def views(self, flat: torch.Tensor) -> dict[str, torch.Tensor]:
        """Named views ``(members, *shape)`` of a buffer of this layout."""
        sizes = [self.members * math.prod(shape) for shape in self.shapes.values()]
        parts = zip(self.shapes.items(), torch.split(flat, sizes), strict=True)
        return {name: part.view(self.members, *shape) for (name, shape), part in parts}

    def gradient_norms(self) -> torch.Tensor:
        """``(members,)`` Euclidean norm of each member's gradient."""
        squares = [gradient.flatten(1).square().sum(dim=1) for gradient in self.gradients.values()]
        return torch.stack(squares).sum(dim=0).sqrt()

    def state(self, prefix: str) -> dict[str, NDArray[Any]]:
        """Copies of the values as named arrays ``(members, *shape)``."""
        return {f"{prefix}.{name}": value.numpy().copy() for name, value in self.values.items()}

    def restore(self, state: Mapping[str, NDArray[Any]], prefix: str) -> None:
        """The inverse of :meth:`state`.

        Raises:
            CheckpointError: if an array is missing, of another shape, or not finite.
        """
        _copy_in(self.values, state, prefix)


class StackedRMSProp:
    """RMSProp on a flat buffer: v ← ρv + (1−ρ)g², θ ← θ − η g/(√v + ε), with PyTorch's defaults ρ = 0.99, ε = 1e-8.

    Args:
        parameters: what to update, from its own gradient buffer.
        learning_rate: η.
        decay: ρ.
        epsilon: ε.

    References:
        Tieleman and Hinton (2012), lecture 6.5.
    """

    def __init__(
        self, parameters: StackedParameters, learning_rate: float, decay: float = 0.99, epsilon: float = 1e-8
    ) -> None:
        self.parameters = parameters
        self.learning_rate, self.decay, self.epsilon = learning_rate, decay, epsilon
        self.square_average = torch.zeros_like(parameters.flat)
        self._scale = torch.empty_like(parameters.flat)

    def step(self) -> None:
        """One update of all members."""
        gradient = self.parameters.flat_gradient
        self.square_average.mul_(self.decay).addcmul_(gradient, gradient, value=1 - self.decay)
        torch.sqrt(self.square_average, out=self._scale).add_(self.epsilon)
        self.parameters.flat.addcdiv_(gradient, self._scale, value=-self.learning_rate)

    def reset(self) -> None:
        """Forget all gradients seen."""
        self.square_average.zero_()

    def state(self, prefix: str) -> dict[str, NDArray[Any]]:
        """Copies of the running squares as named arrays ``(members, *shape)``."""
        views = self.parameters.views(self.square_average)
        return {f"{prefix}.{name}": view.numpy().copy() for name, view in views.items()}

    def restore(self, state: Mapping[str, NDArray[Any]], prefix: str) -> None:
        """The inverse of :meth:`state`.

        Raises:
            CheckpointError: if an array is missing, of another shape, or not finite.
        """
        _copy_in(self.parameters.views(self.square_average), state, prefix)


def draw_linear(streams: Streams, *tensors: torch.Tensor, fan_in: int) -> None:
    """PyTorch's default initialisation of a linear layer, weights and bias alike: U(−1/√fan_in, 1/√fan_in).

    Args:
        streams: one random stream per member.
        tensors: ``(members, …)``, filled in order.
        fan_in: number of inputs of the layer.
    """
    for tensor in tensors:
        streams.uniform_(tensor, 1 / math.sqrt(fan_in))


def _copy_in(views: Mapping[str, torch.Tensor], state: Mapping[str, NDArray[Any]], prefix: str) -> None:
    expected = {f"{prefix}.{name}": tuple(view.shape) for name, view in views.items()}
    check_arrays(state, expected, kind="a training state")
    for name, view in views.items():
        view.copy_(torch.from_numpy(np.ascontiguousarray(state[f"{prefix}.{name}"])))
