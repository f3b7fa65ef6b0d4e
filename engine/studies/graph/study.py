"""The study of GraFiN-Gen (chapter 6): every generator of a Fin-GAN study on every asset, graphs learned, all tables.

``python -m engine study graph --data FILE --sectors FILE --fingan RUN --run DIR``. Everything is decided on the
validation part; the test part is looked at by the tables only. Each seed of the Fin-GAN study gives a graph problem of
its own; the pooled one averages the expected signs of all seeds' generators of an asset.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property, partial

import numpy as np
import pandas as pd

from engine.decisions import graph
from engine.decisions.graph.cross_evaluation import Counts, cross_sign_counts
from engine.errors import MarketDataError, SettingsError
from engine.market.grid import Floats
from engine.market.price_history import PriceHistory
from engine.models.fingan.sampling import Networks
from engine.settings import configuration, setting
from engine.studies.base import Step, Tables, Work
from engine.studies.fingan.universe import universe
from engine.studies.graph import live, results, robustness, selection
from engine.studies.graph.inputs import Panel, Part, Trained, panel, portfolio_pnl, ticker_sharpe, trained
from engine.studies.graph.results import edge_list, structure_tables
from engine.studies.graph.selection import Candidate
from engine.training.progress import Progress, TrainingStopped

LABEL = "Graph ensembles: every generator on every asset"
DATA = "prices"
INPUTS: tuple[str, ...] = ("fingan",)
_YEARS = ("seed", "method", "eta", "year", "sharpe", "mean_pnl", "sd_pnl", "days")


@configuration
class GraphConfig:
    """How graphs are learned and judged."""

    samples: int = setting(100, label="Samples", help="Generated returns a window for its sign.", low=10, high=1000)
    draws: int = setting(2000, label="Resamples", help="Bootstrap resamples of 21-day blocks.", low=100, high=20_000)
    shuffles: int = setting(
        200, label="Shuffles", help="Graphs learned from shuffled returns, for the permutation test.", low=10, high=2000
    )
    refits: int = setting(
        50,
        label="Refits",
        help="Graphs learned from resampled validation days, for the stability of edges.",
        low=5,
        high=1000,
    )
    choice: str = setting(
        "longer",
        label="Choice of the loss",
        help="Whose generators: longer looks at validation and the last five years of training, thesis at validation "
        "alone, as published.",
        choices=("longer", "thesis"),
    )
    own_share: float = setting(
        selection.OWN_SHARE,
        label="Own share",
        help="Share of the selected graph that stays with each asset's own generator; 0: only what was learned.",
        low=0.0,
        high=1.0,
        advanced=True,
    )
    seed: int = setting(1, label="Seed", help="Same seed, same figures.", low=0, high=2**31 - 1)


Config = GraphConfig


def steps(data: PriceHistory, config: GraphConfig, work: Work) -> tuple[Step, ...]:
    """The parts of the study.

    Raises:
        SettingsError: if no Fin-GAN study was named.
        MarketDataError: if its tickers are not in the data.
    """
    if "fingan" not in work.inputs:
        raise SettingsError("expected --fingan with a finished Fin-GAN study; found none")
    study = _Study(data, config, work)
    return (
        Step("evaluating every generator on every asset", study.cross),
        Step("choosing a weighting", study.select),
        Step("learning graphs", study.learn),
        Step("scoring graphs", study.score),
        Step("each seed by itself", study.by_seed),
        Step("describing the graphs", study.structure),
        Step("resampling edges", study.edges),
        Step("shuffling returns", study.shuffle),
        Step("variants, rolling weights and costs", study.beyond),
    )


def summary(tables: Mapping[str, pd.DataFrame]) -> dict[str, float]:
    """The selected weighting beside identity, on the test part."""
    sr = tables["methods"].set_index("method")["portfolio_sr"]
    differences, seeds = (tables[name].set_index("method") for name in ("differences", "seed_gains"))
    found = {
        "portfolio_sharpe_of_identity": float(sr["identity"]),
        "portfolio_sharpe_of_lasso": float(sr["lasso"]),
        "portfolio_sharpe_of_selected": float(sr["selected"]),
        "tickers": float(len(tables["panel"])),
        "seeds": float(tables["by_seed"]["seed"].nunique()),
    }
    return found | {
        "gain_of_selected": float(differences["gain"]["selected"]),
        "p_value_of_gain": float(differences["p_value"]["selected"]),
        "mean_gain_over_seeds": float(seeds["gain"]["selected"]),
        "p_value_of_mean_gain": float(seeds["p_value"]["selected"]),
    }


class _Study:
    """What the steps share; each is computed when first asked for, so that a resumed study repeats no finished step."""

    def __init__(self, data: PriceHistory, config: GraphConfig, work: Work) -> None:
        self.data, self.config, self.work = data, config, work

    @cached_property
    def source(self) -> Trained:
        return trained(self.work.inputs["fingan"], self.config.choice)

    @cached_property
    def panel(self) -> Panel:
        source = self.source
        if source.period != self.data.period:  # another cut into parts: what was trained on could be tested on
            days = " to ".join(source.period) or "unknown days"
            raise MarketDataError(
                f"expected the prices that the Fin-GAN study was made from, {days}; "
                f"found prices from {' to '.join(self.data.period)}"
            )
        found = universe(self.data, " ".join(source.tickers), length=source.length, bad_opens=source.bad_opens)
        missing = set(source.tickers) - set(found.tickers)
        if missing:
            why = next((reason for name, _, reason in found.refused if name in missing), "not among the data")
            raise MarketDataError(f"expected the tickers of the Fin-GAN study; found {min(missing)} unusable: {why}")
        return panel({one.ticker: one for one in found.windows})

    @cached_property
    def signs(self) -> dict[str, list[Counts]]:
        """Part → counts of signs, one array for each seed."""
        found: dict[str, list[Counts]] = {"validation": [], "test": []}
        seeds = self.source.seeds
        for place, seed in enumerate(seeds):
            checkpointer = self.work.checkpointer(f"signs_{seed}")
            kept = checkpointer.load()
            if kept is None:
                networks = self.source.networks(seed, self.panel.tickers)
                kept = {
                    part: self._counts(networks, getattr(self.panel, part), number, seed)
                    for number, part in enumerate(found)
                }
                checkpointer.save(kept)
                self.work.forget(f"signs_{seed}")
            for part in found:
                found[part].append(kept[part].astype(np.int16))
            self.report("cross-evaluation", place + 1, len(seeds))
        return found

    def _counts(self, networks: Networks, part: Part, number: int, seed: int) -> Counts:
        rng = np.random.default_rng([self.config.seed, number, seed])
        run = self.work.keeping(f"signs_{seed}")
        counts = cross_sign_counts(networks, part.condition, self.config.samples, rng, run=run)
        return counts.astype(np.int8) if self.config.samples < 128 else counts

    def of_seed(self, part: str, place: int) -> Floats:
        """Signs of one seed's generators."""
        return self.signs[part][place] / np.float64(self.config.samples)

    @cached_property
    def pooled(self) -> dict[str, Floats]:
        """Part → signs averaged over seeds."""
        pooled = {}
        for part, found in self.signs.items():
            total = np.zeros(found[0].shape, dtype=np.int32)
            for counts in found:
                total += counts
            pooled[part] = total / np.float64(self.config.samples * len(found))
        return pooled

    @property
    def validation(self) -> tuple[Floats, Part]:
        return self.pooled["validation"], self.panel.validation

    @property
    def test(self) -> tuple[Floats, Part]:
        return self.pooled["test"], self.panel.test

    @cached_property
    def years(self) -> pd.DataFrame:
        """Every candidate's ratio in every year before the test part, by generators of other sectors, seed by seed."""
        checkpointer, seeds = self.work.checkpointer("years"), self.source.seeds
        tried = [one for one in selection.candidates() if one.method != "identity"]
        past, pairs = self.panel.past, selection.strangers(self.panel.sectors)
        kept = checkpointer.load() or {}
        for place, seed in enumerate(seeds):
            if place >= len(np.unique(kept.get("seed", []))):
                counts = self._counts(self.source.networks(seed, self.panel.tickers), past, 2, seed)
                memory = len(self.panel.validation)
                found = selection.walk_forward(counts, self.config.samples, past, pairs, memory, tried)
                found = found.assign(seed=seed, method=found["method"].map(graph.METHODS.index)).fillna(
                    {"eta": -1.0, "sharpe": 0.0}
                )
                columns = {name: found[name].to_numpy() for name in _YEARS}
                kept = {name: np.concatenate([kept[name], new]) if kept else new for name, new in columns.items()}
                checkpointer.save(kept)
                self.work.forget(f"signs_{seed}")
            self.report("walking forward", place + 1, len(seeds))
        table = pd.DataFrame({name: kept[name] for name in _YEARS})
        return table.assign(
            method=[graph.METHODS[k] for k in table["method"]], eta=table["eta"].where(table["eta"] > 0)
        )

    @cached_property
    def walk(self) -> pd.DataFrame:
        table = selection.choice(self.years, *self.validation, selection.candidates())
        return table.assign(own_share=np.where(table["selected"], self.config.own_share, 0.0))

    @cached_property
    def etas(self) -> dict[str, float]:
        return selection.chosen_etas(self.walk)

    @cached_property
    def chosen(self) -> Candidate:
        return selection.selected(self.walk, self.config.own_share)

    @cached_property
    def graphs(self) -> dict[str, Floats]:
        """Every weighting with its hyperparameter, and the selected one under that name."""
        return self.learned(*self.validation)

    def learned(self, signs: Floats, part: Part) -> dict[str, Floats]:
        found = {
            method: graph.weights(method, signs, part.returns, self.etas.get(method), date=part.date)
            for method in graph.METHODS
        }
        found["correlation"] = graph.correlation(self.panel.past.returns)
        one = self.chosen
        same = one.eta is None or one.eta == self.etas.get(one.method)
        learned = found[one.method] if same else robustness.fit(replace(one, own_share=0.0), signs, part)
        found["selected"] = graph.anchored(learned, one.own_share)
        return found

    def report(self, words: str, done: int, total: int) -> None:
        if self.work.report(Progress(words, done, total, {})):
            raise TrainingStopped(f"stopped during {words}, {done} of {total} done")

    def cross(self) -> Tables:
        p, c = self.panel, self.config.samples
        rows = pd.DataFrame({"ticker": p.tickers, "sector": p.sectors})
        for part in ("validation", "test"):
            found = self.signs[part]
            rows[f"{part}_mean_sign"] = np.mean([counts.mean(axis=(1, 2)) for counts in found], axis=0) / c
            rows[f"{part}_mean_size"] = np.mean([np.abs(counts).mean(axis=(1, 2)) for counts in found], axis=0) / c
        return {"panel": rows, **results.transfer_tables(*self.validation, p)}

    def learn(self) -> Tables:
        self.work.checkpointer("graphs").save({name: w.astype(np.float32) for name, w in self.graphs.items()})
        self.work.checkpointer("live").save(live.arrays(self.validation, self.test))
        kept = {name: self.graphs[name] for name in ("lasso", "selected")}
        return {"edges": edge_list(kept, self.panel)}

    def select(self) -> Tables:
        return {"walk_forward_years": self.years, "walk_forward": self.walk}

    def score(self) -> Tables:
        c, (signs, part) = self.config, self.test
        tickers = results.ticker_table(self.graphs, signs, part, self.panel)
        shown = dict(self.etas) | ({} if self.chosen.eta is None else {"selected": self.chosen.eta})
        return {
            **results.method_table(self.graphs, shown, signs, part, c.draws, c.seed),
            "pnl_correlation": results.correlation_table(self.graphs, signs, part),
            **results.eta_tables(self.validation, self.test, self.panel.tickers, results.ROBUSTNESS_ETAS),
            "votes": results.vote_table(self.graphs, signs, part),
            **results.series_tables(self.graphs, signs, part),
            "tickers": tickers,
            "extremes": results.extreme_table(tickers),
        }

    def by_seed(self) -> Tables:
        rows: list[dict[str, object]] = []
        pnl: dict[str, list[Floats]] = {}
        for place, seed in enumerate(self.source.seeds):
            learned = self.learned(self.of_seed("validation", place), self.panel.validation)
            signs = self.of_seed("test", place)
            for name, w in learned.items():
                bets = graph.bets(w, signs)
                rows.append({"seed": seed, "method": name, **results.figures(bets, self.panel.test)})
                pnl.setdefault(name, []).append(portfolio_pnl(bets, self.panel.test))
            self.report("seeds", place + 1, len(self.source.seeds))
        gains = results.seed_gains({n: np.stack(p) for n, p in pnl.items()}, self.config.draws, self.config.seed)
        return {"by_seed": pd.DataFrame(rows), "seed_gains": gains}

    def structure(self) -> Tables:
        tables: Tables = {}
        for name in ("lasso", "selected"):
            w = self.graphs[name]
            sharpe = ticker_sharpe(graph.bets(w, self.pooled["test"]), self.panel.test)
            found = structure_tables(w, sharpe, self.panel)
            tables |= {f"{name}_{table}": rows for table, rows in found.items()}
        return tables

    def edges(self) -> Tables:
        c, signs = self.config, [self.of_seed("validation", place) for place in range(len(self.source.seeds))]
        pooled, part = self.validation
        lasso = Candidate("lasso", self.etas["lasso"])
        return robustness.edge_tables(lasso, signs, pooled, part, self.panel, c.refits, c.seed)

    def shuffle(self) -> Tables:
        c = self.config
        methods = ("sharpe", "pnl_based", "pnl_max", "lasso", "ridge")
        tried = {m: Candidate(m, self.etas.get(m)) for m in methods} | {"selected": self.chosen}
        told = partial(self.report, "shuffles")
        table = robustness.permutation_table(tried, self.validation, self.test, c.shuffles, c.seed, told)
        return {"permutation": table}

    def beyond(self) -> Tables:
        tried = [Candidate(m, self.etas.get(m)) for m in ("sharpe", "pnl_based", "lasso")]
        rolling, series = robustness.rolling_table(tried, self.validation, self.test)
        shown = {name: self.graphs[name] for name in ("identity", "pnl_based", "lasso", "selected")}
        return {
            "variants": robustness.variant_table(self.etas, self.validation, self.test, self.panel),
            "rolling": rolling,
            "rolling_pnl": series,
            "costs": robustness.cost_table(shown, self.validation, self.test),
        }
