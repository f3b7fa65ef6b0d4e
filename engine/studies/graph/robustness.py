"""How much of a graph is real: shuffled returns, resampled days, other seeds, variants, rolling weights, costs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from engine.decisions import forecasting, graph
from engine.decisions.forecasting import NoTrade
from engine.decisions.graph import weighting
from engine.evaluation.comparison import block_counts
from engine.market.grid import Floats
from engine.studies.graph.inputs import Panel, Part, daily_pnl, portfolio_pnl
from engine.studies.graph.results import BLOCK, figures
from engine.studies.graph.selection import Candidate

ELASTIC = 0.5
COSTS = (0.5, 1.0, 2.0, 5.0)
"""Basis points of what is traded, one way."""

OnDone = Callable[[int, int], None]


def fit(one: Candidate, signs: Floats, part: Part) -> Floats:
    """The graph that a candidate learns from a part."""
    w = graph.weights(one.method, signs, part.returns, one.eta, date=part.date)
    return graph.anchored(w, one.own_share)


def shuffled_days(part: Part, rng: np.random.Generator) -> Part:
    """Returns of whole days in random order, all assets alike; windows stay, so what follows is no longer theirs."""
    days = _days(part)
    by_length: dict[int, list[int]] = {}
    for k, day in enumerate(days):
        by_length.setdefault(len(day), []).append(k)
    order = np.arange(len(part))
    for members in by_length.values():  # a day with one half-day only goes to another such day
        for k, source in zip(members, rng.permutation(members), strict=True):
            order[days[k]] = days[source]
    return Part(part.date, part.condition, part.returns[:, order])


def permutation_table(
    tried: Mapping[str, Candidate],
    validation: tuple[Floats, Part],
    test: tuple[Floats, Part],
    draws: int,
    seed: int,
    on_done: OnDone | None = None,
) -> pd.DataFrame:
    """How much of the gain over identity is left when the graph learns from shuffled returns.

    Each draw shuffles the days of the validation part's returns, fits every candidate to them, and bets on the test
    part as it was. What such graphs gain comes from pooling many generators (and what they reach, from the share that
    stays with the own one); the rest was learned.

    Args:
        tried: name → weighting.
        validation, test: signs and the part.
        draws: shuffles.
        seed: of the shuffles.
        on_done: told how many shuffles are done, of how many.

    Returns:
        Columns method, eta, test_sr, shuffled_mean, shuffled_low, shuffled_high (95 %), p_value (share of shuffled
        graphs at least as good), identity_sr, share_surviving (mean gain when shuffled over the gain).
    """
    signs, part = validation
    identity = graph.portfolio_sharpe(graph.bets(np.eye(*signs.shape[:2]), test[0]), test[1].returns, test[1].date)
    reached = np.empty((draws, len(tried)))
    for draw in range(draws):
        mixed = shuffled_days(part, np.random.default_rng([seed, 5, draw]))
        for k, one in enumerate(tried.values()):
            reached[draw, k] = _ratio(fit(one, signs, mixed), test)
        if on_done is not None:
            on_done(draw + 1, draws)
    reached = np.nan_to_num(reached)
    rows = []
    for k, (name, one) in enumerate(tried.items()):
        real = _ratio(fit(one, signs, part), test)
        low, high = np.quantile(reached[:, k], [0.025, 0.975])
        gain = real - identity
        rows.append(
            {
                "method": name,
                "eta": np.nan if one.eta is None else one.eta,
                "test_sr": real,
                "shuffled_mean": reached[:, k].mean(),
                "shuffled_low": low,
                "shuffled_high": high,
                "p_value": ((reached[:, k] >= real).sum() + 1) / (draws + 1),
                "identity_sr": identity,
                "share_surviving": (reached[:, k].mean() - identity) / gain if gain > 0 else np.nan,
            }
        )
    return pd.DataFrame(rows)


def edge_tables(
    one: Candidate, by_seed: Sequence[Floats], pooled: Floats, part: Part, panel: Panel, draws: int, seed: int
) -> dict[str, pd.DataFrame]:
    """How stable the edges of a graph are, over resampled days of validation and over training seeds.

    Args:
        one: the weighting.
        by_seed: signs of each seed's generators, validation part.
        pooled: signs averaged over seeds.
        part: the validation part.
        panel: names.
        draws: resamples of blocks of 21 days.
        seed: of the resamples.

    Returns:
        ``edge_stability``: each edge's weight, and the share of resamples and of seeds that have it with this sign.
        ``stability``: for both sources the mean over pairs of graphs of Jaccard's index of signed edges, and of the
        cosine between rows of weights.
    """
    w = fit(one, pooled, part)
    days = _days(part)
    counts = block_counts(len(days), rng=np.random.default_rng([seed, 6]), draws=draws, block=min(BLOCK, len(days)))
    resampled = []
    for occurs in counts.astype(int):
        times = np.concatenate([np.tile(day, many) for day, many in zip(days, occurs, strict=True) if many])
        again = Part(part.date[times], part.condition[:, :0], part.returns[:, times])
        resampled.append(fit(one, pooled[..., times], again))
    over = {"resampled days": np.stack(resampled), "seeds": np.stack([fit(one, signs, part) for signs in by_seed])}
    i, j = np.nonzero(w)
    edges = pd.DataFrame(
        {
            "asset": [panel.tickers[k] for k in i.tolist()],
            "generator": [panel.tickers[k] for k in j.tolist()],
            "weight": w[i, j],
            "share_of_resamples": (np.sign(over["resampled days"]) == np.sign(w))[:, i, j].mean(axis=0),
            "share_of_seeds": (np.sign(over["seeds"]) == np.sign(w))[:, i, j].mean(axis=0),
        }
    )
    rows = [{"over": name, "graphs": len(graphs), **agreement(graphs)} for name, graphs in over.items()]
    return {
        "edge_stability": edges.sort_values("weight", key=np.abs, ascending=False, ignore_index=True),
        "stability": pd.DataFrame(rows),
    }


def agreement(graphs: Floats) -> dict[str, float]:
    """Jaccard's index of signed edges and cosine of rows, means over pairs of ``(graphs, assets, generators)``."""
    count = len(graphs)
    if count < 2:
        return {"jaccard": np.nan, "cosine": np.nan}
    flat = np.sign(graphs).reshape(count, -1)
    kinds = np.concatenate([flat > 0, flat < 0], axis=1).astype(np.float64)  # (graphs, 2·pairs)
    both = kinds @ kinds.T
    size = np.diagonal(both)
    jaccard = both / np.maximum(size[:, None] + size - both, 1.0)
    length = np.sqrt((graphs**2).sum(axis=-1, keepdims=True))
    unit = graphs / np.where(length > 0, length, 1.0)
    cosine = np.einsum("aij,bij->ab", unit, unit) / graphs.shape[1]
    pairs = np.triu_indices(count, 1)
    return {"jaccard": float(jaccard[pairs].mean()), "cosine": float(cosine[pairs].mean())}


def variant_table(
    etas: Mapping[str, float], validation: tuple[Floats, Part], test: tuple[Floats, Part], panel: Panel
) -> pd.DataFrame:
    """Beyond the thesis: equal weights, positive, within sectors, elastic net, and η chosen on the last 20 %."""
    signs, part = validation
    lasso, sector = etas["lasso"], graph.same_sector(panel.sectors)
    later = graph.choose("lasso", signs, part.returns, date=part.date, holdout=0.2)

    def learned(method: str, eta: float | None = None, **options: object) -> Floats:
        return graph.weights(method, signs, part.returns, eta, date=part.date, **options)  # type: ignore[arg-type]

    variants = {
        "equal weights": graph.normalised(np.ones(signs.shape[:2])),
        "LASSO, positive only": learned("lasso", lasso, positive=True),
        "LASSO, within the sector": learned("lasso", lasso, allowed=sector),
        f"elastic net, half l1, η = {lasso:g}": learned("lasso", lasso, l1_share=ELASTIC),
        f"LASSO, η = {later.eta:g} chosen on the last 20 % of validation": later.weights,
        "PnL-based, positive only": learned("pnl_based", positive=True),
        "PnL-based, within the sector": learned("pnl_based", allowed=sector),
        "SR-based, positive only": learned("sharpe", positive=True),
    }
    rows = [
        {"variant": name, **figures(graph.bets(w, test[0]), test[1]), "edges": float((w != 0).sum())}
        for name, w in variants.items()
    ]
    return pd.DataFrame(rows)


def rolling_table(
    tried: Sequence[Candidate], validation: tuple[Floats, Part], test: tuple[Floats, Part]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Weights learned anew every month from all that was known, beside weights learned once.

    Returns:
        ``rolling``: ratios of both and the mean cosine between one month's rows and the next's; ``rolling_pnl``: daily
        PnL of the rolling portfolios.
    """
    signs = np.concatenate([validation[0], test[0]], axis=-1)
    returns = np.concatenate([validation[1].returns, test[1].returns], axis=1)
    date = np.concatenate([validation[1].date, test[1].date])
    rows, series = [], pd.DataFrame({"date": daily_pnl(np.zeros_like(test[1].returns), test[1])[0]})
    for one in tried:
        found = weighting.rolling(one.method, signs, returns, date, len(validation[1]), eta=one.eta)
        once = figures(graph.bets(fit(one, *validation), test[0]), test[1])
        moved = figures(found.bets, test[1])
        cosines = [
            agreement(np.stack([a, b]))["cosine"] for a, b in zip(found.weights[:-1], found.weights[1:], strict=True)
        ]
        rows.append(
            {
                "method": one.method,
                "eta": np.nan if one.eta is None else one.eta,
                "months": len(found.first),
                "once_sr": once["portfolio_sr"],
                "rolling_sr": moved["portfolio_sr"],
                "once_mean_sr": once["mean_sr"],
                "rolling_mean_sr": moved["mean_sr"],
                "cosine_month_to_month": float(np.mean(cosines)) if cosines else np.nan,
            }
        )
        series[one.method] = portfolio_pnl(found.bets, test[1])
    return pd.DataFrame(rows), series


def cost_table(
    graphs: Mapping[str, Floats], validation: tuple[Floats, Part], test: tuple[Floats, Part]
) -> pd.DataFrame:
    """Portfolio ratio after costs, as bet and with the no-trade band that was best after costs on validation.

    Returns:
        Columns method, cost (bp), turnover (notional a day and asset), break_even (bp), net_sr, band, band_sr.
    """
    rows = []
    for name, w in graphs.items():
        fitted, bets = graph.bets(w, validation[0]), graph.bets(w, test[0])
        traded = forecasting.traded(bets)
        turned = float(traded.sum() / len(bets) / len(np.unique(test[1].date)))
        even = float(forecasting.weighted_pnl(bets, test[1].returns).sum() / traded.sum()) if traded.sum() else np.nan
        for cost in COSTS:
            rule, _ = weighting.least_costly(fitted, validation[1].returns, cost, validation[1].date)
            rows.append(
                {
                    "method": name,
                    "cost": cost,
                    "turnover": turned,
                    "break_even": even,
                    "net_sr": _net(bets, test[1], cost, NoTrade()),
                    "band": rule.band,
                    "band_sr": _net(bets, test[1], cost, rule),
                }
            )
    return pd.DataFrame(rows)


def _days(part: Part) -> list[NDArray[np.intp]]:
    """Positions of the half-days of each day."""
    starts = np.flatnonzero(part.date[1:] != part.date[:-1]) + 1
    return np.split(np.arange(len(part)), starts)


def _ratio(w: Floats, test: tuple[Floats, Part]) -> float:
    """Sharpe ratio of a graph's portfolio on signs and their part."""
    return float(forecasting.sharpe_ratio(portfolio_pnl(graph.bets(w, test[0]), test[1])))


def _net(bets: Floats, part: Part, cost: float, rule: NoTrade) -> float:
    net = forecasting.net_pnl(rule.positions(bets), part.returns, cost)
    return float(forecasting.sharpe_ratio(forecasting.portfolio(forecasting.daily(net, part.date)[1])))
