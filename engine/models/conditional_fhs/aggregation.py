"""Mixtures of predictive laws whose weights are learned as outcomes come in: Bernstein online aggregation.

References:
    O. Wintenberger (2017), Optimal learning with Bernstein online aggregation, Machine Learning 106.
    J. Berrisch and F. Ziel (2021), CRPS learning, Journal of Econometrics (forecast combination under proper scores).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from engine.market.grid import Floats


@dataclass(frozen=True, eq=False)
class Aggregation:
    """Weights of E members and what they were learned from. Every step returns the next one.

    Args:
        regret: ``(E,)`` Σ_t r_t (1 − η_t r_t).
        squares: ``(E,)`` Σ_t r_t².
        largest: ``(E,)`` max_t |r_t|.
    """

    regret: Floats
    squares: Floats
    largest: Floats

    @classmethod
    def equal(cls, members: int) -> Aggregation:
        """The start: equal weights."""
        return cls(*(np.zeros(members) for _ in range(3)))

    def weights(self, rate: float) -> Floats:
        """``(E,)`` w_i ∝ η_i exp(η_i R_i), positive and summing to one; equal before the first outcome.

        Args:
            rate: c ≥ 0, see :meth:`rates`; the smaller, the closer to equal weights.
        """
        eta = self.rates(rate)
        w: Floats = np.full(len(eta), 1 / len(eta))
        if rate > 0 and self.squares.max() > 0:
            score = np.log(eta) + eta * self.regret
            w = np.exp(score - score.max())
            w = w / w.sum()
        return w

    def rates(self, rate: float) -> Floats:
        """``(E,)`` learning rates η_i = c min(1/(2 max|r_i|), √(log E / Σ r_i²)); c = 1 has the regret bound.

        A member that has never differed from the mixture has the largest rate there is, that of the others.
        """
        with np.errstate(divide="ignore"):
            eta = np.minimum(1 / (2 * self.largest), np.sqrt(math.log(max(len(self.regret), 2)) / self.squares))
        finite = eta[np.isfinite(eta)]
        ceiling = float(finite.max()) if len(finite) else 1.0
        found: Floats = rate * np.minimum(eta, ceiling)
        return found

    def step(self, weights: Floats, gradient: Floats, rate: float) -> Aggregation:
        """After one outcome.

        r_i = Σ_j w_j g_j − g_i is what member i was better than the mixture, g the gradient of the mixture's loss in
        its weights.

        Args:
            weights: ``(E,)`` the mixture's when the outcome came.
            gradient: ``(E,)``.
            rate: c.
        """
        gain = weights @ gradient - gradient
        largest, squares = np.maximum(self.largest, np.abs(gain)), self.squares + gain**2
        eta = Aggregation(self.regret, squares, largest).rates(rate)
        return Aggregation(self.regret + gain - eta * gain**2, squares, largest)


def energy_gradient(pools: Floats, outcome: Floats, weights: Floats) -> Floats:
    """Gradient of a mixture's energy score in its weights: E‖X_i − y‖ − Σ_j w_j E‖X_i − X_j'‖.

    The score Σ_i w_i E‖X_i − y‖ − ½ Σ_ij w_i w_j E‖X_i − X_j'‖ is convex in the weights.

    Args:
        pools: ``(E, m, d)`` m equally likely points of each member's law.
        outcome: ``(d,)`` what came.
        weights: ``(E,)``.

    Returns:
        ``(E,)``.

    References:
        Gneiting and Raftery (2007), Strictly proper scoring rules, prediction, and estimation, JASA 102, (22).
    """
    members, m, d = pools.shape
    error = np.sqrt(np.square(pools - outcome).sum(axis=-1)).mean(axis=1)
    points = (pools - outcome).reshape(-1, d)
    square = np.square(points).sum(axis=1)
    apart = square[:, None] + square - 2 * points @ points.T  # (E m, E m) squared distances
    np.sqrt(np.maximum(apart, 0, out=apart), out=apart)
    between = apart.reshape(members, m, members, m).mean(axis=(1, 3))
    gradient: Floats = error - between @ weights
    return gradient
