"""Names and shapes of the arrays that a Fin-GAN study keeps, for itself, for other studies and for pages.

``gan_<seed>``: all generators of a seed, as :class:`engine.models.fingan.sampling.GeneratorStack` writes them (tickers
outermost, losses fastest), their coefficients, and gradient norms. ``forecasts_<seed>``: what they say of the
validation and test part. ``chosen``: the chosen generator of every ticker and seed (seeds outermost) with its bets.
Arrays over windows are padded with zeros to the longest ticker; the windows themselves are the tickers' own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import CheckpointError
from engine.market.grid import Floats

Arrays = dict[str, NDArray[Any]]

BENCHMARKS, POOLS = "benchmarks", "pools"
KEPT = {"longer": "chosen_longer", "thesis": "chosen"}
"""Choice of a loss → arrays of the generators that it keeps; studies of earlier versions have the thesis's alone."""
PARTS = ("validation", "test")
RECENT = "recent.sharpe"
"""``(tickers, losses)`` ratios on the last years of the training part."""


def gan(seed: int) -> str:
    """Arrays of a seed's generators."""
    return f"gan_{seed:02d}"


def forecasts(seed: int) -> str:
    """Arrays of what a seed's generators say."""
    return f"forecasts_{seed:02d}"


def lstm(seed: int) -> str:
    """Arrays of a seed's LSTMs' point forecasts."""
    return f"lstm_{seed:02d}"


def training(what: str) -> str:
    """State that an interrupted training resumes from."""
    return f"training_{what}"


def padded(rows: Sequence[NDArray[Any]]) -> NDArray[np.float32]:
    """``(rows, …, longest)`` float32, zeros beyond each row's own windows."""
    longest = max(row.shape[-1] for row in rows)
    stacked = np.zeros((len(rows), *rows[0].shape[:-1], longest), np.float32)
    for into, row in zip(stacked, rows, strict=True):
        into[..., : row.shape[-1]] = row
    return stacked


def unpadded(stacked: NDArray[Any], lengths: Sequence[int]) -> tuple[Floats, ...]:
    """The inverse of :func:`padded`, float64.

    Raises:
        CheckpointError: if there are not as many rows, or not as many windows.
    """
    if len(stacked) != len(lengths) or stacked.shape[-1] != max(lengths):
        raise CheckpointError(
            f"expected kept arrays of {len(lengths)} tickers and {max(lengths)} windows; found {stacked.shape}"
        )
    return tuple(row[..., :n].astype(np.float64) for row, n in zip(stacked, lengths, strict=True))


def ensemble_bets(arrays: Arrays, ticker: int) -> Floats:
    """``(n,)`` bets of one ticker on the test part, averaged over seeds.

    Args:
        arrays: one of :data:`KEPT`.
        ticker: its position.

    Raises:
        CheckpointError: if the arrays are of something else.
    """
    if "test.bet" not in arrays or "test.length" not in arrays:
        raise CheckpointError("expected the bets of chosen generators; found no test.bet")
    n = int(arrays["test.length"][ticker])
    mean: Floats = arrays["test.bet"][:, ticker, :n].astype(np.float64).mean(axis=0)
    return mean
