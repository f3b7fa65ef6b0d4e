"""What the generators draw: densities for one condition and of point forecasts, by loss (Figures 5.3 and 5.4)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from engine.decisions.forecasting import BASIS_POINTS
from engine.market.grid import Floats
from engine.models.fingan.sampling import GeneratorStack

FEATURED = "PFE"
"""The ticker the thesis draws; another one where it is missing."""

SAMPLES = 20_000
BINS = 80
DATA_LABEL = "Data"


def featured(tickers: Sequence[str]) -> int:
    """Position of the ticker whose pictures are kept."""
    return list(tickers).index(FEATURED) if FEATURED in tickers else 0


def telling_window(bets: Floats) -> int:
    """The window on which the losses' bets differ most.

    Args:
        bets: ``(losses, n)``.
    """
    return int(np.ptp(bets, axis=0).argmax())


def condition_densities(stack: GeneratorStack, condition: Floats, rng: np.random.Generator) -> pd.DataFrame:
    """Density of what each member generates for one window (Figure 5.3).

    Args:
        stack: one member a loss.
        condition: ``(L,)`` log-returns.
        rng: of the samples.

    Returns:
        Columns ``label``, ``x`` (centre of a bin, bp) and ``density`` (per bp).
    """
    drawn = BASIS_POINTS * stack.sample(condition[None], SAMPLES, rng)[:, 0]  # (losses, samples)
    return densities({member.loss: row for member, row in zip(stack.members, drawn, strict=True)})


def mean_densities(losses: Sequence[str], means: Floats, realised: Floats) -> pd.DataFrame:
    """Density of point forecasts over the test part beside that of what was realised (Figure 5.4).

    Args:
        losses: names.
        means: ``(losses, n)`` forecast returns.
        realised: ``(n,)`` returns.
    """
    series = {DATA_LABEL: BASIS_POINTS * realised}
    return densities(series | {loss: BASIS_POINTS * row for loss, row in zip(losses, means, strict=True)})


def densities(series: Mapping[str, Floats]) -> pd.DataFrame:
    """Histograms on common bins between the 0.5 and 99.5 % quantiles of everything."""
    everything = np.concatenate(list(series.values()))
    low, high = np.quantile(everything, [0.005, 0.995])
    edges = np.linspace(low, max(high, low + 1e-6), BINS + 1)
    centres, width = (edges[1:] + edges[:-1]) / 2, edges[1] - edges[0]
    tables = []
    for label, values in series.items():
        counts, _ = np.histogram(values, edges)
        density = counts / (len(values) * width)
        tables.append(pd.DataFrame({"label": label, "x": centres.round(3), "density": density.round(7)}))
    return pd.concat(tables, ignore_index=True)
