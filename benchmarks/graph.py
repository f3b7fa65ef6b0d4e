"""Graph ensembles at the thesis's size and beyond, on synthetic generators and returns.

``python -m benchmarks.graph`` prints seconds and peak memory for the cross-evaluation of 193 generators on 193 assets
(1,098 windows each in validation and test, 100 samples), for all eight weightings of the result, and for LASSO on all
308 rows of a panel of 308 with the four η of the thesis. Training is measured in µs a member and update on 64 members
and *extrapolated* to 193 assets with eight losses (25 epochs of matching, then 100): ``whole_minutes`` adds it all up.
``--train`` extrapolates nothing: 193 assets of 11,000 half-days each are cut into windows, trained with all eight
losses through all epochs, the loss of each chosen on its validation part, the chosen generators cross-evaluated and
weighted. CPU seconds are those of all threads: beside other work the clock measures that work too. ``--quick`` takes a
tenth of the assets, to see that it works.
"""

from __future__ import annotations

import argparse
import resource
import time
from typing import Any

import numpy as np

from benchmarks.report import print_line
from engine.decisions import forecasting, graph
from engine.decisions.graph import regression
from engine.decisions.graph.cross_evaluation import cross_sign_counts
from engine.market.price_history import PriceHistory
from engine.market.returns import HalfDayWindows, fingan_windows
from engine.models.fingan.networks import COMBINATIONS, Asset, FinGANConfig, Member, generator_shapes, initial_weights
from engine.models.fingan.sampling import GeneratorStack

WINDOWS, SAMPLES, TRAINING_WINDOWS, LENGTH = 1098, 100, 8774, 10
BATCH, MATCHING, EPOCHS, DAYS, CHOICE_SAMPLES = 100, 25, 100, 5500, 1000
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
    regression.lasso(signs[:2], returns[:2], (1e-4,))  # compile
    start, busy = time.perf_counter(), time.process_time()
    solved = regression.lasso(signs, returns, graph.GRIDS["lasso"])
    seconds, busy = time.perf_counter() - start, time.process_time() - busy
    timed = {"lasso_seconds": round(seconds, 2), "lasso_cpu_seconds": round(busy, 2)}
    return {**timed, "lasso_edges_at_smallest_eta": float((solved[-1] != 0).mean())}


def training() -> float:
    """Microseconds a member and update, on all cores."""
    from engine.models.fingan import training as fingan_training

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


def panel(n: int) -> list[HalfDayWindows]:
    """Windows of synthetic prices: a common factor, own moves, half a day at a time."""
    rng = np.random.default_rng(5)
    moves = 0.004 * rng.standard_normal((2 * DAYS, 1)) + 0.005 * rng.standard_t(4, (2 * DAYS, n))
    levels = 50 * np.exp(np.cumsum(moves, axis=0))
    days = np.datetime64("2000-01-03") + np.arange(DAYS)
    prices = PriceHistory(days, levels[1::2], tuple(f"T{k}" for k in range(n)), open=levels[0::2])
    return [fingan_windows(prices, name, split_check=False) for name in prices.tickers]


def everything(n: int) -> dict[str, Any]:
    """Windows, training, choice, cross-evaluation and all weightings, timed one by one."""
    from engine.models.fingan import training as fingan_training

    clock = [time.perf_counter()]
    busy = time.process_time()
    found = panel(n)
    assets = [Asset(one.ticker, one.condition[one.rows("train")], one.target[one.rows("train")]) for one in found]
    clock.append(time.perf_counter())
    config = FinGANConfig(epochs=EPOCHS, matching_epochs=MATCHING)
    stack = fingan_training.train(assets, config, losses=tuple(COMBINATIONS)).generators
    clock.append(time.perf_counter())
    rows = []
    for place, one in enumerate(found):
        part = one.rows("validation")
        own = stack.of(asset=one.ticker)
        pnl = own.forecast(one.condition[part], CHOICE_SAMPLES, first_row=part.start).sign * one.target[part]
        ratios = forecasting.sharpe_ratio(forecasting.daily(pnl, one.date[part])[1])
        rows.append(len(COMBINATIONS) * place + int(np.argmax(np.nan_to_num(ratios, nan=-np.inf))))
    chosen = stack.take(rows)
    clock.append(time.perf_counter())
    parts = {name: np.stack([one.condition[one.rows(name)] for one in found]) for name in ("validation", "test")}
    kept = {name: cross_sign_counts(chosen, cut, SAMPLES, np.random.default_rng(2)) for name, cut in parts.items()}
    clock.append(time.perf_counter())
    returns = np.stack([one.target[one.rows("validation")] for one in found])
    signs = kept["validation"] / SAMPLES
    for method in graph.METHODS:
        graph.bets(graph.weights(method, signs, returns), kept["test"] / SAMPLES)
    clock.append(time.perf_counter())
    steps = ("windows", "training", "choice", "cross_evaluation", "weightings")
    return {
        "assets": n,
        "members": len(stack),
        "training_windows": len(assets[0].target),
        "validation_and_test_windows": int(sum(cut.shape[1] for cut in parts.values())),
        **{f"{step}_seconds": round(seconds, 1) for step, seconds in zip(steps, np.diff(clock), strict=True)},
        "total_minutes": round((clock[-1] - clock[0]) / 60, 2),
        "total_cpu_minutes": round((time.process_time() - busy) / 60, 2),
        "peak_gigabytes": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6, 2),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--quick", action="store_true", help="a tenth of the assets")
    parser.add_argument("--train", action="store_true", help="train them all instead of extrapolating: minutes")
    asked = parser.parse_args()
    share = 0.1 if asked.quick else 1.0
    assets, many = round(193 * share), round(308 * share)
    if asked.train:
        print_line(everything(assets), "numpy", "numba")
        return
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
