"""What trained Fin-GAN generators say about a window: samples, the weighted strategy's bet, point estimates (5.4–5.5).

Before its ReLU the hidden layer is a sum of a part that depends on the window and a part that depends on the noise:
hidden = relu(A(window) + V z). A is computed once a window; the noise is fresh for every window and every sample, so
that the Monte Carlo errors of different windows are independent and average out over a strategy's days.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine.errors import SettingsError
from engine.market.grid import Floats
from engine.models.fingan.networks import (
    COLLAPSE,
    WIDTH,
    MemberStack,
    Shapes,
    Singles,
    generator_shapes,
    views,
)
from engine.training.threefry import Words


class Networks(NamedTuple):
    """Generators side by side, float32, gates in the order input, candidate, output.

    Args:
        gate_weight: ``(J, 3, 8, L)``.
        gate_bias: ``(J, 3, 8)``.
        window_weight: ``(J, 16, 8)`` the hidden layer's columns for the window's part.
        noise_weight: ``(J, 16, 8)`` its columns for the noise.
        hidden_bias: ``(J, 16)``.
        output_weight: ``(J, 16)``.
        output_bias: ``(J,)``.
        mean, sd: ``(J,)`` of the reference batch each was trained with.
    """

    gate_weight: Singles
    gate_bias: Singles
    window_weight: Singles
    noise_weight: Singles
    hidden_bias: Singles
    output_weight: Singles
    output_bias: Singles
    mean: Singles
    sd: Singles


@dataclass(frozen=True, eq=False)
class Forecast:
    """What members say about windows, from B samples each.

    Args:
        up, down: ``(members, n)`` shares of samples above and below zero, p_u and p_d (5.4).
        mean: ``(members, n)`` of the samples: the point estimate r̃, log-return.
        sd: ``(members, n)`` of the samples, log-return.
    """

    up: Singles
    down: Singles
    mean: Singles
    sd: Singles

    @property
    def sign(self) -> Singles:
        """``(members, n)`` the expected sign p_u − p_d: the weighted strategy's bet (5.5)."""
        return self.up - self.down

    def collapsed(self, threshold: float = COLLAPSE) -> NDArray[np.bool_]:
        """``(members,)`` mode collapse: the first window's samples, or the point estimates, hardly differ."""
        return np.asarray((self.sd[:, 0] < threshold) | (self.mean.std(axis=1) < threshold))


@dataclass(frozen=True, eq=False)
class GeneratorStack(MemberStack):
    """Trained generators of several assets, losses and seeds."""

    kind: ClassVar[str] = "Fin-GAN generators"
    weights_name: ClassVar[str] = "generator"

    @staticmethod
    def shapes(length: int) -> Shapes:
        """See :func:`engine.models.fingan.networks.generator_shapes`."""
        return generator_shapes(length)

    def networks(self) -> Networks:
        """The weights by their role."""
        w = views(self.weights, generator_shapes(self.length))
        n = len(self)
        return Networks(
            gate_weight=w["cell"].reshape(n, 3, WIDTH, self.length),
            gate_bias=w["cell_bias"].reshape(n, 3, WIDTH),
            window_weight=w["hidden"][:, :, :WIDTH],
            noise_weight=w["hidden"][:, :, WIDTH:],
            hidden_bias=w["hidden_bias"],
            output_weight=w["out"],
            output_bias=w["out_bias"][:, 0],
            mean=self.scale[:, 0].astype(np.float32),
            sd=self.scale[:, 1].astype(np.float32),
        )

    def window_part(self, condition: ArrayLike) -> Singles:
        """``(members, n, 16)`` the hidden layer before noise and ReLU: A = W lstm(u) + b.

        Args:
            condition: ``(n, L)`` log-returns, the oldest first.

        Raises:
            MarketDataError: for windows of another length, or not finite.
        """
        net, x = self.networks(), self.windows(condition).astype(np.float32)
        u = (x[None] - net.mean[:, None, None]) / net.sd[:, None, None]  # (members, n, L)
        i, g, o = (
            u @ net.gate_weight[:, gate].mT + net.gate_bias[:, gate][:, None] for gate in range(3)
        )  # (members, n, 8)
        h = _sigmoid(o) * np.tanh(_sigmoid(i) * np.tanh(g))
        part: Singles = h @ net.window_weight.mT + net.hidden_bias[:, None]
        return part

    def sample(self, condition: ArrayLike, samples: int, rng: np.random.Generator) -> Floats:
        """``(members, n, samples)`` generated log-returns of the half-day after each window.

        Args:
            condition: ``(n, L)`` log-returns, the oldest first.
            samples: B.
            rng: gives every member's and every window's noise.
        """
        net, part = self.networks(), self.window_part(condition)
        out = np.empty((len(self), part.shape[1], samples))
        for j in range(len(self)):
            for n in range(part.shape[1]):
                z = rng.standard_normal((samples, WIDTH), dtype=np.float32)
                hidden = np.maximum(part[j, n] + z @ net.noise_weight[j].T, 0)  # (samples, 16)
                out[j, n] = net.mean[j] + net.sd[j] * (hidden @ net.output_weight[j] + net.output_bias[j])
        return out

    def forecast(self, condition: ArrayLike, samples: int, *, seed: int = 0, first_row: int = 0) -> Forecast:
        """Expected sign and point estimate of every member on every window, by B samples each.

        A member's noise for a window depends on (seed, member, row) alone: stacks and stretches can be split at
        will, up to rounding.

        Args:
            condition: ``(n, L)`` log-returns, the oldest first.
            samples: B.
            seed: of the samples.
            first_row: number of the first window.

        Raises:
            SettingsError: for fewer than one sample.
            MarketDataError: for windows of another length, or not finite.
        """
        from engine.models.fingan.kernel import sample_moments

        if samples < 1:
            raise SettingsError(f"expected at least one sample of each window; found {samples}")
        x = self.windows(condition).astype(np.float32)
        found = np.empty((4, len(self), len(x)), np.float32)
        sample_moments(self.window_part(x), self.weights, self.scale, self._keys(seed), first_row, samples, found)
        return Forecast(*found)

    def _keys(self, seed: int) -> Words:
        return np.stack([member.key(f"samples {seed}") for member in self.members])


def _sigmoid(x: NDArray[Any]) -> NDArray[Any]:
    return np.asarray(np.float32(0.5) * (1 + np.tanh(np.float32(0.5) * x)))
