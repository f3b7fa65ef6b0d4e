"""What the thesis prints of Fin-GAN: Tables 5.2 and 5.3 and the figures of its text (SPEC 4).

Its data end in 2021 and are those of 22 stocks and 9 ETFs; on other data a yardstick and no target.
"""

from __future__ import annotations

STATISTICS = (
    "mean_sr",
    "median_sr",
    "portfolio_sr",
    "mean_pnl",
    "median_pnl",
    "mean_mae",
    "median_mae",
    "mean_rmse",
    "median_rmse",
)
"""Rows of Table 5.2: PnL in basis points a day, errors in return units."""

TABLE_5_2: dict[str, tuple[float, ...]] = {
    "fingan": (0.540, 0.413, 2.107, 2.978, 1.890, 0.044, 0.008, 0.049, 0.012),
    "forgan": (0.033, -0.092, 0.172, 0.25, -0.673, 0.052, 0.009, 0.056, 0.014),
    "lstm": (0.467, 0.214, 2.087, 4.123, 1.959, 0.007, 0.007, 0.012, 0.011),
    "lstm_fin": (0.341, 0.170, 0.942, 2.361, 1.735, 0.007, 0.007, 0.012, 0.011),
    "arima": (0.206, 0.204, 0.612, 2.059, 2.245, 0.007, 0.007, 0.012, 0.011),
    "long_only": (0.182, 0.194, 0.618, 2.350, 1.975, float("nan"), float("nan"), float("nan"), float("nan")),
}
"""Method → its column of Table 5.2, in the order of :data:`STATISTICS`."""

SD_PNL = {"fingan": 4.85, "forgan": 4.00, "lstm": 7.48, "lstm_fin": 7.53, "arima": 6.26, "long_only": 5.97}
"""Standard deviation over tickers of the mean daily PnL, basis points (5.6.1)."""

TABLE_5_3 = {
    "PnL": 3,
    "SR": 3,
    "PnL&MSE": 5,
    "PnL&SR": 0,
    "SR&MSE": 9,
    "PnL&MSE&SR": 4,
    "PnL&STD": 5,
    "PnL&MSE&STD": 2,
}
"""Combination → how many of the 31 tickers chose it."""

CORRELATIONS = {("BCE", "MSE"): 0.997, ("SR", "PnL&STD"): 0.335}
"""Pairs of losses → mean correlation over tickers of their PnL on the test part."""

UNIVERSAL_PORTFOLIO_SR = {"with ETF": 1.43, "without ETF": 1.18}
"""Portfolio ratio of the model pooled over the Consumer Staples sector, with and without its ETF."""


def published(method: str, statistic: str) -> float:
    """A figure of Table 5.2, NaN where the thesis has none."""
    if statistic == "sd_pnl":
        return SD_PNL.get(method, float("nan"))
    if method not in TABLE_5_2 or statistic not in STATISTICS:
        return float("nan")
    return TABLE_5_2[method][STATISTICS.index(statistic)]
