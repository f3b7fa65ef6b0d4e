"""Words of the Paths tab: metrics, table, command, method."""

import pandas as pd

from engine.charts import theme
from engine.evaluation.path_stability import Stability
from engine.market.grid import Floats
from engine.models.rollout import SurfacePaths
from engine.scenarios import reweighting

METHOD = r"""
Each day's scenario is the condition of the next day's: $(R_t, g_{t+\Delta}) \sim p(\cdot \mid a_t)$, and $a_{t+\Delta}$
holds what has just been drawn. Along a path $\omega$ the penalties of its surfaces add up,

$$
\varphi(\omega) = \sum_{t=1}^{T} \Phi(\sigma_t(\omega)) \quad (2.15), \qquad
w(\omega) = \frac{e^{-\beta\varphi(\omega)}}{\sum_{\omega'} e^{-\beta\varphi(\omega')}} \quad (2.16),
$$

and the cost of the weights is their distance from equal ones, $\log N + \sum w \log w$, and the effective sample size
$1/\sum w^2$. The bands are quantiles under those weights.

**Stability.** Paths of $T$ days are compared with windows of $T$ days of the data by the same formulas, so short
samples hurt both alike; a statistic is like the data's if the median path lies between the 5 % and the 95 % window.
Mean reversion of a component $X$: $\lambda = -\log b/(k\Delta)$, $b$ the slope of $X_{t+k}$ on $X_t$ over all paths,
$k = 5$ days; the data's $\lambda$ is the moment fit of the Dynamics page.

**What can go wrong.** A one-step model is trained for one day. Chained, small errors of its mean add up, and a model
without mean reversion walks away however good its next day is. A path whose vols leave 0.1 % to 500 % has left: it is
counted, and carries no weight. The rate stays at its last value; days are weekdays.
"""


def metrics(paths: SurfacePaths, weights: Floats, found: Stability | str) -> list[tuple[str, str, str | None, str]]:
    """The answer in numbers, each with what to hold it against."""
    stayed = paths.complete
    phi = paths.path_penalty
    reweighted = float(weights[stayed] @ phi[stayed])
    items: list[tuple[str, str, str | None, str]] = [
        (
            "φ of a path, reweighted",
            theme.significant(reweighted),
            f"raw {theme.significant(float(phi[stayed].mean()))}",
            "Φ summed over the days of a path; zero for a path on which nothing can ever be arbitraged.",
        ),
        (
            "Effective paths",
            theme.count(float(reweighting.effective_sample_size(weights))),
            f"of {theme.count(len(paths))} · KL {theme.significant(float(reweighting.relative_entropy(weights)))} nats",
            "How many equally weighted paths the reweighted ones are worth.",
        ),
    ]
    inside = float(paths.inside[stayed, -1].mean())
    items.insert(
        0,
        (
            "Inside history at the end",
            theme.percent(inside),
            f"{theme.percent(1 - float(stayed.mean()))} of paths left",
            "Share of grid points on the last day within the lowest and highest vol the data had there, over the paths "
            "that stayed; and the share of paths whose vols left 0.1 % to 500 %.",
        ),
    )
    if not isinstance(found, str):
        ours, theirs = found.surfaces_with_arbitrage
        items.insert(
            1,
            (
                "Surfaces with arbitrage",
                theme.percent(ours),
                f"data {theme.percent(theirs)}",
                "Share of all chained surfaces with Φ > 0, and of the data's.",
            ),
        )
    return items


def table(found: Stability) -> pd.DataFrame:
    """The stability table in words."""
    rows = found.table
    shown = pd.DataFrame({"Statistic": rows["statistic"] + rows["unit"].map(lambda unit: f" ({unit})" if unit else "")})
    shown["Paths"] = [_three(*v) for v in rows[["paths", "paths_low", "paths_high"]].to_numpy()]
    shown["Data"] = [_three(*v) for v in rows[["data", "data_low", "data_high"]].to_numpy()]
    shown["Verdict"] = rows["verdict"]
    return shown


def reversion(found: Stability) -> pd.DataFrame:
    """Ornstein–Uhlenbeck parameters in words."""
    rows = found.reversion
    shown = pd.DataFrame({"Component": rows["factor"], "Of": rows["source"]})
    shown["λ (a year), 95 % interval"] = [_three(*v) for v in rows[["mean_reversion", "low", "high"]].to_numpy()]
    shown["Half-life (days)"] = [f"{v:,.0f}" if v < 1e6 else "never" for v in rows["half_life"]]
    shown["Level α"] = ["none" if v != v else f"{v:.2f}".replace("-", "−") for v in rows["mean"]]
    return shown


def command(run: str, data: str, day: str | None, days: int, n: int, seed: int, beta: float) -> str:
    """What gives the same table again."""
    date = "" if day is None else f" --date {day}"
    return (
        f"python -m engine paths --run {run} --data {data}{date} --days {days} --n {n} --seed {seed} "
        f"--beta {beta:.6g} --out paths.parquet"
    )


def _three(middle: float, low: float, high: float) -> str:
    return f"{middle:.3g} ({low:.3g} … {high:.3g})".replace("-", "−").replace("nan", "n/a")
