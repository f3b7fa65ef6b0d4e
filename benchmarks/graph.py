"""Graph ensembles at the thesis's size and beyond, on synthetic generators and returns.

``python -m benchmarks.graph`` prints seconds and peak memory for the cross-evaluation of 193 generators on 193 assets
(1,098 windows each in validation and test, 100 samples), for all eight weightings of the result, and for LASSO on all
308 rows of a panel of 308 with the four η of the thesis. Training is measured in µs a member and update on 64 members
and *extrapolated* to 193 assets with eight losses (25 epochs of matching, then 100): ``whole_minutes`` adds it all up.
CPU seconds are those of all threads: beside other work the clock measures that work too. ``--quick`` takes a tenth of
the assets, to see that it works.
"""

from __future__ import annotations

import argparse
import resource
import time
from typing import Any

import numpy as np

from benchmarks.report import print_line
from engine.decisions import graph, graph_regression
from engine.decisions.graph_cross import cross_sign_counts
from engine.models.fingan import COMBINATIONS, Asset, FinGANConfig, Member, generator_shapes, initial_weights
from engine.models.fingan_sampling import GeneratorStack

WINDOWS, SAMPLES, TRAINING_WINDOWS, LENGTH = 1098, 100, 8774, 10
BATCH, MATCHING, EPOCHS = 100, 25, 100
MEASURED_MEMBERS, MEASURED_EPOCHS = 64, 4


def generators(n: int) -> GeneratorStack:
    """Generators with initial weights."""
    rng = np.random.default_rng(0)
    weights = np.stack([initial_weights(generator_shapes(LENGTH), rng) for _ in range(n)])
    members = tuple(Member(f"T{k}", "PnL", 0) for k in range(n))
    return GeneratorStack(weights, np.tile([0.0, 0.008], (n, 1)), members)


def windows(n: int, rng: np.random.Generator) -> tuple[Any, Any]:
    """Windows of a common factor and own moves, and what follows them."""
    series = 0.004 * rng.standard_normal(WINDOWS + LENGTH) + 0.008 * rng.standard_t(4, (n, WINDOWS + LENGTH))
    cut = np.lib.stride_tricks.sliding_window_view(series, LENGTH, axis=1)[:, :WINDOWS]
    return np.ascontiguousarray(cut), series[:, LENGTH:]


def cross_evaluation(n: int) -> tuple[dict[str, float], Any, Any]:
    """Validation and test part, and the signs and returns of the former."""
    stack, rng = generators(n), np.random.default_rng(1)
    validation, returns = windows(n, rng)
    test, _ = windows(n, rng)
    cross_sign_counts(stack, validation[:2, :50], SAMPLES, rng)  # compile
    start, busy = time.perf_counter(), time.process_time()
    kept = [cross_sign_counts(stack, part, SAMPLES, np.random.default_rng(2)) for part in (validation, test)]
    seconds, busy = time.perf_counter() - start, time.process_time() - busy
    figures = {"cross_evaluation_seconds": round(seconds, 1), "cross_evaluation_cpu_seconds": round(busy, 1)}
    return figures, kept[0] / SAMPLES, returns


def weightings(signs: Any, returns: Any) -> dict[str, float]:
    """Every weighting with its whole search of hyperparameters."""
    found = {}
    for method in graph.METHODS:
        start = time.perf_counter()
        graph.weights(method, signs, returns)
        found[f"weights_{method}_seconds"] = round(time.perf_counter() - start, 2)
    return found


def sparse(n: int) -> dict[str, float]:
    """LASSO on a panel whose generators half agree, as trained ones do."""
    rng = np.random.default_rng(3)
    common = rng.standard_normal((n, 1, WINDOWS))
    signs = np.round(np.clip(0.2 * common + 0.2 * rng.standard_normal((n, n, WINDOWS)), -1, 1) * 50) / 50
    returns = 0.008 * rng.standard_t(4, (n, WINDOWS))
    graph_regression.lasso(signs[:2], returns[:2], (1e-4,))  # compile
    start, busy = time.perf_counter(), time.process_time()
    solved = graph_regression.lasso(signs, returns, graph.GRIDS["lasso"])
    seconds, busy = time.perf_counter() - start, time.process_time() - busy
    timed = {"lasso_seconds": round(seconds, 2), "lasso_cpu_seconds": round(busy, 2)}
    return {**timed, "lasso_edges_at_smallest_eta": float((solved[-1] != 0).mean())}


def training() -> float:
    """Microseconds a member and update, on all cores."""
    from engine.models import fingan_training

    rng = np.random.default_rng(4)
    assets = []
    for k in range(MEASURED_MEMBERS // len(COMBINATIONS)):
        series = 0.008 * rng.standard_t(4, TRAINING_WINDOWS + LENGTH)
        cut = np.lib.stride_tricks.sliding_window_view(series, LENGTH)[:-1]
        assets.append(Asset(f"T{k}", cut, series[LENGTH:]))
    seconds = []
    for epochs in (1, 1 + MEASURED_EPOCHS):
        config = FinGANConfig(epochs=epochs, matching_epochs=1)
        start = time.perf_counter()
        fingan_training.train(assets, config, losses=tuple(COMBINATIONS))
        seconds.append(time.perf_counter() - start)
    updates = MEASURED_MEMBERS * MEASURED_EPOCHS * (TRAINING_WINDOWS // BATCH)
    return 1e6 * (seconds[1] - seconds[0]) / updates


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--quick", action="store_true", help="a tenth of the assets")
    share = 0.1 if parser.parse_args().quick else 1.0
    assets, many = round(193 * share), round(308 * share)
    figures: dict[str, Any] = {"assets": assets, "windows": 2 * WINDOWS, "samples": SAMPLES}
    crossed, signs, returns = cross_evaluation(assets)
    figures |= crossed
    figures["peak_gigabytes"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6, 2)
    weighted = weightings(signs, returns)
    del signs
    figures |= weighted | {"lasso_assets": many} | sparse(many)
    micro = training()
    updates = assets * (TRAINING_WINDOWS // BATCH) * (MATCHING + len(COMBINATIONS) * EPOCHS)
    minutes = micro * updates / 6e7
    figures |= {"training_us_per_member_update": round(micro, 2), "training_minutes_extrapolated": round(minutes, 1)}
    seconds = float(crossed["cross_evaluation_seconds"]) + sum(weighted.values())
    figures["whole_minutes"] = round(minutes + seconds / 60, 1)
    print_line(figures, "numpy", "numba")


if __name__ == "__main__":
    main()
