"""The LSTM benchmarks: point forecasts by a small recurrent network, on squared error or on what they earn (5.17).

LSTM is trained on MSE alone; LSTM-Fin adds PnL*, SR* or STD with coefficients from gradient-norm matching. Free of
torch; training is in ``lstm_training``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike

from engine.market.grid import Floats
from engine.models.fingan.member_stack import MemberStack
from engine.models.fingan.networks import (
    MSE,
    PNL,
    SR,
    STD,
    WIDTH,
    Loss,
    Shapes,
    views,
)

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


def forecaster_shapes(length: int) -> Shapes:
    """Tensors of one forecaster in the order of its flat vector: LSTM(L→8), one step from zero state, Linear(8→1)."""
    return {"cell": (3 * WIDTH, length), "cell_bias": (3 * WIDTH,), "out": (WIDTH,), "out_bias": (1,)}


@dataclass(frozen=True, eq=False)
class ForecasterStack(MemberStack):
    """Trained point forecasters of several assets, losses and seeds."""

    kind: ClassVar[str] = "LSTM forecasters"
    weights_name: ClassVar[str] = "forecaster"

    @staticmethod
    def shapes(length: int) -> Shapes:
        """See :func:`forecaster_shapes`."""
        return forecaster_shapes(length)

    def point_estimates(self, condition: ArrayLike) -> Floats:
        """``(members, n)`` forecast log-return of the half-day after each window; the bet is its sign.

        Args:
            condition: ``(n, L)`` log-returns, the oldest first.

        Raises:
            MarketDataError: for windows of another length, or not finite.
        """
        x = self.windows(condition)
        w = views(self.weights.astype(np.float64), forecaster_shapes(self.length))
        mean, sd = self.scale[:, :1], self.scale[:, 1:]
        u = (x - mean[..., None]) / sd[..., None]  # (members, n, L)
        before = u @ w["cell"].mT + w["cell_bias"][:, None]  # (members, n, 24)
        i, g, o = np.split(before, 3, axis=-1)
        h = np.tanh(np.tanh(g) / (1 + np.exp(-i))) / (1 + np.exp(-o))  # (members, n, 8)
        y = np.einsum("mnk,mk->mn", h, w["out"]) + w["out_bias"]
        found: Floats = mean + sd * y
        return found
