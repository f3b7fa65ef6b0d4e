"""A year of chained surfaces: ``python -m benchmarks.surface_paths`` prints seconds per generator and peak memory.

1,000 paths × 252 days × 10×8: a quarter of a million surfaces drawn one from another, each checked for arbitrage, its
volatility index summed and its scores taken. VolGAN is the shipped checkpoint, the others are fitted on the spot,
families of networks with their default settings. 10,000 scenarios of one day are timed too. The general chain, a
history per path, is timed on a handful of paths for a week and scaled.
"""

import resource
import time

import numpy as np

from benchmarks.report import print_line
from engine.models import rollout
from engine.models.registry import surface_model
from engine.models.rollout import HistoryChain
from engine.models.simulated.market import SimulatedMarket, built_in
from engine.models.surface_model import SurfaceModel
from engine.runs import checkpoints
from engine.workspace import PROJECT

PATHS, DAYS, REPEATS = 1_000, 252, 3
FAMILIES = ("fhs", "hybrid", "pca_ou", "vae", "realnvp", "ddpm")
GENERAL_PATHS, GENERAL_DAYS = 5, 5


def main() -> None:
    """The least of three walks of each generator after a short one that compiles the penalty."""
    history = built_in("simulated-10x8").history
    generators: dict[str, SurfaceModel] = {"simulated_market": SimulatedMarket.on(history.grid)}
    generators["volgan"], _ = checkpoints.load(PROJECT / "checkpoints" / "volgan-simulated-10x8")
    for name in FAMILIES:
        generators[name] = surface_model(name)()
        generators[name].fit(history, seed=0)
    seconds = {}
    for name, model in generators.items():
        rollout.simulate(model, history, 10, 5, rng=np.random.default_rng(0))
        seconds[name] = round(min(_seconds(model) for _ in range(REPEATS)), 2)
    print_line(
        {
            "seconds": seconds,
            "paths": PATHS,
            "days": DAYS,
            "sample_10000_seconds": {name: round(_draw_seconds(generators[name]), 3) for name in FAMILIES},
            "general_fhs_seconds": round(_general_seconds(generators["fhs"]) * PATHS * DAYS),
            "peak_memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        },
        "numpy",
        "numba",
    )


def _seconds(model: SurfaceModel) -> float:
    history = built_in("simulated-10x8").history
    start = time.perf_counter()
    rollout.simulate(model, history, PATHS, DAYS, rng=np.random.default_rng(1))
    return time.perf_counter() - start


def _draw_seconds(model: SurfaceModel) -> float:
    """10,000 scenarios of one day, after the first ones; the least of three."""
    history, taken = built_in("simulated-10x8").history, []
    for _ in range(REPEATS + 1):
        start = time.perf_counter()
        model.sample(history, 10_000, rng=np.random.default_rng(1))
        taken.append(time.perf_counter() - start)
    return min(taken[1:])


def _general_seconds(model: SurfaceModel) -> float:
    """Per path and day, by a history per path."""
    chain, rng = HistoryChain(model, built_in("simulated-10x8").history, GENERAL_PATHS), np.random.default_rng(1)
    start = time.perf_counter()
    for _ in range(GENERAL_DAYS):
        chain.step(rng)
    return (time.perf_counter() - start) / (GENERAL_PATHS * GENERAL_DAYS)


if __name__ == "__main__":
    main()
