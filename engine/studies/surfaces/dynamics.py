"""How implied vol surfaces move: components, factor processes, their reversion, the index beside them (chapter 2).

Every figure of the thesis's section 2.3 on any history of surfaces, beside the published one, and beside the truth
where the history is the simulated market's.

References:
    Simulation of arbitrage-free implied volatility surfaces, sections 2.3 and 2.6.2, Tables 2.1, 2.2 and 2.6.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from engine.errors import MarketDataError
from engine.market.grid import Floats
from engine.market.surface_history import Dates, SurfaceHistory
from engine.settings import configuration, setting
from engine.surfaces import dynamics, ornstein_uhlenbeck, principal_components
from engine.surfaces.dynamics import Autocorrelation, Correlation, VolComparison
from engine.surfaces.factor_model import SPX_CORRELATION, SPX_OU
from engine.surfaces.ornstein_uhlenbeck import OrnsteinUhlenbeckFit
from engine.surfaces.principal_components import PrincipalComponents

LEAST_DAYS = 64
"""A quarter and a day: with less there is no dynamics to speak of."""

PUBLISHED_SHARE = (0.6888, 0.1217, 0.0567, 0.0286, 0.0141)
PUBLISHED_CUMULATIVE = (0.6888, 0.8205, 0.8772, 0.9059, 0.9200)
PUBLISHED_CORRELATION_CUMULATIVE = (0.6139, 0.7667, 0.8188, 0.8518, 0.8696)
"""Table 2.1 as printed: shares of PC1–5 (covariance), their sums, and the sums for the correlation matrix."""

MISPRINT = (
    "Table 2.1 contradicts itself at PC2: 68.88 + 12.17 is 81.05, not the 82.05 it prints. The later sums "
    "(87.72, 90.59, 92.00) go on from 82.05, so either the share should read 13.17 or every sum is 1.00 too high."
)

PUBLISHED_ROLLING = (-0.4883, -0.3775, 0.3160, -0.3263)
"""Table 2.2: mean of the 2-year rolling correlation of R with ΔX^1..4."""

PUBLISHED_RATIO = (0.59, 0.209)
"""Realised over one-month at-the-money vol: mean and standard deviation (section 2.3.2)."""


@configuration
class SurfaceDynamicsConfig:
    """What to compute."""

    components: int = setting(4, label="Components", help="Principal components to follow.", low=1, high=8)
    shortest_lag: int = setting(
        1,
        label="Shortest lag of the fit",
        help="Mean reversion is fitted to autocorrelations at this lag, 5, 21 and 63 days. Daily changes may hold "
        "noise that the next day takes back; 5 leaves it out.",
        low=1,
        high=21,
        unit="days",
    )
    window: int = setting(
        dynamics.TWO_YEARS,
        label="Rolling window",
        help="Window of the rolling correlations; 504 are two years.",
        low=21,
        high=2520,
        unit="days",
    )
    draws: int = setting(
        500, label="Bootstrap draws", help="Resamples behind the intervals of the shares.", low=100, high=5000
    )
    block: int = setting(21, label="Block", help="Days drawn together in the bootstrap.", low=1, high=252, unit="days")
    seed: int = setting(1, label="Seed", help="Same seed, same intervals.", low=0, high=2**31 - 1)


@dataclass(frozen=True, eq=False)
class SurfaceDynamicsResult:
    """Everything the study found.

    Args:
        config: what was asked.
        dates: ``(n,)`` days.
        log_return: ``(n − 1,)`` R, row t over the step after day t.
        components: eigen-surfaces, spectrum, factor processes.
        share_interval: ``(2, k)`` 95 % bootstrap interval of the explained shares.
        cumulative_interval: ``(2, k)`` the same for their running sums.
        fits: Ornstein–Uhlenbeck fit of each factor; None where there is no persistence to fit.
        correlations: of R with the change of each factor over the same step; None where either does not vary.
        rolling: ``(k, n − 1)`` the same over the last ``window`` steps.
        vols: realised, at-the-money and index vol; None where the grid has no money.
        truth: parameters that made the data, ``(4, 3)`` λ, α, γ in the coordinates of ``components``, and |cosine|
            of each eigen-surface with the true one ``(4,)``; None if the data are not the simulated market's.
        notes: what could not be computed, and why.
    """

    config: SurfaceDynamicsConfig
    dates: Dates
    log_return: Floats
    components: PrincipalComponents
    share_interval: Floats
    cumulative_interval: Floats
    fits: tuple[OrnsteinUhlenbeckFit | None, ...]
    correlations: tuple[Correlation | None, ...]
    rolling: Floats
    vols: VolComparison | None
    truth: tuple[Floats, Floats] | None
    notes: tuple[str, ...]

    def autocorrelation(self, k: int) -> Autocorrelation:
        """Autocorrelations of factor k, computed when asked for: their library is slow to import.

        Raises:
            MarketDataError: if the factor does not vary.
        """
        return dynamics.autocorrelation(self.components.factors[:, k])

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """Every table by the name of its file."""
        tables = {
            "explained_variance": self.explained_table(),
            "mean_reversion": self.reversion_table(),
            "return_correlation": self.correlation_table(),
            "vol_ratios": self.ratio_table(),
        }
        if self.truth is not None:
            tables["recovery"] = self.recovery_table()
        return tables

    @property
    def arrays(self) -> dict[str, NDArray[Any]]:
        """Every array behind the pictures, by name."""
        c = self.components
        arrays: dict[str, NDArray[Any]] = {
            "dates": self.dates,
            "average": c.average,
            "eigenvalues": c.eigenvalues,
            "correlation_eigenvalues": c.correlation_eigenvalues,
            "vectors": c.vectors,
            "factors": c.factors,
            "rolling_correlation": self.rolling,
        }
        if self.vols is not None:
            arrays |= {"realised": self.vols.realised, "atm": self.vols.atm}
        return arrays

    def explained_table(self) -> pd.DataFrame:
        """Table 2.1: shares of variance with intervals, both matrices, published figures beside."""
        c, k = self.components, len(self.components.vectors)
        eigenvalue = _padded(c.correlation_eigenvalues, k)
        return pd.DataFrame(
            {
                "component": np.arange(1, k + 1),
                "shape": c.names,
                "share": c.explained[:k],
                "share_low": self.share_interval[0],
                "share_high": self.share_interval[1],
                "published_share": _padded(PUBLISHED_SHARE, k),
                "cumulative": c.explained[:k].cumsum(),
                "cumulative_low": self.cumulative_interval[0],
                "cumulative_high": self.cumulative_interval[1],
                "published_cumulative": _padded(PUBLISHED_CUMULATIVE, k),
                "correlation_eigenvalue": eigenvalue,
                "above_edge": eigenvalue > c.edge,
                "correlation_cumulative": _padded(c.correlation_explained[:k].cumsum(), k),
                "published_correlation_cumulative": _padded(PUBLISHED_CORRELATION_CUMULATIVE, k),
            }
        )

    def reversion_table(self) -> pd.DataFrame:
        """Table 2.6: λ (per year), α, γ (per √year) with standard errors and J, published figures beside."""
        rows = []
        for k, (fit, name) in enumerate(zip(self.fits, self.components.names, strict=True)):
            published = SPX_OU[k] if k < len(SPX_OU) else np.full(3, np.nan)
            row: dict[str, object] = {"component": k + 1, "shape": name}
            for parameter, symbol, printed in zip(_PARAMETERS, ("lambda", "alpha", "gamma"), published, strict=True):
                row[symbol] = np.nan if fit is None else getattr(fit, parameter)
                row[f"{symbol}_se"] = np.nan if fit is None else getattr(fit, f"{parameter}_se")
                row[f"published_{symbol}"] = printed
            row["half_life_months"] = np.nan if fit is None else 12 * fit.half_life
            row["lambda_bias"] = np.nan if fit is None else fit.mean_reversion_bias
            row["j"] = np.nan if fit is None else fit.j_statistic
            row["j_p_value"] = np.nan if fit is None else fit.p_value
            rows.append(row)
        return pd.DataFrame(rows)

    def correlation_table(self) -> pd.DataFrame:
        """Table 2.2: long-term and rolling correlation of R with each ΔX, published figures beside."""
        k = len(self.correlations)
        blank = Correlation(np.nan, 0, (np.nan, np.nan), (np.nan, np.nan))
        found = [c or blank for c in self.correlations]
        windows = [row[np.isfinite(row)] for row in self.rolling]
        return pd.DataFrame(
            {
                "component": np.arange(1, k + 1),
                "shape": self.components.names,
                "correlation": [c.value for c in found],
                "robust_low": [c.robust[0] for c in found],
                "robust_high": [c.robust[1] for c in found],
                "fisher_low": [c.fisher[0] for c in found],
                "fisher_high": [c.fisher[1] for c in found],
                "published_correlation": _padded(SPX_CORRELATION, k),
                "rolling_mean": [row.mean() if len(row) else np.nan for row in windows],
                "rolling_lowest": [row.min() if len(row) else np.nan for row in windows],
                "rolling_highest": [row.max() if len(row) else np.nan for row in windows],
                "published_rolling_mean": _padded(PUBLISHED_ROLLING, k),
            }
        )

    def ratio_table(self) -> pd.DataFrame:
        """Mean, standard deviation and median of each ratio of vols; the thesis prints the first one's."""
        columns = ["ratio", "mean", "sd", "median", "days", "published_mean", "published_sd"]
        summary = () if self.vols is None else self.vols.summary()
        rows = [
            (r.label, r.mean, r.sd, r.median, r.days, *(PUBLISHED_RATIO if i == 0 else (np.nan, np.nan)))
            for i, r in enumerate(summary)
        ]
        return pd.DataFrame(rows, columns=columns)

    def recovery_table(self) -> pd.DataFrame:
        """Estimates against the truth of the simulated market, errors in standard errors.

        Raises:
            MarketDataError: if the data are not the simulated market's.
        """
        if self.truth is None:
            raise MarketDataError("expected surfaces of the simulated market, whose truth is known; found others")
        true, cosine = self.truth
        rows = []
        for k, (fit, name) in enumerate(zip(self.fits, self.components.names, strict=True)):
            if k >= len(true):
                break
            row: dict[str, object] = {"component": k + 1, "shape": name, "cosine": cosine[k]}
            for value, parameter, symbol in zip(true[k], _PARAMETERS, ("lambda", "alpha", "gamma"), strict=True):
                estimate = np.nan if fit is None else getattr(fit, parameter)
                error = np.nan if fit is None else getattr(fit, f"{parameter}_se")
                row |= {f"true_{symbol}": value, symbol: estimate, f"{symbol}_error_in_se": (estimate - value) / error}
            rows.append(row)
        return pd.DataFrame(rows)


_PARAMETERS = ("mean_reversion", "mean", "volatility")


def run(history: SurfaceHistory, config: SurfaceDynamicsConfig | None = None) -> SurfaceDynamicsResult:
    """The study on one history.

    Args:
        history: at least 64 days.
        config: what to compute.

    Raises:
        MarketDataError: if there are too few days, no vol ever changes, or there are more components than points.
    """
    config = config or SurfaceDynamicsConfig()
    if len(history) < LEAST_DAYS:
        raise MarketDataError(f"expected at least {LEAST_DAYS} days to study their dynamics; found {len(history)}")
    k = min(config.components, history.grid.size)
    notes: list[str] = []
    components = principal_components.fit(history, k)
    block = min(config.block, (len(history) - 1) // 4)
    draws = principal_components.bootstrap_explained(
        history, k, rng=np.random.default_rng(config.seed), draws=config.draws, block=block
    )
    lags = tuple(lag for lag in _lags(config.shortest_lag) if 4 * lag <= len(history))
    left_out = [lag for lag in _lags(config.shortest_lag) if lag not in lags]
    if left_out:
        notes.append(f"{len(history)} days are too few for autocorrelations at {left_out} days in the fit.")
    changes = np.diff(components.factors, axis=0)  # (n − 1, k)
    rolling = np.stack([_rolling(history.log_return, change, config.window) for change in changes.T])
    if len(changes) < config.window:
        notes.append(f"A rolling window of {config.window} days is longer than the {len(changes)} daily changes.")

    def attempt(what: str, function: Any, *arguments: Any, **options: Any) -> Any:
        try:
            return function(*arguments, **options)
        except MarketDataError as problem:
            notes.append(f"No {what}: {problem}.")
            return None

    names = components.names
    return SurfaceDynamicsResult(
        config=config,
        dates=history.dates,
        log_return=history.log_return,
        components=components,
        share_interval=np.quantile(draws, [0.025, 0.975], axis=0),
        cumulative_interval=np.quantile(draws.cumsum(axis=1), [0.025, 0.975], axis=0),
        fits=tuple(
            attempt(f"mean reversion of {name}", ornstein_uhlenbeck.fit, x, lags=lags)
            for name, x in zip(names, components.factors.T, strict=True)
        ),
        correlations=tuple(
            attempt(f"correlation with {name}", dynamics.correlation, history.log_return, change)
            for name, change in zip(names, changes.T, strict=True)
        ),
        rolling=rolling,
        vols=attempt("comparison with realised vol", dynamics.compare_vols, history),
        truth=_truth(history, components),
        notes=tuple(notes),
    )


def _lags(shortest: int) -> tuple[int, ...]:
    return tuple(sorted({shortest, *(lag for lag in ornstein_uhlenbeck.LAGS if lag >= shortest)}))


def _rolling(x: Floats, y: Floats, window: int) -> Floats:
    if np.ptp(x) == 0 or np.ptp(y) == 0:
        return np.full(len(x), np.nan)
    return dynamics.rolling_correlation(x, y, window)


def _padded(values: Any, k: int) -> Floats:
    """The first k of some values, NaN beyond them."""
    padded = np.full(k, np.nan)
    padded[: len(values)] = values[:k]
    return padded


def _truth(history: SurfaceHistory, components: PrincipalComponents) -> tuple[Floats, Floats] | None:
    """What made the data if they are the simulated market's: its parameters in the coordinates of the estimate.

    The estimate measures factors from the sample's average surface and along unit vectors of either sign; the market
    from its own average and along shapes f of norm c. So X̂ = ± c X + ⟨log σ̄ − Ỹ, f̂⟩.
    """
    from engine.models.simulated import law
    from engine.models.simulated.law import surface_shapes

    try:
        shapes = surface_shapes(history.grid)
        shapes.factors(history.log_iv)
    except MarketDataError:
        return None
    flat = history.grid.flatten
    k = min(len(components.vectors), len(shapes.shapes))
    vectors, true = flat(components.vectors[:k]), flat(shapes.shapes[:k])
    norm = float(np.linalg.norm(true[0]))
    inner = (vectors * true).sum(axis=1) / norm
    shift = flat(np.log(shapes.average) - components.log_average) @ vectors.T
    parameters = np.column_stack(
        [
            law.LAMBDA[:k],
            np.sign(inner) * norm * law.MEAN[:k] + shift,
            norm * law.GAMMA[:k],
        ]
    )
    return parameters, np.abs(inner)
