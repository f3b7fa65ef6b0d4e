"""The task of points in the plane, where ten seconds show what a family does and every answer is known."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from engine.market.domain import Domain, Plane
from engine.market.grid import Floats
from engine.models.tasks.task import Examples, Points, UnconditionalTask
from engine.settings import configuration, setting

CENTRES = 2.0 * np.stack([np.cos(np.arange(6) * np.pi / 3), np.sin(np.arange(6) * np.pi / 3)], axis=1)
"""``(6, 2)`` of the mixture."""

SPREAD = 0.3
"""Standard deviation of each of its components."""


@configuration
class PlaneConfig:
    """Which points."""

    shape: str = setting(
        "moons",
        label="Points",
        help="Two moons, two rings, or a mixture of six Gaussians whose density and score are known.",
        choices=("moons", "rings", "mixture"),
    )
    points: int = setting(2_000, label="Number of points", help="To learn from.", low=100, high=100_000)


class PlaneTask(UnconditionalTask):
    """Points drawn from a known law."""

    name: ClassVar[str] = "plane"
    label: ClassVar[str] = "Points in the plane"
    reads = "nothing"
    Config: ClassVar[type] = PlaneConfig

    def prepare(self, data: None = None) -> Plane:
        """Nothing to learn."""
        return Plane()

    def examples(self, data: None = None) -> Examples:
        """``(points, 2)``, the same every time."""
        return Examples(points(self.config.shape, self.config.points, np.random.default_rng(0)), None)

    def restore(self, state: Mapping[str, NDArray[Any]], domain: Domain) -> None:
        """Nothing is learned."""

    def shapes(self) -> tuple[tuple[int, ...], tuple[int, ...] | None]:
        """Two coordinates."""
        return (2,), None

    def result(self, x: Floats, data: None = None) -> Points:
        """The draws."""
        return Points(x)


def points(shape: str, n: int, rng: np.random.Generator) -> Floats:
    """``(n, 2)`` points of one of the laws of :class:`PlaneConfig`."""
    if shape == "mixture":
        return CENTRES[rng.integers(len(CENTRES), size=n)] + SPREAD * rng.standard_normal((n, 2))
    angle, second = rng.uniform(0, np.pi, n), rng.random(n) < 0.5
    if shape == "rings":
        angle, radius = 2 * angle, np.where(second, 1.0, 2.0)
        xy = radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    else:
        upper = np.stack([np.cos(angle), np.sin(angle)], axis=1)
        xy = np.where(second[:, None], [1.0, 0.5] - upper, upper)
    drawn: Floats = xy + 0.1 * rng.standard_normal((n, 2))
    return drawn


def mixture_log_density(xy: Floats) -> Floats:
    """``(n,)`` log density of the mixture at ``(n, 2)`` points."""
    from scipy.special import logsumexp

    square = np.square(xy[:, None] - CENTRES).sum(axis=2) / SPREAD**2  # (n, 6)
    found: Floats = logsumexp(-square / 2, axis=1) - np.log(len(CENTRES) * 2 * np.pi * SPREAD**2)
    return found


def mixture_score(xy: Floats) -> Floats:
    """``(n, 2)`` gradient of the mixture's log density."""
    from scipy.special import softmax

    away = CENTRES - xy[:, None]  # (n, 6, 2)
    share = softmax(-np.square(away).sum(axis=2) / (2 * SPREAD**2), axis=1)
    found: Floats = (share[..., None] * away).sum(axis=1) / SPREAD**2
    return found
