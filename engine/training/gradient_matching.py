"""Gradient-norm matching: how much weight each extra term of a generator's loss gets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import CheckpointError
from engine.training.progress import TrainingDiverged

Floats = NDArray[np.float64]


class GradientNorms:
    """The gradient norms of a loss's terms, update by update, and the coefficients they give.

    α_k = mean over updates of ‖∇ first term‖ / ‖∇ term k‖, gradients with respect to the generator's parameters θ_g.

    Args:
        terms: names of the terms; the first is the reference (the adversarial loss).
        members: number of stacked networks; each has its own norms and coefficients.

    References:
        SPEC 2 and 4; Vuletić (2025), sections 3.2.4 and 5.3.4.
    """

    def __init__(self, terms: Sequence[str], members: int) -> None:
        self.terms, self.members = tuple(terms), members
        self._norms: list[Floats] = []

    def record(self, norms: NDArray[Any]) -> None:
        """Add one update's norms ``(terms, members)``."""
        self._norms.append(np.asarray(norms, dtype=np.float64))

    @property
    def norms(self) -> Floats:
        """``(updates, terms, members)``."""
        return np.array(self._norms).reshape(-1, len(self.terms), self.members)

    def coefficients(self) -> Floats:
        """``(terms − 1, members)`` the matched coefficient of every term after the first.

        Raises:
            TrainingDiverged: if there was no update, or a norm was zero or not finite.
        """
        norms = self.norms
        if len(norms) == 0 or not (np.isfinite(norms).all() and norms[:, 1:].all()):
            raise TrainingDiverged(
                f"expected gradient norms of {', '.join(self.terms)} that are finite and > 0; found others "
                f"in {len(norms)} updates of gradient matching"
            )
        ratios = norms[:, :1] / norms[:, 1:]  # (updates, terms - 1, members)
        matched: Floats = ratios.mean(axis=0)
        return matched

    def restore(self, norms: NDArray[Any]) -> None:
        """Continue from the norms of an interrupted fit.

        Raises:
            CheckpointError: if they are not of these terms and members.
        """
        expected = (len(self.terms), self.members)
        if norms.ndim != 3 or norms.shape[1:] != expected:
            raise CheckpointError(f"expected gradient norms of shape (updates, {expected}); found {norms.shape}")
        self._norms = list(np.asarray(norms, dtype=np.float64))
