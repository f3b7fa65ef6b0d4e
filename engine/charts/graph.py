"""Pictures of how graph ensembles did: ratios, seeds, luck, cumulative PnL, spectrum, importance (thesis 6.3–6.4)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from engine.charts import theme
from engine.studies.graph.results import LABELS

ORDER = (
    "identity", "correlation", "sharpe", "pnl_threshold", "pnl_max", "pnl_based", "lasso", "ridge", "selected",
)  # fmt: skip

WEIGHTING = "Weighting (how edges are learned)"


def colour(method: str) -> str:
    """A weighting's own colour on every picture."""
    if method in ("identity", "selected"):
        return theme.RAW if method == "identity" else theme.REFERENCE
    return theme.series_colour(ORDER.index(method) if method in ORDER else len(ORDER))


def method_ratios(methods: pd.DataFrame) -> go.Figure:
    """Portfolio Sharpe ratio of every weighting with its bootstrap interval; the published one beside (Table 6.2).

    Args:
        methods: columns method, portfolio_sr, low, high, published_portfolio_sr.
    """
    shown = methods.iloc[::-1]
    names = [LABELS.get(name, name) for name in shown["method"]]
    fig = go.Figure(
        go.Scatter(
            x=theme.float32(shown["portfolio_sr"]),
            y=names,
            mode="markers",
            name="these data, 95 % block bootstrap",
            marker={"size": 11, "color": [colour(name) for name in shown["method"]]},
            error_x={
                "array": theme.float32(np.maximum(shown["high"] - shown["portfolio_sr"], 0)),
                "arrayminus": theme.float32(np.maximum(shown["portfolio_sr"] - shown["low"], 0)),
                "symmetric": False,
                "thickness": 1.5,
            },
            hovertemplate="%{y}: %{x:.2f}<extra></extra>",
        )
    )
    known = shown["published_portfolio_sr"].notna()
    fig.add_scatter(
        x=theme.float32(shown["published_portfolio_sr"][known]),
        y=[name for name, there in zip(names, known, strict=True) if there],
        mode="markers",
        name="thesis, 193 assets",
        marker={"symbol": "diamond-open", "size": 10, "color": theme.REFERENCE, "line": {"width": 2}},
        hovertemplate="%{y}, published: %{x:.2f}<extra></extra>",
    )
    fig.add_vline(x=0, line={"color": theme.GUIDE, "width": 1})
    words = ", ".join(
        f"{LABELS.get(m, m)} {r:.2f}" for m, r in zip(methods["method"], methods["portfolio_sr"], strict=True)
    )
    return theme.base_layout(
        fig,
        alt=f"Portfolio Sharpe ratio on the test part: {words}.",
        x_title="Sharpe ratio of the portfolio (a year)",
        y_title=WEIGHTING,
        height=460,
        legend=True,
    )


def gains(differences: pd.DataFrame) -> go.Figure:
    """Every weighting's portfolio ratio less identity's, both on the same resampled days."""
    shown = differences.iloc[::-1]
    fig = go.Figure(
        go.Scatter(
            x=theme.float32(shown["gain"]),
            y=[LABELS.get(name, name) for name in shown["method"]],
            mode="markers",
            marker={"size": 11, "color": [colour(name) for name in shown["method"]]},
            error_x={
                "array": theme.float32(np.maximum(shown["high"] - shown["gain"], 0)),
                "arrayminus": theme.float32(np.maximum(shown["gain"] - shown["low"], 0)),
                "symmetric": False,
                "thickness": 1.5,
            },
            customdata=theme.float32(shown["p_value"]),
            hovertemplate="%{y}: %{x:+.2f}, p = %{customdata:.2g}<extra></extra>",
        )
    )
    fig.add_vline(x=0, line={"color": theme.REFERENCE, "width": 1.5, "dash": "dot"})
    best = differences.iloc[int(differences["gain"].argmax())]
    who = LABELS.get(str(best["method"]), str(best["method"]))
    alt = f"Gain over identity; largest {best['gain']:+.2f} by {who}, p {best['p_value']:.2g}."
    return theme.base_layout(
        fig, alt=alt, x_title="Gain in Sharpe ratio over identity (95 %)", y_title=WEIGHTING, height=420, legend=False
    )


def seed_ratios(by_seed: pd.DataFrame, pooled: Mapping[str, float]) -> go.Figure:
    """Each training seed's portfolio ratio by weighting, and that of the signs averaged over seeds."""
    fig = go.Figure()
    for name in (m for m in ORDER if m in set(by_seed["method"])):
        values = by_seed[by_seed["method"] == name]
        fig.add_scatter(
            x=[LABELS[name]] * len(values),
            y=theme.float32(values["portfolio_sr"]),
            mode="markers",
            marker={"size": 8, "color": colour(name), "opacity": 0.65},
            customdata=values["seed"],
            hovertemplate="seed %{customdata}: %{y:.2f}<extra></extra>",
            showlegend=False,
        )
    fig.add_scatter(
        x=[LABELS[name] for name in ORDER if name in pooled],
        y=theme.float32([pooled[name] for name in ORDER if name in pooled]),
        mode="markers",
        name="signs averaged over seeds",
        marker={"symbol": "line-ew", "size": 26, "line": {"width": 3, "color": theme.REFERENCE}},
        hovertemplate="%{x}, all seeds: %{y:.2f}<extra></extra>",
    )
    means = by_seed.groupby("method")["portfolio_sr"].mean()
    words = ", ".join(f"{LABELS[m]} {means[m]:.2f}" for m in ORDER if m in means.index)
    alt = f"Portfolio Sharpe ratio of each seed; means {words}."
    return theme.base_layout(
        fig, alt=alt, x_title=WEIGHTING, y_title="Sharpe ratio of the portfolio (a year)", height=440, legend=True
    )


def distributions(tickers: pd.DataFrame) -> go.Figure:
    """How the ratios of the tickers are spread under every weighting (figure 6.6)."""
    fig = go.Figure()
    words = []
    for name in (m for m in ORDER if m in set(tickers["method"])):
        values = tickers[tickers["method"] == name]
        fig.add_box(
            y=theme.float32(values["sharpe"]), name=LABELS[name], text=values["ticker"], boxpoints="all", jitter=0.4,
            pointpos=0, marker={"size": 4, "color": colour(name)}, line={"width": 1},
            hovertemplate="%{text}: %{y:.2f}<extra></extra>", showlegend=False,
        )  # fmt: skip
        words.append(f"{LABELS[name]} {values['sharpe'].median():.2f}")
    alt = f"Sharpe ratios of the tickers on the test part; medians {', '.join(words)}."
    return theme.base_layout(fig, alt=alt, x_title=WEIGHTING, y_title="Sharpe ratio of a ticker (a year)", height=440)


def luck(permutation: pd.DataFrame) -> go.Figure:
    """What graphs learned from shuffled returns reach, beside the real ones and identity."""
    names = [LABELS.get(name, name) for name in permutation["method"]]
    middle = permutation["shuffled_mean"]
    fig = go.Figure(
        go.Scatter(
            x=names,
            y=theme.float32(middle),
            mode="markers",
            name="learned from shuffled returns: mean and 95 %",
            marker={"color": theme.RAW, "size": 8},
            error_y={
                "array": theme.float32(permutation["shuffled_high"] - middle),
                "arrayminus": theme.float32(middle - permutation["shuffled_low"]),
                "symmetric": False,
                "thickness": 5,
                "width": 0,
                "color": theme.with_alpha(theme.RAW, 0.6),
            },
            hovertemplate="%{x}, shuffled: %{y:.2f}<extra></extra>",
        )
    )
    fig.add_scatter(
        x=names,
        y=theme.float32(permutation["test_sr"]),
        mode="markers",
        name="learned from the returns as they were",
        marker={"size": 12, "color": [colour(name) for name in permutation["method"]]},
        customdata=theme.float32(permutation["p_value"]),
        hovertemplate="%{x}: %{y:.2f}, p = %{customdata:.2g}<extra></extra>",
    )
    level = float(permutation["identity_sr"].iloc[0])
    fig.add_hline(y=level, line={"color": theme.REFERENCE, "dash": "dot"}, annotation_text="identity")
    words = ", ".join(
        f"{n} {r:.2f} (p {p:.2g})"
        for n, r, p in zip(names, permutation["test_sr"], permutation["p_value"], strict=True)
    )
    alt = f"Ratios against graphs learned from shuffled returns: {words}; identity {level:.2f}."
    return theme.base_layout(
        fig, alt=alt, x_title=WEIGHTING, y_title="Sharpe ratio of the portfolio (a year)", height=440, legend=True
    )


def cumulative(pnl: pd.DataFrame, size: pd.DataFrame | None = None) -> go.Figure:
    """Cumulative PnL of every portfolio; with bet sizes, per unit of total bet (figures 6.9, 6.10, 6.13).

    Args:
        pnl: column date, then basis points a day of each weighting.
        size: same columns, mean |bet| of each day.
    """
    fig = go.Figure()
    days = pd.to_datetime(pnl["date"])
    names = [name for name in ORDER if name in pnl]
    words = []
    for name in names:
        total = pnl[name].to_numpy(dtype=np.float64).cumsum()
        if size is not None:
            total = total / max(float(size[name].sum()), 1e-12)
        keep = theme.thin(len(total), theme.MOST_POINTS // len(names), keep=total)
        wide = {"width": 3 if name == "selected" else 1.5, "dash": "dot" if name == "selected" else "solid"}
        fig.add_scatter(
            x=days.iloc[keep],
            y=theme.float32(total[keep]),
            mode="lines",
            name=LABELS[name],
            line={"color": colour(name), **wide},
            hovertemplate="%{x|%d %b %Y}: %{y:.1f}<extra></extra>",
        )
        words.append(f"{LABELS[name]} {total[-1]:.4g}")
    unit = "bp of the notional" if size is None else "bp per unit of bet"
    alt = f"Cumulative PnL in {unit} at the end of the test part: {', '.join(words)}."
    return theme.base_layout(
        fig, alt=alt, x_title="Trading day", y_title=f"Cumulative PnL ({unit})", height=480, legend=True
    )


def over_time(table: pd.DataFrame, y_title: str) -> go.Figure:
    """A cumulated daily series of every weighting (figure 6.11)."""
    fig = go.Figure()
    days = pd.to_datetime(table["date"])
    names = [name for name in ORDER if name in table]
    for name in names:
        total = table[name].to_numpy(dtype=np.float64).cumsum()
        keep = theme.thin(len(total), theme.MOST_POINTS // len(names))
        fig.add_scatter(
            x=days.iloc[keep], y=theme.float32(total[keep]), mode="lines", name=LABELS[name],
            line={"color": colour(name), "width": 1.5}, hovertemplate="%{x|%d %b %Y}: %{y:.1f}<extra></extra>",
        )  # fmt: skip
    ends = ", ".join(f"{LABELS[name]} {float(table[name].sum()):.1f}" for name in names)
    return theme.base_layout(
        fig, alt=f"{y_title} at the end: {ends}.", x_title="Trading day", y_title=y_title, legend=True
    )


def against(x: pd.Series, y: pd.Series, names: Sequence[str], x_title: str, y_title: str) -> go.Figure:
    """One dot a ticker (figures 6.5, 6.12, 6.14, 6.15); a dotted diagonal where both axes are ratios."""
    fig = go.Figure()
    if "ratio" in x_title and "ratio" in y_title:
        ends = [float(min(x.min(), y.min())), float(max(x.max(), y.max()))]
        fig.add_scatter(
            x=ends, y=ends, mode="lines", line={"color": theme.REFERENCE, "dash": "dot"}, hoverinfo="skip",
            showlegend=False,
        )  # fmt: skip
    fig.add_scatter(
        x=theme.float32(x), y=theme.float32(y), text=list(names),
        mode="markers+text" if len(names) <= 40 else "markers",
        textposition="top center", textfont={"size": 9}, marker={"size": 8, "color": theme.series_colour(0)},
        hovertemplate="%{text}: %{x:.2f}, %{y:.2f}<extra></extra>", showlegend=False,
    )  # fmt: skip
    both = pd.DataFrame({"x": np.asarray(x), "y": np.asarray(y)}).dropna()
    link = float(both["x"].corr(both["y"])) if len(both) > 2 else float("nan")
    above = int((both["y"] > both["x"]).sum())
    alt = f"{y_title} against {x_title} of {len(both)} tickers: correlation {link:.2f}, {above} above the diagonal."
    return theme.base_layout(fig, alt=alt, x_title=x_title, y_title=y_title, height=460)


def spectrum(values: pd.DataFrame) -> go.Figure:
    """Singular values of the weights (figure 6.18)."""
    fig = go.Figure(
        go.Scatter(
            x=values["number"], y=theme.float32(values["singular_value"]), mode="markers+lines",
            marker={"size": 7, "color": theme.series_colour(0)}, line={"width": 1, "color": theme.GUIDE},
            hovertemplate="number %{x}: %{y:.3f}<extra></extra>",
        )
    )  # fmt: skip
    first = ", ".join(f"{value:.2f}" for value in values["singular_value"].head(5))
    alt = f"Singular values of the weights, the largest {first}."
    return theme.base_layout(
        fig, alt=alt, x_title="Number (by size)", y_title="Singular value (of the weights)", height=380
    )


def node_bars(nodes: pd.DataFrame, column: str, title: str, top: int = 40) -> go.Figure:
    """The nodes with the largest of something, coloured by sector (figures 6.16, 6.17, 6.19, 6.20, Table 6.7)."""
    order = nodes[column].abs().sort_values(ascending=False).index[:top]
    shown, labels = nodes.loc[order], sorted(set(nodes["sector"]))
    fig = go.Figure()
    for place, sector in enumerate(labels):
        mine = shown[shown["sector"] == sector]
        fig.add_bar(
            x=mine["ticker"], y=theme.float32(mine[column]), name=sector, marker_color=theme.series_colour(place),
            hovertemplate="%{x}: %{y:.3g}<extra></extra>",
        )  # fmt: skip
    fig.update_xaxes(categoryorder="array", categoryarray=list(shown["ticker"]))
    words = ", ".join(f"{name} {value:.3g}" for name, value in zip(shown["ticker"][:5], shown[column][:5], strict=True))
    return theme.base_layout(
        fig, alt=f"{title}, largest: {words}.", x_title="Ticker (largest first)", y_title=title, height=380, legend=True
    )


def eta_path(table: pd.DataFrame, chosen: float | None = None) -> go.Figure:
    """LASSO's portfolio ratio over η: validation (where it was fitted), test, and published (Table 6.4)."""
    fig = go.Figure()
    for column, name, look in (
        ("validation_sr", "validation, in sample", {"color": theme.RAW, "dash": "dash"}),
        ("portfolio_sr", "test", {"color": colour("lasso")}),
    ):
        fig.add_scatter(
            x=table["eta"], y=theme.float32(table[column]), mode="lines+markers", name=name, line=look,
            customdata=table["edges"], hovertemplate="η = %{x:g}: %{y:.2f}, %{customdata} edges<extra></extra>",
        )  # fmt: skip
    known = table[table["published_portfolio_sr"].notna()]
    fig.add_scatter(
        x=known["eta"], y=theme.float32(known["published_portfolio_sr"]), mode="markers", name="thesis, 193 assets",
        marker={"symbol": "diamond-open", "size": 10, "color": theme.REFERENCE, "line": {"width": 2}},
    )  # fmt: skip
    if chosen is not None:
        fig.add_vline(x=chosen, line={"color": theme.REFERENCE, "dash": "dot"})
    fig.update_xaxes(type="log", dtick=1)
    words = ", ".join(f"η = {eta:g}: {sr:.2f}" for eta, sr in zip(table["eta"], table["portfolio_sr"], strict=True))
    return theme.base_layout(
        fig, alt=f"LASSO's portfolio ratio on the test part by η: {words}.", x_title="η (log scale)",
        y_title="Sharpe ratio of the portfolio (a year)", height=420, legend=True,
    )  # fmt: skip
