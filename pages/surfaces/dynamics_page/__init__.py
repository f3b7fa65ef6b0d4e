"""The page on dynamics: its tabs, each drawn when it is open, their tables and the answer above them."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import streamlit as st

from engine.charts import dynamics as draw
from engine.charts import surfaces, theme
from engine.market.grid import Floats, Grid
from engine.market.surface_history import SurfaceHistory
from engine.studies.surfaces.dynamics import (
    PUBLISHED_RATIO,
    PUBLISHED_SHARE,
    SurfaceDynamicsConfig,
    SurfaceDynamicsResult,
)
from engine.surfaces.factor_model import SPX_CORRELATION
from pages.ui import downloads, frame, surface_picture, widths

SUM = "The same for the first components together."

SIGNIFICANT = "Eigenvalues of the correlation matrix above the Marčenko–Pastur edge: more than noise could make."

RETURN = "Correlation of the day's return with the change of the first factor over the same day."

RATIO = "One-month realised vol over at-the-money implied vol, mean over all days."


@dataclass(frozen=True)
class View:
    """What the tabs show."""

    history: SurfaceHistory
    config: SurfaceDynamicsConfig
    result: SurfaceDynamicsResult

    @property
    def names(self) -> tuple[str, ...]:
        """Of the components."""
        return self.result.components.names


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
            "Share of the variance of daily changes of log vol along the first principal component (covariance).",
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


def average_surface(view: View) -> None:
    """The surface around which the components move."""
    average, grid = view.result.components.average, view.history.grid
    sight = surface_picture.controls(*st.columns([10, 3], vertical_alignment="bottom"), key="dynamics")
    surface_picture.draw(average, grid, sight, key="dynamics")
    frame.picture(surfaces.smile_slices, average, grid, key="average_smiles")
    _save(lambda: long_surface(average, grid, "average_iv"), "average_surface")


def components(view: View) -> None:
    """How much each component explains, how many are more than noise, and their shapes."""
    result, found = view.result, view.result.components
    left, right = widths.columns(2)
    table = result.explained_table()
    with left:
        published = table["published_share"]
        frame.picture(draw.explained_shares, table["share"], result.share_interval, published, view.names, key="shares")
    frame.picture(draw.correlation_spectrum, found.correlation_eigenvalues, found.edge, key="spectrum", where=right)
    st.dataframe(explained(result), hide_index=True)
    _save(result.explained_table, "explained_variance")
    frame.picture(draw.eigen_surfaces, found, key="eigen_surfaces")
    _save(lambda: long_vectors(result), "eigen_surfaces")


def factors(view: View) -> None:
    """Every factor through time."""
    result = view.result
    frame.picture(draw.factor_processes, result.dates, result.components.factors, view.names, key="factors")
    _save(lambda: factor_table(result), "factors")


def mean_reversion(view: View) -> None:
    """How fast each factor returns, against the truth where it is known, and its memory."""
    result = view.result
    st.dataframe(reversion(result), hide_index=True)
    _save(result.reversion_table, "mean_reversion")
    if result.truth is not None:
        st.markdown("**Against the truth**: these surfaces come from the simulated market, whose law is known.")
        st.dataframe(recovery(result), hide_index=True)
    factor = st.segmented_control(
        "Factor",
        range(len(view.names)),
        default=0,
        format_func=lambda k: f"X{k + 1} {view.names[k]}",
        key="dynamics_factor",
    )
    with frame.errors("Choose another factor."):
        memory, fit = result.autocorrelation(factor or 0), result.fits[factor or 0]
    left, right = widths.columns(2)
    frame.picture(draw.autocorrelations, memory, fit, key="acf", where=left)
    frame.picture(draw.partial_autocorrelations, memory, key="pacf", where=right)


def returns(view: View) -> None:
    """Correlations of returns with the factors' changes, over all days and in windows."""
    result = view.result
    st.dataframe(correlations(result), hide_index=True)
    _save(result.correlation_table, "return_correlation")
    long_term = result.correlation_table()["correlation"]
    frame.picture(
        draw.rolling_correlations,
        result.dates[1:],
        result.rolling,
        view.names,
        long_term,
        window=view.config.window,
        key="rolling",
    )


def realised_and_implied(view: View) -> None:
    """Realised beside implied vol, and their ratio."""
    result = view.result
    if result.vols is None:
        return
    st.dataframe(ratios(result), hide_index=True)
    _save(result.ratio_table, "vol_ratios")
    frame.picture(draw.vol_lines, result.dates, result.vols, key="vols")
    frame.picture(draw.vol_ratios, result.dates, result.vols, key="ratios")


TABS = {
    "Average surface": average_surface,
    "Components": components,
    "Factors": factors,
    "Mean reversion": mean_reversion,
    "Returns": returns,
    "Realised and implied": realised_and_implied,
}
"""Name of a tab → what draws it."""


def command(ref: str, config: SurfaceDynamicsConfig) -> str:
    """The lines that give the page's figures again."""
    return f"""from engine import datasets
from engine.studies.surfaces import dynamics

history = datasets.load({ref!r}).data
result = dynamics.run(history, dynamics.{config!r})
for name, table in result.tables.items():
    print(name, table, sep="\\n")
"""


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
        return [
            (f"{value:.3f} ± {error:.3f}".replace("-", "−") if np.isfinite(value) else "none") + _bracket(printed)
            for value, error, printed in zipped
        ]

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


def _bracket(published: float, digits: int = 3) -> str:
    return "" if np.isnan(published) else f"  [{published:.{digits}f}]".replace("-", "−")


def _save(make: Callable[[], pd.DataFrame], name: str) -> None:
    downloads.table_buttons(make, name, key=name)
