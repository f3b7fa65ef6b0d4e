"""The law of the two-speed model on a given day: its members' pools of moves, and draws from their mixture."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from engine.market.grid import Floats
from engine.market.surface_history import FIRST_CONDITION_ROW, SurfaceHistory
from engine.models.conditional_fhs.innovations import pick_weighted
from engine.models.conditional_fhs.two_speed_features import panel
from engine.models.conditional_fhs.two_speed_training import MEMBERS

if TYPE_CHECKING:
    from engine.models.conditional_fhs.two_speed import TwoSpeed

LEAST_POOL = 30
"""Residuals to draw from that a condition must leave."""

JUDGES = 48
"""Past days, evenly spread, that stand for a member's law when the members' weights are learned."""

ALIKE = np.array([member.alike for member in MEMBERS])


class Known:
    """A history seen through a fitted model: corrections of every day, residuals of every move.

    Args:
        model: fitted or restored.
        history: its last day may be any; nothing at a row uses a later one.
    """

    def __init__(self, model: TwoSpeed, history: SurfaceHistory) -> None:
        self.basis, self.weights, self.config = model.basis, model.weights, model.config
        seen = panel(history, self.basis, model.config)
        self.scaled, self.volatility = seen.scaled, seen.volatility
        self.mean, self.log_scale = model.corrections_of(seen.features)  # (E, n, 1 + K)
        first = FIRST_CONDITION_ROW
        self.residuals = ((seen.factors - self.mean[:, :-1]) * np.exp(-self.log_scale[:, :-1]))[:, first:]
        self.rest = seen.rest[first:]
        self.state = model.kernel_of(seen.features)[first:]  # (n − first, 3)
        self.last_fit = int(np.searchsorted(history.dates, model.since, side="right")) - 1

    def draw(self, row: int, n: int, rng: np.random.Generator) -> Floats:
        """``(n, 1 + N)`` moves after a row, residuals from the moves before it."""
        day, member, partner = rng.random((3, n))
        which, pool, b = pick_weighted(member, self.weights), self.pool(row), self.config.smoothing
        alike = ALIKE[which]
        factors, rest = np.empty((n, self.mean.shape[2])), np.empty((n, self.rest.shape[1]))
        for kind, likely in ((alike, self.likely(row)), (~alike, np.full(pool, 1 / pool))):
            first, second = pick_weighted(day[kind], likely), pick_weighted(partner[kind], likely)
            residuals, members = self.residuals, which[kind]
            centre = (likely @ residuals[:, :pool])[members]
            factors[kind] = mixed(residuals[members, first], residuals[members, second], centre, b)
            rest[kind] = mixed(self.rest[first], self.rest[second], likely @ self.rest[:pool], b)
        factors = self.mean[which, row] + np.exp(self.log_scale[which, row]) * factors
        return self.moves(factors, rest, self.volatility[row] * self.basis.unit)

    def thinned(self, row: int) -> Floats:
        """``(E, at most 48, 1 + N)`` scaled moves after a row, at evenly spread quantiles of the days drawn from."""
        pool = self.pool(row)
        count = min(JUDGES, pool)
        levels = (np.arange(count) + 0.5) / count
        chosen = [pick_weighted(levels, self.likely(row) if m.alike else np.full(pool, 1 / pool)) for m in MEMBERS]
        picked = np.stack(chosen)  # (E, count)
        residuals = np.take_along_axis(self.residuals, picked[..., None], axis=1)
        factors = self.mean[:, row, None] + np.exp(self.log_scale[:, row, None]) * residuals
        return self.moves(factors, self.rest[picked], self.volatility[row])

    def pool(self, row: int) -> int:
        """How many residuals are drawn from after a row: those of the moves up to the last fit, from row 22 on."""
        return (row if self.draws_from_all(row) else min(row, self.last_fit)) - FIRST_CONDITION_ROW

    def draws_from_all(self, row: int) -> bool:
        """Whether too few of the days known at a row are from before the last fit, so that all are drawn from."""
        return min(row, self.last_fit) - FIRST_CONDITION_ROW < LEAST_POOL

    def likely(self, row: int) -> Floats:
        """``(pool,)`` probabilities of the days to members that draw those like today."""
        h, pool = self.config.bandwidth, self.pool(row)
        if h == 0:
            return np.full(pool, 1 / pool)
        gap = self.state[:pool] - self.state[row - FIRST_CONDITION_ROW]
        weights = np.exp(-0.5 * np.square(gap / h).sum(axis=1))
        likely: Floats = weights / weights.sum()
        return likely

    def moves(self, factors: Floats, rest: Floats, volatility: Floats) -> Floats:
        """``(…, 1 + N)`` from factors ``(…, 1 + K)``, what they leave ``(…, N)``, and volatilities ``(…, 1 + N)``."""
        scores = factors * self.basis.factor_sd
        moves: Floats = np.concatenate([scores[..., :1], scores[..., 1:] @ self.basis.axes.T + rest], axis=-1)
        moves *= volatility
        return moves


def mixed(one: Floats, other: Floats, centre: Floats, b: float) -> Floats:
    """μ + √(1 − b²)(e − μ) + b(e' − μ): another draw of the same mean and covariance if e and e' are independent."""
    smooth: Floats = centre + np.sqrt(1 - b * b) * (one - centre) + b * (other - centre)
    return smooth
