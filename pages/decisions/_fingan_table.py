"""Table 5.2 of a Fin-GAN study beside the published figures."""

import numpy as np
import pandas as pd
import streamlit as st

from pages.decisions._fingan_view import View
from pages.ui import downloads

STATISTICS = {
    "mean_sr": "Mean SR",
    "median_sr": "Median SR",
    "portfolio_sr": "Portfolio SR",
    "mean_pnl": "Mean PnL (bp a day)",
    "median_pnl": "Median PnL (bp a day)",
    "mean_mae": "Mean MAE",
    "median_mae": "Median MAE",
    "mean_rmse": "Mean RMSE",
    "median_rmse": "Median RMSE",
    "positive": "Tickers above zero",
}


def draw(view: View) -> None:
    """The table."""
    st.markdown("**Table 5.2**, published figures beside ours")
    overview = view.table("table_5_2")
    shown = table_5_2(overview)
    st.dataframe(shown, hide_index=True, width="stretch", height="content", column_config=_formats(shown))
    downloads.table_buttons(lambda: overview, "fingan_table_5_2", key="fingan_overview")


def table_5_2(overview: pd.DataFrame) -> pd.DataFrame:
    """One row a method: value, deviation over seeds and interval of the ratios, published figures beside."""
    order = overview["method"].unique()
    wide = overview.pivot(index="method", columns="statistic").loc[order]
    made = {"Method": wide["label", "portfolio_sr"].to_numpy()}
    for name, words in STATISTICS.items():
        made[words] = wide["value", name].to_numpy()
        if name == "portfolio_sr":
            ends = {"± seeds": "sd_over_seeds", "95 % low": "low", "95 % high": "high"}
            made |= {column: wide[source, name].to_numpy() for column, source in ends.items()}
        if np.isfinite(wide["published", name]).any():
            made[f"{words}, thesis"] = wide["published", name].to_numpy()
    return pd.DataFrame(made)


def _formats(shown: pd.DataFrame) -> dict[str, object]:
    digits = {name: "%.4f" if "MAE" in name or "RMSE" in name else "%.3f" for name in shown.columns[1:]}
    digits["Tickers above zero"] = "%.1f"
    return {name: st.column_config.NumberColumn(format=form) for name, form in digits.items()}
