"""The command line: ``python -m engine <verb>``. What the pages start is what a person can type.

A verb is one :class:`Verb`: its arguments and a function that carries it out, which imports what it needs. Errors in
what was typed or found are one sentence on the standard error and exit code 2; a training that failed is 1, a stopped
one 130.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from engine.errors import MarketDataError, ScenaristError, SettingsError

if TYPE_CHECKING:
    import pandas as pd

    from engine.runs.cards import Card


BAD_INPUT = 2
FAILED = 1
STOPPED = 130
MOST_SCENARIOS = 500_000
SHOWN_REJECTIONS = 10


@dataclass(frozen=True)
class Verb:
    """One thing that can be asked for: a sentence, its arguments, and what carries it out and gives the exit code."""

    help: str
    arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int]


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one sentence, without the usage."""

    def error(self, message: str) -> NoReturn:
        self.exit(BAD_INPUT, f"{message} (see {self.prog} --help)\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb; returns the exit code."""
    arguments = _parser().parse_args(argv)
    try:
        return VERBS[arguments.verb].run(arguments)
    except ScenaristError as error:
        print(_one_line(f"{error}{_how_to_answer(error)}"), file=sys.stderr)
        return BAD_INPUT
    except OSError as error:
        if isinstance(error, BrokenPipeError):  # the reader of a pipe has seen enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 0
        print(_one_line(f"expected to read and write files; found: {error}"), file=sys.stderr)
        return BAD_INPUT
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return STOPPED


def _how_to_answer(error: ScenaristError) -> str:
    """What to type, if the error is a question about a file."""
    from engine.market.intake import AmbiguousColumns

    if not isinstance(error, AmbiguousColumns):
        return ""
    example = {"day": "2026-01-30", "number": "4000"}.get(error.takes) or next(iter(error.options), "COLUMN")
    return (
        f" (answer with --answer {error.needed}={example!r})"
        if " " in example
        else (f" (answer with --answer {error.needed}={example})")
    )


def _train_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", nargs="?", help="which model (see: models); not needed with --resume")
    parser.add_argument("--task", help="what the model is put to (see: models); its first task if not given")
    parser.add_argument("--data", help="id of a dataset (see: datasets) or path of a file")
    _answer_argument(parser)
    parser.add_argument("--run", required=True, help="name of the run in the workspace, or path of a directory")
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", dest="pairs", help="a setting, repeatable"
    )
    parser.add_argument("--seed", type=_whole, help="of the initial weights and everything drawn; 0 if not given")
    parser.add_argument(
        "--split", help="training part: share of the days, or its last day; 0.85 if not given, 1 is all"
    )
    parser.add_argument("--resume", action="store_true", help="continue an interrupted run, or train a finished one on")


def _train(arguments: argparse.Namespace) -> int:
    from engine.runs import run_directory, worker
    from engine.runs.progress_log import duration
    from engine.training.progress import TrainingStopped

    directory = run_directory.named(arguments.run)
    order = worker.Order(
        model=arguments.model,
        data=_ref(arguments.data, arguments),
        pairs=tuple(arguments.pairs),
        seed=arguments.seed,
        split=arguments.split,
        resume=arguments.resume,
        task=arguments.task,
    )
    try:
        card = worker.train(directory, order)
    except worker.TrainingFailed as failed:
        print(_one_line(str(failed)), file=sys.stderr)
        return FAILED
    except TrainingStopped as stopped:
        again = f"python -m engine train --run {arguments.run} --resume"
        if (directory / run_directory.CONFIG).exists():
            print(f"{stopped}; continue with: {again}", file=sys.stderr)
        else:
            print(f"{stopped}; nothing was begun", file=sys.stderr)
        return STOPPED
    for doubt in run_directory.read_json(directory / run_directory.CONFIG)["data"].get("doubts", ()):
        print(_one_line(f"warning: {doubt}"))
    print(f"trained {card.label} on {card.data_name} in {duration(card.seconds)}: {directory}")
    return 0


def _study_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", help="which study (any other word lists them)")
    parser.add_argument("--data", help="id of a dataset (see: datasets) or path of a file")
    _answer_argument(parser)
    parser.add_argument("--model", help="trained generator that the study uses: a run, a shipped checkpoint, or a path")
    parser.add_argument("--models", help="several trained generators to compare, separated by commas")
    parser.add_argument("--bce", help="VolGAN trained with loss=bce, to compare with")
    parser.add_argument("--fingan", help="finished study of Fin-GAN whose generators the study uses: a run or a path")
    parser.add_argument("--sectors", help="sector map (ticker, sector_etf) for a study of prices")
    parser.add_argument("--tickers", help="tickers separated by commas, the same as --set tickers=…")
    parser.add_argument("--seeds", help="number of seeds, the same as --set seeds=…")
    parser.add_argument(
        "--cluster", default="", help="where blocks of work run: local:N or tcp://host:port (Dask); else processes here"
    )
    parser.add_argument("--run", required=True, help="name of the run in the workspace, or path of a directory")
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", dest="pairs", help="a setting, repeatable"
    )
    parser.add_argument("--resume", action="store_true", help="continue an interrupted study, or repeat a finished one")


def _study(arguments: argparse.Namespace) -> int:
    from engine.runs import run_directory, studies
    from engine.training.progress import TrainingStopped

    directory = run_directory.named(arguments.run)
    short = {"tickers": arguments.tickers, "seeds": arguments.seeds}
    pairs = [*arguments.pairs, *(f"{name}={value}" for name, value in short.items() if value is not None)]
    named = {"model": arguments.model, "models": arguments.models, "bce": arguments.bce, "fingan": arguments.fingan}
    inputs = {name: ref for name, ref in named.items() if ref is not None}
    order = studies.StudyOrder(
        arguments.name,
        _ref(arguments.data, arguments),
        pairs,
        arguments.resume,
        inputs=inputs,
        sectors=arguments.sectors,
        cluster=arguments.cluster,
    )
    try:
        result = studies.run(directory, order)
    except TrainingStopped as stopped:
        again = f"python -m engine study {arguments.name} --run {arguments.run} --resume"
        print(f"{stopped}; continue with: {again}", file=sys.stderr)
        return STOPPED
    for doubt in result.data.get("doubts", ()):
        print(_one_line(f"warning: {doubt}"))
    for name, value in result.summary.items():
        print(f"{name.replace('_', ' ')}: {value:.4g}")
    if "left_out" in result.data:
        print(f"{result.data['name']}: {result.data['left_out']}")
    print(f"{len(result.table_names())} tables in {directory / studies.RESULT}")
    return 0


def _generator_arguments(parser: argparse.ArgumentParser, *, required: bool = True) -> None:
    """Which generator: a trained one, or one fitted now."""
    one = parser.add_mutually_exclusive_group(required=required)
    one.add_argument("--run", help="name of a finished run or a shipped checkpoint, or a path")
    one.add_argument("--model", help="instead of --run: a generator that is fitted in seconds to the days up to --date")


def _generator(given: argparse.Namespace, known: Any) -> tuple[Any, str]:
    """The generator asked for, fitted to what is known where it is not a trained one, and its label.

    Raises:
        SettingsError: for a model that is not fitted within seconds.
    """
    from engine.models import registry
    from engine.runs import checkpoints

    if given.run is not None:
        model, card = checkpoints.load_surface_model(checkpoints.find(given.run))
        return model, card.label
    if given.model not in registry.on_the_spot():
        listed = ", ".join(registry.on_the_spot())
        raise SettingsError(
            f"expected --model to be one that is fitted in seconds ({listed}); found {given.model[:40]!r}"
        )
    fitted = registry.surface_model(given.model)()
    fitted.fit(known, seed=0)
    return fitted, f"{registry.label(given.model)}, fitted to the days up to {known.dates[-1]}"


def _sample_arguments(parser: argparse.ArgumentParser) -> None:
    _generator_arguments(parser)
    parser.add_argument("--data", help="id of a dataset or path of a file, of the kind that the model was trained on")
    _answer_argument(parser)
    parser.add_argument("--date", help="the day known last; the last one of the data if not given")
    parser.add_argument("--n", type=_whole, default=10_000, help="number of scenarios; 10,000 if not given")
    parser.add_argument(
        "--beta", default="auto", help="reweighting against arbitrage: a number >= 0, or auto (500/max Φ)"
    )
    parser.add_argument("--seed", type=_whole, default=0, help="of the scenarios; 0 if not given")
    parser.add_argument("--out", required=True, type=Path, help="file to write, .csv or .parquet")


def _sample(arguments: argparse.Namespace) -> int:
    import numpy as np

    from engine.market.surface_history import SurfaceHistory
    from engine.models import registry
    from engine.runs import checkpoints
    from engine.scenarios import reweighting
    from engine.surfaces import arbitrage

    _table_suffix(arguments.out)
    if not 1 <= arguments.n <= MOST_SCENARIOS:
        raise SettingsError(f"expected --n between 1 and {MOST_SCENARIOS:,}; found {arguments.n}")
    if arguments.run is not None:
        drawer, card = checkpoints.load(checkpoints.find(arguments.run))
        if card.task != registry.NEXT_DAY:
            return _draw(arguments, drawer, card)
    history = _data_of(arguments)
    if not isinstance(history, SurfaceHistory):
        raise SettingsError(f"expected surfaces to sample from; found other data in {arguments.data!r}")
    row = len(history) - 1 if arguments.date is None else history.row_of(_day(arguments.date))
    condition = history.until(row)
    model, label = _generator(arguments, condition)
    drawn = model.sample(condition, arguments.n, rng=np.random.default_rng(arguments.seed))
    phi = arbitrage.total_penalty(drawn.iv, drawn.grid, float(condition.rate[-1]))
    beta = float(reweighting.default_beta(phi)) if arguments.beta == "auto" else _beta(arguments.beta)
    weights = reweighting.weights(phi, beta)
    _write_table(arguments.out, drawn.weighted(weights).to_frame())
    size = float(reweighting.effective_sample_size(weights))
    print(f"{arguments.n:,} scenarios of the day after {history.dates[row]} from {label}, seed {arguments.seed}")
    print(f"penalty mean {phi.mean():.3g} as drawn, {float(weights @ phi):.3g} reweighted with beta {beta:.4g}")
    print(f"effective sample size {size:,.0f}; written to {arguments.out}")
    return 0


def _draw(arguments: argparse.Namespace, model: Any, card: Card) -> int:
    """Draws of a model whose task is another than tomorrow's surface."""
    import numpy as np

    from engine.market.price_history import PriceHistory
    from engine.market.surface_history import SurfaceHistory

    kinds: dict[str, Any] = {"surfaces": SurfaceHistory, "prices": PriceHistory}
    reads = model.task.reads
    data = None if reads == "nothing" else _data_of(arguments)
    if data is not None and not isinstance(data, kinds[reads]):
        raise SettingsError(f"expected {reads} to sample from; found other data in {arguments.data!r}")
    if arguments.date is not None and data is not None:
        data, _ = data.split(after=_day(arguments.date))
    drawn = model.sample(data, arguments.n, rng=np.random.default_rng(arguments.seed))
    _write_table(arguments.out, drawn.to_frame())
    print(
        f"{arguments.n:,} draws of {card.label} on the task {card.task}, seed {arguments.seed}; "
        f"written to {arguments.out}"
    )
    return 0


def _data_of(arguments: argparse.Namespace) -> Any:
    from engine import datasets

    if arguments.data is None:
        raise SettingsError("expected --data with the id of a dataset or the path of a file; found none")
    return datasets.load(_ref(arguments.data, arguments)).data


def _answer_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--answer",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        dest="answers",
        help="answer to a question about the file of --data, repeatable: spot=4000, date=2026-01-30, close=COLUMN",
    )


def _ref(data: Any, arguments: argparse.Namespace) -> Any:
    """The dataset that was named, read with the answers that were given."""
    from engine import datasets

    if data is None and arguments.answers:
        raise SettingsError("expected --data beside --answer; found none")
    return data if data is None else datasets.answered(data, arguments.answers)


def _paths_arguments(parser: argparse.ArgumentParser) -> None:
    """What can be typed after the verb."""
    _generator_arguments(parser)
    parser.add_argument("--data", required=True, help="id of a dataset or path of a file")
    _answer_argument(parser)
    parser.add_argument("--date", help="the day known last; the last one of the data if not given")
    parser.add_argument("--days", type=_whole, default=252, help="length of the paths, trading days; 252 if not given")
    parser.add_argument("--n", type=_whole, default=1_000, help="number of paths; 1,000 if not given")
    parser.add_argument("--beta", default="auto", help="reweighting of paths: a number >= 0, or auto (500/max φ)")
    parser.add_argument("--seed", type=_whole, default=0, help="of the paths; 0 if not given")
    parser.add_argument("--out", required=True, type=Path, help="file to write, .csv or .parquet; a row a path and day")


def _paths(given: argparse.Namespace) -> int:
    """Chain, weigh, write, and say whether the paths stay like the data."""
    import numpy as np

    from engine.evaluation import path_stability
    from engine.market.surface_history import SurfaceHistory
    from engine.models import rollout
    from engine.runs.progress_log import counter
    from engine.scenarios import reweighting

    _table_suffix(given.out)
    fixed = None if given.beta == "auto" else _beta(given.beta)
    history = _data_of(given)
    if not isinstance(history, SurfaceHistory):
        raise SettingsError(f"expected surfaces to start paths from; found other data in {given.data!r}")
    condition = history if given.date is None else history.until(history.row_of(_day(given.date)))
    model, label = _generator(given, condition)
    rng = np.random.default_rng(given.seed)
    walked = rollout.simulate(model, condition, given.n, given.days, rng=rng, on_day=counter("days"))
    strength = walked.default_beta() if fixed is None else fixed
    weights = walked.weights(strength)
    _write_table(given.out, walked.to_frame(weights))
    phi, stayed = walked.path_penalty, walked.complete
    left = int((~stayed).sum())
    print(f"{given.n:,} paths of {given.days} days from {walked.dates[0]}, {label}, seed {given.seed}")
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


STRATEGIES = ("data-driven", "least-shortfall", "delta", "delta-vega")


def _ticket_arguments(parser: argparse.ArgumentParser) -> None:
    """What can be typed after the verb."""
    parser.add_argument("--data", required=True, help="id of a dataset or path of a file, surfaces")
    _answer_argument(parser)
    parser.add_argument("--day", help="the day of the ticket, YYYY-MM-DD; the last one of the data if not given")
    parser.add_argument(
        "--book",
        required=True,
        action="append",
        help="what is held: 'straddle 95%% 21d 1; put 2700 3m -2; underlying -0.5': kind, strike (%% of spot or "
        "currency), expiry (d, w, m, y), quantity, negative if sold; can be given several times",
    )
    parser.add_argument("--strategy", choices=STRATEGIES, default="data-driven", help="data-driven if not given")
    _generator_arguments(parser, required=False)
    parser.add_argument("--scenarios", type=_whole, default=1_000, help="of tomorrow; 1,000 if not given")
    parser.add_argument("--seed", type=_whole, default=1, help="of the scenarios; 1 if not given")
    parser.add_argument("--out", required=True, type=Path, help="file to write, .csv or .parquet; a row an instrument")


def _ticket(given: argparse.Namespace) -> int:
    """What the holder of a book trades today."""
    from engine.decisions import hedging
    from engine.evaluation import track_record
    from engine.market.surface_history import SurfaceHistory
    from engine.models import registry

    _table_suffix(given.out)
    history = _data_of(given)
    if not isinstance(history, SurfaceHistory):
        raise SettingsError(f"expected surfaces to hedge on; found other data in {given.data!r}")
    known = history if given.day is None else history.until(history.row_of(_day(given.day)))
    spot, grid = float(known.spot[-1]), known.grid
    book = hedging.parse_book(";".join(given.book), spot)
    if given.run is None and given.model is None:  # the best of those whose bands held on the days before
        given.model = next(iter(track_record.compare(known, len(known) - 1)), registry.on_the_spot()[0])
    model, source = _generator(given, known)
    strategies: dict[str, hedging.Strategy] = dict(
        zip(
            STRATEGIES,
            (hedging.DataDriven(), hedging.ShortfallHedge(), hedging.DeltaHedge(), hedging.DeltaVegaHedge()),
            strict=True,
        )
    )
    ticket = hedging.hedge_today(
        known,
        book,
        strategies[given.strategy],
        instruments=hedging.usual_instruments(known, -1, book, maturity=hedging.usual_maturity(grid)),
        model=model,
        scenarios=given.scenarios,
        seed=given.seed,
    )
    table = ticket.to_frame()
    _write_table(given.out, table[(table["quantity"] != 0) | (table["type"] == hedging.UNDERLYING)])
    print(f"{given.strategy} ticket of {ticket.date} at spot {spot:,.2f}, scenarios by {source}, seed {given.seed}")
    for said in hedging.off_the_surface(book, spot, grid):
        print(said)
    print(
        f"book: value {ticket.value:.6g}, delta {ticket.value_delta:.4g}, vega {ticket.value_vega / 100:.4g} "
        f"a vol point; with the ticket delta {ticket.net_delta:.4g}, vega {ticket.net_vega / 100:.4g}; "
        f"cost {ticket.cost:.4g}"
    )
    for label, pnl in (("book alone", ticket.book_pnl), ("book and hedge", ticket.pnl)):
        value_at_risk, shortfall = hedging.tail_losses(pnl, 0.05)
        print(
            f"profit until tomorrow, {label}: mean {pnl.mean():.4g}, sd {pnl.std():.4g}; lost in the worst 5 %: "
            f"at least {value_at_risk:.4g} (VaR), on average {shortfall:.4g} (ES); {len(pnl):,} unseen scenarios, "
            "equal weights"
        )
    print(f"written to {given.out}")
    return 0


def _surfaces_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", required=True, help="id of a dataset of option quotes, or path of a file of them")
    _answer_argument(parser)
    parser.add_argument(
        "--grid",
        help="where to: moneyness K/S x maturities, as in '0.9,0.95,1,1.05 x 21d,30d,45d' (d, w, m or y); log forward "
        "moneyness log(K/F) with log: in front, as in 'log:-0.1,0,0.1 x 1m,2m'; or 10x8 or 11x9; what the quotes span "
        "if not given",
    )
    parser.add_argument(
        "--method", default="arbitrage_free", help="arbitrage_free, kernel, ssvi, interpolation, or one with +repair"
    )
    parser.add_argument("--bandwidth", help="h1,h2 of the kernel, variances; searched for if not given")
    parser.add_argument(
        "--rates", choices=("expiry", "day"), default="expiry", help="forwards by expiry, or one carry for the day"
    )
    parser.add_argument("--traded-only", action="store_true", help="drop quotes of options that nobody traded")
    parser.add_argument("--seed", type=_whole, default=0, help="of the day of the bandwidth search; 0 if not given")
    parser.add_argument("--out", required=True, type=Path, help="file to write, .csv or .parquet")


def _surfaces(arguments: argparse.Namespace) -> int:
    from engine.market import export
    from engine.market.quotes import OptionQuotes
    from engine.runs.progress_log import counter
    from engine.surfaces import levels, smoothing

    _table_suffix(arguments.out)
    wanted = None if arguments.grid is None else levels.parse(arguments.grid)
    quotes = _data_of(arguments)
    if not isinstance(quotes, OptionQuotes):
        raise SettingsError(f"expected option quotes to build surfaces from; found other data in {arguments.data!r}")
    wanted = wanted or levels.Levels(levels.proposed_for(quotes))
    made = smoothing.history_from_quotes(
        quotes,
        wanted.grid,
        None if arguments.bandwidth is None else _pair(arguments.bandwidth),
        arguments.method,
        seed=arguments.seed,
        rates=arguments.rates,
        keep_untraded=not arguments.traded_only,
        forward_moneyness=wanted.forward,
        on_day=counter("days"),
    )
    _write_table(arguments.out, export.surfaces_table(made.history))
    print(made.words)
    print(f"grid {wanted.text}")
    if wanted.forward:
        print("moneyness is measured from each maturity's forward, so these surfaces have no carry")
    for row in made.skipped.itertuples(index=False):
        print("  " + _one_line(f"{row.date:%Y-%m-%d}: {row.reason}"))
    used, total = int(made.days["used"].sum()), int(made.days["quotes"].sum())
    free = int((made.days["phi_after"] == 0).sum())
    inside = float(made.days["share_inside"].mean())
    print(
        f"{used:,} of {total:,} quotes carry vols; {100 * inside:.1f} % of them enclose the surface between bid and ask"
    )
    if arguments.method.startswith("kernel"):
        print(f"bandwidth {made.bandwidth[0]:g}, {made.bandwidth[1]:g}")
    print(f"{free:,} of {len(made.days):,} surfaces free of static arbitrage; written to {arguments.out}")
    return 0


def _pair(text: str) -> tuple[float, float]:
    try:
        first, second = (float(part) for part in text.split(","))
    except ValueError:
        raise SettingsError(f"expected --bandwidth as two numbers h1,h2; found {text[:40]!r}") from None
    return first, second


def _check_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", help="path of a file, or id of a dataset")
    _answer_argument(parser)
    parser.add_argument("--rejected", type=Path, help="write every rejected row, with its line and reason, to this CSV")


def _check(arguments: argparse.Namespace) -> int:
    from engine import datasets, uses, workspace

    loaded = datasets.load(_ref(arguments.file, arguments))
    first, last = loaded.data.period
    print(f"{_one_line(loaded.label)}: {loaded.entry.kind}, {_rows(len(loaded.data))} kept, {first} to {last}")
    print(f"fingerprint {loaded.data.fingerprint}")
    for note in loaded.notes:
        print(f"{'warning' if note in loaded.doubts else 'note'}: {_one_line(note)}")
    for use in uses.uses(loaded.data):
        print(f"for {use.title}: {use.says}" if use.possible else f"not for {use.title}: {use.lacks}")
    print(f"{len(loaded.rejected):,} rejected")
    for row in loaded.rejected.head(SHOWN_REJECTIONS).itertuples(index=False):
        print("  " + _one_line(f"line {row.line}: {row.column} {row.value!r}: {row.reason}"))
    if len(loaded.rejected) > SHOWN_REJECTIONS:
        print(f"  … and {len(loaded.rejected) - SHOWN_REJECTIONS:,} more; all of them with --rejected FILE.csv")
    if arguments.rejected is not None:
        workspace.write_whole(arguments.rejected, _harmless(loaded.rejected).to_csv(index=False).encode())
    return 0


def _runs(arguments: argparse.Namespace) -> int:
    from engine.runs import jobs
    from engine.runs.progress_log import duration

    runs = jobs.list_runs()
    if not runs:
        print("no runs yet; begin one with: python -m engine train MODEL --data REF --run NAME")
    for run in runs:
        found = jobs.progress(run.directory)
        words = [f"{run.name:32}", f"{run.state:11}", f"{run.model} on {run.data_name}" if run.data_name else run.model]
        if found.latest is not None:
            words.append(f"{100 * found.latest.fraction:.0f} %")
        if run.active and found.remaining is not None:
            words.append(f"ETA {duration(found.remaining)}")
        print(_one_line("  ".join([*words, run.reason])))
    return 0


def _datasets(arguments: argparse.Namespace) -> int:
    from engine import datasets

    for entry in datasets.catalogue():
        print(_one_line(f"{entry.id:32}  {entry.kind:9}  {entry.origin:9}  {entry.label}"))
    return 0


def _models(arguments: argparse.Namespace) -> int:
    from engine import settings
    from engine.models import registry

    for spec in registry.SPECS.values():
        print(f"{spec.name}: {spec.label} ({spec.role}; {', '.join(spec.tasks)})")
        if spec.study:
            print(f"  trained by: python -m engine study {spec.study}")
            continue
        for info in settings.describe(registry.model(spec.name).Config):
            allowed = f"one of {', '.join(info.choices)}" if info.choices else f"{info.low} to {info.high}"
            unit = f" {info.unit}" if info.unit else ""
            print(f"  {info.name}={info.default}{unit}  ({allowed})  {info.help}")
    return 0


def _nothing(parser: argparse.ArgumentParser) -> None:
    """A verb without arguments."""


VERBS: dict[str, Verb] = {
    "train": Verb("train a model on a dataset, in a run that can be resumed", _train_arguments, _train),
    "study": Verb("compute every table of a study on a dataset, as CSV", _study_arguments, _study),
    "sample": Verb("draw weighted scenarios of the next day from a trained model", _sample_arguments, _sample),
    "paths": Verb("chain a trained model for up to a year, day by day", _paths_arguments, _paths),
    "ticket": Verb("say what the holder of an option book trades today to hedge it", _ticket_arguments, _ticket),
    "surfaces": Verb("build the surfaces of every day of a file of option quotes", _surfaces_arguments, _surfaces),
    "check": Verb("read a file and say what was accepted, decided and rejected", _check_arguments, _check),
    "runs": Verb("list the runs of the workspace", _nothing, _runs),
    "datasets": Verb("list the datasets that can be named", _nothing, _datasets),
    "models": Verb("list the models and their settings", _nothing, _models),
}
"""Every verb; a new one is one line here."""


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="python -m engine", description="Generative models of option and equity markets.")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    for name, verb in VERBS.items():
        verb.arguments(verbs.add_parser(name, help=verb.help, description=verb.help))
    return parser


def _whole(text: str) -> int:
    """A whole number, as a type of argparse."""
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected a whole number; found {text[:40]!r}") from None


def _beta(text: str) -> float:
    """β ≥ 0.

    Raises:
        SettingsError: for anything else.
    """
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise SettingsError(f"expected --beta as a number >= 0, or auto; found {text[:40]!r}")
    return value


def _day(text: str) -> str:
    """A date as YYYY-MM-DD.

    Raises:
        SettingsError: for anything else.
    """
    import datetime

    try:
        return datetime.date.fromisoformat(text).isoformat()
    except ValueError:
        raise SettingsError(f"expected --date as YYYY-MM-DD; found {text[:40]!r}") from None


def _table_suffix(path: Path) -> str:
    """``.csv`` or ``.parquet``.

    Raises:
        SettingsError: for another.
    """
    suffix = path.suffix.lower()
    if suffix not in (".csv", ".parquet"):
        raise SettingsError(f"expected --out to end in .csv or .parquet; found {path.name!r}")
    return suffix


def _write_table(path: Path, table: pd.DataFrame) -> None:
    """A whole file or none."""
    import io

    from engine import workspace

    buffer = io.BytesIO()
    if _table_suffix(path) == ".csv":
        table.to_csv(buffer, index=False)
    else:
        table.to_parquet(buffer, index=False)
    workspace.write_whole(path, buffer.getvalue())


def _one_line(text: str) -> str:
    """Text from files and names, without what a terminal would act on."""
    return "".join(c if c.isprintable() else " " for c in text).rstrip()


def _rows(count: int) -> str:
    return f"{count:,} row" + ("" if count == 1 else "s")


def _harmless(table: pd.DataFrame) -> pd.DataFrame:
    """Cells that a spreadsheet would run as a formula get a leading apostrophe."""

    def safe(cell: object) -> object:
        return f"'{cell}" if isinstance(cell, str) and cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell

    return table.map(safe)


if __name__ == "__main__":
    sys.exit(main())
