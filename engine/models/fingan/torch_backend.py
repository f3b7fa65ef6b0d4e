"""Fin-GAN's epochs in plain torch: stacked networks, autograd, any device. The compiled backend is held to it.

Members with equally many training rows are one batch of networks with a leading member axis. Order and noise come from
the same counters as the compiled backend's, so both make the same updates up to rounding.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import softplus

from engine.models.fingan.networks import WIDTH, network_shapes, rates, updates_in_epoch
from engine.models.fingan.stacked_training import DECAY, EPSILON, Rules, Stack
from engine.training.threefry import NOISE, fill_normal, fill_order

Parts = dict[str, Tensor]


class TorchEpochs:
    """The torch backend.

    Args:
        device: where the networks live while they are trained.
    """

    def __init__(self, device: str = "cpu") -> None:
        self.device = torch.device(device)

    def __call__(self, rules: Rules, stack: Stack, epoch: int, norms: NDArray[Any]) -> None:
        """See :class:`engine.models.fingan.stacked_training.EpochRunner`."""
        for count in np.unique(stack.count).tolist():
            rows = np.flatnonzero(stack.count == count)
            group = stack.rows(rows)
            _Group(rules, group, self.device).train(epoch, found := np.zeros((len(rows), *norms.shape[1:]), np.float32))
            for name in stack.values:
                stack.values[name][rows], stack.squares[name][rows] = group.values[name], group.squares[name]
            stack.report[rows] = group.report
            norms[rows] = found

    def close(self) -> None:
        """Nothing to let go of."""


class _Group:
    """Members with equally many rows."""

    def __init__(self, rules: Rules, stack: Stack, device: torch.device) -> None:
        self.rules, self.stack, self.device = rules, stack, device
        self.table = self._there(rules.table)
        self.scale, self.coefficients = self._there(stack.scale), self._there(stack.coefficients)
        self.shapes = network_shapes(rules.length)
        self.flat = {name: self._there(stack.values[name]).requires_grad_() for name in self.shapes}
        self.squares = {name: self._there(stack.squares[name]) for name in self.shapes}
        step = rules.config.learning_rate
        self.rate = {
            name: self._there(rates(shapes, step).astype(rules.table.dtype)) for name, shapes in self.shapes.items()
        }

    def train(self, epoch: int, norms: NDArray[Any]) -> None:
        """One epoch; the stack's arrays are replaced at its end."""
        count, size = int(self.stack.count[0]), self.rules.config.batch_size
        order = np.empty((len(self.stack), count), np.int32)
        for row, key in zip(order, self.stack.key, strict=True):
            fill_order(row, key, epoch)
        rows = self._there((order + self.stack.first[:, None]).astype(np.int64))
        updates = updates_in_epoch(count, size)
        money = torch.zeros(len(self.stack), 4, dtype=self.table.dtype, device=self.device)
        for q in range(updates):
            batch = rows[:, q * size : count if q == updates - 1 else (q + 1) * size]  # (members, batch)
            data = self.table[batch]  # (members, batch, L + 1)
            u, x = data[..., :-1], data[..., -1]
            noise = self._noise(epoch * updates + q, batch.shape[1])  # (members, 16, batch)
            window = self._window(u)
            d_loss = self._discriminator_step(u, x, self._generate(window, noise[:, :WIDTH]).detach())
            fake = self._generate(window, noise[:, WIDTH:])
            terms = self._terms(u, x, fake)  # (5, members)
            if norms.shape[1]:
                norms[:, q] = self._norms(terms).cpu().numpy()
            loss = (self.coefficients.T * terms).sum()
            self._update("generator", loss)
            money += terms[1:].detach().T / updates
        for name in self.shapes:
            self.stack.values[name] = self.flat[name].detach().cpu().numpy()
            self.stack.squares[name] = self.squares[name].cpu().numpy()
        last = torch.column_stack([d_loss.detach(), terms[0].detach(), money])
        self.stack.report = last.double().cpu().numpy()

    def _there(self, array: NDArray[Any]) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(array)).to(self.device, copy=True)

    def _noise(self, update: int, batch: int) -> Tensor:
        noise = np.empty((len(self.stack), 2 * WIDTH, batch), self.rules.table.dtype)
        for rows, key in zip(noise, self.stack.key, strict=True):
            fill_normal(rows, key, update, NOISE, 0)
        return self._there(noise)

    def _parts(self, name: str) -> Parts:
        return split(self.flat[name], self.shapes[name])

    def _window(self, u: Tensor) -> Tensor:
        """``(members, batch, 16)`` the hidden layer's share of the window."""
        g = self._parts("generator")
        state = lstm(torch.einsum("mkj,mbj->mbk", g["cell"], u) + g["cell_bias"][:, None])
        return torch.einsum("mkj,mbj->mbk", g["hidden"][..., :WIDTH], state) + g["hidden_bias"][:, None]

    def _generate(self, window: Tensor, noise: Tensor) -> Tensor:
        """``(members, batch)`` fakes in units of the reference batch."""
        g = self._parts("generator")
        hidden = torch.relu(window + torch.einsum("mkj,mjb->mbk", g["hidden"][..., WIDTH:], noise))
        return torch.einsum("mk,mbk->mb", g["out"], hidden) + g["out_bias"]

    def _logit(self, u: Tensor, x: Tensor) -> Tensor:
        """``(members, batch)`` the discriminator's logit of x after u."""
        d = self._parts("discriminator")
        before = torch.einsum("mkj,mbj->mbk", d["cell"], u) + d["cell_bias"][:, None]
        state = lstm(before + d["cell_target"][:, None] * x[..., None])
        return torch.einsum("mk,mbk->mb", d["out"], state) + d["out_bias"]

    def _discriminator_step(self, u: Tensor, x: Tensor, fake: Tensor) -> Tensor:
        losses = softplus(-self._logit(u, x)).mean(dim=1) + softplus(self._logit(u, fake)).mean(dim=1)
        self._update("discriminator", losses.sum() / 2)
        return losses / 2

    def _terms(self, u: Tensor, x: Tensor, fake: Tensor) -> Tensor:
        """``(5, members)`` J_G, PnL*, MSE, SR*, STD."""
        mean, sd = self.scale[:, :1], self.scale[:, 1:]
        truth, forecast = mean + sd * x, mean + sd * fake
        pnl = torch.tanh(self.rules.config.steepness * forecast) * truth
        std = pnl.std(dim=1, correction=0)
        square = (truth - forecast).square().mean(dim=1)
        bce = softplus(-self._logit(u, fake)).mean(dim=1) / 2
        return torch.stack([bce, pnl.mean(dim=1), square, pnl.mean(dim=1) / std, std])

    def _norms(self, terms: Tensor) -> Tensor:
        """``(members, 5)`` gradient norms by θ_g."""
        weight = self.rate["generator"] / self.rate["generator"][0]
        found = []
        for term in terms:
            (gradient,) = torch.autograd.grad(term.sum(), self.flat["generator"], retain_graph=True)
            found.append((gradient.square() * weight).sum(dim=1).sqrt())
        return torch.stack(found, dim=1)

    def _update(self, name: str, loss: Tensor) -> None:
        """RMSProp on one of the two networks."""
        flat, squares = self.flat[name], self.squares[name]
        (gradient,) = torch.autograd.grad(loss, flat)
        squares.mul_(DECAY).addcmul_(gradient, gradient, value=1 - DECAY)
        with torch.no_grad():
            flat -= self.rate[name] * gradient / (squares.sqrt() + EPSILON)


def split(flat: Tensor, shapes: Mapping[str, tuple[int, ...]]) -> Parts:
    """Named views ``(members, *shape)`` of flat vectors ``(members, parameters)``."""
    pieces = torch.split(flat, [math.prod(shape) for shape in shapes.values()], dim=1)
    return {name: piece.view(len(flat), *shape) for (name, shape), piece in zip(shapes.items(), pieces, strict=True)}


def lstm(before: Tensor) -> Tensor:
    """h = σ(o) tanh(σ(i) tanh(g)) for gates ``(…, 3 width)``: one step from zero state."""
    i, g, o = torch.chunk(before, 3, dim=-1)
    return torch.sigmoid(o) * torch.tanh(torch.sigmoid(i) * torch.tanh(g))
