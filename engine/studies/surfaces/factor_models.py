"""The two factor models of chapter 2 on any history: their paths' arbitrage, reweighted, beside the published figures.

References:
    Simulation of arbitrage-free implied volatility surfaces, section 2.6, Tables 2.5–2.9, figures 2.15–2.20.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from engine.errors import MarketDataError
from engine.market.grid import DT, Floats
from engine.market.surface_history import SurfaceHistory, realised_vol
from engine.scenarios import reweighting
from engine.settings import configuration, setting
from engine.surfaces import dynamics, ornstein_uhlenbeck, principal_components, vix
from engine.surfaces.factor_model import SPX_CORRELATION, SPX_OU, THREE_MONTHS, FactorModel, Paths, simulate
from engine.surfaces.principal_components import PrincipalComponents

STYLISED_REVERSION = SPX_OU[[0, 1, 3], 0]
"""The stylised model takes its λ from another paper and does not print them: λ1, λ2, λ4 of Table 2.6 stand in."""

STYLISED_CORRELATION = -0.5
PUBLISHED_VOL_SHARE = 0.5
LEVELS = (0.9, 0.95, 0.99)
"""Quantile levels of Tables 2.5 and 2.8."""

PUBLISHED_QUANTILES: dict[str, dict[float, tuple[float, float, float]]] = {
    "stylised": {
        0.0: (0.044, 0.09, 0.206),
        1e2: (0.001, 0.004, 0.014),
        1e3: (0.0, 0.0001, 0.001),
        1e4: (0.0, 0.0, 0.0004),
        1e5: (0.0, 0.0, 0.0),
    },
    "spx": {
        0.0: (0.20, 0.77, 4.49),
        1e2: (5e-5, 0.002, 0.01),
        1e4: (5e-10, 2e-7, 3e-7),
        1e6: (2e-13, 3e-9, 2e-9),
        1e10: (0.0, 4e-15, 1e-11),
        1e15: (0.0, 0.0, 4e-16),
    },
}
"""Tables 2.5 and 2.8: φ at 90, 95 and 99 % by β."""

PUBLISHED_PRESENCE = {
    "stylised": {"paths": {"total": 0.352}},
    "spx": {
        "paths": {"total": 0.62761, "calendar": 0.21245, "call_spread": 0.36548, "butterfly": 0.36548},
        "surfaces": {"total": 0.16055, "calendar": 0.04004, "call_spread": 0.09117, "butterfly": 0.07073},
    },
}
"""Table 2.7, and the 64.8 % arbitrage-free paths of section 2.6.1. (Table 2.7 prints 36.548 % twice.)"""

SERIES = ("Δ log S", "ΔX¹", "Δ log ATM", "Δ log VIX")
PUBLISHED_CORRELATIONS = np.array(
    [[1.0, -0.45, -0.31, -0.30], [-0.45, 1.0, 0.96, 0.94], [-0.31, 0.96, 1.0, 0.99], [-0.30, 0.94, 0.99, 1.0]]
)
"""Table 2.9, in the order of ``SERIES``."""

BETAS = 10.0 ** np.arange(-2, 15.5, 0.25)
"""β of the entropy curve."""


@configuration
class FactorModelConfig:
    """Which factor model, with whose parameters, and how many paths."""

    model: str = setting(
        "spx",
        label="Model",
        help="spx: four factors, spot driven by half the one-month ATM vol (2.26–2.29). stylised: three factors, unit "
        "volatility, spot driven by the shortest ATM vol (2.22–2.24).",
        choices=("spx", "stylised"),
    )
    parameters: str = setting(
        "thesis",
        label="Parameters",
        help="thesis: Tables 2.2 and 2.6. estimated: from the chosen data (stylised: reversion only).",
        choices=("thesis", "estimated"),
    )
    paths: int = setting(10_000, label="Paths", help="Three-month scenarios.", low=100, high=100_000)
    days: int = setting(THREE_MONTHS, label="Days", help="Length of a path.", low=1, high=252, unit="trading days")
    seed: int = setting(1, label="Seed", help="Same seed, same paths.", low=0, high=2**31 - 1)


@dataclass(frozen=True, eq=False)
class FactorModelResult:
    """Paths of a factor model and the tables made of them."""

    config: FactorModelConfig
    model: FactorModel
    paths: Paths

    def presence_table(self) -> pd.DataFrame:
        """Table 2.7's shape: share of paths and surfaces with arbitrage, published figures beside ours."""
        found, published = self.paths.presence(), PUBLISHED_PRESENCE[self.config.model]
        rows = [
            {"of": of, "kind": kind, "share": share, "published": published.get(of, {}).get(kind, np.nan)}
            for of, shares in found.items()
            for kind, share in shares.items()
        ]
        table = pd.DataFrame(rows)
        n = np.where(table["of"] == "paths", len(self.paths.penalty), np.nan)  # surfaces of one path are dependent
        table["standard_error"] = np.sqrt(table["share"] * (1 - table["share"]) / n)
        return table

    def quantile_table(self) -> pd.DataFrame:
        """Tables 2.5 and 2.8: quantiles of φ under the weights of each β, with the effective sample size."""
        rows = []
        for beta, published in PUBLISHED_QUANTILES[self.config.model].items():
            w = reweighting.weights(self.paths.penalty, beta)
            ours = reweighting.weighted_quantile(self.paths.penalty, w, LEVELS)
            ess = float(reweighting.effective_sample_size(w))
            rows += [
                {"beta": beta, "level": q, "phi": float(x), "published": y, "effective_sample_size": ess}
                for q, x, y in zip(LEVELS, ours, published, strict=True)
            ]
        return pd.DataFrame(rows)

    def entropy_curve(self) -> pd.DataFrame:
        """KL(w ‖ uniform) = log N + Σ w log w and effective sample size against β (figures 2.15, 2.17)."""
        w = reweighting.weights(self.paths.penalty, BETAS)  # (betas, paths)
        kl, ess = reweighting.relative_entropy(w), reweighting.effective_sample_size(w)
        return pd.DataFrame({"beta": BETAS, "relative_entropy": kl, "effective_sample_size": ess})


def build(history: SurfaceHistory, config: FactorModelConfig) -> FactorModel:
    """The factor model on a history's grid: shapes and average surface from its principal components.

    The SPX model starts from the average surface and the last day's factors; the stylised one from the last day's
    surface with all factors at zero.

    Raises:
        MarketDataError: if the history is too short to estimate from.
    """
    count = 4 if config.model == "spx" else 3
    components = principal_components.fit(history, count)
    estimated = config.parameters == "estimated"
    correlation = _correlation(history, components) if estimated else None
    if config.model == "spx":
        fits = [ornstein_uhlenbeck.fit(x) for x in components.factors.T] if estimated else None
        ou = np.array([[f.mean_reversion, f.mean, f.volatility] for f in fits]) if fits else SPX_OU
        share = _vol_share(history) if estimated else PUBLISHED_VOL_SHARE
        return FactorModel(
            grid=history.grid,
            base=components.average,
            shapes=components.vectors,
            reversion=ou[:, 0],
            mean=ou[:, 1],
            volatility=ou[:, 2],
            correlation=SPX_CORRELATION if correlation is None else correlation,
            start=components.factors[-1],
            vol_share=share,
            driver=1 / 12,
            label="four-factor SPX model",
        )
    reversion = STYLISED_REVERSION
    if estimated:
        reversion = np.array([ornstein_uhlenbeck.fit(x).mean_reversion for x in components.factors.T])
    return FactorModel(
        grid=history.grid,
        base=np.asarray(history.iv[-1]),
        shapes=components.vectors,
        reversion=reversion,
        mean=np.zeros(count),
        volatility=np.ones(count),
        correlation=np.array([STYLISED_CORRELATION, 0.0, 0.0]),
        start=np.zeros(count),
        vol_share=1.0,
        driver=0.0,
        label="stylised three-factor model",
    )


def run(
    history: SurfaceHistory, config: FactorModelConfig, on_chunk: Callable[[int, int], None] | None = None
) -> FactorModelResult:
    """Simulate the paths and keep what the tables and pictures need."""
    model = build(history, config)
    rng = np.random.default_rng(config.seed)
    return FactorModelResult(config, model, simulate(model, config.paths, config.days, rng=rng, on_chunk=on_chunk))


def long_scenario(model: FactorModel, history: SurfaceHistory, *, years: int = 10, seed: int = 1) -> pd.DataFrame:
    """One long daily path of spot, VIX, ATM 1M vol, realised vol and the first factor (figures 2.18–2.19).

    VIX by the Cboe sum on every simulated surface; realised vol over 21 days.
    """
    days = 252 * years
    path = simulate(model, 1, days, rng=np.random.default_rng(seed), keep=1)
    surfaces = model.surfaces(path.factors[0])  # (days + 1, n_moneyness, n_maturity)
    log_spot = path.log_spot[0]
    realised = np.full(days + 1, np.nan)
    realised[21:] = realised_vol(np.diff(log_spot))
    return pd.DataFrame(
        {
            "year": np.arange(days + 1) * DT,
            "spot": float(history.spot[-1]) * np.exp(log_spot),
            "vix": vix.from_surface(surfaces, model.grid),
            "atm": model.grid.interpolate(surfaces, 1.0, 1 / 12),
            "realised": realised,
            "level": path.factors[0, :, 0],
        }
    )


def correlation_table(scenario: pd.DataFrame) -> Floats:
    """Table 2.9: Pearson correlations of the daily changes named in ``SERIES``, ``(4, 4)``."""
    logs = np.log(scenario[["spot", "atm", "vix"]].to_numpy())
    changes = np.diff(np.column_stack([logs[:, 0], scenario["level"], logs[:, 1], logs[:, 2]]), axis=0)
    table: Floats = np.corrcoef(changes.T)
    return table


@dataclass(frozen=True, eq=False)
class Moves:
    """Daily moves of spot and VIX: ``(n,)`` Δ log S and Δ log VIX, and where the VIX is from."""

    spot: Floats
    vix: Floats
    origin: str


def scenario_moves(scenario: pd.DataFrame) -> Moves:
    """Daily moves of a long scenario."""
    spot, index = np.diff(np.log(scenario[["spot", "vix"]].to_numpy()), axis=0).T
    return Moves(spot, index, "simulated")


def history_moves(history: SurfaceHistory) -> Moves:
    """Daily moves of the data: their own VIX, or that of their surfaces where they have none."""
    quoted = history.vix is not None
    index = history.vix if quoted else vix.from_surface(history.iv, history.grid, history.rate)
    origin = "VIX of the data" if quoted else "VIX computed from the data's surfaces: none came with them"
    change = np.diff(np.log(np.asarray(index, dtype=np.float64)))
    known = np.isfinite(change)
    return Moves(history.log_return[known], change[known], origin)


def joint_table(simulated: Moves, data: Moves) -> pd.DataFrame:
    """Correlation with its robust 95 % interval, standard deviations and skewness of both moves, model and data."""
    rows = []
    for name, moves in (("simulated", simulated), ("data", data)):
        try:
            found = dynamics.correlation(moves.spot, moves.vix)
            value, low, high = found.value, *found.robust
        except MarketDataError:  # a spot or an index that stands still goes with nothing
            value = low = high = np.nan
        rows.append(
            {
                "moves": name,
                "days": len(moves.spot),
                "correlation": value,
                "correlation_low": low,
                "correlation_high": high,
                "sd_log_spot": float(moves.spot.std(ddof=1)),
                "sd_log_vix": float(moves.vix.std(ddof=1)),
                "skew_log_spot": _skewness(moves.spot),
                "skew_log_vix": _skewness(moves.vix),
                "vix": moves.origin,
            }
        )
    return pd.DataFrame(rows)


def _skewness(x: Floats) -> float:
    spread = float(x.std())
    return float((((x - x.mean()) / spread) ** 3).mean()) if spread > 0 else float("nan")


def _correlation(history: SurfaceHistory, components: PrincipalComponents) -> Floats:
    changes = np.diff(components.factors, axis=0)  # (n − 1, k)
    found: Floats = np.corrcoef(history.log_return, changes.T)[0, 1:]
    explained = float(found @ found)
    if explained > 1:
        raise MarketDataError(f"expected returns that factors explain to at most 100 %; found {100 * explained:.0f} %")
    return found


def _vol_share(history: SurfaceHistory) -> float:
    """ν: standard deviation of R/(σ_ATM √Δ), the spot's vol as a share of one-month ATM vol."""
    return float(np.std(history.log_return / (history.atm()[:-1] * np.sqrt(DT))))
