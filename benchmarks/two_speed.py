"""Seconds to fit the two-speed mixture, and to draw 10,000 scenarios of each of 367 days with their arbitrage penalty.

``python -m benchmarks.two_speed``; ``--least 5`` for more timings of each on a busy machine.
"""

from __future__ import annotations

import argparse
import resource
import time

import numpy as np

from benchmarks.report import least_seconds, print_line
from benchmarks.surface_scoring import DAYS, GRID, TEST
from engine.models.conditional_fhs.two_speed import TwoSpeed
from engine.models.simulated.market import simulate
from engine.surfaces import arbitrage

SCENARIOS, PATHS = 10_000, 1000


def main() -> None:
    """Time a fit, the test days of the reference data's size, and a year of paths."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--least", type=int, default=3, help="timings of each, of which the least counts")
    repeats = parser.parse_args().least
    history = simulate(GRID, DAYS, 0).history
    model = TwoSpeed()
    train, rows = history[: DAYS - TEST], list(range(DAYS - 1 - TEST, DAYS - 1))
    fit = least_seconds(lambda: model.fit(train, seed=0), repeats)

    def draw() -> float:
        days = model.days(history, rows, SCENARIOS, rng=np.random.default_rng(0))
        return float(np.mean([arbitrage.total_penalty(day.iv, GRID, 0.0).mean() for day in days]))

    busy = time.process_time()
    draw()
    busy = time.process_time() - busy
    chain = model.chain(history, PATHS)
    step = least_seconds(lambda: chain.step(np.random.default_rng(0)), repeats)
    figures: dict[str, object] = {
        "seconds_fit": round(fit, 3),
        "seconds_scenarios_and_penalty": round(least_seconds(draw, repeats), 2),
        "processor_seconds_scenarios_and_penalty": round(busy, 2),
        "seconds_step_of_paths": round(step, 4),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "scenarios": SCENARIOS,
        "days": TEST,
        "points": GRID.size,
        "paths": PATHS,
    }
    print_line(figures, "numpy", "numba")


if __name__ == "__main__":
    main()
