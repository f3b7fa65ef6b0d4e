"""Words and tables of the dynamics page."""

from collections.abc import Callable

import numpy as np

from engine.charts import theme
from engine.studies.surfaces.dynamics import (
    PUBLISHED_RATIO,
    PUBLISHED_SHARE,
    SurfaceDynamicsConfig,
    SurfaceDynamicsResult,
)
from engine.surfaces.factor_model import SPX_CORRELATION

SHARE = "Share of the variance of daily changes of log vol along the first principal component (covariance)."

SUM = "The same for the first components together."

SIGNIFICANT = "Eigenvalues of the correlation matrix above the Marčenko–Pastur edge: more than noise could make."

RETURN = "Correlation of the day's return with the change of the first factor over the same day."

RATIO = "One-month realised vol over at-the-money implied vol, mean over all days."

FACTOR = "The factor whose memory is shown."


def metrics(result: SurfaceDynamicsResult) -> list[tuple[str, str, str | None, str]]:
    """The answer in four or five figures, those published for SPX 2000–2021 beside."""
    table, first = result.explained_table(), result.correlations[0]
    k = len(table)
    names = {"level": "Level", "skew": "Skew", "term structure": "Term structure", "curvature": "Curvature"}
    items: list[tuple[str, str, str | None, str]] = [
        (
            f"{names.get(table['shape'][0], 'PC1')} explains",
            theme.percent(table["share"][0]),
            f"SPX: {theme.percent(PUBLISHED_SHARE[0])}",
            SHARE,
        )
    ]
    published = table["published_cumulative"][k - 1]
    if k > 1:
        beside = "" if np.isnan(published) else f"SPX: {theme.percent(published)}"
        items.append((f"First {k} explain", theme.percent(table["cumulative"][k - 1]), beside or None, SUM))
    found = result.components
    count = f"{found.n_significant} of {len(found.correlation_eigenvalues)}"
    items.append(("More than noise", count, "SPX: 4 of 80", SIGNIFICANT))
    if first is not None:
        items.append(
            ("Returns and ΔX¹", theme.percent(first.value), f"SPX: {theme.percent(SPX_CORRELATION[0])}", RETURN)
        )
    ratios = result.ratio_table()
    if len(ratios):
        label = ratios["ratio"][0].replace("realised", "Realised")
        items.append((label, f"{ratios['mean'][0]:.2f}", f"SPX: {PUBLISHED_RATIO[0]:.2f}", RATIO))
    return items


def command(ref: str, config: SurfaceDynamicsConfig) -> str:
    """The lines that give the page's figures again."""
    return f"""from engine import datasets
from engine.studies import surface_dynamics

history = datasets.load({ref!r}).data
result = surface_dynamics.run(history, surface_dynamics.{config!r})
for name, table in result.tables.items():
    print(name, table, sep="\\n")
"""


def first_interval(result: SurfaceDynamicsResult) -> str:
    """The interval of the first share, in words."""
    low, high = 100 * result.share_interval[:, 0]
    return f"first share between {low:.1f} and {high:.1f} % (95 %)"


def factor_name(names: tuple[str, ...]) -> Callable[[int], str]:
    """How a picker writes a factor."""
    return lambda k: f"X{k + 1} {names[k]}"
