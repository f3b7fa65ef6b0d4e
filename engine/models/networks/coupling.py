"""Invertible layers that change some coordinates given the others."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from engine.models.networks.mlp import MLP


class AffineCoupling(nn.Module):
    """y_B = x_B · exp(s(x_A, c)) + t(x_A, c), y_A = x_A; log|det ∂y/∂x| = Σ s.

    The log scale is bounded, s = b tanh(ŝ/b), so that no inverse overflows; the layer starts as the identity.

    Args:
        kept: indices A of the coordinates that stay.
        moved: indices B of those that change.
        condition: size of c.
        width, depth: of the network behind s and t.
        bound: b.

    References:
        Dinh, Sohl-Dickstein and Bengio (2017), Density estimation using Real NVP.
    """

    kept: Tensor
    moved: Tensor

    def __init__(self, kept: Tensor, moved: Tensor, condition: int, width: int, depth: int, bound: float) -> None:
        super().__init__()
        self.register_buffer("kept", kept)
        self.register_buffer("moved", moved)
        self.bound = bound
        self.network = MLP(len(kept) + condition, 2 * len(moved), width, depth, zero=True)

    def forward(self, x: Tensor, condition: Tensor | None) -> tuple[Tensor, Tensor]:
        """y ``(rows, d)`` and log|det ∂y/∂x| ``(rows,)``."""
        log_scale, shift = self._given(x, condition)
        y = x.index_copy(1, self.moved, x[:, self.moved] * log_scale.exp() + shift)
        return y, log_scale.sum(dim=1)

    def inverse(self, y: Tensor, condition: Tensor | None) -> Tensor:
        """x ``(rows, d)``."""
        log_scale, shift = self._given(y, condition)
        return y.index_copy(1, self.moved, (y[:, self.moved] - shift) * (-log_scale).exp())

    def _given(self, x: Tensor, condition: Tensor | None) -> tuple[Tensor, Tensor]:
        raw, shift = self.network(x[:, self.kept], condition).chunk(2, dim=1)
        return self.bound * torch.tanh(raw / self.bound), shift
