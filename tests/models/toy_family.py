"""A family that is no more than a Gaussian: what the house must show without being told."""

import math

import torch
from torch import Tensor, nn

from engine.models.families.family import Batch, Family, Shape, Terms
from engine.settings import configuration, setting
from engine.training.optimisation import Optimisation


@configuration
class ToyConfig(Optimisation):
    """A few epochs."""

    epochs: int = setting(2, label="Epochs", help="Passes over the training rows.", low=1, high=100, extends=True)


class ToyNet(nn.Module):
    """Mean and log standard deviation."""

    def __init__(self, d: int) -> None:
        super().__init__()
        self.mean, self.log_sd = nn.Parameter(torch.zeros(d)), nn.Parameter(torch.zeros(d))


class Toy(Family[ToyNet]):
    """x ~ N(m, s²), coordinate by coordinate."""

    name, label, Config = "toy", "Toy Gaussian", ToyConfig

    def networks(self, x: Shape, condition: Shape | None) -> ToyNet:
        return ToyNet(x[0])

    def loss(self, net: ToyNet, batch: Batch, rng: torch.Generator) -> Terms:
        return {"likelihood": -self.log_prob(net, batch.x, batch.condition).mean()}

    def draw(self, net: ToyNet, condition: Tensor | None, n: int, rng: torch.Generator) -> Tensor:
        noise = torch.randn(n, len(net.mean), generator=rng)
        return (net.mean + net.log_sd.exp() * noise).detach()

    def log_prob(self, net: ToyNet, x: Tensor, condition: Tensor | None) -> Tensor:
        z = (x - net.mean) / net.log_sd.exp()
        return (-z.square() / 2 - net.log_sd - math.log(2 * math.pi) / 2).sum(dim=1)
