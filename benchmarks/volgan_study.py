"""VolGAN's validation on a year and a half of surfaces: the whole study, scenarios with Φ, and training.

``python -m benchmarks.volgan_study`` prints ``{"seconds_scenarios": …, "peak_memory_mb": …, "seconds_study": …}``:
every table of the study from trained checkpoints (nothing is trained); and 10,000 scenarios of each of 367 days with
their Φ, streamed day by day, with the memory of a process that does only that. ``--train`` adds ``seconds_training``,
10,000 epochs of one network on the 457 days before. The data are those of ``--data FILE``, or of
``../shared/data/spx_surfaces_2006_2009.csv`` where that is there, or else a simulated history of the same size (whose
true law the study follows as well).
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from benchmarks.report import print_line
from engine.market import intake
from engine.market.grid import Grid
from engine.market.surface_history import SurfaceHistory
from engine.models.simulated.market import simulate
from engine.models.volgan.generator import VolGANConfig
from engine.models.volgan.model import VolGAN
from engine.runs import checkpoints
from engine.studies import volgan
from engine.studies.base import Work
from engine.surfaces import arbitrage

LOCAL = Path(__file__).resolve().parents[2] / "shared" / "data" / "spx_surfaces_2006_2009.csv"
GRID = Grid([0.9, 0.95, 0.975, 1.0, 1.025, 1.05, 1.1], [day / 365 for day in (61, 91, 182, 365, 548, 730)])
DAYS, TEST, SCENARIOS = 847, 367, 10_000
CHECKPOINTS = {"model": "volgan-stacked-spx-2006-2007", "bce": "volgan-without-smoothness-spx-2006-2007"}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Time VolGAN's validation.")
    parser.add_argument("--data", type=Path, help="a file of surfaces on the 7×6 grid of the shipped checkpoints")
    parser.add_argument("--train", action="store_true", help="also train one network for 10,000 epochs")
    parser.add_argument("--repeats", type=int, default=1, help="timings of each, of which the least counts")
    parser.add_argument("--scenarios-only", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    history = data(options.data)
    if options.scenarios_only:
        print(json.dumps(scenarios(history)))
        return
    command = [sys.executable, "-m", "benchmarks.volgan_study", "--scenarios-only"]
    command += ["--data", str(options.data)] if options.data else []
    # before anything big is in memory: a child's peak begins with what its parent held
    runs = [json.loads(subprocess.check_output(command)) for _ in range(options.repeats)]
    figures: dict[str, object] = min(runs, key=lambda run: run["seconds_scenarios"])
    work = given(history)
    timed = [study(history, work) for _ in range(options.repeats)]
    figures["seconds_study"], figures["processor_seconds_study"] = (round(min(t), 1) for t in zip(*timed, strict=True))
    if options.train:
        figures["seconds_training"] = round(min(training(history) for _ in range(options.repeats)), 1)
    print_line({**figures, "scenarios": SCENARIOS, "days": TEST}, "numpy", "numba")


def data(path: Path | None) -> SurfaceHistory:
    """The surfaces to work on."""
    path = path or (LOCAL if LOCAL.exists() else None)
    return simulate(GRID, DAYS, seed=1).history if path is None else intake.read_surfaces(path).data


def given(history: SurfaceHistory) -> Work:
    """The shipped checkpoints as the command line hands them to a study, so that the last 367 conditions test."""
    inputs = {name: checkpoints.load(checkpoints.find(directory))[0] for name, directory in CHECKPOINTS.items()}
    trained_on = (str(history.dates[0]), str(history.dates[len(history) - 2 - TEST]))
    return Work(inputs=inputs, about={name: {"trained_on": trained_on} for name in inputs})


def study(history: SurfaceHistory, work: Work) -> tuple[float, float]:
    """Seconds of every step of the study, by the clock and of all processors together."""
    start, busy = time.perf_counter(), time.process_time()
    for step in volgan.steps(history, volgan.Config(), Work(inputs=work.inputs, about=work.about)):
        step.make()
    return time.perf_counter() - start, time.process_time() - busy


def scenarios(history: SurfaceHistory) -> dict[str, float]:
    """Seconds and memory of 10,000 scenarios a day with Φ."""
    model, _ = checkpoints.load(checkpoints.find(CHECKPOINTS["model"]))
    arbitrage.warm_up()
    rows = range(len(history) - 1 - TEST, len(history) - 1)
    mean = np.empty(TEST)
    start = time.perf_counter()
    for at, (row, drawn) in enumerate(
        zip(rows, model.days(history, rows, SCENARIOS, rng=np.random.default_rng(1)), strict=True)
    ):
        mean[at] = arbitrage.total_penalty(drawn.iv, drawn.grid, float(history.rate[row])).mean()
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"seconds_scenarios": round(seconds, 2), "peak_memory_mb": round(peak), "mean_penalty": float(mean.mean())}


def training(history: SurfaceHistory) -> float:
    """Seconds of 10,000 epochs of one network on the days before the test."""
    start = time.perf_counter()
    VolGAN(VolGANConfig()).fit(history.until(len(history) - 1 - TEST), seed=1)
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
