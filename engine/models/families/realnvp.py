"""RealNVP: a normalising flow of affine coupling layers, conditional where a condition is given."""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from torch import Tensor, nn

from engine.models.families.family import Batch, Family, Shape, Terms, flat_size
from engine.models.networks.coupling import AffineCoupling
from engine.settings import configuration, setting
from engine.training.optimisation import Optimisation

LOG_2PI = math.log(2 * math.pi)


@configuration
class RealNVPConfig(Optimisation):
    """Settings of RealNVP."""

    epochs: int = setting(
        100, label="Epochs", help="Passes over the training rows.", low=1, high=1_000_000, extends=True
    )
    learning_rate: float = setting(2e-3, label="Learning rate", help="Largest step size.", low=1e-7, high=1.0)
    weight_decay: float = setting(
        1.0, label="Weight decay", help="Shrinks matrices by this times the rate in every update.", low=0.0, high=10.0,
        advanced=True,
    )  # fmt: skip
    layers: int = setting(8, label="Layers", help="Affine couplings.", low=1, high=128)
    width: int = setting(64, label="Width", help="Of the hidden layers in a coupling.", low=1, high=8_192)
    depth: int = setting(2, label="Depth", help="Hidden layers in a coupling.", low=0, high=16)
    masks: str = setting(
        "random",
        label="Masks",
        help="Which coordinates move in a layer: every second one by turns, or a random half and then the other half.",
        choices=("alternating", "random"),
    )
    bound: float = setting(
        0.5,
        label="Bound of log scale",
        help="Of one layer. A wide bound fits no better and now and then draws what is thousands of sd away.",
        low=0.01,
        high=20.0,
        advanced=True,
    )


class Flow(nn.Module):
    """z = f(x; c), layer after layer, and its inverse."""

    def __init__(self, x: int, condition: int, config: RealNVPConfig) -> None:
        super().__init__()
        layers: list[AffineCoupling] = []
        order = torch.arange(x)
        for k in range(config.layers):
            if k % 2 == 0 and config.masks == "random":
                order = torch.randperm(x)
            kept, moved = (order[::2], order[1::2]) if k % 2 == 0 else (order[1::2], order[::2])
            if len(moved):  # in one dimension every second layer would move nothing
                layers.append(AffineCoupling(kept, moved, condition, config.width, config.depth, config.bound))
        self.layers = nn.ModuleList(layers)

    def forward(self, x: Tensor, condition: Tensor | None) -> tuple[Tensor, Tensor]:
        """z ``(rows, d)`` and log|det ∂z/∂x| ``(rows,)``."""
        total = torch.zeros(len(x), dtype=x.dtype, device=x.device)
        for layer in self.layers:
            x, log_det = layer(x, condition)
            total = total + log_det
        return x, total

    def inverse(self, z: Tensor, condition: Tensor | None) -> Tensor:
        """x ``(rows, d)``."""
        for layer in reversed(self.layers):
            z = layer.inverse(z, condition)  # type: ignore[operator]
        return z


class RealNVP(Family[Flow]):
    """Normalising flow: log p(x | c) = log N(f(x; c); 0, I) + log|det ∂f/∂x|, f a chain of affine couplings.

    Density and samples are exact and cost the same. An affine coupling of one coordinate has no other to depend on, so
    in one dimension the law is normal, with mean and variance that depend on the condition alone.

    References:
        Dinh, Sohl-Dickstein and Bengio (2017), Density estimation using Real NVP.
    """

    name: ClassVar[str] = "realnvp"
    Config: ClassVar[type] = RealNVPConfig
    config: RealNVPConfig

    def networks(self, x: Shape, condition: Shape | None) -> Flow:
        """The flow."""
        return Flow(flat_size(x), flat_size(condition), self.config)

    def loss(self, net: Flow, batch: Batch, rng: torch.Generator) -> Terms:
        """Minus the log likelihood, nats by coordinate."""
        return {"-log p": -log_likelihood(net, batch.x, batch.condition).mean() / batch.x.shape[1]}

    @torch.no_grad()
    def draw(self, net: Flow, condition: Tensor | None, n: int, rng: torch.Generator) -> Tensor:
        """x = f⁻¹(z; c)."""
        size = sum(len(part) for part in (net.layers[0].kept, net.layers[0].moved))  # type: ignore[arg-type, misc]
        z = torch.randn(n, size, generator=rng, device=next(net.parameters()).device)
        return net.inverse(z, condition)

    @torch.no_grad()
    def log_prob(self, net: Flow, x: Tensor, condition: Tensor | None) -> Tensor:
        """Exact log density."""
        return log_likelihood(net, x, condition)

    @torch.no_grad()
    def encode(self, net: Flow, x: Tensor, condition: Tensor | None) -> Tensor:
        """z, standard normal under the law."""
        z: Tensor = net(x, condition)[0]
        return z

    @torch.no_grad()
    def reconstruct(self, net: Flow, x: Tensor, condition: Tensor | None) -> Tensor:
        """f⁻¹(f(x)): x up to rounding."""
        return net.inverse(net(x, condition)[0], condition)


def log_likelihood(net: Flow, x: Tensor, condition: Tensor | None) -> Tensor:
    """``(rows,)`` log N(f(x; c); 0, I) + log|det ∂f/∂x|."""
    z, log_det = net(x, condition)
    found: Tensor = log_det - 0.5 * z.square().add(LOG_2PI).sum(dim=1)
    return found
