"""Milliseconds of one data-driven hedge, and seconds of the straddle study: 52 months × 6 straddles × 21 days.

``python -m benchmarks.hedging``; ``--least 20`` for more timings of the hedge, ``--workers 1`` for one process.
"""

from __future__ import annotations

import argparse
import contextlib
import time

import numpy as np

from benchmarks.report import least_seconds, print_line
from engine.decisions import hedging
from engine.decisions.hedging import CostModel
from engine.market.grid import DT
from engine.models.conditional_fhs.historical import FilteredHistoricalSimulation
from engine.models.simulated.market import built_in
from engine.runs.compute import ProcessPool
from engine.studies import hedging as hedging_study
from engine.studies.base import Tables, Work

MONTHS, DAYS = 52, 21


def main() -> None:
    """Time one hedge with 20 values of α, the same with each part apart, and the study with four methods."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--least", type=int, default=15, help="timings of each, of which the least counts")
    parser.add_argument("--repeats", type=int, default=2, help="timings of the study")
    parser.add_argument("--workers", type=int, default=2, help="processes of the study")
    asked = parser.parse_args()
    history = built_in("simulated-10x8").history
    model = FilteredHistoricalSimulation()
    model.fit(history[:4000], seed=1)
    row = 4700
    spot = float(history.spot[row])
    straddle = hedging.straddle(0.8 * spot)
    instruments = hedging.hedging_set(spot, straddle)  # with the underlying, 8
    window = hedging.Window.of(history, (*instruments, *straddle.options), start=row, days=0, costs=CostModel())
    moves = hedging.draw_moves(window, model, scenarios=1000, fresh=100, seed=1)
    holding, columns = window.holding(straddle), window.instruments(instruments)
    y, x = moves.fit[0] @ holding, moves.fit[0][:, columns]
    fresh_y, fresh_x = moves.fresh[0] @ holding, moves.fresh[0][:, columns]
    cost, gross = window.cost[0, columns], float(window.price[0] @ np.abs(holding))
    held = np.zeros(len(columns))
    parts = {
        "hedge_with_20_alphas": lambda: hedging.choose_alpha(y, x, cost, held, gross, fresh_y, fresh_x),
        "hedge_with_one_alpha": lambda: hedging.hedge_ratios(y, x, cost, held, 0.01, gross),
        "reprice_1000_scenarios": lambda: window.book.prices(
            spot * np.exp(0.01 * fresh_y[:1].repeat(1000) / gross), history.iv[row : row + 1].repeat(1000, 0),
            history.grid, DT, 0.02,
        ),
    }  # fmt: skip
    figures: dict[str, object] = {
        f"ms_{name}": round(1000 * least_seconds(work, asked.least), 3) for name, work in parts.items()
    }
    first = len(history) - 1 - MONTHS * DAYS
    config = hedging_study.Config(source="fhs", alpha="aic", variants=False, test_from=str(history.dates[first]))
    tables: Tables = {}
    seconds = []
    for _ in range(asked.repeats):
        began = time.perf_counter()
        with contextlib.closing(ProcessPool(asked.workers)) as team:
            tables = {}
            for step in hedging_study.steps(history, config, Work(run=team.run)):
                tables |= step.make()
        seconds.append(time.perf_counter() - began)
    months = tables["months"]["month"].nunique()
    figures |= {
        "seconds_study": round(min(seconds), 2),
        "months": int(months),
        "straddles": len(tables["months"]) // int(months),
        "methods": int(tables["pooled"]["method"].nunique()),
        "workers": asked.workers,
    }
    print_line(figures, "numpy", "scipy", "quadprog")


if __name__ == "__main__":
    main()
