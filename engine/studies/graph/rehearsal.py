"""A rehearsal of GraFiN-Gen: Fin-GAN and graph study whole, repeated on data that end before the test part begins.

``python -m engine study rehearsal --data FILE --sectors FILE --run DIR``. Each rehearsal cuts the prices off earlier,
trains every generator anew on the first 80 % of what is left, chooses losses and learns graphs on the next 10 %, and
scores them on the last 10 %. So what a graph study must not decide on its own test part can be decided here: which
weighting, and which share θ of it stays with each asset's own generator (:func:`~engine.decisions.graph.anchored`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd

from engine.decisions import graph
from engine.decisions.graph.cross_evaluation import cross_signs
from engine.errors import SettingsError
from engine.market.grid import Floats
from engine.market.price_history import PriceHistory
from engine.models.fingan.networks import COMBINATIONS
from engine.models.fingan.sampling import GeneratorStack
from engine.settings import configuration, setting
from engine.studies.base import Step, Tables, Work, rounded
from engine.studies.fingan import arrays, combinations, training
from engine.studies.fingan.universe import Panel as Tickers
from engine.studies.fingan.universe import Universe, universe
from engine.studies.graph.inputs import Trained, panel
from engine.training.progress import Checkpointer

LABEL = "Rehearsal: the graph study on data that end earlier"
DATA = "prices"
INPUTS: tuple[str, ...] = ()

SHARES = (0.0, 0.25, 1 / 3, 0.5, 2 / 3, 0.75, 1.0)
"""Shares θ of the own generator that are compared; 1 is identity."""

AVERAGED = -1
"""In the column seed: signs averaged over seeds."""


@configuration
class RehearsalConfig:
    """How often the study is rehearsed, and on what."""

    tickers: str = setting(
        "", label="Tickers", help="Separated by commas; empty: the stocks and ETFs of the sector map, or every ticker."
    )
    ends: str = setting(
        "0.9, 0.8, 0.7, 0.6",
        label="Ends",
        help="Shares of the days after which the data of a rehearsal end; at 0.9 it ends where a study's test part "
        "begins, and none may end later.",
    )
    seeds: int = setting(5, label="Seeds", help="Every network is trained from so many seeds.", low=1, high=100)
    epochs: int = setting(100, label="Epochs", help="After gradient matching, for every loss.", low=1, high=10_000)
    matching_epochs: int = setting(
        25, label="Matching epochs", help="On the adversarial loss alone.", low=1, high=1_000, advanced=True
    )
    samples: int = setting(
        1000,
        label="Samples",
        help="Generated returns a window (B), to choose losses.",
        low=10,
        high=100_000,
        advanced=True,
    )
    cross_samples: int = setting(
        100,
        label="Samples of a pair",
        help="Generated returns a window for its sign.",
        low=10,
        high=1000,
        advanced=True,
    )
    bad_opens: str = training.bad_opens()
    first_seed: int = training.first_seed()
    device: str = training.device()


Config = RehearsalConfig


def steps(data: PriceHistory, config: RehearsalConfig, work: Work) -> tuple[Step, ...]:
    """For every end a step for each seed's training and one for the graphs; then the tables.

    Raises:
        SettingsError: if an end is none.
        MarketDataError: if no ticker can be used.
    """
    parts = ends(config.ends)
    made: list[Step] = []
    for number, share in enumerate(parts):
        shorter = until(data, share)
        last = shorter.period[1]
        own = replace(work, checkpointers=partial(_checkpointer, work, number))
        found = universe(shorter, config.tickers, bad_opens=config.bad_opens)
        for seed in _seeds(config):
            make = partial(training.fingan_seed, found, config, seed, own)
            made.append(Step(f"until {last}, seed {seed}", make))
        made.append(Step(f"until {last}, graphs", partial(_score, found, config, own)))
    lasts = [until(data, share).period[1] for share in parts]
    return (*made, Step("tables", partial(_tables, lasts, config, work)))


def summary(tables: Mapping[str, pd.DataFrame]) -> dict[str, float]:
    """The best weighting and share with one seed's generators, beside identity."""
    one = tables["rehearsed_weightings"]
    one = one[one["signs"] == "one seed"]
    best = one.sort_values("portfolio_sr", kind="stable").iloc[-1]
    return {
        "rehearsals": float(best["rehearsals"]),
        "best_portfolio_sharpe": float(best["portfolio_sr"]),
        "own_share_of_the_best": float(best["own_share"]),
        "portfolio_sharpe_of_identity": float(best["identity_sr"]),
        "wins_of_the_best": float(best["wins"]),
    }


def ends(text: str) -> tuple[float, ...]:
    """Shares of the days that a person typed, separated by commas or blanks.

    Raises:
        SettingsError: if there is none, one appears twice, or one is outside [0.2, 0.9].
    """
    try:
        found = tuple(float(word) for word in text.replace(",", " ").split())
    except ValueError:
        found = ()
    if not found or len(set(found)) != len(found) or not all(0.2 <= share <= 0.9 for share in found):
        raise SettingsError(f"expected distinct shares of the days from 0.2 to 0.9 as ends; found {text[:40]!r}")
    return found


def until(prices: PriceHistory, share: float) -> PriceHistory:
    """The first share of the days."""
    return prices[: int(len(prices) * share)]


def scored(signs: Mapping[str, Floats], found: Universe) -> pd.DataFrame:
    """Portfolio Sharpe ratio on the last part of every weighting learned on the one before, for every share.

    Args:
        signs: "validation" and "test" → ``(assets, generators, times)``.
        found: the tickers.

    Returns:
        Columns method, own_share, portfolio_sr.
    """
    parts = panel({one.ticker: one for one in found.windows})
    past, ahead = parts.validation, parts.test
    rows = []
    for method in graph.METHODS:
        if method == "identity":
            continue
        if method == "correlation":
            w = graph.correlation(parts.past.returns)
        else:
            w = graph.weights(method, signs["validation"], past.returns, date=past.date)
        for share in SHARES:
            bets = graph.bets(graph.anchored(w, share), signs["test"])
            ratio = graph.portfolio_sharpe(bets, ahead.returns, ahead.date)
            rows.append({"method": method, "own_share": share, "portfolio_sr": ratio})
    return pd.DataFrame(rows)


def _score(found: Universe, config: RehearsalConfig, own: Work) -> Tables:
    """Choose losses, evaluate every generator on every asset, and keep what every graph reaches."""
    before = training.trials(found, config, own)[0]
    seen = combinations.ratios(Tickers(found.windows, "validation"), before)
    both = combinations.longer(seen, training.recent_ratios(config, own))
    choice = combinations.choose(both, before.losses, tuple(COMBINATIONS))
    training.keep_choice(found, config, own, choice, arrays.KEPT["longer"])
    kept = own.checkpointer(arrays.KEPT["longer"]).load()
    assert kept is not None
    source = Trained(GeneratorStack.restore(kept))
    parts = panel({one.ticker: one for one in found.windows})
    signs: list[dict[str, Floats]] = []
    for seed in source.seeds:
        networks, heard = source.networks(seed, parts.tickers), {}
        for number, name in enumerate(arrays.PARTS):
            rng = np.random.default_rng([config.first_seed, number, seed])
            windows = getattr(parts, name).condition
            heard[name] = cross_signs(networks, windows, config.cross_samples, rng, run=own.run)
        signs.append(heard)
    averaged = {name: np.mean([heard[name] for heard in signs], axis=0) for name in arrays.PARTS}
    reached = [scored(heard, found)["portfolio_sr"].to_numpy() for heard in (*signs, averaged)]
    own.checkpointer("reached").save({"portfolio_sr": np.stack(reached)})
    return {}


def _tables(lasts: Sequence[str], config: RehearsalConfig, work: Work) -> Tables:
    """Every rehearsal's ratios, and their means with gain over identity and the number of rehearsals that beat it."""
    tried = [(m, share) for m in graph.METHODS if m != "identity" for share in SHARES]
    seeds = (*_seeds(config), AVERAGED)
    rows = []
    for number, last in enumerate(lasts):
        kept = _checkpointer(work, number, "reached").load()
        assert kept is not None
        for seed, ratios in zip(seeds, kept["portfolio_sr"], strict=True):
            for (method, share), ratio in zip(tried, ratios.tolist(), strict=True):
                rows.append({"until": last, "seed": seed, "method": method, "own_share": share, "portfolio_sr": ratio})
    every = pd.DataFrame(rows)
    every["signs"] = np.where(every["seed"] == AVERAGED, "seeds averaged", "one seed")
    keys = ["signs", "method", "own_share"]
    by_end = every.groupby([*keys, "until"], sort=False)["portfolio_sr"].mean().reset_index()
    identity = by_end[by_end["own_share"] == 1.0].set_index(["signs", "method", "until"])["portfolio_sr"]
    by_end["identity_sr"] = identity.loc[pd.MultiIndex.from_frame(by_end[["signs", "method", "until"]])].to_numpy()
    by_end["gain"] = by_end["portfolio_sr"] - by_end["identity_sr"]
    grouped = by_end.groupby(keys, sort=False)
    mean = grouped[["portfolio_sr", "identity_sr", "gain"]].mean()
    mean["gain_sd"] = grouped["gain"].std()
    mean["wins"] = grouped["gain"].agg(lambda gain: float((gain > 0).sum()))
    mean["rehearsals"] = float(len(lasts))
    wide = by_end.pivot_table(index=keys, columns="until", values="portfolio_sr", sort=False)
    return {
        "rehearsed_weightings": rounded(mean.reset_index()),
        "rehearsed_by_end": rounded(wide.reset_index()),
        "rehearsals": rounded(every[["until", "seed", "signs", "method", "own_share", "portfolio_sr"]]),
    }


def _seeds(config: RehearsalConfig) -> range:
    return range(config.first_seed, config.first_seed + config.seeds)


def _checkpointer(work: Work, number: int, name: str) -> Checkpointer:
    """A rehearsal's own checkpointer of a name."""
    return work.checkpointer(f"until_{number}_{name}")
