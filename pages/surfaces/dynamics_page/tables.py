"""Tables of the dynamics page: those it shows, with the published figures beside, and those to download."""

import numpy as np
import pandas as pd

from engine.charts import theme
from engine.market.grid import Floats, Grid
from engine.studies.surfaces.dynamics import (
    SurfaceDynamicsResult,
)


def explained(result: SurfaceDynamicsResult) -> pd.DataFrame:
    """Table 2.1, published figures in brackets."""
    table = result.explained_table()
    return pd.DataFrame(
        {
            "Component": [f"PC{i} {name}" for i, name in zip(table["component"], table["shape"], strict=True)],
            "Covariance [SPX]": _beside(table["share"], table["published_share"]),
            "95 % interval": _range(table["share_low"], table["share_high"]),
            "Sum [SPX]": _beside(table["cumulative"], table["published_cumulative"]),
            "Correlation, sum [SPX]": _beside(
                table["correlation_cumulative"], table["published_correlation_cumulative"]
            ),
            "Eigenvalue": [f"{x:.2f}" for x in table["correlation_eigenvalue"]],
            "Above noise": ["yes" if above else "no" for above in table["above_edge"]],
        }
    )


def reversion(result: SurfaceDynamicsResult) -> pd.DataFrame:
    """Table 2.6 with standard errors, published figures in brackets."""
    table = result.reversion_table()

    def column(symbol: str) -> list[str]:
        zipped = zip(table[symbol], table[f"{symbol}_se"], table[f"published_{symbol}"], strict=True)
        return [_estimate(value, error) + _bracket(printed) for value, error, printed in zipped]

    return pd.DataFrame(
        {
            "Factor": [f"X{i} {name}" for i, name in zip(table["component"], table["shape"], strict=True)],
            "λ per year [SPX]": column("lambda"),
            "α [SPX]": column("alpha"),
            "γ per √year [SPX]": column("gamma"),
            "Half-life (months)": [f"{x:.1f}" if np.isfinite(x) else "" for x in table["half_life_months"]],
            "λ too high by": [f"≈ {x:.2f}" if np.isfinite(x) else "" for x in table["lambda_bias"]],
            "J": [f"{x:.1f}" if np.isfinite(x) else "" for x in table["j"]],
            "p": [theme.significant(x) if np.isfinite(x) else "" for x in table["j_p_value"]],
        }
    )


def recovery(result: SurfaceDynamicsResult) -> pd.DataFrame:
    """Estimates against the truth of the simulated market."""
    table = result.recovery_table()
    shown = {
        "Factor": [f"X{i} {name}" for i, name in zip(table["component"], table["shape"], strict=True)],
        "Cosine with the true shape": [f"{x:.4f}" for x in table["cosine"]],
    }
    for symbol, letter in (("lambda", "λ"), ("alpha", "α"), ("gamma", "γ")):
        shown[f"True {letter}"] = [f"{x:.3f}".replace("-", "−") for x in table[f"true_{symbol}"]]
        shown[f"{letter} off by (standard errors)"] = [
            f"{x:+.1f}".replace("-", "−") if np.isfinite(x) else "" for x in table[f"{symbol}_error_in_se"]
        ]
    return pd.DataFrame(shown)


def correlations(result: SurfaceDynamicsResult) -> pd.DataFrame:
    """Table 2.2, published figures in brackets."""
    table = result.correlation_table()
    return pd.DataFrame(
        {
            "R with": [f"ΔX{i} {name}" for i, name in zip(table["component"], table["shape"], strict=True)],
            "Long-term [SPX]": _beside(table["correlation"], table["published_correlation"]),
            "95 % interval": _range(table["robust_low"], table["robust_high"]),
            f"Mean of {result.config.window}-day windows [SPX, 2 years]": _beside(
                table["rolling_mean"], table["published_rolling_mean"]
            ),
            "Windows from … to": _range(table["rolling_lowest"], table["rolling_highest"]),
        }
    )


def ratios(result: SurfaceDynamicsResult) -> pd.DataFrame:
    """Mean, sd and median of the ratios, published figures in brackets."""
    table = result.ratio_table()
    return pd.DataFrame(
        {
            "Ratio": table["ratio"],
            "Mean [SPX]": [
                f"{x:.2f}" + _bracket(p, 2) for x, p in zip(table["mean"], table["published_mean"], strict=True)
            ],
            "Standard deviation [SPX]": [
                f"{x:.3f}" + _bracket(p) for x, p in zip(table["sd"], table["published_sd"], strict=True)
            ],
            "Median": [f"{x:.2f}" for x in table["median"]],
            "Days": [theme.count(x) for x in table["days"]],
        }
    )


def factor_table(result: SurfaceDynamicsResult) -> pd.DataFrame:
    """One row a day: the factor processes."""
    table = pd.DataFrame(result.components.factors, columns=[f"X{k + 1}" for k in range(len(result.fits))])
    table.insert(0, "date", result.dates)
    return table


def long_surface(values: Floats, grid: Grid, column: str) -> pd.DataFrame:
    """One row a cell of a surface: moneyness, maturity in years, value."""
    moneyness, maturity = np.meshgrid(grid.moneyness, grid.maturity, indexing="ij")
    return pd.DataFrame({"moneyness": moneyness.ravel(), "maturity_years": maturity.ravel(), column: values.ravel()})


def long_vectors(result: SurfaceDynamicsResult) -> pd.DataFrame:
    """One row a cell: every eigen-surface."""
    found = result.components
    table = long_surface(found.vectors[0], found.grid, "f1")
    for k, vector in enumerate(found.vectors[1:], start=2):
        table[f"f{k}"] = vector.ravel()
    return table


def _beside(ours: pd.Series, published: pd.Series) -> list[str]:
    return [
        ("" if np.isnan(x) else theme.percent(x, 2)) + ("" if np.isnan(p) else f"  [{theme.percent(p, 2)}]")
        for x, p in zip(ours, published, strict=True)
    ]


def _range(low: pd.Series, high: pd.Series) -> list[str]:
    return [
        "" if np.isnan(a) else f"{100 * a:.1f} to {100 * b:.1f} %".replace("-", "−")
        for a, b in zip(low, high, strict=True)
    ]


def _estimate(value: float, error: float) -> str:
    return f"{value:.3f} ± {error:.3f}".replace("-", "−") if np.isfinite(value) else "none"


def _bracket(published: float, digits: int = 3) -> str:
    return "" if np.isnan(published) else f"  [{published:.{digits}f}]".replace("-", "−")
