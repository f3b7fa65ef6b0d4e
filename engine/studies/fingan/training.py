"""Trains what the Fin-GAN study compares, step by step, and keeps what each says of the validation and test part."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, cast

import numpy as np
import pandas as pd

from engine.decisions import forecasting
from engine.errors import CheckpointError
from engine.market.grid import TRADING_DAYS, Floats
from engine.market.returns import HalfDayWindows
from engine.market.surface_history import Dates
from engine.models.fingan.forecast_baselines import BASELINES
from engine.models.fingan.networks import COMBINATIONS, FIN_COMBINATIONS, LOSSES, LSTM_LOSSES, TERMS, FinGANConfig
from engine.models.fingan.sampling import GeneratorStack
from engine.settings import setting
from engine.studies.base import Tables, Work
from engine.studies.fingan import arrays as names
from engine.studies.fingan import tables, universality
from engine.studies.fingan.arrays import PARTS, Arrays, padded, unpadded
from engine.studies.fingan.combinations import Choice, Trials, choose, ratios
from engine.studies.fingan.tables import Played
from engine.studies.fingan.universality import Judged
from engine.studies.fingan.universe import Panel, Universe, training_asset
from engine.training.progress import Progress, TrainingStopped

KEEP_EVERY = 5.0
"""Seconds between two kept states: what the page's heatmap of a running study shows is as old."""


RECENT_YEARS = 5
"""Last years of the training part that the longer choice looks at besides the validation part."""


_EARLIER = (
    "expected ratios of the training part's last years beside the forecasts; found a study that an earlier version "
    "began: repeat it in a new run"
)


class Asked(Protocol):
    """Settings that training needs."""

    @property
    def seeds(self) -> int:
        """Number of seeds."""

    @property
    def first_seed(self) -> int:
        """The first of them."""

    @property
    def epochs(self) -> int:
        """After gradient matching."""

    @property
    def matching_epochs(self) -> int:
        """On the adversarial loss alone."""

    @property
    def device(self) -> str:
        """Where Fin-GAN is trained."""

    @property
    def samples(self) -> int:
        """Generated returns a window."""


def bad_opens() -> Any:
    """The setting of what becomes of bad opens, the same for every study of these windows."""
    return setting(
        "keep",
        label="Bad opens",
        help="Days on which the open was not recorded: keep, drop windows that touch them, or repair.",
        choices=("keep", "drop", "repair"),
        advanced=True,
    )


def device() -> Any:
    """The setting of where Fin-GAN is trained."""
    return setting(
        "cpu",
        label="Device",
        help="Where Fin-GAN is trained: cpu is compiled code on all cores, cuda is torch on a graphics card.",
        choices=("cpu", "cuda"),
        advanced=True,
    )


def first_seed() -> Any:
    """The setting of the first of several seeds."""
    return setting(0, label="First seed", help="The others follow it.", low=0, high=2**31 - 1, advanced=True)


def benchmarks(found: Universe, config: Asked, work: Work) -> Tables:
    """Forecasts of every benchmark without networks, ticker by ticker."""
    checkpointer = work.checkpointer(names.BENCHMARKS)
    kept: Arrays = checkpointer.load() or {}
    panels = {part: Panel(found.windows, part) for part in PARTS}
    for place, one in enumerate(found.windows):
        if work.report(Progress("benchmarks", place, len(found.windows), {})):
            raise TrainingStopped(f"stopped after the benchmarks of {place} of {len(found.windows)} tickers")
        for position, (name, (_, forecast)) in enumerate(BASELINES.items()):
            if f"{name}.{place}.words" in kept:
                continue
            said = forecast(one, np.random.default_rng([config.first_seed, place, position]))
            kept[f"{name}.{place}.words"] = np.frombuffer(said.words.encode(), np.uint8).copy()
            for part, panel in panels.items():
                rows = panel.rows[place]
                both = [said.bet[rows]] if said.expected is None else [said.bet[rows], said.expected[rows]]
                kept[f"{name}.{place}.{part}"] = np.stack(both)
        checkpointer.save(kept)
    words = [
        {"ticker": one.ticker, "method": name, "fitted": kept[f"{name}.{place}.words"].tobytes().decode()}
        for place, one in enumerate(found.windows)
        for name in BASELINES
    ]
    return {"benchmark_orders": pd.DataFrame([row for row in words if row["fitted"]])}


def fingan_seed(found: Universe, config: Asked, seed: int, work: Work) -> Tables:
    """Train all losses of all tickers from one seed, and ask them about the validation and test part."""
    from engine.models.fingan.training import Device, train, train_in_blocks

    weights, said = work.checkpointer(names.gan(seed)), work.checkpointer(names.forecasts(seed))
    arrays = weights.load()
    if arrays is None:
        training = work.checkpointer(names.training(f"gan_{seed:02d}"))
        assets = [training_asset(one) for one in found.windows]
        settings = FinGANConfig(epochs=config.epochs, matching_epochs=config.matching_epochs)
        where = cast(Device, config.device)
        run = work.keeping(names.gan(seed)) if work.spread else None
        if run is not None:
            trained = train_in_blocks(assets, settings, seeds=(seed,), run=run, device=where)
        else:
            trained = train(
                assets,
                settings,
                seeds=(seed,),
                device=where,
                on_step=work.report,
                checkpointer=training,
                keep_every=KEEP_EVERY,
            )
        featured = found.tickers[tables.featured(found.tickers)]
        arrays = {
            **trained.generators.arrays(),
            "coefficients": trained.coefficients,
            "norms": trained.norms[featured, seed],
        }
        weights.save(arrays)
        work.forget(names.gan(seed))
        training.save({"finished": np.ones(1)})
    stack = GeneratorStack.restore(arrays)
    said.save(_said(stack, found, config.samples))
    return {}


def lstm_seed(found: Universe, config: Asked, seed: int, work: Work) -> Tables:
    """Train the LSTM and every LSTM-Fin of all tickers from one seed, and ask them about both parts."""
    from engine.models.fingan.lstm import train_forecasters

    checkpointer = work.checkpointer(names.lstm(seed))
    if checkpointer.load() is not None:
        return {}
    training = work.checkpointer(names.training(names.lstm(seed)))
    trained = train_forecasters(
        [training_asset(one) for one in found.windows],
        FinGANConfig(epochs=config.epochs, matching_epochs=config.matching_epochs),
        seeds=(seed,),
        on_step=work.report,
        checkpointer=training,
    )
    arrays: Arrays = trained.forecasters.arrays()
    for part in PARTS:
        said = []
        for one in found.windows:
            said.append(trained.forecasters.of(asset=one.ticker).point_estimates(one.condition[one.rows(part)]))
        arrays[f"{part}.mean"] = padded(said)  # (tickers, losses, n)
    checkpointer.save(arrays)
    training.save({"finished": np.ones(1)})
    return {}


def pooled(found: Universe, config: Asked, work: Work) -> Tables:
    """Train the pooled networks of the first seed, all losses, and ask them about their tickers."""
    from engine.models.fingan.training import Device, train

    window = {one.ticker: one for one in found.windows}
    pools = universality.pools(found)
    checkpointer = work.checkpointer(names.POOLS)
    if not pools or checkpointer.load() is not None:
        return {}
    training = work.checkpointer(names.training(names.POOLS))
    trained = train(
        [universality.pooled_asset(pool.name, [window[name] for name in pool.trained]) for pool in pools],
        FinGANConfig(epochs=config.epochs, matching_epochs=config.matching_epochs),
        seeds=(config.first_seed,),
        device=cast(Device, config.device),
        on_step=work.report,
        checkpointer=training,
    )
    arrays: Arrays = trained.generators.arrays()
    for pool in pools:
        stack = trained.generators.of(asset=pool.name)
        for part, tickers in (("validation", {*pool.trained, *pool.judged}), ("test", {*pool.judged})):
            for ticker in sorted(tickers):
                rows = window[ticker].rows(part)
                bets = stack.forecast(window[ticker].condition[rows], config.samples, first_row=rows.start).sign
                arrays[f"{part}.{pool.name}.{ticker}"] = bets
        arrays[f"{names.RECENT}.{pool.name}"] = _recent_of_pool(
            stack, [window[name] for name in pool.trained], config.samples
        )
    checkpointer.save(arrays)
    training.save({"finished": np.ones(1)})
    return {}


def judged(found: Universe, config: Asked, work: Work) -> tuple[Judged, ...]:
    """What the pooled networks bet.

    Raises:
        CheckpointError: if an earlier version trained them, which did not keep ratios of the training part.
    """
    kept = work.checkpointer(names.POOLS).load() or {}
    made = []
    for pool in universality.pools(found):
        recent = kept.get(f"{names.RECENT}.{pool.name}")
        if recent is None:
            raise CheckpointError(_EARLIER)
        by_part: list[dict[str, Floats]] = []
        for part in PARTS:
            start = f"{part}.{pool.name}."
            by_part.append({k[len(start) :]: v.astype(np.float64) for k, v in kept.items() if k.startswith(start)})
        made.append(Judged(pool, tuple(LOSSES), by_part[0], by_part[1], recent.astype(np.float64)))
    return tuple(made)


def trials(found: Universe, config: Asked, work: Work) -> tuple[Trials, Trials]:
    """What every loss of every seed said of the validation and of the test part."""
    seeds = _seeds(config)
    kept = [_load(work, names.forecasts(seed)) for seed in seeds]
    both = []
    for part in PARTS:
        lengths = [len(x) for x in Panel(found.windows, part).realised]
        both.append(
            Trials(
                tuple(LOSSES),
                seeds,
                tuple(unpadded(one[f"{part}.sign"], lengths) for one in kept),
                tuple(unpadded(one[f"{part}.mean"], lengths) for one in kept),
                np.stack([one[f"{part}.spread"] for one in kept]).astype(np.float64),
            )
        )
    return both[0], both[1]


def recent_ratios(config: Asked, work: Work) -> Floats:
    """``(seeds, tickers, losses)`` Sharpe ratio of every loss on the last years of the training part, in sample.

    Raises:
        CheckpointError: if an earlier version asked the networks, which did not keep it.
    """
    kept = [_load(work, names.forecasts(seed)) for seed in _seeds(config)]
    if any(names.RECENT not in one for one in kept):
        raise CheckpointError(_EARLIER)
    return np.stack([one[names.RECENT] for one in kept]).astype(np.float64)


def played(found: Universe, config: Asked, work: Work) -> tuple[dict[str, Played], dict[str, Played]]:
    """What is compared with Fin-GAN, on the validation and on the test part: the LSTMs and those without networks.

    LSTM-Fin's loss is chosen like Fin-GAN's, by the ratio on the validation part.
    """
    panels = [Panel(found.windows, part) for part in PARTS]
    before, after = (_lstm_trials(panel, config, work) for panel in panels)
    choice = choose(ratios(panels[0], before), before.losses, tuple(FIN_COMBINATIONS))
    both = []
    kept = _load(work, names.BENCHMARKS)
    for part, one in zip(PARTS, (before, after), strict=True):
        plain, economic = one.only("MSE", "lstm", "LSTM"), one.pick(choice, "lstm_fin", "LSTM-Fin")
        made = [
            plain,
            plain.averaged("lstm_ensemble", "LSTM, seeds averaged"),
            economic,
            economic.averaged("lstm_fin_ensemble", "LSTM-Fin, seeds averaged"),
        ]
        for name, (label, _) in BASELINES.items():
            said = [kept[f"{name}.{place}.{part}"] for place in range(len(found.windows))]
            expected = (tuple(row[1] for row in said),) if len(said[0]) > 1 else None
            made.append(Played(name, label, (tuple(row[0] for row in said),), expected))
        both.append({method.name: method for method in made})
    return both[0], both[1]


def _lstm_trials(panel: Panel, config: Asked, work: Work) -> Trials:
    """Point forecasts of all LSTMs on one part; their bets are signs, and they have no spread."""
    seeds, lengths = _seeds(config), [len(x) for x in panel.realised]
    means = tuple(unpadded(_load(work, names.lstm(seed))[f"{panel.part}.mean"], lengths) for seed in seeds)
    bets = tuple(tuple(np.sign(one) for one in of_seed) for of_seed in means)
    spread = np.full((len(seeds), len(lengths), len(LSTM_LOSSES)), np.inf)
    return Trials(tuple(LSTM_LOSSES), seeds, bets, means, spread)


def keep_choice(found: Universe, config: Asked, work: Work, choice: Choice, name: str) -> None:
    """Keep the chosen generators of all seeds with their bets on both parts, for other studies and the page.

    Args:
        found, config, work: of the study.
        choice: which loss of each seed and ticker.
        name: of the arrays, one of :data:`names.KEPT`.
    """
    stacks, arrays = [], {}
    for row, seed in zip(choice, _seeds(config), strict=True):
        stack = GeneratorStack.restore(_load(work, names.gan(seed)))
        stacks.append(stack.take(np.arange(len(found.windows)) * len(LOSSES) + row))
    members = tuple(member for stack in stacks for member in stack.members)
    weights = np.concatenate([stack.weights for stack in stacks])
    scale = np.concatenate([stack.scale for stack in stacks])
    everything = GeneratorStack(weights, scale, members, stacks[0].length)
    for part in PARTS:
        kept = [_load(work, names.forecasts(seed))[f"{part}.sign"] for seed in _seeds(config)]
        picked = [one[np.arange(len(row)), row] for one, row in zip(kept, choice, strict=True)]
        arrays[f"{part}.bet"] = np.stack(picked).astype(np.float16)
        arrays[f"{part}.length"] = np.array([len(x) for x in Panel(found.windows, part).realised])
    work.checkpointer(name).save({**everything.arrays(), **arrays})


def pictures(found: Universe, config: Asked, work: Work, after: Trials, ticker: int) -> Tables:
    """Densities of the featured ticker's generators on the test window that tells them apart most (Figure 5.3)."""
    one, seed = found.windows[ticker], config.first_seed
    stack = GeneratorStack.restore(_load(work, names.gan(seed))).of(asset=one.ticker)
    at = one.rows("test").start + tables.telling_window(after.bets[0][ticker][: len(COMBINATIONS)])
    table = tables.condition_densities(stack, one.condition[at], np.random.default_rng(seed))
    table = table.assign(
        ticker=one.ticker,
        date=str(one.date[at]),
        half="overnight" if one.overnight[at] else "intraday",
        seed=seed,
        target=round(10_000 * float(one.target[at]), 3),
    )
    return {"figure_5_3_distributions": table}


def coefficient_tables(found: Universe, config: Asked, work: Work, ticker: int) -> Tables:
    """Matched coefficients of every ticker and seed, and the featured ticker's gradient norms (Figure 5.2)."""
    rows = []
    for seed in _seeds(config):
        kept = _load(work, names.gan(seed))
        used = np.abs(kept["coefficients"]).reshape(len(found.windows), len(LOSSES), len(TERMS))
        matched = used.max(axis=1)  # a loss without the term has 0 there
        for name, values in zip(found.tickers, matched, strict=True):
            rows.append(
                {
                    "ticker": name,
                    "seed": seed,
                    **dict(zip(("alpha", "beta", "gamma", "delta"), values[1:], strict=True)),
                }
            )
    norms = pd.DataFrame(_load(work, names.gan(config.first_seed))["norms"], columns=list(TERMS))
    norms.insert(0, "iteration", np.arange(1, len(norms) + 1))
    norms = norms.assign(ticker=found.tickers[ticker], seed=config.first_seed)
    return {"coefficients": pd.DataFrame(rows), "figure_5_2_gradient_norms": norms}


def _seeds(config: Asked) -> tuple[int, ...]:
    return tuple(range(config.first_seed, config.first_seed + config.seeds))


def _said(stack: GeneratorStack, found: Universe, samples: int) -> Arrays:
    """Bets, means and spread of all losses of all tickers on both parts."""
    made: Arrays = {}
    for part in PARTS:
        said = []
        for one in found.windows:
            rows = one.rows(part)
            said.append(stack.of(asset=one.ticker).forecast(one.condition[rows], samples, first_row=rows.start))
        made[f"{part}.sign"] = padded([one.sign for one in said])
        made[f"{part}.mean"] = padded([one.mean for one in said])
        made[f"{part}.spread"] = np.stack([one.sd[:, 0] for one in said])  # (tickers, losses)
    made[names.RECENT] = np.stack([_recent(stack.of(asset=one.ticker), one, samples) for one in found.windows])
    return made


def _recent(stack: GeneratorStack, one: HalfDayWindows, samples: int) -> Floats:
    """``(losses,)`` Sharpe ratios of a ticker's bets on the last years of its training part."""
    return forecasting.sharpe_ratio(_recent_daily(stack, one, samples)[1])


def _recent_daily(stack: GeneratorStack, one: HalfDayWindows, samples: int) -> tuple[Dates, Floats]:
    """The days of a ticker's last years of training, and ``(losses, days)`` the PnL of its bets on them."""
    train = one.rows("train")
    days = np.unique(one.date[train])
    first = days[max(0, len(days) - RECENT_YEARS * TRADING_DAYS)]
    rows = slice(train.start + int(np.searchsorted(one.date[train], first)), train.stop)
    bet = stack.forecast(one.condition[rows], samples, first_row=rows.start).sign
    return forecasting.daily(forecasting.weighted_pnl(bet, one.target[rows]), one.date[rows])


def _recent_of_pool(stack: GeneratorStack, windows: Sequence[HalfDayWindows], samples: int) -> Floats:
    """``(losses,)`` Sharpe ratios of the portfolio of a pool's tickers on the last years of their training parts."""
    daily = [_recent_daily(stack, one, samples) for one in windows]
    days = np.unique(np.concatenate([date for date, _ in daily]))
    pnl = np.full((len(daily), daily[0][1].shape[0], len(days)), np.nan)
    for row, (date, one) in zip(pnl, daily, strict=True):
        row[:, np.searchsorted(days, date)] = one
    return np.array([forecasting.sharpe_ratio(forecasting.portfolio(of_loss)) for of_loss in pnl.swapaxes(0, 1)])


def _load(work: Work, name: str) -> Arrays:
    kept = work.checkpointer(name).load()
    if kept is None:
        raise CheckpointError(f"expected the arrays {name} of this study; found none: repeat it in a new run")
    return kept
