"""What the study of graphs found: tables of the weightings (6.3), of one graph (6.4), and the findings in sentences.

A difference is said to be real only where its interval says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from engine.decisions import forecasting, graph
from engine.decisions.graph import measures
from engine.evaluation import trading
from engine.evaluation.comparison import block_counts
from engine.market.grid import Floats
from engine.studies.base import Tables
from engine.studies.graph.inputs import Panel, Part, daily_pnl, portfolio_pnl, ticker_sharpe

LABELS = {
    "identity": "Identity",
    "correlation": "Correlation",
    "sharpe": "SR-based",
    "pnl_threshold": "PnL threshold",
    "pnl_max": "PnL max",
    "pnl_based": "PnL-based",
    "lasso": "LASSO",
    "ridge": "Ridge",
    "selected": "Selected",
}
"""Weightings for people."""

LEVEL = 0.05


def label(method: str, eta: float | None = None) -> str:
    """``LASSO, η = 1e-06``."""
    name = LABELS.get(method, method)
    return name if eta is None or np.isnan(eta) else f"{name}, η = {eta:g}"


def verdicts(tables: Mapping[str, pd.DataFrame]) -> list[str]:
    """What the tables say, one sentence each; the numbers decide the words.

    Args:
        tables: ``methods``, ``differences``, ``walk_forward``, ``seed_gains``, ``permutation``, ``stability``.
    """
    sr = tables["methods"].set_index("method")["portfolio_sr"]
    differences = tables["differences"].set_index("method")
    walk = tables["walk_forward"]
    row = walk[walk["selected"]].iloc[0]
    name = label(str(row["method"]), float(row["eta"]))
    share = float(row.get("own_share", 0.0))  # studies made before there was one lack it
    stays = f", mixed with each asset's own generator to {share:.0%}," if share > 0 else ""
    if np.isfinite(row["walk_forward_sr"]):
        how = (
            f"Walking forward through the years before the test part selects {name} (ratio "
            f"{row['walk_forward_sr']:.2f} with generators of other sectors); it is bet on{stays} and reaches "
            f"{sr['selected']:.2f} on the test part, each asset's own generator {sr['identity']:.2f}."
        )
    else:
        how = (
            "All assets are of one sector, so no generator of another sector could be tried on the years before the "
            "test part and no weighting is selected: each asset keeps its own generator, whose portfolio reaches "
            f"{sr['identity']:.2f} on the test part."
        )
    found = [how]
    found.append(
        _gain(
            "With signs averaged over seeds the selected weighting",
            differences[differences.index == "selected"].iloc[0],
        )
    )
    better = differences[(differences["p_value"] < LEVEL) & (differences.index != "selected")]
    others = [label(str(method)) for method in differences.index if method not in (*better.index, "selected")]
    if len(better):
        found.append(
            f"Better than identity at the {LEVEL:.0%} level, each taken alone: "
            f"{', '.join(label(str(method)) for method in better.index)}."
        )
    if others:
        found.append(f"Not distinguishable from identity on these days: {', '.join(others)}.")
    seeds = tables["seed_gains"]
    count = int(seeds["seeds"].iloc[0])
    if count > 1:
        one = seeds[seeds["method"] == "selected"].iloc[0]
        who = f"With one seed's generators the selected weighting, better in {one['wins']:.0f} of {count} seeds,"
        found.append(_gain(who, one))
        real = seeds[(seeds["p_value"] < LEVEL) & (seeds["method"] != "selected")]["method"]
        found.append(
            f"Better than identity on average over single seeds at the {LEVEL:.0%} level: "
            f"{', '.join(label(str(method)) for method in real) or 'none'}."
        )
    for _, one in tables["permutation"].iterrows():
        if one["method"] == "selected":
            found.append(_luck(one))
            break
    stable = tables["stability"].set_index("over")["jaccard"]
    words = [f"{share:.0%} over {over}" for over, share in stable.items() if np.isfinite(share)]
    if words:
        found.append(f"LASSO's edges agree (Jaccard index of signed edges): {', '.join(words)}.")
    return found


def _gain(who: str, row: pd.Series) -> str:
    real = "a real difference" if row["p_value"] < LEVEL else "could be luck"
    return (
        f"{who} gains {row['gain']:+.2f} over identity (95 % block bootstrap {row['low']:+.2f} to {row['high']:+.2f}, "
        f"one-sided p = {row['p_value']:.2g}): {real}."
    )


def _luck(row: pd.Series) -> str:
    share = row["share_surviving"]
    if not np.isfinite(share):
        return (
            f"Graphs learned from shuffled returns reach {row['shuffled_mean']:.2f} on average; "
            f"the real one gains nothing over identity, so nothing needs explaining."
        )
    part = "all" if share >= 1 else "none" if share <= 0 else f"{share:.0%}"
    real = (
        "what was learned matters"
        if row["p_value"] < LEVEL
        else "what was learned cannot be told from a graph of noise in its place"
    )
    return (
        f"Graphs learned from shuffled returns reach {row['shuffled_mean']:.2f} on average: {part} of the gain "
        f"survives without any information (p = {row['p_value']:.2g}), so {real}."
    )


PUBLISHED_SECTORS = {
    "XLB": (39.62, 31.92, 7.69, 0.16, 0.0052),
    "XLE": (44.17, 30.92, 13.25, 0.25, 0.0045),
    "XLF": (25.92, 41.84, -15.92, 0.07, 0.0059),
    "XLI": (36.55, 35.20, 1.35, 0.41, 0.0055),
    "XLK": (56.67, 27.67, 29.00, 0.14, 0.0037),
    "XLP": (31.68, 30.32, 1.37, 0.46, 0.0047),
    "XLU": (12.39, 43.39, -31.00, 0.82, 0.0060),
    "XLV": (31.31, 35.59, -4.28, 0.18, 0.0053),
    "XLY": (50.27, 31.82, 18.45, 0.35, 0.0045),
}
"""Tables 6.6 and 6.7, LASSO over 193 assets: average out-degree, in-degree, their difference, ratio, PageRank."""

PUBLISHED_FACTS = {
    "edges": 6768.0,
    "positive_edges": 3438.0,
    "negative_edges": 3330.0,
    "density": 0.1817,
    "self_loops": 31.0,
    "mean_self_weight": 0.013,
    "mean_positive_weight": 0.030,
    "mean_negative_weight": -0.027,
    "smallest_weight": -0.88,
    "largest_weight": 1.0,
    "mean_generators_used": 35.06,
    "median_generators_used": 33.0,
    "generators_never_used": 14.0,
}
"""The text of section 6.4."""

LEADING = 2


def structure_tables(w: Floats, sharpe: Floats, panel: Panel) -> Tables:
    """Everything section 6.4 shows of a graph.

    Args:
        w: ``(n, n)`` weights.
        sharpe: ``(n,)`` ratio of each asset on the test part.
        panel: names and sectors.
    """
    nodes = measures.node_table(w, panel.tickers, panel.sectors).assign(sharpe=sharpe)
    sectors = measures.sector_table(nodes.drop(columns="sharpe"), np.nan_to_num(sharpe))
    columns = ("out_degree", "in_degree", "out_minus_in", "sharpe", "page_rank")
    for place, column in enumerate(columns):
        printed = {name: figures[place] for name, figures in PUBLISHED_SECTORS.items()}
        sectors[f"published_{column}"] = sectors["sector"].map(printed).astype(float)
    found = measures.facts(w)
    facts = pd.DataFrame(
        {"fact": list(found), "value": list(found.values()), "published": [PUBLISHED_FACTS[name] for name in found]}
    )
    spectrum = measures.spectrum(w, LEADING)
    vectors = pd.DataFrame({"ticker": panel.tickers, "sector": panel.sectors})
    for k in range(len(spectrum.left)):
        vectors[f"left_{k + 1}"], vectors[f"right_{k + 1}"] = spectrum.left[k], spectrum.right[k]
    values = pd.DataFrame({"number": np.arange(1, len(spectrum.values) + 1), "singular_value": spectrum.values})
    return {
        "nodes": nodes,
        "sectors": sectors,
        "facts": facts,
        "spectrum": values,
        "singular_vectors": vectors,
        "sector_weight": measures.between_sectors(w, panel.sectors).reset_index(),
        "strong_edges": measures.strong_edges(w, panel.tickers),
    }


def edge_list(graphs: dict[str, Floats], panel: Panel) -> pd.DataFrame:
    """Every edge of some graphs: columns method, asset, generator, weight."""
    parts = []
    for name, w in graphs.items():
        i, j = np.nonzero(w)
        names = np.array(panel.tickers)
        parts.append(pd.DataFrame({"method": name, "asset": names[i], "generator": names[j], "weight": w[i, j]}))
    return pd.concat(parts, ignore_index=True)


PUBLISHED = {
    "identity": (2.00, 0.16, 0.74, 104),
    "correlation": (2.27, 0.41, 0.75, 139),
    "sharpe": (2.22, 0.45, 0.79, 142),
    "pnl_threshold": (2.32, 0.45, 0.85, 143),
    "pnl_max": (2.30, 0.31, 0.86, 125),
    "pnl_based": (1.93, 0.49, 0.77, 136),
    "lasso": (4.39, 0.32, 0.72, 125),
    "ridge": (1.51, 0.18, 0.70, 121),
}
"""Table 6.2, 193 assets: portfolio ratio, mean, sd and number of positive ratios over tickers."""

PUBLISHED_CORRELATION = {
    "identity": (0.001, 0.068, 0.090, -0.541, 0.543),
    "correlation": (0.015, 0.058, 0.075, -0.363, 0.512),
    "sharpe": (0.011, 0.068, 0.090, -0.487, 0.687),
    "pnl_threshold": (0.010, 0.062, 0.084, -0.488, 0.686),
    "pnl_max": (0.003, 0.058, 0.074, -0.403, 0.432),
    "pnl_based": (0.012, 0.074, 0.096, -0.507, 0.688),
    "lasso": (0.0003, 0.063, 0.085, -0.502, 0.612),
    "ridge": (0.003, 0.095, 0.129, -0.603, 0.663),
}
"""Table 6.3: mean, mean size, sd, least and largest correlation between the PnLs of two assets."""

PUBLISHED_ETA = {1e-6: (4.39, 0.32, 0.72, 6768), 2e-6: (4.57, 0.35, 0.76, 3959), 5e-7: (4.08, 0.28, 0.72, 10713)}
"""Table 6.4: portfolio ratio, mean, sd, edges."""

PUBLISHED_VOTES = {
    "identity": ((2.00, 1.37, 1.73, 1.37), (0.16, 0.12, 0.12, 0.12), (0.74, 0.75, 0.77, 0.75)),
    "correlation": ((2.27, 2.06, 2.28, 1.63), (0.41, 0.35, 0.40, 0.28), (0.75, 0.72, 0.82, 0.75)),
    "sharpe": ((2.22, 2.29, 2.35, 2.50), (0.45, 0.35, 0.45, 0.37), (0.79, 0.72, 0.69, 0.72)),
    "pnl_threshold": ((2.32, 2.40, 2.46, 2.40), (0.45, 0.38, 0.45, 0.38), (0.85, 0.78, 0.85, 0.78)),
    "pnl_max": ((2.30, 2.17, 2.17, 2.17), (0.31, 0.28, 0.28, 0.28), (0.86, 0.83, 0.83, 0.83)),
    "pnl_based": ((1.93, 1.88, 2.05, 2.03), (0.49, 0.30, 0.41, 0.31), (0.77, 0.67, 0.77, 0.67)),
    "lasso": ((4.39, 3.62, 3.45, 2.32), (0.32, 0.32, 0.22, 0.21), (0.72, 0.72, 0.67, 0.68)),
    "ridge": ((1.51, 2.55, 1.18, 1.01), (0.18, 0.21, 0.09, 0.08), (0.70, 0.71, 0.68, 0.67)),
}
"""Table 6.5: portfolio ratio, mean and sd over tickers, each for the votes 0, I, II, III."""

ROBUSTNESS_ETAS = (2e-5, 1e-5, 5e-6, 2e-6, 1e-6, 5e-7)
TOP = 5
BLOCK = 21
"""Days in a block of the bootstrap."""

Graphs = Mapping[str, Floats]


def _published(columns: Sequence[str], row: Sequence[float]) -> dict[str, Any]:
    return {f"published_{name}": value for name, value in zip(columns, row, strict=True)}


def figures(bets: Floats, part: Part) -> dict[str, float]:
    """Portfolio ratio, mean, median, sd and number of positive ratios over tickers."""
    by_ticker = ticker_sharpe(bets, part)
    known = by_ticker[np.isfinite(by_ticker)]
    return {
        "portfolio_sr": float(forecasting.sharpe_ratio(portfolio_pnl(bets, part))),
        "mean_sr": float(known.mean()) if len(known) else float("nan"),
        "median_sr": float(np.median(known)) if len(known) else float("nan"),
        "sd_sr": float(known.std()) if len(known) else float("nan"),
        "positive": float((known > 0).sum()),
    }


def method_table(graphs: Graphs, etas: Mapping[str, float], signs: Floats, part: Part, draws: int, seed: int) -> Tables:
    """Table 6.2 with bootstrap intervals, and every weighting against identity on the same resampled days.

    Args:
        graphs: name → ``(assets, generators)``.
        etas: name → hyperparameter, for those that have one.
        signs: ``(assets, generators, times)`` of the part.
        part: the part that is scored.
        draws: resamples of blocks of 21 days.
        seed: of the resamples.
    """
    pnl = {name: portfolio_pnl(graph.bets(w, signs), part) for name, w in graphs.items()}
    days = len(next(iter(pnl.values())))
    counts = block_counts(days, rng=np.random.default_rng([seed, 3]), draws=draws, block=min(BLOCK, days))
    drawn = {name: trading.resampled_sharpe(counts, series) for name, series in pnl.items()}
    rows, differences = [], []
    base = drawn["identity"]
    for name, w in graphs.items():
        found = figures(graph.bets(w, signs), part)
        low, high = np.quantile(drawn[name], [0.025, 0.975])
        published = dict(zip(_COLUMNS, PUBLISHED.get(name, (np.nan,) * 4), strict=True))
        rows.append(
            {"method": name, "eta": etas.get(name, np.nan), **found, "low": low, "high": high, "edges": _edges(w)}
            | {f"published_{key}": value for key, value in published.items()}
        )
        if name == "identity":
            continue
        gain = drawn[name] - base
        low, high = np.quantile(gain, [0.025, 0.975])
        differences.append(
            {
                "method": name,
                "gain": found["portfolio_sr"] - float(forecasting.sharpe_ratio(pnl["identity"])),
                "low": low,
                "high": high,
                "p_value": ((gain <= 0).sum() + 1) / (len(gain) + 1),
                "gain_per_ticker": found["mean_sr"] - rows[0]["mean_sr"],
                "published_gain": published["portfolio_sr"] - PUBLISHED["identity"][0],
            }
        )
    return {"methods": pd.DataFrame(rows), "differences": pd.DataFrame(differences)}


def seed_gains(pnl: Mapping[str, Floats], draws: int, seed: int) -> pd.DataFrame:
    """What a weighting gains over identity with the generators of one training seed, on average over seeds.

    Every seed has its own graph and its own identity. Resamples draw the same blocks of days for all, and the seeds
    with replacement, so that the interval knows both sources of luck.

    Args:
        pnl: weighting → ``(seeds, days)`` daily PnL of its portfolio.
        draws: resamples.
        seed: of the resamples.

    Returns:
        Columns method, mean_sr, sd_over_seeds, gain, low, high, p_value, wins (seeds that beat identity), seeds.
    """
    count, days = next(iter(pnl.values())).shape
    rng = np.random.default_rng([seed, 4])
    counts = block_counts(days, rng=rng, draws=draws, block=min(BLOCK, days))
    picked = rng.integers(0, count, (draws, count))
    base = trading.resampled_sharpe(counts, pnl["identity"])  # (draws, seeds)
    plain = forecasting.sharpe_ratio(pnl["identity"])
    rows = []
    for name, series in pnl.items():
        ratio = forecasting.sharpe_ratio(series)
        gain = np.take_along_axis(trading.resampled_sharpe(counts, series) - base, picked, axis=1).mean(axis=1)
        low, high = np.quantile(gain, [0.025, 0.975])
        own = {
            "gain": float((ratio - plain).mean()),
            "low": low,
            "high": high,
            "p_value": ((gain <= 0).sum() + 1) / (draws + 1),
            "wins": float((ratio > plain).sum()),
        }
        own = dict.fromkeys(own, np.nan) if name == "identity" else own
        spread = float(ratio.std(ddof=1)) if count > 1 else np.nan
        rows.append({"method": name, "mean_sr": float(ratio.mean()), "sd_over_seeds": spread, **own, "seeds": count})
    return pd.DataFrame(rows)


def correlation_table(graphs: Graphs, signs: Floats, part: Part) -> pd.DataFrame:
    """Table 6.3: correlations between the daily PnLs of two assets."""
    rows = []
    for name, w in graphs.items():
        pnl = daily_pnl(graph.bets(w, signs), part)[1]
        pnl = pnl[pnl.std(axis=1) > 0]
        pairs = np.corrcoef(pnl)[np.triu_indices(len(pnl), 1)] if len(pnl) > 1 else np.array([np.nan])
        ours = (pairs.mean(), np.abs(pairs).mean(), pairs.std(), pairs.min(), pairs.max())
        columns = ("mean", "mean_size", "sd", "least", "largest")
        published = PUBLISHED_CORRELATION.get(name, (np.nan,) * 5)
        rows.append({"method": name, **dict(zip(columns, ours, strict=True)), **_published(columns, published)})
    return pd.DataFrame(rows)


def eta_tables(
    validation: tuple[Floats, Part], test: tuple[Floats, Part], tickers: Sequence[str], etas: Sequence[float]
) -> Tables:
    """Table 6.4 and figure 6.12: LASSO over η, on the test part and on the part it was fitted to."""
    signs, part = validation
    rows, scatter = [], []
    for eta in etas:
        w = graph.weights("lasso", signs, part.returns, eta)
        bets = graph.bets(w, test[0])
        found = figures(bets, test[1])
        published = _published((*_COLUMNS[:3], "edges"), PUBLISHED_ETA.get(eta, (np.nan,) * 4))
        rows.append(
            {"eta": eta, **found, "edges": _edges(w)}
            | {"validation_sr": graph.portfolio_sharpe(graph.bets(w, signs), part.returns, part.date)}
            | published
        )
        scatter.append(pd.DataFrame({"eta": eta, "ticker": tickers, "sharpe": ticker_sharpe(bets, test[1])}))
    return {"eta_robustness": pd.DataFrame(rows), "eta_tickers": pd.concat(scatter, ignore_index=True)}


def vote_table(graphs: Graphs, signs: Floats, part: Part) -> pd.DataFrame:
    """Table 6.5: soft and hard votes."""
    rows = []
    for name, w in graphs.items():
        for place, vote in enumerate(graph.VOTES):
            found = figures(graph.bets(w, signs, vote), part)
            published = [group[place] for group in PUBLISHED_VOTES[name]] if name in PUBLISHED_VOTES else [np.nan] * 3
            rows.append(
                {"method": name, "vote": vote}
                | {key: found[key] for key in _COLUMNS[:3]}
                | _published(_COLUMNS[:3], published)
            )
    return pd.DataFrame(rows)


def series_tables(graphs: Graphs, signs: Floats, part: Part) -> Tables:
    """Daily series behind figures 6.8 to 6.11 and 6.13: PnL of soft and hard votes, bets and their sizes."""
    days, _ = daily_pnl(np.zeros_like(part.returns), part)
    pnl, hard, net, size = (pd.DataFrame({"date": days}) for _ in range(4))
    for name, w in graphs.items():
        bets = graph.bets(w, signs)
        pnl[name] = portfolio_pnl(bets, part)
        hard[name] = portfolio_pnl(np.sign(bets), part)
        net[name] = forecasting.daily(bets.mean(axis=0), part.date)[1]
        size[name] = forecasting.daily(np.abs(bets).mean(axis=0), part.date)[1]
    return {"portfolio_pnl": pnl, "portfolio_pnl_hard": hard, "bet_direction": net, "bet_size": size}


def extreme_table(tickers: pd.DataFrame, top: int = TOP) -> pd.DataFrame:
    """The tickers with the best and the worst ratios under every weighting (figure 6.7).

    Args:
        tickers: of :func:`ticker_table`.
        top: tickers at each end.

    Returns:
        Columns method, best_1, …, worst_1, …; the ticker with its ratio.
    """
    rows = []
    for method, mine in tickers.groupby("method", sort=False):
        ordered = mine.dropna(subset="sharpe").sort_values("sharpe", ascending=False)
        words = [f"{t} {r:.2f}" for t, r in zip(ordered["ticker"], ordered["sharpe"], strict=True)]
        best = {f"best_{k + 1}": word for k, word in enumerate(words[:top])}
        worst = {f"worst_{k + 1}": word for k, word in enumerate(words[: -top - 1 : -1])}
        rows.append({"method": method, **best, **worst})
    return pd.DataFrame(rows)


def ticker_table(graphs: Graphs, signs: Floats, part: Part, panel: Panel) -> pd.DataFrame:
    """Each ticker's ratio and total size of bets by weighting (figures 6.5 to 6.7, 6.14, 6.15)."""
    parts = []
    for name, w in graphs.items():
        bets = graph.bets(w, signs)
        columns = {
            "method": name,
            "ticker": panel.tickers,
            "sector": panel.sectors,
            "sharpe": ticker_sharpe(bets, part),
            "mean_pnl": daily_pnl(bets, part)[1].mean(axis=1),
            "total_bet": np.abs(bets).sum(axis=1),
            "generators_used": (w != 0).sum(axis=1),
        }
        parts.append(pd.DataFrame(columns))
    return pd.concat(parts, ignore_index=True)


def transfer_tables(signs: Floats, part: Part, panel: Panel) -> Tables:
    """Figures 6.2 to 6.4: correlation of returns, ratio of every generator on every asset, both by sector."""
    ratios = np.stack(
        [
            np.nan_to_num(forecasting.sharpe_ratio(forecasting.daily(row * x, part.date)[1]))
            for row, x in zip(signs, part.returns, strict=True)
        ]
    )  # (assets, generators)
    names = list(panel.tickers)
    between = np.asarray(np.corrcoef(panel.past.returns), dtype=np.float64)
    matrices = {"return_correlation": between, "sr_matrix": ratios}
    tables = {name: pd.DataFrame(matrix, columns=names) for name, matrix in matrices.items()}
    for table in tables.values():
        table.insert(0, "ticker", names)
    for name, matrix in (("sector_sr_mean", ratios), ("sector_sr_size", np.abs(ratios))):
        tables[name] = measures.between_sectors(matrix, panel.sectors, mean=True).reset_index()
    return tables


_COLUMNS = ("portfolio_sr", "mean_sr", "sd_sr", "positive")


def _edges(w: Floats) -> float:
    return float((w != 0).sum())
