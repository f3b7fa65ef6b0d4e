"""Words and tables of the dynamics page."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from engine.charts import theme
from engine.market.grid import Floats, Grid
from engine.studies.surface_dynamics import (
    MISPRINT,
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
VIEW = "Camera of the 3-D surface."
FACTOR = "The factor whose memory is shown."

METHOD = (
    r"""
With $Y=\log\sigma$, $f_i$ the eigenvectors of the covariance of $\Delta Y$ (unit norm over the grid) and
$\tilde Y=\log\bar\sigma$ the log of the average surface (2.1–2.4):

$$
X^i_t=\langle Y_t-\tilde Y,f_i\rangle,\qquad \sigma_t=\bar\sigma\,\exp\Big(\sum_i X^i_t f_i\Big).
$$

**Signs and names.** $f_1$ is positive on average. Every other $f_i$ has a positive inner product with the shape it
resembles most: skew ($-\log m$), term structure ($\log\tau$) or curvature ($(\log m)^2$), made orthogonal in this
order. It bears that shape's name if the shape explains half of it.

**How many matter.** The eigenvalues of the correlation of $N$ independent series of length $M$ stay below
$\lambda_+=(1+\sqrt{N/M})^2$ (Marčenko and Pastur 1967).

**Mean reversion.** $dX=\lambda(\alpha-X)\,dt+\gamma\,dW$ by the generalised method of moments on

$$
E X=\alpha,\qquad \mathrm{Var}\,X=\frac{\gamma^2}{2\lambda},\qquad
\mathrm{corr}(X_t,X_{t+k\Delta})=e^{-\lambda k\Delta}.
$$

Standard errors allow for heavy tails and volatility clustering (Newey–West over a twelfth of the sample, prewhitened).
J asks whether one exponential fits the autocorrelations at all lags; a small p says no.

**Returns.** $R_t=\log(S_{t+\Delta}/S_t)$ against $X_{t+\Delta}-X_t$; the interval allows for clustering (Newey–West
over a month, on Fisher's scale). **Realised vol** is $\sqrt{252/21\sum R^2}$ over 21 days; (2.5) prints the factor
upside down.

**What can go wrong.**

* λ is estimated too high by about $4/T$ when the mean is estimated too: 0.2 a year on 22 years, 1.2 on three. Few years
  cannot tell a slow process from one that does not revert.
* Noise in daily vols is undone the next day. It raises the λ and γ fitted from lag 1, and p becomes small; set the
  shortest lag to 5.
* Published figures stand beside by rank. Where the second component is the term structure, the published one beside it
  is still the skew.
* A row counts as one day whatever the calendar says; long gaps make one large change.
* The published ratio of realised to at-the-money vol, 0.59, is low: from daily SPX and VIX closes of 2000–2021 realised
  vol over VIX is 0.79 on average (sd 0.21).
* """
    + MISPRINT
)


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


def factor_name(names: tuple[str, ...]) -> Callable[[int], str]:
    """How a picker writes a factor."""
    return lambda k: f"X{k + 1} {names[k]}"


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
