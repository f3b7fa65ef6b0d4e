"""Milliseconds per VolGAN update (batch 100, 10×8 grid, one D and one G step): alone, stacked, and by autograd; and of
one look at the generator in training, which comes with every report (two a second).

``python -m benchmarks.volgan_training``; ``--least 20`` for more timings of each on a busy machine.
"""

from __future__ import annotations

import argparse

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, softplus

from benchmarks.report import least_seconds, print_line
from engine.market.grid import CH2_GRID
from engine.models.simulated.market import simulate
from engine.models.volgan.generator import VolGANConfig
from engine.models.volgan.training import MATCHING, TRAINING, TrainingMonitor, VolGANLearner, roughness

ROWS, BATCH, UPDATES = 1000, 100, 200
ALPHA = 1e-5


def main() -> None:
    """Time updates of one network, of a stack of 8 and of plain autograd; the fastest of several runs each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--least", type=int, default=7, help="timings of each, of which the least counts")
    repeats = parser.parse_args().least
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    one, stack = (_milliseconds(members, repeats) for members in (1, 8))
    figures = {
        "ms_per_iteration": round(one, 4),
        "ms_per_member_in_stack_of_8": round(stack / 8, 4),
        "ms_per_iteration_autograd": round(_autograd_milliseconds(repeats), 4),
        "ms_per_look": round(_look_milliseconds(repeats), 2),
        "batch": BATCH,
        "grid": "10x8",
        "threads": torch.get_num_threads(),
    }
    print_line(figures, "torch", "numpy")


def _data() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.normal(-1, 0.3, (ROWS, 3 + CH2_GRID.size)), rng.normal(0, 0.1, (ROWS, 1 + CH2_GRID.size))


def _milliseconds(members: int, repeats: int) -> float:
    """One update of the second phase, all three loss terms in force, for all members; shuffling and noise included."""
    learner = VolGANLearner(*_data(), CH2_GRID, VolGANConfig(members=members), seed=0, members=range(members))

    def epochs() -> None:
        for _ in range(UPDATES * BATCH // ROWS):
            for rows in learner.streams.permutations(ROWS).split(BATCH, dim=1):
                learner.step(rows)

    learner.begin_phase(MATCHING)
    epochs()
    learner.begin_phase(TRAINING)
    return 1000 * least_seconds(epochs, repeats) / UPDATES


def _look_milliseconds(repeats: int) -> float:
    """Mean Φ and spread of the fixed batch, for weights as they are at the start."""
    config = VolGANConfig()
    watch = TrainingMonitor(simulate(CH2_GRID, ROWS, 0).history, config, 1, seed=0)
    learner = VolGANLearner(*_data(), CH2_GRID, config, seed=0, members=range(1))
    learner.begin_phase(MATCHING)
    return 1000 * least_seconds(lambda: watch.figures(learner.weights()), repeats)


def _autograd_milliseconds(repeats: int) -> float:
    """The same update as one would write it with modules, autograd and torch's optimiser, vectorised."""
    condition, target = (torch.from_numpy(array).float() for array in _data())
    c, y = condition.shape[1], target.shape[1]
    generator = nn.Sequential(nn.Linear(32 + c, 16), nn.Softplus(), nn.Linear(16, 32), nn.Softplus(), nn.Linear(32, y))
    discriminator = nn.Sequential(nn.Linear(c + y, 16), nn.Softplus(), nn.Linear(16, 1))
    optimisers = [torch.optim.RMSprop(net.parameters(), lr=1e-4) for net in (generator, discriminator)]
    form = torch.from_numpy(ALPHA * sum(roughness(CH2_GRID))).float()

    def fakes(a: Tensor) -> Tensor:
        return torch.cat([a, generator(torch.cat([torch.randn(len(a), 32), a], dim=1))], dim=1)

    def epochs() -> None:
        for _ in range(UPDATES * BATCH // ROWS):
            for rows in torch.randperm(ROWS).split(BATCH):
                a = condition[rows]
                optimisers[1].zero_grad()
                real = discriminator(torch.cat([a, target[rows]], dim=1))
                fake = discriminator(fakes(a).detach())
                loss = (
                    binary_cross_entropy_with_logits(real, torch.ones_like(real))
                    + binary_cross_entropy_with_logits(fake, torch.zeros_like(fake))
                ) / 2
                loss.backward()
                optimisers[1].step()
                optimisers[0].zero_grad()
                pair = fakes(a)
                surface = a[:, 3:] + pair[:, c + 1 :]
                loss = softplus(-discriminator(pair)).mean() / 2 + ((surface @ form) * surface).sum(dim=1).mean()
                loss.backward()
                optimisers[0].step()

    return 1000 * least_seconds(epochs, repeats) / UPDATES


if __name__ == "__main__":
    main()
