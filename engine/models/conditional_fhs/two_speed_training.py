"""The two-speed model's members: what each looks at, and how their corrections are learned."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np

from engine.errors import CheckpointError
from engine.market.grid import Floats
from engine.models.conditional_fhs.hybrid_training import Objective, descend
from engine.models.conditional_fhs.two_speed_features import (
    NAMES,
    SCALE_FEATURES,
    STATE_FEATURES,
    TREND_FEATURES,
)
from engine.training.progress import Checkpointer, OnStep, Progress, TrainingStopped, check_arrays

LEAST_SD = 1e-9
"""A feature that never varied in training is left out (its standardised value is zero)."""

ARRAYS = ("mean_intercept", "mean", "scale_intercept", "scale")

UNCLIPPED = np.isin(np.array(NAMES), STATE_FEATURES)


@dataclass(frozen=True)
class Member:
    """One expert.

    Args:
        label: what it is called.
        features: of its conditional mean.
        scaled: whether its scale is learned too.
        alike: whether residuals of days like today count more.
    """

    label: str
    features: tuple[str, ...]
    scaled: bool
    alike: bool


MEMBERS = tuple(
    Member(f"{label}, {'learned' if scaled else 'plain'} scale", features, scaled, alike)
    for label, features, alike in (("trend", TREND_FEATURES, False), ("state", STATE_FEATURES, True))
    for scaled in (False, True)
)
"""Two means, each with and without a learned scale."""


@dataclass(frozen=True)
class Shrinkage:
    """Penalties in days of data: a correction is halved when the data weigh as much."""

    mean: float
    state: float
    return_factor: float
    scale: float
    tail: float


@dataclass(frozen=True, eq=False)
class Corrections:
    """Mean and log scale of each member, linear in standardised features x: m = b + xB, h = c + xU.

    Args:
        mean_intercept, scale_intercept: ``(E, 1 + K)`` b and c.
        mean, scale: ``(E, len(NAMES), 1 + K)`` B and U, zero at features a member does not use.
    """

    mean_intercept: Floats
    mean: Floats
    scale_intercept: Floats
    scale: Floats

    def of(self, x: Floats) -> tuple[Floats, Floats]:
        """``(E, rows, 1 + K)`` m and h from ``(rows, len(NAMES))`` standardised features."""
        return self.mean_intercept[:, None] + x @ self.mean, self.scale_intercept[:, None] + x @ self.scale


def standardised(features: Floats, centre: Floats, spread: Floats, clip: float) -> Floats:
    """Features over their training spread, clipped at ``clip``; those of the state are not clipped."""
    varied = spread > LEAST_SD
    x: Floats = (features - centre) / np.where(varied, spread, 1.0) * varied
    return np.where(UNCLIPPED, x, np.clip(x, -clip, clip))


def learn(
    x: Floats,
    factors: Floats,
    spread: Floats,
    shrinkage: Shrinkage,
    *,
    identity: str,
    on_step: OnStep | None = None,
    checkpointer: Checkpointer | None = None,
) -> tuple[Corrections, int, Floats]:
    """Each member's penalised Student likelihood, one after the other, from no correction.

    Args:
        x: ``(rows, len(NAMES))`` standardised features.
        factors: ``(rows, 1 + K)`` what followed.
        spread: ``(len(NAMES),)`` of the features in their own units: the state's penalty is on those.
        shrinkage: the penalties.
        identity: of the fit, so that another's kept state is refused.
        on_step: told of progress after each member.
        checkpointer: keeps the members done.

    Returns:
        Corrections, iterations made, and ``(E,)`` losses per day and factor.

    Raises:
        TrainingStopped: if ``on_step`` asked to stop; the checkpointer then holds the members done.
        CheckpointError: if the checkpointer's state is of another fit.
    """
    scale_columns, k = _columns(SCALE_FEATURES), factors.shape[1]
    found = Corrections(*(np.zeros((len(MEMBERS), *shape)) for shape in ((k,), (len(NAMES), k)) * 2))
    mark = np.frombuffer(hashlib.sha256(identity.encode()).digest(), dtype=np.uint8)
    kept = dict(checkpointer.load() or {}) if checkpointer is not None else {}
    if kept and not np.array_equal(kept.get("two_speed.identity", np.zeros(0)), mark):
        raise CheckpointError(
            "expected the interrupted state of this fit; found one with other data, another seed or other settings"
        )
    kept["two_speed.identity"] = mark
    steps, losses = 0, np.zeros(len(MEMBERS))
    for i, member in enumerate(MEMBERS):
        columns = _columns(member.features)
        scales = scale_columns if member.scaled else []
        penalty = np.full((len(columns), k), shrinkage.mean)
        state = np.isin(np.array(member.features), STATE_FEATURES)
        penalty[state] = (shrinkage.state / np.maximum(spread[columns][state], LEAST_SD) ** 2)[:, None]
        penalty[:, 0] *= shrinkage.return_factor
        objective = Objective(
            x[:, columns],
            x[:, scales],
            factors,
            mean_penalty=penalty,
            common_penalty=shrinkage.scale,
            own_penalty=shrinkage.scale,
            tail=shrinkage.tail,
        )
        name = f"two_speed.{i}"
        if name in kept:
            check_arrays({name: kept[name]}, {name: (objective.size,)}, kind="an interrupted fit")
            one = objective.coefficients(np.asarray(kept[name], dtype=np.float64))
        else:
            one, made, _ = descend(objective, identity=identity)
            steps += made
            kept[name] = one.flat()
        losses[i] = objective(one.flat())[0] / factors.size
        found.mean_intercept[i], found.mean[i, columns] = one.mean_intercept, one.mean
        found.scale_intercept[i], found.scale[i, scales] = (
            one.scale_intercept,
            one.scale_common[:, None] + one.scale_own,
        )
        if checkpointer is not None:
            checkpointer.save(kept)
        progress = Progress("training", i + 1, len(MEMBERS), {"loss": float(losses[i])})
        if on_step is not None and on_step(progress) and i + 1 < len(MEMBERS):
            raise TrainingStopped(f"stopped after {i + 1} of {len(MEMBERS)} members")
    return found, steps, losses


def _columns(names: tuple[str, ...]) -> list[int]:
    return [NAMES.index(name) for name in names]
