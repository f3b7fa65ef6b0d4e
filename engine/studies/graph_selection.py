"""Which weighting to use, decided on the validation part alone, by walking forward through it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from engine.decisions import forecasting, graph
from engine.market.grid import Floats
from engine.studies.graph_panel import Part, portfolio_pnl

FOLDS = 5
"""Equal stretches of the validation part; each but the first is forecast with graphs fitted on those before it."""


@dataclass(frozen=True)
class Candidate:
    """A weighting and its hyperparameter."""

    method: str
    eta: float | None = None


def candidates() -> tuple[Candidate, ...]:
    """Every weighting of the thesis with every hyperparameter it searches."""
    found = []
    for method in graph.METHODS:
        found += (
            [Candidate(method, eta) for eta in graph.GRIDS[method]] if method in graph.GRIDS else [Candidate(method)]
        )
    return tuple(found)


def walk_forward(signs: Floats, part: Part, tried: Sequence[Candidate], folds: int = FOLDS) -> pd.DataFrame:
    """Portfolio Sharpe ratio of each candidate on stretches of validation that its graph has not seen.

    Args:
        signs: ``(assets, generators, times)`` of the validation part.
        part: the validation part.
        tried: candidates.
        folds: stretches.

    Returns:
        Columns method, eta, walk_forward_sr (all unseen stretches together), in_sample_sr, and selected: the best one.
    """
    days = np.unique(part.date)
    edges = [int(np.searchsorted(part.date, stretch[0])) for stretch in np.array_split(days, folds)] + [len(part)]
    rows = []
    for one in tried:
        earned = []
        for k in range(1, folds):
            past, now = slice(0, edges[k]), slice(edges[k], edges[k + 1])
            w = graph.weights(one.method, signs[..., past], part.returns[:, past], one.eta, date=part.date[past])
            ahead = Part(part.date[now], part.condition[:, now], part.returns[:, now])
            earned.append(portfolio_pnl(graph.bets(w, signs[..., now]), ahead))
        whole = graph.weights(one.method, signs, part.returns, one.eta, date=part.date)
        rows.append(
            {
                "method": one.method,
                "eta": np.nan if one.eta is None else one.eta,
                "walk_forward_sr": float(forecasting.sharpe_ratio(np.concatenate(earned))),
                "in_sample_sr": graph.portfolio_sharpe(graph.bets(whole, signs), part.returns, part.date),
            }
        )
    table = pd.DataFrame(rows)
    table["selected"] = table.index == table["walk_forward_sr"].fillna(-np.inf).idxmax()
    return table


def selected(table: pd.DataFrame) -> Candidate:
    """The candidate that walking forward selects."""
    row = table[table["selected"]].iloc[0]
    return Candidate(str(row["method"]), None if np.isnan(row["eta"]) else float(row["eta"]))


def chosen_etas(table: pd.DataFrame, column: str = "in_sample_sr") -> dict[str, float]:
    """Each method's hyperparameter with the best portfolio ratio on validation; in sample, as in the thesis."""
    searched = table[table["eta"].notna()]
    best = searched.loc[searched.groupby("method")[column].idxmax()]
    return dict(zip(best["method"], best["eta"].astype(float), strict=True))
