"""Fin-GAN trained as one stack: ``python -m benchmarks.stacked_fingan --members 64 248 1544`` prints one JSON line.

Microseconds for one update of one member (discriminator and generator step, batch 100, PnL&MSE&SR) on all cores, order,
noise and gathering of rows included; seconds to ask the ten losses of one ticker about 2,195 validation and test
windows with 1,000 samples each. ``--study`` adds one seed of the 31-ticker study's GAN part from beginning to end: 25
epochs of matching, 100 of training for each of ten losses, evaluation; on random returns of the real data's size.
"""

from __future__ import annotations

import argparse
import resource
import time

import numpy as np

from benchmarks.report import least_seconds, print_line
from engine.models.fingan.networks import GENERATOR, LOSSES, Asset, FinGANConfig, updates_in_epoch
from engine.models.fingan.sampling import GeneratorStack
from engine.models.fingan.stacked_training import TRAINING, BlockRunner, StackLearner
from engine.models.fingan.training import FINGAN, compiled_epoch, train
from engine.training.compiled import available_cores

ROWS, LENGTH, WINDOWS, TICKERS = 8846, 10, 2195, 31
FULL_LOSS = "PnL&MSE&SR"


def main() -> None:
    """Time stacks of several sizes, the evaluation of one ticker, and on demand one seed of the whole study."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--members", type=int, nargs="+", default=[64, 248, 1544])
    parser.add_argument("--least", type=int, default=5, help="timings of each, of which the least counts")
    parser.add_argument("--threads", type=int, default=available_cores())
    parser.add_argument("--study", action="store_true", help="train and evaluate one seed of 31 tickers")
    asked = parser.parse_args()
    timed = {str(n): _microseconds(n, asked.threads, asked.least) for n in asked.members}
    figures: dict[str, object] = {
        "us_per_member_iteration": {n: round(wall, 2) for n, (wall, _) in timed.items()},
        "cpu_us_per_member_iteration": {n: round(cpu, 2) for n, (_, cpu) in timed.items()},
        "evaluation_seconds_per_ticker": round(_evaluation_seconds(asked.least), 3),
        "threads": asked.threads,
        "batch": FinGANConfig().batch_size,
    }
    if asked.study:
        figures |= _study(asked.threads)
    figures["peak_memory_mb"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    print_line(figures, "numpy", "numba", "torch")


def _asset(name: str, seed: int) -> Asset:
    returns = np.random.default_rng(seed).normal(0, 0.01, ROWS + LENGTH)
    windows = np.lib.stride_tricks.sliding_window_view(returns, LENGTH + 1)
    return Asset(name, windows[:, :-1], windows[:, -1])


def _microseconds(count: int, threads: int, repeats: int) -> tuple[float, float]:
    """One epoch of a stack: the least by the clock, and the processor time of the least busy one, all threads summed.

    On a machine with other work the clock measures that work too; the processor time does so much less.
    """
    runner = BlockRunner(compiled_epoch, threads)
    assets = [_asset(f"A{k}", k) for k in range(min(count, TICKERS))]
    seeds = range(-(-count // len(assets)))
    config = FinGANConfig(matching_epochs=1)
    learner = StackLearner(FINGAN, assets, config, seeds=seeds, losses=[FULL_LOSS], runner=runner)
    learner.norms[...] = 1.0
    learner.begin_phase(TRAINING)
    learner.stack = learner.stack.rows(np.arange(count))
    busy: list[float] = []

    def epoch() -> None:
        start = time.process_time()
        learner.step(None)
        busy.append(time.process_time() - start)

    seconds = least_seconds(epoch, repeats)
    runner.close()
    updates = count * updates_in_epoch(ROWS, config.batch_size)
    return 1e6 * seconds / updates, 1e6 * min(busy) / updates


def _evaluation_seconds(repeats: int) -> float:
    """Ten generators of one ticker on all windows, untrained: the time does not depend on the weights."""
    learner = StackLearner(
        FINGAN, [_asset("A", 0)], FinGANConfig(), seeds=range(10), losses=["BCE"], runner=BlockRunner(compiled_epoch, 1)
    )
    learner.runner.close()
    stack = learner.stack
    generators = GeneratorStack(stack.values[GENERATOR], stack.scale.astype(np.float64), learner.members, LENGTH)
    windows = np.random.default_rng(1).normal(0, 0.01, (WINDOWS, LENGTH))
    return least_seconds(lambda: generators.forecast(windows, 1000), repeats)


def _study(threads: int) -> dict[str, object]:
    """One seed, ten losses, 31 tickers."""
    began, busy = time.perf_counter(), time.process_time()
    trained = train([_asset(f"A{k}", k) for k in range(TICKERS)], threads=threads)
    seconds = time.perf_counter() - began
    for k in range(TICKERS):
        windows = np.random.default_rng(k).normal(0, 0.01, (WINDOWS, LENGTH))
        trained.generators.of(asset=f"A{k}").forecast(windows, 1000)
    return {
        "study_members": len(LOSSES) * TICKERS,
        "study_training_seconds": round(seconds, 1),
        "study_seconds": round(time.perf_counter() - began, 1),
        "study_cpu_seconds": round(time.process_time() - busy, 1),
    }


if __name__ == "__main__":
    main()
