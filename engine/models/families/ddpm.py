"""Denoising diffusion: noise is added to data in many steps, a network learns to take it away."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import ClassVar

import torch
from torch import Tensor, nn

from engine.models.families.family import Batch, Family, Shape, Terms, flat_size
from engine.models.networks.time_embedding import ResidualMLP
from engine.settings import configuration, setting
from engine.training.optimisation import Optimisation

LONGEST = 1_000.0
"""Times are told to the network on a scale from 0 to this."""


@configuration
class DDPMConfig(Optimisation):
    """Settings of denoising diffusion."""

    epochs: int = setting(
        150, label="Epochs", help="Passes over the training rows.", low=1, high=1_000_000, extends=True
    )
    weight_decay: float = setting(
        4.0, label="Weight decay", help="Shrinks matrices by this times the rate in every update.", low=0.0, high=10.0,
        advanced=True,
    )  # fmt: skip
    average: float = setting(
        0.995, label="Averaged weights", help="Decay of the exponential average of weights that is sampled from.",
        low=0.0, high=0.99999, advanced=True,
    )  # fmt: skip
    noise_steps: int = setting(1_000, label="Noise steps", help="T, from data to noise.", low=2, high=10_000)
    noise: str = setting(
        "cosine", label="Noise schedule", help="How fast data turn into noise.", choices=("linear", "cosine")
    )
    predicts: str = setting(
        "v",
        label="Network predicts",
        help="The noise ε, the data x₀, or v = √ᾱ ε − √(1 − ᾱ) x₀, which is well posed at both ends.",
        choices=("noise", "data", "v"),
    )
    width: int = setting(128, label="Width", help="Of the denoiser.", low=1, high=8_192)
    blocks: int = setting(2, label="Blocks", help="Residual steps of the denoiser.", low=1, high=64)
    sampler: str = setting(
        "dpm_solver",
        label="Sampler",
        help="DDPM walks through all steps with fresh noise in each; DDIM through a few, without noise if η = 0; "
        "DPM-Solver++ through a few, of second order. With few steps DDIM draws too narrow a law (by 4 to 8 % at 25).",
        choices=("ddpm", "ddim", "dpm_solver"),
    )
    steps: int = setting(20, label="Sampling steps", help="Of DDIM and DPM-Solver++.", low=1, high=10_000)
    eta: float = setting(
        0.0, label="η", help="Noise of DDIM; with 1 and all T steps it is DDPM.", low=0.0, high=1.0, advanced=True
    )
    resamplings: int = setting(
        5, label="Resamplings", help="Times that imputation goes back over each step.", low=1, high=100, advanced=True
    )


class Denoiser(nn.Module):
    """The network, and the share of signal left after each step."""

    signal: Tensor

    def __init__(self, x: int, condition: int, config: DDPMConfig) -> None:
        super().__init__()
        self.size = x
        self.network = ResidualMLP(x, condition, config.width, config.blocks)
        self.register_buffer("signal", signal(config.noise, config.noise_steps))

    def forward(self, x: Tensor, step: Tensor, condition: Tensor | None) -> Tensor:
        """What the network predicts, from noisy x ``(rows, d)`` after ``step`` ``(rows,)`` steps, 1 … T."""
        out: Tensor = self.network(x, step * (LONGEST / (len(self.signal) - 1)), condition)
        return out


class DDPM(Family[Denoiser]):
    """Denoising diffusion: q(x_t | x_0) = N(√ᾱ_t x_0, (1 − ᾱ_t) I), and a network that sees x_t, t and c to walk back.

    Lowered is E‖target − network(x_t, t, c)‖², t drawn evenly, spread over the batch. The step t → s of a sampler is
    x_s = √ᾱ_s x̂_0 + √(1 − ᾱ_s − σ²) ε̂ + σ ξ, σ² = η² (1 − ᾱ_s)/(1 − ᾱ_t) (1 − ᾱ_t/ᾱ_s), with η = 1 for DDPM.
    DPM-Solver++(2M) has η = 0 and x̂_0 extrapolated to the middle of the step, in λ = ½ log ᾱ/(1 − ᾱ), from the one
    before.

    References:
        Ho, Jain and Abbeel (2020), Denoising diffusion probabilistic models; Nichol and Dhariwal (2021) (cosine
        schedule); Song, Meng and Ermon (2021), Denoising diffusion implicit models; Salimans and Ho (2022) (v); Lu et
        al. (2022), DPM-Solver++; Lugmayr et al. (2022), RePaint (imputation).
    """

    name: ClassVar[str] = "ddpm"
    Config: ClassVar[type] = DDPMConfig
    config: DDPMConfig

    def networks(self, x: Shape, condition: Shape | None) -> Denoiser:
        """The denoiser."""
        return Denoiser(flat_size(x), flat_size(condition), self.config)

    def loss(self, net: Denoiser, batch: Batch, rng: torch.Generator) -> Terms:
        """Mean squared error of the prediction, by coordinate."""
        x, rows, steps = batch.x, len(batch.x), self.config.noise_steps
        # one time in each of as many equal parts: far less noise in the loss than independent times
        even = (torch.arange(rows, device=x.device) + torch.rand(1, generator=rng, device=x.device)) / rows
        step = (even * steps).long().clamp(max=steps - 1) + 1
        left = net.signal[step][:, None]
        noise = torch.randn(x.shape, generator=rng, device=x.device)
        noisy = left.sqrt() * x + (1 - left).sqrt() * noise
        target = {"noise": noise, "data": x, "v": left.sqrt() * noise - (1 - left).sqrt() * x}[self.config.predicts]
        return {"squared error": (net(noisy, step, batch.condition) - target).square().mean()}

    @torch.no_grad()
    def draw(self, net: Denoiser, condition: Tensor | None, n: int, rng: torch.Generator) -> Tensor:
        """From noise back to data, by the sampler of the settings."""
        x = torch.randn(n, net.size, generator=rng, device=net.signal.device)
        sampler, times = self.config.sampler, self.times(self.config.sampler)
        eta = {"ddpm": 1.0, "ddim": self.config.eta, "dpm_solver": 0.0}[sampler]
        before: tuple[float, Tensor] | None = None  # λ and x̂_0 of the step before
        for t, s in pairwise(times):
            data = self.data(net, x, t, condition)
            used = data
            if sampler == "dpm_solver":
                here, there = log_ratio(net.signal[t]), log_ratio(net.signal[s])
                if before is not None and s > 0:
                    used = data + (data - before[1]) * (0.5 * (there - here) / (here - before[0]))
                before = here, data
            x = self.back(net, x, used, t, s, eta, rng)
        return x

    @torch.no_grad()
    def impute(
        self, net: Denoiser, x: Tensor, mask: Tensor, condition: Tensor | None, n: int, rng: torch.Generator
    ) -> Tensor:
        """RePaint: the walk back with the observed part noised to each step's level, every step gone over again."""
        known, seen = x.repeat(n, 1), mask.repeat(n, 1)
        c = condition.repeat(n, 1) if condition is not None else None
        rows = torch.randn(known.shape, generator=rng, device=x.device)
        times = self.times("ddim")
        for t, s in pairwise(times):
            for again in range(self.config.resamplings):
                rows = self.back(net, rows, self.data(net, rows, t, c), t, s, 1.0, rng)
                rows = torch.where(seen, diffused(net.signal, known, 0, s, rng), rows)
                if again + 1 < self.config.resamplings:
                    rows = diffused(net.signal, rows, s, t, rng)
        return rows.view(n, *x.shape)

    def times(self, sampler: str) -> list[int]:
        """Steps that a sampler visits, from T down to 0: all for DDPM, else closer to each other towards the data."""
        steps, count = self.config.noise_steps, self.config.steps
        if sampler == "ddpm" or count >= steps:
            return list(range(steps, -1, -1))
        return sorted({round(steps * (k / count) ** 2) for k in range(count + 1)}, reverse=True)

    def data(self, net: Denoiser, x: Tensor, t: int, condition: Tensor | None) -> Tensor:
        """x̂_0 given x_t ``(rows, d)``."""
        step = torch.full((len(x),), t, device=x.device)
        return translated(self.config.predicts, net(x, step, condition), x, net.signal[t])[0]

    def back(self, net: Denoiser, x: Tensor, data: Tensor, t: int, s: int, eta: float, rng: torch.Generator) -> Tensor:
        """One step of the walk back, from t to s < t, given x̂_0; see the class."""
        left, before = net.signal[t], net.signal[s]
        noise = (x - left.sqrt() * data) / (1 - left).sqrt()
        variance = eta**2 * (1 - before) / (1 - left) * (1 - left / before)
        x = before.sqrt() * data + (1 - before - variance).clamp(min=0).sqrt() * noise
        if eta > 0 and s > 0:
            x = x + variance.sqrt() * torch.randn(x.shape, generator=rng, device=x.device)
        return x


def signal(schedule: str, steps: int) -> Tensor:
    """ᾱ_0 = 1 … ᾱ_T: ∏(1 − β) with β linear from 10⁻⁴ to 0.02 (times 1000/T), or cos²(½π (t/T + 0.008)/1.008) over its
    value at 0 with β ≤ 0.999; ``(T + 1,)``.
    """
    if schedule == "linear":
        betas = torch.linspace(1e-4, 0.02, steps, dtype=torch.float64) * (LONGEST / steps)
    else:
        at = torch.arange(steps + 1, dtype=torch.float64) / steps
        curve = torch.cos(0.5 * math.pi * (at + 0.008) / 1.008) ** 2
        betas = 1 - curve[1:] / curve[:-1]
    left = torch.cumprod(1 - betas.clamp(max=0.999), dim=0)
    return torch.cat([torch.ones(1, dtype=torch.float64), left]).float()


def translated(predicts: str, output: Tensor, x: Tensor, left: Tensor) -> tuple[Tensor, Tensor]:
    """x̂_0 and ε̂ from what the network says of x_t = √ᾱ x_0 + √(1 − ᾱ) ε.

    Args:
        predicts: "noise", "data" or "v".
        output: ``(rows, d)`` of the network.
        x: ``(rows, d)`` x_t.
        left: ᾱ_t.
    """
    a, b = left.sqrt(), (1 - left).sqrt()
    if predicts == "v":
        return a * x - b * output, b * x + a * output
    if predicts == "data":
        return output, (x - a * output) / b
    return (x - b * output) / a, output


def log_ratio(left: Tensor) -> float:
    """λ = ½ log ᾱ/(1 − ᾱ); infinite for data without noise."""
    return 0.5 * float(torch.log(left / (1 - left)))


def diffused(signal: Tensor, x: Tensor, s: int, t: int, rng: torch.Generator) -> Tensor:
    """x_t given x_s, s ≤ t: N(√(ᾱ_t/ᾱ_s) x_s, (1 − ᾱ_t/ᾱ_s) I)."""
    left = signal[t] / signal[s]
    return left.sqrt() * x + (1 - left).sqrt() * torch.randn(x.shape, generator=rng, device=x.device)
