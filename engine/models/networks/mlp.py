"""Fully connected networks."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from engine.training.learner import undecayed


class MLP(nn.Module):
    """Linear layers with SiLU between them, inputs → width × depth → outputs, plus one linear map past them.

    The linear map is what is to be learned where a law is normal; the layers learn the rest. A constant if there are no
    inputs.

    Args:
        inputs: size of x and condition together.
        outputs: size of what comes out.
        width: of every hidden layer.
        depth: number of hidden layers.
        zero: whether the last layer starts at zero, so that the network does.
        dropout: share of hidden values left out in training.
    """

    def __init__(
        self, inputs: int, outputs: int, width: int, depth: int, *, zero: bool = False, dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.constant = nn.Parameter(torch.zeros(outputs)) if inputs == 0 else None
        if self.constant is not None:
            return
        layers: list[nn.Module] = []
        for before, after in pairwise([inputs, *[width] * depth]):
            layers += [nn.Linear(before, after), nn.SiLU()] + ([nn.Dropout(dropout)] if dropout > 0 else [])
        last = nn.Linear(width if depth else inputs, outputs)
        self.layers = nn.Sequential(*layers, last)
        self.past = nn.Linear(inputs, outputs, bias=False) if depth else None
        if self.past is not None:
            undecayed(self.past.weight)
        if zero:
            for parameter in [*last.parameters(), *(self.past.parameters() if self.past is not None else [])]:
                nn.init.zeros_(parameter)

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Tensor:
        """``(rows, outputs)`` from x ``(rows, ·)`` and condition ``(rows, ·)`` or None."""
        if self.constant is not None:
            return self.constant.expand(len(x), -1)
        given = x if condition is None else torch.cat([x, condition], dim=1)
        out: Tensor = self.layers(given)
        return out if self.past is None else out + self.past(given)
