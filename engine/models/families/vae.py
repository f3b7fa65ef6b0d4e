"""The variational autoencoder, conditional where a condition is given."""

from __future__ import annotations

import math
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor, nn

from engine.models.families.family import Batch, Family, Shape, Terms, flat_size
from engine.models.networks.mlp import MLP
from engine.settings import configuration, setting
from engine.training.optimisation import Optimisation

LOG_2PI = math.log(2 * math.pi)
LOWEST_LOG_SD = -6.0
"""No decoder noise below e⁻⁶ of the data's spread: a likelihood on data that lie on a surface has no maximum."""

SPEED = 10.0
"""Learned spreads are e^{10 θ}: Adam moves every θ by about the learning rate, too slowly for a logarithm."""

ACTIVE = 0.01
"""Variance over the data of a code's posterior mean above which the code is in use."""


@configuration
class VAEConfig(Optimisation):
    """Settings of the variational autoencoder."""

    epochs: int = setting(
        150, label="Epochs", help="Passes over the training rows.", low=1, high=1_000_000, extends=True
    )
    learning_rate: float = setting(2e-3, label="Learning rate", help="Largest step size.", low=1e-7, high=1.0)
    weight_decay: float = setting(
        1.0, label="Weight decay", help="Shrinks matrices by this times the rate in every update.", low=0.0, high=10.0,
        advanced=True,
    )  # fmt: skip
    latent: int = setting(8, label="Codes", help="Dimension of the latent space.", low=1, high=1_024)
    width: int = setting(128, label="Width", help="Of every hidden layer.", low=1, high=8_192)
    depth: int = setting(2, label="Depth", help="Hidden layers of encoder and decoder each.", low=0, high=16)
    noise: str = setting(
        "constant",
        label="Decoder noise",
        help="One learned standard deviation a coordinate, or one that depends on code and condition.",
        choices=("constant", "by code"),
    )
    beta: float = setting(
        1.0, label="β", help="Weight of the KL divergence; 1 is the likelihood bound.", low=0.0, high=1e3
    )
    annealing: str = setting(
        "none",
        label="KL annealing",
        help="How the weight of the KL divergence rises from 0: along a line, in cycles, or not at all.",
        choices=("none", "linear", "cyclical"),
        advanced=True,
    )
    annealing_share: float = setting(
        0.2, label="Annealing share", help="Share of training in which it rises.", low=0.0, high=1.0, advanced=True
    )
    cycles: int = setting(4, label="Cycles", help="Of cyclical annealing.", low=1, high=1_000, advanced=True)
    free_bits: float = setting(
        0.0, label="Free bits", help="KL of a code that costs nothing.", low=0.0, high=100.0, unit="nats", advanced=True
    )
    density_draws: int = setting(
        256, label="Draws for a density", help="Importance samples behind log p(x).", low=1, high=100_000, advanced=True
    )
    imputation_steps: int = setting(
        100, label="Imputation steps", help="Of the Markov chain that fills in.", low=1, high=100_000, advanced=True
    )  # fmt: skip


class Normal(NamedTuple):
    """A normal law of independent coordinates, ``(rows, size)`` each."""

    mean: Tensor
    log_sd: Tensor

    def draw(self, rng: torch.Generator) -> Tensor:
        """One draw of each row."""
        noise = torch.empty_like(self.mean).normal_(generator=rng)
        return self.mean + self.log_sd.exp() * noise

    def log_prob(self, x: Tensor) -> Tensor:
        """``(rows,)``."""
        return -((x - self.mean) / self.log_sd.exp()).square().add(LOG_2PI).div(2).add(self.log_sd).sum(dim=1)


class Networks(nn.Module):
    """Encoder q(z | x, c) and decoder p(x | z, c), normal laws of independent coordinates."""

    def __init__(self, x: int, condition: int, config: VAEConfig) -> None:
        super().__init__()
        latent, width, depth = config.latent, config.width, config.depth
        self.encoder = MLP(x + condition, 2 * latent, width, depth)
        by_code = config.noise == "by code"
        self.decoder = MLP(latent + condition, 2 * x if by_code else x, width, depth)
        self.noise = None if by_code else nn.Parameter(torch.zeros(x))
        self.spread = nn.Parameter(
            torch.zeros(latent)
        )  # of the prior; a standard one is the same law, found more slowly

    def encode(self, x: Tensor, condition: Tensor | None) -> Normal:
        """Law of the code."""
        mean, log_sd = self.encoder(x, condition).chunk(2, dim=1)
        return Normal(mean, log_sd.clamp(-7.0, 3.0))

    def prior(self) -> Normal:
        """Law of the code before x is seen, ``(1, latent)``."""
        log_sd = (SPEED * self.spread)[None]
        return Normal(torch.zeros_like(log_sd), log_sd)

    def decode(self, z: Tensor, condition: Tensor | None) -> Normal:
        """Law of x."""
        out = self.decoder(z, condition)
        mean, log_sd = (out, SPEED * self.noise.expand_as(out)) if self.noise is not None else out.chunk(2, dim=1)
        return Normal(mean, log_sd.clamp(LOWEST_LOG_SD, 3.0))


class VAE(Family[Networks]):
    """Variational autoencoder: x = g(z, c) + σ ε, z ~ N(0, ρ²), the noise ε drawn with every sample.

    Lowered is −E_q log p(x | z, c) + β Σ_j KL_j, q(z | x, c) normal, KL = −½ Σ (1 + log s²/ρ² − m²/ρ² − s²/ρ²), by
    coordinate.
    The density is an importance-sampled estimate, log p(x) ≈ log K⁻¹ Σ p(x, z_k)/q(z_k), K ``density_draws``, from the
    same random numbers in every call.

    References:
        Kingma and Welling (2014), Auto-encoding variational Bayes; Kingma et al. (2016), section 5.2 (free bits);
        Fu et al. (2019), Cyclical annealing schedule; Burda et al. (2016) (active units, importance sampling);
        Mattei and Frellsen (2018), Leveraging the exact likelihood of deep latent variable models (imputation).
    """

    name: ClassVar[str] = "vae"
    Config: ClassVar[type] = VAEConfig
    config: VAEConfig

    def networks(self, x: Shape, condition: Shape | None) -> Networks:
        """Encoder and decoder."""
        return Networks(flat_size(x), flat_size(condition), self.config)

    def loss(self, net: Networks, batch: Batch, rng: torch.Generator) -> Terms:
        """Reconstruction and KL divergence, nats a coordinate of x."""
        q = net.encode(batch.x, batch.condition)
        p = net.decode(q.draw(rng), batch.condition)
        kl = kl_divergence(q, net.prior()).mean(dim=0).clamp(min=self.config.free_bits).sum()
        size = batch.x.shape[1]
        return {"reconstruction": -p.log_prob(batch.x).mean() / size, "KL": self.weight(batch.progress) * kl / size}

    def weight(self, progress: float) -> float:
        """Weight of the KL divergence after a share of the training."""
        c = self.config
        if c.annealing == "none" or progress >= 1:
            return c.beta
        at = (progress * c.cycles) % 1.0 if c.annealing == "cyclical" else progress
        return c.beta * (min(1.0, at / c.annealing_share) if c.annealing_share > 0 else 1.0)

    @torch.no_grad()
    def draw(self, net: Networks, condition: Tensor | None, n: int, rng: torch.Generator) -> Tensor:
        """x given z from the prior, noise included."""
        device = net.spread.device
        z = torch.randn(n, self.config.latent, generator=rng, device=device) * net.prior().log_sd.exp()
        drawn: Tensor = net.decode(z, condition).draw(rng)
        return drawn

    @torch.no_grad()
    def log_prob(self, net: Networks, x: Tensor, condition: Tensor | None) -> Tensor:
        """Importance-sampled log density; biased downwards by about half its variance."""
        rng = torch.Generator(x.device).manual_seed(0)
        q = net.encode(x, condition)
        total = torch.full((len(x),), -torch.inf, device=x.device)
        for _ in range(self.config.density_draws):
            total = torch.logaddexp(total, log_weight(net, q, q.draw(rng), x, condition))
        return total - math.log(self.config.density_draws)

    @torch.no_grad()
    def encode(self, net: Networks, x: Tensor, condition: Tensor | None) -> Tensor:
        """Posterior means, in standard deviations of the prior."""
        return net.encode(x, condition).mean / net.prior().log_sd.exp()

    @torch.no_grad()
    def reconstruct(self, net: Networks, x: Tensor, condition: Tensor | None) -> Tensor:
        """The decoder's mean at the posterior mean."""
        mean: Tensor = net.decode(net.encode(x, condition).mean, condition).mean
        return mean

    @torch.no_grad()
    def impute(
        self, net: Networks, x: Tensor, mask: Tensor, condition: Tensor | None, n: int, rng: torch.Generator
    ) -> Tensor:
        """Metropolis within Gibbs on (z, hidden x): z proposed from q(z | x), hidden x drawn from p(x | z).

        The chain's law is exactly p(x_hidden | x_observed) under the decoder; a first half without rejection finds it.
        """
        rows = x.repeat(n, 1)
        seen = mask.repeat(n, 1)
        c = condition.repeat(n, 1) if condition is not None else None
        z: Tensor | None = None
        for step in range(self.config.imputation_steps):
            q = net.encode(rows, c)
            proposed = q.draw(rng)
            if z is None or step < self.config.imputation_steps // 2:
                z = proposed
            else:
                gain = log_weight(net, q, proposed, rows, c) - log_weight(net, q, z, rows, c)
                uniform = torch.rand(len(rows), generator=rng, device=rows.device)
                z = torch.where((uniform.log() < gain)[:, None], proposed, z)
            rows = torch.where(seen, rows, net.decode(z, c).draw(rng))
        return rows.view(n, *x.shape)

    @torch.no_grad()
    def diagnostics(self, net: Networks, batch: Batch, rng: torch.Generator) -> dict[str, float]:
        """Codes in use, and the KL divergence; a VAE whose posterior has collapsed has none."""
        codes = self.encode(net, batch.x, batch.condition)
        kl = kl_divergence(net.encode(batch.x, batch.condition), net.prior())
        active = int((codes.var(dim=0) > ACTIVE).sum())
        return {"active units": float(active), "KL in nats": float(kl.sum(dim=1).mean())}


def kl_divergence(q: Normal, prior: Normal) -> Tensor:
    """``(rows, latent)`` KL(q ‖ N(0, ρ²)) of each code: −½ (1 + log s²/ρ² − m²/ρ² − s²/ρ²)."""
    log_sd = q.log_sd - prior.log_sd
    return -0.5 * (1 + 2 * log_sd - (q.mean / prior.log_sd.exp()).square() - (2 * log_sd).exp())


def log_weight(net: Networks, q: Normal, z: Tensor, x: Tensor, condition: Tensor | None) -> Tensor:
    """``(rows,)`` log p(x, z) − log q(z | x)."""
    return net.decode(z, condition).log_prob(x) + net.prior().log_prob(z) - q.log_prob(z)
