"""Weighted next-day scenarios: what every surface model returns and every decision consumes."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from engine.errors import MarketDataError
from engine.market.grid import Floats, Grid

Scenarios = NDArray[np.floating[Any]]


@dataclass(frozen=True, eq=False)
class ScenarioSet:
    """n weighted scenarios of the next day's log-return and log implied vol surface.

    Args:
        log_return: ``(..., n)`` R_t over one day.
        log_iv: ``(..., n, n_moneyness, n_maturity)`` tomorrow's log σ, float32 or float64.
        grid: the grid of ``log_iv``.
        weights: ``(..., n)`` ≥ 0, summing to one over the last axis; uniform if not given.
        provenance: where the scenarios come from: model, run, seed, condition date, data fingerprint, spot, rate.

    Raises:
        MarketDataError: if shapes disagree, values are not finite, or weights are no distribution.
    """

    log_return: Scenarios
    log_iv: Scenarios
    grid: Grid
    weights: Floats | None = None
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        expected = (*self.log_return.shape, *self.grid.shape)
        if self.log_iv.shape != expected:
            raise MarketDataError(f"expected log vols of shape {expected}; found {self.log_iv.shape}")
        if not (np.isfinite(self.log_return).all() and np.isfinite(self.log_iv).all()):
            raise MarketDataError("expected finite scenarios; found NaN or infinite values")
        if self.weights is None:
            uniform = np.full(self.log_return.shape, 1 / self.log_return.shape[-1])
            object.__setattr__(self, "weights", uniform)
            return
        if self.weights.shape != self.log_return.shape:
            raise MarketDataError(f"expected weights of shape {self.log_return.shape}; found {self.weights.shape}")
        if self.weights.min() < 0 or not np.allclose(self.weights.sum(axis=-1), 1, rtol=0, atol=1e-9):
            raise MarketDataError("expected weights >= 0 that sum to one; found others")

    def __len__(self) -> int:
        return int(self.log_return.shape[-1])

    @property
    def iv(self) -> Scenarios:
        """σ = exp(log_iv)."""
        return np.exp(self.log_iv)

    def weighted(self, weights: Floats) -> ScenarioSet:
        """The same scenarios under other weights."""
        return dataclasses.replace(self, weights=weights)

    def to_frame(self) -> pd.DataFrame:
        """One row a scenario: ``scenario, weight, log_return, iv_<days>d_<moneyness>…``, the project's wide format.

        Raises:
            MarketDataError: for scenarios of more than one condition.
        """
        if self.log_return.ndim != 1 or self.weights is None:
            raise MarketDataError(f"expected scenarios of one condition; found shape {self.log_return.shape}")
        names = [f"iv_{365 * tau:.6g}d_{m:.6g}" for m in self.grid.moneyness for tau in self.grid.maturity]
        frame = pd.DataFrame(self.grid.flatten(self.iv), columns=names)
        frame.insert(0, "log_return", self.log_return)
        frame.insert(0, "weight", self.weights)
        frame.insert(0, "scenario", np.arange(len(self)))
        return frame
