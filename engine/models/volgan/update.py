"""One update of stacked VolGANs written out: forward passes, gradients and RMSProp, in place, for all members at once.

All parameters lie in one buffer with a leading member axis. An update is some sixty operations on small arrays.
Autograd would record and replay them at several times their cost; here every array is allocated once. A test holds the
gradients to autograd on the plain networks.
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


softplus_into: Any = torch._C._nn.softplus  # torch.nn.functional.softplus, whose out argument the stubs do not know


class Update:
    """Buffers and operations of one update on a batch of a given size.

    All work is on one table a member, ``(3 · batch, noise | condition | 1 | target)``: real rows, the fakes of the
    discriminator's step, the fakes of the generator's step. The generator reads its columns up to the 1, which
    carries the bias; the discriminator reads those from the condition on. So nothing is concatenated, and both fakes
    come from one forward pass: θ_g does not change between the two steps. Their noise differs.

    Args:
        generator: tensors w1 ``(noise + condition + 1, 16)``, w2, b2, w3, b3.
        discriminator: tensors w1 ``(condition + 1 + target, 16)``, w2, b2.
        noise_dim: generator inputs that are noise.
        batch: rows in the batch.
    """

    def __init__(
        self, generator: StackedParameters, discriminator: StackedParameters, noise_dim: int, batch: int
    ) -> None:
        m, b, z, dtype = generator.members, batch, noise_dim, generator.flat.dtype
        inputs, h1 = generator.shapes["w1"]
        h2, y = generator.shapes["w3"]
        seen, hd = discriminator.shapes["w1"]
        self.batch = b

        def buffer(*shape: int) -> torch.Tensor:
            return torch.zeros(m, *shape, dtype=dtype)

        table = buffer(3, b, inputs + y)
        rows = table.view(m, 3 * b, inputs + y)
        self.noise, self.noise_columns = buffer(2, b, z), table[:, 1:, :, :z]
        self.gathered = torch.zeros(m * b, seen, dtype=dtype)  # condition | 1 | target
        gathered = self.gathered.view(m, 1, b, seen)
        self.real, self.real_columns = gathered, table[:, :1, :, z:]
        self.known, self.known_columns = gathered[..., : seen - y], table[:, 1:, :, z:inputs]

        self.g, self.g_grad = generator.values, generator.gradients
        self.g_in, self.g_fakes = rows[:, b:, :inputs], rows[:, b:, inputs:]
        self.g_in_t = rows[:, 2 * b :, :inputs].transpose(1, 2)  # of the generator's own fakes: these have gradients
        self.g_pre1, self.g_act1 = buffer(2 * b, h1), buffer(2 * b, h1)
        self.g_pre2, self.g_act2 = buffer(2 * b, h2), buffer(2 * b, h2)
        self.g_out = buffer(2 * b, y)
        self.g_d1, self.g_s1, self.g_d2, self.g_s2 = buffer(b, h1), buffer(b, h1), buffer(b, h2), buffer(b, h2)
        self.g_own_pre1, self.g_own_act1_t = self.g_pre1[:, b:], self.g_act1[:, b:].transpose(1, 2)
        self.g_own_pre2, self.g_own_act2_t = self.g_pre2[:, b:], self.g_act2[:, b:].transpose(1, 2)
        self.g_w2_t, self.g_w3_t = self.g["w2"].transpose(1, 2), self.g["w3"].transpose(1, 2)
        self.out_gradient = buffer(b, y)  # of the loss with respect to the generator's own fakes

        self.d, self.d_grad = discriminator.values, discriminator.gradients
        self.d_in = rows[:, : 2 * b, z:]
        self.d_in_t = self.d_in.transpose(1, 2)
        self.d_pre, self.d_act, self.d_slope, self.d_delta = (buffer(2 * b, hd) for _ in range(4))
        self.d_act_t = self.d_act.transpose(1, 2)
        self.d_logit, self.d_error = buffer(2 * b, 1), buffer(2 * b, 1)
        self.d_own_in = rows[:, 2 * b :, z:]
        self.d_own_pre, self.d_own_act, self.d_own_slope, self.d_own_delta = (buffer(b, hd) for _ in range(4))
        self.d_own_logit, self.d_own_error = buffer(b, 1), buffer(b, 1)
        self.d_w2_t = self.d["w2"].transpose(1, 2)
        self.d_target_weights_t = self.d["w1"][:, seen - y :].transpose(1, 2)  # (members, 16, 1 + N)

        self.today = rows[:, 2 * b :, z + 3 : inputs - 1]  # g_t
        self.move = rows[:, 2 * b :, inputs + 1 :]  # Δĝ of the generator's own fakes
        self.surface = buffer(b, y - 1)  # ĝ
        self.ones = torch.ones(m, 1, 2 * b, dtype=dtype)
        self.own_ones = torch.ones(m, 1, b, dtype=dtype)
        labels = torch.cat([torch.ones(b, 1, dtype=dtype), torch.zeros(b, 1, dtype=dtype)])
        self.scaled_labels, self.scaled_one = -0.5 / b * labels, torch.full((1,), -0.5 / b, dtype=dtype)

    def fill(self, data: torch.Tensor, rows: torch.Tensor, streams: Streams) -> None:
        """Put rows ``(members, batch)`` of the data ``(n, condition | 1 | target)`` and fresh noise in the table."""
        torch.index_select(data, 0, rows.reshape(-1), out=self.gathered)
        self.real_columns.copy_(self.real)
        self.known_columns.copy_(self.known)
        streams.normal_(self.noise)
        self.noise_columns.copy_(self.noise)

    def generate(self) -> None:
        """Both fakes: ŷ = W3 softplus(W2 softplus(W1 (z, a, 1)) + b2) + b3."""
        g = self.g
        torch.bmm(self.g_in, g["w1"], out=self.g_pre1)  # (members, 2 batch, 16)
        softplus_into(self.g_pre1, 1, 20, out=self.g_act1)
        torch.bmm(self.g_act1, g["w2"], out=self.g_pre2).add_(g["b2"])  # (members, 2 batch, 32)
        softplus_into(self.g_pre2, 1, 20, out=self.g_act2)
        torch.bmm(self.g_act2, g["w3"], out=self.g_out)  # (members, 2 batch, 1 + N)
        torch.add(self.g_out, g["b3"], out=self.g_fakes)

    def discriminator_gradient(self) -> None:
        """∇θ_d of −½E log D(real) − ½E log(1 − D(fake)) (1.2); its logits stay in ``d_logit``."""
        d, grad = self.d, self.d_grad
        torch.bmm(self.d_in, d["w1"], out=self.d_pre)  # (members, 2 batch, 16)
        softplus_into(self.d_pre, 1, 20, out=self.d_act)
        torch.bmm(self.d_act, d["w2"], out=self.d_logit).add_(d["b2"])  # (members, 2 batch, 1)
        torch.sigmoid(self.d_logit, out=self.d_error)
        torch.add(self.scaled_labels, self.d_error, alpha=0.5 / self.batch, out=self.d_error)  # ½(D − label)/batch
        torch.bmm(self.d_act_t, self.d_error, out=grad["w2"])
        torch.bmm(self.ones, self.d_error, out=grad["b2"])
        torch.mul(self.d_error, self.d_w2_t, out=self.d_delta)
        self.d_delta.mul_(torch.sigmoid(self.d_pre, out=self.d_slope))  # softplus' = sigmoid
        torch.bmm(self.d_in_t, self.d_delta, out=grad["w1"])

    def adversarial_gradient(self) -> None:
        """∂/∂ŷ of −½E log D(fake), into ``out_gradient``; its logits stay in ``d_own_logit``."""
        d = self.d
        torch.bmm(self.d_own_in, d["w1"], out=self.d_own_pre)
        softplus_into(self.d_own_pre, 1, 20, out=self.d_own_act)
        torch.bmm(self.d_own_act, d["w2"], out=self.d_own_logit).add_(d["b2"])
        torch.sigmoid(self.d_own_logit, out=self.d_own_error)
        torch.add(self.scaled_one, self.d_own_error, alpha=0.5 / self.batch, out=self.d_own_error)
        torch.mul(self.d_own_error, self.d_w2_t, out=self.d_own_delta)
        self.d_own_delta.mul_(torch.sigmoid(self.d_own_pre, out=self.d_own_slope))
        torch.bmm(self.d_own_delta, self.d_target_weights_t, out=self.out_gradient)

    def smoothness_gradient(self, form: torch.Tensor, keep: float) -> None:
        """``out_gradient`` ← keep · ``out_gradient`` + ∂/∂ŷ of E ĝᵀQĝ = 2Qĝ/batch.

        Args:
            form: ``(members, N, 1 + N)`` Q with a column of zeros before it, for the return.
            keep: 1 to add to what is there, 0 to replace it.
        """
        torch.add(self.today, self.move, out=self.surface)
        self.out_gradient.baddbmm_(self.surface, form, beta=keep, alpha=2 / self.batch)

    def generator_gradient(self) -> None:
        """∇θ_g from ``out_gradient``."""
        grad = self.g_grad
        torch.bmm(self.g_own_act2_t, self.out_gradient, out=grad["w3"])
        torch.bmm(self.own_ones, self.out_gradient, out=grad["b3"])
        torch.bmm(self.out_gradient, self.g_w3_t, out=self.g_d2)
        self.g_d2.mul_(torch.sigmoid(self.g_own_pre2, out=self.g_s2))
        torch.bmm(self.g_own_act1_t, self.g_d2, out=grad["w2"])
        torch.bmm(self.own_ones, self.g_d2, out=grad["b2"])
        torch.bmm(self.g_d2, self.g_w2_t, out=self.g_d1)
        self.g_d1.mul_(torch.sigmoid(self.g_own_pre1, out=self.g_s1))
        torch.bmm(self.g_in_t, self.g_d1, out=grad["w1"])
