"""The whole of chapter 2 on one history of surfaces: dynamics, static arbitrage, factor models, volatility index.

``python -m engine study surfaces --data FILE --run DIR`` writes every table as CSV.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from engine.market.surface_history import SurfaceHistory
from engine.settings import configuration, setting
from engine.studies.base import Step, Tables, Work
from engine.studies.surfaces import dynamics, factor_models
from engine.studies.surfaces.dynamics import SurfaceDynamicsConfig
from engine.studies.surfaces.factor_models import FactorModelConfig
from engine.surfaces import arbitrage_report, vix
from engine.surfaces.arbitrage_report import KINDS, Decomposition

PUBLISHED_PENALTY = {
    "total": (0.0, 0.075, 0.13, 0.5, 0.802),
    "calendar": (0.0, 0.0, 0.002, 0.038, 0.905),
    "call_spread": (0.0, 0.0, 0.0, 0.009, 0.973),
    "butterfly": (0.0, 0.01, 0.06, 0.458, 0.849),
}
"""Table 2.3 (SPX 2000–2021): Φ and its parts at 50, 90, 95, 99 %, and the share of days without (section 2.4.3)."""

PUBLISHED_NOISE = {"butterfly": 0.23}
"""Share of noisy surfaces (sd 0.001) with butterfly arbitrage (section 2.4.1)."""


@configuration
class SurfacesConfig:
    """What the study of surfaces computes."""

    components: int = setting(4, label="Components", help="Principal components to follow.", low=1, high=8)
    paths: int = setting(100_000, label="Paths", help="Three-month paths of each factor model.", low=100, high=100_000)
    draws: int = setting(
        10_000, label="Noise draws", help="Noisy surfaces of the noise experiment.", low=1, high=100_000
    )
    noise: float = setting(0.001, label="Noise", help="Standard deviation, vol as a decimal.", low=0.0, high=0.5)
    seed: int = setting(1, label="Seed", help="Same seed, same tables.", low=0, high=2**31 - 1)


LABEL = "Surfaces: dynamics, static arbitrage, factor models"
Config = SurfacesConfig
DATA = "surfaces"
INPUTS: tuple[str, ...] = ()


def steps(history: SurfaceHistory, config: SurfacesConfig, work: Work) -> tuple[Step, ...]:
    """The parts of the study, in order; each makes its tables by the name of their files."""
    parts = [
        Step("dynamics", lambda: _dynamics(history, config)),
        Step("static arbitrage", lambda: _arbitrage(history, config)),
        Step("volatility index", lambda: {"vix": vix_table(history)}),
    ]
    for model, parameters in (("stylised", "thesis"), ("spx", "thesis"), ("spx", "estimated")):
        chosen = FactorModelConfig(model=model, parameters=parameters, paths=config.paths, seed=config.seed)
        parts.append(Step(f"{model} factor model, {parameters} parameters", _FactorModelStep(history, chosen)))
    return tuple(parts)


def penalty_table(found: Decomposition) -> pd.DataFrame:
    """Table 2.3 with the published figures beside ours."""
    ours, free = found.quantile_table(), found.free_share()
    rows = []
    for kind, published in PUBLISHED_PENALTY.items():
        for name, value, theirs in zip(
            (*ours.columns, "share of days without"), (*ours.loc[kind], free[kind]), published, strict=True
        ):
            rows.append({"constraint": kind, "statistic": name, "value": float(value), "published": theirs})
    return pd.DataFrame(rows)


def vix_table(history: SurfaceHistory) -> pd.DataFrame:
    """VIX by the Cboe sum on every surface, beside the index that came with the data."""
    computed = vix.from_surface(history.iv, history.grid, history.rate)
    quoted = np.full(len(history), np.nan) if history.vix is None else history.vix
    return pd.DataFrame({"date": history.dates, "from_surface": computed, "quoted": quoted})


def _dynamics(history: SurfaceHistory, config: SurfacesConfig) -> Tables:
    chosen = SurfaceDynamicsConfig(components=config.components, seed=config.seed)
    return dict(dynamics.run(history, chosen).tables)


def _arbitrage(history: SurfaceHistory, config: SurfacesConfig) -> Tables:
    found = arbitrage_report.decompose_history(history)
    daily = pd.DataFrame(found.by_kind, columns=list(KINDS)).assign(total=found.total)
    daily.insert(0, "date", history.dates)
    free = np.flatnonzero(found.total == 0)
    base = int(free[-1]) if len(free) else len(history) - 1
    surface, rate = history.iv[base], float(history.rate[base])
    rng = np.random.default_rng(config.seed)
    noisy = arbitrage_report.noise_experiment(
        surface, history.grid, draws=config.draws, sd=config.noise, rate=rate, rng=rng
    )
    shifts, shifted = arbitrage_report.shift_experiment(surface, history.grid, rate=rate)
    return {
        "penalty_by_day": daily,
        "penalty_quantiles": penalty_table(found),
        "noise_experiment": _noise_table(noisy, str(history.dates[base]), config),
        "shift_experiment": pd.DataFrame(shifted.by_kind, columns=list(KINDS)).assign(shift=shifts),
    }


def _noise_table(found: Decomposition, day: str, config: SurfacesConfig) -> pd.DataFrame:
    rows = []
    for kind, free in found.free_share().items():
        share = 1 - free
        rows.append(
            {
                "constraint": kind,
                "share_with_arbitrage": share,
                "standard_error": float(np.sqrt(share * free / config.draws)),
                "published": PUBLISHED_NOISE.get(kind, np.nan),
                "surface_of": day,
            }
        )
    return pd.DataFrame(rows)


@dataclass(frozen=True)
class _FactorModelStep:
    history: SurfaceHistory
    config: FactorModelConfig

    def __call__(self) -> Tables:
        result = factor_models.run(self.history, self.config)
        prefix = f"factor_{self.config.model}_{self.config.parameters}"
        tables = {
            f"{prefix}_presence": result.presence_table(),
            f"{prefix}_quantiles": result.quantile_table(),
            f"{prefix}_entropy": result.entropy_curve(),
        }
        if self.config.model == "spx":
            scenario = factor_models.long_scenario(result.model, self.history, seed=self.config.seed)
            tables[f"{prefix}_ten_years"] = scenario
            tables[f"{prefix}_joint_moves"] = factor_models.joint_table(
                factor_models.scenario_moves(scenario), factor_models.history_moves(self.history)
            )
            found, published = factor_models.correlation_table(scenario), factor_models.PUBLISHED_CORRELATIONS
            tables[f"{prefix}_correlations"] = pd.DataFrame(
                [
                    {"row": row, "column": column, "correlation": found[i, j], "published": published[i, j]}
                    for i, row in enumerate(factor_models.SERIES)
                    for j, column in enumerate(factor_models.SERIES)
                ]
            )
        return tables


def summary(tables: Mapping[str, pd.DataFrame]) -> dict[str, float]:
    """Headline figures for the run's card."""
    quantiles = tables["penalty_quantiles"].set_index(["constraint", "statistic"])["value"]
    return {
        "share_of_days_free_of_arbitrage": float(quantiles["total", "share of days without"]),
        "phi_99": float(quantiles["total", "99%"]),
        "variance_of_first_component": float(tables["explained_variance"]["share"].iloc[0]),
    }
