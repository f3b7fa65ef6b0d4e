"""Factor models of implied volatility, simulated path by path in chunks, and the arbitrage along each path.

    σ_t(m, τ) = σ̄(m, τ) · exp(Σ_i x^i_t f_i(m, τ)),     dx^i = λ_i (α_i − x^i) dt + γ_i dW^i    (2.22–2.23, 2.26–2.27)
    dS = ν σ_t(1, τ_S) S dW⁰,    dW⁰ = Σ_i ρ_i dW^i + sqrt(1 − Σ ρ_i²) dB                            (2.24, 2.28–2.29)

Factors move by their exact transition over a day; the spot's vol is held over the day. Surfaces are made, penalised and
forgotten chunk by chunk, so that memory does not grow with the number of paths.

References:
    Simulation of arbitrage-free implied volatility surfaces, (2.17), (2.22)–(2.29), Tables 2.2, 2.4–2.9.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import SettingsError
from engine.market.grid import DT, Floats, Grid
from engine.surfaces import arbitrage

SPX_OU = np.array([[2.018, -0.422, 4.414], [0.986, -0.312, 1.993], [1.258, 0.097, 1.295], [1.497, -0.021, 0.824]])
"""Table 2.6: (λ, α, γ) of the four SPX factors; λ per year, γ per √year."""

SPX_CORRELATION = np.array([-0.3821, -0.2564, 0.2642, -0.2639])
"""Table 2.2: long-term correlation of returns with the increments of the four factors."""

THREE_MONTHS = 63
"""Trading days in the thesis's paths."""

CHUNK_SURFACES = 8_192
"""Surfaces made at a time by one thread: 5 MB on the 10×8 grid."""

THREADS = 2

KINDS = ("calendar", "call_spread", "butterfly")


@dataclass(frozen=True, eq=False)
class FactorModel:
    """Parameters of a factor model on one grid.

    Args:
        grid: the grid of the surfaces.
        base: ``(n_moneyness, n_maturity)`` surface at x = 0, annualised vols.
        shapes: ``(k, n_moneyness, n_maturity)`` f_i.
        reversion: ``(k,)`` λ, per year, > 0.
        mean: ``(k,)`` α.
        volatility: ``(k,)`` γ, per square root of a year.
        correlation: ``(k,)`` ρ of the spot's noise with each factor's; Σρ² ≤ 1.
        start: ``(k,)`` x_0.
        vol_share: ν.
        driver: τ_S in years; 0 extrapolates to the shortest end as everywhere off the grid.
        rate: per year, for the penalties.
        label: words for a table.

    Raises:
        SettingsError: if shapes disagree or a parameter is out of range.
    """

    grid: Grid
    base: Floats
    shapes: Floats
    reversion: Floats
    mean: Floats
    volatility: Floats
    correlation: Floats
    start: Floats
    vol_share: float
    driver: float
    rate: float = 0.0
    label: str = "factor model"

    def __post_init__(self) -> None:
        k = len(self.shapes)
        if self.shapes.shape != (k, *self.grid.shape) or self.base.shape != self.grid.shape:
            raise SettingsError(
                f"expected a base and shapes on {self.grid}; found {self.base.shape}, {self.shapes.shape}"
            )
        for name in ("reversion", "mean", "volatility", "correlation", "start"):
            value = getattr(self, name)
            if np.shape(value) != (k,) or not np.isfinite(value).all():
                raise SettingsError(f"expected {k} finite values of {name}, one a factor; found {value!r}")
        if not (self.reversion > 0).all() or not (self.volatility >= 0).all():
            raise SettingsError("expected reversion > 0 and volatility >= 0; found others")
        if self.correlation @ self.correlation > 1:
            raise SettingsError(
                f"expected squared correlations summing to at most 1; found {self.correlation @ self.correlation:g}"
            )

    def surfaces(self, factors: Floats) -> Floats:
        """σ̄ · exp(Σ x^i f_i): ``(..., k)`` → ``(..., n_moneyness, n_maturity)``."""
        flat = factors @ self.shapes.reshape(len(self.shapes), -1)  # (..., N)
        flat += np.log(self.base).ravel()
        return self.grid.unflatten(np.exp(flat, out=flat))


@dataclass(frozen=True, eq=False)
class Paths:
    """What is kept of simulated paths.

    Args:
        penalty: ``(n,)`` φ = Σ_t Φ(σ_t) over days 1 … T (2.17); the common first day moves no weight.
        broken: ``(n, 4)`` share of a path's days with any / calendar / call-spread / butterfly arbitrage.
        final_return: ``(n,)`` log(S_T/S_0).
        realised_vol: ``(n,)`` annualised, over the path.
        log_spot: ``(kept, T+1)`` log(S_t/S_0) of the first paths, for drawing.
        driver_vol: ``(kept, T+1)`` σ_t(1, τ_S) of the same.
        factors: ``(kept, T+1, k)`` x_t of the same.
    """

    penalty: Floats
    broken: Floats
    final_return: Floats
    realised_vol: Floats
    log_spot: Floats
    driver_vol: Floats
    factors: Floats

    def presence(self) -> dict[str, dict[str, float]]:
        """Table 2.7: share of paths and of surfaces with arbitrage, in total and by kind."""
        names = ("total", *KINDS)
        return {
            "paths": dict(zip(names, (self.broken > 0).mean(axis=0).tolist(), strict=True)),
            "surfaces": dict(zip(names, self.broken.mean(axis=0).tolist(), strict=True)),
        }


def simulate(
    model: FactorModel,
    n_paths: int,
    n_days: int = THREE_MONTHS,
    *,
    rng: np.random.Generator,
    keep: int = 200,
    on_chunk: Callable[[int, int], None] | None = None,
) -> Paths:
    """Simulate daily paths and their arbitrage penalty, streamed.

    x_{t+Δ} = α + (x_t − α) e^{−λΔ} + γ sqrt((1 − e^{−2λΔ})/(2λ)) ξ, exact for any Δ.

    Args:
        model: the parameters.
        n_paths: N.
        n_days: T, trading days.
        rng: source of randomness; results do not depend on how many threads share the work.
        keep: how many paths are kept day by day.
        on_chunk: called with paths done and n_paths.

    Raises:
        SettingsError: if there is nothing to simulate.
    """
    if n_paths < 1 or n_days < 1:
        raise SettingsError(f"expected at least one path of one day; found {n_paths} of {n_days}")
    size = max(1, CHUNK_SURFACES // n_days)
    starts = range(0, n_paths, size)
    streams = rng.spawn(len(starts))
    parts: list[_Chunk | None] = [None] * len(starts)

    def work(index: int) -> int:
        count = min(size, n_paths - starts[index])
        parts[index] = _chunk(model, count, n_days, streams[index], keep=max(0, keep - starts[index]))
        return count

    done = 0
    with ThreadPoolExecutor(THREADS) as pool:
        for count in pool.map(work, range(len(starts))):
            done += count
            if on_chunk is not None:
                on_chunk(done, n_paths)
    chunks = [part for part in parts if part is not None]
    return Paths(*(np.concatenate(column) for column in zip(*chunks, strict=True)))


_Chunk = tuple[NDArray[Any], ...]


def _chunk(model: FactorModel, count: int, n_days: int, rng: np.random.Generator, keep: int) -> _Chunk:
    decay = np.exp(-model.reversion * DT)
    scale = model.volatility * np.sqrt((1 - decay**2) / (2 * model.reversion))
    noise = rng.standard_normal((n_days, count, len(decay)))  # (days, paths, k)
    own = rng.standard_normal((n_days, count))
    factors = np.empty((n_days + 1, count, len(decay)))
    factors[0] = model.start
    for day in range(n_days):
        factors[day + 1] = model.mean + (factors[day] - model.mean) * decay + scale * noise[day]
    surfaces = model.surfaces(factors)  # (days + 1, paths, n_moneyness, n_maturity)
    found = arbitrage.penalty(surfaces[1:], model.grid, model.rate)
    kinds = [getattr(found, kind).any(axis=(-2, -1)) for kind in KINDS]
    broken = np.stack([found.total > 0, *kinds], axis=-1).mean(axis=0)  # (paths, 4)
    vol = model.grid.interpolate(surfaces, 1.0, model.driver)  # (days + 1, paths)
    shock = noise @ model.correlation + np.sqrt(1 - model.correlation @ model.correlation) * own
    spot_vol = model.vol_share * vol[:-1]
    steps = -0.5 * DT * spot_vol**2 + np.sqrt(DT) * spot_vol * shock  # (days, paths)
    log_spot = np.zeros((n_days + 1, count))
    np.cumsum(steps, axis=0, out=log_spot[1:])
    return (
        found.total.sum(axis=0),
        broken,
        log_spot[-1],
        np.sqrt((steps**2).mean(axis=0) / DT),
        log_spot[:, :keep].T,
        vol[:, :keep].T,
        factors[:, :keep].transpose(1, 0, 2),
    )
