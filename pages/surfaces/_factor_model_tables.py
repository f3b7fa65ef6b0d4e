"""Tables of the factor model page in words."""

import numpy as np
import pandas as pd

from engine.charts import theme
from engine.charts.penalties import NAMES
from engine.studies.surfaces.factor_models import PUBLISHED_CORRELATIONS, SERIES
from engine.surfaces.factor_model import FactorModel


def joint_words(table: pd.DataFrame) -> pd.DataFrame:
    """Marginals and correlation of daily moves in market units."""

    def interval(row: pd.Series) -> str:
        if np.isnan(row["correlation"]):
            return "none"
        parts = [theme.signed(row[c], ".2f") for c in ("correlation", "correlation_low", "correlation_high")]
        return f"{parts[0]}  ({parts[1]} … {parts[2]})"

    return pd.DataFrame(
        {
            "Daily moves": table["moves"],
            "Days": [theme.count(n) for n in table["days"]],
            "Correlation (95 % interval)": [interval(row) for _, row in table.iterrows()],
            "sd Δ log S (bp)": [f"{1e4 * x:.0f}" for x in table["sd_log_spot"]],
            "sd Δ log VIX (%)": [f"{100 * x:.1f}" for x in table["sd_log_vix"]],
            "Skewness Δ log S": ["none" if np.isnan(x) else theme.signed(x, ".1f") for x in table["skew_log_spot"]],
            "Skewness Δ log VIX": ["none" if np.isnan(x) else theme.signed(x, ".1f") for x in table["skew_log_vix"]],
        }
    )


def presence_words(table: pd.DataFrame) -> pd.DataFrame:
    """Table 2.7 in words, published figures beside."""
    names = {"total": "Any", **NAMES}
    return pd.DataFrame(
        {
            "Of": table["of"],
            "Arbitrage": table["kind"].map(names),
            "Share": [theme.percent(x, 2) for x in table["share"]],
            "Standard error": ["" if np.isnan(x) else theme.percent(x, 2) for x in table["standard_error"]],
            "Thesis": ["" if np.isnan(x) else theme.percent(x, 2) for x in table["published"]],
        }
    )


def quantile_words(table: pd.DataFrame) -> pd.DataFrame:
    """Tables 2.5 and 2.8: one row a level, one column a β, published figures in brackets."""
    words = [
        f"{theme.significant(a)}  [{theme.significant(b)}]"
        for a, b in zip(table["phi"], table["published"], strict=True)
    ]
    shown = table.assign(words=words, Quantile=[f"{q:.0%}" for q in table["level"]])
    wide = shown.pivot(index="Quantile", columns="beta", values="words")
    return wide.rename(columns=lambda beta: f"β = {beta:g} [thesis]")


def parameters(model: FactorModel) -> pd.DataFrame:
    """λ, α, γ, ρ and the start of every factor."""
    return pd.DataFrame(
        {
            "Factor": [f"X{i + 1}" for i in range(len(model.shapes))],
            "λ (per year)": model.reversion.round(3),
            "α": model.mean.round(3),
            "γ (per √year)": model.volatility.round(3),
            "ρ with the spot": model.correlation.round(3),
            "start": model.start.round(3),
        }
    )


def correlation_words(found: np.ndarray) -> pd.DataFrame:
    """Table 2.9, published figures in brackets."""
    cells = [
        [f"{theme.signed(a, '.2f')}  [{theme.signed(b, '.2f')}]" for a, b in zip(x, y, strict=True)]
        for x, y in zip(found, PUBLISHED_CORRELATIONS, strict=True)
    ]
    return pd.DataFrame(cells, index=list(SERIES), columns=list(SERIES))
