"""VolGAN's training: initial weights, the two phases, the matching of the losses, what is kept, and its monitor.

The update itself is in ``update``; the loop is ``engine.training.loop``. The monitor looks at arbitrage in what is
generated and at its spread, only when progress is reported, on a small fixed batch with noise of its own, so that
watching costs next to nothing and changes no weight.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import softplus

from engine.market.grid import Floats, Grid
from engine.market.surface_history import SurfaceHistory
from engine.models.volgan.generator import (
    ANNUAL,
    DISCRIMINATOR_WIDTH,
    GENERATOR_WIDTHS,
    GRADIENT_NORMS,
    VolGANConfig,
    condition_rows,
    conditions,
    scenarios_of,
    targets,
)
from engine.models.volgan.update import StackedParameters, StackedRMSProp, Update, draw_linear
from engine.settings import identity
from engine.surfaces import arbitrage
from engine.training import loop
from engine.training.alarms import DATA_PENALTY, PENALTY, SPREAD
from engine.training.gradient_matching import GradientNorms
from engine.training.progress import Checkpointer, OnStep, TrainingDiverged, check_arrays
from engine.training.streams import Streams

DRAWS = 16
"""Scenarios of each watched day and network."""

SURFACES = 512
"""Surfaces generated at one look, at least four days of each network."""

LEAST_DAYS, MOST_DAYS = 4, 32
FLOOR, CEILING = -10.0, 5.0
"""Log vols beyond these (0.005 % and 15,000 % a year) are taken as these: Φ says nothing more about them."""


class TrainingMonitor:
    """Looks at the generators of a stack from outside.

    Args:
        history: the training part.
        members: number of networks.
        seed: of the noise, which is the same at every look, so that a curve moves only when the weights do.
    """

    def __init__(self, history: SurfaceHistory, members: int, *, seed: int) -> None:
        rows = condition_rows(history)
        days = int(np.clip(SURFACES // (DRAWS * members), LEAST_DAYS, MOST_DAYS))
        self.rows = rows[np.linspace(0, len(rows) - 1, min(days, len(rows))).astype(int)]
        self._condition = conditions(history, self.rows)
        self._rate = np.repeat(history.rate[self.rows], DRAWS * members)
        self._data_sd = float(targets(history, rows)[:, 0].std() / ANNUAL)
        self._data_penalty = float(arbitrage.total_penalty(history.iv[rows], history.grid, history.rate[rows]).mean())
        self._grid, self._members, self._seed = history.grid, members, seed

    def figures(self, weights: Mapping[str, NDArray[Any]]) -> dict[str, float]:
        """Mean Φ of generated surfaces beside the data's, and the spread of returns within a day over the data's.

        The spread is the standard deviation of one network's returns on one day, averaged over days and networks, over
        that of the training returns; it is left out where these never move. All are NaN for weights that are.

        Args:
            weights: as ``VolGAN.state`` names them.
        """
        if not all(np.isfinite(array).all() for array in weights.values()):
            return {PENALTY: float("nan"), DATA_PENALTY: self._data_penalty}
        singles = {name: np.ascontiguousarray(array, dtype=np.float32) for name, array in weights.items()}
        rng = np.random.default_rng([self._seed, 7])
        log_return, log_iv = scenarios_of(singles, self._grid, self._condition, DRAWS * self._members, rng)
        surfaces = np.exp(np.clip(log_iv, FLOOR, CEILING)).reshape(-1, *self._grid.shape)
        found = {
            PENALTY: float(arbitrage.total_penalty(surfaces, self._grid, self._rate).mean()),
            DATA_PENALTY: self._data_penalty,
        }
        if self._data_sd > 0:
            by_member = log_return.reshape(len(self.rows), DRAWS, self._members)  # (days, draws, members)
            found[SPREAD] = float(by_member.std(axis=1, ddof=1, dtype=np.float64).mean() / self._data_sd)
        return found


MATCHING, TRAINING = "gradient matching", "training"
TERMS = ("BCE", "L_m", "L_tau")
ALPHAS = "matching.alphas"
RECORDING = "matching.under_way"
MEMORY = 64
"""Updates over which reported losses are averaged."""


@dataclass(frozen=True)
class Trained:
    """What training hands to the model: weights and norms, updates, seconds, figures for the card."""

    state: dict[str, NDArray[Any]]
    steps: int
    seconds: float
    metrics: dict[str, float]


def train(
    history: SurfaceHistory,
    config: VolGANConfig,
    *,
    seed: int,
    members: Sequence[int] | None = None,
    on_step: OnStep | None = None,
    checkpointer: Checkpointer | None = None,
    report_every: float = 0.5,
    keep_every: float = 30.0,
) -> Trained:
    """Train VolGAN on every condition row of a history.

    Args:
        history: the training part.
        config: settings; ``loss="bce"`` skips the matching.
        seed: of initial weights, shuffles and noise.
        members: which of the seed's networks to train, all of ``config.members`` if not given.
        on_step: see :func:`engine.training.loop.run`.
        checkpointer: see there.
        report_every: see there.
        keep_every: see there.

    Raises:
        MarketDataError: if the history has fewer than 24 days.
        TrainingStopped, TrainingDiverged, CheckpointError: from the loop.
    """
    began = time.monotonic()
    chosen = range(config.members) if members is None else members
    rows = condition_rows(history)
    learner = VolGANLearner(
        conditions(history, rows), targets(history, rows), history.grid, config, seed=seed, members=chosen
    )
    learner.watch = TrainingMonitor(history, len(chosen), seed=seed)
    matching = [loop.Phase(MATCHING, config.matching_epochs)] if config.loss == "volgan" else []
    # more epochs may be asked of an interrupted or finished fit; anything else would be another fit
    settings = identity(config)
    steps = loop.run(
        learner,
        [*matching, loop.Phase(TRAINING, config.epochs)],
        identity=f"volgan {history.digest} {seed} {list(chosen)} {sorted(settings.items())}",
        on_step=on_step,
        checkpointer=checkpointer,
        report_every=report_every,
        keep_every=keep_every,
    )
    if not all(np.isfinite(array).all() for array in learner.weights().values()):
        raise TrainingDiverged("expected finite weights after training; found others: lower the learning rate")
    return Trained(
        state={**learner.weights(), GRADIENT_NORMS: learner.matching.norms},
        steps=steps,
        seconds=time.monotonic() - began,
        metrics=learner.metrics(),
    )


def roughness(grid: Grid) -> tuple[Floats, Floats]:
    """The quadratic forms of the smoothness terms: L_m(g) = gᵀ Q_m g and L_τ(g) = gᵀ Q_τ g, ``(N, N)`` each.

    L_m = Σ_ij (g(m_{i+1},τ_j) − g(m_i,τ_j))²/(m_{i+1}−m_i)², L_τ = Σ_ij (g(m_i,τ_{j+1}) − g(m_i,τ_j))²/(τ_{j+1}−τ_j)²,
    g flattened by ``grid.flatten``.

    References:
        SPEC 2 (the authors' public code takes other axes, and σ for g; this is the formula).
    """
    slope_m = np.diff(np.eye(len(grid.moneyness)), axis=0) / np.diff(grid.moneyness)[:, None]
    slope_tau = np.diff(np.eye(len(grid.maturity)), axis=0) / np.diff(grid.maturity)[:, None]
    along_m: Floats = np.kron(slope_m.T @ slope_m, np.eye(len(grid.maturity))).astype(np.float64)
    along_tau: Floats = np.kron(np.eye(len(grid.moneyness)), slope_tau.T @ slope_tau).astype(np.float64)
    return along_m, along_tau


class VolGANLearner(loop.Learner[torch.Tensor]):
    """The loop's view of VolGAN: stacked generators and discriminators, one update of each a step.

    Args:
        condition: ``(rows, C)`` a_t.
        target: ``(rows, 1 + N)``.
        grid: of the surfaces.
        config: settings.
        seed: of initial weights, shuffles and noise.
        members: indices of the networks; each is the same whoever is trained beside it.
        dtype: float32 to train; float64 to test.
    """

    def __init__(
        self,
        condition: Floats,
        target: Floats,
        grid: Grid,
        config: VolGANConfig,
        *,
        seed: int,
        members: Sequence[int],
        dtype: torch.dtype = torch.float32,
    ) -> None:
        self.config, self.seed, self.members = config, seed, list(members)
        self.streams: Streams = Streams(seed, self.members, "training")
        z, c, y, (h1, h2) = config.noise_dim, condition.shape[1], target.shape[1], GENERATOR_WIDTHS
        self.data = torch.from_numpy(np.concatenate([condition, np.ones((len(condition), 1)), target], axis=1))
        self.data = self.data.to(dtype)  # (rows, condition | 1 | target)
        count = len(self.members)
        generator = {"w1": (z + c + 1, h1), "w2": (h1, h2), "b2": (1, h2), "w3": (h2, y), "b3": (1, y)}
        discriminator = {"w1": (c + 1 + y, DISCRIMINATOR_WIDTH), "w2": (DISCRIMINATOR_WIDTH, 1), "b2": (1, 1)}
        self.generator = StackedParameters(generator, count, dtype)
        self.discriminator = StackedParameters(discriminator, count, dtype)
        self.generator_optimiser = StackedRMSProp(self.generator, config.learning_rate)
        self.discriminator_optimiser = StackedRMSProp(self.discriminator, config.learning_rate)
        self.matching = GradientNorms(TERMS, count)
        self.alphas = np.zeros((2, count))  # α_m, α_τ of every member
        # a column of zeros first: the smoothness terms do not touch the return
        forms = [np.pad(form, ((0, 0), (1, 0))) for form in roughness(grid)]
        self.forms = torch.from_numpy(np.stack(forms)).to(dtype)  # (2, N, 1 + N)
        self.penalty: torch.Tensor | None = None  # (members, N, 1 + N): α_m Q_m + α_τ Q_τ
        self.recording = False
        self._updates: dict[int, Update] = {}
        self._recent: deque[tuple[torch.Tensor, ...]] = deque(maxlen=MEMORY)
        self._latest: Update | None = None
        self.watch: TrainingMonitor | None = None  # looks on from outside at every report, with noise of its own

    def begin_phase(self, phase: str) -> None:
        """Initial weights, the same for either phase; training then fixes α_m and α_τ from the norms recorded."""
        initial = Streams(self.seed, self.members, "initial weights")
        g, d = self.generator.values, self.discriminator.values
        draw_linear(initial, g["w1"], fan_in=g["w1"].shape[1] - 1)
        draw_linear(initial, g["w2"], g["b2"], fan_in=g["w2"].shape[1])
        draw_linear(initial, g["w3"], g["b3"], fan_in=g["w3"].shape[1])
        draw_linear(initial, d["w1"], fan_in=d["w1"].shape[1] - 1)
        draw_linear(initial, d["w2"], d["b2"], fan_in=d["w2"].shape[1])
        self.generator_optimiser.reset()
        self.discriminator_optimiser.reset()
        self.recording = phase == MATCHING
        if phase == TRAINING and self.config.loss == "volgan":
            self._penalise(self.matching.coefficients())

    def batches(self) -> Sequence[torch.Tensor]:
        """Rows of an epoch's updates, ``(members, batch)`` each."""
        return loop.shuffled(self.streams, len(self.data), self.config.batch_size)

    def step(self, batch: torch.Tensor) -> None:
        """One update of the discriminators, then one of the generators, on rows ``(members, batch)``."""
        size = batch.shape[1]
        if size not in self._updates:
            self._updates[size] = Update(self.generator, self.discriminator, self.config.noise_dim, size)
        update = self._latest = self._updates[size]
        update.fill(self.data, batch, self.streams)
        update.generate()
        update.discriminator_gradient()
        self.discriminator_optimiser.step()
        if self.recording:
            self._record(update)
        update.adversarial_gradient()
        if self.penalty is not None:
            update.smoothness_gradient(self.penalty, keep=1)
        update.generator_gradient()
        self.generator_optimiser.step()
        real, fake = torch.split(update.d_logit.clone(), size, dim=1)
        self._recent.append((real, fake, update.d_own_logit.clone()))

    def losses(self) -> dict[str, float]:
        """Losses of the latest updates' batches, averaged over members; beside them what the watch sees, if any."""
        found = {name: float(values.mean()) for name, values in self.member_losses().items()}
        return found | (self.watch.figures(self.weights()) if self.watch is not None else {})

    def member_losses(self) -> dict[str, Floats]:
        """``(members,)`` of each loss: (1.2) and the adversarial part of (3.8) over the latest updates, L_m and L_τ
        of the latest fakes.
        """
        update = self._latest
        if update is None:
            return {}
        real, fake, own = (torch.cat(parts, dim=1) for parts in zip(*self._recent, strict=True))  # (members, n, 1)
        surface = update.today + update.move  # (members, batch, N)
        rough = torch.einsum("mbi,kij,mbj->km", surface, self.forms[:, :, 1:], surface) / update.batch
        found = {
            "discriminator": (softplus(-real).mean(dim=1) + softplus(fake).mean(dim=1))[:, 0] / 2,
            "generator": softplus(-own).mean(dim=1)[:, 0] / 2,
            "roughness in moneyness": rough[0],
            "roughness in maturity": rough[1],
        }
        return {name: values.double().numpy() for name, values in found.items()}

    def metrics(self) -> dict[str, float]:
        """Matched coefficients and last losses, averaged over members, for the card."""
        found = {
            f"final_{name.replace(' ', '_')}": float(values.mean()) for name, values in self.member_losses().items()
        }
        if self.penalty is not None:
            found["alpha_m"], found["alpha_tau"] = (float(alpha) for alpha in self.alphas.mean(axis=1))
        return found

    def weights(self) -> dict[str, NDArray[Any]]:
        """The weights as PyTorch's linear layers hold them, ``(members, out, in)`` and ``(members, out)``, copied."""
        g, d = self.generator.values, self.discriminator.values
        known = g["w1"].shape[1] - 1 - self.config.noise_dim
        found = {
            "generator.0.weight": g["w1"][:, :-1].mT,
            "generator.0.bias": g["w1"][:, -1],
            "generator.1.weight": g["w2"].mT,
            "generator.1.bias": g["b2"][:, 0],
            "generator.2.weight": g["w3"].mT,
            "generator.2.bias": g["b3"][:, 0],
            "discriminator.0.weight": torch.cat([d["w1"][:, :known], d["w1"][:, known + 1 :]], dim=1).mT,
            "discriminator.0.bias": d["w1"][:, known],
            "discriminator.1.weight": d["w2"].mT,
            "discriminator.1.bias": d["b2"][:, 0],
        }
        return {name: weight.numpy().copy(order="C") for name, weight in found.items()}

    def state(self) -> dict[str, NDArray[Any]]:
        """All that the next update depends on, the streams excepted."""
        return {
            **self.generator.state("generator"),
            **self.discriminator.state("discriminator"),
            **self.generator_optimiser.state("generator_squares"),
            **self.discriminator_optimiser.state("discriminator_squares"),
            GRADIENT_NORMS: self.matching.norms,
            ALPHAS: self.alphas,
            RECORDING: np.array([float(self.recording)]),
        }

    def restore(self, state: dict[str, NDArray[Any]]) -> None:
        """The inverse of :meth:`state`."""
        expected = {ALPHAS: self.alphas.shape, RECORDING: (1,)}
        check_arrays(state, expected, kind="a VolGAN training state")
        self.generator.restore(state, "generator")
        self.discriminator.restore(state, "discriminator")
        self.generator_optimiser.restore(state, "generator_squares")
        self.discriminator_optimiser.restore(state, "discriminator_squares")
        self.matching.restore(state.get(GRADIENT_NORMS, np.zeros(0)))
        self.recording = bool(state[RECORDING][0])
        if state[ALPHAS].any():
            self._penalise(state[ALPHAS])

    def _penalise(self, alphas: Floats) -> None:
        self.alphas = alphas
        self.penalty = torch.einsum("km,kij->mij", torch.from_numpy(alphas).to(self.forms.dtype), self.forms)

    def _record(self, update: Update) -> None:
        """The norms of ∇θ_g of BCE, L_m and L_τ, each by a backward pass of its own."""
        norms = []
        update.adversarial_gradient()
        update.generator_gradient()
        norms.append(self.generator.gradient_norms())
        for form in self.forms:
            update.smoothness_gradient(form.expand(len(self.members), -1, -1), keep=0)
            update.generator_gradient()
            norms.append(self.generator.gradient_norms())
        self.matching.record(torch.stack(norms).numpy())
