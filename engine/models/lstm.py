"""The LSTM benchmarks: point forecasts by a small recurrent network, on squared error or on what they earn (5.17).

LSTM is trained on MSE alone; LSTM-Fin adds PnL*, SR* or STD with coefficients from gradient-norm matching. Free of
torch; training is in ``lstm_training``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine.errors import CheckpointError, MarketDataError
from engine.market.grid import Floats
from engine.models.fingan import (
    MSE,
    PNL,
    SR,
    STD,
    WIDTH,
    Loss,
    Member,
    Shapes,
    Singles,
    matching_members,
    pack_members,
    size,
    unpack_members,
    views,
)
from engine.training.progress import check_arrays

LSTM_TERMS = ("mse", "pnl", "sr", "std")
"""The reference of gradient-norm matching first."""

FIN_COMBINATIONS: dict[str, Loss] = {
    "MSE&PnL": (MSE, PNL),
    "MSE&PnL&STD": (MSE, PNL, STD),
    "MSE&PnL&SR": (MSE, PNL, SR),
    "MSE&SR": (MSE, SR),
}
"""LSTM-Fin's losses (5.17): Fin-GAN's rules with MSE always there."""

LSTM_LOSSES: dict[str, Loss] = {**FIN_COMBINATIONS, "MSE": (MSE,)}
"""All five; MSE alone is the LSTM."""

WEIGHTS, SCALE, MEMBERS = "forecaster", "scale", "members"


def forecaster_shapes(length: int) -> Shapes:
    """Tensors of one forecaster in the order of its flat vector: LSTM(L→8), one step from zero state, Linear(8→1)."""
    return {"cell": (3 * WIDTH, length), "cell_bias": (3 * WIDTH,), "out": (WIDTH,), "out_bias": (1,)}


@dataclass(frozen=True, eq=False)
class ForecasterStack:
    """Trained point forecasters of several assets, losses and seeds.

    Args:
        weights: ``(members, parameters)`` flat vectors.
        scale: ``(members, 2)`` mean and sd of each member's reference batch.
        members: who they are.
        length: L of the windows they read.

    Raises:
        CheckpointError: if shapes do not fit or a value is not finite.
    """

    weights: Singles
    scale: Floats
    members: tuple[Member, ...]
    length: int = 10

    def __post_init__(self) -> None:
        shapes = {WEIGHTS: (len(self.members), size(forecaster_shapes(self.length))), SCALE: (len(self.members), 2)}
        check_arrays({WEIGHTS: self.weights, SCALE: self.scale}, shapes, "LSTM forecasters")

    def __len__(self) -> int:
        return len(self.members)

    @classmethod
    def restore(cls, arrays: Mapping[str, NDArray[Any]], length: int = 10) -> ForecasterStack:
        """The inverse of :meth:`arrays`.

        Raises:
            CheckpointError: if an array is missing or damaged.
        """
        missing = [name for name in (WEIGHTS, SCALE, MEMBERS) if name not in arrays]
        if missing:
            raise CheckpointError(f"expected LSTM forecasters with the array {missing[0]!r}; found none of that name")
        weights = np.ascontiguousarray(arrays[WEIGHTS], np.float32)
        return cls(weights, np.asarray(arrays[SCALE], np.float64), unpack_members(arrays[MEMBERS]), length)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Flat named arrays, for a keeper or a checkpoint."""
        return {WEIGHTS: self.weights, SCALE: self.scale, MEMBERS: pack_members(self.members)}

    def of(self, asset: str | None = None, loss: str | None = None, seed: int | None = None) -> ForecasterStack:
        """The members of an asset, a loss and a seed; None is any.

        Raises:
            SettingsError: if there is none.
        """
        rows = matching_members(self.members, asset, loss, seed)
        return ForecasterStack(
            self.weights[rows], self.scale[rows], tuple(self.members[row] for row in rows), self.length
        )

    def point_estimates(self, condition: ArrayLike) -> Floats:
        """``(members, n)`` forecast log-return of the half-day after each window; the bet is its sign.

        Args:
            condition: ``(n, L)`` log-returns, the oldest first.

        Raises:
            MarketDataError: for windows of another length, or not finite.
        """
        x = np.asarray(condition, np.float64)
        if x.ndim != 2 or x.shape[1] != self.length or not np.isfinite(x).all():
            raise MarketDataError(f"expected finite windows (n, {self.length}); found shape {x.shape}")
        w = views(self.weights.astype(np.float64), forecaster_shapes(self.length))
        mean, sd = self.scale[:, :1], self.scale[:, 1:]
        u = (x - mean[..., None]) / sd[..., None]  # (members, n, L)
        before = u @ w["cell"].mT + w["cell_bias"][:, None]  # (members, n, 24)
        i, g, o = np.split(before, 3, axis=-1)
        h = np.tanh(np.tanh(g) / (1 + np.exp(-i))) / (1 + np.exp(-o))  # (members, n, 8)
        y = np.einsum("mnk,mk->mn", h, w["out"]) + w["out_bias"]
        found: Floats = mean + sd * y
        return found
