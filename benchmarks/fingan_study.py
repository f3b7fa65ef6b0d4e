"""One seed of the 31-ticker Fin-GAN study: ``python -m benchmarks.fingan_study`` prints one JSON line.

Seconds by the clock and of processor time for each part: benchmarks (ARIMA and the others), ten losses of Fin-GAN with
their evaluation, LSTM and LSTM-Fin, tables; on random returns of the real data's size. ``--tickers 4`` is a quick look.
"""

from __future__ import annotations

import argparse
import resource
import time

import numpy as np

from benchmarks.report import print_line
from engine.market.price_history import PriceHistory
from engine.studies import fingan
from engine.studies.base import Work

DAYS, TICKERS = 5536, 31


def main() -> None:
    """Carry out the study's steps one by one and time each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tickers", type=int, default=TICKERS)
    parser.add_argument("--days", type=int, default=DAYS)
    asked = parser.parse_args()
    levels = 50 * np.exp(np.cumsum(np.random.default_rng(0).normal(0, 0.01, (2 * asked.days, asked.tickers)), axis=0))
    prices = PriceHistory(
        np.datetime64("2000-01-03") + np.arange(asked.days),
        levels[1::2],
        tuple(f"T{k}" for k in range(asked.tickers)),
        open=levels[0::2],
    )
    work, clock, processor = Work(), {}, {}
    for step in fingan.steps(prices, fingan.Config(seeds=1, universality=False), work):
        began, used = time.perf_counter(), time.process_time()
        step.make()
        clock[step.words] = round(time.perf_counter() - began, 1)
        processor[step.words] = round(time.process_time() - used, 1)
    figures = {
        "tickers": asked.tickers,
        "seconds": clock,
        "processor_seconds": processor,
        "total_seconds": round(sum(clock.values()), 1),
        "total_processor_seconds": round(sum(processor.values()), 1),
        "peak_memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }
    print_line(figures, "numpy", "numba", "torch", "statsmodels")


if __name__ == "__main__":
    main()
