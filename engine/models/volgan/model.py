"""VolGAN: a conditional GAN of the next day's return and implied volatility surface (Ch3).

Sampling and scoring run in numpy from the weights, so that showing scenarios never imports torch; training is in
``volgan_training`` and imported by :meth:`VolGAN.fit` alone.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine.errors import CheckpointError, MarketDataError, SettingsError
from engine.market.grid import Floats, Grid
from engine.market.returns import TRADING_DAYS
from engine.market.surface_history import FIRST_CONDITION_ROW, SurfaceHistory
from engine.models.surface_model import FitReport, SurfaceModel, Tensors
from engine.scenarios.scenario_set import ScenarioSet
from engine.settings import configuration, setting
from engine.training.progress import Checkpointer, OnStep, check_arrays

if TYPE_CHECKING:
    from engine.models.rollout import Chain

GENERATOR_WIDTHS = (16, 32)
"""Hidden layers of the generator (3.2.4)."""

DISCRIMINATOR_WIDTH = 16
"""Hidden layer of the discriminator (3.2.4)."""

ANNUAL = np.sqrt(TRADING_DAYS)
"""Returns are annualised (×√252) inside the network."""

BLOCK = 4096
"""Scenarios computed at a time: their hidden layers stay in the processor's cache."""

LEAST_DAYS = FIRST_CONDITION_ROW + 2
"""A fit needs one condition row and the day after it."""

GRADIENT_NORMS = "matching.gradient_norms"

Singles = NDArray[np.float32]


@configuration
class VolGANConfig:
    """VolGAN as published (SPEC 2); ``loss="bce"`` is the plain conditional GAN without smoothness terms."""

    loss: str = setting(
        "volgan",
        label="Generator loss",
        help="volgan: adversarial loss plus smoothness along moneyness and maturity, weighted by gradient-norm "
        "matching (3.8); bce: the adversarial loss alone.",
        choices=("volgan", "bce"),
    )
    epochs: int = setting(
        10_000, label="Epochs", help="Passes over the training days.", low=1, high=1_000_000, extends=True
    )
    members: int = setting(
        1,
        label="Networks",
        help="Networks trained side by side from different seeds; scenarios are drawn from all of them equally.",
        low=1,
        high=64,
    )
    batch_size: int = setting(
        100, label="Batch size", help="Training days in one update.", low=1, high=10_000, unit="days"
    )
    learning_rate: float = setting(
        1e-4,
        label="Learning rate",
        help="RMSProp step of generator and discriminator.",
        low=1e-7,
        high=0.1,
        advanced=True,
    )
    matching_epochs: int = setting(
        25,
        label="Matching epochs",
        help="Epochs on the adversarial loss alone in which the gradient norms are measured, before training "
        "restarts from the same initial weights.",
        low=1,
        high=10_000,
        advanced=True,
    )
    noise_dim: int = setting(
        32, label="Noise dimension", help="Gaussian inputs of the generator.", low=1, high=1024, advanced=True
    )


class VolGAN(SurfaceModel):
    """Conditional GAN of (R_t, Δg_t) given a_t = (√252·R_{t−Δ}, √252·R_{t−2Δ}, γ_{t−Δ}, g_t) (3.4).

    Generator: noise and condition → 16 softplus → 32 softplus → 1 + N. Discriminator: condition and target →
    16 softplus → 1 logit. The condition row t is today: R_{t−Δ} is the return that ended at t.

    With several members every set of scenarios mixes them equally: scenario i comes from member i mod members.

    References:
        Vuletić and Cont (2024), VolGAN; SPEC 2.
    """

    name: ClassVar[str] = "volgan"
    label: ClassVar[str] = "VolGAN"
    Config: ClassVar[type] = VolGANConfig

    def __init__(self, config: VolGANConfig | None = None) -> None:
        super().__init__(config)
        self._grid: Grid | None = None
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
        from engine.models.volgan import training as volgan_training

        trained = volgan_training.train(history, self.config, seed=seed, on_step=on_step, checkpointer=checkpointer)
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
        self._check(condition, n)
        today = condition[max(0, len(condition) - FIRST_CONDITION_ROW - 1) :]  # all that a condition depends on
        log_return, log_iv = self.scenarios_of(conditions(today, [-1]), n, rng)
        provenance = {
            "model": self.name,
            "condition_date": str(today.dates[-1]),
            "spot": float(today.spot[-1]),
            "rate": float(today.rate[-1]),
        }
        return ScenarioSet(log_return[0], log_iv[0], condition.grid, provenance=provenance)

    def sample_days(
        self, history: SurfaceHistory, rows: Sequence[int], n: int, *, rng: np.random.Generator
    ) -> ScenarioSet:
        """n scenarios from each condition row, the same as :meth:`sample` row after row with the same ``rng``."""
        self._check(history, n)
        log_return, log_iv = self.scenarios_of(conditions(history, rows), n, rng)
        provenance = {"model": self.name, "condition_dates": [str(history.dates[row]) for row in rows]}
        return ScenarioSet(log_return, log_iv, history.grid, provenance=provenance)

    @property
    def components(self) -> int:
        """Members: a set of scenarios holds each of them equally often."""
        return int(self.config.members)

    def chain(self, condition: SurfaceHistory, n: int) -> Chain:
        """Paths that carry what a condition depends on: two returns, 21 squared ones, and the surface."""
        from engine.models.volgan.chain import VolGANChain

        self._check(condition, n)
        conditions(condition, [-1])
        return VolGANChain(self._weights, condition, n)

    def score(self, history: SurfaceHistory, rows: Sequence[int]) -> Floats:
        """``(len(rows),)`` the discriminator's probability that what followed each condition row is real.

        Averaged over members. Low scores mark days unlike any the discriminator saw (3.3).

        Raises:
            MarketDataError: if a row has no condition or no day after it.
        """
        self._check(history, 1)
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

    def scenarios_of(self, a: Floats, n: int, rng: np.random.Generator) -> tuple[Singles, Singles]:
        """Scenarios of given conditions, n each; scenario i comes from member i mod members.

        Args:
            a: ``(days, 3 + N)`` as :func:`conditions` gives them.
            n: scenarios of each.
            rng: source of randomness.

        Returns:
            Log-returns ``(days, n)`` and tomorrow's log vols ``(days, n, n_moneyness, n_maturity)``.
        """
        assert self._grid is not None
        size, members = self._grid.size, self.config.members
        log_return = np.empty((len(a), n), dtype=np.float32)
        log_iv = np.empty((len(a), n, size), dtype=np.float32)
        for day, condition in enumerate(a.astype(np.float32)):
            for k in range(members):
                w = {name: array[k] for name, array in self._weights.items()}
                _generate(w, condition, log_return[day, k::members], log_iv[day, k::members], rng)
        return log_return, log_iv.reshape(*log_return.shape, *self._grid.shape)

    def _spread(self, history: SurfaceHistory, rng: np.random.Generator) -> dict[str, float]:
        """How widely the generator spreads, against the training targets: about 1, or near 0 if it collapsed."""
        rows = condition_rows(history)
        real = targets(history, rows)
        some = rows[np.linspace(0, len(rows) - 1, min(len(rows), 250)).astype(int)]
        a = conditions(history, some)
        log_return, log_iv = self.scenarios_of(a, 40 * self.config.members, rng)
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

    def _check(self, history: SurfaceHistory, n: int) -> None:
        grid = self._fitted()
        if n < 1:
            raise SettingsError(f"expected at least one scenario; found {n}")
        if history.grid != grid:
            raise MarketDataError(f"expected surfaces on the model's grid, {grid!r}; found {history.grid!r}, or others")


def condition_rows(history: SurfaceHistory) -> NDArray[np.int64]:
    """The rows a fit uses as conditions: from row 22 (γ needs 21 returns) to the last but one.

    Raises:
        MarketDataError: if there is none.
    """
    if len(history) < LEAST_DAYS:
        raise MarketDataError(
            f"expected at least {LEAST_DAYS} days of surfaces ({FIRST_CONDITION_ROW} before the first condition, "
            f"one after the last); found {len(history)}"
        )
    return np.arange(FIRST_CONDITION_ROW, len(history) - 1)


def conditions(history: SurfaceHistory, rows: ArrayLike) -> Floats:
    """``(len(rows), 3 + N)`` a_t = (√252·R_{t−Δ}, √252·R_{t−2Δ}, γ_{t−Δ}, g_t), all known at the close of t (3.4).

    Raises:
        MarketDataError: if a row is outside the history or has fewer than 22 days before it.
    """
    t = _rows(history, rows, last=len(history) - 1)
    ended = history.log_return  # [t − 1] is the return that ended at t
    numbers = [ANNUAL * ended[t - 1], ANNUAL * ended[t - 2], history.realised_vol[t]]
    return np.concatenate([np.stack(numbers, axis=1), history.grid.flatten(history.log_iv[t])], axis=1)


def targets(history: SurfaceHistory, rows: ArrayLike) -> Floats:
    """``(len(rows), 1 + N)`` what followed: (√252·R_t, Δg_t).

    Raises:
        MarketDataError: if a row has no day after it.
    """
    t = _rows(history, rows, last=len(history) - 2)
    moves = history.grid.flatten(history.log_iv[t + 1] - history.log_iv[t])
    return np.concatenate([ANNUAL * history.log_return[t][:, None], moves], axis=1)


def weight_shapes(config: VolGANConfig, grid: Grid) -> dict[str, tuple[int, ...]]:
    """Name → shape ``(members, out, in)`` or ``(members, out)`` of every array of weights."""
    a, y, (h1, h2) = 3 + grid.size, 1 + grid.size, GENERATOR_WIDTHS
    layers = {
        "generator.0": (config.noise_dim + a, h1),
        "generator.1": (h1, h2),
        "generator.2": (h2, y),
        "discriminator.0": (a + y, DISCRIMINATOR_WIDTH),
        "discriminator.1": (DISCRIMINATOR_WIDTH, 1),
    }
    shapes: dict[str, tuple[int, ...]] = {}
    for name, (inputs, outputs) in layers.items():
        shapes[f"{name}.weight"] = (config.members, outputs, inputs)
        shapes[f"{name}.bias"] = (config.members, outputs)
    return shapes


def softplus(x: Singles) -> Singles:
    """log(1 + eˣ) = max(x, 0) + log1p(e^−|x|), without overflow; overwrites x."""
    tail = np.abs(x)
    np.negative(tail, out=tail)
    np.exp(tail, out=tail)
    np.log1p(tail, out=tail)
    np.maximum(x, 0, out=x)
    x += tail
    return x


def generated(w: Mapping[str, Singles], condition: Singles, noise: Singles) -> Singles:
    """``(n, 1 + N)`` (√252·R, Δg) of one member's generator from noise ``(n, noise_dim)``.

    Args:
        w: the member's weights.
        condition: ``(3 + N,)`` of all n, or ``(n, 3 + N)`` of each.
        noise: standard normal.
    """
    first, noise_dim = w["generator.0.weight"], noise.shape[1]
    from_condition = condition @ first[:, noise_dim:].T + w["generator.0.bias"]
    hidden = softplus(noise @ first[:, :noise_dim].T + from_condition)  # (n, 16)
    hidden = softplus(hidden @ w["generator.1.weight"].T + w["generator.1.bias"])  # (n, 32)
    y: Singles = hidden @ w["generator.2.weight"].T + w["generator.2.bias"]
    return y


def _generate(
    w: Mapping[str, Singles], condition: Singles, log_return: Singles, log_iv: Singles, rng: np.random.Generator
) -> None:
    """Fill returns ``(n,)`` and tomorrow's log vols ``(n, N)`` of one condition from one member's generator."""
    noise_dim = w["generator.0.weight"].shape[1] - len(condition)
    for start in range(0, len(log_return), BLOCK):
        part = slice(start, start + BLOCK)
        y = generated(w, condition, rng.standard_normal((len(log_return[part]), noise_dim), dtype=np.float32))
        np.divide(y[:, 0], np.float32(ANNUAL), out=log_return[part])
        np.add(y[:, 1:], condition[3:], out=log_iv[part])


def _rows(history: SurfaceHistory, rows: ArrayLike, last: int) -> NDArray[np.int64]:
    if last < FIRST_CONDITION_ROW:
        needed = FIRST_CONDITION_ROW + len(history) - last
        raise MarketDataError(f"expected at least {needed} days of surfaces for a condition; found {len(history)}")
    t = np.asarray(rows, dtype=np.int64).reshape(-1)
    t = np.where(t < 0, t + len(history), t)
    if len(t) == 0 or t.min() < FIRST_CONDITION_ROW or t.max() > last:
        found = "none" if len(t) == 0 else f"rows {t.min()} to {t.max()}"
        raise MarketDataError(
            f"expected rows between {FIRST_CONDITION_ROW} and {last} of {len(history)} days "
            f"(a condition needs {FIRST_CONDITION_ROW} days before it); found {found}"
        )
    return t
