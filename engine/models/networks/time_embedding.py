"""Residual network on vectors that knows a time: the denoiser of diffusion models, the velocity of flows."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from engine.training.learner import undecayed


def time_embedding(time: Tensor, size: int, period: float = 10_000.0) -> Tensor:
    """Sines and cosines of a time at ``size/2`` geometric frequencies from 1 down to 1/period.

    Args:
        time: ``(rows,)``; frequencies suit 0 … 1000.
        size: even.
        period: longest wave over 2π.

    Returns:
        ``(rows, size)``.

    References:
        Vaswani et al. (2017), section 3.5.
    """
    half = size // 2
    frequencies = torch.exp(-math.log(period) * torch.arange(half, device=time.device) / half)
    angle = time[:, None].float() * frequencies
    return torch.cat([angle.sin(), angle.cos()], dim=1)


class ResidualMLP(nn.Module):
    """x, time and condition → d values: h ← h + W₂ SiLU(W₁ LN(h) + W₃ e(time, c)), linear in and out.

    Args:
        x: size of x.
        condition: size of c.
        width: of the residual stream.
        blocks: number of residual steps.
        embedding: size of the time embedding.
    """

    def __init__(self, x: int, condition: int, width: int, blocks: int, embedding: int = 32) -> None:
        super().__init__()
        self.embedding = embedding
        self.known = nn.Sequential(nn.Linear(embedding + condition, width), nn.SiLU())
        self.first = nn.Linear(x + condition, width)
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(blocks))
        self.inner = nn.ModuleList(nn.Linear(width, width) for _ in range(blocks))
        self.told = nn.ModuleList(nn.Linear(width, width) for _ in range(blocks))
        self.outer = nn.ModuleList(nn.Linear(width, width) for _ in range(blocks))
        self.last = nn.Linear(width, x)
        self.gain = nn.Linear(embedding, width)
        self.past = nn.Linear(width, x)  # gains, by time, of a map straight from x
        self.act = nn.SiLU()
        for layer in (self.last, self.past, self.gain):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)
        for layer in (self.first, self.last, self.gain):  # the way of a linear law through the network
            undecayed(layer.weight)

    def forward(self, x: Tensor, time: Tensor, condition: Tensor | None) -> Tensor:
        """``(rows, d)`` from x ``(rows, d)``, time ``(rows,)`` and condition ``(rows, c)`` or None."""
        embedded = time_embedding(time, self.embedding)
        known = self.known(embedded if condition is None else torch.cat([embedded, condition], dim=1))
        h = self.first(x if condition is None else torch.cat([x, condition], dim=1))
        for norm, inner, told, outer in zip(self.norms, self.inner, self.told, self.outer, strict=True):
            h = h + outer(self.act(inner(norm(h)) + told(known)))
        out: Tensor = self.last(h * (1 + self.gain(embedded))) + self.past(known) * x
        return out
