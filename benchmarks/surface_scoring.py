"""Seconds to score one model on a year and a half of surfaces, and milliseconds a day of each part.

``python -m benchmarks.surface_scoring``; ``--least 20`` for more timings of each on a busy machine.
"""

from __future__ import annotations

import argparse

import numpy as np

from benchmarks.report import least_seconds, print_line
from engine.evaluation import calibration, distances, scores
from engine.market.grid import Grid
from engine.models.simulated.market import simulate
from engine.studies.generators import scoring

DAYS, TEST, SCENARIOS = 847, 367, 1000
GRID = Grid(np.linspace(0.9, 1.1, 7), np.array([61, 91, 182, 365, 548, 730]) / 365)
"""The size of the reference data: 42 grid points, 367 test days."""


def main() -> None:
    """Time the parts on a stretch of 21 days, and the whole protocol for one baseline without the true law."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--least", type=int, default=5, help="timings of each, of which the least counts")
    repeats = parser.parse_args().least
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((21, SCENARIOS, 1 + GRID.size)), rng.standard_normal((21, 1 + GRID.size))
    one, seen = np.ascontiguousarray(x[..., :5].swapaxes(1, 2)), y[:, :5]
    parts = {
        "energy_score": lambda: scores.energy_score(x, y),
        "variogram_score": lambda: scores.variogram_score(x, y),
        "crps_5_series": lambda: scores.crps(one, seen),
        "quantiles_5_series": lambda: calibration.quantiles(one),
        "excess_over_truth": lambda: distances.score_excess(x, x[::-1]),
    }
    figures: dict[str, object] = {
        f"ms_per_day_{name}": round(1000 * least_seconds(work, repeats) / 21, 3) for name, work in parts.items()
    }
    history = simulate(GRID, DAYS, 0).history
    noisy = type(history)(
        history.dates, history.spot, history.iv * np.exp(0.01 * rng.standard_normal(history.iv.shape)), GRID
    )
    first = str(noisy.dates[DAYS - 1 - TEST])
    contestants = scoring.contestants(["fhs"])
    figures["seconds_one_model"] = round(
        least_seconds(lambda: scoring.run(noisy, contestants, train_before=first), repeats=min(repeats, 3)), 2
    )
    found = scoring.run(noisy, contestants, train_before=first)
    figures["seconds_tables"] = round(least_seconds(lambda: found.tables, repeats=min(repeats, 3)), 2)
    print_line({**figures, "days": TEST, "scenarios": SCENARIOS, "points": GRID.size}, "numpy", "scipy")


if __name__ == "__main__":
    main()
