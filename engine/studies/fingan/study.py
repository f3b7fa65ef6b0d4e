"""The Fin-GAN study (chapter 5): many tickers, ten losses, several seeds, benchmarks and published figures beside them.

``python -m engine study fingan --data FILE --sectors FILE --tickers … --seeds 5 --run DIR`` writes every table as CSV
and keeps every network. A seed's training is a step of its own, so a killed study resumes with the seed it was in, and
within a seed where its checkpointer left it.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import numpy as np
import pandas as pd

from engine.evaluation.comparison import block_counts
from engine.market.grid import Floats
from engine.market.price_history import PriceHistory
from engine.models.fingan.networks import COMBINATIONS
from engine.settings import configuration, setting
from engine.studies.base import Step, Tables, Work
from engine.studies.fingan import combinations, tables, training, universality
from engine.studies.fingan.arrays import KEPT
from engine.studies.fingan.combinations import Trials
from engine.studies.fingan.tables import Played
from engine.studies.fingan.universe import Panel, Universe, universe

LABEL = "Fin-GAN: forecasts, bets and what they earn"
DATA = "prices"
INPUTS: tuple[str, ...] = ()

LOSS_LABELS = {name: name for name in COMBINATIONS} | {"MSE": "BCE&MSE", "BCE": "BCE (ForGAN)"}
BLOCK = 21


@configuration
class FinGanStudyConfig:
    """What is trained and on what."""

    tickers: str = setting(
        "",
        label="Tickers",
        help="Separated by commas; empty: the stocks and ETFs of the sector map, or every ticker if there is none.",
    )
    seeds: int = setting(5, label="Seeds", help="Every network is trained from so many seeds.", low=1, high=100)
    epochs: int = setting(
        100, label="Epochs", help="After gradient matching, for every loss.", low=1, high=10_000, extends=True
    )
    universality: bool = setting(
        True, label="Universality", help="Train networks on tickers pooled: all, either half, each sector."
    )
    matching_epochs: int = setting(
        25, label="Matching epochs", help="On the adversarial loss alone.", low=1, high=1_000, advanced=True
    )
    samples: int = setting(
        1000, label="Samples", help="Generated returns a window (B).", low=10, high=100_000, advanced=True
    )
    bad_opens: str = training.bad_opens()
    first_seed: int = training.first_seed()
    device: str = training.device()
    draws: int = setting(
        2000, label="Resamples", help="Of the days, for intervals.", low=100, high=100_000, advanced=True
    )


Config = FinGanStudyConfig


def steps(data: PriceHistory, config: FinGanStudyConfig, work: Work) -> tuple[Step, ...]:
    """Windows; benchmarks; one step a seed for Fin-GAN and for the LSTMs; pooled networks; tables.

    Raises:
        MarketDataError: if no ticker can be used.
    """
    found = universe(data, config.tickers, bad_opens=config.bad_opens)
    seeds = range(config.first_seed, config.first_seed + config.seeds)
    kinds = (("Fin-GAN", training.fingan_seed), ("LSTM", training.lstm_seed))
    trained = [
        Step(f"{words}, seed {seed}", partial(make, found, config, seed, work))
        for words, make in kinds
        for seed in seeds
    ]
    pooled = [Step("pooled networks", partial(training.pooled, found, config, work))] if config.universality else []
    return (
        Step("tickers", lambda: {"tickers": found.table()}),
        Step("benchmarks", partial(training.benchmarks, found, config, work)),
        *trained,
        *pooled,
        Step("tables", partial(_tables, found, config, work)),
    )


def summary(tables: Mapping[str, pd.DataFrame]) -> dict[str, float]:
    """Headline figures for the run's card."""
    found = tables["table_5_2"].set_index(["method", "statistic"])["value"]
    pairs = tables["paired_longer"]
    return {
        "portfolio_sharpe_ratio_of_longer_choice_averaged": float(found["fingan_longer_ensemble", "portfolio_sr"]),
        "portfolio_sharpe_ratio_of_longer_choice_of_a_seed": float(found["fingan_longer", "portfolio_sr"]),
        "mean_sharpe_ratio_of_longer_choice_averaged": float(found["fingan_longer_ensemble", "mean_sr"]),
        "portfolio_sharpe_ratio_of_the_thesis_choice_averaged": float(found["fingan_ensemble", "portfolio_sr"]),
        "portfolio_sharpe_ratio_of_forgan_averaged": float(found["forgan_ensemble", "portfolio_sr"]),
        "p_value_of_longer_choice_against_forgan_averaged": float(
            pairs.loc[pairs["against"] == FORGAN_AVERAGED, "p_value"].iloc[0]
        ),
    }


FORGAN_AVERAGED = "ForGAN, seeds averaged"


def _tables(found: Universe, config: FinGanStudyConfig, work: Work) -> Tables:
    validation, test = Panel(found.windows, "validation"), Panel(found.windows, "test")
    counts = block_counts(
        len(test.days),
        rng=np.random.default_rng(config.first_seed),
        draws=config.draws,
        block=min(BLOCK, len(test.days)),
    )
    before, after = training.trials(found, config, work)
    seen = combinations.ratios(validation, before)
    recent = training.recent_ratios(config, work)
    choice = combinations.choose(seen, before.losses, tuple(COMBINATIONS))
    longer = combinations.choose(combinations.longer(seen, recent), before.losses, tuple(COMBINATIONS))
    others_early, others_late = training.played(found, config, work)
    early = _gan_methods(before, choice, longer) | others_early
    late = _gan_methods(after, choice, longer) | others_late
    methods = list(late.values())
    by_ticker = tables.by_ticker(test, methods)
    base, other = late["fingan_ensemble"], late["fingan_longer_ensemble"]
    table = combinations.combination_table(test, after, seen, recent, choice, longer, LOSS_LABELS)
    priced = [name for name in PRICED if name in late]
    of_loss = [after.only(loss, loss, LOSS_LABELS[loss]) for loss in after.losses]
    ticker = tables.featured(found.tickers)
    training.keep_choice(found, config, work, longer, KEPT["longer"])
    training.keep_choice(found, config, work, choice, KEPT["thesis"])
    made = {
        "table_5_2": tables.overview(test, methods, by_ticker, counts),
        "table_5_3": combinations.chosen_table(table, tuple(COMBINATIONS)),
        "seeds": tables.seeds_table(test, methods),
        "paired": tables.paired(test, base, [m for m in methods if m.name != base.name], counts),
        "paired_longer": tables.paired(test, other, [m for m in methods if m.name != other.name], counts),
        "halves": tables.halves(test, methods),
        "sharpe_errors": tables.errors(test, methods),
        "figure_5_6_by_ticker": by_ticker,
        "by_ticker_and_day_longer": _by_day(test, other),
        "figure_5_8_by_ticker_and_day": _by_day(test, base),
        "figure_5_9_portfolio": tables.portfolio_series(test, methods),
        "figure_5_9_losses": tables.portfolio_series(test, of_loss),
        "figure_5_12_combinations": table,
        "figure_5_13_correlations": combinations.correlation_table(test, after),
        "selection": combinations.selection_table(validation, test, before, after, choice, tuple(COMBINATIONS)),
        "costs": tables.cost_table(validation, test, [early[n] for n in priced], [late[n] for n in priced], counts),
        "cost_series": tables.cost_series(test, [late[name] for name in priced]),
        "figure_5_4_means": tables.mean_densities(after.losses, after.expected[0][ticker], test.realised[ticker]),
        **training.pictures(found, config, work, after, ticker),
        **training.coefficient_tables(found, config, work, ticker),
    }
    if config.universality:
        judged = training.judged(found, config, work)
        own = by_ticker[by_ticker["method"] == "fingan_longer"].groupby("ticker")["sharpe"].mean().to_dict()
        single = {str(name): float(ratio) for name, ratio in own.items()}
        made["figure_5_14_universality"] = universality.ticker_table(validation, test, judged, single)
        made["universality_portfolios"] = universality.portfolio_table(
            validation, test, judged, tuple(COMBINATIONS), counts
        )
    return made


PRICED = ("fingan_longer_ensemble", "fingan_ensemble", "forgan_ensemble", "lstm_ensemble", "arima", "logistic")
"""Methods whose costs are worked out: one set of bets each."""


def _gan_methods(trials: Trials, choice: combinations.Choice, longer: combinations.Choice) -> dict[str, Played]:
    one = trials.pick(choice, "fingan", "Fin-GAN as published")
    back = trials.pick(longer, "fingan_longer", "Fin-GAN, longer choice")
    plain = trials.only("BCE", "forgan", "ForGAN")
    every = trials.averaged(tuple(COMBINATIONS), "fingan_all", "Fin-GAN, all losses")
    found = (
        back,
        back.averaged("fingan_longer_ensemble", "Fin-GAN, longer choice, seeds averaged"),
        one,
        one.averaged("fingan_ensemble", "Fin-GAN as published, seeds averaged"),
        every.averaged("fingan_all_ensemble", "Fin-GAN, losses and seeds averaged"),
        plain,
        plain.averaged("forgan_ensemble", FORGAN_AVERAGED),
    )
    return {method.name: method for method in found}


def _by_day(panel: Panel, method: Played) -> pd.DataFrame:
    pnl: Floats = panel.pnl(method.bets[0])
    table = pd.DataFrame({name: row.round(3) for name, row in zip(panel.tickers, pnl, strict=True)})
    table.insert(0, "date", panel.days)
    return table
