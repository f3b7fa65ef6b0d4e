"""Overview of a Fin-GAN study: the answer in five figures, its sections, and what costs leave."""

import numpy as np
import pandas as pd
import streamlit as st

from engine.charts import fingan as draw
from engine.charts import theme
from engine.decisions.forecasting import sharpe_ratio
from pages.decisions.fingan_page import View, show_table
from pages.ui import downloads, forms, frame, pictures, widths

MEASURES = {
    "sharpe": ("Sharpe ratio", draw.SHARPE, 3.0),
    "mean_pnl": ("Mean PnL", draw.PNL, 15.0),
    "mae": ("MAE", draw.ERROR, 300.0),
    "rmse": ("RMSE", draw.ERROR, 300.0),
    "overnight_sharpe": ("Sharpe ratio of the nights", draw.SHARPE, 3.0),
    "intraday_sharpe": ("Sharpe ratio of the days", draw.SHARPE, 3.0),
}
"""Figure of the ticker table → label, how it is drawn, end of its colour scale."""

PATHS = (
    "fingan_longer_ensemble", "fingan_ensemble", "forgan_ensemble", "lstm_ensemble", "lstm_fin_ensemble", "arima",
    "long_only",
)  # fmt: skip

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


def metrics(view: View) -> list[tuple[str, str, str | None, str]]:
    """The answer in five figures, each with its interval or what it is held against; the longer choice leads."""
    pairs = view.maybe("paired_longer")
    leads = "fingan_longer" if pairs is not None else "fingan"  # studies of earlier versions have the thesis's alone
    one, both = view.figure(leads, "portfolio_sr"), view.figure(f"{leads}_ensemble", "portfolio_sr")
    thesis, averaged = view.figure("fingan", "portfolio_sr"), view.figure("fingan_ensemble", "portfolio_sr")
    other = view.figure("forgan_ensemble", "portfolio_sr")
    held = (view.table("paired") if pairs is None else pairs).set_index("against")
    p = float(held.loc[view.labels["forgan_ensemble"], "p_value"])
    daily = view.table("cost_series")
    daily = daily[(daily["method"] == f"{leads}_ensemble") & (daily["rule"] == "every bet")][["gross", "traded"]].mean()
    published = "" if np.isnan(thesis["published"]) else f", thesis {thesis['published']:.2f}"
    return [
        (
            "Seeds averaged",
            f"{both['value']:.2f}",
            _interval(both),
            "Sharpe ratio of the equally weighted portfolio on the test part, bets averaged over the seeds, each "
            "network's loss chosen on the validation part and the last five years of training together (the longer "
            "choice); 95 % interval of resampled days.",
        ),
        (
            "One seed",
            f"{one['value']:.2f}",
            "one seed" if np.isnan(one["sd_over_seeds"]) else f"± {one['sd_over_seeds']:.2f}",
            "The same of a single seed: mean and deviation over seeds.",
        ),
        (
            "As published",
            f"{averaged['value']:.2f}",
            f"one seed {thesis['value']:.2f}{published}",
            "The thesis's choice of the loss, on the validation part alone: seeds averaged, one seed, and what the "
            "thesis prints. On other tickers this level did not come back: see the report.",
        ),
        (
            "ForGAN",
            f"{other['value']:.2f}",
            f"{'behind' if other['value'] < both['value'] else 'ahead'}: p = {p:.2g}",
            "Seeds averaged: the same networks without economic terms; one-sided p that Fin-GAN by the longer choice "
            "is no better, days resampled.",
        ),
        (
            "Break-even cost",
            f"{daily['gross'] / daily['traded']:.2f} bp",
            f"trades {daily['traded']:.2f} a day",
            "Cost of a unit traded, one way, at which nothing is left; traded in units of the notional.",
        ),
    ]


def _interval(row: pd.Series) -> str:
    return f"{row['low']:.2f} to {row['high']:.2f}"


def show(view: View) -> None:
    """The seeds at first sight, then the section that is asked for."""
    st.markdown("**Portfolio Sharpe ratio**: one dot a seed, bars the 95 % interval of the days, diamonds as published")
    overview, seeds = view.table("table_5_2"), view.table("seeds")
    frame.chart(pictures.of(draw.seeds, seeds, overview, dark=frame.is_dark()), key="fingan_seeds", height=460)
    section = forms.section(SECTIONS, key="fingan_section")
    SECTIONS[section](view)


def _table_5_2(view: View) -> None:
    """The table, published figures beside ours."""
    st.markdown("**Table 5.2**, published figures beside ours")
    overview = view.table("table_5_2")
    shown = table_5_2(overview)
    digits = {name: "%.4f" if "MAE" in name or "RMSE" in name else "%.3f" for name in shown.columns[1:]}
    digits["Tickers above zero"] = "%.1f"
    formats = {name: st.column_config.NumberColumn(format=form) for name, form in digits.items()}
    st.dataframe(shown, hide_index=True, width="stretch", height="content", column_config=formats)
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


def _differences(view: View) -> None:
    st.markdown("**Is the difference real?** Portfolio ratios on the same resampled days; p is one-sided")
    for name in ("paired_longer", "paired"):
        pairs = view.maybe(name)
        if pairs is not None:  # studies of earlier versions have no longer choice
            show_table(pairs.assign(p_value=pairs["p_value"].map(theme.significant)))
    st.markdown("**How sure is one ratio?** Lo's interval, days allowed to depend on one another; probability of skill")
    show_table(view.table("sharpe_errors").drop(columns="method"))


def _paths(view: View) -> None:
    daily = view.table("figure_5_9_portfolio")
    pnl = {name: daily[name] for name in PATHS if name in daily}
    st.markdown("**Cumulative PnL of the portfolio** (Figure 5.9)")
    losses = list(view.combinations) if st.toggle("Each loss alone, dashed", key="fingan_losses") else []
    labels = view.labels | view.combinations
    pnl |= {name: view.table("figure_5_9_losses")[name] for name in losses}
    days = pd.to_datetime(daily["date"])
    picture = frame.picture(draw.cumulative, days, pnl, labels, dashed=losses, key="fingan_paths")
    downloads.table_buttons(lambda: daily, "fingan_portfolio_pnl", key="fingan_paths_table", figure=picture)


def _halves(view: View) -> None:
    st.markdown("**Nights and days** (portfolio, averaged over seeds)")
    show_table(view.table("halves").drop(columns="method"))


def _tickers(view: View) -> None:
    st.markdown("**Every ticker and method** (Figures 5.6, 5.7, 5.10, 5.11), averaged over seeds")
    measure = st.selectbox(
        "Figure", list(MEASURES), format_func=lambda name: MEASURES[name][0], key="fingan_measure", width=320
    )
    found = view.table("figure_5_6_by_ticker")
    _, quantity, limit = MEASURES[measure]
    values = found.pivot_table(index="ticker", columns="method", values=measure, aggfunc="mean", sort=False)
    values = values[[name for name in view.labels if name in values]].rename(columns=view.labels)
    picture = frame.picture(
        draw.matrix, values, quantity, x_title="Method (of forecasting)", limit=limit, key="fingan_tickers"
    )
    downloads.table_buttons(lambda: found, "fingan_by_ticker", key="fingan_by_ticker", figure=picture)


def costs(view: View) -> None:
    """What costs leave, at any cost, under any no-trade rule."""
    series, table, labels = view.table("cost_series"), view.table("costs"), view.labels
    left, right = widths.columns(2)
    cost = left.slider("Cost (bp of what is traded, one way)", 0.0, 5.0, 0.5, 0.05, key="fingan_cost")
    rule = right.selectbox("No-trade rule", list(series["rule"].unique()), key="fingan_rule")
    grid = np.linspace(0, 5, 51)
    curves, net = {}, {}
    days = pd.to_datetime(series["date"].unique())
    for name, own in series[series["rule"] == rule].groupby("method", sort=False):
        gross, moved = own["gross"].to_numpy(), own["traded"].to_numpy()
        curves[name] = np.array([float(sharpe_ratio(gross - c * moved)) for c in grid])
        net[name] = gross - cost * moved
    frame.picture(draw.net_ratios, grid, curves, labels, cost, key="fingan_net")
    st.markdown(f"**Cumulative PnL after costs of {cost:g} bp**")
    frame.picture(draw.cumulative, days, net, labels, key="fingan_net_paths")
    st.markdown("**Rules chosen on the validation part**, net ratios on the test part with 95 % intervals")
    show_table(table.drop(columns="method"))
    downloads.table_buttons(lambda: table, "fingan_costs", key="fingan_costs")


SECTIONS = {
    "Table 5.2": _table_5_2,
    "Differences": _differences,
    "Paths": _paths,
    "Tickers": _tickers,
    "Nights and days": _halves,
}
"""What is shown below the seeds, one at a time."""
