"""VolGAN: a conditional GAN of the next day's return and implied volatility surface (Ch3).

Training is in ``training`` and imported by :meth:`VolGAN.fit` alone, so that showing scenarios never imports torch.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np

from engine.errors import CheckpointError, SettingsError
from engine.market.grid import Floats, Grid
from engine.market.surface_history import FIRST_CONDITION_ROW, SurfaceHistory
from engine.models.conditional_fhs.filter import RealisedVol
from engine.models.rollout import Chain, Day
from engine.models.surface_model import FitReport, SurfaceModel, Tensors
from engine.models.volgan.generator import (
    ANNUAL,
    GRADIENT_NORMS,
    Singles,
    VolGANConfig,
    condition_rows,
    conditions,
    generated,
    scenarios_of,
    softplus,
    targets,
    weight_shapes,
)
from engine.scenarios.scenario_set import ScenarioSet
from engine.training.progress import Checkpointer, OnStep, check_arrays


class VolGAN(SurfaceModel):
    """Conditional GAN of (R_t, Δg_t) given a_t = (√252·R_{t−Δ}, √252·R_{t−2Δ}, γ_{t−Δ}, g_t) (3.4).

    Generator: noise and condition → 16 softplus → 32 softplus → 1 + N. Discriminator: condition and target →
    16 softplus → 1 logit. The condition row t is today: R_{t−Δ} is the return that ended at t.

    With several members every set of scenarios mixes them equally: scenario i comes from member i mod members.

    References:
        Vuletić and Cont (2024), VolGAN; SPEC 2.
    """

    name: ClassVar[str] = "volgan"
    Config: ClassVar[type] = VolGANConfig

    def __init__(self, config: VolGANConfig | None = None) -> None:
        super().__init__(config)
        self._weights: dict[str, Singles] = {}
        self._gradient_norms: Floats = np.zeros((0, 3, self.config.members))

    def fit(
        self,
        history: SurfaceHistory,
        *,
        seed: int,
        on_step: OnStep | None = None,
        checkpointer: Checkpointer | None = None,
    ) -> FitReport:
        """Train on every condition row of a history, as SPEC 2 says.

        The report's metrics: ``alpha_m``, ``alpha_tau`` (mean over members), the final losses, and
        ``return_sd_ratio``, ``return_day_sd_ratio``, ``surface_sd_ratio``: the standard deviation of generated
        returns (over all days; within a day) and log-vol increments over that of the data, near 0 for a collapsed
        generator.

        Raises:
            MarketDataError: if the history has fewer than 24 days.
            TrainingStopped: if ``on_step`` asked to stop; the checkpointer then holds the state to resume from.
            TrainingDiverged: if losses or weights are no longer finite.
            CheckpointError: if the checkpointer's state is of another fit.
        """
        from engine.models.volgan import training

        trained = training.train(history, self.config, seed=seed, on_step=on_step, checkpointer=checkpointer)
        self.restore(trained.state, history.grid)
        rows = condition_rows(history)
        return FitReport(
            steps=trained.steps,
            seconds=trained.seconds,
            trained_on=(str(history.dates[rows[0]]), str(history.dates[rows[-1]])),
            metrics={**trained.metrics, **self._spread(history, np.random.default_rng(seed))},
        )

    def sample(self, condition: SurfaceHistory, n: int, *, rng: np.random.Generator) -> ScenarioSet:
        """n scenarios of the day after the last row of ``condition`` (at least 23 days)."""
        grid = self._checked(condition, n)
        today = condition[max(0, len(condition) - FIRST_CONDITION_ROW - 1) :]  # all that a condition depends on
        log_return, log_iv = scenarios_of(self._weights, grid, conditions(today, [-1]), n, rng)
        return ScenarioSet(log_return[0], log_iv[0], grid, provenance=self._provenance(today))

    def sample_days(
        self, history: SurfaceHistory, rows: Sequence[int], n: int, *, rng: np.random.Generator
    ) -> ScenarioSet:
        """n scenarios from each condition row, the same as :meth:`sample` row after row with the same ``rng``."""
        grid = self._checked(history, n)
        log_return, log_iv = scenarios_of(self._weights, grid, conditions(history, rows), n, rng)
        return ScenarioSet(log_return, log_iv, grid, provenance=self._provenance_of_days(history, rows))

    @property
    def components(self) -> int:
        """Members: a set of scenarios holds each of them equally often."""
        return int(self.config.members)

    def chain(self, condition: SurfaceHistory, n: int) -> Chain:
        """Paths that carry what a condition depends on: two returns, 21 squared ones, and the surface."""
        self._checked(condition, n)
        conditions(condition, [-1])
        return VolGANChain(self._weights, condition, n)

    def score(self, history: SurfaceHistory, rows: Sequence[int]) -> Floats:
        """``(len(rows),)`` the discriminator's probability that what followed each condition row is real.

        Averaged over members. Low scores mark days unlike any the discriminator saw (3.3).

        Raises:
            MarketDataError: if a row has no condition or no day after it.
        """
        self._checked(history, 1)
        a, y = conditions(history, rows), targets(history, rows)
        w = self._weights
        x = np.concatenate([a, y], axis=1).astype(np.float32)  # (rows, condition + target)
        hidden = softplus(x @ w["discriminator.0.weight"].swapaxes(1, 2) + w["discriminator.0.bias"][:, None])
        logit = hidden @ w["discriminator.1.weight"].swapaxes(1, 2) + w["discriminator.1.bias"][:, None]
        scores: Floats = (0.5 + 0.5 * np.tanh(logit[..., 0].astype(np.float64) / 2)).mean(axis=0)
        return scores

    def member(self, index: int) -> VolGAN:
        """One of the stacked networks as a model of its own.

        Raises:
            SettingsError: if there is no such member.
        """
        if not 0 <= index < self.config.members:
            raise SettingsError(f"expected a member between 0 and {self.config.members - 1}; found {index}")
        one = VolGAN(dataclasses.replace(self.config, members=1))
        one._grid = self._grid
        one._weights = {name: array[index : index + 1] for name, array in self._weights.items()}
        one._gradient_norms = self._gradient_norms[:, :, index : index + 1]
        return one

    @property
    def gradient_norms(self) -> Floats:
        """``(updates, 3, members)`` norms of ∇θ_g of the BCE, L_m and L_τ terms during matching (Figure 3.2)."""
        return self._gradient_norms

    def state(self) -> Tensors:
        """Weights as PyTorch's linear layers hold them, with a leading member axis, and the matching's norms."""
        self._fitted()
        return {**self._weights, GRADIENT_NORMS: self._gradient_norms}

    def restore(self, state: Tensors, grid: Grid) -> None:
        """Take over the weights of a checkpoint; an error leaves the model as it was."""
        shapes = weight_shapes(self.config, grid)
        norms = state.get(GRADIENT_NORMS, np.zeros((0, 3, self.config.members)))
        expected = {**shapes, GRADIENT_NORMS: (len(norms) if norms.ndim else 0, 3, self.config.members)}
        check_arrays({**state, GRADIENT_NORMS: norms}, expected, kind=f"VolGAN weights for {grid!r}")
        unknown = sorted(set(state) - set(expected))
        if unknown:
            raise CheckpointError(f"expected VolGAN weights only; found the array {unknown[0][:60]!r}")
        self._grid = grid
        self._weights = {name: np.ascontiguousarray(state[name], dtype=np.float32) for name in shapes}
        self._gradient_norms = np.asarray(norms, dtype=np.float64)

    def _spread(self, history: SurfaceHistory, rng: np.random.Generator) -> dict[str, float]:
        """How widely the generator spreads, against the training targets: about 1, or near 0 if it collapsed."""
        rows = condition_rows(history)
        real = targets(history, rows)
        some = rows[np.linspace(0, len(rows) - 1, min(len(rows), 250)).astype(int)]
        a = conditions(history, some)
        log_return, log_iv = scenarios_of(self._weights, self._fitted(), a, 40 * self.config.members, rng)
        moves = history.grid.flatten(log_iv) - a[:, None, 3:].astype(np.float32)  # (days, n, N)
        data_sd = float(real[:, 0].std() / ANNUAL)
        found = {
            "return_sd": float(log_return.std()),
            "return_sd_data": data_sd,
            "return_sd_ratio": float(log_return.std()) / data_sd if data_sd > 0 else None,
            "return_day_sd_ratio": float(log_return.std(axis=1).mean()) / data_sd if data_sd > 0 else None,
        }
        move_sd = real[:, 1:].std(axis=0)
        if move_sd.min() > 0:
            found["surface_sd_ratio"] = float((moves.reshape(-1, moves.shape[-1]).std(axis=0) / move_sd).mean())
        return {name: value for name, value in found.items() if value is not None}

    def _fitted(self) -> Grid:
        if self._grid is None:
            raise CheckpointError("expected a fitted or restored VolGAN; found one without weights")
        return self._grid


class VolGANChain(Chain):
    """VolGAN walked day by day: n paths that carry R_{t−Δ}, R_{t−2Δ}, the 21 squared returns of γ_{t−Δ}, and g_t (3.4).

    With several members each path takes one at random every day: the next day's law is their equal mixture.

    Args:
        weights: of the fitted model, a leading axis of members.
        condition: the history known today, at least 23 days.
        n: number of paths.
    """

    def __init__(self, weights: Mapping[str, Singles], condition: SurfaceHistory, n: int) -> None:
        self._members = [
            {name: array[k] for name, array in weights.items()} for k in range(len(weights["generator.0.weight"]))
        ]
        self._returns = np.tile(condition.log_return[:-3:-1], (n, 1))  # (n, 2), the latest first
        self._realised = RealisedVol(condition.log_return, n)
        self._log_iv = np.tile(condition.grid.flatten(condition.log_iv[-1]), (n, 1)).astype(np.float32)

    def step(self, rng: np.random.Generator) -> Day:
        """The generator's output on every path, from fresh noise."""
        a = np.column_stack([ANNUAL * self._returns, self._realised.value])
        condition = np.concatenate([a.astype(np.float32), self._log_iv], axis=1)  # (n, 3 + N)
        n, members = len(condition), len(self._members)
        member = rng.integers(members, size=n) if members > 1 else np.zeros(n, dtype=np.int64)
        noise_dim = self._members[0]["generator.0.weight"].shape[1] - condition.shape[1]
        y = np.empty((n, 1 + self._log_iv.shape[1]), dtype=np.float32)
        for k, w in enumerate(self._members):
            own = condition[member == k]
            y[member == k] = generated(w, own, rng.standard_normal((len(own), noise_dim), dtype=np.float32))
        log_return: Floats = (y[:, 0] / np.float32(ANNUAL)).astype(np.float64)
        self._log_iv = self._log_iv + y[:, 1:]
        self._returns = np.column_stack([log_return, self._returns[:, 0]])
        self._realised.update(log_return)
        return Day(log_return, self._log_iv.astype(np.float64))
