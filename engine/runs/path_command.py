"""``python -m engine paths``: a trained generator chained for up to a year, written as a table, judged in words."""

from __future__ import annotations

import argparse
from pathlib import Path

from engine.errors import MarketDataError, SettingsError
from engine.runs.command_line import beta, day, table_suffix, whole, write_table


def arguments(parser: argparse.ArgumentParser) -> None:
    """What can be typed after the verb."""
    parser.add_argument("--run", required=True, help="name of a finished run or a shipped checkpoint, or a path")
    parser.add_argument("--data", required=True, help="id of a dataset or path of a file")
    parser.add_argument("--date", help="the day known last; the last one of the data if not given")
    parser.add_argument("--days", type=whole, default=252, help="length of the paths, trading days; 252 if not given")
    parser.add_argument("--n", type=whole, default=1_000, help="number of paths; 1,000 if not given")
    parser.add_argument("--beta", default="auto", help="reweighting of paths: a number >= 0, or auto (500/max φ)")
    parser.add_argument("--seed", type=whole, default=0, help="of the paths; 0 if not given")
    parser.add_argument("--out", required=True, type=Path, help="file to write, .csv or .parquet; a row a path and day")


def run(given: argparse.Namespace) -> int:
    """Chain, weigh, write, and say whether the paths stay like the data."""
    import numpy as np

    from engine import datasets
    from engine.evaluation import path_stability
    from engine.market.surface_history import SurfaceHistory
    from engine.models import rollout as paths
    from engine.runs import checkpoints
    from engine.runs.progress_log import counter
    from engine.scenarios import reweighting

    table_suffix(given.out)
    fixed = None if given.beta == "auto" else beta(given.beta)
    model, card = checkpoints.load_surface_model(checkpoints.find(given.run))
    history = datasets.load(given.data).data
    if not isinstance(history, SurfaceHistory):
        raise SettingsError(f"expected surfaces to start paths from; found other data in {given.data!r}")
    condition = history if given.date is None else history.until(history.row_of(day(given.date)))
    rng = np.random.default_rng(given.seed)
    walked = paths.simulate(model, condition, given.n, given.days, rng=rng, on_day=counter("days"))
    strength = walked.default_beta() if fixed is None else fixed
    weights = walked.weights(strength)
    write_table(given.out, walked.to_frame(weights))
    phi, stayed = walked.path_penalty, walked.complete
    left = int((~stayed).sum())
    print(f"{given.n:,} paths of {given.days} days from {walked.dates[0]}, {card.label}, seed {given.seed}")
    print(f"{left:,} left 0.1 % to 500 % vol and carry no weight")
    print(
        f"φ of a path: mean {phi[stayed].mean():.3g} as drawn, {float(weights[stayed] @ phi[stayed]):.3g} reweighted "
        f"with beta {strength:.4g}"
    )
    entropy, size = reweighting.relative_entropy(weights), reweighting.effective_sample_size(weights)
    print(f"effective sample size {float(size):,.0f}, distance from equal weights {float(entropy):.3g} nats")
    try:
        found = path_stability.compare(walked, condition)
    except MarketDataError as reason:
        print(f"not judged: {reason}")
    else:
        for line in (found.alarm, *found.words):
            if line:
                print(line)
    print(f"written to {given.out}")
    return 0
