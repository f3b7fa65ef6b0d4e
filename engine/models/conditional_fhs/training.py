"""Training of conditional means and scales: a penalised Student likelihood, its gradient by hand, and the descent.

L-BFGS runs in rounds and forgets its memory between them, so that a fit stopped after any round and resumed ends
with the coefficients of an undisturbed one.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from engine.errors import CheckpointError
from engine.market.grid import Floats
from engine.settings import configuration, setting
from engine.training.progress import Checkpointer, OnStep, Progress, TrainingDiverged, TrainingStopped, check_arrays

ROUNDS, ITERATIONS = 8, 60
"""Rounds of descent at most, and iterations in a round."""

TOLERANCE = 1e-10
"""A round that lowers the loss by less than this share of it is the last."""

CENTRE_PENALTY = 1.0
"""Penalty of the intercepts: one day's worth."""

LEAST_SD = 1e-9
"""A feature that never varied in training is left out (its standardised value is zero)."""

ARRAYS = ("mean_intercept", "mean", "scale_intercept", "scale_common", "scale_own")


@configuration
class StudentConfig:
    """What learned corrections of factors depend on; shrinkages are in days of data."""

    scale_shrinkage: float = setting(
        1000.0, label="Shrinkage of the scale", help="Of the log-scale corrections.", low=0, high=1e12, unit="days"
    )
    clip: float = setting(
        3.0,
        label="Clip",
        help="Features further from their training mean than this count as this far (the state's excepted).",
        low=0.5,
        high=100.0,
        unit="sd",
        advanced=True,
    )
    tail: float = setting(
        5.0,
        label="Tail",
        help="Degrees of freedom of the Student law whose likelihood is maximised.",
        low=2.1,
        high=1000.0,
        advanced=True,
    )


def standardised(
    features: Floats, centre: Floats, spread: Floats, clip: float, *, unclipped: Sequence[int] = ()
) -> Floats:
    """Features ``(rows, f)`` over their training spread, clipped at ``clip`` except in the columns ``unclipped``."""
    varied = spread > LEAST_SD
    x: Floats = (features - centre) / np.where(varied, spread, 1.0) * varied
    clipped: Floats = np.clip(x, -clip, clip)
    clipped[:, list(unclipped)] = x[:, list(unclipped)]
    return clipped


def factors_of(state: Mapping[str, Floats], most: int) -> int:
    """K, the factors of the surface in a state.

    Raises:
        CheckpointError: if there are more than the settings allow, or none.
    """
    axes = state.get("axes")
    k = axes.shape[1] if axes is not None and axes.ndim == 2 else most
    if not 1 <= k <= most:
        raise CheckpointError(f"expected between 1 and {most} factors; found {k}")
    return k


@dataclass(frozen=True, eq=False)
class Coefficients:
    """The learned corrections: m_t = b + x_t B, h_t = c + (x_t·u) 1 + x_t U.

    Args:
        mean_intercept: ``(1 + K,)`` b.
        mean: ``(features, 1 + K)`` B.
        scale_intercept: ``(1 + K,)`` c.
        scale_common: ``(features,)`` u, one correction of the scale shared by all factors.
        scale_own: ``(features, 1 + K)`` U, each factor's departure from it.
    """

    mean_intercept: Floats
    mean: Floats
    scale_intercept: Floats
    scale_common: Floats
    scale_own: Floats

    def corrections(self, x_mean: Floats, x_scale: Floats) -> tuple[Floats, Floats]:
        """Mean m and log-scale h of the factors, ``(rows, 1 + K)`` each, from features ``(rows, ·)``."""
        m = self.mean_intercept + x_mean @ self.mean
        h = self.scale_intercept + (x_scale @ self.scale_common)[:, None] + x_scale @ self.scale_own
        return m, h

    def flat(self) -> Floats:
        """All coefficients in one vector."""
        return np.concatenate([getattr(self, name).ravel() for name in ARRAYS])


class Objective:
    """Minus the penalised log likelihood of factors f_t ~ m_t + e^{h_t} ε, ε Student with ν degrees of freedom.

    Σ_t Σ_k [h + ½(ν + 1) log(1 + u²/ν)] + ½ Σ_j p_j θ_j²,  u = (f − m) e^{−h}. With features of unit variance a
    penalty p is worth p days of data at the value zero, where the model is filtered historical simulation.

    Args:
        x_mean, x_scale: ``(rows, ·)`` standardised features.
        factors: ``(rows, 1 + K)``.
        mean_penalty: ``(features, 1 + K)`` for B.
        common_penalty, own_penalty: for u and U.
        tail: ν.

    References:
        Lange, Little and Taylor (1989), Robust statistical modeling using the t distribution, JASA 84.
    """

    def __init__(
        self,
        x_mean: Floats,
        x_scale: Floats,
        factors: Floats,
        *,
        mean_penalty: Floats,
        common_penalty: float,
        own_penalty: float,
        tail: float,
    ) -> None:
        self.x_mean, self.x_scale, self.factors, self.tail = x_mean, x_scale, factors, tail
        k, mean, scale = factors.shape[1], x_mean.shape[1], x_scale.shape[1]
        self.shapes = {
            "mean_intercept": (k,),
            "mean": (mean, k),
            "scale_intercept": (k,),
            "scale_common": (scale,),
            "scale_own": (scale, k),
        }
        sizes = [math.prod(shape) for shape in self.shapes.values()]
        self.ends = np.cumsum(sizes)
        parts = (np.full(k, CENTRE_PENALTY), mean_penalty.ravel(), np.full(k, CENTRE_PENALTY))
        self.penalty = np.concatenate([*parts, np.full(scale, common_penalty), np.full(scale * k, own_penalty)])

    @property
    def size(self) -> int:
        """Number of coefficients."""
        return int(self.ends[-1])

    def coefficients(self, flat: Floats) -> Coefficients:
        """The named arrays of a vector."""
        parts = np.split(flat, self.ends[:-1])
        return Coefficients(*(part.reshape(self.shapes[name]) for name, part in zip(ARRAYS, parts, strict=True)))

    def __call__(self, flat: Floats) -> tuple[float, Floats]:
        """Loss and gradient ``(size,)``."""
        m, h = self.coefficients(flat).corrections(self.x_mean, self.x_scale)
        shrink = np.exp(-h)
        u = (self.factors - m) * shrink
        q = u * u / self.tail
        loss = float((h + (self.tail + 1) / 2 * np.log1p(q)).sum() + (self.penalty * flat * flat).sum() / 2)
        pull = (self.tail + 1) / self.tail * u / (1 + q)  # derivative of the loss in u
        by_m, by_h = -pull * shrink, 1 - pull * u
        parts = (by_m.sum(0), self.x_mean.T @ by_m, by_h.sum(0), self.x_scale.T @ by_h.sum(1), self.x_scale.T @ by_h)
        gradient = np.concatenate([part.ravel() for part in parts]) + self.penalty * flat
        return loss, gradient


def descend(
    objective: Objective, *, identity: str, on_step: OnStep | None = None, checkpointer: Checkpointer | None = None
) -> tuple[Coefficients, int, float]:
    """Minimise from zero, where the corrections vanish.

    Returns:
        Coefficients, iterations made, loss per row and factor.

    Raises:
        TrainingStopped: if ``on_step`` asked to stop; the checkpointer then holds the state to resume from.
        TrainingDiverged: if the loss is not finite.
        CheckpointError: if the checkpointer's state is of another fit.
    """
    mark = np.frombuffer(hashlib.sha256(identity.encode()).digest(), dtype=np.uint8)
    flat, rounds, steps = np.zeros(objective.size), 0, 0
    kept = checkpointer.load() if checkpointer is not None else None
    if kept is not None:
        flat, rounds, steps = _resume(kept, objective.size, mark)
    count = objective.factors.size
    loss, _ = objective(flat)
    while rounds < ROUNDS:
        found = minimize(objective, flat, jac=True, method="L-BFGS-B", options={"maxiter": ITERATIONS})
        flat, steps, rounds = found.x, steps + int(found.nit), rounds + 1
        gained, loss = loss - float(found.fun), float(found.fun)
        if not math.isfinite(loss) or not np.isfinite(flat).all():
            raise TrainingDiverged("expected a finite likelihood; found another: check the data for extreme moves")
        done = bool(found.success) and gained <= TOLERANCE * abs(loss)
        if done:
            rounds = ROUNDS
        if checkpointer is not None:
            position = np.array([rounds, steps], dtype=np.int64)
            checkpointer.save({"hybrid.flat": flat, "hybrid.position": position, "hybrid.identity": mark})
        stop = on_step is not None and on_step(Progress("training", rounds, ROUNDS, {"loss": loss / count}))
        if stop and rounds < ROUNDS:
            raise TrainingStopped(f"stopped after {rounds} of {ROUNDS} rounds")
    return objective.coefficients(flat), steps, loss / count


def _resume(kept: dict[str, NDArray[np.generic]], size: int, mark: NDArray[np.uint8]) -> tuple[Floats, int, int]:
    check_arrays(kept, {"hybrid.flat": (size,)}, kind="an interrupted fit")
    position, identity = kept.get("hybrid.position"), kept.get("hybrid.identity")
    if position is None or position.shape != (2,) or identity is None or not np.array_equal(identity, mark):
        raise CheckpointError(
            "expected the interrupted state of this fit; found one with other data, another seed or other settings"
        )
    return np.asarray(kept["hybrid.flat"], dtype=np.float64), int(position[0]), int(position[1])
