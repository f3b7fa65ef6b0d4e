"""Co-movements of simulated histories against those of the test part: Tables 3.4 to 3.9 and Figure 3.12.

A simulated history takes one scenario of every test day. Whatever is measured on the data is measured on each of a
thousand such histories: its mean is the model's figure, its spread what one history can tell.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.evaluation.tails import TailShape, tail_shape
from engine.market.grid import TRADING_DAYS, Floats
from engine.market.surface_history import SurfaceHistory
from engine.studies.volgan.forecasts import FollowedSeries, Paths, Rows, observed
from engine.surfaces import principal_components
from engine.surfaces.principal_components import PrincipalComponents

PAIRS = ((0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3))
"""Pairs of the four series (return, first component, at-the-money vol, volatility index), in the thesis's order."""

COMPONENTS = 3
"""Components compared, as in Tables 3.4 to 3.6."""

BINS, REACH = 60, 6.0
"""Bars of the histograms, over this many standard deviations of the data either side of its mean."""

TAIL_FIELDS = tuple(TailShape.__dataclass_fields__)

_CHUNK = 50  # histories whose covariance is taken at a time


@dataclass(frozen=True, eq=False)
class Reference:
    """The test part as the histories are held against it; T days.

    Args:
        components: of the changes of the test days.
        moves: ``(T, 1 + N)`` log-return and changes of log vol.
        four: ``(T, 4)`` ΔlogS, ΔX¹, Δlog ATM, Δlog VIX.
        periods: name → days of each period of Tables 3.7 to 3.9.
        edges: ``(2, BINS + 1)`` of the histograms of returns and of at-the-money increments.
    """

    components: PrincipalComponents
    moves: Floats
    four: Floats
    periods: dict[str, slice]
    edges: Floats

    @property
    def vectors(self) -> Floats:
        """``(3, N)`` the data's components."""
        flat: Floats = self.components.grid.flatten(self.components.vectors)
        return flat


@dataclass(frozen=True, eq=False)
class PathStatistics:
    """What was measured on simulated histories; K networks, D histories each, P periods.

    Args:
        shares: ``(K, D, 3)`` share of variance along a history's own components.
        alignment: ``(K, D, 3)`` |⟨f_i of the history, f_i of the data⟩|.
        with_return: ``(K, D, 3)`` correlation of the return with the projections on the data's components.
        pairs: ``(K, D, P, 6)`` correlations of ΔlogS, ΔX¹, Δlog ATM, Δlog VIX.
        tails: ``(K, 2, 8)`` moments and tails of all returns and at-the-money increments together.
        frequencies: ``(K, 2, BINS)`` share of them in each bar; the end bars hold what lies beyond.
        vectors: ``(K, 3, N)`` mean over histories of their eigenvectors, of unit norm and signed to agree with the
            data's; the mean is the shorter, the more they differ.
    """

    shares: Floats
    alignment: Floats
    with_return: Floats
    pairs: Floats
    tails: Floats
    frequencies: Floats
    vectors: Floats


def reference(history: SurfaceHistory, rows: Rows, series: FollowedSeries) -> Reference:
    """Measure the test part itself.

    Args:
        history: training and test days.
        rows: condition rows of the test part, consecutive.
        series: what is followed.
    """
    part = history[int(rows[0]) : int(rows[-1]) + 2]
    components = principal_components.fit(part, COMPONENTS)
    changes = history.grid.flatten(np.diff(part.log_iv, axis=0))
    moves = np.concatenate([part.log_return[:, None], changes], axis=1)
    came, _ = observed(part, series)
    atm, index = came[:, 2 + series.atm], came[:, 1]
    level = changes @ history.grid.flatten(components.vectors)[0]
    four = np.column_stack([part.log_return, level, np.diff(np.log(atm)), np.diff(np.log(index))])
    year = min(TRADING_DAYS, len(rows))
    periods = {"all": slice(None), "first year": slice(0, year), "last year": slice(len(rows) - year, None)}
    edges = np.stack([_edges(four[:, 0]), _edges(four[:, 2])])
    return Reference(components, moves, four, periods, edges)


def measure(paths: Paths, against: Reference) -> PathStatistics:
    """Measure simulated histories as the data are measured."""
    members, draws, days = paths.atm.shape
    vectors, mean_vectors = against.vectors, np.zeros((members, *against.vectors.shape))
    shares, alignment, with_return = (np.empty((members, draws, COMPONENTS)) for _ in range(3))
    pairs = np.empty((members, draws, len(against.periods), len(PAIRS)))
    for k in range(members):
        for start in range(0, draws, _CHUNK):
            part = slice(start, start + _CHUNK)
            moves = paths.moves[k, part].astype(np.float64)  # (D', T, 1 + N)
            change = moves[..., 1:]
            centred = change - change.mean(axis=1, keepdims=True)
            covariance = centred.swapaxes(1, 2) @ centred / (days - 1)  # (D', N, N)
            values, columns = np.linalg.eigh(covariance)
            shares[k, part] = values[:, ::-1][:, :COMPONENTS] / values.sum(axis=1, keepdims=True)
            leading = columns[:, :, ::-1][:, :, :COMPONENTS]  # (D', N, 3)
            inner = np.einsum("dnc,cn->dc", leading, vectors)
            alignment[k, part] = np.abs(inner)
            mean_vectors[k] += np.einsum("dnc,dc->cn", leading, np.where(inner < 0, -1.0, 1.0)) / draws
            projected = change @ vectors.T  # (D', T, 3)
            with_return[k, part] = correlations(moves[..., :1], projected)
            four: list[NDArray[Any]] = [moves[..., 0], projected[..., 0], paths.atm[k, part], paths.vix[k, part]]
            pairs[k, part] = pair_correlations(np.stack(four, axis=-1), against.periods)
    pooled = [[paths.moves[k, ..., 0].ravel(), paths.atm[k].ravel()] for k in range(members)]
    return PathStatistics(
        shares=shares,
        alignment=alignment,
        with_return=with_return,
        pairs=pairs,
        tails=np.array([[tail_fields(x) for x in of_member] for of_member in pooled]),
        frequencies=np.array(
            [[frequencies(x, edges) for x, edges in zip(two, against.edges, strict=True)] for two in pooled]
        ),
        vectors=mean_vectors,
    )


def correlations(x: NDArray[Any], y: NDArray[Any]) -> Floats:
    """Correlation over days, the last axis but one: ``(..., T, 1 or c)`` and ``(..., T, c)`` → ``(..., c)``."""
    a, b = (np.asarray(v, dtype=np.float64) for v in (x, y))
    a, b = a - a.mean(axis=-2, keepdims=True), b - b.mean(axis=-2, keepdims=True)
    norm = np.sqrt(np.square(a).sum(axis=-2) * np.square(b).sum(axis=-2))
    found: Floats = (a * b).sum(axis=-2) / norm
    return found


def pair_correlations(four: NDArray[Any], periods: dict[str, slice]) -> Floats:
    """``(..., T, 4)`` → ``(..., P, 6)`` correlations of the pairs of Tables 3.7 to 3.9 over each period."""
    left, right = [i for i, _ in PAIRS], [j for _, j in PAIRS]
    found = np.empty((*four.shape[:-2], len(periods), len(PAIRS)))
    for p, days in enumerate(periods.values()):
        part = four[..., days, :]
        found[..., p, :] = correlations(part[..., left], part[..., right])
    return found


def tail_fields(x: NDArray[Any]) -> list[float]:
    """The fields of :class:`TailShape`, in order."""
    shape = tail_shape(x)
    return [float(getattr(shape, name)) for name in TAIL_FIELDS]


def frequencies(x: NDArray[Any], edges: Floats) -> Floats:
    """``(BINS,)`` share of a sample in each bar; the end bars hold what lies beyond."""
    place = np.clip(np.searchsorted(edges, np.ravel(x), side="right") - 1, 0, len(edges) - 2)
    counts: Floats = np.bincount(place, minlength=len(edges) - 1) / np.size(x)
    return counts


def _edges(x: Floats) -> Floats:
    centre, sd = float(x.mean()), float(x.std())
    return np.linspace(centre - REACH * sd, centre + REACH * sd, BINS + 1)
