"""Which weighting to use, decided without the test part, by walking forward through training and validation.

A generator flatters its own asset: it was trained on it, and which of its losses was kept was chosen on the validation
part. So weightings are compared on generators of *other sectors* only, which have seen neither the asset nor its ETF,
and there the whole history can serve: each year is bet on with graphs learned from what lies before it, over as long a
stretch as the validation part is. For the same reason identity is the baseline and no candidate.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from engine.decisions import forecasting, graph
from engine.decisions.graph.regression import Mask
from engine.errors import MarketDataError
from engine.market.grid import TRADING_DAYS, Floats
from engine.market.surface_history import Dates
from engine.studies.graph.inputs import UNKNOWN_SECTOR, Part, portfolio_pnl

OWN_SHARE = 0.5
"""Share of a selected graph that stays with the own generator: see ``docs/graph_report.md``."""


@dataclass(frozen=True)
class Candidate:
    """A weighting, its hyperparameter, and the share of each row that stays with the asset's own generator."""

    method: str
    eta: float | None = None
    own_share: float = 0.0


def candidates() -> tuple[Candidate, ...]:
    """Every weighting of the thesis with every hyperparameter it searches."""
    return tuple(Candidate(method, eta) for method in graph.METHODS for eta in graph.GRIDS.get(method, (None,)))


def strangers(sectors: Sequence[str]) -> Mask:
    """``(assets, generators)`` pairs of different sectors; without any sector map, of different assets."""
    same = graph.same_sector(sectors)
    unknown = np.array([sector == UNKNOWN_SECTOR for sector in sectors])
    same[unknown] = False
    same[np.arange(len(same)), np.arange(len(same))] = True
    return ~same


def walk_forward(
    counts: NDArray[Any], samples: int, part: Part, pairs: Mask, memory: int, tried: Sequence[Candidate]
) -> pd.DataFrame:
    """Portfolio Sharpe ratio by year of graphs that were learned from the stretch before it.

    Args:
        counts: ``(assets, generators, times)`` sums of signs.
        samples: that each sum has.
        part: training and validation part in one.
        pairs: ``(assets, generators)`` that may be used.
        memory: half-days that a graph learns from.
        tried: candidates.

    Returns:
        Columns method, eta, year, sharpe, and mean and sd of the daily PnL with the number of days, from which the
        ratio of any stretch follows. A graph without an edge bets nothing.

    Raises:
        MarketDataError: if no year begins later than ``memory`` half-days after the first.
    """
    year = part.date.astype("datetime64[Y]").astype(int) + 1970
    begins = [(y, int(np.argmax(year == y))) for y in np.unique(year).tolist()]
    begins = [(y, begin) for y, begin in begins if begin >= memory]
    if not begins:
        raise MarketDataError(
            f"expected a year that begins after {memory} half-days, to choose a weighting; found {len(part)} in all"
        )
    rows = []
    for y, begin in begins:
        past, now = slice(begin - memory, begin), np.flatnonzero(year == y)
        ahead = Part(part.date[now], part.condition[:, :0], part.returns[:, now])
        before, after = (_heard(counts[..., times], samples, pairs) for times in (past, now))
        for one, w in _fitted(tried, before, part.returns[:, past], part.date[past]):
            pnl = portfolio_pnl(graph.bets(w, after), ahead)
            rows.append(
                {
                    "method": one.method,
                    "eta": np.nan if one.eta is None else one.eta,
                    "year": y,
                    "sharpe": float(forecasting.sharpe_ratio(pnl)),
                    "mean_pnl": float(pnl.mean()),
                    "sd_pnl": float(pnl.std()),
                    "days": len(pnl),
                }
            )
    return pd.DataFrame(rows)


def choice(years: pd.DataFrame, signs: Floats, part: Part, tried: Sequence[Candidate]) -> pd.DataFrame:
    """Each candidate's ratio over all years, and on the validation part in sample; which is selected.

    Args:
        years: of :func:`walk_forward`, with a column seed: every training seed's generators by themselves.
        signs: ``(assets, generators, times)`` of the validation part, own generators included.
        part: the validation part.
        tried: candidates, identity among them.

    Returns:
        Columns method, eta, walk_forward_sr (mean over seeds; NaN for identity and without any bet), worst_year (mean
        over seeds), in_sample_sr, selected.
    """
    rows = []
    for one in tried:
        eta = np.nan if one.eta is None else one.eta
        mine = years[(years["method"] == one.method) & (years["eta"].isna() if np.isnan(eta) else years["eta"] == eta)]
        w = graph.weights(one.method, signs, part.returns, one.eta, date=part.date)
        rows.append(
            {
                "method": one.method,
                "eta": eta,
                "walk_forward_sr": float(np.mean([_pooled_sharpe(one) for _, one in mine.groupby("seed")] or [np.nan])),
                "worst_year": float(mine.groupby("year")["sharpe"].mean().min()) if len(mine) else np.nan,
                "in_sample_sr": graph.portfolio_sharpe(graph.bets(w, signs), part.returns, part.date),
            }
        )
    table = pd.DataFrame(rows)
    table["selected"] = table.index == table["walk_forward_sr"].fillna(-np.inf).idxmax()
    return table


def _fitted(
    tried: Sequence[Candidate], signs: Floats, returns: Floats, date: Dates
) -> Iterator[tuple[Candidate, Floats]]:
    """Every candidate's graph; those of one method are learned together."""
    for method in dict.fromkeys(one.method for one in tried):
        mine = [one for one in tried if one.method == method]
        yield from zip(mine, graph.path(method, signs, returns, [one.eta for one in mine], date=date), strict=True)


def _heard(counts: NDArray[Any], samples: int, pairs: Mask) -> Floats:
    """Expected signs of the pairs that may be used; the others are silent."""
    signs: Floats = counts / np.float64(samples)
    signs[~pairs] = 0.0
    return signs


def _pooled_sharpe(years: pd.DataFrame) -> float:
    """Ratio over all years from their means, deviations and days."""
    if len(years) == 0:
        return float("nan")
    days, mean = years["days"].to_numpy(float), years["mean_pnl"].to_numpy(float)
    centre = (days * mean).sum() / days.sum()
    square = (days * (years["sd_pnl"].to_numpy(float) ** 2 + mean**2)).sum() / days.sum()
    variance = square - centre**2
    return float(np.sqrt(TRADING_DAYS) * centre / np.sqrt(variance)) if variance > 0 else float("nan")


def selected(table: pd.DataFrame, own_share: float = 0.0) -> Candidate:
    """The candidate that walking forward selects, with the share that stays with the own generator."""
    row = table[table["selected"]].iloc[0]
    return Candidate(str(row["method"]), None if np.isnan(row["eta"]) else float(row["eta"]), own_share)


def chosen_etas(table: pd.DataFrame) -> dict[str, float]:
    """Each method's hyperparameter with the best portfolio ratio on validation; in sample, as in the thesis."""
    searched = table[table["eta"].notna()]
    best = searched.loc[searched.groupby("method")["in_sample_sr"].idxmax()]
    return dict(zip(best["method"], best["eta"].astype(float), strict=True))
